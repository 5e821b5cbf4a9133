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
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return born === undefined || birthOf(pid) === born;
}

/**
 * Takes the lock `name` of a folder; it is given back by the function returned, and when the process ends.
 * @throws UserError naming the process that holds it
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
  try {
    fs.mkdirSync(dir, { recursive: true });
    for (;;) {
      try {
        fs.writeFileSync(file, JSON.stringify(me), { flag: "wx" });
        break;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        const holder = readHolder(file);
        if (holder && isAlive(holder))
          throw new UserError(
            `${file}: expected this folder to be free, found it held by process ${holder.pid} on ${holder.host} since ${holder.since} (${holder.command}). ` +
              `Wait for it, stop it, or give another --out.`,
          );
        const stale = `${file}.stale.${process.pid}`; // only one of two takers moves it
        fs.renameSync(file, stale);
        fs.rmSync(stale);
      }
    }
  } catch (error) {
    throw error instanceof UserError ? error : writeError(file, error);
  }
  const release = () => {
    if (readHolder(file)?.pid === process.pid) fs.rmSync(file, { force: true });
  };
  process.once("exit", release);
  return () => {
    process.off("exit", release);
    release();
  };
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined; // gone, or cut while it was written: nobody's
  }
}
