/** Whether what we print is what we recorded: tables are made again, and numbers of marked text must be in the records. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import type { RunRecord } from "../../lib/core/record";
import { overSeeds } from "../../lib/metrics";
import { allPaperValues } from "../../lib/report/paper";
import { groupBy, renderTables } from "../../lib/report";
import { projectRoot } from "../../lib/data/files";
import type { Finding } from "../audit";
import { collect, isOwn, readme, tableFiles, withTables } from "./report";

/** Text between these marks prints results; elsewhere numbers are sizes, times and versions. */
const marked = /<!--\s*results\s*-->([\s\S]*?)<!--\s*\/results\s*-->/g;

/** Every number that records give: single runs, means, sds, counts, as fractions, percentages and native units. */
function knownNumbers(records: readonly RunRecord[]): (text: string) => boolean {
  const values: number[] = [];
  const scored = records.filter((r) => r.status === "ok" && r.trial === undefined);
  const put = (value: number) => values.push(value, value * 100);
  for (const runs of groupBy(scored, (r) => r.cell).values())
    for (const part of ["test", "valid", "testSelected"] as const)
      for (const metric of Object.keys(runs[0].metrics[part] ?? {})) {
        const found = runs.flatMap((r) => {
          const v = r.metrics[part]?.[metric];
          return typeof v === "number" ? [v] : [];
        });
        if (!found.length) continue;
        found.forEach(put);
        const { mean, sd, interval } = overSeeds(found);
        put(mean);
        if (sd !== null) put(sd);
        if (interval) [interval.low, interval.high].forEach(put);
      }
  const sorted = Float64Array.from(values).sort();
  const paper = new Set(allPaperValues().map((v) => v.value));
  return (text) => {
    if (paper.has(text)) return true;
    const value = Number(text);
    const half = 0.5000001 * 10 ** -(text.split(".")[1]?.length ?? 0);
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < value - half) low = middle + 1;
      else high = middle;
    }
    return low < sorted.length && sorted[low] <= value + half;
  };
}

/** Numbers with decimals in the marked parts of README, notebooks and further files. */
export function printedNumbers(
  dir: string,
  records: readonly RunRecord[],
  extra: readonly string[],
): { findings: Finding[]; numbers: number; files: number } {
  const root = projectRoot();
  const notebooks = path.join(root, "notebooks");
  const files = [
    path.join(root, "README.md"),
    ...(fs.existsSync(notebooks)
      ? fs.readdirSync(notebooks).filter((f) => f.endsWith(".ipynb")).map((f) => path.join(notebooks, f)) // prettier-ignore
      : []),
    ...extra,
  ].filter((file) => fs.existsSync(file));
  const known = knownNumbers(records);
  const findings: Finding[] = [];
  let numbers = 0;
  for (const file of files) {
    const raw = fs.readFileSync(file, "utf8");
    const text = file.endsWith(".ipynb") ? notebookText(raw) : raw;
    for (const [, part] of text.matchAll(marked))
      for (const [found] of part.matchAll(/(?<![\w.])\d+\.\d+(?![\w.])/g)) {
        numbers++;
        if (!known(found))
          findings.push({ what: "text", message: `${path.basename(file)}: ${found} is in no record of ${dir}` });
      }
  }
  return { findings, numbers, files: files.length };
}

/** Markdown cells of a notebook. */
function notebookText(raw: string): string {
  const { cells } = JSON.parse(raw) as { cells: readonly { cell_type: string; source: string | readonly string[] }[] };
  return cells
    .filter((c) => c.cell_type === "markdown")
    .map((c) => (typeof c.source === "string" ? c.source : c.source.join("")))
    .join("\n\n");
}

export interface TablesAgain {
  /** The profile that the report says it was written with. */
  readonly profile: string;
  readonly compared: number;
  /** Tables that differ, but whose data is not all here. */
  readonly undecided: number;
  readonly findings: readonly Finding[];
}

/**
 * Makes the tables of a report again from the records (the same bytes, since every bootstrap has its seed), and compares them with
 * the files in `tables/`; of the project's own report, also with what stands of them in the README.
 * @param dir  the report's folder
 */
export async function tablesAgain(
  dir: string,
  o: { readonly runs: string; readonly profile: string; readonly dataDir?: string },
): Promise<TablesAgain> {
  const folder = path.join(dir, "tables");
  const there = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const text = (name: string) => fs.readFileSync(path.join(folder, name), "utf8");
  const said = there.includes("README.md") ? /^Profile (\w+),/m.exec(text("README.md"))?.[1] : undefined;
  const profile = said ?? o.profile;
  const again = `npm run reproduce -- ${[
    "--report-only",
    ...(profile === "quick" ? [] : ["--profile", profile]),
    ...(isOwn(dir) ? [] : ["--out", o.runs, "--report", dir]),
  ].join(" ")}`;
  const finding = (message: string): Finding => ({ what: "tables", message });
  let found: Awaited<ReturnType<typeof collect>>;
  try {
    found = await collect({ ...o, profile });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { profile, compared: 0, undecided: 0, findings: [finding(`${folder}: cannot be made: ${error.message}`)] };
  }
  const tables = tableFiles(renderTables(found.input));
  const findings: Finding[] = [];
  let undecided = 0;
  for (const name of new Set([...Object.keys(tables), ...there])) {
    const file = path.join(folder, name);
    const difference = !there.includes(name)
      ? `${file}: expected a table from the records, found no such file; ${again} writes it`
      : !(name in tables)
        ? `${file}: the records give no such table; delete it`
        : firstDifference(file, tables[name], text(name), again);
    if (!difference) continue;
    if (found.absent.has(path.parse(name).name)) undecided++;
    else findings.push(finding(difference));
  }
  if (isOwn(dir)) {
    const page = fs.readFileSync(readme, "utf8");
    const difference = firstDifference("README.md", withTables(page, tables), page, again);
    if (difference && found.absent.has("headline")) undecided++;
    else if (difference) findings.push(finding(difference));
  }
  return { profile, compared: Object.keys(tables).length - undecided, undecided, findings };
}

/** Where two texts part: the line, and a little of it around the first character that differs. */
function firstDifference(file: string, expected: string, found: string, again: string): string | undefined {
  if (expected === found) return undefined;
  const [a, b] = [expected, found].map((text) => text.split("\n"));
  let line = 0;
  while (a[line] === b[line]) line++;
  let column = 0;
  while (a[line]?.[column] !== undefined && a[line][column] === b[line]?.[column]) column++;
  const from = Math.max(0, column - 30);
  const shown = (text: string | undefined) =>
    text === undefined ? "the end" : JSON.stringify(`${from ? "..." : ""}${text.slice(from, from + 60)}`);
  return `${file}, line ${line + 1}: expected ${shown(a[line])} from the records, found ${shown(b[line])}; ${again} writes it anew`;
}
