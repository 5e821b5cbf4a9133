/** Recomputes the golden cases of the systems that are not networks: `svm`, `rf`, `bof`, `pooling`. */
import { DataError } from "../../core/errors";
import {
  Comparison,
  shapeText,
  systemOf,
  type GoldenArray,
  type GoldenCase,
  type GoldenCheck,
} from "../../core/golden";
import { sigmoid, softmaxInPlace } from "../../core/math";
import { Rng } from "../../core/rng";
import { modalityOrder, type Split } from "../../core/types";
import { forestMean, growForest, growTree, presort, type Goal } from "./forest";
import { assign, kmeans, lloydStep, powerNormalise, softAssign } from "./kmeans";
import { fitLinear, fitRidge, linearScores, logisticLoss, softmaxLoss } from "./logistic";
import { concat, fitScaler, meanOverSteps, scale, table, takeRows, type Table } from "./pooling";
import { rbf, RbfKernel, solveClassifier, solveRegressor } from "./smo";

type Check = (golden: GoldenCase, comparison: Comparison) => void;

const checks: Readonly<Record<string, Check>> = { svm, rf, bof, pooling };

/** What the cases call their systems, where a case's name is not one of the checks. */
const bySystem: Readonly<Record<string, string>> = { svm: "svm", rf: "rf", bof_msa: "bof", "svm/rf input": "pooling" };

function checkOf(config: GoldenCase["config"]): Check | undefined {
  const name = String(config.case);
  if (Object.hasOwn(checks, name)) return checks[name];
  const key = systemOf(config);
  return Object.hasOwn(bySystem, key) ? checks[bySystem[key]] : undefined;
}

export const classicalGolden: GoldenCheck = {
  handles: (config) => checkOf(config) !== undefined,
  async check(golden) {
    const comparison = new Comparison(golden);
    checkOf(golden.config)?.(golden, comparison);
    return comparison.result();
  },
};

const number = (golden: GoldenCase, key: string): number => {
  const value = golden.config[key];
  if (typeof value !== "number")
    throw new DataError(`${golden.name}: expected config.${key} to be a number, found ${JSON.stringify(value)}.`);
  return value;
};

/** An entry of the case, of so many axes and so many rows where they are known. @throws DataError where it is empty or another */
function entryOf(golden: GoldenCase, comparison: Comparison, name: string, axes: 1 | 2, rows?: number): GoldenArray {
  const array = comparison.array(name);
  const { shape } = array;
  if (shape.length !== axes || shape.some((n) => n === 0) || (rows !== undefined && shape[0] !== rows))
    throw new DataError(
      `${golden.name}, ${name}: expected ${axes === 2 ? "rows x columns of" : (rows ?? "some")} numbers, found ${shapeText(shape)}.`,
    );
  return array;
}

function matrix(golden: GoldenCase, comparison: Comparison, name: string): Table {
  const { shape, data } = entryOf(golden, comparison, name, 2);
  return table(shape[0], shape[1], Float64Array.from(data));
}

const ints = (golden: GoldenCase, comparison: Comparison, name: string, rows?: number): Int32Array =>
  Int32Array.from(entryOf(golden, comparison, name, 1, rows).data);

const floats = (golden: GoldenCase, comparison: Comparison, name: string, rows: number): Float64Array =>
  Float64Array.from(entryOf(golden, comparison, name, 1, rows).data);

/** golden/README.md: what an SVM says moves by 3.5e-4 with the solver's tolerance. */
const DECISIONS = 1e-3;
/** Duals end at C: as shares of it, but absolutely where C is below 1. */
const DUALS = 1e-5;

function svm(golden: GoldenCase, comparison: Comparison): void {
  const [C, gamma, epsilon] = ["C", "gamma", "epsilon"].map((key) => number(golden, key));
  const train = matrix(golden, comparison, "input/train");
  const splits = { train, test: matrix(golden, comparison, "input/test") };
  const labels = ints(golden, comparison, "labels", train.rows);
  const classes = Math.max(...labels) + 1;
  const kernel = new RbfKernel(train, gamma);
  const decide = (x: Table, rows: Int32Array, coefficients: Float64Array, bias: number): Float64Array =>
    linearScores(rbf(x, takeRows(train, rows), gamma), { weight: coefficients, bias: Float64Array.of(bias) }).data;
  const classifier = (rows: Int32Array, y: Int8Array, weight: (t: number) => number) => {
    const bounds = Float64Array.from(rows, (_, t) => C * weight(t));
    const machine = solveClassifier(kernel, rows, y, bounds, 1e-9);
    return { ...machine, coefficients: machine.alpha.map((a, t) => a * y[t]) };
  };
  const share = (label: number): number => labels.filter((l) => l === label).length;
  const duals = (name: string, ours: Float64Array): void => {
    const unit = Math.max(1, C);
    const expected = floats(golden, comparison, name, ours.length);
    comparison.values(name, ours.map((a) => a / unit), expected.map((a) => a / unit), DUALS); // prettier-ignore
  };

  for (const name of ["svc", "svc_balanced"]) {
    const balanced = name === "svc_balanced";
    const machines: { a: number; b: number; rows: Int32Array; machine: ReturnType<typeof classifier> }[] = [];
    for (let a = 0; a < classes; a++) {
      for (let b = a + 1; b < classes; b++) {
        const rows = Int32Array.from(labels.keys()).filter((i) => labels[i] === a || labels[i] === b);
        const y = Int8Array.from(rows, (row) => (labels[row] === a ? 1 : -1));
        const machine = classifier(rows, y, (t) => (balanced ? labels.length / (classes * share(labels[rows[t]])) : 1));
        const at = `output/${name}/pair${a}${b}`;
        comparison.entry(`${at}/rows`, rows, 0);
        duals(`${at}/alpha`, machine.alpha);
        comparison.entry(`${at}/bias`, [machine.bias], DECISIONS, []);
        comparison.entry(`${at}/dual_objective`, [machine.objective], DECISIONS, []);
        machines.push({ a, b, rows, machine });
      }
    }
    for (const [split, x] of Object.entries(splits)) {
      const columns = machines.map(({ rows, machine }) => decide(x, rows, machine.coefficients, machine.bias));
      const decisions = new Float64Array(x.rows * columns.length).map(
        (_, i) => columns[i % columns.length][Math.floor(i / columns.length)],
      );
      comparison.entry(`output/${name}/${split}/ovo_decision`, decisions, DECISIONS, [x.rows, columns.length]);
      const votes = (i: number): number => {
        const count = new Float64Array(classes);
        machines.forEach(({ a, b }, m) => count[columns[m][i] > 0 ? a : b]++);
        return count.indexOf(Math.max(...count));
      };
      const predicted = Int32Array.from({ length: x.rows }, (_, i) => votes(i));
      comparison.entry(`output/${name}/${split}/predicted`, predicted, 0);
    }
  }

  const binary = ints(golden, comparison, "output/svc_binary_balanced/labels", train.rows);
  const ones = binary.filter((l) => l === 1).length;
  const all = Int32Array.from(binary.keys());
  const machine = classifier(
    all,
    Int8Array.from(binary, (l) => (l ? 1 : -1)),
    (t) => binary.length / (2 * (binary[t] ? ones : binary.length - ones)),
  );
  const regressor = solveRegressor(kernel, floats(golden, comparison, "targets", train.rows), C, epsilon, 1e-9);
  duals("output/svr/beta", regressor.alpha);
  comparison.entry("output/svr/bias", [regressor.bias], DECISIONS, []);
  comparison.entry("output/svr/dual_objective", [regressor.objective], DECISIONS, []);
  for (const [split, x] of Object.entries(splits)) {
    const decision = decide(x, all, machine.coefficients, machine.bias);
    comparison.entry(`output/svc_binary_balanced/${split}/decision`, decision, DECISIONS);
    comparison.entry(`output/svr/${split}/prediction`, decide(x, all, regressor.alpha, regressor.bias), DECISIONS);
  }
}

/** Trees of bounded depth exactly; forests by the mean of ten seeds against the bands in the config. */
function rf(golden: GoldenCase, comparison: Comparison): void {
  const x = matrix(golden, comparison, "input/train");
  const test = matrix(golden, comparison, "input/test");
  const labels = ints(golden, comparison, "labels", x.rows);
  const labelsTest = ints(golden, comparison, "labels_test", test.rows);
  const targets = floats(golden, comparison, "targets", x.rows);
  const targetsTest = floats(golden, comparison, "targets_test", test.rows);
  const data = presort(x);
  const goals: Record<string, Goal> = {
    classifier: { kind: "classes", labels, classes: Math.max(...labels) + 1 },
    regressor: { kind: "numbers", targets },
  };

  for (const name of Object.keys(golden.arrays)) {
    const found = /^(output\/tree_(\w+)_depth(\d+))\/feature$/.exec(name);
    if (!found || !(found[2] in goals)) continue;
    const [, at, kind, depth] = found;
    const goal = goals[kind];
    const options = { candidates: x.width, maxDepth: Number(depth), minLeaf: 1 };
    const tree = growTree(data, goal, new Int32Array(x.rows).fill(1), options, new Rng(1));
    comparison.entry(`${at}/feature`, tree.feature, 0);
    comparison.entry(`${at}/threshold`, tree.threshold, 1e-12);
    comparison.entry(`${at}/left`, tree.left, 0);
    comparison.entry(`${at}/right`, tree.right, 0);
    comparison.entry(`${at}/leaves`, [tree.feature.filter((f) => f < 0).length], 0);
    const outputs = goal.kind === "classes" ? goal.classes : 1;
    const value = forestMean([tree], test, outputs);
    const predicted = goal.kind === "classes" ? argmaxRows(value, outputs) : value;
    comparison.entry(`${at}/predicted`, predicted, goal.kind === "classes" ? 0 : 1e-10);
  }

  const seeds = 10;
  const drawn = number(golden, "seeds");
  for (const [name, band] of Object.entries(bandsOf(golden))) {
    const trees = parseInt(name, 10);
    const options = {
      trees,
      candidates: Math.floor(Math.sqrt(x.width)),
      maxDepth: Infinity,
      minLeaf: 1,
      bootstrap: true,
    };
    const scores: Record<string, number[]> = { accuracy: [], weightedF1: [], regressionMAE: [], regressionR: [] };
    for (let seed = 1; seed <= seeds; seed++) {
      const { classifier, regressor } = goals;
      const outputs = classifier.kind === "classes" ? classifier.classes : 1;
      const votes = forestMean(growForest(data, classifier, options, new Rng(seed, "classes")), test, outputs);
      const guess = argmaxRows(votes, outputs);
      scores.accuracy.push(mean(labelsTest.map((l, i) => Number(l === guess[i]))));
      scores.weightedF1.push(weightedF1(labelsTest, guess));
      const predicted = forestMean(growForest(data, regressor, options, new Rng(seed, "numbers")), test, 1);
      scores.regressionMAE.push(mean(predicted.map((p, i) => Math.abs(p - targetsTest[i]))));
      scores.regressionR.push(correlation(predicted, targetsTest));
    }
    const within = (what: string, ours: number, expected: number, sd: number): void => {
      const allowed = 3 * sd * (1 / Math.sqrt(seeds) + 1 / Math.sqrt(drawn));
      const found = `mean of ${seeds} seeds ${ours.toFixed(4)}, expected ${expected.toFixed(4)} +- ${allowed.toFixed(4)}`;
      comparison.condition(what, Math.abs(ours - expected) <= allowed, found);
    };
    for (const [metric, values] of Object.entries(scores))
      if (band[metric]) within(`${name}, ${metric}`, mean(values), band[metric].mean, band[metric].sd);
    // The seeds behind two of the bands.
    for (const [entry, metric] of Object.entries({ accuracy: "accuracy", mae: "regressionMAE" })) {
      const at = `output/${entry}_${trees}`;
      if (comparison.has(at))
        within(at, mean(scores[metric]), mean(floats(golden, comparison, at, drawn)), band[metric].sd);
    }
  }
}

type Bands = Readonly<Record<string, Readonly<Record<string, { readonly mean: number; readonly sd: number }>>>>;

/** Mean and sd of each metric over the oracle's seeds, by "10 trees", "100 trees". @throws DataError where one is missing */
function bandsOf(golden: GoldenCase): Bands {
  const { bands } = golden.config;
  const isBand = (band: unknown): boolean =>
    ["accuracy", "regressionMAE", "regressionR"].every((metric) =>
      ["mean", "sd"].every((key) => Number.isFinite((band as Bands[string] | null)?.[metric]?.[key as "mean"])),
    );
  if (typeof bands !== "object" || !bands || !Object.values(bands).length || !Object.values(bands).every(isBand))
    throw new DataError(
      `${golden.name}: expected config.bands of mean and sd by number of trees and metric, found ${JSON.stringify(bands)?.slice(0, 80)}.`,
    );
  return bands as Bands;
}

function bof(golden: GoldenCase, comparison: Comparison): void {
  const x = matrix(golden, comparison, "input/steps");
  const offsets = ints(golden, comparison, "offsets");
  const labels = ints(golden, comparison, "labels");
  const start = matrix(golden, comparison, "input/centres0");
  const first = assign(x, start);
  comparison.entry("output/assign0", first.nearest, 0);
  comparison.entry("output/inertia0", [first.inertia], 1e-10);
  comparison.entry("output/centres1", lloydStep(x, first, start.rows).data, 1e-10);
  const { centres, assignment } = kmeans(x, start);
  comparison.entry("output/centres", centres.data, 1e-10);
  comparison.entry("output/assign", assignment.nearest, 0);
  comparison.entry("output/inertia", [assignment.inertia], 1e-10);
  const soft = softAssign(x, centres, number(golden, "beta"));
  comparison.entry("output/soft_assignment", soft.data, 1e-10);
  const hard = table(x.rows, centres.rows);
  assignment.nearest.forEach((k, i) => (hard.data[i * centres.rows + k] = 1));
  comparison.entry("output/histogram_hard", meanOverSteps(hard, offsets).data, 1e-10);
  const histogram = meanOverSteps(soft, offsets);
  comparison.entry("output/histogram", histogram.data, 1e-10);
  const { power, normalised } = powerNormalise(histogram);
  comparison.entry("output/power", power.data, 1e-10);
  comparison.entry("output/normalised", normalised.data, 1e-10);

  const options = { C: number(golden, "C"), tolerance: 1e-9, iterations: 2000 };
  const classes = Math.max(...labels) + 1;
  const softmax = fitLinear(normalised, softmaxLoss(labels, classes), options);
  const probabilities = linearScores(normalised, softmax);
  for (let i = 0; i < probabilities.rows; i++) softmaxInPlace(probabilities.data, i * classes, classes);
  comparison.entry("output/logistic/probabilities", probabilities.data, 1e-6);
  comparison.entry("output/logistic/weight", softmax.weight, 1e-6);
  comparison.entry("output/logistic/bias", centred(softmax.bias), 1e-6);
  const ones = labels.map((l) => Number(l === 1));
  const binary = fitLinear(normalised, logisticLoss(ones), options);
  comparison.entry("output/logistic_binary/probability", linearScores(normalised, binary).data.map(sigmoid), 1e-6);
  comparison.entry("output/logistic_binary/weight", binary.weight, 1e-6);
  comparison.entry("output/logistic_binary/bias", binary.bias, 1e-6);
  const ridge = fitRidge(normalised, comparison.array("targets").data, number(golden, "ridgeAlpha"));
  comparison.entry("output/ridge/prediction", linearScores(normalised, ridge).data, 1e-10);
  comparison.entry("output/ridge/weight", ridge.weight, 1e-10);
  comparison.entry("output/ridge/bias", ridge.bias, 1e-10);
}

function pooling(golden: GoldenCase, comparison: Comparison): void {
  const names = { T: "text", A: "audio", V: "video" } as const;
  const offsets = ints(golden, comparison, "offsets") as Split["offsets"];
  const parts = modalityOrder
    .filter((m) => `input/${names[m]}` in golden.arrays)
    .map((m) => meanOverSteps(matrix(golden, comparison, `input/${names[m]}`), offsets));
  const mean = concat(parts);
  const scaler = fitScaler(
    takeRows(
      mean,
      Array.from({ length: number(golden, "trainRows") }, (_, i) => i),
    ),
  );
  comparison.entry("output/mean", mean.data, 1e-10);
  comparison.entry("output/train_mean", scaler.mean, 1e-10);
  comparison.entry("output/train_sd", scaler.sd, 1e-10);
  comparison.entry("output/standardised", scale(mean, scaler).data, 1e-10);
}

/** The free biases of a softmax are determined up to a constant; the oracle's sum to 0. */
const centred = (b: Float64Array): Float64Array => b.map((v) => v - mean(b));

function argmaxRows(values: Float64Array, width: number): Int32Array {
  return Int32Array.from({ length: values.length / width }, (_, i) => {
    const row = values.subarray(i * width, (i + 1) * width);
    return row.indexOf(Math.max(...row));
  });
}

function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / values.length;
}

function correlation(a: Float64Array, b: Float64Array): number {
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

/** Support-weighted F1, written out: systems know no metrics. */
function weightedF1(truth: Int32Array, guess: Int32Array): number {
  let sum = 0;
  for (const label of new Set(truth)) {
    const support = truth.filter((l) => l === label).length;
    const guessed = guess.filter((l) => l === label).length;
    const right = truth.filter((l, i) => l === label && guess[i] === label).length;
    sum += (support * 2 * right) / (support + guessed);
  }
  return sum / truth.length;
}
