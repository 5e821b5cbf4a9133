/** `npm run audit`: is what we print what we ran? */
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError, RecordError, UserError } from "../lib/core/errors";
import { canonicalJson } from "../lib/core/json";
import type { RunRecord } from "../lib/core/record";
import type { Suite } from "../lib/core/suite";
import { chooseRuns, groupBy } from "../lib/report/verdict";
import { targetsOf, type LoadOptions } from "../lib/data";
import type { Dataset } from "../lib/core/types";
import { cellDataset, readPredictions, readRecords, readWeights, rescore, reselect } from "../lib/training";
import { entry, parse, readProfile } from "./cli";
import { taskOf } from "./evaluate";
import { artefactsFrom, type FigureOptions } from "./harness/figures";
import { reportFolder } from "./harness/folders";
import { loadCellData, plan } from "./harness/plan";
import { firstDifference, staleNotebooks, tablesAgain } from "./harness/printed";
import { findSuite, paperSuites } from "./suites";

const command = "npm run audit";
const help = `${command} -- [suite ...] [options]

Checks that every declared run is recorded once; that record lines, hashes and kept weights are whole; that every metric, threshold and
validation score computed again from the stored predictions equals the recorded one, as does the epoch chosen from the recorded epochs;
that figures, whose runs are trained again, and the report (tables, page, what the README shows of them), made again from the records,
are those in their folders; that each number with decimals in the README's sentences on results is, rounded, one of the tables linked
beside it; and that the notebooks' outputs were made from these records and not changed since.
Not checked: scores of the epoch that is best on the test set, since predictions of the chosen epoch alone are kept, and what of a
sentence is no number. Lines recorded twice with one result, and runs on data that later ones replaced, are told as notes.

  --runs DIR            record files (default results/runs)
  --report DIR          the report whose tables are made again (default: results; with --runs the one in that folder, if any)
  --profile quick|full  which runs are declared (default: quick)
  --data DIR            where the data sets are (runs whose data is not here are not scored again, and said)`;

const options = {
  runs: { type: "string" },
  report: { type: "string" },
  profile: { type: "string" },
  data: { type: "string" },
} as const;

export interface Finding {
  readonly what: "missing" | "lines" | "scores" | "data" | "weights" | "figures" | "tables" | "text";
  readonly message: string;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(command, args, options, true);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const dir = values.runs ?? path.join("results", "runs");
  const profile = readProfile(values.profile);
  const suites = (positionals.length ? positionals : paperSuites).map(findSuite);
  if (!fs.existsSync(dir))
    throw new UserError(`${dir}: expected run records, found no such folder. npm run reproduce makes them.`);
  const { records, problems } = readRecords(dir);
  const notes: string[] = [];
  const findings: Finding[] = [];
  for (const { kind, message } of problems)
    if (kind === "duplicate") notes.push(`${kind}: ${message}`);
    else findings.push({ what: "lines", message: `${kind}: ${message}` });

  const cells = await plan(suites, { profile, records, dataDir: values.data });
  let declared = 0;
  for (const { name, runs } of cells)
    for (const run of runs) {
      declared++;
      const which = `${name}, seed ${run.job.seed}${run.job.trial === undefined ? "" : `, trial ${run.job.trial}`}`;
      if (!run.recorded) findings.push({ what: "missing", message: `${which}: not recorded` });
      else if (run.recorded.status === "failed")
        findings.push({ what: "missing", message: `${which}: failed: ${run.recorded.reason}` });
    }

  const scored = await scoreAgain(dir, records, values.data);
  findings.push(...scored.faults, ...weightsFaults(dir, records));
  notes.push(...scored.replaced);
  const figures = await figuresAgain(
    suites,
    { runs: dir, dataDir: values.data, engine: "auto", fastMath: false },
    records,
  );
  findings.push(...figures.findings);
  const beside = reportFolder(values.runs);
  const hasReport = values.runs === undefined || fs.existsSync(path.join(beside, "report"));
  const report = values.report ?? (hasReport ? beside : undefined);
  const tables = report === undefined ? undefined : await tablesAgain(report, { runs: dir, dataDir: values.data });
  findings.push(...(tables?.findings ?? []));
  const own = values.runs === undefined ? staleNotebooks(records) : undefined;
  findings.push(...(own?.findings ?? []));

  for (const note of notes) console.log(`note     ${note}`);
  for (const { what, message } of findings) console.log(`${what.padEnd(8)} ${message}`);
  console.log(
    `${declared} declared runs, ${records.length} recorded; ${scored.checked} scored again from their predictions` +
      `${scored.unscored ? `, ${scored.unscored} not (their data is not here)` : ""}; ` +
      `${figures.made} figures made again${figures.undecided ? `, ${figures.undecided} not (their data is not here)` : ""}; ` +
      (tables
        ? `${tables.compared} files of the report made again${tables.undecided ? `, ${tables.undecided} not (their data is not here)` : ""}; `
        : "") +
      (own ? `${own.notebooks} notebooks looked at; ` : "") +
      `${findings.length ? `${findings.length} findings` : "nothing found"}`,
  );
  return findings.length ? 1 : 0;
}

/** Computes every metric again from the stored predictions. */
async function scoreAgain(
  dir: string,
  records: readonly RunRecord[],
  dataDir: LoadOptions["dir"],
): Promise<{ checked: number; unscored: number; faults: Finding[]; replaced: string[] }> {
  const faults: Finding[] = [];
  const replaced: string[] = [];
  const byCell = groupBy(records, ({ cell }) => cell);
  let [checked, unscored] = [0, 0];
  const key = (r: RunRecord) => `${r.dataset}/${r.features}`;
  const sorted = records.filter((r) => r.status === "ok").sort((a, b) => (key(a) < key(b) ? -1 : 1));
  let loaded: { key: string; dataset: Dataset | undefined } | undefined;
  for (const record of sorted) {
    if (loaded?.key !== key(record)) loaded = { key: key(record), dataset: await loadOrNothing(record, dataDir) };
    const dataset = loaded.dataset && cellDataset(loaded.dataset, record);
    const which = `${record.cell}, seed ${record.seed} (${record.id})`;
    if (!dataset) {
      unscored++;
      continue;
    }
    if (dataset.hash !== record.dataHash) {
      const message = `${which}: made with data ${record.dataHash.slice(0, 12)}; here is ${dataset.hash.slice(0, 12)}`;
      const later = chooseRuns(byCell.get(record.cell)!).others.includes(record);
      if (later) replaced.push(`${message}; later runs took its place`);
      else faults.push({ what: "data", message });
      continue;
    }
    try {
      const task = taskOf(record);
      const stored = readPredictions(dir, record);
      const again = rescore(dataset, record, task, stored, (name) => {
        const split = dataset[name]!;
        return { split, targets: targetsOf(dataset, split, task) };
      });
      const { valid } = dataset;
      const made = reselect(
        record,
        task,
        valid && stored.valid && { targets: targetsOf(dataset, valid, task), predictions: stored.valid },
      );
      for (const part of ["chosen", "selectionScore"] as const)
        if (canonicalJson(record[part] ?? null) !== canonicalJson(made[part] ?? null))
          faults.push({
            what: "scores",
            message: `${which}: ${part} is recorded as ${canonicalJson(record[part] ?? null)}, epochs and validation predictions give ${canonicalJson(made[part] ?? null)}`,
          });
      for (const split of ["test", "valid"] as const) {
        const [recorded, scores] = [record.metrics[split] ?? {}, again[split] ?? {}];
        const wrong = Object.keys({ ...recorded, ...scores }).find(
          (m) => (recorded[m] ?? null) !== (scores[m] ?? null),
        );
        if (wrong !== undefined)
          faults.push({
            what: "scores",
            message: `${which}: ${split} ${wrong} is recorded as ${recorded[wrong]}, its predictions give ${scores[wrong]}`,
          });
      }
      checked++;
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      faults.push({ what: "scores", message: error.message });
    }
  }
  return { checked, unscored, faults, replaced };
}

/** Kept weights that are not there, or not those of their run. */
function weightsFaults(dir: string, records: readonly RunRecord[]): Finding[] {
  return records.flatMap((record): Finding[] => {
    const { cell, seed, id, weightsFile, weightsHash } = record;
    if (weightsFile === undefined || weightsHash === undefined) return [];
    const file = path.join(dir, weightsFile);
    const of = `${cell}, seed ${seed} (${id})`;
    try {
      if (!fs.existsSync(file))
        return [{ what: "weights", message: `${of}: expected ${file}, found none; restore it` }];
      readWeights(file, weightsHash);
      return [];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [{ what: "weights", message: `${of}: ${error.message}` }];
    }
  });
}

/** Makes the figures of the suites again whose runs are recorded: they are trained once more, to the same weights. */
async function figuresAgain(
  suites: readonly Suite[],
  o: FigureOptions,
  records: readonly RunRecord[],
): Promise<{ made: number; undecided: number; findings: Finding[] }> {
  const findings: Finding[] = [];
  let [made, undecided] = [0, 0];
  for (const { name, file, make } of artefactsFrom(suites, o, records)) {
    const again = `npm run reproduce -- ${name} --profile full writes it anew where it is deleted`;
    const found = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
    try {
      const text = await make();
      if (text === undefined) continue;
      made++;
      const difference = firstDifference(file, text, found, again);
      if (difference) findings.push({ what: "figures", message: difference });
    } catch (error) {
      if (error instanceof DataError) undecided++;
      else if (error instanceof UserError) findings.push({ what: "figures", message: error.message });
      else throw error;
    }
  }
  return { made, undecided, findings };
}

async function loadOrNothing(record: RunRecord, dir: string | undefined): Promise<Dataset | undefined> {
  try {
    return await loadCellData(record, dir);
  } catch (error) {
    if (error instanceof UserError) return undefined; // said in the last line
    throw error;
  }
}

if (require.main === module) entry(main);
