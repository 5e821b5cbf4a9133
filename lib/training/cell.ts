/** One run of one cell: from a suite's row and a seed to its record. */
import * as fs from "node:fs";
import * as path from "node:path";
import { performance } from "node:perf_hooks";
import { RecordError, TrainingError } from "../core/errors";
import { hashOf, sha256 } from "../core/json";
import { recordId, recordSchema, type EpochRecord, type RunRecord, type Scores } from "../core/record";
import { cellName, type Cell } from "../core/suite";
import { taskName, type Config, type Dataset, type Predictions, type Protocol, type Targets } from "../core/types";
import { withModalities } from "../data";
import type { Engine } from "../engine/engine";
import type { System } from "../layers/system";
import { codeHash, thisHost } from "./code";
import { resolveConfig, type TrainerConfig } from "./config";
import { writeWhole } from "./files";
import { hashWeights } from "./model";
import { encodeNpz } from "./npz";
import { asStored, decodePredictions, encodePredictions } from "./predictions";
import { probe, probesOf } from "./probes";
import { headline, scoreSplit, taskLoss } from "./score";
import { select, type Selected } from "./select";
import { scoreTest, train, type Progress } from "./train";

/** A run to do. */
export interface Job {
  readonly suite: string;
  readonly profile: string;
  readonly cell: Cell;
  readonly seed: number;
  /** Search only: its number and what it changes. */
  readonly trial?: number;
  readonly setting?: Config;
}

export interface JobContext {
  readonly system: System;
  /** With the cell's modalities, loaded with `scaling: "none"`. */
  readonly dataset: Dataset;
  /** Needed by neural systems. */
  readonly engine?: Engine;
  readonly code: RunRecord["code"];
  /** Where record files lie; predictions go into `predictions/`, kept weights into `weights/`. */
  readonly out: string;
  readonly checkpoint?: { readonly file: string; readonly everySeconds?: number };
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onEpoch?: (epoch: EpochRecord) => void;
  readonly say?: (line: string) => void;
  /** Largest file of weights that is kept, in bytes; 0: none. */
  readonly keepWeights?: number;
}

/** The configuration of a job, in full. @throws SystemError */
export function jobConfig(system: System, { cell, setting }: Pick<Job, "cell" | "setting">): Config {
  return resolveConfig(system, { ...cell.config, ...setting });
}

/** What a job will be recorded as. */
export function jobIdentity(
  job: Job,
  system: System,
  dataHash: string,
): Pick<RunRecord, "id" | "cell" | "protocol" | "configHash" | "dataHash" | "seed" | "trial"> {
  const identity = {
    cell: cellName(job.cell),
    protocol: job.cell.protocol,
    configHash: hashOf(jobConfig(system, job)),
    dataHash,
    seed: job.seed,
    ...(job.trial !== undefined && { trial: job.trial }),
  };
  return { ...identity, id: recordId(identity) };
}

/** A data set as a cell sees it: its modalities alone; the hash of this is the run's data hash. */
export function cellDataset(dataset: Dataset, cell: Pick<Cell, "modalities">): Dataset {
  return withModalities(dataset, cell.modalities);
}

/** Whose a checkpoint is: the run, the code and the engine. */
export function checkpointOwner(id: string, engine: Engine): string {
  const { name, device, versions, flags } = engine.info;
  return hashOf({ id, code: codeHash(), name, device, versions, flags });
}

/**
 * Does a job.
 * @returns its record (`status` "failed" with the reason where training broke), or undefined when the signal stopped it
 * @throws what is wrong with the machine (disk full), never what is wrong with the run
 */
export async function runJob(job: Job, context: JobContext): Promise<RunRecord | undefined> {
  const { system, dataset, engine, out, say } = context;
  const { cell, seed, trial } = job;
  const begun = performance.now();
  const common = commonFields(job, { ...context, engine: engine?.info, dataHash: dataset.hash });
  const epochs: EpochRecord[] = [];
  /** Of the epochs in the checkpoint; not of a first stage's nets (lib/training/stages.ts), whose epochs no record has. */
  let secondsBefore = 0;
  const spent = () => ({
    seconds: secondsBefore + (performance.now() - begun) / 1000,
    peakRssMb: Math.round(process.resourceUsage().maxRSS / 1024),
  });
  try {
    const run = await train(system, dataset, cell.task, {
      seed,
      protocol: cell.protocol,
      config: { ...cell.config, ...job.setting },
      engine,
      signal: context.signal,
      watchTest: trial === undefined,
      onProgress: context.onProgress,
      onResume(before) {
        epochs.push(...before);
        secondsBefore = before.reduce((sum, { seconds }) => sum + seconds, 0);
      },
      onEpoch(epoch) {
        epochs.push(epoch);
        context.onEpoch?.(epoch);
      },
      ...(context.checkpoint &&
        engine && {
          checkpoint: { ...context.checkpoint, owner: checkpointOwner(common.id, engine) },
        }),
      ...(say && { say }),
    });
    try {
      if (run.status === "stopped") return undefined;
      const { prepared, selected, model, valid } = run;
      const weights = await model.save();
      const test = await scoreTest(run, selected);
      const stored: Record<string, Predictions> = { test: test.predictions };
      if (valid) stored.valid = valid.predictions;
      const probed: Record<string, number | null> = {};
      for (const asked of probesOf(run)) {
        const predictions = asStored(await probe(run, asked), cell.task);
        stored[`test/${asked.name}`] = predictions;
        const { split, targets } = prepared.test;
        const scores = scoreSplit(prepared.dataset, split, targets, cell.task, predictions, selected.thresholds);
        for (const [name, value] of Object.entries(scores))
          if (!name.includes(":")) probed[`${name}:${asked.name}`] = value;
      }
      const weightsHash = hashWeights(weights);
      const hasChoice = run.epochs.length > 0 || selected.thresholds !== undefined;
      const record: RunRecord = {
        ...common,
        status: "ok",
        ...(model.notes.length && { notes: model.notes }),
        epochs: run.epochs,
        ...(hasChoice && {
          chosen: {
            epoch: selected.epoch,
            why: selected.why,
            ...(selected.thresholds && { thresholds: { ...selected.thresholds } }),
          },
        }),
        metrics: {
          train: run.train.scores,
          ...(valid && { valid: valid.scores }),
          test: { ...test.scores, ...probed },
          ...(run.testSelected && { testSelected: run.testSelected }),
        },
        predictions: writePredictions(out, common.id, stored, cell.task),
        weightsHash,
        ...writeWeights(out, common.id, weights, context.keepWeights ?? 0),
        parameters: model.parameters,
        rows: prepared.rows,
        ...(valid &&
          prepared.valid && { selectionScore: taskLoss(valid.predictions, prepared.valid.targets, cell.task) }),
        ...spent(),
      };
      return record;
    } finally {
      run.model.dispose();
    }
  } catch (error) {
    if (!(error instanceof Error) || isMachineError(error)) throw error;
    say?.(error instanceof TrainingError ? error.message : (error.stack ?? error.message));
    return failed(common, error.message, epochs, spent());
  }
}

interface Origin {
  readonly system: System;
  readonly dataHash: string;
  /** Fitted systems run on none. */
  readonly engine?: RunRecord["engine"];
  readonly code: RunRecord["code"];
}

/** What a record says of a job before it has begun. */
function commonFields(job: Job, { system, dataHash, engine, code }: Origin) {
  const { cell, suite, profile } = job;
  return {
    schema: recordSchema as typeof recordSchema,
    ...jobIdentity(job, system, dataHash),
    suite,
    system: cell.system,
    dataset: cell.dataset,
    features: cell.features,
    modalities: cell.modalities,
    task: taskName(cell.task),
    profile,
    config: jobConfig(system, job),
    code,
    engine: system.kind === "neural" && engine ? engine : plainJavaScript(),
    started: new Date().toISOString(),
    host: thisHost(),
  };
}

function failed(
  common: ReturnType<typeof commonFields>,
  reason: string,
  epochs: readonly EpochRecord[],
  spent: Pick<RunRecord, "seconds" | "peakRssMb">,
): RunRecord {
  const nothing = { metrics: { test: {} }, parameters: 0, rows: { train: 0, valid: 0, test: 0 } };
  return { ...common, status: "failed", reason, epochs, ...nothing, ...spent };
}

/** The record of a run whose process died. */
export function failedRecord(job: Job, origin: Origin, reason: string, seconds: number): RunRecord {
  return failed(commonFields(job, origin), reason, [], { seconds, peakRssMb: 0 });
}

/** Fitted systems run on no engine. */
function plainJavaScript(): RunRecord["engine"] {
  return { name: "javascript", device: "cpu", threads: 1, versions: { node: process.versions.node }, flags: {} };
}

/** The disk, not the run, is at fault: such an error ends the job without a record. */
function isMachineError(error: Error): boolean {
  return /(room|leave) to write/.test(error.message) || "errno" in error;
}

function writePredictions(
  out: string,
  id: string,
  named: Readonly<Record<string, Predictions>>,
  task: Cell["task"],
): NonNullable<RunRecord["predictions"]> {
  const bytes = encodePredictions(named, task);
  const hash = sha256(bytes);
  const file = `predictions/${id}-${hash.slice(0, 8)}.npz`;
  writeWhole(path.join(out, file), bytes);
  return { file, sha256: hash, entries: Object.keys(named) };
}

function writeWeights(
  out: string,
  id: string,
  weights: Parameters<typeof encodeNpz>[0],
  limit: number,
): Pick<RunRecord, "weightsFile"> {
  const size = Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0);
  if (size === 0 || size > limit) return {};
  const bytes = encodeNpz(weights);
  const file = `weights/${id}-${sha256(bytes).slice(0, 8)}.npz`;
  writeWhole(path.join(out, file), bytes);
  return { weightsFile: file };
}

/** The stored predictions of a run, checked against its record. @throws RecordError */
export function readPredictions(dir: string, record: RunRecord): Record<string, Predictions> {
  const { predictions } = record;
  if (!predictions) throw new RecordError(`run ${record.id}: expected stored predictions, found none in its record.`);
  const file = path.join(dir, predictions.file);
  if (!fs.existsSync(file))
    throw new RecordError(
      `run ${record.id}: expected ${predictions.file} beside its record, found none. Restore it or run again.`,
    );
  const bytes = fs.readFileSync(file);
  const hash = sha256(bytes);
  if (hash !== predictions.sha256)
    throw new RecordError(
      `${predictions.file}: expected SHA-256 ${predictions.sha256.slice(0, 16)}..., found ${hash.slice(0, 16)}.... It was changed: restore it or run again.`,
    );
  return decodePredictions(bytes, predictions.file);
}

/** Scores that a record must hold for given stored predictions: test, its probes, validation. */
export function rescore(
  dataset: Dataset,
  record: RunRecord,
  task: Cell["task"],
  stored: Readonly<Record<string, Predictions>>,
  targetsOf: (split: "test" | "valid") => {
    readonly split: Dataset["test"];
    readonly targets: Parameters<typeof scoreSplit>[2];
  },
): { test: Scores; valid?: Scores } {
  const thresholds = record.chosen?.thresholds as Parameters<typeof scoreSplit>[5];
  const score = (name: "test" | "valid", predictions: Predictions) => {
    const { split, targets } = targetsOf(name);
    return scoreSplit(dataset, split, targets, task, predictions, thresholds);
  };
  const test: Record<string, number | null> = { ...score("test", stored.test) };
  for (const [entry, predictions] of Object.entries(stored)) {
    if (!entry.startsWith("test/")) continue;
    for (const [name, value] of Object.entries(score("test", predictions)))
      if (!name.includes(":")) test[`${name}:${entry.slice(5)}`] = value;
  }
  return { test, ...(stored.valid && { valid: score("valid", stored.valid) }) };
}

/**
 * What a record must say of its selection: epoch by its own epochs, thresholds and score by its stored validation predictions.
 * @param valid  absent where the run had no validation split
 */
export function reselect(
  record: RunRecord,
  task: Cell["task"],
  valid: { readonly targets: Targets; readonly predictions: Predictions } | undefined,
): { readonly chosen?: Pick<Selected, "epoch" | "why" | "thresholds">; readonly selectionScore?: number } {
  const { config, epochs, protocol } = record;
  const emotions = valid ? { truth: valid.targets.values, predictions: valid.predictions } : "no validation split";
  const { epoch, why, thresholds } = select({
    protocol: protocol as Protocol,
    rule: config as unknown as TrainerConfig,
    metric: headline(task),
    epochs,
    ...(task.kind === "emotions" && { emotions }),
  });
  const made = epochs.length > 0 || thresholds !== undefined;
  return {
    ...(made && { chosen: { epoch, why, ...(thresholds && { thresholds: { ...thresholds } }) } }),
    ...(valid && { selectionScore: taskLoss(valid.predictions, valid.targets, task) }),
  };
}
