/** k-means (Lloyd), and the soft assignment that turns step features into a histogram over the codebook. */
import { softmaxInPlace } from "../../core/math";
import type { Rng } from "../../core/rng";
import { squaredDistances, table, type Table } from "./pooling";

/** |x_i - c_k|^2 of row i of x to every centre, into `out`. */
const distances = (x: Table, i: number, centres: Table, out: Float64Array): void =>
  squaredDistances(x.data.subarray(i * x.width, (i + 1) * x.width), centres, out);

export interface Assignment {
  /** Nearest centre of each row, ties to the lowest, [n]. */
  readonly nearest: Int32Array;
  /** Squared distance to it, [n]. */
  readonly distance: Float64Array;
  readonly inertia: number;
}

export function assign(x: Table, centres: Table): Assignment {
  const nearest = new Int32Array(x.rows);
  const distance = new Float64Array(x.rows);
  const d2 = new Float64Array(centres.rows);
  let inertia = 0;
  for (let i = 0; i < x.rows; i++) {
    distances(x, i, centres, d2);
    let best = 0;
    for (let k = 1; k < d2.length; k++) if (d2[k] < d2[best]) best = k;
    nearest[i] = best;
    inertia += distance[i] = d2[best];
  }
  return { nearest, distance, inertia };
}

/** One Lloyd step: the mean of each centre's rows. A centre without rows moves to the row farthest from its own. */
export function lloydStep(x: Table, { nearest, distance }: Assignment, k: number): Table {
  const d = x.width;
  const centres = table(k, d);
  const count = new Int32Array(k);
  for (let i = 0; i < x.rows; i++) {
    count[nearest[i]]++;
    for (let j = 0; j < d; j++) centres.data[nearest[i] * d + j] += x.data[i * d + j];
  }
  const taken = new Set<number>();
  for (let c = 0; c < k; c++) {
    if (count[c] === 0) {
      let far = -1;
      for (let i = 0; i < x.rows; i++) if (!taken.has(i) && (far < 0 || distance[i] > distance[far])) far = i;
      taken.add(far);
      centres.data.set(x.data.subarray(far * d, far * d + d), c * d);
    } else {
      for (let j = 0; j < d; j++) centres.data[c * d + j] /= count[c];
    }
  }
  return centres;
}

/** k-means++ (Arthur & Vassilvitskii 2007): each next centre is a row drawn by squared distance to the chosen ones. */
export function seedCentres(x: Table, k: number, rng: Rng): Table {
  const d = x.width;
  const rows: number[] = [rng.integer(x.rows)];
  const nearest = new Float64Array(x.rows).fill(Infinity);
  while (rows.length < k) {
    const c = rows[rows.length - 1] * d;
    let total = 0;
    for (let i = 0; i < x.rows; i++) {
      let d2 = 0;
      for (let j = 0; j < d; j++) d2 += (x.data[i * d + j] - x.data[c + j]) ** 2;
      total += nearest[i] = Math.min(nearest[i], d2);
    }
    if (total === 0) break; // fewer distinct rows than k
    let left = rng.uniform() * total;
    let pick = -1;
    for (let i = 0; i < x.rows && left >= 0; i++) {
      if (nearest[i] === 0) continue;
      pick = i;
      left -= nearest[i];
    }
    rows.push(pick);
  }
  const centres = table(rows.length, d);
  rows.forEach((row, c) => centres.data.set(x.data.subarray(row * d, row * d + d), c * d));
  return centres;
}

/**
 * Lloyd's iterations until no row changes its centre.
 * @returns the centres [k, d] (fewer where x has fewer distinct rows), and which of them each row has
 */
export function kmeans(x: Table, centres: Table, iterations = 100): { centres: Table; assignment: Assignment } {
  let assignment = assign(x, centres);
  for (let step = 0; step < iterations; step++) {
    centres = lloydStep(x, assignment, centres.rows);
    const next = assign(x, centres);
    const settled = next.nearest.every((c, i) => c === assignment.nearest[i]);
    assignment = next;
    if (settled) break;
  }
  return { centres, assignment };
}

/** softmax over centres of -beta |x - c|^2: [n, k]. */
export function softAssign(x: Table, centres: Table, beta: number): Table {
  const k = centres.rows;
  const out = table(x.rows, k);
  for (let i = 0; i < x.rows; i++) {
    const w = out.data.subarray(i * k, i * k + k);
    distances(x, i, centres, w);
    for (let c = 0; c < k; c++) w[c] *= -beta;
    softmaxInPlace(w);
  }
  return out;
}

/** sign(x) sqrt|x|, then each row divided by its L2 norm (a row of zeros stays). Returns both, the second normalised. */
export function powerNormalise(x: Table): { power: Table; normalised: Table } {
  const power = table(
    x.rows,
    x.width,
    x.data.map((v) => Math.sign(v) * Math.sqrt(Math.abs(v))),
  );
  const normalised = table(x.rows, x.width);
  for (let i = 0; i < x.rows; i++) {
    let square = 0;
    for (let j = i * x.width; j < (i + 1) * x.width; j++) square += power.data[j] ** 2;
    const norm = Math.sqrt(square) || 1;
    for (let j = i * x.width; j < (i + 1) * x.width; j++) normalised.data[j] = power.data[j] / norm;
  }
  return { power, normalised };
}
