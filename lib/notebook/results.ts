/** Recorded runs as plain rows: what the report computes, to look at, filter and draw in a cell. */
import { existsSync } from "node:fs";
import * as path from "node:path";
import { DataError, UsageError } from "../core/errors";
import type { RunRecord } from "../core/record";
import type { Cell, Suite } from "../core/suite";
import { modalitiesName, taskName, type Dataset, type Predictions, type Task } from "../core/types";
import { loadDataset, targetsOf } from "../data";
import { projectRoot } from "../data/files";
import type { Row } from "../display";
import type { Engine, Program } from "../engine/engine";
import { record } from "../layers/record";
import { constantRows, metricInfo } from "../metrics";
import { findSystem } from "../models";
import { summarise, verdictWords, type CellSummary, type Comparison, type SummaryOptions } from "../report";
import { prepare, readPredictions, readRecords, readWeights, type Prepared } from "../training";

/** Where recorded runs are looked for: the user's own, then those that came with the code. */
const folders = (): string[] =>
  ["runs", "baselines"].map((name) => path.join(projectRoot(), "results", name)).filter((folder) => existsSync(folder));

/**
 * All recorded runs; of a run that is recorded twice the user's own counts.
 * @param say  told how many there are, and what could not be read
 */
export function recordedRuns(say: (line: string) => void = console.log): RunRecord[] {
  const byId = new Map<string, RunRecord>();
  for (const folder of folders().toReversed()) {
    const { records, problems } = readRecords(folder);
    for (const { kind, message } of problems) if (kind !== "duplicate") say(message);
    for (const record of records) byId.set(record.id, record);
  }
  const runs = [...byId.values()];
  const finished = runs.filter((run) => run.status === "ok").length;
  say(
    runs.length
      ? `${finished} finished runs are recorded${finished < runs.length ? `, and ${runs.length - finished} that failed` : ""}.`
      : "No runs are recorded yet: `npm run reproduce` makes them. What follows shows the paper's values alone.",
  );
  return runs;
}

/** What runs to look for; of `config` only the settings that are named must agree. */
export type RunFilter = Partial<
  Pick<RunRecord, "system" | "dataset" | "features" | "task" | "modalities" | "config" | "seed">
>;

/** Finished runs with stored predictions, by seed; trials of a search are left out, their settings were not chosen. */
export function finishedRuns(
  records: readonly RunRecord[],
  { config = {}, modalities, ...where }: RunFilter,
): RunRecord[] {
  const agrees = (run: RunRecord): boolean =>
    run.status === "ok" &&
    run.predictions !== undefined &&
    run.trial === undefined &&
    (!modalities || modalitiesName(run.modalities) === modalitiesName(modalities)) &&
    Object.entries(where).every(([key, value]) => value === undefined || run[key as keyof RunRecord] === value) &&
    Object.entries(config).every(([key, value]) => run.config[key] === value);
  return records.filter(agrees).sort((a, b) => a.seed - b.seed);
}

/** Stored predictions of a recorded run, by name ("test", "valid"). @throws RecordError where they are not there */
export function recordedPredictions(record: RunRecord): Record<string, Predictions> {
  const own = folders().find((folder) => existsSync(path.join(folder, record.predictions?.file ?? "none")));
  return readPredictions(own ?? path.join(projectRoot(), "results", "runs"), record);
}

/** One metric of one cell: ours beside the paper's. Values are in print: percent, or the metric's own unit. */
export interface ResultRow {
  readonly system: string;
  readonly dataset: string;
  readonly features: string;
  /** "T+A+V" */
  readonly modalities: string;
  readonly task: string;
  readonly protocol: string;
  /** The difference from the system's defaults. */
  readonly setting: string;
  readonly metric: string;
  readonly paper?: number;
  /** Mean over seeds. */
  readonly ours?: number;
  readonly sd?: number;
  /** 95 % interval of the mean over seeds. */
  readonly low?: number;
  readonly high?: number;
  readonly n: number;
  /** Mean score on validation, and of the best epoch on the test set (never for a claim). */
  readonly valid?: number;
  readonly testSelected?: number;
  readonly verdict: string;
  readonly why: string;
  /** Best score of any constant guess; see `withConstants`. */
  readonly constant?: number;
  /** Test scores of the seeds. */
  readonly values: readonly number[];
  readonly cell: Cell;
}

/** The cells of a suite as rows, also those that nobody ran; `verdict` and `why` say what can be said. */
export function resultRows(suite: Suite, records: readonly RunRecord[], options: SummaryOptions = {}): ResultRow[] {
  return summarise(suite, records, options).flatMap(rowsOfSummary);
}

function rowsOfSummary({ cell, metrics, runs }: CellSummary): ResultRow[] {
  return metrics.map((metric) => {
    const factor = metric.info.unit === "%" ? 100 : 1;
    const inPrint = (value: number | null | undefined) =>
      value === null || value === undefined ? undefined : value * factor;
    const { ours, printed, valid, testSelected } = metric;
    const [first] = printed;
    return {
      system: cell.system,
      dataset: cell.dataset,
      features: cell.features,
      modalities: [...modalitiesName(cell.modalities)].join("+"),
      task: taskName(cell.task),
      protocol: cell.protocol,
      setting: Object.entries(cell.config)
        .map(([key, value]) => `${key}=${value}`)
        .join(", "),
      metric: metric.name,
      paper: inPrint(first?.value),
      ours: inPrint(ours?.mean),
      sd: inPrint(ours?.sd),
      low: inPrint(ours?.interval?.low),
      high: inPrint(ours?.interval?.high),
      n: ours?.n ?? 0,
      valid: inPrint(valid?.mean),
      testSelected: inPrint(testSelected?.mean),
      verdict: first
        ? verdictWords[first.verdict.kind].title
        : runs.length
          ? "not printed in the paper"
          : (cell.missing ?? "no run is recorded"),
      why: first?.verdict.why ?? "",
      values: metric.values.map((value) => value * factor),
      cell,
    };
  });
}

/** Rows for `table`: labels and numbers, without what only programs need. */
export function forTable(rows: readonly ResultRow[], columns: readonly (keyof ResultRow)[]): Row[] {
  return rows.map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
}

/** Rows for `dotChart`: one a value, told apart by `who` ("ours", "paper", "constant"). */
export function forChart(rows: readonly ResultRow[], label: (row: ResultRow) => string): Row[] {
  return rows.flatMap((row) => {
    const at = { label: label(row), metric: row.metric, n: row.n };
    return [
      ...(row.ours === undefined
        ? []
        : [{ ...at, who: "ours", value: row.ours, low: row.low ?? null, high: row.high ?? null }]),
      ...(row.paper === undefined ? [] : [{ ...at, who: "paper", value: row.paper, low: null, high: null }]),
      ...(row.constant === undefined ? [] : [{ ...at, who: "constant", value: row.constant, low: null, high: null }]),
    ];
  });
}

const loaded = new Map<string, Promise<Dataset | undefined>>();

/** The data set of a cell, loaded once; undefined where its files are not here. */
function dataOf({ dataset, features }: Pick<Cell, "dataset" | "features">): Promise<Dataset | undefined> {
  const key = `${dataset}/${features}`;
  const known = loaded.get(key);
  if (known) return known;
  const found = loadDataset(dataset, { features, scaling: "none" }).catch((error: unknown) => {
    if (error instanceof DataError) return undefined;
    throw error;
  });
  loaded.set(key, found);
  return found;
}

/** The rows with the score of the best constant guess on the same test split, where the data is here. */
export async function withConstants(rows: readonly ResultRow[]): Promise<ResultRow[]> {
  const known = new Map<string, Readonly<Record<string, number | null>>>();
  const done: ResultRow[] = [];
  for (const row of rows) {
    const { task, missing } = row.cell;
    const key = `${row.dataset}/${row.features}/${row.task}`;
    const data = missing ? undefined : await dataOf(row.cell);
    if (data && !known.has(key)) {
      const targets = (split: Dataset["train"]) => targetsOf(data, split, task).values;
      const raw = (split: Dataset["train"]) => (task.kind === "intensity" ? split.labels.intensity! : targets(split));
      const { scale, test, train } = data;
      const about = { task, targets: targets(test), train: raw(train), intensity: test.labels.intensity, scale };
      known.set(key, constantRows(about).find(({ name }) => name.startsWith("best"))?.scores ?? {});
    }
    const best = known.get(key)?.[row.metric];
    const constant =
      best === null || best === undefined ? undefined : best * (metricInfo(row.metric).unit === "%" ? 100 : 1);
    done.push({ ...row, constant });
  }
  return done;
}

/** Paired comparisons as rows; differences in print (points, or the metric's own unit). */
export function comparisonRows(comparisons: readonly Comparison[]): Row[] {
  return comparisons.map(({ first, second, metric, difference, interval, p, holmP, n, detectable, improvement }) => {
    const factor = metric.info.unit === "%" ? 100 : 1;
    const name = ({ cell }: CellSummary) =>
      [
        cell.system,
        [...modalitiesName(cell.modalities)].join("+"),
        ...Object.entries(cell.config)
          .filter(([key]) => key === "iim" || key === "cam")
          .map(([key, v]) => `${key}=${v}`),
      ].join(" ");
    return {
      "data set": `${first.cell.dataset}, ${first.cell.features}`,
      first: name(first),
      second: name(second),
      metric: metric.name,
      difference: difference * factor,
      low: interval && interval.low * factor,
      high: interval && interval.high * factor,
      p,
      "p, Holm": holmP,
      n,
      "P(first better)": improvement,
      detectable: detectable === undefined ? undefined : detectable * factor,
    };
  });
}

/**
 * A recorded network, made to run again: its weights, and the data that it was trained for, scaled as then.
 * @returns undefined where its weights or its data are not here
 * @throws RecordError where the weights are not the run's
 */
export async function recordedProgram(
  run: RunRecord,
  engine: Engine,
): Promise<{ readonly program: Program; readonly prepared: Prepared } | undefined> {
  const { weightsFile, weightsHash, config, protocol } = run;
  const folder = weightsFile && folders().find((found) => existsSync(path.join(found, weightsFile)));
  const data = await dataOf(run);
  const system = findSystem(run.system);
  if (!weightsFile || !weightsHash || !folder || !data || system.kind !== "neural") return undefined;
  const prepared = prepare(system, data, taskOf(run.task), { protocol, config, modalities: run.modalities });
  const { graph, output } = record(system, prepared.shape, prepared.config);
  const program = engine.compile(graph, output, run.seed);
  const weights = readWeights(path.join(folder, weightsFile), weightsHash);
  for (const [name, { data: values }] of Object.entries(weights)) program.set(name, Float32Array.from(values));
  return { program, prepared };
}

/** "classes:2", "emotions", "intensity" as a task. */
export function taskOf(name: string): Task {
  const [kind, classes] = name.split(":");
  if (kind === "classes" && Number(classes) >= 2) return { kind, classes: Number(classes) };
  if (kind === "emotions" || kind === "intensity") return { kind };
  throw new UsageError(`task ${name}: expected classes:N, emotions or intensity, found ${name}.`);
}
