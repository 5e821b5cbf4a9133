// The bytes are those of TensorBoard's own writer (test/oracles/events.json, events.py); its reader is asked too where it is installed.
import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tensorboardEvents, writeTensorboard } from "../../lib/report";
import { crc32c } from "../../lib/report/tensorboard";
import { run, table1 } from "./sample";

const oracle = JSON.parse(readFileSync("test/oracles/events.json", "utf8"));
const base = { ...run(table1.cells[0], 1), started: "2026-01-01T00:00:00.000Z" };

describe("TensorBoard event files", () => {
  it("carry the right checksums", () => {
    for (const [word, crc] of Object.entries(oracle.crc32c)) assert.equal(crc32c(Buffer.from(word)), crc);
  });
  it("are the bytes that TensorBoard writes for the same curves", () => {
    const events = tensorboardEvents({
      ...base,
      epochs: [
        { epoch: 1, trainLoss: 0.75, losses: { IIM_TA: 0.1 }, validLoss: 0.7, validScore: 0.6, seconds: 1.5 },
        { epoch: 300, trainLoss: 0.5, seconds: 2 },
      ],
      chosen: { epoch: 300, why: "last" },
      metrics: { test: { A2: 0.7988, MAE: 0.914, r: null } },
    });
    assert.equal(events.toString("hex"), oracle.file);
  });
  it("are read by TensorBoard's own reader with every epoch and score", function () {
    this.timeout(60_000);
    const python = process.env.CIA_PYTHON ?? "python3";
    try {
      execFileSync(python, ["-c", "import tensorboard"], { stdio: "ignore" });
    } catch {
      console.log(`      ${python} has no tensorboard (pip install tensorboard setuptools, or set CIA_PYTHON)`);
      return this.skip();
    }
    const folder = mkdtempSync(path.join(tmpdir(), "tensorboard-"));
    try {
      const [file] = writeTensorboard(folder, [base]);
      const reader = `
import json, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator(sys.argv[1]).Reload()
print(json.dumps({tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}))`;
      const read = JSON.parse(
        execFileSync(python, ["-c", reader, path.dirname(file)], {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "ignore"],
        }),
      );
      assert.deepEqual(
        read["loss/train"],
        base.epochs.map(({ epoch, trainLoss }) => [epoch, Math.fround(trainLoss)]),
      );
      assert.equal(read["score/valid"].length, 20);
      assert.deepEqual(read["test/A2"], [[9, Math.fround(base.metrics.test.A2!)]]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  it("lie in a folder a run, and writing again replaces them, whenever that run was started", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "tensorboard-"));
    const twice = [base, { ...base, started: "2026-02-01T00:00:00.000Z" }].map((run) =>
      writeTensorboard(folder, [run]),
    );
    assert.deepEqual(twice[0], twice[1]);
    const place = `cia/mosi/minilm/T/classes-2/validation/seed-1-${base.id.slice(0, 8)}/events.out.tfevents.${base.id}`;
    assert.equal(path.relative(folder, twice[0][0]).replaceAll("\\", "/"), place);
    assert.deepEqual(readdirSync(path.dirname(twice[0][0])), [path.basename(place)]);
    rmSync(folder, { recursive: true });
  });
});
