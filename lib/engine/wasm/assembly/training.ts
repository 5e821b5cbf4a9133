// Losses with their gradients, and Adam. Sums over a batch are taken in double precision, rows and columns in order.
import { exp, ln } from "./functions";

// @ts-ignore: decorator
@inline
function at(X: usize, step: usize, row: i32, c: i32): usize {
  return X + <usize>(c >> 3) * step + (<usize>row << 5) + (<usize>(c & 7) << 2);
}

// @ts-ignore: decorator
@inline
function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0);
}

/**
 * Mean over rows of -log softmax(X)[label]. Where G is not 0: G = (or +=) factor times its gradient, factor / rows (softmax - 1{label}).
 */
export function softmaxLoss(X: usize, labels: usize, step: usize, classes: i32, rows: i32, G: usize, factor: f32, add: bool): f64 {
  let sum: f64 = 0;
  const share = factor / <f32>rows;
  for (let i = 0; i < rows; i++) {
    const label = load<i32>(labels + (<usize>i << 2));
    let m = load<f32>(at(X, step, i, 0));
    for (let c = 1; c < classes; c++) m = max(m, load<f32>(at(X, step, i, c)));
    let s: f32 = 0;
    for (let c = 0; c < classes; c++) s += exp1(load<f32>(at(X, step, i, c)) - m);
    sum += ln(<f64>s) + <f64>m - <f64>load<f32>(at(X, step, i, label));
    if (G)
      for (let c = 0; c < classes; c++) {
        const g = (exp1(load<f32>(at(X, step, i, c)) - m) / s - (c == label ? <f32>1 : <f32>0)) * share, d = at(G, step, i, c);
        store<f32>(d, add ? load<f32>(d) + g : g);
      }
  }
  return sum / <f64>rows;
}

/** Mean over rows and columns of the binary cross entropy of sigmoid(X) and T; G as in `softmaxLoss`. */
export function sigmoidLoss(X: usize, T: usize, step: usize, width: i32, rows: i32, G: usize, factor: f32, add: bool): f64 {
  let sum: f64 = 0;
  const count = <f64>rows * <f64>width, share = factor / <f32>count;
  for (let c = 0; c < width; c++)
    for (let i = 0; i < rows; i++) {
      const x = load<f32>(at(X, step, i, c)), t = load<f32>(at(T, step, i, c)), e = exp1(-abs(x));
      sum += <f64>max(x, 0) - <f64>x * <f64>t + ln(1 + <f64>e);
      if (!G) continue;
      const p: f32 = x >= 0 ? <f32>1 / (<f32>1 + e) : e / (<f32>1 + e), g: f32 = (p - t) * share, d = at(G, step, i, c);
      store<f32>(d, add ? load<f32>(d) + g : g);
    }
  return sum / count;
}

/** Mean of (A - B)^2, or of |A - B| with `absolute`; lanes past the width hold zeros in both. */
export function distance(A: usize, B: usize, step: usize, width: i32, rows: i32, absolute: bool): f64 {
  let sum: f64 = 0;
  for (let p = 0; p < (width + 7) >> 3; p++) {
    let s0 = f32x4.splat(0), s1 = s0;
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      const a = f32x4.sub(v128.load(A + i), v128.load(B + i)), b = f32x4.sub(v128.load(A + i, 16), v128.load(B + i, 16));
      s0 = f32x4.add(s0, absolute ? f32x4.abs(a) : f32x4.mul(a, a));
      s1 = f32x4.add(s1, absolute ? f32x4.abs(b) : f32x4.mul(b, b));
    }
    sum += lanes(s0) + lanes(s1);
  }
  return sum / (<f64>rows * <f64>width);
}

function lanes(x: v128): f64 {
  return <f64>f32x4.extract_lane(x, 0) + <f64>f32x4.extract_lane(x, 1) + <f64>f32x4.extract_lane(x, 2) + <f64>f32x4.extract_lane(x, 3);
}

/** G = (or +=) factor times the gradient of `distance` to A. */
export function distanceBackward(
  A: usize, B: usize, G: usize, step: usize, width: i32, rows: i32, absolute: bool, factor: f32, add: bool,
): void {
  const f = f32x4.splat((absolute ? factor : 2 * factor) / <f32>(<f64>rows * <f64>width)), zero = f32x4.splat(0), one = f32x4.splat(1);
  for (let p = 0; p < (width + 7) >> 3; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let a = f32x4.sub(v128.load(A + i), v128.load(B + i)), b = f32x4.sub(v128.load(A + i, 16), v128.load(B + i, 16));
      if (absolute) {
        a = f32x4.sub(v128.and(f32x4.gt(a, zero), one), v128.and(f32x4.lt(a, zero), one));
        b = f32x4.sub(v128.and(f32x4.gt(b, zero), one), v128.and(f32x4.lt(b, zero), one));
      }
      a = f32x4.mul(a, f);
      b = f32x4.mul(b, f);
      if (add) {
        a = f32x4.add(v128.load(G + i), a);
        b = f32x4.add(v128.load(G + i, 16), b);
      }
      v128.store(G + i, a);
      v128.store(G + i, b, 16);
    }
}

/** exp(-|x - y|^2 / d^2) of two rows. */
function kernel(X: usize, i: i32, Y: usize, j: i32, step: usize, width: i32): f32 {
  let sum: f32 = 0;
  for (let c = 0; c < width; c++) {
    const d = load<f32>(at(X, step, i, c)) - load<f32>(at(Y, step, j, c));
    sum += d * d;
  }
  return exp1(-sum / (<f32>width * <f32>width));
}

/** mean K(g, g') + mean K(z, z') - 2 mean K(g, z); where D is not 0, D = (or +=) factor times the gradient to z. */
export function discrepancy(Z: usize, G: usize, step: usize, width: i32, rows: i32, D: usize, factor: f32, add: bool): f64 {
  let sum: f64 = 0;
  const share: f32 = factor * -4 / (<f32>rows * <f32>rows * <f32>width * <f32>width);
  if (D && !add)
    for (let p = 0; p < (width + 7) >> 3; p++) memory.fill(D + <usize>p * step, 0, <usize>rows << 5);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++) {
      const zz = kernel(Z, i, Z, j, step, width), gz = kernel(Z, i, G, j, step, width);
      sum += <f64>kernel(G, i, G, j, step, width) + <f64>zz - 2 * <f64>gz;
      if (D)
        for (let c = 0; c < width; c++) {
          const z = load<f32>(at(Z, step, i, c)), d = at(D, step, i, c);
          store<f32>(d, load<f32>(d) + share * (zz * (z - load<f32>(at(Z, step, j, c))) - gz * (z - load<f32>(at(G, step, j, c)))));
        }
    }
  return sum / (<f64>rows * <f64>rows);
}

/**
 * Adam on n numbers (a multiple of 8): m, v and w from the gradient g. rate = learningRate / (1 - beta1^t), c2 = 1 / (1 - beta2^t).
 */
export function adam(
  w: usize, m: usize, v: usize, g: usize, n: i32, rate: f32, c2: f32, beta1: f32, rest1: f32, beta2: f32, rest2: f32, epsilon: f32,
): void {
  const b1 = f32x4.splat(beta1), a1 = f32x4.splat(rest1), b2 = f32x4.splat(beta2), a2 = f32x4.splat(rest2);
  const r = f32x4.splat(rate), c = f32x4.splat(c2), e = f32x4.splat(epsilon);
  for (let i: usize = 0, end = <usize>n << 2; i < end; i += 32) {
    const g0 = v128.load(g + i), g1 = v128.load(g + i, 16);
    const m0 = f32x4.add(f32x4.mul(v128.load(m + i), b1), f32x4.mul(g0, a1)), m1 = f32x4.add(f32x4.mul(v128.load(m + i, 16), b1), f32x4.mul(g1, a1));
    const v0 = f32x4.add(f32x4.mul(v128.load(v + i), b2), f32x4.mul(f32x4.mul(g0, g0), a2)), v1 = f32x4.add(f32x4.mul(v128.load(v + i, 16), b2), f32x4.mul(f32x4.mul(g1, g1), a2));
    const u0 = f32x4.div(f32x4.mul(m0, r), f32x4.add(f32x4.sqrt(f32x4.mul(v0, c)), e)), u1 = f32x4.div(f32x4.mul(m1, r), f32x4.add(f32x4.sqrt(f32x4.mul(v1, c)), e));
    const w0 = f32x4.sub(v128.load(w + i), u0), w1 = f32x4.sub(v128.load(w + i, 16), u1);
    v128.store(m + i, m0);
    v128.store(m + i, m1, 16);
    v128.store(v + i, v0);
    v128.store(v + i, v1, 16);
    v128.store(w + i, w0);
    v128.store(w + i, w1, 16);
  }
}
