/**
 * What the rest of the program asks of a system. A neural one is a function of a batch, trained by the one trainer; a
 * fitted one (SVM, random forest, bag of features, the yardsticks) has `fit`. Both predict a split.
 */
import type { Rng } from "./rng";
import type { Config, Modality, Predictions, SearchSpace, Shape, Split, Targets } from "./types";

/** One split with the targets of the task. */
export interface FitData {
  readonly split: Split;
  readonly targets: Targets;
}

/** Named arrays, as they go into and come out of an `.npz`. */
export type SavedArrays = Readonly<Record<string, SavedArray>>;
export interface SavedArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

export interface FittedModel {
  /**
   * One row of `outputs` a unit (row or sequence, by the shape's level): class probabilities, emotion scores in 0..1, or
   * intensities on the scale of the targets, [-1, 1] (not the label scale: the caller undoes `Targets.mid` and `half`).
   */
  predict(split: Split): Predictions;
  /** How many numbers the fit chose: weights, support vectors and their weights, tree nodes, ... */
  readonly parameters: number;
  /** What the fit did that a reader of the record should know, e.g. "linear machine: 16274 rows"; empty as a rule. */
  readonly notes: readonly string[];
  /** Enough for `FittedSystem.load` to predict the same bits. */
  save(): SavedArrays;
}

export interface FittedSystem<C extends Config = Config> {
  readonly kind: "fitted";
  /** As on the command line: "svm". */
  readonly name: string;
  /** As in a table: "SVM". */
  readonly title: string;
  /** Author, year and what was taken from where. */
  readonly paper: string;
  readonly defaults: C;
  readonly space: SearchSpace;
  /** What it reads of a data set that holds more; absent: all. */
  readonly modalities?: readonly Modality[];
  /** @throws SystemError with the reason when the system cannot take this task or these modalities. */
  accepts(shape: Shape): void;
  /**
   * @param valid  only used by systems that calibrate or fuse on held-out data; never needed
   * @throws SystemError when the data cannot be fitted (no rows, labels that are not numbers, ...)
   */
  fit(train: FitData, valid: FitData | undefined, shape: Shape, config: C, rng: Rng): FittedModel;
  /** The counterpart of `FittedModel.save`. @throws SystemError when the arrays are not such a model's. */
  load(saved: SavedArrays, shape: Shape, config: C): FittedModel;
}
