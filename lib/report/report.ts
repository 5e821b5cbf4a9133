/**
 * The report: suites and run records in; one self-contained HTML page and Markdown, LaTeX and CSV of each table out. It
 * computes nothing that is not in its input but statistics, asks no clock and reads no file.
 */
import type { RunRecord } from "../core/record";
import type { Suite } from "../core/suite";
import { taskName } from "../core/types";
import { compareCells, comparisonFindings, comparisonMatrix, comparisonTable, type PairEvidence } from "./compare";
import { glanceChart, rowsChart } from "./charts";
import { escapeMarkdown } from "./escape";
import { headlineMarkdown, systemsMarkdown } from "./headline";
import { renderHtml } from "./html";
import { labelsOf, matrices, searchedSettings, type Constants, type Matrix } from "./matrix";
import { allPaperValues } from "./paper";
import { renderSvg, type Chart } from "./svg";
import { csv, latexTable, markdownRows, markdownTable, verdictText, type Table } from "./tables";
import {
  countedVerdicts,
  groupBy,
  summarise,
  verdictKinds,
  verdictWords,
  type CellSummary,
  type Counted,
  type Fact,
  type SummaryOptions,
  type VerdictKind,
} from "./verdict";

/** A part of the report that is not a suite of runs: Table 2, a figure, a control. */
export interface Section {
  /** "table2", "figure3": the name of its suite. */
  readonly id: string;
  readonly title: string;
  readonly command?: string;
  /** Paragraphs. */
  readonly text?: readonly string[];
  readonly charts?: readonly Chart[];
  readonly tables?: readonly Table[];
}

export interface DatasetInfo {
  readonly name: string;
  readonly features: string;
  readonly hash: string;
  readonly level: string;
  readonly rows: { readonly train: number; readonly valid: number; readonly test: number };
  readonly caveats?: readonly string[];
  readonly repairs?: readonly { readonly where: string; readonly what: string; readonly count: number }[];
}

export interface Deviation {
  /** "D1". */
  readonly id: string;
  readonly text: string;
}

/** One test unit of a cell, for its drill-down. `text` comes from local data and belongs in no committed report. */
export interface Utterance {
  readonly id: string;
  readonly text?: string;
  readonly truth: string;
  readonly guess: string;
  /** Whether the guess is; undefined where it is a number, which is never quite the truth. */
  readonly wrong?: boolean;
  /** 0..1. */
  readonly confidence?: number;
  /** What the system compared with says, where it differs. */
  readonly other?: string;
}

export interface ReportInput {
  readonly title: string;
  readonly suites: readonly Suite[];
  readonly records: readonly RunRecord[];
  /** ISO 8601. */
  readonly generated: string;
  /** The command that makes a suite. */
  readonly command: (suite: string) => string;
  /** Shown at the top of every page: the built-in synthetic set stands in for real data. */
  readonly banner?: string;
  readonly titles?: Readonly<Record<string, string>>;
  readonly constants?: Constants;
  readonly resampled?: SummaryOptions["resampled"];
  readonly margin?: SummaryOptions["margin"];
  readonly evidence?: readonly PairEvidence[];
  readonly facts?: readonly Fact[];
  readonly sections?: readonly Section[];
  readonly datasets?: readonly DatasetInfo[];
  readonly deviations?: readonly Deviation[];
  /** By cell name. */
  readonly utterances?: Readonly<Record<string, { readonly note: string; readonly rows: readonly Utterance[] }>>;
  /** Lines set aside and other faults found while reading records. */
  readonly problems?: readonly string[];
}

export interface SuitePart {
  readonly suite: Suite;
  readonly summaries: readonly CellSummary[];
  readonly matrices: readonly (Matrix & {
    readonly chart?: Chart;
    readonly comparisons: readonly Table[];
    readonly findings: readonly string[];
  })[];
}

export interface ReportModel {
  readonly input: ReportInput;
  readonly parts: readonly SuitePart[];
  readonly counted: readonly Counted[];
  readonly counts: Readonly<Record<VerdictKind, number>>;
  /** Anchor of each cell's drill-down, by cell name. */
  readonly anchors: ReadonlyMap<string, string>;
}

/** The report as text. */
export interface ReportTables {
  /** By suite or section: Markdown and LaTeX of its tables; CSV with full precision, a file for each table of a section. */
  readonly markdown: Readonly<Record<string, string>>;
  readonly latex: Readonly<Record<string, string>>;
  readonly csv: Readonly<Record<string, string>>;
  /** All suites below one heading. */
  readonly summary: string;
  /** The result in one screen of Markdown, for a README. */
  readonly headline: string;
  /** A line a system, for a README. */
  readonly systems: string;
  readonly counts: Readonly<Record<VerdictKind, number>>;
}

export interface Report extends ReportTables {
  readonly html: string;
  /** Paper against ours in one chart, an SVG of its own. */
  readonly overview: string;
}

/** Everything that the page and the tables show. */
function buildModel(input: ReportInput): ReportModel {
  const anchors = new Map<string, string>();
  const parts = input.suites.map((suite): SuitePart => {
    const summaries = summarise(suite, input.records, input);
    for (const { name } of summaries) if (!anchors.has(name)) anchors.set(name, `cell-${anchors.size + 1}`);
    const href = ({ name }: CellSummary) => `#${anchors.get(name)}`;
    const options = { constants: input.constants, titles: input.titles, href };
    const tables = matrices(suite.name, summaries, options).map((matrix) => {
      const label = `${suite.title}: ${matrix.title}`;
      return {
        ...matrix,
        chart: rowsChart(matrix.title, matrix.panels),
        ...comparisonsOf(matrix, label, input),
      };
    });
    return { suite, summaries, matrices: tables };
  });
  const counted = countedVerdicts(
    allPaperValues(),
    parts.flatMap(({ summaries }) => summaries),
    input.facts,
  );
  const counts = Object.fromEntries(
    verdictKinds.map((kind) => [kind, counted.filter(({ verdict }) => verdict.kind === kind).length]),
  ) as Record<VerdictKind, number>;
  return { input, parts, counted, counts, anchors };
}

function comparisonsOf(
  { summaries, labels, table }: Matrix,
  label: string,
  { evidence }: ReportInput,
): { comparisons: Table[]; findings: string[] } {
  const finished = summaries.filter(({ runs }) => runs.length);
  const first = compareCells(finished, "first", evidence);
  const comparisons = first.length
    ? [comparisonTable(`${table.id}-tests`, `${label}: paired by seed`, first, labels)]
    : [];
  const pairs = groupBy(
    compareCells(finished, "all", evidence),
    (c) => `${taskName(c.first.cell.task)} ${c.metric.name}`,
  );
  const [one] = pairs.values();
  if (one && finished.length > 2)
    comparisons.push(comparisonMatrix(`${table.id}-pairs`, `${label}: every pair, ${one[0].metric.name}`, one, labels));
  return { comparisons, findings: comparisonFindings(first, labels) };
}

/**
 * Renders the report.
 * @throws UserError if a chart's specification is wrong
 */
export async function renderReport(input: ReportInput): Promise<Report> {
  const model = buildModel(input);
  return {
    ...tablesOfModel(model),
    html: await renderHtml(model),
    overview: await renderSvg(glanceChart(model.counted, { href: () => undefined }), { page: false }),
  };
}

function tablesOfModel(model: ReportModel): ReportTables {
  const { input } = model;
  const sections = new Map((input.sections ?? []).map((s) => [s.id, s]));
  /** A figure that is also a suite is one text: what it shows, then the scores of its runs. */
  const each = (suite: (part: SuitePart) => string, section: (section: Section) => string) =>
    Object.fromEntries([
      ...model.parts.map((part) => {
        const own = sections.get(part.suite.name);
        return [part.suite.name, [...(own ? [section(own)] : []), suite(part)].filter(Boolean).join("\n")] as const;
      }),
      ...[...sections]
        .filter(([id]) => !model.parts.some((part) => part.suite.name === id))
        .map(([id, s]) => [id, section(s)] as const),
    ]);
  const tablesOf = (part: SuitePart) =>
    part.matrices.flatMap(({ table, comparisons: [first, ...more], findings }) => [
      table,
      ...(first ? [{ ...first, notes: [...findings, ...(first.notes ?? [])] }, ...more] : []),
    ]);
  const banner = input.banner ? `> ${input.banner}\n\n` : "";
  const page = (title: string, command: string | undefined, body: string) =>
    `# ${title}\n\n${banner}${command ? `\`${command}\`\n\n` : ""}${body}`;
  const markdown = each(
    (part) => {
      const body = tablesOf(part).map(markdownTable).join("\n");
      const { name, title } = part.suite;
      return sections.has(name) ? `## The runs behind it\n\n${body}` : page(title, input.command(name), body);
    },
    (s) =>
      page(
        s.title,
        s.command,
        [...(s.text ?? []).map((p) => `${p}\n`), ...(s.tables ?? []).map(markdownTable)].join("\n"),
      ),
  );
  return {
    markdown,
    latex: each(
      (part) => tablesOf(part).map(latexTable).join("\n"),
      (s) => (s.tables ?? []).map(latexTable).join("\n"),
    ),
    csv: Object.fromEntries([
      ...model.parts.map((part) => [part.suite.name, suiteCsv(part, input)] as const),
      ...[...sections.values()].flatMap(({ id, tables = [] }) =>
        tables.map((table, i) => [`${id}-${i + 1}`, tableCsv(table)] as const),
      ),
    ]),
    summary: summaryMarkdown(model),
    headline: headlineMarkdown(model),
    systems: systemsMarkdown(model),
    counts: model.counts,
  };
}

const whoseHeader = ["suite", "cell", "system", "dataset", "features", "modalities", "task", "protocol"];

/** What a line of a suite's CSV is of, under `whoseHeader`. */
const whose = ({ name }: Suite, { cell, name: cellName }: CellSummary): string[] => [
  ...[name, cellName, cell.system, cell.dataset, cell.features],
  ...[cell.modalities.join("+"), taskName(cell.task), cell.protocol],
];

/** One line a cell, metric and printed value, numbers in full precision (fractions and native units). */
function suiteCsv(part: SuitePart, { titles }: ReportInput): string {
  const { suite, summaries } = part;
  if (summaries.length && summaries.every(({ cell }) => cell.search)) return searchCsv(part);
  const header =
    "metric,unit,paper,table,row,column,mean,sd,n,failed,low,high,resampled,resampled_low,resampled_high,valid_mean,best,rank,test_selected_mean,verdict,why,label";
  const labels = labelsOf(summaries, titles);
  const rows = summaries.flatMap((summary) =>
    summary.metrics.flatMap((metric) => {
      const { ours, resampled, valid, testSelected } = metric;
      return (metric.printed.length ? metric.printed : [undefined]).map((printed) => [
        ...whose(suite, summary),
        metric.name,
        metric.info.unit === "%" ? "fraction" : "",
        printed?.paper.value,
        printed?.paper.table,
        printed?.paper.row,
        printed?.paper.column,
        ours?.mean,
        ours?.sd,
        ours?.n ?? 0,
        summary.failed.length,
        ours?.interval?.low,
        ours?.interval?.high,
        resampled?.drawn,
        resampled?.low,
        resampled?.high,
        valid?.mean,
        metric.best,
        printed?.rank,
        testSelected?.mean,
        printed ? verdictWords[printed.verdict.kind].title : "",
        printed?.verdict.why,
        labels.of(summary),
      ]);
    }),
  );
  return csv([...whoseHeader, ...header.split(",")], rows);
}

/** One line a trial. */
function searchCsv({ suite, summaries }: SuitePart): string {
  const header = "trial,seed,status,settings,selection_score,metric,valid,test,run";
  const rows = summaries.flatMap((summary) =>
    summary.trials.flatMap((run) =>
      summary.metrics.map(({ name }) => [
        ...whose(suite, summary),
        run.trial,
        run.seed,
        run.status,
        searchedSettings(summary, run),
        run.selectionScore,
        name,
        run.metrics.valid?.[name],
        run.metrics.test[name],
        run.id,
      ]),
    ),
  );
  return csv([...whoseHeader, ...header.split(",")], rows);
}

function tableCsv({ columns, rows }: Table): string {
  const text = (cell: Table["rows"][number][number]) =>
    typeof cell === "string" ? cell : [cell.text, ...(cell.notes ?? [])].join("; ");
  return csv(
    columns.map(({ title }) => title),
    rows.map((row) => row.map(text)),
  );
}

function summaryMarkdown({ input, counts, parts }: ReportModel): string {
  const total = Object.values(counts).reduce((a, b) => a + b, 0);
  const lines = markdownRows(
    [{ title: "Verdict" }, { title: "Values", numeric: true }, { title: "Meaning" }],
    verdictKinds.map((kind) => [verdictText(kind), counts[kind], verdictWords[kind].meaning]),
  );
  const runs = input.records.filter(({ status }) => status === "ok").length;
  const failed = input.records.length - runs;
  return [
    `# ${input.title}`,
    "",
    ...(input.banner ? [`> ${input.banner}`, ""] : []),
    `${runs} finished runs, ${failed} failed; ${total} printed values of the paper:`,
    "",
    ...lines,
    "",
    ...parts.map(
      ({ suite: { name, title } }) => `- [${escapeMarkdown(title)}](${name}.md): \`${input.command(name)}\``,
    ),
    ...(input.sections ?? [])
      .filter(({ id }) => !parts.some(({ suite }) => suite.name === id))
      .map(({ id, title, command }) => `- [${escapeMarkdown(title)}](${id}.md)${command ? `: \`${command}\`` : ""}`),
    "- [CIA beside the best compared system](headline.md)",
    "- [Every system's state](systems.md)",
    "",
  ].join("\n");
}
