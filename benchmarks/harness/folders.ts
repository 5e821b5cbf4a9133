/** Where the main job puts what it makes. */
import * as fs from "node:fs";
import * as path from "node:path";
import { parseRecord, type RunRecord } from "../../lib/core/record";
import { RecordError, UsageError } from "../../lib/core/errors";
import { appendRecord, mendTail, writeWhole } from "../../lib/training";
import { excludes } from "./lock";
import { finishedFile } from "./worker";

export interface Folders {
  /** Record files, and `predictions/` and `weights/` beside them. */
  readonly out: string;
  /** Locks, logs, checkpoints, finished records not yet taken: never committed. */
  readonly work: string;
  /** "" or ".shard-2-of-4": shards write files of their own, the reader merges. */
  readonly suffix: string;
}

export interface Shard {
  readonly index: number;
  readonly count: number;
}

export function foldersOf(out: string, shard?: Shard): Folders {
  const full = path.resolve(out);
  return {
    out: full,
    work: path.join(full, ".work"),
    suffix: shard ? `.shard-${shard.index}-of-${shard.count}` : "",
  };
}

/** Where the report of a folder of records goes: the project's own into `results`, any other beside its records. */
export const reportFolder = (out: string | undefined): string =>
  out === undefined || path.resolve(out) === path.resolve("results", "runs") ? "results" : out;

export const recordFile = ({ out, suffix }: Folders, suite: string): string =>
  path.join(out, `${suite}${suffix}.jsonl`);

/** Says that a folder is `npm run check`'s or `npm run baseline`'s own: what else lies in it may go. */
const marker = ".emptied-before-each-check";

/**
 * Refuses a folder that holds something and was not made by a check: emptying it could delete recorded runs, or a project.
 * @throws UsageError
 */
export function refuseForeign({ out, work }: Folders): void {
  const namesIn = (dir: string) => (fs.existsSync(dir) ? fs.readdirSync(dir) : []);
  const names = namesIn(out);
  const found = [
    ...names.filter((name) => name !== path.basename(work)),
    ...namesIn(work).filter((name) => !name.startsWith("lock")), // a check that died before it left its mark
  ];
  if (!found.length || names.includes(marker)) return;
  throw new UsageError(
    `--out ${out}: expected a folder that is empty or that an earlier check made (it is emptied first), found ${found.slice(0, 3).join(", ")}${found.length > 3 ? ", ..." : ""}. ` +
      `Give a folder of its own, or delete this one yourself.`,
  );
}

/** Empties a folder of checks but for its locks, and marks it. Call it with the lock held. @throws UsageError as `refuseForeign` */
export function emptyFolder(folders: Folders): void {
  refuseForeign(folders);
  const { out, work } = folders;
  fs.writeFileSync(path.join(out, marker), ""); // first: what dies from here on leaves a folder that may be emptied
  const rest = (dir: string, kept: (name: string) => boolean) => {
    for (const name of fs.readdirSync(dir))
      if (!kept(name)) fs.rmSync(path.join(dir, name), { recursive: true, force: true });
  };
  rest(out, (name) => name === marker || name === path.basename(work));
  rest(work, (name) => name.startsWith("lock"));
}

/** Makes the folders and mends what an earlier death left; says what it did. Call it with the lock held. */
export function openFolders(folders: Folders, say: (line: string) => void): void {
  const { out, work, suffix } = folders;
  fs.mkdirSync(path.join(work, "finished"), { recursive: true });
  if (!fs.existsSync(path.join(work, ".gitignore"))) writeWhole(path.join(work, ".gitignore"), "*\n");
  for (const name of fs.readdirSync(out)) {
    if (!name.endsWith(`${suffix}.jsonl`) || (!suffix && name.includes(".shard-"))) continue;
    const mended = mendTail(path.join(out, name));
    if (mended) say(mended);
  }
  // Whole runs whose parent died before it could write their line; a shard takes its own and those of the dead alike.
  releaseClaims(folders);
  for (const name of fs.readdirSync(path.join(work, "finished")).filter((n) => n.endsWith(".json"))) {
    const id = name.slice(0, -".json".length);
    try {
      if (takeFinished(folders, id)) say(`a finished run that was not yet recorded is: ${id}`);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      const file = finishedFile(work, id);
      fs.renameSync(file, `${file}.torn`);
      say(`${error.message} It was set aside.`);
    }
  }
}

const claim = ".claimed";

/**
 * Moves a finished record into its record file. It is claimed by a new name first: a shard that starts takes what it finds, and so
 * may be at the same one.
 * @returns undefined where there is none, or another shard has it
 */
export function takeFinished(folders: Folders, id: string): RunRecord | undefined {
  const file = finishedFile(folders.work, id);
  const claimed = `${file}${claim}${folders.suffix}`;
  try {
    fs.renameSync(file, claimed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    const record = parseRecord(fs.readFileSync(claimed, "utf8"), file);
    appendRecord(recordFile(folders, record.suite), record);
    fs.rmSync(claimed);
    return record;
  } catch (error) {
    fs.renameSync(claimed, file);
    throw error;
  }
}

/** Claims that a death left: our own, since the lock is ours, and those of whom our lock excludes. */
function releaseClaims({ work, suffix }: Folders): void {
  const dir = path.join(work, "finished");
  for (const name of fs.readdirSync(dir)) {
    const at = name.indexOf(`.json${claim}`);
    if (at < 0) continue;
    const whose = name.slice(at + `.json${claim}`.length);
    if (whose === suffix || excludes(`lock${suffix}`, `lock${whose}`))
      fs.renameSync(path.join(dir, name), path.join(dir, name.slice(0, at + ".json".length)));
  }
}
