// Whole systems against the same pipeline in scikit-learn: test/oracles/classical.json, written by classical.py beside it.
import { strict as assert } from "node:assert";
import { log } from "../../lib/core/math";
import { Rng } from "../../lib/core/rng";
import type { FitData, FittedSystem } from "../../lib/core/system";
import { outputsOf, type Config, type Shape, type Split, type Task } from "../../lib/core/types";
import { bofMsa } from "../../lib/models/bof-msa";
import { constant } from "../../lib/models/constant";
import { linear } from "../../lib/models/linear";
import { rf } from "../../lib/models/rf";
import { svm } from "../../lib/models/svm";
import { makeSplit, makeTargets } from "./cases";
import { oracle } from "./classical/oracle";

const { train: n, classes, emotions, intensity } = oracle.data;

function split(from: number, to?: number): Split {
  const matrix = (rows: number[][]) => ({
    rows: rows.length,
    width: rows[0].length,
    data: Float32Array.from(rows.flat()),
  });
  const [A, V] = [oracle.data.A.slice(from, to), oracle.data.V.slice(from, to)].map(matrix);
  return { offsets: Int32Array.from([0, A.rows]), ids: ["video"], x: { A, V }, labels: {} };
}

const shapeOf = (task: Task): Shape => ({
  widths: { A: 3, V: 2 },
  modalities: ["A", "V"],
  level: "row",
  task,
  outputs: outputsOf(task),
});

/** Predictions of the oracle's test rows. */
function run(system: FittedSystem, task: Task, values: ArrayLike<number>, config: Config = {}, half = 1): number[] {
  const outputs = outputsOf(task);
  const targets = { outputs, values: Float32Array.from(values), mid: 0, half };
  const model = system.fit({ split: split(0, n), targets }, undefined, shapeOf(task), { ...system.defaults, ...config }, new Rng(1)); // prettier-ignore
  return [...model.predict(split(n)).values];
}

function close(ours: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(ours.length, expected.length);
  expected.forEach((e, i) =>
    assert.ok(Math.abs(ours[i] - e) <= tolerance, `value ${i}: expected ${e}, found ${ours[i]}`),
  );
}

const three: Task = { kind: "classes", classes: 3 };
const scaled = intensity.slice(0, n).map((v) => v / 3);
const firstMax = (row: readonly number[]): number => row.indexOf(Math.max(...row));
const argmax = (values: readonly number[], k: number): number[] =>
  Array.from({ length: values.length / k }, (_, i) => firstMax(values.slice(i * k, (i + 1) * k)));

describe("linear, against scikit-learn's StandardScaler and LogisticRegression or Ridge", () => {
  const { C, alpha } = oracle.linear;
  it("classes: the same probabilities", () => {
    close(run(linear, three, classes.slice(0, n), { C }), oracle.linear.classes.flat(), 1e-5);
    const two = classes.slice(0, n).map((c) => Number(c > 0));
    close(run(linear, { kind: "classes", classes: 2 }, two, { C }), oracle.linear.two.flat(), 1e-5);
  });
  it("emotions: the same scores", () => {
    const values = emotions.slice(0, n).flat();
    close(run(linear, { kind: "emotions" }, values, { C }), oracle.linear.emotions.flat(), 1e-5);
  });
  it("intensity: the same predictions", () => {
    close(run(linear, { kind: "intensity" }, scaled, { alpha }, 3), oracle.linear.intensity, 1e-6);
  });
});

describe("svm, against scikit-learn's StandardScaler and SVC or SVR", () => {
  const { C, epsilon } = oracle.svm;
  it("classes: the same votes, plain and balanced", () => {
    const labels = classes.slice(0, n);
    assert.deepEqual(argmax(run(svm, three, labels, { C }), 3), oracle.svm.classes);
    assert.deepEqual(argmax(run(svm, three, labels, { C, balanced: true }), 3), oracle.svm.balanced);
  });
  it("emotions: the same class-weighted decisions", () => {
    const scores = run(svm, { kind: "emotions" }, emotions.slice(0, n).flat(), { C });
    const decisions = scores.map((p) => log(p) - log(1 - p));
    close(decisions, oracle.svm.emotionDecisions.flat(), 2e-3);
  });
  it("intensity: the same predictions, C and epsilon being on the label scale", () => {
    close(run(svm, { kind: "intensity" }, scaled, { C, epsilon }, 3), oracle.svm.intensity, 1e-3);
  });
  it("landmarks come near the exact machine, and the model says what it is", () => {
    const config = { C, epsilon, machine: "landmarks", landmarks: n };
    const near = run(svm, { kind: "intensity" }, scaled, config, 3);
    const error = near.reduce((sum, v, i) => sum + Math.abs(v - oracle.svm.intensity[i]) / near.length, 0);
    assert.ok(error < 0.1, `mean distance ${error} on a scale of -1..1`); // another loss, so not the same machine
    const model = svm.fit(
      { split: split(0, n), targets: { outputs: 3, values: Int32Array.from(classes.slice(0, n)) } },
      undefined,
      shapeOf(three),
      { ...svm.defaults, exactRows: n - 1 },
      new Rng(1),
    );
    assert.match(model.notes[0], /Nystroem features of 36 training rows, squared losses, 36 training units/);
  });
});

describe("constant, by hand", () => {
  const labels = [2, 0, 2, 1, 2, 0];
  const fit = (task: Task, values: readonly number[], config: Config = {}): number[] => {
    const rows = task.kind === "emotions" ? values.length / 6 : values.length;
    const data: FitData = {
      split: makeSplit({ lengths: [rows], widths: { T: 1 } }),
      targets: { outputs: outputsOf(task), values: Float32Array.from(values) },
    };
    const shape: Shape = { widths: { T: 1 }, modalities: ["T"], level: "row", task, outputs: outputsOf(task) };
    const model = constant.fit(data, undefined, shape, { ...constant.defaults, ...config } as never, new Rng(1));
    return [...model.predict(makeSplit({ lengths: [1], widths: { T: 1 } })).values];
  };
  it("guesses the majority class (the lower of two equal ones), or the class frequencies", () => {
    assert.deepEqual(fit(three, labels), [0, 0, 1]);
    assert.deepEqual(fit(three, [1, 2, 2, 1]), [0, 1, 0]);
    close(fit(three, labels, { labels: "frequency" }), [2 / 6, 1 / 6, 3 / 6], 1e-7);
  });
  it("guesses an emotion present where more than half of the units have it, or its share", () => {
    const values = [1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 0, 1]; // two units
    assert.deepEqual(fit({ kind: "emotions" }, values), [1, 0, 0, 0, 0, 1]);
    assert.deepEqual(fit({ kind: "emotions" }, values, { labels: "frequency" }), [1, 0, 0, 0.5, 0, 1]);
  });
  it("guesses the median (the mean of the two in the middle), or the mean", () => {
    assert.deepEqual(fit({ kind: "intensity" }, [-1, 0.5, 1, 0]), [0.25]);
    assert.deepEqual(fit({ kind: "intensity" }, [-1, 0.5, 1, 0.5], { intensity: "mean" }), [0.25]);
  });
});

describe("systems that learn an easy rule", () => {
  // The first feature of each modality is raised in every third unit; labels mark those units.
  const lengths = Array.from({ length: 40 }, () => 3);
  const widths = { A: 2, V: 2 };
  const shape: Shape = {
    widths,
    modalities: ["A", "V"],
    level: "row",
    task: { kind: "classes", classes: 2 },
    outputs: 2,
  };
  const make = (seed: number): Split => {
    const s = makeSplit({ lengths, widths, seed });
    for (const m of [s.x.A, s.x.V]) for (let i = 0; m && i < 120; i += 3) m.data[i * 2] += 2;
    return s;
  };
  const values = Int32Array.from({ length: 120 }, (_, i) => Number(i % 3 === 0));
  for (const system of [svm, rf, linear, bofMsa] as FittedSystem[]) {
    it(`${system.name} is right about unseen units far more often than the majority guess (2 of 3)`, () => {
      const config = {
        ...system.defaults,
        ...(system === bofMsa ? { K: 16 } : {}),
        ...(system === linear ? { C: 1 } : {}),
      };
      const model = system.fit(
        { split: make(1), targets: { outputs: 2, values } },
        undefined,
        shape,
        config,
        new Rng(1),
      );
      const guess = argmax([...model.predict(make(2)).values], 2);
      const right = guess.filter((g, i) => g === values[i]).length;
      assert.ok(right >= 102, `${right} of 120`);
    });
  }

  it("RF draws another forest for each emotion, also where two have the same labels", () => {
    const six: Shape = { ...shape, task: { kind: "emotions" }, outputs: 6 };
    const all = Int32Array.from({ length: 720 }, (_, i) => values[Math.floor(i / 6)]);
    const config = { ...rf.defaults, trees: 5 };
    const model = rf.fit({ split: make(1), targets: { outputs: 6, values: all } }, undefined, six, config, new Rng(1));
    const shares = model.predict(make(2)).values;
    const column = (e: number) => Array.from({ length: 120 }, (_, i) => shares[6 * i + e]).join();
    assert.equal(new Set([0, 1, 2, 3, 4, 5].map(column)).size, 6);
  });

  it("BoF-MSA fuses by out-of-fold scores with ten sequences and averages with fewer, and says so", () => {
    const few = makeSplit({ lengths: [2, 2, 2], widths });
    const data: FitData = { split: few, targets: makeTargets(shape.task, 6) };
    const model = bofMsa.fit(data, undefined, shape, { ...bofMsa.defaults, K: 3 }, new Rng(1));
    assert.deepEqual(model.notes, ["too few sequences to learn the fusion: scores averaged"]);
    assert.equal("fusion/weight" in model.save(), false);
    const many: FitData = { split: make(1), targets: { outputs: 2, values } };
    assert.ok("fusion/weight" in bofMsa.fit(many, undefined, shape, { ...bofMsa.defaults, K: 3 }, new Rng(1)).save());
  });
});
