/** The charts that the notebooks use, as Vega-Lite 5 specifications: labelled axes with units, intervals where there are any. */
import {
  categoryColours,
  categoryDashes,
  roleColours,
  roleShapes,
  sequentialScheme,
  type ChartRole,
} from "../core/chart-style";
import { UserError } from "../core/errors";
import type { ChartSpec } from "./chart";
import type { Row } from "./table";

const shapes = ["circle", "diamond", "square", "triangle-up", "cross", "triangle-down", "stroke", "arrow"];
const isRole = (name: string): name is ChartRole => Object.hasOwn(roleColours, name);

/** Scales that give each series its colour, and a shape or dash so that colour is never the only difference. */
function seriesScales(rows: readonly Row[], field: string) {
  const domain = [...new Set(rows.map((row) => String(row[field])))];
  const roles = domain.every(isRole);
  return {
    colour: {
      domain,
      range: domain.map((name, i) => (roles ? roleColours[name as ChartRole] : pick(categoryColours, i))),
    },
    shape: { domain, range: domain.map((name, i) => (roles ? roleShapes[name as ChartRole] : pick(shapes, i))) },
    dash: { domain, range: domain.map((_, i) => pick(categoryDashes, i)) },
  };
}
const pick = <T>(values: readonly T[], i: number): T => values[i % values.length];

const size = (width: number | undefined, height: number | { step: number; for?: "position" } | undefined) => ({
  width: width ?? 460,
  height,
});

/** A field that every row must have, so that a misspelt name is told instead of drawing nothing. */
function requireField(rows: readonly Row[], field: string | undefined, chart: string): void {
  if (field === undefined) return;
  if (rows.length === 0) throw new UserError(`${chart}: expected rows to draw, found none.`);
  if (!rows.some((row) => field in row))
    throw new UserError(
      `${chart}: expected rows with the field "${field}", found ${Object.keys(rows[0]).join(", ")}. Name one of these.`,
    );
}

export interface DotOptions {
  /** One line of the chart each, from the top. */
  readonly label: string;
  readonly value: string;
  /** Ends of the interval of `value`. */
  readonly low?: string;
  readonly high?: string;
  /** Field that tells series apart: roles ("ours", "paper", "constant", ...) or any names. */
  readonly series?: string;
  /** Axis title with unit: "F1, weighted (%)". */
  readonly axis: string;
  readonly title?: string;
  readonly width?: number;
}

/** Values with intervals, one line a label: ours beside the paper's. */
export function dotSpec(rows: readonly Row[], options: DotOptions): ChartSpec {
  const { label, value, low, high, series, axis, title, width } = options;
  for (const field of [label, value, low, high, series]) requireField(rows, field, "dot chart");
  const scales = series ? seriesScales(rows, series) : undefined;
  const order = [...new Set(rows.map((row) => String(row[label])))];
  const hasIntervals = low !== undefined && high !== undefined && rows.some((row) => typeof row[low] === "number");
  const y = { field: label, type: "nominal", sort: order, title: null, axis: { grid: true, labelLimit: 320 } };
  const shift =
    scales && scales.colour.domain.length > 1 ? { yOffset: { field: series, sort: scales.colour.domain } } : {};
  const colour = series
    ? { color: { field: series, type: "nominal", scale: scales?.colour, title: null, legend: { orient: "top" } } }
    : { color: { value: roleColours.ours } };
  const x = { field: value, type: "quantitative", title: axis, scale: { zero: false } };
  const tooltip = Object.keys(rows[0]).map((field) => ({ field }));
  const rule = {
    mark: { type: "rule", strokeWidth: 2 },
    encoding: { x: { ...x, field: low }, x2: { field: high } },
    transform: [{ filter: `isValid(datum[${JSON.stringify(low)}])` }],
  };
  const point = {
    mark: { type: "point", filled: true, size: 70, opacity: 1 },
    encoding: {
      x,
      tooltip,
      ...(series ? { shape: { field: series, type: "nominal", scale: scales?.shape, title: null } } : {}),
    },
    transform: [{ filter: `isValid(datum[${JSON.stringify(value)}])` }],
  };
  return {
    ...(title ? { title } : {}),
    ...size(width, { step: Math.max(26, 12 * (scales?.colour.domain.length ?? 1)), for: "position" }),
    data: { values: rows },
    encoding: { y, ...shift, ...colour },
    layer: hasIntervals ? [rule, point] : [point],
  };
}

export interface BarOptions {
  readonly category: string;
  readonly value: string;
  /** Bars of several series stand side by side. */
  readonly series?: string;
  readonly categoryAxis: string;
  readonly valueAxis: string;
  readonly title?: string;
  readonly width?: number;
  readonly height?: number;
}

/** Bars from zero, categories in the order of the rows. */
export function barSpec(rows: readonly Row[], options: BarOptions): ChartSpec {
  const { category, value, series, categoryAxis, valueAxis, title, width, height } = options;
  for (const field of [category, value, series]) requireField(rows, field, "bar chart");
  const scales = series ? seriesScales(rows, series) : undefined;
  const order = [...new Set(rows.map((row) => row[category]))];
  return {
    ...(title ? { title } : {}),
    ...size(width, height ?? 220),
    data: { values: rows },
    mark: { type: "bar" },
    encoding: {
      x: { field: category, type: "nominal", sort: order, title: categoryAxis, axis: { labelAngle: 0 } },
      y: { field: value, type: "quantitative", title: valueAxis },
      tooltip: Object.keys(rows[0]).map((field) => ({ field })),
      ...(series
        ? {
            xOffset: { field: series, sort: scales?.colour.domain },
            color: { field: series, type: "nominal", scale: scales?.colour, title: null, legend: { orient: "top" } },
          }
        : { color: { value: roleColours.ours } }),
    },
  };
}

export interface LineOptions {
  readonly x: string;
  readonly y: string;
  readonly low?: string;
  readonly high?: string;
  readonly series?: string;
  /** One panel a value of this field, each with a y axis of its own. */
  readonly panel?: string;
  readonly xAxis: string;
  readonly yAxis: string;
  readonly title?: string | { readonly text: string; readonly subtitle: string };
  readonly width?: number;
  readonly height?: number;
}

/** Lines with points, and a band where an interval is given. */
export function lineSpec(rows: readonly Row[], options: LineOptions): ChartSpec {
  const { x, y, low, high, series, panel, xAxis, yAxis, title, width, height } = options;
  for (const field of [x, y, low, high, series, panel]) requireField(rows, field, "line chart");
  const scales = series ? seriesScales(rows, series) : undefined;
  const whole = rows.every((row) => Number.isInteger(row[x]));
  const encoding = {
    x: {
      field: x,
      type: "quantitative",
      title: xAxis,
      axis: whole ? { tickMinStep: 1, format: "d" } : {},
      scale: { zero: false },
    },
    y: { field: y, type: "quantitative", title: yAxis, scale: { zero: false } },
    ...(series
      ? { color: { field: series, type: "nominal", scale: scales?.colour, title: null, legend: { orient: "top" } } }
      : { color: { value: roleColours.ours } }),
  };
  const line = {
    mark: { type: "line", point: rows.length <= 200 },
    encoding: {
      ...(series ? { strokeDash: { field: series, type: "nominal", scale: scales?.dash, title: null } } : {}),
      tooltip: Object.keys(rows[0]).map((field) => ({ field })),
    },
  };
  const band = {
    mark: { type: "area", opacity: 0.18 },
    encoding: { y: { field: low, type: "quantitative" }, y2: { field: high } },
  };
  const unit = { ...size(width, height ?? 200), encoding, layer: low && high ? [band, line] : [line] };
  const head = { ...(title ? { title } : {}), data: { values: rows } };
  if (!panel) return { ...head, ...unit };
  return {
    ...head,
    facet: { field: panel, type: "nominal", title: null, sort: [...new Set(rows.map((row) => row[panel]))] },
    columns: 2,
    spec: { ...unit, width: width ?? 260 },
    resolve: { scale: { y: "independent" } },
  };
}

export interface HeatmapOptions {
  /** Names of the rows, from the top: what asks. */
  readonly rows: readonly string[];
  /** Names of the columns: what is looked at. */
  readonly columns: readonly string[];
  readonly rowAxis: string;
  readonly columnAxis: string;
  /** What a colour means, with unit: "attention weight". */
  readonly legend: string;
  readonly title?: string;
  /** Write each value into its field (default: up to 100 fields). */
  readonly labels?: boolean;
  /** Ends of the colour scale (default: 0 and the largest value). */
  readonly domain?: readonly [number, number];
}

/** A matrix as colours. @param values  row by row, rows.length x columns.length */
export function heatmapSpec(values: ArrayLike<number>, options: HeatmapOptions): ChartSpec {
  const { rows, columns, rowAxis, columnAxis, legend, title } = options;
  if (values.length !== rows.length * columns.length)
    throw new UserError(
      `heatmap: expected ${rows.length} x ${columns.length} = ${rows.length * columns.length} values, found ${values.length}.`,
    );
  const fields = Array.from(values, (value, i) => ({
    row: rows[Math.floor(i / columns.length)],
    column: columns[i % columns.length],
    value: Number(value.toPrecision(5)),
  }));
  const largest = fields.reduce((max, field) => Math.max(max, field.value), 0);
  const domain = options.domain ?? [0, largest || 1];
  const step = Math.max(12, Math.min(42, Math.floor(520 / columns.length)));
  const rect = {
    mark: { type: "rect", stroke: "white", strokeWidth: 1 },
    encoding: {
      color: { field: "value", type: "quantitative", title: legend, scale: { scheme: sequentialScheme, domain } },
      tooltip: ["row", "column", "value"].map((field) => ({ field })),
    },
  };
  const text = {
    mark: { type: "text", fontSize: 11 },
    encoding: {
      text: { field: "value", type: "quantitative", format: ".2f" },
      color: { condition: { test: `datum.value > ${(domain[0] + domain[1]) / 2}`, value: "white" }, value: "black" },
    },
  };
  return {
    ...(title ? { title } : {}),
    width: { step },
    height: { step: Math.min(step, 30) },
    data: { values: fields },
    encoding: {
      x: {
        field: "column",
        type: "nominal",
        sort: columns,
        title: columnAxis,
        axis: { labelAngle: columns.length > 8 ? -60 : 0 },
      },
      y: { field: "row", type: "nominal", sort: rows, title: rowAxis },
    },
    layer: (options.labels ?? fields.length <= 100) ? [rect, text] : [rect],
  };
}
