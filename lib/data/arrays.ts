// Arrays (samples, steps, width) and their labels into sequences: what the HDF5, pickle and npz releases hold.
import { modalityOrder, type Dataset, type LabelLevel, type Modality, type SplitName } from "../core/types";
import { dataError } from "./files";
import { checkLabels, classCount, inSingle, scaleOf, type FolderOptions, type LabelOptions } from "./labels";
import type { NdArray } from "./npy";
import { splitNames, type RawDataset, type RawSequence } from "./pack";

export type PerSplit<T> = Partial<Record<SplitName, T>>;

const oneHot = ({ shape, data }: NdArray): boolean => {
  const [n, k] = shape;
  return Array.from({ length: n }, (_, i) => data.subarray(i * k, (i + 1) * k)).every(
    (row) => row.every((v) => v === 0 || v === 1) && row.reduce((a, b) => a + b, 0) === 1,
  );
};

/** Labels as read, one entry a unit, with their scale or class names. */
export interface ReadLabels {
  readonly intensity?: PerSplit<Float32Array>;
  readonly classes?: PerSplit<Int32Array>;
  readonly scale?: Dataset["scale"];
  readonly classNames?: readonly string[];
}

/**
 * Labels from one number a unit: 0/1 are two classes; whole numbers 0 .. n - 1 are classes and intensities; else intensities.
 * One fraction in any split makes all of them intensities: as a class it would be cut to the whole number below.
 * @throws DataError on a label that is not finite or outside the range, and on a class that training has not
 */
export function labelsFromNumbers(values: PerSplit<Float32Array>, where: string, given: LabelOptions = {}): ReadLabels {
  const options = inSingle(given);
  for (const name of splitNames) if (values[name]) checkLabels(values[name], `${where}, ${name}`, options.labelRange);
  const train = values.train ?? values.test ?? new Float32Array(0);
  const n = splitNames.every((name) => values[name]?.every(Number.isInteger) ?? true) ? classCount(train) : undefined;
  const classes = n && {
    classNames: n === 2 ? ["negative", "positive"] : Array.from({ length: n }, (_, i) => `class ${i}`),
    classes: Object.fromEntries(
      splitNames.flatMap((name) => {
        if (!values[name]) return [];
        checkLabels(values[name], `${where}, ${name}`, [0, n - 1]);
        return [[name, Int32Array.from(values[name])]];
      }),
    ),
  };
  if (n === 2 && !options.labelRange) return classes as ReadLabels;
  return { ...(classes || {}), intensity: values, scale: scaleOf(train, options) };
}

/** Labels from arrays (units), (units, 1) or (units, columns): several columns are one-hot classes, or one of them is named. */
export function labelsFromArrays(arrays: PerSplit<NdArray>, where: string, options: FolderOptions = {}): ReadLabels {
  const train = arrays.train ?? arrays.test;
  if (!train) return {};
  const columns = train.shape.length > 1 ? train.shape[train.shape.length - 1] : 1;
  if (!columns)
    throw dataError(where, "at least one label column", `shape (${train.shape.join(", ")})`, "Is the file damaged?");
  for (const name of splitNames) {
    const shape = arrays[name]?.shape;
    if (shape && (shape.length > 2 || (shape.length > 1 ? shape[1] : 1) !== columns))
      throw dataError(
        `${where}, ${name}`,
        `labels (units) or (units, ${columns})`,
        `shape (${shape.join(", ")})`,
        "Is it a feature file renamed?",
      );
  }
  const { labelColumn } = options;
  if (
    labelColumn !== undefined &&
    !(typeof labelColumn === "number" && Number.isInteger(labelColumn) && labelColumn >= 0 && labelColumn < columns)
  )
    throw dataError(where, `a label column from 0 to ${columns - 1}`, String(labelColumn), "Count columns from 0.");
  const pick = (column: number): PerSplit<Float32Array> =>
    Object.fromEntries(
      splitNames.flatMap((name) => {
        const a = arrays[name];
        return a ? [[name, Float32Array.from({ length: a.shape[0] }, (_, i) => a.data[i * columns + column])]] : [];
      }),
    );
  if (columns === 1 || labelColumn !== undefined) return labelsFromNumbers(pick(labelColumn ?? 0), where, options);
  if (!splitNames.every((name) => !arrays[name] || oneHot(arrays[name])))
    throw dataError(
      where,
      "one label column, one-hot classes or a named column",
      `${columns} columns`,
      `Give --label-column N, 0 to ${columns - 1}.`,
    );
  const classOf = ({ shape, data }: NdArray) =>
    Int32Array.from({ length: shape[0] }, (_, i) => data.subarray(i * columns, (i + 1) * columns).indexOf(1));
  return {
    classes: Object.fromEntries(splitNames.flatMap((name) => (arrays[name] ? [[name, classOf(arrays[name])]] : []))),
    classNames: columns === 2 ? ["negative", "positive"] : Array.from({ length: columns }, (_, i) => `class ${i}`),
  };
}

/** Sequences with their share of the labels of a split, which lie one after the other: one a row, or one a sequence. */
export function withLabels(
  sequences: readonly RawSequence[],
  labels: ReadLabels,
  name: SplitName,
  level: LabelLevel = "row",
): RawSequence[] {
  let at = 0;
  return sequences.map((s) => {
    const [from, to] = [at, (at += level === "row" ? s.steps : 1)];
    const [intensity, classes] = [labels.intensity?.[name], labels.classes?.[name]];
    return {
      ...s,
      ...(intensity && { intensity: intensity.subarray(from, to) }),
      ...(classes && { classes: classes.subarray(from, to) }),
    };
  });
}

/** One sequence a sample, from arrays (samples, steps, width) of each modality and one label a sample. */
export function sequencesFromArrays(
  {
    samples: sampleIs,
    ...about
  }: Pick<RawDataset, "name" | "features" | "caveats" | "leaks" | "classNames"> & { readonly samples?: "videos" },
  features: Partial<Record<Modality, PerSplit<NdArray>>>,
  labels: ReadLabels,
  options: FolderOptions = {},
): RawDataset {
  const modalities = modalityOrder.filter((m) => features[m]);
  const widths: Partial<Record<Modality, number>> = {};
  for (const m of modalities)
    for (const name of splitNames) {
      const shape = features[m]![name]?.shape;
      if (!shape) continue;
      if (shape.length !== 3)
        throw dataError(
          `${about.name}, ${m}, ${name}`,
          "features (samples, steps, width)",
          `shape (${shape.join(", ")})`,
          "Is it a label file renamed?",
        );
      if (shape[0] && !(shape[1] && shape[2]))
        throw dataError(
          `${about.name}, ${m}, ${name}`,
          "at least one step and one feature",
          `shape (${shape.join(", ")})`,
          "The file holds nothing: write it again.",
        );
      widths[m] ??= shape[2];
      if (shape[2] !== widths[m])
        throw dataError(
          `${about.name}, ${m}, ${name}`,
          `width ${widths[m]} as in train`,
          `${shape[2]}`,
          "Was another modality's file renamed?",
        );
    }
  const read = (name: SplitName): RawSequence[] => {
    const first = features[modalities[0]]?.[name];
    const units = labels.classes?.[name] ?? labels.intensity?.[name];
    if (!first || (!units && !options.forPrediction)) return [];
    const [samples, steps] = first.shape;
    for (const m of modalities) {
      const shape = features[m]![name]?.shape ?? [];
      if (shape[0] !== samples || shape[1] !== steps)
        throw dataError(
          `${about.name}, ${m}, ${name}`,
          `${samples} samples of ${steps} steps as in ${modalities[0]}`,
          `shape (${shape.join(", ")})`,
          "Is it the file of another split?",
        );
    }
    if (units && units.length !== samples)
      throw dataError(
        `${about.name}, labels, ${name}`,
        `${samples}, one a sample`,
        `${units.length}`,
        "Is it the label file of another split?",
      );
    return Array.from({ length: samples }, (_, i) => ({
      id: `${name}-${i}`,
      ...(sampleIs === "videos" && { video: `${name}-${i}` }),
      steps,
      x: Object.fromEntries(
        modalities.map((m) => [
          m,
          features[m]![name]!.data.subarray(i * steps * widths[m]!, (i + 1) * steps * widths[m]!),
        ]),
      ),
      ...(labels.intensity?.[name] && { intensity: [labels.intensity[name][i]] }),
      ...(labels.classes?.[name] && { classes: [labels.classes[name][i]] }),
    }));
  };
  return {
    level: "sequence",
    widths,
    splits: Object.fromEntries(splitNames.map((name) => [name, read(name)])),
    ...(labels.scale && { scale: labels.scale }),
    ...(labels.classNames && { classNames: labels.classNames }),
    ...about,
  };
}
