/** What stored predictions add to scores: intervals over the test set, and paired evidence of one system against another. */
import type { RunRecord } from "../../lib/core/record";
import { Rng } from "../../lib/core/rng";
import { cellName, type Cell } from "../../lib/core/suite";
import { taskName, type Dataset, type Predictions } from "../../lib/core/types";
import { targetsOf } from "../../lib/data";
import {
  argmaxRows,
  groupsOf,
  mcnemar,
  pairedVideoBootstrap,
  videoIntervals,
  type ScoreInput,
  type Thresholds,
} from "../../lib/metrics";
import type { PairEvidence } from "../../lib/report/compare";
import { chooseRuns, type Drawn, type ResampledInterval } from "../../lib/report/verdict";
import { readPredictions, scoreInput } from "../../lib/training";

const resamples = 1000;

/**
 * What a bootstrap over the test set draws, and which one each test unit belongs to, as a number: videos, or the samples
 * themselves where nobody knows their videos. A sequence with a label a row is a video.
 */
export function groupsDrawn({ test, level }: Dataset): { readonly drawn: Drawn; readonly groups: Int32Array } {
  const names = test.videos ?? test.ids;
  if (level === "sequence") return { drawn: test.videos ? "videos" : "samples", groups: groupsOf(names) };
  const ofRows = names.flatMap((name, s) => Array<string>(test.offsets[s + 1] - test.offsets[s]).fill(name));
  return { drawn: "videos", groups: groupsOf(ofRows) };
}

/** Predictions of a cell's runs with what they are scored against. */
export interface CellEvidence {
  readonly cell: Cell;
  readonly name: string;
  /** By seed. */
  readonly runs: readonly { readonly record: RunRecord; readonly predictions: Predictions }[];
}

/** Reads the test predictions of the finished runs that a cell's mean is over; of none if they had other data than what is here. */
export function evidenceOf(dir: string, cell: Cell, records: readonly RunRecord[], dataset: Dataset): CellEvidence {
  const name = cellName(cell);
  const { chosen } = chooseRuns(records.filter((r) => r.cell === name));
  const mine = chosen.filter((r) => r.status === "ok" && r.dataHash === dataset.hash);
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

/** Intervals over the test set of the mean over seeds, by metric. */
export function cellIntervals(evidence: CellEvidence, dataset: Dataset): Record<string, ResampledInterval> {
  const { drawn, groups } = groupsDrawn(dataset);
  const rng = new Rng(0, `report/${evidence.name}`);
  const options = { rng, resamples, metrics: metricsOf(evidence) };
  const found = videoIntervals(inputsOf(evidence, dataset), groups, options);
  return Object.fromEntries(
    Object.entries(found).flatMap(([metric, { interval }]) => (interval ? [[metric, { ...interval, drawn }]] : [])),
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
  const { drawn, groups } = groupsDrawn(dataset);
  const found = pairedVideoBootstrap(inputsOf(a, dataset), inputsOf(b, dataset), groups, options);
  const { task } = first.cell;
  const truth = targetsOf(dataset, dataset.test, task).values;
  const guess = ({ runs: [{ predictions }] }: CellEvidence) => argmaxRows(predictions.values, predictions.outputs);
  return Object.entries(found).map(([metric, { interval, p }]) => ({
    first: first.name,
    second: second.name,
    metric,
    ...(interval && p !== null && { bootstrap: { low: interval.low, high: interval.high, p, drawn } }),
    ...(task.kind === "classes" && /^A\d$/.test(metric) && { mcnemarP: mcnemar(truth, guess(a), guess(b)).p }),
  }));
}

/** Cells that may be compared: the same data, features, task and protocol. */
export const comparisonKey = ({ dataset, features, task, protocol }: Cell): string =>
  `${dataset}/${features}/${taskName(task)}/${protocol}`;
