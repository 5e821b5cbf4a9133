/** What a CI server reads: JUnit XML, the JSON of github-action-benchmark, and a Markdown summary for a pull request. */
import { metricInfo } from "../metrics/scores";
import { formatP } from "./compare";
import { escapeHtml, escapeMarkdown } from "./escape";
import { markdownTable } from "./tables";
import { formatDifference, formatInterval, formatValue, tableDecimals, type CellSummary } from "./verdict";

export const checkResults = ["identical", "no difference", "better", "worse", "refused"] as const;
export type CheckResult = (typeof checkResults)[number];

/** One metric of one cell, now against its recorded baseline, paired by seed. */
export interface CheckLine {
  readonly cell: string;
  readonly metric: string;
  readonly result: CheckResult;
  /** Pairs. */
  readonly n: number;
  readonly baseline?: number;
  readonly now?: number;
  /** Now minus baseline with its interval. */
  readonly difference?: number;
  readonly interval?: { readonly low: number; readonly high: number; readonly level: number };
  readonly holmP?: number;
  /** The smallest difference that this n could find. */
  readonly detectable?: number;
  /** Why it was refused, or what was found. */
  readonly why?: string;
  readonly seconds?: number;
}

/** A check passes when nothing is worse and nothing was refused. */
export const checkPasses = (lines: readonly CheckLine[]): boolean =>
  lines.every(({ result }) => result !== "worse" && result !== "refused");

function checkSentence({
  metric,
  result,
  n,
  baseline,
  now,
  difference,
  interval,
  holmP,
  detectable,
  why,
}: CheckLine): string {
  const info = metricInfo(metric);
  const decimals = tableDecimals(info);
  return [
    `${result}, n ${n}`,
    ...(baseline === undefined ? [] : [`baseline ${formatValue(baseline, info, decimals)}`]),
    ...(now === undefined ? [] : [`now ${formatValue(now, info, decimals)}`]),
    ...(difference === undefined
      ? []
      : [
          `difference ${formatDifference(difference, info)}${interval ? ` ${formatInterval(interval, info, decimals)}` : ""}`,
        ]),
    ...(holmP === undefined ? [] : [`Holm p ${formatP(holmP)}`]),
    ...(detectable === undefined ? [] : [`smallest detectable ${formatDifference(detectable, info).replace("+", "")}`]),
    ...(why ? [why] : []),
  ].join("; ");
}

export interface JunitCase {
  readonly suite: string;
  readonly name: string;
  readonly seconds?: number;
  /** Present: the case failed, and why. */
  readonly failure?: string;
  /** Present: the case was not run, and why. */
  readonly skipped?: string;
  readonly output?: string;
}

/** JUnit XML, as Jenkins, GitLab and GitHub's test reporters read it. */
export function junitXml(name: string, cases: readonly JunitCase[]): string {
  const seconds = (list: readonly JunitCase[]) => list.reduce((total, c) => total + (c.seconds ?? 0), 0).toFixed(3);
  const counts = (list: readonly JunitCase[]) =>
    `tests="${list.length}" failures="${list.filter((c) => c.failure !== undefined).length}" errors="0" ` +
    `skipped="${list.filter((c) => c.skipped !== undefined).length}" time="${seconds(list)}"`;
  const oneLine = (text: string) => escapeHtml(text).replace(/\s*\n\s*/g, " ");
  const caseXml = ({ suite, name, seconds = 0, failure, skipped, output }: JunitCase) => {
    const inside = [
      ...(failure === undefined ? [] : [`<failure message="${oneLine(failure)}">${escapeHtml(failure)}</failure>`]),
      ...(skipped === undefined ? [] : [`<skipped message="${oneLine(skipped)}"/>`]),
      ...(output === undefined ? [] : [`<system-out>${escapeHtml(output)}</system-out>`]),
    ].join("");
    const head = `<testcase classname="${oneLine(suite)}" name="${oneLine(name)}" time="${seconds.toFixed(3)}"`;
    return inside ? `    ${head}>${inside}</testcase>` : `    ${head}/>`;
  };
  const suites = [...new Set(cases.map(({ suite }) => suite))].map((suite) => {
    const own = cases.filter((c) => c.suite === suite);
    return `  <testsuite name="${oneLine(suite)}" ${counts(own)}>\n${own.map(caseXml).join("\n")}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="${oneLine(name)}" ${counts(cases)}>\n${suites.join("\n")}\n</testsuites>\n`;
}

/** A check as JUnit XML: a case a cell and metric. */
export function checkJunit(name: string, lines: readonly CheckLine[]): string {
  return junitXml(
    name,
    lines.map((line) => {
      const sentence = checkSentence(line);
      const failed = line.result === "worse" || line.result === "refused";
      return {
        suite: line.cell,
        name: line.metric,
        seconds: line.seconds,
        ...(failed ? { failure: sentence } : { output: sentence }),
      };
    }),
  );
}

/** An entry of github-action-benchmark. */
export interface BenchmarkEntry {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** "± 0.40" */
  readonly range?: string;
  readonly extra?: string;
}

/**
 * Entries for github-action-benchmark. It takes one direction a file: `bigger` for its tool customBiggerIsBetter (accuracy,
 * F1, r), `smaller` for customSmallerIsBetter (MAE).
 */
export function benchmarkEntries(summaries: readonly CellSummary[]): {
  readonly bigger: readonly BenchmarkEntry[];
  readonly smaller: readonly BenchmarkEntry[];
} {
  const entries = summaries.flatMap(({ name, metrics }) =>
    metrics.flatMap(({ info, ours }) => {
      if (!ours) return [];
      const factor = info.unit === "%" ? 100 : 1;
      const entry: BenchmarkEntry = {
        name: `${name}: ${info.name}`,
        unit: info.unit || info.name,
        value: ours.mean * factor,
        ...(ours.sd !== null && { range: `± ${(ours.sd * factor).toPrecision(3)}` }),
        extra: `n ${ours.n}`,
      };
      return [{ entry, lower: info.lowerIsBetter }];
    }),
  );
  const of = (lower: boolean) => entries.filter((e) => e.lower === lower).map(({ entry }) => entry);
  return { bigger: of(false), smaller: of(true) };
}

const signs: Readonly<Record<CheckResult, string>> = {
  identical: "✅ identical bits",
  "no difference": "✅ no difference found",
  better: "🔼 better",
  worse: "❌ worse",
  refused: "⛔ not comparable",
};

/** A Markdown summary of a check for a pull request. */
export function pullRequestSummary(title: string, lines: readonly CheckLine[]): string {
  const counts = checkResults
    .map((result) => ({ result, count: lines.filter((line) => line.result === result).length }))
    .filter(({ count }) => count)
    .map(({ result, count }) => `${count} ${result}`);
  const head = checkPasses(lines) ? "passes" : "**fails**";
  const number = (value: number | undefined, metric: string) => {
    const info = metricInfo(metric);
    return value === undefined ? "–" : formatValue(value, info, tableDecimals(info));
  };
  const table = markdownTable({
    id: "check",
    caption: "Paired by seed, Holm over all lines",
    columns: [
      { title: "Cell" },
      { title: "Metric" },
      { title: "Baseline", numeric: true },
      { title: "Now", numeric: true },
      { title: "Difference", numeric: true },
      { title: "Holm p", numeric: true },
      { title: "Detectable", numeric: true },
      { title: "n", numeric: true },
      { title: "Result" },
    ],
    rows: lines.map((line) => {
      const info = metricInfo(line.metric);
      return [
        line.cell,
        line.metric,
        number(line.baseline, line.metric),
        number(line.now, line.metric),
        line.difference === undefined ? "–" : formatDifference(line.difference, info),
        line.holmP === undefined ? "–" : formatP(line.holmP),
        line.detectable === undefined ? "–" : formatDifference(line.detectable, info).replace("+", ""),
        String(line.n),
        { text: signs[line.result], notes: line.why ? [line.why] : [] },
      ];
    }),
  });
  return `### ${escapeMarkdown(title)} ${head}: ${counts.join(", ") || "nothing was compared"}\n\n${table}`;
}
