/** Tables: HTML for notebooks, aligned text everywhere else, and data frames for those who compute with them. */
import type { DataFrame } from "danfojs-node";
import { escapeHtml } from "../report/escape";
import { emit, type Bundle } from "./output";

/** A table's row: column -> value. Numbers are set right-aligned; null and undefined as an en dash. */
export type Row = Readonly<Record<string, unknown>>;

export interface TableOptions {
  /** Stands above the table. */
  readonly title?: string;
  /** Which columns, in which order (default: the keys of the rows), or the headings to give them. */
  readonly columns?: readonly string[] | Readonly<Record<string, string>>;
  /** Digits after the point of numbers that are not whole (default 3), for all columns or by column. */
  readonly digits?: number | Readonly<Record<string, number>>;
  /** Stands below the table: conventions, n, source. */
  readonly note?: string;
}

/** What danfojs calls a DataFrame, as far as a table needs it. */
interface FrameLike {
  readonly columns: readonly string[];
  readonly values: readonly unknown[];
  readonly index: readonly (string | number)[];
}

function isFrame(value: object): value is FrameLike {
  return "columns" in value && "values" in value && "index" in value && Array.isArray(value.columns);
}

/** Rows of a data frame; an index other than 0, 1, 2, ... becomes the first column. */
function frameRows({ columns, values, index }: FrameLike): Row[] {
  const named = index.some((name, i) => name !== i);
  return values.map((row, i) => {
    const cells = Array.isArray(row) ? row : [row];
    return { ...(named ? { "": index[i] } : {}), ...Object.fromEntries(columns.map((c, j) => [c, cells[j]])) };
  });
}

/** @param digits  undefined in a column of whole numbers */
function cellText(value: unknown, digits: number | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value !== "number" || digits === undefined || !Number.isFinite(value)) return String(value);
  return value.toFixed(digits);
}

/** The forms of a table. @param rows  plain rows or a danfojs DataFrame */
export function tableBundle(rows: readonly Row[] | FrameLike, options: TableOptions = {}): Bundle {
  const plain: readonly Row[] = isFrame(rows) ? frameRows(rows) : rows;
  const { title, columns, note } = options;
  if (plain.length === 0) {
    const words = `${title ? `${title}: ` : ""}nothing to show${note ? `. ${note}` : ""}`;
    return { "text/html": `<p>${escapeHtml(words)}</p>`, "text/plain": words };
  }
  const keys = columns
    ? Array.isArray(columns)
      ? (columns as readonly string[])
      : Object.keys(columns)
    : [...new Set(plain.flatMap((row) => Object.keys(row)))];
  const heading = (key: string) =>
    columns && !Array.isArray(columns) ? (columns as Readonly<Record<string, string>>)[key] : key;
  const digitsOf = (key: string) =>
    typeof options.digits === "object" ? (options.digits[key] ?? 3) : (options.digits ?? 3);
  const isNumber = keys.map((key) => {
    const present = plain.map((row) => row[key]).filter((value) => value !== null && value !== undefined);
    return present.length > 0 && present.every((value) => typeof value === "number");
  });
  const isWhole = keys.map((key) => plain.every((row) => typeof row[key] !== "number" || Number.isInteger(row[key])));
  const cells = plain.map((row) => keys.map((key, j) => cellText(row[key], isWhole[j] ? undefined : digitsOf(key))));
  return {
    "text/html": html(keys.map(heading), cells, isNumber, title, note),
    "text/plain": text(keys.map(heading), cells, isNumber, title, note),
  };
}

function html(heads: string[], cells: string[][], isNumber: boolean[], title?: string, note?: string): string {
  const cell = (tag: string, value: string, j: number) =>
    `<${tag} style="text-align:${isNumber[j] ? "right" : "left"}">${escapeHtml(value)}</${tag}>`;
  const row = (tag: string, values: string[]) => `<tr>${values.map((value, j) => cell(tag, value, j)).join("")}</tr>`;
  const caption = title
    ? `<caption style="text-align:left;font-weight:600;white-space:nowrap">${escapeHtml(title)}</caption>`
    : "";
  const foot = note ? `<p style="max-width:48em"><small>${escapeHtml(note)}</small></p>` : "";
  const body = cells.map((values) => row("td", values)).join("\n");
  return `<div style="overflow-x:auto"><table>${caption}<thead>${row("th", heads)}</thead><tbody>\n${body}\n</tbody></table>${foot}</div>`;
}

function text(heads: string[], cells: string[][], isNumber: boolean[], title?: string, note?: string): string {
  const widths = heads.map((head, j) => Math.max(head.length, ...cells.map((values) => values[j].length)));
  const line = (values: string[]) =>
    values
      .map((value, j) => (isNumber[j] ? value.padStart(widths[j]) : value.padEnd(widths[j])))
      .join("  ")
      .trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [...(title ? [title, ""] : []), line(heads), rule, ...cells.map(line), ...(note ? ["", note] : [])].join("\n");
}

/** Shows rows (or a danfojs DataFrame) as a table. */
export function table(rows: readonly Row[] | FrameLike, options: TableOptions = {}): void {
  emit(tableBundle(rows, options));
}

/** Rows as a danfojs DataFrame, to group, merge and describe. The package is loaded on first use (about 3 s). */
export async function frame(rows: readonly Row[]): Promise<DataFrame> {
  const danfo = await import("danfojs-node");
  return new danfo.DataFrame(rows.map((row) => ({ ...row })));
}
