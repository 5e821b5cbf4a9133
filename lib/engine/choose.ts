/**
 * Which engine runs, decided in one place and said. An engine asked for by name starts or gives the reason and what to do;
 * never another one in its place.
 */
import { EngineError, oneOf, UsageError } from "../core/errors";
import type { Engine, EngineInfo, EngineName } from "./engine";
import { hasTensorflow } from "./tensorflow/installed";

export const engineNames: readonly EngineName[] = ["wasm", "tensorflow", "webgpu", "cpu"];

export interface EngineOptions {
  /** Threads of one step; engines that have one thread refuse more. Default 1: runs are parallel by processes. */
  readonly threads?: number;
  /** Fused multiply-add on `wasm`: faster, and its bits depend on the processor. */
  readonly fastMath?: boolean;
  /** Takes the line that says what runs and why; default: standard error. */
  readonly say?: (line: string) => void;
}

/** An engine that runs, and why it was this one. */
export interface ChosenEngine extends Engine {
  readonly why: string;
}

/** What the choice looks at; tests pass their own. */
export interface EngineStarters {
  readonly start: Readonly<Record<EngineName, (o: EngineOptions) => Promise<Engine>>>;
  /** Whether `npm run engine:tensorflow -- gpu` was run here: only then TensorFlow is looked at without being asked for. */
  readonly hasTensorflowGpu: () => boolean;
}

// Each engine is loaded when it is chosen: the others' libraries cost time and memory.
const installed: EngineStarters = {
  start: {
    wasm: async ({ fastMath }) => (await import("./wasm/index.js")).startWasm({ fastMath }),
    tensorflow: async ({ threads }) => (await import("./tensorflow/index.js")).startTensorflow({ threads }),
    webgpu: async () => (await import("./webgpu/index.js")).startWebGpu(),
    cpu: async () => (await import("./cpu/index.js")).startCpu(),
  },
  hasTensorflowGpu: () => hasTensorflow("gpu"),
};

/** The name as the command line gives it, checked. */
export function engineName(name: string): EngineName | "auto" {
  if (name === "auto" || (engineNames as readonly string[]).includes(name)) return name as EngineName | "auto";
  throw new UsageError(`--engine: expected auto, ${oneOf(engineNames)}, found ${name}.`);
}

/**
 * Starts an engine and says which one and why.
 * "auto" takes `wasm`, whose bits are the same on every machine and are those of the recorded baselines, unless the
 * TensorFlow engine was made for a GPU here and finds one: that is a machine set up for speed.
 * @throws EngineError with the reason and the mend, if the engine cannot start; UsageError for options it does not have
 */
export async function startEngine(
  name: EngineName | "auto" = "auto",
  options: EngineOptions = {},
  { start, hasTensorflowGpu }: EngineStarters = installed,
): Promise<ChosenEngine> {
  const { threads, fastMath, say = (line: string) => void process.stderr.write(`${line}\n`) } = options;
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1))
    throw new UsageError(`--threads: expected a whole number from 1, found ${threads}.`);
  if (threads !== undefined && threads > 1 && name !== "tensorflow")
    throw new UsageError(
      `--threads: the engine ${name} computes a step in one thread, found ${threads}; use --workers for parallel runs, or --engine tensorflow.`,
    );
  if (fastMath && name !== "wasm" && name !== "auto")
    throw new UsageError(
      `--fast-math: it is a switch of the engine wasm, found --engine ${name}; leave one of the two out.`,
    );
  const chosen = (engine: Engine, why: string): ChosenEngine => {
    say(`engine: ${describeEngine(engine.info)} (${why})`);
    return { info: engine.info, compile: (graph, output, seed) => engine.compile(graph, output, seed), why };
  };
  if (name !== "auto") return chosen(await start[name](options), "asked for");
  let why = "the default: the same bits on every machine";
  if (fastMath) why += ", but for --fast-math";
  else if (hasTensorflowGpu()) {
    const engine = await start.tensorflow(options).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error;
      why += `; TensorFlow was made for a GPU here but does not start: ${error.message}`;
      return undefined;
    });
    if (engine && engine.info.device !== "CPU") return chosen(engine, "this machine has a GPU and TensorFlow for it");
    if (engine) why += "; TensorFlow was made for a GPU here but finds none";
  }
  return chosen(await start.wasm(options), why);
}

/** "wasm on 1 thread, strict, ... (node 24.21.0, tfjs 4.22.0)". */
export function describeEngine({ name, device, threads, versions, flags }: EngineInfo): string {
  const switches = Object.entries(flags)
    .filter(([, value]) => value !== false)
    .map(([flag, value]) => (value === true ? flag : `${flag} ${value}`));
  const parts = [`${name} on ${device}`, threads === 1 ? "1 thread" : `${threads} threads`, ...switches];
  const known = Object.entries(versions).map(([what, version]) => `${what} ${version}`);
  return parts.join(", ") + (known.length ? `; ${known.join(", ")}` : "");
}
