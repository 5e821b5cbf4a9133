/**
 * The weights of a program in the kernels' layout, with Adam's moments beside them: one block each, matrices first, then
 * vectors (which have a block of gradients too, so that one call updates them all), then what BatchNorm keeps.
 */
import { EngineError } from "../../core/errors";
import { checkParam } from "../engine";
import type { Graph, Param } from "../graph";
import { initial } from "../init";
import type { Heap } from "./kernels";
import { lanesOf, type Layouts, panelsOf, type ParamLayout } from "./layout";

export class Weight {
  /** Rows as stored: widths padded to panels. */
  readonly rows: number;
  readonly panels: number;
  /** Byte offset in the blocks. */
  offset = 0;
  private readonly index: Int32Array;

  constructor(
    readonly param: Param,
    readonly layout: ParamLayout,
  ) {
    this.rows = layout.rows ? panelsOf(layout.rows) * 8 : 1;
    this.panels = panelsOf(layout.columns);
    const rows = layout.rows ? lanesOf(layout.rows) : Int32Array.of(0);
    const columns = lanesOf(layout.columns);
    this.index = new Int32Array(rows.length * columns.length);
    let i = 0;
    for (const r of rows) for (const c of columns) this.index[i++] = (c >> 3) * this.rows * 8 + r * 8 + (c & 7);
  }

  get isMatrix(): boolean {
    return this.layout.rows !== undefined;
  }

  /** Bytes between the panels of a matrix. */
  get step(): number {
    return this.rows * 32;
  }

  get bytes(): number {
    return this.panels * this.rows * 32;
  }

  read(floats: Float32Array, address: number): Float32Array {
    const out = new Float32Array(this.index.length);
    const at = address >>> 2;
    for (let i = 0; i < out.length; i++) out[i] = floats[at + this.index[i]];
    return out;
  }

  write(floats: Float32Array, address: number, values: Float32Array): void {
    const at = address >>> 2;
    floats.fill(0, at, at + this.bytes / 4); // what no column uses too: after a step of NaN it holds NaN
    for (let i = 0; i < values.length; i++) floats[at + this.index[i]] = values[i];
  }
}

export class Weights {
  private readonly blocks: number[] = [];
  private readonly byName = new Map<string, Weight>();
  readonly trainable: readonly Weight[];
  /** Where values, first and second moments begin. */
  readonly w: number;
  readonly m: number;
  readonly v: number;
  /** Gradients of the vectors: a vector's lie at `vectorGradients + offset - vectorsAt`. */
  readonly vectorGradients: number;
  readonly vectorsAt: number;
  readonly vectorBytes: number;

  constructor(
    private readonly graph: Graph,
    layouts: Layouts,
    private readonly heap: Heap,
    seed: number,
  ) {
    const all = [...graph.params.values()].map((p) => new Weight(p, layouts.params.get(p) as ParamLayout));
    const group = (w: Weight): number => (!w.param.trainable ? 2 : w.isMatrix ? 0 : 1);
    const ordered = [0, 1, 2].flatMap((g) => all.filter((w) => group(w) === g));
    let at = 0;
    let [vectorsAt, keptAt] = [0, 0];
    for (const w of ordered) {
      w.offset = at;
      at += w.bytes;
      if (group(w) === 0) vectorsAt = at;
      if (group(w) <= 1) keptAt = at;
    }
    [this.vectorsAt, this.vectorBytes] = [vectorsAt, keptAt - vectorsAt];
    for (const w of all) this.byName.set(w.param.name, w);
    this.trainable = ordered.filter((w) => w.param.trainable);
    try {
      [this.w, this.m, this.v] = [at, keptAt, keptAt].map((bytes) => this.zeros(bytes));
      this.vectorGradients = this.zeros(this.vectorBytes);
    } catch (error) {
      this.dispose();
      throw error;
    }
    for (const w of all) w.write(heap.floats, this.w + w.offset, initial(w.param, seed));
  }

  of(param: Param): Weight {
    return this.byName.get(param.name) as Weight;
  }

  /** Address of a parameter's values. */
  at(param: Param): number {
    return this.w + this.of(param).offset;
  }

  /** Address of a vector's gradient. */
  gradientAt(param: Param): number {
    return this.vectorGradients + this.of(param).offset - this.vectorsAt;
  }

  get(name: string): Float32Array {
    const weight = this.byName.get(name);
    if (!weight) throw new EngineError(`weights: expected a parameter of this model, found ${name}.`);
    return weight.read(this.heap.floats, this.w + weight.offset);
  }

  set(name: string, values: Float32Array): void {
    checkParam(this.graph, name, values);
    const weight = this.byName.get(name) as Weight;
    weight.write(this.heap.floats, this.w + weight.offset, values);
  }

  readMoments(which: "m" | "v"): Record<string, Float32Array> {
    const { floats } = this.heap;
    return Object.fromEntries(this.trainable.map((w) => [w.param.name, w.read(floats, this[which] + w.offset)]));
  }

  writeMoments(which: "m" | "v", values: Readonly<Record<string, Float32Array>>): void {
    for (const w of this.trainable) {
      const { name } = w.param;
      checkParam(this.graph, name, values[name] ?? new Float32Array(0));
      w.write(this.heap.floats, this[which] + w.offset, values[name]);
    }
  }

  dispose(): void {
    for (const block of this.blocks) this.heap.free(block);
  }

  private zeros(bytes: number): number {
    const at = this.heap.allocate(Math.max(bytes, 32));
    this.blocks.push(at);
    this.heap.floats.fill(0, at >>> 2, (at + Math.max(bytes, 32)) >>> 2);
    return at;
  }
}
