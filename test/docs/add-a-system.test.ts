import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadDataset } from "../../lib/data";
import { cellOf, setups, usesTrainer } from "../../benchmarks/suites/setups";
import { comparedSystems } from "../../benchmarks/suites/systems";
import { table5b, table5Search } from "../../benchmarks/suites/tables";
import { startEngine } from "../../lib/engine/choose";
import { systems } from "../../lib/models";
import { scoreTest, train } from "../../lib/training/train";
import { gmu } from "./gmu";

const root = join(__dirname, "../../..");

describe("docs/add-a-system.md", function () {
  this.timeout(20000);

  it("shows the code that these tests run", () => {
    const page = readFileSync(join(root, "docs/add-a-system.md"), "utf8");
    const shown = /```ts\n([^]*?)```/.exec(page)?.[1];
    const code = readFileSync(join(root, "test/docs/gmu.ts"), "utf8").replaceAll('"../../lib/', '"../');
    assert.equal(shown, code);
  });

  it("shows a system that learns: its loss falls, and it predicts every test utterance", async () => {
    const engine = await startEngine("wasm", { say: () => undefined });
    const dataset = await loadDataset("synthetic", { videos: [40, 10, 10] });
    const config = { k: 16, drop: 0, epochs: 10, batchSize: 8, learningRate: 0.01 };
    const run = await train(
      gmu,
      dataset,
      { kind: "classes", classes: 2 },
      { seed: 1, protocol: "validation", engine, config },
    );
    const { epochs, selected, model } = run;
    assert.ok(
      epochs[epochs.length - 1].trainLoss < 0.8 * epochs[0].trainLoss,
      JSON.stringify(epochs.map((e) => e.trainLoss)),
    );
    const { predictions } = await scoreTest(run, selected);
    assert.equal(predictions.units, dataset.test.offsets[dataset.test.offsets.length - 1]);
    model.dispose();
  });

  it("shows a system whose settings are checked", async () => {
    const engine = await startEngine("wasm", { say: () => undefined });
    const dataset = await loadDataset("synthetic", { videos: [3, 2, 2] });
    const options = { seed: 1, protocol: "validation", engine } as const;
    const task = { kind: "classes", classes: 2 } as const;
    await assert.rejects(
      train(gmu, dataset, task, { ...options, config: { k: 0 } }),
      /gmu, setting k: expected a whole number/,
    );
    await assert.rejects(
      train(gmu, dataset, task, { ...options, config: { K: 9 } }),
      /gmu, setting K: expected one of/,
    );
  });

  it("says what a fitted system's cells are: no settings of the trainer, and of the modalities those that it reads", () => {
    for (const { name, kind } of systems) {
      const { config } = cellOf(setups.mosiAudio[0], { system: name });
      assert.equal("patience" in config, kind === "neural", name);
      assert.equal(usesTrainer(name), kind === "neural", name);
    }
    const cells = [...table5b.cells, ...table5Search.cells].filter((cell) => !cell.missing);
    for (const { name, modalities } of systems.filter((s) => comparedSystems.some(({ name }) => name === s.name))) {
      const of = cells.filter((cell) => cell.system === name).flatMap((cell) => cell.modalities);
      assert.deepEqual([...new Set(of)].sort(), [...(modalities ?? "TAV")].sort(), name);
    }
  });
});
