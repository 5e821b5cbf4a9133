// Whole sequences of a GRU or LSTM, one direction a call. Rows are time-major with sequences sorted by length, so the rows of
// step t, starts[t] .. starts[t + 1] - 1, are the sequences alive, always the first ones: a step is one product on them.
// P holds the input's projections of all steps and is overwritten: by the gates, then, backward, by their gradients.
// Q panels a gate; `backwards` runs from the last step to the first; S is scratch for sequences, `ss` bytes between panels.
import { gate, gateSlope, tanhOf } from "./functions";
import { transpose } from "./move";
import { product, productAdd } from "./products";

// @ts-ignore: decorator
@inline
function rowsAt(starts: usize, t: i32): i32 {
  return load<i32>(starts + (<usize>t << 2));
}

/** D = X * M on `rows` rows of Q panels. */
function mask(D: usize, X: usize, M: usize, ss: usize, Q: i32, rows: i32): void {
  for (let p = 0; p < Q; p++)
    for (let i: usize = <usize>p * ss, end = i + (<usize>rows << 5); i < end; i += 32) {
      const a = f32x4.mul(v128.load(X + i), v128.load(M + i)), b = f32x4.mul(v128.load(X + i, 16), v128.load(M + i, 16));
      v128.store(D + i, a);
      v128.store(D + i, b, 16);
    }
}

function copyPanels(D: usize, ds: usize, X: usize, xs: usize, Q: i32, bytes: usize): void {
  for (let p = 0; p < Q; p++) memory.copy(D + <usize>p * ds, X + <usize>p * xs, bytes);
}

// @ts-ignore: decorator
@inline
function gruForwardAs(
  hard: i32, P: usize, H: usize, HB: usize, HD: usize, RH: usize, step: usize, Q: i32, U: usize, bias: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize,
): void {
  const us = <usize>Q << 8, gateSpan = <usize>Q * step, one = <usize>Q * ss;
  const sums = S, h = sums + 2 * one, hd = M ? h + one : h, rh = h + 2 * one, hT = rh + one, rT = hT + one;
  memory.fill(S, 0, 7 * one);
  for (let q = 0; q < T; q++) {
    const t = backwards ? T - 1 - q : q, first = <usize>rowsAt(starts, t) << 5, n = rowsAt(starts, t + 1) - rowsAt(starts, t);
    const bytes = <usize>n << 5;
    if (q) product(hT, us, U, us, sums, ss, n, 2 * Q, Q << 3);
    if (M) copyPanels(HD + first, step, hd, ss, Q, bytes);
    for (let p = 0; p < Q; p++) {
      const bz = bias + (<usize>p << 5), br = bz + (<usize>Q << 5), at = <usize>p * step + first;
      const bz0 = v128.load(bz), bz1 = v128.load(bz, 16), br0 = v128.load(br), br1 = v128.load(br, 16);
      let z = P + at, r = z + gateSpan, sz = sums + <usize>p * ss, sr = sz + one, before = h + <usize>p * ss;
      let entering = hd + <usize>p * ss, reset = rh + <usize>p * ss, hb = HB + at, rr = RH + at;
      for (const end = z + bytes; z < end; ) {
        const z0 = gate(hard, f32x4.add(f32x4.add(v128.load(z), bz0), v128.load(sz))), z1 = gate(hard, f32x4.add(f32x4.add(v128.load(z, 16), bz1), v128.load(sz, 16)));
        const r0 = gate(hard, f32x4.add(f32x4.add(v128.load(r), br0), v128.load(sr))), r1 = gate(hard, f32x4.add(f32x4.add(v128.load(r, 16), br1), v128.load(sr, 16)));
        const h0 = v128.load(before), h1 = v128.load(before, 16);
        const x0 = f32x4.mul(r0, v128.load(entering)), x1 = f32x4.mul(r1, v128.load(entering, 16));
        v128.store(z, z0);
        v128.store(z, z1, 16);
        v128.store(r, r0);
        v128.store(r, r1, 16);
        v128.store(hb, h0);
        v128.store(hb, h1, 16);
        v128.store(rr, x0);
        v128.store(rr, x1, 16);
        v128.store(reset, x0);
        v128.store(reset, x1, 16);
        z += 32; r += 32; sz += 32; sr += 32; before += 32; entering += 32; reset += 32; hb += 32; rr += 32;
      }
    }
    if (q) {
      transpose(rh, ss, Q, n, rT, us);
      product(rT, us, U + 2 * <usize>Q * us, us, sums, ss, n, Q, Q << 3);
    }
    for (let p = 0; p < Q; p++) {
      const b = bias + (<usize>(p + 2 * Q) << 5), at = <usize>p * step + first, b0 = v128.load(b), b1 = v128.load(b, 16);
      let z = P + at, c = z + 2 * gateSpan, s = sums + <usize>p * ss, state = h + <usize>p * ss, out = H + at;
      for (const end = z + bytes; z < end; ) {
        const c0 = tanhOf(f32x4.add(f32x4.add(v128.load(c), b0), v128.load(s))), c1 = tanhOf(f32x4.add(f32x4.add(v128.load(c, 16), b1), v128.load(s, 16)));
        const h0 = f32x4.add(c0, f32x4.mul(v128.load(z), f32x4.sub(v128.load(state), c0)));
        const h1 = f32x4.add(c1, f32x4.mul(v128.load(z, 16), f32x4.sub(v128.load(state, 16), c1)));
        v128.store(c, c0);
        v128.store(c, c1, 16);
        v128.store(state, h0);
        v128.store(state, h1, 16);
        v128.store(out, h0);
        v128.store(out, h1, 16);
        z += 32; c += 32; s += 32; state += 32; out += 32;
      }
    }
    if (q < T - 1) {
      if (M) mask(hd, h, M, ss, Q, n);
      transpose(hd, ss, Q, n, hT, us);
    }
  }
}

/**
 * H = the states. Kept for the backward pass: HB the state before each step, HD the same times the mask M (HB itself without
 * one), RH = r * HD. U [3Q panels][8Q][8], columns z, r, h. M: a factor for each sequence and unit, or 0. S: 9Q panels.
 */
export function gruForward(
  P: usize, H: usize, HB: usize, HD: usize, RH: usize, step: usize, Q: i32, U: usize, bias: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize, hard: bool,
): void {
  if (hard) gruForwardAs(1, P, H, HB, HD, RH, step, Q, U, bias, starts, T, backwards, S, ss, M);
  else gruForwardAs(0, P, H, HB, HD, RH, step, Q, U, bias, starts, T, backwards, S, ss, M);
}

// @ts-ignore: decorator
@inline
function gruBackwardAs(
  hard: i32, P: usize, dH: usize, HB: usize, HD: usize, step: usize, Q: i32, UzrT: usize, UhT: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize,
): void {
  const us = <usize>Q << 8, gateSpan = <usize>Q * step, span = <usize>Q * ss, one = f32x4.splat(1);
  const carry = S, dc = carry + span, dzr = dc + span, sums = dzr + 2 * span, dcT = sums + span, dzrT = dcT + span, through = dzrT + 2 * span;
  memory.fill(S, 0, 9 * span);
  for (let q = 0; q < T; q++) {
    const t = backwards ? q : T - 1 - q, first = <usize>rowsAt(starts, t) << 5, n = rowsAt(starts, t + 1) - rowsAt(starts, t);
    const bytes = <usize>n << 5;
    for (let p = 0; p < Q; p++) {
      const at = <usize>p * step + first, own = <usize>p * ss;
      let z = P + at, c = z + 2 * gateSpan, hb = HB + at, g = dH + at, k = carry + own, a = dc + own, b = dzr + own;
      for (const end = z + bytes; z < end; ) {
        const d0 = f32x4.add(v128.load(g), v128.load(k)), d1 = f32x4.add(v128.load(g, 16), v128.load(k, 16));
        const z0 = v128.load(z), z1 = v128.load(z, 16), c0 = v128.load(c), c1 = v128.load(c, 16);
        const k0 = f32x4.mul(d0, z0), k1 = f32x4.mul(d1, z1);
        const a0 = f32x4.mul(f32x4.mul(d0, f32x4.sub(one, z0)), f32x4.sub(one, f32x4.mul(c0, c0)));
        const a1 = f32x4.mul(f32x4.mul(d1, f32x4.sub(one, z1)), f32x4.sub(one, f32x4.mul(c1, c1)));
        const x0 = gateSlope(hard, z0, f32x4.mul(d0, f32x4.sub(v128.load(hb), c0)));
        const x1 = gateSlope(hard, z1, f32x4.mul(d1, f32x4.sub(v128.load(hb, 16), c1)));
        v128.store(k, k0);
        v128.store(k, k1, 16);
        v128.store(c, a0);
        v128.store(c, a1, 16);
        v128.store(a, a0);
        v128.store(a, a1, 16);
        v128.store(z, x0);
        v128.store(z, x1, 16);
        v128.store(b, x0);
        v128.store(b, x1, 16);
        z += 32; c += 32; hb += 32; g += 32; k += 32; a += 32; b += 32;
      }
    }
    if (q == T - 1) {
      // The state before is 0 for every sequence that is alive here: nothing goes into r, nothing further back.
      for (let p = 0; p < Q; p++) memory.fill(P + <usize>(p + Q) * step + first, 0, bytes);
      break;
    }
    transpose(dc, ss, Q, n, dcT, us);
    product(dcT, us, UhT, us, sums, ss, n, Q, Q << 3);
    if (M) mask(through, sums, M, ss, Q, n);
    for (let p = 0; p < Q; p++) {
      const at = <usize>p * step + first, own = <usize>p * ss;
      let r = P + at + gateSpan, hd = HD + at, k = carry + own, s = sums + own, m = (M ? through : sums) + own, b = dzr + own + span;
      for (const end = r + bytes; r < end; ) {
        const r0 = v128.load(r), r1 = v128.load(r, 16);
        const k0 = f32x4.add(v128.load(k), f32x4.mul(v128.load(m), r0)), k1 = f32x4.add(v128.load(k, 16), f32x4.mul(v128.load(m, 16), r1));
        const x0 = gateSlope(hard, r0, f32x4.mul(v128.load(s), v128.load(hd))), x1 = gateSlope(hard, r1, f32x4.mul(v128.load(s, 16), v128.load(hd, 16)));
        v128.store(k, k0);
        v128.store(k, k1, 16);
        v128.store(r, x0);
        v128.store(r, x1, 16);
        v128.store(b, x0);
        v128.store(b, x1, 16);
        r += 32; hd += 32; k += 32; s += 32; m += 32; b += 32;
      }
    }
    transpose(dzr, ss, 2 * Q, n, dzrT, us << 1);
    if (!M) {
      productAdd(dzrT, us << 1, UzrT, us << 1, carry, ss, n, Q, Q << 4);
      continue;
    }
    product(dzrT, us << 1, UzrT, us << 1, through, ss, n, Q, Q << 4);
    for (let p = 0; p < Q; p++)
      for (let i: usize = <usize>p * ss, end = i + bytes; i < end; i += 32) {
        const k0 = f32x4.add(v128.load(carry + i), f32x4.mul(v128.load(through + i), v128.load(M + i)));
        const k1 = f32x4.add(v128.load(carry + i, 16), f32x4.mul(v128.load(through + i, 16), v128.load(M + i, 16)));
        v128.store(carry + i, k0);
        v128.store(carry + i, k1, 16);
      }
  }
}

/** P: gates -> gradients before the gates, given dH. UzrT [Q][16Q][8] and UhT [Q][8Q][8]: U's parts transposed. S: 9Q panels. */
export function gruBackward(
  P: usize, dH: usize, HB: usize, HD: usize, step: usize, Q: i32, UzrT: usize, UhT: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize, hard: bool,
): void {
  if (hard) gruBackwardAs(1, P, dH, HB, HD, step, Q, UzrT, UhT, starts, T, backwards, S, ss, M);
  else gruBackwardAs(0, P, dH, HB, HD, step, Q, UzrT, UhT, starts, T, backwards, S, ss, M);
}

// @ts-ignore: decorator
@inline
function lstmForwardAs(
  hard: i32, P: usize, H: usize, HD: usize, CB: usize, TC: usize, step: usize, Q: i32, U: usize, bias: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize,
): void {
  const us = <usize>Q << 8, gateSpan = <usize>Q * step, one = <usize>Q * ss, biasSpan = <usize>Q << 5;
  const sums = S, h = sums + 4 * one, hd = M ? h + one : h, c = h + 2 * one, hT = c + one;
  memory.fill(S, 0, 8 * one);
  for (let q = 0; q < T; q++) {
    const t = backwards ? T - 1 - q : q, first = <usize>rowsAt(starts, t) << 5, n = rowsAt(starts, t + 1) - rowsAt(starts, t);
    const bytes = <usize>n << 5;
    if (q) product(hT, us, U, us, sums, ss, n, 4 * Q, Q << 3);
    copyPanels(HD + first, step, hd, ss, Q, bytes);
    copyPanels(CB + first, step, c, ss, Q, bytes);
    for (let v = 0; v < Q << 1; v++) {
      // Panel p, half v & 1: bias is one vector, the rest a column of them.
      const half = <usize>(v & 1) << 4, at = <usize>(v >> 1) * step + first + half, own = <usize>(v >> 1) * ss + half, b = bias + (<usize>v << 4);
      const bi = v128.load(b), bf = v128.load(b + biasSpan), bg = v128.load(b + 2 * biasSpan), bo = v128.load(b + 3 * biasSpan);
      for (let i: usize = 0; i < bytes; i += 32) {
        const g = P + at + i, s = sums + own + i;
        const x = gate(hard, f32x4.add(f32x4.add(v128.load(g), bi), v128.load(s)));
        const f = gate(hard, f32x4.add(f32x4.add(v128.load(g + gateSpan), bf), v128.load(s + one)));
        const y = tanhOf(f32x4.add(f32x4.add(v128.load(g + 2 * gateSpan), bg), v128.load(s + 2 * one)));
        const o = gate(hard, f32x4.add(f32x4.add(v128.load(g + 3 * gateSpan), bo), v128.load(s + 3 * one)));
        const cell = f32x4.add(f32x4.mul(f, v128.load(c + own + i)), f32x4.mul(x, y)), tc = tanhOf(cell), out = f32x4.mul(o, tc);
        v128.store(g, x);
        v128.store(g + gateSpan, f);
        v128.store(g + 2 * gateSpan, y);
        v128.store(g + 3 * gateSpan, o);
        v128.store(c + own + i, cell);
        v128.store(TC + at + i, tc);
        v128.store(h + own + i, out);
        v128.store(H + at + i, out);
      }
    }
    if (q < T - 1) {
      if (M) mask(hd, h, M, ss, Q, n);
      transpose(hd, ss, Q, n, hT, us);
    }
  }
}

/**
 * H = the states. Kept: HD the state before each step (times the mask), CB the cell before, TC tanh of the cell after.
 * U [4Q panels][8Q][8], columns i, f, g, o. S: 10Q panels.
 */
export function lstmForward(
  P: usize, H: usize, HD: usize, CB: usize, TC: usize, step: usize, Q: i32, U: usize, bias: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize, hard: bool,
): void {
  if (hard) lstmForwardAs(1, P, H, HD, CB, TC, step, Q, U, bias, starts, T, backwards, S, ss, M);
  else lstmForwardAs(0, P, H, HD, CB, TC, step, Q, U, bias, starts, T, backwards, S, ss, M);
}

// @ts-ignore: decorator
@inline
function lstmBackwardAs(
  hard: i32, P: usize, dH: usize, CB: usize, TC: usize, step: usize, Q: i32, UT: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize,
): void {
  const gateSpan = <usize>Q * step, span = <usize>Q * ss, one = f32x4.splat(1), ut = <usize>Q << 10;
  const carry = S, dc = carry + span, gates = dc + span, gatesT = gates + 4 * span;
  memory.fill(S, 0, 10 * span);
  for (let q = 0; q < T; q++) {
    const t = backwards ? q : T - 1 - q, first = <usize>rowsAt(starts, t) << 5, n = rowsAt(starts, t + 1) - rowsAt(starts, t);
    const bytes = <usize>n << 5;
    for (let v = 0; v < Q << 1; v++) {
      const half = <usize>(v & 1) << 4, at = <usize>(v >> 1) * step + first + half, own = <usize>(v >> 1) * ss + half;
      for (let i: usize = 0; i < bytes; i += 32) {
        const g = P + at + i, b = gates + own + i, k = dc + own + i;
        const d = f32x4.add(v128.load(dH + at + i), v128.load(carry + own + i)), tc = v128.load(TC + at + i);
        const x = v128.load(g), f = v128.load(g + gateSpan), y = v128.load(g + 2 * gateSpan), o = v128.load(g + 3 * gateSpan);
        const c = f32x4.add(v128.load(k), f32x4.mul(f32x4.mul(d, o), f32x4.sub(one, f32x4.mul(tc, tc))));
        const dx = gateSlope(hard, x, f32x4.mul(c, y)), df = gateSlope(hard, f, f32x4.mul(c, v128.load(CB + at + i)));
        const dy = f32x4.mul(f32x4.mul(c, x), f32x4.sub(one, f32x4.mul(y, y))), dO = gateSlope(hard, o, f32x4.mul(d, tc));
        v128.store(k, f32x4.mul(c, f));
        v128.store(g, dx);
        v128.store(g + gateSpan, df);
        v128.store(g + 2 * gateSpan, dy);
        v128.store(g + 3 * gateSpan, dO);
        v128.store(b, dx);
        v128.store(b + span, df);
        v128.store(b + 2 * span, dy);
        v128.store(b + 3 * span, dO);
      }
    }
    if (q == T - 1) break;
    transpose(gates, ss, 4 * Q, n, gatesT, ut);
    product(gatesT, ut, UT, ut, carry, ss, n, Q, Q << 5);
    if (M) mask(carry, carry, M, ss, Q, n);
  }
}

/** P: gates -> gradients before the gates, given dH. UT [Q][32Q][8]: U transposed. S: 10Q panels. */
export function lstmBackward(
  P: usize, dH: usize, CB: usize, TC: usize, step: usize, Q: i32, UT: usize,
  starts: usize, T: i32, backwards: bool, S: usize, ss: usize, M: usize, hard: bool,
): void {
  if (hard) lstmBackwardAs(1, P, dH, CB, TC, step, Q, UT, starts, T, backwards, S, ss, M);
  else lstmBackwardAs(0, P, dH, CB, TC, step, Q, UT, starts, T, backwards, S, ss, M);
}

// @ts-ignore: decorator
@inline
function anyGate(hard: bool, x: v128): v128 {
  return hard ? gate(1, x) : gate(0, x);
}
// @ts-ignore: decorator
@inline
function anySlope(hard: bool, y: v128, d: v128): v128 {
  return hard ? gateSlope(1, y, d) : gateSlope(0, y, d);
}

/** D = s(f) C + s(i) tanh(g); gates A [4Q panels], i, f, g, o. */
export function cellState(D: usize, A: usize, C: usize, step: usize, Q: i32, rows: i32, hard: bool): void {
  const span = <usize>Q * step;
  for (let p = 0; p < Q; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 16) {
      const x = anyGate(hard, v128.load(A + i)), f = anyGate(hard, v128.load(A + span + i)), g = tanhOf(v128.load(A + 2 * span + i));
      v128.store(D + i, f32x4.add(f32x4.mul(f, v128.load(C + i)), f32x4.mul(x, g)));
    }
}

/** dA += (its parts i, f, g), dC = (or +=) the gradients of `cellState`; 0 where not wanted. */
export function cellStateBackward(
  G: usize, A: usize, C: usize, dA: usize, dC: usize, step: usize, Q: i32, rows: i32, hard: bool, add: bool,
): void {
  const span = <usize>Q * step, one = f32x4.splat(1);
  for (let p = 0; p < Q; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 16) {
      const d = v128.load(G + i);
      const x = anyGate(hard, v128.load(A + i)), f = anyGate(hard, v128.load(A + span + i)), g = tanhOf(v128.load(A + 2 * span + i));
      if (dA) {
        v128.store(dA + i, f32x4.add(v128.load(dA + i), anySlope(hard, x, f32x4.mul(d, g))));
        v128.store(dA + span + i, f32x4.add(v128.load(dA + span + i), anySlope(hard, f, f32x4.mul(d, v128.load(C + i)))));
        v128.store(dA + 2 * span + i, f32x4.add(v128.load(dA + 2 * span + i), f32x4.mul(f32x4.mul(d, x), f32x4.sub(one, f32x4.mul(g, g)))));
      }
      if (dC) {
        const c = f32x4.mul(d, f);
        v128.store(dC + i, add ? f32x4.add(v128.load(dC + i), c) : c);
      }
    }
}

/** D = s(o) tanh(C), or s(o) C without `squash`. */
export function cellOutput(D: usize, A: usize, C: usize, step: usize, Q: i32, rows: i32, hard: bool, squash: bool): void {
  const span = <usize>(3 * Q) * step;
  for (let p = 0; p < Q; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 16) {
      const c = v128.load(C + i);
      v128.store(D + i, f32x4.mul(anyGate(hard, v128.load(A + span + i)), squash ? tanhOf(c) : c));
    }
}

/** dA += (its part o), dC = (or +=) the gradients of `cellOutput`; 0 where not wanted. */
export function cellOutputBackward(
  G: usize, A: usize, C: usize, dA: usize, dC: usize, step: usize, Q: i32, rows: i32, hard: bool, squash: bool, add: bool,
): void {
  const span = <usize>(3 * Q) * step, one = f32x4.splat(1);
  for (let p = 0; p < Q; p++)
    for (let i: usize = <usize>p * step, end = i + (<usize>rows << 5); i < end; i += 16) {
      const d = v128.load(G + i), cell = v128.load(C + i), c = squash ? tanhOf(cell) : cell, o = anyGate(hard, v128.load(A + span + i));
      if (dA) v128.store(dA + span + i, f32x4.add(v128.load(dA + span + i), anySlope(hard, o, f32x4.mul(d, c))));
      if (dC) {
        const k = f32x4.mul(f32x4.mul(d, o), squash ? f32x4.sub(one, f32x4.mul(c, c)) : one);
        v128.store(dC + i, add ? f32x4.add(v128.load(dC + i), k) : k);
      }
    }
}
