// softmax(q kT) v inside one sequence of length L, whose rows are starts[0] + s, starts[1] + s, ... Its rows are gathered into
// [panels][LP][8], LP = L rounded up to 8. The weights are kept transposed, [LP / 8 query panels][LP keys][8 queries]: then the
// softmax runs down the lanes and its result is the left operand of the product with v.
import { exp } from "./functions";
import { transpose } from "./move";
import { product } from "./products";

function gather(D: usize, X: usize, step: usize, panels: i32, s: i32, L: i32, LP: i32, starts: usize): void {
  for (let p = 0; p < panels; p++) {
    const x = X + <usize>p * step;
    let d = D + (<usize>(p * LP) << 5);
    for (let t = 0; t < L; t++, d += 32) {
      const r = x + (<usize>(load<i32>(starts + (<usize>t << 2)) + s) << 5), a = v128.load(r), b = v128.load(r, 16);
      v128.store(d, a);
      v128.store(d, b, 16);
    }
    memory.fill(d, 0, <usize>(LP - L) << 5);
  }
}

function scatter(D: usize, X: usize, step: usize, panels: i32, s: i32, L: i32, LP: i32, starts: usize, add: bool): void {
  for (let p = 0; p < panels; p++) {
    const d = D + <usize>p * step;
    let x = X + (<usize>(p * LP) << 5);
    for (let t = 0; t < L; t++, x += 32) {
      const r = d + (<usize>(load<i32>(starts + (<usize>t << 2)) + s) << 5);
      let a = v128.load(x), b = v128.load(x, 16);
      if (add) {
        a = f32x4.add(v128.load(r), a);
        b = f32x4.add(v128.load(r, 16), b);
      }
      v128.store(r, a);
      v128.store(r, b, 16);
    }
  }
}

/** Softmax over keys 0 .. L - 1, eight queries at a time. */
function softmaxDown(W: usize, L: i32, LP: i32): void {
  for (let p = 0; p < LP >> 3; p++) {
    const w = W + (<usize>(p * LP) << 5), end = w + (<usize>L << 5);
    let m0 = v128.load(w), m1 = v128.load(w, 16), s0 = f32x4.splat(0), s1 = s0;
    for (let x = w; x < end; x += 32) {
      m0 = f32x4.max(m0, v128.load(x));
      m1 = f32x4.max(m1, v128.load(x, 16));
    }
    for (let x = w; x < end; x += 32) {
      const a = exp(f32x4.sub(v128.load(x), m0)), b = exp(f32x4.sub(v128.load(x, 16), m1));
      v128.store(x, a);
      v128.store(x, b, 16);
      s0 = f32x4.add(s0, a);
      s1 = f32x4.add(s1, b);
    }
    for (let x = w; x < end; x += 32) {
      const a = f32x4.div(v128.load(x), s0), b = f32x4.div(v128.load(x, 16), s1);
      v128.store(x, a);
      v128.store(x, b, 16);
    }
  }
}

/**
 * O's rows of sequence s, where O is not 0, and its weights W (LP * LP numbers). pq panels of q and k, pv of v and O. K may be the
 * first panels of V, or V of K: they begin at the same address then.
 * S: 2 pq + 2 max(pq, pv) panels of LP rows.
 */
export function attendForward(
  Q: usize, K: usize, V: usize, O: usize, W: usize, step: usize, pq: i32, pv: i32, s: i32, L: i32, starts: usize, S: usize,
): void {
  const LP = (L + 7) & ~7, rows = <usize>LP << 5, wide = <usize>max(pq, pv) * rows, kp = <usize>pq << 8;
  const a = S, b = a + wide, qT = b + wide, kT = qT + <usize>pq * rows;
  gather(a, Q, step, pq, s, L, LP, starts);
  transpose(a, rows, pq, LP, qT, kp);
  gather(b, K, step, pq, s, L, LP, starts);
  transpose(b, rows, pq, LP, kT, kp);
  product(kT, kp, qT, kp, W, rows, LP, LP >> 3, pq << 3);
  softmaxDown(W, L, LP);
  if (!O) return;
  if (V != K || pv > pq) gather(b, V, step, pv, s, L, LP, starts);
  product(W, rows, b, rows, a, rows, LP, pv, L);
  scatter(O, a, step, pv, s, L, LP, starts, false);
}

/**
 * Gradients of sequence s into dV, dK, dQ, in this order, each overwritten or added to (bits 0, 1, 2 of `add`); 0 where none is
 * wanted. S: 5 max(pq, pv) panels of LP rows; squares: 2 LP * LP numbers.
 */
export function attendBackward(
  Q: usize, K: usize, V: usize, G: usize, W: usize, dQ: usize, dK: usize, dV: usize,
  step: usize, pq: i32, pv: i32, s: i32, L: i32, starts: usize, S: usize, squares: usize, add: i32,
): void {
  const LP = (L + 7) & ~7, rows = <usize>LP << 5, wide = <usize>max(pq, pv) * rows, square = <usize>LP * rows >> 3, vp = <usize>pv << 8;
  const g = S, x = g + wide, gT = x + wide, vT = gT + wide, out = vT + wide, dW = squares, turned = dW + square;
  gather(g, G, step, pv, s, L, LP, starts);
  if (dV) {
    transpose(W, rows, LP >> 3, LP, turned, rows);
    product(turned, rows, g, rows, out, rows, LP, pv, L);
    scatter(dV, out, step, pv, s, L, LP, starts, (add & 1) != 0);
  }
  if (!dK && !dQ) return;
  transpose(g, rows, pv, LP, gT, vp);
  gather(x, V, step, pv, s, L, LP, starts);
  transpose(x, rows, pv, LP, vT, vp);
  product(vT, vp, gT, vp, dW, rows, LP, LP >> 3, pv << 3);
  for (let p = 0; p < LP >> 3; p++) {
    const at = <usize>(p * LP) << 5, end = at + (<usize>L << 5);
    let s0 = f32x4.splat(0), s1 = s0;
    for (let i = at; i < end; i += 32) {
      s0 = f32x4.add(s0, f32x4.mul(v128.load(W + i), v128.load(dW + i)));
      s1 = f32x4.add(s1, f32x4.mul(v128.load(W + i, 16), v128.load(dW + i, 16)));
    }
    for (let i = at; i < end; i += 32) {
      const a = f32x4.mul(v128.load(W + i), f32x4.sub(v128.load(dW + i), s0)), b = f32x4.mul(v128.load(W + i, 16), f32x4.sub(v128.load(dW + i, 16), s1));
      v128.store(dW + i, a);
      v128.store(dW + i, b, 16);
    }
  }
  if (dK) {
    gather(x, Q, step, pq, s, L, LP, starts);
    transpose(dW, rows, LP >> 3, LP, turned, rows);
    product(turned, rows, x, rows, out, rows, LP, pq, L);
    scatter(dK, out, step, pq, s, L, LP, starts, (add & 2) != 0);
  }
  if (dQ) {
    gather(x, K, step, pq, s, L, LP, starts);
    product(dW, rows, x, rows, out, rows, LP, pq, L);
    scatter(dQ, out, step, pq, s, L, LP, starts, (add & 4) != 0);
  }
}
