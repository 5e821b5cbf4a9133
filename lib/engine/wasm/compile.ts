/**
 * Makes plans of a graph: the kernel calls that compute asked values, or the losses with their gradients and Adam. Only what
 * is needed is computed. Values over rows lie in time-major order (packing.ts), values over sequences longest first.
 */
import type { Graph, Output, Param, Value } from "../graph";
import type { Mat } from "./builder";
import { at, Builder } from "./builder";
import { lanesOf, layoutsOf } from "./layout";
import { attendBackward, attendForward, readAttention } from "./operations/attention";
import * as dense from "./operations/dense";
import * as rows from "./operations/elementwise";
import { lossForward } from "./operations/losses";
import { cellsForward, recurrentBackward, recurrentForward } from "./operations/recurrent";
import { scanBackward, scanForward } from "./operations/scan";
import type { Buffer, Plan } from "./plan";

const anywhere = new Set(
  "dense concat slice add sub mul affine activate keep softmax dropout outer cellState cellOutput stop scanInput scanState".split(
    " ",
  ),
);
const outsideScans = new Set(
  "input targets noise gru lstm cells attend attention meanRows lastRow batchNorm scan scanLast scanRows softmaxCE sigmoidCE mse mae mmd sum".split(
    " ",
  ),
);

/** What a graph holds that there are no kernels for, in words; such a graph runs on the plain interpreter. */
export function unsupported(graph: Graph): string | undefined {
  for (const { op, axis, inputs } of graph.values) {
    if (anywhere.has(op.kind) && axis !== "scalar") continue;
    if (outsideScans.has(op.kind) && axis !== "step" && inputs.every((x) => x.axis !== "step")) continue;
    return op.kind === "plain" ? `plain (${op.label})` : `${op.kind} over ${axis}`;
  }
  const { torn } = layoutsOf(graph);
  return torn && `${torn.name} shared by layers that lie unlike`;
}

/** A plan for values, and a reader for each: row-major, in the batch's order. */
export function compileForward(
  b: Builder,
  values: readonly Value[],
): { plan: Plan; readers: readonly (() => Float32Array)[] } {
  const compiled = new Compilation(b, values);
  compiled.forward();
  const readers = values.map((v) => compiled.reader(v));
  return { plan: b.plan(), readers };
}

/**
 * A plan for the losses and the gradients of their weighted sum, or of one `term`; with `b.update`, Adam too. `gradient` reads
 * a parameter's gradient after a run of a plan without `update`.
 */
export function compileBackward(
  b: Builder,
  output: Output,
  term?: string,
): { plan: Plan; gradient: (p: Param) => Float32Array } {
  const factors = new Map<Value, number>();
  for (const [name, v] of Object.entries(output.loss)) {
    const weight = term === undefined ? (output.lossWeights?.[name] ?? 1) : name === term ? 1 : 0;
    factors.set(v, (factors.get(v) ?? 0) + weight);
  }
  const compiled = new Compilation(b, Object.values(output.loss));
  b.activate(factors);
  const { weights, run } = b;
  b.emit(({ k }) => k.fill(weights.vectorGradients, weights.vectorBytes, 0));
  compiled.forward();
  compiled.backward(factors);
  if (b.update) b.adam(weights.vectorsAt, () => weights.vectorGradients, weights.vectorBytes / 4);
  else b.emit(() => b.begun.forEach((buffer) => buffer.at)); // all are read after the run
  const gradient = (p: Param): Float32Array => {
    const w = weights.of(p);
    if (!w.isMatrix) return w.read(run.heap.floats, weights.gradientAt(p));
    const buffer = b.begun.get(p);
    return buffer ? w.read(run.heap.floats, buffer.at) : new Float32Array(p.shape[0] * p.shape[1]);
  };
  return { plan: b.plan(), gradient };
}

class Compilation {
  private readonly order: readonly Value[];
  /** What emits the gradient of a loss, by the loss. */
  private readonly losses = new Map<Value, (factor: number) => void>();
  private readonly emitters = {
    forward: (v: Value) => this.forwardOf(v),
    backward: (v: Value, g: Mat) => this.backwardOf(v, g),
  };
  /** Weights of attention asked for. */
  private readonly tapped = new Map<Value, Buffer>();

  constructor(
    private readonly b: Builder,
    values: readonly Value[],
  ) {
    this.order = b.need(values);
  }

  forward(): void {
    for (const v of this.order) this.forwardOf(v);
  }

  /** @param factors of the losses in the total */
  backward(factors: Map<Value, number>): void {
    const { b } = this;
    for (const v of [...this.order].reverse()) {
      if (v.axis === "scalar") {
        const factor = factors.get(v) ?? 0;
        if (factor === 0) continue;
        const { op } = v;
        if (op.kind === "sum")
          v.inputs.forEach((x, i) => factors.set(x, (factors.get(x) ?? 0) + factor * op.weights[i]));
        else this.losses.get(v)?.(factor);
        continue;
      }
      const { op } = v;
      if (op.kind === "scan") {
        const loop = b.loops.get(v);
        if (loop && b.hasGradient(v)) scanBackward(b, v, loop, this.emitters);
        continue;
      }
      const g = b.reached(v);
      if (g) this.backwardOf(v, g);
    }
  }

  private forwardOf(v: Value): void {
    const { b } = this;
    const { op } = v;
    switch (op.kind) {
      case "input":
        return rows.inputForward(b, v, op);
      case "targets":
        return rows.targetsForward(b, v);
      case "noise":
        return rows.noiseForward(b, v, op);
      case "dense":
        return dense.denseForward(b, v, op);
      case "concat":
        return dense.concatForward(b, v);
      case "slice":
        return dense.sliceForward(b, v, op);
      case "add":
      case "sub":
      case "mul":
        return rows.binaryForward(b, v, op);
      case "affine":
        return rows.affineForward(b, v, op);
      case "activate":
        return rows.activateForward(b, v, op);
      case "keep":
        return rows.keepForward(b, v, op);
      case "softmax":
        return rows.softmaxForward(b, v, op);
      case "dropout":
        return rows.dropoutForward(b, v, op);
      case "gru":
      case "lstm":
        return recurrentForward(b, v, op);
      case "cells":
        return cellsForward(b, v, v.inputs[0]);
      case "attend":
        attendForward(b, v);
        return;
      case "attention":
        this.tapped.set(v, attendForward(b, v));
        return;
      case "meanRows":
        return rows.meanRowsForward(b, v);
      case "lastRow":
        return rows.lastRowForward(b, v, v.inputs[0]);
      case "outer":
        return rows.outerForward(b, v);
      case "cellState":
        return rows.cellStateForward(b, v, op);
      case "cellOutput":
        return rows.cellOutputForward(b, v, op);
      case "batchNorm":
        return rows.batchNormForward(b, v, op);
      case "scan": {
        const loop = b.loops.get(v);
        if (loop) scanForward(b, v, loop, this.emitters);
        return;
      }
      case "scanLast":
        return rows.lastRowForward(b, v, this.stateOf(v, op.state));
      case "softmaxCE":
      case "sigmoidCE":
      case "mse":
      case "mae":
      case "mmd":
        this.losses.set(v, lossForward(b, v, op));
        return;
      case "sum":
        b.emit(
          ({ scalars }) => (scalars[v.id] = v.inputs.reduce((sum, x, i) => sum + op.weights[i] * scalars[x.id], 0)),
        );
        return;
      case "stop":
      case "scanRows":
      case "scanInput":
      case "scanState":
      case "plain":
        return; // other values' numbers, or not compiled at all
    }
  }

  private backwardOf(v: Value, g: Mat): void {
    const { b } = this;
    const { op } = v;
    switch (op.kind) {
      case "dense":
        return dense.denseBackward(b, v, op, g);
      case "concat":
        return dense.concatBackward(b, v, g);
      case "slice":
        return dense.sliceBackward(b, v, op, g);
      case "add":
      case "sub":
      case "mul":
        return rows.binaryBackward(b, v, op, g);
      case "affine":
        return rows.affineBackward(b, v, op, g);
      case "activate":
        return rows.activateBackward(b, v, op, g);
      case "keep":
        return rows.keepBackward(b, v, op, g);
      case "softmax":
        return rows.softmaxBackward(b, v, op, g);
      case "dropout":
        return rows.dropoutBackward(b, v, op, g);
      case "gru":
      case "lstm":
        return recurrentBackward(b, v, op, g);
      case "attend":
        return attendBackward(b, v, g);
      case "meanRows":
        return rows.meanRowsBackward(b, v, g);
      case "lastRow":
        return rows.lastRowBackward(b, v.inputs[0], g);
      case "outer":
        return rows.outerBackward(b, v, g);
      case "cellState":
        return rows.cellStateBackward(b, v, op, g);
      case "cellOutput":
        return rows.cellOutputBackward(b, v, op, g);
      case "batchNorm":
        return rows.batchNormBackward(b, v, op, g);
      case "scanLast":
        return rows.lastRowBackward(b, this.stateOf(v, op.state), g);
      default:
        return; // no gradient goes further
    }
  }

  private stateOf(v: Value, state: number): Value {
    const { op } = v.inputs[0];
    return op.kind === "scan" ? op.body.states[state].after : v;
  }

  /** Reads a value after a run. */
  reader(v: Value): () => Float32Array {
    const { b } = this;
    const { run } = b;
    if (v.axis === "scalar") return () => Float32Array.of(run.scalars[v.id]);
    const tapped = this.tapped.get(v);
    const buffer = tapped ?? b.of(v).buffer;
    b.emit(() => buffer.at); // read at the end
    return tapped ? readAttention(b, tapped) : () => this.read(v);
  }

  private read(v: Value): Float32Array {
    const { run } = this.b;
    const mat = this.b.of(v);
    const f = this.b.frame(v);
    const index = v.axis === "sequences" ? run.pack.order : run.pack.timeMajor;
    const { floats } = run.heap;
    const out = new Float32Array(f.count * v.width);
    const first = at(mat, f) >>> 2;
    lanesOf(mat.layout).forEach((lane, column) => {
      let from = first + (lane >> 3) * (f.step >>> 2) + (lane & 7);
      for (let i = 0; i < f.count; i++, from += 8) out[index[i] * v.width + column] = floats[from];
    });
    return out;
  }
}
