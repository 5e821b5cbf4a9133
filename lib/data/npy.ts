// NumPy's .npy arrays and .npz archives, decoded here: Node 20 and 22 have no Float16Array.
import { dataError, label, maximumBytes, readBytes } from "./files";

/** An array of numbers in C order, in single precision (doubles are rounded once, here). */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

let halves: Float32Array | undefined;

/** All 65,536 half-precision numbers, by their bits (IEEE 754 binary16). */
function halfTable(): Float32Array {
  return (halves ??= Float32Array.from({ length: 65536 }, (_, bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return exponent === 0 ? sign * 2 ** -24 * fraction : sign * 2 ** (exponent - 25) * (1024 + fraction);
  }));
}

type Reader = (view: DataView, at: number, little: boolean) => number;
const readers: Readonly<Record<string, Reader>> = {
  f2: (v, i, l) => halfTable()[v.getUint16(i, l)],
  f4: (v, i, l) => v.getFloat32(i, l),
  f8: (v, i, l) => v.getFloat64(i, l),
  i1: (v, i) => v.getInt8(i),
  i2: (v, i, l) => v.getInt16(i, l),
  i4: (v, i, l) => v.getInt32(i, l),
  i8: (v, i, l) => Number(v.getBigInt64(i, l)),
  u1: (v, i) => v.getUint8(i),
  u2: (v, i, l) => v.getUint16(i, l),
  u4: (v, i, l) => v.getUint32(i, l),
  u8: (v, i, l) => Number(v.getBigUint64(i, l)),
  b1: (v, i) => (v.getUint8(i) ? 1 : 0),
};

/** Number of entries of a shape, refused where it is no shape or more than a reader takes. */
export function sizeOf(shape: readonly number[], where: string): number {
  const size = shape.reduce((a, b) => a * b, 1);
  const without0 = shape.reduce((a, b) => a * (b || 1), 1); // a dimension of 0 hides no huge one
  if (shape.length > 64 || !shape.every((d) => Number.isInteger(d) && d >= 0) || without0 * 4 > maximumBytes)
    throw dataError(
      where,
      `an array of at most ${maximumBytes} bytes and 64 dimensions`,
      shape.length > 64 ? `${shape.length} dimensions` : `shape (${shape.join(", ")})`,
      "Split the file.",
    );
  return size;
}

/**
 * Numbers from the bytes of a NumPy array.
 * @param dtype as in its `descr`: byte order, kind and width, such as `<f4`, `>f8`, `|b1`
 * @param fortran columns first: turned into C order
 */
export function decodeArray(
  bytes: Uint8Array,
  dtype: string,
  shape: readonly number[],
  fortran: boolean,
  where: string,
): NdArray {
  const kind = /^[<>|=]?([fiub][1248])$/.exec(dtype)?.[1] ?? "";
  const read = readers[kind];
  if (!read)
    throw dataError(where, "numbers (float16, 32, 64, integers or booleans)", `dtype ${dtype}`, "Save it as float32.");
  const width = Number(kind[1]);
  const size = sizeOf(shape, where);
  if (bytes.byteLength !== size * width) {
    const found = `${bytes.byteLength}`;
    throw dataError(
      where,
      `${size * width} bytes for shape (${shape.join(", ")})`,
      found,
      "The file is cut or damaged: fetch it again.",
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = dtype[0] !== ">";
  const data = new Float32Array(size);
  if (!fortran || shape.length < 2) {
    for (let i = 0; i < size; i++) data[i] = read(view, i * width, little);
    return { shape: [...shape], data };
  }
  const index = new Array<number>(shape.length).fill(0); // C-order counter; its Fortran position is read
  const strides = shape.map((_, d) => shape.slice(0, d).reduce((a, b) => a * b, 1));
  for (let i = 0; i < size; i++) {
    data[i] = read(view, index.reduce((sum, k, d) => sum + k * strides[d], 0) * width, little);
    for (let d = shape.length - 1; d >= 0 && ++index[d] === shape[d]; d--) index[d] = 0;
  }
  return { shape: [...shape], data };
}

/** Decodes the bytes of one .npy file, versions 1 to 3. */
export function decodeNpy(bytes: Uint8Array, where: string): NdArray {
  const cut = () =>
    dataError(where, "a whole .npy header", `${bytes.length} bytes`, "The file is cut: fetch it again.");
  if (bytes.length < 10) throw cut();
  if (Buffer.from(bytes.subarray(0, 6)).toString("latin1") !== "\x93NUMPY")
    throw dataError(
      where,
      "a NumPy .npy file",
      "other first bytes",
      "Was the file renamed, or is it a Git LFS pointer?",
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = bytes[6] === 1 ? 10 : 12;
  if (bytes.length < start) throw cut();
  const length = bytes[6] === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) throw cut();
  const header = Buffer.from(bytes.subarray(start, start + length)).toString("latin1");
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || dims === undefined)
    throw dataError(
      where,
      "a plain array with descr, fortran_order and shape",
      header.trim().slice(0, 80),
      "Save it as float32.",
    );
  const shape = dims
    .split(",")
    .map((d) => d.trim().replace(/L$/, "")) // Python 2 writes (3L, 10L)
    .filter((d) => d !== "")
    .map(Number);
  return decodeArray(bytes.subarray(start + length), descr, shape, order === "True", where);
}

/** Reads one .npy file. */
export function readNpy(file: string): NdArray {
  return decodeNpy(readBytes(file), label(file));
}
