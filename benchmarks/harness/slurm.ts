/** The queue as a Slurm job array: each task takes its share of the runs, and resumes it when it is requeued. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";

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
    ...directive("output", path.join(logs, "slurm-%A_%a.log")),
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

/**
 * Writes and submits the array.
 * @returns what sbatch said
 * @throws UserError where there is no Slurm, or where it or a task of the array refuses
 */
export function submit(command: readonly string[], work: string, o: SlurmOptions): string {
  if (spawnSync("sbatch", ["--version"]).error)
    throw new UserError(
      "--slurm: expected Slurm's sbatch on the PATH, found none. Run it on a login node of the cluster, or use --shard i/n by hand.",
    );
  const logs = path.join(work, "logs");
  fs.mkdirSync(logs, { recursive: true });
  const script = path.join(work, "slurm.sh");
  fs.writeFileSync(script, slurmScript(command, logs, o));
  try {
    return execFileSync("sbatch", [...(o.wait ? ["--wait"] : []), script], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  } catch (error) {
    const { stderr, status, stdout } = error as { stderr?: string; stdout?: string; status?: number };
    throw new UserError(
      `--slurm: expected the array to end well, found exit code ${status}: ${(stderr ?? "").trim() || (stdout ?? "").trim()}. Its logs are in ${logs}; the same command takes up what is missing.`,
    );
  }
}
