/** Metrics of sentiment intensities on the label's own scale, and the conventions that turn intensities into classes. */
import { MetricError } from "../core/errors";
import { checkPair, isConstant, mean, type Numbers } from "./vectors";

/** Mean absolute error. */
export function mae(truth: Numbers, guess: Numbers): number {
  checkPair(truth, guess, "mae");
  let total = 0;
  for (let i = 0; i < truth.length; i++) total += Math.abs(truth[i] - guess[i]);
  return total / truth.length;
}

/** Mean squared error. */
export function mse(truth: Numbers, guess: Numbers): number {
  checkPair(truth, guess, "mse");
  let total = 0;
  for (let i = 0; i < truth.length; i++) total += (truth[i] - guess[i]) ** 2;
  return total / truth.length;
}

/**
 * Pearson's r, over all scored utterances pooled.
 * @returns null where either vector is constant (max == min) or holds fewer than two values
 */
export function pearson(a: Numbers, b: Numbers): number | null {
  checkPair(a, b, "pearson");
  if (a.length < 2 || isConstant(a) || isConstant(b)) return null;
  const ma = mean(a);
  const mb = mean(b);
  let ab = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
}

/**
 * How halves are rounded: "half-even" is numpy's (0.5 -> 0, 1.5 -> 2, 2.5 -> 2), the convention of the CMU evaluators;
 * "half-away" is C's (-0.5 -> -1); "half-up" is Math.round's (-0.5 -> 0).
 */
export type Rounding = "half-even" | "half-away" | "half-up";

export function roundTo(x: number, rounding: Rounding): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x) + 0; // + 0: -0 becomes 0
  if (rounding === "half-even") return (down % 2 === 0 ? down : down + 1) + 0;
  return (rounding === "half-up" || x > 0 ? down + 1 : down) + 0;
}

/**
 * How intensities become classes: "round" clips to -limit..limit and rounds; "sdk" is the CMU SDK's
 * (-inf,-2) [-2,-1) [-1,0) {0} (0,1] (1,2] (2,inf), where only an exact zero is neutral (limit 3 alone).
 */
export type Binning = "round" | "sdk";

export interface BinOptions {
  /** 3: seven classes (A7); 2: five classes (A5). */
  readonly limit: 2 | 3;
  readonly binning: Binning;
  readonly rounding: Rounding;
}

/** Class -limit .. limit of each intensity. */
export function binIntensity(values: Numbers, { limit, binning, rounding }: BinOptions): Int32Array {
  if (binning === "sdk" && limit !== 3)
    throw new MetricError(`binIntensity: expected limit 3 with binning "sdk" (it has seven classes), found ${limit}.`);
  return Int32Array.from({ length: values.length }, (_, i) => {
    const x = values[i];
    if (binning === "round") return roundTo(Math.max(-limit, Math.min(limit, x)), rounding);
    return x === 0 ? 0 : x < -2 ? -3 : x < -1 ? -2 : x < 0 ? -1 : x <= 1 ? 1 : x <= 2 ? 2 : 3;
  });
}

/**
 * What a neutral label counts as in two-class accuracy: "positive" (>= neutral is positive: the paper's, has-zero),
 * "negative" (> neutral is positive), or "dropped" (neutral labels are not scored; > neutral is positive: non-zero).
 */
export type Zeros = "positive" | "negative" | "dropped";

/** Two-class decisions, 1 = positive, of the units that the convention scores, and which those are. */
export function binarySentiment(
  truth: Numbers,
  guess: Numbers,
  { zeros, neutral = 0 }: { zeros: Zeros; neutral?: number },
): { truth: Int32Array; guess: Int32Array; units: Int32Array } {
  checkPair(truth, guess, "binarySentiment");
  const scored: number[] = [];
  for (let i = 0; i < truth.length; i++) if (zeros !== "dropped" || truth[i] !== neutral) scored.push(i);
  const positive = (x: number) => (x > neutral || (zeros === "positive" && x === neutral) ? 1 : 0);
  return {
    truth: Int32Array.from(scored, (i) => positive(truth[i])),
    guess: Int32Array.from(scored, (i) => positive(guess[i])),
    units: Int32Array.from(scored),
  };
}
