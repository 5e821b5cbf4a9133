import { strict as assert } from "node:assert";
import { RecordError } from "../../lib/core/errors";
import { canonicalJson, hashOf, sha256 } from "../../lib/core/json";
import { TornRecordError, bestTrial, parseRecord, recordId, recordLine, type RunRecord } from "../../lib/core/record";

const config = { k: 100, drop: 0.5, variant: "released" };
const identity = {
  cell: "cia/mosi/minilm/T/classes:2/validation",
  protocol: "validation" as const,
  configHash: hashOf(config),
  dataHash: sha256("data"),
  seed: 1,
};
const record: RunRecord = {
  schema: 1,
  id: recordId(identity),
  ...identity,
  suite: "table1",
  system: "cia",
  dataset: "mosi",
  features: "minilm",
  modalities: ["T"],
  task: "classes:2",
  profile: "quick",
  config,
  code: { version: "0.1.0" },
  engine: { name: "wasm", device: "cpu", threads: 1, versions: { tfjs: "4.22.0" }, flags: {} },
  status: "ok",
  epochs: [{ epoch: 1, trainLoss: 0.7, validLoss: 0.69, seconds: 1.5 }],
  chosen: { epoch: 1, why: "best validation loss" },
  metrics: { valid: { A2: 0.75 }, test: { A2: 0.7421, r: null } },
  weightsHash: sha256("weights"),
  parameters: 1234,
  rows: { train: 1284, valid: 229, test: 686 },
  started: "2026-01-01T00:00:00.000Z",
  seconds: 12.5,
  peakRssMb: 300,
  host: { cpu: "a cpu", cores: 2, node: "24.0.0", os: "linux" },
};

/** A record line whose checksum is right although a field is not: what a program with a fault would write. */
const forge = (change: object) => {
  const forged = { ...record, ...change };
  return canonicalJson({ ...forged, check: hashOf(forged) });
};

describe("run records", () => {
  it("come back from their line as they were", () => {
    assert.deepEqual(parseRecord(recordLine(record)), record);
  });

  it("of a search: the best trial has the least validation loss, the first of equals; failed trials and plain runs are none", () => {
    const trial = (number: number, selectionScore: number, change: Partial<RunRecord> = {}): RunRecord => ({
      ...record,
      trial: number,
      selectionScore,
      ...change,
    });
    const failed = trial(0, 0.1, { status: "failed" });
    const plain = trial(0, 0.1, { trial: undefined });
    assert.equal(bestTrial([trial(3, 0.5), failed, trial(2, 0.4), plain, trial(1, 0.4)])?.trial, 1);
    assert.equal(bestTrial([failed, plain]), undefined);
  });
  it("do not depend on the order in which fields were set", () => {
    assert.equal(
      recordLine(Object.fromEntries(Object.entries(record).reverse()) as unknown as RunRecord),
      recordLine(record),
    );
  });
  it("are refused as torn wherever the line was cut", () => {
    const line = recordLine(record);
    for (const length of [0, 1, 50, line.length - 1])
      assert.throws(() => parseRecord(line.slice(0, length), "runs.jsonl, line 3"), TornRecordError);
    assert.throws(
      () => parseRecord(line.slice(0, 50), "runs.jsonl, line 3"),
      /^TornRecordError: runs.jsonl, line 3: expected one JSON object/,
    );
  });
  it("are refused when a number was edited", () => {
    assert.throws(
      () => parseRecord(recordLine(record).replace("0.7421", "0.9421")),
      (e: Error) => e instanceof RecordError && !(e instanceof TornRecordError) && /checksum/.test(e.message),
    );
  });
  it("of a future version are refused with the advice to update", () => {
    assert.throws(() => parseRecord(forge({ schema: 2 })), /expected schema 1, found 2.*update/);
  });
  it("name the field that is wrong, missing or unknown", () => {
    for (const [change, message] of [
      [{ seed: "1" }, /record\.seed: expected an integer, found "1"/],
      [{ engine: undefined }, /record\.engine: expected an object, found nothing/],
      [{ metrics: { test: { A2: "high" } } }, /record\.metrics\.test\.A2: expected a number or null/],
      [{ epochs: [{ epoch: 1, seconds: 1 }] }, /record\.epochs\[0\]\.trainLoss: expected a number, found nothing/],
      [{ colour: "red" }, /record\.colour: unknown field/],
      [{ status: "failed" }, /record\.reason: expected why the run failed/],
      [{ seed: 2 }, /record\.id: expected/],
      [{ started: "yesterday" }, /record\.started: expected a time/],
      [{ protocol: "hope" }, /record\.protocol: expected validation, fixed-epochs or test-selected/],
    ] as const)
      assert.throws(() => parseRecord(forge(change)), message);
  });
  it("cannot be written with a number that JSON does not hold", () => {
    assert.throws(() => recordLine({ ...record, seconds: NaN }), /record\.seconds: expected a number/);
    assert.throws(() => canonicalJson({ a: [1, Infinity] }), /value\.a\[1\]: expected a finite number, found Infinity/);
  });
  it("share their identity with a run of another code version and differ from one with another seed, data or configuration", () => {
    assert.equal(recordId({ ...record, ...{ code: { version: "9" } } }), record.id);
    for (const change of [{ seed: 2 }, { dataHash: sha256("other") }, { configHash: hashOf({}) }, { trial: 0 }])
      assert.notEqual(recordId({ ...record, ...change }), record.id);
  });
});
