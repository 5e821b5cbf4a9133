/** One harness an output folder: the second one says who holds it. A lock whose holder is dead is taken over. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { writeError } from "../../lib/training/files";

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Ticks from boot to the process' start (Linux): a pid that was given again is another process. */
  readonly born?: string;
  readonly since: string;
  readonly command: string;
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

function birthOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined; // no /proc here, or no such process
  }
}

function isAlive({ pid, host, born }: Holder): boolean {
  if (host !== os.hostname()) return true; // cannot be known from here
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return born === undefined || birthOf(pid) === born;
}

/** An unreadable lock was cut by a crash; on a disk without links it may also be one that is being written, but not for so long. */
const cutWaits = 40;

const sleep = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Puts a lock there whole, in one step: who finds it can read whose it is. @returns false where one is */
function put(file: string, content: string): boolean {
  const aside = `${file}.${os.hostname()}.${process.pid}.new`;
  try {
    fs.writeFileSync(aside, content);
    try {
      fs.linkSync(aside, file);
    } catch (error) {
      if (codeOf(error) === "EEXIST") throw error;
      fs.writeFileSync(file, content, { flag: "wx" }); // a disk without links; see `cutWaits`
    }
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  } finally {
    fs.rmSync(aside, { force: true });
  }
}

/** Moves a dead holder's lock away; one that a living process put in its place meanwhile is put back. */
function clear(file: string): void {
  const stale = `${file}.${os.hostname()}.${process.pid}.stale`;
  try {
    fs.renameSync(file, stale);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return; // another taker was faster
    throw error;
  }
  const text = read(stale);
  const moved = text === undefined ? undefined : holderOf(text);
  if (text !== undefined && moved && isAlive(moved)) put(file, text);
  fs.rmSync(stale, { force: true });
}

/** Whether two locks of a folder may not be held at once: all but shards of one count, which share the runs out between them. */
export function excludes(name: string, other: string): boolean {
  const countOf = (lock: string) => /-of-(\d+)$/.exec(lock)?.[1];
  return name !== other && (countOf(name) === undefined || countOf(name) !== countOf(other));
}

/**
 * Takes the lock `name` of a folder, "lock" or "lock.shard-1-of-2"; it is given back by the function returned, and when the process ends.
 * @throws UserError naming the process that holds it, or one that excludes it
 */
export function takeLock(dir: string, name = "lock"): () => void {
  const file = path.join(dir, name);
  const me: Holder = {
    pid: process.pid,
    host: os.hostname(),
    born: birthOf(process.pid),
    since: new Date().toISOString(),
    command: process.argv.slice(1).map((a) => path.basename(a)).join(" "), // prettier-ignore
  };
  const mine = JSON.stringify(me);
  try {
    fs.mkdirSync(dir, { recursive: true });
    for (let waits = 0; !put(file, mine);) {
      const text = read(file);
      if (text === undefined) continue; // given back just now
      const holder = holderOf(text);
      if (holder && isAlive(holder)) throw held(file, holder);
      if (holder || ++waits > cutWaits) clear(file);
      else sleep(50);
    }
  } catch (error) {
    throw error instanceof UserError ? error : writeError(file, error);
  }
  const release = () => {
    if (read(file) === mine) fs.rmSync(file, { force: true });
  };
  // Looked for with our own lock in place: of two that start at once at least one sees the other.
  const others = fs
    .readdirSync(dir)
    .filter((other) => /^lock(\.shard-\d+-of-\d+)?$/.test(other) && excludes(name, other));
  for (const other of others) {
    const text = read(path.join(dir, other));
    const holder = text === undefined ? undefined : holderOf(text);
    if (!holder || !isAlive(holder)) continue;
    release();
    throw held(path.join(dir, other), holder);
  }
  process.once("exit", release);
  return () => {
    process.off("exit", release);
    release();
  };
}

function held(file: string, { pid, host, since, command }: Holder): UserError {
  const gone = host === os.hostname() ? "" : ` If ${host} is gone, delete ${file}.`; // it cannot be asked from here
  return new UserError(
    `${file}: expected this folder to be free, found it held by process ${pid} on ${host} since ${since} (${command}). ` +
      `Wait for it, stop it, or give another --out.${gone}`,
  );
}

/** The text of a lock; undefined where there is none. */
function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** undefined: cut by a crash. */
function holderOf(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}
