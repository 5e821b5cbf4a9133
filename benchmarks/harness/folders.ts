/** Where the main job puts what it makes. */
import * as fs from "node:fs";
import * as path from "node:path";
import { parseRecord } from "../../lib/core/record";
import { RecordError, UsageError } from "../../lib/core/errors";
import { mendTail, writeWhole } from "../../lib/training";
import { takeFinished } from "./queue";

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
  for (const name of fs.readdirSync(path.join(work, "finished")).filter((n) => n.endsWith(".json"))) {
    const file = path.join(work, "finished", name);
    try {
      const { id } = parseRecord(fs.readFileSync(file, "utf8"), file);
      takeFinished(work, id, (suite) => recordFile(folders, suite));
      say(`a finished run that was not yet recorded is: ${id}`);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      fs.renameSync(file, `${file}.torn`);
      say(`${error.message} It was set aside.`);
    }
  }
}
