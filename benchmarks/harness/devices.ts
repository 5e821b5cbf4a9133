/** What workers run on: cores, or GPUs, one worker each. */
import { spawnSync } from "node:child_process";
import * as os from "node:os";
import { hasTensorflow } from "../../lib/engine/tensorflow/installed";

export interface Places {
  /** Workers that this machine has room for. */
  readonly workers: number;
  /** GPUs to share out between them, as CUDA names them; undefined: there is nothing to share out. */
  readonly gpus?: readonly string[];
}

/** Cores that are ours: a Slurm task has those it asked for, whatever the machine has. */
function cores(env: NodeJS.ProcessEnv): number {
  const given = Number(env.SLURM_CPUS_PER_TASK);
  return Math.max(1, Math.min(given || Infinity, os.availableParallelism()));
}

/**
 * GPUs that CUDA programs may use, by index or UUID: those of CUDA_VISIBLE_DEVICES (Slurm sets it), else what nvidia-smi lists, where a
 * GPU that is divided (MIG) counts by its parts.
 */
export function visibleGpus(env: NodeJS.ProcessEnv = process.env): string[] {
  const { CUDA_VISIBLE_DEVICES: named } = env;
  if (named !== undefined) {
    const list = named.split(",").map((device) => device.trim());
    const end = list.findIndex((device) => device === "" || device === "-1"); // CUDA, too, reads no further
    return end < 0 ? list : list.slice(0, end);
  }
  const { stdout, status } = spawnSync("nvidia-smi", ["-L"], { encoding: "utf8", env });
  if (status !== 0) return [];
  return stdout
    .split(/^(?=GPU )/m)
    .flatMap((gpu) => [...gpu.matchAll(/UUID: ([\w-]+)/g)].map(([, uuid]) => uuid).filter((_, i, all) => i > 0 || all.length === 1)); // prettier-ignore
}

/** Where workers of an engine run here, unless `--workers` says otherwise. */
export function placesOf(engine: string, fastMath: boolean, env: NodeJS.ProcessEnv = process.env): Places {
  if (engine === "webgpu") return { workers: 1 }; // it takes the adapter that the system prefers
  const onGpu = (engine === "tensorflow" || (engine === "auto" && !fastMath)) && hasTensorflow("gpu");
  const gpus = onGpu ? visibleGpus(env) : [];
  return gpus.length ? { workers: gpus.length, gpus } : { workers: cores(env) };
}

/** Environment of the worker at a place (from 0) that has one of the GPUs to itself, or shares it where there are more workers. */
export function environmentAt(place: number, workers: number, gpus: readonly string[]): NodeJS.ProcessEnv {
  return {
    CUDA_VISIBLE_DEVICES: gpus[place % gpus.length],
    // TensorFlow takes all memory of a GPU unless it is told that it is not alone there.
    ...(workers > gpus.length && { TF_FORCE_GPU_ALLOW_GROWTH: "true" }),
  };
}
