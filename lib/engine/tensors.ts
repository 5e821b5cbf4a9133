/** Functions of tensors that the meaning of operations is made of, beside TensorFlow.js's own. */
import * as tf from "@tensorflow/tfjs";
import { dropThreshold, streamKey } from "../core/rng";
import type { StepKey } from "./engine";
import type { Act, Drop } from "./graph";

export const columns = (x: tf.Tensor2D, start: number, width: number): tf.Tensor2D =>
  tf.slice(x, [0, start], [x.shape[0], width]);
export const firstRows = (x: tf.Tensor2D, rows: number): tf.Tensor2D => tf.slice(x, [0, 0], [rows, x.shape[1]]);
export const scalar = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [1, 1]);
/** x, through which no gradient goes. */
export const stopped = (x: tf.Tensor2D): tf.Tensor2D =>
  tf.customGrad((a) => ({ value: tf.clone(a as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy) }))(
    x,
  ) as tf.Tensor2D;

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
