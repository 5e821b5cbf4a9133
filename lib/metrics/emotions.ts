/**
 * Emotions: six present / absent decisions a unit, from probabilities and a threshold. Tables hold, per emotion and averaged
 * over the six, the weighted F1 and the weighted accuracy. The paper takes one threshold for F1 (0.4) and another for
 * W-Acc (0.18), so no single model output has both of its numbers; `chooseThresholds` finds both, and the best single one.
 */
import { MetricError } from "../core/errors";
import { emotionNames } from "../core/types";
import { binaryF1, weightedAccuracy, weightedF1 } from "./classes";
import type { Numbers } from "./vectors";

export const emotionCount = emotionNames.length;

/** Thresholds of the six emotions together: a metric's own, and `one` for both metrics. */
export interface Thresholds {
  readonly F1: number;
  readonly "W-Acc": number;
  readonly one: number;
}

/** The paper's (Table 4). It gives none for both metrics together; 0.5 stands there. */
export const paperThresholds: Thresholds = Object.freeze({ F1: 0.4, "W-Acc": 0.18, one: 0.5 });

/** 0.01, 0.02, ... 0.99. */
export const thresholdGrid: readonly number[] = Object.freeze(Array.from({ length: 99 }, (_, i) => (i + 1) / 100));

export interface EmotionScores {
  /** In the order of `emotionNames`. */
  readonly f1: readonly number[];
  readonly binaryF1: readonly number[];
  /** null where a split holds an emotion always or never. */
  readonly wAcc: readonly (number | null)[];
  /** Mean over the six emotions. */
  readonly meanF1: number;
  /** Mean over the six; null where one of them is. */
  readonly meanWAcc: number | null;
}

/**
 * Scores of all emotions at one threshold; an emotion is present when its probability is above it.
 * @param truth  0 or 1, six a unit, [n * 6]; probabilities likewise
 */
export function emotionScores(truth: Numbers, probabilities: Numbers, threshold: number): EmotionScores {
  const columns = emotionParts(truth, probabilities, threshold).map(({ truth, guess }) => ({
    f1: weightedF1(truth, guess),
    binaryF1: binaryF1(truth, guess),
    wAcc: weightedAccuracy(truth, guess),
  }));
  const wAcc = columns.map((column) => column.wAcc);
  const f1 = columns.map((column) => column.f1);
  const average = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return {
    f1,
    binaryF1: columns.map((column) => column.binaryF1),
    wAcc,
    meanF1: average(f1),
    meanWAcc: wAcc.every((w) => w !== null) ? average(wAcc) : null,
  };
}

/**
 * The thresholds of the grid with the best mean F1, the best mean W-Acc and the best mean of both. To be called with the
 * validation split only. Of equally good thresholds the one nearest to 0.5 is taken.
 */
export function chooseThresholds(
  truth: Numbers,
  probabilities: Numbers,
  grid: readonly number[] = thresholdGrid,
): Thresholds {
  if (!grid.length) throw new MetricError("chooseThresholds: expected a grid of thresholds, found an empty one.");
  const scored = grid.map((threshold) => ({ threshold, ...emotionScores(truth, probabilities, threshold) }));
  const best = (score: (s: (typeof scored)[number]) => number) =>
    scored.reduce((a, b) => {
      const gain = score(b) - score(a);
      return gain > 0 || (gain === 0 && Math.abs(b.threshold - 0.5) < Math.abs(a.threshold - 0.5)) ? b : a;
    }).threshold;
  // An emotion that the split never or always holds says nothing about W-Acc: the mean is over the others.
  const wAcc = (s: EmotionScores) => s.wAcc.reduce<number>((total, w) => total + (w ?? 0), 0) / emotionCount;
  return { F1: best((s) => s.meanF1), "W-Acc": best(wAcc), one: best((s) => (s.meanF1 + wAcc(s)) / 2) };
}

/** Each emotion's truth and decision (present when its probability is above the threshold), 0 or 1, [n]. */
export function emotionParts(
  truth: Numbers,
  probabilities: Numbers,
  threshold: number,
): { readonly truth: Int32Array; readonly guess: Int32Array }[] {
  if (!truth.length || truth.length % emotionCount || truth.length !== probabilities.length)
    throw new MetricError(
      `emotions: expected ${emotionCount} labels and probabilities a unit, found ${truth.length} and ${probabilities.length} values.`,
    );
  const units = truth.length / emotionCount;
  return emotionNames.map((_, e) => ({
    truth: Int32Array.from({ length: units }, (_, i) => (truth[i * emotionCount + e] ? 1 : 0)),
    guess: Int32Array.from({ length: units }, (_, i) => (probabilities[i * emotionCount + e] > threshold ? 1 : 0)),
  }));
}
