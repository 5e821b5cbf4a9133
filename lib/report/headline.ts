/** The result in one screen, for a README: CIA beside the best other system and a constant guess, the verdicts, and every system's state. */
import { trialCount, type Cell } from "../core/suite";
import { taskName } from "../core/types";
import { escapeMarkdown } from "./escape";
import { yardsticks } from "./compare";
import { bestConstant, modalitiesTitle, systemTitle } from "./matrix";
import type { ReportModel } from "./report";
import { markdownRows } from "./tables";
import {
  formatMean,
  formatSeeds,
  formatValue,
  groupBy,
  verdictKinds,
  verdictWords,
  type CellSummary,
  type MetricSummary,
} from "./verdict";

const toTheRight = (title: string) => ({ title, numeric: true });

const meanOf = ({ info, ours }: MetricSummary): string =>
  ours ? `${formatMean(ours, info)} (${formatSeeds(ours)})` : "–";

/** Of six emotions the average that counts both classes alike. */
const firstMetric = ({ cell }: CellSummary): string => (cell.task.kind === "emotions" ? "W-Acc" : cell.metrics[0].name);

/** Rows of systems on the same data, task and protocol, CIA's first metric each; nothing where CIA has no finished run. */
export function headlineMarkdown({ parts, counts, input }: ReportModel): string {
  const tables = parts.filter(({ suite }) => suite.name === "table5a" || suite.name === "table5b");
  const finished = tables.flatMap(({ summaries }) => summaries).filter(({ runs }) => runs.length);
  const key = ({ cell }: CellSummary) => `${cell.dataset}/${cell.features}/${taskName(cell.task)}/${cell.protocol}`;
  const rows = [...groupBy(finished, key).values()].flatMap((group) => {
    const cia = group.find(({ cell }) => cell.system === "cia");
    const metric = cia?.metrics.find(({ name }) => name === firstMetric(cia));
    if (!cia || !metric?.ours) return [];
    const scored = group
      .filter(({ cell }) => cell.system !== "cia" && !yardsticks.includes(cell.system))
      .map((summary) => ({ summary, metric: summary.metrics.find(({ name }) => name === metric.name) }))
      .flatMap(({ summary, metric: m }) => (m?.ours ? [{ summary, metric: m, mean: m.ours.mean }] : []));
    const sign = metric.info.lowerIsBetter ? -1 : 1;
    const [best] = scored.sort((a, b) => sign * (b.mean - a.mean));
    const ahead = scored.filter(({ mean }) => sign * (metric.ours!.mean - mean) > 0).length;
    const guess = bestConstant(input.constants?.[cia.name], metric.name);
    const paper = metric.printed[0]?.paper.value ?? "–";
    return [
      [
        `${cia.cell.dataset} ${cia.cell.features} ${modalitiesTitle(cia)}, ${cia.cell.protocol}`,
        `${taskName(cia.cell.task)} ${metric.name}`,
        meanOf(metric),
        best ? `${systemTitle(best.summary, input.titles)} ${meanOf(best.metric)}` : "–",
        scored.length ? `${ahead} of ${scored.length}` : "–",
        guess === undefined ? "–" : formatValue(guess, metric.info),
        paper,
      ],
    ];
  });
  const columns = ["CIA", "best compared system", "CIA's mean is ahead of", "best constant", "paper prints"];
  const table = rows.length
    ? [
        ...markdownRows(
          [{ title: "data, features, protocol" }, { title: "metric" }, ...columns.map(toTheRight)],
          rows.map((cells) => cells.map(escapeMarkdown)),
        ),
        "",
      ]
    : [];
  const total = verdictKinds.reduce((sum, kind) => sum + counts[kind], 0);
  const verdicts = verdictKinds.map((kind) => `${counts[kind]} ${verdictWords[kind].title}`).join(", ");
  return [...table, `Of the ${total} values that the paper prints: ${verdicts}.`].join("\n");
}

/** One line a system: on which data sets its search is complete, and its mean on each data set of Tables 5a and 5b; "–" where nothing is recorded. */
export function systemsMarkdown({ parts, input }: ReportModel): string {
  const tables = parts.filter(({ suite }) => suite.name === "table5a" || suite.name === "table5b");
  const cellsOf = (parts: typeof tables) =>
    parts.flatMap(({ summaries }) => summaries).filter(({ cell }) => !cell.missing);
  const cells = cellsOf(tables);
  const column = (cell: Cell) => `${cell.dataset} ${cell.features}${cell.task.kind === "emotions" ? " emotions" : ""}`;
  const columns = [...groupBy(cells, ({ cell }) => column(cell))].map(([title, group]) => {
    const [first] = group;
    const most = Math.max(...group.map(({ cell }) => cell.modalities.length));
    return { title, task: taskName(first.cell.task), metric: firstMetric(first), most };
  });
  const searches = parts
    .filter(({ suite }) => suite.name === "table5-search")
    .flatMap(({ summaries }) => summaries)
    .filter(({ cell: { search }, trials }) => search && trials.length >= trialCount(search))
    .map(({ cell }) => cell);
  const inOrder = cellsOf(tables.toReversed()); // Table 5b has all systems, in the paper's order
  const rows = [...groupBy(inOrder, ({ cell }) => cell.system)].map(([system, own]) => {
    const searched = new Set(searches.filter((cell) => cell.system === system).map(column));
    const scores = columns.map(({ title, task, metric, most }) => {
      const summary = own.find((s) => column(s.cell) === title && taskName(s.cell.task) === task);
      const found = summary?.metrics.find(({ name }) => name === metric);
      if (!found?.ours) return "–";
      return summary!.cell.modalities.length < most
        ? `${meanOf(found)} on ${modalitiesTitle(summary!)}`
        : meanOf(found);
    });
    return [
      `[${escapeMarkdown(systemTitle(own[0], input.titles))}](../../lib/models/${system}.ts)`,
      escapeMarkdown([...searched].join(", ") || "–"),
      ...scores.map(escapeMarkdown),
    ];
  });
  const scored = columns.map(({ title, metric }) => toTheRight(escapeMarkdown(`${title}, ${metric}`)));
  return markdownRows([{ title: "system" }, { title: "searched on" }, ...scored], rows).join("\n");
}
