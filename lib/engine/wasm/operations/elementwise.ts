/** Operations on each row by itself, and sums over the rows of a sequence. */
import { EngineError } from "../../../core/errors";
import type { Op, Value } from "../../graph";
import { at, type Builder, type Mat } from "../builder";
import { lanesOf, sameLayout } from "../layout";
import { activations, dropArguments, liftsZero } from "./common";

type Of<K extends Op["kind"]> = Extract<Op, { kind: K }>;

export function inputForward(b: Builder, v: Value, { modality }: Of<"input">): void {
  const d = b.of(v);
  b.emit((run) => {
    const m = run.batch.x[modality];
    if (!run.touch) {
      if (!m)
        throw new EngineError(
          `batch: expected modality ${modality}, found ${Object.keys(run.batch.x).join(", ") || "none"}.`,
        );
      if (m.width !== v.width || m.rows !== run.pack.rows)
        throw new EngineError(
          `batch, modality ${modality}: expected ${run.pack.rows} rows of ${v.width} numbers, found ${m.rows} of ${m.width}.`,
        );
    }
    const from = m ? run.stage(m.data) : 0;
    run.k.pack(at(d, run.rows), run.rows.step, from, v.width, run.rows.count, run.rows.index);
  });
}

export function targetsForward(b: Builder, v: Value): void {
  const d = b.of(v);
  const f = b.frame(v);
  b.emit((run) => {
    const { targets } = run.batch;
    if (!run.touch && targets?.length !== f.count * v.width)
      throw new EngineError(
        `batch: expected ${f.count * v.width} targets for a loss, found ${targets?.length ?? "none"}; prediction must ask for the prediction alone.`,
      );
    run.k.pack(at(d, f), f.step, targets ? run.stage(targets) : 0, v.width, f.count, f.index);
  });
}

export function noiseForward(b: Builder, v: Value, { name }: Of<"noise">): void {
  const d = b.of(v);
  b.emit((run) => {
    const f = run.sequences;
    const numbers = run.noise(name, v.width);
    if (numbers.length !== f.count * v.width)
      throw new EngineError(`noise ${name}: expected ${f.count} x ${v.width} numbers, found ${numbers.length}.`);
    run.k.pack(at(d, f), f.step, run.touch ? 0 : run.stage(numbers), v.width, f.count, f.index);
  });
}

export function binaryForward(b: Builder, v: Value, { kind }: Of<"add" | "sub" | "mul"> & Op): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  const y = b.as(v.inputs[1], x.layout);
  b.keep(v, y);
  if (kind === "mul") b.emit(({ k }) => k.multiply(at(d, f), at(x, f), at(y, f), f.step, d.panels, f.count, 0));
  else
    b.emit(({ k }) =>
      k.combine(at(d, f), at(x, f), at(y, f), f.step, d.panels, f.count, 1, kind === "add" ? 1 : -1, 0),
    );
}

export function binaryBackward(b: Builder, v: Value, { kind }: Of<"add" | "sub" | "mul"> & Op, g: Mat): void {
  const f = b.frame(v);
  const x = b.of(v.inputs[0]);
  const [y] = b.kept(v);
  for (const [i, other] of [y, x].entries())
    b.into(v.inputs[i], x.layout, (d, add) =>
      b.emit(({ k }) =>
        kind === "mul"
          ? k.multiply(at(d, f), at(g, f), at(other, f), f.step, d.panels, f.count, add)
          : k.affine(at(d, f), at(g, f), f.step, d.panels, f.count, kind === "sub" && i === 1 ? -1 : 1, 0, add),
      ),
    );
}

export function affineForward(b: Builder, v: Value, { scale, shift }: Of<"affine">): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  b.emit(({ k }) => k.affine(at(d, f), at(x, f), f.step, d.panels, f.count, scale, shift, 0));
  if (shift !== 0) b.clearUnused(d, f);
}

export function affineBackward(b: Builder, v: Value, { scale }: Of<"affine">, g: Mat): void {
  const f = b.frame(v);
  b.into(v.inputs[0], g.layout, (d, add) =>
    b.emit(({ k }) => k.affine(at(d, f), at(g, f), f.step, d.panels, f.count, scale, 0, add)),
  );
}

export function activateForward(b: Builder, v: Value, { act }: Of<"activate">): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  b.emit(({ k }) => k.activate(at(d, f), at(x, f), f.step, d.panels, f.count, activations[act]));
  if (liftsZero(act)) b.clearUnused(d, f);
}

export function activateBackward(b: Builder, v: Value, { act }: Of<"activate">, g: Mat): void {
  const [y, f] = [b.of(v), b.frame(v)];
  b.into(v.inputs[0], g.layout, (d, add) =>
    b.emit(({ k }) =>
      k.activateBackward(at(d, f), at(g, f), at(y, f), f.step, d.panels, f.count, activations[act], add),
    ),
  );
}

/** Constant factors, laid out like the columns. */
function factorsOf(b: Builder, m: Mat, factors: Float32Array): number {
  const padded = new Float32Array(m.panels * 8);
  lanesOf(m.layout).forEach((lane, column) => (padded[lane] = factors[column]));
  return b.constant(padded);
}

export function keepForward(b: Builder, v: Value, { factors }: Of<"keep">): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  const constants = factorsOf(b, d, factors);
  b.emit(({ k }) => k.scaleColumns(at(d, f), at(x, f), f.step, d.panels, f.count, constants, 0));
}

export function keepBackward(b: Builder, v: Value, { factors }: Of<"keep">, g: Mat): void {
  const f = b.frame(v);
  const constants = factorsOf(b, g, factors);
  b.into(v.inputs[0], g.layout, (d, add) =>
    b.emit(({ k }) => k.scaleColumns(at(d, f), at(g, f), f.step, d.panels, f.count, constants, add)),
  );
}

export function softmaxForward(b: Builder, v: Value, { groups }: Of<"softmax">): void {
  const [d, f] = [b.of(v), b.frame(v)];
  const x = b.as(v.inputs[0], d.layout);
  const width = v.width / groups;
  for (let i = 0; i < groups; i++) {
    const panel = i * Math.ceil(width / 8);
    b.emit(({ k }) => k.softmax(at(d, f, panel), at(x, f, panel), f.step, width, f.count));
  }
}

export function softmaxBackward(b: Builder, v: Value, { groups }: Of<"softmax">, g: Mat): void {
  const [y, f] = [b.of(v), b.frame(v)];
  const width = v.width / groups;
  b.into(v.inputs[0], y.layout, (d, add) => {
    for (let i = 0; i < groups; i++) {
      const panel = i * Math.ceil(width / 8);
      b.emit(({ k }) =>
        k.softmaxBackward(at(d, f, panel), at(g, f, panel), at(y, f, panel), f.step, width, f.count, add),
      );
    }
  });
}

export function dropoutForward(b: Builder, v: Value, { drop }: Of<"dropout">): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  const dropped = dropArguments(b, drop, d.layout, v.width);
  b.emit((run) => {
    if (run.training) run.k.dropout(at(d, f), at(x, f), f.step, d.panels, f.count, f.index, ...dropped(run), 0);
    else run.k.copy(at(d, f), f.step, at(x, f), f.step, d.panels, f.count, 0);
  });
}

export function dropoutBackward(b: Builder, v: Value, { drop }: Of<"dropout">, g: Mat): void {
  const f = b.frame(v);
  const dropped = dropArguments(b, drop, g.layout, v.width);
  b.into(v.inputs[0], g.layout, (d, add) =>
    b.emit((run) => {
      if (run.training) run.k.dropout(at(d, f), at(g, f), f.step, d.panels, f.count, f.index, ...dropped(run), add);
      else run.k.copy(at(d, f), f.step, at(g, f), f.step, d.panels, f.count, add);
    }),
  );
}

export function meanRowsForward(b: Builder, v: Value): void {
  const [x, d] = [b.of(v.inputs[0]), b.of(v)];
  b.emit(({ k, rows, sequences, pack, lengths, starts }) =>
    k.meanRows(at(d, sequences), sequences.step, at(x, rows), rows.step, d.panels, pack.sequences, lengths, starts),
  );
}

export function meanRowsBackward(b: Builder, v: Value, g: Mat): void {
  b.into(v.inputs[0], g.layout, (d, add) =>
    b.emit(({ k, rows, sequences, pack, lengths, starts }) =>
      k.meanRowsBackward(
        at(d, rows),
        rows.step,
        at(g, sequences),
        sequences.step,
        g.panels,
        pack.sequences,
        lengths,
        starts,
        add,
      ),
    ),
  );
}

/** The last row of each sequence of `x`, as `v`. */
export function lastRowForward(b: Builder, v: Value, x: Value): void {
  const d = b.of(v);
  const from = b.as(x, d.layout);
  b.emit(({ k, rows, sequences, pack, lastRows }) =>
    k.moveRows(at(d, sequences), sequences.step, at(from, rows), rows.step, d.panels, pack.sequences, lastRows, 0, 0),
  );
}

export function lastRowBackward(b: Builder, x: Value, g: Mat): void {
  if (!b.hasGradient(x)) return;
  const into = b.partly(x);
  const rowsOf = (d: Mat): void =>
    b.emit(({ k, rows, sequences, pack, lastRows }) =>
      k.moveRows(at(d, rows), rows.step, at(g, sequences), sequences.step, g.panels, pack.sequences, lastRows, 1, 1),
    );
  if (sameLayout(into.layout, g.layout)) return rowsOf(into);
  const wide = b.matLike(x, g.layout);
  b.emit(({ k, rows }) => k.clear(at(wide, rows), rows.step, wide.panels, rows.count));
  rowsOf(wide);
  b.moveColumns(into, wide, 0, 0, x.width, b.run.rows, 1);
}

/** [1; a] (x) [1; b] (x) ..., from left to right; the products on the way are kept. */
export function outerForward(b: Builder, v: Value): void {
  const f = b.frame(v);
  const parts = v.inputs.map((x) => b.as(x, [x.width]));
  const steps: Mat[] = [];
  let width = v.inputs[0].width + 1;
  for (let i = 1; i < parts.length; i++) {
    const [left, right, wb] = [steps[i - 2] ?? parts[0], parts[i], v.inputs[i].width];
    const wa = i === 1 ? v.inputs[0].width : width;
    width *= wb + 1;
    const d = i === parts.length - 1 ? b.of(v) : b.matLike(v, [width]);
    b.emit(({ k }) => k.outer(at(d, f), at(left, f), at(right, f), f.step, f.count, wa, wb, i === 1 ? 1 : 0));
    b.clearUnused(d, f);
    steps.push(d);
  }
  if (parts.length === 1) {
    const d = b.of(v);
    const one = b.matLike(v, [1]);
    b.emit(({ k }) => {
      k.clear(at(one, f), f.step, 1, f.count);
      k.affine(at(one, f), at(one, f), f.step, 1, f.count, 0, 1, 0);
    });
    b.clearUnused(one, f);
    b.moveColumns(d, one, 0, 0, 1, f, 0);
    b.moveColumns(d, parts[0], 1, 0, v.inputs[0].width, f, 0);
    b.clearUnused(d, f);
  }
  b.keep(v, ...parts, ...steps);
}

export function outerBackward(b: Builder, v: Value, g: Mat): void {
  const f = b.frame(v);
  const n = v.inputs.length;
  const parts = b.kept(v).slice(0, n);
  const steps = b.kept(v).slice(n);
  if (n === 1) {
    if (b.hasGradient(v.inputs[0])) b.moveColumns(b.partly(v.inputs[0]), g, 0, 1, v.inputs[0].width, f, 1);
    return;
  }
  /** A gradient of its own for a part, added to the value's afterwards. */
  const fresh = (m: Mat): Mat => {
    const d = b.matLike(v, m.layout);
    b.emit(({ k }) => k.clear(at(d, f), f.step, d.panels, f.count));
    return d;
  };
  const give = (i: number, d: Mat): void =>
    b.into(v.inputs[i], d.layout, (into, add) =>
      b.emit(({ k }) => k.copy(at(into, f), f.step, at(d, f), f.step, d.panels, f.count, add)),
    );
  let gradient = g;
  for (let i = n - 1; i >= 1; i--) {
    const left = steps[i - 2] ?? parts[0];
    const [from, dLeft, dRight] = [gradient, fresh(left), fresh(parts[i])];
    const wa = left.layout.reduce((x, y) => x + y, 0);
    b.emit(({ k }) =>
      k.outerBackward(
        at(from, f),
        at(left, f),
        at(parts[i], f),
        at(dLeft, f),
        at(dRight, f),
        f.step,
        f.count,
        wa,
        v.inputs[i].width,
        i === 1 ? 1 : 0,
      ),
    );
    give(i, dRight);
    gradient = dLeft;
  }
  give(0, gradient);
}

export function batchNormForward(b: Builder, v: Value, op: Of<"batchNorm">): void {
  const [x, d, f] = [b.of(v.inputs[0]), b.of(v), b.frame(v)];
  const mean = b.buffer("fixed", d.panels);
  const variance = b.buffer("fixed", d.panels);
  // Of layers that share what is kept the last moves it, as in the reference.
  const later = b.neededAfter(v).flatMap(({ op: other }) => (other.kind === "batchNorm" ? [other] : []));
  const [movesMean, movesVariance] = (["mean", "variance"] as const).map((p) => !later.some((o) => o[p] === op[p]));
  const [m, s, gamma, beta] = [op.mean, op.variance, op.gamma, op.beta].map((p) => b.weights.at(p));
  b.emit((run) => {
    const { k } = run;
    const n = f.count;
    if (run.training) k.moments(at(x, f), f.step, d.panels, n, mean.at, variance.at);
    else {
      k.copy(mean.at, 32, m, 32, d.panels, 1, 0);
      k.copy(variance.at, 32, s, 32, d.panels, 1, 0);
    }
    k.batchNorm(at(d, f), at(x, f), f.step, d.panels, n, mean.at, variance.at, gamma, beta, op.epsilon);
    if (!run.training || !b.update) return;
    if (movesMean) k.movingAverage(m, mean.at, d.panels, op.momentum, 1);
    if (movesVariance) k.movingAverage(s, variance.at, d.panels, op.momentum, op.unbiased && n > 1 ? n / (n - 1) : 1);
  });
  const vector = (buffer: typeof mean): Mat => ({ buffer, panel: 0, layout: [], panels: 0 });
  b.keep(v, vector(mean), vector(variance));
}

export function batchNormBackward(b: Builder, v: Value, op: Of<"batchNorm">, g: Mat): void {
  const [x, f] = [b.of(v.inputs[0]), b.frame(v)];
  const [mean, variance] = b.kept(v).map((m) => m.buffer);
  const [dGamma, dBeta] = [op.gamma, op.beta].map((p) => b.weights.gradientAt(p));
  const gamma = b.weights.at(op.gamma);
  const write = (d: Mat, add: 0 | 1): void =>
    b.emit((run) =>
      run.k.batchNormBackward(
        at(d, f),
        at(g, f),
        at(x, f),
        f.step,
        g.panels,
        f.count,
        mean.at,
        variance.at,
        gamma,
        op.epsilon,
        dGamma,
        dBeta,
        run.training ? 1 : 0,
        add,
      ),
    );
  if (b.hasGradient(v.inputs[0])) b.into(v.inputs[0], g.layout, write);
  else write(b.matLike(v, g.layout), 0); // for gamma and beta alone
}

export function cellStateForward(b: Builder, v: Value, { gates }: Of<"cellState">): void {
  const [d, f] = [b.of(v), b.frame(v)];
  const w = v.width;
  const [a, c] = [b.as(v.inputs[0], [w, w, w, w]), b.as(v.inputs[1], [w])];
  b.keep(v, a, c);
  const hard = gates === "hardSigmoid" ? 1 : 0;
  b.emit(({ k }) => k.cellState(at(d, f), at(a, f), at(c, f), f.step, d.panels, f.count, hard));
}

/** Gradients into the gates' values and the cell, for either half of a cell. */
function cellBackward(
  b: Builder,
  v: Value,
  call: (dGates: (() => number) | undefined, dCell: (() => number) | undefined, add: 0 | 1) => void,
): void {
  const f = b.frame(v);
  const w = v.width;
  const [gates, cell] = v.inputs;
  let dGates: Mat | undefined;
  if (b.hasGradient(gates)) {
    dGates = b.matLike(v, [w, w, w, w]);
    const d = dGates;
    b.emit(({ k }) => k.clear(at(d, f), f.step, d.panels, f.count));
  }
  const address = (m: Mat | undefined): (() => number) | undefined => m && (() => at(m, f));
  if (b.hasGradient(cell)) b.into(cell, [w], (d, add) => call(address(dGates), address(d), add));
  else call(address(dGates), undefined, 0);
  const from = dGates;
  if (from)
    b.into(gates, from.layout, (d, add) =>
      b.emit(({ k }) => k.copy(at(d, f), f.step, at(from, f), f.step, d.panels, f.count, add)),
    );
}

export function cellStateBackward(b: Builder, v: Value, { gates }: Of<"cellState">, g: Mat): void {
  const f = b.frame(v);
  const [a, c] = b.kept(v);
  const hard = gates === "hardSigmoid" ? 1 : 0;
  cellBackward(b, v, (dA, dC, add) =>
    b.emit(({ k }) =>
      k.cellStateBackward(at(g, f), at(a, f), at(c, f), dA?.() ?? 0, dC?.() ?? 0, f.step, g.panels, f.count, hard, add),
    ),
  );
}

export function cellOutputForward(b: Builder, v: Value, { gates, squash }: Of<"cellOutput">): void {
  const [d, f] = [b.of(v), b.frame(v)];
  const w = v.width;
  const [a, c] = [b.as(v.inputs[0], [w, w, w, w]), b.as(v.inputs[1], [w])];
  b.keep(v, a, c);
  const hard = gates === "hardSigmoid" ? 1 : 0;
  b.emit(({ k }) => k.cellOutput(at(d, f), at(a, f), at(c, f), f.step, d.panels, f.count, hard, squash ? 1 : 0));
}

export function cellOutputBackward(b: Builder, v: Value, { gates, squash }: Of<"cellOutput">, g: Mat): void {
  const f = b.frame(v);
  const [a, c] = b.kept(v);
  const hard = gates === "hardSigmoid" ? 1 : 0;
  cellBackward(b, v, (dA, dC, add) =>
    b.emit(({ k }) =>
      k.cellOutputBackward(
        at(g, f),
        at(a, f),
        at(c, f),
        dA?.() ?? 0,
        dC?.() ?? 0,
        f.step,
        g.panels,
        f.count,
        hard,
        squash ? 1 : 0,
        add,
      ),
    ),
  );
}
