/**
 * All metrics of one split under a task: the `metrics` of a run record. Every convention is named: in the metric's name
 * where both are wanted side by side (A2, A2non0, A2zeroNeg), in an option else.
 */
import { MetricError } from "../core/errors";
import type { Scores } from "../core/record";
import { emotionNames, taskName, type Predictions, type Task } from "../core/types";
import { accuracy, argmaxRows, binaryF1, macroF1, weightedF1 } from "./classes";
import { emotionScores, type Thresholds } from "./emotions";
import { binIntensity, binarySentiment, mae, pearson, type Rounding } from "./intensity";
import type { Numbers } from "./vectors";

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

/**
 * Every metric that the task defines, by name (`metricInfo`); null where these predictions do not define it.
 * @throws MetricError if predictions and labels do not fit each other or the task
 */
export function scoreTask(input: ScoreInput): Scores {
  const { task, predictions, targets, intensity } = input;
  const outputs = task.kind === "classes" ? task.classes : task.kind === "emotions" ? emotionNames.length : 1;
  const width = task.kind === "emotions" ? outputs : 1;
  const truth = task.kind === "intensity" ? intensity : targets;
  if (!truth || truth.length !== predictions.units * width || predictions.values.length !== predictions.units * outputs)
    throw new MetricError(
      `scores of ${taskName(task)}: expected ${width} label${width > 1 ? "s" : ""} and ${outputs} prediction${outputs > 1 ? "s" : ""} a unit, ` +
        `found ${truth ? truth.length : "no"} labels and ${predictions.values.length} predictions for ${predictions.units} units.`,
    );
  for (let i = 0; i < predictions.values.length; i++)
    if (!Number.isFinite(predictions.values[i]))
      throw new MetricError(`scores of ${taskName(task)}: expected numbers, found ${predictions.values[i]} at ${i}.`);
  if (task.kind === "classes") return scoreClasses(input);
  return task.kind === "emotions" ? scoreEmotions(input) : scoreIntensity(input);
}

/** A metric of the units given, null where there are none. */
const orNull = (metric: (truth: Numbers, guess: Numbers) => number | null, truth: Numbers, guess: Numbers) =>
  truth.length ? metric(truth, guess) : null;

/** The neutral label, where positive begins at neutral; only then "dropped" and "negative" mean something. */
const neutralOf = ({ scale }: ScoreInput) =>
  scale && scale.positiveFrom === (scale.low + scale.high) / 2 ? scale.positiveFrom : undefined;

function scoreClasses(input: ScoreInput): Scores {
  const { targets, predictions, intensity } = input;
  const classes = predictions.outputs;
  const guess = argmaxRows(predictions.values, classes);
  const scores: Record<string, number | null> = {
    [`A${classes}`]: accuracy(targets, guess),
    F1: weightedF1(targets, guess),
    F1macro: macroF1(targets, guess),
  };
  if (classes !== 2) return scores;
  scores.F1binary = binaryF1(targets, guess);
  const neutral = neutralOf(input);
  if (intensity && neutral !== undefined) {
    // The head decided positive or negative; -1 and 1 stand for that on the scale around neutral.
    const decided = Float64Array.from(guess, (g) => (g ? neutral + 1 : neutral - 1));
    Object.assign(scores, neutralConventions(intensity, decided, neutral));
  }
  return scores;
}

function neutralConventions(truth: Numbers, guess: Numbers, neutral: number) {
  const dropped = binarySentiment(truth, guess, { zeros: "dropped", neutral });
  const negative = binarySentiment(truth, guess, { zeros: "negative", neutral });
  return {
    A2non0: orNull(accuracy, dropped.truth, dropped.guess),
    F1non0: orNull(weightedF1, dropped.truth, dropped.guess),
    A2zeroNeg: accuracy(negative.truth, negative.guess),
  };
}

function scoreIntensity(input: ScoreInput): Scores {
  const { scale, rounding = "half-even" } = input;
  const truth = input.intensity!;
  const guess = input.predictions.values;
  if (!scale) throw new MetricError("scores of intensity: expected the scale of the labels, found none.");
  const { low, high, positiveFrom } = scale;
  const two = binarySentiment(truth, guess, { zeros: "positive", neutral: positiveFrom });
  const scores: Record<string, number | null> = {
    MAE: mae(truth, guess),
    r: pearson(truth, guess),
    A2: accuracy(two.truth, two.guess),
    F1: weightedF1(two.truth, two.guess),
  };
  const neutral = neutralOf(input);
  if (neutral !== undefined) Object.assign(scores, neutralConventions(truth, guess, neutral));
  const middle = (low + high) / 2;
  const around = (values: Numbers) => Float64Array.from({ length: values.length }, (_, i) => values[i] - middle);
  const binned = (limit: 2 | 3, binning: "round" | "sdk") => {
    const options = { limit, binning, rounding };
    return accuracy(binIntensity(around(truth), options), binIntensity(around(guess), options));
  };
  if (high - low >= 4) scores.A5 = binned(2, "round");
  if (high - low >= 6) Object.assign(scores, { A7: binned(3, "round"), A7sdk: binned(3, "sdk") });
  return scores;
}

function scoreEmotions({ targets, predictions, thresholds }: ScoreInput): Scores {
  if (!thresholds)
    throw new MetricError(
      "scores of emotions: expected thresholds (chosen on validation, or the paper's), found none.",
    );
  const scores: Record<string, number | null> = {};
  const put = (threshold: number, name: "F1" | "W-Acc", suffix: string) => {
    const at = emotionScores(targets, predictions.values, threshold);
    scores[name + suffix] = name === "F1" ? at.meanF1 : at.meanWAcc;
    emotionNames.forEach((emotion, e) => {
      scores[`${name}${suffix}:${emotion}`] = name === "F1" ? at.f1[e] : at.wAcc[e];
    });
  };
  for (const name of ["F1", "W-Acc"] as const) {
    put(thresholds[name], name, "");
    put(thresholds.one, name, "@one");
  }
  return scores;
}
