/** Whether what we print is what we recorded: tables are made again, and numbers of marked text must be in the records. */
import * as fs from "node:fs";
import * as path from "node:path";
import type { RunRecord } from "../../lib/core/record";
import { overSeeds } from "../../lib/metrics";
import { allPaperValues } from "../../lib/report/paper";
import { projectRoot } from "../../lib/data/files";
import type { Finding } from "../audit";

/** Text between these marks prints results; elsewhere numbers are sizes, times and versions. */
const marked = /<!--\s*results\s*-->([\s\S]*?)<!--\s*\/results\s*-->/g;

/** Every number that records give: single runs, means, sds, counts, as fractions, percentages and native units. */
export function knownNumbers(records: readonly RunRecord[]): (text: string) => boolean {
  const values: number[] = [];
  const byCell = new Map<string, RunRecord[]>();
  for (const record of records.filter((r) => r.status === "ok" && r.trial === undefined))
    byCell.set(record.cell, [...(byCell.get(record.cell) ?? []), record]);
  const put = (value: number) => values.push(value, value * 100);
  for (const runs of byCell.values())
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
