/** Data for a notebook: what is here, and the synthetic set where nothing is. */
import { mkdirSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { DataError } from "../core/errors";
import type { Dataset, Matrix } from "../core/types";
import { findDataDir, knownDatasets, loadDataset, type LoadOptions } from "../data";
import type { Row } from "../display";

/** Each set of features that we know: whether its files are here and what it is for. */
export function dataHere(): Row[] {
  return knownDatasets.flatMap(({ name, title, features, unusable }) =>
    features.length === 0
      ? [{ "data set": title, features: "-", here: "no", modalities: "-", split: "-", about: unusable }]
      : features.map((set) => ({
          "data set": title,
          features: set.name,
          here: findDataDir(name, set.files) ? "yes" : "no",
          modalities: set.modalities.join(""),
          split: set.split,
          about: set.about,
        })),
  );
}

/**
 * The data set if its files are here, else the synthetic one, saying so and how to get the real one.
 * @param say  told in one line what was loaded
 */
export async function dataOrSynthetic(
  name: string,
  options: LoadOptions = {},
  say: (line: string) => void = console.log,
): Promise<Dataset> {
  try {
    const data = await loadDataset(name, options);
    say(
      `${data.name}, ${data.features}: ${data.modalities.join("")}, ${data.train.offsets.length - 1} training sequences.`,
    );
    return data;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const data = await loadDataset("synthetic");
    say(
      `NOT REAL DATA. ${name} is not here, so this runs on the built-in synthetic set. To get it: npm run data -- fetch ${name}`,
    );
    return data;
  }
}

/** A matrix as a `.npy` file: version 1.0, little-endian float32, C order. */
function npyBytes({ rows, width, data }: Matrix): Buffer {
  const header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${width}), }`;
  const padded = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${padded}`, "latin1");
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(data.buffer, data.byteOffset, data.byteLength)]);
}

/**
 * Writes a data set with a label a row as a folder in the format `npy`: one array a modality and a labels.csv.
 * @throws DataError where labels belong to sequences or are no intensities
 */
export function writeNpyFolder(dataset: Dataset, folder: string): void {
  const splits = (["train", "valid", "test"] as const).flatMap((name) => {
    const split = dataset[name];
    return split ? [{ name, split }] : [];
  });
  if (dataset.level !== "row" || splits.some(({ split }) => !split.labels.intensity))
    throw new DataError(
      `${dataset.name}: expected an intensity for each row, found other labels. Write another data set.`,
    );
  mkdirSync(folder, { recursive: true });
  const stems = { T: "text", A: "audio", V: "video" } as const;
  for (const m of dataset.modalities) {
    const parts = splits.map(({ split }) => split.x[m]!);
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    const data = new Float32Array(rows * parts[0].width);
    let at = 0;
    for (const part of parts) {
      data.set(part.data, at);
      at += part.data.length;
    }
    writeFileSync(path.join(folder, `${stems[m]}.npy`), npyBytes({ rows, width: parts[0].width, data }));
  }
  const lines = splits.flatMap(({ name, split }) =>
    split.ids.flatMap((video, s) =>
      Array.from({ length: split.offsets[s + 1] - split.offsets[s] }, (_, i) => {
        return `${video},${i},${name},${split.labels.intensity![split.offsets[s] + i]}`;
      }),
    ),
  );
  writeFileSync(path.join(folder, "labels.csv"), ["video,start,split,intensity", ...lines].join("\n") + "\n");
}
