/** What a notebook shows: tables, charts, progress, and the stop button. */
export { chart, chartBundle, chartSvg, type ChartSpec } from "./chart";
export { breathe, interruptible } from "./interruptible";
export { emit, inNotebook, type Bundle } from "./output";
export { duration, progress, type Progress, type ProgressOptions, type ProgressPoint } from "./progress";
export { barChart, dotChart, heatmap, lineChart, markdown, show } from "./show";
export {
  barSpec,
  dotSpec,
  heatmapSpec,
  lineSpec,
  type BarOptions,
  type DotOptions,
  type HeatmapOptions,
  type LineOptions,
} from "./specs";
export { frame, table, tableBundle, type Row, type TableOptions } from "./table";
