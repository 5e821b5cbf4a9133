/** The report's charts: paper against ours, a suite's rows, learning curves. Labelled axes with units, intervals shown. */
import { roleColours, roleShapes } from "../core/chart-style";
import type { Chart, ChartSpec } from "./svg";
import { formatValue, verdictKinds, verdictWords, type Counted, type MetricSummary, type VerdictKind } from "./verdict";

/** Colour and point shape of a verdict. Those without a value of ours stand on the floor of the chart. */
const marks: Readonly<Record<VerdictKind, { colour: string; shape: string }>> = {
  reproduced: { colour: roleColours.reference, shape: "circle" },
  differs: { colour: roleColours.paper, shape: "triangle-up" },
  undecided: { colour: roleColours.ours, shape: "square" },
  impossible: { colour: roleColours.selected, shape: "diamond" },
  notComparable: { colour: roleColours.constant, shape: "cross" },
  noData: { colour: roleColours.constant, shape: "triangle-down" },
  notRun: { colour: roleColours.constant, shape: "triangle-right" },
};

type Panel = "%" | "MAE" | "r";
const panelOf = ({ paper }: Counted): Panel => {
  const metric = paper.column.split("/")[2];
  return metric === "MAE" || metric === "r" ? metric : "%";
};

export interface GlanceOptions {
  /** Panels below each other, for narrow screens. */
  readonly narrow?: boolean;
  /** Link of a point. */
  readonly href: (counted: Counted) => string | undefined;
}

/** Paper against ours, one point a printed value, with the interval over seeds; equal values lie on the diagonal. */
export function glanceChart(counted: readonly Counted[], { narrow = false, href }: GlanceOptions): Chart {
  const shown = counted.filter(({ paper }) => !/count$/.test(paper.column) && paper.row !== "t-test p");
  const kinds = verdictKinds.filter((kind) => shown.some(({ verdict }) => verdict.kind === kind));
  const scaleOf = (key: "colour" | "shape") => ({
    domain: kinds.map((kind) => verdictWords[kind].title),
    range: kinds.map((kind) => marks[kind][key]),
  });
  const panel = (name: Panel, width: number, height: number): ChartSpec | undefined => {
    const points = shown.filter((c) => panelOf(c) === name);
    const factor = name === "%" ? 100 : 1;
    // An interval of few seeds may reach beyond what the metric can be; the chart does not.
    const [least, most] = { "%": [0, 100], MAE: [0, Infinity], r: [-1, 1] }[name];
    const values = points.flatMap(({ value, metric }) => {
      const { ours } = metric ?? {};
      return [value, ours?.mean, ours?.interval?.low, ours?.interval?.high].flatMap((x) =>
        x === undefined ? [] : [Math.min(most, Math.max(least, x * factor))],
      );
    });
    if (!values.length) return undefined;
    const step = name === "%" ? 5 : 0.1;
    const low = Math.floor(Math.min(...values) / step) * step;
    const high = Math.ceil(Math.max(...values) / step) * step;
    const domain = [low, high > low ? high : low + step];
    const data = points.map((c) => {
      const { ours } = c.metric ?? {};
      const { title } = verdictWords[c.verdict.kind];
      return {
        paper: c.value * factor,
        ours: ours ? ours.mean * factor : domain[0],
        low: ours?.interval ? Math.max(domain[0], ours.interval.low * factor) : null,
        high: ours?.interval ? Math.min(domain[1], ours.interval.high * factor) : null,
        verdict: title,
        link: href(c) ?? null,
      };
    });
    const axis = { tickCount: name === "%" && !narrow ? 8 : 4 };
    const unit = { "%": "accuracy, F1, W-Acc, %", MAE: "MAE", r: "Pearson's r" }[name];
    const x = { field: "paper", type: "quantitative", title: `paper: ${unit}`, scale: { domain, nice: false }, axis };
    const y = {
      field: "ours",
      type: "quantitative",
      title: name === "%" ? "ours, mean over seeds, %" : "ours",
      scale: { domain, nice: false },
      axis,
    };
    const legendSpec = { orient: narrow ? "bottom" : "top", columns: narrow ? 2 : 4, symbolSize: 90 };
    const colour = {
      field: "verdict",
      type: "nominal",
      scale: scaleOf("colour"),
      title: null,
      legend: legendSpec,
    };
    return {
      width,
      height,
      data: { values: data },
      layer: [
        {
          data: { values: [{ d: domain[0] }, { d: domain[1] }] },
          mark: { type: "line", strokeDash: [4, 3], color: "#888888", strokeWidth: 1 },
          encoding: { x: { ...x, field: "d" }, y: { ...y, field: "d" } },
        },
        {
          transform: [{ filter: "isValid(datum.low)" }],
          mark: { type: "rule", strokeWidth: 1.5, opacity: 0.7 },
          encoding: { x, y: { ...y, field: "low" }, y2: { field: "high" }, color: colour },
        },
        {
          mark: { type: "point", filled: true, size: narrow ? 40 : 55, opacity: 0.9 },
          encoding: {
            x,
            y,
            color: colour,
            shape: { ...colour, scale: scaleOf("shape"), legend: legendSpec },
            href: { field: "link" },
          },
        },
      ],
    };
  };
  const main = panel("%", narrow ? 250 : 470, narrow ? 250 : 380);
  const side = (["MAE", "r"] as const).flatMap((name) => panel(name, narrow ? 250 : 170, narrow ? 170 : 150) ?? []);
  const panels = [...(main ? [main] : []), ...side];
  const spec: ChartSpec =
    panels.length === 0
      ? { data: { values: [] }, mark: "point" }
      : narrow || !main || !side.length
        ? { vconcat: panels }
        : { hconcat: [main, { vconcat: side }], spacing: 30 };
  const count = (kind: VerdictKind) => shown.filter(({ verdict }) => verdict.kind === kind).length;
  const words = kinds.map((kind) => `${count(kind)} ${verdictWords[kind].title}`).join(", ");
  return {
    spec,
    alt:
      `Printed value of the paper (across) against the mean of our runs with its 95 % interval (up), one point for each of ` +
      `${shown.length} printed values; points on the diagonal are equal. ${words}. ` +
      `Values without a run of ours stand on the floor of the chart. The table "All printed values" holds the same numbers.`,
  };
}

export interface RowValues {
  readonly row: string;
  readonly metric: MetricSummary;
  /** Of the best constant predictor, in the unit of the metric. */
  readonly constant?: number;
}

/** One panel a metric, one line a row: ours with interval, the paper's value, the best constant. */
export function rowsChart(title: string, panels: ReadonlyMap<string, readonly RowValues[]>): Chart | undefined {
  const all = [...panels]
    .map(([name, rows]) => ({ name, rows: rows.filter(({ metric }) => metric.ours) }))
    .filter(({ rows }) => rows.length);
  const shownPanels = all.slice(0, 4);
  if (!shownPanels.length) return undefined;
  const order = [...new Set(shownPanels.flatMap(({ rows }) => rows.map(({ row }) => row)))];
  const specs = shownPanels.map(({ name, rows }, i): ChartSpec => {
    const { info } = rows[0].metric;
    const factor = info.unit === "%" ? 100 : 1;
    const values = rows.flatMap(({ row, metric, constant }) => {
      const ours = metric.ours!;
      const at = { row, low: null as number | null, high: null as number | null };
      return [
        {
          ...at,
          role: "ours",
          value: ours.mean * factor,
          low: (ours.interval?.low ?? ours.mean) * factor,
          high: (ours.interval?.high ?? ours.mean) * factor,
        },
        ...metric.printed.slice(0, 1).map((p) => ({ ...at, role: "paper", value: p.value * factor })),
        ...(constant === undefined ? [] : [{ ...at, role: "best constant", value: constant * factor }]),
      ];
    });
    const roles = ["ours", "paper", "best constant"] as const;
    const styles = ["ours", "paper", "constant"] as const;
    const y = {
      field: "row",
      type: "nominal",
      sort: order,
      title: null,
      scale: { domain: order },
      axis: i === 0 ? { grid: true, labelLimit: 340 } : { grid: true, labels: false, ticks: false },
    };
    const x = {
      field: "value",
      type: "quantitative",
      title: info.unit ? `${name}, ${info.unit}` : name,
      scale: { zero: false },
      axis: { tickCount: 4 },
    };
    const legend = { orient: "top", title: null };
    const colour = {
      field: "role",
      type: "nominal",
      scale: { domain: roles, range: styles.map((r) => roleColours[r]) },
      legend,
    };
    return {
      width: 190,
      height: { step: 24 },
      data: { values },
      layer: [
        {
          transform: [{ filter: "isValid(datum.low)" }],
          mark: { type: "rule", strokeWidth: 2 },
          encoding: { x: { ...x, field: "low" }, x2: { field: "high" }, y, color: colour },
        },
        {
          mark: { type: "point", filled: true, size: 60 },
          encoding: {
            x,
            y,
            color: colour,
            shape: {
              field: "role",
              type: "nominal",
              scale: { domain: roles, range: styles.map((r) => roleShapes[r]) },
              legend,
            },
          },
        },
      ],
    };
  });
  const words = shownPanels.map(({ name, rows }) => {
    const best = rows.toSorted((a, b) => {
      const d = b.metric.ours!.mean - a.metric.ours!.mean;
      return a.metric.info.lowerIsBetter ? -d : d;
    })[0];
    return `best ${name}: ${best.row}, ${formatValue(best.metric.ours!.mean, best.metric.info)}`;
  });
  return {
    spec: { title, hconcat: specs, spacing: 14 },
    ...(all.length > shownPanels.length && {
      caption: `The first ${shownPanels.length} of ${all.length} columns; the table has all.`,
    }),
    alt: `${title}: our mean and 95 % interval over seeds, the paper's value and the best constant for each row; ${words.join("; ")}. The table beside it holds the numbers.`,
  };
}
