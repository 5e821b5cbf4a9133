/** Intervals: over seeds (what another training run gives) and over videos (what another test set gives). */
import tQuantile from "@stdlib/stats-base-dists-t-quantile";
import { MetricError } from "../core/errors";
import { Rng } from "../core/rng";
import { checkFraction, checkLength, mean, sd, sortedQuantile, type Numbers } from "./vectors";

export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly level: number;
}

export interface SeedSummary {
  readonly n: number;
  readonly mean: number;
  /** Sample sd; null for one seed. */
  readonly sd: number | null;
  /** t interval of the mean; null for one seed. */
  readonly interval: Interval | null;
  readonly min: number;
  readonly max: number;
}

/** Mean, sd and t interval over seeds. */
export function overSeeds(values: Numbers, level = 0.95): SeedSummary {
  checkLength(values, "overSeeds");
  checkFraction(level, "level", "overSeeds");
  const n = values.length;
  const list = Array.from(values);
  const m = mean(values);
  const s = n > 1 ? sd(values) : null;
  const half = s === null ? 0 : (tQuantile((1 + level) / 2, n - 1) * s) / Math.sqrt(n);
  return {
    n,
    mean: m,
    sd: s,
    interval: s === null ? null : { low: m - half, high: m + half, level },
    min: Math.min(...list),
    max: Math.max(...list),
  };
}

/** Number of each unit's group (video), from 0 in order of appearance. */
export function groupsOf(names: readonly string[]): Int32Array {
  const known = new Map<string, number>();
  return Int32Array.from(names, (name) => {
    if (!known.has(name)) known.set(name, known.size);
    return known.get(name)!;
  });
}

/** Number of each row's sequence: the groups of a packed per-row split whose sequences are videos. */
export function groupsOfOffsets(offsets: Numbers): Int32Array {
  const groups = new Int32Array(offsets[offsets.length - 1] ?? 0);
  for (let i = 0; i + 1 < offsets.length; i++) groups.fill(i, offsets[i], offsets[i + 1]);
  return groups;
}

export interface Bootstrap {
  readonly estimate: number | null;
  /** Percentile interval. null where the statistic is undefined in more than one resample of ten. */
  readonly interval: Interval | null;
  readonly resamples: number;
  /** Resamples in which the statistic was undefined (r of a constant); left out of the interval. */
  readonly undefinedResamples: number;
}

export interface BootstrapOptions {
  readonly rng: Rng;
  readonly resamples?: number;
  readonly level?: number;
}

/** Units of each group. */
function membersOf(groups: Numbers): number[][] {
  checkLength(groups, "bootstrap");
  const members = new Map<number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const list = members.get(groups[i]);
    if (list) list.push(i);
    else members.set(groups[i], [i]);
  }
  return [...members.values()];
}

/** The statistic over units as one over groups drawn. */
function overGroups(groups: Numbers, statistic: (units: Int32Array) => number | null) {
  const members = membersOf(groups);
  return {
    count: members.length,
    statistic: (drawn: Int32Array) => statistic(Int32Array.from(Array.from(drawn).flatMap((g) => members[g]))),
  };
}

/**
 * Bootstrap over videos: whole videos are drawn with replacement, since utterances of a video are not independent.
 * @param groups  video of each unit, [n] (`groupsOf`, `groupsOfOffsets`)
 * @param statistic  of the units listed (with repetitions); null where they do not define it
 */
export function bootstrapVideos(
  groups: Numbers,
  statistic: (units: Int32Array) => number | null,
  options: BootstrapOptions,
): Bootstrap {
  const by = overGroups(groups, statistic);
  const { estimate, interval, resamples, undefinedResamples } = bootstrapGroups(by.count, by.statistic, options);
  return { estimate, interval, resamples, undefinedResamples };
}

/**
 * The same for a statistic that knows its groups: it is given the numbers of the groups drawn, `count` of them.
 * All groups in order give the estimate.
 */
export function bootstrapGroups(
  count: number,
  statistic: (drawn: Int32Array) => number | null,
  { rng, resamples = 2000, level = 0.95 }: BootstrapOptions,
): PairedBootstrap {
  checkFraction(level, "level", "bootstrap");
  if (!(resamples >= 1)) throw new MetricError(`bootstrap: expected at least 1 resample, found ${resamples}.`);
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const value = statistic(Int32Array.from({ length: count }, () => rng.integer(count)));
    if (value !== null) values.push(value);
  }
  const undefinedResamples = resamples - values.length;
  const estimate = statistic(Int32Array.from({ length: count }, (_, i) => i));
  if (undefinedResamples * 10 > resamples) return { estimate, interval: null, resamples, undefinedResamples, p: null };
  const sorted = Float64Array.from(values).sort();
  const interval = {
    low: sortedQuantile(sorted, (1 - level) / 2),
    high: sortedQuantile(sorted, (1 + level) / 2),
    level,
  };
  const smaller = Math.min(values.filter((v) => v <= 0).length, values.filter((v) => v >= 0).length);
  return {
    estimate,
    interval,
    resamples,
    undefinedResamples,
    p: Math.min(1, (2 * (smaller + 1)) / (values.length + 1)),
  };
}

export interface PairedBootstrap extends Bootstrap {
  /** Of a difference of 0, two-sided: twice the smaller share of resamples on either side of 0 (counting the observed one), at most 1. */
  readonly p: number | null;
}

/** Bootstrap over videos of a difference between two systems on the same units. `statistic` returns first minus second. */
export function pairedBootstrap(
  groups: Numbers,
  statistic: (units: Int32Array) => number | null,
  options: BootstrapOptions,
): PairedBootstrap {
  const by = overGroups(groups, statistic);
  return bootstrapGroups(by.count, by.statistic, options);
}
