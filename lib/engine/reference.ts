/**
 * The meaning of every operation, in plain TensorFlow.js: runs on every backend, and is what the kernels are compared with.
 * An engine built on TensorFlow.js may pass `overrides`, its own fused way to compute an operation of the same meaning.
 * Recurrent layers and scans are in recurrence.ts.
 */
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../core/errors";
import { Rng } from "../core/rng";
import type { Batch } from "../core/types";
import type { Feeds } from "./engine";
import type { Drop, Op, Param, Value } from "./graph";
import type { Packing } from "./packing";
import { type PackedContext, recurrent, type RecurrentOp, scan, type Scanned, type ScanStep } from "./recurrence";
import { activation, columns, dropMask, scalar, stopped, takeRows } from "./tensors";

/** What an interpretation needs besides the graph. */
export interface Context extends PackedContext {
  readonly batch: Batch;
  readonly feeds?: Feeds;
  /** Batch statistics that BatchNorm met, by the name of the moving parameter they go into. */
  readonly moving: Map<string, tf.Tensor>;
}

/** Computes a value its own way, or gives undefined where that way does not reach. */
export type Override = (value: Value, inputs: tf.Tensor2D[], context: Context) => tf.Tensor2D | undefined;
export type Overrides = Partial<Record<Op["kind"], Override>>;

/** The values of a graph on one batch, each computed once. */
export class Interpretation {
  private readonly known = new Map<Value, tf.Tensor2D>();
  private readonly scans = new Map<Value, Scanned>();
  /** Inside a scan: packed rows of the alive sequences. */
  private stepRows: Int32Array | undefined;

  constructor(
    private readonly context: Context,
    private readonly overrides: Overrides,
  ) {}

  valueOf(value: Value): tf.Tensor2D {
    this.settle(value);
    return this.of(value);
  }

  private of(value: Value): tf.Tensor2D {
    return this.known.get(value) as tf.Tensor2D;
  }

  /** Computes a value with all that it needs and that is not known; gives what was computed. */
  private settle(value: Value): readonly Value[] {
    // Deep graphs would overflow the stack if values were computed by recursion: compute in recorded order.
    const needed = neededFor(value, this.known);
    for (const v of needed) this.known.set(v, this.compute(v));
    return needed;
  }

  private compute(value: Value): tf.Tensor2D {
    const { op } = value;
    const inputs = value.inputs.map((v) => this.of(v));
    if (op.kind === "scan") {
      this.scans.set(value, scan(op.body, inputs, this.context.pack, this.step));
      return tf.zeros([0, 0]);
    }
    return this.overrides[op.kind]?.(value, inputs, this.context) ?? this.meaning(value, inputs);
  }

  private readonly step: ScanStep = (rows, placeholders, results) => {
    this.stepRows = rows;
    for (const [v, tensor] of placeholders) this.known.set(v, tensor);
    const own = results.flatMap((v) => this.settle(v));
    const tensors = results.map((v) => this.of(v));
    for (const v of own) this.known.delete(v);
    return tensors;
  };

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
        return recurrent(op, a, this.context, "hidden");
      case "cells": {
        const [layer] = value.inputs;
        return recurrent(layer.op as RecurrentOp, this.of(layer.inputs[0]), this.context, "cells");
      }
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
function needTargets(batch: Batch): Int32Array | Float32Array {
  if (!batch.targets)
    throw new EngineError(
      "batch: expected targets for a loss, found none; prediction must ask for the prediction alone.",
    );
  return batch.targets;
}
