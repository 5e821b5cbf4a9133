/** Initial weights: a function of (seed, the parameter's name), in exact arithmetic, so the same bits everywhere. */
import { Rng } from "../core/rng";
import type { Param } from "./graph";

/** Float32 values of a parameter, row-major. */
export function initial(param: Param, seed: number): Float32Array {
  const size = param.shape.reduce((a, b) => a * b, 1);
  const rng = new Rng(seed, `init/${param.name}`);
  const [rows, columns] = param.shape;
  switch (param.init) {
    case "zeros":
      return new Float32Array(size);
    case "ones":
      return new Float32Array(size).fill(1);
    case "forget": {
      // An LSTM's bias, gates i, f, g, o: 1 for the forget gate (Jozefowicz et al., 2015; the Keras default).
      const units = size / 4;
      return new Float32Array(size).fill(1, units, 2 * units);
    }
    case "glorot": {
      const limit = Math.sqrt(6 / (rows + columns));
      return Float32Array.from({ length: size }, () => (2 * rng.uniform() - 1) * limit);
    }
    case "orthogonal":
      return orthogonal(rows, columns, rng);
  }
}

/** A (rows, columns) matrix with orthonormal rows (rows <= columns) or columns: Gram-Schmidt on normal numbers, twice for accuracy. */
function orthogonal(rows: number, columns: number, rng: Rng): Float32Array {
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let i = 0; i < count; i++) {
    const v = Float64Array.from({ length }, () => rng.normal());
    for (let pass = 0; pass < 2; pass++)
      for (const u of vectors) {
        let dot = 0;
        for (let j = 0; j < length; j++) dot += u[j] * v[j];
        for (let j = 0; j < length; j++) v[j] -= dot * u[j];
      }
    let norm = 0;
    for (let j = 0; j < length; j++) norm += v[j] * v[j];
    norm = Math.sqrt(norm);
    for (let j = 0; j < length; j++) v[j] /= norm;
    vectors.push(v);
  }
  const out = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) out[i * columns + j] = rows <= columns ? vectors[i][j] : vectors[j][i];
  return out;
}
