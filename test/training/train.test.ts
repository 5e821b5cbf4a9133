import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import * as tf from "@tensorflow/tfjs";
import { SystemError, TrainingError } from "../../lib/core/errors";
import { sha256 } from "../../lib/core/json";
import type { Dataset, Task } from "../../lib/core/types";
import type { Engine } from "../../lib/engine/engine";
import type { NeuralSystem } from "../../lib/layers/system";
import { systems } from "../../lib/models";
import { constant } from "../../lib/models/constant";
import { trainAndScore } from "../../lib/notebook/live";
import { hashWeights, scoreTest, train, type TrainOptions } from "../../lib/training";
import { loadCheckpoint, saveCheckpoint } from "../../lib/training/checkpoint";
import { select } from "../../lib/training/select";
import { epochSteps } from "../../lib/training/steps";
import { prepare } from "../../lib/training/prepare";
import { cpuEngine, temporaryFolder, tinyDataset, tinySystem } from "./helpers";

const two: Task = { kind: "classes", classes: 2 };
const emotions: Task = { kind: "emotions" };
const untimed = (epochs: readonly { seconds: number }[]) => epochs.map((epoch) => ({ ...epoch, seconds: 0 }));

describe("the trainer", function () {
  this.timeout(60_000);
  let engine: Engine;
  let dataset: Dataset;
  before(async () => {
    engine = await cpuEngine();
    dataset = tinyDataset();
  });
  const run = (o: Partial<TrainOptions> = {}, data = dataset, task: Task = two) =>
    train(tinySystem, data, task, {
      seed: 1,
      protocol: "validation",
      engine,
      ...o,
      config: { epochs: 4, batchSize: 4, ...o.config },
    });
  const hashOfRun = async (o: Partial<TrainOptions> = {}) => hashWeights(await (await run(o)).model.save());

  it("gives the same weights for the same seed, and others for another", async () => {
    const [a, b, c] = [await hashOfRun(), await hashOfRun(), await hashOfRun({ seed: 2 })];
    assert.equal(a, b);
    assert.notEqual(a, c);
  });

  it("visits every training sequence once an epoch, in another order each time", () => {
    const prepared = prepare(tinySystem, dataset, two, { protocol: "validation", config: { batchSize: 5 } });
    const orders = [1, 2].map((epoch) => [...epochSteps(prepared, 1, epoch)]);
    for (const steps of orders) {
      assert.deepEqual(steps.map((s) => s.batch.offsets.length - 1), [5, 5, 2]); // prettier-ignore
      const rows = steps.reduce((sum, s) => sum + s.batch.offsets[s.batch.offsets.length - 1], 0);
      assert.equal(rows, dataset.train.offsets[12]);
    }
    assert.deepEqual(orders[1].map((s) => s.key.step), [3, 4, 5]); // prettier-ignore
    assert.notDeepEqual(orders[0][0].batch.x.T!.data, orders[1][0].batch.x.T!.data);
  });

  it("refuses a label that is no number in any split, whatever the system and the task", async () => {
    const first = (values: Float32Array | undefined) => values?.map((v, i) => (i === 0 ? NaN : v));
    for (const name of ["train", "valid", "test"] as const) {
      const split = dataset[name]!;
      const labels = { intensity: first(split.labels.intensity), emotions: first(split.labels.emotions) };
      const broken = { ...dataset, [name]: { ...split, labels } };
      for (const task of [two, { kind: "classes", classes: 7 }, emotions, { kind: "intensity" }] as const)
        for (const system of systems)
          await assert.rejects(
            train(system, broken, task, { seed: 1, protocol: "validation", engine, modalities: ["A", "V"] }),
            new RegExp(`synthetic, synthetic, ${name}, label 1: expected a number, found NaN`),
            `${system.name}, ${name}, ${task.kind}`,
          );
    }
  });

  it("selects the epoch with the least validation loss and predicts with its weights", async () => {
    const done = await run({ config: { epochs: 6, learningRate: 0.5 } });
    const losses = done.epochs.map((e) => e.validLoss!);
    assert.equal(done.selected.epoch, losses.indexOf(Math.min(...losses)) + 1);
    assert.match(done.selected.why, /best validation loss of 6 epochs/);
    const upTo = await run({
      config: { epochs: done.selected.epoch, learningRate: 0.5, patience: 0 },
      protocol: "fixed-epochs",
    });
    assert.equal(hashWeights(await done.model.save()), hashWeights(await upTo.model.save()));
  });

  it("keeps the last epoch under fixed-epochs and never looks at validation", async () => {
    const done = await run({ protocol: "fixed-epochs" });
    assert.equal(done.selected.epoch, 4);
    assert.equal(done.valid, undefined);
    assert.ok(done.epochs.every((e) => e.validLoss === undefined));
  });

  it("stops when validation has not got better for as long as patience", async () => {
    const done = await run({ config: { epochs: 40, patience: 2, learningRate: 1 } });
    const best = done.selected.epoch;
    assert.ok(done.epochs.length < 40);
    assert.equal(done.epochs.length, best + 2);
  });

  it("refuses validation where there is no such split, with the way out", async () => {
    const without = { ...dataset, valid: undefined };
    await assert.rejects(run({}, { ...without, leaks: "these features have seen the labels" }), (e: Error) =>
      /expected a validation split, found none.*these features have seen the labels.*fixed-epochs/.test(e.message),
    );
  });

  it("refuses to select by the test split", async () => {
    await assert.rejects(run({ protocol: "test-selected" }), /no protocol to claim by/);
  });

  it("reads the test split once, and only with the choice that this run made", async () => {
    const [a, b] = [await run(), await run({ seed: 2 })];
    await assert.rejects(scoreTest(a, b.selected), TrainingError);
    const { scores, predictions } = await scoreTest(a, a.selected);
    assert.equal(predictions.units, dataset.test.offsets[8]);
    assert.ok(scores.A2! >= 0 && scores.A2! <= 1);
    await assert.rejects(scoreTest(a, a.selected), /found one that was/);
  });

  it("records the best test score over epochs beside, without choosing by it", async () => {
    const [watched, not] = [await run({ watchTest: true }), await run()];
    assert.deepEqual(untimed(watched.epochs), untimed(not.epochs));
    assert.equal(watched.selected.epoch, not.selected.epoch);
    const { scores } = await scoreTest(watched, watched.selected);
    assert.ok(watched.testSelected!.A2! >= scores.A2!);
  });

  it("goes on from a checkpoint with the same bits as an uninterrupted run", async () => {
    const whole = await run({ config: { epochs: 5 }, watchTest: true });
    for (const stopAfter of [1, 3]) {
      const file = path.join(temporaryFolder("checkpoint"), "run.bin");
      const checkpoint = { file, owner: "me" };
      const stop = new AbortController();
      const first = await run({
        config: { epochs: 5 },
        watchTest: true,
        checkpoint,
        signal: stop.signal,
        onEpoch: ({ epoch }) => epoch === stopAfter && stop.abort(),
      });
      assert.equal(first.status, "stopped");
      assert.equal(first.epochs.length, stopAfter);
      const before: number[] = [];
      const onResume: TrainOptions["onResume"] = (epochs) => before.push(...epochs.map(({ epoch }) => epoch));
      const second = await run({ config: { epochs: 5 }, watchTest: true, checkpoint, onResume });
      assert.equal(second.status, "done");
      assert.deepEqual(before, [1, 2, 3].slice(0, stopAfter)); // so that the record of a run that fails has them too
      assert.deepEqual(untimed(second.epochs), untimed(whole.epochs));
      assert.deepEqual(second.testSelected, whole.testSelected);
      assert.equal(hashWeights(await second.model.save()), hashWeights(await whole.model.save()));
    }
  });

  it("keeps the last finished epoch when it is stopped, however seldom checkpoints are written", async () => {
    const o = { config: { epochs: 5 }, watchTest: true } as const;
    const whole = await run(o);
    // At the end of an epoch, and inside the next one, whose steps count for nothing.
    for (const steps of [6, 8]) {
      const file = path.join(temporaryFolder("checkpoint"), "run.bin");
      const checkpoint = { file, owner: "me", everySeconds: 3600 };
      const stop = new AbortController();
      let done = 0;
      const onProgress = () => void (++done === steps && stop.abort());
      assert.equal((await run({ ...o, checkpoint, signal: stop.signal, onProgress })).status, "stopped");
      assert.equal(loadCheckpoint(file, "me")!.epochs.length, 2);
      const resumed = await run({ ...o, checkpoint });
      assert.deepEqual(untimed(resumed.epochs), untimed(whole.epochs));
      assert.deepEqual(resumed.testSelected, whole.testSelected);
      assert.equal(hashWeights(await resumed.model.save()), hashWeights(await whole.model.save()));
    }
  });

  it("does no step again where it was killed between its last epoch and its record", async () => {
    const file = path.join(temporaryFolder("checkpoint"), "run.bin");
    const whole = await run({ checkpoint: { file, owner: "me" }, watchTest: true });
    const again = await run({
      checkpoint: { file, owner: "me" },
      watchTest: true,
      onProgress: () => assert.fail("a step"),
      onEpoch: () => assert.fail("an epoch"),
    });
    assert.deepEqual(again.epochs, whole.epochs);
    assert.deepEqual([again.selected.epoch, again.testSelected], [whole.selected.epoch, whole.testSelected]);
    assert.equal(hashWeights(await again.model.save()), hashWeights(await whole.model.save()));
  });

  it("never takes up the checkpoint of another run, or a damaged one", async () => {
    const file = path.join(temporaryFolder("checkpoint"), "run.bin");
    const said: string[] = [];
    await run({ checkpoint: { file, owner: "one" } });
    const other = await run({ checkpoint: { file, owner: "two" }, say: (line) => said.push(line), seed: 3 });
    assert.match(said.join(), /made by another run, code or engine; the run starts anew/);
    assert.equal(hashWeights(await other.model.save()), await hashOfRun({ seed: 3 }));
    const bytes = fs.readFileSync(file);
    bytes[bytes.length - 1] ^= 1;
    fs.writeFileSync(file, bytes);
    assert.equal(
      loadCheckpoint(file, "two", (line) => said.push(line)),
      undefined,
    );
    assert.match(said.at(-1)!, /cut or damaged/);
  });

  it("never takes up a checkpoint whose header was edited, is of the form before, or is no object", () => {
    const file = path.join(temporaryFolder("checkpoint"), "c.bin");
    const weights = { a: Float32Array.of(1, 2) };
    const epochs = [{ epoch: 1, trainLoss: 0.5, validLoss: 0.7, seconds: 1 }];
    saveCheckpoint(file, "o", { epochs, weights, optimizer: { steps: 4, m: {}, v: {} } });
    const bytes = fs.readFileSync(file).toString("latin1");
    const asIs = (text: string) => text;
    const ofArrays = sha256(new Uint8Array(weights.a.buffer));
    const header = (json: string) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      return length.toString("latin1") + json;
    };
    for (const [change, taken] of [
      [asIs, true],
      [(text: string) => text.replace('"validLoss":0.7', '"validLoss":0.1'), false],
      [(text: string) => text.replace('"steps":4', '"steps":9'), false],
      [(text: string) => text.replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${ofArrays}"`), false],
      [() => header("null"), false],
      [() => header("[]"), false],
    ] as const) {
      fs.writeFileSync(file, Buffer.from(change(bytes), "latin1"));
      const said: string[] = [];
      const read = loadCheckpoint(file, "o", (line) => said.push(line));
      assert.equal(read !== undefined, taken, change.toString());
      if (!taken) assert.match(said.join(), /c\.bin: cut or damaged.*; the run starts anew\./);
    }
  });

  it("writes checkpoints that read back as they were", () => {
    const file = path.join(temporaryFolder("checkpoint"), "c.bin");
    const optimizer = { steps: 7, m: { a: Float32Array.of(1, 2) }, v: { a: Float32Array.of(3, 4) } };
    const written = { epochs: [], weights: { a: Float32Array.of(0.1, -0) }, optimizer, watched: { A2: 0.5, r: null } };
    saveCheckpoint(file, "o", written);
    assert.deepEqual(loadCheckpoint(file, "o"), written);
  });

  it("keeps what it has when the signal comes in the first epoch", async () => {
    const stop = new AbortController();
    const stopped = await run({ signal: stop.signal, onProgress: () => stop.abort() });
    assert.equal(stopped.status, "stopped");
    assert.equal(stopped.epochs.length, 0);
  });

  it("reports progress with an estimate of what is left", async () => {
    const seen: number[] = [];
    await run({
      onProgress: ({ epoch, step, steps, secondsLeft }) => seen.push((epoch - 1) * steps + step, secondsLeft),
    });
    assert.equal(seen.length, 2 * 4 * 3);
    assert.ok(seen.every((v) => Number.isFinite(v) && v >= 0));
    assert.equal(seen.at(-1), 0);
  });

  it("stops at a loss that is not finite and names the step and the features that broke", async () => {
    const broken = tinyDataset();
    broken.train.x.A!.data[5] = NaN; // the reader would have refused it
    await assert.rejects(run({ config: { scaling: "none" } }, broken), (e: Error) => {
      assert.ok(e instanceof TrainingError);
      return /tiny, epoch 1, step \d of 3: expected a finite loss, found (task|total) = NaN; the features of A hold NaN in row \d+, column 5/.test(
        e.message,
      );
    });
  });

  it("names the first tensor that overflowed", async () => {
    await assert.rejects(
      run({ config: { learningRate: 1e37 } }),
      /epoch 1, step 2 of 3: expected a finite loss, found (task|total) = .*; (the first tensor that broke is \w+ \(dense\), with|the weights [\w/]+ hold) -?(Infinity|NaN) .*: lower learningRate/,
    );
  });

  it("ends, too, where the last step of all leaves weights that predict no number: they are no class 0", async () => {
    const once = { epochs: 1, batchSize: 12, learningRate: 1e37 }; // the loss of the one step is finite
    const tensors = tf.memory().numTensors;
    for (const protocol of ["validation", "fixed-epochs"] as const)
      await assert.rejects(run({ protocol, config: once }), (e: Error) => {
        assert.ok(e instanceof TrainingError);
        return /predictions, unit \d+, output \d: expected a number, found NaN; the weights.*lower learningRate/.test(
          e.message,
        );
      });
    assert.equal(tf.memory().numTensors, tensors, "the model that predicts no number is given back");
  });

  /** A cell of a notebook that trains one run, on an engine whose programs do something of their own first. */
  const inCell = (own: Partial<Record<"step" | "evaluate", (calls: number) => void>>) => {
    const compile: Engine["compile"] = (...args) => {
      const program = engine.compile(...args);
      const calls = { step: 0, evaluate: 0 };
      for (const name of ["step", "evaluate"] as const) {
        const method = program[name].bind(program) as (...a: unknown[]) => Promise<never>;
        program[name] = async (...a: unknown[]) => {
          own[name]?.(++calls[name]);
          return method(...a);
        };
      }
      return program;
    };
    const options = { protocol: "fixed-epochs", config: { epochs: 3, batchSize: 12 }, seeds: [1] } as const;
    const keepIn = temporaryFolder("live");
    return trainAndScore(tinySystem, dataset, two, { ...options, engine: { ...engine, compile }, keepIn });
  };

  it("gives back the model of a notebook's run that was stopped, or whose test split broke", async () => {
    const tensors = tf.memory().numTensors;
    const stop = { step: (calls: number) => void (calls === 2 && process.emit("SIGINT", "SIGINT")) };
    assert.deepEqual(await inCell(stop), []);
    assert.equal(tf.memory().numTensors, tensors, "stopped");
    const broken = (calls: number) => {
      if (calls === 2) throw new Error("broken test split"); // the first reads the training split
    };
    await assert.rejects(inCell({ evaluate: broken }), /broken test split/);
    assert.equal(tf.memory().numTensors, tensors, "broken");
  });

  it("refuses unknown settings with the known ones, and values of another kind", async () => {
    await assert.rejects(run({ config: { unit: 3 } }), (e: Error) => {
      assert.ok(e instanceof SystemError);
      return /tiny, setting unit: expected one of batchSize, drop, epochs, .*units, found unit/.test(e.message);
    });
    await assert.rejects(run({ config: { units: "many" } }), /expected a number such as 4, found "many"/);
    await assert.rejects(run({ config: { epochs: 0 } }), /setting epochs: expected a whole number from 1, found 0/);
    await assert.rejects(
      run({ config: { scaling: "minmax" } }),
      /expected standardise, maxabs, .* or none, found minmax/,
    );
  });

  it("repacks utterances for a system that sees them alone: one without context cannot tell their order", async () => {
    const alone = { ...tinySystem, rows: "alone" } as NeuralSystem;
    const prepared = prepare(alone, dataset, two, { protocol: "validation" });
    assert.equal(prepared.shape.level, "sequence");
    assert.equal(prepared.train.split.offsets.length - 1, dataset.train.offsets[12]);
    assert.equal(prepared.train.split.videos![0], dataset.train.ids[0]);
    const done = await train(alone, dataset, two, { seed: 1, protocol: "validation", engine, config: { epochs: 2 } });
    assert.equal((await scoreTest(done, done.selected)).predictions.units, dataset.test.offsets[8]);
  });

  it("takes fitted systems through the same path", async () => {
    const system = constant as unknown as Parameters<typeof train>[0];
    const done = await train(system, dataset, two, { seed: 1, protocol: "validation" });
    assert.equal(done.epochs.length, 0);
    const { scores } = await scoreTest(done, done.selected);
    assert.ok(scores.A2! > 0.3 && scores.A2! < 0.7);
  });

  it("chooses emotion thresholds on validation, and the paper's where there is no validation", async () => {
    const done = await run({}, dataset, emotions);
    assert.deepEqual(Object.keys(done.selected.thresholds!), ["F1", "W-Acc", "one"]);
    const fixed = await run({ protocol: "fixed-epochs" }, dataset, emotions);
    assert.equal(fixed.selected.thresholds!.F1, 0.4);
    assert.equal(fixed.selected.thresholds!["W-Acc"], 0.18);
  });
});

describe("select", () => {
  const epochs = [0.5, 0.4, 0.45].map((validLoss, i) => ({ epoch: i + 1, trainLoss: 1, validLoss, validScore: [0.6, 0.5, 0.7][i], seconds: 0 })); // prettier-ignore
  const rule = { epochs: 3, patience: 0 };
  it("takes the epoch with the least loss, or the best metric, by the rule", () => {
    const by = (selectBy: "loss" | "metric", metric: string) =>
      select({ protocol: "validation", rule: { ...rule, selectBy }, metric, epochs }).epoch;
    assert.equal(by("loss", "A2"), 2);
    assert.equal(by("metric", "A2"), 3);
    assert.equal(by("metric", "MAE"), 2); // lower is better
  });
  it("takes the first of equally good epochs", () => {
    const equal = epochs.map((e) => ({ ...e, validLoss: 0.4 }));
    const { epoch } = select({
      protocol: "validation",
      rule: { ...rule, selectBy: "loss" },
      metric: "A2",
      epochs: equal,
    });
    assert.equal(epoch, 1);
  });
});
