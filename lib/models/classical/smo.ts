/**
 * Support vector machines with an RBF kernel: sequential minimal optimisation with second-order choice of the pair
 * (Fan, Chen & Lin 2005, "WSS 2", the method of LIBSVM), without shrinking. float64 throughout.
 */
import { exp } from "../../core/math";
import { squaredDistances, table, takeRows, type Table } from "./pooling";

/** exp(-gamma |x_i - s_j|^2): [rows of x, rows of s]. */
export function rbf(x: Table, s: Table, gamma: number): Table {
  const out = table(x.rows, s.rows);
  for (let i = 0; i < x.rows; i++)
    squaredDistances(x.data.subarray(i * x.width, (i + 1) * x.width), s, out.data, i * s.rows);
  for (let i = 0; i < out.data.length; i++) out.data[i] = exp(-gamma * out.data[i]);
  return out;
}

/** Rows of the kernel matrix of a table, computed when asked for; the least recently made are dropped above `megabytes`. */
export class RbfKernel {
  private readonly made = new Map<number, Float64Array>();
  private readonly most: number;
  readonly size: number;
  constructor(
    private readonly x: Table,
    private readonly gamma: number,
    megabytes = 512,
  ) {
    this.size = x.rows;
    this.most = Math.max(2, Math.floor((megabytes * 131072) / Math.max(1, x.rows)));
  }

  row(i: number): Float64Array {
    let k = this.made.get(i);
    if (k) return k;
    k = rbf(takeRows(this.x, [i]), this.x, this.gamma).data;
    if (this.made.size >= this.most)
      for (const oldest of this.made.keys()) {
        this.made.delete(oldest);
        break;
      }
    this.made.set(i, k);
    return k;
  }
}

interface Problem {
  /** Variable t belongs to row rows[t] of the kernel, with sign y[t] = 1 or -1 and 0 <= alpha[t] <= C[t]. */
  readonly rows: Int32Array;
  readonly y: Int8Array;
  readonly C: Float64Array;
  /** Linear term: minimise 1/2 a'Qa + p'a with Q_st = y_s y_t K and y'a = 0. */
  readonly p: Float64Array;
}

export interface Machine {
  /** One a variable of the problem. */
  readonly alpha: Float64Array;
  /** decision(x) = sum y alpha K(row, x) + bias. */
  readonly bias: number;
  /** Value of the dual, to be maximised: -(1/2 a'Qa + p'a). */
  readonly objective: number;
  readonly iterations: number;
  /** False when the iteration limit came before the tolerance. */
  readonly converged: boolean;
}

const TAU = 1e-12;

function solve(kernel: RbfKernel, { rows, y, C, p }: Problem, tolerance: number): Machine {
  const n = rows.length;
  const alpha = new Float64Array(n);
  const G = Float64Array.from(p); // gradient of the objective; alpha starts at 0
  const limit = Math.max(1_000_000, 100 * n);
  let iterations = 0;
  let converged = false;
  while (iterations < limit) {
    let i = -1;
    let up = -Infinity;
    let down = -Infinity;
    for (let t = 0; t < n; t++) {
      const yG = y[t] * G[t];
      if ((y[t] > 0 ? alpha[t] < C[t] : alpha[t] > 0) && -yG > up) {
        up = -yG;
        i = t;
      }
      if ((y[t] > 0 ? alpha[t] > 0 : alpha[t] < C[t]) && yG > down) down = yG;
    }
    if (i < 0 || up + down < tolerance) {
      converged = true;
      break;
    }
    const Ki = kernel.row(rows[i]);
    let j = -1;
    let best = Infinity;
    for (let t = 0; t < n; t++) {
      if (y[t] > 0 ? !(alpha[t] > 0) : !(alpha[t] < C[t])) continue;
      const gain = up + y[t] * G[t];
      if (gain <= 0) continue;
      const curve = 2 - 2 * Ki[rows[t]]; // K_ii = K_jj = 1
      const value = -(gain * gain) / (curve > 0 ? curve : TAU);
      if (value < best) {
        best = value;
        j = t;
      }
    }
    if (j < 0) {
      converged = true;
      break;
    }
    iterations++;
    const Kj = kernel.row(rows[j]);
    const curve = Math.max(2 - 2 * Ki[rows[j]], TAU);
    const [ai, aj] = [alpha[i], alpha[j]];
    if (y[i] !== y[j]) {
      const delta = (-G[i] - G[j]) / curve;
      const diff = ai - aj;
      alpha[i] += delta;
      alpha[j] += delta;
      if (diff > 0 && alpha[j] < 0) [alpha[j], alpha[i]] = [0, diff];
      else if (diff <= 0 && alpha[i] < 0) [alpha[i], alpha[j]] = [0, -diff];
      if (diff > C[i] - C[j] && alpha[i] > C[i]) [alpha[i], alpha[j]] = [C[i], C[i] - diff];
      else if (diff <= C[i] - C[j] && alpha[j] > C[j]) [alpha[j], alpha[i]] = [C[j], C[j] + diff];
    } else {
      const delta = (G[i] - G[j]) / curve;
      const sum = ai + aj;
      alpha[i] -= delta;
      alpha[j] += delta;
      if (sum > C[i] && alpha[i] > C[i]) [alpha[i], alpha[j]] = [C[i], sum - C[i]];
      else if (sum <= C[i] && alpha[j] < 0) [alpha[j], alpha[i]] = [0, sum];
      if (sum > C[j] && alpha[j] > C[j]) [alpha[j], alpha[i]] = [C[j], sum - C[j]];
      else if (sum <= C[j] && alpha[i] < 0) [alpha[i], alpha[j]] = [0, sum];
    }
    const di = y[i] * (alpha[i] - ai);
    const dj = y[j] * (alpha[j] - aj);
    for (let t = 0; t < n; t++) G[t] += y[t] * (di * Ki[rows[t]] + dj * Kj[rows[t]]);
  }
  let objective = 0;
  for (let t = 0; t < n; t++) objective -= (alpha[t] * (G[t] + p[t])) / 2;
  return { alpha, bias: -rho(alpha, G, y, C), objective, iterations, converged };
}

/** y_t G_t is the same for every alpha strictly inside its box; without one, the middle of what the others allow. */
function rho(alpha: Float64Array, G: Float64Array, y: Int8Array, C: Float64Array): number {
  let [low, high, sum, free] = [-Infinity, Infinity, 0, 0];
  for (let t = 0; t < alpha.length; t++) {
    const yG = y[t] * G[t];
    if (alpha[t] > 0 && alpha[t] < C[t]) {
      sum += yG;
      free++;
    } else if (y[t] > 0 === alpha[t] > 0) low = Math.max(low, yG);
    else high = Math.min(high, yG);
  }
  return free ? sum / free : (low + high) / 2;
}

/**
 * C-SVC between rows of y = 1 and of y = -1.
 * @param rows  the rows of the kernel's table that take part, [n]
 * @param y     1 or -1, [n]
 * @param C     upper bound of each alpha, [n]: C times the weight of its class
 */
export function solveClassifier(
  kernel: RbfKernel,
  rows: Int32Array,
  y: Int8Array,
  C: Float64Array,
  tolerance: number,
): Machine {
  return solve(kernel, { rows, y, C, p: new Float64Array(rows.length).fill(-1) }, tolerance);
}

/**
 * Epsilon-SVR on all rows of the kernel's table.
 * @returns alpha holds beta = alpha - alpha*, one a row
 */
export function solveRegressor(
  kernel: RbfKernel,
  targets: ArrayLike<number>,
  C: number,
  epsilon: number,
  tolerance: number,
): Machine {
  const n = kernel.size;
  const machine = solve(
    kernel,
    {
      rows: Int32Array.from({ length: 2 * n }, (_, t) => t % n),
      y: Int8Array.from({ length: 2 * n }, (_, t) => (t < n ? 1 : -1)),
      C: new Float64Array(2 * n).fill(C),
      p: Float64Array.from({ length: 2 * n }, (_, t) => (t < n ? epsilon - targets[t] : epsilon + targets[t - n])),
    },
    tolerance,
  );
  const beta = Float64Array.from({ length: n }, (_, t) => machine.alpha[t] - machine.alpha[t + n]);
  return { ...machine, alpha: beta };
}
