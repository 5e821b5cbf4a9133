/** Runs entries as a user does, in folders of their own. */
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { RunRecord } from "../../lib/core/record";
import { readRecords } from "../../lib/training";

export const dist = path.join(__dirname, "..", "..");
export const root = path.join(dist, "..");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** What it has said so far on standard error. */
  said(): string;
}

/** Starts `dist/benchmarks/NAME.js`; `from` is another built copy. */
export function start(
  name: string,
  args: readonly string[],
  o: { from?: string; env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Running {
  const script = path.join(o.from ?? dist, "benchmarks", `${name}.js`);
  const child = spawn(process.execPath, [script, ...args], {
    cwd: o.cwd ?? root,
    env: { ...process.env, ...o.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout!.on("data", (data) => (out += String(data)));
  child.stderr!.on("data", (data) => (err += String(data)));
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, out, err })),
  );
  return { process: child, ended, said: () => err };
}

export const run = (name: string, args: readonly string[], o: Parameters<typeof start>[2] = {}): Promise<Ended> =>
  start(name, args, o).ended;

/** Waits until something holds. */
export async function until(what: () => boolean, seconds = 120): Promise<void> {
  for (let i = 0; i < seconds * 50; i++) {
    if (what()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it did not come within ${seconds} s: ${String(what)}`);
}

/** Records without what differs from run to run: times, memory. In a fixed order. */
export function untimed(dir: string): RunRecord[] {
  return readRecords(dir)
    .records.map((record) => ({
      ...record,
      started: "",
      seconds: 0,
      peakRssMb: 0,
      epochs: record.epochs.map((epoch) => ({ ...epoch, seconds: 0 })),
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

export const filesIn = (dir: string): string[] => (fs.existsSync(dir) ? fs.readdirSync(dir) : []);

/**
 * A copy of the built program in `dir`, changed: `changes` are [file under dist, from, to], each of which must be found.
 * @returns its dist folder
 */
export function copyProgram(dir: string, changes: readonly (readonly [string, string, string])[] = []): string {
  const copy = path.join(dir, "dist");
  fs.cpSync(dist, copy, {
    recursive: true,
    filter: (file) => !/\.d\.ts$/.test(file) && !/\.tsbuildinfo/.test(file),
  });
  for (const file of ["package.json", "benchmarks/suites/chosen.json"])
    fs.cpSync(path.join(root, file), path.join(dir, file));
  fs.symlinkSync(fs.realpathSync(path.join(root, "node_modules")), path.join(dir, "node_modules"), "junction");
  for (const [file, from, to] of changes) {
    const text = fs.readFileSync(path.join(copy, file), "utf8");
    if (!text.includes(from)) throw new Error(`${file}: expected ${from} to change, found none`);
    fs.writeFileSync(path.join(copy, file), text.replace(from, to));
  }
  return copy;
}
