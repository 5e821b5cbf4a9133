/**
 * TensorBoard event files of runs' curves. A file is a row of TFRecords (length, masked CRC-32C of the length, data, masked
 * CRC-32C of the data) holding `Event` protocol buffers; only scalars are written.
 */
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { RunRecord } from "../core/record";

const crcTable = Uint32Array.from({ length: 256 }, (_, i) => {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  return c;
});

/** CRC-32C (Castagnoli), unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const masked = (bytes: Uint8Array): number => {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
};

/** One TFRecord. */
function tfRecord(data: Uint8Array): Buffer {
  const out = Buffer.alloc(16 + data.length);
  out.writeUInt32LE(data.length, 0);
  out.writeUInt32LE(masked(out.subarray(0, 8)), 8);
  out.set(data, 12);
  out.writeUInt32LE(masked(data), 12 + data.length);
  return out;
}

// Protocol buffers: a field is its number and wire type, then a varint, eight bytes, four bytes, or a length and bytes.
function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}
const key = (field: number, wire: number) => varint(field * 8 + wire);
const double = (field: number, value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([key(field, 1), bytes]);
};
const float = (field: number, value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([key(field, 5), bytes]);
};
const bytes = (field: number, value: Uint8Array) => Buffer.concat([key(field, 2), varint(value.length), value]);
const text = (field: number, value: string) => bytes(field, Buffer.from(value, "utf8"));

/** Event: wall_time = 1, step = 2, file_version = 3, summary = 5; Summary.value = 1; Value: tag = 1, simple_value = 2. */
function scalarEvent(wallTime: number, step: number, scalars: Readonly<Record<string, number>>): Buffer {
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytes(1, Buffer.concat([text(1, tag), float(2, value)])),
  );
  return Buffer.concat([double(1, wallTime), key(2, 0), varint(step), bytes(5, Buffer.concat(values))]);
}

/** The event file of a run: losses and validation score by epoch, and test scores at the chosen epoch. */
export function tensorboardEvents(run: RunRecord): Buffer {
  const begin = Date.parse(run.started) / 1000;
  const events: Buffer[] = [Buffer.concat([double(1, begin), text(3, "brain.Event:2")])];
  let time = begin;
  for (const { epoch, trainLoss, losses = {}, validLoss, validScore, seconds } of run.epochs) {
    time += seconds;
    const terms = Object.fromEntries(Object.entries(losses).map(([term, value]) => [`loss/train/${term}`, value]));
    events.push(
      scalarEvent(time, epoch, {
        "loss/train": trainLoss,
        ...terms,
        ...(validLoss !== undefined && { "loss/valid": validLoss }),
        ...(validScore !== undefined && { "score/valid": validScore }),
      }),
    );
  }
  const test = Object.entries(run.metrics.test).flatMap(([name, value]) =>
    value === null ? [] : [[`test/${name}`, value] as const],
  );
  if (test.length)
    events.push(scalarEvent(time, run.chosen?.epoch ?? run.epochs.at(-1)?.epoch ?? 0, Object.fromEntries(test)));
  return Buffer.concat(events.map(tfRecord));
}

/**
 * Writes DIR/<cell>/seed-<n>-<run>/events.out.tfevents.<run>, a folder and a file a run (a cell may have runs of one seed on several
 * states of its data); a file that is there already is replaced.
 * @returns the files written
 */
export function writeTensorboard(dir: string, records: readonly RunRecord[]): string[] {
  return records.map((run) => {
    const trial = run.trial === undefined ? "" : `-trial-${run.trial}`;
    // Windows allows no : = ? in names.
    const cell = run.cell.split("/").map((part) => part.replace(/[^\w.+-]+/g, "-"));
    const folder = path.join(dir, ...cell, `seed-${run.seed}${trial}-${run.id.slice(0, 8)}`);
    mkdirSync(folder, { recursive: true });
    const file = path.join(folder, `events.out.tfevents.${run.id}`);
    const beside = `${file}.${process.pid}.part`; // several shards may write into one folder
    writeFileSync(beside, tensorboardEvents(run));
    renameSync(beside, file);
    return file;
  });
}
