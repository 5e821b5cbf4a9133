/**
 * Writes the source of the matrix product. Every matrix is stored in panels: [columns / 8][rows][8]. With A transposed,
 * [rows / 8][k][8], both operands of C = A B are read front to back, and a tile of C lives in registers while k runs.
 *
 *     product(A, aStep, B, bStep, C, cStep, I, J, K)      C[j][i][0..7] = sum over k of A[i][k] B[j][k][0..7]
 *
 * I rows, J panels, K inner; steps are bytes between panels. Every tile sums over k in the same order, from zero (`product`)
 * or from what C holds (`productAdd`), so the shape of a tile changes the speed and never the bits.
 */

const range = (n) => Array.from({ length: n }, (_, i) => i);

/**
 * A tile of `rows` rows by `panels` panels. Its rows are lanes first .. of A's panel, those past lane 7 of the next panel.
 */
function tile({ rows, panels, first, add, relaxed }) {
  const name = tileName({ rows, panels, first, add });
  const spans = first + rows > 8;
  const sums = range(panels).flatMap((p) =>
    range(rows).flatMap((r) => [0, 16].map((h) => ({ p, r, h, v: `c${p}_${r}_${h}` }))),
  );
  const bs = range(panels);
  const multiplyAdd = (c, b) =>
    relaxed ? `${c} = v128.relaxed_madd<f32>(a, ${b}, ${c});` : `${c} = f32x4.add(${c}, f32x4.mul(a, ${b}));`;
  const lane = (r) =>
    first + r < 8 ? `v128.load_splat<f32>(A, ${(first + r) * 4})` : `v128.load_splat<f32>(A2, ${(first + r - 8) * 4})`;
  return `
// @ts-ignore: decorator
@inline
function ${name}(A: usize, aStep: usize, B: usize, bStep: usize, C: usize, cStep: usize, K: i32): void {
  ${spans ? "let A2 = A + aStep;" : ""}
  ${bs.map((p) => `let B${p} = B + ${p} * bStep; const C${p} = C + ${p} * cStep;`).join(" ")}
  let a: v128;
  ${sums.map(({ p, r, h, v }) => `let ${v} = ${add ? `v128.load(C${p}, ${r * 32 + h})` : "f32x4.splat(0)"};`).join(" ")}
  for (let k = 0; k < K; k++) {
    ${bs.map((p) => `const b${p}_0 = v128.load(B${p}), b${p}_16 = v128.load(B${p}, 16);`).join(" ")}
    ${range(rows)
      .map(
        (r) =>
          `a = ${lane(r)}; ${sums
            .filter((s) => s.r === r)
            .map(({ p, h, v }) => multiplyAdd(v, `b${p}_${h}`))
            .join(" ")}`,
      )
      .join("\n    ")}
    A += 32; ${spans ? "A2 += 32; " : ""}${bs.map((p) => `B${p} += 32;`).join(" ")}
  }
  ${sums.map(({ p, r, h, v }) => `v128.store(C${p}, ${v}, ${r * 32 + h});`).join(" ")}
}
`;
}

const tileName = ({ rows, panels, first, add }) => `tile${rows}x${panels}from${first}${add ? "Add" : ""}`;

/** Lines that go through all rows of one or two panels with tiles of `big` rows, then 4, then what is left. */
function rowsLoop(panels, big, add) {
  const call = (rows, first) =>
    `${tileName({ rows, panels, first, add })}(A + <usize>(i >> 3) * aStep, aStep, b, bStep, c + (<usize>i << 5), cStep, K);`;
  const lines = ["let i = 0;"];
  if (big === 6)
    // 24 rows are three panels of A: tiles begin at lanes 0, 6, 4 (of the next panel) and 2.
    lines.push(
      `for (; i + 24 <= I; i += 6) { ${call(6, 0)} i += 6; ${call(6, 6)} i += 6; ${call(6, 4)} i += 6; ${call(6, 2)} }`,
    );
  if (big === 8) lines.push(`for (; i + 8 <= I; i += 8) { ${call(8, 0)} }`);
  lines.push(`for (; i + 4 <= I; i += 4) { if (i & 4) { ${call(4, 4)} } else { ${call(4, 0)} } }`);
  for (const rest of [1, 2, 3])
    lines.push(`if (I - i == ${rest}) { if (i & 4) { ${call(rest, 4)} } else { ${call(rest, 0)} } }`);
  return lines.join("\n    ");
}

/** @param relaxed whether a multiply-add may round once (other bits, faster) */
export function productSource(relaxed) {
  const big = relaxed ? 6 : 4;
  let source = "// Written by tiles.mjs.\n";
  for (const add of [false, true]) {
    for (const panels of [1, 2]) {
      for (const rows of [1, 2, 3, 4])
        for (const first of [0, 4]) source += tile({ rows, panels, first, add, relaxed });
      if (panels === 2 && big === 6)
        for (const first of [0, 6, 4, 2]) source += tile({ rows: 6, panels, first, add, relaxed });
      if (panels === 1) source += tile({ rows: 8, panels, first: 0, add, relaxed });
    }
    source += `
export function product${add ? "Add" : ""}(A: usize, aStep: usize, B: usize, bStep: usize, C: usize, cStep: usize, I: i32, J: i32, K: i32): void {
  let j = 0;
  for (; j + 2 <= J; j += 2) {
    const b = B + <usize>j * bStep, c = C + <usize>j * cStep;
    ${rowsLoop(2, big, add)}
  }
  if (j < J) {
    const b = B + <usize>j * bStep, c = C + <usize>j * cStep;
    ${rowsLoop(1, 8, add)}
  }
}
`;
  }
  return source;
}
