import { strict as assert } from "node:assert";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Predictions, Task } from "../../lib/core/types";
import { asStored, decodeNpz, decodePredictions, encodeNpz, encodePredictions } from "../../lib/training";
import { temporaryFolder } from "./helpers";

const two: Task = { kind: "classes", classes: 2 };
const probabilities: Predictions = { units: 2, outputs: 2, values: Float32Array.of(0.25, 0.75, 1, 0) };
const intensities: Predictions = { units: 3, outputs: 1, values: Float32Array.of(-2.5, 0.1, 3.25) };

describe("stored predictions", () => {
  it("come back exactly as `asStored` says, so that metrics computed from it can be audited", () => {
    for (const [p, task] of [
      [probabilities, two],
      [intensities, { kind: "intensity" }],
    ] as const) {
      const stored = asStored(p, task);
      const back = decodePredictions(encodePredictions({ test: stored }, task), "x.npz");
      assert.deepEqual(back.test, stored);
      assert.deepEqual(asStored(stored, task), stored);
    }
  });
  it("are within half a step of 1/65535 of what was predicted", () => {
    const stored = asStored(probabilities, two);
    stored.values.forEach((v, i) => assert.ok(Math.abs(v - probabilities.values[i]) <= 0.5 / 65535 + 1e-7));
    const range = 3.25 + 2.5;
    asStored(intensities, { kind: "intensity" }).values.forEach((v, i) =>
      assert.ok(Math.abs(v - intensities.values[i]) <= (0.5 / 65535) * range + 1e-6),
    );
  });
  it("keep equal intensities equal (a constant predictor)", () => {
    const constant = { units: 3, outputs: 1, values: Float32Array.of(0.3, 0.3, 0.3) };
    const { values } = asStored(constant, { kind: "intensity" });
    assert.deepEqual([...values], [...constant.values]);
  });
  it("are refused when cut", () => {
    const bytes = encodePredictions({ test: probabilities }, two);
    assert.throws(() => decodePredictions(bytes.subarray(0, 60), "p.npz"), /p.npz: expected an .npz archive/);
  });
});

describe("npz files", () => {
  it("are the same bytes for the same arrays, and come back in their own precision", () => {
    const arrays = {
      b: { shape: [2, 2], data: Float64Array.of(1, 2, 3, 0.1) },
      a: { shape: [3], data: Int32Array.of(-1, 0, 7) },
      c: { shape: [], data: Float32Array.of(0.1) },
    };
    const bytes = encodeNpz(arrays);
    assert.deepEqual(encodeNpz({ c: arrays.c, a: arrays.a, b: arrays.b }), bytes);
    assert.deepEqual(decodeNpz(bytes, "x"), arrays);
  });
  it("are refused where an entry claims more than deflate can pack, before room is made for it", () => {
    const bytes = Buffer.from(encodeNpz({ x: { shape: [2], data: Float32Array.of(1, 2) } }));
    const at = bytes.indexOf("PK\x01\x02", 0, "latin1"); // the entry in the directory: its unpacked size at 24
    bytes.writeUInt32LE(4e9, at + 24);
    assert.throws(
      () => decodeNpz(bytes, "w.npz"),
      /w\.npz: expected an \.npz archive, found x\.npy of 4000000000 bytes, packed in/,
    );
  });
  it("hold long runs of one number", () => {
    const data = new Float32Array(1e6);
    assert.deepEqual(decodeNpz(encodeNpz({ x: { shape: [1e6], data } }), "zeros").x.data, data);
  });
  it("are read by numpy", function () {
    const file = path.join(temporaryFolder("npz"), "x.npz");
    fs.writeFileSync(file, encodeNpz({ "w/x": { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) } }));
    const script = `import numpy, sys; a = numpy.load(sys.argv[1])["w/x"]; print(a.dtype, a.shape, a.sum())`;
    try {
      execFileSync("python3", ["-c", "import numpy"], { stdio: "ignore" });
    } catch {
      return this.skip(); // python3 with numpy is not here
    }
    assert.equal(execFileSync("python3", ["-c", script, file], { encoding: "utf8" }).trim(), "float32 (2, 2) 10.0");
  });
});
