import * as assert from "node:assert/strict";
import {
  findDataDir,
  knownDatasets,
  labelStatistics,
  leakageProbe,
  loadDataset,
  paperStatistics,
} from "../../lib/data";
import { accuracyOf, fitLogistic } from "../../lib/data/probe";
import type { LabelStatistics } from "../../lib/data/statistics";

const here = (name: string, features: string): boolean => {
  const files = knownDatasets.find((d) => d.name === name)!.features.find((f) => f.name === features)!.files;
  if (findDataDir(name, files)) return true;
  console.log(`      no ${name} ${features} on this machine`);
  return false;
};

describe("label statistics", () => {
  it("of MOSEI are those of data/README.md for Table 2", async function () {
    if (!here("mosei", "minilm")) return this.skip();
    const { emotionsPerUtterance, emotions, splits } = (await labelStatistics("mosei")) as LabelStatistics;
    assert.deepEqual(emotionsPerUtterance, [3376, 11083, 5573, 2106, 559, 83, 8]);
    assert.deepEqual(
      splits.map((s) => s.units),
      [16274, 1861, 4653],
    );
    const total = Object.values(emotions!).reduce((a, b) => a + b, 0);
    assert.equal(
      total,
      emotionsPerUtterance!.reduce((sum, n, k) => sum + n * k, 0),
    );
  });
  it("of the paper add up: Table 2 sums to 22,677 utterances", () => {
    assert.equal(
      paperStatistics.mosei.emotionsPerUtterance.reduce((a: number, b) => a + b, 0),
      22677,
    );
  });
  it("of MOUD are 498 labels of 79 videos", async function () {
    if (!findDataDir("moud", ["cats.txt"])) {
      console.log("      no moud (cats.txt) on this machine");
      return this.skip();
    }
    assert.deepEqual(await labelStatistics("moud"), {
      name: "moud",
      videos: 79,
      utterances: 498,
      negative: 248,
      neutral: 48,
      positive: 202,
    });
  });
  it("of MOSI are those of the CMU split", async function () {
    if (!here("mosi", "minilm")) return this.skip();
    const { splits } = (await labelStatistics("mosi")) as LabelStatistics;
    assert.deepEqual(
      splits.map((s) => s.units),
      [1284, 229, 686],
    );
    assert.deepEqual(splits[2].classes["classes:2"], [379, 307]);
  });
});

describe("the leakage probe", () => {
  const x = {
    rows: 40,
    width: 3,
    data: Float32Array.from({ length: 120 }, (_, k) => Math.sin(3 * Math.floor(k / 3) + (k % 3))),
  };
  const y = Array.from({ length: 40 }, (_, i) =>
    x.data[3 * i] + 0.5 * x.data[3 * i + 1] + Math.cos(i * 1.7) > 0 ? 1 : 0,
  );
  const rows = [...Array(40).keys()];
  // scikit-learn 1.9, LogisticRegression(C, tol=1e-12).
  const expected: [number, number[], number, number][] = [
    [0.1, [0.6258308621610764, 0.4978678321671713, -0.08783259827629487], -0.1067296675448466, 0.875],
    [1, [1.6467641305491774, 1.3561009967100839, -0.181355208058553], -0.16937497248346098, 0.85],
  ];
  for (const [C, weights, bias, accuracy] of expected)
    it(`fits the logistic regression of scikit-learn for C ${C}`, () => {
      const model = fitLogistic(x, y, rows, C);
      weights.forEach((w, j) =>
        assert.ok(Math.abs(model.weights[j] - w) < 1e-6, `${model.weights[j]} instead of ${w}`),
      );
      assert.ok(Math.abs(model.bias - bias) < 1e-6);
      assert.equal(accuracyOf(model, x, y, rows), accuracy);
    });

  it("finds the leaks of data/README.md in MOSI: text 97.9 and 75.3, video 91.6 and 52.3, audio none", async function () {
    if (!here("mosi", "bclstm")) return this.skip();
    const [text, audio, video] = leakageProbe(await loadDataset("mosi", { features: "bclstm" }));
    const near = (value: number, percent: number, within: number) =>
      assert.ok(Math.abs(100 * value - percent) <= within, `${100 * value} instead of ${percent}`);
    near(text.crossValidated, 97.9, 1); // the folds are ours, so within a point
    near(video.crossValidated, 91.6, 1);
    near(text.test, 75.3, 0.1);
    near(video.test, 52.3, 0.1);
    near(audio.test, 55.2, 0.1);
    near(text.majority, 62.1, 0.05);
    assert.ok(audio.crossValidated < 0.55);
  });
});
