// HDF5 through h5wasm, in its in-memory file system: nothing a file names (links, external storage) can reach the disk.
import type { Dataset as H5Dataset, Group } from "h5wasm" with { "resolution-mode": "import" };
import { DataError } from "../core/errors";
import { dataError, label, readBytes } from "./files";
import { sizeOf, type NdArray } from "./npy";

/** deflate, shuffle, fletcher32: what the reader decodes right. It returns garbage for lzf without an error. */
const known = new Set([1, 2, 3]);
let opened = 0;

/**
 * Opens an HDF5 file, calls `use` with its root and closes it.
 * @throws DataError where it is no HDF5, or cut
 */
export async function withHdf5<T>(file: string, use: (root: Group, where: string, fileBytes: number) => T): Promise<T> {
  const where = label(file);
  const bytes = readBytes(file);
  const signature = Buffer.from(bytes.subarray(0, 8)).toString("latin1");
  if (signature !== "\x89HDF\r\n\x1a\n")
    throw dataError(where, "an HDF5 file", "other first bytes", "Was the file renamed, or is it a Git LFS pointer?");
  const { h5wasm } = await import("h5wasm");
  const module = await h5wasm.ready;
  (module as unknown as { activate_throwing_error_handler(): void }).activate_throwing_error_handler();
  const { FS } = module;
  // External storage may name a device, and /dev/null gives zeros for any array: the opened file shall be the only one.
  for (const device of FS.readdir("/dev") as string[])
    if (!FS.isDir(FS.lstat(`/dev/${device}`).mode)) FS.unlink(`/dev/${device}`);
  const name = `/file-${opened++}.h5`;
  module.FS.writeFile(name, bytes);
  try {
    const root = new h5wasm.File(name, "r");
    try {
      return use(root, where, bytes.length);
    } finally {
      root.close();
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    const last =
      String((error as Error).message)
        .match(/(?<=\(\): ).+$/gm)
        ?.pop() ?? String(error);
    throw dataError(
      where,
      "a whole HDF5 file",
      `an error of the HDF5 library (${last.trim().slice(0, 160)})`,
      "The file is cut, damaged, or keeps its data elsewhere: fetch it again.",
    );
  } finally {
    module.FS.unlink(name);
  }
}

/** The group or data set at `key`; links out of the file are refused. */
export function entity(group: Group, key: string, where: string): Group | H5Dataset {
  const found = group.get(key);
  if (found === null)
    throw dataError(
      where,
      `the key ${key}`,
      group.keys().slice(0, 8).join(", ") || "none",
      "Is it a file of another format?",
    );
  const type = "type" in found ? String(found.type) : "Reference";
  if (type === "Dataset") return found as H5Dataset;
  if (type === "Group") return found as Group;
  throw dataError(
    `${where}, ${key}`,
    "data inside the file",
    `a link (${type})`,
    "Links are not followed: store the data in the file.",
  );
}

function checked(group: Group, key: string, where: string): H5Dataset {
  const dataset = entity(group, key, where);
  if (dataset.type !== "Dataset")
    throw dataError(`${where}, ${key}`, "a data set", "a group", "Is it a file of another format?");
  const h5 = dataset as H5Dataset;
  const filter = h5.filters.find((f) => !known.has(f.id));
  if (filter)
    throw dataError(
      `${where}, ${key}`,
      "no compression or gzip",
      `the filter ${filter.name || filter.id}`,
      "Rewrite it: `h5repack -f GZIP=4 IN OUT`.",
    );
  if (h5.metadata.virtual_sources)
    throw dataError(`${where}, ${key}`, "data inside the file", "a virtual data set", "Copy its data into the file.");
  return h5;
}

/** Bytes that a data set declares: no honest file unpacks to more than 1032 times its size (the limit of deflate). */
function declaredBytes(dims: readonly number[], size: number, at: string, fileBytes: number): number {
  const bytes = sizeOf(dims, at) * size;
  if (bytes > 1032 * fileBytes)
    throw dataError(
      at,
      `at most ${1032 * fileBytes} bytes`,
      `shape (${dims.join(", ")})`,
      "The file does not hold what it declares: fetch it again.",
    );
  return bytes;
}

/**
 * A data set of numbers, in single precision.
 * @param fileBytes size of the file, which limits what it can hold
 */
export function readArray(group: Group, key: string, where: string, fileBytes = Infinity): NdArray {
  const h5 = checked(group, key, where);
  const { type, size, shape } = h5.metadata;
  const at = `${where}, ${key}`;
  if (type !== 0 && type !== 1)
    throw dataError(at, "numbers", `values of type ${String(h5.dtype)}`, "Is it a file of words or another format?");
  if (type === 1 && size !== 4 && size !== 8)
    throw dataError(at, "float32 or float64", `floats of ${size} bytes`, "Save it as float32.");
  const dims = shape ?? [];
  if (declaredBytes(dims, size, at, fileBytes) === 0) return { shape: dims, data: new Float32Array(0) };
  const value = h5.value as ArrayLike<number | bigint>;
  return { shape: dims, data: value instanceof Float32Array ? value : Float32Array.from(value, Number) };
}

/** A data set of strings (fixed or variable length), flattened. */
export function readStrings(group: Group, key: string, where: string, fileBytes = Infinity): string[] {
  const h5 = checked(group, key, where);
  const { shape, size } = h5.metadata;
  declaredBytes(shape ?? [], Math.max(size, 1), `${where}, ${key}`, fileBytes);
  const value = h5.value;
  if (!Array.isArray(value) || !value.every((v) => typeof v === "string"))
    throw dataError(`${where}, ${key}`, "words", `values of type ${String(h5.dtype)}`, "Is it a file of numbers?");
  return value as string[];
}
