/**
 * A model is recorded once as a graph of values; engines give the graph its numbers. The graph knows widths and what a
 * value has one row of; how many rows there are comes with each batch. So one recording serves every batch, the plain
 * interpreter (reference.ts) is the meaning of every operation, and an engine may replay the same graph with kernels
 * over buffers that it allocates once.
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { Modality, Shape } from "../core/types";
import { SystemError } from "../core/errors";

/** What a value has one row of: a row of the batch, a sequence, a step inside `scan` (its alive sequences), or one number. */
export type Axis = "rows" | "sequences" | "step" | "scalar";
export type Act = "linear" | "tanh" | "relu" | "sigmoid" | "hardSigmoid";
export type Gates = "sigmoid" | "hardSigmoid";
export type Init = "glorot" | "orthogonal" | "zeros" | "ones" | "forget";

/** A weight: its name is its path in a saved `.npz` (golden/README.md). `trainable` false: kept by BatchNorm, no gradient. */
export interface Param {
  readonly name: string;
  readonly shape: readonly number[];
  readonly init: Init;
  readonly trainable: boolean;
}

/** Weights of one direction of a recurrent layer. GRU: 3r columns z, r, h; LSTM: 4r columns i, f, g, o. */
export interface Recurrent {
  readonly kernel: Param;
  readonly recurrent: Param;
  readonly bias: Param;
}

/** A dropout place: entries are kept where bits(streamKey(seed, stream, step), index) >= threshold, and scaled by 1 / (1 - rate). */
export interface Drop {
  readonly rate: number;
  readonly stream: string;
}

/** A function of the plain interpreter's tensors, for what no fused operation covers; see `plain` in ops.ts. */
export interface PlainFunction {
  (
    inputs: readonly tfjs.Tensor2D[],
    context: { readonly tf: typeof tfjs; readonly offsets: Int32Array; readonly training: boolean },
  ): tfjs.Tensor2D;
}

/** State of a scan: starts at 0 or at a value with one row a sequence. */
export interface ScanState {
  readonly name: string;
  readonly width: number;
  /** The state as the body sees it (before the step). */
  readonly before: Value;
  /** The state after the step, a value of the body. */
  readonly after: Value;
  /** Index into the scan's inputs of the starting value; absent: zeros. */
  readonly start?: number;
}

/** The step of a scan, recorded once: all its values have axis "step". */
export interface ScanBody {
  /** Placeholders for the row inputs of the scan, in the order of the scan's first inputs. */
  readonly inputs: readonly Value[];
  readonly states: readonly ScanState[];
  /** Values of the body that are given back for every row; a state before the step may be one. */
  readonly outputs: readonly Value[];
}

export type Op =
  /** Features of a modality: rows of the batch. */
  | { readonly kind: "input"; readonly modality: Modality }
  /** Targets of the batch as numbers (emotions, intensity). */
  | { readonly kind: "targets" }
  /** Standard normal numbers, one row a sequence; or what the caller feeds under this name. */
  | { readonly kind: "noise"; readonly name: string }
  /** act([x1, x2, ...] W + b), then dropout. */
  | { readonly kind: "dense"; readonly kernel: Param; readonly bias?: Param; readonly act: Act; readonly drop?: Drop }
  | { readonly kind: "concat" }
  /** Columns start .. start + width - 1. */
  | { readonly kind: "slice"; readonly start: number }
  | { readonly kind: "add" | "sub" | "mul" }
  /** scale * x + shift. */
  | { readonly kind: "affine"; readonly scale: number; readonly shift: number }
  | { readonly kind: "activate"; readonly act: Act }
  /** Column j times factors[j], a constant. */
  | { readonly kind: "keep"; readonly factors: Float32Array }
  /** Softmax over each of `groups` equal parts of the columns. */
  | { readonly kind: "softmax"; readonly groups: number }
  | { readonly kind: "dropout"; readonly drop: Drop }
  /** Packed GRU, one or two directions (concat [forward, backward]); reset before the product. Rows only. */
  | {
      readonly kind: "gru" | "lstm";
      readonly units: number;
      readonly gates: Gates;
      readonly forward: Recurrent;
      readonly backward?: Recurrent;
      /** On the input: one mask a sequence, the same at every step and for both directions. */
      readonly inputDrop?: Drop;
      /** On h(t-1) where it enters the products: one mask a sequence and direction (streams `/fwd`, `/bwd`). */
      readonly recurrentDrop?: Drop;
    }
  /** softmax(q kT) v inside sequences; inputs q, k, v. */
  | { readonly kind: "attend" }
  /** The weights of an `attend`: (rows, longest sequence), zeros after the sequence's end. Plain interpreter and taps only. */
  | { readonly kind: "attention" }
  /** The memories c of an `lstm`, to look at: (n, units or twice that). Plain interpreter and taps only. */
  | { readonly kind: "cells" }
  | { readonly kind: "meanRows" | "lastRow" }
  /** [1; a] (x) [1; b] (x) ..., flattened with the first input slowest. */
  | { readonly kind: "outer" }
  /** c' = s(f) c + s(i) tanh(g) from gates (4h: i, f, g, o) and c; h' = s(o) tanh(c') or s(o) c'. */
  | { readonly kind: "cellState"; readonly gates: Gates }
  | { readonly kind: "cellOutput"; readonly gates: Gates; readonly squash: boolean }
  | {
      readonly kind: "batchNorm";
      readonly gamma: Param;
      readonly beta: Param;
      readonly mean: Param;
      readonly variance: Param;
      readonly momentum: number;
      readonly epsilon: number;
      /** Whether the moving variance takes the unbiased batch variance. */
      readonly unbiased: boolean;
    }
  | { readonly kind: "stop" }
  | { readonly kind: "scan"; readonly body: ScanBody }
  /** The state after each sequence's last step; the outputs of every step as rows. */
  | { readonly kind: "scanLast"; readonly state: number }
  | { readonly kind: "scanRows"; readonly output: number }
  /** Placeholders inside a scan's body. */
  | { readonly kind: "scanInput" | "scanState"; readonly index: number }
  | { readonly kind: "plain"; readonly run: PlainFunction; readonly label: string }
  /** Losses: scalars, mean over the value's rows (and over outputs). softmaxCE and sigmoidCE take logits; the batch's targets are implied. */
  | { readonly kind: "softmaxCE" | "sigmoidCE" }
  /** Mean of (a - b)^2 or of |a - b|; no gradient goes into b. */
  | { readonly kind: "mse" | "mae" }
  /** Maximum mean discrepancy between z and g (golden/README.md, mfm); no gradient goes into g. */
  | { readonly kind: "mmd" }
  /** Sum of weights[i] * inputs[i], scalars. */
  | { readonly kind: "sum"; readonly weights: readonly number[] };

export interface Value {
  readonly graph: Graph;
  readonly id: number;
  readonly axis: Axis;
  readonly width: number;
  readonly op: Op;
  readonly inputs: readonly Value[];
  /** Where it was made (`IIM_TA/E1`), for messages, drawings and profiles. */
  readonly path: string;
}

/** What a model's forward gives back. */
export interface Output {
  /** Before the last activation; one row a labelled unit. */
  readonly logits: Value;
  /** Makes predictions of logits: class or emotion probabilities, or intensity in the target scale. */
  readonly activation: Act | "softmax";
  /** Predictions in the target scale. */
  readonly prediction: Value;
  /** Loss terms by name; "task" is one of them. */
  readonly loss: Readonly<Record<string, Value>>;
  /** Weight of a term in the total, 1 where absent. */
  readonly lossWeights?: Readonly<Record<string, number>>;
  /** Values worth looking at, under golden names (`code/TA`, `att/TA/BI_M`, ...). */
  readonly taps?: Readonly<Record<string, Value>>;
}

/** A recording: values in order of computation (bodies of scans have their own order in `bodyOf`), parameters by name. */
export class Graph {
  readonly values: Value[] = [];
  readonly params = new Map<string, Param>();
  constructor(readonly shape: Shape) {}

  add(op: Op, inputs: readonly Value[], axis: Axis, width: number, path: string): Value {
    for (const v of inputs)
      if (v.graph !== this)
        throw new SystemError(
          `${path || op.kind}: an input was recorded in another graph; a value belongs to one recording.`,
        );
    const value: Value = { graph: this, id: this.values.length, axis, width, op, inputs, path };
    this.values.push(value);
    return value;
  }

  param(name: string, shape: readonly number[], init: Init, trainable = true): Param {
    if (this.params.has(name))
      throw new SystemError(
        `${name}: expected a new parameter name, found one that is taken; give each layer its own path.`,
      );
    const param: Param = { name, shape, init, trainable };
    this.params.set(name, param);
    return param;
  }

  /** Number of trainable numbers. */
  get parameterCount(): number {
    let n = 0;
    for (const p of this.params.values()) if (p.trainable) n += p.shape.reduce((a, b) => a * b, 1);
    return n;
  }
}
