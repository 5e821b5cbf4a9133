/**
 * One harness an output folder: the second one says who holds it. A lock whose holder is dead is taken over: on this host its process
 * tells, a requeued Slurm task knows its own former self, and of another host a holder that lives touches its lock every minute.
 */
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
  /** Where Slurm started it. A task that is requeued, on whatever node, comes again with a higher restart. */
  readonly slurm?: { readonly job: string; readonly task: string; readonly restart: number };
  /** Seconds between two touches of its lock; locks of earlier versions have none. */
  readonly beat?: number;
}

/** A lock as it lies there. */
interface Found {
  readonly text: string;
  /** undefined: cut by a crash. */
  readonly holder?: Holder;
  /** When it was last touched, by the clock of the disk. */
  readonly touched: number;
}

const beatSeconds = 60;
/** So many beats without a touch, and a holder on another host is dead: short of that a node or a disk may only be slow. */
const beatsMissed = 15;

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

function birthOf(pid: number): string | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined; // no /proc here, or no such process
  }
}

function slurmTask(env: NodeJS.ProcessEnv): Holder["slurm"] {
  const { SLURM_ARRAY_JOB_ID, SLURM_JOB_ID, SLURM_ARRAY_TASK_ID = "", SLURM_RESTART_COUNT = "0" } = env;
  const job = SLURM_ARRAY_JOB_ID ?? SLURM_JOB_ID;
  return job === undefined ? undefined : { job, task: SLURM_ARRAY_TASK_ID, restart: Number(SLURM_RESTART_COUNT) };
}

/** Whether `me` is the same Slurm task as `other`, requeued since: Slurm ends a task before it starts it again. */
const followsOn = (me: Holder["slurm"], other: Holder["slurm"]): boolean =>
  me !== undefined && me.job === other?.job && me.task === other.task && me.restart > other.restart;

/** @param now  by the clock of the disk */
function isAlive({ pid, host, born, slurm, beat }: Holder, touched: number, now: () => number): boolean {
  if (followsOn(slurmTask(process.env), slurm)) return false;
  if (host !== os.hostname()) return beat === undefined || now() - touched < beat * beatsMissed * 1000;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
  return born === undefined || birthOf(pid) === born;
}

/** The time by the clock that gives files theirs: another host's may be set otherwise than ours. */
function diskTime(file: string): number {
  const probe = `${file}.${os.hostname()}.${process.pid}.now`;
  try {
    fs.writeFileSync(probe, "");
    return fs.statSync(probe).mtimeMs;
  } finally {
    fs.rmSync(probe, { force: true });
  }
}

const alive = (file: string, { holder, touched }: Found): boolean =>
  holder !== undefined && isAlive(holder, touched, () => diskTime(file));

/** Writes what stands there anew, which touches it by the clock of the disk. A lock that another took from us is left alone. */
function touch(file: string, mine: string): void {
  try {
    if (read(file)?.text !== mine) return;
    const fd = fs.openSync(file, "r+");
    try {
      fs.writeSync(fd, mine, 0);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // A disk that is away for a while is met by the runs, with words; the next beat may find it.
  }
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
  const moved = read(stale);
  if (moved && alive(file, moved)) put(file, moved.text);
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
    slurm: slurmTask(process.env),
    beat: beatSeconds,
  };
  const mine = JSON.stringify(me);
  try {
    fs.mkdirSync(dir, { recursive: true });
    for (let waits = 0; !put(file, mine);) {
      const found = read(file);
      if (found === undefined) continue; // given back just now
      if (found.holder && alive(file, found)) throw held(file, found.holder);
      if (found.holder || ++waits > cutWaits) clear(file);
      else sleep(50);
    }
  } catch (error) {
    throw error instanceof UserError ? error : writeError(file, error);
  }
  const release = () => {
    if (read(file)?.text === mine) fs.rmSync(file, { force: true });
  };
  // Looked for with our own lock in place: of two that start at once at least one sees the other.
  const others = fs
    .readdirSync(dir)
    .filter((other) => /^lock(\.shard-\d+-of-\d+)?$/.test(other) && excludes(name, other));
  for (const other of others) {
    const found = read(path.join(dir, other));
    if (!found?.holder || !alive(path.join(dir, other), found)) continue;
    release();
    throw held(path.join(dir, other), found.holder);
  }
  process.once("exit", release);
  const beat = setInterval(() => touch(file, mine), beatSeconds * 1000).unref();
  return () => {
    clearInterval(beat);
    process.off("exit", release);
    release();
  };
}

function held(file: string, { pid, host, since, command, beat }: Holder): UserError {
  // It cannot be asked from here.
  const free =
    beat === undefined ? "" : `, or wait: ${(beat * beatsMissed) / 60} minutes after its last sign it counts as dead`;
  const gone = host === os.hostname() ? "" : ` If ${host} is gone, delete ${file}${free}.`;
  return new UserError(
    `${file}: expected this folder to be free, found it held by process ${pid} on ${host} since ${since} (${command}). ` +
      `Wait for it, stop it, or give another --out.${gone}`,
  );
}

/** undefined where there is none. */
function read(file: string): Found | undefined {
  try {
    const text = fs.readFileSync(file, "utf8"); // first: over a network it brings the time of the last touch up to date
    return { text, holder: holderOf(text), touched: fs.statSync(file).mtimeMs };
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
