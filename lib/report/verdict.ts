/**
 * The verdict on a printed value, from our runs: what can be said, how sure it is, and what stands in the way. Margins are
 * stated, never tuned: one percentage point or one unit of the test set (whichever is more), 0.02 for MAE and r.
 */
import {
  cellName,
  paperValues,
  trialCount,
  type Cell,
  type CellMetric,
  type PaperValue,
  type Suite,
} from "../core/suite";
import type { RunRecord, Scores } from "../core/record";
import { equivalence } from "../metrics/tests";
import { overSeeds, type Interval, type SeedSummary } from "../metrics/intervals";
import { integerCheck, parsePrinted, rankAmong, type IntegerCheck } from "../metrics/printed";
import { metricInfo, type MetricInfo } from "../metrics/scores";
import { columnParts, paperSizes } from "./paper";

/** In the order of the report. */
export const verdictKinds = [
  "reproduced",
  "differs",
  "undecided",
  "impossible",
  "notComparable",
  "noData",
  "notRun",
] as const;
export type VerdictKind = (typeof verdictKinds)[number];

/** Words and a sign for each verdict, so that colour is never the only difference. */
export const verdictWords: Readonly<Record<VerdictKind, { title: string; sign: string; meaning: string }>> = {
  reproduced: {
    title: "reproduced",
    sign: "=",
    meaning: "equivalent to the printed value within the stated margin (two one-sided t-tests, 5 %; of counts: equal)",
  },
  differs: {
    title: "differs",
    sign: "≠",
    meaning:
      "one more run of ours would give the printed value less than once in 20 times (95 % prediction interval over seeds; of counts: unequal)",
  },
  undecided: {
    title: "undecided",
    sign: "?",
    meaning: "the seeds are too few or too far apart to show equivalence or a difference",
  },
  impossible: {
    title: "impossible as printed",
    sign: "!",
    meaning: "no whole number of right answers on the stated test set gives the printed value, rounded or truncated",
  },
  notComparable: {
    title: "not comparable",
    sign: "~",
    meaning: "we have a value, but metric, features or split are not the paper's",
  },
  noData: { title: "no data", sign: "∅", meaning: "what the paper used cannot be had" },
  notRun: { title: "not run", sign: "–", meaning: "no finished run of this cell is recorded" },
};

export interface Verdict {
  readonly kind: VerdictKind;
  /** One sentence with the numbers. */
  readonly why: string;
  /** Ours minus printed, in fractions or native units. */
  readonly difference?: number;
  /** Interval of the difference over seeds. */
  readonly interval?: Interval;
  readonly margin?: number;
}

export interface PrintedSummary {
  readonly paper: PaperValue;
  /** As a fraction or in native units, the unit of our values. */
  readonly value: number;
  readonly verdict: Verdict;
  /** Rank among our n runs: 1 = better than all. */
  readonly rank?: number;
  readonly integer?: IntegerCheck;
}

export interface MetricSummary {
  readonly name: string;
  readonly info: MetricInfo;
  readonly comparable: CellMetric["comparable"];
  readonly seeds: readonly number[];
  /** Test value of each seed, in the order of `seeds`; runs in which the metric is undefined are left out. */
  readonly values: readonly number[];
  readonly undefinedRuns: number;
  readonly ours?: SeedSummary;
  readonly best?: number;
  /** The same on validation, shown beside each test score. */
  readonly valid?: SeedSummary;
  /** Epoch and threshold picked on the test set: how much of a score is selection. Never used for a verdict. */
  readonly testSelected?: SeedSummary;
  /** Of the mean over seeds, as other test units are drawn; where the caller has predictions. */
  readonly resampled?: ResampledInterval;
  readonly printed: readonly PrintedSummary[];
}

/** What a bootstrap over the test set draws: whole videos, or single samples where nobody knows which come from one video. */
export type Drawn = "videos" | "samples";

export interface ResampledInterval extends Interval {
  readonly drawn: Drawn;
}

/** Why an interval over samples is no interval over videos. */
export const samplesNote =
  "drawn over samples: which of them come from one video is not known, so it may be too narrow";

export interface CellSummary {
  readonly suite: string;
  readonly cell: Cell;
  readonly name: string;
  /** Runs that count, by seed. */
  readonly runs: readonly RunRecord[];
  readonly failed: readonly RunRecord[];
  /** Runs of the same cell with another configuration or data hash: kept, not mixed in. */
  readonly others: readonly RunRecord[];
  readonly metrics: readonly MetricSummary[];
  /** Trials of a search on this cell, by number; they count as no run. */
  readonly trials: readonly RunRecord[];
}

export interface SummaryOptions {
  /** Intervals over other test units, by cell name and metric. */
  readonly resampled?: Readonly<Record<string, Readonly<Record<string, ResampledInterval>>>>;
  readonly level?: number;
  /** Margin of equivalence, in the unit of our values. */
  readonly margin?: (metric: MetricInfo, testUnits: number) => number;
}

/** A printed string in the unit of our values: "79.88" percent is 0.7988. */
function printedValue(paper: PaperValue): number {
  const { value } = parsePrinted(paper.value);
  const { metric } = columnParts(paper.column);
  return metricInfo(metric).unit === "%" && paper.row !== "t-test p" && metric !== "count" ? value / 100 : value;
}

/** Differences below this are rounding: scores are counts divided, and sums of a few thousand numbers. */
export const sameValue = 1e-12;

function defaultMargin(metric: MetricInfo, testUnits: number): number {
  return metric.unit === "%" ? Math.max(0.01, testUnits ? 1 / testUnits : 0) : 0.02;
}

/**
 * Whether a printed accuracy can be one on the paper's test set; undefined where that is not a question. Tables 1 and 3 and CIA's
 * row are the paper's own runs; its other rows are copied from papers with test sets of their own (60 YouTube samples, not 59).
 */
export function checkPrinted(paper: PaperValue): IntegerCheck | undefined {
  const { dataset, metric } = columnParts(paper.column);
  const n = paperSizes[dataset]?.test;
  const own = ["1", "3"].includes(paper.table) || paper.row === "CIA";
  return n && own && /^A\d$/.test(metric) ? integerCheck(paper.value, n) : undefined;
}

/** A number as tables show it: percent with one decimal more than usual for differences, MAE and r with three. */
export function formatValue(
  value: number,
  metric: Pick<MetricInfo, "unit">,
  decimals = metric.unit === "%" ? 1 : 3,
): string {
  const shown = (metric.unit === "%" ? value * 100 : value).toFixed(decimals);
  return Number(shown) === 0 ? shown.replace("-", "") : shown.replace("-", "−");
}

/** Decimals in the report's tables: two of a percentage, three of MAE and r, as the paper prints them. */
export const tableDecimals = ({ unit }: Pick<MetricInfo, "unit">): number => (unit === "%" ? 2 : 3);

/** Whether all of several seeds gave one score: the system is deterministic, or fell to a constant each time; an sd of 0 would say that it was measured. */
const allEqual = ({ n, min, max }: SeedSummary): boolean => n > 1 && max - min < sameValue;

/** "79.88 ± 0.42"; without the sd where there is one seed, or all are equal. */
export function formatMean(ours: SeedSummary, metric: Pick<MetricInfo, "unit">, decimals?: number): string {
  const mean = formatValue(ours.mean, metric, decimals);
  return ours.sd === null || allEqual(ours) ? mean : `${mean} ± ${formatValue(ours.sd, metric, decimals)}`;
}

/** "n 5", or "n 5, all equal" */
export const formatSeeds = (ours: SeedSummary): string => `n ${ours.n}${allEqual(ours) ? ", all equal" : ""}`;

/** "[79.5, 80.3]" of the mean over seeds; undefined where there is one seed, or all are equal. */
export function formatSeedInterval(
  ours: SeedSummary,
  metric: Pick<MetricInfo, "unit">,
  decimals?: number,
): string | undefined {
  return ours.interval && !allEqual(ours) ? formatInterval(ours.interval, metric, decimals) : undefined;
}

/** "+1.2 points" or "−0.031". */
export function formatDifference(value: number, metric: Pick<MetricInfo, "unit">): string {
  const text = formatValue(value, metric, tableDecimals(metric));
  return `${value > 0 && !/^[0.]+$/.test(text) ? "+" : ""}${text}${metric.unit === "%" ? " points" : ""}`;
}

export function formatInterval(interval: Interval, metric: Pick<MetricInfo, "unit">, decimals?: number): string {
  return `[${formatValue(interval.low, metric, decimals)}, ${formatValue(interval.high, metric, decimals)}]`;
}

/** Values under their keys, keys in order of appearance. */
export function groupBy<T>(values: Iterable<T>, key: (value: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const group = groups.get(key(value));
    if (group) group.push(value);
    else groups.set(key(value), [value]);
  }
  return groups;
}

/** Summaries of all cells of a suite. */
export function summarise(suite: Suite, records: readonly RunRecord[], options: SummaryOptions = {}): CellSummary[] {
  const byCell = groupBy(records, (record) => record.cell);
  return suite.cells.map((cell) => summariseCell(suite.name, cell, byCell.get(cellName(cell)) ?? [], options));
}

/** @param records  of this cell, any order */
export function summariseCell(
  suite: string,
  cell: Cell,
  records: readonly RunRecord[],
  options: SummaryOptions = {},
): CellSummary {
  const name = cellName(cell);
  const { chosen, others } = chooseRuns(records);
  const runs = chosen.filter((run) => run.status === "ok");
  const failed = chosen.filter((run) => run.status === "failed");
  const testUnits = runs[0]?.rows.test ?? 0;
  const metrics = cell.metrics.map((metric): MetricSummary => {
    const info = metricInfo(metric.name);
    const { seeds, values } = column(runs, (run) => run.metrics.test, metric.name);
    const summary = (pick: (run: RunRecord) => Scores | undefined) => {
      const found = column(runs, pick, metric.name).values;
      return found.length ? overSeeds(found, options.level) : undefined;
    };
    const margin = (options.margin ?? defaultMargin)(info, testUnits);
    return {
      name: metric.name,
      info,
      comparable: metric.comparable,
      seeds,
      values,
      undefinedRuns: runs.length - values.length,
      ours: values.length ? overSeeds(values, options.level) : undefined,
      best: values.length ? (info.lowerIsBetter ? Math.min(...values) : Math.max(...values)) : undefined,
      valid: summary((run) => run.metrics.valid),
      testSelected: summary((run) => run.metrics.testSelected),
      resampled: options.resampled?.[name]?.[metric.name],
      printed: paperValues(metric).map((paper) =>
        judge(paper, { cell, metric, info, values, failed, margin, options }),
      ),
    };
  });
  // Searches of several suites may share a cell; each shows as many trials as it declares.
  const declared = cell.search ? trialCount(cell.search) : Infinity;
  const trials = records
    .filter(({ trial }) => trial !== undefined && trial < declared)
    .toSorted((a, b) => a.trial! - b.trial! || a.seed - b.seed);
  return { suite, cell, name, runs, failed, others, metrics, trials };
}

/**
 * Of a cell's records in the order of recording (`readRecords`), trials left out: the runs with the configuration and the data of the
 * last one, by seed; earlier ones with others are kept apart, never mixed in.
 */
export function chooseRuns(records: readonly RunRecord[]): { chosen: RunRecord[]; others: RunRecord[] } {
  const unique = new Map<string, RunRecord>();
  for (const record of records) {
    if (record.trial !== undefined) continue;
    const known = unique.get(record.id);
    if (!known || (known.status === "failed" && record.status === "ok")) unique.set(record.id, record);
  }
  const runs = [...unique.values()];
  const last = runs.at(-1);
  const isChosen = (r: RunRecord) => r.configHash === last?.configHash && r.dataHash === last.dataHash;
  return {
    chosen: runs.filter(isChosen).sort((a, b) => a.seed - b.seed),
    others: runs.filter((run) => !isChosen(run)),
  };
}

/** Runs of the cell of this name, by seed: of several states of its data or settings the latest. */
export const runsOfCell = (records: readonly RunRecord[], name: string): readonly RunRecord[] =>
  chooseRuns(records.filter((r) => r.cell === name)).chosen;

function column(runs: readonly RunRecord[], pick: (run: RunRecord) => Scores | undefined, name: string) {
  const found = runs.flatMap((run) => {
    const value = pick(run)?.[name];
    return value === null || value === undefined ? [] : [{ seed: run.seed, value }];
  });
  return { seeds: found.map((f) => f.seed), values: found.map((f) => f.value) };
}

function judge(
  paper: PaperValue,
  {
    cell,
    metric,
    info,
    values,
    failed,
    margin,
    options,
  }: {
    cell: Cell;
    metric: CellMetric;
    info: MetricInfo;
    values: readonly number[];
    failed: readonly RunRecord[];
    margin: number;
    options: SummaryOptions;
  },
): PrintedSummary {
  const value = printedValue(paper);
  const integer = checkPrinted(paper);
  const half = parsePrinted(paper.value).halfUnit / (info.unit === "%" ? 100 : 1);
  const rank = values.length ? rankAmong(value, values, info.lowerIsBetter, half) : undefined;
  const ours = values.length ? overSeeds(values, options.level) : undefined;
  const difference = ours && ours.mean - value;
  const interval = ours?.interval
    ? { ...ours.interval, low: ours.interval.low - value, high: ours.interval.high - value }
    : undefined;
  const found = { difference, interval, margin };
  const away = difference === undefined ? "" : `ours is ${formatDifference(difference, info)} from the printed value`;
  const within = interval ? `${away} ${formatInterval(interval, info, tableDecimals(info))}` : away;
  const verdict = ((): Verdict => {
    if (integer && !integer.possible) {
      const why = impossibleWhy(paper, integer);
      return { kind: "impossible", why: away ? `${why}; ${within}` : why, ...found };
    }
    if (!ours) {
      if (cell.missing) return { kind: "noData", why: cell.missing };
      const reason = failed.length
        ? `${failed.length} run${failed.length > 1 ? "s" : ""} failed: ${failed[0].reason}`
        : "no run is recorded";
      return { kind: "notRun", why: reason };
    }
    if (metric.comparable !== true) return { kind: "notComparable", why: `${metric.comparable}; ${within}`, ...found };
    if (!interval) return { kind: "undecided", why: `${away}; one seed has no interval`, ...found };
    if (ours && allEqual(ours))
      return {
        kind: "undecided",
        why: `${away}; all ${values.length} runs give the same value, which says nothing of their spread`,
      };
    const test = equivalence(values, value, margin);
    if (test.equivalent)
      return {
        kind: "reproduced",
        why: `within ${formatDifference(margin, info).replace("+", "±")}: ${within}`,
        ...found,
      };
    // The printed value is one run: it is asked whether one more run of ours could give it, not whether our mean could.
    const reach = ((interval.high - interval.low) / 2) * Math.sqrt(values.length + 1);
    if (Math.abs(difference!) > reach) return { kind: "differs", why: within, ...found };
    const open =
      interval.low > 0 || interval.high < 0 ? "one more run could give it" : "neither equality nor a difference";
    return { kind: "undecided", why: `${within}: ${open}, by ${values.length} seeds`, ...found };
  })();
  return { paper, value, verdict, rank, integer };
}

/** Of several of our values for one printed value the report counts the first by this order: no pick of the one that agrees. */
const precedence: readonly VerdictKind[] = [
  "impossible",
  "differs",
  "reproduced",
  "undecided",
  "notComparable",
  "notRun",
  "noData",
];

/** A printed value with the verdict that counts for it. */
export interface Counted extends PrintedSummary {
  /** The cell and metric of ours that it was judged by; absent for a value that no run answers. */
  readonly summary?: CellSummary;
  readonly metric?: MetricSummary;
}

/** A printed value that is answered without a run: the label counts of Table 2, the paper's t-test. */
export interface Fact {
  readonly paper: PaperValue;
  readonly ours?: string;
  readonly verdict: Verdict;
}

/**
 * The verdict that counts for each of the paper's printed values: the most telling of all cells and facts that stand beside
 * it. A value that nothing stands beside is "not run".
 */
export function countedVerdicts(
  all: readonly PaperValue[],
  summaries: readonly CellSummary[],
  facts: readonly Fact[] = [],
): Counted[] {
  const candidates = new Map<string, Counted[]>(all.map((paper) => [paperKey(paper), []]));
  const add = (candidate: Counted) => candidates.get(paperKey(candidate.paper))?.push(candidate);
  for (const summary of summaries)
    for (const metric of summary.metrics) for (const printed of metric.printed) add({ ...printed, summary, metric });
  for (const { paper, verdict } of facts)
    add({ paper, value: printedValue(paper), verdict, integer: checkPrinted(paper) });
  return all.map((paper) => {
    const found = candidates.get(paperKey(paper)) ?? [];
    const order = ({ verdict }: Counted) => precedence.indexOf(verdict.kind);
    return found.sort((a, b) => order(a) - order(b))[0] ?? uncovered(paper);
  });
}

function uncovered(paper: PaperValue): Counted {
  const integer = checkPrinted(paper);
  const verdict: Verdict =
    integer && !integer.possible
      ? { kind: "impossible", why: impossibleWhy(paper, integer) }
      : { kind: "notRun", why: "no cell of the suites shown stands beside it" };
  return { paper, value: printedValue(paper), verdict, integer };
}

function impossibleWhy(paper: PaperValue, { neighbours }: IntegerCheck): string {
  const n = paperSizes[columnParts(paper.column).dataset].test;
  return `on ${n} test units the values beside ${paper.value} are ${neighbours[0]} and ${neighbours[1]}`;
}

export const paperKey = ({ table, row, column }: PaperValue): string => `${table}|${row}|${column}`;
