/** What an engine gives to those who train, whatever it is built on. */
import type { Batch } from "../core/types";
import { EngineError } from "../core/errors";
import type { Graph, Output, Value } from "./graph";

export type EngineName = "wasm" | "tensorflow" | "webgpu" | "cpu";

/** Which engine ran, for messages and records. */
export interface EngineInfo {
  readonly name: EngineName;
  readonly device: string;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Switches that act on speed or bits: revectorize, fastMath, onednn, ... */
  readonly flags: Readonly<Record<string, boolean | string>>;
}

export interface Engine {
  readonly info: EngineInfo;
  /** Makes a recorded model runnable, its parameters initialised by `seed`. */
  compile(graph: Graph, output: Output, seed: number): Program;
}

/** Adam as in TensorFlow.js and PyTorch (epsilon inside the bias correction). */
export interface AdamOptions {
  readonly learningRate: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

/** Names the random numbers of a step: dropout masks and noise are functions of (seed, stream, step, index). */
export interface StepKey {
  readonly seed: number;
  readonly step: number;
}

/** Values handed in instead of drawn: noise by name, (s, width) row-major. */
export type Feeds = Readonly<Record<string, Float32Array>>;

export interface Program {
  readonly graph: Graph;
  readonly output: Output;
  /** What readers of its results should know: that it is interpreted, since an operation has no kernel. For log and record. */
  readonly notes?: readonly string[];
  /** Row-major weights by name; `set` refuses unknown names and wrong sizes. */
  get(name: string): Promise<Float32Array>;
  set(name: string, values: Float32Array): void;
  /** Forward, backward, Adam. Returns the loss terms and `total`, before the update. */
  step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>>;
  /** Loss terms and `total` without an update; with `key`, dropout and batch statistics as in training. */
  losses(batch: Batch, o?: { key?: StepKey; feeds?: Feeds }): Promise<Record<string, number>>;
  /** Gradients of the total loss, or of one term, for every trainable parameter (zeros where it does not reach); no dropout unless `key`. */
  gradients(batch: Batch, o?: { term?: string; key?: StepKey; feeds?: Feeds }): Promise<Record<string, Float32Array>>;
  /** Values of the recording, row-major, without dropout unless `key`: predictions or taps. An `attention` is (rows, longest sequence). */
  evaluate(batch: Batch, values: readonly Value[], o?: { key?: StepKey; feeds?: Feeds }): Promise<Float32Array[]>;
  /** First and second moments by parameter name, and the number of steps taken: what a checkpoint holds beside the weights. */
  optimizerState(): Promise<OptimizerState>;
  setOptimizerState(state: OptimizerState): void;
  /** Gives back all memory; the program must not be used after. */
  dispose(): void;
}

export interface OptimizerState {
  readonly steps: number;
  readonly m: Readonly<Record<string, Float32Array>>;
  readonly v: Readonly<Record<string, Float32Array>>;
}

/** Total loss of an output's terms, given their values. */
export function totalOf(output: Output, terms: Readonly<Record<string, number>>): number {
  let total = 0;
  for (const name of Object.keys(output.loss)) total += (output.lossWeights?.[name] ?? 1) * terms[name];
  return total;
}

/** Refuses a value for a parameter that does not exist or has another size. */
export function checkParam(graph: Graph, name: string, values: Float32Array): void {
  const param = graph.params.get(name);
  if (!param)
    throw new EngineError(
      `weights: expected a parameter of this model, found ${name}; was it saved with another configuration?`,
    );
  const size = param.shape.reduce((a, b) => a * b, 1);
  if (values.length !== size)
    throw new EngineError(
      `weights of ${name}: expected ${size} numbers (${param.shape.join(" x ")}), found ${values.length}.`,
    );
}

/** Whether a batch has no sequence. */
export const isEmpty = (batch: Batch): boolean => batch.offsets.length < 2;

/** @throws EngineError for a batch without sequences: it has no loss */
export function needSequences(batch: Batch): void {
  if (isEmpty(batch)) throw new EngineError("batch: expected at least one sequence for a loss, found none.");
}

/** b^n by multiplication alone: Math.pow may differ in the last bit between versions of V8. */
export function power(b: number, n: number): number {
  let result = 1;
  for (; n > 0; n >>= 1, b *= b) if (n & 1) result *= b;
  return result;
}
