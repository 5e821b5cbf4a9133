/** Reads golden cases: uncompressed or deflated `.npz`, little-endian `.npy` entries in C order, doubles kept as doubles. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { unzipSync } from "fflate";
import { DataError } from "./errors";
import type { GoldenArray, GoldenCase } from "./golden";

const kinds = {
  "|u1": ["uint8", Uint8Array],
  "<i4": ["int32", Int32Array],
  "<f4": ["float32", Float32Array],
  "<f8": ["float64", Float64Array],
} as const;

function decode(bytes: Uint8Array, where: string): GoldenArray {
  const header =
    bytes.length < 10 ? "" : Buffer.from(bytes.subarray(0, 10 + bytes[8] + 256 * bytes[9])).toString("latin1");
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (!header.startsWith("\x93NUMPY") || descr === undefined || shapeText === undefined)
    throw new DataError(`${where}: expected a .npy array, found other bytes; was the file cut or renamed?`);
  const kind = kinds[descr as keyof typeof kinds];
  if (!kind || /'fortran_order':\s*True/.test(header))
    throw new DataError(
      `${where}: expected ${Object.keys(kinds).join(", ")} in C order, found ${descr}${kind ? " in Fortran order" : ""}.`,
    );
  const shape = shapeText.split(",").filter((s) => s.trim()).map(Number); // prettier-ignore
  const size = shape.reduce((a, b) => a * b, 1);
  const body = bytes.slice(header.length); // its own buffer: aligned
  const [dtype, Type] = kind;
  if (body.length !== size * Type.BYTES_PER_ELEMENT)
    throw new DataError(
      `${where}: expected ${size} numbers for shape (${shapeText}), found ${body.length} bytes; the file is cut.`,
    );
  return { dtype, shape, data: new Type(body.buffer, 0, size) };
}

/** @throws DataError naming the file and entry that cannot be read */
export function readGolden(file: string): GoldenCase {
  const name = basename(file).replace(/\.npz$/, "");
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(readFileSync(file));
  } catch (error) {
    throw new DataError(
      `${basename(file)}: expected an .npz archive, found a file that does not open (${(error as Error).message}).`,
    );
  }
  const arrays: Record<string, GoldenArray> = {};
  for (const [entry, bytes] of Object.entries(entries))
    arrays[entry.replace(/\.npy$/, "")] = decode(bytes, `${basename(file)}, ${entry}`);
  const { config: text, ...rest } = arrays;
  if (!text) throw new DataError(`${basename(file)}: expected an entry "config" with the case's JSON, found none.`);
  let config: unknown;
  try {
    config = JSON.parse(Buffer.from(text.data as Uint8Array).toString("utf8"));
  } catch {
    throw new DataError(`${basename(file)}, config: expected JSON in UTF-8, found other text.`);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config))
    throw new DataError(
      `${basename(file)}, config: expected a JSON object with the case's settings, found ${JSON.stringify(config).slice(0, 40)}.`,
    );
  return { name, config: config as GoldenCase["config"], arrays: rest };
}
