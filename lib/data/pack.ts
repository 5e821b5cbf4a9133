// Sequences into packed splits and batches, and what may be done to a split: choose sequences, modalities, padding.
import { createHash } from "node:crypto";
import { DataError } from "../core/errors";
import { Rng } from "../core/rng";
import {
  modalityOrder,
  type Batch,
  type Dataset,
  type Labels,
  type Matrix,
  type Modality,
  type Repair,
  type Split,
  type Scaler,
  type SplitName,
  type Targets,
} from "../core/types";
import { fitScaling, scaleSplit, type Scaling } from "./scale";

export const splitNames: readonly SplitName[] = ["train", "valid", "test"];

/** "dev" is another word for valid. */
export const splitCalled = (word: string): string => (word === "dev" ? "valid" : word);

/** Rows of a split. */
export function rowsOf(split: Split): number {
  return split.offsets[split.offsets.length - 1];
}

/** Sequences of a split. */
export function sequencesOf(split: Split): number {
  return split.offsets.length - 1;
}

/** The video of each sequence; one that nobody knows the video of is its own. */
export function videosOf(split: Split): readonly string[] {
  return split.videos ?? split.ids;
}

/** Labelled units of a split: rows, or sequences. */
export function unitsOf(dataset: Pick<Dataset, "level">, split: Split): number {
  return dataset.level === "row" ? rowsOf(split) : sequencesOf(split);
}

/** Modalities of a split, in the order T, A, V. */
export function modalitiesOf(split: Split): Modality[] {
  return modalityOrder.filter((m) => split.x[m]);
}

const mapX = (x: Split["x"], f: (matrix: Matrix) => Matrix): Split["x"] =>
  Object.fromEntries(modalityOrder.flatMap((m) => (x[m] ? [[m, f(x[m])]] : [])));

/** Offsets and rows of the sequences `chosen`, one after the other. */
function gather(offsets: Int32Array, chosen: ArrayLike<number>): { offsets: Int32Array; rows: Int32Array } {
  const packed = new Int32Array(chosen.length + 1);
  for (let i = 0; i < chosen.length; i++) {
    const s = chosen[i];
    if (!(s >= 0 && s < offsets.length - 1))
      throw new DataError(`sequence ${s}: expected 0 to ${offsets.length - 2}, found ${s}. Take it from this split.`);
    packed[i + 1] = packed[i] + offsets[s + 1] - offsets[s];
  }
  const rows = new Int32Array(packed[chosen.length]);
  for (let i = 0; i < chosen.length; i++)
    for (let r = packed[i], from = offsets[chosen[i]]; r < packed[i + 1]; r++, from++) rows[r] = from;
  return { offsets: packed, rows };
}

function takeRows({ width, data }: Matrix, rows: Int32Array): Matrix {
  const out = new Float32Array(rows.length * width);
  rows.forEach((from, to) => out.set(data.subarray(from * width, (from + 1) * width), to * width));
  return { rows: rows.length, width, data: out };
}

function takeUnits<T extends Int32Array | Float32Array>(values: T, units: ArrayLike<number>, each: number): T {
  const length = units.length * each;
  const out = values instanceof Int32Array ? new Int32Array(length) : new Float32Array(length);
  for (let i = 0; i < units.length; i++) for (let k = 0; k < each; k++) out[i * each + k] = values[units[i] * each + k];
  return out as T;
}

/** Whether `count` values are one a row; else they must be one a sequence. */
const perRow = (split: Split, count: number) => count === rowsOf(split);

/** The sequences `chosen` of a split, in that order, as a split of its own. */
export function select(split: Split, chosen: ArrayLike<number>): Split {
  const sequences = Int32Array.from(chosen);
  const { offsets, rows } = gather(split.offsets, sequences);
  const units = (count: number) => (perRow(split, count) ? rows : sequences);
  const { intensity, classes, emotions } = split.labels;
  return {
    offsets,
    ids: Array.from(sequences, (s) => split.ids[s]),
    ...(split.videos && { videos: Array.from(sequences, (s) => split.videos![s]) }),
    ...(split.rowIds && { rowIds: Array.from(rows, (r) => split.rowIds![r]) }),
    x: mapX(split.x, (m) => takeRows(m, rows)),
    labels: {
      ...(intensity && { intensity: takeUnits(intensity, units(intensity.length), 1) }),
      ...(classes && { classes: takeUnits(classes, units(classes.length), 1) }),
      ...(emotions && { emotions: takeUnits(emotions, units(emotions.length / 6), 6) }),
    },
  };
}

/**
 * A split in batches of whole sequences, packed.
 * @param targets as `targetsOf` gives them; undefined when predicting
 * @param size sequences a batch; the last may have fewer, none is left out
 * @param order the order in which sequences are taken; as they lie when absent
 */
export function batches(split: Split, targets: Targets | undefined, size: number, order?: Int32Array): Batch[] {
  const sequences = order ?? Int32Array.from({ length: sequencesOf(split) }, (_, i) => i);
  if (!(size >= 1 && Number.isInteger(size)))
    throw new DataError(`batch size: expected a whole number of sequences from 1, found ${size}. Give --batch N.`);
  const each = targets && !(targets.values instanceof Int32Array) ? targets.outputs : 1;
  const out: Batch[] = [];
  for (let start = 0; start < sequences.length; start += size) {
    const chosen = sequences.subarray(start, start + size);
    const { offsets, rows } = gather(split.offsets, chosen);
    const units = targets && (perRow(split, targets.values.length / each) ? rows : chosen);
    out.push({
      offsets,
      x: mapX(split.x, (m) => takeRows(m, rows)),
      ...(targets && units && { targets: takeUnits(targets.values, units, each) }),
    });
  }
  return out;
}

/** Calls `f` on each split that a data set has. */
function mapSplits(dataset: Dataset, f: (split: Split, name: SplitName) => Split): Pick<Dataset, SplitName> {
  return {
    train: f(dataset.train, "train"),
    ...(dataset.valid && { valid: f(dataset.valid, "valid") }),
    test: f(dataset.test, "test"),
  };
}

/** A data set with new splits; its hash is taken anew. */
export function withSplits(dataset: Dataset, splits: Pick<Dataset, SplitName>): Dataset {
  const { train, valid, test } = splits;
  const made = { ...dataset, train, valid, test, modalities: modalitiesOf(train) };
  return { ...made, hash: hashOf(made) };
}

/**
 * The same data set with fewer modalities.
 * @throws DataError naming those that it has, where one is asked for that it has not
 */
export function withModalities(dataset: Dataset, modalities: readonly Modality[]): Dataset {
  const missing = modalities.filter((m) => !dataset.modalities.includes(m));
  if (missing.length || !modalities.length)
    throw new DataError(
      `${dataset.name}, ${dataset.features}: expected some of the modalities ${dataset.modalities.join("")}, found ` +
        `${modalities.join("") || "none"}. \`npm run data -- list\` says which features would bring the others.`,
    );
  if (modalities.length === dataset.modalities.length) return dataset;
  const keep = modalityOrder.filter((m) => modalities.includes(m));
  const pick = (split: Split): Split => ({ ...split, x: Object.fromEntries(keep.map((m) => [m, split.x[m]])) });
  return withSplits(dataset, mapSplits(dataset, pick));
}

/**
 * Turns padding into real rows of zeros, as released code sees it: every sequence gets `length` rows. For data sets with a label a
 * sequence only: a padded utterance of a video would need a label.
 * @param at where the zeros go: after the steps (YouTube, MOUD) or in front of them (MMMO, MOSI words)
 */
export function padTo(dataset: Dataset, length: number, at: "end" | "front" = "end"): Dataset {
  if (dataset.level === "row")
    throw new DataError(
      `${dataset.name}: expected a data set with a label a sequence, found a label a row. Padded utterances would need labels.`,
    );
  const pad = (split: Split): Split => {
    const n = sequencesOf(split);
    const offsets = Int32Array.from({ length: n + 1 }, (_, i) => i * length);
    const place = ({ width, data }: Matrix): Matrix => {
      const out = new Float32Array(n * length * width);
      for (let s = 0; s < n; s++) {
        const steps = split.offsets[s + 1] - split.offsets[s];
        if (steps > length)
          throw new DataError(
            `sequence ${split.ids[s]}: expected at most ${length} steps, found ${steps}. Pad to more.`,
          );
        const from = data.subarray(split.offsets[s] * width, split.offsets[s + 1] * width);
        out.set(from, (s * length + (at === "front" ? length - steps : 0)) * width);
      }
      return { rows: n * length, width, data: out };
    };
    return { ...split, rowIds: undefined, offsets, x: mapX(split.x, place) };
  };
  return withSplits(dataset, mapSplits(dataset, pad));
}

/**
 * Holds sequences of the training split out for validation: whole videos, drawn by `seed`.
 * @param fraction share of the training videos, above 0 and below 1
 * @throws DataError where the features have seen the labels of the training videos (`leaks` says how), or a split exists
 */
export function holdOut(dataset: Dataset, fraction: number, seed = 1): Dataset {
  const { train } = dataset;
  if (dataset.leaks)
    throw new DataError(
      `${dataset.name}, ${dataset.features}: expected features that saw no training labels, found leaking ones. ${dataset.leaks}.`,
    );
  if (dataset.valid)
    throw new DataError(
      `${dataset.name}: expected no validation split yet, found one. Use the one that the data comes with.`,
    );
  const videoOf = videosOf(train);
  const videos = [...new Set(videoOf)];
  const count = Math.max(1, Math.round(fraction * videos.length));
  if (!(fraction > 0) || count >= videos.length)
    throw new DataError(
      `${dataset.name}: expected a share of ${videos.length} videos that leaves some to train on, found ${fraction}. Give 0.1 or 0.2.`,
    );
  const order = new Rng(seed, "holdOut").permutation(videos.length);
  const out = new Set(Array.from(order.subarray(0, count), (i) => videos[i]));
  const where = (held: boolean) => [...videoOf.keys()].filter((i) => out.has(videoOf[i]) === held);
  return withSplits(dataset, {
    train: select(train, where(false)),
    valid: select(train, where(true)),
    test: dataset.test,
  });
}

/** Numbers and names in a fixed byte order, so that the hash is the same on every machine. */
function littleEndian(values: Float32Array | Int32Array): Uint8Array {
  const out = new DataView(new ArrayBuffer(values.length * 4));
  if (values instanceof Int32Array) values.forEach((v, i) => out.setInt32(i * 4, v, true));
  else values.forEach((v, i) => out.setFloat32(i * 4, v === 0 ? 0 : v, true)); // -0 is 0
  return new Uint8Array(out.buffer);
}

/**
 * SHA-256 of all that a run can see: which rows lie in which sequence and split, features, labels, which sequences share a
 * video, level and label scale. Names (of data set, files, sequences) are not part of it, so the same data in another format has the
 * same hash.
 */
export function hashOf(dataset: Omit<Dataset, "hash">): string {
  const hash = createHash("sha256");
  const put = (name: string, values?: Float32Array | Int32Array) => {
    hash.update(`${name} ${values?.length ?? "-"}\n`);
    if (values) hash.update(littleEndian(values));
  };
  const { scale } = dataset;
  hash.update(`${dataset.level} ${scale ? `${scale.low} ${scale.high} ${scale.positiveFrom}` : "-"}\n`);
  for (const name of splitNames) {
    const split = dataset[name];
    if (!split) continue;
    put(name, split.offsets);
    const first = new Map<string, number>();
    const videos = split.videos?.map((v, i) => first.get(v) ?? (first.set(v, i), i)); // each sequence's first in its video
    put("videos", Int32Array.from(videos ?? split.ids.keys()));
    for (const m of modalityOrder) if (split.x[m]) put(`${m} ${split.x[m].width}`, split.x[m].data);
    put("intensity", split.labels.intensity);
    put("classes", split.labels.classes);
    put("emotions", split.labels.emotions);
  }
  return hash.digest("hex");
}

/** One sequence as a reader finds it: (steps, width) a modality, with the labels of its rows or of the whole. */
export interface RawSequence {
  readonly id: string;
  readonly video?: string;
  readonly rowIds?: readonly string[];
  readonly steps: number;
  readonly x: Readonly<Partial<Record<Modality, Float32Array>>>;
  readonly intensity?: ArrayLike<number>;
  readonly classes?: ArrayLike<number>;
  readonly emotions?: ArrayLike<number>;
}

/** What a reader hands over. */
export interface RawDataset extends Pick<
  Dataset,
  "name" | "features" | "level" | "caveats" | "scale" | "classNames" | "transcript" | "leaks"
> {
  readonly widths: Readonly<Partial<Record<Modality, number>>>;
  readonly splits: Readonly<Partial<Record<SplitName, readonly RawSequence[]>>>;
  readonly repairs?: readonly Repair[];
}

export interface PackOptions {
  /** Fitted on the training rows ("perSplit": on each split, as released), or one fitted before. Default "standardise". */
  readonly scaling?: Scaling | Scaler;
  /** The data is only predicted on: any split may be missing. */
  readonly forPrediction?: boolean;
  /** Keep steps that are 0 in every modality at the ends of a sequence. Default false: they are padding and go. */
  readonly keepPadding?: boolean;
}

/**
 * First and last + 1 step of a sequence that are not 0 in every modality. All-zero steps inside stay: an unknown word
 * takes time too. A sequence without anything keeps one step, so that it can be predicted and counted.
 */
function trueSteps(sequence: RawSequence, widths: RawDataset["widths"]): [number, number] {
  const zero = (step: number) =>
    modalityOrder.every((m) => {
      const width = widths[m] ?? 0;
      return !sequence.x[m]?.subarray(step * width, (step + 1) * width).some((v) => v !== 0);
    });
  let start = 0;
  let end = sequence.steps;
  while (end > start && zero(end - 1)) end--;
  while (start < end && zero(start)) start++;
  return start === end ? [0, 1] : [start, end];
}

function concat(parts: readonly ArrayLike<number>[]): number[] {
  return parts.flatMap((p) => Array.from(p));
}

function packSplit(raw: RawDataset, sequences: readonly RawSequence[], strip: boolean): Split {
  const empty = sequences.find((s) => s.steps < 1);
  if (empty)
    throw new DataError(`${raw.name}, sequence ${empty.id}: expected at least one row, found none. Remove it.`);
  const kept = sequences.map((s) => (strip ? trueSteps(s, raw.widths) : ([0, s.steps] as const)));
  const offsets = new Int32Array(sequences.length + 1);
  kept.forEach(([start, end], i) => (offsets[i + 1] = offsets[i] + end - start));
  const rows = offsets[sequences.length];
  const pack = (m: Modality, width: number): Matrix => {
    const data = new Float32Array(rows * width);
    sequences.forEach((s, i) => {
      const values = s.x[m];
      if (!values || values.length !== s.steps * width)
        throw new DataError(
          `${raw.name}, sequence ${s.id}: expected ${s.steps} steps of ${width} ${m} features, found ` +
            `${values?.length ?? 0} numbers. Is one modality's file of another split or release?`,
        );
      data.set(values.subarray(kept[i][0] * width, kept[i][1] * width), offsets[i] * width);
    });
    return { rows, width, data };
  };
  const all = (key: "intensity" | "classes" | "emotions") => {
    const without = sequences.find((s) => !s[key]);
    if (without && sequences.some((s) => s[key]))
      throw new DataError(
        `${raw.name}, sequence ${without.id}: expected ${key} as other sequences have, found none. ` +
          "A missing label is not a neutral one: mend it or remove the sequence.",
      );
    return sequences.length && !without ? concat(sequences.map((s) => s[key]!)) : undefined;
  };
  const labels: Labels = {
    ...(all("intensity") && { intensity: Float32Array.from(all("intensity")!) }),
    ...(all("classes") && { classes: Int32Array.from(all("classes")!) }),
    ...(all("emotions") && { emotions: Float32Array.from(all("emotions")!) }),
  };
  return {
    offsets,
    ids: sequences.map((s) => s.id),
    ...(sequences.every((s) => s.video !== undefined) && { videos: sequences.map((s) => s.video!) }),
    ...(sequences.every((s) => s.rowIds) && { rowIds: sequences.flatMap((s) => [...s.rowIds!]) }),
    x: Object.fromEntries(modalityOrder.flatMap((m) => (raw.widths[m] ? [[m, pack(m, raw.widths[m])]] : []))),
    labels,
  };
}

/** Sets NaN and infinities to 0, and says how many in which split and modality. */
function repair(split: Split, where: string): Repair[] {
  return modalitiesOf(split).flatMap((m) => {
    const { data } = split.x[m]!;
    let count = 0;
    data.forEach((v, i) => {
      if (Number.isFinite(v)) return;
      data[i] = 0;
      count++;
    });
    return count ? [{ where: `${where}, ${m}`, what: "NaN or infinite, set to 0", count }] : [];
  });
}

/** A video (or, where none is known, a sequence) that lies in two splits would be trained on and tested on. */
function checkSplits(raw: RawDataset, forPrediction: boolean): void {
  const seen = new Map<string, SplitName>();
  for (const name of splitNames)
    for (const { video } of raw.splits[name] ?? []) {
      if (video === undefined) continue;
      const other = seen.get(video);
      if (other !== undefined && other !== name)
        throw new DataError(
          `${raw.name}, video ${video}: expected one split for a whole video, found it in ${other} and ${name}. ` +
            "What is learnt on one part would be tested on the other: give each video one split.",
        );
      seen.set(video, name);
    }
  if (forPrediction) {
    if (splitNames.some((name) => raw.splits[name]?.length)) return;
    throw new DataError(`${raw.name}: expected sequences to predict, found none. Check the files of the folder.`);
  }
  for (const name of ["train", "test"] as const)
    if (!raw.splits[name]?.length)
      throw new DataError(`${raw.name}: expected sequences in ${name}, found none. Check the names of the splits.`);
}

/** A scaling fitted elsewhere fits only features of the same widths. */
function checkedScaler(scaler: Scaler, raw: RawDataset): Scaler {
  for (const m of modalityOrder) {
    const width = raw.widths[m];
    const fitted = scaler[m]; // absent for a modality that the model does not take
    if (width === undefined || !fitted || fitted.shift.length === width) continue;
    throw new DataError(
      `${raw.name}, ${m}: expected ${fitted.shift.length} features, as the model was trained on, found ${width}. ` +
        "Give the same features that it was trained with.",
    );
  }
  return scaler;
}

/** Checks, packs, repairs and scales what a reader found, and takes its hash. */
export function pack(raw: RawDataset, options: PackOptions = {}): Dataset {
  const { scaling = "standardise", keepPadding = false, forPrediction = false } = options;
  checkSplits(raw, forPrediction);
  for (const m of modalityOrder)
    if (raw.widths[m] !== undefined && !(raw.widths[m] >= 1))
      throw new DataError(
        `${raw.name}, ${m}: expected at least one feature, found a width of ${raw.widths[m]}. Remove the file or write it again.`,
      );
  const repairs: Repair[] = [...(raw.repairs ?? [])];
  const splits: Partial<Record<SplitName, Split>> = {};
  for (const name of splitNames) {
    const sequences = raw.splits[name];
    if (!sequences?.length && name === "valid") continue;
    splits[name] = packSplit(raw, sequences ?? [], raw.level === "sequence" && !keepPadding);
    repairs.push(...repair(splits[name], name));
  }
  const train = splits.train!;
  const scaler = typeof scaling === "string" ? fitScaling(scaling, train) : checkedScaler(scaling, raw);
  for (const split of Object.values(splits))
    scaleSplit(split, scaling === "perSplit" ? fitScaling(scaling, split) : scaler);
  const { name, features, level, caveats, scale, classNames, transcript, leaks } = raw;
  const kept = scaling === "perSplit" ? undefined : scaler;
  const about = { name, features, level, caveats, repairs, scale, scaler: kept, classNames, transcript, leaks };
  const made = { ...about, ...splits, train, test: splits.test!, modalities: modalitiesOf(train) };
  return { ...made, hash: hashOf(made) };
}
