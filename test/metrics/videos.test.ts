// The quick bootstrap over videos against the plain one, which scores each resample's utterances anew.
import { strict as assert } from "node:assert";
import { MetricError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import type { Task } from "../../lib/core/types";
import * as metrics from "../../lib/metrics";

const scale = { low: -3, high: 3, positiveFrom: 0 };
const lengths = [1, 4, 2, 7, 3, 5, 1, 6, 2, 4, 3, 8];
const offsets = lengths.reduce((ends, length) => [...ends, ends[ends.length - 1] + length], [0]);
const n = offsets[offsets.length - 1];
const groups = metrics.groupsOfOffsets(offsets);

/** A made-up run: guesses that lean towards the truth. */
function made(task: Task, seed: number): metrics.ScoreInput {
  const rng = new Rng(seed, "made");
  const truthRng = new Rng(0, "truth");
  const outputs = task.kind === "classes" ? task.classes : task.kind === "emotions" ? 6 : 1;
  const intensity = Float32Array.from({ length: n }, () => Math.round(truthRng.uniform() * 6 - 3));
  const targets =
    task.kind === "classes"
      ? Int32Array.from(intensity, (y) => (outputs === 2 ? (y >= 0 ? 1 : 0) : Math.abs(y) % outputs))
      : Int32Array.from({ length: n * outputs }, () => truthRng.integer(2));
  const values = Float32Array.from({ length: n * outputs }, (_, i) => {
    if (task.kind === "intensity") return intensity[i] * 0.6 + rng.normal();
    const hit = task.kind === "emotions" ? targets[i] : targets[Math.floor(i / outputs)] === i % outputs ? 1 : 0;
    return 0.4 * hit + 0.6 * rng.uniform();
  });
  return {
    task,
    targets,
    intensity,
    scale,
    predictions: { units: n, outputs, values },
    thresholds: metrics.paperThresholds,
  };
}

/** The same run on some of its units. */
function subset(input: metrics.ScoreInput, units: Int32Array): metrics.ScoreInput {
  const { outputs, values } = input.predictions;
  const width = input.task.kind === "emotions" ? 6 : 1;
  const rows = (from: ArrayLike<number>, w: number) =>
    Array.from(units).flatMap((i) => Array.from({ length: w }, (_, j) => from[i * w + j]));
  return {
    ...input,
    targets: rows(input.targets, width),
    intensity: rows(input.intensity!, 1),
    predictions: { units: units.length, outputs, values: Float32Array.from(rows(values, outputs)) },
  };
}

const tasks: Task[] = [
  { kind: "classes", classes: 2 },
  { kind: "classes", classes: 3 },
  { kind: "intensity" },
  { kind: "emotions" },
];
const close = (a: number | null | undefined, b: number | null | undefined, what: string) =>
  a === null || b === null || a === undefined || b === undefined
    ? assert.equal(a, b, what)
    : assert.ok(Math.abs(a - b) < 1e-9, `${what}: ${a} instead of ${b}`);

describe("bootstrap over videos of all metrics", () => {
  for (const task of tasks)
    it(`gives the scores and the intervals of the plain one: ${task.kind}${task.kind === "classes" ? ` ${task.classes}` : ""}`, () => {
      const input = made(task, 1);
      const quick = metrics.videoIntervals([input], groups, { rng: new Rng(5, "test"), resamples: 60 });
      const scores = metrics.scoreTask(input);
      assert.deepEqual(Object.keys(quick), Object.keys(scores));
      for (const [name, { estimate, interval, undefinedResamples }] of Object.entries(quick)) {
        close(estimate, scores[name], name);
        const plain = metrics.bootstrapVideos(groups, (units) => metrics.scoreTask(subset(input, units))[name], {
          rng: new Rng(5, "test").stream("videos"),
          resamples: 60,
        });
        assert.equal(undefinedResamples, plain.undefinedResamples, name);
        close(interval?.low, plain.interval?.low, `${name} low`);
        close(interval?.high, plain.interval?.high, `${name} high`);
      }
    });

  it("takes the mean over runs, and the difference of two means with its p", () => {
    const task = tasks[2];
    const runs = [1, 2, 3].map((seed) => made(task, seed));
    const options = { rng: new Rng(1), resamples: 200, metrics: ["MAE", "r"] };
    const three = metrics.videoIntervals(runs, groups, options);
    assert.deepEqual(Object.keys(three), ["MAE", "r"]);
    const mean = runs.reduce((total, run) => total + metrics.scoreTask(run).MAE!, 0) / 3;
    close(three.MAE.estimate, mean, "mean");
    const same = metrics.pairedVideoBootstrap(runs, runs, groups, options);
    assert.deepEqual([same.MAE.estimate, same.MAE.p], [0, 1]);
    const worse = runs.map((run) => ({
      ...run,
      predictions: { ...run.predictions, values: run.predictions.values.map((v) => -v) },
    }));
    const { estimate, interval, p } = metrics.pairedVideoBootstrap(runs, worse, groups, options).MAE;
    assert.ok(estimate! < 0 && interval!.high < 0 && p! < 0.02);
  });

  it("refuses groups that are not one a unit", () => {
    assert.throws(() => metrics.groupStatistics(made(tasks[0], 1), [0, 1]), MetricError);
  });
});
