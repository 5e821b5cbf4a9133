import * as assert from "node:assert";
import type { Modality, Shape } from "../../lib/core/types";
import { record } from "../../lib/layers/record";
import { cia, defaults, variants } from "../../lib/models/cia";

const shape = (modalities: Modality[], widths: Shape["widths"], outputs: number): Shape => ({
  widths,
  modalities,
  level: "sequence",
  task: { kind: "classes", classes: outputs },
  outputs,
});
const wide = { T: 300, A: 74, V: 36 } as const;

describe("CIA", () => {
  it("has the 6,121,923 parameters of the released script's sizes (T 300, A 74, V 36, k 200, r 50, 3 classes)", () => {
    assert.strictEqual(record(cia, shape(["T", "A", "V"], wide, 3), defaults).graph.parameterCount, 6_121_923);
  });

  it("has the parameter counts of the PyTorch scripts on MOSI's widths: 5.75 and 9.66 million for r 50 and 200", () => {
    // PyTorch keeps a second bias in each of the 18 GRU directions.
    const count = (r: number) =>
      record(cia, shape(["T", "A", "V"], { T: 100, A: 73, V: 100 }, 2), { ...defaults, r }).graph.parameterCount +
      18 * 3 * r;
    assert.deepStrictEqual(
      [count(50), count(200)].map((n) => (n / 1e6).toFixed(2)),
      ["5.75", "9.66"],
    );
  });

  it("pairs modalities as the released script does: six IIMs for three, two for two, one for one", () => {
    const pairs = (modalities: Modality[]) =>
      Object.keys(record(cia, shape(modalities, wide, 3), defaults).output.loss).filter((name) => name !== "task");
    assert.deepStrictEqual(pairs(["T", "A", "V"]), ["mse/TA", "mse/TV", "mse/AT", "mse/AV", "mse/VT", "mse/VA"]);
    assert.deepStrictEqual(pairs(["A", "V"]), ["mse/AV", "mse/VA"]);
    assert.deepStrictEqual(pairs(["T"]), ["mse/TT"]);
  });

  it("without IIM has no reconstruction loss, and with the encoders only neither", () => {
    for (const iim of ["false", "encoders-only"] as const) {
      const { output, graph } = record(cia, shape(["T", "A", "V"], wide, 3), { ...defaults, iim });
      assert.deepStrictEqual(Object.keys(output.loss), ["task"]);
      assert.strictEqual(
        [...graph.params.keys()].some((n) => n.startsWith("iim/")),
        iim === "encoders-only",
      );
    }
  });

  it("as the paper writes it has one direction of attention a pair and no dense layer before the head", () => {
    const { output, graph } = record(cia, shape(["T", "A", "V"], wide, 3), { ...defaults, ...variants.paper });
    assert.deepStrictEqual(
      Object.keys(output.taps ?? {}).filter((t) => t.startsWith("cam/")),
      ["cam/TA/M_BI", "cam/AV/M_BI", "cam/VT/M_BI"],
    );
    assert.ok(!graph.params.has("merge/kernel"));
  });
});
