import { strict as assert } from "node:assert";
import { SystemError } from "../../lib/core/errors";
import { taskName, type Batch, type Config, type Predictions, type Shape } from "../../lib/core/types";
import { batches } from "../../lib/data";
import { startEngine } from "../../lib/engine/choose";
import type { Engine } from "../../lib/engine/engine";
import { record } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { systems } from "../../lib/models";
import { tfn } from "../../lib/models/tfn";
import { goalsOf } from "../../lib/models/classical/fitting";
import { viewOf } from "../../lib/training/prepare";
import { assertPredictions, inputCases, levels, subsets, tasks, type InputCase } from "./cases";

const neural = systems.filter((s): s is NeuralSystem => s.kind === "neural");

/** The system's settings with every size at most 3. */
const small = (system: NeuralSystem): Config =>
  Object.fromEntries(Object.entries(system.defaults).map(([key, v]) => [key, typeof v === "number" && v > 3 ? 3 : v]));

/** What the trainer does with a case: one step on all of it, then predictions of the test split. */
async function fit(engine: Engine, system: NeuralSystem, c: InputCase, config = small(system)): Promise<Predictions> {
  const alone = system.rows === "alone" && c.shape.level === "row";
  const shape: Shape = { ...c.shape, level: alone ? "sequence" : c.shape.level };
  const train = { ...c.train, split: viewOf(c.train.split, alone) };
  const { graph, output } = record(system, shape, config);
  const goals = goalsOf(system.name, train, shape);
  const targets = goals.kind === "classes" ? { ...train.targets, values: goals.labels } : train.targets;
  const program = engine.compile(graph, output, 1);
  try {
    const before = [...graph.params.keys()][0];
    const old = await program.get(before);
    const [batch] = batches(train.split, targets, train.split.offsets.length);
    const terms = await program.step(batch, { seed: 1, step: 0 }, { learningRate: 0.01 });
    for (const [name, value] of Object.entries(terms)) assert.ok(Number.isFinite(value), `loss ${name}: ${value}`);
    assert.equal((await program.get(before)).length, old.length);
    const [test]: Batch[] = batches(viewOf(c.test, alone), undefined, c.test.offsets[c.test.offsets.length - 1]);
    const [values] = await program.evaluate(test, [output.prediction]);
    return { units: values.length / shape.outputs, outputs: shape.outputs, values };
  } finally {
    program.dispose();
  }
}

describe("networks", function () {
  this.timeout(20000);
  let engine: Engine;
  before(async () => {
    engine = await startEngine("wasm", { say: () => undefined });
  });

  async function tryCase(system: NeuralSystem, c: InputCase): Promise<void> {
    const where = `${system.name}, ${taskName(c.shape.task)}, a label a ${c.shape.level}, ${c.name}`;
    const { refusal } = c;
    if (refusal)
      await assert.rejects(
        fit(engine, system, c),
        (e: Error) => e instanceof SystemError && refusal.test(e.message),
        where,
      );
    else assertPredictions(await fit(engine, system, c), c.shape, c.test);
  }

  for (const system of neural)
    describe(system.name, () => {
      it("takes every task, with labels of rows and of sequences", async () => {
        for (const level of levels)
          for (const task of tasks) await tryCase(system, inputCases(level, task, ["T", "A", "V"])[0]);
      });

      it("takes or refuses each of the bad inputs that all systems meet", async () => {
        const level = system.rows === "context" ? "row" : "sequence";
        for (const task of [tasks[1], tasks[3]])
          for (const c of inputCases(level, task, ["T", "A"]).slice(1)) await tryCase(system, c);
        for (const c of inputCases(level, tasks[2], ["A"])) if (c.refusal) await tryCase(system, c);
      });

      it("takes every subset of the modalities, and refuses none at all", async () => {
        for (const modalities of subsets) await tryCase(system, inputCases("sequence", tasks[0], modalities)[0]);
        const [c] = inputCases("sequence", tasks[0], ["T"]);
        const none: Shape = { ...c.shape, modalities: [], widths: {} };
        assert.throws(() => record(system, none, system.defaults), /expected at least one modality/);
      });

      it("refuses settings out of range, and names them", () => {
        const { shape } = inputCases("sequence", tasks[0], ["T", "A", "V"])[0];
        for (const [key, standard] of Object.entries(system.defaults)) {
          const named = new RegExp(`${system.name}, setting ${key}: expected`);
          const wrong = typeof standard === "number" ? -1 : typeof standard === "boolean" ? "yes" : 5;
          assert.throws(() => record(system, shape, { ...system.defaults, [key]: wrong }), named);
        }
      });
    });
});

describe("tfn", () => {
  it("refuses shares of the moving statistics outside (0, 1], and an epsilon that divides by zero", () => {
    const { shape } = inputCases("sequence", tasks[0], ["T", "A", "V"])[0];
    const { defaults } = tfn;
    for (const config of [{ bnMomentum: 0 }, { bnMomentum: 1.5 }, { bnEpsilon: 0 }])
      assert.throws(
        () => tfn.accepts(shape, { ...defaults, ...config }),
        new RegExp(
          `tfn, setting ${Object.keys(config)[0]}: expected a .* above 0.*, found ${Object.values(config)[0]}`,
        ),
      );
    tfn.accepts(shape, { ...defaults, bnMomentum: 1 });
  });
});
