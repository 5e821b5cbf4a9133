/** What stored predictions add to scores: intervals over videos, and paired evidence of one system against another. */
import type { RunRecord } from "../../lib/core/record";
import { Rng } from "../../lib/core/rng";
import { cellName, type Cell } from "../../lib/core/suite";
import { modalitiesName, taskName, type Dataset, type Predictions, type Split, type Task } from "../../lib/core/types";
import { targetsOf } from "../../lib/data";
import {
  accuracy,
  argmaxRows,
  bootstrapVideos,
  emotionScores,
  groupsOf,
  mae,
  mcnemar,
  pairedBootstrap,
  pearson,
  weightedF1,
  type Interval,
  type Numbers,
} from "../../lib/metrics";
import type { PairEvidence } from "../../lib/report/compare";
import { readPredictions } from "../../lib/training";

const resamples = 500;

/** A metric of some test units; null where they do not define it. */
type Statistic = (units: Int32Array) => number | null;

const take = (values: Numbers, units: Int32Array, width = 1): Float64Array => {
  const out = new Float64Array(units.length * width);
  for (let i = 0; i < units.length; i++)
    for (let k = 0; k < width; k++) out[i * width + k] = values[units[i] * width + k];
  return out;
};

interface Truth {
  readonly task: Task;
  readonly targets: Numbers;
  readonly intensity?: Numbers;
  readonly thresholds?: Readonly<Record<string, number>>;
}

/** The statistic behind a metric's name, of one run's predictions; undefined for metrics that are not resampled. */
function statisticOf(
  metric: string,
  { task, targets, intensity, thresholds }: Truth,
  p: Predictions,
): Statistic | undefined {
  if (task.kind === "classes") {
    const guess = argmaxRows(p.values, p.outputs);
    const of = metric === `A${task.classes}` ? accuracy : metric === "F1" ? weightedF1 : undefined;
    return of && ((units) => of(take(targets, units), take(guess, units)));
  }
  if (task.kind === "intensity") {
    if (!intensity || (metric !== "MAE" && metric !== "r")) return undefined;
    const of = metric === "MAE" ? mae : pearson;
    return (units) => of(take(intensity, units), take(p.values, units));
  }
  if ((metric !== "F1" && metric !== "W-Acc") || !thresholds) return undefined;
  return (units) => {
    const scores = emotionScores(take(targets, units, 6), take(p.values, units, 6), thresholds[metric]);
    return metric === "F1" ? scores.meanF1 : scores.meanWAcc;
  };
}

/** The video of each test unit, as a number. */
export function videoGroups(dataset: Dataset): Int32Array {
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
  readonly runs: readonly { readonly seed: number; readonly record: RunRecord; readonly predictions: Predictions }[];
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
    runs: mine.map((record) => ({ seed: record.seed, record, predictions: readPredictions(dir, record).test })),
  };
}

function statistics(metric: string, evidence: CellEvidence, dataset: Dataset): (Statistic | undefined)[] {
  const { task } = evidence.cell;
  const targets = targetsOf(dataset, dataset.test, task).values;
  const { intensity } = dataset.test.labels;
  return evidence.runs.map(({ record, predictions }) =>
    statisticOf(metric, { task, targets, intensity, thresholds: record.chosen?.thresholds }, predictions),
  );
}

const meanOf = (of: readonly (Statistic | undefined)[]): Statistic | undefined => {
  const all = of.filter((s): s is Statistic => s !== undefined);
  if (!all.length || all.length < of.length) return undefined;
  return (units) => {
    let total = 0;
    for (const statistic of all) {
      const value = statistic(units);
      if (value === null) return null;
      total += value;
    }
    return total / all.length;
  };
};

/** Intervals over videos of the mean over seeds, by metric. */
export function videoIntervals(evidence: CellEvidence, dataset: Dataset): Record<string, Interval> {
  const found: Record<string, Interval> = {};
  const groups = videoGroups(dataset);
  for (const { name: metric } of evidence.cell.metrics) {
    const statistic = meanOf(statistics(metric, evidence, dataset));
    if (!statistic) continue;
    const rng = new Rng(0, `report/${evidence.name}/${metric}`);
    const { interval } = bootstrapVideos(groups, statistic, { rng, resamples });
    if (interval) found[metric] = interval;
  }
  return found;
}

/** One cell against another on the same test units: bootstrap of the difference of means, McNemar of the first common seed. */
export function pairEvidence(first: CellEvidence, second: CellEvidence, dataset: Dataset): PairEvidence[] {
  const seeds = first.runs.map((r) => r.seed).filter((seed) => second.runs.some((r) => r.seed === seed));
  if (!seeds.length) return [];
  const common = (e: CellEvidence) => ({ ...e, runs: e.runs.filter((r) => seeds.includes(r.seed)) });
  const [a, b] = [common(first), common(second)];
  const groups = videoGroups(dataset);
  return first.cell.metrics.flatMap(({ name: metric }): PairEvidence[] => {
    if (!second.cell.metrics.some((m) => m.name === metric)) return [];
    const [x, y] = [meanOf(statistics(metric, a, dataset)), meanOf(statistics(metric, b, dataset))];
    if (!x || !y) return [];
    const difference: Statistic = (units) => {
      const [u, v] = [x(units), y(units)];
      return u === null || v === null ? null : u - v;
    };
    const rng = new Rng(0, `report/${first.name}/${second.name}/${metric}`);
    const { interval, p } = pairedBootstrap(groups, difference, { rng, resamples });
    const { task } = first.cell;
    const truth = targetsOf(dataset, dataset.test, task).values;
    const guess = ({ predictions }: CellEvidence["runs"][number]) =>
      argmaxRows(predictions.values, predictions.outputs);
    return [
      {
        first: first.name,
        second: second.name,
        metric,
        ...(interval && p !== null && { bootstrap: { low: interval.low, high: interval.high, p } }),
        ...(task.kind === "classes" &&
          /^A\d$/.test(metric) && { mcnemarP: mcnemar(truth, guess(a.runs[0]), guess(b.runs[0])).p }),
      },
    ];
  });
}

/** Cells that may be compared: the same data, features, task and protocol. */
export const comparisonKey = ({ dataset, features, task, protocol }: Cell): string =>
  `${dataset}/${features}/${taskName(task)}/${protocol}`;

export const cellLabel = ({ system, modalities }: Cell): string => `${system} ${modalitiesName(modalities)}`;
