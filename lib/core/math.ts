/**
 * Elementary functions from exact operations only (IEEE +, -, *, / and bit patterns), so that a fit gives the same bits
 * on every machine; the platform's own Math.exp and Math.log may differ in the last bit.
 */
import { ln } from "./rng";

export { ln as log };

const LN2_HIGH = 6.9314718036912381649e-1; // 33 bits: k * LN2_HIGH is exact for |k| < 2^20 (fdlibm's split)
const LN2_LOW = 1.90821492927058770002e-10;
const powers = Float64Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074)); // powers of two are exact
const inverseFactorials: number[] = [1];
for (let k = 1; k <= 14; k++) inverseFactorials.push(inverseFactorials[k - 1] / k);

/** e^x to within 2 units in the last place; 0 below -745, Infinity above 709.78. */
export function exp(x: number): number {
  if (x < -745.2) return 0;
  if (x > 709.78) return Infinity;
  if (x !== x) return NaN;
  const k = Math.round(x * Math.LOG2E);
  const r = x - k * LN2_HIGH - k * LN2_LOW; // |r| <= ln 2 / 2, where the 14th term is below 1e-17
  let sum = inverseFactorials[13];
  for (let i = 12; i >= 0; i--) sum = inverseFactorials[i] + r * sum;
  if (k < -1022) return sum * powers[k + 100 + 1074] * powers[-100 + 1074]; // a subnormal result is rounded once more
  return k === 1024 ? sum * 2 * powers[1023 + 1074] : sum * powers[k + 1074];
}

/** 1 / (1 + e^-x), without overflow. */
export function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** ln(1 + e^x), without overflow. */
export function softplus(x: number): number {
  return x > 0 ? x + ln(1 + exp(-x)) : ln(1 + exp(x));
}

/** Replaces `x[from .. from + n - 1]` by its softmax; returns the logarithm of the sum of exponentials. */
export function softmaxInPlace(x: Float64Array, from = 0, n: number = x.length): number {
  let max = -Infinity;
  for (let i = from; i < from + n; i++) if (x[i] > max) max = x[i];
  let sum = 0;
  for (let i = from; i < from + n; i++) sum += x[i] = exp(x[i] - max);
  for (let i = from; i < from + n; i++) x[i] /= sum;
  return max + ln(sum);
}

/** A number in single precision as a person would write it: seven digits, 0.7 and not 0.699999988079071. */
export const sevenDigits = (x: number): number => Number(x.toPrecision(7));
