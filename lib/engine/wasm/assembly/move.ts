// Copies between layouts. A matrix X is [panels][rows][8] with `xs` bytes between panels; its transpose, the left operand of a
// product, is [rows / 8][columns][8].

/** Rows s, s + step, .. (4 lanes) -> columns at d, d + 32, ... */
// @ts-ignore: decorator
@inline
function transpose4(s: usize, d: usize): void {
  const a = v128.load(s), b = v128.load(s, 32), c = v128.load(s, 64), e = v128.load(s, 96);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const ce0 = v128.shuffle<f32>(c, e, 0, 4, 1, 5), ce1 = v128.shuffle<f32>(c, e, 2, 6, 3, 7);
  v128.store(d, v128.shuffle<f32>(ab0, ce0, 0, 1, 4, 5));
  v128.store(d, v128.shuffle<f32>(ab0, ce0, 2, 3, 6, 7), 32);
  v128.store(d, v128.shuffle<f32>(ab1, ce1, 0, 1, 4, 5), 64);
  v128.store(d, v128.shuffle<f32>(ab1, ce1, 2, 3, 6, 7), 96);
}

/** X -> D, `ds` bytes between blocks of 8 rows; whole blocks are read, rows after the last are whatever lies there. */
export function transpose(X: usize, xs: usize, panels: i32, rows: i32, D: usize, ds: usize): void {
  for (let p = 0; p < panels; p++) {
    const x = X + <usize>p * xs;
    const to = D + (<usize>p << 8);
    for (let i = 0; i < rows; i += 8) {
      const s = x + (<usize>i << 5), d = to + <usize>(i >> 3) * ds;
      transpose4(s, d);
      transpose4(s + 16, d + 128);
      transpose4(s + 128, d + 16);
      transpose4(s + 144, d + 144);
    }
  }
}

export function fill(D: usize, bytes: usize, value: i32): void {
  memory.fill(D, <u8>value, bytes);
}

/** Rows 0 .. rows - 1 of every panel become zero. */
export function clear(D: usize, ds: usize, panels: i32, rows: i32): void {
  for (let p = 0; p < panels; p++) memory.fill(D + <usize>p * ds, 0, <usize>rows << 5);
}

/** Lanes first .. 7 of one panel become zero: what a width leaves unused stays zero in every matrix. */
export function clearLanes(D: usize, rows: i32, first: i32): void {
  for (let i = 0; i < rows; i++) {
    const d = D + (<usize>i << 5);
    for (let l = first; l < 8; l++) store<f32>(d + (<usize>l << 2), 0);
  }
}

/** D = X, or D += X; the two may have different steps. */
export function copy(D: usize, ds: usize, X: usize, xs: usize, panels: i32, rows: i32, add: bool): void {
  for (let p = 0; p < panels; p++) {
    let d = D + <usize>p * ds, x = X + <usize>p * xs;
    if (!add) {
      memory.copy(d, x, <usize>rows << 5);
      continue;
    }
    for (const end = d + (<usize>rows << 5); d < end; d += 32, x += 32) {
      const a = f32x4.add(v128.load(d), v128.load(x)), b = f32x4.add(v128.load(d, 16), v128.load(x, 16));
      v128.store(d, a);
      v128.store(d, b, 16);
    }
  }
}

/** Column `from` + c of X -> (or is added to) column `to` + c of D, for `count` columns counted in lanes. */
export function moveColumns(D: usize, X: usize, step: usize, rows: i32, to: i32, from: i32, count: i32, add: bool): void {
  for (let c = 0; c < count; c++) {
    let d = D + <usize>((to + c) >> 3) * step + (<usize>((to + c) & 7) << 2);
    let x = X + <usize>((from + c) >> 3) * step + (<usize>((from + c) & 7) << 2);
    for (let i = 0; i < rows; i++, d += 32, x += 32) store<f32>(d, add ? load<f32>(d) + load<f32>(x) : load<f32>(x));
  }
}

/** Row-major numbers (rows in the batch's order) -> panels: row i of D is row index[i] of X. Unused lanes become zero. */
export function pack(D: usize, ds: usize, X: usize, width: i32, rows: i32, index: usize): void {
  const panels = (width + 7) >> 3;
  for (let p = 0; p < panels; p++) {
    const lanes = min(8, width - (p << 3));
    let d = D + <usize>p * ds;
    for (let i = 0; i < rows; i++, d += 32) {
      const x = X + (<usize>(load<i32>(index + (<usize>i << 2)) * width + (p << 3)) << 2);
      if (lanes == 8) {
        const a = v128.load(x), b = v128.load(x, 16);
        v128.store(d, a);
        v128.store(d, b, 16);
      } else for (let l = 0; l < 8; l++) store<f32>(d + (<usize>l << 2), l < lanes ? load<f32>(x + (<usize>l << 2)) : 0);
    }
  }
}

/** Row i of D = (or +=) row index[i] of X; with `scatter`, row index[i] of D = (or +=) row i of X. */
export function moveRows(
  D: usize, ds: usize, X: usize, xs: usize, panels: i32, count: i32, index: usize, scatter: bool, add: bool,
): void {
  for (let p = 0; p < panels; p++)
    for (let i = 0; i < count; i++) {
      const r = <usize>load<i32>(index + (<usize>i << 2)) << 5, own = <usize>i << 5;
      const d = D + <usize>p * ds + (scatter ? r : own), x = X + <usize>p * xs + (scatter ? own : r);
      const a = v128.load(x), b = v128.load(x, 16);
      if (add) {
        v128.store(d, f32x4.add(v128.load(d), a));
        v128.store(d, f32x4.add(v128.load(d, 16), b), 16);
      } else {
        v128.store(d, a);
        v128.store(d, b, 16);
      }
    }
}

/** Mean over the rows of sequence s (rows starts[0] + s, starts[1] + s, ...), for all sequences: X -> D. */
export function meanRows(
  D: usize, ds: usize, X: usize, xs: usize, panels: i32, sequences: i32, lengths: usize, starts: usize,
): void {
  for (let s = 0; s < sequences; s++) {
    const length = load<i32>(lengths + (<usize>s << 2));
    const share = f32x4.splat(1 / <f32>length);
    for (let p = 0; p < panels; p++) {
      const x = X + <usize>p * xs;
      let a = f32x4.splat(0), b = a;
      for (let t = 0; t < length; t++) {
        const r = x + (<usize>(load<i32>(starts + (<usize>t << 2)) + s) << 5);
        a = f32x4.add(a, v128.load(r));
        b = f32x4.add(b, v128.load(r, 16));
      }
      const d = D + <usize>p * ds + (<usize>s << 5);
      v128.store(d, f32x4.mul(a, share));
      v128.store(d, f32x4.mul(b, share), 16);
    }
  }
}

/** D = (or +=) the gradient of `meanRows`: each row gets its share of its sequence's G. */
export function meanRowsBackward(
  D: usize, ds: usize, G: usize, gs: usize, panels: i32, sequences: i32, lengths: usize, starts: usize, add: bool,
): void {
  for (let s = 0; s < sequences; s++) {
    const length = load<i32>(lengths + (<usize>s << 2));
    const share = f32x4.splat(1 / <f32>length);
    for (let p = 0; p < panels; p++) {
      const g = G + <usize>p * gs + (<usize>s << 5), x = D + <usize>p * ds;
      const a = f32x4.mul(v128.load(g), share), b = f32x4.mul(v128.load(g, 16), share);
      for (let t = 0; t < length; t++) {
        const r = x + (<usize>(load<i32>(starts + (<usize>t << 2)) + s) << 5);
        v128.store(r, add ? f32x4.add(v128.load(r), a) : a);
        v128.store(r, add ? f32x4.add(v128.load(r, 16), b) : b, 16);
      }
    }
  }
}
