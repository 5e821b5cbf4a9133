/**
 * Where the columns of values and weights lie. A matrix is stored in panels of eight columns; its layout lists the widths that
 * begin on a panel of their own: [50, 50] for both directions of a GRU, [w, w, w, w] for the gates of a cell. So a
 * concatenation needs no copy, and the gates of a cell can be addressed one by one.
 */
import type { Graph, Param, Value } from "../graph";

/** Widths that begin on a panel of their own. */
export type Layout = readonly number[];

export const panelsOf = (layout: Layout): number => layout.reduce((sum, w) => sum + Math.ceil(w / 8), 0);
export const widthOf = (layout: Layout): number => layout.reduce((sum, w) => sum + w, 0);
export const sameLayout = (a: Layout, b: Layout): boolean => a.length === b.length && a.every((w, i) => w === b[i]);

/** Lane (8 a panel) of each column. */
export function lanesOf(layout: Layout): Int32Array {
  const lanes = new Int32Array(widthOf(layout));
  let column = 0;
  let panel = 0;
  for (const w of layout) {
    for (let c = 0; c < w; c++) lanes[column++] = panel * 8 + c;
    panel += Math.ceil(w / 8);
  }
  return lanes;
}

/** First column of each panel. */
export function firstColumns(layout: Layout): Int32Array {
  const first: number[] = [];
  let column = 0;
  for (const w of layout) {
    for (let c = 0; c < w; c += 8) first.push(column + c);
    column += w;
  }
  return Int32Array.from(first);
}

/** The part of a layout that columns start .. start + width - 1 make, where both ends begin a panel; else undefined. */
export function part(layout: Layout, start: number, width: number): { panel: number; layout: Layout } | undefined {
  let column = 0;
  let panel = 0;
  for (let i = 0; i < layout.length; i++) {
    if (column === start) {
      let end = i;
      for (let w = 0; w < width; w += layout[end++]);
      const inside = layout.slice(i, end);
      return widthOf(inside) === width ? { panel, layout: inside } : undefined;
    }
    column += layout[i];
    panel += Math.ceil(layout[i] / 8);
  }
  return undefined;
}

export interface ParamLayout {
  /** Absent for vectors. */
  readonly rows?: Layout;
  readonly columns: Layout;
}

export interface Layouts {
  readonly values: ReadonlyMap<Value, Layout>;
  readonly params: ReadonlyMap<Param, ParamLayout>;
  /** A parameter that two layers share of which the second needs it to lie otherwise: there are no kernels for that. */
  readonly torn?: Param;
}

const equal = (width: number, parts: number): Layout => new Array<number>(parts).fill(width / parts);

/** Columns where consumers would like a panel to begin. */
function wishes(graph: Graph): Map<Value, Set<number>> {
  const cuts = new Map<Value, Set<number>>();
  const wish = (v: Value, columns: Iterable<number>): void => {
    const set = cuts.get(v) ?? new Set<number>();
    for (const c of columns) if (c > 0 && c < v.width) set.add(c);
    cuts.set(v, set);
  };
  for (const v of [...graph.values].reverse()) {
    const { op } = v;
    const [a, b] = v.inputs;
    const own = cuts.get(v) ?? [];
    switch (op.kind) {
      case "cellState":
      case "cellOutput":
        wish(a, [1, 2, 3].map((k) => (k * a.width) / 4)); // prettier-ignore
        break;
      case "softmax":
        wish(a, Array.from({ length: op.groups }, (_, g) => (g * a.width) / op.groups)); // prettier-ignore
        break;
      case "slice":
        wish(a, [op.start, op.start + v.width, ...[...own].map((c) => c + op.start)]);
        break;
      case "add":
      case "sub":
      case "mul":
        wish(a, own);
        wish(b, own);
        break;
      case "affine":
      case "activate":
      case "keep":
      case "dropout":
      case "stop":
        wish(a, own);
        break;
    }
  }
  return cuts;
}

export function layoutsOf(graph: Graph): Layouts {
  const cuts = wishes(graph);
  const values = new Map<Value, Layout>();
  const params = new Map<Param, ParamLayout>();
  const of = (v: Value): Layout => values.get(v) ?? [v.width];
  const wished = (v: Value): Layout => {
    const at = [0, ...[...(cuts.get(v) ?? [])].sort((x, y) => x - y), v.width];
    return at.slice(1).map((c, i) => c - at[i]);
  };
  let torn: Param | undefined;
  /** Lays a parameter out as its first layer needs it. */
  const lay = (p: Param, columns: Layout, rows?: Layout): void => {
    const known = params.get(p);
    if (!known) params.set(p, { ...(rows && { rows }), columns });
    else if (!sameLayout(known.columns, columns) || !sameLayout(known.rows ?? [], rows ?? [])) torn ??= p;
  };
  const placeholders = new Map<Value, Value>();
  for (const v of graph.values)
    if (v.op.kind === "scan") v.op.body.inputs.forEach((x, i) => placeholders.set(x, v.inputs[i]));

  for (const v of graph.values) {
    const { op } = v;
    const [a] = v.inputs;
    switch (op.kind) {
      case "dense": {
        const known = params.get(op.kernel);
        const columns = known?.columns ?? wished(v);
        if (!known) lay(op.kernel, columns, v.inputs.flatMap(of)); // a later layer's inputs are put together as it lies
        if (op.bias) lay(op.bias, columns);
        values.set(v, columns);
        break;
      }
      case "gru":
      case "lstm": {
        const r = op.units;
        const gates = equal((op.kind === "gru" ? 3 : 4) * r, op.kind === "gru" ? 3 : 4);
        const directions = op.backward ? [op.forward, op.backward] : [op.forward];
        for (const d of directions) {
          lay(d.kernel, gates, of(a));
          lay(d.recurrent, gates, [r]);
          lay(d.bias, gates);
        }
        values.set(v, directions.map(() => r)); // prettier-ignore
        break;
      }
      case "concat":
        values.set(v, v.inputs.flatMap(of));
        break;
      case "slice":
        values.set(v, part(of(a), op.start, v.width)?.layout ?? [v.width]);
        break;
      case "softmax":
        values.set(v, equal(v.width, op.groups));
        break;
      case "attend":
        values.set(v, of(v.inputs[2]));
        break;
      case "batchNorm":
        for (const p of [op.gamma, op.beta, op.mean, op.variance]) lay(p, of(a));
        values.set(v, of(a));
        break;
      case "cells":
        values.set(v, of(a));
        break;
      case "scanInput":
        values.set(v, of(placeholders.get(v) as Value));
        break;
      case "scanRows": {
        const scan = v.inputs[0].op;
        values.set(v, scan.kind === "scan" ? of(scan.body.outputs[op.output]) : [v.width]);
        break;
      }
      case "add":
      case "sub":
      case "mul":
      case "affine":
      case "activate":
      case "keep":
      case "dropout":
      case "stop":
      case "meanRows":
      case "lastRow":
        values.set(v, of(a));
        break;
      default:
        values.set(v, [v.width]);
    }
  }
  // A parameter that no operation uses still has a place.
  for (const p of graph.params.values())
    if (!params.has(p))
      params.set(p, p.shape.length === 2 ? { rows: [p.shape[0]], columns: [p.shape[1]] } : { columns: [p.shape[0]] });
  return { values, params, ...(torn && { torn }) };
}
