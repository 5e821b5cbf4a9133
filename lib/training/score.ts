/** Losses and metrics of a split's predictions, the same for every system. */
import type { Scores } from "../core/record";
import { ln } from "../core/rng";
import type { Dataset, Predictions, Split, Targets, Task } from "../core/types";
import { scoreTask, type ScoreInput, type Thresholds } from "../metrics";

/** The metric that stands for a task where one is needed: the first that the paper prints. */
export function headline(task: Task): string {
  return task.kind === "classes" ? `A${task.classes}` : task.kind === "emotions" ? "F1" : "MAE";
}

/** Undoes the scaling of intensity targets: from [-1, 1] to the label scale. */
export function toLabelScale(predictions: Predictions, { mid, half }: Targets): Predictions {
  if (mid === undefined || half === undefined) return predictions;
  return { ...predictions, values: predictions.values.map((v) => mid + half * v) };
}

const least = 1e-7; // the smallest probability a logarithm is taken of (Keras' epsilon)

/**
 * The loss of the task alone, from its predictions: cross entropy, mean binary cross entropy, or mean absolute error on the
 * label scale. One rule for every system, whatever it trains by.
 */
export function taskLoss(predictions: Predictions, targets: Targets, task: Task): number {
  const { values, units, outputs } = predictions;
  const t = targets.values;
  let total = 0;
  if (task.kind === "classes") {
    for (let i = 0; i < units; i++) total -= ln(Math.max(least, values[i * outputs + t[i]]));
    return total / units;
  }
  if (task.kind === "emotions") {
    for (let i = 0; i < values.length; i++) total -= ln(Math.max(least, t[i] ? values[i] : 1 - values[i]));
    return total / values.length;
  }
  const { mid = 0, half = 1 } = targets;
  for (let i = 0; i < units; i++) total += Math.abs(values[i] - (mid + half * t[i]));
  return total / units;
}

/** What the metrics of a split are computed from. @param split  with its labels as the data set gives them */
export function scoreInput(
  dataset: Dataset,
  split: Split,
  targets: Targets,
  task: Task,
  predictions: Predictions,
  thresholds?: Thresholds,
): ScoreInput {
  const { intensity } = split.labels;
  return {
    task,
    targets: targets.values,
    ...(intensity && { intensity }),
    predictions,
    ...(dataset.scale && { scale: dataset.scale }),
    ...(thresholds && { thresholds }),
  };
}

/** All metrics of a split. */
export const scoreSplit = (...of: Parameters<typeof scoreInput>): Scores => scoreTask(scoreInput(...of));
