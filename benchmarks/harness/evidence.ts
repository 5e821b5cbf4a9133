/** What stored predictions add to scores: intervals over videos, and paired evidence of one system against another. */
import type { RunRecord } from "../../lib/core/record";
import { Rng } from "../../lib/core/rng";
import { cellName, type Cell } from "../../lib/core/suite";
import { taskName, type Dataset, type Predictions, type Split } from "../../lib/core/types";
import { targetsOf } from "../../lib/data";
import {
  argmaxRows,
  groupsOf,
  mcnemar,
  pairedVideoBootstrap,
  videoIntervals,
  type Interval,
  type ScoreInput,
  type Thresholds,
} from "../../lib/metrics";
import type { PairEvidence } from "../../lib/report/compare";
import { readPredictions, scoreInput } from "../../lib/training";

const resamples = 1000;

/** The video of each test unit, as a number. */
function videoGroups(dataset: Dataset): Int32Array {
  const { test, level } = dataset;
  const names = videosOf(test);
  if (level === "sequence") return groupsOf(names);
  return groupsOf(names.flatMap((name, s) => Array<string>(test.offsets[s + 1] - test.offsets[s]).fill(name)));
}

const videosOf = (split: Split): readonly string[] => split.videos ?? split.ids;

/** Predictions of a cell's runs with what they are scored against. */
export interface CellEvidence {
  readonly cell: Cell;
  readonly name: string;
  /** By seed. */
  readonly runs: readonly { readonly record: RunRecord; readonly predictions: Predictions }[];
}

/** Reads the test predictions of a cell's finished runs on the data set that is here. */
export function evidenceOf(dir: string, cell: Cell, records: readonly RunRecord[], dataset: Dataset): CellEvidence {
  const name = cellName(cell);
  const mine = records
    .filter((r) => r.cell === name && r.status === "ok" && r.trial === undefined && r.dataHash === dataset.hash)
    .sort((a, b) => a.seed - b.seed);
  return {
    cell,
    name,
    runs: mine.map((record) => ({ record, predictions: readPredictions(dir, record).test })),
  };
}

/** What the runs of a cell are scored by, in their order. */
function inputsOf({ cell, runs }: CellEvidence, dataset: Dataset): ScoreInput[] {
  const { test } = dataset;
  const targets = targetsOf(dataset, test, cell.task);
  return runs.map(({ record, predictions }) =>
    scoreInput(dataset, test, targets, cell.task, predictions, record.chosen?.thresholds as Thresholds | undefined),
  );
}

const metricsOf = ({ cell }: CellEvidence): string[] => cell.metrics.map(({ name }) => name);

/** Intervals over videos of the mean over seeds, by metric. */
export function cellIntervals(evidence: CellEvidence, dataset: Dataset): Record<string, Interval> {
  const rng = new Rng(0, `report/${evidence.name}`);
  const options = { rng, resamples, metrics: metricsOf(evidence) };
  const found = videoIntervals(inputsOf(evidence, dataset), videoGroups(dataset), options);
  return Object.fromEntries(
    Object.entries(found).flatMap(([metric, { interval }]) => (interval ? [[metric, interval]] : [])),
  );
}

/** One cell against another on the same test units: bootstrap of the difference of means, McNemar of the first common seed. */
export function pairEvidence(first: CellEvidence, second: CellEvidence, dataset: Dataset): PairEvidence[] {
  const common = (of: CellEvidence, other: CellEvidence): CellEvidence => ({
    ...of,
    runs: of.runs.filter(({ record }) => other.runs.some((run) => run.record.seed === record.seed)),
  });
  const [a, b] = [common(first, second), common(second, first)];
  if (!a.runs.length) return [];
  const rng = new Rng(0, `report/${first.name}/${second.name}`);
  const metrics = metricsOf(first).filter((name) => metricsOf(second).includes(name));
  const options = { rng, resamples, metrics };
  const found = pairedVideoBootstrap(inputsOf(a, dataset), inputsOf(b, dataset), videoGroups(dataset), options);
  const { task } = first.cell;
  const truth = targetsOf(dataset, dataset.test, task).values;
  const guess = ({ runs: [{ predictions }] }: CellEvidence) => argmaxRows(predictions.values, predictions.outputs);
  return Object.entries(found).map(([metric, { interval, p }]) => ({
    first: first.name,
    second: second.name,
    metric,
    ...(interval && p !== null && { bootstrap: { low: interval.low, high: interval.high, p } }),
    ...(task.kind === "classes" && /^A\d$/.test(metric) && { mcnemarP: mcnemar(truth, guess(a), guess(b)).p }),
  }));
}

/** Cells that may be compared: the same data, features, task and protocol. */
export const comparisonKey = ({ dataset, features, task, protocol }: Cell): string =>
  `${dataset}/${features}/${taskName(task)}/${protocol}`;
