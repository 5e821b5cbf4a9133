// Metric and test oracles of scikit-learn 1.9 and scipy 1.17 (their conventions are written inside the file), to 1e-12.
import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import * as metrics from "../../lib/metrics";

const file = path.resolve(process.env.CIA_GOLDEN ?? "../shared/golden", "metrics.json");

type Case = Record<string, unknown>;
type Cases = Record<string, Case>;
const numbers = (value: unknown) => value as number[];

const close = (got: number | null | undefined, want: unknown, what: string, tolerance = 1e-12) => {
  if (want === null) return assert.equal(got, null, what);
  assert.ok(typeof got === "number" && typeof want === "number", `${what}: ${got} instead of ${want}`);
  assert.ok(Math.abs(got - want) <= tolerance * Math.max(1, Math.abs(want)), `${what}: ${got} instead of ${want}`);
};

describe("metrics against scikit-learn and scipy (golden metrics.json)", () => {
  let golden: Record<string, Cases>;
  before(function () {
    if (!existsSync(file)) {
      console.log(`      no ${path.relative(".", file)} on this machine`);
      this.skip();
    }
    golden = JSON.parse(readFileSync(file, "utf8"));
  });

  for (const group of ["binary", "multiclass"])
    it(`agree on every ${group} case`, () => {
      for (const [name, c] of Object.entries(golden[group])) {
        if (name === "note") continue;
        const mosi = name === "mosi_constant_379_of_686";
        const truth = mosi ? Array.from({ length: 686 }, (_, i) => (i < 379 ? 1 : 0)) : numbers(c.y_true);
        const guess = mosi ? truth.map(() => 1) : numbers(c.y_pred);
        close(metrics.accuracy(truth, guess), c.accuracy, `${name} accuracy`);
        close(metrics.balancedAccuracy(truth, guess), c.balanced_accuracy, `${name} balanced accuracy`);
        close(metrics.weightedF1(truth, guess), c.weighted_f1, `${name} weighted F1`);
        const labels = numbers(c.labels);
        const classes = metrics.perClass(truth, guess);
        const of = (label: number) => classes.find((k) => k.label === label);
        labels.forEach((label, i) => {
          close(of(label)?.precision ?? 0, numbers(c.precision)[i], `${name} precision ${label}`);
          close(of(label)?.recall ?? 0, numbers(c.recall)[i], `${name} recall ${label}`);
          close(of(label)?.f1 ?? 0, numbers(c.f1)[i], `${name} F1 ${label}`);
          close(of(label)?.support ?? 0, numbers(c.support)[i], `${name} support ${label}`);
        });
        assert.deepEqual(metrics.confusion(truth, guess, labels), c.confusion, `${name} confusion`);
        if (labels.length === classes.length) close(metrics.macroF1(truth, guess), c.macro_f1, `${name} macro F1`);
        if ("binary_f1_pos1" in c) close(metrics.binaryF1(truth, guess), c.binary_f1_pos1, `${name} binary F1`);
        if ("w_acc" in c) close(metrics.weightedAccuracy(truth, guess), c.w_acc, `${name} W-Acc`);
      }
    });

  it("agree on six emotions at every threshold", () => {
    const c = golden.multilabel as unknown as Case;
    const truth = (c.y_true as number[][]).flat();
    const probabilities = (c.prob as number[][]).flat();
    for (const [threshold, want] of Object.entries(c.thresholds as Cases)) {
      const got = metrics.emotionScores(truth, probabilities, Number(threshold));
      for (let e = 0; e < 6; e++) {
        close(got.f1[e], numbers(want.weighted_f1)[e], `F1 of emotion ${e} at ${threshold}`);
        close(got.wAcc[e], numbers(want.w_acc)[e], `W-Acc of emotion ${e} at ${threshold}`);
        close(got.binaryF1[e], numbers(want.binary_f1)[e], `binary F1 of emotion ${e} at ${threshold}`);
      }
      close(got.meanF1, want.mean_weighted_f1, `mean F1 at ${threshold}`);
      close(got.meanWAcc, want.mean_w_acc, `mean W-Acc at ${threshold}`);
    }
  });

  it("agree on every regression case and on every convention of its classes", () => {
    for (const [name, c] of Object.entries(golden.regression)) {
      const truth = numbers(c.y_true);
      const guess = numbers(c.y_pred);
      const tolerance = typeof c.pearson_r_tolerance === "number" ? c.pearson_r_tolerance : 1e-12;
      close(metrics.pearson(truth, guess), c.pearson_r, `${name} r`, tolerance);
      if (!("mae" in c)) continue;
      close(metrics.mae(truth, guess), c.mae, `${name} MAE`);
      close(metrics.mse(truth, guess), c.mse, `${name} MSE`);
      for (const limit of [2, 3] as const) {
        const bins = (values: number[], rounding: metrics.Rounding) =>
          metrics.binIntensity(values, { limit, binning: "round", rounding });
        const key = limit === 3 ? "a7" : "a5";
        assert.deepEqual([...bins(truth, "half-even")], c[`${key}_true_bins`], `${name} ${key} bins of truth`);
        assert.deepEqual([...bins(guess, "half-even")], c[`${key}_pred_bins`], `${name} ${key} bins of guess`);
        // The oracle of the two other roundings is floor(x + 0.5), which takes 0.49999999999999994 for a half; ours does not.
        const nearHalf = truth.some((x) => Math.abs(x) === 0.49999999999999994);
        for (const [rounding, field] of [
          ["half-even", key],
          ["half-away", `${key}_if_half_away_from_zero`],
          ["half-up", `${key}_if_js_math_round`],
        ] as const)
          if (rounding === "half-even" || !nearHalf)
            close(metrics.accuracy(bins(truth, rounding), bins(guess, rounding)), c[field], `${name} ${field}`);
      }
      const sdk = (values: number[]) =>
        metrics.binIntensity(values, { limit: 3, binning: "sdk", rounding: "half-even" });
      assert.deepEqual([...sdk(truth)], c.a7_sdk_true, `${name} SDK bins of truth`);
      assert.deepEqual([...sdk(guess)], c.a7_sdk_pred, `${name} SDK bins of guess`);
      close(metrics.accuracy(sdk(truth), sdk(guess)), c.a7_sdk_bins, `${name} A7 in SDK bins`);
      const scores = metrics.scoreTask({
        task: { kind: "intensity" },
        targets: [],
        intensity: truth,
        predictions: { units: guess.length, outputs: 1, values: guess as unknown as Float32Array },
        scale: { low: -3, high: 3, positiveFrom: 0 },
      });
      assert.equal(truth.filter((y) => y !== 0).length, c.n_non_zero);
      for (const [key, field] of [
        ["MAE", "mae"],
        ["r", "pearson_r"],
        ["A2", "a2_has_zero"],
        ["F1", "f1_has_zero_weighted"],
        ["A2non0", "a2_non_zero"],
        ["F1non0", "f1_non_zero_weighted"],
        ["A5", "a5"],
        ["A7", "a7"],
        ["A7sdk", "a7_sdk_bins"],
      ])
        close(scores[key], c[field], `${name} ${key}`);
    }
  });

  it("round as numpy and as Math.round where asked", () => {
    const c = golden.rounding as unknown as Case;
    numbers(c.x).forEach((x, i) => {
      assert.equal(metrics.roundTo(x, "half-even"), numbers(c.numpy)[i] + 0, `${x} half to even`);
      assert.equal(metrics.roundTo(x, "half-up"), numbers(c.math_round_js)[i] + 0, `${x} half up`);
    });
  });

  it("agree on paired t and Wilcoxon tests", () => {
    for (const [name, c] of Object.entries(golden.paired_tests)) {
      const a = numbers(c.a);
      if (!("b" in c)) {
        const got = metrics.oneSampleT(a, c.popmean as number);
        close(got?.t, c.t, `${name} t`);
        close(got?.p, c.p_two_sided, `${name} p`);
        close(got?.df, c.df, `${name} df`);
        continue;
      }
      const b = numbers(c.b);
      const got = metrics.pairedT(a, b);
      if (c.t_test === null) assert.equal(got, null, name);
      else {
        const want = c.t_test as Case;
        close(got?.t, want.t, `${name} t`);
        close(got?.p, want.p_two_sided, `${name} p`);
        close(got?.pGreater, want.p_greater, `${name} p greater`);
        close(got?.pLess, want.p_less, `${name} p less`);
        close(got?.df, want.df, `${name} df`);
        close(got?.low, numbers(want.ci95)[0], `${name} low`);
        close(got?.high, numbers(want.ci95)[1], `${name} high`);
        close(got?.mean, c.mean_diff, `${name} mean difference`);
        close(got?.sd, c.sd_diff, `${name} sd of differences`);
      }
      const w = c.wilcoxon as Case;
      const corrected = metrics.wilcoxon(a, b);
      if (w.zeros === c.n) {
        assert.equal(corrected, null, name);
        continue;
      }
      assert.ok(corrected);
      close(corrected.wPlus, w.w_plus, `${name} W+`);
      close(corrected.wMinus, w.w_minus, `${name} W-`);
      close(corrected.zeros, w.zeros, `${name} zeros`);
      assert.equal(corrected.ties, w.ties, `${name} ties`);
      if ("exact_two-sided" in w) {
        assert.ok(corrected.exact);
        close(corrected.p, w["exact_two-sided"], `${name} exact p`);
        close(corrected.pGreater, w.exact_greater, `${name} exact p greater`);
        close(corrected.pLess, w.exact_less, `${name} exact p less`);
      }
      const approximate = (correction: boolean) => metrics.wilcoxon(a, b, { correction, method: "normal" });
      close(approximate(false)?.p, w["approx_two-sided_correction_false"], `${name} normal p`);
      close(approximate(true)?.p, w["approx_two-sided_correction_true"], `${name} normal p, corrected`);
      close(approximate(false)?.z, w.z_correction_false, `${name} z`);
      close(approximate(true)?.z, w.z_correction_true, `${name} z, corrected`);
    }
  });

  it("agree on Holm, on the tail of Student's t and on McNemar", () => {
    for (const { p, adjusted } of golden.holm as unknown as { p: number[]; adjusted: number[] }[])
      metrics.holm(p).forEach((got, i) => close(got, adjusted[i], `Holm of ${p}`));
    const tail = golden.student_t_tail as unknown as Record<string, number[]>;
    tail.t.forEach((t, i) =>
      close(metrics.tTwoSided(t, tail.df[i]), tail.p_two_sided[i], `t = ${t}, df = ${tail.df[i]}`),
    );
    for (const c of golden.mcnemar as unknown as Record<string, number>[]) {
      const got = metrics.mcnemarCounts(c.b, c.c);
      close(got.p, c.exact_two_sided, `McNemar ${c.b}, ${c.c}`);
      close(got.chi2, c.chi2_continuity, `chi-square ${c.b}, ${c.c}`);
      close(got.pChi2, c.p_chi2_continuity, `p of chi-square ${c.b}, ${c.c}`);
    }
  });
});
