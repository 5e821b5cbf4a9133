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

/** What of a notebook says that its outputs are what ran. */
export interface RecordedNotebook {
  readonly metadata: { readonly records?: string; readonly outputs?: string };
  readonly cells: readonly { readonly source: unknown; readonly outputs?: unknown }[];
}

/** Identity of what a notebook shows: the sources of its cells with their outputs. The format writes a text whole, or as its lines. */
export const hashOfOutputs = ({ cells }: RecordedNotebook): string => {
  const whole = (_: string, value: unknown) =>
    Array.isArray(value) && value.length && value.every((line) => typeof line === "string") ? value.join("") : value;
  return sha256(
    JSON.stringify(
      cells.map(({ source, outputs }) => [source, outputs ?? null]),
      whole,
    ),
  );
};

/**
 * Numbers with decimals in the README's sentences on results that are none of those in the tables linked in the same paragraph
 * (of all tables, where none is), rounded as the sentence has them. Signs are the sentence's affair ("costs 0.5 points").
 * @param tables  text by file name
 */
export function unfoundNumbers(text: string, tables: Readonly<Record<string, string>>): string[] {
  const sentences = text.split("<!-- /results -->")[1]?.split(/^## /m)[0] ?? "";
  const numbersIn = (part: string) => part.match(/\d+\.\d+/g) ?? [];
  return sentences.split(/^- /m).flatMap((paragraph) => {
    const linked = [...paragraph.matchAll(/\(results\/tables\/([\w-]+\.md)\)/g)].flatMap(
      ([, name]) => tables[name] ?? [],
    );
    const there = numbersIn((linked.length ? linked : Object.values(tables)).join("\n")).map(Number);
    return numbersIn(paragraph).filter((number) => {
      const half = 0.5 * 10 ** -number.split(".")[1].length + 1e-9;
      return !there.some((value) => Math.abs(value - Number(number)) <= half);
    });
  });
}

/** Notebooks whose recorded outputs were changed, or were made from other records, or that do not say from which. */
export function staleNotebooks(records: readonly RunRecord[]): { findings: Finding[]; notebooks: number } {
  const folder = path.join(projectRoot(), "notebooks");
  const files = fs.existsSync(folder) ? fs.readdirSync(folder).filter((f) => f.endsWith(".ipynb")) : [];
  const now = hashOfRecords(records);
  const findings = files.flatMap((file): Finding[] => {
    const notebook = JSON.parse(fs.readFileSync(path.join(folder, file), "utf8")) as RecordedNotebook;
    const { records, outputs } = notebook.metadata;
    const again = `npm run notebook -- --record ${file.slice(0, 2)} makes them anew`;
    const message =
      records !== now
        ? `${file}: expected outputs made from the records that are here (${now}), found ${records ?? "no word of it"}; ${again}`
        : outputs !== hashOfOutputs(notebook)
          ? `${file}: its outputs are not those that were recorded: one was changed by hand; ${again}`
          : undefined;
    return message === undefined ? [] : [{ what: "text", message }];
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
    const unfound = unfoundNumbers(text, tables).map((number): Finding => ({
      what: "text",
      message: `README.md: ${number} stands in a sentence on results, and in none of the tables linked beside it; correct it, or link the table`,
    }));
    findings.push(...unfound);
  }
  return { compared: Object.keys(tables).length + Object.keys(page).length - undecided, undecided, findings };
}

/** Where two texts part: the line, and a little of it around the first character that differs. */
export function firstDifference(file: string, expected: string, found: string, again: string): string | undefined {
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
