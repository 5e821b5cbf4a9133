// A folder of the user's own in one of the field's formats.
import * as fs from "node:fs";
import * as path from "node:path";
import { UsageError, oneOf } from "../core/errors";
import type { Dataset } from "../core/types";
import { readCsdFolder } from "./csd";
import { dataError } from "./files";
import type { FolderOptions } from "./labels";
import { readMfn, type About } from "./mfn";
import { readBcLstm } from "./mosi";
import { readNpyFolder } from "./npyfolder";
import { pack, type PackOptions, type RawDataset } from "./pack";
import { readCiaPickles, readMoseiNpz, readMosiPickles } from "./releases";

type Reader = (dir: string, about: About, options: FolderOptions) => RawDataset | Promise<RawDataset>;

const readers = {
  "bc-lstm-csv": (dir, about, options) => readBcLstm(dir, false, about, options),
  "mfn-h5": readMfn,
  "cmu-csd": readCsdFolder,
  "cia-pickle": readCiaPickles,
  "mosei-npz": readMoseiNpz,
  "mosi-pickle": readMosiPickles,
  npy: readNpyFolder,
} as const satisfies Record<string, Reader>;

export type Format = keyof typeof readers;
export const formats = Object.keys(readers) as readonly Format[];

/**
 * Reads a folder in a known format, whatever it is called and however wide its features are.
 * @param format one of `formats`; layouts are in lib/data/README.md, "Your own data"
 * @throws UsageError on an unknown format, DataError on anything that the files do not hold as the format says
 */
export async function loadFolder(
  dir: string,
  format: string,
  options: FolderOptions & PackOptions = {},
): Promise<Dataset> {
  if (!Object.hasOwn(readers, format))
    throw new UsageError(
      `--format ${format}: expected ${oneOf(formats)}, found ${format}. The layouts are in lib/data/README.md.`,
    );
  if (!fs.existsSync(dir) || !fs.statSync(dir).isDirectory())
    throw dataError(
      `--data ${dir}`,
      "a folder",
      fs.existsSync(dir) ? "a file" : "none",
      "Give the folder that holds the files.",
    );
  const reader: Reader = readers[format as Format];
  const about: About = { name: options.name ?? path.basename(path.resolve(dir)), features: options.features ?? format };
  return pack(await reader(dir, about, options), options);
}
