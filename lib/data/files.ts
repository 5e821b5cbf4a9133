// Where data files are, and how one is read: found in the search order, sized before it is read, refused in one form.
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError } from "../core/errors";
import { knownFiles } from "./sources";

/** The largest array after unpacking that a reader takes (4 GiB): a guard, not a limit of the format. */
export const maximumBytes = 2 ** 32;

/** The largest file that Node reads in one piece (2 GiB less a byte). */
export const maximumFile = 2 ** 31 - 1;

/** Project root: the folder of package.json, from the built file's own place or from the source's. */
export function projectRoot(from = __dirname): string {
  for (let dir = from; ; dir = path.dirname(dir)) {
    if (fs.existsSync(path.join(dir, "package.json"))) return dir;
    if (path.dirname(dir) === dir) return process.cwd();
  }
}

/** A message in the one form: where, expected, found, mend (style.md 9). */
export function dataError(where: string, expected: string, found: string, mend: string): DataError {
  return new DataError(`${where}: expected ${expected}, found ${found}. ${mend}`);
}

/** The short name of a file in a message: its folder and its name. */
export function label(file: string): string {
  return path
    .join(path.basename(path.dirname(path.resolve(file))), path.basename(file))
    .split(path.sep)
    .join("/");
}

/** Folders that may hold data sets, in the order in which they are looked through. */
export function dataRoots(explicit?: string): string[] {
  if (explicit && !fs.existsSync(explicit))
    throw dataError(
      `--data ${explicit}`,
      "a folder",
      "none",
      "Give the folder that holds the data sets, or one data set.",
    );
  const root = projectRoot();
  const places = [explicit, process.env.CIA_DATA, path.join(root, "data"), path.join(root, "..", "shared", "data")];
  return [...new Set(places.filter((p): p is string => !!p).map((p) => path.resolve(p)))];
}

/**
 * Whether a folder that is given by itself is data set `name`: it is called so, its files have the sizes of that one's, or the
 * name is none that we know.
 */
function isDataset(name: string, files: readonly string[], dir: string): boolean {
  if (path.basename(dir) === name || !Object.hasOwn(knownFiles, name)) return true;
  const known = knownFiles[name].filter((k) => files.includes(k.name));
  return known.length > 0 && known.every((k) => fs.statSync(path.join(dir, k.name)).size === k.bytes);
}

/**
 * The first folder that holds `files` of data set `name`: `ROOT/name`, or ROOT itself where it is that folder. Data sets share
 * their files' names (MMMO and YouTube all of them), so a ROOT that holds such files is not yet that data set.
 * @param explicit the folder given by the user (`--data`), looked at first
 * @returns undefined where no root holds all of them
 */
export function findDataDir(name: string, files: readonly string[], explicit?: string): string | undefined {
  for (const root of dataRoots(explicit))
    for (const dir of [path.join(root, name), root])
      if (files.every((file) => fs.existsSync(path.join(dir, file))) && (dir !== root || isDataset(name, files, dir)))
        return dir;
  return undefined;
}

/** As `findDataDir`, but a missing folder is an error that says where it was looked for. */
export function dataDir(name: string, files: readonly string[], explicit?: string): string {
  const found = findDataDir(name, files, explicit);
  if (found) return found;
  throw dataError(
    `data set ${name}`,
    `${files.join(", ")} in one folder`,
    `no such folder in ${dataRoots(explicit).join(", ")}`,
    `\`npm run data -- list\` shows what is missing and \`npm run data -- fetch ${name}\` gets what is public; or give --data DIR.`,
  );
}

/** The bytes of a file; a missing, empty or oversized one is refused. */
export function readBytes(file: string, mend = "`npm run data -- list` says what each folder must hold."): Uint8Array {
  let size: number;
  try {
    const stat = fs.statSync(file);
    if (!stat.isFile()) throw dataError(label(file), "a file", "a folder", mend);
    size = stat.size;
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw dataError(label(file), "a readable file", `none (${(error as NodeJS.ErrnoException).code})`, mend);
  }
  if (size === 0) throw dataError(label(file), "data", "an empty file (0 bytes)", "Copy or fetch it again.");
  if (size > maximumFile)
    throw dataError(
      label(file),
      `at most ${maximumFile} bytes, which is what Node reads`,
      `${size}`,
      "Write it in single or half precision, compressed (.npz, HDF5), or with fewer rows.",
    );
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw dataError(label(file), "a readable file", (error as Error).message, "Check its permissions.");
  }
}

/** Text of a file: UTF-8, or Latin-1 where it is not valid UTF-8 (the MOSI transcripts). A byte order mark is dropped. */
export function readText(file: string): string {
  const bytes = readBytes(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("latin1").decode(bytes);
  }
}

/** SHA-256 of a file, in hexadecimal, read in pieces. */
export async function sha256File(file: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of fs.createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
