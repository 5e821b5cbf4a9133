import { strict as assert } from "node:assert";
import { bits, dropThreshold, streamKey } from "../../lib/core/rng";
import { startCpu } from "../../lib/engine/cpu";
import { dropMask } from "../../lib/engine/tensors";
import { Masks } from "../../lib/engine/tensorflow/masks";
import { describeCases } from "./cases";

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
