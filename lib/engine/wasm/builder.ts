/**
 * What the operations of a plan are built with: where values lie, where their gradients go, buffers and calls.
 *
 * Gradients flow in the reverse of the recorded order: the first contribution to a value's gradient overwrites, later ones
 * add, and which is which is known when the plan is made. A weight's gradient is complete after its last use, and Adam follows
 * at once, while it is in the cache.
 */
import { EngineError } from "../../core/errors";
import { power } from "../engine";
import type { Graph, Param, ScanBody, Value } from "../graph";
import { firstColumns, type Layout, type Layouts, panelsOf, part, sameLayout } from "./layout";
import { type Arena, type BatchState, Buffer, type Frame, Plan } from "./plan";
import type { Weight, Weights } from "./weights";

/** Where a value's numbers lie: panels of a buffer, [panels][rows][8]. */
export interface Mat {
  readonly buffer: Buffer;
  /** First panel within the buffer. */
  readonly panel: number;
  readonly layout: Layout;
  readonly panels: number;
}

/** A scan taken apart. */
export interface Loop {
  readonly body: ScanBody;
  /** Values of the body that need no state (computed for all rows at once), that are part of the recurrence, that only follow from it. */
  readonly before: readonly Value[];
  readonly inside: readonly Value[];
  readonly after: readonly Value[];
}

/** First byte of a matrix's rows in a frame, and of its panel `panel`. */
export const at = (m: Mat, f: Frame, panel = 0): number => m.buffer.at + (m.panel + panel) * f.step + f.offset;

/** Panels of a matrix as a matrix of their own. */
export function panelsFrom(m: Mat, panel: number, layout: Layout): Mat {
  return { buffer: m.buffer, panel: m.panel + panel, layout, panels: panelsOf(layout) };
}

/** The values that a value is a concatenation of: itself, or those of a `concat`. */
export const flat = (v: Value): readonly Value[] => (v.op.kind === "concat" ? v.inputs.flatMap(flat) : [v]);

export class Builder {
  private calls: (() => void)[] = [];
  private readonly buffers: Buffer[] = [];
  private readonly mats = new Map<Value, Mat>();
  private readonly gradients = new Map<Value, { mat: Mat; written: boolean }>();
  private readonly turned = new Map<string, Buffer>();
  private readonly turnedWeights = new Map<Param, Buffer>();
  private readonly matIds = new Map<Mat, number>();
  private readonly keptMats = new Map<Value, readonly Mat[]>();
  private readonly scanOf = new Map<Value, Value>();
  private needed: ReadonlySet<Value> = new Set();
  private copied: ReadonlySet<Value> = new Set();
  private active: ReadonlySet<Value> = new Set();
  /** Uses of each matrix that are still to come in the backward pass, and the gradients begun. */
  private readonly uses = new Map<Param, number>();
  readonly begun = new Map<Param, Buffer>();
  readonly loops = new Map<Value, Loop>();
  /** Whether what is emitted now belongs to a loop over time. */
  inLoop = false;

  /** @param update whether Adam follows the gradients; @param constant keeps numbers for the program's life, gives their address */
  constructor(
    readonly graph: Graph,
    private readonly layouts: Layouts,
    readonly weights: Weights,
    readonly run: BatchState,
    readonly update: boolean,
    readonly constant: (numbers: Int32Array | Float32Array) => number,
  ) {
    for (const v of graph.values)
      if (v.op.kind === "scan")
        for (const x of [...v.op.body.inputs, ...v.op.body.states.map((s) => s.before)]) this.scanOf.set(x, v);
  }

  /** The calls emitted so far, as a plan. */
  plan(): Plan {
    return new Plan(
      this.calls,
      this.buffers,
      Math.max(0, ...this.graph.values.filter((v) => v.op.kind === "noise").map((v) => v.width)),
      this.run,
    );
  }

  // What is needed

  /** Sets the values to be computed: those asked for, and all that they depend on. */
  need(values: readonly Value[]): readonly Value[] {
    const needed = new Set<Value>();
    const open = [...values];
    for (let v = open.pop(); v; v = open.pop()) {
      if (needed.has(v)) continue;
      needed.add(v);
      open.push(...this.dependencies(v));
    }
    this.needed = needed;
    // A dense layer reads the parts of a concatenation where they are; others need it in one piece.
    const copied = new Set(values);
    for (const v of needed) {
      if (v.op.kind !== "dense" && v.op.kind !== "concat") v.inputs.forEach((x) => copied.add(x));
      if (v.op.kind === "scan")
        [...v.op.body.outputs, ...v.op.body.states.map((s) => s.after)].forEach((x) => copied.add(x));
    }
    this.copied = copied;
    for (const v of needed) if (v.op.kind === "scan") this.loops.set(v, this.takeApart(v.op.body));
    return this.graph.values.filter((v) => needed.has(v) && v.axis !== "step");
  }

  /** The values to be computed that were recorded after one. */
  neededAfter(v: Value): readonly Value[] {
    return [...this.needed].filter((x) => x.id > v.id);
  }

  /** Whether a concatenation must be made in one piece. */
  isCopied(v: Value): boolean {
    return this.copied.has(v);
  }

  private dependencies(v: Value): readonly Value[] {
    switch (v.op.kind) {
      case "scan":
        return [...v.inputs, ...v.op.body.states.flatMap((s) => [s.before, s.after])];
      case "scanInput":
        return [this.outer(v)];
      case "scanRows":
        return [v.inputs[0], this.outputOf(v)];
      default:
        return v.inputs;
    }
  }

  private takeApart(body: ScanBody): Loop {
    const own = new Set<Value>();
    const open = [...body.states.map((s) => s.after), ...body.outputs];
    for (let v = open.pop(); v; v = open.pop()) {
      if (own.has(v) || v.op.kind === "scanInput" || v.op.kind === "scanState" || !this.needed.has(v)) continue;
      own.add(v);
      open.push(...v.inputs);
    }
    const ordered = [...own].sort((a, b) => a.id - b.id);
    const depends = new Set<Value>(body.states.map((s) => s.before));
    for (const v of ordered) if (v.inputs.some((x) => depends.has(x))) depends.add(v);
    const recurs = new Set<Value>(body.states.map((s) => s.after));
    for (const v of [...ordered].reverse()) if (recurs.has(v)) v.inputs.forEach((x) => recurs.add(x));
    return {
      body,
      before: ordered.filter((v) => !depends.has(v)),
      inside: ordered.filter((v) => depends.has(v) && recurs.has(v)),
      after: ordered.filter((v) => depends.has(v) && !recurs.has(v)),
    };
  }

  /** Finds the values that a loss with a factor depends on and that depend on a weight: those that have a gradient. */
  activate(factors: ReadonlyMap<Value, number>): void {
    const receivers = (v: Value): readonly Value[] => {
      const { op } = v;
      const { kind } = op;
      if (kind === "stop" || kind === "attention" || kind === "cells") return [];
      // No gradient comes to a term without weight: a kernel would wait for it in vain.
      if (kind === "sum") return v.inputs.filter((_, i) => op.weights[i] !== 0);
      return kind === "mse" || kind === "mae" || kind === "mmd" ? v.inputs.slice(0, 1) : this.dependencies(v);
    };
    const reached = new Set<Value>();
    const open = [...factors].filter(([, f]) => f !== 0).map(([v]) => v);
    for (let v = open.pop(); v; v = open.pop()) {
      if (reached.has(v)) continue;
      reached.add(v);
      open.push(...receivers(v));
    }
    const depends = new Set<Value>();
    for (const v of this.graph.values) {
      const { kind } = v.op;
      const own = kind === "dense" || kind === "gru" || kind === "lstm" || kind === "batchNorm" || kind === "scanState";
      if (own || (kind !== "stop" && this.dependencies(v).some((x) => depends.has(x)))) depends.add(v);
    }
    this.active = new Set([...reached].filter((v) => depends.has(v)));
    const use = (p: Param): unknown => this.uses.set(p, (this.uses.get(p) ?? 0) + 1);
    for (const { op } of this.active) {
      if (op.kind === "dense") use(op.kernel);
      if (op.kind === "gru" || op.kind === "lstm")
        for (const d of op.backward ? [op.forward, op.backward] : [op.forward]) [d.kernel, d.recurrent].forEach(use);
    }
  }

  hasGradient(v: Value): boolean {
    return this.active.has(this.owner(v));
  }

  // Calls and buffers

  emit(call: (run: BatchState) => void): void {
    const { run } = this;
    this.calls.push(() => call(run));
  }

  /** Emits a loop over time; what `body` emits runs once a step, on the rows of that step. */
  loop(backwards: boolean, body: () => void): void {
    const outside = this.calls;
    const inside: (() => void)[] = (this.calls = []);
    this.inLoop = true;
    body();
    this.inLoop = false;
    this.calls = outside;
    this.emit((run) => {
      const { longest } = run.pack;
      for (let i = 0; i < longest; i++) {
        run.atStep(backwards ? longest - 1 - i : i);
        for (const call of inside) call();
      }
    });
  }

  buffer(arena: Arena, units: number): Buffer {
    const b = new Buffer(arena, units, this.run);
    this.buffers.push(b);
    return b;
  }

  mat(arena: Arena, layout: Layout): Mat {
    const panels = panelsOf(layout);
    return { buffer: this.buffer(arena, panels), panel: 0, layout, panels };
  }

  /** A matrix with one row a row of `v`. */
  matLike(v: Value, layout: Layout): Mat {
    return this.mat(v.axis === "sequences" ? "sequences" : "rows", layout);
  }

  /** The rows of `v` that an operation emitted now works on. */
  frame(v: Value): Frame {
    return v.axis === "sequences" ? this.run.sequences : this.inLoop ? this.run.step : this.run.rows;
  }

  /** Address of the first column of each panel, for dropout. */
  columns(layout: Layout): number {
    return this.constant(firstColumns(layout));
  }

  // Values

  /** Where a value's numbers are. */
  of(v: Value): Mat {
    const known = this.mats.get(v);
    if (known) return known;
    const made = this.alias(v) ?? this.matLike(v, this.layouts.values.get(v) ?? [v.width]);
    this.mats.set(v, made);
    return made;
  }

  /** Values that are others' numbers under another name. */
  alias(v: Value): Mat | undefined {
    switch (v.op.kind) {
      case "stop":
        return this.of(v.inputs[0]);
      case "scanInput":
        return this.of(this.outer(v));
      case "scanRows":
        return this.of(this.outputOf(v));
      case "slice": {
        const whole = this.of(v.inputs[0]);
        const found = part(whole.layout, v.op.start, v.width);
        return found && panelsFrom(whole, found.panel, found.layout);
      }
      default:
        return undefined;
    }
  }

  /** The value over rows that a scan's placeholder stands for. */
  private outer(v: Value): Value {
    const scan = this.scanOf.get(v);
    if (!scan || v.op.kind !== "scanInput") throw new EngineError(`${v.path}: expected a placeholder of a scan.`);
    return scan.inputs[v.op.index];
  }

  private outputOf(v: Value): Value {
    const scan = v.inputs[0].op;
    if (scan.kind !== "scan" || v.op.kind !== "scanRows") throw new EngineError(`${v.path}: expected rows of a scan.`);
    return scan.body.outputs[v.op.output];
  }

  /** A value's numbers in another layout. */
  as(v: Value, layout: Layout): Mat {
    const own = this.of(v);
    if (sameLayout(own.layout, layout)) return own;
    const f = this.frame(v);
    const copy = this.matLike(v, layout);
    this.moveColumns(copy, own, 0, 0, v.width, f, 0);
    this.clearUnused(copy, f);
    return copy;
  }

  /** Copies (or adds) columns between layouts, in runs that stay within a width of both. */
  moveColumns(
    to: Mat,
    from: Mat,
    toColumn: number,
    fromColumn: number,
    count: number,
    f: Frame,
    add: 0 | 1,
    source = f,
  ): void {
    for (let done = 0; done < count;) {
      const a = locate(to.layout, toColumn + done);
      const b = locate(from.layout, fromColumn + done);
      const n = Math.min(a.left, b.left, count - done);
      this.emit(({ k }) => k.moveColumns(at(to, f), at(from, source), f.step, f.count, a.lane, b.lane, n, add));
      done += n;
    }
  }

  /** Zeroes the lanes that no column uses: products take them along. */
  clearUnused(mat: Mat, f: Frame): void {
    let panel = 0;
    for (const w of mat.layout) {
      panel += Math.ceil(w / 8);
      const last = panel - 1;
      if (w % 8) this.emit(({ k }) => k.clearLanes(at(mat, f, last), f.count, w % 8));
    }
  }

  /** Keeps matrices that the backward pass of `v` reads. */
  keep(v: Value, ...mats: readonly Mat[]): void {
    this.keptMats.set(v, mats);
  }

  kept(v: Value): readonly Mat[] {
    return this.keptMats.get(v) ?? [];
  }

  /** Matrices side by side, transposed: the left operand of a product. Made once where several products take the same. */
  turn(mats: readonly Mat[], f: Frame): Buffer {
    const id = (m: Mat): number => {
      if (!this.matIds.has(m)) this.matIds.set(m, this.matIds.size);
      return this.matIds.get(m) as number;
    };
    const key = `${this.inLoop} ${mats.map(id).join(" ")}`;
    const known = this.turned.get(key);
    if (known) return known;
    const panels = mats.reduce((sum, m) => sum + m.panels, 0);
    const made = this.buffer(f === this.run.rows ? "rows" : "sequences", panels);
    let first = 0;
    for (const m of mats) {
      const offset = first * 256;
      this.emit(({ k }) => k.transpose(at(m, f), f.step, m.panels, f.count, made.at + offset, panels * 256));
      first += m.panels;
    }
    this.turned.set(key, made);
    return made;
  }

  // Gradients

  /** The value whose gradient stands for this one's. */
  private owner(v: Value): Value {
    if (v.op.kind === "scanInput") return this.owner(this.outer(v));
    if (v.op.kind === "scanRows") return this.owner(this.outputOf(v));
    return v;
  }

  /** A value's gradient to write into: the first time overwritten, later added to. */
  private target(v: Value): { mat: Mat; add: 0 | 1 } {
    const own = this.owner(v);
    let g = this.gradients.get(own);
    if (!g) this.gradients.set(own, (g = { mat: this.matLike(own, this.of(own).layout), written: false }));
    const add = g.written ? 1 : 0;
    g.written = true;
    return { mat: g.mat, add };
  }

  /** A value's gradient to add to, in part or more than once. */
  partly(v: Value): Mat {
    const { mat, add } = this.target(v);
    const f = this.frame(v);
    if (!add) this.emit(({ k }) => k.clear(at(mat, f), f.step, mat.panels, f.count));
    return mat;
  }

  /** The gradient that has reached a value, if any. */
  reached(v: Value): Mat | undefined {
    const g = this.gradients.get(v);
    return g?.written ? g.mat : undefined;
  }

  /** Lets `write` put a gradient, in a layout, into (or onto: add 1) that of a value, where it has one. */
  into(v: Value, layout: Layout, write: (mat: Mat, add: 0 | 1) => void): void {
    if (!this.hasGradient(v)) return;
    if (sameLayout(this.of(v).layout, layout)) {
      const { mat, add } = this.target(v);
      write(mat, add);
      return;
    }
    const mat = this.matLike(v, layout);
    write(mat, 0);
    this.moveColumns(this.partly(v), mat, 0, 0, v.width, this.frame(v), 1);
  }

  /** A weight transposed: [its rows / 8][columns][8]. */
  turnWeight(p: Param): Buffer {
    const known = this.turnedWeights.get(p);
    if (known) return known;
    const w = this.weights.of(p);
    const made = this.buffer("fixed", w.panels * w.rows);
    this.emit(({ k }) => k.transpose(this.weights.at(p), w.step, w.panels, w.rows, made.at, w.panels * 256));
    this.turnedWeights.set(p, made);
    return made;
  }

  /** Lets `write` put (or add) the gradient of a matrix; after its last use Adam takes it. */
  weightGradient(p: Param, write: (w: Weight, buffer: Buffer, add: 0 | 1) => void): void {
    const w = this.weights.of(p);
    const begun = this.begun.get(p);
    const buffer = begun ?? this.buffer("fixed", w.panels * w.rows);
    this.begun.set(p, buffer);
    write(w, buffer, begun ? 1 : 0);
    const left = (this.uses.get(p) ?? 1) - 1;
    this.uses.set(p, left);
    if (left === 0 && this.update) this.adam(w.offset, () => buffer.at, w.bytes / 4);
  }

  /** Adam on numbers from an offset of the weights' blocks. */
  adam(offset: number, gradient: () => number, numbers: number): void {
    const { w, m, v } = this.weights;
    if (numbers === 0) return;
    this.emit(({ k, adam }) => {
      const { learningRate, beta1, beta2, epsilon, steps } = adam;
      const rate = learningRate / (1 - power(beta1, steps));
      const c2 = 1 / (1 - power(beta2, steps));
      k.adam(
        w + offset,
        m + offset,
        v + offset,
        gradient(),
        numbers,
        rate,
        c2,
        beta1,
        1 - beta1,
        beta2,
        1 - beta2,
        epsilon,
      );
    });
  }
}

/** Lane of a column, and how many columns of its width begin there. */
function locate(layout: Layout, column: number): { lane: number; left: number } {
  let panel = 0;
  for (const w of layout) {
    if (column < w) return { lane: panel * 8 + column, left: w - column };
    column -= w;
    panel += Math.ceil(w / 8);
  }
  throw new EngineError(`layout ${layout.join(" + ")}: column ${column} lies past its end.`);
}
