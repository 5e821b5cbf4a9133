/**
 * Packed GRU and LSTM, one direction after the other: a direction's recurrent weights stay in the cache through its steps.
 * The projections of all inputs are one product; so are the gradients of all weights, after the steps.
 */
import type { Drop, Op, Param, Recurrent, Value } from "../../graph";
import { at, type Builder, type Mat, panelsFrom } from "../builder";
import type { Layout } from "../layout";
import type { BatchState } from "../plan";
import { dropArguments } from "./common";

type Recurrence = Extract<Op, { kind: "gru" | "lstm" }>;

/** What the backward pass of a direction reads. */
interface Kept {
  readonly weights: Recurrent;
  readonly backwards: 0 | 1;
  /** Gates, overwritten by their gradients. */
  readonly gates: Mat;
  /** The states as they enter products: of the step before, times the mask while training. */
  readonly entering: (run: BatchState) => Mat;
  /** GRU: the states before a step, and r times those that enter. LSTM: the cells before a step, tanh of those after. */
  readonly states: readonly [Mat, Mat];
  readonly mask: Mat | undefined;
}

const keptOf = new WeakMap<Builder, Map<Value, { input: Mat; directions: Kept[] }>>();

export function recurrentForward(b: Builder, v: Value, op: Recurrence): void {
  const f = b.run.rows;
  const [source] = v.inputs;
  const x = b.of(source);
  let input = x;
  if (op.inputDrop) {
    const dropped = (input = b.matLike(v, x.layout));
    const args = dropArguments(b, op.inputDrop, x.layout, source.width);
    b.emit((run) => {
      if (run.training)
        run.k.dropout(at(dropped, f), at(x, f), f.step, x.panels, f.count, run.sequenceOfRow, ...args(run), 0);
      else run.k.copy(at(dropped, f), f.step, at(x, f), f.step, x.panels, f.count, 0);
    });
  }
  const directions = [direction(b, v, op, input, op.forward, 0)];
  if (op.backward) directions.push(direction(b, v, op, input, op.backward, 1));
  const kept = keptOf.get(b) ?? new Map<Value, { input: Mat; directions: Kept[] }>();
  keptOf.set(b, kept.set(v, { input, directions }));
}

function direction(b: Builder, v: Value, op: Recurrence, input: Mat, weights: Recurrent, backwards: 0 | 1): Kept {
  const f = b.run.rows;
  const r = op.units;
  const own: Layout = [r];
  const Q = Math.ceil(r / 8);
  const isGru = op.kind === "gru";
  const w = b.weights.of(weights.kernel);
  const gates = b.matLike(v, new Array<number>(isGru ? 3 : 4).fill(r));
  const xT = b.turn([input], f);
  b.emit(({ k }) =>
    k.product(
      xT.at,
      input.panels * 256,
      b.weights.at(weights.kernel),
      w.step,
      at(gates, f),
      f.step,
      f.count,
      gates.panels,
      w.rows,
    ),
  );
  const mask = op.recurrentDrop && b.mat("sequences", own);
  if (mask && op.recurrentDrop) {
    const drop: Drop = { ...op.recurrentDrop, stream: `${op.recurrentDrop.stream}/${backwards ? "bwd" : "fwd"}` };
    const args = dropArguments(b, drop, own, r);
    b.emit((run) => {
      const s = run.sequences;
      if (run.training) run.k.dropFactors(at(mask, s), s.step, Q, s.count, s.index, ...args(run));
    });
  }
  const out = panelsFrom(b.of(v), backwards * Q, own);
  const [first, second, third] = [0, 1, 2].map(() => b.matLike(v, own));
  const common = { weights, backwards, gates, mask };
  // Without a mask a GRU's states enter the products as they are.
  const kept: Kept = isGru
    ? { ...common, entering: (run) => (mask && run.training ? second : first), states: [first, third] }
    : { ...common, entering: () => first, states: [second, third] };
  const walk = walkOf(b, op, kept);
  b.emit((run) => {
    const [one, two] = kept.states;
    const mats = isGru ? [one, kept.entering(run), two] : [kept.entering(run), one, two];
    (isGru ? run.k.gruForward : run.k.lstmForward)(
      at(gates, f),
      at(out, f),
      ...mats.map((m) => at(m, f)),
      f.step,
      Q,
      b.weights.at(weights.recurrent),
      b.weights.at(weights.bias),
      ...walk(run),
    );
  });
  return kept;
}

/** The arguments that all four kernels end in: the steps and their direction, scratch, the mask, the kind of gates. */
function walkOf(b: Builder, op: Recurrence, { backwards, mask }: Kept): (run: BatchState) => readonly number[] {
  const scratch = b.buffer("sequences", 10 * Math.ceil(op.units / 8));
  const hard = op.gates === "hardSigmoid" ? 1 : 0;
  return ({ starts, pack, sequences, training }) => [
    starts,
    pack.longest,
    backwards,
    scratch.at,
    sequences.step,
    mask && training ? at(mask, sequences) : 0,
    hard,
  ];
}

/** The memories of an LSTM to look at, s(f) c(t-1) + s(i) tanh(g): its forward pass leaves the three gates, activated. */
export function cellsForward(b: Builder, v: Value, layer: Value): void {
  const f = b.run.rows;
  const whole = b.of(v);
  keptOf
    .get(b)
    ?.get(layer)
    ?.directions.forEach(({ gates, states: [before] }, i) => {
      const Q = gates.panels / 4;
      const to = panelsFrom(whole, i * Q, before.layout);
      b.emit(({ k }) => {
        k.multiply(at(to, f), at(gates, f, Q), at(before, f), f.step, Q, f.count, 0);
        k.multiply(at(to, f), at(gates, f), at(gates, f, 2 * Q), f.step, Q, f.count, 1);
      });
    });
}

export function recurrentBackward(b: Builder, v: Value, op: Recurrence, g: Mat): void {
  const { input, directions } = keptOf.get(b)?.get(v) ?? { input: g, directions: [] };
  for (const d of directions) directionBackward(b, op, g, d);
  const [source] = v.inputs;
  if (b.hasGradient(source)) {
    if (op.inputDrop) {
      const through = b.matLike(v, input.layout);
      directions.forEach((d, i) => intoInput(b, d, through, i === 0 ? 0 : 1));
      const args = dropArguments(b, op.inputDrop, input.layout, source.width);
      const f = b.run.rows;
      b.into(source, input.layout, (to, add) =>
        b.emit((run) => {
          if (run.training)
            run.k.dropout(at(to, f), at(through, f), f.step, to.panels, f.count, run.sequenceOfRow, ...args(run), add);
          else run.k.copy(at(to, f), f.step, at(through, f), f.step, to.panels, f.count, add);
        }),
      );
    } else
      b.into(source, input.layout, (to, add) => directions.forEach((d, i) => intoInput(b, d, to, i === 0 ? add : 1)));
  }
  for (const d of directions) gradientOf(b, d.weights.kernel, d.gates, () => [[input, d.gates.panels]]);
}

function directionBackward(b: Builder, op: Recurrence, g: Mat, d: Kept): void {
  const f = b.run.rows;
  const Q = Math.ceil(op.units / 8);
  const isGru = op.kind === "gru";
  const { recurrent, bias } = d.weights;
  const { gates, entering, states } = d;
  const U = b.weights.of(recurrent);
  const dH = panelsFrom(g, d.backwards * Q, [op.units]);
  // A GRU's gates z and r, and its candidate, go back through their own columns of U; an LSTM's gates through all at once.
  const parts = (isGru ? [2, 1] : [4]).map((n) => ({ panels: n * Q, turned: b.buffer("fixed", 8 * n * Q * Q) }));
  const walk = walkOf(b, op, d);
  b.emit((run) => {
    const { k } = run;
    let columns = b.weights.at(recurrent);
    for (const { panels, turned } of parts) {
      k.transpose(columns, U.step, panels, 8 * Q, turned.at, panels * 256);
      columns += panels * U.step;
    }
    const mats = isGru ? [states[0], entering(run)] : states;
    (isGru ? k.gruBackward : k.lstmBackward)(
      at(gates, f),
      at(dH, f),
      ...mats.map((m) => at(m, f)),
      f.step,
      Q,
      ...parts.map(({ turned }) => turned.at),
      ...walk(run),
    );
  });
  gradientOf(b, recurrent, gates, (run) =>
    isGru
      ? [
          [entering(run), 2 * Q],
          [states[1], Q],
        ]
      : [[entering(run), 4 * Q]],
  );
  const db = b.weights.gradientAt(bias);
  b.emit(({ k }) => k.sumRows(db, at(gates, f), f.step, gates.panels, f.count, 1));
}

/** A weight's gradient X^T dG over all rows; `factors` gives X for the first panels of dG, then for the next ones. */
function gradientOf(
  b: Builder,
  p: Param,
  dG: Mat,
  factors: (run: BatchState) => readonly (readonly [Mat, number])[],
): void {
  const f = b.run.rows;
  b.weightGradient(p, (w, buffer, add) =>
    b.emit((run) => {
      const product = add ? run.k.productAdd : run.k.product;
      let first = 0;
      for (const [X, panels] of factors(run)) {
        product(
          at(X, f),
          f.step,
          at(dG, f, first),
          f.step,
          buffer.at + first * w.step,
          w.step,
          w.rows,
          panels,
          f.count,
        );
        first += panels;
      }
    }),
  );
}

function intoInput(b: Builder, d: Kept, to: Mat, add: 0 | 1): void {
  const f = b.run.rows;
  const w = b.weights.of(d.weights.kernel);
  const gT = b.turn([d.gates], f);
  const wT = b.turnWeight(d.weights.kernel);
  b.emit(({ k }) =>
    (add ? k.productAdd : k.product)(
      gT.at,
      w.panels * 256,
      wT.at,
      w.panels * 256,
      at(to, f),
      f.step,
      f.count,
      to.panels,
      w.panels * 8,
    ),
  );
}
