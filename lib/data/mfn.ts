// MFN / MFM `new_data` folders: HDF5 arrays (samples, steps, width) and labels under the key `d1`.
import * as fs from "node:fs";
import * as path from "node:path";
import { Rng } from "../core/rng";
import { modalityOrder, type Modality, type SplitName } from "../core/types";
import { labelsFromArrays, sequencesFromArrays, type PerSplit } from "./arrays";
import { dataError } from "./files";
import type { FolderOptions } from "./labels";
import { readArray, withHdf5 } from "./hdf5";
import type { NdArray } from "./npy";
import { splitNames, type RawDataset } from "./pack";

const stems: Readonly<Record<Modality, string>> = { T: "text", A: "audio", V: "video" };

export async function readD1(file: string): Promise<NdArray> {
  return withHdf5(file, (root, where, bytes) => readArray(root, "d1", where, bytes));
}

/** The file of a modality and split: text also comes as `text_{split}_emb.h5`. */
function featureFile(dir: string, m: Modality, split: SplitName): string | undefined {
  const names = [`${stems[m]}_${split}.h5`, ...(m === "T" ? [`text_${split}_emb.h5`] : [])];
  return names.map((name) => path.join(dir, name)).find((file) => fs.existsSync(file));
}

/** How a format lays out one array a modality and split: its file, where there is one, and how it is read. */
export interface ArrayLayout {
  readonly format: string;
  readonly holds: string;
  readonly feature: (dir: string, m: Modality, split: SplitName) => string | undefined;
  readonly labels: (dir: string, split: SplitName) => string;
  readonly read: (file: string) => NdArray | Promise<NdArray>;
}

const mfnLayout: ArrayLayout = {
  format: "mfn-h5",
  holds: "{text,audio,video,y}_{train,valid,test}.h5",
  feature: featureFile,
  labels: (dir, split) => path.join(dir, `y_${split}.h5`),
  read: readD1,
};

/** What is said of a folder that its files do not say. */
export interface About
  extends Pick<RawDataset, "name" | "features">, Partial<Pick<RawDataset, "caveats" | "classNames">> {
  /** A sample is a whole video (MMMO); else nobody knows which samples come from one video. */
  readonly samples?: "videos";
}

/**
 * A folder of arrays of any widths, one file a modality and split. A modality is taken where every split has it; one that only
 * some splits have (the public text of MMMO and YouTube lacks its training part) is left out with a caveat. For prediction no
 * label is read, and a split is there where it has features.
 */
export async function readArrayFolder(
  dir: string,
  layout: ArrayLayout,
  about: About,
  options: FolderOptions = {},
): Promise<RawDataset> {
  const where = path.basename(path.resolve(dir));
  const mend = `A folder in ${layout.format} holds ${layout.holds}.`;
  const labels: PerSplit<NdArray> = {};
  const present: SplitName[] = [];
  for (const split of splitNames) {
    const file = layout.labels(dir, split);
    const here = modalityOrder.some((m) => layout.feature(dir, m, split));
    if (options.forPrediction) {
      if (here) present.push(split);
      continue;
    }
    if (fs.existsSync(file)) labels[split] = await layout.read(file);
    else if (here || split !== "valid")
      throw dataError(`${where}/${path.basename(file)}`, "the labels of this split", "no file", mend);
    if (labels[split] || here) present.push(split);
  }
  const caveats = [...(about.caveats ?? [])];
  const features: Partial<Record<Modality, PerSplit<NdArray>>> = {};
  for (const m of modalityOrder) {
    const files = present.map((split) => [split, layout.feature(dir, m, split)] as const);
    const missing = files.filter(([, file]) => !file).map(([split]) => split);
    if (missing.length === files.length) continue;
    if (missing.length) {
      caveats.push(`${m} is left out: it has no file for ${missing.join(", ")}.`);
      continue;
    }
    const arrays: PerSplit<NdArray> = {};
    for (const [split, file] of files) arrays[split] = await layout.read(file!);
    features[m] = arrays;
  }
  if (!Object.keys(features).length)
    throw dataError(where, "features of at least one modality in every split", "none", mend);
  const read = labelsFromArrays(labels, `${where}/${path.basename(layout.labels(dir, "train"))}`, options);
  const raw = sequencesFromArrays({ ...about, caveats }, features, read, options);
  return about.classNames ? { ...raw, classNames: about.classNames } : raw;
}

/** An MFN / MFM `new_data` folder. */
export function readMfn(dir: string, about: About, options: FolderOptions = {}): Promise<RawDataset> {
  return readArrayFolder(dir, mfnLayout, about, options);
}

/**
 * The samples of MMMO or YouTube that have text (the papers' valid and test samples), split anew: three fifths for training, a fifth
 * each for validation and test, drawn once. Not the papers' protocol: smaller, and utterances of one video may fall apart.
 */
export async function readResplit(dir: string, about: About, options: FolderOptions = {}): Promise<RawDataset> {
  const read = async (name: (split: string) => string): Promise<NdArray> => {
    const parts = [await readD1(path.join(dir, name("valid"))), await readD1(path.join(dir, name("test")))];
    const shape = [parts[0].shape[0] + parts[1].shape[0], ...parts[0].shape.slice(1)];
    if (parts[0].shape.slice(1).join() !== parts[1].shape.slice(1).join())
      throw dataError(
        `${about.name}/${name("test")}`,
        `shape (n, ${parts[0].shape.slice(1).join(", ")}) as in valid`,
        `(${parts[1].shape.join(", ")})`,
        "Fetch the files again.",
      );
    return { shape, data: Float32Array.from([...parts[0].data, ...parts[1].data]) };
  };
  const all = {
    T: await read((split) => `text_${split}_emb.h5`),
    A: await read((split) => `audio_${split}.h5`),
    V: await read((split) => `video_${split}.h5`),
  };
  const y = await read((split) => `y_${split}.h5`);
  const n = y.shape[0];
  const order = new Rng(1, "resplit").permutation(n);
  const [valid, test] = [Math.floor(0.6 * n), Math.floor(0.8 * n)];
  const bounds: Record<SplitName, [number, number]> = { train: [0, valid], valid: [valid, test], test: [test, n] };
  const deal = ({ shape, data }: NdArray): PerSplit<NdArray> => {
    const size = data.length / n;
    return Object.fromEntries(
      splitNames.map((name) => {
        const chosen = order.subarray(...bounds[name]);
        const picked = new Float32Array(chosen.length * size);
        chosen.forEach((sample, i) => picked.set(data.subarray(sample * size, (sample + 1) * size), i * size));
        return [name, { shape: [chosen.length, ...shape.slice(1)], data: picked }];
      }),
    );
  };
  const labels = labelsFromArrays(deal(y), `${about.name}/y_SPLIT.h5`, options);
  const features = { T: deal(all.T), A: deal(all.A), V: deal(all.V) };
  return sequencesFromArrays({ caveats: [], ...about }, features, labels);
}
