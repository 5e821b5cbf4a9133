/** `show`: any value in the form that suits it, and the named charts of lib/display/specs.ts, drawn. */
import { inspect } from "node:util";
import { chart } from "./chart";
import { emit } from "./output";
import {
  barSpec,
  dotSpec,
  heatmapSpec,
  lineSpec,
  type BarOptions,
  type DotOptions,
  type HeatmapOptions,
  type LineOptions,
} from "./specs";
import { table, type Row, type TableOptions } from "./table";

function isRow(value: unknown): value is Row {
  return value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype;
}

/** A cell of a table made from a value that is no number or text: lists joined, records as key=value. */
function flat(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => flat(item)).join(", ");
  if (isRow(value))
    return Object.entries(value)
      .map(([key, v]) => `${key}=${String(flat(v))}`)
      .join(", ");
  return value;
}

/**
 * Shows a value: rows as a table, a record as a table of its fields, text as it is, anything else as Node prints it.
 * @example show(dataset.repairs); show(cia.defaults, { title: "CIA: defaults" })
 */
export function show(value: unknown, options: TableOptions = {}): void {
  if (typeof value === "string") return emit({ "text/plain": value });
  if (Array.isArray(value) && value.length > 0 && value.every(isRow)) {
    const rows = value.map((row) => Object.fromEntries(Object.entries(row).map(([key, v]) => [key, flat(v)])));
    return table(rows, options);
  }
  if (isRow(value)) {
    // Unlike things stand below each other: each number is set by itself, not as one of a column.
    const digits = typeof options.digits === "number" ? options.digits : 3;
    const text = (v: unknown) => (typeof v === "number" && !Number.isInteger(v) ? v.toFixed(digits) : flat(v));
    const rows = Object.entries(value).map(([key, v]) => ({ "": key, value: v === undefined ? v : String(text(v)) }));
    return table(rows, options);
  }
  emit({ "text/plain": inspect(value, { depth: 4, breakLength: 110 }) });
}

/** Shows text as Markdown: a paragraph whose numbers were just computed. */
export function markdown(text: string): void {
  emit({ "text/markdown": text, "text/plain": text });
}

/** Values with intervals, one line a label. @param words  what it shows, in a sentence */
export function dotChart(rows: readonly Row[], options: DotOptions, words: string): Promise<void> {
  return chart(dotSpec(rows, options), words);
}

/** Bars from zero. @param words  what it shows, in a sentence */
export function barChart(rows: readonly Row[], options: BarOptions, words: string): Promise<void> {
  return chart(barSpec(rows, options), words);
}

/** Lines over a number. @param words  what it shows, in a sentence */
export function lineChart(rows: readonly Row[], options: LineOptions, words: string): Promise<void> {
  return chart(lineSpec(rows, options), words);
}

/** A matrix as colours. @param values  row by row. @param words  what it shows, in a sentence */
export function heatmap(values: ArrayLike<number>, options: HeatmapOptions, words: string): Promise<void> {
  return chart(heatmapSpec(values, options), words);
}
