/** Whether what we print is what we recorded: tables and page are made again, notebooks know the records that they were run on. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { hashOf, sha256 } from "../../lib/core/json";
import type { RunRecord } from "../../lib/core/record";
import { renderReport } from "../../lib/report";
import { resultOf } from "../../lib/training";
import { projectRoot } from "../../lib/data/files";
import type { Finding } from "../audit";
import { collect, isOwn, readme, tableFiles, withTables } from "./report";

/** Identity of a set of records: what a notebook's outputs, once recorded, must have been made from. */
export const hashOfRecords = (records: readonly RunRecord[]): string =>
  hashOf(records.map((r) => `${r.id} ${sha256(resultOf(r))}`).sort());

/** Notebooks whose recorded outputs were made from other records, or that do not say from which. */
export function staleNotebooks(records: readonly RunRecord[]): { findings: Finding[]; notebooks: number } {
  const folder = path.join(projectRoot(), "notebooks");
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((f) => f.endsWith(".ipynb")) : [];
  const now = hashOfRecords(records);
  const findings = files.flatMap((file): Finding[] => {
    const { metadata } = JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")) as {
      metadata: { records?: string };
    };
    if (metadata.records === now) return [];
    const message = `${file}: expected outputs made from the records that are here (${now}), found ${metadata.records ?? "no word of it"}; npm run notebook -- --record ${file.slice(0, 2)} makes them anew`;
    return [{ what: "text", message }];
  });
  return { findings, notebooks: files.length };
}

export interface TablesAgain {
  readonly compared: number;
  /** Tables that differ, but whose data is not all here. */
  readonly undecided: number;
  readonly findings: readonly Finding[];
}

/**
 * Makes a report again from the records (the same bytes, since every bootstrap has its seed), and compares it with the files in
 * `tables/` and `report/`; of the project's own report, also with what stands of it in the README.
 * @param dir  the report's folder
 */
export async function tablesAgain(
  dir: string,
  o: { readonly runs: string; readonly dataDir?: string },
): Promise<TablesAgain> {
  const folder = path.join(dir, "tables");
  const there = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const tableText = (name: string) => fs.readFileSync(path.join(folder, name), "utf8");
  const again = `npm run reproduce -- ${[
    "--report-only",
    ...(isOwn(dir) ? [] : ["--out", o.runs, "--report", dir]),
  ].join(" ")}`;
  const finding = (message: string): Finding => ({ what: "tables", message });
  let found: Awaited<ReturnType<typeof collect>>;
  try {
    found = await collect(o);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { compared: 0, undecided: 0, findings: [finding(`${folder}: cannot be made: ${error.message}`)] };
  }
  const rendered = await renderReport(found.input);
  const tables = tableFiles(rendered);
  const findings: Finding[] = [];
  let undecided = 0;
  for (const name of new Set([...Object.keys(tables), ...there])) {
    const file = path.join(folder, name);
    const difference = !there.includes(name)
      ? `${file}: expected a table from the records, found no such file; ${again} writes it`
      : !(name in tables)
        ? `${file}: the records give no such table; delete it`
        : firstDifference(file, tables[name], tableText(name), again);
    if (!difference) continue;
    if (found.absent.has(path.parse(name).name.replace(/-\d+$/, ""))) undecided++;
    else findings.push(finding(difference));
  }
  const page = { "index.html": rendered.html, "overview.svg": rendered.overview };
  for (const [name, expected] of Object.entries(page)) {
    const file = path.join(dir, "report", name);
    const now = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    const difference = firstDifference(file, expected, now, again);
    if (difference && found.absent.size) undecided++;
    else if (difference) findings.push(finding(difference));
  }
  if (isOwn(dir)) {
    const text = fs.readFileSync(readme, "utf8");
    const difference = firstDifference("README.md", withTables(text, tables), text, again);
    if (difference && found.absent.has("headline")) undecided++;
    else if (difference) findings.push(finding(difference));
  }
  return { compared: Object.keys(tables).length + Object.keys(page).length - undecided, undecided, findings };
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
