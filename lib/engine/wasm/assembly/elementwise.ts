// What happens to each number of a matrix by itself. All matrices of a call have `step` bytes between panels.
// Pairs of halves are loaded before either is stored: only then can the engine widen them to 256 bits. What a loop calls is
// inlined: a call with vectors in a loop that it widens ends the compiler of Node 26.
import { exp, gateSlope, hardSigmoid, laneTerms, mix, mixConstant, sigmoid, tanh, tanhConstant, tanhOf } from "./functions";

const TANH: i32 = 1, RELU: i32 = 2, SIGMOID: i32 = 3, HARD: i32 = 4;

/**
 * A dropped number is stored as -0, which no sum that starts at +0 gives: so the backward pass tells it from a kept 0.
 */
// @ts-ignore: decorator
@inline
function dropped(): v128 {
  return i32x4.splat(0x80000000);
}

/** One activation over a matrix, with bias and dropout. `act` and `drop` are literals where this is called. */
// @ts-ignore: decorator
@inline
function finishAs(
  act: i32, drop: bool, Y: usize, step: usize, panels: i32, rows: i32, bias: usize,
  index: usize, columns: usize, width: i32, key: i32, threshold: i32, scale: f32,
): void {
  const p6 = tanhConstant(0), p5 = tanhConstant(1), p4 = tanhConstant(2), p3 = tanhConstant(3), p2 = tanhConstant(4), p1 = tanhConstant(5);
  const p0 = tanhConstant(6), q3 = tanhConstant(7), q2 = tanhConstant(8), q1 = tanhConstant(9), q0 = tanhConstant(10);
  const low = tanhConstant(11), high = tanhConstant(12), m0 = mixConstant(0), m1 = mixConstant(1);
  const zero = f32x4.splat(0), gone = dropped(), s = f32x4.splat(scale), limit = i32x4.splat(threshold);
  const rowFactor = i32x4.splat(width * 0x9e3779b1), l0 = laneTerms(0), l1 = laneTerms(16);
  for (let p = 0; p < panels; p++) {
    let y = Y + <usize>p * step, at = index;
    const end = y + (<usize>rows << 5), b = bias + (<usize>p << 5);
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    const first = i32x4.splat(drop ? key + load<i32>(columns + (<usize>p << 2)) * 0x9e3779b1 : 0);
    const c0 = i32x4.add(l0, first), c1 = i32x4.add(l1, first);
    for (; y < end; y += 32) {
      let x0 = f32x4.add(v128.load(y), b0), x1 = f32x4.add(v128.load(y, 16), b1);
      if (act == TANH) {
        x0 = tanh(p6, p5, p4, p3, p2, p1, p0, q3, q2, q1, q0, low, high, x0);
        x1 = tanh(p6, p5, p4, p3, p2, p1, p0, q3, q2, q1, q0, low, high, x1);
      } else if (act == RELU) {
        x0 = f32x4.max(zero, x0);
        x1 = f32x4.max(zero, x1);
      } else if (act == SIGMOID) {
        x0 = sigmoid(x0);
        x1 = sigmoid(x1);
      } else if (act == HARD) {
        x0 = hardSigmoid(x0);
        x1 = hardSigmoid(x1);
      }
      if (drop) {
        const r = i32x4.mul(v128.load_splat<i32>(at), rowFactor);
        const k0 = i32x4.ge_u(mix(m0, m1, i32x4.add(r, c0)), limit), k1 = i32x4.ge_u(mix(m0, m1, i32x4.add(r, c1)), limit);
        x0 = v128.bitselect(f32x4.mul(x0, s), gone, k0);
        x1 = v128.bitselect(f32x4.mul(x1, s), gone, k1);
        at += 4;
      }
      v128.store(y, x0);
      v128.store(y, x1, 16);
    }
  }
}

/**
 * Y = dropout(act(Y + bias)), in place. Entry (row i, lane l of panel p) is kept where the generator's bits number
 * index[i] * width + columns[p] + l are at least `threshold`; threshold 0: no dropout.
 */
export function finish(
  Y: usize, step: usize, panels: i32, rows: i32, bias: usize, act: i32,
  index: usize, columns: usize, width: i32, key: i32, threshold: i32, scale: f32,
): void {
  if (threshold == 0) {
    if (act == TANH) finishAs(1, false, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == RELU) finishAs(2, false, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == SIGMOID) finishAs(3, false, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == HARD) finishAs(4, false, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else finishAs(0, false, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
  } else {
    if (act == TANH) finishAs(1, true, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == RELU) finishAs(2, true, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == SIGMOID) finishAs(3, true, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else if (act == HARD) finishAs(4, true, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
    else finishAs(0, true, Y, step, panels, rows, bias, index, columns, width, key, threshold, scale);
  }
}

/** g times the slope of dropout(act(.)) where the result is y; scale and its inverse as in `finish`. */
// @ts-ignore: decorator
@inline
function slope(act: i32, g: v128, y: v128, scale: v128, inverse: v128): v128 {
  const one = f32x4.splat(1), zero = f32x4.splat(0), kept = i32x4.ne(y, dropped());
  g = f32x4.mul(g, scale);
  if (act == TANH) {
    const t = f32x4.mul(y, inverse);
    return v128.and(f32x4.mul(g, f32x4.sub(one, f32x4.mul(t, t))), kept);
  }
  if (act == RELU) return v128.and(g, f32x4.gt(y, zero));
  if (act == SIGMOID) {
    const t = f32x4.mul(y, inverse);
    return v128.and(f32x4.mul(f32x4.mul(g, t), f32x4.sub(one, t)), kept);
  }
  if (act == HARD) return v128.and(f32x4.mul(g, f32x4.splat(0.2)), v128.and(f32x4.gt(y, zero), f32x4.lt(y, scale)));
  return v128.and(g, kept);
}

// @ts-ignore: decorator
@inline
function finishBackwardAs(act: i32, G: usize, Y: usize, step: usize, panels: i32, rows: i32, scale: f32, db: usize, add: bool): void {
  const s = f32x4.splat(scale), inverse = f32x4.splat(1 / scale);
  for (let p = 0; p < panels; p++) {
    let g = G + <usize>p * step, y = Y + <usize>p * step;
    const end = g + (<usize>rows << 5), b = db + (<usize>p << 5);
    let s0 = f32x4.splat(0), s1 = s0;
    if (add) {
      s0 = v128.load(b);
      s1 = v128.load(b, 16);
    }
    for (; g < end; g += 32, y += 32) {
      const g0 = slope(act, v128.load(g), v128.load(y), s, inverse), g1 = slope(act, v128.load(g, 16), v128.load(y, 16), s, inverse);
      v128.store(g, g0);
      v128.store(g, g1, 16);
      s0 = f32x4.add(s0, g0);
      s1 = f32x4.add(s1, g1);
    }
    if (db) {
      v128.store(b, s0);
      v128.store(b, s1, 16);
    }
  }
}

/** G becomes the gradient before `finish`, given Y after it; db = (or +=) its sum over rows, where db is not 0. */
export function finishBackward(
  G: usize, Y: usize, step: usize, panels: i32, rows: i32, act: i32, scale: f32, db: usize, add: bool,
): void {
  if (act == TANH) finishBackwardAs(1, G, Y, step, panels, rows, scale, db, add);
  else if (act == RELU) finishBackwardAs(2, G, Y, step, panels, rows, scale, db, add);
  else if (act == SIGMOID) finishBackwardAs(3, G, Y, step, panels, rows, scale, db, add);
  else if (act == HARD) finishBackwardAs(4, G, Y, step, panels, rows, scale, db, add);
  else finishBackwardAs(0, G, Y, step, panels, rows, scale, db, add);
}

/** D = (or +=) the sum of G over rows. */
export function sumRows(D: usize, G: usize, step: usize, panels: i32, rows: i32, add: bool): void {
  for (let p = 0; p < panels; p++) {
    let g = G + <usize>p * step;
    const end = g + (<usize>rows << 5), d = D + (<usize>p << 5);
    let a = f32x4.splat(0), b = a;
    if (add) {
      a = v128.load(d);
      b = v128.load(d, 16);
    }
    for (; g < end; g += 32) {
      a = f32x4.add(a, v128.load(g));
      b = f32x4.add(b, v128.load(g, 16));
    }
    v128.store(d, a);
    v128.store(d, b, 16);
  }
}

// @ts-ignore: decorator
@inline
function activateAs(act: i32, D: usize, X: usize, step: usize, panels: i32, rows: i32): void {
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      const x0 = activated(act, v128.load(X + i)), x1 = activated(act, v128.load(X + i, 16));
      v128.store(D + i, x0);
      v128.store(D + i, x1, 16);
    }
}

// @ts-ignore: decorator
@inline
function activated(act: i32, x: v128): v128 {
  if (act == RELU) return f32x4.max(f32x4.splat(0), x);
  if (act == SIGMOID) return sigmoid(x);
  if (act == HARD) return hardSigmoid(x);
  return tanhOf(x);
}

/** D = act(X). */
export function activate(D: usize, X: usize, step: usize, panels: i32, rows: i32, act: i32): void {
  if (act == RELU) activateAs(2, D, X, step, panels, rows);
  else if (act == SIGMOID) activateAs(3, D, X, step, panels, rows);
  else if (act == HARD) activateAs(4, D, X, step, panels, rows);
  else activateAs(1, D, X, step, panels, rows);
}

// @ts-ignore: decorator
@inline
function activateBackwardAs(act: i32, D: usize, G: usize, Y: usize, step: usize, panels: i32, rows: i32, add: bool): void {
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let g0 = actSlope(act, v128.load(G + i), v128.load(Y + i)), g1 = actSlope(act, v128.load(G + i, 16), v128.load(Y + i, 16));
      if (add) {
        g0 = f32x4.add(v128.load(D + i), g0);
        g1 = f32x4.add(v128.load(D + i, 16), g1);
      }
      v128.store(D + i, g0);
      v128.store(D + i, g1, 16);
    }
}

// @ts-ignore: decorator
@inline
function actSlope(act: i32, g: v128, y: v128): v128 {
  const one = f32x4.splat(1), zero = f32x4.splat(0);
  if (act == RELU) return v128.and(g, f32x4.gt(y, zero));
  if (act == SIGMOID) return gateSlope(0, y, g);
  if (act == HARD) return gateSlope(1, y, g);
  return f32x4.mul(g, f32x4.sub(one, f32x4.mul(y, y)));
}

/** D = (or +=) G times the slope of act at the value Y. */
export function activateBackward(D: usize, G: usize, Y: usize, step: usize, panels: i32, rows: i32, act: i32, add: bool): void {
  if (act == RELU) activateBackwardAs(2, D, G, Y, step, panels, rows, add);
  else if (act == SIGMOID) activateBackwardAs(3, D, G, Y, step, panels, rows, add);
  else if (act == HARD) activateBackwardAs(4, D, G, Y, step, panels, rows, add);
  else activateBackwardAs(1, D, G, Y, step, panels, rows, add);
}

/** D = dropout(X) by the rule of `finish`; backward, the same on gradients. `add`: D += . threshold 0: a copy. */
export function dropout(
  D: usize, X: usize, step: usize, panels: i32, rows: i32,
  index: usize, columns: usize, width: i32, key: i32, threshold: i32, scale: f32, add: bool,
): void {
  const m0 = mixConstant(0), m1 = mixConstant(1), s = f32x4.splat(threshold ? scale : 1), limit = i32x4.splat(threshold);
  const rowFactor = i32x4.splat(width * 0x9e3779b1);
  for (let p = 0; p < panels; p++) {
    let x = X + <usize>p * step, d = D + <usize>p * step, at = index;
    const first = i32x4.splat(key + load<i32>(columns + (<usize>p << 2)) * 0x9e3779b1);
    const c0 = i32x4.add(laneTerms(0), first), c1 = i32x4.add(laneTerms(16), first);
    for (const end = x + (<usize>rows << 5); x < end; x += 32, d += 32, at += 4) {
      const r = i32x4.mul(v128.load_splat<i32>(at), rowFactor);
      const k0 = i32x4.ge_u(mix(m0, m1, i32x4.add(r, c0)), limit), k1 = i32x4.ge_u(mix(m0, m1, i32x4.add(r, c1)), limit);
      let x0 = v128.and(f32x4.mul(v128.load(x), s), k0), x1 = v128.and(f32x4.mul(v128.load(x, 16), s), k1);
      if (add) {
        x0 = f32x4.add(v128.load(d), x0);
        x1 = f32x4.add(v128.load(d, 16), x1);
      }
      v128.store(d, x0);
      v128.store(d, x1, 16);
    }
  }
}

/** D = the factors that `dropout` multiplies with: 0 or scale. */
export function dropFactors(
  D: usize, step: usize, panels: i32, rows: i32,
  index: usize, columns: usize, width: i32, key: i32, threshold: i32, scale: f32,
): void {
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 16) v128.store(D + i, f32x4.splat(1));
  dropout(D, D, step, panels, rows, index, columns, width, key, threshold, scale, false);
}

/** D = a X + b Y (+ D). Y may be X with b = 0. */
export function combine(D: usize, X: usize, Y: usize, step: usize, panels: i32, rows: i32, a: f32, b: f32, add: bool): void {
  const va = f32x4.splat(a), vb = f32x4.splat(b);
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let x0 = f32x4.add(f32x4.mul(v128.load(X + i), va), f32x4.mul(v128.load(Y + i), vb));
      let x1 = f32x4.add(f32x4.mul(v128.load(X + i, 16), va), f32x4.mul(v128.load(Y + i, 16), vb));
      if (add) {
        x0 = f32x4.add(v128.load(D + i), x0);
        x1 = f32x4.add(v128.load(D + i, 16), x1);
      }
      v128.store(D + i, x0);
      v128.store(D + i, x1, 16);
    }
}

/** D = scale X + shift; `add`: D += . */
export function affine(D: usize, X: usize, step: usize, panels: i32, rows: i32, scale: f32, shift: f32, add: bool): void {
  const a = f32x4.splat(scale), b = f32x4.splat(shift);
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let x0 = f32x4.add(f32x4.mul(v128.load(X + i), a), b), x1 = f32x4.add(f32x4.mul(v128.load(X + i, 16), a), b);
      if (add) {
        x0 = f32x4.add(v128.load(D + i), x0);
        x1 = f32x4.add(v128.load(D + i, 16), x1);
      }
      v128.store(D + i, x0);
      v128.store(D + i, x1, 16);
    }
}

/** D = X * Y, entry by entry; `add`: D += . */
export function multiply(D: usize, X: usize, Y: usize, step: usize, panels: i32, rows: i32, add: bool): void {
  for (let p = 0; p < panels; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let x0 = f32x4.mul(v128.load(X + i), v128.load(Y + i)), x1 = f32x4.mul(v128.load(X + i, 16), v128.load(Y + i, 16));
      if (add) {
        x0 = f32x4.add(v128.load(D + i), x0);
        x1 = f32x4.add(v128.load(D + i, 16), x1);
      }
      v128.store(D + i, x0);
      v128.store(D + i, x1, 16);
    }
}

/** D = X with column j times factors[j] (padded like a bias); `add`: D += . */
export function scaleColumns(D: usize, X: usize, step: usize, panels: i32, rows: i32, factors: usize, add: bool): void {
  for (let p = 0; p < panels; p++) {
    const f0 = v128.load(factors + (<usize>p << 5)), f1 = v128.load(factors + (<usize>p << 5), 16);
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 32) {
      let x0 = f32x4.mul(v128.load(X + i), f0), x1 = f32x4.mul(v128.load(X + i, 16), f1);
      if (add) {
        x0 = f32x4.add(v128.load(D + i), x0);
        x1 = f32x4.add(v128.load(D + i, 16), x1);
      }
      v128.store(D + i, x0);
      v128.store(D + i, x1, 16);
    }
  }
}

/** D = softmax of each row of X over `width` columns (one group); lanes past the width are 0. */
export function softmax(D: usize, X: usize, step: usize, width: i32, rows: i32): void {
  const panels = (width + 7) >> 3, lanes = i32x4.splat(width - ((panels - 1) << 3)), far = f32x4.splat(-Infinity);
  const in0 = i32x4.lt_s(i32x4(0, 1, 2, 3), lanes), in1 = i32x4.lt_s(i32x4(4, 5, 6, 7), lanes);
  for (let i = 0; i < rows; i++) {
    const r = <usize>i << 5, last = r + <usize>(panels - 1) * step;
    let m0 = v128.bitselect(v128.load(X + last), far, in0), m1 = v128.bitselect(v128.load(X + last, 16), far, in1);
    for (let a = r; a < last; a += step) {
      m0 = f32x4.max(m0, v128.load(X + a));
      m1 = f32x4.max(m1, v128.load(X + a, 16));
    }
    const m = f32x4.splat(highest(f32x4.max(m0, m1)));
    let s0 = f32x4.splat(0), s1 = s0;
    for (let a = r; a <= last; a += step) {
      let e0 = exp(f32x4.sub(v128.load(X + a), m)), e1 = exp(f32x4.sub(v128.load(X + a, 16), m));
      if (a == last) {
        e0 = v128.and(e0, in0);
        e1 = v128.and(e1, in1);
      }
      v128.store(D + a, e0);
      v128.store(D + a, e1, 16);
      s0 = f32x4.add(s0, e0);
      s1 = f32x4.add(s1, e1);
    }
    const sum = f32x4.splat(total(f32x4.add(s0, s1)));
    for (let a = r; a <= last; a += step) {
      v128.store(D + a, f32x4.div(v128.load(D + a), sum));
      v128.store(D + a, f32x4.div(v128.load(D + a, 16), sum), 16);
    }
  }
}

/** D = (or +=) Y (G - sum of G Y over the group). */
export function softmaxBackward(D: usize, G: usize, Y: usize, step: usize, width: i32, rows: i32, add: bool): void {
  const panels = (width + 7) >> 3;
  for (let i = 0; i < rows; i++) {
    const r = <usize>i << 5, last = r + <usize>(panels - 1) * step;
    let s0 = f32x4.splat(0), s1 = s0;
    for (let a = r; a <= last; a += step) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(G + a), v128.load(Y + a)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(G + a, 16), v128.load(Y + a, 16)));
    }
    const sum = f32x4.splat(total(f32x4.add(s0, s1)));
    for (let a = r; a <= last; a += step) {
      let d0 = f32x4.mul(v128.load(Y + a), f32x4.sub(v128.load(G + a), sum));
      let d1 = f32x4.mul(v128.load(Y + a, 16), f32x4.sub(v128.load(G + a, 16), sum));
      if (add) {
        d0 = f32x4.add(v128.load(D + a), d0);
        d1 = f32x4.add(v128.load(D + a, 16), d1);
      }
      v128.store(D + a, d0);
      v128.store(D + a, d1, 16);
    }
  }
}

// @ts-ignore: decorator
@inline
export function total(x: v128): f32 {
  return (f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1)) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

// @ts-ignore: decorator
@inline
export function highest(x: v128): f32 {
  return max(max(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1)), max(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3)));
}

/** BatchNorm. mean and variance over rows (biased), one vector each. */
export function moments(X: usize, step: usize, panels: i32, rows: i32, mean: usize, variance: usize): void {
  const share = f32x4.splat(1 / <f32>rows);
  sumRows(mean, X, step, panels, rows, false);
  for (let q = 0; q < panels << 1; q++) {
    const m = f32x4.mul(v128.load(mean + (<usize>q << 4)), share);
    v128.store(mean + (<usize>q << 4), m);
    let s = f32x4.splat(0), x = X + <usize>(q >> 1) * step + (<usize>(q & 1) << 4);
    for (const end = x + (<usize>rows << 5); x < end; x += 32) {
      const d = f32x4.sub(v128.load(x), m);
      s = f32x4.add(s, f32x4.mul(d, d));
    }
    v128.store(variance + (<usize>q << 4), f32x4.mul(s, share));
  }
}

/** moving = (1 - momentum) moving + momentum factor now, over vectors. */
export function movingAverage(moving: usize, now: usize, panels: i32, momentum: f32, factor: f32): void {
  const keep = f32x4.splat(1 - momentum), m = f32x4.splat(momentum), f = f32x4.splat(factor);
  for (let i: usize = 0, end = <usize>panels << 5; i < end; i += 16)
    v128.store(moving + i, f32x4.add(f32x4.mul(v128.load(moving + i), keep), f32x4.mul(f32x4.mul(v128.load(now + i), f), m)));
}

/** D = (X - mean) / sqrt(variance + epsilon) * gamma + beta. */
export function batchNorm(
  D: usize, X: usize, step: usize, panels: i32, rows: i32, mean: usize, variance: usize, gamma: usize, beta: usize, epsilon: f32,
): void {
  for (let q = 0; q < panels << 1; q++) {
    const v = <usize>q << 4, i = <usize>(q >> 1) * step + (<usize>(q & 1) << 4);
    const m = v128.load(mean + v), b = v128.load(beta + v);
    const f = f32x4.div(v128.load(gamma + v), f32x4.sqrt(f32x4.add(v128.load(variance + v), f32x4.splat(epsilon))));
    for (let a = i, end = i + (<usize>rows << 5); a < end; a += 32)
      v128.store(D + a, f32x4.add(f32x4.mul(f32x4.sub(v128.load(X + a), m), f), b));
  }
}

/**
 * D = (or +=) the gradient of `batchNorm`; dGamma and dBeta += the parameters'. `batch`: mean and variance are those of X itself.
 */
export function batchNormBackward(
  D: usize, G: usize, X: usize, step: usize, panels: i32, rows: i32, mean: usize, variance: usize, gamma: usize, epsilon: f32,
  dGamma: usize, dBeta: usize, batch: bool, add: bool,
): void {
  const share = f32x4.splat(batch ? 1 / <f32>rows : 0), one = f32x4.splat(1);
  for (let q = 0; q < panels << 1; q++) {
    const v = <usize>q << 4, i = <usize>(q >> 1) * step + (<usize>(q & 1) << 4);
    const m = v128.load(mean + v);
    const inverse = f32x4.div(one, f32x4.sqrt(f32x4.add(v128.load(variance + v), f32x4.splat(epsilon))));
    let sg = f32x4.splat(0), sgx = sg;
    for (let a = i, end = i + (<usize>rows << 5); a < end; a += 32) {
      const g = v128.load(G + a);
      sg = f32x4.add(sg, g);
      sgx = f32x4.add(sgx, f32x4.mul(g, f32x4.mul(f32x4.sub(v128.load(X + a), m), inverse)));
    }
    v128.store(dGamma + v, f32x4.add(v128.load(dGamma + v), sgx));
    v128.store(dBeta + v, f32x4.add(v128.load(dBeta + v), sg));
    const f = f32x4.mul(v128.load(gamma + v), inverse), mg = f32x4.mul(sg, share), mgx = f32x4.mul(sgx, share);
    for (let a = i, end = i + (<usize>rows << 5); a < end; a += 32) {
      const x = f32x4.mul(f32x4.sub(v128.load(X + a), m), inverse);
      const d = f32x4.mul(f, f32x4.sub(f32x4.sub(v128.load(G + a), mg), f32x4.mul(x, mgx)));
      v128.store(D + a, add ? f32x4.add(v128.load(D + a), d) : d);
    }
  }
}

// @ts-ignore: decorator
@inline
function lane(X: usize, step: usize, c: i32): usize {
  return X + <usize>(c >> 3) * step + (<usize>(c & 7) << 2);
}

/**
 * D = A (x) [1; B], flattened with A's column slowest. `ones`: A is taken as [1; A]. Widths without the ones.
 */
export function outer(D: usize, A: usize, B: usize, step: usize, rows: i32, wa: i32, wb: i32, ones: bool): void {
  const left = ones ? wa + 1 : wa;
  for (let i = 0, c = 0; i < left; i++)
    for (let j = 0; j <= wb; j++, c++) {
      let d = lane(D, step, c), a = lane(A, step, ones ? max(i - 1, 0) : i), b = lane(B, step, max(j - 1, 0));
      const plainA = ones && i == 0, plainB = j == 0;
      for (let r = 0; r < rows; r++, d += 32, a += 32, b += 32)
        store<f32>(d, (plainA ? 1 : load<f32>(a)) * (plainB ? 1 : load<f32>(b)));
    }
}

/** dA, dB += the gradients of `outer`; 0 where none is wanted. */
export function outerBackward(
  G: usize, A: usize, B: usize, dA: usize, dB: usize, step: usize, rows: i32, wa: i32, wb: i32, ones: bool,
): void {
  const left = ones ? wa + 1 : wa;
  for (let i = 0, c = 0; i < left; i++)
    for (let j = 0; j <= wb; j++, c++) {
      const plainA = ones && i == 0, plainB = j == 0, ia = ones ? max(i - 1, 0) : i, jb = max(j - 1, 0);
      let g = lane(G, step, c), a = lane(A, step, ia), b = lane(B, step, jb), da = lane(dA, step, ia), db = lane(dB, step, jb);
      const intoA = dA != 0 && !plainA, intoB = dB != 0 && !plainB;
      for (let r = 0; r < rows; r++, g += 32, a += 32, b += 32, da += 32, db += 32) {
        const x = load<f32>(g);
        if (intoA) store<f32>(da, load<f32>(da) + x * (plainB ? 1 : load<f32>(b)));
        if (intoB) store<f32>(db, load<f32>(db) + x * (plainA ? 1 : load<f32>(a)));
      }
    }
}
