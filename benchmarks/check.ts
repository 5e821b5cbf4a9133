/** `npm run check`: reruns a suite and compares it with its recorded baseline; exits 1 on a regression. */
import * as fs from "node:fs";
import * as path from "node:path";
import { InterruptedError, UserError } from "../lib/core/errors";
import { engineName } from "../lib/engine/choose";
import { metricInfo } from "../lib/metrics";
import { benchmarkEntries, checkJunit, checkPasses, pullRequestSummary, type CheckLine } from "../lib/report/ci";
import { formatDifference, formatValue, summarise } from "../lib/report/verdict";
import { readRecords, writeWhole } from "../lib/training";
import { entry, folder, parse, wholeNumber } from "./cli";
import { compareRuns } from "./harness/compare";
import { placesOf } from "./harness/devices";
import { foldersOf } from "./harness/folders";
import { reproduce } from "./run";
import { findSuite } from "./suites";
import { cellName, type Suite } from "../lib/core/suite";
import type { RunRecord } from "../lib/core/record";

const command = "npm run check";
const help = `${command} -- [--suite ci] [options]

Reruns a suite from nothing and compares each metric with the recorded baseline, paired by seed: identical bits, no difference
found (with the smallest that this n could find), better, or worse (Holm over all metrics, 5 %). Exits 1 when something is worse or cannot be compared.

  --suite S         default ci
  --baseline DIR    recorded runs (default results/baselines)
  --out DIR         where the new runs go (default results/local/check; emptied first, so it must be empty or an earlier check's)
  --runs DIR        compare the runs recorded there instead of running
  --engine E        auto (default), wasm, tensorflow, webgpu or cpu
  --workers N       worker processes (default: one a core; one a GPU where TensorFlow uses them)
  --data DIR        where the data sets are
  --junit FILE      JUnit XML
  --json FILE       for github-action-benchmark: FILE for metrics where more is better, FILE with .smaller before its ending for the others
  --markdown FILE   a summary for a pull request`;

const options = {
  suite: { type: "string" },
  baseline: { type: "string" },
  out: { type: "string" },
  runs: { type: "string" },
  engine: { type: "string" },
  workers: { type: "string" },
  data: { type: "string" },
  junit: { type: "string" },
  json: { type: "string" },
  markdown: { type: "string" },
} as const;

/** Runs a whole suite into a folder that it empties. @throws UserError when it was interrupted, or the folder is not a check's own */
export async function runFresh(
  suite: Suite,
  o: { readonly out: string; readonly engine: string; readonly workers?: number; readonly dataDir?: string },
): Promise<{ records: readonly RunRecord[]; lacking: ReadonlyMap<string, string> }> {
  const folders = foldersOf(o.out);
  const { workers, gpus } = placesOf(o.engine, false);
  const outcome = await reproduce(
    {
      suites: [suite],
      profile: "full",
      engine: o.engine,
      fastMath: false,
      workers: o.workers ?? workers,
      ...(gpus && { gpus }),
      dataDir: o.dataDir,
      folders,
      emptyFirst: true,
      fresh: true,
      retryFailed: true,
      keepWeights: 0,
      checkpointSeconds: 10,
    },
    (line) => void process.stderr.write(`${line}\n`),
  );
  if (outcome.interrupted)
    throw new InterruptedError(`${suite.name}: interrupted before all runs ended; nothing was compared.`);
  const planned = outcome.cells.filter((c) => c.suite === suite.name);
  return {
    records: readRecords(folders.out).records,
    lacking: new Map(planned.flatMap((c) => (c.missing === undefined ? [] : [[cellName(c.cell), c.missing]]))),
  };
}

/** Cells that a suite lists though nobody has their data. */
const nobodyHas = (suite: Suite): ReadonlyMap<string, string> =>
  new Map(suite.cells.flatMap((cell) => (cell.missing === undefined ? [] : [[cellName(cell), cell.missing]])));

/** The records of a suite's baseline. @throws UserError where there is none */
export function readBaseline(dir: string, suite: string): readonly RunRecord[] {
  const name = `${suite}.jsonl`;
  const file = path.join(dir, name);
  if (!fs.existsSync(file))
    throw new UserError(
      `${file}: expected a recorded baseline, found none. npm run baseline -- --suite ${suite} --reason "..." records one.`,
    );
  const { records, problems } = readRecords(dir, name); // beside others a cell that several suites have counts once
  const bad = problems.find((p) => p.kind !== "duplicate");
  if (bad) throw new UserError(bad.message);
  return records;
}

export function lineText({
  cell,
  metric,
  result,
  n,
  baseline,
  now,
  difference,
  holmP,
  detectable,
  why,
}: CheckLine): string {
  const info = metricInfo(metric);
  const decimals = info.unit === "%" ? 2 : 4;
  const value = (v: number | undefined) => (v === undefined ? "-" : formatValue(v, info, decimals));
  return (
    `${result.toUpperCase().padEnd(14)} ${metric.padEnd(6)} ${value(baseline)} -> ${value(now)}` +
    `${difference === undefined ? "" : ` (${formatDifference(difference, info)}, n ${n}${holmP === undefined ? "" : `, Holm p ${holmP.toPrecision(2)}`}${detectable === undefined ? "" : `, detectable ${formatDifference(detectable, info)}`})`}` +
    `  ${cell}${why ? `: ${why}` : ""}`
  );
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(command, args, options);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const suite = findSuite(values.suite ?? "ci");
  const engine = engineName(values.engine ?? "auto");
  const workers = wholeNumber("--workers", values.workers);
  const dataDir = folder("--data", values.data);
  const baseline = readBaseline(values.baseline ?? path.join("results", "baselines"), suite.name);
  const { records, lacking } = values.runs
    ? { records: readRecords(values.runs).records, lacking: nobodyHas(suite) }
    : await runFresh(suite, {
        out: values.out ?? path.join("results", "local", "check"),
        engine,
        workers,
        dataDir,
      });
  const lines = compareRuns(suite.cells, baseline, records, lacking);
  for (const line of lines) console.log(lineText(line));
  const compared = new Set(lines.map(({ cell }) => cell));
  for (const [cell, why] of lacking) if (!compared.has(cell)) console.log(`not in it      ${cell}: ${why}`);
  const passes = checkPasses(lines) && lines.length > 0;
  console.log(`${suite.name}: ${passes ? "passes" : "FAILS"} (${lines.length} metrics compared)`);
  if (values.junit) writeWhole(values.junit, checkJunit(suite.name, lines));
  if (values.markdown) writeWhole(values.markdown, pullRequestSummary(suite.title, lines));
  if (values.json) {
    const { bigger, smaller } = benchmarkEntries(summarise(suite, records));
    writeWhole(values.json, `${JSON.stringify(bigger, null, 2)}\n`);
    const { dir, name, ext } = path.parse(values.json);
    writeWhole(path.join(dir, `${name}.smaller${ext}`), `${JSON.stringify(smaller, null, 2)}\n`);
  }
  return passes ? 0 : 1;
}

if (require.main === module) entry(main);
