import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { hashOf, sha256 } from "../../lib/core/json";
import { recordId, recordLine, type RunRecord } from "../../lib/core/record";
import { chooseRuns } from "../../lib/report/verdict";
import { appendRecord, mendTail, readRecords } from "../../lib/training";
import { temporaryFolder } from "./helpers";

export function recordOf(change: Partial<RunRecord> = {}): RunRecord {
  const config = change.config ?? { k: 100 };
  const identity = {
    cell: change.cell ?? "cia/mosi/minilm/T/classes:2/validation",
    protocol: "validation" as const,
    configHash: hashOf(config),
    dataHash: change.dataHash ?? sha256("data"),
    seed: change.seed ?? 1,
  };
  return {
    schema: 1,
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
    engine: { name: "wasm", device: "cpu", threads: 1, versions: {}, flags: {} },
    status: "ok",
    epochs: [{ epoch: 1, trainLoss: 0.7, validLoss: 0.69, seconds: 1.5 }],
    chosen: { epoch: 1, why: "best validation loss" },
    metrics: { valid: { A2: 0.75 }, test: { A2: 0.74 } },
    weightsHash: sha256("weights"),
    parameters: 1234,
    rows: { train: 1284, valid: 229, test: 686 },
    started: "2026-01-01T00:00:00.000Z",
    seconds: 12.5,
    peakRssMb: 300,
    host: { cpu: "a cpu", cores: 2, node: "24.0.0", os: "linux" },
    ...change,
    id: recordId(identity),
  };
}

describe("record files", () => {
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = temporaryFolder("records");
    file = path.join(dir, "table1.jsonl");
  });

  it("hold what was appended, one line a run", () => {
    const runs = [1, 2, 3].map((seed) => recordOf({ seed }));
    runs.forEach((run) => appendRecord(file, run));
    assert.deepEqual(readRecords(dir), { records: runs, problems: [] });
  });

  it("set a torn last line aside and lose nothing else", () => {
    appendRecord(file, recordOf({ seed: 1 }));
    const torn = recordLine(recordOf({ seed: 2 })).slice(0, 200);
    fs.appendFileSync(file, torn);
    assert.equal(readRecords(dir).problems[0].kind, "torn");
    assert.match(mendTail(file)!, /200 bytes of a torn last line were set aside in table1.jsonl.torn/);
    assert.equal(fs.readFileSync(`${file}.torn`, "utf8"), `${torn}\n`);
    appendRecord(file, recordOf({ seed: 2 }));
    const { records, problems } = readRecords(dir);
    assert.deepEqual(records.map((r) => r.seed), [1, 2]); // prettier-ignore
    assert.deepEqual(problems, []);
  });

  it("keep a whole last line that only lacks its line feed", () => {
    fs.writeFileSync(file, recordLine(recordOf()));
    assert.match(mendTail(file)!, /it is kept/);
    assert.equal(readRecords(dir).records.length, 1);
    assert.equal(mendTail(file), undefined);
  });

  it("count the same run once, from however many files, and say so", () => {
    appendRecord(file, recordOf());
    appendRecord(
      path.join(dir, "table1.shard-1-of-2.jsonl"),
      recordOf({ seconds: 99, started: "2026-01-02T00:00:00.000Z" }),
    );
    const { records, problems } = readRecords(dir);
    assert.equal(records.length, 1);
    assert.deepEqual(problems.map((p) => p.kind), ["duplicate"]); // prettier-ignore
  });

  it("tell the same run with another result as a conflict, and count the later one: by its line, of other files by the clock", () => {
    const scored = (A2: number) => ({ metrics: { test: { A2 } } });
    appendRecord(file, recordOf({ started: "2026-01-03T00:00:00.000Z" }));
    appendRecord(file, recordOf({ ...scored(0.76) })); // the clock was set back before it
    const { records, problems } = readRecords(dir);
    assert.deepEqual(records.map((r) => r.metrics.test.A2), [0.76]); // prettier-ignore
    assert.equal(problems[0].kind, "conflict");
    assert.match(
      problems[0].message,
      /table1.jsonl, line 1: the same run .* as table1.jsonl, line 2 with another result/,
    );
    const shard = path.join(dir, "table1.shard-1-of-2.jsonl"); // read first
    appendRecord(shard, recordOf({ ...scored(0.77), started: "2026-01-02T00:00:00.000Z" }));
    assert.equal(readRecords(dir).records[0].metrics.test.A2, 0.76);
    appendRecord(shard, recordOf({ ...scored(0.78), started: "2026-01-04T00:00:00.000Z" }));
    assert.equal(readRecords(dir).records[0].metrics.test.A2, 0.78);
  });

  it("let a run that failed be done again", () => {
    appendRecord(file, recordOf({ status: "failed", reason: "loss", metrics: { test: {} } }));
    appendRecord(file, recordOf({ started: "2026-01-02T00:00:00.000Z" }));
    const { records, problems } = readRecords(dir);
    assert.equal(records[0].status, "ok");
    assert.deepEqual(problems, []);
  });

  it("count a run that ended well though it failed when it was done again", () => {
    const failed = { status: "failed", reason: "loss", metrics: { test: {} } } as const;
    appendRecord(file, recordOf());
    appendRecord(file, recordOf({ ...failed, started: "2026-01-02T00:00:00.000Z" }));
    const shard = path.join(dir, "table1.shard-1-of-2.jsonl"); // read first
    appendRecord(shard, recordOf({ ...failed, started: "2026-01-03T00:00:00.000Z" }));
    const { records, problems } = readRecords(dir);
    assert.deepEqual(records.map((r) => r.status), ["ok"]); // prettier-ignore
    assert.deepEqual(problems, []);
  });

  it("do not count edited lines and lines of a future version, and name them", () => {
    const line = recordLine(recordOf());
    fs.writeFileSync(file, `${line.replace("0.74", "0.94")}\n${line.replace('"schema":1', '"schema":2')}\n`);
    const { records, problems } = readRecords(dir);
    assert.equal(records.length, 0);
    assert.match(problems[0].message, /table1.jsonl, line 1: expected checksum/);
    assert.match(problems[1].message, /table1.jsonl, line 2: expected schema 1, found 2/);
  });

  it("take no harm from a clock that was set back: the order of lines stays, and the last settings of a cell are shown", () => {
    appendRecord(file, recordOf({ seed: 1, started: "2036-01-01T00:00:00.000Z" }));
    appendRecord(file, recordOf({ seed: 2, started: "1999-01-01T00:00:00.000Z", seconds: 0.5 }));
    const now = { dataHash: sha256("data that replaced it"), started: "1999-01-02T00:00:00.000Z" };
    appendRecord(file, recordOf({ seed: 1, ...now }));
    const { records } = readRecords(dir);
    assert.deepEqual(records.map((r) => r.seed), [1, 2, 1]); // prettier-ignore
    const { chosen, others } = chooseRuns(records);
    assert.deepEqual(chosen, [records[2]]);
    assert.deepEqual(others, records.slice(0, 2));
  });

  it("are left as they were when the disk is full, with words that say so", function () {
    if (!fs.existsSync("/dev/full")) this.skip(); // no device that is always full on this system
    fs.symlinkSync("/dev/full", file);
    assert.throws(
      () => appendRecord(file, recordOf()),
      /expected room to write, found the disk full.*what is recorded is kept/,
    );
  });

  it("of a folder that does not exist are none", () => {
    assert.deepEqual(readRecords(path.join(dir, "nowhere")), { records: [], problems: [] });
  });
});
