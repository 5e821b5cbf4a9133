/** What notebooks look up in the recorded runs. */
import * as assert from "node:assert";
import type { RunRecord } from "../../lib/core/record";
import { finishedRuns } from "../../lib/notebook";

const record = (over: Partial<RunRecord>): RunRecord =>
  ({
    system: "cia",
    dataset: "mosi",
    task: "classes:2",
    modalities: ["T", "A"],
    config: { iim: "true", k: 200 },
    seed: 1,
    status: "ok",
    predictions: { file: "x", hash: "y" },
    ...over,
  }) as unknown as RunRecord;

describe("runs that a notebook looks for", () => {
  it("are finished, with predictions, no trials of a search, in the order of seeds", () => {
    const kept = [record({ seed: 3 }), record({ seed: 1 })];
    const left = [
      record({ status: "failed" }),
      record({ predictions: undefined }),
      record({ trial: 0 }),
      record({ system: "mfn" }),
    ];
    assert.deepStrictEqual(
      finishedRuns([...kept, ...left], { system: "cia" }).map(({ seed }) => seed),
      [1, 3],
    );
  });

  it("agree in the modalities whatever their order, and in the settings that are named", () => {
    const records = [record({}), record({ config: { iim: "false", k: 200 } }), record({ modalities: ["T"] })];
    const found = finishedRuns(records, { modalities: ["A", "T"], config: { iim: "false" } });
    assert.deepStrictEqual(found, [records[1]]);
    assert.deepStrictEqual(finishedRuns(records, { config: { r: 50 } }), []);
  });
});
