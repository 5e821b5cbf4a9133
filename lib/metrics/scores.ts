/**
 * All metrics of one split under a task: the `metrics` of a run record. Every convention is named: in the metric's name
 * where both are wanted side by side (A2, A2non0, A2zeroNeg), in an option else.
 */
import { MetricError } from "../core/errors";
import type { Scores } from "../core/record";
import { emotionNames, taskName, type Predictions, type Task } from "../core/types";
import { accuracy, argmaxRows, binaryF1, macroF1, weightedAccuracy, weightedF1 } from "./classes";
import { emotionParts, type Thresholds } from "./emotions";
import { binIntensity, binarySentiment, mae, pearson, type Rounding } from "./intensity";
import { mean, type Numbers } from "./vectors";

export interface MetricInfo {
  readonly name: string;
  readonly title: string;
  readonly lowerIsBetter: boolean;
  /** A fraction is printed as a percentage, as in the paper; MAE and r in their own unit. */
  readonly unit: "%" | "";
}

const titles: Readonly<Record<string, string>> = {
  A2: "accuracy, 2 classes, neutral is positive",
  A2non0: "accuracy, 2 classes, neutral labels dropped",
  A2zeroNeg: "accuracy, 2 classes, neutral is negative",
  A3: "accuracy, 3 classes",
  A5: "accuracy, 5 classes, clipped to -2..2 and rounded",
  A7: "accuracy, 7 classes, clipped to -3..3 and rounded",
  A7sdk: "accuracy, 7 classes, bins of the CMU SDK",
  F1: "weighted F1",
  F1non0: "weighted F1, neutral labels dropped",
  F1binary: "F1 of the positive class",
  F1macro: "macro F1",
  MAE: "mean absolute error",
  r: "Pearson's r",
  "W-Acc": "weighted accuracy (mean recall of present and absent), mean over six emotions",
  "F1@one": "weighted F1, one threshold for F1 and W-Acc",
  "W-Acc@one": "weighted accuracy, one threshold for F1 and W-Acc",
};

/** What a metric of a record is called and which way is better. Emotion metrics are "F1:anger", "W-Acc:fear", "F1@one:sad". */
export function metricInfo(name: string): MetricInfo {
  const [base, emotion] = name.split(":");
  const title = titles[base] ?? (/^A\d+$/.test(base) ? `accuracy, ${base.slice(1)} classes` : base);
  return {
    name,
    title: emotion ? `${title.replace(", mean over six emotions", "")}, ${emotion}` : title,
    lowerIsBetter: base === "MAE",
    unit: base === "MAE" || base === "r" ? "" : "%",
  };
}

export interface ScoreInput {
  readonly task: Task;
  /** classes: class indices [n]; emotions: 0/1 [n * 6]; intensity: unused (`intensity` holds the truth). */
  readonly targets: Numbers;
  /** Raw intensity labels [n]; needed for the task `intensity`, and for the neutral conventions of `classes:2`. */
  readonly intensity?: Numbers;
  /** Probabilities [n * N] or [n * 6], or intensities on the label scale [n]. */
  readonly predictions: Predictions;
  /** As in `Dataset.scale`; needed with `intensity`. */
  readonly scale?: { readonly low: number; readonly high: number; readonly positiveFrom: number };
  /** Needed for `emotions`: chosen on validation (`chooseThresholds`) or `paperThresholds`. */
  readonly thresholds?: Thresholds;
  /** How intensities between two classes are rounded; numpy's by default. */
  readonly rounding?: Rounding;
}

/** How a part of a metric is measured: on class decisions, or on values. */
export type Measure = "accuracy" | "weightedF1" | "macroF1" | "binaryF1" | "weightedAccuracy" | "mae" | "pearson";

export interface Part {
  /** Decided classes, or values; as many as `units` has entries. */
  readonly truth: Numbers;
  readonly guess: Numbers;
  /** Which units of the split these are; absent: all. */
  readonly units?: Int32Array;
}

/** A metric taken apart: the mean of its measure over its parts (six for an average over emotions, else one). */
export interface Decision {
  readonly name: string;
  readonly measure: Measure;
  readonly parts: readonly Part[];
}

const measures: Readonly<Record<Measure, (truth: Numbers, guess: Numbers) => number | null>> = {
  accuracy,
  weightedF1,
  macroF1,
  binaryF1: (truth, guess) => binaryF1(truth, guess),
  weightedAccuracy,
  mae,
  pearson,
};

/** Mean of the parts' values; null where one of them is undefined. */
export function meanOfParts(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value) => value !== null);
  return defined.length === values.length ? mean(defined) : null;
}

/**
 * Every metric that the task defines, by name (`metricInfo`); null where these predictions do not define it.
 * @throws MetricError if predictions and labels do not fit each other or the task
 */
export function scoreTask(input: ScoreInput): Scores {
  return Object.fromEntries(
    decisionsOf(input).map(({ name, measure, parts }) => [
      name,
      meanOfParts(parts.map(({ truth, guess }) => (truth.length ? measures[measure](truth, guess) : null))),
    ]),
  );
}

/**
 * Every metric of the task as decisions under its convention.
 * @throws MetricError if predictions and labels do not fit each other or the task
 */
export function decisionsOf(input: ScoreInput): Decision[] {
  const { task, predictions, targets, intensity } = input;
  const outputs = task.kind === "classes" ? task.classes : task.kind === "emotions" ? emotionNames.length : 1;
  const width = task.kind === "emotions" ? outputs : 1;
  const truth = task.kind === "intensity" ? intensity : targets;
  if (!truth || truth.length !== predictions.units * width || predictions.values.length !== predictions.units * outputs)
    throw new MetricError(
      `scores of ${taskName(task)}: expected ${width} label${width > 1 ? "s" : ""} and ${outputs} prediction${outputs > 1 ? "s" : ""} a unit, ` +
        `found ${truth ? truth.length : "no"} labels and ${predictions.values.length} predictions for ${predictions.units} units.`,
    );
  if (!predictions.units) throw new MetricError(`scores of ${taskName(task)}: expected at least one unit, found none.`);
  for (let i = 0; i < predictions.values.length; i++)
    if (!Number.isFinite(predictions.values[i]))
      throw new MetricError(`scores of ${taskName(task)}: expected numbers, found ${predictions.values[i]} at ${i}.`);
  if (task.kind === "classes") return classDecisions(input);
  return task.kind === "emotions" ? emotionDecisions(input) : intensityDecisions(input);
}

const one = (name: string, measure: Measure, part: Part): Decision => ({ name, measure, parts: [part] });

/** The neutral label, where positive begins at neutral; only then "dropped" and "negative" mean something. */
const neutralOf = ({ scale }: ScoreInput) => {
  if (!scale) return undefined;
  const { low, high, positiveFrom } = scale;
  const rounding = 1e-6 * (high - low); // the three are in single precision, as the labels are
  return Math.abs(positiveFrom - (low + high) / 2) <= rounding ? positiveFrom : undefined;
};

function classDecisions(input: ScoreInput): Decision[] {
  const { targets, predictions, intensity } = input;
  const classes = predictions.outputs;
  const guess = argmaxRows(predictions.values, classes);
  const part = { truth: targets, guess };
  const decisions = [
    one(`A${classes}`, "accuracy", part),
    one("F1", "weightedF1", part),
    one("F1macro", "macroF1", part),
    ...(classes === 2 ? [one("F1binary", "binaryF1", part)] : []),
  ];
  const neutral = neutralOf(input);
  if (classes !== 2 || !intensity || neutral === undefined) return decisions;
  // The head decided positive or negative; 1 and -1 stand for that on the scale around neutral.
  const decided = Float64Array.from(guess, (g) => (g ? neutral + 1 : neutral - 1));
  return [...decisions, ...neutralConventions(intensity, decided, neutral)];
}

function neutralConventions(truth: Numbers, guess: Numbers, neutral: number): Decision[] {
  const { units, ...dropped } = binarySentiment(truth, guess, { zeros: "dropped", neutral });
  const negative = binarySentiment(truth, guess, { zeros: "negative", neutral });
  return [
    one("A2non0", "accuracy", { ...dropped, units }),
    one("F1non0", "weightedF1", { ...dropped, units }),
    one("A2zeroNeg", "accuracy", negative),
  ];
}

function intensityDecisions(input: ScoreInput): Decision[] {
  const { scale, rounding = "half-even" } = input;
  const truth = input.intensity!;
  const guess = input.predictions.values;
  if (!scale) throw new MetricError("scores of intensity: expected the scale of the labels, found none.");
  const { low, high, positiveFrom } = scale;
  const two = binarySentiment(truth, guess, { zeros: "positive", neutral: positiveFrom });
  const neutral = neutralOf(input);
  const middle = (low + high) / 2;
  const around = (values: Numbers) => Float64Array.from({ length: values.length }, (_, i) => values[i] - middle);
  const binned = (name: string, limit: 2 | 3, binning: "round" | "sdk") => {
    const options = { limit, binning, rounding };
    return one(name, "accuracy", {
      truth: binIntensity(around(truth), options),
      guess: binIntensity(around(guess), options),
    });
  };
  return [
    one("MAE", "mae", { truth, guess }),
    one("r", "pearson", { truth, guess }),
    // On a scale that begins at or above the cut every unit is positive: A2 and F1 would be 1 for any system.
    ...(positiveFrom > low && positiveFrom <= high ? [one("A2", "accuracy", two), one("F1", "weightedF1", two)] : []),
    ...(neutral === undefined ? [] : neutralConventions(truth, guess, neutral)),
    ...(high - low >= 4 ? [binned("A5", 2, "round")] : []),
    ...(high - low >= 6 ? [binned("A7", 3, "round"), binned("A7sdk", 3, "sdk")] : []),
  ];
}

function emotionDecisions({ targets, predictions, thresholds }: ScoreInput): Decision[] {
  if (!thresholds)
    throw new MetricError(
      "scores of emotions: expected thresholds (chosen on validation, or the paper's), found none.",
    );
  const at = (threshold: number, name: "F1" | "W-Acc", suffix: string): Decision[] => {
    const measure = name === "F1" ? "weightedF1" : "weightedAccuracy";
    const parts = emotionParts(targets, predictions.values, threshold);
    return [
      { name: name + suffix, measure, parts },
      ...emotionNames.map((emotion, e) => one(`${name}${suffix}:${emotion}`, measure, parts[e])),
    ];
  };
  return (["F1", "W-Acc"] as const).flatMap((name) => [
    ...at(thresholds[name], name, ""),
    ...at(thresholds.one, name, "@one"),
  ]);
}
