/**
 * A plan: kernel calls over buffers, made once from a graph and replayed for every batch. Buffers are counted in panels of the
 * batch's rows (or sequences, ...), so a plan fits every batch; a batch only says how large a panel is and where buffers begin.
 * Which buffers may share memory is found by rehearsing the plan with kernels that do nothing and noting who is touched when.
 */
import { dropThreshold, Rng, streamKey } from "../../core/rng";
import type { Batch } from "../../core/types";
import type { AdamOptions, Feeds, StepKey } from "../engine";
import type { Drop } from "../graph";
import { packing, type Packing } from "../packing";
import { type Heap, idleKernels, type Kernels } from "./kernels";

/** What a buffer's size is counted in: panels of rows, of sequences, or of the longest sequence's rows; 32 bytes; squares of
 * the sequences' lengths, all of them or the greatest. */
export type Arena = "rows" | "sequences" | "longest" | "fixed" | "squares" | "square";
const arenas: readonly Arena[] = ["rows", "sequences", "longest", "fixed", "squares", "square"];

/** Rows that a call works on: `count` of them from `offset` bytes into a panel, panels `step` bytes apart. */
export interface Frame {
  step: number;
  offset: number;
  count: number;
  /** Address of the numbers that the rows have in the batch's order, for dropout. */
  index: number;
}

export class Buffer {
  first = -1;
  last = -1;
  /** In units of the arena. */
  place = 0;
  address = 0;
  constructor(
    readonly arena: Arena,
    readonly units: number,
    private readonly state: BatchState,
  ) {}

  get at(): number {
    this.state.touch?.(this);
    return this.address;
  }
}

const round8 = (n: number): number => (n + 7) & ~7;

/** What the kernel calls of a plan read: sizes and addresses of the batch at hand, and whether it trains. */
export class BatchState {
  k: Kernels = idleKernels;
  readonly rows: Frame = { step: 0, offset: 0, count: 0, index: 0 };
  readonly sequences: Frame = { step: 0, offset: 0, count: 0, index: 0 };
  /** The rows of one step, inside a loop over time. */
  readonly step: Frame = { step: 0, offset: 0, count: 0, index: 0 };
  /** The rows that those had one step before; none at step 0. */
  readonly previous: Frame = { step: 0, offset: 0, count: 0, index: 0 };
  /** Number of that step. */
  t = 0;
  pack: Packing = packing(Int32Array.of(0));
  /** Addresses: starts of steps; per sequence (longest first) its length and its last row; per row its sequence's number. */
  starts = 0;
  lengths = 0;
  lastRows = 0;
  sequenceOfRow = 0;
  /** Byte offsets of the sequences' squares (length rounded up to 8). */
  squareOffsets: Float64Array = new Float64Array(0);
  /** Staging for row-major numbers from outside. */
  staging = 0;
  batch: Batch = { offsets: Int32Array.of(0), x: {} };
  feeds: Feeds | undefined;
  key: StepKey | undefined;
  adam: Required<AdamOptions> & { steps: number } = { learningRate: 0, beta1: 0, beta2: 0, epsilon: 0, steps: 1 };
  /** Scalars by value id. */
  readonly scalars: number[] = [];
  /** While rehearsing: notes that a buffer is used now. */
  touch: ((buffer: Buffer) => void) | undefined;
  private readonly keys = new Map<string, number>();
  private workspace = 0;
  private capacity = 0;

  constructor(
    readonly heap: Heap,
    private readonly kernels: Kernels,
  ) {}

  get training(): boolean {
    return this.key !== undefined;
  }

  /** Bits that name a dropout place at this step. */
  dropKey(stream: string): number {
    let key = this.keys.get(stream);
    if (key === undefined) {
      key = streamKey(this.key?.seed ?? 0, stream, this.key?.step ?? 0) | 0;
      this.keys.set(stream, key);
    }
    return key;
  }

  threshold(drop: Drop | undefined): number {
    return drop && this.training ? dropThreshold(drop.rate) | 0 : 0;
  }

  /** Sets `step` to the rows of step t. */
  atStep(t: number): void {
    const first = this.pack.starts[t];
    this.t = t;
    this.step.step = this.rows.step;
    this.step.offset = first * 32;
    this.step.count = this.pack.alive[t];
    this.step.index = this.rows.index + first * 4;
    this.previous.step = this.rows.step;
    this.previous.offset = t > 0 ? this.pack.starts[t - 1] * 32 : 0;
    this.previous.count = t > 0 ? this.pack.alive[t] : 0;
  }

  /** Normal numbers for a noise value, row-major in the batch's order. */
  noise(name: string, width: number): Float32Array {
    const fed = this.feeds?.[name];
    if (fed) return fed;
    const rng = new Rng(this.key?.seed ?? 0, `noise/${name}`, this.key?.step ?? 0);
    return Float32Array.from({ length: this.pack.sequences * width }, () => rng.normal());
  }

  /** Copies row-major numbers into the staging block and gives its address. */
  stage(values: ArrayLike<number>): number {
    this.heap.floats.set(values, this.staging >>> 2);
    return this.staging;
  }

  /** Finds out which buffers of a plan are used when, by running it with kernels that do nothing, training and not. */
  rehearse(calls: readonly (() => void)[]): void {
    this.load({ offsets: Int32Array.of(0, 1, 4), x: {} });
    this.k = idleKernels;
    const { feeds } = this; // they fit the caller's batch, not this one
    this.feeds = undefined;
    let now = 0;
    this.touch = (buffer) => {
      buffer.first = buffer.first < 0 ? now : Math.min(buffer.first, now);
      buffer.last = Math.max(buffer.last, now);
    };
    try {
      for (const key of [undefined, { seed: 0, step: 0 }]) {
        this.key = key;
        now = 0;
        for (const call of calls) {
          call();
          now++;
        }
      }
    } finally {
      this.touch = undefined;
      this.key = undefined;
      this.feeds = feeds;
    }
  }

  /** Takes a batch in: sizes of frames, and the numbers that kernels index with. */
  private load(batch: Batch): Int32Array {
    this.batch = batch;
    this.keys.clear();
    const pack = (this.pack = packing(batch.offsets));
    // A power of two between panels would put the same row of all panels into the same set of the cache.
    const padded = round8(pack.rows) % 128 === 0 ? round8(pack.rows) + 8 : round8(pack.rows);
    Object.assign(this.rows, { step: padded * 32, count: pack.rows });
    Object.assign(this.sequences, { step: round8(pack.sequences) * 32, count: pack.sequences });
    const { sequences: s, rows: n, longest } = pack;
    const lengths = Int32Array.from(pack.order, (i) => pack.offsets[i + 1] - pack.offsets[i]);
    const lastRows = lengths.map((length, j) => pack.starts[length - 1] + j);
    const sequenceOfRow = new Int32Array(n);
    for (let t = 0; t < longest; t++)
      for (let j = 0; j < pack.alive[t]; j++) sequenceOfRow[pack.starts[t] + j] = pack.order[j];
    this.squareOffsets = new Float64Array(s + 1);
    lengths.forEach((length, j) => (this.squareOffsets[j + 1] = this.squareOffsets[j] + 4 * round8(length) ** 2));
    const integers = new Int32Array(longest + 1 + 3 * s + 2 * n);
    let at = 0;
    for (const list of [pack.starts, lengths, lastRows, pack.order, pack.timeMajor, sequenceOfRow]) {
      integers.set(list, at);
      at += list.length;
    }
    return integers;
  }

  /** Bytes of one unit of an arena for the batch at hand. */
  private unit(arena: Arena): number {
    switch (arena) {
      case "rows":
        return this.rows.step;
      case "sequences":
        return this.sequences.step;
      case "longest":
        return round8(this.pack.longest) * 32;
      case "fixed":
        return 32;
      case "squares":
        return this.squareOffsets[this.pack.sequences];
      case "square":
        return 4 * round8(this.pack.longest) ** 2;
    }
  }

  /** Makes a batch the one at hand and gives the buffers of a plan their addresses. Memory grows with the largest batch. */
  bind(plan: Plan, batch: Batch): void {
    const integers = this.load(batch);
    const staged = Math.max(
      this.pack.sequences * plan.noiseWidth,
      batch.targets?.length ?? 0,
      ...Object.values(batch.x).map((m) => m.data.length),
    );
    const align = (n: number): number => Math.ceil(n / 64) * 64; // too large a batch must not wrap around
    // 256 bytes after each arena: a transpose reads whole blocks of 8 rows.
    const sizes = arenas.map((a) => align(plan.units[a] * this.unit(a)) + 256);
    const bytes = sizes.reduce((x, y) => x + y, 0) + align(integers.length * 4) + align(staged * 4);
    if (bytes > this.capacity) {
      this.heap.free(this.workspace);
      this.workspace = this.capacity = 0; // more may be refused, and what was freed is others' then
      const capacity = Math.ceil(bytes * 1.125);
      this.workspace = this.heap.allocate(capacity);
      this.capacity = capacity;
      this.heap.floats.fill(0, this.workspace >>> 2, (this.workspace + this.capacity) >>> 2);
    }
    let at = this.workspace;
    const base = {} as Record<Arena, number>;
    arenas.forEach((a, i) => ((base[a] = at), (at += sizes[i])));
    for (const b of plan.buffers) b.address = base[b.arena] + b.place * this.unit(b.arena);
    this.heap.integers.set(integers, at >>> 2);
    const { longest, sequences, rows } = this.pack;
    this.starts = at;
    this.lengths = this.starts + 4 * (longest + 1);
    this.lastRows = this.lengths + 4 * sequences;
    this.sequences.index = this.lastRows + 4 * sequences;
    this.rows.index = this.sequences.index + 4 * sequences;
    this.sequenceOfRow = this.rows.index + 4 * rows;
    this.staging = at + align(integers.length * 4);
    this.k = this.kernels;
  }

  dispose(): void {
    this.heap.free(this.workspace);
    this.workspace = this.capacity = 0;
  }
}

/** A list of calls with its buffers placed. */
export class Plan {
  readonly units: Record<Arena, number> = { rows: 0, sequences: 0, longest: 0, fixed: 0, squares: 0, square: 0 };

  constructor(
    readonly calls: readonly (() => void)[],
    readonly buffers: readonly Buffer[],
    /** Widest noise, in numbers. */
    readonly noiseWidth: number,
    state: BatchState,
  ) {
    state.rehearse(calls);
    for (const arena of arenas) this.place(arena);
  }

  /** Gives each buffer the lowest place that is free while it is in use. */
  private place(arena: Arena): void {
    const buffers = this.buffers.filter((b) => b.arena === arena && b.first >= 0).sort((a, b) => a.first - b.first);
    let taken: Buffer[] = [];
    for (const b of buffers) {
      taken = taken.filter((t) => t.last >= b.first).sort((x, y) => x.place - y.place);
      let place = 0;
      for (const t of taken) {
        if (t.place - place >= b.units) break;
        place = t.place + t.units;
      }
      b.place = place;
      taken.push(b);
      this.units[arena] = Math.max(this.units[arena], place + b.units);
    }
  }

  run(): void {
    for (const call of this.calls) call();
  }
}
