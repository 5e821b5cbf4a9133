// Expected values: test/oracles/classical.json (scikit-learn, scipy, mpmath; written by classical.py beside it).
import { strict as assert } from "node:assert";
import { exp, log, sigmoid, softplus } from "../../../lib/core/math";
import { Rng } from "../../../lib/core/rng";
import { forestMean, growForest, growTree, presort, type Goal } from "../../../lib/models/classical/forest";
import { assign, kmeans, lloydStep, powerNormalise, seedCentres } from "../../../lib/models/classical/kmeans";
import { fitLinear, fitRidge, linearScores, squaredHinge, squaredTube } from "../../../lib/models/classical/logistic";
import { fitScaler, meanOverSteps, scale, table, takeRows, type Table } from "../../../lib/models/classical/pooling";
import { RbfKernel, solveClassifier } from "../../../lib/models/classical/smo";
import { oracle, oracleTable } from "./oracle";

const close = (ours: number, expected: number, tolerance: number, what: string): void =>
  assert.ok(
    Math.abs(ours - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${what}: expected ${expected}, found ${ours}`,
  );
const allClose = (ours: ArrayLike<number>, expected: readonly number[], tolerance: number, what: string): void => {
  assert.equal(ours.length, expected.length, what);
  expected.forEach((e, i) => close(ours[i], e, tolerance, `${what}[${i}]`));
};
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe("exact elementary functions", () => {
  const ulps = (ours: number, expected: number): number => Math.abs(ours - expected) / (Math.abs(expected) * 2 ** -52);

  it("exp is within two units in the last place, and saturates", () => {
    for (const [x, y] of oracle.exp) {
      if (y < 1e-307) assert.ok(Math.abs(exp(x) - y) <= 5e-324, `exp(${x}): expected ${y}, found ${exp(x)}`);
      else assert.ok(ulps(exp(x), y) <= 2, `exp(${x}): expected ${y}, found ${exp(x)}`);
    }
    assert.equal(exp(-Infinity), 0);
    assert.equal(exp(Infinity), Infinity);
    assert.ok(Number.isNaN(exp(NaN)));
  });

  it("log is within two units in the last place, or 1e-15 near 0", () => {
    for (const [x, y] of oracle.log) assert.ok(ulps(log(x), y) <= 2 || Math.abs(log(x) - y) < 1e-15, `log(${x})`);
  });

  it("sigmoid and softplus do not overflow", () => {
    assert.deepEqual([sigmoid(-Infinity), sigmoid(-800), sigmoid(0), sigmoid(800)], [0, 0, 0.5, 1]);
    assert.deepEqual([softplus(800), softplus(-800)], [800, 0]);
  });
});

describe("pooling", () => {
  it("refuses a sequence without steps, and says which", () => {
    assert.throws(
      () => meanOverSteps(table(2, 1), Int32Array.of(0, 1, 1, 2)),
      /sequence 1: expected at least one step/,
    );
  });

  it("turns a constant column into zeros although its computed sd is above 0", () => {
    const x = table(60, 1, new Float64Array(60).fill(0.3));
    assert.ok(scale(x, fitScaler(x)).data.every((v) => v === 0));
  });
});

describe("linear machines", () => {
  const { train, x } = oracleTable();
  const z = scale(takeRows(x, range(train)), fitScaler(takeRows(x, range(train))));
  const labels = oracle.data.classes.slice(0, train);

  it("the squared-hinge machine is at scipy's minimum", () => {
    const y = labels.map((c) => (c > 0 ? 1 : -1));
    const { C, weights, w } = oracle.squaredHinge;
    const loss = squaredHinge(y, y.map((v) => (v > 0 ? weights[0] : weights[1]))); // prettier-ignore
    const fit = fitLinear(z, loss, { C, tolerance: 1e-10 });
    allClose([...fit.weight, ...fit.bias], w, 1e-6, "w");
  });

  it("the squared-tube machine is at scipy's minimum", () => {
    const { C, epsilon, w } = oracle.squaredTube;
    const fit = fitLinear(z, squaredTube(oracle.data.intensity.slice(0, train), epsilon), { C, tolerance: 1e-10 });
    allClose([...fit.weight, ...fit.bias], w, 1e-6, "w");
  });

  it("ridge has the same solution by rows as by columns", () => {
    const wide = takeRows(z, [0, 1, 2]); // 3 rows, 5 columns: solved by rows
    const y = [1, -2, 0.5];
    const fit = fitRidge(wide, y, 0.7);
    const residual = linearScores(wide, fit).data.map((v, i) => v - y[i]);
    // Zero gradient: X'(Xw + b - y) + alpha w = 0, sum of residuals = 0.
    close(residual.reduce((a, b) => a + b, 0), 0, 1e-12, "sum of residuals"); // prettier-ignore
    for (let j = 0; j < wide.width; j++) {
      let g = 0.7 * fit.weight[j];
      for (let i = 0; i < wide.rows; i++) g += wide.data[i * wide.width + j] * residual[i];
      close(g, 0, 1e-12, `gradient ${j}`);
    }
  });
});

describe("SMO", () => {
  it("satisfies the optimality conditions with bounds of its own for each row, whatever the cache holds", () => {
    const { train, x } = oracleTable();
    const z = scale(takeRows(x, range(train)), fitScaler(takeRows(x, range(train))));
    const y = Int8Array.from(oracle.data.classes.slice(0, train), (c) => (c === 1 ? 1 : -1));
    const C = Float64Array.from(y, (_, i) => 0.2 + (i % 5));
    const rows = Int32Array.from(range(train));
    const kernel = new RbfKernel(z, 0.2);
    const machine = solveClassifier(kernel, rows, y, C, 1e-8);
    assert.ok(machine.converged);
    close(machine.alpha.reduce((sum, a, i) => sum + a * y[i], 0), 0, 1e-12, "y'alpha"); // prettier-ignore
    for (let i = 0; i < train; i++) {
      const k = kernel.row(i);
      const margin = y[i] * machine.alpha.reduce((sum, a, j) => sum + a * y[j] * k[j], machine.bias);
      assert.ok(machine.alpha[i] >= 0 && machine.alpha[i] <= C[i]);
      if (machine.alpha[i] > 0) assert.ok(margin <= 1 + 1e-6, `row ${i}: margin ${margin} with alpha above 0`);
      if (machine.alpha[i] < C[i]) assert.ok(margin >= 1 - 1e-6, `row ${i}: margin ${margin} with alpha below C`);
    }
    const tiny = solveClassifier(new RbfKernel(z, 0.2, 0), rows, y, C, 1e-8); // two rows at a time
    assert.deepEqual(tiny.alpha, machine.alpha);
  });
});

describe("trees and forests", () => {
  const { train, x, test } = oracleTable();
  const data = presort(takeRows(x, range(train)));

  for (const kind of ["classifier", "regressor"] as const) {
    it(`a ${kind} with weights and a least leaf size is scikit-learn's tree`, () => {
      const expected = oracle.trees[kind];
      const labels = Int32Array.from(oracle.data.classes.slice(0, train));
      const goal: Goal =
        kind === "classifier"
          ? { kind: "classes", labels, classes: 3 }
          : { kind: "numbers", targets: oracle.data.intensity.slice(0, train) };
      const { maxDepth, minLeaf } = expected;
      const options = { candidates: x.width, maxDepth, minLeaf };
      const tree = growTree(data, goal, Int32Array.from(expected.weight), options, new Rng(3));
      assert.deepEqual([...tree.feature], expected.feature);
      allClose(tree.threshold, expected.threshold, 1e-12, "threshold");
      allClose(forestMean([tree], test, kind === "classifier" ? 3 : 1), expected.predict, 1e-12, "predict");
    });
  }

  it("a full tree remembers training rows that differ, by walking the presorted order and by sorting alike", () => {
    const rng = new Rng(5);
    const n = 400;
    const big = table(
      n,
      6,
      Float64Array.from({ length: n * 6 }, () => Math.round(rng.normal() * 20)),
    );
    const labels = Int32Array.from({ length: n }, () => rng.integer(4));
    for (let i = 0; i < n; i++) big.data[i * 6 + 5] = (i * 7) % n; // tells all rows apart
    const options = { candidates: 2, maxDepth: Infinity, minLeaf: 1 };
    const goal: Goal = { kind: "classes", labels, classes: 4 };
    const tree = growTree(presort(big), goal, new Int32Array(n).fill(1), options, rng);
    const shares = forestMean([tree], big, 4);
    labels.forEach((label, i) => assert.equal(shares[i * 4 + label], 1));
  });

  it("a draw of constant features goes on to one that can split", () => {
    const one = table(8, 5);
    for (let i = 0; i < 8; i++) one.data[i * 5 + 3] = i;
    const goal: Goal = { kind: "numbers", targets: range(8) };
    const options = { candidates: 1, maxDepth: Infinity, minLeaf: 1 };
    const tree = growTree(presort(one), goal, new Int32Array(8).fill(1), options, new Rng(1));
    assert.deepEqual([...forestMean([tree], one, 1)], range(8));
  });

  it("a forest depends on the seed alone, and its trees differ", () => {
    const goal: Goal = { kind: "numbers", targets: oracle.data.intensity.slice(0, train) };
    const options = { trees: 3, candidates: 2, maxDepth: Infinity, minLeaf: 1, bootstrap: true };
    const [a, b, c] = [1, 1, 2].map((seed) => growForest(data, goal, options, new Rng(seed)));
    assert.deepEqual(a, b);
    assert.notDeepEqual(a, c);
    assert.notDeepEqual(a[0], a[1]);
  });
});

describe("k-means", () => {
  const points = (...values: number[]): Table => table(values.length, 1, Float64Array.from(values));

  it("finds two far groups from any seed", () => {
    const x = points(0, 1, 2, 100, 101, 102);
    for (const seed of [1, 2, 3]) {
      const { centres, assignment } = kmeans(x, seedCentres(x, 2, new Rng(seed)));
      assert.deepEqual([...centres.data].sort((a, b) => a - b), [1, 101]); // prettier-ignore
      assert.equal(assignment.inertia, 4);
    }
  });

  it("seeds no more centres than there are distinct rows", () => {
    assert.equal(seedCentres(points(3, 3, 5, 5, 5), 4, new Rng(1)).rows, 2);
  });

  it("moves a centre without rows to the row farthest from its own", () => {
    const x = points(0, 1, 9);
    const centres = points(0.5, 50);
    assert.deepEqual([...lloydStep(x, assign(x, centres), 2).data], [10 / 3, 9]);
  });

  it("leaves a row of zeros as it is", () => {
    assert.deepEqual([...powerNormalise(table(1, 2)).normalised.data], [0, 0]);
  });
});
