/** Packed recurrent layers and scans in plain TensorFlow.js: part of the meaning of operations (reference.ts). */
import * as tf from "@tensorflow/tfjs";
import type { StepKey } from "./engine";
import type { Drop, Op, Recurrent, ScanBody, Value } from "./graph";
import type { Packing } from "./packing";
import { activation, columns, dropMask, firstRows, takeRows } from "./tensors";

/** What steps over time read of an interpretation. */
export interface PackedContext {
  readonly pack: Packing;
  readonly params: ReadonlyMap<string, tf.Tensor>;
  /** Present while training: dropout and batch statistics are on. */
  readonly key?: StepKey;
}

export type RecurrentOp = Extract<Op, { kind: "gru" | "lstm" }>;

/** The next state or memory of the sequences alive, given their projected inputs. */
type Step = (x: tf.Tensor2D, alive: number) => tf.Tensor2D;

/** Hidden states of a recurrent layer, or an LSTM's memories: x (n, d) -> (n, r), or (n, 2r) where it runs both ways. */
export function recurrent(
  op: RecurrentOp,
  input: tf.Tensor2D,
  { pack, params, key }: PackedContext,
  give: "hidden" | "cells",
): tf.Tensor2D {
  const { units, inputDrop, recurrentDrop } = op;
  const x = inputDrop && key ? tf.mul<tf.Tensor2D>(input, rowMask(inputDrop, key, pack, input.shape[1])) : input;
  const direction = (w: Recurrent, backwards: boolean): tf.Tensor2D => {
    const [W, U, bias] = [w.kernel, w.recurrent, w.bias].map((p) => params.get(p.name) as tf.Tensor2D);
    const projected = tf.add<tf.Tensor2D>(tf.matMul(x, W), bias);
    const drop = recurrentDrop && { ...recurrentDrop, stream: `${recurrentDrop.stream}/${backwards ? "bwd" : "fwd"}` };
    const mask = drop && key && tf.tensor2d(dropMask(drop, key, pack.order, units), [pack.sequences, units]);
    const start = tf.zeros<tf.Rank.R2>([pack.sequences, units]);
    const step = op.kind === "gru" ? gruStep(op, U, start, mask) : lstmStep(op, U, start, mask, give);
    return overTime(projected, pack, backwards, units, step);
  };
  const forward = direction(op.forward, false);
  return op.backward ? tf.concat([forward, direction(op.backward, true)], 1) : forward;
}

function gruStep({ units: r, gates }: RecurrentOp, U: tf.Tensor2D, start: tf.Tensor2D, mask?: tf.Tensor2D): Step {
  const [Uzr, Uh] = [columns(U, 0, 2 * r), columns(U, 2 * r, r)];
  let h = start;
  return (x, alive) => {
    h = firstRows(h, alive);
    const entering = mask ? tf.mul<tf.Tensor2D>(h, firstRows(mask, alive)) : h;
    const zr = activation(tf.add<tf.Tensor2D>(columns(x, 0, 2 * r), tf.matMul(entering, Uzr)), gates);
    const [z, reset] = [columns(zr, 0, r), columns(zr, r, r)];
    const c = tf.tanh(tf.add(columns(x, 2 * r, r), tf.matMul(tf.mul<tf.Tensor2D>(reset, entering), Uh)));
    return (h = tf.add(tf.mul(z, h), tf.mul(tf.sub(1, z), c)));
  };
}

function lstmStep(
  { units: r, gates }: RecurrentOp,
  U: tf.Tensor2D,
  start: tf.Tensor2D,
  mask: tf.Tensor2D | undefined,
  give: "hidden" | "cells",
): Step {
  let [h, c] = [start, start];
  return (x, alive) => {
    h = firstRows(h, alive);
    const entering = mask ? tf.mul<tf.Tensor2D>(h, firstRows(mask, alive)) : h;
    const all = tf.add<tf.Tensor2D>(x, tf.matMul(entering, U));
    const [i, f, g, o] = [0, 1, 2, 3].map((k) => columns(all, k * r, r));
    c = tf.add(tf.mul(activation(f, gates), firstRows(c, alive)), tf.mul(activation(i, gates), tf.tanh(g)));
    h = tf.mul(activation(o, gates), tf.tanh(c));
    return give === "hidden" ? h : c;
  };
}

/** Runs `step` over time on time-major rows of `projected` and gives its outputs back in packed order. */
function overTime(
  projected: tf.Tensor2D,
  { rows, sequences, longest, offsets, timeMajor, starts, alive }: Packing,
  backwards: boolean,
  units: number,
  step: Step,
): tf.Tensor2D {
  const reversed = new Int32Array(rows);
  for (let i = 0; i < sequences; i++)
    for (let r = offsets[i]; r < offsets[i + 1]; r++) reversed[r] = offsets[i] + offsets[i + 1] - 1 - r;
  const forth = backwards ? timeMajor.map((r) => reversed[r]) : timeMajor;
  const inTime = takeRows(projected, forth);
  const outputs = Array.from({ length: longest }, (_, t) =>
    step(tf.slice(inTime, [starts[t], 0], [alive[t], projected.shape[1]]), alive[t]),
  );
  const back = new Int32Array(rows);
  forth.forEach((row, place) => (back[row] = place));
  return takeRows(outputs.length ? tf.concat(outputs, 0) : tf.zeros([0, units]), back);
}

/** One mask a sequence, repeated on its rows: (n, width). */
function rowMask(drop: Drop, key: StepKey, { rows, sequences, offsets }: Packing, width: number): tf.Tensor2D {
  const sequenceOfRow = new Int32Array(rows);
  for (let i = 0; i < sequences; i++) sequenceOfRow.fill(i, offsets[i], offsets[i + 1]);
  return tf.tensor2d(dropMask(drop, key, sequenceOfRow, width), [rows, width]);
}

/** What a scan gives: each state after a sequence's last step (s, width), each output of every row (n, width). */
export interface Scanned {
  readonly last: readonly tf.Tensor2D[];
  readonly rows: readonly tf.Tensor2D[];
}

/** Computes `results` of a scan's body at one step: `rows` are the packed rows of the sequences alive, `placeholders` their values. */
export type ScanStep = (
  rows: Int32Array,
  placeholders: readonly (readonly [Value, tf.Tensor2D])[],
  results: readonly Value[],
) => readonly tf.Tensor2D[];

/** @param inputs values over rows, then starting states over sequences */
export function scan(body: ScanBody, inputs: readonly tf.Tensor2D[], pack: Packing, step: ScanStep): Scanned {
  const { timeMajor, order, place, starts, sequences } = pack;
  const xs = body.inputs.map((_, i) => takeRows(inputs[i], timeMajor));
  let states = body.states.map(({ start, width }) =>
    start === undefined ? tf.zeros<tf.Rank.R2>([sequences, width]) : takeRows(inputs[start], order),
  );
  const ended: tf.Tensor2D[][] = body.states.map(() => []);
  const outputs: tf.Tensor2D[][] = body.outputs.map(() => []);
  for (let t = 0; t < pack.longest; t++) {
    const [first, alive] = [starts[t], pack.alive[t]];
    states = states.map((s, i) => {
      const stay = s.shape[0] - alive;
      if (stay > 0) ended[i].unshift(tf.slice(s, [alive, 0], [stay, s.shape[1]]));
      return firstRows(s, alive);
    });
    const results = step(
      timeMajor.subarray(first, first + alive),
      [
        ...body.inputs.map((v, i) => [v, tf.slice(xs[i], [first, 0], [alive, v.width])] as const),
        ...body.states.map(({ before }, i) => [before, states[i]] as const),
      ],
      [...body.states.map(({ after }) => after), ...body.outputs],
    );
    states = results.slice(0, states.length);
    outputs.forEach((list, i) => list.push(results[states.length + i]));
  }
  const inOrder = new Int32Array(sequences);
  order.forEach((sequence, i) => (inOrder[sequence] = i));
  return {
    last: states.map((s, i) => takeRows(tf.concat([s, ...ended[i]], 0), inOrder)),
    rows: outputs.map((list) => takeRows(tf.concat(list, 0), place)),
  };
}
