// From the labels that files give to the targets of a task, each convention a named argument.
import { DataError } from "../core/errors";
import { sevenDigits } from "../core/math";
import { emotionNames, taskName, type Dataset, type Split, type Targets, type Task } from "../core/types";
import { checkLabels } from "./labels";
import { splitNames } from "./pack";

export interface TargetOptions {
  /** How n + 1/2 rounds in 5 and 7 classes: as numpy (to even; the field's scripts) or away from zero. Default "half-even". */
  readonly rounding?: Rounding;
}
export type Rounding = "half-even" | "half-away";

/** Rounds to the nearest whole number; halves by the stated rule. */
export function round(x: number, rounding: Rounding = "half-even"): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  if (rounding === "half-away") return x < 0 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Class of an intensity among an odd number of classes: its distance from neutral, clipped, rounded. `n` classes: 0 .. n - 1. */
export function intensityClass(value: number, neutral: number, n: number, rounding: Rounding = "half-even"): number {
  const half = (n - 1) / 2;
  return round(Math.min(half, Math.max(-half, value - neutral)), rounding) + half;
}

/** Which tasks the labels of a data set can give, in the words of `--task`. */
export function tasksOf({ labels }: Split, dataset: Pick<Dataset, "scale" | "classNames">): string[] {
  const { scale } = dataset;
  const tasks = new Set<string>();
  if (labels.intensity && scale) {
    tasks.add("classes:2").add("intensity");
    for (const n of [3, 5, 7]) if (scale.high - scale.low >= n - 1) tasks.add(`classes:${n}`);
  }
  if (labels.classes && dataset.classNames) tasks.add(`classes:${dataset.classNames.length}`);
  if (labels.emotions) tasks.add("emotions");
  return [...tasks];
}

function refuse(dataset: Dataset, task: Task, why: string, mend: string): DataError {
  const can = tasksOf(dataset.train, dataset).filter((name) => name !== taskName(task));
  return new DataError(
    `${dataset.name}, ${dataset.features}: expected labels for the task ${taskName(task)}, found ${why}. ${mend}` +
      (can.length ? ` Its labels give: ${can.join(", ")}.` : ""),
  );
}

/** Labels of a split that are numbers: files are checked as they are read, but a data set may be made by hand. @throws DataError */
function numbersOf<T extends ArrayLike<number>>(
  dataset: Dataset,
  split: Split,
  labels: T,
  range?: readonly [number, number],
): T {
  const name = splitNames.find((name) => dataset[name] === split);
  checkLabels(labels, [`${dataset.name}, ${dataset.features}`, ...(name ? [name] : [])].join(", "), range);
  return labels;
}

function classesOf(dataset: Dataset, split: Split, n: number, rounding: Rounding): Int32Array {
  const task: Task = { kind: "classes", classes: n };
  const { scale, classNames } = dataset;
  const { labels } = split;
  if (labels.classes && classNames?.length === n) return numbersOf(dataset, split, labels.classes, [0, n - 1]);
  if (!labels.intensity || !scale) {
    const found = labels.classes
      ? `${classNames?.length ?? "other"} classes and no intensities`
      : "no sentiment labels";
    throw refuse(dataset, task, found, "Choose another task or label column.");
  }
  const intensity = numbersOf(dataset, split, labels.intensity);
  if (n === 2) return Int32Array.from(intensity, (v) => (v >= scale.positiveFrom ? 1 : 0));
  if (n % 2 === 0) throw refuse(dataset, task, "a scale with a neutral middle", "Take an odd number of classes, or 2.");
  if (scale.high - scale.low < n - 1)
    throw refuse(
      dataset,
      task,
      `intensities from ${sevenDigits(scale.low)} to ${sevenDigits(scale.high)}`,
      `They do not span ${n} whole steps.`,
    );
  const neutral = (scale.low + scale.high) / 2;
  return Int32Array.from(intensity, (v) => intensityClass(v, neutral, n, rounding));
}

/**
 * Targets of one split under a task.
 *
 * - `classes:2`: 1 where the intensity is at least `scale.positiveFrom` (0 is positive, as in the authors' scripts)
 * - `classes:N`: the files' own N classes; else, N odd, the intensity's distance from neutral clipped to +-(N - 1) / 2 and rounded
 * - `emotions`: present where the score is above 0; six a unit
 * - `intensity`: (label - mid) / half, so that the label scale becomes [-1, 1]; label = mid + half * target
 * @throws DataError where the labels cannot give the task, are not finite, or give every training unit the same target
 */
export function targetsOf(
  dataset: Dataset,
  split: Split,
  task: Task,
  { rounding = "half-even" }: TargetOptions = {},
): Targets {
  const { labels } = split;
  if (task.kind === "emotions") {
    if (!labels.emotions)
      throw refuse(dataset, task, "none of the six emotions", `They are ${emotionNames.join(", ")}.`);
    return {
      outputs: 6,
      values: Float32Array.from(numbersOf(dataset, split, labels.emotions), (v) => (v > 0 ? 1 : 0)),
    };
  }
  if (task.kind === "intensity") {
    const { scale } = dataset;
    if (!labels.intensity || !scale) throw refuse(dataset, task, "classes, no intensities", "Choose another task.");
    const mid = (scale.low + scale.high) / 2;
    const half = (scale.high - scale.low) / 2;
    return {
      outputs: 1,
      values: Float32Array.from(numbersOf(dataset, split, labels.intensity), (v) => (v - mid) / half),
      mid,
      half,
    };
  }
  const values = classesOf(dataset, split, task.classes, rounding);
  const train = split === dataset.train ? values : classesOf(dataset, dataset.train, task.classes, rounding);
  if (train.every((v) => v === train[0])) {
    const cut =
      dataset.scale && !labels.classes ? ` from labels cut at ${sevenDigits(dataset.scale.positiveFrom)}` : "";
    throw refuse(
      dataset,
      task,
      `the class ${train[0]} in every training unit${cut}`,
      "Nothing could be learnt: give --positive-from X for labels without negative values.",
    );
  }
  return { outputs: task.classes, values };
}
