// The leakage probe: do features know the labels of their own training videos better than those of videos never seen?
import { Rng } from "../core/rng";
import type { Dataset, Matrix, Modality } from "../core/types";
import { sequencesOf } from "./pack";
import { fitScaling } from "./scale";
import { targetsOf } from "./targets";

/** A logistic regression: score = w . x + b, class 1 where it is above 0. */
export interface Logistic {
  readonly weights: Float64Array;
  readonly bias: number;
}

/** Solves A x = b for a symmetric positive definite A [n, n], in place (Cholesky). */
function solve(A: Float64Array, b: Float64Array): Float64Array {
  const n = b.length;
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let sum = A[i * n + j];
      for (let k = 0; k < j; k++) sum -= A[i * n + k] * A[j * n + k];
      A[i * n + j] = i === j ? Math.sqrt(sum) : sum / A[j * n + j];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) b[i] -= A[i * n + k] * b[k];
    b[i] /= A[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) b[i] -= A[k * n + i] * b[k];
    b[i] /= A[i * n + i];
  }
  return b;
}

/**
 * Minimises C * sum of log losses + |w|^2 / 2 by Newton's method with halving; the bias is free (scikit-learn's objective).
 * @param x (n, d); the rows `rows` of it are used
 * @param y 0 or 1, one a row of x
 */
export function fitLogistic(x: Matrix, y: ArrayLike<number>, rows: ArrayLike<number>, C: number): Logistic {
  const n = rows.length;
  const d = x.width + 1; // the last is the bias
  const data = new Float64Array(n * d).fill(1);
  const sign = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    data.set(x.data.subarray(rows[i] * x.width, (rows[i] + 1) * x.width), i * d);
    sign[i] = y[rows[i]] ? 1 : -1;
  }
  /** Margins of all rows, positive where the class is right. */
  const margins = (w: Float64Array) =>
    sign.map((s, i) => {
      let sum = 0;
      for (let j = 0, at = i * d; j < d; j++, at++) sum += w[j] * data[at];
      return s * sum;
    });
  const loss = (w: Float64Array, m: Float64Array) =>
    C * m.reduce((sum, z) => sum + (z > 0 ? Math.log1p(Math.exp(-z)) : Math.log1p(Math.exp(z)) - z), 0) +
    w.subarray(0, x.width).reduce((sum, v) => sum + v * v, 0) / 2;
  let w: Float64Array = new Float64Array(d);
  let m = margins(w);
  let value = loss(w, m);
  for (let step = 0; step < 50; step++) {
    const gradient = new Float64Array(d);
    const hessian = new Float64Array(d * d); // lower triangle
    for (let j = 0; j < x.width; j++) {
      gradient[j] = w[j];
      hessian[j * d + j] = 1;
    }
    hessian[d * d - 1] = 1e-12; // the bias has no penalty
    for (let i = 0; i < n; i++) {
      const wrong = 1 / (1 + Math.exp(m[i]));
      const slope = -C * sign[i] * wrong;
      const curve = C * wrong * (1 - wrong);
      for (let j = 0; j < d; j++) {
        const xj = data[i * d + j];
        gradient[j] += slope * xj;
        for (let k = 0, to = j * d, from = i * d; k <= j; k++, to++, from++) hessian[to] += curve * xj * data[from];
      }
    }
    if (gradient.every((g) => Math.abs(g) < 1e-6 * Math.max(1, C * n))) break;
    const direction = solve(hessian, gradient);
    let [next, nextM, nextValue] = [w, m, Infinity];
    for (let t = 1; t > 1e-10 && !(nextValue <= value); t /= 2) {
      next = w.map((v, j) => v - t * direction[j]);
      nextM = margins(next);
      nextValue = loss(next, nextM);
    }
    if (!(nextValue < value)) break;
    [w, m, value] = [next, nextM, nextValue];
  }
  return { weights: w.slice(0, x.width), bias: w[x.width] };
}

/** Share of rows that a fitted regression puts into the right class. */
export function accuracyOf(
  { weights, bias }: Logistic,
  x: Matrix,
  y: ArrayLike<number>,
  rows: ArrayLike<number>,
): number {
  let right = 0;
  for (let i = 0; i < rows.length; i++) {
    let sum = bias;
    for (let j = 0; j < x.width; j++) sum += weights[j] * x.data[rows[i] * x.width + j];
    if ((sum > 0 ? 1 : 0) === y[rows[i]]) right++;
  }
  return right / rows.length;
}

/** Rows of `x` standardised by the mean and sd of some of them, in double precision. */
function standardised(x: Matrix, fitted: { shift: readonly number[]; by: readonly number[] }): Matrix {
  return { ...x, data: x.data.map((v, i) => (v - fitted.shift[i % x.width]) / fitted.by[i % x.width]) };
}

export interface ProbeResult {
  readonly modality: Modality;
  /** Mean accuracy over folds of whole training videos. */
  readonly crossValidated: number;
  /** Accuracy on the test videos, fitted on all training videos. */
  readonly test: number;
  /** Share of the more frequent class in the test split. */
  readonly majority: number;
}

/**
 * Fits a linear model on each modality of a per-row data set, cross-validated over training videos and on the test videos. Features
 * that saw no labels score alike on both; where the first is far above the second, they know the labels of the training videos.
 * @param options folds (5), C (0.1, on features standardised inside each fold), seed of the folds
 */
export function leakageProbe(dataset: Dataset, { folds = 5, C = 0.1, seed = 1 } = {}): ProbeResult[] {
  const { train, test } = dataset;
  const task = { kind: "classes", classes: 2 } as const;
  const [y, yTest] = [targetsOf(dataset, train, task).values, targetsOf(dataset, test, task).values];
  const positive = Array.from(yTest).filter((v) => v === 1).length / yTest.length;
  const order = new Rng(seed, "probe").permutation(sequencesOf(train));
  const foldOf = new Int32Array(y.length);
  order.forEach((video, i) => foldOf.fill(i % folds, train.offsets[video], train.offsets[video + 1]));
  const rows = Array.from(y.keys());
  return dataset.modalities.map((modality) => {
    const x = train.x[modality]!;
    const all = fitScaling("standardise", train)[modality]!;
    let sum = 0;
    for (let fold = 0; fold < folds; fold++) {
      const [inside, outside] = [rows.filter((r) => foldOf[r] !== fold), rows.filter((r) => foldOf[r] === fold)];
      const picked = Float32Array.from(
        inside.flatMap((r) => Array.from(x.data.subarray(r * x.width, (r + 1) * x.width))),
      );
      const part = { ...train, x: { [modality]: { rows: inside.length, width: x.width, data: picked } } };
      const scaled = standardised(x, fitScaling("standardise", part)[modality]!);
      sum += accuracyOf(fitLogistic(scaled, y, inside, C), scaled, y, outside);
    }
    const model = fitLogistic(standardised(x, all), y, rows, C);
    const xTest = standardised(test.x[modality]!, all);
    return {
      modality,
      crossValidated: sum / folds,
      test: accuracyOf(model, xTest, yTest, Array.from(yTest.keys())),
      majority: Math.max(positive, 1 - positive),
    };
  });
}
