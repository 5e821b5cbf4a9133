import { strict as assert } from "node:assert";
import { EngineError, UsageError } from "../../lib/core/errors";
import { describeEngine, engineName, type EngineStarters, startEngine } from "../../lib/engine/choose";
import type { Engine, EngineName } from "../../lib/engine/engine";

const fake = (name: EngineName, device = "CPU"): Engine => ({
  info: { name, device, threads: 1, versions: { node: "24.0.0" }, flags: { relaxed: false, revectorize: true } },
  compile: () => {
    throw new Error("not used");
  },
});
const absent = (message: string) => async (): Promise<Engine> => {
  throw new EngineError(message);
};

describe("the choice of engine", () => {
  const lines: string[] = [];
  const say = (line: string) => void lines.push(line);
  const starters = (change: Partial<Record<EngineName, () => Promise<Engine>>>, gpu = false): EngineStarters => ({
    start: {
      wasm: async () => fake("wasm"),
      tensorflow: absent("engine tensorflow: no folder; run `npm run engine:tensorflow -- cpu`."),
      webgpu: absent("engine webgpu: no adapter."),
      cpu: async () => fake("cpu"),
      ...change,
    },
    hasTensorflowGpu: () => gpu,
  });
  beforeEach(() => (lines.length = 0));

  it("takes wasm when nothing is asked for, and says why", async () => {
    const engine = await startEngine("auto", { say }, starters({}));
    assert.equal(engine.info.name, "wasm");
    assert.deepEqual(lines, [
      "engine: wasm on CPU, 1 thread, revectorize; node 24.0.0 (the default: the same bits on every machine)",
    ]);
  });

  it("takes TensorFlow by itself only where it was made for a GPU and finds one", async () => {
    const onGpu = { tensorflow: async () => fake("tensorflow", "NVIDIA H100") };
    assert.equal((await startEngine("auto", { say }, starters(onGpu, true))).info.name, "tensorflow");
    assert.equal((await startEngine("auto", { say }, starters(onGpu, false))).info.name, "wasm");
    const noGpu = { tensorflow: async () => fake("tensorflow") };
    assert.equal((await startEngine("auto", { say }, starters(noGpu, true))).info.name, "wasm");
    assert.match(lines[2], /made for a GPU here but finds none/);
    assert.equal((await startEngine("auto", { say }, starters({}, true))).info.name, "wasm");
    assert.match(lines[3], /does not start: engine tensorflow: no folder/);
  });

  it("gives the reason when an engine that was asked for cannot start, and starts no other", async () => {
    await assert.rejects(startEngine("tensorflow", { say }, starters({})), {
      name: "EngineError",
      message: "engine tensorflow: no folder; run `npm run engine:tensorflow -- cpu`.",
    });
    await assert.rejects(
      startEngine("auto", { say }, starters({ wasm: absent("engine wasm: no kernels.") })),
      EngineError,
    );
    assert.deepEqual(lines, []);
  });

  it("refuses options that the engine does not have", async () => {
    await assert.rejects(
      startEngine("wasm", { threads: 2, say }, starters({})),
      /--threads: the engine wasm .* found 2; use --workers/,
    );
    await assert.rejects(
      startEngine("tensorflow", { threads: 0.5, say }, starters({})),
      /expected a whole number from 1, found 0.5/,
    );
    await assert.rejects(
      startEngine("cpu", { fastMath: true, say }, starters({})),
      /--fast-math: .*found --engine cpu/,
    );
    assert.throws(
      () => engineName("cuda"),
      new UsageError("--engine: expected auto, wasm, tensorflow, webgpu or cpu, found cuda."),
    );
    assert.equal(engineName("webgpu"), "webgpu");
  });

  it("describes an engine in one line", () => {
    assert.equal(
      describeEngine(fake("cpu", "JavaScript").info),
      "cpu on JavaScript, 1 thread, revectorize; node 24.0.0",
    );
  });
});
