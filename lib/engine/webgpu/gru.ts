/**
 * A packed GRU direction in one dispatch forward and one backward: a workgroup takes a sequence through all its steps, its threads
 * the units, the state lies in workgroup memory. As plain operations it is some twenty dispatches a step.
 */
import * as tf from "@tensorflow/tfjs";
import type { Gates, Recurrent, Value } from "../graph";
import type { Context } from "../reference";
import { dropMask } from "../tensors";
import type { Packing } from "../packing";
import { type Kernel, perGroup, runKernel } from "./backend";

/** Workgroup memory that every device has: 16 KB. The backward kernel keeps six numbers a unit and a length. */
export const mostUnits = Math.floor((16384 / 4 - 1) / 6);
const threadsFor = (units: number): number => Math.min(256, 32 * Math.ceil(units / 32));

const gateCode = (gates: Gates): string =>
  gates === "sigmoid"
    ? `fn gate(x : f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
       fn gateSlope(y : f32) -> f32 { return y * (1.0 - y); }`
    : `fn gate(x : f32) -> f32 { return clamp(0.2 * x + 0.5, 0.0, 1.0); }
       fn gateSlope(y : f32) -> f32 { return select(0.0, 0.2, y > 0.0 && y < 1.0); }`;

/** Row number t of sequence s, in the direction's order. */
const rowCode = (backwards: boolean): string =>
  `fn rowOf(first : i32, length : i32, t : i32) -> i32 { return first + ${backwards ? "length - 1 - t" : "t"}; }`;

/**
 * P (n, 3r) = x W + b, U (r, 3r), mask (s, r) on h(t-1) where it enters the products, offsets (s + 1)
 * -> (n, 4r): h, z, reset and candidate of each row.
 */
function forwardKernel(pack: Packing, r: number, gates: Gates, backwards: boolean): Kernel {
  const threads = threadsFor(r);
  const code = `
    var<workgroup> shared_length : i32;
    var<workgroup> h : array<f32, ${r}>;
    var<workgroup> hd : array<f32, ${r}>;
    var<workgroup> rh : array<f32, ${r}>;
    ${gateCode(gates)}
    ${rowCode(backwards)}
    fn safeTanh(x : f32) -> f32 { return tanh(clamp(x, -15.0, 15.0)); }
    fn main(index : i32) {
      let s = min(index / ${threads}, uniforms.offsetsShape - 2);
      let tid = i32(localIndex);
      let first = offsets[s];
      if (tid == 0) { shared_length = offsets[s + 1] - first; }
      // The same for the whole workgroup, which its barriers require.
      let length = workgroupUniformLoad(&shared_length);
      for (var j = tid; j < ${r}; j += ${threads}) { h[j] = 0.0; hd[j] = 0.0; }
      workgroupBarrier();
      for (var t = 0; t < length; t++) {
        let row = rowOf(first, length, t);
        let p = row * ${3 * r};
        let o = row * ${4 * r};
        for (var j = tid; j < ${r}; j += ${threads}) {
          var z = P[p + j];
          var reset = P[p + ${r} + j];
          for (var k = 0; k < ${r}; k++) {
            z += hd[k] * U[k * ${3 * r} + j];
            reset += hd[k] * U[k * ${3 * r} + ${r} + j];
          }
          z = gate(z);
          reset = gate(reset);
          rh[j] = reset * hd[j];
          result[o + ${r} + j] = z;
          result[o + ${2 * r} + j] = reset;
        }
        workgroupBarrier();
        for (var j = tid; j < ${r}; j += ${threads}) {
          var c = P[p + ${2 * r} + j];
          for (var k = 0; k < ${r}; k++) { c += rh[k] * U[k * ${3 * r} + ${2 * r} + j]; }
          c = safeTanh(c);
          let z = result[o + ${r} + j];
          let now = z * h[j] + (1.0 - z) * c;
          result[o + ${3 * r} + j] = c;
          result[o + j] = now;
          h[j] = now;
          hd[j] = now * mask[s * ${r} + j];
        }
        workgroupBarrier();
      }
    }`;
  const name = `gruForward_${r}_${gates}_${backwards}`;
  return perGroup(name, pack.sequences, threads, [pack.rows, 4 * r], ["P", "U", "mask", "offsets"], code);
}

/** dH (n, r), the forward kernel's result, U, mask, offsets -> dP (n, 3r). */
function backwardKernel(pack: Packing, r: number, gates: Gates, backwards: boolean): Kernel {
  const threads = threadsFor(r);
  const code = `
    var<workgroup> shared_length : i32;
    var<workgroup> carry : array<f32, ${r}>;
    var<workgroup> dc : array<f32, ${r}>;
    var<workgroup> dz : array<f32, ${r}>;
    var<workgroup> dr : array<f32, ${r}>;
    var<workgroup> drh : array<f32, ${r}>;
    var<workgroup> kept : array<f32, ${r}>;
    ${gateCode(gates)}
    ${rowCode(backwards)}
    fn main(index : i32) {
      let s = min(index / ${threads}, uniforms.offsetsShape - 2);
      let tid = i32(localIndex);
      let first = offsets[s];
      if (tid == 0) { shared_length = offsets[s + 1] - first; }
      // The same for the whole workgroup, which its barriers require.
      let length = workgroupUniformLoad(&shared_length);
      for (var j = tid; j < ${r}; j += ${threads}) { carry[j] = 0.0; }
      workgroupBarrier();
      for (var t = length - 1; t >= 0; t--) {
        let row = rowOf(first, length, t);
        let o = row * ${4 * r};
        let before = rowOf(first, length, t - 1) * ${4 * r};
        for (var j = tid; j < ${r}; j += ${threads}) {
          let dh = dH[row * ${r} + j] + carry[j];
          let z = saved[o + ${r} + j];
          let c = saved[o + ${3 * r} + j];
          var h = 0.0;
          if (t > 0) { h = saved[before + j]; }
          kept[j] = dh * z;
          dz[j] = dh * (h - c) * gateSlope(z);
          dc[j] = dh * (1.0 - z) * (1.0 - c * c);
        }
        workgroupBarrier();
        for (var j = tid; j < ${r}; j += ${threads}) {
          var d = 0.0;
          for (var k = 0; k < ${r}; k++) { d += dc[k] * U[j * ${3 * r} + ${2 * r} + k]; }
          let reset = saved[o + ${2 * r} + j];
          var hd = 0.0;
          if (t > 0) { hd = saved[before + j] * mask[s * ${r} + j]; }
          dr[j] = d * hd * gateSlope(reset);
          drh[j] = d * reset;
        }
        workgroupBarrier();
        for (var j = tid; j < ${r}; j += ${threads}) {
          var d = drh[j];
          for (var k = 0; k < ${r}; k++) {
            d += dz[k] * U[j * ${3 * r} + k] + dr[k] * U[j * ${3 * r} + ${r} + k];
          }
          carry[j] = kept[j] + d * mask[s * ${r} + j];
          let p = row * ${3 * r};
          result[p + j] = dz[j];
          result[p + ${r} + j] = dr[j];
          result[p + ${2 * r} + j] = dc[j];
        }
        workgroupBarrier();
      }
    }`;
  const name = `gruBackward_${r}_${gates}_${backwards}`;
  return perGroup(name, pack.sequences, threads, [pack.rows, 3 * r], ["dH", "saved", "U", "mask", "offsets"], code);
}

/** The direction's previous row of each row, or `rows` where there is none. */
function previousRows({ offsets, rows, sequences }: Packing, backwards: boolean): Int32Array {
  const previous = new Int32Array(rows).fill(rows);
  for (let i = 0; i < sequences; i++)
    for (let row = offsets[i]; row < offsets[i + 1]; row++) {
      const before = backwards ? row + 1 : row - 1;
      if (before >= offsets[i] && before < offsets[i + 1]) previous[row] = before;
    }
  return previous;
}

function sequenceOfRow({ offsets, rows, sequences }: Packing): Int32Array {
  const sequence = new Int32Array(rows);
  for (let i = 0; i < sequences; i++) sequence.fill(i, offsets[i], offsets[i + 1]);
  return sequence;
}

/** The `gru` of ops.ts: x (n, d) -> (n, r) or (n, 2r); more units than workgroup memory holds are left to the reference. */
export function gru(value: Value, [input]: tf.Tensor2D[], context: Context): tf.Tensor2D | undefined {
  const { op } = value;
  if (op.kind !== "gru" || op.units > mostUnits || input.shape[0] === 0) return undefined;
  const { pack, key } = context;
  const { units: r, gates, inputDrop, recurrentDrop } = op;
  const sequence = sequenceOfRow(pack);
  const x =
    inputDrop && key
      ? tf.mul<tf.Tensor2D>(
          input,
          tf.tensor2d(dropMask(inputDrop, key, sequence, input.shape[1]), [pack.rows, input.shape[1]]),
        )
      : input;
  const offsets = tf.tensor1d(pack.offsets, "int32");
  const direction = (w: Recurrent, backwards: boolean): tf.Tensor2D => {
    const weights = [w.kernel, w.recurrent, w.bias].map((p) => context.params.get(p.name) as tf.Tensor);
    const projected = tf.add<tf.Tensor2D>(tf.matMul(x, weights[0] as tf.Tensor2D), weights[2]);
    const numbers =
      recurrentDrop && key
        ? dropMask(
            { ...recurrentDrop, stream: `${recurrentDrop.stream}/${backwards ? "bwd" : "fwd"}` },
            key,
            pack.sequences,
            r,
          )
        : new Float32Array(pack.sequences * r).fill(1);
    const mask = tf.tensor2d(numbers, [pack.sequences, r]);
    const steps = tf.customGrad((P, U, save) => {
      const saved = runKernel(forwardKernel(pack, r, gates, backwards), [
        P as tf.Tensor,
        U as tf.Tensor,
        mask,
        offsets,
      ]);
      (save as tf.GradSaveFunc)([saved, U as tf.Tensor, mask, offsets]);
      const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]) => {
        const [all, recurrent] = kept as [tf.Tensor2D, tf.Tensor2D];
        const dP = runKernel(backwardKernel(pack, r, gates, backwards), [dy, ...kept]) as tf.Tensor2D;
        const columns = (t: tf.Tensor2D, k: number, width = r) => tf.slice(t, [0, k * r], [t.shape[0], width]);
        const withZero = tf.concat([columns(all, 0), tf.zeros<tf.Rank.R2>([1, r])], 0);
        const before = tf.gather(withZero, tf.tensor1d(previousRows(pack, backwards), "int32"));
        const hd = tf.mul<tf.Tensor2D>(before, tf.gather(kept[2], tf.tensor1d(sequence, "int32")));
        const dUzr = tf.matMul(hd, columns(dP, 0, 2 * r), true);
        const dUh = tf.matMul<tf.Tensor2D>(tf.mul(columns(all, 2), hd), columns(dP, 2), true);
        return [dP, tf.reshape(tf.concat([dUzr, dUh], 1), recurrent.shape)];
      };
      return { value: tf.slice(saved, [0, 0], [pack.rows, r]), gradFunc };
    });
    return steps(projected, weights[1]) as tf.Tensor2D;
  };
  const forward = direction(op.forward, false);
  return op.backward ? tf.concat([forward, direction(op.backward, true)], 1) : forward;
}
