// The elementary functions, four lanes at a time, from exact operations in a fixed order: the same bits on every machine.
// Constants are loaded from a block that `init` fills (a v128 constant inside a loop is rebuilt in every turn), which the
// host allocates: this module has no data of its own in the memory that it shares.

/** The block: 64 numbers of 4 bytes. */
export let constants: usize = 0;

const TANH_AT: usize = 0; // 13 floats
const LANES_AT: usize = 64; // 8 integers: lane times the generator's factor
const MIX_AT: usize = 96; // 2 integers

export function init(block: usize): void {
  constants = block;
  // tanh(x) = x P(x^2) / Q(x^2) on [-7.9, 7.9], the minimax fit that Eigen uses.
  store<f32>(block, -2.76076847742355e-16, 0);
  store<f32>(block, 2.00018790482477e-13, 4);
  store<f32>(block, -8.60467152213735e-11, 8);
  store<f32>(block, 5.12229709037114e-8, 12);
  store<f32>(block, 1.48572235717979e-5, 16);
  store<f32>(block, 6.37261928875436e-4, 20);
  store<f32>(block, 4.89352455891786e-3, 24);
  store<f32>(block, 1.19825839466702e-6, 28);
  store<f32>(block, 1.18534705686654e-4, 32);
  store<f32>(block, 2.268434632439e-3, 36);
  store<f32>(block, 4.89352518554385e-3, 40);
  store<f32>(block, -7.905311107635498, 44);
  store<f32>(block, 7.905311107635498, 48);
  for (let i: i32 = 0; i < 8; i++) store<i32>(block + LANES_AT + (<usize>i << 2), i * 0x9e3779b1);
  store<i32>(block, 0x7feb352d, MIX_AT);
  store<i32>(block, 0x846ca68b, MIX_AT + 4);
}

/** a * b + c: two roundings, or one where the build allows relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return v128.relaxed_madd<f32>(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

// @ts-ignore: decorator
@inline
export function tanhConstant(i: usize): v128 {
  return v128.load_splat<f32>(constants + TANH_AT + (i << 2));
}

// @ts-ignore: decorator
@inline
export function tanh(
  p6: v128, p5: v128, p4: v128, p3: v128, p2: v128, p1: v128, p0: v128,
  q3: v128, q2: v128, q1: v128, q0: v128, low: v128, high: v128, x: v128,
): v128 {
  x = f32x4.min(f32x4.max(x, low), high);
  const s = f32x4.mul(x, x);
  let p = madd(s, p6, p5);
  p = madd(s, p, p4);
  p = madd(s, p, p3);
  p = madd(s, p, p2);
  p = madd(s, p, p1);
  p = f32x4.mul(x, madd(s, p, p0));
  let q = madd(s, q3, q2);
  q = madd(s, q, q1);
  q = madd(s, q, q0);
  return f32x4.div(p, q);
}

/** tanh with its constants loaded here: for code where it is not the inner loop. */
// @ts-ignore: decorator
@inline
export function tanhOf(x: v128): v128 {
  return tanh(
    tanhConstant(0), tanhConstant(1), tanhConstant(2), tanhConstant(3), tanhConstant(4), tanhConstant(5), tanhConstant(6),
    tanhConstant(7), tanhConstant(8), tanhConstant(9), tanhConstant(10), tanhConstant(11), tanhConstant(12), x,
  );
}

/** e^x: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2] (Cephes' expf). Flushed below -87, finite up to 88. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  x = f32x4.min(f32x4.max(x, f32x4.splat(-87)), f32x4.splat(88));
  // Adding and taking away 1.5 * 2^23 rounds to an integer.
  const n = f32x4.sub(f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504088896341)), f32x4.splat(12582912)), f32x4.splat(12582912));
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(-2.12194440e-4)));
  let p = madd(r, f32x4.splat(1.9875691500e-4), f32x4.splat(1.3981999507e-3));
  p = madd(r, p, f32x4.splat(8.3334519073e-3));
  p = madd(r, p, f32x4.splat(4.1665795894e-2));
  p = madd(r, p, f32x4.splat(1.6666665459e-1));
  p = madd(r, p, f32x4.splat(5.0000001201e-1));
  p = f32x4.add(madd(f32x4.mul(r, r), p, r), f32x4.splat(1));
  return f32x4.mul(p, i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23));
}

/** 1 / (1 + e^-x): relative accuracy on both sides. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

/** clip(0.2 x + 0.5, 0, 1). */
// @ts-ignore: decorator
@inline
export function hardSigmoid(x: v128): v128 {
  return f32x4.min(
    f32x4.splat(1),
    f32x4.max(f32x4.splat(0), f32x4.add(f32x4.mul(x, f32x4.splat(0.2)), f32x4.splat(0.5))),
  );
}

/** Gates: 0 the logistic sigmoid, 1 the hard one. `hard` is a literal where this is called, so one branch remains. */
// @ts-ignore: decorator
@inline
export function gate(hard: i32, x: v128): v128 {
  return hard ? hardSigmoid(x) : sigmoid(x);
}

/** d times the derivative of a gate, given its value y. */
// @ts-ignore: decorator
@inline
export function gateSlope(hard: i32, y: v128, d: v128): v128 {
  const one = f32x4.splat(1);
  if (hard)
    return v128.and(
      f32x4.mul(d, f32x4.splat(0.2)),
      v128.and(f32x4.gt(y, f32x4.splat(0)), f32x4.lt(y, one)),
    );
  return f32x4.mul(f32x4.mul(d, y), f32x4.sub(one, y));
}

/** Wellons' lowbias32, as `mix32` of lib/core/rng.ts. */
// @ts-ignore: decorator
@inline
export function mix(m0: v128, m1: v128, x: v128): v128 {
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 16)), m0);
  x = i32x4.mul(v128.xor(x, i32x4.shr_u(x, 15)), m1);
  return v128.xor(x, i32x4.shr_u(x, 16));
}

// @ts-ignore: decorator
@inline
export function mixConstant(i: usize): v128 {
  return v128.load_splat<i32>(constants + MIX_AT + (i << 2));
}

/** Lanes 0..3 (half 0) or 4..7 (half 16) times the generator's factor. */
// @ts-ignore: decorator
@inline
export function laneTerms(half: usize): v128 {
  return v128.load(constants + LANES_AT + half);
}

/** Natural logarithm of x > 0 from exact operations, as `ln` of lib/core/rng.ts. */
export function ln(x: f64): f64 {
  let e: f64 = 0;
  while (x > 1.4142135623730951) {
    x /= 2;
    e += 1;
  }
  while (x < 0.7071067811865476) {
    x *= 2;
    e -= 1;
  }
  const t = (x - 1) / (x + 1);
  const s = t * t;
  let sum: f64 = 0;
  for (let k: f64 = 23; k >= 1; k -= 2) sum = 1 / k + s * sum;
  return 2 * t * sum + e * 0.6931471805599453;
}
