import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../lib/core/errors";
import type { Engine } from "../../lib/engine/engine";
import { startTensorflow } from "../../lib/engine/tensorflow";
import { loadTensorflow } from "../../lib/engine/tensorflow/binding";
import { installedTensorflow } from "../../lib/engine/tensorflow/installed";
import { describeCases } from "./cases";

const bindingFile = require.resolve("../../lib/engine/tensorflow/binding");

/** The engine, or why it is not here: CI does not build it. */
async function start(): Promise<Engine | string> {
  try {
    return await startTensorflow();
  } catch (error) {
    if (error instanceof EngineError) return error.message;
    throw error;
  }
}

describeCases({
  name: "tensorflow",
  start,
  /** Tensors that the binding holds, without the engine's constants, which stay. */
  memory() {
    const { binding, calls } = loadTensorflow();
    return binding.getNumOfTensors() - calls.kept;
  },
});

describe("the folder of the TensorFlow engine", () => {
  const folder = mkdtempSync(join(tmpdir(), "engine-"));
  after(() => rmSync(folder, { recursive: true }));

  it("that is missing or unfinished is told with what to run", () => {
    assert.throws(
      () => installedTensorflow(folder),
      new EngineError(
        `engine tensorflow: expected ${join(folder, "engine.json")}, found none; run \`npm run engine:tensorflow -- cpu\` (or gpu) once on this machine, or take --engine wasm.`,
      ),
    );
  });

  it("that is damaged is told with the reason and what to run", () => {
    const mend = "; make it anew by `npm run engine:tensorflow -- cpu --fresh` \\(or gpu\\), or take --engine wasm\\.";
    writeFileSync(join(folder, "engine.json"), '{"kind": "cp');
    assert.throws(() => installedTensorflow(folder), new RegExp(`engine\\.json cannot be read: .*JSON.*${mend}`));
    const { platform, arch } = process;
    writeFileSync(join(folder, "engine.json"), JSON.stringify({ kind: "cpu", platform, arch, binding: "none.node" }));
    // In a process of its own: this one may have loaded the library.
    const load = `require(${JSON.stringify(bindingFile)}).loadTensorflow(1, ${JSON.stringify(folder)})`;
    const { stderr } = spawnSync(process.execPath, ["-e", load], { encoding: "utf8" });
    assert.match(stderr, new RegExp(`EngineError: engine tensorflow: .* does not load: Cannot find module .*${mend}`));
  });

  it("of another machine is refused", () => {
    writeFileSync(join(folder, "engine.json"), JSON.stringify({ kind: "cpu", platform: "plan9", arch: "mips" }));
    assert.throws(() => installedTensorflow(folder), /found one for plan9 mips in .*; run `npm run engine:tensorflow/);
  });
});

describe("the TensorFlow engine", () => {
  it("refuses another number of threads than it runs with", async function () {
    const started = await start();
    if (typeof started === "string") {
      console.log(`      skipped: ${started}`);
      return this.skip();
    }
    await assert.rejects(startTensorflow({ threads: 2 }), /runs in this process with 1 thread\(s\), found 2 asked for/);
  });
});
