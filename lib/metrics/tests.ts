/**
 * Tests of differences. `a` and `b` are paired: entry i of both comes from the same seed (or video, or utterance).
 * The t and Wilcoxon distributions, Holm's correction: @stdlib. (simple-statistics' tTest divides by n, wrong for pairs.)
 */
import normalCdf from "@stdlib/stats-base-dists-normal-cdf";
import tCdf from "@stdlib/stats-base-dists-t-cdf";
import tQuantile from "@stdlib/stats-base-dists-t-quantile";
import padjust from "@stdlib/stats-padjust";
import wilcoxonTest from "@stdlib/stats-wilcoxon";
import { MetricError } from "../core/errors";
import { checkFraction, checkLength, checkPair, differences, mean, sd, type Numbers } from "./vectors";

export interface TTest {
  /** Mean (difference). */
  readonly mean: number;
  readonly sd: number;
  readonly n: number;
  readonly t: number;
  readonly df: number;
  /** Two-sided. */
  readonly p: number;
  readonly pGreater: number;
  readonly pLess: number;
  /** Interval of the mean at `level`. */
  readonly low: number;
  readonly high: number;
}

/** One-sample t-test of mean = mu. null where all values equal mu: nothing varies and nothing differs. */
export function oneSampleT(values: Numbers, mu = 0, level = 0.95): TTest | null {
  checkLength(values, "oneSampleT", 2);
  checkFraction(level, "level", "oneSampleT");
  const n = values.length;
  const df = n - 1;
  const m = mean(values);
  const s = sd(values);
  if (s === 0 && values[0] === mu) return null;
  const se = s / Math.sqrt(n);
  const t = (m - mu) / se; // infinite where all values are the same: p = 0
  const half = tQuantile((1 + level) / 2, df) * se;
  return {
    mean: m,
    sd: s,
    n,
    t,
    df,
    p: tTwoSided(t, df),
    pGreater: tDistribution(-t, df),
    pLess: tDistribution(t, df),
    low: m - half,
    high: m + half,
  };
}

/** P(T <= t) of Student's t, also at infinity. */
const tDistribution = (t: number, df: number) => (Number.isFinite(t) ? tCdf(t, df) : t > 0 ? 1 : 0);

/** Paired t-test of mean(a - b) = 0. null where the pairs are identical. */
export function pairedT(a: Numbers, b: Numbers, level = 0.95): TTest | null {
  checkPair(a, b, "pairedT", 2);
  return oneSampleT(differences(a, b), 0, level);
}

/** Two-sided p of a t statistic. */
export const tTwoSided = (t: number, df: number): number => 2 * tDistribution(-Math.abs(t), df);

export interface Wilcoxon {
  /** Rank sums of the positive and negative differences; zero differences are dropped, ties get average ranks. */
  readonly wPlus: number;
  readonly wMinus: number;
  readonly zeros: number;
  readonly ties: boolean;
  readonly exact: boolean;
  /** Of the smaller rank sum; null where the test is exact. */
  readonly z: number | null;
  readonly p: number;
  readonly pGreater: number;
  readonly pLess: number;
}

export interface WilcoxonOptions {
  /** "auto": exact without ties and zeros and for at most 50 pairs, else the normal approximation. */
  readonly method?: "auto" | "normal";
  /** Continuity correction of the normal approximation. */
  readonly correction?: boolean;
}

/**
 * Wilcoxon's signed-rank test. null where all pairs are equal. With five pairs its two-sided p cannot fall below 0.0625.
 * @source scipy.stats.wilcoxon(zero_method="wilcox")
 */
export function wilcoxon(
  a: Numbers,
  b: Numbers,
  { method = "auto", correction = true }: WilcoxonOptions = {},
): Wilcoxon | null {
  checkPair(a, b, "wilcoxon", 2);
  const d = [...differences(a, b)].filter((x) => x !== 0).sort((x, y) => Math.abs(x) - Math.abs(y));
  const n = d.length;
  if (!n) return null;
  let wPlus = 0;
  let tieTerm = 0;
  for (let i = 0, end = 0; i < n; i = end) {
    while (end < n && Math.abs(d[end]) === Math.abs(d[i])) end++;
    const rank = (i + 1 + end) / 2;
    for (let j = i; j < end; j++) if (d[j] > 0) wPlus += rank;
    tieTerm += (end - i) ** 3 - (end - i);
  }
  const wMinus = (n * (n + 1)) / 2 - wPlus;
  const found = { wPlus, wMinus, zeros: a.length - n, ties: tieTerm > 0 };
  if (method === "auto" && !found.ties && !found.zeros && n <= 50) {
    const exact = (alternative: "two-sided" | "greater" | "less") => wilcoxonTest(d, { alternative }).pValue;
    return {
      ...found,
      exact: true,
      z: null,
      p: Math.min(1, exact("two-sided")),
      pGreater: exact("greater"),
      pLess: exact("less"),
    };
  }
  const se = Math.sqrt((n * (n + 1) * (2 * n + 1)) / 24 - tieTerm / 48);
  const step = correction ? 0.5 : 0;
  const tail = (w: number, towards: number) => (w + towards - (n * (n + 1)) / 4) / se;
  const z = Math.min(0, tail(Math.min(wPlus, wMinus), step));
  const pGreater = normalCdf(-tail(wPlus, -step), 0, 1);
  return { ...found, exact: false, z, p: 2 * normalCdf(z, 0, 1), pGreater, pLess: normalCdf(tail(wPlus, step), 0, 1) };
}

/** Holm's adjusted p values, in the order given. */
export function holm(p: Numbers): number[] {
  const list = Array.from(p);
  const wrong = list.find((x) => !(x >= 0 && x <= 1));
  if (wrong !== undefined) throw new MetricError(`holm: expected p values from 0 to 1, found ${wrong}.`);
  return list.length ? Array.from(padjust(list, "holm")) : [];
}

export interface McNemar {
  /** Units that only the first system, and only the second, got right. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Exact two-sided p (binomial, 1/2). */
  readonly p: number;
  /** Chi-square with continuity correction and its p; null where the systems never disagree. */
  readonly chi2: number | null;
  readonly pChi2: number | null;
}

/** McNemar's test from its two counts. */
export function mcnemarCounts(onlyFirst: number, onlySecond: number): McNemar {
  for (const count of [onlyFirst, onlySecond])
    if (!Number.isSafeInteger(count) || count < 0)
      throw new MetricError(`mcnemar: expected counts of units, found ${count}.`);
  const n = onlyFirst + onlySecond;
  const chi2 = n ? (Math.abs(onlyFirst - onlySecond) - 1) ** 2 / n : null;
  return {
    onlyFirst,
    onlySecond,
    p: Math.min(1, 2 * binomialHalfTail(Math.min(onlyFirst, onlySecond), n)),
    chi2,
    pChi2: chi2 === null ? null : 2 * normalCdf(-Math.sqrt(chi2), 0, 1),
  };
}

/** McNemar's exact test: do two systems err on different units? Truth and guesses [n]. */
export function mcnemar(truth: Numbers, first: Numbers, second: Numbers): McNemar {
  checkPair(truth, first, "mcnemar");
  checkPair(truth, second, "mcnemar");
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < truth.length; i++) {
    const a = first[i] === truth[i];
    const b = second[i] === truth[i];
    if (a && !b) onlyFirst++;
    else if (b && !a) onlySecond++;
  }
  return mcnemarCounts(onlyFirst, onlySecond);
}

/** P(X <= m) for X ~ Binomial(n, 1/2), m <= n/2. */
function binomialHalfTail(m: number, n: number): number {
  // C(n, m) / 2^n, halving while multiplying so that nothing overflows.
  let top = 1;
  let halvings = n;
  for (let i = 1; i <= m; i++) {
    top *= (n - m + i) / i;
    for (; top > 1 && halvings > 0; halvings--) top /= 2;
  }
  top *= 2 ** -halvings;
  let total = 0;
  for (let k = m, term = top; k >= 0; term *= k / (n - k + 1), k--) total += term;
  return total;
}

export interface Equivalence {
  readonly equivalent: boolean;
  /** The greater of the two one-sided p values. */
  readonly p: number;
  readonly mean: number;
  /** The interval at level 1 - 2 alpha; equivalent when it lies inside target - margin .. target + margin. */
  readonly low: number;
  readonly high: number;
  readonly margin: number;
}

/**
 * Two one-sided t-tests (TOST): is the mean of `values` within `margin` of `target`? To fail says nothing about a
 * difference: with few seeds neither may be shown.
 */
export function equivalence(values: Numbers, target: number, margin: number, alpha = 0.05): Equivalence {
  checkLength(values, "equivalence", 2);
  checkFraction(alpha, "alpha", "equivalence");
  if (!(margin > 0)) throw new MetricError(`equivalence: expected a margin above 0, found ${margin}.`);
  const level = 1 - 2 * alpha;
  const above = oneSampleT(values, target - margin, level);
  const below = oneSampleT(values, target + margin, level);
  // null: all values sit exactly on a bound, which is not inside it.
  const p = Math.max(above?.pGreater ?? 1, below?.pLess ?? 1);
  const { mean: m, low, high } = (above ?? below)!;
  return { equivalent: p < alpha, p, mean: m, low, high, margin };
}

/** Share of pairs (one run of each system) in which a run of `a` is better than one of `b`; ties count half. */
export function probabilityOfImprovement(a: Numbers, b: Numbers, lowerIsBetter = false): number {
  checkLength(a, "probabilityOfImprovement");
  checkLength(b, "probabilityOfImprovement");
  let wins = 0;
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++)
      wins += a[i] === b[j] ? 0.5 : (lowerIsBetter ? a[i] < b[j] : a[i] > b[j]) ? 1 : 0;
  return wins / (a.length * b.length);
}

/**
 * Power of the two-sided paired t-test: the chance to find a true mean difference.
 * @param n  pairs
 * @param sd  standard deviation of the differences
 */
export function pairedPower({
  n,
  sd,
  difference,
  alpha = 0.05,
}: {
  n: number;
  sd: number;
  difference: number;
  alpha?: number;
}): number {
  checkFraction(alpha, "alpha", "pairedPower");
  if (!(Number.isSafeInteger(n) && n >= 2))
    throw new MetricError(`pairedPower: expected at least 2 pairs, found ${n}.`);
  if (!(sd > 0)) throw new MetricError(`pairedPower: expected an sd above 0, found ${sd}.`);
  const df = n - 1;
  const critical = tQuantile(1 - alpha / 2, df);
  const shift = (difference / sd) * Math.sqrt(n);
  // Noncentral t: the mean of the normal tails over s = sqrt(chi2 / df), whose density is s^(df - 1) exp(-df s^2 / 2),
  // by Simpson's rule over ten of its standard deviations.
  const reach = 10 / Math.sqrt(2 * df);
  const from = Math.max(0, 1 - reach);
  const steps = 4000;
  let total = 0;
  let weights = 0;
  for (let i = 0; i <= steps; i++) {
    const s = from + ((1 + reach - from) * i) / steps;
    const simpson = i === 0 || i === steps ? 1 : i % 2 ? 4 : 2;
    const logDensity = (df === 1 ? 0 : (df - 1) * Math.log(s)) - (df * (s * s - 1)) / 2;
    const weight = simpson * Math.exp(logDensity);
    weights += weight;
    total += weight * (normalCdf(shift - critical * s, 0, 1) + normalCdf(-shift - critical * s, 0, 1));
  }
  return total / weights;
}

/** The smallest true mean difference that a paired t-test over n pairs finds with the given power. 0 where sd is 0. */
export function smallestDetectable({
  n,
  sd,
  alpha = 0.05,
  power = 0.8,
}: {
  n: number;
  sd: number;
  alpha?: number;
  power?: number;
}): number {
  checkFraction(power, "power", "smallestDetectable");
  if (sd === 0) return 0;
  const reached = (difference: number) => pairedPower({ n, sd, difference, alpha }) >= power;
  let high = sd;
  while (!reached(high)) high *= 2;
  let low = 0;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (reached(middle)) high = middle;
    else low = middle;
  }
  return high;
}
