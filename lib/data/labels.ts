// From columns of numbers in a file to the labels of a data set: which kind they are, and on what scale.
import { sevenDigits } from "../core/math";
import type { Dataset } from "../core/types";
import { dataError } from "./files";

export interface LabelOptions {
  /** Lowest and highest label, where known: a label outside is refused. Else taken from the training labels. */
  readonly labelRange?: readonly [number, number];
  /** The lowest label that counts as positive. Default 0. */
  readonly positiveFrom?: number;
}

/** How a folder of the user's own is to be read. */
export interface FolderOptions extends LabelOptions {
  /** What the data set is called; the folder's name when absent. */
  readonly name?: string;
  /** Which label column: its number from 0, or its name where columns have names. */
  readonly labelColumn?: number | string;
  /** Which feature files, where a folder has several for one modality (`npy`: the NAME of `text_NAME.npy`). */
  readonly features?: string;
  /** The folder is only predicted on: it may lack labels, and any split but one. */
  readonly forPrediction?: boolean;
}

/** The options in single precision, as the labels are: else 0.7 in a file lies below a cut at 0.7. */
export function inSingle<T extends LabelOptions>(options: T): T {
  const { labelRange, positiveFrom } = options;
  return {
    ...options,
    ...(labelRange && { labelRange: [Math.fround(labelRange[0]), Math.fround(labelRange[1])] as const }),
    ...(positiveFrom !== undefined && { positiveFrom: Math.fround(positiveFrom) }),
  };
}

/** Refuses a label that is not finite or outside the range. */
export function checkLabels(values: ArrayLike<number>, where: string, range?: readonly [number, number]): void {
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (!Number.isFinite(v))
      throw dataError(
        `${where}, label ${i + 1}`,
        "a number",
        String(v),
        "A missing label is not a neutral one: mend or remove it.",
      );
    if (range && (v < range[0] || v > range[1]))
      throw dataError(
        `${where}, label ${i + 1}`,
        `${sevenDigits(range[0])} to ${sevenDigits(range[1])}`,
        String(sevenDigits(v)),
        "Is it another label column or another scale?",
      );
  }
}

/** Number of classes where labels are 0 .. n - 1, each of them met in training (n from 2 to 10); else undefined. */
export function classCount(train: ArrayLike<number>): number | undefined {
  const seen = new Set(Array.from(train));
  if (seen.size > 10) return undefined;
  const n = Math.max(...seen) + 1;
  return n >= 2 && n <= 10 && seen.size === n && [...seen].every((v) => Number.isInteger(v) && v >= 0) ? n : undefined;
}

/** The label scale: as given, else symmetric about 0 for signed labels and lowest to highest for unsigned ones. */
export function scaleOf(train: ArrayLike<number>, options: LabelOptions = {}): NonNullable<Dataset["scale"]> {
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < train.length; i++) [low, high] = [Math.min(low, train[i]), Math.max(high, train[i])];
  if (low < 0) [low, high] = [-Math.max(-low, high), Math.max(-low, high)];
  if (options.labelRange) [low, high] = options.labelRange;
  if (low === high) high = low + 1; // one label only: targetsOf refuses classes; a scale must have a width
  return { low, high, positiveFrom: options.positiveFrom ?? 0 };
}
