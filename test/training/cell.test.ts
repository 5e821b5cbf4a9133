import { strict as assert } from "node:assert";
import { parseRecord, recordLine } from "../../lib/core/record";
import type { Cell } from "../../lib/core/suite";
import type { Config } from "../../lib/core/types";
import { findSystem } from "../../lib/models";
import { runJob } from "../../lib/training";
import { temporaryFolder, tinyDataset } from "./helpers";

describe("the record of a run", () => {
  const recordOfSvm = async (config: Config) => {
    const cell: Cell = {
      system: "svm",
      dataset: "synthetic",
      features: "synthetic",
      modalities: ["T", "A", "V"],
      task: { kind: "classes", classes: 2 },
      protocol: "validation",
      config,
      metrics: [],
    };
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
});
