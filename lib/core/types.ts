/**
 * What passes between the parts. Data flows data -> models -> training -> benchmarks; nothing here imports ours.
 *
 * A data set is packed: rows of a sequence one after the other, `offsets` saying where each begins. There is no padding,
 * so no function has a mask argument. Letters: n rows, s sequences, d width.
 */

export type Modality = "T" | "A" | "V";
export const modalityOrder: readonly Modality[] = ["T", "A", "V"];
export type SplitName = "train" | "valid" | "test";

/** Row-major numbers, `rows` by `width`. */
export interface Matrix {
  readonly rows: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** What labels stand for: a row (an utterance of a video) or a whole sequence (a sample of steps). */
export type LabelLevel = "row" | "sequence";

/**
 * The labels as the files give them; a task derives its targets from them (lib/data/targets.ts).
 * Each array has one entry a labelled unit (row or sequence, see `Dataset.level`); `emotions` has six a unit.
 */
export interface Labels {
  /** Sentiment on the data set's own scale: MOSI, MOSEI -3..3; MMMO 1..5. */
  readonly intensity?: Float32Array;
  /** Class index from 0, where the files give classes and no intensity. */
  readonly classes?: Int32Array;
  /** Six emotions a unit, in the order of `emotionNames`; present when > 0. */
  readonly emotions?: Float32Array;
}

/** The order of CIA's tables (and of the authors' sibling scripts). */
export const emotionNames = ["anger", "disgust", "fear", "happy", "sad", "surprise"] as const;

/** One split, packed. */
export interface Split {
  /** (s + 1): rows of sequence i are offsets[i] .. offsets[i + 1] - 1. */
  readonly offsets: Int32Array;
  /** (s): the video of a per-row set, the sample of a per-sequence set. */
  readonly ids: readonly string[];
  /** (s): the video of each sequence, for intervals over videos; absent where nobody knows it (YouTube): then samples are drawn. */
  readonly videos?: readonly string[];
  /** (n): name of each utterance in a per-row set, for drill-down; absent otherwise. */
  readonly rowIds?: readonly string[];
  /** One (n, d) matrix a modality. */
  readonly x: Readonly<Partial<Record<Modality, Matrix>>>;
  readonly labels: Labels;
}

/** A repair made while reading: never silent, part of the record. */
export interface Repair {
  readonly where: string;
  readonly what: string;
  readonly count: number;
}

/** Which protocols mean something on this data (design.md section 6). */
export type Protocol = "validation" | "fixed-epochs" | "test-selected";

/** x -> (x - shift) / by, column by column; a row that is 0 throughout is a missing one and stays 0. */
export interface Affine {
  readonly shift: readonly number[];
  readonly by: readonly number[];
}
export type Scaler = Readonly<Partial<Record<Modality, Affine>>>;

export interface Dataset {
  /** "mosi", "mosei", "mmmo", "youtube", "moud", "synthetic", or what a user's folder is called. */
  readonly name: string;
  /** Which features and split: "bclstm", "minilm", "minilm+audio", "spacy300", "words", "covarep+facet", ... */
  readonly features: string;
  readonly level: LabelLevel;
  readonly train: Split;
  /** Absent where no clean validation split exists; then only `fixed-epochs` (and `test-selected`) may run. */
  readonly valid?: Split;
  readonly test: Split;
  readonly modalities: readonly Modality[];
  /** Why something is forbidden here, in words a message can show: e.g. why there is no validation split. */
  readonly caveats: readonly string[];
  /** Why no validation split may be drawn out of the training sequences (their features have seen the labels); absent where one may. */
  readonly leaks?: string;
  readonly repairs: readonly Repair[];
  /** Lowest, neutral and highest value of `intensity`; a task scales by it. */
  readonly scale?: { readonly low: number; readonly high: number; readonly positiveFrom: number };
  /** The scaling of the features, as fitted on the training rows: saved with a model, it reads other data alike. Absent for `perSplit`. */
  readonly scaler?: Scaler;
  /** Names of the classes of `labels.classes`. */
  readonly classNames?: readonly string[];
  /** SHA-256 over all that a run can see: features, labels, offsets, ids, split. Same data in another format: same hash. */
  readonly hash: string;
  /** Transcript of a row or sequence by id, read from local files when shown; never stored. */
  readonly transcript?: (id: string) => string | undefined;
}

/** `classes:N`, `emotions` or `intensity`. */
export type Task =
  | { readonly kind: "classes"; readonly classes: number }
  | { readonly kind: "emotions" }
  | { readonly kind: "intensity" };

/** Targets of one split under a task. classes: Int32Array (units); emotions: 0/1 (units * 6); intensity: (units), in [-1, 1]. */
export interface Targets {
  readonly outputs: number;
  readonly values: Int32Array | Float32Array;
  /** intensity only: label = mid + half * target. */
  readonly mid?: number;
  readonly half?: number;
}

/** What a model sees at once: whole sequences, packed. */
export interface Batch {
  readonly offsets: Int32Array;
  readonly x: Readonly<Partial<Record<Modality, Matrix>>>;
  /** Absent when predicting. One entry a unit (classes) or `outputs` a unit. */
  readonly targets?: Int32Array | Float32Array;
}

/** What a system may know before it is built. */
export interface Shape {
  readonly widths: Readonly<Partial<Record<Modality, number>>>;
  readonly modalities: readonly Modality[];
  readonly level: LabelLevel;
  readonly task: Task;
  /** Width of the head: N, 6 or 1. */
  readonly outputs: number;
}

/** Raw predictions of one split: class probabilities (units * N), emotion probabilities (units * 6) or intensities on the label scale (units). */
export interface Predictions {
  readonly units: number;
  readonly outputs: number;
  readonly values: Float32Array;
}

/** A configuration is a flat record, so that it can be printed, hashed, searched and refused key by key. */
export type ConfigValue = number | string | boolean;
export type Config = Readonly<Record<string, ConfigValue>>;

/** Search space of a setting: the values to draw from. */
export type SearchSpace = Readonly<Record<string, readonly ConfigValue[]>>;

/** "T+A+V" <-> ["T","A","V"], always in the order T, A, V. */
export function modalitiesName(modalities: readonly Modality[]): string {
  return modalityOrder.filter((m) => modalities.includes(m)).join("");
}

export function taskName(task: Task): string {
  return task.kind === "classes" ? `classes:${task.classes}` : task.kind;
}

export function outputsOf(task: Task): number {
  return task.kind === "classes" ? task.classes : task.kind === "emotions" ? 6 : 1;
}
