import { strict as assert } from "node:assert";
import { existsSync } from "node:fs";
import { EngineError } from "../../lib/core/errors";
import type { Program } from "../../lib/engine/engine";
import { startWebGpu } from "../../lib/engine/webgpu";
import { startCpu } from "../../lib/engine/cpu";
import { assertAgree, batchOf, type BatchName, cases, key, numbersOf, recordCase } from "./cases";
import * as tf from "@tensorflow/tfjs";

/** The software device that Debian's chromium carries: real ones are rare in CI. */
const software = "/usr/lib/chromium/vk_swiftshader_icd.json";

// A software device compiles each kernel for a tenth of a second or more: the operations with kernels of our own, and one of every
// other kind of work; the whole list, minutes, where CIA_ALL_CASES is set.
const every = process.env.CIA_ALL_CASES ? cases.map(({ name }) => [name, ["many sequences"]] as const) : [];
const tested: Readonly<Record<string, readonly BatchName[]>> = {
  ...Object.fromEntries(every),
  "gru, 2 directions, sigmoid gates, dropout": ["one row", "many sequences", "a very long sequence"],
  "gru, 2 directions, hardSigmoid gates": ["many sequences"],
  "attend, values of their own": ["one row", "many sequences", "a very long sequence", "extreme values"],
  "dense, tanh, dropout": ["many sequences"],
};

describe("operations on webgpu", function () {
  this.timeout(120_000);
  let skipped: string | undefined;

  before(async function () {
    if (!process.env.VK_ICD_FILENAMES && existsSync(software)) process.env.VK_ICD_FILENAMES = software;
    try {
      const engine = await startWebGpu();
      assert.match(engine.info.device, /./);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      skipped = error.message;
      console.log(`      skipped: ${skipped}`);
      this.skip();
    }
  });

  for (const [name, batches] of Object.entries(tested))
    it(`${name}: agrees with the reference in values and gradients, and leaves nothing behind`, async () => {
      const c = cases.find((each) => each.name === name);
      assert.ok(c, `no case ${name}`);
      const [cpu, gpu] = [await startCpu(), await startWebGpu()];
      for (const batchName of batches) {
        const { graph, output, values, shape } = recordCase(c);
        const batch = batchOf(shape, batchName);
        const use = async (program: Program) => {
          const numbers = await numbersOf(program, values, batch);
          program.dispose();
          return numbers;
        };
        const tensors = tf.memory().numTensors;
        const expected = await use(cpu.compile(graph, output, 1));
        const found = await use(gpu.compile(graph, output, 1));
        assertAgree(found, expected, batchName === "extreme values" ? 100 : 1);
        assert.equal(tf.memory().numTensors, tensors, "tensors");
      }
    });

  it("trains: a step of the plain program and of its own give the same weights", async () => {
    const c = cases.find(({ name }) => name === "gru, 2 directions, hardSigmoid gates");
    assert.ok(c);
    const { graph, output, shape } = recordCase(c);
    const batch = batchOf(shape, "one sequence");
    const weights: Record<string, Float32Array>[] = [];
    for (const engine of [await startCpu(), await startWebGpu()]) {
      const program = engine.compile(graph, output, 1);
      await program.step(batch, key, { learningRate: 1e-2 });
      weights.push(
        Object.fromEntries(
          await Promise.all([...graph.params.keys()].map(async (n) => [n, await program.get(n)] as const)),
        ),
      );
      program.dispose();
    }
    assertAgree(weights[1], weights[0]);
  });
});
