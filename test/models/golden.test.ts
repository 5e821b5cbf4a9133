import { strict as assert } from "node:assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { GoldenArray, GoldenCheck } from "../../lib/core/golden";
import { readGolden } from "../../lib/core/golden-file";
import { startEngine } from "../../lib/engine/choose";
import { neuralGolden } from "../../lib/models/golden";
import { goldenDir } from "./classical/read-npz";

const own = join(__dirname, "../../../test/oracles/golden");
const npz = (folder: string) =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((f) => f.endsWith(".npz"))
        .sort()
    : [];

for (const engine of ["cpu", "wasm"] as const)
  describe(`golden cases of networks, on the engine ${engine}`, function () {
    this.timeout(20000);
    let check: GoldenCheck;
    before(async () => {
      check = neuralGolden(await startEngine(engine, { say: () => undefined }));
    });

    const agrees = async (folder: string, file: string) => {
      const { pass, detail } = await check.check(readGolden(join(folder, file)));
      assert.ok(pass, `${file}: ${detail}`);
    };
    for (const file of npz(own)) it(`${file.slice(0, -4)}: agrees with numpy and autograd`, () => agrees(own, file));

    it("agree with the systems' original code, where the golden vectors are beside the repository", async function () {
      const files = npz(goldenDir).filter((f) => check.handles(readGolden(join(goldenDir, f)).config));
      if (files.length === 0) {
        console.log("      skipped: no golden vectors beside the repository (set CIA_GOLDEN)");
        this.skip();
      }
      for (const file of files) await agrees(goldenDir, file);
    });
  });

describe("golden cases", function () {
  this.timeout(20000);
  let check: GoldenCheck;
  before(async () => {
    check = neuralGolden(await startEngine("cpu", { say: () => undefined }));
  });

  it("fail, naming the entry, when an expected gradient, output or loss is wrong", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    for (const entry of ["grad/lstm/recurrent", "output/c", "loss/task"]) {
      const right = golden.arrays[entry];
      const wrong: GoldenArray = { ...right, data: Float64Array.from(right.data, (v) => v + 1e-4) };
      const { pass, detail } = await check.check({ ...golden, arrays: { ...golden.arrays, [entry]: wrong } });
      assert.equal(pass, false);
      assert.match(detail, new RegExp(`${entry}: off by`));
    }
  });

  it("fail when a value is stored that the system does not have", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    const arrays = { ...golden.arrays, "output/gate": golden.arrays["output/c"] };
    assert.match(
      (await check.check({ ...golden, arrays })).detail,
      /output\/gate: a value that this system does not have/,
    );
  });

  it("are refused by name when a weight or a setting is missing", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    const { "weight/fc/bias": left, ...arrays } = golden.arrays;
    assert.ok(left);
    await assert.rejects(check.check({ ...golden, arrays }), /ef_lstm_TV_l1: expected weights fc\/bias, found none/);
    const { h, ...config } = golden.config;
    assert.ok(h);
    await assert.rejects(check.check({ ...golden, config }), /expected config\.h to be a number, found undefined/);
  });
});
