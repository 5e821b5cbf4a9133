/**
 * One counter-based generator for everything random: a number is a function of (seed, purpose, step, index), never of
 * the order of calls. So a run is a function of (data, config, seed, code), it resumes with the same bits, and the
 * engines draw the same dropout masks. All arithmetic is exact (32-bit integers, IEEE +, -, *, / and sqrt), hence equal
 * on every machine; Math.log and its like are not, and are not used here.
 */

/** Mixes 32 bits so that near inputs give unrelated outputs (Wellons' lowbias32). */
export function mix32(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** 32-bit FNV-1a of a string: the number that stands for a purpose. */
export function hashName(name: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

/** The key of one stream: all its numbers are `bits(key, 0)`, `bits(key, 1)`, ... */
export function streamKey(seed: number, purpose: string, step = 0): number {
  return mix32(mix32(mix32(seed ^ 0x9e3779b9) ^ hashName(purpose)) ^ Math.imul(step + 1, 0x85ebca6b));
}

/** Random 32 bits number `index` of a stream. Kernels compute the same: mix32(index * 0x9E3779B1 + key). */
export function bits(key: number, index: number): number {
  return mix32((Math.imul(index, 0x9e3779b1) + key) | 0);
}

/** An entry is dropped when its bits are below this threshold: rate in [0, 1) -> unsigned 32-bit integer. */
export function dropThreshold(rate: number): number {
  return Math.floor(rate * 4294967296) >>> 0;
}

/** Natural logarithm from exact operations only (the platform's own may differ in the last bit). x > 0. */
export function ln(x: number): number {
  let e = 0;
  for (; x > Math.SQRT2; x /= 2) e++;
  for (; x < Math.SQRT1_2; x *= 2) e--;
  const t = (x - 1) / (x + 1);
  const t2 = t * t;
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = 1 / k + t2 * sum;
  return 2 * t * sum + e * 0.6931471805599453;
}

/** A stream read in order. `next*` advance a counter; the numbers depend only on (seed, purpose, step, position). */
export class Rng {
  private counter = 0;
  private readonly key: number;
  constructor(
    readonly seed: number,
    readonly purpose = "",
    readonly step = 0,
  ) {
    this.key = streamKey(seed, purpose, step);
  }

  /** A stream of its own under this one's purpose. */
  stream(purpose: string, step = 0): Rng {
    return new Rng(this.seed, this.purpose ? `${this.purpose}/${purpose}` : purpose, step);
  }

  nextBits(): number {
    return bits(this.key, this.counter++);
  }

  /** Uniform in [0, 1), 53 bits. */
  uniform(): number {
    const high = this.nextBits() >>> 5;
    return (high * 67108864 + (this.nextBits() >>> 6)) / 9007199254740992;
  }

  /** Uniform integer in 0 .. n - 1. */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Standard normal (Marsaglia's polar method). */
  normal(): number {
    for (;;) {
      const u = 2 * this.uniform() - 1;
      const v = 2 * this.uniform() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * ln(s)) / s);
    }
  }

  /** A random order of 0 .. n - 1 (Fisher-Yates). */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }

  choice<T>(values: readonly T[]): T {
    return values[this.integer(values.length)];
  }
}
