/** Figure 1, drawn from a recorded model: its blocks, their shapes and parameter counts, and what flows where. */
import { chartFont, chartInk, categoryColours } from "../core/chart-style";
import type { ChartSpec } from "../display";
import type { Value } from "../engine/graph";
import type { Recorded } from "../layers/record";

/** Values and parameters under one path of the recording (`iim/TA`), or one named step (`M/TA`). */
export interface Block {
  readonly name: string;
  /** The first part of the name: "iim", "plain", "M", ... */
  readonly kind: string;
  /** Blocks whose values it takes. */
  readonly inputs: readonly string[];
  /** Width of what it hands on. */
  readonly width: number;
  readonly parameters: number;
}

/** Steps without parameters that the paper names, by the name of their tap. */
const namedSteps = /^(M|cam|rep)\b/;

/** The blocks of a recording, in the order of computation. */
export function blocksOf({ graph, output }: Recorded): Block[] {
  const steps = new Map<Value, string>();
  for (const [name, value] of Object.entries(output.taps ?? {})) if (namedSteps.test(name)) steps.set(value, name);
  const nameOf = new Map<Value, string>();
  const drawn = graph.values.filter((v) => v.axis !== "scalar" && v.op.kind !== "attention");
  // Backwards: a value without a name of its own belongs to the block that uses it.
  for (const value of drawn.toReversed()) {
    const user = drawn.find((v) => v.inputs.includes(value) && nameOf.has(v));
    const path = value.path.split("/").slice(0, 2).join("/");
    const own = value.op.kind === "input" ? value.op.modality : (steps.get(value) ?? path);
    nameOf.set(value, own || (user ? nameOf.get(user)! : "head"));
  }
  const blocks = new Map<string, { inputs: Set<string>; width: number; parameters: number }>();
  for (const value of drawn) {
    const name = nameOf.get(value)!;
    const block = blocks.get(name) ?? { inputs: new Set<string>(), width: 0, parameters: 0 };
    blocks.set(name, block);
    for (const input of value.inputs) if (nameOf.get(input) !== name) block.inputs.add(nameOf.get(input)!);
    const leaves = drawn.some((v) => v.inputs.includes(value) && nameOf.get(v) !== name);
    if (leaves || block.width === 0 || name === "head") block.width = value.width;
  }
  for (const { name, shape, trainable } of graph.params.values()) {
    const block = [...blocks].find(([block]) => name.startsWith(`${block}/`))?.[1];
    if (block && trainable) block.parameters += shape.reduce((a, b) => a * b, 1);
  }
  return [...blocks].map(([name, { inputs, width, parameters }]) => {
    return { name, kind: name.split("/")[0], inputs: [...inputs], width, parameters };
  });
}

/** Columns from the left: a block stands as far right as those that use it allow. */
function columnsOf(blocks: readonly Block[]): Map<string, number> {
  const after = new Map<string, number>();
  for (const block of blocks.toReversed()) {
    const users = blocks.filter((b) => b.inputs.includes(block.name));
    after.set(block.name, users.length ? 1 + Math.max(...users.map((b) => after.get(b.name) ?? 0)) : 0);
  }
  const last = Math.max(...after.values());
  return new Map(blocks.map((b) => [b.name, b.inputs.length === 0 ? 0 : last - after.get(b.name)!]));
}

/** 5751548 as "5.75 M", 80400 as "80 k". */
export function shortCount(n: number): string {
  return n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1000 ? `${Math.round(n / 1000)} k` : String(n);
}

/**
 * The blocks as a drawing. Pointing at a block tells its inputs, width and parameters.
 * @param titles  what a kind of block is called: { iim: "IIM", plain: "BiGRU, FC" }
 */
export function architectureSpec(blocks: readonly Block[], titles: Readonly<Record<string, string>> = {}): ChartSpec {
  const columns = columnsOf(blocks);
  const kinds = [...new Set(blocks.map((b) => b.kind))];
  const perColumn = new Map<number, Block[]>();
  for (const block of blocks) {
    const column = columns.get(block.name)!;
    perColumn.set(column, [...(perColumn.get(column) ?? []), block]);
  }
  const tallest = Math.max(...[...perColumn.values()].map((c) => c.length));
  const [stepX, boxX, stepY, boxY] = [120, 102, 46, 36];
  const place = new Map<string, { x: number; y: number }>();
  for (const [column, inColumn] of perColumn)
    inColumn.forEach((block, i) =>
      place.set(block.name, { x: column * stepX, y: ((tallest - inColumn.length) / 2 + i) * stepY }),
    );
  const boxes = blocks.map((block) => {
    const { x, y } = place.get(block.name)!;
    const rest = block.name.split("/").slice(1).join(" ");
    const title = `${titles[block.kind] ?? block.kind} ${rest}`.trim();
    const size = `${block.width} wide${block.parameters ? `, ${shortCount(block.parameters)}` : ""}`;
    const tells = { block: block.name, takes: block.inputs.join(", "), parameters: block.parameters };
    return { ...tells, title, size, width: block.width, x, x2: x + boxX, y, y2: y + boxY, kind: block.kind };
  });
  const edges = blocks.flatMap((block) =>
    block.inputs.map((input) => {
      const [from, to] = [place.get(input)!, place.get(block.name)!];
      return { x: from.x + boxX, y: from.y + boxY / 2, x2: to.x, y2: to.y + boxY / 2 };
    }),
  );
  const width = (Math.max(...columns.values()) + 1) * stepX;
  const height = tallest * stepY;
  const x = { field: "x", type: "quantitative", axis: null, scale: { domain: [0, width], nice: false } };
  const y = { field: "y", type: "quantitative", axis: null, scale: { domain: [height, 0], nice: false } };
  const range = kinds.map((_, i) => categoryColours[i % categoryColours.length]);
  const text = (field: string, dy: number, fontSize: number) => ({
    data: { values: boxes },
    mark: {
      type: "text",
      align: "left",
      baseline: "top",
      dx: 5,
      dy,
      fontSize,
      font: chartFont,
      color: chartInk,
      clip: false,
    },
    encoding: { x, y, text: { field } },
  });
  return {
    width,
    height,
    view: { stroke: null },
    config: { view: { stroke: null } },
    layer: [
      {
        data: { values: edges },
        mark: { type: "rule", opacity: 0.35 },
        encoding: { x, y, x2: { field: "x2" }, y2: { field: "y2" } },
      },
      {
        data: { values: boxes },
        mark: { type: "rect", fill: "white", strokeWidth: 2, cornerRadius: 4 },
        encoding: {
          ...{ x, y, x2: { field: "x2" }, y2: { field: "y2" } },
          stroke: { field: "kind", type: "nominal", scale: { domain: kinds, range }, legend: null },
          tooltip: ["block", "takes", "width", "parameters"].map((field) => ({ field })),
        },
      },
      text("title", 5, 12),
      text("size", 20, 11),
    ],
  };
}
