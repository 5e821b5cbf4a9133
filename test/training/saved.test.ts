import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError, RecordError, SystemError } from "../../lib/core/errors";
import type { Dataset, Task } from "../../lib/core/types";
import { withModalities } from "../../lib/data";
import type { Engine } from "../../lib/engine/engine";
import { findSystem } from "../../lib/models";
import {
  describeModel,
  predictWith,
  readModel,
  reviveModel,
  saveModel,
  scoreTest,
  train,
  type SavedModel,
} from "../../lib/training";
import { cpuEngine, temporaryFolder, tinyDataset } from "./helpers";

describe("a saved model", function () {
  this.timeout(60_000);
  const task: Task = { kind: "classes", classes: 2 };
  let engine: Engine;
  let dataset: Dataset;
  let dir: string;
  let predicted: Float32Array;
  before(async () => {
    engine = await cpuEngine();
    dataset = withModalities(tinyDataset(), ["T", "A"]);
    const config = { r: 3, epochs: 1, scaling: "none" };
    const run = await train(findSystem("bigru"), dataset, task, { seed: 1, protocol: "validation", engine, config });
    dir = temporaryFolder("model");
    const weights = await run.model.save();
    saveModel(dir, describeModel(run.prepared, { weights, run: "1" }), weights);
    predicted = (await scoreTest(run, run.selected)).predictions.values;
    run.model.dispose();
  });
  const predict = async (data: Dataset, change: (model: SavedModel) => SavedModel = (m) => m) => {
    const { model, weights } = readModel(dir);
    const changed = change(model);
    const revived = reviveModel(changed, weights, engine);
    try {
      return await predictWith(changed, revived, data, data.test);
    } finally {
      revived.dispose();
    }
  };
  const withConfig = (change: object) => (model: SavedModel) =>
    ({ ...model, config: { ...model.config, ...change } }) as SavedModel;

  it("predicts again what its run predicted, also from data with a modality more", async () => {
    for (const data of [dataset, tinyDataset()]) {
      const { values } = await predict(data);
      values.forEach((v, i) => assert.ok(Math.abs(v - predicted[i]) <= 1 / 65535));
    }
  });

  it("refuses data of other widths, without a modality, or with labels at another level, and says what it wants", async () => {
    const { x } = dataset.test;
    const narrow = { rows: x.A!.rows, width: 1, data: new Float32Array(x.A!.rows) };
    await assert.rejects(predict({ ...dataset, test: { ...dataset.test, x: { ...x, A: narrow } } }), (e: Error) => {
      assert.ok(e instanceof DataError);
      return new RegExp(`synthetic, A: expected ${x.A!.width} features, as the model was trained on, found 1\\.`).test(
        e.message,
      );
    });
    await assert.rejects(
      predict(withModalities(dataset, ["T"])),
      /synthetic: expected modalities T\+?A with predictions a row, found T, a row\. Give data of the kind/,
    );
    await assert.rejects(predict({ ...dataset, level: "sequence" }), /predictions a row, found T\+?A, a sequence/);
  });

  it("is refused where this code has other settings than the code that made it", async () => {
    await assert.rejects(predict(dataset, withConfig({ gates2: "sigmoid" })), SystemError);
    const without = (model: SavedModel): SavedModel => {
      const { r, ...config } = model.config;
      assert.equal(r, 3);
      return { ...model, config };
    };
    await assert.rejects(predict(dataset, without), (e: Error) => {
      assert.ok(e instanceof RecordError);
      return /bigru, configuration: expected all of its settings, found none for r\. .* made by other code/.test(
        e.message,
      );
    });
    await assert.rejects(predict(dataset, withConfig({ r: 4 })), /expected .* found/);
  });

  it("is refused with weights that are not its own", () => {
    const file = path.join(dir, "weights.npz");
    const bytes = fs.readFileSync(file);
    fs.writeFileSync(file, bytes.subarray(0, bytes.length - 30));
    assert.throws(() => readModel(dir), RecordError);
    fs.writeFileSync(file, bytes);
    assert.throws(() => readModel(temporaryFolder("nothing")), /found no model\.json/);
  });

  it("is refused where model.json was changed: another scale would give other numbers without a word", () => {
    const file = path.join(dir, "model.json");
    const text = fs.readFileSync(file, "utf8");
    const model = JSON.parse(text) as { scaler: Record<string, Record<string, number[]>> };
    const [modality] = Object.keys(model.scaler);
    const [field] = Object.keys(model.scaler[modality]);
    assert.equal(typeof model.scaler[modality][field][0], "number");
    model.scaler[modality][field][0] += 1;
    fs.writeFileSync(file, JSON.stringify(model));
    assert.throws(
      () => readModel(dir),
      (e: Error) => e instanceof RecordError && /expected checksum [0-9a-f]{16}, found "[0-9a-f]{16}"/.test(e.message),
    );
    fs.writeFileSync(file, "null");
    assert.throws(() => readModel(dir), /found a model\.json that holds no model/);
    fs.writeFileSync(file, text);
    readModel(dir);
  });
});
