/** The report as one HTML file that works from file://, printed, at 400 px, in light and dark, and with a screen reader. */
import { bestTrial, type RunRecord } from "../core/record";
import { taskName } from "../core/types";
import { glanceChart } from "./charts";
import { curvesFigure } from "./curves";
import { escapeHtml as h } from "./escape";
import { modalitiesTitle, searchedSettings, settingsOf, systemTitle } from "./matrix";
import { script, style } from "./page";
import type { Interval } from "../metrics/intervals";
import { median } from "../metrics/vectors";
import { paperTables } from "./paper";
import type { ReportModel, Section, SuitePart, Utterance } from "./report";
import { renderSvg, type Chart } from "./svg";
import { htmlTable, type Table, type TableCell } from "./tables";
import {
  formatDifference,
  formatInterval,
  samplesNote,
  formatMean,
  formatSeedInterval,
  formatSeeds,
  formatValue,
  groupBy,
  paperKey,
  tableDecimals,
  verdictKinds,
  verdictWords,
  type CellSummary,
  type Counted,
  type MetricSummary,
} from "./verdict";

export async function renderHtml(model: ReportModel): Promise<string> {
  const { input, parts } = model;
  const sections: { id: string; short: string; body: string }[] = [];
  const add = (id: string, short: string, title: string, body: string) =>
    sections.push({ id, short, body: `<section id="${h(id)}"><h2>${h(title)}</h2>\n${body}</section>` });
  const free = new Map((input.sections ?? []).map((section) => [section.id, section]));
  for (const part of parts) {
    const { name, title } = part.suite;
    const section = free.get(name);
    free.delete(name);
    // What a figure shows comes before the scores of the runs behind it.
    const body = (section ? await freeSection(section) : "") + (await suiteSection(model, part, !section?.command));
    add(name, shortTitle(title), title, body);
  }
  for (const section of free.values())
    add(section.id, shortTitle(section.title), section.title, await freeSection(section));
  add("values", "All values", "All printed values", valuesSection(model));
  add("cells", "Cells and runs", "Cells and runs", cellsSection(model));
  add("deviations", "Deviations", "Deviations from the paper", deviationsSection(model));
  add("data", "Data", "Data", dataSection(model));
  add("machines", "Machines", "Hardware, run time, parameters", machinesSection(model));
  const problems = problemsSection(model);
  if (problems) add("problems", "Failures", "Failed runs and faults in the records", problems);
  const glance = await glanceSection(model);
  const links = [{ id: "glance", short: "At a glance" }, ...sections]
    .map(({ id, short }) => `<li><a href="#${h(id)}">${h(short)}</a></li>`)
    .join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${h(input.title)}</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<a class="skip" href="#glance">Skip to the results</a>
<nav aria-label="Contents"><div><ul>${links}</ul><div class="tools">
<input id="ui-search" type="search" placeholder="Search" aria-label="Search rows and cells">
<button id="ui-theme" class="tool" type="button" data-now="system">Theme: system</button>
<button id="ui-open" class="tool" type="button">Open all</button></div></div></nav>
<header><h1>${h(input.title)}</h1>
${input.banner ? `<p class="banner" role="note">${h(input.banner)}</p>` : ""}</header>
<main>
${glance}
<p id="ui-found" role="status"></p>
${sections.map(({ body }) => body).join("\n")}
</main>
<footer><p>Generated ${h(input.generated)} from ${input.records.length} run records.</p></footer>
<script>${script}</script>
</body>
</html>
`;
}

/** "Table 1: modality combinations" -> "Table 1" */
const shortTitle = (title: string) => title.split(":")[0];

async function figure(chart: Chart, caption = chart.caption): Promise<string> {
  return `<figure><div class="scroll" tabindex="0" role="group" aria-label="Chart, scrolls sideways">${await renderSvg(chart)}</div>${
    caption ? `<figcaption>${h(caption)}</figcaption>` : ""
  }</figure>`;
}

const command = (text: string) => `<code class="command">${h(text)}</code>`;

const cellHref = ({ anchors }: ReportModel, summary: CellSummary | undefined) =>
  summary && `#${anchors.get(summary.name)}`;

async function glanceSection(model: ReportModel): Promise<string> {
  const { counted, counts, input } = model;
  const total = counted.length;
  const judged = counts.reproduced + counts.differs + counts.undecided;
  const ok = input.records.filter(({ status }) => status === "ok").length;
  const href = (c: Counted) => cellHref(model, c.summary);
  const tiles = verdictKinds
    .map((kind) => {
      const { title, sign, meaning } = verdictWords[kind];
      return (
        `<li><button type="button" class="v-${kind}" data-filter="${kind}" aria-pressed="false"><b>${counts[kind]}</b>` +
        `<span><span aria-hidden="true">${sign}</span> ${title}</span><small>${h(meaning)}</small></button></li>`
      );
    })
    .join("\n");
  const caption =
    "Each point is a value that the paper prints; a point on the dashed diagonal equals ours. Bars: 95 % interval over seeds. " +
    "Values without a run of ours stand on the floor. Points lead to the runs behind them.";
  const wide = await renderSvg(glanceChart(counted, { href }));
  const narrow = await renderSvg(glanceChart(counted, { href, narrow: true }));
  return `<section id="glance" aria-label="At a glance">
<p class="lead">The paper prints ${total} values. ${judged} could be judged by runs or data here, ${counts.impossible} are impossible as printed, ${counts.notComparable} are not comparable with what we have, ${counts.noData + counts.notRun} have no data or no run. ${ok} finished runs.</p>
<div class="first"><div><ul class="tiles" aria-label="Verdicts; press one to list its values">
${tiles}
</ul></div>
<figure><div class="wide">${wide}</div><div class="narrow">${narrow}</div><figcaption>${h(caption)}</figcaption></figure></div>
</section>`;
}

async function suiteSection(
  { input }: ReportModel,
  { suite, matrices }: SuitePart,
  withCommand: boolean,
): Promise<string> {
  const parts = withCommand ? [command(input.command(suite.name))] : [];
  for (const { title, table, chart, comparisons, findings } of matrices) {
    const tests = comparisons.length
      ? `<p>${findings.map(h).join("<br>")}</p><details><summary>The tests behind this: paired by seed, Holm over the table</summary>` +
        `<div>${comparisons.map(htmlTable).join("\n")}</div></details>`
      : "";
    parts.push(
      `<div class="part"><h3>${h(title)}</h3>${htmlTable(table)}${chart ? await figure(chart) : ""}${tests}</div>`,
    );
  }
  return parts.join("\n");
}

async function freeSection({ command: line, text = [], charts = [], tables = [] }: Section): Promise<string> {
  const figures = [];
  for (const chart of charts) figures.push(await figure(chart, chart.alt));
  return [
    ...(line ? [command(line)] : []),
    ...text.map((paragraph) => `<p>${h(paragraph)}</p>`),
    ...figures,
    ...tables.map(htmlTable),
  ].join("\n");
}

const meanText = ({ ours, info }: MetricSummary) => (ours ? formatMean(ours, info, tableDecimals(info)) : "–");

function valuesSection(model: ReportModel): string {
  return [...groupBy(model.counted, ({ paper }) => paper.table)]
    .map(([table, counted]) => {
      const { title } = paperTables[table];
      const html = htmlTable(valuesTable(model, table, counted));
      return `<div class="part"><h3>${h(`Table ${table}: ${title}`)}</h3>${html}</div>`;
    })
    .join("\n");
}

function valuesTable(model: ReportModel, table: string, counted: readonly Counted[]): Table {
  const facts = new Map((model.input.facts ?? []).map((fact) => [paperKey(fact.paper), fact]));
  return {
    id: `values-${table}`,
    caption: `Every value that Table ${table} prints, with ours where there is one`,
    columns: [
      { title: "Printed value" },
      { title: "Paper", numeric: true },
      { title: "Ours, verdict", numeric: true, help: "mean ± sd over n seeds" },
      { title: "95 % over seeds", numeric: true },
      {
        title: "95 % over the test set",
        numeric: true,
        help: "bootstrap over the videos of the test set; over its samples where nobody knows their videos",
      },
      { title: "Best seed", numeric: true },
      { title: "Rank", numeric: true, help: "of the printed value among our runs: 1 = better than all of them" },
      { title: "Why" },
    ],
    rows: counted.map((c): (TableCell | string)[] => {
      const { metric: ours, summary } = c;
      const n = ours?.ours?.n;
      const interval = (of: Interval | null | undefined) =>
        of ? formatInterval(of, ours!.info, tableDecimals(ours!.info)) : "–";
      return [
        { text: c.paper.row, notes: [c.paper.column.replaceAll("/", " ")] },
        c.paper.value,
        {
          text: ours ? meanText(ours) : (facts.get(paperKey(c.paper))?.ours ?? "–"),
          notes: ours?.ours ? [formatSeeds(ours.ours)] : [],
          verdict: c.verdict.kind,
          href: n ? cellHref(model, summary) : undefined,
        },
        (ours?.ours && formatSeedInterval(ours.ours, ours.info, tableDecimals(ours.info))) ?? "–",
        { text: interval(ours?.resampled), notes: ours?.resampled ? [`over ${ours.resampled.drawn}`] : [] },
        ours?.best === undefined ? "–" : formatValue(ours.best, ours.info, tableDecimals(ours.info)),
        c.rank === undefined || !n ? "–" : `${c.rank} of ${n + 1}`,
        { text: "", notes: [c.verdict.why] },
      ];
    }),
  };
}

function cellsSection(model: ReportModel): string {
  const parts: string[] = [];
  for (const same of groupBy(
    model.parts.flatMap(({ summaries }) => summaries),
    ({ name }) => name,
  ).values())
    parts.push(cellDetails(model, mergeSuites(same)));
  return parts.length ? parts.join("\n") : "<p>No suite is shown.</p>";
}

/** One cell that several suites hold: its metrics, each with all the printed values that it stands beside. */
function mergeSuites(same: readonly CellSummary[]): CellSummary {
  const all = same.flatMap(({ metrics }) => metrics);
  const metrics = [...groupBy(all, ({ name }) => name).values()].map((found) => ({
    ...found[0],
    printed: [...new Map(found.flatMap(({ printed }) => printed).map((p) => [paperKey(p.paper), p])).values()],
  }));
  const searched = same.find(({ trials }) => trials.length);
  return { ...same[0], metrics, trials: searched?.trials ?? [] };
}

function cellDetails(model: ReportModel, summary: CellSummary): string {
  const { input } = model;
  const { cell, name, runs, failed, others, metrics } = summary;
  const title = `${systemTitle(summary, input.titles)} ${modalitiesTitle(summary)}`;
  const settings = settingsOf(summary);
  const searched = summary.trials.length ? `, ${summary.trials.length} trials` : "";
  const state =
    runs.length || failed.length ? `${runs.length} runs${failed.length ? `, ${failed.length} failed` : ""}` : "no run";
  const curves = curvesFigure(runs.map(({ epochs }) => epochs));
  const utterances = input.utterances?.[name];
  const run = runs[0] ?? failed[0] ?? summary.trials[0];
  const body = [
    ...(cell.missing ? [`<p>Cannot be run: ${h(cell.missing)}.</p>`] : []),
    ...(cell.note ? [`<p>${h(cell.note)}</p>`] : []),
    ...(metrics.length ? [htmlTable(metricsTable(model, summary))] : []),
    ...(run ? [facts(run, others.length)] : []),
    ...(runs.length || failed.length ? [runsTable(model, summary)] : []),
    ...(summary.trials.length ? [htmlTable(trialsTable(model, summary))] : []),
    ...(curves ? [curves] : []),
    ...(utterances ? [utteranceDetails(`${model.anchors.get(name)}-units`, utterances.note, utterances.rows)] : []),
  ];
  return (
    `<details class="cell"><summary><span id="${model.anchors.get(name)}">${h(title)}</span> ` +
    `<small>${h([cell.dataset, cell.features, taskName(cell.task), cell.protocol, ...settings].join(", ") + `: ${state}${searched}`)}</small></summary><div>\n${body.join("\n")}\n</div></details>`
  );
}

function metricsTable(model: ReportModel, { name, metrics }: CellSummary): Table {
  const drawn = metrics.find(({ resampled }) => resampled)?.resampled?.drawn ?? "videos";
  const value = (metric: MetricSummary, number: number | undefined) =>
    number === undefined ? "–" : formatValue(number, metric.info, tableDecimals(metric.info));
  return {
    id: `${model.anchors.get(name)}-metrics`,
    caption: "Test scores over seeds",
    columns: [
      { title: "Metric" },
      { title: "Mean ± sd", numeric: true },
      { title: "95 % over seeds", numeric: true },
      { title: `95 % over ${drawn}`, numeric: true, ...(drawn === "samples" && { help: samplesNote }) },
      { title: "Validation", numeric: true },
      {
        title: "Picked on test",
        numeric: true,
        help: "best epoch and threshold on the test set, as in the released code: no claim",
      },
      { title: "Best seed", numeric: true },
      { title: "Paper" },
    ],
    rows: metrics.map((metric) => [
      { text: metric.name, notes: [metric.info.title + (metric.info.unit ? `, ${metric.info.unit}` : "")] },
      meanText(metric),
      (metric.ours && formatSeedInterval(metric.ours, metric.info, tableDecimals(metric.info))) ?? "–",
      metric.resampled ? formatInterval(metric.resampled, metric.info, tableDecimals(metric.info)) : "–",
      value(metric, metric.valid?.mean),
      value(metric, metric.testSelected?.mean),
      value(metric, metric.best),
      {
        text: metric.printed.map(({ paper }) => paper.value).join(", ") || "–",
        notes: metric.printed.map(
          ({ paper, verdict, rank, value: printed }) =>
            `Table ${paper.table}, ${paper.row}: ${verdictWords[verdict.kind].title}` +
            (verdict.difference === undefined ? "" : `, ours ${formatDifference(verdict.difference, metric.info)}`) +
            (rank === undefined
              ? ""
              : `, rank ${rank} of ${metric.values.length + 1} at ${formatValue(printed, metric.info, tableDecimals(metric.info))}`),
        ),
      },
    ]),
  };
}

const threads = ({ engine }: RunRecord) => `${engine.threads} thread${engine.threads === 1 ? "" : "s"}`;

/** What all runs of a cell share. */
function facts(run: RunRecord, others: number): string {
  const list = (values: Readonly<Record<string, unknown>>) =>
    Object.keys(values)
      .sort()
      .map((key) => `${key} ${String(values[key])}`)
      .join(", ");
  const mono = (text: string) => `<span class="mono">${h(text)}</span>`;
  const entries: [string, string][] = [
    ["Configuration", h(list(run.config))],
    ["Configuration hash", mono(run.configHash)],
    ["Data hash", mono(run.dataHash)],
    ["Units", h(`${run.rows.train} training, ${run.rows.valid} validation, ${run.rows.test} test`)],
    ["Parameters", run.parameters.toLocaleString("en-GB")],
    [
      "Engine",
      h(
        `${run.engine.name} on ${run.engine.device}, ${threads(run)}; ${list({ ...run.engine.versions, ...run.engine.flags })}`,
      ),
    ],
    ["Code", h(`${run.code.version}${run.code.commit ? `, commit ${run.code.commit}` : ""}`)],
    ["Machine", h(`${run.host.cpu}, ${run.host.cores} cores, Node ${run.host.node}, ${run.host.os}`)],
    ...(others
      ? [
          ["Other runs", `${others} with another configuration or other data are kept and not mixed in`] as [
            string,
            string,
          ],
        ]
      : []),
  ];
  return `<dl>${entries.map(([term, text]) => `<dt>${term}</dt><dd>${text}</dd>`).join("")}</dl>`;
}

function trialsTable(model: ReportModel, summary: CellSummary): Table {
  const best = bestTrial(summary.trials);
  return {
    id: `${model.anchors.get(summary.name)}-trials`,
    caption: "Trials of the search, all of them",
    columns: [
      { title: "Trial" },
      { title: "Seed", numeric: true },
      { title: "Settings beside the defaults" },
      { title: "Validation loss", numeric: true },
      { title: "Run" },
    ],
    rows: summary.trials.map((run) => [
      { text: String(run.trial), notes: run === best ? ["best"] : [] },
      String(run.seed),
      {
        text: run.status === "failed" ? `failed: ${run.reason}` : searchedSettings(summary, run) || "none",
        notes: run.notes,
      },
      run.selectionScore === undefined ? "–" : run.selectionScore.toFixed(4),
      run.id,
    ]),
  };
}

/** One line a run; a number carries the record's full value in its `data` element. */
function runsTable(model: ReportModel, { name, runs, failed, metrics }: CellSummary): string {
  const all = [...runs, ...failed];
  const noted = all.some(({ notes }) => notes?.length);
  const head = [
    "Seed",
    ...metrics.map(({ name, info }) => (info.unit ? `${name}, ${info.unit}` : name)),
    "Chosen epoch",
    ...(noted ? ["Notes"] : []),
    "Seconds",
    "MB",
    "Weights",
    "Run",
  ];
  const line = (run: RunRecord) => {
    const scores = metrics.map((metric) => {
      const value = run.metrics.test[metric.name];
      if (value === undefined) return `<td class="n">–</td>`;
      return `<td class="n">${value === null ? "undefined" : `<data value="${value}">${formatValue(value, metric.info, tableDecimals(metric.info))}</data>`}</td>`;
    });
    const chosen =
      run.status === "failed" ? `failed: ${run.reason}` : run.chosen ? `${run.chosen.epoch}, ${run.chosen.why}` : "–";
    const thresholds = Object.entries(run.chosen?.thresholds ?? {}).map(([metric, t]) => `${metric} above ${t}`);
    return (
      `<tr><th scope="row">${run.seed}</th>${scores.join("")}<td>${h(chosen)}${thresholds.length ? `<small>${h(thresholds.join(", "))}</small>` : ""}</td>` +
      (noted ? `<td>${h(run.notes?.join("; ") ?? "–")}</td>` : "") +
      `<td class="n">${run.seconds.toFixed(1)}</td><td class="n">${Math.round(run.peakRssMb)}</td>` +
      `<td class="mono">${h(run.weightsHash?.slice(0, 16) ?? "–")}</td><td class="mono">${h(run.id)}</td></tr>`
    );
  };
  const columns = head.map(
    (title, i) => `<th scope="col"${i > 0 && i <= metrics.length ? ' class="n"' : ""}>${h(title)}</th>`,
  );
  return (
    `<div class="scroll" tabindex="0" role="region" aria-label="Runs"><table id="${model.anchors.get(name)}-runs"><caption>Runs, by seed</caption>` +
    `<thead><tr>${columns.join("")}</tr></thead><tbody>\n${all.map(line).join("\n")}\n</tbody></table></div>`
  );
}

function utteranceDetails(id: string, note: string, rows: readonly Utterance[]): string {
  const others = rows.some(({ other }) => other !== undefined);
  const texts = rows.some(({ text }) => text !== undefined);
  const confidences = rows.some(({ confidence }) => confidence !== undefined);
  const table: Table = {
    id,
    caption: `${rows.length} test units`,
    columns: [
      { title: "Unit" },
      ...(texts ? [{ title: "Transcript" }] : []),
      { title: "True" },
      { title: "Predicted" },
      ...(confidences ? [{ title: "Confidence", numeric: true }] : []),
      ...(others ? [{ title: "Compared system, where it differs" }] : []),
    ],
    rows: rows.map(({ id, text, truth, guess, wrong, confidence, other }) => [
      id,
      ...(texts ? [text ?? ""] : []),
      truth,
      { text: guess, notes: wrong ? ["wrong"] : [] },
      ...(confidences ? [confidence?.toFixed(2) ?? "–"] : []),
      ...(others ? [other ?? ""] : []),
    ]),
    notes: [note],
  };
  return `<details><summary>Utterances</summary><div>${htmlTable(table)}</div></details>`;
}

function deviationsSection({ input }: ReportModel): string {
  const { deviations = [] } = input;
  if (!deviations.length) return "<p>None is recorded.</p>";
  return `<dl>${deviations.map(({ id, text }) => `<dt id="${h(id)}">${h(id)}</dt><dd>${inline(text)}</dd>`).join("")}</dl>`;
}

/** Code spans and links of a line of Markdown; files of the project are beside the page only on disk, so their links are words. */
const inline = (text: string): string =>
  h(text)
    .replace(/`([^`]+)`/g, "<code>$1</code>")
    .replace(/\[([^\]]+)\]\((?!#)[^)]*\)/g, "$1");

function dataSection({ input }: ReportModel): string {
  const known = input.datasets ?? [];
  // Data that runs name but the caller did not describe: sizes and hash are in the records.
  const fromRuns = [...groupBy(input.records, (r) => r.dataHash).values()].map(([r]) => r);
  const missing = fromRuns.filter((r) => !known.some(({ hash }) => hash === r.dataHash));
  const rows = [
    ...known,
    ...missing.map((r) => ({
      name: r.dataset,
      features: `${r.features}, ${r.modalities.join("+")}, ${r.protocol}, scaling ${String(r.config.scaling)}`,
      hash: r.dataHash,
      level: "",
      rows: r.rows,
      caveats: [],
      repairs: [],
    })),
  ].map(({ name, features, hash, level, rows, caveats = [], repairs = [] }): (TableCell | string)[] => [
    { text: `${name}, ${features}`, notes: level ? [`labelled by ${level}`] : [] },
    String(rows.train),
    rows.valid ? String(rows.valid) : "–",
    String(rows.test),
    { text: "", notes: [...caveats, ...repairs.map((r) => `${r.where}: ${r.what} (${r.count})`)] },
    { text: hash },
  ]);
  if (!rows.length) return "<p>No data set is recorded.</p>";
  return htmlTable({
    id: "data-sets",
    caption: "Data sets: labelled units, caveats and repairs, SHA-256 of all that a run can see",
    columns: [
      { title: "Data set" },
      { title: "Training", numeric: true },
      { title: "Validation", numeric: true },
      { title: "Test", numeric: true },
      { title: "Caveats and repairs" },
      { title: "Hash" },
    ],
    rows,
  });
}

function machinesSection({ input, parts }: ReportModel): string {
  const { records } = input;
  if (!records.length) return "<p>No run is recorded.</p>";
  const seconds = (runs: readonly RunRecord[]) => runs.reduce((total, run) => total + run.seconds, 0);
  const machine = (r: RunRecord) => `${r.host.cpu}, ${r.host.cores} cores, ${r.host.os}, Node ${r.host.node}`;
  const engine = (r: RunRecord) => `${r.engine.name}, ${r.engine.device}, ${threads(r)}`;
  const machines: Table = {
    id: "machines-table",
    caption: "Machines and engines",
    columns: [
      { title: "Machine" },
      { title: "Engine" },
      { title: "Runs", numeric: true },
      { title: "Hours", numeric: true },
      { title: "Peak memory, MB", numeric: true },
    ],
    rows: [...groupBy(records, (r) => `${machine(r)}|${engine(r)}`).values()].map((runs) => [
      machine(runs[0]),
      engine(runs[0]),
      String(runs.length),
      (seconds(runs) / 3600).toFixed(2),
      String(Math.round(Math.max(...runs.map((r) => r.peakRssMb)))),
    ]),
  };
  const times: Table = {
    id: "times-table",
    caption: "Run time by suite; a run that several suites share counts in each",
    columns: [
      { title: "Suite" },
      { title: "Runs", numeric: true },
      { title: "Hours in all", numeric: true },
      { title: "Seconds a run, median", numeric: true },
    ],
    rows: parts.map(({ suite, summaries }) => {
      const runs = summaries.flatMap((s) => [...s.runs, ...s.failed, ...(s.cell.search ? s.trials : [])]);
      return [
        suite.title,
        String(runs.length),
        (seconds(runs) / 3600).toFixed(2),
        runs.length ? median(runs.map((r) => r.seconds)).toFixed(1) : "–",
      ];
    }),
  };
  const parameters: Table = {
    id: "parameters-table",
    caption: "Trainable parameters",
    columns: [{ title: "System" }, { title: "Data" }, { title: "Task" }, { title: "Parameters", numeric: true }],
    rows: [
      ...groupBy(
        parts.flatMap(({ summaries }) => summaries).filter(({ runs }) => runs.length),
        (s) => s.name,
      ).values(),
    ].map(([s]) => [
      [`${systemTitle(s, input.titles)} ${modalitiesTitle(s)}`, ...settingsOf(s)].join(", "),
      `${s.cell.dataset}, ${s.cell.features}`,
      taskName(s.cell.task),
      s.runs[0].parameters.toLocaleString("en-GB"),
    ]),
  };
  return [machines, times, parameters]
    .filter(({ rows }) => rows.length)
    .map(htmlTable)
    .join("\n");
}

function problemsSection({ input }: ReportModel): string | undefined {
  const failed = input.records.filter(({ status }) => status === "failed");
  const problems = input.problems ?? [];
  if (!failed.length && !problems.length) return undefined;
  const table: Table = {
    id: "failed-runs",
    caption: "Failed runs: they count, and take over nobody's score",
    columns: [{ title: "Cell" }, { title: "Seed", numeric: true }, { title: "Reason" }, { title: "Run" }],
    rows: failed.map((run) => [run.cell, String(run.seed), run.reason ?? "", run.id]),
  };
  return [
    ...(failed.length ? [htmlTable(table)] : []),
    ...(problems.length ? [`<ul>${problems.map((p) => `<li>${h(p)}</li>`).join("")}</ul>`] : []),
  ].join("\n");
}
