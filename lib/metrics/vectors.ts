import { MetricError } from "../core/errors";

export type Numbers = ArrayLike<number>;

/** Both vectors of a pair, as long as each other and not empty. */
export function checkPair(a: Numbers, b: Numbers, where: string, least = 1): void {
  if (a.length !== b.length)
    throw new MetricError(`${where}: expected two vectors of one length, found ${a.length} and ${b.length} values.`);
  checkLength(a, where, least);
}

export function checkLength(a: Numbers, where: string, least = 1): void {
  if (a.length < least)
    throw new MetricError(`${where}: expected at least ${least} value${least === 1 ? "" : "s"}, found ${a.length}.`);
}

export function checkFraction(x: number, name: string, where: string): void {
  if (!(x > 0 && x < 1)) throw new MetricError(`${where}: expected ${name} between 0 and 1, found ${x}.`);
}

export function sum(values: Numbers): number {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
}

export function mean(values: Numbers): number {
  checkLength(values, "mean");
  return sum(values) / values.length;
}

/** Sample standard deviation (n - 1); 0 for equal values, whatever rounding would say. */
export function sd(values: Numbers): number {
  checkLength(values, "sd", 2);
  if (isConstant(values)) return 0;
  const m = mean(values);
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i] - m) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}

/** All values equal. By max == min: the sd of sixty 0.3s comes out above 0. */
export function isConstant(values: Numbers): boolean {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

/** Quantile of sorted values, linear between neighbours (numpy's default). */
export function sortedQuantile(sorted: Numbers, q: number): number {
  const position = q * (sorted.length - 1);
  const low = Math.floor(position);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
}

/** The middle value; the mean of the two middle ones. */
export function median(values: Numbers): number {
  checkLength(values, "median");
  return sortedQuantile(Float64Array.from(Array.from(values)).sort(), 0.5);
}

export function differences(a: Numbers, b: Numbers): Float64Array {
  return Float64Array.from({ length: a.length }, (_, i) => a[i] - b[i]);
}
