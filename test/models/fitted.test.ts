import { strict as assert } from "node:assert";
import { SystemError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import type { FittedModel, FittedSystem } from "../../lib/core/system";
import { taskName, type Config, type Split } from "../../lib/core/types";
import { bofMsa } from "../../lib/models/bof-msa";
import { constant } from "../../lib/models/constant";
import { linear } from "../../lib/models/linear";
import { rf } from "../../lib/models/rf";
import { svm } from "../../lib/models/svm";
import { assertPredictions, inputCases, levels, subsets, tasks, type InputCase } from "./cases";

const hasText = (modalities: readonly string[]): boolean => modalities.includes("T");

/** Each system, and the settings (small ones) by which it is tried. */
const entries: { label: string; system: FittedSystem; config: Config }[] = [
  { label: "svm", system: svm, config: svm.defaults },
  { label: "svm by landmarks", system: svm, config: { ...svm.defaults, machine: "landmarks", landmarks: 8 } },
  { label: "rf", system: rf, config: { ...rf.defaults, trees: 5 } },
  { label: "bof-msa", system: bofMsa, config: { ...bofMsa.defaults, K: 6 } },
  { label: "linear", system: linear, config: linear.defaults },
  { label: "constant", system: constant, config: constant.defaults },
];

const fit = (system: FittedSystem, c: InputCase, config: Config, seed = 1): FittedModel =>
  system.fit(c.train, undefined, c.shape, config, new Rng(seed, "fit"));

/** Every level and task; audio and video, which all systems take. */
const everyCase = levels.flatMap((level) => tasks.flatMap((task) => inputCases(level, task, ["A", "V"])));

function tryCase(system: FittedSystem, c: InputCase, config: Config): void {
  const where = `${taskName(c.shape.task)}, a label a ${c.shape.level}`;
  const { refusal } = c;
  if (refusal) {
    const says = (error: Error): boolean => error instanceof SystemError && refusal.test(error.message);
    assert.throws(() => fit(system, c, config), says, where);
  } else {
    assertPredictions(fit(system, c, config).predict(c.test), c.shape, c.test);
  }
}

for (const { label, system, config } of entries) {
  describe(label, () => {
    for (const name of new Set(everyCase.map((c) => c.name))) {
      const cases = everyCase.filter((c) => c.name === name);
      it(`${cases[0].refusal ? "refuses" : "takes"} ${name}`, () => cases.forEach((c) => tryCase(system, c, config)));
    }

    it("takes every subset of the modalities that its definition allows, and names the one that it cannot take", () => {
      for (const modalities of subsets) {
        const [c] = inputCases("sequence", { kind: "classes", classes: 2 }, modalities);
        if (system === bofMsa && hasText(modalities)) {
          assert.throws(() => system.accepts(c.shape), /bof-msa: expected A or V, found \w*T\w*\. .*not defined for T/);
        } else {
          system.accepts(c.shape);
          assertPredictions(fit(system, c, config).predict(c.test), c.shape, c.test);
        }
      }
    });

    it("refuses a shape without modalities", () => {
      const [c] = inputCases("row", { kind: "intensity" }, ["A"]);
      assert.throws(() => system.accepts({ ...c.shape, modalities: [] }), SystemError);
    });

    it("predicts the same bits after saving and loading, and for each unit by itself", () => {
      for (const task of tasks) {
        const [c] = inputCases("row", task, ["A", "V"]);
        const model = fit(system, c, config);
        const loaded = system.load(model.save(), c.shape, config);
        const values = model.predict(c.test).values;
        assert.deepEqual(loaded.predict(c.test).values, values);
        assert.equal(loaded.parameters, model.parameters);
        assert.deepEqual(loaded.predict(firstRow(c.test)).values, values.slice(0, c.shape.outputs));
      }
    });

    it("is a function of data, settings and seed", () => {
      const [c] = inputCases("row", { kind: "classes", classes: 3 }, ["A", "V"]);
      const [once, again] = [fit(system, c, config), fit(system, c, config)];
      assert.deepEqual(once.save(), again.save());
    });

    it("says which saved entry is missing or of another shape", () => {
      const [c] = inputCases("row", { kind: "classes", classes: 3 }, ["A", "V"]);
      const saved = fit(system, c, config).save();
      assert.throws(() => system.load({}, c.shape, config), /saved [\w-]+ model, entry .*found no such entry/);
      if (system === constant || system === rf) return; // they do not keep the width of the features
      const wider = { ...c.shape, widths: { A: 9, V: 5 } };
      assert.throws(
        () => system.load(saved, wider, config),
        /expected shape .*found \[.*Was it trained on other features/,
      );
    });

    if (system === constant) return; // it never looks at features
    it("refuses features that are not finite or not as wide as in training, and says where", () => {
      const [c] = inputCases("row", { kind: "classes", classes: 3 }, ["A", "V"]);
      const model = fit(system, c, config);
      const A = c.test.x.A;
      assert.ok(A);
      const holed = { ...c.test, x: { ...c.test.x, A: { ...A, data: A.data.map((v, i) => (i === 6 ? NaN : v)) } } };
      assert.throws(() => model.predict(holed), /features A, row 1, column 2: expected a finite number, found NaN/);
      const narrow = {
        ...c.test,
        x: { ...c.test.x, A: { rows: A.rows, width: 2, data: A.data.slice(0, A.rows * 2) } },
      };
      assert.throws(() => model.predict(narrow), /features A: expected 4 columns as in training, found 2/);
      assert.throws(
        () => model.predict({ ...c.test, x: { V: c.test.x.V } }),
        /features A: expected 4 columns, found none/,
      );
    });

    it("refuses a setting of the wrong kind, and says which", () => {
      const [c] = inputCases("row", { kind: "classes", classes: 3 }, ["A", "V"]);
      for (const [key, value] of Object.entries(config)) {
        if (typeof value !== "number") continue;
        assert.throws(
          () => fit(system, c, { ...config, [key]: -1 }),
          new RegExp(`setting ${key}: expected .*found -1`),
        );
      }
    });
  });
}

/** The first row of a split as a split. */
function firstRow(split: Split): Split {
  const x = Object.fromEntries(
    Object.entries(split.x).map(([m, { width, data }]) => [m, { rows: 1, width, data: data.slice(0, width) }]),
  );
  return { ...split, offsets: Int32Array.of(0, 1), ids: ["s0"], x };
}
