/** Metrics of class decisions. Truth and guess hold one class index (from 0) a scored unit; results are fractions. */
import { MetricError } from "../core/errors";
import { checkPair, type Numbers } from "./vectors";

export interface ClassScore {
  readonly label: number;
  /** True positives / guesses of this class; 0 where it was never guessed. */
  readonly precision: number;
  /** True positives / support; 0 where the truth never holds it. */
  readonly recall: number;
  readonly f1: number;
  readonly support: number;
  readonly guessed: number;
}

/** Precision, recall and F1 of each class that truth or guess holds (scikit-learn's zero_division=0), by label. */
export function perClass(truth: Numbers, guess: Numbers): ClassScore[] {
  checkPair(truth, guess, "perClass");
  const counts = new Map<number, { right: number; support: number; guessed: number }>();
  const of = (label: number) => {
    if (!Number.isInteger(label)) throw new MetricError(`perClass: expected class indices, found ${label}.`);
    let count = counts.get(label);
    if (!count) counts.set(label, (count = { right: 0, support: 0, guessed: 0 }));
    return count;
  };
  for (let i = 0; i < truth.length; i++) {
    of(truth[i]).support++;
    of(guess[i]).guessed++;
    if (truth[i] === guess[i]) of(truth[i]).right++;
  }
  return [...counts]
    .sort(([a], [b]) => a - b)
    .map(([label, { right, support, guessed }]) => ({
      label,
      precision: guessed ? right / guessed : 0,
      recall: support ? right / support : 0,
      f1: right ? (2 * right) / (support + guessed) : 0,
      support,
      guessed,
    }));
}

/** Confusion counts: rows are true classes, columns guesses, both in the order of `labels` (default: those present). */
export function confusion(
  truth: Numbers,
  guess: Numbers,
  labels: readonly number[] = perClass(truth, guess).map(({ label }) => label),
): number[][] {
  checkPair(truth, guess, "confusion");
  const place = new Map(labels.map((label, i) => [label, i]));
  const table = labels.map(() => labels.map(() => 0));
  for (let i = 0; i < truth.length; i++) {
    const row = place.get(truth[i]);
    const column = place.get(guess[i]);
    if (row === undefined || column === undefined)
      throw new MetricError(`confusion: expected classes ${labels.join(", ")}, found ${truth[i]} and ${guess[i]}.`);
    table[row][column]++;
  }
  return table;
}

/** Share of right guesses: A2, A3, A5 and A7 by the number of classes. */
export function accuracy(truth: Numbers, guess: Numbers): number {
  checkPair(truth, guess, "accuracy");
  let right = 0;
  for (let i = 0; i < truth.length; i++) if (truth[i] === guess[i]) right++;
  return right / truth.length;
}

/** Mean recall over the classes that the truth holds (scikit-learn balanced_accuracy_score). */
export function balancedAccuracy(truth: Numbers, guess: Numbers): number {
  const present = perClass(truth, guess).filter(({ support }) => support > 0);
  return present.reduce((total, { recall }) => total + recall, 0) / present.length;
}

/**
 * Support-weighted F1: the F1 of each class, averaged with the class's share of `truth` as weight.
 * It is the paper's "F1": a constant guess on 379 of 686 gives its 39.32 (Table 3, CIA-IIM on MOSI).
 * @param truth, guess  class of each utterance, both [n], integers from 0
 * @returns fraction in 0..1; a class without a right guess has F1 = 0
 * @throws MetricError if n is 0 or the lengths differ
 * @source scikit-learn f1_score(average="weighted", zero_division=0)
 * @example weightedF1([1, 1, 0, 0], [1, 1, 1, 1]) // 0.3333
 */
export function weightedF1(truth: Numbers, guess: Numbers): number {
  return perClass(truth, guess).reduce((total, { f1, support }) => total + f1 * support, 0) / truth.length;
}

/** Unweighted mean F1 over the classes that truth or guess holds. */
export function macroF1(truth: Numbers, guess: Numbers): number {
  const classes = perClass(truth, guess);
  return classes.reduce((total, { f1 }) => total + f1, 0) / classes.length;
}

/** F1 of one class alone (scikit-learn average="binary"); 0 where nothing of it was guessed right. */
export function binaryF1(truth: Numbers, guess: Numbers, positive = 1): number {
  return perClass(truth, guess).find(({ label }) => label === positive)?.f1 ?? 0;
}

/**
 * Weighted accuracy of a present (1) / absent (0) decision (Tong et al. 2017): (TP N/P + TN) / 2N, the mean of both recalls.
 * @returns null where the truth holds one class only
 */
export function weightedAccuracy(truth: Numbers, guess: Numbers): number | null {
  checkPair(truth, guess, "weightedAccuracy");
  let TP = 0;
  let P = 0;
  let TN = 0;
  let N = 0;
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]) {
      P++;
      if (guess[i]) TP++;
    } else {
      N++;
      if (!guess[i]) TN++;
    }
  }
  return P && N ? ((TP * N) / P + TN) / (2 * N) : null;
}

/** Index of the greatest of each row's `width` values; the lowest index wins a tie. */
export function argmaxRows(values: Numbers, width: number): Int32Array {
  if (!(width > 0) || values.length % width)
    throw new MetricError(`argmaxRows: expected rows of ${width} values, found ${values.length} values.`);
  return Int32Array.from({ length: values.length / width }, (_, row) => {
    let best = 0;
    for (let j = 1; j < width; j++) if (values[row * width + j] > values[row * width + best]) best = j;
    return best;
  });
}
