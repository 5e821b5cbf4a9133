/**
 * Bootstrap over videos of all metrics of many runs at once. A class metric is a function of the confusion counts, and those
 * of a resample are the sum of its videos' counts; MAE and r likewise of sums. So a resample costs videos, not utterances.
 */
import type { Rng } from "../core/rng";
import { MetricError } from "../core/errors";
import { bootstrapGroups, type PairedBootstrap } from "./intervals";
import { decisionsOf, meanOfParts, type Measure, type Part, type ScoreInput } from "./scores";
import { mean, type Numbers } from "./vectors";

/** A metric as a function of the groups drawn (numbers from 0, with repetitions). */
export type GroupStatistic = (drawn: Int32Array) => number | null;

/**
 * Every metric of a run as a function of the videos drawn.
 * @param groups  video of each unit, numbered from 0 without gaps (`groupsOf`, `groupsOfOffsets`)
 */
export function groupStatistics(input: ScoreInput, groups: Numbers): Map<string, GroupStatistic> {
  if (groups.length !== input.predictions.units)
    throw new MetricError(
      `groupStatistics: expected a video for each of ${input.predictions.units} units, found ${groups.length}.`,
    );
  const count = 1 + Array.from(groups).reduce((a, b) => Math.max(a, b), -1);
  return new Map(
    decisionsOf(input).map(({ name, measure, parts }) => {
      const tables = parts.map((part) => tableOf(part, measure, groups, count));
      return [name, (drawn) => meanOfParts(tables.map(({ width, sums, value }) => value(added(sums, width, drawn))))];
    }),
  );
}

/** Additive numbers of each group, [count, width], and the measure as a function of their sum. */
interface GroupTable {
  readonly width: number;
  readonly sums: Float64Array;
  readonly value: (sums: Float64Array) => number | null;
}

function added(sums: Float64Array, width: number, drawn: Int32Array): Float64Array {
  const total = new Float64Array(width);
  for (let i = 0; i < drawn.length; i++)
    for (let j = 0, at = drawn[i] * width; j < width; j++) total[j] += sums[at + j];
  return total;
}

function tableOf({ truth, guess, units }: Part, measure: Measure, groups: Numbers, count: number): GroupTable {
  const groupOf = (i: number) => groups[units ? units[i] : i];
  const table = (
    width: number,
    value: GroupTable["value"],
    add: (sums: Float64Array, at: number, i: number) => void,
  ) => {
    const sums = new Float64Array(count * width);
    for (let i = 0; i < truth.length; i++) add(sums, groupOf(i) * width, i);
    return { width, sums, value };
  };
  if (measure === "mae")
    return table(2, ([error, n]) => (n ? error / n : null), (sums, at, i) => {
      sums[at] += Math.abs(truth[i] - guess[i]);
      sums[at + 1]++;
    }); // prettier-ignore
  if (measure === "pearson") {
    // Around the means of all units, so that the sums of squares lose no digits.
    const ma = mean(truth);
    const mb = mean(guess);
    return table(6, pearsonOfSums, (sums, at, i) => {
      const a = truth[i] - ma;
      const b = guess[i] - mb;
      [1, a, b, a * a, b * b, a * b].forEach((term, j) => (sums[at + j] += term));
    });
  }
  const labels = [...new Set([...Array.from(truth), ...Array.from(guess)])].sort((a, b) => a - b);
  const place = new Map(labels.map((label, i) => [label, i]));
  const k = labels.length;
  const positive = labels.indexOf(1);
  return table(k * k, (counts) => measureOfCounts(counts, k, measure, positive), (sums, at, i) => {
    sums[at + place.get(truth[i])! * k + place.get(guess[i])!]++;
  }); // prettier-ignore
}

function pearsonOfSums([n, a, b, aa, bb, ab]: Float64Array): number | null {
  if (n < 2) return null;
  const va = aa - (a * a) / n;
  const vb = bb - (b * b) / n;
  // A resample of one value many times over has no variance but for rounding.
  if (va <= 1e-12 * aa || vb <= 1e-12 * bb) return null;
  return Math.max(-1, Math.min(1, (ab - (a * b) / n) / Math.sqrt(va * vb)));
}

/** @param counts  confusion counts, truth by guess, [k, k] */
function measureOfCounts(counts: Float64Array, k: number, measure: Measure, positive: number): number | null {
  const support = new Float64Array(k);
  const guessed = new Float64Array(k);
  let n = 0;
  let right = 0;
  for (let t = 0; t < k; t++)
    for (let g = 0; g < k; g++) {
      const c = counts[t * k + g];
      support[t] += c;
      guessed[g] += c;
      n += c;
      if (t === g) right += c;
    }
  if (!n) return null;
  const f1 = (c: number) => (counts[c * k + c] ? (2 * counts[c * k + c]) / (support[c] + guessed[c]) : 0);
  const recall = (c: number) => counts[c * k + c] / support[c];
  let total = 0;
  let present = 0;
  switch (measure) {
    case "accuracy":
      return right / n;
    case "weightedF1":
      for (let c = 0; c < k; c++) total += f1(c) * support[c];
      return total / n;
    case "macroF1":
      for (let c = 0; c < k; c++)
        if (support[c] || guessed[c]) {
          total += f1(c);
          present++;
        }
      return total / present;
    case "binaryF1":
      return positive < 0 ? 0 : f1(positive);
    default: // weightedAccuracy: the mean of both recalls
      return k === 2 && support[0] && support[1] ? (recall(0) + recall(1)) / 2 : null;
  }
}

export interface VideoBootstrapOptions {
  readonly rng: Rng;
  readonly resamples?: number;
  readonly level?: number;
  /** Only these metrics; all by default. */
  readonly metrics?: readonly string[];
}

/** Mean of a metric over runs as a function of the videos drawn; null where one run does not define it. */
const overRuns = (runs: readonly Map<string, GroupStatistic>[], metric: string): GroupStatistic => {
  const statistics = runs.map((run) => run.get(metric));
  return (drawn) => meanOfParts(statistics.map((statistic) => statistic?.(drawn) ?? null));
};

const groupCount = (groups: Numbers) => new Set(Array.from(groups)).size;

/** For each metric, the interval over videos of its mean over the runs (of one cell, by seed). */
export function videoIntervals(
  runs: readonly ScoreInput[],
  groups: Numbers,
  { metrics, rng, ...options }: VideoBootstrapOptions,
): Record<string, PairedBootstrap> {
  if (!runs.length) return {};
  const statistics = runs.map((run) => groupStatistics(run, groups));
  const names = [...statistics[0].keys()].filter((name) => !metrics || metrics.includes(name));
  // The same videos are drawn for every metric.
  return Object.fromEntries(
    names.map((name) => [
      name,
      bootstrapGroups(groupCount(groups), overRuns(statistics, name), { ...options, rng: rng.stream("videos") }),
    ]),
  );
}

/** For each metric, the bootstrap over videos of the first system's mean minus the second's. */
export function pairedVideoBootstrap(
  first: readonly ScoreInput[],
  second: readonly ScoreInput[],
  groups: Numbers,
  { metrics, rng, ...options }: VideoBootstrapOptions,
): Record<string, PairedBootstrap> {
  if (!first.length || !second.length) return {};
  const [a, b] = [first, second].map((runs) => runs.map((run) => groupStatistics(run, groups)));
  const names = [...a[0].keys()].filter((name) => b[0].has(name) && (!metrics || metrics.includes(name)));
  return Object.fromEntries(
    names.map((name) => {
      const [x, y] = [overRuns(a, name), overRuns(b, name)];
      const difference: GroupStatistic = (drawn) => {
        const [u, v] = [x(drawn), y(drawn)];
        return u === null || v === null ? null : u - v;
      };
      return [name, bootstrapGroups(groupCount(groups), difference, { ...options, rng: rng.stream("videos") })];
    }),
  );
}
