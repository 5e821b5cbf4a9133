/**
 * The meaning of every operation, in plain TensorFlow.js: runs on every backend, and is what the kernels are compared with.
 * An engine built on TensorFlow.js may pass `overrides`, its own fused way to compute an operation of the same meaning.
 */
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../core/errors";
import { dropThreshold, Rng, streamKey } from "../core/rng";
import type { Batch } from "../core/types";
import {
  type AdamOptions,
  checkParam,
  type EngineInfo,
  type Feeds,
  type OptimizerState,
  type Program,
  type StepKey,
} from "./engine";
import type { Act, Drop, Gates, Graph, Op, Output, Param, Recurrent, Value } from "./graph";
import { initial } from "./init";
import { packing, type Packing } from "./packing";

/** What an interpretation needs besides the graph. */
export interface Context {
  readonly batch: Batch;
  readonly pack: Packing;
  readonly params: ReadonlyMap<string, tf.Tensor>;
  /** Present while training: dropout and batch statistics are on. */
  readonly key?: StepKey;
  readonly feeds?: Feeds;
  /** Batch statistics that BatchNorm met, by the name of the moving parameter they go into. */
  readonly moving: Map<string, tf.Tensor>;
}
/** Computes a value its own way, or gives undefined where that way does not reach. */
export type Override = (value: Value, inputs: tf.Tensor2D[], context: Context) => tf.Tensor2D | undefined;
export type Overrides = Partial<Record<Op["kind"], Override>>;

/** x[indices], whose gradient needs no scatter kernel (tfjs-wasm has none): indices are distinct rows. */
export function takeRows(x: tf.Tensor2D, indices: Int32Array): tf.Tensor2D {
  const [rows] = x.shape;
  return tf.customGrad((a) => {
    const value = tf.gather(a as tf.Tensor, tf.tensor1d(indices, "int32"));
    const gradFunc = (dy: tf.Tensor) => {
      const back = new Int32Array(rows).fill(indices.length);
      indices.forEach((row, i) => (back[row] = i));
      const padded = tf.concat([dy, tf.zeros([1, dy.shape[1] as number])], 0);
      return tf.gather(padded, tf.tensor1d(back, "int32"));
    };
    return { value, gradFunc };
  })(x) as tf.Tensor2D;
}

/** 0 or 1 / (1 - rate) for each entry of rows `index[0]`, `index[1]`, ... of a value `width` wide, written into `mask`. */
export function dropMask(
  drop: Drop,
  key: StepKey,
  index: Int32Array | number,
  width: number,
  mask: Float32Array = new Float32Array((typeof index === "number" ? index : index.length) * width),
): Float32Array {
  const stream = streamKey(key.seed, drop.stream, key.step);
  // Unsigned numbers are compared as signed ones with their highest bit turned, so that the loop stays in 32-bit integers.
  const threshold = dropThreshold(drop.rate) ^ 0x80000000;
  const scale = 1 / (1 - drop.rate);
  const rows = typeof index === "number" ? index : index.length;
  for (let i = 0, at = 0; i < rows; i++) {
    const row = typeof index === "number" ? i : index[i];
    // bits(stream, row * width + j) of rng.ts, written out: this is called millions of times a step.
    let place = (Math.imul(row * width, 0x9e3779b1) + stream) | 0;
    for (let j = 0; j < width; j++, at++) {
      let x = place;
      x ^= x >>> 16;
      x = Math.imul(x, 0x7feb352d);
      x ^= x >>> 15;
      x = Math.imul(x, 0x846ca68b);
      x ^= x >>> 16;
      mask[at] = (x ^ 0x80000000) >= threshold ? scale : 0;
      place = (place + 0x9e3779b1) | 0;
    }
  }
  return mask;
}

export function activation(x: tf.Tensor2D, act: Act): tf.Tensor2D {
  switch (act) {
    case "linear":
      return x;
    case "tanh":
      return tf.tanh(x);
    case "relu":
      return tf.relu(x);
    case "sigmoid":
      return tf.sigmoid(x);
    case "hardSigmoid":
      return tf.clipByValue(tf.add<tf.Tensor2D>(tf.mul(x, 0.2), 0.5), 0, 1);
  }
}

const columns = (x: tf.Tensor2D, start: number, width: number): tf.Tensor2D =>
  tf.slice(x, [0, start], [x.shape[0], width]);
const firstRows = (x: tf.Tensor2D, rows: number): tf.Tensor2D => tf.slice(x, [0, 0], [rows, x.shape[1]]);

type RecurrentOp = Extract<Op, { kind: "gru" | "lstm" }>;

class Interpretation {
  private readonly known = new Map<Value, tf.Tensor2D>();
  /** Results of scans: last states and outputs. */
  private readonly scans = new Map<Value, { last: tf.Tensor2D[]; rows: tf.Tensor2D[] }>();
  /** Inside a scan: packed rows of the alive sequences. */
  private stepRows: Int32Array | undefined;

  constructor(
    private readonly context: Context,
    private readonly overrides: Overrides,
  ) {}

  valueOf(value: Value): tf.Tensor2D {
    const known = this.known.get(value);
    if (known) return known;
    // Deep graphs would overflow the stack if values were computed by recursion alone: compute in recorded order.
    for (const v of neededFor(value, this.known)) this.known.set(v, this.compute(v));
    return this.known.get(value) as tf.Tensor2D;
  }

  private compute(value: Value): tf.Tensor2D {
    const { kind } = value.op;
    if (kind === "scan") {
      this.scans.set(value, this.scan(value));
      return tf.zeros([0, 0]);
    }
    const inputs = value.inputs.map((v) => this.known.get(v) as tf.Tensor2D);
    return this.overrides[kind]?.(value, inputs, this.context) ?? this.meaning(value, inputs);
  }

  private param(p: Param): tf.Tensor {
    return this.context.params.get(p.name) as tf.Tensor;
  }

  private drop(x: tf.Tensor2D, drop: Drop | undefined, value: Value): tf.Tensor2D {
    const { key } = this.context;
    if (!drop || !key || drop.rate === 0) return x;
    const rows = value.axis === "step" ? (this.stepRows as Int32Array) : x.shape[0];
    return tf.mul(x, tf.tensor2d(dropMask(drop, key, rows, x.shape[1]), x.shape));
  }

  private meaning(value: Value, inputs: tf.Tensor2D[]): tf.Tensor2D {
    const { op } = value;
    const { batch, pack, key } = this.context;
    const [a, b] = inputs;
    switch (op.kind) {
      case "input": {
        const m = batch.x[op.modality];
        if (!m)
          throw new EngineError(
            `batch: expected modality ${op.modality}, found ${Object.keys(batch.x).join(", ") || "none"}.`,
          );
        return tf.tensor2d(m.data, [m.rows, m.width]);
      }
      case "targets":
        return tf.tensor2d(Float32Array.from(needTargets(batch)), [
          needTargets(batch).length / value.width,
          value.width,
        ]);
      case "noise": {
        const fed = this.context.feeds?.[op.name];
        const rng = new Rng(key?.seed ?? 0, `noise/${op.name}`, key?.step ?? 0);
        return tf.tensor2d(fed ?? Float32Array.from({ length: pack.sequences * value.width }, () => rng.normal()), [
          pack.sequences,
          value.width,
        ]);
      }
      case "dense": {
        const x = inputs.length === 1 ? a : tf.concat(inputs, 1);
        const y: tf.Tensor2D = tf.matMul(x, this.param(op.kernel) as tf.Tensor2D);
        return this.drop(activation(op.bias ? tf.add<tf.Tensor2D>(y, this.param(op.bias)) : y, op.act), op.drop, value);
      }
      case "concat":
        return tf.concat(inputs, 1);
      case "slice":
        return columns(a, op.start, value.width);
      case "add":
        return tf.add(a, b);
      case "sub":
        return tf.sub(a, b);
      case "mul":
        return tf.mul(a, b);
      case "affine":
        return tf.add(tf.mul(a, op.scale), op.shift);
      case "activate":
        return activation(a, op.act);
      case "keep":
        return tf.mul(a, tf.tensor2d(op.factors, [1, op.factors.length]));
      case "softmax": {
        const grouped = tf.reshape(a, [a.shape[0] * op.groups, value.width / op.groups]);
        return tf.reshape(tf.softmax(grouped), [a.shape[0], value.width]);
      }
      case "dropout":
        return this.drop(a, op.drop, value);
      case "gru":
      case "lstm":
        return this.recurrent(op, a, "hidden");
      case "cells":
        return this.recurrent(
          value.inputs[0].op as RecurrentOp,
          this.known.get(value.inputs[0].inputs[0]) as tf.Tensor2D,
          "cells",
        );
      case "attend": {
        const parts = bySequence(pack, (rows, first) => {
          const at = (x: tf.Tensor2D) => tf.slice(x, [first, 0], [rows, x.shape[1]]);
          return tf.matMul(tf.softmax(tf.matMul(at(a), at(b), false, true)), at(inputs[2]));
        });
        return tf.concat(parts, 0);
      }
      case "attention": {
        const parts = bySequence(pack, (rows, first) => {
          const at = (x: tf.Tensor2D) => tf.slice(x, [first, 0], [rows, x.shape[1]]);
          const weights: tf.Tensor2D = tf.softmax(tf.matMul<tf.Tensor2D>(at(a), at(b), false, true));
          return tf.concat2d([weights, tf.zeros<tf.Rank.R2>([rows, pack.longest - rows])], 1);
        });
        return tf.concat(parts, 0);
      }
      case "meanRows":
        return tf.concat(
          bySequence(
            pack,
            (rows, first) => tf.mean(tf.slice(a, [first, 0], [rows, value.width]), 0, true) as tf.Tensor2D,
          ),
          0,
        );
      case "lastRow":
        return takeRows(
          a,
          Int32Array.from({ length: pack.sequences }, (_, i) => pack.offsets[i + 1] - 1),
        );
      case "outer":
        return inputs
          .map((x) => tf.concat([tf.ones([x.shape[0], 1]) as tf.Tensor2D, x], 1))
          .reduce((product, x) => {
            const [rows, p] = product.shape;
            return tf.reshape(tf.mul(tf.reshape(product, [rows, p, 1]), tf.reshape(x, [rows, 1, x.shape[1]])), [
              rows,
              p * x.shape[1],
            ]);
          });
      case "cellState": {
        const [i, f, g] = [0, 1, 2].map((k) => columns(a, k * value.width, value.width));
        return tf.add(tf.mul(activation(f, op.gates), b), tf.mul(activation(i, op.gates), tf.tanh(g)));
      }
      case "cellOutput": {
        const o = activation(columns(a, 3 * value.width, value.width), op.gates);
        return tf.mul(o, op.squash ? tf.tanh(b) : b);
      }
      case "batchNorm": {
        const mean = key ? tf.mean(a, 0) : this.param(op.mean);
        const variance = key ? tf.mean(tf.square(tf.sub(a, mean)), 0) : this.param(op.variance);
        if (key) {
          const n = a.shape[0];
          const factor = op.unbiased && n > 1 ? n / (n - 1) : 1;
          const moved = (old: Param, now: tf.Tensor) =>
            tf.add(tf.mul(this.param(old), 1 - op.momentum), tf.mul(now, op.momentum));
          this.context.moving.set(op.mean.name, moved(op.mean, mean));
          this.context.moving.set(op.variance.name, moved(op.variance, tf.mul(variance, factor)));
        }
        const scaled = tf.div(tf.sub(a, mean), tf.sqrt(tf.add(variance, op.epsilon)));
        return tf.add(tf.mul(scaled, this.param(op.gamma)), this.param(op.beta));
      }
      case "stop":
        return stopped(a);
      case "scanLast":
      case "scanRows": {
        const scanned = this.scans.get(value.inputs[0]);
        if (!scanned) throw new EngineError(`${value.path}: the scan that it belongs to has not run.`);
        return op.kind === "scanLast" ? scanned.last[op.state] : scanned.rows[op.output];
      }
      case "plain":
        return op.run(inputs, { tf, offsets: pack.offsets, training: key !== undefined });
      case "softmaxCE": {
        const labels = tf.oneHot(tf.tensor1d(Int32Array.from(needTargets(batch)), "int32"), a.shape[1]);
        const picked = tf.sum(tf.mul(a, tf.cast(labels, "float32")), 1);
        return scalar(tf.mean(tf.sub(tf.logSumExp(a, 1), picked)));
      }
      case "sigmoidCE": {
        const t = tf.tensor2d(Float32Array.from(needTargets(batch)), a.shape);
        // max(x, 0) - x t + log(1 + exp(-|x|)): no overflow.
        return scalar(tf.mean(tf.add(tf.sub(tf.relu(a), tf.mul(a, t)), tf.log1p(tf.exp(tf.neg(tf.abs(a)))))));
      }
      case "mse":
        return scalar(tf.mean(tf.square(tf.sub(a, stopped(b)))));
      case "mae":
        return scalar(tf.mean(tf.abs(tf.sub(a, stopped(b)))));
      case "mmd": {
        const d = a.shape[1];
        const kernel = (x: tf.Tensor2D, y: tf.Tensor2D) => {
          const difference = tf.sub(tf.expandDims(x, 1), tf.expandDims(y, 0));
          return tf.mean(tf.exp(tf.mul(tf.sum(tf.square(difference), 2), -1 / (d * d))));
        };
        const g = stopped(b);
        return scalar(tf.sub(tf.add(kernel(g, g), kernel(a, a)), tf.mul(kernel(g, a), 2)));
      }
      case "sum":
        return inputs.map((x, i) => tf.mul(x, op.weights[i]) as tf.Tensor2D).reduce((x, y) => tf.add(x, y));
      case "scan":
      case "scanInput":
      case "scanState":
        throw new EngineError(`${op.kind}: computed by its scan, never alone.`);
    }
  }

  /** One mask a sequence, repeated on its rows: (n, width). */
  private sequenceMask(drop: Drop, width: number): tf.Tensor2D {
    const { pack, key } = this.context;
    const sequenceOfRow = new Int32Array(pack.rows);
    for (let i = 0; i < pack.sequences; i++) sequenceOfRow.fill(i, pack.offsets[i], pack.offsets[i + 1]);
    return tf.tensor2d(dropMask(drop, key as StepKey, sequenceOfRow, width), [pack.rows, width]);
  }

  /** Hidden states of a recurrent layer, or an LSTM's memories. */
  private recurrent(op: RecurrentOp, a: tf.Tensor2D, give: "hidden" | "cells"): tf.Tensor2D {
    const { inputDrop } = op;
    const x = inputDrop && this.context.key ? tf.mul<tf.Tensor2D>(a, this.sequenceMask(inputDrop, a.shape[1])) : a;
    const run = (direction: Recurrent, backwards: boolean) => {
      const stream = backwards ? "bwd" : "fwd";
      const drop = op.recurrentDrop && { ...op.recurrentDrop, stream: `${op.recurrentDrop.stream}/${stream}` };
      return op.kind === "gru"
        ? this.gruDirection(x, direction, op.units, op.gates, backwards, drop)
        : this.lstmDirection(x, direction, op.units, op.gates, backwards, drop, give);
    };
    const forward = run(op.forward, false);
    return op.backward ? tf.concat([forward, run(op.backward, true)], 1) : forward;
  }

  /** Runs `step` over time on time-major rows of `projected` and gives its outputs back in packed order. */
  private overTime(
    projected: tf.Tensor2D,
    backwards: boolean,
    units: number,
    step: (x: tf.Tensor2D, alive: number) => tf.Tensor2D,
  ): tf.Tensor2D {
    const { pack } = this.context;
    const reversed = Int32Array.from({ length: pack.rows });
    for (let i = 0; i < pack.sequences; i++)
      for (let r = pack.offsets[i]; r < pack.offsets[i + 1]; r++)
        reversed[r] = pack.offsets[i] + pack.offsets[i + 1] - 1 - r;
    const forth = backwards ? pack.timeMajor.map((r) => reversed[r]) : pack.timeMajor;
    const inTime = takeRows(projected, forth);
    const outputs: tf.Tensor2D[] = [];
    for (let t = 0; t < pack.longest; t++)
      outputs.push(step(tf.slice(inTime, [pack.starts[t], 0], [pack.alive[t], projected.shape[1]]), pack.alive[t]));
    const back = new Int32Array(pack.rows);
    forth.forEach((row, place) => (back[row] = place));
    return takeRows(outputs.length ? tf.concat(outputs, 0) : tf.zeros([0, units]), back);
  }

  private stateMask(drop: Drop | undefined, units: number): tf.Tensor2D | undefined {
    const { pack, key } = this.context;
    if (!drop || !key) return undefined;
    return tf.tensor2d(dropMask(drop, key, pack.order, units), [pack.sequences, units]);
  }

  private gruDirection(
    x: tf.Tensor2D,
    w: Recurrent,
    r: number,
    gates: Gates,
    backwards: boolean,
    drop: Drop | undefined,
  ): tf.Tensor2D {
    const projected = tf.add(tf.matMul(x, this.param(w.kernel) as tf.Tensor2D), this.param(w.bias)) as tf.Tensor2D;
    const U = this.param(w.recurrent) as tf.Tensor2D;
    const [Uzr, Uh] = [columns(U, 0, 2 * r), columns(U, 2 * r, r)];
    const mask = this.stateMask(drop, r);
    let h: tf.Tensor2D = tf.zeros([this.context.pack.sequences, r]);
    return this.overTime(projected, backwards, r, (xt, alive) => {
      h = firstRows(h, alive);
      const hDropped = mask ? tf.mul(h, firstRows(mask, alive)) : h;
      const zr = activation(tf.add<tf.Tensor2D>(columns(xt, 0, 2 * r), tf.matMul(hDropped as tf.Tensor2D, Uzr)), gates);
      const [z, reset] = [columns(zr, 0, r), columns(zr, r, r)];
      const c = tf.tanh(tf.add(columns(xt, 2 * r, r), tf.matMul(tf.mul(reset, hDropped) as tf.Tensor2D, Uh)));
      return (h = tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), c)));
    });
  }

  private lstmDirection(
    x: tf.Tensor2D,
    w: Recurrent,
    r: number,
    gates: Gates,
    backwards: boolean,
    drop: Drop | undefined,
    give: "hidden" | "cells",
  ): tf.Tensor2D {
    const projected = tf.add(tf.matMul(x, this.param(w.kernel) as tf.Tensor2D), this.param(w.bias)) as tf.Tensor2D;
    const U = this.param(w.recurrent) as tf.Tensor2D;
    const mask = this.stateMask(drop, r);
    let h: tf.Tensor2D = tf.zeros([this.context.pack.sequences, r]);
    let c: tf.Tensor2D = h;
    return this.overTime(projected, backwards, r, (xt, alive) => {
      h = firstRows(h, alive);
      const gate = tf.add(
        xt,
        tf.matMul(mask ? (tf.mul(h, firstRows(mask, alive)) as tf.Tensor2D) : h, U),
      ) as tf.Tensor2D;
      const [i, f, g, o] = [0, 1, 2, 3].map((k) => columns(gate, k * r, r));
      c = tf.add(tf.mul(activation(f, gates), firstRows(c, alive)), tf.mul(activation(i, gates), tf.tanh(g)));
      h = tf.mul(activation(o, gates), tf.tanh(c));
      return give === "hidden" ? h : c;
    });
  }

  private scan(value: Value): { last: tf.Tensor2D[]; rows: tf.Tensor2D[] } {
    if (value.op.kind !== "scan") throw new EngineError("scan: expected a scan.");
    const { body } = value.op;
    const { pack } = this.context;
    const inputs = value.inputs.map((v) => this.known.get(v) as tf.Tensor2D);
    const xs = body.inputs.map((_, i) => takeRows(inputs[i], pack.timeMajor));
    let states = body.states.map(({ start, width }) =>
      start === undefined ? (tf.zeros([pack.sequences, width]) as tf.Tensor2D) : takeRows(inputs[start], pack.order),
    );
    const ended: tf.Tensor2D[][] = body.states.map(() => []);
    const outputs: tf.Tensor2D[][] = body.outputs.map(() => []);
    for (let t = 0; t < pack.longest; t++) {
      const alive = pack.alive[t];
      states = states.map((s, i) => {
        const stay = s.shape[0] - alive;
        if (stay > 0) ended[i].unshift(tf.slice(s, [alive, 0], [stay, s.shape[1]]));
        return firstRows(s, alive);
      });
      this.stepRows = pack.timeMajor.subarray(pack.starts[t], pack.starts[t] + alive);
      body.inputs.forEach((v, i) => this.known.set(v, tf.slice(xs[i], [pack.starts[t], 0], [alive, v.width])));
      body.states.forEach((s, i) => this.known.set(s.before, states[i]));
      const results = [...body.states.map((s) => s.after), ...body.outputs];
      const stepKnown = new Set<Value>();
      for (const result of results)
        for (const v of neededFor(result, this.known)) {
          this.known.set(v, this.compute(v));
          stepKnown.add(v);
        }
      const next = body.states.map((s) => this.known.get(s.after) as tf.Tensor2D);
      body.outputs.forEach((v, i) => outputs[i].push(this.known.get(v) as tf.Tensor2D));
      for (const v of stepKnown) this.known.delete(v);
      states = next;
    }
    const inOrder = new Int32Array(pack.sequences);
    pack.order.forEach((sequence, i) => (inOrder[sequence] = i));
    return {
      last: states.map((s, i) => takeRows(tf.concat([s, ...ended[i]], 0), inOrder)),
      rows: outputs.map((list) => takeRows(tf.concat(list, 0), pack.place)),
    };
  }
}

/** The values that `value` needs and that are not known, in recorded order, itself last. */
function neededFor(value: Value, known: ReadonlyMap<Value, unknown>): Value[] {
  const needed = new Set<Value>();
  const open = [value];
  for (let v = open.pop(); v; v = open.pop()) {
    if (needed.has(v) || known.has(v)) continue;
    needed.add(v);
    open.push(...v.inputs);
  }
  return [...needed].sort((a, b) => a.id - b.id);
}

const bySequence = (pack: Packing, run: (rows: number, first: number) => tf.Tensor2D): tf.Tensor2D[] =>
  Array.from({ length: pack.sequences }, (_, i) => run(pack.offsets[i + 1] - pack.offsets[i], pack.offsets[i]));
const scalar = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [1, 1]);
const stopped = (x: tf.Tensor2D): tf.Tensor2D =>
  tf.customGrad((a) => ({ value: tf.clone(a as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) }))(
    x,
  ) as tf.Tensor2D;

function needTargets(batch: Batch): Int32Array | Float32Array {
  if (!batch.targets)
    throw new EngineError(
      "batch: expected targets for a loss, found none; prediction must ask for the prediction alone.",
    );
  return batch.targets;
}

export const isEmpty = (batch: Batch): boolean => batch.offsets.length < 2;

/** @throws EngineError for a batch without sequences: it has no loss */
export function needSequences(batch: Batch): void {
  if (isEmpty(batch)) throw new EngineError("batch: expected at least one sequence for a loss, found none.");
}

/** A program over whatever TensorFlow.js backend is active. */
export class ReferenceProgram implements Program {
  private readonly params = new Map<string, tf.Tensor>();
  private readonly m = new Map<string, tf.Tensor>();
  private readonly v = new Map<string, tf.Tensor>();
  private steps = 0;
  private readonly trainable: Param[];

  constructor(
    readonly graph: Graph,
    readonly output: Output,
    seed: number,
    private readonly overrides: Overrides = {},
    /** TensorFlow.js's backend that it computes on: several engines may live in one process. */
    private readonly backend: string = tf.getBackend(),
  ) {
    this.activate();
    this.trainable = [...graph.params.values()].filter((p) => p.trainable);
    for (const p of graph.params.values()) this.params.set(p.name, tf.tensor(initial(p, seed), [...p.shape]));
    for (const p of this.trainable) for (const moments of [this.m, this.v]) moments.set(p.name, tf.zeros([...p.shape]));
  }

  /** Makes its backend TensorFlow.js's current one; started backends change at once. */
  private activate(): void {
    if (tf.getBackend() !== this.backend) void tf.setBackend(this.backend);
  }

  async get(name: string): Promise<Float32Array> {
    const tensor = this.params.get(name);
    if (!tensor) throw new EngineError(`weights: expected a parameter of this model, found ${name}.`);
    return Float32Array.from(await tensor.data());
  }

  set(name: string, values: Float32Array): void {
    checkParam(this.graph, name, values);
    this.activate();
    replace(this.params, name, tf.tensor(values, this.params.get(name)?.shape));
  }

  async step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>> {
    const { grads, moving, terms } = this.differentiate(batch, undefined, key, feeds);
    this.adam(grads, adam);
    for (const [name, value] of moving) replace(this.params, name, value);
    tf.dispose(Object.values(grads));
    return readTerms(terms);
  }

  async losses(batch: Batch, { key, feeds }: { key?: StepKey; feeds?: Feeds } = {}): Promise<Record<string, number>> {
    needSequences(batch);
    this.activate();
    const terms = tf.tidy(() => {
      const run = this.interpret(batch, key, feeds).run;
      const named: Record<string, tf.Tensor> = {};
      for (const [name, v] of Object.entries(this.output.loss)) named[name] = run.valueOf(v);
      named.total = this.total(named);
      return named;
    });
    return readTerms(terms);
  }

  async gradients(
    batch: Batch,
    o: { term?: string; key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Record<string, Float32Array>> {
    if (o.term !== undefined && !(o.term in this.output.loss))
      throw new EngineError(
        `gradients: expected a loss term of ${Object.keys(this.output.loss).join(", ")}, found ${o.term}.`,
      );
    const { grads, moving, terms } = this.differentiate(batch, o.term, o.key, o.feeds);
    tf.dispose([...moving.values(), ...Object.values(terms)]);
    const out: Record<string, Float32Array> = {};
    for (const [name, g] of Object.entries(grads)) out[name] = Float32Array.from(await g.data());
    tf.dispose(Object.values(grads));
    return out;
  }

  async evaluate(
    batch: Batch,
    values: readonly Value[],
    { key, feeds }: { key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Float32Array[]> {
    if (isEmpty(batch)) return values.map(() => new Float32Array(0));
    this.activate();
    const tensors = tf.tidy(() => {
      const { run } = this.interpret(batch, key, feeds);
      return values.map((v) => tf.clone(run.valueOf(v)));
    });
    const out: Float32Array[] = [];
    for (const t of tensors) out.push(Float32Array.from(await t.data()));
    tf.dispose(tensors);
    return out;
  }

  async optimizerState(): Promise<OptimizerState> {
    const read = async (moments: Map<string, tf.Tensor>) => {
      const out: Record<string, Float32Array> = {};
      for (const [name, t] of moments) out[name] = Float32Array.from(await t.data());
      return out;
    };
    return { steps: this.steps, m: await read(this.m), v: await read(this.v) };
  }

  setOptimizerState(state: OptimizerState): void {
    this.activate();
    this.steps = state.steps;
    for (const [moments, values] of [
      [this.m, state.m],
      [this.v, state.v],
    ] as const)
      // prettier-ignore
      for (const p of this.trainable) {
        checkParam(this.graph, p.name, values[p.name] ?? new Float32Array(0));
        replace(moments, p.name, tf.tensor(values[p.name], [...p.shape]));
      }
  }

  dispose(): void {
    for (const map of [this.params, this.m, this.v]) {
      tf.dispose([...map.values()]);
      map.clear();
    }
  }

  private interpret(
    batch: Batch,
    key: StepKey | undefined,
    feeds: Feeds | undefined,
  ): { run: Interpretation; moving: Map<string, tf.Tensor> } {
    const moving = new Map<string, tf.Tensor>();
    const context: Context = { batch, pack: packing(batch.offsets), params: this.params, key, feeds, moving };
    return { run: new Interpretation(context, this.overrides), moving };
  }

  private total(terms: Record<string, tf.Tensor>): tf.Tensor {
    return Object.keys(this.output.loss)
      .map((name) => tf.mul(terms[name], this.output.lossWeights?.[name] ?? 1))
      .reduce((x, y) => tf.add(x, y));
  }

  /** Gradients of the total or of one term, by parameter name; loss terms and new batch statistics beside them. */
  private differentiate(batch: Batch, term: string | undefined, key: StepKey | undefined, feeds: Feeds | undefined) {
    needSequences(batch);
    this.activate();
    const xs = this.trainable.map((p) => this.params.get(p.name) as tf.Tensor);
    let terms: Record<string, tf.Tensor> = {};
    let moving = new Map<string, tf.Tensor>();
    const grads = tf.tidy(() => {
      const f = () => {
        const interpretation = this.interpret(batch, key, feeds);
        const named: Record<string, tf.Tensor> = {};
        for (const [name, v] of Object.entries(this.output.loss)) named[name] = interpretation.run.valueOf(v);
        named.total = this.total(named);
        terms = Object.fromEntries(Object.entries(named).map(([name, t]) => [name, tf.keep(tf.clone(t))]));
        moving = new Map([...interpretation.moving].map(([name, t]) => [name, tf.keep(tf.clone(t))]));
        return tf.reshape(term === undefined ? named.total : named[term], []) as tf.Scalar;
      };
      const result = tf.engine().gradients(f, xs, undefined, true);
      const named: Record<string, tf.Tensor> = {};
      this.trainable.forEach((p, i) => (named[p.name] = result.grads[i] ?? tf.zeros([...p.shape])));
      return named;
    });
    return { grads, terms, moving };
  }

  private adam(
    grads: Record<string, tf.Tensor>,
    { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 }: AdamOptions,
  ): void {
    this.steps++;
    const c1 = 1 - power(beta1, this.steps);
    const c2 = 1 - power(beta2, this.steps);
    for (const { name } of this.trainable) {
      const [w, m, v] = tf.tidy(() => {
        const g = grads[name];
        const mNew = tf.add(tf.mul(this.m.get(name) as tf.Tensor, beta1), tf.mul(g, 1 - beta1));
        const vNew = tf.add(tf.mul(this.v.get(name) as tf.Tensor, beta2), tf.mul(tf.square(g), 1 - beta2));
        const update = tf.div(tf.mul(mNew, learningRate / c1), tf.add(tf.sqrt(tf.div(vNew, c2)), epsilon));
        return [tf.sub(this.params.get(name) as tf.Tensor, update), mNew, vNew];
      });
      replace(this.params, name, w);
      replace(this.m, name, m);
      replace(this.v, name, v);
    }
  }
}

/** b^n by multiplication alone: Math.pow may differ in the last bit between versions of V8. */
export function power(b: number, n: number): number {
  let result = 1;
  for (; n > 0; n >>= 1, b *= b) if (n & 1) result *= b;
  return result;
}

function replace(map: Map<string, tf.Tensor>, name: string, value: tf.Tensor): void {
  map.get(name)?.dispose();
  map.set(name, tf.keep(value));
}

async function readTerms(terms: Record<string, tf.Tensor>): Promise<Record<string, number>> {
  const out: Record<string, number> = {};
  for (const [name, t] of Object.entries(terms)) out[name] = (await t.data())[0];
  tf.dispose(Object.values(terms));
  return out;
}

/** The reference on TensorFlow.js's own JavaScript backend: slow, everywhere, what the others are compared with. */
export async function startCpu(): Promise<EngineInfo> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  await tf.ready();
  return { name: "cpu", device: "JavaScript", threads: 1, versions: { tfjs: tf.version_core }, flags: {} };
}
