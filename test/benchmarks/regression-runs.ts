/** A child of check.test.ts: trains five seeds of a small CIA with the program that it lies in, and appends their records to OUT. */
import * as path from "node:path";
import type { Cell } from "../../lib/core/suite";
import { makeSynthetic, pack } from "../../lib/data";
import { startEngine } from "../../lib/engine/choose";
import { findSystem } from "../../lib/models";
import { appendRecord, runJob } from "../../lib/training";

export const regressionCell: Cell = {
  system: "cia",
  dataset: "synthetic",
  features: "synthetic",
  modalities: ["T", "A", "V"],
  task: { kind: "classes", classes: 2 },
  protocol: "validation",
  config: { k: 24, r: 12, drop: 0.3, gruDrop: 0, learningRate: 0.006, batchSize: 8, epochs: 18, patience: 0 },
  metrics: [
    { name: "A2", comparable: "made up data" },
    { name: "F1", comparable: "made up data" },
  ],
};

async function main(out: string): Promise<void> {
  const dataset = pack(makeSynthetic({ videos: [100, 30, 80] }), { scaling: "none" });
  const engine = await startEngine("auto", { say: () => undefined });
  for (const seed of [1, 2, 3, 4, 5]) {
    const job = { suite: "regression", profile: "full", cell: regressionCell, seed };
    const record = await runJob(job, { system: findSystem("cia"), dataset, engine, code: { version: "0" }, out });
    appendRecord(path.join(out, "regression.jsonl"), record!);
  }
}

if (require.main === module)
  main(process.argv[2]).catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  });
