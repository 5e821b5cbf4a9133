import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { GoldenArray } from "../../../lib/core/golden";
import { classicalGolden } from "../../../lib/models/classical/golden";
import { goldenDir, readGolden } from "./read-npz";

describe("golden cases of the fitted systems (scikit-learn 1.9.1)", function () {
  this.timeout(20000);
  for (const name of ["svm", "rf", "bof", "pooling"]) {
    it(`${name}: agrees with scikit-learn`, async function () {
      if (!existsSync(join(goldenDir, `${name}.npz`))) {
        console.log(`      skipped: no ${name}.npz in the golden folder (set CIA_GOLDEN)`);
        this.skip();
      }
      const golden = readGolden(name);
      assert.ok(classicalGolden.handles(golden.config));
      const result = await classicalGolden.check(golden);
      assert.ok(result.pass, `${result.name}: ${result.detail}`);
    });
  }

  it("fails, naming the entry, when an expected value is wrong", async function () {
    if (!existsSync(join(goldenDir, "pooling.npz"))) this.skip();
    const golden = readGolden("pooling");
    const right = golden.arrays["output/train_sd"];
    const wrong: GoldenArray = { ...right, data: Float64Array.from(right.data, (v) => v + 1e-3) };
    const arrays = { ...golden.arrays, "output/train_sd": wrong };
    const result = await classicalGolden.check({ ...golden, arrays });
    assert.equal(result.pass, false);
    assert.match(result.detail, /output\/train_sd: off by/);
  });

  it("knows a case by its system where its name is another", async function () {
    for (const system of ["svm", "rf", "bof_msa", "bof-msa"])
      assert.ok(classicalGolden.handles({ case: "mine", system }), system);
    assert.equal(classicalGolden.handles({ case: "toString", system: "toString" }), false);
    if (!existsSync(join(goldenDir, "bof.npz"))) this.skip();
    const golden = readGolden("bof");
    assert.ok((await classicalGolden.check({ ...golden, config: { ...golden.config, case: "bof again" } })).pass);
  });

  it("holds an SVM's duals to 1e-5 of C and what it says to 1e-3, and no looser", async function () {
    if (!existsSync(join(goldenDir, "svm.npz"))) this.skip();
    const golden = readGolden("svm");
    for (const [name, close, far] of [
      ["output/svc/pair01/alpha", 0.9e-5, 3e-5],
      ["output/svr/beta", 0.9e-5, 3e-5],
      ["output/svr/bias", 0.9e-3, 3e-3],
      ["output/svc/test/ovo_decision", 0.9e-3, 1e-2],
    ] as const) {
      const detailOf = async (by: number) => {
        const array: GoldenArray = golden.arrays[name];
        const moved: GoldenArray = { ...array, data: Float64Array.from(array.data, (v) => v + by) };
        return (await classicalGolden.check({ ...golden, arrays: { ...golden.arrays, [name]: moved } })).detail;
      };
      assert.match(await detailOf(close), /^\d+ entries$/);
      assert.match(await detailOf(far), new RegExp(`${name}: off by`));
    }
  });

  it("refuses, by name, labels that are missing and bands that are none", async function () {
    if (!["svm", "rf"].every((name) => existsSync(join(goldenDir, `${name}.npz`)))) this.skip();
    const [svm, rf] = [readGolden("svm"), readGolden("rf")];
    const labels: GoldenArray = { dtype: "int32", shape: [0], data: new Int32Array(0) };
    await assert.rejects(
      async () => classicalGolden.check({ ...svm, arrays: { ...svm.arrays, labels } }),
      /svm, labels: expected 40 numbers, found 0/,
    );
    const { bands, ...config } = rf.config;
    assert.ok(bands);
    await assert.rejects(
      async () => classicalGolden.check({ ...rf, config }),
      /rf: expected config\.bands of mean and sd/,
    );
  });

  it("leaves the cases of networks to others", () => {
    assert.equal(classicalGolden.handles({ case: "df_softmax", system: "df" }), false);
  });
});
