/** Gathers what the report shows (records, data, predictions, figures) and writes it: one page, and tables as files. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { canonicalJson } from "../../lib/core/json";
import { cellName, type Cell, type Profile, type Suite } from "../../lib/core/suite";
import type { Dataset } from "../../lib/core/types";
import { targetsOf, unitsOf } from "../../lib/data";
import { projectRoot } from "../../lib/data/files";
import { argmaxRows, constantRows, type ConstantRow } from "../../lib/metrics";
import { findSystem, systems } from "../../lib/models";
import { renderReport, type DatasetInfo, type Deviation, type Fact, type PairEvidence, type ReportInput, type ReportTables, type Section, type Utterance } from "../../lib/report"; // prettier-ignore
import { allPaperValues } from "../../lib/report/paper";
import { referenceOf } from "../../lib/report/compare";
import { groupBy } from "../../lib/report/verdict";
import { cellDataset, readRecords, writeWhole } from "../../lib/training";
import { artefactsOf, emotionsIn, emotionsSaid, readSections, table2 } from "./artefacts";
import { cellIntervals, comparisonKey, evidenceOf, pairEvidence, type CellEvidence } from "./evidence";
import { findSuite, paperSuites, suites } from "../suites";
import { dataKey, loadCellData, mostSeeds } from "./plan";

export interface ReportOptions {
  /** Folder of the record files. */
  readonly runs: string;
  readonly dataDir?: string;
  /** Show transcripts, read from the local data: for a report of one's own. */
  readonly transcripts?: boolean;
  readonly say?: (line: string) => void;
}

export const readme = path.join(projectRoot(), "README.md");

/** Tables that count the verdicts on all printed values. */
const countedOver = ["README", "headline", "verdicts"] as const;

/** What makes a part of the report: `--profile full` where quick has fewer cells or seeds of it. */
function command(name: string): string {
  const { cells, seeds } = findSuite(name);
  const runnable = cells.filter(({ missing }) => !missing);
  const count = (cell: Cell, profile: Profile) =>
    cell.profiles && !cell.profiles.includes(profile) ? 0 : seeds[profile].slice(0, mostSeeds(cell, profile)).length;
  const all = runnable.every((cell) => count(cell, "quick") === count(cell, "full"));
  return `npm run reproduce -- ${name}${all ? "" : " --profile full"}`;
}

export interface Collected {
  readonly input: ReportInput;
  /** Suites (and "README", "headline", "verdicts": what counts over all) that lack a data set which is not here: name -> why. */
  readonly absent: ReadonlyMap<string, string>;
}

/** The paper's suites, and others that have a run. */
const shownSuites = (recorded: ReadonlySet<string>): Suite[] =>
  suites.filter(
    ({ name, cells }) =>
      cells.length && (paperSuites.includes(name) || cells.some((cell) => recorded.has(cellName(cell)))),
  );

/** Everything that the report is made of. Data sets that are not here leave out what needs them. */
export async function collect(o: ReportOptions): Promise<Collected> {
  const { records, problems } = readRecords(o.runs);
  const shown = shownSuites(new Set(records.map((r) => r.cell)));
  const absent = new Map<string, string>();
  const constants: Record<string, readonly ConstantRow[]> = {};
  const intervals: Record<string, ReturnType<typeof cellIntervals>> = {};
  const evidence: PairEvidence[] = [];
  const datasets: DatasetInfo[] = [];
  const utterances: Record<string, { note: string; rows: readonly Utterance[] }> = {};
  const facts: Fact[] = [...tTests()];
  const sections: Section[] = [...readSections(artefactsOf(o.runs))];
  const cells = [
    ...groupBy(
      shown.flatMap((suite) => suite.cells),
      cellName,
    ).values(),
  ].map(([first]) => first);
  const done = new Set(records.filter((r) => r.status === "ok").map((r) => r.cell));
  const scored = cells.filter((c) => !c.missing && done.has(cellName(c)));
  for (const [key, group] of groupBy(scored, dataKey)) {
    let whole: Dataset;
    try {
      whole = await loadCellData(group[0], o.dataDir);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      for (const suite of shown) if (suite.cells.some((c) => dataKey(c) === key)) absent.set(suite.name, error.message);
      o.say?.(`report: ${error.message} Intervals over the test set and constant rows of these cells are left out.`);
      continue;
    }
    datasets.push(infoOf(whole));
    const compared: CellEvidence[] = [];
    for (const cell of group) {
      const dataset = cellDataset(whole, cell);
      const found = evidenceOf(o.runs, cell, records, dataset);
      constants[found.name] = constantsOf(dataset, cell);
      if (!found.runs.length) continue;
      intervals[found.name] = cellIntervals(found, dataset);
      compared.push(found);
    }
    const listUtterances = (one: CellEvidence, beside: CellEvidence | undefined) => {
      const found = utterances[one.name] ?? utterancesOf(one, beside, whole, o.transcripts ?? false);
      if (found) utterances[one.name] = found;
    };
    // A suite compares its cells with its own reference: CIA stands in several, with other settings.
    for (const suite of shown) {
      const own = inOrderOf(suite, compared);
      for (const list of groupBy(own, ({ cell }) => comparisonKey(cell)).values()) {
        const first = referenceOf(list, ({ cell }) => cell);
        for (const other of list) {
          const known = evidence.some((e) => e.first === first.name && e.second === other.name);
          if (other !== first && !known) evidence.push(...pairEvidence(first, other, whole));
        }
        for (const one of list) {
          const beside = one === first ? list[list.indexOf(first) + 1] : first;
          if (beside) listUtterances(one, beside);
        }
      }
    }
    for (const one of compared) listUtterances(one, undefined); // who is alone everywhere
  }
  const labels = await table2(o.dataDir);
  facts.push(...labels.facts);
  if (labels.section) sections.unshift(labels.section);
  if (labels.missing) for (const name of ["table2", ...countedOver]) absent.set(name, labels.missing);
  const latest = records.map((r) => r.started).sort().at(-1); // prettier-ignore
  const synthetic = records.length > 0 && records.every((r) => r.dataset === "synthetic");
  const input: ReportInput = {
    title: "CIA: context-aware interactive attention, reproduced",
    suites: shown,
    records,
    generated: latest ?? "1970-01-01T00:00:00.000Z",
    command,
    ...(synthetic && {
      banner:
        "SYNTHETIC DATA: no real data set was found, so all runs are on the built-in synthetic set. Nothing here speaks about the paper's scores.",
    }),
    titles: Object.fromEntries(systems.map(({ name, title }) => [name, title])),
    constants,
    resampled: intervals,
    evidence,
    facts,
    sections,
    datasets,
    deviations: readDeviations(),
    utterances,
    problems: problems.filter((p) => p.kind !== "duplicate").map((p) => p.message),
  };
  return { input, absent };
}

/** A suite's own of all that ran, in the order of its tables: their first is whom the others are compared with. */
export const inOrderOf = <T extends { readonly name: string }>(suite: Suite, all: readonly T[]): T[] =>
  [...new Set(suite.cells.map(cellName))].flatMap((name) => all.find((one) => one.name === name) ?? []);

function infoOf(dataset: Dataset): DatasetInfo {
  const { name, features, hash, level, caveats, repairs, train, valid, test } = dataset;
  const rows = {
    train: unitsOf(dataset, train),
    valid: valid ? unitsOf(dataset, valid) : 0,
    test: unitsOf(dataset, test),
  };
  return { name, features, hash, level, rows, caveats, repairs };
}

function constantsOf(dataset: Dataset, { task }: Cell): ConstantRow[] {
  const train = targetsOf(dataset, dataset.train, task);
  const { intensity } = dataset.test.labels;
  return constantRows({
    task,
    train: task.kind === "intensity" ? dataset.train.labels.intensity! : train.values,
    targets: targetsOf(dataset, dataset.test, task).values,
    ...(intensity && { intensity }),
    ...(dataset.scale && { scale: dataset.scale }),
  });
}

/** At most so many utterances a cell are listed: first those where two systems are farthest apart. */
const shownUtterances = 20;

/** What a system says of test units, in words. */
interface Said {
  readonly text: (unit: number) => string;
  readonly confidence?: (unit: number) => number;
}

function saidBy({ cell, runs: [{ record, predictions }] }: CellEvidence, dataset: Dataset): Said {
  const { values, outputs } = predictions;
  switch (cell.task.kind) {
    case "classes": {
      const guess = argmaxRows(values, outputs);
      return {
        text: (i) => className(dataset, outputs, guess[i]),
        confidence: (i) => Number(values[i * outputs + guess[i]].toFixed(3)),
      };
    }
    case "emotions":
      return { text: emotionsSaid(record, predictions) };
    case "intensity":
      return { text: (i) => values[i].toFixed(2) };
  }
}

/** The class's name; of classes of an intensity, which are a unit wide around neutral, its middle. */
function className({ classNames, scale }: Dataset, classes: number, c: number): string {
  if (classNames?.[c] !== undefined) return classNames[c];
  if (classes === 2) return ["negative", "positive"][c];
  return scale ? `around ${(scale.low + scale.high) / 2 + c - (classes - 1) / 2}` : `class ${c}`;
}

function truthOf(dataset: Dataset, { task }: Cell): (unit: number) => string {
  if (task.kind === "intensity") return (i) => dataset.test.labels.intensity![i].toFixed(2);
  const { values, outputs } = targetsOf(dataset, dataset.test, task);
  return task.kind === "emotions" ? (i) => emotionsIn(values, i, 0) : (i) => className(dataset, outputs, values[i]);
}

/**
 * Test units of a cell with truth, guess and confidence of seed 1; where another system differs, its guess. Without `transcripts` ids
 * alone: a transcript belongs in no committed report.
 */
function utterancesOf(
  one: CellEvidence,
  other: CellEvidence | undefined,
  dataset: Dataset,
  transcripts: boolean,
): { note: string; rows: readonly Utterance[] } | undefined {
  const { cell, runs } = one;
  const [{ record, predictions }] = runs;
  const { units, values } = predictions;
  const ids = dataset.level === "row" ? dataset.test.rowIds : dataset.test.ids;
  if (ids?.length !== units) return undefined;
  const theirs = other?.runs[0].predictions;
  const second = other && theirs?.units === units ? saidBy(other, dataset) : undefined;
  const first = saidBy(one, dataset);
  const truth = truthOf(dataset, cell);
  const distance = (i: number): number => {
    if (!second || !theirs) return 0;
    return cell.task.kind === "intensity" ? Math.abs(values[i] - theirs.values[i]) : Number(first.text(i) !== second.text(i)); // prettier-ignore
  };
  const order = Array.from({ length: units }, (_, i) => i)
    .map((i) => ({ i, distance: distance(i) }))
    .sort((a, b) => b.distance - a.distance || a.i - b.i);
  const rows = order.slice(0, shownUtterances).map(({ i }): Utterance => {
    const guess = first.text(i);
    const text = transcripts ? dataset.transcript?.(ids[i]) : undefined;
    return {
      id: ids[i],
      ...(text !== undefined && { text }),
      truth: truth(i),
      guess,
      ...(cell.task.kind !== "intensity" && { wrong: guess !== truth(i) }),
      ...(first.confidence && { confidence: first.confidence(i) }),
      ...(second && second.text(i) !== guess && { other: second.text(i) }),
    };
  });
  const beside = other ? `; beside it ${findSystem(other.cell.system).title} (${other.name})` : "";
  return { note: `seed ${record.seed}; ${rows.length} of ${units} test units${beside}`, rows };
}

/** The paper prints p values of a test whose samples it does not name. */
function tTests(): Fact[] {
  return allPaperValues()
    .filter(({ row }) => row === "t-test p")
    .map((paper) => ({
      paper,
      verdict: {
        kind: "notComparable",
        why: "the paper does not say what was paired: F1 and r have no value an utterance, and the competitors' scores are copied numbers; ours are paired tests over seeds, in the suite significance",
      },
    }));
}

/** Rows `| D1 | text |` of the README's table of deviations. */
function readDeviations(): Deviation[] {
  if (!fs.existsSync(readme)) return [];
  return [...fs.readFileSync(readme, "utf8").matchAll(/^\|\s*\[?(D\d+)\]?\s*\|\s*(.+?)\s*\|\s*$/gm)].map(
    ([, id, text]) => ({
      id,
      text: text.replaceAll(/\s*\|\s*/g, ": "),
    }),
  );
}

/** The tables of a report, by their names in `tables/`: Markdown, LaTeX, CSV with full precision, and the counts of verdicts. */
export function tableFiles(report: ReportTables): Record<string, string> {
  const files: Record<string, string> = {
    "README.md": report.summary,
    "headline.md": `${report.headline}\n`,
    "systems.md": `${report.systems}\n`,
    "verdicts.json": `${canonicalJson(report.counts)}\n`,
  };
  for (const [ending, texts] of [
    ["md", report.markdown],
    ["tex", report.latex],
    ["csv", report.csv],
  ] as const)
    for (const [id, text] of Object.entries(texts)) if (text.trim()) files[`${id}.${ending}`] = text;
  return files;
}

/** Writes the report under `dir`. @returns its page */
export async function writeReport(dir: string, input: ReportInput): Promise<string> {
  const report = await renderReport(input);
  const tables = tableFiles(report);
  for (const [name, text] of Object.entries(tables)) writeWhole(path.join(dir, "tables", name), text);
  writeWhole(path.join(dir, "report", "overview.svg"), report.overview);
  const html = path.join(dir, "report", "index.html");
  writeWhole(html, report.html);
  if (isOwn(dir)) {
    const text = fs.readFileSync(readme, "utf8");
    const updated = withTables(text, tables);
    if (updated !== text) writeWhole(readme, updated);
  }
  return html;
}

/** Whether a report is the project's own, whose headline and systems stand in the README too. */
export const isOwn = (dir: string): boolean => path.resolve(dir) === path.join(projectRoot(), "results");

/** The README with headline and systems between their marks. */
export function withTables(page: string, tables: Readonly<Record<string, string>>): string {
  return Object.entries({ results: "headline.md", systems: "systems.md" }).reduce(
    (text, [name, file]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->)[^]*?(<!-- /${name} -->)`),
        (_, open, close) => `${open}\n\n${tables[file].replaceAll("](../../", "](")}\n${close}`,
      ),
    page,
  );
}
