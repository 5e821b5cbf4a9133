import { strict as assert } from "node:assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EngineError } from "../../lib/core/errors";
import type { Engine } from "../../lib/engine/engine";
import { startTensorflow } from "../../lib/engine/tensorflow";
import { loadTensorflow } from "../../lib/engine/tensorflow/binding";
import { installedTensorflow } from "../../lib/engine/tensorflow/installed";
import { describeCases } from "./cases";

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
