/** Named arrays to and from `.npz`, in their own precision; the same arrays give the same bytes (no times inside). */
import { unzipSync, zipSync, type Zippable } from "fflate";
import { RecordError } from "../core/errors";

export type NpzData = Float32Array | Float64Array | Int32Array | Uint16Array | Uint8Array;
export interface NpzArray {
  readonly shape: readonly number[];
  readonly data: NpzData;
}

const kinds = [
  ["<f4", Float32Array],
  ["<f8", Float64Array],
  ["<i4", Int32Array],
  ["<u2", Uint16Array],
  ["|u1", Uint8Array],
] as const;

/** `.npy`, version 1, C order, little-endian (as the memory of every machine that Node runs on). */
function encodeNpy({ shape, data }: NpzArray): Uint8Array {
  const [descr] = kinds.find(([, type]) => data instanceof type)!;
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const out = new Uint8Array(10 + header.length + data.byteLength);
  out.set([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8]);
  out.set(Buffer.from(header, "latin1"), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
  return out;
}

function decodeNpy(bytes: Uint8Array, where: string): NpzArray {
  const refuse = (found: string) =>
    new RecordError(
      `${where}: expected an array as this program writes it, found ${found}. Was the file changed or cut?`,
    );
  if (bytes.length < 10 || bytes[0] !== 0x93) throw refuse(`${bytes.length} bytes that are no .npy`);
  const length = bytes[8] | (bytes[9] << 8);
  const header = Buffer.from(bytes.subarray(10, 10 + length)).toString("latin1");
  const found = /'descr': '([^']+)', 'fortran_order': False, 'shape': \(([^)]*)\)/.exec(header);
  const kind = kinds.find(([descr]) => descr === found?.[1]);
  if (!found || !kind) throw refuse(header.trim().slice(0, 60));
  const shape = found[2].split(",").filter((d) => d.trim() !== "").map(Number); // prettier-ignore
  const size = shape.reduce((a, b) => a * b, 1);
  const body = bytes.slice(10 + length); // a copy: aligned
  const type = kind[1];
  if (body.length !== size * type.BYTES_PER_ELEMENT)
    throw refuse(`${body.length} bytes for shape (${shape.join(", ")})`);
  return { shape, data: new type(body.buffer, 0, size) };
}

/** The bytes of an `.npz`, deflated. */
export function encodeNpz(arrays: Readonly<Record<string, NpzArray>>): Uint8Array {
  const files: Zippable = {};
  for (const name of Object.keys(arrays).sort()) files[`${name}.npy`] = encodeNpy(arrays[name]);
  return zipSync(files, { level: 9, mtime: new Date(1980, 0, 1) });
}

/** @param where  for messages: the file's name */
export function decodeNpz(bytes: Uint8Array, where: string): Record<string, NpzArray> {
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter({ name, size, originalSize }) {
        // Room is made for what an entry claims, and deflate packs no more than 1032 bytes into one.
        if (originalSize > 1032 * size) throw new Error(`${name} of ${originalSize} bytes, packed in ${size}`);
        return true;
      },
    });
  } catch (error) {
    throw new RecordError(`${where}: expected an .npz archive, found ${(error as Error).message}. Was the file cut?`);
  }
  return Object.fromEntries(
    Object.entries(files).map(([name, data]) => [name.replace(/\.npy$/, ""), decodeNpy(data, `${where}, ${name}`)]),
  );
}
