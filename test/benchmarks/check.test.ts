import { strict as assert } from "node:assert";
import { execFile } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { promisify } from "node:util";
import type { RunRecord } from "../../lib/core/record";
import { compareRuns } from "../../benchmarks/harness/compare";
import { checkPasses, type CheckLine } from "../../lib/report/ci";
import { appendRecord, readRecords } from "../../lib/training";
import { readBaseline } from "../../benchmarks/check";
import { temporaryFolder } from "../training/helpers";
import { recordOf } from "../training/records.test";
import { copyProgram, dist, filesIn, root, run, start, until } from "./helpers";
import { regressionCell } from "./regression-runs";

/** Five seeds by a program, as built or changed. */
async function runsOf(program: string): Promise<readonly RunRecord[]> {
  const out = temporaryFolder("regression");
  const script = path.join(program, "test", "benchmarks", "regression-runs.js");
  await promisify(execFile)(process.execPath, [script, out]);
  return readRecords(out).records;
}

const plant = (...changes: Change[]) => copyProgram(temporaryFolder("planted"), changes);
type Change = readonly [string, string, string];
const shown = (lines: readonly CheckLine[]) => JSON.stringify(lines, null, 1);

describe("check, on real runs", function () {
  this.timeout(600_000);
  let baseline: readonly RunRecord[];
  before(async () => {
    baseline = await runsOf(dist);
    const mean = baseline.reduce((sum, r) => sum + r.metrics.test.A2!, 0) / 5;
    assert.ok(mean > 0.68, `the baseline must have learnt something to lose: ${mean}`);
  });
  const checked = async (program: string) => compareRuns([regressionCell], baseline, await runsOf(program));

  it("finds identical bits on an unchanged program", async () => {
    const lines = await checked(dist);
    assert.ok(lines.every((line) => line.result === "identical"), shown(lines)); // prettier-ignore
  });

  it("stays silent on a change that only alters rounding", async () => {
    const program = plant(["lib/training/train.js", "learningRate: config.learningRate }", "learningRate: config.learningRate * (1 + 2 ** -22) }"]); // prettier-ignore
    const lines = await checked(program);
    assert.ok(lines.every((line) => line.result === "no difference"), shown(lines)); // prettier-ignore
    assert.ok(lines.every((line) => line.detectable! > 0));
  });

  it("catches a GRU whose update gate is stuck, past the engine's own self-check", async () => {
    const stuck: Change = ["lib/engine/init.js", "return new Float32Array(size);", "return new Float32Array(size).fill(/(fwd|bwd).bias$/.test(param.name) ? 9 : 0);"]; // prettier-ignore
    const trusting: Change = ["lib/engine/wasm/start.js", "if (!fastMath && (await check(kernels, heap)) !== expected)", "if (false)"]; // prettier-ignore
    const lines = await checked(plant(stuck, trusting));
    assert.ok(lines.some((line) => line.result === "worse"), shown(lines)); // prettier-ignore
  });

  it("catches dropout that is left on while predicting", async () => {
    const lines = await checked(plant(["lib/training/model.js", "[output.prediction])", "[output.prediction], { key: { seed: 1, step: 0 } })"])); // prettier-ignore
    assert.ok(lines.some((line) => line.result === "worse"), shown(lines)); // prettier-ignore
  });

  it("catches labels that were shuffled", async () => {
    const lines = await checked(plant(["lib/training/steps.js", "train.targets, config.batchSize", "{ ...train.targets, values: train.targets.values.slice().reverse() }, config.batchSize"])); // prettier-ignore
    assert.ok(lines.every((line) => line.result === "worse"), shown(lines)); // prettier-ignore
  });

  it("catches a validation split that was replaced by the test split", async () => {
    const lines = await checked(plant(["lib/training/prepare.js", "valid: part(valid)", "valid: part(dataset.test)"]));
    assert.ok(lines.every((line) => line.result === "refused"), shown(lines)); // prettier-ignore
    assert.match(
      lines[0].why!,
      /every validation score equals its test score: is the test split read for validation\?/,
    );
  });
});

describe("check and baseline, as commands", function () {
  this.timeout(300_000);
  const committed = path.join(root, "results", "baselines");

  it("pass an unchanged program, whose bits are those of the committed baseline on every machine", async () => {
    const dir = temporaryFolder("check");
    const { code, out, err } = await run("check", ["--out", path.join(dir, "runs"), "--junit", path.join(dir, "check.xml")]); // prettier-ignore
    assert.equal(code, 0, out + err);
    assert.equal(out.match(/^IDENTICAL /gm)?.length, 6, out);
    assert.match(fs.readFileSync(path.join(dir, "check.xml"), "utf8"), /tests="6" failures="0"/);
  });

  it("compare nothing where they are interrupted, and end with 130", async () => {
    const cut = start("check", ["--out", path.join(temporaryFolder("check"), "runs")]);
    await until(() => /#1: /.test(cut.said()));
    cut.process.kill("SIGINT");
    const { code, out, err } = await cut.ended;
    assert.equal(code, 130, err);
    assert.equal(out, "");
    assert.match(err, /ci: interrupted before all runs ended; nothing was compared\./);
  });

  it("fail a program that learns from other labels; a baseline of it is recorded with what changes and why", async () => {
    const [dir, out] = [temporaryFolder("baseline"), path.join(temporaryFolder("runs"), "runs")];
    for (const name of fs.readdirSync(committed)) fs.copyFileSync(path.join(committed, name), path.join(dir, name));
    const backwards = plant(["lib/training/steps.js", "train.targets, config.batchSize", "{ ...train.targets, values: train.targets.values.slice().reverse() }, config.batchSize"]); // prettier-ignore
    const recorded = await run("baseline", ["--reason", "labels backwards", "--baseline", dir, "--out", out], { from: backwards }); // prettier-ignore
    assert.equal(recorded.code, 0, recorded.err);
    assert.match(recorded.out, /^WORSE .*\n(.*\n)*15 runs: .*ci\.jsonl$/m);
    const history = JSON.parse(fs.readFileSync(path.join(dir, "ci.history.json"), "utf8")) as { reason: string; changes: string[] }[]; // prettier-ignore
    assert.equal(history.at(-1)!.reason, "labels backwards");
    assert.ok(history.at(-1)!.changes.some((line) => line.startsWith("WORSE ")));
    const against = (baseline: string) => run("check", ["--runs", out, "--baseline", baseline]);
    const [old, own] = [await against(committed), await against(dir)];
    assert.deepEqual([old.code, own.code], [1, 0], old.out + own.out);
    assert.match(old.out, /^ci: FAILS \(6 metrics compared\)$/m);
    assert.match(own.out, /^ci: passes \(6 metrics compared\)$/m);
  });
});

describe("check, on records", function () {
  this.timeout(60_000);
  const cell = { ...regressionCell, dataset: "mosi", features: "minilm", modalities: ["T" as const], config: {} };
  const seeds = (scores: readonly number[], change: Partial<RunRecord> = {}) =>
    scores.map((A2, i) => recordOf({ seed: i + 1, weightsHash: "0".repeat(63) + A2.toFixed(3).at(-1), metrics: { valid: { A2: 0.1 }, test: { A2, F1: A2 } }, ...change })); // prettier-ignore
  const before = seeds([0.7, 0.71, 0.69, 0.72, 0.7]);

  it("refuses to pair runs of other data or another configuration, and says which", () => {
    const data = compareRuns([cell], before, seeds([0.7, 0.71, 0.69, 0.72, 0.7], { dataHash: "f".repeat(64) }));
    assert.equal(data[0].result, "refused");
    assert.match(data[0].why!, /seed 1: the runs differ in data \(.*, now ffffffffffff\)/);
    const config = compareRuns([cell], before, seeds([0.7, 0.71, 0.69, 0.72, 0.7], { config: { k: 7 } }));
    assert.match(config[0].why!, /differ in configuration/);
    assert.ok(!checkPasses(config));
  });
  it("refuses a failed run and a missing seed", () => {
    assert.match(compareRuns([cell], before, before.slice(1))[0].why!, /no run of now for seed 1/);
    const failed = [
      recordOf({ seed: 1, status: "failed", reason: "loss = NaN", metrics: { test: {} } }),
      ...before.slice(1),
    ];
    assert.match(compareRuns([cell], before, failed)[0].why!, /seed 1 failed: loss = NaN/);
  });
  it("refuses a cell without a baseline and says how to record one", () => {
    assert.match(compareRuns([cell], [], before)[0].why!, /no baseline is recorded: npm run baseline/);
  });
  it("refuses what the baseline has and now cannot be run, or is not declared any more", () => {
    const lacking = new Map([[before[0].cell, "mosi: expected it in data/mosi, found nothing"]]);
    const lost = compareRuns([cell], before, [], lacking);
    assert.deepEqual(lost.map(({ result }) => result), ["refused", "refused"]); // prettier-ignore
    assert.match(lost[0].why!, /^the baseline has it, it cannot be run now: mosi: expected/);
    assert.deepEqual(compareRuns([cell], [], [], lacking), []);
    const gone = compareRuns([], before, before);
    assert.deepEqual(gone.map(({ metric, result }) => [metric, result]), [["A2", "refused"], ["F1", "refused"]]); // prettier-ignore
    assert.match(gone[0].why!, /the suite does not declare it any more/);
  });
  it("compares with the latest runs where older ones of other data lie beside them", () => {
    const later = seeds([0.5, 0.51, 0.49, 0.52, 0.5], {
      dataHash: "f".repeat(64),
      started: "2030-01-01T00:00:00.000Z",
    });
    assert.match(compareRuns([cell], before, [...before, ...later])[0].why!, /the runs differ in data/);
  });
  it("gives no p where all seeds differ alike: one test unit is rounding, more is a change", () => {
    const { test } = before[0].rows;
    const moved = (units: number) => before.map((r) => ({ ...r, weightsHash: "3".repeat(64), metrics: { test: { A2: r.metrics.test.A2! + units / test, F1: r.metrics.test.F1! } } })); // prettier-ignore
    const of = (units: number) => compareRuns([cell], before, moved(units))[0];
    assert.deepEqual([-1, -2, 2].map((units) => of(units).result), ["no difference", "worse", "better"]); // prettier-ignore
    assert.equal(of(-2).holmP, undefined);
    assert.match(of(-2).why!, /all 5 seeds differ alike, so no test applies/);
  });
  it("states the smallest difference that the corrected test could find", () => {
    // statsmodels TTestPower().solve_power(nobs=5, alpha=0.025, power=0.8) = 2.050009 sd; two lines are tested, so Holm's first step is at 0.025.
    const after = before.map((r, i) => ({ ...r, weightsHash: "4".repeat(64), metrics: { test: { A2: r.metrics.test.A2! + 0.01 * i, F1: r.metrics.test.F1! - 0.01 * i } } })); // prettier-ignore
    const [A2] = compareRuns([cell], before, after);
    assert.ok(Math.abs(A2.detectable! - 2.050009 * 0.01 * Math.sqrt(2.5)) < 1e-5, String(A2.detectable));
  });
  it("corrects by Holm over all metrics: one p of 0.03 among two is no finding", () => {
    // Paired differences of the first metric: t = 3.0 over five pairs, p = 0.040 (scipy.stats.ttest_rel: 0.0399).
    const after = before.map((r, i) => ({ ...r, weightsHash: "1".repeat(64), metrics: { test: { A2: r.metrics.test.A2! + [0.01, 0.02, 0.0, 0.015, 0.005][i], F1: r.metrics.test.F1! + [0.01, -0.01, 0.012, -0.011, 0][i] } } })); // prettier-ignore
    const [A2, F1] = compareRuns([cell], before, after);
    assert.ok(A2.holmP! > 0.05 && A2.holmP! < 0.1, String(A2.holmP));
    assert.equal(A2.result, "no difference");
    assert.equal(F1.result, "no difference");
    assert.ok(A2.detectable! > 0.01);
  });
  it("calls a clear gain better and a clear loss worse, by the metric's direction", () => {
    const shift = (d: number) => before.map((r) => ({ ...r, weightsHash: "2".repeat(64), metrics: { test: { A2: r.metrics.test.A2! + d + r.seed * 1e-4, F1: 0.5 } } })); // prettier-ignore
    assert.equal(compareRuns([cell], before, shift(0.05))[0].result, "better");
    assert.equal(compareRuns([cell], before, shift(-0.05))[0].result, "worse");
  });
});

describe("a baseline", function () {
  this.timeout(60_000);

  it("is read from its suite's own file, whatever the others hold", () => {
    const dir = temporaryFolder("baselines");
    appendRecord(path.join(dir, "ci.jsonl"), recordOf({ suite: "ci" }));
    const later = recordOf({ suite: "table1", started: "2026-02-01T00:00:00.000Z", metrics: { test: { A2: 0.5 } } });
    appendRecord(path.join(dir, "table1.jsonl"), later);
    assert.deepEqual(readBaseline(dir, "ci"), [recordOf({ suite: "ci" })]);
    assert.deepEqual(readBaseline(dir, "table1"), [later]);
  });

  it("is not recorded where data of its cells is missing: the message names the cell and the data", async () => {
    const [dir, out] = [temporaryFolder("baselines"), temporaryFolder("out")];
    const args = ["--suite", "figure2", "--reason", "a test", "--baseline", dir, "--out", out, "--workers", "1"];
    const alone = copyProgram(temporaryFolder("alone"));
    const { code, err } = await run("baseline", args, { from: alone, env: { CIA_DATA: "" } });
    assert.equal(code, 1, err);
    assert.match(
      err,
      /figure2: expected the data of all its cells, found cia\/mosi\/.* without: .*No baseline was recorded/,
    );
    assert.deepEqual([...filesIn(dir), ...filesIn(out)], []);
  });
});
