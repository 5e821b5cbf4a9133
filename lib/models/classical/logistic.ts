/** Linear machines: L-BFGS over a convex loss with an L2 penalty, and ridge regression in closed form. float64. */
import { sigmoid, softmaxInPlace, softplus } from "../../core/math";
import { table, type Table } from "./pooling";

/** scores(x) = x W + b; W [d, k] row-major, b [k]. */
export interface Linear {
  readonly weight: Float64Array;
  readonly bias: Float64Array;
}

/** x W + b: [n, k]. */
export function linearScores(x: Table, { weight, bias }: Linear): Table {
  const k = bias.length;
  const columns = transpose(weight, x.width, k);
  const out = table(x.rows, k);
  for (let i = 0; i < x.rows; i++) scoreRow(x, i, columns, bias, out.data, i * k);
  return out;
}

/** [rows, width] -> [width, rows]. */
function transpose(a: Float64Array, rows: number, width: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < width; j++) out[j * rows + i] = a[i * width + j];
  return out;
}

/** Scores of row i by W [k, d] (a column of the weights after the other). */
function scoreRow(x: Table, i: number, W: Float64Array, b: Float64Array, out: Float64Array, to: number): void {
  for (let c = 0; c < b.length; c++) out[to + c] = b[c] + dotAt(x.data, i * x.width, W, c * x.width, x.width);
}

/** Product of a[from ..] and b[at ..], n long, summed in four parts. */
function dotAt(a: Float64Array, from: number, b: Float64Array, at: number, n: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    s0 += a[from + j] * b[at + j];
    s1 += a[from + j + 1] * b[at + j + 1];
    s2 += a[from + j + 2] * b[at + j + 2];
    s3 += a[from + j + 3] * b[at + j + 3];
  }
  for (; j < n; j++) s0 += a[from + j] * b[at + j];
  return s0 + s1 + (s2 + s3);
}

/** a . b, both of one length. */
export const dot = (a: Float64Array, b: Float64Array): number => dotAt(a, 0, b, 0, a.length);

/** Loss of row i at scores z [k]; writes its derivative into dz [k]. Both convex and smooth in z. */
export interface RowLoss {
  readonly outputs: number;
  at(i: number, z: Float64Array, dz: Float64Array): number;
}

/** -log softmax(z)[label]. */
export const softmaxLoss = (labels: ArrayLike<number>, classes: number): RowLoss => ({
  outputs: classes,
  at(i, z, dz) {
    dz.set(z);
    const logSum = softmaxInPlace(dz);
    dz[labels[i]] -= 1;
    return logSum - z[labels[i]];
  },
});

/** Binary cross entropy of sigmoid(z) against 0 or 1. */
export const logisticLoss = (labels: ArrayLike<number>): RowLoss => ({
  outputs: 1,
  at(i, z, dz) {
    dz[0] = sigmoid(z[0]) - labels[i];
    return softplus(z[0]) - labels[i] * z[0];
  },
});

/** weight * max(0, 1 - y z)^2, y = 1 or -1: the L2-loss SVM. */
export const squaredHinge = (y: ArrayLike<number>, weight: ArrayLike<number>): RowLoss => ({
  outputs: 1,
  at(i, z, dz) {
    const gap = Math.max(0, 1 - y[i] * z[0]);
    dz[0] = -2 * weight[i] * y[i] * gap;
    return weight[i] * gap * gap;
  },
});

/** max(0, |z - target| - epsilon)^2: the L2-loss SVR. */
export const squaredTube = (targets: ArrayLike<number>, epsilon: number): RowLoss => ({
  outputs: 1,
  at(i, z, dz) {
    const residual = z[0] - targets[i];
    const gap = Math.max(0, Math.abs(residual) - epsilon);
    dz[0] = 2 * Math.sign(residual) * gap;
    return gap * gap;
  },
});

export interface LinearOptions {
  /** Minimises C * sum of losses + |W|^2 / 2; the bias is free. */
  readonly C: number;
  /** Stops when no derivative exceeds tolerance * max(1, C n). */
  readonly tolerance?: number;
  readonly iterations?: number;
}

export function fitLinear(x: Table, loss: RowLoss, options: LinearOptions): Linear & { readonly converged: boolean } {
  const { C, tolerance = 1e-6, iterations = 500 } = options;
  const k = loss.outputs;
  const size = x.width * k;
  const z = new Float64Array(k);
  const dz = new Float64Array(k);
  const objective = (w: Float64Array, g: Float64Array): number => {
    const W = w.subarray(0, size);
    const b = w.subarray(size);
    let value = 0;
    g.fill(0);
    for (let i = 0; i < x.rows; i++) {
      scoreRow(x, i, W, b, z, 0);
      value += loss.at(i, z, dz);
      const from = i * x.width;
      for (let c = 0; c < k; c++) {
        const d = dz[c];
        if (d !== 0) for (let j = 0, at = c * x.width; j < x.width; j++, at++) g[at] += d * x.data[from + j];
      }
      for (let c = 0; c < k; c++) g[size + c] += dz[c];
    }
    let penalty = 0;
    for (let j = 0; j < size; j++) {
      penalty += W[j] * W[j];
      g[j] = C * g[j] + W[j];
    }
    for (let c = size; c < g.length; c++) g[c] *= C;
    return C * value + penalty / 2;
  };
  const found = minimise(objective, new Float64Array(size + k), tolerance * Math.max(1, C * x.rows), iterations);
  // While fitting, the weights lie class by class: [k, d].
  return {
    weight: transpose(found.w.subarray(0, size), k, x.width),
    bias: found.w.slice(size),
    converged: found.converged,
  };
}

/** L-BFGS with ten pairs and a backtracking line search, for convex smooth functions. `f` returns the value, fills g. */
export function minimise(
  f: (w: Float64Array, g: Float64Array) => number,
  start: Float64Array,
  tolerance: number,
  iterations: number,
): { w: Float64Array; converged: boolean } {
  let w = Float64Array.from(start);
  let g = new Float64Array(w.length);
  let value = f(w, g);
  const pairs: { s: Float64Array; y: Float64Array; rho: number }[] = [];
  for (let step = 0; step < iterations; step++) {
    if (g.every((v) => Math.abs(v) <= tolerance)) return { w, converged: true };
    const d = direction(g, pairs);
    const slope = dot(g, d);
    let t = pairs.length ? 1 : 1 / Math.max(1, Math.sqrt(dot(g, g)));
    let next = w;
    let nextG = g;
    let nextValue = Infinity;
    // Near the minimum the decrease is lost in rounding: a step within 1e-13 of level is taken as well.
    while (!(nextValue <= value + 1e-4 * t * slope + 1e-13 * Math.abs(value))) {
      if (nextValue < Infinity) t *= Math.min(0.5, Math.max(0.1, parabola(value, slope, nextValue, t)));
      if (t < 1e-20) return { w, converged: false };
      next = w.map((v, i) => v + t * d[i]);
      nextG = new Float64Array(w.length);
      nextValue = f(next, nextG);
      if (nextValue !== nextValue) return { w, converged: false };
    }
    const s = next.map((v, i) => v - w[i]);
    const y = nextG.map((v, i) => v - g[i]);
    const sy = dot(s, y);
    if (sy > 1e-12 * dot(y, y)) {
      pairs.push({ s, y, rho: 1 / sy });
      if (pairs.length > 10) pairs.shift();
    } else if (pairs.length) {
      pairs.length = 0; // the curvature seen is not to be trusted: begin again from the gradient
    }
    [w, g, value] = [next, nextG, nextValue];
  }
  return { w, converged: g.every((v) => Math.abs(v) <= tolerance) };
}

/** Where the parabola through f(0), f'(0) and f(t) has its minimum, as a share of t. */
const parabola = (f0: number, slope: number, ft: number, t: number): number =>
  (-slope * t) / (2 * (ft - f0 - slope * t));

function direction(g: Float64Array, pairs: readonly { s: Float64Array; y: Float64Array; rho: number }[]): Float64Array {
  const d = g.map((v) => -v);
  const share: number[] = [];
  for (let p = pairs.length - 1; p >= 0; p--) {
    const { s, y, rho } = pairs[p];
    share[p] = rho * dot(s, d);
    for (let i = 0; i < d.length; i++) d[i] -= share[p] * y[i];
  }
  if (pairs.length) {
    const { y, rho } = pairs[pairs.length - 1];
    const scale = 1 / (rho * dot(y, y));
    for (let i = 0; i < d.length; i++) d[i] *= scale;
  }
  for (let p = 0; p < pairs.length; p++) {
    const { s, y, rho } = pairs[p];
    const beta = share[p] - rho * dot(y, d);
    for (let i = 0; i < d.length; i++) d[i] += beta * s[i];
  }
  return d;
}

/**
 * Ridge regression: minimises |y - x w - b|^2 + alpha |w|^2, b free.
 * Solved in the smaller of the two forms, (d, d) or (n, n), by Cholesky. alpha > 0.
 */
export function fitRidge(x: Table, y: ArrayLike<number>, alpha: number): Linear {
  const { rows: n, width: d } = x;
  const mean = new Float64Array(d);
  let yMean = 0;
  for (let i = 0; i < n; i++) {
    yMean += y[i] / n;
    for (let j = 0; j < d; j++) mean[j] += x.data[i * d + j] / n;
  }
  const X = table(n, d);
  for (let i = 0, at = 0; i < n; i++) for (let j = 0; j < d; j++, at++) X.data[at] = x.data[at] - mean[j];
  const Y = Float64Array.from({ length: n }, (_, i) => y[i] - yMean);
  const weight = new Float64Array(d);
  if (d <= n) {
    const A = new Float64Array(d * d);
    for (let i = 0; i < n; i++) {
      const row = X.data.subarray(i * d, i * d + d);
      for (let a = 0; a < d; a++) {
        const v = row[a];
        if (v !== 0) for (let b = 0, at = a * d; b <= a; b++) A[at + b] += v * row[b];
        weight[a] += v * Y[i];
      }
    }
    for (let a = 0; a < d; a++) A[a * d + a] += alpha;
    solveCholesky(A, weight);
  } else {
    const A = new Float64Array(n * n);
    for (let a = 0; a < n; a++) {
      const row = X.data.subarray(a * d, a * d + d);
      for (let b = 0; b <= a; b++) A[a * n + b] = dot(row, X.data.subarray(b * d, b * d + d));
      A[a * n + a] += alpha;
    }
    solveCholesky(A, Y);
    for (let i = 0; i < n; i++) for (let j = 0; j < d; j++) weight[j] += Y[i] * X.data[i * d + j];
  }
  return { weight, bias: Float64Array.of(yMean - dot(mean, weight)) };
}

/** Solves A v = b in place, A symmetric positive definite [m, m] given by its lower triangle (overwritten), b [m]. */
function solveCholesky(A: Float64Array, b: Float64Array): void {
  cholesky(A, b.length);
  solveLower(A, table(1, b.length, b));
  solveLowerTransposed(A, b);
}

/** Lower triangle of A [m, m], symmetric positive definite -> L with L L' = A, in place. */
export function cholesky(A: Float64Array, m: number): void {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= i; j++) {
      const sum = A[i * m + j] - dotAt(A, i * m, A, j * m, j);
      A[i * m + j] = i === j ? Math.sqrt(sum) : sum / A[j * m + j];
    }
  }
}

/** L v = b in place for each row b of x [n, m]; sixteen rows at a time, so that L is read n / 16 times. */
export function solveLower(L: Float64Array, x: Table): void {
  const m = x.width;
  for (let from = 0; from < x.rows; from += 16) {
    const to = Math.min(from + 16, x.rows);
    for (let i = 0; i < m; i++) {
      for (let row = from; row < to; row++) {
        const at = row * m;
        x.data[at + i] = (x.data[at + i] - dotAt(L, i * m, x.data, at, i)) / L[i * m + i];
      }
    }
  }
}

/** L' v = b in place. */
export function solveLowerTransposed(L: Float64Array, b: Float64Array): void {
  const m = b.length;
  for (let i = m - 1; i >= 0; i--) {
    b[i] /= L[i * m + i];
    for (let k = 0; k < i; k++) b[k] -= L[i * m + k] * b[i];
  }
}
