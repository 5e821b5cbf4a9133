/** The cells of a suite as tables in the paper's form: a table a data set, a line a system or modality, a column a metric. */
import { bestTrial, type RunRecord, type Scores } from "../core/record";
import { spaceSize, trialCount } from "../core/suite";
import { modalitiesName, taskName } from "../core/types";
import type { ConstantRow } from "../metrics/constants";
import { metricInfo } from "../metrics/scores";
import type { RowValues } from "./charts";
import { paperTables } from "./paper";
import type { Table, TableCell } from "./tables";
import {
  formatMean,
  formatSeedInterval,
  formatSeeds,
  formatValue,
  groupBy,
  tableDecimals,
  type CellSummary,
  type MetricSummary,
} from "./verdict";

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
    shared.set(system, first.filter((setting) => rest.every((other) => other.includes(setting)))); // prettier-ignore
  }
  const of = (summary: CellSummary) => {
    const own = settingsOf(summary).filter((setting) => !shared.get(summary.cell.system)?.includes(setting));
    return [`${systemTitle(summary, titles)} ${modalitiesTitle(summary)}`, ...own].join(", ");
  };
  const bySettings = groupBy(shared, ([, settings]) => settings.join(", "));
  bySettings.delete("");
  const notes = [...bySettings].map(
    ([settings, systems]) => `${systems.map(([system]) => titles[system] ?? system).join(", ")}: ${settings}`,
  );
  return { of, shared: notes };
}

/** "2 classes", "emotions", "intensity" */
export const taskTitle = ({ cell: { task } }: CellSummary) =>
  task.kind === "classes" ? `${task.classes} classes` : taskName(task);

const setTitle = ({ cell }: CellSummary) => `${cell.dataset}, features ${cell.features}, protocol ${cell.protocol}`;

/** "79.9 ± 0.4" and, below, the interval with n, the printed value and the verdict. */
function valueCell(metric: MetricSummary, summary: CellSummary, href?: string): TableCell {
  const { ours, info, printed, undefinedRuns, testSelected } = metric;
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
  const interval = formatSeedInterval(ours, info);
  // Beside a printed value the drill-down has it; where nothing is printed (suite `protocol`) it is what the table is about.
  const picked =
    testSelected && !first ? [`picked on test ${formatValue(testSelected.mean, info, tableDecimals(info))}`] : [];
  return {
    text: formatMean(ours, info, tableDecimals(info)),
    notes: [
      `${interval ? `${interval}, ` : ""}${formatSeeds(ours)}`,
      ...failed,
      ...undefinedNote,
      ...(first ? [`paper ${first.paper.value}`] : picked),
    ],
    verdict: first?.verdict.kind,
    href,
  };
}

/** "F1:anger" -> "F1 anger" */
const metricTitle = (name: string) => name.replace(":", " ");

/** The tables of a suite. */
export function matrices(id: string, summaries: readonly CellSummary[], options: MatrixOptions): Matrix[] {
  const searches = summaries.filter(({ cell }) => cell.search);
  const found = [...groupBy(searches, setTitle)].map(([title, group], number): Matrix => {
    const table = searchTable(`${id}-search-${number + 1}`, title, group, options);
    return { title, table, panels: new Map(), labels: labelsOf(group, options.titles), summaries: [] };
  });
  const scored = summaries.filter(({ cell }) => !cell.search);
  const tables = [...groupBy(scored, setTitle)].map(([title, group], number): Matrix => {
    const labels = labelsOf(group, options.titles);
    const severalTasks = new Set(group.map(taskTitle)).size > 1;
    const columnTitle = (summary: CellSummary, metric: MetricSummary) =>
      severalTasks ? `${taskTitle(summary)}: ${metricTitle(metric.name)}` : metricTitle(metric.name);
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
    const few = rows.length <= 2 && columns.size > 6;
    return {
      title,
      table: few ? turned(table) : table,
      panels: few ? turnedPanels(panels) : panels,
      labels,
      summaries: group,
    };
  });
  return [...found, ...tables];
}

/** A table of few rows and many metrics reads better with a line a metric. */
function turned({ columns, rows, ...table }: Table): Table {
  const text = (cell: TableCell | string) => (typeof cell === "string" ? cell : cell.text);
  return {
    ...table,
    columns: [{ title: "Metric" }, ...rows.map(([header]) => ({ title: text(header), numeric: true }))],
    rows: columns.slice(1).map(({ title }, i) => [title, ...rows.map((row) => row[i + 1])]),
  };
}

/** A panel a row, a line a metric; of the unit that most metrics have. */
function turnedPanels(panels: ReadonlyMap<string, readonly RowValues[]>): Map<string, RowValues[]> {
  const all = [...panels].flatMap(([name, values]) => values.map((value) => ({ ...value, name })));
  const units = [...groupBy(all, ({ metric }) => metric.info.unit).values()].sort((a, b) => b.length - a.length);
  const byRow = groupBy(units[0] ?? [], ({ row }) => row);
  return new Map(
    [...byRow].map(([row, values]) => [row, values.map(({ name, ...value }) => ({ ...value, row: name }))]),
  );
}

/** Of the constants that know the test labels: what no predictor should stay below. */
export const bestConstant = (rows: readonly ConstantRow[] | undefined, metric: string) =>
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
      return { text: value === null ? "undefined" : formatValue(value, metric.info, tableDecimals(metric.info)) };
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
  const sources = groupBy(
    new Map(
      group.flatMap(({ metrics }) => metrics.flatMap(({ printed }) => printed.map(({ paper }) => [paper.row, paper]))),
    ).values(),
    ({ table, row }) => paperTables[table]?.sources?.[row] ?? "",
  );
  sources.delete("");
  const cellNotes = new Set(group.flatMap(({ cell }) => cell.note ?? []));
  return [
    ...(run ? [`Test units: ${run.rows.test}.`] : []),
    ...(shared.length ? [`Settings: ${shared.join("; ")}.`] : []),
    ...(reasons.size ? [`Not comparable where marked: ${[...reasons].join("; ")}.`] : []),
    ...[...sources].map(
      ([source, papers]) => `The paper copied its values of ${papers.map(({ row }) => row).join(", ")} from ${source}.`,
    ),
    ...cellNotes,
  ];
}

/** What a search found: a line a cell. The best trial is the one with the least validation loss. */
function searchTable(
  id: string,
  title: string,
  group: readonly CellSummary[],
  { titles = {}, href }: MatrixOptions,
): Table {
  return {
    id,
    caption: `${title}: best trial of each search by validation loss; its test score is one run and no claim`,
    columns: [
      { title: "System and modalities" },
      { title: "Task" },
      { title: "Trials", numeric: true },
      { title: "Validation loss, first to best", numeric: true },
      { title: "Best settings" },
      { title: "Validation", numeric: true },
      { title: "Test", numeric: true },
    ],
    rows: group.map((summary) => {
      const { cell, trials } = summary;
      const best = bestTrial(trials);
      const failed = trials.filter(({ status }) => status === "failed").length;
      const first = trials.find(({ trial }) => trial === 0)?.selectionScore;
      const info = cell.metrics[0] && metricInfo(cell.metrics[0].name);
      const score = (scores: Scores | undefined) => {
        const value = info && scores?.[info.name];
        return typeof value === "number" ? `${info.name} ${formatValue(value, info, tableDecimals(info))}` : "–";
      };
      return [
        {
          text: `${systemTitle(summary, titles)} ${modalitiesTitle(summary)}`,
          href: trials.length ? href(summary) : undefined,
        },
        taskTitle(summary),
        {
          text: `${trials.length} of ${cell.search ? trialCount(cell.search) : trials.length}`,
          notes: failed ? [`${failed} failed`] : [],
        },
        best ? `${first === undefined ? "–" : first.toFixed(4)} to ${best.selectionScore!.toFixed(4)}` : "–",
        best ? bestSettings(summary, best) : "–",
        score(best?.metrics.valid),
        score(best?.metrics.test),
      ];
    }),
  };
}

/** Of a grid all that it went through; of a draw what differs from trial 0, since few of its settings were tried. */
function bestSettings(summary: CellSummary, best: RunRecord): string {
  const { search } = summary.cell;
  if (!search || trialCount(search) < spaceSize(search.space)) return searchedSettings(summary, best) || "the defaults";
  return Object.keys(search.space)
    .map((key) => `${key}=${best.config[key]}`)
    .join(", ");
}

/** What a trial changed of trial 0, the defaults: "k=100, r=50". */
export function searchedSettings({ trials }: CellSummary, { config }: RunRecord): string {
  const base = trials.find(({ trial }) => trial === 0)?.config ?? {};
  return Object.keys(config)
    .filter((key) => config[key] !== base[key])
    .sort()
    .map((key) => `${key}=${config[key]}`)
    .join(", ");
}
