/**
 * The one look of every chart here, of the notebooks and of the report. Colours are Okabe and Ito's eight, which people
 * with any of the usual colour deficiencies can tell apart; a role keeps its colour everywhere, and never stands by
 * colour alone: `shapes` and `dashes` go with it.
 */

/** What a mark stands for. */
export type ChartRole = "ours" | "paper" | "constant" | "reference" | "selected";

/** Colour of each role. */
export const roleColours: Readonly<Record<ChartRole, string>> = Object.freeze({
  ours: "#0072b2",
  paper: "#d55e00",
  constant: "#666666",
  reference: "#009e73",
  selected: "#cc79a7",
});

/** Point shape of each role (names of vega symbols). */
export const roleShapes: Readonly<Record<ChartRole, string>> = Object.freeze({
  ours: "circle",
  paper: "diamond",
  constant: "cross",
  reference: "square",
  selected: "triangle-up",
});

/** Colours of categories that have no role, in order of use. */
export const categoryColours: readonly string[] = Object.freeze([
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#e69f00",
  "#56b4e9",
  "#000000",
  "#b8a500",
]);

/** Line dashes of categories, in the same order: colour is never the only difference. */
export const categoryDashes: readonly (readonly number[])[] = Object.freeze([
  [1, 0],
  [6, 3],
  [2, 2],
  [8, 3, 2, 3],
  [10, 4],
  [3, 5],
  [1, 3],
  [12, 3, 3, 3],
]);

/** Colours of small to large values (single direction, dark is large), as in an attention heatmap. */
export const sequentialScheme = "blues";

export const chartFont = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif";
export const chartInk = "#1a1a1a";
export const chartGrid = "#e3e3e3";

/** Vega-Lite 5 `config` of every chart: white ground (readable in dark themes and on paper), 12 px and larger text. */
export const chartConfig = Object.freeze({
  background: "white",
  font: chartFont,
  title: { color: chartInk, fontSize: 14, fontWeight: 600, anchor: "start", offset: 10, subtitleFontSize: 12 },
  axis: {
    labelColor: chartInk,
    titleColor: chartInk,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 500,
    gridColor: chartGrid,
    domainColor: "#888888",
    tickColor: "#888888",
    labelLimit: 260,
  },
  legend: { labelColor: chartInk, titleColor: chartInk, labelFontSize: 12, titleFontSize: 12, labelLimit: 260 },
  header: { labelColor: chartInk, titleColor: chartInk, labelFontSize: 12, titleFontSize: 12 },
  view: { stroke: "#cccccc" },
  range: { category: categoryColours },
  point: { filled: true, size: 60 },
  line: { strokeWidth: 2 },
});
