/** The cells of a suite as tables in the paper's form: a table a data set, a line a system or modality, a column a metric. */
import { modalitiesName, taskName } from "../core/types";
import type { ConstantRow } from "../metrics/constants";
import type { RowValues } from "./charts";
import type { Table, TableCell } from "./tables";
import { formatInterval, formatValue, groupBy, type CellSummary, type MetricSummary } from "./verdict";

/** Scores of constant predictors by cell name; equal for all cells with one data set and task. */
export type Constants = Readonly<Record<string, readonly ConstantRow[]>>;

export interface MatrixOptions {
  readonly constants?: Constants;
  /** Titles of systems as tables print them: { cia: "CIA" }. */
  readonly titles?: Readonly<Record<string, string>>;
  readonly href: (summary: CellSummary) => string;
}

export interface Matrix {
  readonly title: string;
  readonly table: Table;
  /** For a chart: values of each column. */
  readonly panels: ReadonlyMap<string, readonly RowValues[]>;
  readonly labels: Labels;
  readonly summaries: readonly CellSummary[];
}

/** Names of cells inside one table. */
export interface Labels {
  /** "CIA T+A+V, iim=false": the settings that all cells of a system share here are left out. */
  readonly of: (summary: CellSummary) => string;
  /** Those settings: "CIA: drop=0.5, k=200". */
  readonly shared: readonly string[];
}

/** "k=200", the differences from the system's defaults. */
export const settingsOf = ({ cell: { config } }: CellSummary): string[] =>
  Object.keys(config)
    .sort()
    .map((key) => `${key}=${config[key]}`);

export const systemTitle = ({ cell }: CellSummary, titles: Readonly<Record<string, string>> = {}): string =>
  titles[cell.system] ?? cell.system;

export const modalitiesTitle = ({ cell }: CellSummary): string => [...modalitiesName(cell.modalities)].join("+");

export function labelsOf(group: readonly CellSummary[], titles: Readonly<Record<string, string>> = {}): Labels {
  const shared = new Map<string, readonly string[]>();
  for (const [system, cells] of groupBy(group, ({ cell }) => cell.system)) {
    const [first, ...rest] = cells.map(settingsOf);
    shared.set(system, rest.length ? first.filter((setting) => rest.every((other) => other.includes(setting))) : []);
  }
  const of = (summary: CellSummary) => {
    const own = settingsOf(summary).filter((setting) => !shared.get(summary.cell.system)?.includes(setting));
    return [`${systemTitle(summary, titles)} ${modalitiesTitle(summary)}`, ...own].join(", ");
  };
  const notes = [...shared].flatMap(([system, settings]) =>
    settings.length ? [`${titles[system] ?? system}: ${settings.join(", ")}`] : [],
  );
  return { of, shared: notes };
}

/** "2 classes", "emotions", "intensity" */
const taskTitle = ({ cell: { task } }: CellSummary) =>
  task.kind === "classes" ? `${task.classes} classes` : taskName(task);

const setTitle = ({ cell }: CellSummary) => `${cell.dataset}, features ${cell.features}, protocol ${cell.protocol}`;

/** "79.9 ± 0.4" and, below, the interval with n, the printed value and the verdict. */
export function valueCell(metric: MetricSummary, summary: CellSummary, href?: string): TableCell {
  const { ours, info, printed, undefinedRuns } = metric;
  const first = printed[0];
  const failed = summary.failed.length ? [`${summary.failed.length} failed`] : [];
  const undefinedNote = undefinedRuns ? [`undefined in ${undefinedRuns}`] : [];
  if (!ours)
    return {
      text: "–",
      notes: [
        ...failed,
        ...undefinedNote,
        ...(first ? [`paper ${first.paper.value}`] : summary.cell.missing ? [summary.cell.missing] : []),
      ],
      verdict: first?.verdict.kind,
      href,
    };
  const sd = ours.sd === null ? "" : ` ± ${formatValue(ours.sd, info, info.unit === "%" ? 2 : 3)}`;
  const interval = ours.interval ? `${formatInterval(ours.interval, info)}, n ${ours.n}` : `n ${ours.n}`;
  return {
    text: formatValue(ours.mean, info, info.unit === "%" ? 2 : 3) + sd,
    notes: [interval, ...failed, ...undefinedNote, ...(first ? [`paper ${first.paper.value}`] : [])],
    verdict: first?.verdict.kind,
    href,
  };
}

/** The tables of a suite. */
export function matrices(id: string, summaries: readonly CellSummary[], options: MatrixOptions): Matrix[] {
  return [...groupBy(summaries, setTitle)].map(([title, group], number) => {
    const labels = labelsOf(group, options.titles);
    const severalTasks = new Set(group.map(taskTitle)).size > 1;
    const columnTitle = (summary: CellSummary, metric: MetricSummary) =>
      severalTasks ? `${taskTitle(summary)}: ${metric.name}` : metric.name;
    const columns = new Map<string, { metric: MetricSummary; summary: CellSummary }>();
    for (const summary of group)
      for (const metric of summary.metrics)
        if (!columns.has(columnTitle(summary, metric))) columns.set(columnTitle(summary, metric), { metric, summary });
    const panels = new Map<string, RowValues[]>([...columns.keys()].map((name) => [name, []]));
    const rows = [...groupBy(group, labels.of)].map(([row, cells]) => [
      row,
      ...[...columns.keys()].map((column): TableCell => {
        for (const summary of cells)
          for (const metric of summary.metrics)
            if (columnTitle(summary, metric) === column) {
              const constant = bestConstant(options.constants?.[summary.name], metric.name);
              panels.get(column)!.push({ row, metric, constant });
              return valueCell(metric, summary, options.href(summary));
            }
        return { text: "" };
      }),
    ]);
    const table: Table = {
      id: `${id}-${number + 1}`,
      caption: `${title}: mean ± sd over seeds, 95 % interval, printed value, verdict`,
      columns: [
        { title: "System and modalities" },
        ...[...columns].map(([title, { metric }]) => ({
          title: metric.info.unit ? `${title}, ${metric.info.unit}` : title,
          numeric: true,
          help: metric.info.title,
        })),
      ],
      rows: [...rows, ...constantLines([...columns.values()], options.constants)],
      notes: tableNotes(group, labels),
    };
    return { title, table, panels, labels, summaries: group };
  });
}

const bestConstant = (rows: readonly ConstantRow[] | undefined, metric: string) =>
  rows?.find(({ name }) => name.startsWith("best constant"))?.scores[metric] ?? undefined;

function constantLines(
  columns: readonly { metric: MetricSummary; summary: CellSummary }[],
  constants: Constants | undefined,
): TableCell[][] {
  const of = (summary: CellSummary) => constants?.[summary.name] ?? [];
  const names = [...new Set(columns.flatMap(({ summary }) => of(summary).map(({ name }) => name)))];
  return names.map((name) => [
    { text: `constant: ${name}` },
    ...columns.map(({ metric, summary }): TableCell => {
      const row = of(summary).find((constant) => constant.name === name);
      if (!row || !(metric.name in row.scores)) return { text: "" };
      const value = row.scores[metric.name];
      return { text: value === null ? "undefined" : formatValue(value, metric.info, metric.info.unit === "%" ? 2 : 3) };
    }),
  ]);
}

function tableNotes(group: readonly CellSummary[], { shared }: Labels): string[] {
  const run = group.find(({ runs }) => runs.length)?.runs[0];
  const reasons = new Set(
    group.flatMap(({ metrics }) =>
      metrics.flatMap((m) => (m.printed.length && m.comparable !== true ? [m.comparable] : [])),
    ),
  );
  const cellNotes = new Set(group.flatMap(({ cell }) => cell.note ?? []));
  return [
    ...(run ? [`Test units: ${run.rows.test}.`] : []),
    ...(shared.length ? [`Settings: ${shared.join("; ")}.`] : []),
    ...(reasons.size ? [`Not comparable where marked: ${[...reasons].join("; ")}.`] : []),
    ...cellNotes,
  ];
}
