// Scaling of features. Scaler on the training rows; the released script's own way is a named switch.
import { modalityOrder, type Affine, type Matrix, type Scaler, type Split } from "../core/types";

/**
 * - `standardise`: each column to mean 0 and (population) standard deviation 1
 * - `maxabs`: each modality divided by its greatest absolute value
 * - `columnMaxabs`: each column divided by its greatest absolute value
 * - `perSplit`: each modality divided by its greatest value (not absolute), in every split by that split's own: what the
 *   released script does. It reads test statistics and gives the splits different scales
 * - `none`
 */
export type Scaling = "standardise" | "maxabs" | "columnMaxabs" | "perSplit" | "none";
export const scalings: readonly Scaling[] = ["standardise", "maxabs", "columnMaxabs", "perSplit", "none"];

/** A row that is 0 throughout is a missing one (padding, a silent or faceless step): not fitted on, and 0 afterwards. */
function isMissing({ width, data }: Matrix, row: number): boolean {
  for (let i = row * width; i < (row + 1) * width; i++) if (data[i] !== 0) return false;
  return true;
}

function fitMatrix(scaling: Scaling, matrix: Matrix): Affine {
  const { rows, width, data } = matrix;
  const shift = new Float64Array(width);
  const by = new Float64Array(width).fill(1);
  if (scaling === "standardise") {
    const present = Array.from({ length: rows }, (_, r) => r).filter((r) => !isMissing(matrix, r));
    for (let c = 0; c < width && present.length; c++) {
      const column = present.map((r) => data[r * width + c]);
      const mean = column.reduce((a, b) => a + b, 0) / column.length;
      const variance = column.reduce((a, b) => a + (b - mean) ** 2, 0) / column.length;
      shift[c] = mean;
      if (column.some((v) => v !== column[0])) by[c] = Math.sqrt(variance);
      else shift[c] = column[0]; // a constant column becomes exactly 0
    }
  } else if (scaling === "columnMaxabs") {
    by.fill(0);
    data.forEach((v, i) => (by[i % width] = Math.max(by[i % width], Math.abs(v))));
  } else if (scaling === "maxabs") by.fill(data.reduce((a, v) => Math.max(a, Math.abs(v)), 0));
  else if (scaling === "perSplit" && data.length) by.fill(data.reduce((a, v) => Math.max(a, v), -Infinity));
  return { shift: [...shift], by: Array.from(by, (v) => v || 1) };
}

/** What scaling would do to data like this split's. */
export function fitScaling(scaling: Scaling, { x }: Split): Scaler {
  return Object.fromEntries(modalityOrder.flatMap((m) => (x[m] ? [[m, fitMatrix(scaling, x[m])]] : [])));
}

/** Scales the features of a split, in place. */
export function scaleSplit({ x }: Split, fitted: Scaler): void {
  for (const m of modalityOrder) {
    const matrix = x[m];
    const f = fitted[m];
    if (!matrix || !f) continue;
    const { rows, width, data } = matrix;
    for (let r = 0; r < rows; r++) {
      if (isMissing(matrix, r)) continue;
      for (let c = 0; c < width; c++) data[r * width + c] = (data[r * width + c] - f.shift[c]) / f.by[c];
    }
  }
}
