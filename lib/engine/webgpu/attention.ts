/**
 * Attention inside sequences, a workgroup a row: one dispatch forward and two backward, whatever the number of sequences. Scores of
 * a row lie in workgroup memory and are computed again for the gradients instead of being kept.
 */
import * as tf from "@tensorflow/tfjs";
import type { Value } from "../graph";
import type { Context } from "../reference";
import { type Kernel, perGroup, runKernel } from "./backend";

const threads = 64;
/** Workgroup memory that every device has, 16 KB, less what the sums take: scores of the longest sequence, twice. */
export const longestSequence = Math.floor((16384 / 4 - 4 * threads) / 2);

/** Sum or maximum over the threads of a workgroup; every thread gets it. */
const reduceCode = `
  var<workgroup> partial : array<f32, ${threads}>;
  fn allSum(tid : i32, x : f32) -> f32 {
    partial[tid] = x;
    workgroupBarrier();
    for (var step = ${threads / 2}; step > 0; step = step / 2) {
      if (tid < step) { partial[tid] += partial[tid + step]; }
      workgroupBarrier();
    }
    let total = partial[0];
    workgroupBarrier();
    return total;
  }
  fn allMax(tid : i32, x : f32) -> f32 {
    partial[tid] = x;
    workgroupBarrier();
    for (var step = ${threads / 2}; step > 0; step = step / 2) {
      if (tid < step) { partial[tid] = max(partial[tid], partial[tid + step]); }
      workgroupBarrier();
    }
    let most = partial[0];
    workgroupBarrier();
    return most;
  }
  fn dotOf(d : i32, i : i32, j : i32) -> f32 {
    var sum = 0.0;
    for (var k = 0; k < d; k++) { sum += q[i * d + k] * keys[j * d + k]; }
    return sum;
  }`;

/** Into `weights`: exp(q_i k_j - most) of the row's sequence; `most` and the sum of the weights. */
const softmaxCode = (d: number): string => `
      let row = min(index / ${threads}, uniforms.qShape[0] - 1);
      let tid = i32(localIndex);
      let first = bounds[2 * row];
      let length = bounds[2 * row + 1] - first;
      var threadMost = -3.402823e+38;
      for (var j = tid; j < length; j += ${threads}) {
        let score = dotOf(${d}, row, first + j);
        weights[j] = score;
        threadMost = max(threadMost, score);
      }
      let most = allMax(tid, threadMost);
      var threadSum = 0.0;
      for (var j = tid; j < length; j += ${threads}) {
        weights[j] = exp(weights[j] - most);
        threadSum += weights[j];
      }
      let total = allSum(tid, threadSum);`;

/** q, k (n, d), v (n, e), bounds (n, 2): first row and end of the row's sequence -> (n, e). */
function forwardKernel(n: number, d: number, e: number, longest: number): Kernel {
  const code = `
    var<workgroup> weights : array<f32, ${longest}>;
    ${reduceCode}
    fn main(index : i32) {
      ${softmaxCode(d)}
      for (var c = tid; c < ${e}; c += ${threads}) {
        var sum = 0.0;
        for (var j = 0; j < length; j++) { sum += weights[j] * v[(first + j) * ${e} + c]; }
        result[row * ${e} + c] = sum / total;
      }
    }`;
  return perGroup(`attend_${d}_${e}_${longest}`, n, threads, [n, e], ["q", "keys", "v", "bounds"], code);
}

/** Gradient of the queries and, for the other kernel, the row's maximum, sum and sum of P dP: (n, d + 3). */
function queryKernel(n: number, d: number, e: number, longest: number): Kernel {
  const code = `
    var<workgroup> weights : array<f32, ${longest}>;
    var<workgroup> slopes : array<f32, ${longest}>;
    ${reduceCode}
    fn main(index : i32) {
      ${softmaxCode(d)}
      var threadShare = 0.0;
      for (var j = tid; j < length; j += ${threads}) {
        var slope = 0.0;
        for (var c = 0; c < ${e}; c++) { slope += dy[row * ${e} + c] * v[(first + j) * ${e} + c]; }
        slopes[j] = slope;
        threadShare += slope * weights[j] / total;
      }
      let share = allSum(tid, threadShare);
      for (var c = tid; c < ${d}; c += ${threads}) {
        var sum = 0.0;
        for (var j = 0; j < length; j++) {
          sum += weights[j] / total * (slopes[j] - share) * keys[(first + j) * ${d} + c];
        }
        result[row * ${d + 3} + c] = sum;
      }
      if (tid == 0) {
        result[row * ${d + 3} + ${d}] = most;
        result[row * ${d + 3} + ${d + 1}] = total;
        result[row * ${d + 3} + ${d + 2}] = share;
      }
    }`;
  return perGroup(`attendQuery_${d}_${e}_${longest}`, n, threads, [n, d + 3], ["q", "keys", "v", "bounds", "dy"], code);
}

/** Gradients of keys and values: (n, d + e). */
function keyKernel(n: number, d: number, e: number, longest: number): Kernel {
  const code = `
    var<workgroup> weights : array<f32, ${longest}>;
    var<workgroup> slopes : array<f32, ${longest}>;
    ${reduceCode}
    fn main(index : i32) {
      let row = min(index / ${threads}, uniforms.qShape[0] - 1);
      let tid = i32(localIndex);
      let first = bounds[2 * row];
      let length = bounds[2 * row + 1] - first;
      for (var i = tid; i < length; i += ${threads}) {
        let other = first + i;
        let at = other * ${d + 3} + ${d};
        let weight = exp(dotOf(${d}, other, row) - stats[at]) / stats[at + 1];
        var slope = 0.0;
        for (var c = 0; c < ${e}; c++) { slope += dy[other * ${e} + c] * v[row * ${e} + c]; }
        weights[i] = weight;
        slopes[i] = weight * (slope - stats[at + 2]);
      }
      workgroupBarrier();
      for (var c = tid; c < ${d}; c += ${threads}) {
        var sum = 0.0;
        for (var i = 0; i < length; i++) { sum += slopes[i] * q[(first + i) * ${d} + c]; }
        result[row * ${d + e} + c] = sum;
      }
      for (var c = tid; c < ${e}; c += ${threads}) {
        var sum = 0.0;
        for (var i = 0; i < length; i++) { sum += weights[i] * dy[(first + i) * ${e} + c]; }
        result[row * ${d + e} + ${d} + c] = sum;
      }
    }`;
  return perGroup(
    `attendKey_${d}_${e}_${longest}`,
    n,
    threads,
    [n, d + e],
    ["q", "keys", "v", "bounds", "dy", "stats"],
    code,
  );
}

/** The `attend` of ops.ts: softmax(q kT) v inside each sequence; longer ones than workgroup memory holds are left to the reference. */
export function attend(_value: Value, [q, k, v]: tf.Tensor2D[], { pack }: Context): tf.Tensor2D | undefined {
  const { rows: n, sequences, offsets } = pack;
  if (n === 0 || pack.longest > longestSequence) return undefined;
  const [d, e] = [q.shape[1], v.shape[1]];
  // Kernels are compiled for a capacity: powers of two, so that batches share them.
  const longest = Math.min(longestSequence, 2 ** Math.ceil(Math.log2(Math.max(16, pack.longest))));
  const ends = new Int32Array(2 * n);
  for (let i = 0; i < sequences; i++)
    for (let row = offsets[i]; row < offsets[i + 1]; row++) ends.set([offsets[i], offsets[i + 1]], 2 * row);
  const bounds = tf.tensor2d(ends, [n, 2], "int32");
  const attention = tf.customGrad((a, b, c, save) => {
    const inputs = [a, b, c, bounds] as tf.Tensor[];
    (save as tf.GradSaveFunc)(inputs);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const stats = runKernel(queryKernel(n, d, e, longest), [...saved, dy]) as tf.Tensor2D;
      const both = runKernel(keyKernel(n, d, e, longest), [...saved, dy, stats]) as tf.Tensor2D;
      return [tf.slice(stats, [0, 0], [n, d]), tf.slice(both, [0, 0], [n, d]), tf.slice(both, [0, d], [n, e])];
    };
    return { value: runKernel(forwardKernel(n, d, e, longest), inputs), gradFunc };
  });
  return attention(q, k, v) as tf.Tensor2D;
}
