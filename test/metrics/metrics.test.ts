// Expected values: test/oracles/metrics.json (scikit-learn, scipy, statsmodels; see metrics.py), the paper, or counted by hand.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { MetricError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import * as metrics from "../../lib/metrics";

const oracle = JSON.parse(readFileSync("test/oracles/metrics.json", "utf8"));
const close = (got: number | null | undefined, want: number, tolerance = 1e-12) =>
  assert.ok(
    typeof got === "number" && Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)),
    `${got} instead of ${want}`,
  );
const MOSI = { low: -3, high: 3, positiveFrom: 0 };
const intensities = (values: number[]) => ({
  units: values.length,
  outputs: 1,
  values: Float32Array.from(values),
});

describe("class metrics", () => {
  it("agree with scikit-learn on 2, 3 and 7 classes", () => {
    for (const c of oracle.classes)
      for (const name of ["accuracy", "weightedF1", "macroF1", "balancedAccuracy", "binaryF1"] as const)
        close(metrics[name](c.truth, c.guess), c[name]);
  });
  it("give the paper's own F1 for the constant guesses that it prints (39.32 on 379 of 686, 45.46 on 64 of 106)", () => {
    for (const [positive, n, F1, A2] of [
      [379, 686, "39.32", "55.24"],
      [64, 106, "45.46", "60.37"], // printed truncated: 45.4606, 60.377
    ] as const) {
      const truth = Array.from({ length: n }, (_, i) => (i < positive ? 1 : 0));
      const guess = truth.map(() => 1);
      const truncate = (x: number) => (Math.floor(x * 10000) / 100).toFixed(2);
      assert.equal(truncate(metrics.weightedF1(truth, guess)), F1);
      assert.equal(truncate(metrics.accuracy(truth, guess)), A2);
      assert.equal(metrics.weightedAccuracy(truth, guess), 0.5);
    }
  });
  it("refuse empty vectors, vectors of two lengths and labels that are no classes", () => {
    assert.throws(() => metrics.accuracy([], []), MetricError);
    assert.throws(
      () => metrics.weightedF1([1, 0], [1]),
      /weightedF1|perClass: expected two vectors of one length, found 2 and 1/,
    );
    assert.throws(() => metrics.weightedF1([0.5], [1]), /expected class indices, found 0.5/);
    assert.throws(() => metrics.argmaxRows([1, 2, 3], 2), /expected rows of 2 values/);
  });
  it("take the lowest class of a tie", () => {
    assert.deepEqual([...metrics.argmaxRows([0.5, 0.5, 0.2, 0.8], 2)], [0, 1]);
  });
});

describe("intensity metrics", () => {
  it("agree with scikit-learn and scipy", () => {
    for (const c of oracle.intensity) {
      close(metrics.mae(c.truth, c.guess), c.MAE);
      close(metrics.pearson(c.truth, c.guess), c.r);
      const scores = metrics.scoreTask({
        task: { kind: "intensity" },
        targets: [],
        intensity: c.truth,
        predictions: { units: c.guess.length, outputs: 1, values: c.guess as Float32Array },
        scale: MOSI,
      });
      for (const name of ["MAE", "r", "A7", "A2", "A2non0", "F1"]) close(scores[name], c[name]);
    }
  });
  it("know a constant vector by its values, not by its rounded variance", () => {
    const constant = Array.from({ length: 60 }, () => 0.3);
    assert.equal(
      metrics.pearson(
        constant,
        constant.map((_, i) => i),
      ),
      null,
    );
    assert.equal(metrics.sd(constant), 0);
  });
  it("score each convention for neutral labels as counted by hand", () => {
    // labels -1 0 0 2, guesses -1 1 -1 2
    const input = { task: { kind: "intensity" } as const, targets: [], intensity: [-1, 0, 0, 2], scale: MOSI };
    const scores = metrics.scoreTask({ ...input, predictions: intensities([-1, 1, -1, 2]) });
    assert.equal(scores.A2, 3 / 4); // the second zero is positive, guessed negative
    assert.equal(scores.A2non0, 1);
    assert.equal(scores.A2zeroNeg, 3 / 4); // the first zero is negative, guessed positive
  });
  it("give a two-class head the same conventions", () => {
    const scores = metrics.scoreTask({
      task: { kind: "classes", classes: 2 },
      targets: [0, 1, 1, 1],
      intensity: [-1, 0, 0, 2],
      scale: MOSI,
      predictions: { units: 4, outputs: 2, values: Float32Array.of(0.9, 0.1, 0.2, 0.8, 0.7, 0.3, 0.4, 0.6) },
    });
    assert.equal(scores.A2, 3 / 4);
    assert.equal(scores.A2non0, 1);
    assert.equal(scores.A2zeroNeg, 3 / 4);
  });
  it("leave out conventions that a scale does not have", () => {
    const scores = metrics.scoreTask({
      task: { kind: "intensity" },
      targets: [],
      intensity: [1, 3.5, 5],
      scale: { low: 1, high: 5, positiveFrom: 3.51 },
      predictions: intensities([2, 4, 4]),
    });
    assert.deepEqual(Object.keys(scores).sort(), ["A2", "A5", "F1", "MAE", "r"]);
    assert.equal(scores.A2, 2 / 3); // 3.5 is not positive (cut > 3.5), guessed positive
  });
  it("know neutral in the middle of a scale in single precision, as labels are", () => {
    const [low, high, positiveFrom] = [0.2, 1.2, 0.7].map(Math.fround);
    const scores = metrics.scoreTask({
      task: { kind: "intensity" },
      targets: [],
      intensity: [low, positiveFrom, high],
      scale: { low, high, positiveFrom },
      predictions: intensities([0.3, 0.3, 1]),
    });
    assert.deepEqual([scores.A2, scores.A2non0, scores.A2zeroNeg], [2 / 3, 1, 1]);
  });
  it("give no A2 and F1 where the cut leaves every label positive, or none: any system would have 1", () => {
    const names = (positiveFrom: number) =>
      Object.keys(
        metrics.scoreTask({
          task: { kind: "intensity" },
          targets: [],
          intensity: [1, 3, 5],
          scale: { low: 1, high: 5, positiveFrom },
          predictions: intensities([2, 2, 2]),
        }),
      );
    for (const useless of [0, 1, 6]) assert.deepEqual(names(useless), ["MAE", "r", "A5"]);
    assert.deepEqual(names(4), ["MAE", "r", "A2", "F1", "A5"]);
  });
  it("refuse predictions that are not numbers or not as many as the labels", () => {
    const input = { task: { kind: "intensity" } as const, targets: [], intensity: [0, 1], scale: MOSI };
    assert.throws(
      () => metrics.scoreTask({ ...input, predictions: intensities([0, NaN]) }),
      /expected numbers, found NaN at 1/,
    );
    assert.throws(
      () => metrics.scoreTask({ ...input, predictions: intensities([0]) }),
      /found 2 labels and 1 predictions for 1 units/,
    );
  });
});

describe("emotion metrics", () => {
  const truth = [1, 0, 0, 1, 0, 0, /**/ 0, 1, 0, 1, 0, 0, /**/ 1, 0, 1, 0, 1, 0, /**/ 0, 0, 0, 1, 0, 1];
  const probabilities = truth.map((t, i) => (t ? 0.3 + 0.02 * (i % 5) : 0.05 + 0.02 * (i % 7)));
  it("find thresholds that separate what can be separated, nearest to 0.5 of the equally good ones", () => {
    const chosen = metrics.chooseThresholds(truth, probabilities);
    const least = Math.min(...probabilities.filter((_, i) => truth[i]));
    for (const threshold of Object.values(chosen)) {
      assert.equal(metrics.emotionScores(truth, probabilities, threshold).meanF1, 1);
      assert.ok(threshold < least && threshold >= least - 0.0100001, `${threshold} below ${least}`);
    }
  });
  it("score the paper's two thresholds apart and one threshold beside them", () => {
    const scores = metrics.scoreTask({
      task: { kind: "emotions" },
      targets: truth,
      predictions: { units: 4, outputs: 6, values: Float32Array.from(probabilities) },
      thresholds: metrics.paperThresholds,
    });
    assert.equal(scores["W-Acc"], 1); // at 0.18 all is right
    assert.equal(scores["W-Acc@one"], 0.5); // at 0.5 nothing is present
    assert.equal(scores.F1, metrics.emotionScores(truth, probabilities, 0.4).meanF1);
    assert.equal(Object.keys(scores).length, 4 * 7);
  });
});

describe("constant predictors", () => {
  it("follow the training labels, and the best one knows the test labels", () => {
    const rows = metrics.constantRows({
      task: { kind: "classes", classes: 3 },
      train: [0, 0, 1, 2],
      targets: [1, 1, 0, 2],
    });
    assert.deepEqual(
      rows.map((row) => [row.name, row.scores.A3]),
      [
        ["majority of training", 1 / 4],
        ["best constant for each metric", 1 / 2],
      ],
    );
  });
  it("of intensities are median and mean, and no constant has less error than the test's median", () => {
    const intensity = [-2, -1, 0, 1, 3];
    const rows = metrics.constantRows({
      task: { kind: "intensity" },
      train: [0, 0, 3],
      targets: [],
      intensity,
      scale: MOSI,
    });
    assert.deepEqual(
      rows.map((row) => row.scores.MAE),
      [7 / 5, (3 + 2 + 1 + 0 + 2) / 5, 7 / 5],
    );
    assert.ok(rows.every((row) => row.scores.r === null));
  });
  it("of emotions score 50 W-Acc whatever they say", () => {
    const targets = [1, 0, 0, 1, 0, 1, /**/ 0, 1, 1, 0, 1, 0];
    for (const row of metrics.constantRows({ task: { kind: "emotions" }, train: targets, targets }))
      assert.equal(row.scores["W-Acc"], 0.5, row.name);
  });
});

describe("tests and intervals", () => {
  it("agree with scipy and statsmodels on pairs, seeds and equivalence", () => {
    for (const c of oracle.paired) {
      const t = metrics.pairedT(c.a, c.b);
      for (const name of ["t", "p", "low", "high"] as const) close(t?.[name], c[name], 1e-11);
      close(metrics.wilcoxon(c.a, c.b)?.p, c.wilcoxonP);
      const { interval, ...seeds } = metrics.overSeeds(c.a);
      close(seeds.mean, c.seeds.mean);
      close(seeds.sd, c.seeds.sd);
      close(interval?.low, c.seeds.low);
      close(interval?.high, c.seeds.high);
      close(metrics.equivalence(c.a, c.tost.target, c.tost.margin).p, c.tost.p, 1e-11);
    }
  });
  it("agree on Holm's correction and McNemar's exact test, also for many units", () => {
    metrics.holm(oracle.holm.p).forEach((p, i) => close(p, oracle.holm.adjusted[i]));
    for (const c of oracle.mcnemar) {
      const { p } = metrics.mcnemarCounts(c.b, c.c);
      assert.ok(Math.abs(p - c.p) <= 1e-10 * c.p, `${p} instead of ${c.p}`);
    }
  });
  it("compute the power of a paired t-test as the noncentral t does, and turn it round", () => {
    for (const c of oracle.power) {
      close(metrics.pairedPower(c), c.power, 1e-8);
      close(metrics.smallestDetectable({ ...c, power: c.power }), c.difference, 1e-5);
    }
    assert.equal(metrics.smallestDetectable({ n: 5, sd: 0 }), 0);
  });
  it("count McNemar's disagreements", () => {
    const { onlyFirst, onlySecond, p } = metrics.mcnemar([1, 1, 0, 0], [1, 1, 0, 1], [0, 1, 1, 1]);
    assert.deepEqual([onlyFirst, onlySecond, p], [2, 0, 0.5]);
  });
  it("call equal pairs equal, and a difference that never varies certain", () => {
    assert.equal(metrics.pairedT([1, 2], [1, 2]), null);
    assert.equal(metrics.wilcoxon([1, 2], [1, 2]), null);
    const t = metrics.pairedT([2, 3, 4], [1, 2, 3]);
    assert.deepEqual([t?.t, t?.p, t?.low, t?.high], [Infinity, 0, 1, 1]);
  });
  it("give equivalence only inside the margin", () => {
    assert.ok(metrics.equivalence([0.5, 0.5, 0.5], 0.505, 0.01).equivalent);
    assert.ok(!metrics.equivalence([0.5, 0.5, 0.5], 0.51, 0.01).equivalent);
    assert.ok(!metrics.equivalence([0.4, 0.5, 0.6], 0.5, 0.01).equivalent); // right on target, too uncertain
    assert.throws(() => metrics.equivalence([0.5, 0.6], 0.5, 0), /margin above 0/);
  });
  it("count the share of won pairs, in either direction", () => {
    assert.equal(metrics.probabilityOfImprovement([3, 2], [1, 2]), 3.5 / 4);
    assert.equal(metrics.probabilityOfImprovement([3, 2], [1, 2], true), 0.5 / 4);
  });
  it("draw whole videos: utterances that repeat their video's label add no certainty", () => {
    // 40 videos of 5 equal utterances: the interval is that of 40 units, 2.2 times as wide as that of 200.
    const right = Array.from({ length: 40 }, (_, i) => (i % 4 ? 1 : 0));
    const spread = right.flatMap((x) => [x, x, x, x, x]);
    const videos = metrics.groupsOfOffsets(Array.from({ length: 41 }, (_, i) => 5 * i));
    const share = (units: Int32Array) => units.reduce((total, i) => total + spread[i], 0) / units.length;
    const width = (groups: ArrayLike<number>) => {
      const { interval, estimate } = metrics.bootstrapVideos(groups, share, { rng: new Rng(1, "bootstrap") });
      assert.equal(estimate, 0.75);
      return interval!.high - interval!.low;
    };
    // Normal approximation: 2 * 1.96 * sqrt(0.75 * 0.25 / n)
    assert.ok(Math.abs(width(videos) - 0.268) < 0.03);
    assert.ok(Math.abs(width(spread.map((_, i) => i)) - 0.12) < 0.015);
  });
  it("give the same bootstrap for the same seed and say how often the statistic was undefined", () => {
    const values = [1, 1, 1, 2];
    const r = (units: Int32Array) =>
      metrics.pearson(
        [...units],
        [...units].map((i) => values[i]),
      );
    const once = () => metrics.bootstrapVideos([0, 1, 2, 3], r, { rng: new Rng(3), resamples: 200 });
    assert.deepEqual(once(), once());
    assert.ok(once().undefinedResamples > 20 && once().interval === null);
  });
  it("find a paired difference between two systems over videos, and none between a system and itself", () => {
    const groups = Array.from({ length: 300 }, (_, i) => Math.floor(i / 5));
    const difference = (a: (i: number) => number) => (units: Int32Array) =>
      units.reduce((total, i) => total + a(i), 0) / units.length;
    const options = { rng: new Rng(5), resamples: 500 };
    const better = metrics.pairedBootstrap(
      groups,
      difference((i) => (i % 3 ? 0 : 1)),
      options,
    );
    assert.ok(better.p! <= 2 / 501 && better.interval!.low > 0);
    assert.equal(
      metrics.pairedBootstrap(
        groups,
        difference(() => 0),
        options,
      ).p,
      1,
    );
  });
});

describe("printed values", () => {
  it("that are no whole count of the test set are found (systems.md 3.2)", () => {
    const impossible: [string, number, string, string][] = [
      ["82.75", 80, "82.50", "83.75"],
      ["78.34", 80, "77.50", "78.75"],
      ["80.01", 80, "80.00", "81.25"],
      ["53.91", 59, "52.54", "54.24"],
      ["49.37", 59, "49.15", "50.85"],
      ["82.41", 106, "82.08", "83.02"],
      ["62.76", 106, "62.26", "63.21"],
    ];
    for (const [printed, n, low, high] of impossible)
      assert.deepEqual(metrics.integerCheck(printed, n), { possible: false, neighbours: [low, high] });
  });
  it("that are one are told with the count and how they were cut", () => {
    assert.deepEqual(metrics.integerCheck("55.93", 59), {
      possible: true,
      right: 33,
      how: "rounded",
      neighbours: ["54.24", "55.93"],
    });
    assert.equal(metrics.integerCheck("82.07", 106).how, "truncated"); // 87/106 = 82.0755
    assert.equal(metrics.integerCheck("82.07", 106).right, 87);
    assert.equal(metrics.integerCheck("79.88", 686).right, 548);
    assert.equal(metrics.integerCheck("0", 7).right, 0);
    assert.equal(metrics.integerCheck("100", 7).right, 7);
  });
  it("get the rank that they would have among our runs", () => {
    assert.equal(metrics.rankAmong(0.8, [0.7, 0.75, 0.81]), 2);
    assert.equal(metrics.rankAmong(0.8, [0.7, 0.75, 0.81], true), 3);
    assert.equal(metrics.rankAmong(0.9, [0.7]), 1);
  });
  it("must be numbers", () => {
    assert.throws(() => metrics.parsePrinted("-"), /expected a number such as/);
    assert.throws(() => metrics.integerCheck("120", 5), /expected a percentage/);
  });
});
