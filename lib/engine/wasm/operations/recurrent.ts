/**
 * Packed GRU and LSTM, one direction after the other: a direction's recurrent weights stay in the cache through its steps.
 * The projections of all inputs are one product; so are the gradients of all weights, after the steps.
 */
import type { Drop, Op, Recurrent, Value } from "../../graph";
import { at, type Builder, type Mat, panelsFrom } from "../builder";
import type { Layout } from "../layout";
import { dropArguments } from "./common";

type Recurrence = Extract<Op, { kind: "gru" | "lstm" }>;

/** What the backward pass of a direction reads. */
interface Kept {
  readonly weights: Recurrent;
  readonly backwards: 0 | 1;
  /** Gates, overwritten by their gradients. */
  readonly gates: Mat;
  /** GRU: the state before a step, the same as it enters products, r times that. LSTM: the latter's first, the cell before, tanh of the cell. */
  readonly mats: readonly Mat[];
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
  const gateCount = op.kind === "gru" ? 3 : 4;
  const w = b.weights.of(weights.kernel);
  const gates = b.matLike(v, new Array<number>(gateCount).fill(r));
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
  const hard = op.gates === "hardSigmoid" ? 1 : 0;
  const scratch = b.buffer("sequences", 10 * Q);
  const [recurrent, bias] = [b.weights.at(weights.recurrent), b.weights.at(weights.bias)];
  const extra = [0, 1, 2].map(() => b.matLike(v, own));
  b.emit((run) => {
    const masked = mask && run.training ? at(mask, run.sequences) : 0;
    const { k, pack, starts } = run;
    if (op.kind === "gru") {
      const [before, entering, reset] = extra.map((m) => at(m, f));
      // Without a mask the state enters the products as it is.
      k.gruForward(
        at(gates, f),
        at(out, f),
        before,
        masked ? entering : before,
        reset,
        f.step,
        Q,
        recurrent,
        bias,
        starts,
        pack.longest,
        backwards,
        scratch.at,
        run.sequences.step,
        masked,
        hard,
      );
    } else {
      const [entering, cell, tanhCell] = extra.map((m) => at(m, f));
      k.lstmForward(
        at(gates, f),
        at(out, f),
        entering,
        cell,
        tanhCell,
        f.step,
        Q,
        recurrent,
        bias,
        starts,
        pack.longest,
        backwards,
        scratch.at,
        run.sequences.step,
        masked,
        hard,
      );
    }
  });
  return { weights, backwards, gates, mats: extra, mask };
}

/** The memories of an LSTM to look at, s(f) c(t-1) + s(i) tanh(g): its forward pass leaves the three gates, activated. */
export function cellsForward(b: Builder, v: Value, layer: Value): void {
  const f = b.run.rows;
  const whole = b.of(v);
  keptOf
    .get(b)
    ?.get(layer)
    ?.directions.forEach(({ gates, mats: [, before] }, i) => {
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
  for (const d of directions) {
    const f = b.run.rows;
    b.weightGradient(d.weights.kernel, (w, buffer, add) =>
      b.emit(({ k }) =>
        (add ? k.productAdd : k.product)(
          at(input, f),
          f.step,
          at(d.gates, f),
          f.step,
          buffer.at,
          w.step,
          w.rows,
          w.panels,
          f.count,
        ),
      ),
    );
  }
}

function directionBackward(b: Builder, op: Recurrence, g: Mat, d: Kept): void {
  const f = b.run.rows;
  const Q = Math.ceil(op.units / 8);
  const U = b.weights.of(d.weights.recurrent);
  const address = b.weights.at(d.weights.recurrent);
  const scratch = b.buffer("sequences", 10 * Q);
  const hard = op.gates === "hardSigmoid" ? 1 : 0;
  const dH = panelsFrom(g, d.backwards * Q, [op.units]);
  const [first, second, third] = d.mats;
  const { gates, mask } = d;
  const masked = ({ training, sequences }: Builder["run"]): number => (mask && training ? at(mask, sequences) : 0);
  if (op.kind === "gru") {
    // The gates z and r, and the candidate, go back through their own columns of U.
    const [zr, h] = [b.buffer("fixed", 16 * Q * Q), b.buffer("fixed", 8 * Q * Q)];
    b.emit((run) => {
      const { k, pack, starts, sequences } = run;
      const m = masked(run);
      k.transpose(address, U.step, 2 * Q, 8 * Q, zr.at, 512 * Q);
      k.transpose(address + 2 * Q * U.step, U.step, Q, 8 * Q, h.at, 256 * Q);
      k.gruBackward(
        at(gates, f),
        at(dH, f),
        at(first, f),
        at(m ? second : first, f),
        f.step,
        Q,
        zr.at,
        h.at,
        starts,
        pack.longest,
        d.backwards,
        scratch.at,
        sequences.step,
        m,
        hard,
      );
    });
    b.weightGradient(d.weights.recurrent, (w, buffer, add) =>
      b.emit((run) => {
        const product = add ? run.k.productAdd : run.k.product;
        const entering = at(mask && run.training ? second : first, f);
        product(entering, f.step, at(gates, f), f.step, buffer.at, w.step, w.rows, 2 * Q, f.count);
        product(
          at(third, f),
          f.step,
          at(gates, f, 2 * Q),
          f.step,
          buffer.at + 2 * Q * w.step,
          w.step,
          w.rows,
          Q,
          f.count,
        );
      }),
    );
  } else {
    const uT = b.buffer("fixed", 32 * Q * Q);
    b.emit((run) => {
      const { k, pack, starts, sequences } = run;
      k.transpose(address, U.step, 4 * Q, 8 * Q, uT.at, 1024 * Q);
      k.lstmBackward(
        at(gates, f),
        at(dH, f),
        at(second, f),
        at(third, f),
        f.step,
        Q,
        uT.at,
        starts,
        pack.longest,
        d.backwards,
        scratch.at,
        sequences.step,
        masked(run),
        hard,
      );
    });
    b.weightGradient(d.weights.recurrent, (w, buffer, add) =>
      b.emit(({ k }) =>
        (add ? k.productAdd : k.product)(
          at(first, f),
          f.step,
          at(gates, f),
          f.step,
          buffer.at,
          w.step,
          w.rows,
          w.panels,
          f.count,
        ),
      ),
    );
  }
  const db = b.weights.gradientAt(d.weights.bias);
  b.emit(({ k }) => k.sumRows(db, at(gates, f), f.step, gates.panels, f.count, 1));
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
