/** act([x1, x2, ...] W + b), then dropout. */
import type { Op, Value } from "../../graph";
import { at, type Builder, flat, type Loop, type Mat, panelsFrom } from "../builder";
import { panelsOf, sameLayout, widthOf } from "../layout";
import { activations, dropArguments, liftsZero, scaleOf } from "./common";

type Dense = Extract<Op, { kind: "dense" }>;

/** A part of the input: its numbers, and its first row in the stored kernel. */
interface Operand {
  readonly mat: Mat;
  readonly row: number;
  /** The values that it is made of; more than one where they had to be put together in the kernel's layout. */
  readonly values: readonly Value[];
}

/** The parts of the input where they are; undefined where the kernel is shared with a layer whose inputs lie otherwise. */
function inPlace(b: Builder, v: Value, op: Dense): Operand[] | undefined {
  const values = v.inputs.flatMap(flat);
  const mats = values.map((x) => b.of(x));
  if (!sameLayout(b.weights.of(op.kernel).layout.rows ?? [], mats.flatMap((m) => m.layout))) return undefined; // prettier-ignore
  let row = 0;
  return values.map((x, i) => {
    const operand = { mat: mats[i], row, values: [x] };
    row += mats[i].panels * 8;
    return operand;
  });
}

/** The parts of the input, put together first where they lie otherwise than the kernel's rows. */
function operands(b: Builder, v: Value, op: Dense): Operand[] {
  const direct = inPlace(b, v, op);
  if (direct) return direct;
  const values = v.inputs.flatMap(flat);
  let [together] = b.kept(v);
  if (!together) {
    together = b.matLike(v, b.weights.of(op.kernel).layout.rows ?? []);
    let column = 0;
    for (const x of values) {
      b.moveColumns(together, b.of(x), column, 0, x.width, b.frame(v), 0);
      column += x.width;
    }
    b.clearUnused(together, b.frame(v));
    b.keep(v, together);
  }
  return [{ mat: together, row: 0, values }];
}

/** Inside a loop: whether a part is known before the loop, so that its product is made for all rows at once. */
const known = (loop: Loop | undefined, o: Operand): boolean =>
  loop !== undefined &&
  o.values.length === 1 &&
  (o.values[0].op.kind === "scanInput" || loop.before.includes(o.values[0]));

function multiply(b: Builder, v: Value, op: Dense, parts: readonly Operand[], all: boolean, begun: boolean): void {
  const f = b.frame(v);
  const w = b.weights.of(op.kernel);
  const y = b.of(v);
  const groups = all ? [parts] : parts.map((p) => [p]);
  groups.forEach((group, i) => {
    const panels = group.reduce((sum, o) => sum + o.mat.panels, 0);
    const x = b.turn(group.map((o) => o.mat), f); // prettier-ignore
    const row = group[0].row * 32;
    const add = begun || i > 0;
    b.emit(({ k }) =>
      (add ? k.productAdd : k.product)(
        x.at,
        panels * 256,
        b.weights.at(op.kernel) + row,
        w.step,
        at(y, f),
        f.step,
        f.count,
        y.panels,
        panels * 8,
      ),
    );
  });
}

/** The products with what is known before a loop, for a layer inside it. */
export function denseBeforeLoop(b: Builder, v: Value, op: Dense, loop: Loop): void {
  const parts = (inPlace(b, v, op) ?? []).filter((o) => known(loop, o));
  multiply(b, v, op, parts, false, false);
}

export function denseForward(b: Builder, v: Value, op: Dense, loop?: Loop): void {
  const f = b.frame(v);
  const y = b.of(v);
  const parts = operands(b, v, op);
  const here = parts.filter((o) => !known(loop, o));
  multiply(b, v, op, here, here.length === parts.length, here.length < parts.length);
  const bias = op.bias ? b.weights.at(op.bias) : b.constant(new Float32Array(y.panels * 8));
  const drop = dropArguments(b, op.drop, y.layout, v.width);
  if (!op.bias && op.act === "linear" && !op.drop) return;
  b.emit((run) => run.k.finish(at(y, f), f.step, y.panels, f.count, bias, activations[op.act], f.index, ...drop(run)));
  if (liftsZero(op.act)) b.clearUnused(y, f);
}

/** In a loop the weights' gradients wait until all rows are there: `denseAfterLoop`. */
export function denseBackward(b: Builder, v: Value, op: Dense, g: Mat, loop?: Loop): void {
  const f = b.frame(v);
  const y = b.of(v);
  const db = op.bias && !loop ? b.weights.gradientAt(op.bias) : 0;
  b.emit((run) =>
    run.k.finishBackward(
      at(g, f),
      at(y, f),
      f.step,
      y.panels,
      f.count,
      activations[op.act],
      scaleOf(run, op.drop),
      db,
      db ? 1 : 0,
    ),
  );
  const parts = operands(b, v, op);
  intoInputs(b, v, op, g, parts.filter((o) => !known(loop, o))); // prettier-ignore
  if (!loop) weights(b, v, op, g, parts);
}

export function denseAfterLoop(b: Builder, v: Value, op: Dense, g: Mat, loop: Loop): void {
  const f = b.frame(v);
  const parts = operands(b, v, op);
  if (op.bias) {
    const db = b.weights.gradientAt(op.bias);
    b.emit(({ k }) => k.sumRows(db, at(g, f), f.step, g.panels, f.count, 1));
  }
  intoInputs(b, v, op, g, parts.filter((o) => known(loop, o))); // prettier-ignore
  weights(b, v, op, g, parts);
}

function intoInputs(b: Builder, v: Value, op: Dense, g: Mat, parts: readonly Operand[]): void {
  const f = b.frame(v);
  const w = b.weights.of(op.kernel);
  for (const { mat, row, values } of parts) {
    if (!values.some((x) => b.hasGradient(x))) continue;
    const gT = b.turn([g], f);
    const wT = b.turnWeight(op.kernel);
    const write = (d: Mat, add: 0 | 1): void =>
      b.emit(({ k }) =>
        (add ? k.productAdd : k.product)(
          gT.at,
          w.panels * 256,
          wT.at + (row / 8) * w.panels * 256,
          w.panels * 256,
          at(d, f),
          f.step,
          f.count,
          mat.panels,
          w.panels * 8,
        ),
      );
    if (values.length === 1) {
      b.into(values[0], mat.layout, write);
      continue;
    }
    const together = b.matLike(v, mat.layout);
    write(together, 0);
    let column = 0;
    for (const x of values) {
      if (b.hasGradient(x)) b.moveColumns(b.partly(x), together, 0, column, x.width, f, 1);
      column += x.width;
    }
  }
}

function weights(b: Builder, v: Value, op: Dense, g: Mat, parts: readonly Operand[]): void {
  const f = b.frame(v);
  b.weightGradient(op.kernel, (w, buffer, add) => {
    for (const { mat, row } of parts)
      b.emit(({ k }) =>
        (add ? k.productAdd : k.product)(
          at(mat, f),
          f.step,
          at(g, f),
          f.step,
          buffer.at + row * 32,
          w.step,
          mat.panels * 8,
          w.panels,
          f.count,
        ),
      );
  });
}

/** A concatenation in one piece, for those that cannot read its parts where they are. */
export function concatForward(b: Builder, v: Value): void {
  if (!b.isCopied(v)) return;
  const f = b.frame(v);
  const d = b.of(v);
  let panel = 0;
  for (const x of v.inputs.flatMap(flat)) {
    const m = b.of(x);
    const to = panelsFrom(d, panel, m.layout);
    b.emit(({ k }) => k.copy(at(to, f), f.step, at(m, f), f.step, m.panels, f.count, 0));
    panel += m.panels;
  }
}

export function concatBackward(b: Builder, v: Value, g: Mat): void {
  const f = b.frame(v);
  let panel = 0;
  for (const x of v.inputs.flatMap(flat)) {
    const { layout } = b.of(x);
    const from = panelsFrom(g, panel, layout);
    b.into(x, layout, (d, add) =>
      b.emit(({ k }) => k.copy(at(d, f), f.step, at(from, f), f.step, d.panels, f.count, add)),
    );
    panel += panelsOf(layout);
  }
}

export function sliceForward(b: Builder, v: Value, op: Extract<Op, { kind: "slice" }>): void {
  if (b.alias(v)) return;
  const d = b.of(v);
  b.moveColumns(d, b.of(v.inputs[0]), 0, op.start, widthOf(d.layout), b.frame(v), 0);
  b.clearUnused(d, b.frame(v));
}

export function sliceBackward(b: Builder, v: Value, op: Extract<Op, { kind: "slice" }>, g: Mat): void {
  if (b.hasGradient(v.inputs[0])) b.moveColumns(b.partly(v.inputs[0]), g, op.start, 0, v.width, b.frame(v), 1);
}
