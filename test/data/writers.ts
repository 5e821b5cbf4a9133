// Small writers of the field's formats, for folders that no public file shows.
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../lib/data/zip";
import { projectRoot } from "../../lib/data/files";

/** An array to write: numbers in C order. */
export interface Nd {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export const nd = (shape: readonly number[], data: ArrayLike<number>): Nd => ({ shape, data });

const made: string[] = [];
process.on("exit", () => made.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** A folder that goes away with the process. */
export function temporary(): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "cia-data-"));
  made.push(dir);
  return dir;
}

/** A folder of its own with these files. */
export function folder(files: Record<string, Uint8Array | string>): string {
  const dir = temporary();
  for (const [name, bytes] of Object.entries(files)) fs.writeFileSync(path.join(dir, name), bytes);
  return dir;
}

export interface ArrayOracle {
  shape: number[];
  values: number[];
  half: { bytes: string; values: string[] };
  npy: Record<string, string>;
  integers: Record<string, string>;
  bool: string;
  text: string;
  npz: string;
  "npz compressed": string;
  pickles: Record<string, string>;
  python: string;
  evil: Record<string, string>;
  hdf5: Record<string, string>;
}

/** Files that NumPy, h5py and pickle wrote (test/oracles/arrays.py). */
export const oracle = JSON.parse(
  fs.readFileSync(path.join(projectRoot(), "test", "oracles", "arrays.json"), "utf8"),
) as ArrayOracle;
/** Pickles that Python 2.7 and NumPy 1.16 wrote (test/oracles/pickles_python2.py). */
export const python2 = JSON.parse(
  fs.readFileSync(path.join(projectRoot(), "test", "oracles", "pickles_python2.json"), "utf8"),
) as { pickles: Record<string, string>; tuple: string };
export const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

export type Kind = "<f4" | "<f8" | "<i8";

function raw({ shape, data }: Nd, kind: Kind, fortran = false): Buffer {
  const width = Number(kind[2]);
  const out = Buffer.alloc(data.length * width);
  const put = (value: number, at: number) =>
    kind === "<f4"
      ? out.writeFloatLE(value, at * 4)
      : kind === "<f8"
        ? out.writeDoubleLE(value, at * 8)
        : out.writeBigInt64LE(BigInt(value), at * 8);
  for (let i = 0; i < data.length; i++) {
    let [rest, to, stride] = [i, 0, 1];
    const index = shape.map(() => 0);
    for (let d = shape.length - 1; d >= 0; d--) [index[d], rest] = [rest % shape[d], Math.floor(rest / shape[d])];
    shape.forEach((n, d) => ([to, stride] = [to + index[d] * stride, stride * n]));
    put(data[i], fortran ? to : i);
  }
  return out;
}

const tuple = (shape: readonly number[]) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** A .npy file, version 1.0. */
export function npy(array: Nd, kind: Kind = "<f4", fortran = false): Buffer {
  const head = `{'descr': '${kind}', 'fortran_order': ${fortran ? "True" : "False"}, 'shape': ${tuple(array.shape)}, }`;
  const padded = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00..", "latin1");
  start.writeUInt16LE(padded.length, 8);
  return Buffer.concat([start, Buffer.from(padded, "latin1"), raw(array, kind, fortran)]);
}

/** A zip archive; `size` states another unpacked size than the true one. */
export function zip(entries: readonly { name: string; bytes: Uint8Array; size?: number; stored?: boolean }[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, size = bytes.length, stored = false } of entries) {
    const packed = stored ? Buffer.from(bytes) : deflateRawSync(bytes);
    const named = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(stored ? 0 : 8, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(size, 18);
    fields.writeUInt16LE(named.length, 22);
    parts.push(Buffer.from("PK\x03\x04", "latin1"), fields, named, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, named);
    at += 30 + named.length + packed.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, listed, end]);
}

/** An .npz archive of arrays. */
export function npz(arrays: Record<string, Nd>, kind: Kind = "<f4"): Buffer {
  return zip(Object.entries(arrays).map(([name, a]) => ({ name: `${name}.npy`, bytes: npy(a, kind) })));
}

/** An array as Python 2 pickled it: protocol 2, byte strings, `numpy.core`. */
export function pickledArray(array: Nd, kind: Kind = "<f4", fortran = false): Buffer {
  const data = raw(array, kind, fortran);
  const int = (n: number) => {
    const b = Buffer.alloc(5);
    b.write("J", "latin1");
    b.writeInt32LE(n, 1);
    return b;
  };
  const short = (s: string) => Buffer.concat([Buffer.from([0x55, s.length]), Buffer.from(s, "latin1")]);
  const long = Buffer.alloc(5);
  long.write("T", "latin1");
  long.writeUInt32LE(data.length, 1);
  const text = (s: string) => Buffer.from(s, "latin1");
  return Buffer.concat([
    text("cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"),
    text("K\x00\x85"),
    short("b"),
    text("\x87R(K\x01("),
    ...array.shape.map(int),
    text("tcnumpy\ndtype\n"),
    short(kind.slice(1)),
    text("K\x00K\x01\x87R(K\x03"),
    short("<"),
    text("NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"),
    text(fortran ? "\x88" : "\x89"),
    long,
    data,
    text("tb"),
  ]);
}

/** A pickle of one array, or of a tuple of arrays and whole numbers. */
export function pickle(value: Nd | readonly (Nd | number)[], kind: Kind = "<f4", fortran = false): Buffer {
  const one = (v: Nd | number) =>
    typeof v === "number" ? Buffer.from(`I${v}\n`, "latin1") : pickledArray(v, kind, fortran);
  const body = Array.isArray(value)
    ? Buffer.concat([Buffer.from("("), ...value.map(one), Buffer.from("t")])
    : one(value as Nd);
  return Buffer.concat([Buffer.from("\x80\x02", "latin1"), body, Buffer.from(".")]);
}

let files = 0;

/** An HDF5 file with these data sets, by their paths. */
export async function hdf5(
  datasets: Record<string, Nd | readonly string[]>,
  kind: "<f4" | "<f8" = "<f8",
): Promise<Uint8Array> {
  const { h5wasm } = await import("h5wasm");
  const { FS } = await h5wasm.ready;
  const name = `/written-${files++}.h5`;
  const file = new h5wasm.File(name, "w");
  for (const [at, value] of Object.entries(datasets)) {
    const steps = at.split("/");
    let group: InstanceType<typeof h5wasm.Group> = file;
    for (const step of steps.slice(0, -1))
      group = group.keys().includes(step) ? (group.get(step) as typeof group) : group.create_group(step);
    const leaf = steps[steps.length - 1];
    if ("shape" in value) {
      const data = kind === "<f4" ? Float32Array.from(value.data) : Float64Array.from(value.data);
      group.create_dataset({ name: leaf, data, shape: [...value.shape] });
    } else group.create_dataset({ name: leaf, data: [...value] });
  }
  file.close();
  const bytes = Uint8Array.from(FS.readFile(name));
  FS.unlink(name);
  return bytes;
}

/** Rows as CSV lines. */
export const csv = (rows: readonly (readonly (string | number)[])[]): string =>
  rows.map((r) => r.join(",")).join("\n") + "\n";
