/**
 * A run record: one JSON line a run, all that a reader needs to trust, repeat and rescore it (design.md section 7).
 * `recordLine` writes a line, `parseRecord` reads it and refuses a torn, edited, incomplete or future one.
 */
import { RecordError, oneOf } from "./errors";
import { canonicalJson, hashOf } from "./json";
import type { Config, Modality, Protocol } from "./types";

export const recordSchema = 1;

/** Metric name -> value, as a fraction or in native units; null where these predictions do not define it (r of a constant). */
export type Scores = Readonly<Record<string, number | null>>;

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly trainLoss: number;
  /** Terms of the training loss: task, IIM_TA, ... */
  readonly losses?: Readonly<Record<string, number>>;
  readonly validLoss?: number;
  /** The score that selection looks at. */
  readonly validScore?: number;
  readonly seconds: number;
}

export interface RunRecord {
  readonly schema: typeof recordSchema;
  /** `recordId` of the run: what it computes, not where, when or by which version of the code. */
  readonly id: string;
  readonly suite: string;
  /** `cellName` of the cell. */
  readonly cell: string;
  readonly system: string;
  readonly dataset: string;
  readonly features: string;
  readonly modalities: readonly Modality[];
  /** `taskName`: "classes:2", "emotions", "intensity". */
  readonly task: string;
  readonly protocol: Protocol;
  readonly profile: string;
  /** The full configuration, defaults included. */
  readonly config: Config;
  /** `hashOf(config)`. */
  readonly configHash: string;
  /** `Dataset.hash`. */
  readonly dataHash: string;
  readonly code: { readonly version: string; readonly commit?: string };
  readonly engine: {
    readonly name: string;
    readonly device: string;
    readonly threads: number;
    readonly versions: Readonly<Record<string, string>>;
    readonly flags: Readonly<Record<string, string | number | boolean>>;
  };
  readonly seed: number;
  readonly status: "ok" | "failed";
  /** Why it failed: the error's message. */
  readonly reason?: string;
  /** What the fit did that a reader should know: "Nystroem features of 1000 training rows, ...". Absent where there is nothing. */
  readonly notes?: readonly string[];
  readonly epochs: readonly EpochRecord[];
  /** Absent in a failed run and in a system that has no epochs. */
  readonly chosen?: {
    readonly epoch: number;
    /** "best validation loss", "last of 20 (fixed)", ... */
    readonly why: string;
    /** Emotion thresholds: metric (or "one") -> threshold chosen on validation. */
    readonly thresholds?: Readonly<Record<string, number>>;
  };
  readonly metrics: {
    readonly train?: Scores;
    readonly valid?: Scores;
    readonly test: Scores;
    /** The best epoch and threshold on the test set: imitates the released code, never used for a claim. */
    readonly testSelected?: Scores;
  };
  /** Raw test predictions: a file beside the records; `entries` names what it holds. */
  readonly predictions?: { readonly file: string; readonly sha256: string; readonly entries: readonly string[] };
  readonly weightsHash?: string;
  readonly weightsFile?: string;
  /** Trainable parameters. */
  readonly parameters: number;
  /** Labelled units a split. */
  readonly rows: { readonly train: number; readonly valid: number; readonly test: number };
  /** Search only: number of the trial, from 0, and the validation score it is ranked by. */
  readonly trial?: number;
  readonly selectionScore?: number;
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly seconds: number;
  readonly peakRssMb: number;
  readonly host: { readonly cpu: string; readonly cores: number; readonly node: string; readonly os: string };
}

/** The identity of a run: cell, full configuration, data, seed and trial. Code, engine, machine and time are not part of it. */
export function recordId(
  run: Pick<RunRecord, "cell" | "protocol" | "configHash" | "dataHash" | "seed" | "trial">,
): string {
  const { cell, protocol, configHash, dataHash, seed, trial } = run;
  return hashOf({ cell, protocol, configHash, dataHash, seed, trial });
}

/** The best trial by its validation score (a loss: the least); undefined where none has ended well. */
export function bestTrial(records: readonly RunRecord[]): RunRecord | undefined {
  return records
    .filter((r) => r.status === "ok" && r.trial !== undefined && r.selectionScore !== undefined)
    .sort((a, b) => a.selectionScore! - b.selectionScore! || a.trial! - b.trial!)[0];
}

/** The line of a record, without the line feed: canonical JSON with a checksum over all else in `check`. */
export function recordLine(record: RunRecord): string {
  const problem = findProblem(record);
  if (problem) throw new RecordError(`record ${record.id ?? "without id"}: ${problem}`);
  return canonicalJson({ ...record, check: hashOf(record) }, "record");
}

/** A line that ends in the middle: a process died while writing it. Set it aside, run again. */
export class TornRecordError extends RecordError {}

/**
 * Reads one line of a record file.
 * @param where  for messages: "runs/table1.jsonl, line 12"
 * @throws TornRecordError if the line is no complete JSON object; RecordError if it is of another version, was edited, or lacks a field
 */
export function parseRecord(line: string, where = "record"): RunRecord {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new TornRecordError(
      `${where}: expected one JSON object, found ${line.length} characters that end at ${JSON.stringify(line.slice(-24))}. ` +
        `The line is torn: set it aside; the run will be done again.`,
    );
  }
  if (value === null || typeof value !== "object" || Array.isArray(value))
    throw new TornRecordError(`${where}: expected one JSON object, found ${line.slice(0, 40)}.`);
  const { check, ...record } = value as Record<string, unknown>;
  if (record.schema !== recordSchema)
    throw new RecordError(
      `${where}: expected schema ${recordSchema}, found ${JSON.stringify(record.schema)}. ` +
        `A newer version of this program wrote it: update, or move the file away.`,
    );
  if (check !== hashOf(record))
    throw new RecordError(
      `${where}: expected checksum ${hashOf(record)}, found ${JSON.stringify(check)}. ` +
        `The line was edited or damaged: restore it, or delete it and run again.`,
    );
  const problem = findProblem(record);
  if (problem) throw new RecordError(`${where}: ${problem}`);
  return record as unknown as RunRecord;
}

type Check = (value: unknown, path: string) => string | undefined;

const expected = (what: string, value: unknown, path: string) =>
  `${path}: expected ${what}, found ${value === undefined ? "nothing" : JSON.stringify(value)}`;
const text: Check = (v, p) => (typeof v === "string" && v !== "" ? undefined : expected("text", v, p));
const number: Check = (v, p) => (Number.isFinite(v) ? undefined : expected("a number", v, p));
const count: Check = (v, p) => (Number.isSafeInteger(v) && (v as number) >= 0 ? undefined : expected("a count", v, p));
const integer: Check = (v, p) => (Number.isSafeInteger(v) ? undefined : expected("an integer", v, p));
const hash: Check = (v, p) =>
  typeof v === "string" && /^[0-9a-f]{16,64}$/.test(v) ? undefined : expected("a hash in hex", v, p);
const scalar: Check = (v, p) =>
  Number.isFinite(v) || typeof v === "string" || typeof v === "boolean"
    ? undefined
    : expected("a number, text or boolean", v, p);
const time: Check = (v, p) =>
  typeof v === "string" && /^\d{4}-\d\d-\d\dT/.test(v) && !Number.isNaN(Date.parse(v))
    ? undefined
    : expected("a time (ISO 8601)", v, p);
const score: Check = (v, p) => (v === null || Number.isFinite(v) ? undefined : expected("a number or null", v, p));
const optional =
  (check: Check): Check =>
  (v, p) =>
    v === undefined ? undefined : check(v, p);
const anyOf =
  (...names: string[]): Check =>
  (v, p) =>
    names.includes(v as string) ? undefined : expected(oneOf(names), v, p);
const list =
  (check: Check): Check =>
  (v, p) =>
    Array.isArray(v) ? first(v.map((x, i) => check(x, `${p}[${i}]`))) : expected("a list", v, p);
const isObject = (v: unknown): v is Record<string, unknown> => v !== null && typeof v === "object" && !Array.isArray(v);
const dictionary =
  (check: Check): Check =>
  (v, p) =>
    isObject(v) ? first(Object.keys(v).map((k) => check(v[k], `${p}.${k}`))) : expected("an object", v, p);
/** All fields listed must hold, and no other may be there. */
const object =
  (fields: Record<string, Check>): Check =>
  (v, p) => {
    if (!isObject(v)) return expected("an object", v, p);
    const unknown = Object.keys(v).find((k) => v[k] !== undefined && !Object.hasOwn(fields, k));
    if (unknown) return `${p}.${unknown}: unknown field. Known are ${Object.keys(fields).join(", ")}`;
    return first(Object.keys(fields).map((k) => fields[k](v[k], `${p}.${k}`)));
  };
const first = (problems: (string | undefined)[]) => problems.find((problem) => problem !== undefined);

const fields: Record<keyof RunRecord, Check> = {
  schema: (v, p) => (v === recordSchema ? undefined : expected(`${recordSchema}`, v, p)),
  id: hash,
  suite: text,
  cell: text,
  system: text,
  dataset: text,
  features: text,
  modalities: list(anyOf("T", "A", "V")),
  task: text,
  protocol: anyOf("validation", "fixed-epochs", "test-selected"),
  profile: text,
  config: dictionary(scalar),
  configHash: hash,
  dataHash: hash,
  code: object({ version: text, commit: optional(text) }),
  engine: object({
    name: text,
    device: text,
    threads: count,
    versions: dictionary(text),
    flags: dictionary(scalar),
  }),
  seed: integer,
  status: anyOf("ok", "failed"),
  reason: optional(text),
  notes: optional(list(text)),
  epochs: list(
    object({
      epoch: count,
      trainLoss: number,
      losses: optional(dictionary(number)),
      validLoss: optional(number),
      validScore: optional(number),
      seconds: number,
    }),
  ),
  chosen: optional(object({ epoch: count, why: text, thresholds: optional(dictionary(number)) })),
  metrics: object({
    train: optional(dictionary(score)),
    valid: optional(dictionary(score)),
    test: dictionary(score),
    testSelected: optional(dictionary(score)),
  }),
  predictions: optional(object({ file: text, sha256: hash, entries: list(text) })),
  weightsHash: optional(hash),
  weightsFile: optional(text),
  parameters: count,
  rows: object({ train: count, valid: count, test: count }),
  trial: optional(count),
  selectionScore: optional(number),
  started: time,
  seconds: number,
  peakRssMb: number,
  host: object({ cpu: text, cores: count, node: text, os: text }),
};

/** What is wrong with a record, or undefined. */
function findProblem(record: unknown): string | undefined {
  const problem = object(fields)(record, "record");
  if (problem) return `${problem}.`;
  const run = record as RunRecord;
  if (run.status === "failed" && !run.reason) return "record.reason: expected why the run failed, found nothing.";
  if (run.id !== recordId(run))
    return `record.id: expected ${recordId(run)} for this cell, configuration, data and seed, found ${run.id}.`;
  if (run.configHash !== hashOf(run.config))
    return `record.configHash: expected ${hashOf(run.config)}, found ${run.configHash}.`;
  return undefined;
}
