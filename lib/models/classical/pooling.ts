/**
 * From a packed split to one row of numbers a unit, the input of every system that is not a network: an utterance's
 * own features, or the mean over the steps of a sample; modalities side by side in the order T, A, V; standardised with
 * the mean and the population sd of the training rows.
 */
import { SystemError } from "../../core/errors";
import { modalityOrder, type LabelLevel, type Modality, type Shape, type Split } from "../../core/types";

/** Row-major float64 numbers; inputs are float32 and exact in it. */
export interface Table {
  readonly rows: number;
  readonly width: number;
  readonly data: Float64Array;
}

export const table = (rows: number, width: number, data: Float64Array = new Float64Array(rows * width)): Table => ({
  rows,
  width,
  data,
});

/** Rows `which` of `x`, in that order. */
export function takeRows(x: Table, which: ArrayLike<number>): Table {
  const out = table(which.length, x.width);
  for (let i = 0; i < which.length; i++) {
    out.data.set(x.data.subarray(which[i] * x.width, (which[i] + 1) * x.width), i * x.width);
  }
  return out;
}

/** |a - x_r|^2 for every row r of x, into out[to ..]; four rows at a time, each summed in the order of its columns. */
export function squaredDistances(a: Float64Array, x: Table, out: Float64Array, to = 0): void {
  const { data, rows, width } = x;
  let r = 0;
  for (; r + 4 <= rows; r += 4) {
    const [p, q, s, t] = [r * width, (r + 1) * width, (r + 2) * width, (r + 3) * width];
    let [sp, sq, ss, st] = [0, 0, 0, 0];
    for (let j = 0; j < width; j++) {
      const v = a[j];
      const dp = v - data[p + j];
      const dq = v - data[q + j];
      const ds = v - data[s + j];
      const dt = v - data[t + j];
      sp += dp * dp;
      sq += dq * dq;
      ss += ds * ds;
      st += dt * dt;
    }
    out[to + r] = sp;
    out[to + r + 1] = sq;
    out[to + r + 2] = ss;
    out[to + r + 3] = st;
  }
  for (; r < rows; r++) {
    let sum = 0;
    for (let j = 0; j < width; j++) {
      const d = a[j] - data[r * width + j];
      sum += d * d;
    }
    out[to + r] = sum;
  }
}

/** The features of modality `m` as they are, one row a step. @throws SystemError if missing, ragged or not finite. */
export function steps(split: Split, m: Modality, width?: number): Table {
  const x = split.x[m];
  if (!x) throw new SystemError(`features ${m}: expected ${width ?? "some"} columns, found none in this split`);
  if (width !== undefined && x.width !== width) {
    throw new SystemError(`features ${m}: expected ${width} columns as in training, found ${x.width}`);
  }
  const bad = x.data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) {
    throw new SystemError(
      `features ${m}, row ${Math.floor(bad / x.width)}, column ${bad % x.width}: expected a finite number, found ` +
        `${x.data[bad]}. Readers repair such values to 0 and count them; do the same before fitting`,
    );
  }
  return table(x.rows, x.width, Float64Array.from(x.data));
}

/** Mean over the rows of each sequence. @throws SystemError for a sequence without rows. */
export function meanOverSteps(x: Table, offsets: Int32Array): Table {
  const out = table(offsets.length - 1, x.width);
  for (let s = 0; s < out.rows; s++) {
    const count = offsets[s + 1] - offsets[s];
    if (count < 1) throw new SystemError(`sequence ${s}: expected at least one step, found none`);
    const to = s * x.width;
    for (let row = offsets[s]; row < offsets[s + 1]; row++) {
      for (let j = 0; j < x.width; j++) out.data[to + j] += x.data[row * x.width + j];
    }
    for (let j = 0; j < x.width; j++) out.data[to + j] /= count;
  }
  return out;
}

/** Tables of the same number of rows, side by side. */
export function concat(parts: readonly Table[]): Table {
  const width = parts.reduce((sum, p) => sum + p.width, 0);
  const out = table(parts[0].rows, width);
  let at = 0;
  for (const p of parts) {
    for (let i = 0; i < p.rows; i++) out.data.set(p.data.subarray(i * p.width, (i + 1) * p.width), i * width + at);
    at += p.width;
  }
  return out;
}

/** (units, sum of widths): one row a unit of `shape.level`. */
export function pool(split: Split, shape: Pick<Shape, "level" | "modalities" | "widths">): Table {
  const parts = modalityOrder
    .filter((m) => shape.modalities.includes(m))
    .map((m) => steps(split, m, shape.widths[m]))
    .map((x) => (shape.level === "sequence" ? meanOverSteps(x, split.offsets) : x));
  return concat(parts);
}

/** Units of a split: rows or sequences. */
export function unitsOf(split: Split, level: LabelLevel): number {
  return level === "sequence" ? split.offsets.length - 1 : split.offsets[split.offsets.length - 1];
}

/** Column means and population standard deviations (ddof 0); a constant column has sd 0 and is scaled by 1. */
export interface Scaler {
  readonly mean: Float64Array;
  readonly sd: Float64Array;
}

export function fitScaler(x: Table): Scaler {
  const mean = new Float64Array(x.width);
  const sd = new Float64Array(x.width);
  for (let j = 0; j < x.width; j++) {
    let sum = 0;
    let min = Infinity;
    let max = -Infinity;
    for (let i = j; i < x.data.length; i += x.width) {
      const v = x.data[i];
      sum += v;
      if (v < min) min = v;
      if (v > max) max = v;
    }
    if (min === max) {
      mean[j] = min; // the sd of sixty 0.3s comes out above 0: a constant is told by its range
      continue;
    }
    mean[j] = sum / x.rows;
    let square = 0;
    for (let i = j; i < x.data.length; i += x.width) square += (x.data[i] - mean[j]) ** 2;
    sd[j] = Math.sqrt(square / x.rows);
  }
  return { mean, sd };
}

export function scale(x: Table, { mean, sd }: Scaler): Table {
  const out = table(x.rows, x.width);
  for (let i = 0, at = 0; i < x.rows; i++) {
    for (let j = 0; j < x.width; j++, at++) out.data[at] = (x.data[at] - mean[j]) / (sd[j] || 1);
  }
  return out;
}
