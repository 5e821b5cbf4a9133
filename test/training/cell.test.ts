import { strict as assert } from "node:assert";
import * as path from "node:path";
import { parseRecord, recordLine, type EpochRecord } from "../../lib/core/record";
import type { Cell } from "../../lib/core/suite";
import type { Config } from "../../lib/core/types";
import { findSystem } from "../../lib/models";
import { runJob } from "../../lib/training";
import { cpuEngine, temporaryFolder, tinyDataset, tinySystem } from "./helpers";

describe("the record of a run", () => {
  const cellOf = (system: string, config: Config): Cell => ({
    system,
    dataset: "synthetic",
    features: "synthetic",
    modalities: ["T", "A", "V"],
    task: { kind: "classes", classes: 2 },
    protocol: "validation",
    config,
    metrics: [],
  });
  const recordOfSvm = async (config: Config) => {
    const cell = cellOf("svm", config);
    const context = { system: findSystem("svm"), dataset: tinyDataset(), code: { version: "0" } };
    const record = await runJob(
      { suite: "test", profile: "quick", cell, seed: 1 },
      { ...context, out: temporaryFolder("cell") },
    );
    return parseRecord(recordLine(record!));
  };

  it("holds what the fit did beside its settings: an SVM of too many rows says that landmarks took their place", async () => {
    const { notes, rows } = await recordOfSvm({ exactRows: 10 });
    assert.match(notes![0], new RegExp(`^Nystroem features of \\d+ training rows, .* ${rows.train} training units`));
  });
  it("has no notes where there is nothing to say", async () => {
    assert.equal((await recordOfSvm({})).notes, undefined);
  });

  it("has the seconds of all legs of a run that was taken up from its checkpoint", async () => {
    const stop = new AbortController();
    const context = {
      system: tinySystem,
      dataset: tinyDataset(),
      engine: await cpuEngine(),
      code: { version: "0" },
      out: temporaryFolder("cell"),
      checkpoint: { file: path.join(temporaryFolder("cell"), "run.bin"), everySeconds: 0 },
    };
    const job = { suite: "test", profile: "quick", cell: cellOf("tiny", { epochs: 3, batchSize: 4 }), seed: 1 };
    const onEpoch = (epoch: EpochRecord) => {
      (epoch as { seconds: number }).seconds = 100; // as if; the checkpoint of the next epoch has it
      if (epoch.epoch === 2) stop.abort();
    };
    assert.equal(await runJob(job, { ...context, onEpoch, signal: stop.signal }), undefined);
    const record = await runJob(job, context);
    const inEpochs = record!.epochs.reduce((sum, { seconds }) => sum + seconds, 0);
    assert.ok(inEpochs > 100 && record!.seconds >= inEpochs, `${record!.seconds} s, of them ${inEpochs} in epochs`);
  });
});
