/** Constant predictors: what a system scores that never looks at its input. Every table prints them. */
import { MetricError } from "../core/errors";
import type { Scores } from "../core/record";
import { emotionNames, type Predictions } from "../core/types";
import type { Thresholds } from "./emotions";
import { metricInfo, scoreTask, type ScoreInput } from "./scores";
import { checkLength, mean, median, type Numbers } from "./vectors";

/** The most frequent value; the lowest of several. */
export function majority(values: Numbers): number {
  checkLength(values, "majority");
  const counts = new Map<number, number>();
  for (let i = 0; i < values.length; i++) counts.set(values[i], (counts.get(values[i]) ?? 0) + 1);
  return [...counts].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a))[0];
}

export interface ConstantInput extends Omit<ScoreInput, "predictions" | "thresholds"> {
  /** Training targets: class indices, 0/1 emotions (six a unit), or raw intensity labels. */
  readonly train: Numbers;
}

export interface ConstantRow {
  /** "majority of training", "median of training", "mean of training", "all absent", ..., "best constant for each metric". */
  readonly name: string;
  readonly scores: Scores;
}

/** Probabilities 0 and 1 fall on the same side of every threshold. */
const anyThreshold: Thresholds = { F1: 0.5, "W-Acc": 0.5, one: 0.5 };

/**
 * Scores on the test split of the constants that training suggests, and, per metric, of the best constant there is (it
 * knows the test labels: a score that is not above it shows nothing).
 */
export function constantRows(input: ConstantInput): ConstantRow[] {
  const { task, train, targets } = input;
  const score = (predictions: Predictions) => scoreTask({ ...input, predictions, thresholds: anyThreshold });
  const repeat = (values: readonly number[], units: number): Predictions => ({
    units,
    outputs: values.length,
    values: Float32Array.from({ length: units * values.length }, (_, i) => values[i % values.length]),
  });
  let rows: ConstantRow[];
  let others: readonly (readonly number[])[];
  let units: number;
  if (task.kind === "classes") {
    const oneHot = (label: number) => Array.from({ length: task.classes }, (_, c) => (c === label ? 1 : 0));
    units = targets.length;
    rows = [{ name: "majority of training", scores: score(repeat(oneHot(majority(train)), units)) }];
    others = Array.from({ length: task.classes }, (_, label) => oneHot(label));
  } else if (task.kind === "emotions") {
    units = targets.length / emotionNames.length;
    const column = (e: number) =>
      Array.from({ length: train.length / emotionNames.length }, (_, i) => train[i * emotionNames.length + e]);
    const all = (value: number) => emotionNames.map(() => value);
    rows = [
      {
        name: "majority of training",
        scores: score(
          repeat(
            emotionNames.map((_, e) => majority(column(e))),
            units,
          ),
        ),
      },
      { name: "all absent", scores: score(repeat(all(0), units)) },
      { name: "all present", scores: score(repeat(all(1), units)) },
    ];
    others = [];
  } else {
    if (!input.intensity || !input.scale)
      throw new MetricError("constantRows: expected intensity labels and their scale, found none.");
    units = input.intensity.length;
    const { low, high, positiveFrom } = input.scale;
    rows = [
      { name: "median of training", scores: score(repeat([median(train)], units)) },
      { name: "mean of training", scores: score(repeat([mean(train)], units)) },
    ];
    const steps = Array.from({ length: Math.floor(high - low) + 1 }, (_, i) => [low + i]);
    others = [[median(input.intensity)], [positiveFrom], ...steps];
  }
  return [
    ...rows,
    bestRow([...rows.map((row) => row.scores), ...others.map((values) => score(repeat(values, units)))], task.kind),
  ];
}

function bestRow(candidates: readonly Scores[], kind: string): ConstantRow {
  const best: Record<string, number | null> = {};
  for (const name of Object.keys(candidates[0])) {
    const values = candidates.map((scores) => scores[name]).filter((value) => value !== null);
    const { lowerIsBetter } = metricInfo(name);
    best[name] = values.length ? (lowerIsBetter ? Math.min(...values) : Math.max(...values)) : null;
  }
  if (kind === "emotions")
    // The best constant may differ from emotion to emotion; an average is that of the six bests.
    for (const name of Object.keys(best).filter((key) => !key.includes(":"))) {
      const six = emotionNames.map((emotion) => best[`${name}:${emotion}`]);
      best[name] = six.every((value) => value !== null) ? mean(six) : null;
    }
  return { name: "best constant for each metric", scores: best };
}
