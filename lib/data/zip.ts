// .npz archives: a zip reader that checks names, sizes and sums before it believes an entry.
import { inflateRawSync } from "node:zlib";
import { dataError, label, maximumBytes, readBytes } from "./files";
import { decodeNpy, type NdArray } from "./npy";

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly at: number;
}

let table: Uint32Array | undefined;

/** CRC-32 as zip files use it (zlib.crc32 is missing in early Node 20). */
export function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
    return n >>> 0;
  });
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** What numpy calls the array of an entry: x and x.npy are one. */
const arrayName = (entry: string): string => entry.replace(/\.npy$/, "");

/** Entries of a zip archive, from its central directory. */
function entriesOf(bytes: Uint8Array, where: string): Entry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const cut = () =>
    dataError(
      where,
      "a whole zip archive",
      `${bytes.length} bytes without its directory`,
      "It is cut or no .npz: fetch it again.",
    );
  let end = bytes.length - 22;
  while (end >= 0 && end > bytes.length - 65558 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0 || view.getUint32(end, true) !== 0x06054b50) throw cut();
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  const zip64 = () =>
    dataError(where, "a zip archive below 4 GiB", "the Zip64 form of larger ones", "Write it again with numpy.savez.");
  if (count === 0xffff || at === 0xffffffff) throw zip64();
  const entries: Entry[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== 0x02014b50) throw cut();
    const [nameLength, extra, comment] = [28, 30, 32].map((o) => view.getUint16(at + o, true));
    const name = Buffer.from(bytes.subarray(at + 46, at + 46 + nameLength)).toString("utf8");
    const entry = {
      name,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      at: view.getUint32(at + 42, true),
    };
    if (/^[/\\]|^[a-z]:|(^|[/\\])\.\.([/\\]|$)/i.test(name) || name.includes("\0"))
      throw dataError(
        `${where}, entry ${name}`,
        "a name inside the archive",
        "a path that leads out of it",
        "Do not trust this file.",
      );
    if ([entry.packed, entry.size, entry.at].includes(0xffffffff)) throw zip64();
    if (names.has(arrayName(name)))
      throw dataError(`${where}, entry ${name}`, "each name once", "two entries", "Do not trust this file.");
    names.add(arrayName(name));
    entries.push(entry);
    at += 46 + nameLength + extra + comment;
  }
  const total = entries.reduce((sum, e) => sum + e.size, 0);
  if (total > maximumBytes || total > 1032 * bytes.length)
    throw dataError(
      where,
      `at most ${Math.min(maximumBytes, 1032 * bytes.length)} bytes unpacked`,
      String(total),
      "It is a zip bomb or damaged: do not trust this file.",
    );
  return entries;
}

function unpack(bytes: Uint8Array, entry: Entry, where: string): Uint8Array {
  const damaged = (found: string) =>
    dataError(
      `${where}, entry ${entry.name}`,
      `${entry.size} bytes with CRC ${entry.crc}`,
      found,
      "The file is cut or damaged: fetch it again.",
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (entry.at + 30 > bytes.length || view.getUint32(entry.at, true) !== 0x04034b50) throw damaged("no such entry");
  const start = entry.at + 30 + view.getUint16(entry.at + 26, true) + view.getUint16(entry.at + 28, true);
  const packed = bytes.subarray(start, start + entry.packed);
  if (packed.length !== entry.packed) throw damaged(`${packed.length} packed bytes of ${entry.packed}`);
  if (entry.method !== 0 && entry.method !== 8)
    throw dataError(
      `${where}, entry ${entry.name}`,
      "stored or deflated data",
      `compression method ${entry.method}`,
      "Write it with numpy.savez.",
    );
  let out: Uint8Array;
  try {
    out = entry.method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) });
  } catch (error) {
    throw damaged((error as Error).message);
  }
  if (out.length !== entry.size) throw damaged(`${out.length} bytes`);
  if (crc32(out) !== entry.crc) throw damaged("another CRC");
  return out;
}

/** An opened .npz: its names, and each array when it is asked for. */
export interface Npz {
  readonly where: string;
  readonly names: readonly string[];
  get(name: string): NdArray;
}

/**
 * Opens an .npz archive. Arrays are unpacked one by one, when asked for.
 * @throws DataError on a cut or damaged archive, a name that leads outside, or one that unpacks to more than deflate can pack
 */
export function openNpz(file: string): Npz {
  const where = label(file);
  const bytes = readBytes(file);
  const entries = entriesOf(bytes, where);
  const names = entries.map((e) => arrayName(e.name));
  return {
    where,
    names,
    get(name) {
      const i = names.indexOf(name);
      if (i < 0)
        throw dataError(
          where,
          `the array ${name}`,
          names.slice(0, 12).join(", ") || "none",
          "Is it a file of another release?",
        );
      return decodeNpy(unpack(bytes, entries[i], where), `${where}, ${name}`);
    },
  };
}
