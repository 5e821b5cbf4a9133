import { strict as assert } from "node:assert";
import { SystemError } from "../../lib/core/errors";
import { bits, dropThreshold, streamKey } from "../../lib/core/rng";
import { startCpu } from "../../lib/engine/cpu";
import { Graph, type Value } from "../../lib/engine/graph";
import * as ops from "../../lib/engine/ops";
import { dropMask } from "../../lib/engine/tensors";
import { Masks } from "../../lib/engine/tensorflow/masks";
import { Net } from "../../lib/layers/net";
import { cases, describeCases, recordCase } from "./cases";

describeCases({ name: "cpu", start: startCpu });

describe("dropout masks", () => {
  const drop = { rate: 0.3, stream: "a/b" };
  const key = { seed: 3, step: 7 };
  const kept = (index: number) => bits(streamKey(key.seed, drop.stream, key.step), index) >= dropThreshold(drop.rate);

  it("keep an entry where the generator's bits are at least the threshold, row numbers as given", () => {
    const rows = Int32Array.of(5, 70_000, 3);
    const mask = dropMask(drop, key, rows, 61_003);
    for (const at of [0, 1, 61_002, 61_003, 122_005, 150_000]) {
      const [i, j] = [Math.floor(at / 61_003), at % 61_003];
      assert.equal(mask[at], kept(rows[i] * 61_003 + j) ? Math.fround(1 / 0.7) : 0, `entry ${at}`);
    }
  });

  it("drawn by the wasm kernel for TensorFlow are the same, over borders of its blocks", function () {
    const masks = Masks.load();
    if (!masks.fast) return this.skip();
    for (const size of [1, 7, 8, 65_535, 65_536, 65_537, 140_001]) {
      masks.reset();
      assert.deepEqual(masks.draw(drop, key, size), dropMask(drop, key, 1, size), `size ${size}`);
    }
  });
});

describe("operations on several values", () => {
  const net = new Net(new Graph(recordCase(cases[0]).shape));
  const rows = net.input("V"); // 8 wide
  const sequences = ops.meanRows(rows);
  const two = (x: Value) => ops.slice(x, 0, 2);
  const inScan = (name: string, start: number | Value, step: (x: Value, h: Value) => Value, output?: Value) =>
    ops.scan([rows], { [name]: start }, ([x], state) => {
      const after = step(x, state[name]);
      return { state: { [name]: after }, outputs: [output ?? after] };
    });
  const unlike: readonly (readonly [string, RegExp, () => unknown])[] = [
    [
      "dense, rows first,",
      /^d1: .* over rows, found one over sequences; meanRows/,
      () => net.dense("d1", [rows, sequences], 3),
    ],
    [
      "dense, sequences first,",
      /^d2: .* over sequences, found one over rows; meanRows/,
      () => net.dense("d2", [sequences, rows], 3),
    ],
    ["concat", /^concat: .* over rows, found one over sequences/, () => ops.concat(rows, sequences)],
    ["outer", /^outer: .* over rows, found one over sequences/, () => ops.outer(rows, sequences)],
    ["cellState", /^cellState: .* over rows, found one over seq/, () => ops.cellState(rows, two(sequences))],
    ["cellOutput", /^cellOutput: .* over sequences, found one over rows/, () => ops.cellOutput(sequences, two(rows))],
    ["a scan's start", /^scan state h: .* start over sequences, found one over rows/, () => inScan("h", rows, ops.mul)],
    [
      "dense in a scan's step, on a value from outside,",
      /^d3: expected values over step, found one over rows; .* a scan's step sees rows through its inputs/,
      () => inScan("h", 8, (x, h) => net.dense("d3", [x, h, rows], 8)),
    ],
    [
      "a scan's output, from outside,",
      /^scan, output V: expected a value of the step, found one over rows/,
      () => inScan("h", 8, ops.mul, rows),
    ],
  ];
  for (const [name, message, make] of unlike)
    it(`${name} refuses rows that do not belong together`, () =>
      assert.throws(make, (e: Error) => e instanceof SystemError && message.test(e.message)));
});
