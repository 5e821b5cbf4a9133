/** `npm run reproduce`: runs what is missing, then writes the report. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UsageError, UserError, oneOf } from "../lib/core/errors";
import { modalitiesName, taskName } from "../lib/core/types";
import type { RunRecord } from "../lib/core/record";
import { cellName, type Cell, type Profile, type Suite } from "../lib/core/suite";
import { engineName } from "../lib/engine/choose";
import { findSystem } from "../lib/models";
import { codeVersion, readRecords } from "../lib/training";
import { knownDatasets } from "../lib/data";
import { amount, entry, folder, parse, readModalities, readProfile, readTask, refuseBeside, wholeNumber } from "./cli";
import { placesOf } from "./harness/devices";
import { emptyFolder, foldersOf, openFolders, refuseForeign, reportFolder, type Folders, type Shard } from "./harness/folders"; // prettier-ignore
import { Interrupts, leaveAtSignals } from "./harness/interrupts";
import { takeLock } from "./harness/lock";
import { plan, type PlannedCell, type PlannedRun } from "./harness/plan";
import { duration, ProgressLine } from "./harness/progress";
import { Queue } from "./harness/queue";
import { writeArtefacts } from "./harness/figures";
import { collect, isOwn, writeReport } from "./harness/report";
import { follow, submit } from "./harness/slurm";
import { summaryLines } from "./harness/summary";
import { writeTensorboard } from "../lib/report/tensorboard";
import { writeChoices } from "./suites/chosen";
import { findSuite, paperSuites, suites, usesTrainer } from "./suites";

const command = "npm run reproduce";
const help = `${command} -- [suite ...] [options]

Runs what is missing of the suites (all of the paper's when none is named), then writes the report.
Suites: ${suites.map((s) => s.name).join(", ")}.

  --profile quick|full   quick (default): few seeds, the small data sets; full: 10 seeds (5 on MOSEI) and everything
  --dataset D            only cells on this data set (${[...knownDatasets.map((d) => d.name), "synthetic"].join(", ")})
  --system S             only cells of this system
  --modalities TAV       only cells with exactly these modalities
  --task T               only cells of this task: classes:N, emotions or intensity
  --seeds N              seeds 1 to N of each cell
  --epochs N             train for at most N epochs (such runs are cells of their own)
  --engine E             auto (default), wasm, tensorflow, webgpu or cpu
  --fast-math            fused multiply-add on wasm: faster, bits depend on the processor
  --workers N            worker processes (default: one a core, of a Slurm task's own; one a GPU where TensorFlow uses them)
  --data DIR             where the data sets are (default: CIA_DATA, data/, ../shared/data)
  --out DIR              record files (default: results/runs)
  --report DIR           where the report goes (default: results; with --out into that folder); --no-report writes none
  --fresh                do runs again that are recorded; --fresh-since T: those that were started before T (ISO 8601)
  --retry-failed         do failed runs again
  --transcripts          show what was said beside the listed utterances, read from your data: in a report of your own
                         (default: results/local), since those in results are committed
  --report-only          run nothing
  --dry-run              list cells, what data each lacks, and the hours they would take here
  --shard I/N            only the I-th of N shares of the runs, in record files of their own; what a share holds does not
                         depend on the data that is here
  --slurm                submit the runs as a Slurm job array; --wait follows it and writes the report
    --tasks N --partition P --time T --memory M --cpus N --gpus N   of the array (default 4 tasks, 1 CPU each)
  --keep-weights N       keep weights of runs up to N megabytes beside the records (default: seed 1 of Figure 3's cells, and of
                         Table 1's up to 2.5)
  --choose               write the best trial of each search in --out to benchmarks/suites/chosen.json, which Tables 5a and 5b run with
  --tensorboard DIR      also write the curves of all recorded runs as TensorBoard event files
  --checkpoint-seconds S seconds between checkpoints of a run (default 10; 0: every epoch)`;

const options = {
  profile: { type: "string" },
  dataset: { type: "string" },
  system: { type: "string" },
  modalities: { type: "string" },
  task: { type: "string" },
  seeds: { type: "string" },
  epochs: { type: "string" },
  engine: { type: "string" },
  "fast-math": { type: "boolean" },
  workers: { type: "string" },
  data: { type: "string" },
  out: { type: "string" },
  report: { type: "string" },
  "no-report": { type: "boolean" },
  fresh: { type: "boolean" },
  "fresh-since": { type: "string" },
  "retry-failed": { type: "boolean" },
  transcripts: { type: "boolean" },
  "report-only": { type: "boolean" },
  "dry-run": { type: "boolean" },
  shard: { type: "string" },
  slurm: { type: "boolean" },
  wait: { type: "boolean" },
  tasks: { type: "string" },
  partition: { type: "string" },
  time: { type: "string" },
  memory: { type: "string" },
  cpus: { type: "string" },
  gpus: { type: "string" },
  "keep-weights": { type: "string" },
  "checkpoint-seconds": { type: "string" },
  choose: { type: "boolean" },
  tensorboard: { type: "string" },
} as const;

/** What each of these would accept and ignore: a user who gave both meant something else. */
const ignoredBeside = {
  choose: ["dry-run", "report-only", "slurm", "shard", "fresh", "fresh-since", "retry-failed", "tensorboard"],
  "dry-run": ["report-only", "slurm", "shard", "fresh", "fresh-since", "retry-failed", "tensorboard"],
  "report-only": ["slurm", "shard", "fresh", "fresh-since", "retry-failed", "tensorboard"],
  slurm: ["shard"],
  fresh: ["fresh-since"],
  "no-report": ["report", "transcripts"],
} as const;
const ofSlurm = ["wait", "tasks", "partition", "time", "memory", "cpus", "gpus"] as const;

export interface ReproduceOptions {
  readonly suites: readonly Suite[];
  readonly profile: Profile;
  readonly seeds?: number;
  readonly engine: string;
  readonly fastMath: boolean;
  readonly workers: number;
  /** GPUs to share out between the workers. */
  readonly gpus?: readonly string[];
  readonly dataDir?: string;
  readonly folders: Folders;
  readonly shard?: Shard;
  /** Begin in an empty folder: `npm run check` and `npm run baseline`, in folders of their own. */
  readonly emptyFirst?: boolean;
  /** Whether recorded runs are done again; a time (ISO 8601): those that were started before it. */
  readonly fresh: boolean | string;
  readonly retryFailed: boolean;
  /** Bytes; undefined: `keptByDefault`. */
  readonly keepWeights?: number;
  readonly checkpointSeconds: number;
  /** Show transcripts in the report. */
  readonly transcripts?: boolean;
}

/** How a pass over the queue ended. */
export interface Outcome {
  readonly cells: readonly PlannedCell[];
  readonly done: number;
  readonly failed: number;
  readonly interrupted: boolean;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(command, args, options, true);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const o = readOptions(values, positionals);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  if (values.choose) {
    const { searches, unfinished, file } = writeChoices(o.folders.out, findSuite("table5-search").cells);
    say(
      `${file}: the choices of ${searches} searches${unfinished ? `; ${unfinished} have not all their trials and choose nothing` : ""}`,
    );
    return 0;
  }
  if (positionals.length && !values["report-only"]) for (const line of ofAnotherProfile(o)) say(line);
  if (values["dry-run"]) {
    const { records } = readRecords(o.folders.out);
    const found = await planWithFallback(o, records, say);
    console.log(dryRun(found.cells, o.workers).join("\n"));
    return 0;
  }
  const reportDir = reportOf(values);
  if (values.slurm) return onSlurm(args, values, o, reportDir, say);
  if (values["report-only"]) return finish(o, reportDir, say);
  const outcome = await reproduce(o, say);
  if (outcome.interrupted) {
    say("interrupted: nothing is lost; the same command goes on from here.");
    return 130;
  }
  const code = await finish(o, reportDir, say);
  if (values.tensorboard) writeTensorboard(values.tensorboard, readRecords(o.folders.out).records);
  return outcome.failed ? 1 : code;
}

/** Where the report goes; undefined: nowhere. */
function reportOf(values: Values): string | undefined {
  if (values["no-report"]) return undefined;
  const own = values.transcripts && values.out === undefined ? path.join("results", "local") : reportFolder(values.out);
  const dir = values.report ?? own;
  if (values.transcripts && isOwn(dir))
    throw new UsageError(
      `--transcripts: expected a report of your own, found ${dir}, which is committed, as transcripts must not be. Leave --report out (results/local), or give another folder.`,
    );
  return dir;
}

/** Submits the array; with --wait follows it, and reports what there is then, also where a task failed. */
async function onSlurm(
  args: readonly string[],
  values: Values,
  o: ReproduceOptions,
  reportDir: string | undefined,
  say: (line: string) => void,
): Promise<number> {
  const array = submit([process.execPath, path.join(__dirname, "run.js"), ...ofTask(args)], o.folders.work, {
    tasks: wholeNumber("--tasks", values.tasks) ?? 4,
    partition: values.partition,
    time: values.time,
    memory: values.memory,
    cpus: wholeNumber("--cpus", values.cpus),
    gpus: wholeNumber("--gpus", values.gpus),
    wait: values.wait ?? false,
  });
  const report = `${command} -- --report-only --out ${o.folders.out}`;
  const { job } = await array.submitted;
  say(`submitted the job array ${job}; its logs go to ${array.logs}`);
  if (!values.wait) {
    say(`When it has ended: ${report}`);
    return 0;
  }
  const code = await follow(array, job, o.folders.out);
  if (code === undefined) {
    say(`interrupted: the array goes on; scancel ${job} ends it. When it has ended: ${report}`);
    return 130;
  }
  if (code)
    say(`the array ended with exit code ${code}: see ${array.logs}. The same command takes up what is missing.`);
  for (const { message } of readRecords(o.folders.out).problems) say(message);
  return (await finish(o, reportDir, say)) || Math.min(code, 1);
}

/**
 * The arguments of a task: without those of the array and of the report. A time takes the place of --fresh, since a task that is
 * requeued must not do again what it did before.
 */
function ofTask(args: readonly string[]): string[] {
  const valued = ["tasks", "partition", "time", "memory", "cpus", "gpus", "report"].map((name) => `--${name}`);
  const left = args.filter(
    (a, i) =>
      !["--slurm", "--wait", "--no-report", "--transcripts", ...valued].includes(a) &&
      !valued.includes(args[i - 1]) &&
      !valued.some((name) => a.startsWith(`${name}=`)),
  );
  const since = ["--fresh-since", new Date().toISOString()];
  return [...left.flatMap((a) => (a === "--fresh" ? since : [a])), "--no-report"];
}

/** Suites that have cells, but none in this profile. */
function ofAnotherProfile({ suites, profile }: ReproduceOptions): string[] {
  const other: Profile = profile === "quick" ? "full" : "quick";
  const within = (cells: Suite["cells"], p: Profile) =>
    cells.filter(({ profiles }) => !profiles || profiles.includes(p));
  return suites
    .filter(({ cells }) => cells.length && !within(cells, profile).length)
    .map(({ name, cells }) => `${name}: no cells in the ${profile} profile; --profile ${other} has ${within(cells, other).length}.`); // prettier-ignore
}

type Values = ReturnType<typeof parse<typeof options>>["values"];

function readOptions(values: Values, names: readonly string[]): ReproduceOptions {
  for (const [option, ignored] of Object.entries(ignoredBeside)) refuseBeside(values, option, ignored);
  const alone = ofSlurm.find((name) => values[name] !== undefined);
  if (alone && !values.slurm)
    throw new UsageError(`--${alone}: expected it with --slurm, which it is for. Leave it out.`);
  const profile = readProfile(values.profile);
  const engine = engineName(values.engine ?? "auto");
  if (values.system !== undefined) findSystem(values.system);
  const sets = [...knownDatasets.map((d) => d.name), "synthetic"];
  if (values.dataset !== undefined && !sets.includes(values.dataset))
    throw new UsageError(`--dataset: expected ${oneOf(sets)}, found ${values.dataset}.`);
  const shard = values.shard === undefined ? undefined : readShard(values.shard);
  const epochs = wholeNumber("--epochs", values.epochs);
  const keep = amount("--keep-weights", values["keep-weights"], "megabytes");
  const checkpointSeconds = amount("--checkpoint-seconds", values["checkpoint-seconds"], "seconds") ?? 10;
  const modalities = values.modalities === undefined ? undefined : readModalities(values.modalities);
  const task = values.task === undefined ? undefined : readTask(values.task);
  const chosen = (names.length ? names : paperSuites).map(findSuite);
  const filtered = chosen.map((suite) => ({
    ...suite,
    cells: suite.cells
      .filter(
        (cell) =>
          (!values.dataset || cell.dataset === values.dataset) &&
          (!values.system || cell.system === values.system) &&
          (!task || taskName(cell.task) === taskName(task)) &&
          (!modalities || modalitiesName(cell.modalities) === modalitiesName(modalities)),
      )
      .map((cell) => (epochs && usesTrainer(cell.system) ? withEpochs(cell, epochs) : cell)),
  }));
  if (filtered.every((suite) => !suite.cells.length) && chosen.some((suite) => suite.cells.length))
    throw new UsageError(
      `${command}: expected cells that fit --dataset, --system, --task and --modalities, found none in ${chosen.map((s) => s.name).join(", ")}. See --dry-run.`,
    );
  const fastMath = values["fast-math"] ?? false;
  const places = placesOf(engine, fastMath);
  return {
    suites: filtered,
    profile,
    seeds: wholeNumber("--seeds", values.seeds),
    engine,
    fastMath,
    workers: wholeNumber("--workers", values.workers) ?? places.workers,
    ...(places.gpus && { gpus: places.gpus }),
    dataDir: values.slurm ? values.data : folder("--data", values.data), // the array's machines may have what this one has not
    folders: foldersOf(values.out ?? "results/runs", shard),
    shard,
    fresh: values.fresh ?? readTime("--fresh-since", values["fresh-since"]) ?? false,
    retryFailed: values["retry-failed"] ?? false,
    ...(keep !== undefined && { keepWeights: keep * 2 ** 20 }),
    checkpointSeconds,
    transcripts: values.transcripts ?? false,
  };
}

const withEpochs = (cell: Cell, epochs: number): Cell => ({ ...cell, config: { ...cell.config, epochs } });

/** @returns the time as it was given */
function readTime(option: string, text: string | undefined): string | undefined {
  if (text !== undefined && !(/^\d{4}-\d\d-\d\d/.test(text) && Number.isFinite(Date.parse(text))))
    throw new UsageError(`${option}: expected a time such as 2026-01-31T12:00:00Z, found ${text}.`);
  return text;
}

function readShard(text: string): Shard {
  const [index, count] = /^\d+\/\d+$/.test(text) ? text.split("/").map(Number) : [0, 0];
  if (index < 1 || index > count)
    throw new UsageError(`--shard: expected I/N with I from 1 to N, such as 2/4, found ${text}.`);
  return { index, count };
}

/** The plan; on the synthetic set, said plainly, where none of the real data sets is here. */
async function planWithFallback(
  o: ReproduceOptions,
  records: Parameters<typeof plan>[1]["records"],
  say: (line: string) => void,
): Promise<{ cells: PlannedCell[]; synthetic: boolean }> {
  const settings = { profile: o.profile, seeds: o.seeds, dataDir: o.dataDir, records };
  const cells = await plan(o.suites, settings);
  if (cells.some((cell) => cell.runs.length) || !cells.some((cell) => !cell.cell.missing))
    return { cells, synthetic: false };
  for (const { cell, missing } of cells.filter((c) => !c.cell.missing).slice(0, 1))
    say(`no real data can be had (${cell.dataset}: ${missing})`);
  say("running on the built-in SYNTHETIC set instead: its scores say nothing about the paper.");
  return { cells: [...cells, ...(await plan([findSuite("synthetic")], settings))], synthetic: true };
}

/** Runs what is missing. */
export async function reproduce(o: ReproduceOptions, say: (line: string) => void): Promise<Outcome> {
  const { folders, shard } = o;
  leaveAtSignals();
  if (o.emptyFirst) refuseForeign(folders); // before the lock, which makes folders
  const release = takeLock(folders.work, `lock${folders.suffix}`);
  try {
    if (o.emptyFirst) emptyFolder(folders);
    openFolders(folders, say);
    const { records, problems } = readRecords(folders.out);
    for (const { kind, message } of problems) if (kind !== "duplicate") say(message);
    const { cells } = await planWithFallback(o, records, say);
    const all = cells.flatMap(({ runs }) => runs);
    const mine = shard ? all.filter(({ deal }) => deal % shard.count === shard.index - 1) : all;
    const todo = longestFirst(
      mine.filter(({ recorded }) => !recorded || isStale(recorded, o.fresh) || (recorded.status === "failed" && o.retryFailed)), // prettier-ignore
    );
    const lacking = cells.filter((cell) => cell.missing).length;
    const total = todo.reduce((sum, run) => sum + run.estimate, 0);
    say(
      `${mine.length} runs of ${cells.length - lacking} cells: ${mine.length - todo.length} recorded, ${todo.length} to do` +
        `${todo.length ? ` (about ${duration(total / o.workers)} with ${Math.min(o.workers, todo.length)} workers)` : ""}; ` +
        `${lacking} cells lack data (--dry-run says what).`,
    );
    const known = mine.filter((run) => !todo.includes(run) && run.recorded?.status === "failed").length;
    if (known) say(`${known} recorded runs failed; --retry-failed does them again.`);
    if (!todo.length) return { cells, done: 0, failed: 0, interrupted: false };
    return { cells, ...(await work(o, todo)) };
  } finally {
    release();
  }
}

const isStale = ({ started }: RunRecord, fresh: boolean | string): boolean =>
  typeof fresh === "string" ? Date.parse(started) < Date.parse(fresh) : fresh;

/**
 * Within a seed (or a trial) the longest first, so that no worker is left with one at the end. Not before shards are dealt: estimates
 * differ from machine to machine.
 */
function longestFirst(runs: readonly PlannedRun[]): PlannedRun[] {
  const round = ({ job }: PlannedRun): number => job.trial ?? job.seed;
  return runs.toSorted((a, b) => round(a) - round(b) || b.estimate - a.estimate);
}

/**
 * Bytes of weights that are kept of a run by default, so that a reviewer can score it and draw its attention without training: seed 1 of
 * the cells of Figure 3 whole, of Table 1's others what is small.
 */
function keptByDefault({ job }: PlannedRun): number {
  if (job.seed !== 1 || job.trial !== undefined) return 0;
  const name = cellName(job.cell);
  if (findSuite("figure3").cells.some((cell) => cellName(cell) === name)) return 64 * 2 ** 20;
  return job.suite === "table1" ? 2.5 * 2 ** 20 : 0;
}

async function work(o: ReproduceOptions, todo: readonly PlannedRun[]): Promise<Omit<Outcome, "cells">> {
  const { folders } = o;
  const line = new ProgressLine();
  let engineSaid = false;
  const queue = new Queue(
    todo,
    {
      workers: o.workers,
      ...(o.gpus && { gpus: o.gpus }),
      settings: {
        engine: o.engine,
        fastMath: o.fastMath,
        ...(o.dataDir && { dataDir: o.dataDir }),
        out: folders.out,
        work: folders.work,
        code: codeVersion(),
        checkpointSeconds: o.checkpointSeconds,
      },
      folders,
      keepWeights: (run) => o.keepWeights ?? keptByDefault(run),
    },
    {
      ready({ name, device, threads }) {
        if (!engineSaid) line.say(`engine: ${name} on ${device}, ${threads} thread${threads > 1 ? "s" : ""} a worker`);
        engineSaid = true;
      },
      recorded(record) {
        const { metrics } = todo.find(({ id }) => id === record.id)!.job.cell;
        const shown = metrics
          .map(({ name }) => `${name} ${record.metrics.test[name]?.toFixed(3) ?? "-"}`)
          .slice(0, 4)
          .join(", ");
        const trial = record.trial === undefined ? "" : ` trial ${record.trial}`;
        line.say(
          `${record.cell} #${record.seed}${trial}: ${record.status === "ok" ? shown : `FAILED: ${record.reason}`} (${duration(record.seconds)})`,
        );
      },
      progress: (state) => line.show(state),
      say: (text) => line.say(text),
    },
  );
  const interrupts = new Interrupts(queue, () =>
    line.say("stopping: runs in progress are kept as checkpoints (once more: at once) ..."),
  );
  try {
    await queue.run();
  } finally {
    interrupts.end();
    line.end();
  }
  const { done, failed } = queue.state;
  return { done, failed, interrupted: interrupts.count > 0 };
}

/** Lines of `--dry-run`. */
export function dryRun(cells: readonly PlannedCell[], workers: number): string[] {
  const lines: string[] = [];
  let hours = 0;
  for (const { suite, name, missing, runs } of cells) {
    if (missing) {
      lines.push(`${suite}  ${name}: lacks data: ${missing}`);
      continue;
    }
    const todo = runs.filter((run) => !run.recorded);
    const seconds = todo.reduce((sum, run) => sum + run.estimate, 0);
    hours += seconds / 3600;
    lines.push(
      `${suite}  ${name}: ${runs.length} runs, ${runs.length - todo.length} recorded` +
        (todo.length ? `, about ${duration(seconds)}` : ""),
    );
  }
  const runs = cells.flatMap((cell) => cell.runs);
  const rest = runs.filter((run) => !run.recorded).length;
  lines.push(
    `${cells.length} cells, ${runs.length} runs, ${rest} to do: about ${(hours / workers).toFixed(1)} hours with ${workers} workers on this machine.`,
  );
  return lines;
}

/** The summary on the terminal, and the report of all that is recorded. */
async function finish(
  o: ReproduceOptions,
  reportDir: string | undefined,
  say: (line: string) => void,
): Promise<number> {
  const { out } = o.folders;
  if (!fs.existsSync(out))
    throw new UserError(`${out}: expected run records, found no such folder. Run without --report-only.`);
  const { records } = readRecords(out);
  for (const text of summaryLines(o.suites, records)) console.log(text);
  if (reportDir === undefined) return 0;
  await writeArtefacts(o, records, say);
  say("report: intervals over the test set, paired tests, tables ...");
  const { input } = await collect({ runs: out, dataDir: o.dataDir, transcripts: o.transcripts, say });
  if (input.banner) say(input.banner);
  say(`report: ${await writeReport(reportDir, input)}`);
  return 0;
}

if (require.main === module) entry(main);
