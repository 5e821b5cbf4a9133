/**
 * How a golden case (one `.npz`, see lib/data for the reader) meets the code that recomputes it. `benchmarks/golden.ts`
 * reads each file, asks the checks in turn which one handles its config, and prints what that one found.
 */
import { DataError } from "./errors";

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
  /** Greatest |ours - expected| / (1 + |expected|) over all that was compared; NaN where a number is none, and when nothing could be compared. */
  readonly maxError: number;
  readonly pass: boolean;
  /** What was compared, or the first thing that failed and by how much. */
  readonly detail: string;
}

export interface GoldenCheck {
  handles(config: Readonly<Record<string, unknown>>): boolean;
  check(golden: GoldenCase): Promise<GoldenResult>;
}

/** The system that a case names, `mv_lstm`, also where it writes `mv-lstm`. */
export const systemOf = ({ system }: GoldenCase["config"]): string => String(system).replaceAll("-", "_");

/** What a case gives, to compute with. Every other entry is a value to be met. */
const given = /^((input|weight)\/.+|(labels|targets)(_test)?|offsets)$/;

/** One shape, but for axes of length 1 and, after the first axis, for how the rest is split: (rows, K, D) is (rows, K * D). */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  const axes = (shape: readonly number[]) => shape.filter((n) => n !== 1).join();
  const size = (shape: readonly number[]) => shape.reduce((x, y) => x * y, 1);
  if (axes(a) === axes(b)) return true;
  return Math.min(a.length, b.length) > 1 && a.length !== b.length && a[0] === b[0] && size(a) === size(b);
}

/** "4 x 3", or "a scalar". */
export const shapeText = (shape: readonly number[]): string => shape.join(" x ") || "a scalar";

/** Gathers the comparisons of one case: each entry against its tolerance, the worst one named, and each entry that nothing met. */
export class Comparison {
  private maxError = 0;
  private compared = 0;
  private readonly failures: string[] = [];
  private readonly read = new Set<string>();

  constructor(private readonly golden: GoldenCase) {}

  has(name: string): boolean {
    return Object.hasOwn(this.golden.arrays, name);
  }

  /** The entry `name`; a case without it is not one that its config describes. @throws DataError */
  array(name: string): GoldenArray {
    if (!this.has(name)) throw new DataError(`${this.golden.name}: expected an entry ${name}, found none.`);
    this.read.add(name);
    return this.golden.arrays[name];
  }

  /** Adds ours, of `shape`, against entry `name`: passes where |d| <= tolerance + tolerance * |expected|, for every number. A case without the entry fails. */
  entry(name: string, ours: ArrayLike<number>, tolerance: number, shape?: readonly number[]): void {
    if (!this.has(name)) {
      this.condition(name, false, "expected this entry, found none");
      return;
    }
    const expected = this.array(name);
    if (shape && !sameShape(shape, expected.shape))
      this.condition(name, false, `expected ${shapeText(shape)} numbers, found ${shapeText(expected.shape)}`);
    else this.values(name, ours, expected.data, tolerance);
  }

  values(name: string, ours: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
    this.compared++;
    if (ours.length !== expected.length) {
      this.failures.push(`${name}: expected ${expected.length} values, found ${ours.length}`);
      return;
    }
    // Math.max gives NaN where either is NaN, so one number that is none fails the entry and shows in the case's error.
    let worst = 0;
    for (let i = 0; i < expected.length; i++)
      worst = Math.max(worst, Math.abs(ours[i] - expected[i]) / (1 + Math.abs(expected[i])));
    this.maxError = Math.max(this.maxError, worst);
    if (!(worst <= tolerance)) this.failures.push(`${name}: off by ${worst.toExponential(1)}, allowed ${tolerance}`);
  }

  /** Adds a condition that is not an elementwise comparison, e.g. a band over seeds. */
  condition(name: string, holds: boolean, found: string): void {
    this.compared++;
    if (!holds) this.failures.push(`${name}: ${found}`);
  }

  result(): GoldenResult {
    const unmet = Object.keys(this.golden.arrays).filter((name) => !given.test(name) && !this.read.has(name));
    const failures = [...unmet.map((name) => `${name}: a value that this system does not have`), ...this.failures];
    const all = this.compared + unmet.length;
    const detail = failures.length
      ? `${failures.length} of ${all}: ${failures.slice(0, 3).join("; ")}`
      : `${all} entries`;
    const pass = failures.length === 0 && this.compared > 0;
    return { name: this.golden.name, maxError: this.maxError, pass, detail };
  }
}
