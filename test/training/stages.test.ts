import { strict as assert } from "node:assert";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config, Dataset } from "../../lib/core/types";
import { loadDataset } from "../../lib/data";
import { startEngine } from "../../lib/engine/choose";
import type { Engine } from "../../lib/engine/engine";
import { record } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { findSystem } from "../../lib/models";
import { loadCheckpoint } from "../../lib/training/checkpoint";
import { train, type Run, type TrainOptions } from "../../lib/training/train";

const small: Readonly<Record<string, Config>> = {
  "bc-lstm": { r1: 3, feature1: 4, r2: 3, feature2: 5, inputDrop1: 0.2, inputDrop2: 0.2, drop: 0.3, epochs: 2 },
  df: { fc1: 5, fc2: 4, fusionHidden: 3, epochs: 2 },
};

describe("systems of two stages", function () {
  this.timeout(20000);
  let engine: Engine;
  let data: Dataset;
  before(async () => {
    engine = await startEngine("cpu", { say: () => undefined });
    data = await loadDataset("synthetic", { videos: [6, 3, 2] });
  });

  const run = (name: string, config: Config = {}, o: Partial<TrainOptions> = {}, on = data): Promise<Run> =>
    train(
      findSystem(name),
      on,
      { kind: "classes", classes: 2 },
      {
        seed: 1,
        protocol: "validation",
        engine,
        config: { ...small[name], ...config },
        ...o,
      },
    );
  const weights = async (r: Run) =>
    Object.fromEntries(Object.entries(await r.model.save()).map(([k, v]) => [k, [...v.data]]));
  const stage = (all: Record<string, number[]>, name: string) =>
    Object.fromEntries(Object.entries(all).filter(([k]) => k.startsWith(name)));

  for (const name of ["bc-lstm", "df"]) {
    it(`${name}: trains its stages one after the other and predicts by the graph of both`, async () => {
      const lines: string[] = [];
      const r = await run(name, { folds: 1 }, { say: (line) => lines.push(line) });
      assert.deepEqual(lines, ["T", "A", "V"].map((m) => `${name}: stage 1, ${m}`).concat(`${name}: stage 2`));
      const { shape, config } = r.prepared;
      const { graph } = record(findSystem(name) as NeuralSystem, shape, config);
      assert.deepEqual(Object.keys(await r.model.save()).sort(), [...graph.params.keys()].sort());
      // Stage 2 was trained on the features that the first stage computes in the graph of both: same score, other route.
      const last = r.epochs[r.selected.epoch - 1];
      const valid = r.valid?.scores ?? {};
      assert.ok(Math.abs((last.validScore ?? NaN) - (valid.A2 ?? NaN)) < 1e-6);
      r.model.dispose();
    });
  }

  it("out of fold, keep the first stage as it is and train the second on other features", async () => {
    const [inside, outside] = [await run("df", { folds: 1 }), await run("df", { folds: 3 })];
    const [a, b] = [await weights(inside), await weights(outside)];
    assert.deepEqual(stage(a, "stage1"), stage(b, "stage1"));
    assert.notDeepEqual(stage(a, "stage2"), stage(b, "stage2"));
    inside.model.dispose();
    outside.model.dispose();
  });

  it("take a fold a video at most, and none where there is one video, which they say", async () => {
    const lines: string[] = [];
    const of = (names: (s: number) => string): Promise<Run> => {
      const videos = data.train.ids.map((_, s) => names(s));
      const same: Dataset = { ...data, train: { ...data.train, videos } };
      return run("df", { folds: 4, epochs: 1 }, { say: (line) => lines.push(line) }, same);
    };
    const note = /^all training sequences are of one video: .* \(folds 1, not 4\)$/;
    const one = await of(() => "one");
    assert.match(one.model.notes[0], note);
    assert.ok(lines.some((line) => note.test(line.replace("df: ", ""))));
    assert.deepEqual(lines.filter((line) => line.includes("fold ")), []); // prettier-ignore
    const two = await of((s) => `video ${s % 2}`);
    assert.deepEqual(two.model.notes, []);
    assert.equal(lines.filter((line) => /stage 1, T, without fold [12] of 2/.test(line)).length, 2);
    for (const { model } of [one, two]) model.dispose();
  });

  it("go on from where a signal stopped them, with the same bits, and leave no file behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stages-"));
    try {
      const whole = await run("df", { folds: 1 });
      const checkpoint = { file: join(folder, "run"), owner: "test", everySeconds: 3600 };
      const signal = new AbortController();
      const seen: string[] = [];
      const say = (line: string) => {
        seen.push(line);
        if (line === "df: stage 1, V") signal.abort();
      };
      const stopped = await run("df", { folds: 1 }, { checkpoint, signal: signal.signal, say });
      assert.equal(stopped.status, "stopped");
      for (const m of ["T", "A"]) {
        const kept = loadCheckpoint(`${checkpoint.file}.stage1-${m}`, "test");
        assert.equal(kept?.epochs.length, 2, `all epochs of stage 1, ${m}`);
      }
      stopped.model.dispose();
      const resumed = await run("df", { folds: 1 }, { checkpoint });
      assert.deepEqual(await weights(resumed), await weights(whole));
      assert.deepEqual(
        readdirSync(folder).filter((f) => f.includes("stage1")),
        [],
      );
      whole.model.dispose();
      resumed.model.dispose();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
