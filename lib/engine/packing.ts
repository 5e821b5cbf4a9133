/** How the rows of a batch lie in time: sequences sorted by length, so that those alive at a step are the first ones. */
export interface Packing {
  readonly offsets: Int32Array;
  readonly rows: number;
  readonly sequences: number;
  readonly longest: number;
  /** (s) sequence numbers, longest first (stable). */
  readonly order: Int32Array;
  /** (longest) how many sequences have a row number t. */
  readonly alive: Int32Array;
  /** (longest + 1) where step t begins in time-major order. */
  readonly starts: Int32Array;
  /** (n) packed row at each time-major place; step t holds rows number t of the alive sequences, in `order`. */
  readonly timeMajor: Int32Array;
  /** (n) time-major place of each packed row. */
  readonly place: Int32Array;
}

/** @param offsets (s + 1), rising from 0; every sequence has at least one row */
export function packing(offsets: Int32Array): Packing {
  const sequences = offsets.length - 1;
  const rows = offsets[sequences];
  const length = (i: number) => offsets[i + 1] - offsets[i];
  const order = Int32Array.from({ length: sequences }, (_, i) => i).sort((a, b) => length(b) - length(a) || a - b);
  const longest = sequences === 0 ? 0 : length(order[0]);
  const alive = new Int32Array(longest);
  for (let i = 0; i < sequences; i++) for (let t = 0; t < length(i); t++) alive[t]++;
  const starts = new Int32Array(longest + 1);
  const timeMajor = new Int32Array(rows);
  const place = new Int32Array(rows);
  for (let t = 0, at = 0; t < longest; t++) {
    starts[t] = at;
    for (let j = 0; j < alive[t]; j++, at++) {
      const row = offsets[order[j]] + t;
      timeMajor[at] = row;
      place[row] = at;
    }
    starts[t + 1] = at;
  }
  return { offsets, rows, sequences, longest, order, alive, starts, timeMajor, place };
}
