/** The queue as a Slurm job array: each task takes its share of the runs, and resumes it when it is requeued. */
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { writeWhole } from "../../lib/training";
import { Interrupts } from "./interrupts";
import { ProgressLine } from "./progress";

export interface SlurmOptions {
  readonly tasks: number;
  readonly partition?: string;
  /** As sbatch takes it: "04:00:00". */
  readonly time?: string;
  /** "8G". */
  readonly memory?: string;
  readonly cpus?: number;
  readonly gpus?: number;
  /** Block until the array has ended. */
  readonly wait: boolean;
}

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** The script of the array: the same command for each task, with its shard. `command` is a program and its arguments. */
export function slurmScript(command: readonly string[], logs: string, o: SlurmOptions): string {
  const directive = (name: string, value: string | number | undefined) =>
    value === undefined ? [] : [`#SBATCH --${name}=${value}`];
  return [
    "#!/bin/sh",
    "#SBATCH --job-name=cia-reproduction",
    ...directive("array", `1-${o.tasks}`),
    "#SBATCH --requeue",
    "#SBATCH --open-mode=append",
    ...directive("output", `"${logs.replaceAll("%", "%%")}/slurm-%A_%a.log"`),
    ...directive("partition", o.partition),
    ...directive("time", o.time),
    ...directive("mem", o.memory),
    ...directive("cpus-per-task", o.cpus ?? 1),
    ...directive("gres", o.gpus ? `gpu:${o.gpus}` : undefined),
    // exec: the signals that Slurm sends reach the harness itself.
    `exec ${command.map(quote).join(" ")} --shard "$SLURM_ARRAY_TASK_ID/${o.tasks}"`,
    "",
  ].join("\n");
}

/** An array that is being submitted. */
export interface Submission {
  /** Where its tasks write. */
  readonly logs: string;
  /** The number that Slurm gave it. @throws UserError where Slurm refuses */
  readonly submitted: Promise<{ readonly job: string }>;
  /** The greatest exit code of its tasks once all have ended, where it is waited for. */
  readonly ended: Promise<number>;
  readonly sbatch: ChildProcess;
}

/**
 * Writes the array's script and submits it.
 * @throws UserError where there is no Slurm
 */
export function submit(command: readonly string[], work: string, o: SlurmOptions): Submission {
  if (spawnSync("sbatch", ["--version"]).error)
    throw new UserError(
      "--slurm: expected Slurm's sbatch on the PATH, found none. Run it on a login node of the cluster, or use --shard i/n by hand.",
    );
  const logs = path.join(work, "logs");
  fs.mkdirSync(logs, { recursive: true });
  const script = path.join(work, "slurm.sh");
  writeWhole(script, slurmScript(command, logs, o));
  // Detached: a terminal's SIGINT is for us, who say what becomes of the array.
  const sbatch = spawn("sbatch", ["--parsable", ...(o.wait ? ["--wait"] : []), script], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  sbatch.stderr.on("data", (data) => (err += String(data)));
  const ended = new Promise<number>((resolve) => sbatch.once("close", (code) => resolve(code ?? 1)));
  const submitted = new Promise<{ job: string }>((resolve, reject) => {
    sbatch.stdout.on("data", (data) => {
      out += String(data);
      const [, job] = /^(\d+)(?:;.*)?\n/.exec(out) ?? []; // JOB or JOB;CLUSTER
      if (job) resolve({ job });
    });
    sbatch.once("error", reject);
    void ended.then((code) =>
      reject(
        new UserError(
          `--slurm: expected sbatch to take ${script}, found exit code ${code}: ${(err || out).trim()}. Mend what it names and run the same command again.`,
        ),
      ),
    );
  });
  return { logs, submitted, ended, sbatch };
}

/** Seconds between two looks at an array, on a terminal and elsewhere. */
const lookSeconds = { terminal: 5, elsewhere: 60 } as const;

/**
 * Follows an array to its end with a progress line: its tasks' states, and the runs that they recorded.
 * @returns the greatest exit code of its tasks; undefined: SIGINT or SIGTERM came, and the array goes on
 */
export async function follow({ ended, sbatch }: Submission, job: string, out: string): Promise<number | undefined> {
  const line = new ProgressLine();
  const before = recordLines(out);
  const look = () =>
    execFile("squeue", ["--noheader", "--array", "--jobs", job, "--format", "%T"], (error, states) => {
      if (error) return; // it has just ended, or Slurm does not answer for a while
      line.text(`job ${job}: ${countOf(states.split("\n"))}; ${recordLines(out) - before} runs recorded`);
    });
  const timer = setInterval(look, 1000 * (process.stderr.isTTY ? lookSeconds.terminal : lookSeconds.elsewhere));
  let leave: () => void = () => undefined;
  const left = new Promise<undefined>((resolve) => (leave = () => resolve(undefined)));
  const interrupts = new Interrupts({ stop: leave, kill: leave }, () => undefined);
  try {
    const code = await Promise.race([ended, left]);
    if (code === undefined) sbatch.kill(); // it only waits
    return code;
  } finally {
    clearInterval(timer);
    interrupts.end();
    line.end();
  }
}

/** "1 pending, 2 running". */
function countOf(states: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const state of states.filter(Boolean).sort()) counts.set(state, (counts.get(state) ?? 0) + 1);
  const parts = [...counts].map(([state, n]) => `${n} ${state.toLowerCase()}`);
  return parts.length ? `${parts.join(", ")}` : "ending";
}

/** Lines of the record files. */
const recordLines = (out: string): number =>
  fs
    .readdirSync(out)
    .filter((name) => name.endsWith(".jsonl"))
    .reduce((sum, name) => sum + fs.readFileSync(path.join(out, name)).filter((byte) => byte === 0x0a).length, 0);
