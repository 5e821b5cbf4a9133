// The authors' own releases: CIA's pickles (a sample a sequence), their MOSEI .npz and MOSI pickles (a video a sequence).
import * as fs from "node:fs";
import * as path from "node:path";
import { modalityOrder, type Modality, type SplitName } from "../core/types";
import { labelsFromNumbers, withLabels, type PerSplit } from "./arrays";
import { dataError, label } from "./files";
import { checkLabels, type FolderOptions } from "./labels";
import { readArrayFolder, type About, type ArrayLayout } from "./mfn";
import { mosiLeak } from "./mosi";
import type { NdArray } from "./npy";
import { splitNames, type RawDataset, type RawSequence } from "./pack";
import { arrayOf, readPickle, type Pickled } from "./pickle";
import { openNpz, type Npz } from "./zip";

const ciaStem: Readonly<Record<Modality, string>> = { T: "text", A: "covarep", V: "facet" };

const ciaLayout: ArrayLayout = {
  format: "cia-pickle",
  holds: "{text,covarep,facet,y}_{train,valid,test}.p",
  feature: (dir, m, split) => {
    const file = path.join(dir, `${ciaStem[m]}_${split}.p`);
    return fs.existsSync(file) ? file : undefined;
  },
  labels: (dir, split) => path.join(dir, `y_${split}.p`),
  read: (file) => arrayOf(readPickle(file), label(file)),
};

/** CIA's release: one pickled array a modality and split. */
export function readCiaPickles(dir: string, about: About, options: FolderOptions = {}): Promise<RawDataset> {
  return readArrayFolder(dir, ciaLayout, about, options);
}

const stems: Readonly<Record<Modality, string>> = { T: "text", A: "audio", V: "video" };

/** Refuses an array whose dimensions are not `dims`; one more dimension of 1 at the end says nothing. */
const expectShape = ({ shape }: NdArray, where: string, ...dims: (number | "width")[]): void => {
  const fits = (own: readonly number[]) =>
    own.length === dims.length && dims.every((d, i) => d === "width" || d === own[i]);
  if (fits(shape) || (shape[shape.length - 1] === 1 && fits(shape.slice(0, -1)))) return;
  throw dataError(
    where,
    `(${dims.join(", ")})`,
    `shape (${shape.join(", ")})`,
    "Is it a file of another split or release, or transposed?",
  );
};

/** Zero-padded arrays (videos, longest, width) with the true length of each video, as per-row sequences. */
interface PaddedSplit {
  readonly features: Partial<Record<Modality, NdArray>>;
  readonly lengths: NdArray;
  /** (videos, longest) */
  readonly labels?: NdArray;
  /** (videos, longest, 6) */
  readonly emotions?: NdArray;
}

function unpad(
  name: SplitName,
  split: PaddedSplit,
  where: string,
): { sequences: RawSequence[]; labels?: Float32Array } {
  const { features, lengths, labels, emotions } = split;
  const emotionsOf = (i: number, steps: number, longest: number): { emotions?: Float32Array } => {
    if (!emotions) return {};
    const own = emotions.data.subarray(i * longest * 6, (i * longest + steps) * 6);
    checkLabels(own, `${where}, emotions of video ${i} of ${name}`);
    return { emotions: own };
  };
  const modalities = modalityOrder.filter((m) => features[m]);
  const [videos, longest] = features[modalities[0]]!.shape;
  for (const m of modalities) expectShape(features[m]!, `${where}, ${m}, ${name}`, videos, longest, "width");
  expectShape(lengths, `${where}, lengths of ${name}`, videos);
  if (labels) expectShape(labels, `${where}, labels of ${name}`, videos, longest);
  if (emotions) expectShape(emotions, `${where}, emotions of ${name}`, videos, longest, 6);
  const flat: number[] = [];
  const sequences = Array.from(lengths.data, (steps, i): RawSequence => {
    if (!(Number.isInteger(steps) && steps >= 1 && steps <= longest))
      throw dataError(
        `${where}, length of video ${i} of ${name}`,
        `1 to ${longest}`,
        String(steps),
        "The lengths do not belong to these arrays.",
      );
    const x: Partial<Record<Modality, Float32Array>> = {};
    for (const m of modalities) {
      const { shape, data } = features[m]!;
      const width = shape[2];
      const rest = data.subarray((i * longest + steps) * width, (i + 1) * longest * width);
      if (rest.some((v) => v !== 0))
        throw dataError(
          `${where}, ${m}, video ${i} of ${name}`,
          `zeros after its ${steps} utterances`,
          "features",
          "The lengths do not belong to these arrays.",
        );
      x[m] = data.subarray(i * longest * width, (i * longest + steps) * width);
    }
    if (labels) flat.push(...labels.data.subarray(i * longest, i * longest + steps));
    const id = `${name}-${i}`;
    return {
      id,
      video: id,
      rowIds: Array.from({ length: steps }, (_, u) => `${id}[${u}]`),
      steps,
      x,
      ...emotionsOf(i, steps, longest),
    };
  });
  return { sequences, ...(labels && { labels: Float32Array.from(flat) }) };
}

function fromPadded(
  about: About & Pick<RawDataset, "leaks">,
  where: string,
  padded: PerSplit<PaddedSplit>,
  options: FolderOptions,
): RawDataset {
  const read = splitNames.flatMap((name) => (padded[name] ? [[name, unpad(name, padded[name], where)] as const] : []));
  const numbers = Object.fromEntries(read.flatMap(([name, { labels }]) => (labels ? [[name, labels]] : [])));
  const labels = Object.keys(numbers).length ? labelsFromNumbers(numbers, where, options) : {};
  const first = Object.values(padded)[0].features;
  return {
    level: "row",
    widths: Object.fromEntries(modalityOrder.flatMap((m) => (first[m] ? [[m, first[m].shape[2]]] : []))),
    splits: Object.fromEntries(read.map(([name, { sequences }]) => [name, withLabels(sequences, labels, name)])),
    ...(labels.scale && { scale: labels.scale }),
    ...(labels.classNames && { classNames: labels.classNames }),
    ...about,
    caveats: about.caveats ?? [],
  };
}

/** The siblings' MOSEI release: `{text,audio,video}.npz`; lengths and labels lie in video.npz. */
export function readMoseiNpz(dir: string, about: About, options: FolderOptions = {}): RawDataset {
  const where = path.basename(path.resolve(dir));
  const files: Partial<Record<Modality, Npz>> = {};
  for (const m of modalityOrder) {
    const file = path.join(dir, `${stems[m]}.npz`);
    if (fs.existsSync(file)) files[m] = openNpz(file);
  }
  const { V: video } = files;
  if (!video)
    throw dataError(
      `${where}/video.npz`,
      "lengths and labels",
      "no file",
      "A folder in mosei-npz holds {text,audio,video}.npz.",
    );
  const padded: PerSplit<PaddedSplit> = {};
  for (const name of splitNames) {
    if (!video.names.includes(`${name}_length`)) {
      if (name === "valid" || options.forPrediction) continue;
      video.get(`${name}_length`);
    }
    const features: Partial<Record<Modality, NdArray>> = {};
    for (const m of modalityOrder) {
      const file = files[m];
      if (file && (m !== "V" || file.names.includes(`${name}_data`))) features[m] = file.get(`${name}_data`);
    }
    if (!Object.keys(features).length)
      throw dataError(where, `the array ${name}_data in one of the files`, "none", "Fetch the release again.");
    const optional = (key: string) => (video.names.includes(key) ? video.get(key) : undefined);
    const labels = options.forPrediction
      ? {}
      : { labels: video.get(`${name}SentiLabel`), emotions: optional(`${name}EmoLabel`) };
    padded[name] = { features, lengths: video.get(`${name}_length`), ...labels };
  }
  return fromPadded(about, where, padded, options);
}

/** The siblings' MOSI release: one tuple of seven a modality. Its features are bc-LSTM's, so they leak as those do. */
export function readMosiPickles(dir: string, about: About, options: FolderOptions = {}): RawDataset {
  const where = path.basename(path.resolve(dir));
  const padded: PerSplit<PaddedSplit> = {};
  for (const m of modalityOrder) {
    const file = path.join(dir, `${stems[m]}.pickle`);
    if (!fs.existsSync(file)) continue;
    const tuple: Pickled = readPickle(file);
    if (!Array.isArray(tuple) || tuple.length !== 7)
      throw dataError(
        label(file),
        "a tuple (train, labels, test, labels, longest, lengths, lengths)",
        Array.isArray(tuple) ? `${tuple.length} parts` : typeof tuple,
        "Is it a file of another release?",
      );
    const unread = options.forPrediction ? [1, 3, 4] : [4];
    const [train, trainLabel, test, testLabel, , trainLength, testLength] = tuple.map((part, i) =>
      unread.includes(i) ? { shape: [], data: new Float32Array(0) } : arrayOf(part, `${label(file)}, part ${i}`),
    );
    const parts = { train: [train, trainLabel, trainLength], test: [test, testLabel, testLength] } as const;
    for (const name of ["train", "test"] as const) {
      const [features, labels, lengths] = parts[name];
      const other = padded[name];
      if (
        other &&
        (String(other.labels?.data ?? "") !== String(labels.data) ||
          String(other.lengths.data) !== String(lengths.data))
      )
        throw dataError(
          `${label(file)}, ${name}`,
          "the labels and lengths of the other modalities",
          "others",
          "Fetch the three files from one release.",
        );
      padded[name] = {
        features: { ...other?.features, [m]: features },
        lengths,
        ...(!options.forPrediction && { labels }),
      };
    }
  }
  if (!padded.train)
    throw dataError(
      where,
      "text.pickle, audio.pickle or video.pickle",
      "none",
      "A folder in mosi-pickle holds these three.",
    );
  return fromPadded(
    { ...about, caveats: [`No validation split: ${mosiLeak}.`], leaks: mosiLeak },
    where,
    padded,
    options,
  );
}
