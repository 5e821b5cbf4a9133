/**
 * How a golden case (one `.npz`, see lib/data for the reader) meets the code that recomputes it. `benchmarks/golden.ts`
 * reads each file, asks the checks in turn which one handles its config, and prints what that one found.
 */

/** One entry of the archive, in C order. A scalar has shape []. */
export interface GoldenArray {
  readonly dtype: "uint8" | "int32" | "float32" | "float64";
  readonly shape: readonly number[];
  readonly data: Uint8Array | Int32Array | Float32Array | Float64Array;
}

export interface GoldenCase {
  /** The file's name without its ending. */
  readonly name: string;
  /** The JSON of entry `config`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** All other entries by name, e.g. "input/text", "weight/head/kernel", "output/logits". */
  readonly arrays: Readonly<Record<string, GoldenArray>>;
}

export interface GoldenResult {
  readonly name: string;
  /** Greatest |ours - expected| / max(1, |expected|) over all that was compared; NaN when nothing could be. */
  readonly maxError: number;
  readonly pass: boolean;
  /** What was compared, or the first thing that failed and by how much. */
  readonly detail: string;
}

export interface GoldenCheck {
  handles(config: Readonly<Record<string, unknown>>): boolean;
  check(golden: GoldenCase): Promise<GoldenResult>;
}

/** Gathers the comparisons of one case: each entry against its tolerance, the worst one named. */
export class Comparison {
  private maxError = 0;
  private compared = 0;
  private readonly failures: string[] = [];

  constructor(private readonly golden: GoldenCase) {}

  /** The entry `name`; a case without it is not one that its config describes. */
  array(name: string): GoldenArray {
    const array = this.golden.arrays[name];
    if (!array) throw new Error(`golden case ${this.golden.name}: no entry "${name}"`);
    return array;
  }

  /** Adds ours against entry `name`: passes where |d| <= tolerance * max(1, |expected|). */
  entry(name: string, ours: ArrayLike<number>, tolerance: number): void {
    this.values(name, ours, this.array(name).data, tolerance);
  }

  values(name: string, ours: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
    if (ours.length !== expected.length) {
      this.failures.push(`${name}: expected ${expected.length} values, found ${ours.length}`);
      return;
    }
    let worst = 0;
    for (let i = 0; i < expected.length; i++) {
      const error = Math.abs(ours[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
      if (!(error <= worst)) worst = error;
    }
    this.compared++;
    if (!(worst <= this.maxError)) this.maxError = worst;
    if (!(worst <= tolerance)) this.failures.push(`${name}: off by ${worst.toExponential(1)}, allowed ${tolerance}`);
  }

  /** Adds a condition that is not an elementwise comparison, e.g. a band over seeds. */
  condition(name: string, holds: boolean, found: string): void {
    this.compared++;
    if (!holds) this.failures.push(`${name}: ${found}`);
  }

  result(): GoldenResult {
    const failed = this.failures.length;
    const detail = failed
      ? `${failed} of ${this.compared}: ${this.failures.slice(0, 3).join("; ")}`
      : `${this.compared} entries`;
    return { name: this.golden.name, maxError: this.maxError, pass: failed === 0 && this.compared > 0, detail };
  }
}
