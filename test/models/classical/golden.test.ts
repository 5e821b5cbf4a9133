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

  it("leaves the cases of networks to others", () => {
    assert.equal(classicalGolden.handles({ case: "df_softmax", system: "df" }), false);
  });
});
