import { strict as assert } from "node:assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { GoldenArray, GoldenCase, GoldenCheck } from "../../lib/core/golden";
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

  it("fail when one number of an entry is none", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    for (const entry of Object.keys(golden.arrays).filter((name) => /^(output|loss|grad)\//.test(name))) {
      const data = Float64Array.from(golden.arrays[entry].data);
      data[0] = NaN;
      const arrays = { ...golden.arrays, [entry]: { ...golden.arrays[entry], data } };
      const { pass, detail } = await check.check({ ...golden, arrays });
      assert.equal(pass, false, entry);
      assert.match(detail, new RegExp(`${entry}: off by NaN`));
    }
  });

  const without = (golden: GoldenCase, left: RegExp): GoldenCase => ({
    ...golden,
    arrays: Object.fromEntries(Object.entries(golden.arrays).filter(([name]) => !left.test(name))),
  });

  it("fail when a gradient, a loss, the outputs or a part of Adam is missing", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    const tfn = readGolden(join(own, "tfn_eval_AVT_l1.npz"));
    const adam = (name: string) => ({ ...golden, arrays: { ...golden.arrays, [name]: golden.arrays["grad/fc/bias"] } });
    for (const [lacking, message] of [
      [without(golden, /^grad\/fc\/bias$/), /1 of \d+: grad\/fc\/bias: expected this entry, found none/],
      [without(golden, /^grad\//), /7 of \d+: grad\//],
      [without(golden, /^loss\/task$/), /1 of \d+: loss\/task: expected this entry, found none/],
      [without(golden, /^loss\//), /2 of \d+: loss\/task.*loss\/total/],
      [without(golden, /^output\//), /expected entries output\/\.\.\., found none/],
      [without(tfn, /^grad\/audio\/bn\/gamma$/), /1 of \d+: grad\/audio\/bn\/gamma: expected this entry/],
      [adam("adam3/fc/bias"), /loss_adam: expected this entry, found none/],
      [adam("loss_adam"), /loss_adam.*; adam3\/lstm\/kernel: expected this entry, found none/],
    ] as const) {
      const { pass, detail } = await check.check(lacking);
      assert.equal(pass, false);
      assert.match(detail, message);
    }
    await assert.rejects(
      check.check(without(readGolden(join(own, "mfm_AV_l1.npz")), /^input\/gauss\/y$/)),
      /mfm_AV_l1: expected an entry input\/gauss\/y, found none/,
    );
  });

  it("fail when an expected value or a weight is transposed", async () => {
    const golden = readGolden(join(own, "ef_lstm_TV_l1.npz"));
    const transposed = (name: string): GoldenCase => {
      const array = golden.arrays[name];
      const arrays = { ...golden.arrays, [name]: { ...array, shape: [...array.shape].reverse() } };
      return { ...golden, arrays };
    };
    assert.match((await check.check(transposed("output/h"))).detail, /output\/h: expected 8 x 3 numbers, found 3 x 8/);
    assert.match((await check.check(transposed("grad/lstm/kernel"))).detail, /kernel: expected 6 x 12 numbers, found/);
    await assert.rejects(
      check.check(transposed("weight/lstm/kernel")),
      /weight\/lstm\/kernel: expected 6 x 12 numbers/,
    );
  });

  it("are known by their settings, whatever their names", async () => {
    const passes = async (file: string, change: (config: Record<string, unknown>) => Record<string, unknown>) => {
      const golden = readGolden(join(own, file));
      const { pass, detail } = await check.check({ ...golden, config: change(golden.config) });
      assert.ok(pass, `${file}: ${detail}`);
    };
    const padded = "mmmu_ba_released_padded_softmax.npz";
    await passes(padded, (config) => ({ ...config, case: "released keys", padTo: 4 }));
    await passes(padded, (config) => ({ ...config, case: "released", variant: "padded utterances are keys" }));
    const ours = "mmmu_ba_MU_SA_softmax.npz";
    await passes(ours, (config) => ({ ...config, variant: "keys = true utterances only, not the padded ones" }));
    await passes("dfg_mmsa_softmax.npz", (config) => ({ ...config, efficacy: null }));
    await passes("dfg_mmsa_softmax.npz", (config) => ({ ...config, efficacy: false }));
    await passes("mv_lstm_full_softmax.npz", (config) => ({ ...config, system: "mv-lstm" }));
    const golden = readGolden(join(own, "mfm_AV_l1.npz"));
    await assert.rejects(
      check.check({ ...golden, config: { ...golden.config, gatesSeeMemory: false } }),
      /weight\/mfn\/gamma1\/fc1\/kernel: expected 8 x 3 numbers, found 11 x 3/,
    );
  });

  it("know the moving variance of Keras 1 and 2.x, n / (n - 1 - epsilon) of the batch's", async () => {
    const golden = readGolden(join(own, "tfn_train_l1.npz"));
    const [batch, old] = ["output/audio/bn/batch_variance_biased", "weight/audio/bn/moving_variance"].map(
      (name) => golden.arrays[name].data,
    );
    const data = Float64Array.from(batch, (v, i) => 0.99 * old[i] + (0.01 * v * 3) / (2 - 0.001));
    const at = "output/audio/bn/new_moving_variance_keras2";
    const keras: GoldenArray = { dtype: "float64", shape: [data.length], data };
    const { pass, detail } = await check.check({ ...golden, arrays: { ...golden.arrays, [at]: keras } });
    assert.ok(pass, detail);
    const off: GoldenArray = { ...keras, data: data.map((v) => v + 1e-3) };
    assert.match((await check.check({ ...golden, arrays: { ...golden.arrays, [at]: off } })).detail, /keras2: off by/);
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
