/**
 * Record files: JSON Lines, append-only. A line is written whole or not at all; a line that another death left torn is set
 * aside; of equal lines one counts; lines that contradict each other are told.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { canonicalJson } from "../core/json";
import { TornRecordError, parseRecord, recordLine, type RunRecord } from "../core/record";
import { RecordError } from "../core/errors";
import { writeAll, writeError } from "./files";

export interface RecordProblem {
  readonly kind: "torn" | "damaged" | "duplicate" | "conflict";
  /** "table1.jsonl, line 12". */
  readonly where: string;
  readonly message: string;
}

export interface RecordsRead {
  /** One a run, in the order of recording: of several with one id the last that ended well, or the last failure. */
  readonly records: readonly RunRecord[];
  readonly problems: readonly RecordProblem[];
}

/** What a run found, without when, where and how fast. */
export function resultOf(record: RunRecord): string {
  const { status, reason, epochs, chosen, metrics, weightsHash, parameters, rows, selectionScore } = record;
  const untimed = epochs.map((epoch) => ({ ...epoch, seconds: undefined }));
  return canonicalJson({
    status,
    reason,
    epochs: untimed,
    chosen,
    metrics,
    weightsHash,
    parameters,
    rows,
    selectionScore,
  });
}

/** A record as it was found. */
interface Found {
  readonly record: RunRecord;
  readonly where: string;
  /** Milliseconds: when it, or a line above it in its file, was started; the latest of them. */
  readonly since: number;
}

/** A failure (a machine without memory, say) takes nothing from a result that is there; of equals the later counts. */
const supersedes = (next: RunRecord, known: RunRecord): boolean => next.status === known.status || next.status === "ok";

/**
 * Reads all `*.jsonl` of a folder, or only one; what cannot be read is a problem, never an end. A missing folder has no records.
 * What is later is told by the order of lines, which no clock can set back; by the clock only between files.
 */
export function readRecords(dir: string, only?: string): RecordsRead {
  const problems: RecordProblem[] = [];
  const found: Found[] = [];
  const names = fs.existsSync(dir) ? fs.readdirSync(dir).sort() : [];
  const wanted = names.filter((name) => (only === undefined ? name.endsWith(".jsonl") : name === only));
  const files = wanted.filter((name) => fs.statSync(path.join(dir, name)).isFile());
  for (const file of files) {
    const lines = fs.readFileSync(path.join(dir, file), "utf8").split("\n");
    let since = -Infinity;
    lines.forEach((line, i) => {
      if (line === "") return;
      const where = `${file}, line ${i + 1}`;
      try {
        const record = parseRecord(line, where);
        since = Math.max(since, Date.parse(record.started));
        found.push({ record, where, since });
      } catch (error) {
        if (!(error instanceof RecordError)) throw error;
        problems.push({ kind: error instanceof TornRecordError ? "torn" : "damaged", where, message: error.message });
      }
    });
  }
  const byId = new Map<string, Found>();
  for (const next of found.sort((a, b) => a.since - b.since)) {
    const { id } = next.record;
    const known = byId.get(id);
    const [kept, other] = !known || supersedes(next.record, known.record) ? [next, known] : [known, next];
    if (kept === next) byId.delete(id); // its place is that of the line that counts
    byId.set(id, kept);
    if (!other || other.record.status === "failed") continue; // done again before or after, and well
    const same = resultOf(kept.record) === resultOf(other.record);
    const made = ({ record: { code, engine } }: typeof kept) =>
      `code ${code.commit ?? code.version}, engine ${engine.name}`;
    problems.push({
      kind: same ? "duplicate" : "conflict",
      where: other.where,
      message: same
        ? `${other.where}: the same run with the same result as ${kept.where}; it counts once.`
        : `${other.where}: the same run (${id}, seed ${kept.record.seed}) as ${kept.where} with another result (${made(other)}; there ${made(kept)}). The later one counts.`,
    });
  }
  return { records: [...byId.values()].map(({ record }) => record), problems };
}

/**
 * Appends one record: the whole line, flushed, or nothing.
 * @throws UserError when the disk is full, with the file as it was
 */
export function appendRecord(file: string, record: RunRecord): void {
  const line = Buffer.from(`${recordLine(record)}\n`);
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const fd = fs.openSync(file, "a");
    const before = fs.fstatSync(fd);
    try {
      writeAll(fd, line);
      fs.fsyncSync(fd);
    } catch (error) {
      if (before.isFile()) fs.ftruncateSync(fd, before.size);
      throw error;
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw writeError(file, error);
  }
}

/**
 * Sets a torn end aside: what stands after the last line feed goes to FILE.torn, so that the next line begins well.
 * @returns what was done, or undefined
 */
export function mendTail(file: string): string | undefined {
  if (!fs.existsSync(file) || !fs.statSync(file).isFile()) return undefined;
  const bytes = fs.readFileSync(file);
  const end = bytes.lastIndexOf(0x0a) + 1;
  if (end === bytes.length) return undefined;
  const tail = bytes.subarray(end);
  try {
    parseRecord(tail.toString("utf8"), path.basename(file));
    fs.appendFileSync(file, "\n"); // whole but for its line feed
    return `${path.basename(file)}: the last line lacked its line feed; it is kept.`;
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    fs.appendFileSync(`${file}.torn`, Buffer.concat([tail, Buffer.from("\n")]));
    fs.truncateSync(file, end);
    return `${path.basename(file)}: ${tail.length} bytes of a torn last line were set aside in ${path.basename(file)}.torn; that run is done again.`;
  }
}
