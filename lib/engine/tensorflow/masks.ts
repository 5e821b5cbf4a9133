/**
 * Dropout masks of a step, drawn by the kernel of the wasm engine, four numbers at a time: a step of CIA needs five million. The
 * memory is kept from step to step and read by TensorFlow in place.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dropThreshold, streamKey } from "../../core/rng";
import type { StepKey } from "../engine";
import type { Drop } from "../graph";
import { dropMask } from "../tensors";

interface DropKernel {
  init(constants: number): void;
  /** Factors 0 or `scale` of `rows` x 8 entries at D; entry (i, l) has the bits number index[i] * width + columns[0] + l. */
  dropFactors(
    D: number,
    step: number,
    panels: number,
    rows: number,
    index: number,
    columns: number,
    width: number,
    key: number,
    threshold: number,
    scale: number,
  ): void;
}

const page = 65536;
/** Rows of 8 entries that one call fills: the length of the table of row numbers. */
const rowsAtOnce = 8192;
const [constantsAt, columnsAt, rowsAt] = [0, 256, 512];
const first = rowsAt + 4 * rowsAtOnce;

export class Masks {
  private memory = new ArrayBuffer(0);
  private kernel: DropKernel | undefined;
  private used = first;

  /** @param module the wasm engine's compiled kernels; without them masks are drawn in JavaScript */
  constructor(private readonly module: WebAssembly.Module | undefined) {}

  static load(file: string = join(__dirname, "../wasm/kernels-strict.wasm")): Masks {
    return new Masks(existsSync(file) ? new WebAssembly.Module(readFileSync(file)) : undefined);
  }

  /** Whether the kernel draws them. */
  get fast(): boolean {
    return this.module !== undefined;
  }

  /** A new step begins: the masks of the last one are not read any more. */
  reset(): void {
    this.used = first;
  }

  /** 0 or 1 / (1 - rate) for each of `size` entries, numbered from 0. */
  draw(drop: Drop, key: StepKey, size: number): Float32Array {
    const rows = Math.ceil(size / 8);
    const mask = this.take(size, rows);
    if (!this.kernel) return dropMask(drop, key, 1, size, mask);
    const stream = streamKey(key.seed, drop.stream, key.step);
    for (let row = 0; row < rows; row += rowsAtOnce)
      this.kernel.dropFactors(
        mask.byteOffset + 32 * row,
        0,
        1,
        Math.min(rowsAtOnce, rows - row),
        rowsAt,
        columnsAt,
        8,
        (stream + Math.imul(8 * row, 0x9e3779b1)) | 0,
        dropThreshold(drop.rate) | 0,
        1 / (1 - drop.rate),
      );
    return mask;
  }

  /** Masks by the rule of the reference for rows with numbers of their own. */
  drawRows(drop: Drop, key: StepKey, rows: Int32Array, width: number): Float32Array {
    return dropMask(drop, key, rows, width);
  }

  dispose(): void {
    this.memory = new ArrayBuffer(0);
    this.kernel = undefined;
    this.used = first;
  }

  private take(size: number, rows: number): Float32Array {
    const bytes = 32 * rows;
    if (this.used + bytes > this.memory.byteLength) this.grow(this.used + bytes);
    const mask = new Float32Array(this.memory, this.used, size);
    this.used += bytes;
    return mask;
  }

  /** New memory: growing the old one would take away what TensorFlow still reads. */
  private grow(bytes: number): void {
    const pages = Math.ceil((2 * bytes) / page);
    if (!this.module) {
      this.memory = new ArrayBuffer(pages * page);
      return;
    }
    const memory = new WebAssembly.Memory({ initial: pages });
    this.kernel = new WebAssembly.Instance(this.module, { env: { memory } }).exports as unknown as DropKernel;
    this.kernel.init(constantsAt);
    new Int32Array(memory.buffer, rowsAt, rowsAtOnce).forEach((_, i, table) => (table[i] = i));
    this.memory = memory.buffer;
  }
}
