// MFN / MFM `new_data` folders: HDF5 arrays (samples, steps, width) and labels under the key `d1`.
import * as fs from "node:fs";
import * as path from "node:path";
import { modalityOrder, type Modality, type SplitName } from "../core/types";
import { labelsFromArrays, sequencesFromArrays, type ColumnOptions, type PerSplit } from "./arrays";
import { dataError } from "./files";
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

/**
 * A `new_data` folder of any widths. A modality is taken where every split that has labels has it; one that only some splits
 * have (the released text of MMMO and YouTube lacks its training part) is left out with a caveat.
 */
export async function readMfn(
  dir: string,
  about: { name: string; features: string; caveats?: readonly string[]; classNames?: readonly string[] },
  options: ColumnOptions = {},
): Promise<RawDataset> {
  const labels: PerSplit<NdArray> = {};
  for (const split of splitNames) {
    const file = path.join(dir, `y_${split}.h5`);
    if (fs.existsSync(file)) labels[split] = await readD1(file);
    else if (split !== "valid")
      throw dataError(`${path.basename(dir)}/y_${split}.h5`, "the labels of this split", "no file", "An mfn-h5 folder holds {text,audio,video,y}_{train,valid,test}.h5.");
  }
  const present = splitNames.filter((split) => labels[split]);
  const caveats = [...(about.caveats ?? [])];
  const features: Partial<Record<Modality, PerSplit<NdArray>>> = {};
  for (const m of modalityOrder) {
    const files = present.map((split) => [split, featureFile(dir, m, split)] as const);
    const missing = files.filter(([, file]) => !file).map(([split]) => split);
    if (missing.length === files.length) continue;
    if (missing.length) {
      caveats.push(`No ${stems[m]}: its files for ${missing.join(", ")} are missing.`);
      continue;
    }
    const arrays: PerSplit<NdArray> = {};
    for (const [split, file] of files) arrays[split] = await readD1(file!);
    features[m] = arrays;
  }
  if (!Object.keys(features).length)
    throw dataError(path.basename(dir), "features of at least one modality in every split", "none", "An mfn-h5 folder holds {text,audio,video,y}_{train,valid,test}.h5.");
  const read = labelsFromArrays(labels, `${path.basename(dir)}/y_SPLIT.h5`, options);
  const raw = sequencesFromArrays({ ...about, caveats }, features, read);
  return about.classNames ? { ...raw, classNames: about.classNames } : raw;
}
