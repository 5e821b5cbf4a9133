import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../../lib/core/errors";
import { startCpu } from "../../lib/engine/cpu";
import type { Engine, Program } from "../../lib/engine/engine";
import { Graph, type Output, type PlainFunction } from "../../lib/engine/graph";
import * as ops from "../../lib/engine/ops";
import { startWasm, type WasmEngine, type WasmOptions } from "../../lib/engine/wasm";
import { BackendHeap, type Heap } from "../../lib/engine/wasm/kernels";
import { record } from "../../lib/layers/record";
import { cia } from "../../lib/models/cia";
import { batchOf, describeCases, key, type BatchName, recordCase, cases, tolerance } from "./cases";

const hasRelaxedSimd = Number(process.versions.node.split(".")[0]) >= 22;

let heap: Heap | undefined;
const started = async (options: WasmOptions): Promise<Engine> => {
  const wasm = await startWasm(options);
  heap = wasm.heap;
  return wasm;
};
const memory = (): number => heap?.used ?? 0;
describeCases({ name: "wasm", start: () => started({}), memory });
describeCases({
  name: "wasm with fast math",
  start: async () => (hasRelaxedSimd ? started({ fastMath: true }) : "this Node has no relaxed SIMD"),
  memory,
});

const shape = recordCase(cases[0]).shape;
const adam = { learningRate: 1e-3 };
const weightsOf = async (program: Program): Promise<string> => {
  const hash = createHash("sha256");
  for (const name of program.graph.params.keys()) hash.update(await program.get(name));
  return hash.digest("hex");
};

describe("the wasm engine", function () {
  this.timeout(60_000);
  let engine: WasmEngine;
  before(async () => void (engine = await startWasm()));

  const compile = (): Program => {
    const { graph, output } = record(cia, shape, { ...cia.defaults, k: 20, r: 9 });
    return engine.compile(graph, output, 1);
  };
  const names: readonly BatchName[] = ["many sequences", "one sequence", "a very long sequence", "one row"];
  const batches = names.map((name) => batchOf(shape, name));

  it("takes no more memory once it has seen the largest batch", async () => {
    const program = compile();
    const backend = tf.backend() as unknown as { wasm: { asm: { memory: WebAssembly.Memory } } };
    const bytes = (): number => backend.wasm.asm.memory.buffer.byteLength;
    const epoch = async (first: number): Promise<void> => {
      for (const [i, batch] of batches.entries()) {
        await program.step(batch, { seed: 1, step: first + i }, adam);
        await program.evaluate(batch, [program.output.prediction]);
      }
    };
    await epoch(0);
    const [before, tensors] = [bytes(), tf.memory().numTensors];
    for (let i = 1; i < 20; i++) await epoch(4 * i);
    assert.equal(bytes(), before);
    assert.equal(tf.memory().numTensors, tensors);
    program.dispose();
  });

  it("goes on with the same bits from weights and optimiser state that were put into a new program", async () => {
    const [whole, first, second] = [compile(), compile(), compile()];
    for (let step = 0; step < 6; step++) await whole.step(batches[step % 4], { seed: 1, step }, adam);
    for (let step = 0; step < 3; step++) await first.step(batches[step % 4], { seed: 1, step }, adam);
    for (const name of first.graph.params.keys()) second.set(name, await first.get(name));
    second.setOptimizerState(await first.optimizerState());
    for (let step = 3; step < 6; step++) await second.step(batches[step % 4], { seed: 1, step }, adam);
    assert.equal(await weightsOf(second), await weightsOf(whole));
    for (const program of [whole, first, second]) program.dispose();
  });

  it("goes on with the same bits from what was put into a program that a batch had broken", async () => {
    const [whole, broken] = [compile(), compile()];
    await whole.step(batches[0], { seed: 1, step: 0 }, adam);
    const { T } = batches[0].x;
    const infinite = { ...T!, data: new Float32Array(T!.data.length).fill(Infinity) };
    await broken.step({ ...batches[0], x: { ...batches[0].x, T: infinite } }, key, adam);
    assert.ok((await broken.get("head/kernel")).some(Number.isNaN));
    for (const name of broken.graph.params.keys()) broken.set(name, await whole.get(name));
    broken.setOptimizerState(await whole.optimizerState());
    for (let step = 1; step < 4; step++)
      for (const program of [whole, broken]) await program.step(batches[step], { seed: 1, step }, adam);
    assert.equal(await weightsOf(broken), await weightsOf(whole));
    for (const program of [whole, broken]) program.dispose();
  });

  it("gives its memory back once, and refuses to work after", async () => {
    const [first, second] = [compile(), compile()];
    await first.step(batches[0], key, adam);
    const state = await first.optimizerState();
    const values = await first.get("head/kernel");
    const held = engine.heap.used;
    first.dispose();
    const third = compile(); // where the first was
    const [bits, used] = [await weightsOf(third), engine.heap.used];
    assert.ok(used < held);
    first.dispose();
    assert.equal(engine.heap.used, used);
    const refused = (e: Error) => e instanceof EngineError && /found one that was disposed of; compile/.test(e.message);
    await assert.rejects(first.get("head/kernel"), refused);
    await assert.rejects(first.step(batches[0], key, adam), refused);
    await assert.rejects(first.losses(batches[0]), refused);
    await assert.rejects(first.gradients(batches[0]), refused);
    await assert.rejects(first.evaluate(batches[0], [first.output.prediction]), refused);
    await assert.rejects(first.optimizerState(), refused);
    assert.throws(() => first.set("head/kernel", values), refused);
    assert.throws(() => first.setOptimizerState(state), refused);
    assert.equal(await weightsOf(third), bits);
    for (const program of [second, third]) program.dispose();
  });

  it("works on after it was refused memory for a batch, and leaves other programs alone", async () => {
    const program = compile();
    const before = await program.losses(batches[0]);
    const { allocate } = engine.heap;
    engine.heap.allocate = () => {
      throw new EngineError("no room");
    };
    await assert.rejects(program.losses(batches[2]), /no room/);
    engine.heap.allocate = allocate;
    const other = compile(); // where the buffers were
    const bits = await weightsOf(other);
    assert.deepEqual(await program.losses(batches[0]), before);
    assert.equal(await weightsOf(other), bits);
    for (const p of [program, other]) p.dispose();
  });

  it("refuses what ends past 2 GB, in words, and gives it back", () => {
    const [asked, given]: number[][] = [[], []];
    let next = 2 ** 31 - 4096;
    const malloc = (bytes: number): number => {
      asked.push(bytes);
      return next | 0; // as the backend's: with a sign
    };
    const heap = new BackendHeap(new WebAssembly.Memory({ initial: 1 }), malloc, (at) => given.push(at));
    const refused = /engine wasm: expected room for \d+ MB more, found none \(its memory ends at 2 GB\); take smaller/;
    assert.equal(heap.allocate(4032), next);
    assert.throws(() => heap.allocate(4033), refused);
    next = 2 ** 31 + 4096;
    assert.throws(() => heap.allocate(64), refused);
    assert.deepEqual(given, [2 ** 31 - 4096, 2 ** 31 + 4096]);
    for (const bytes of [2 ** 31, 2 ** 32, 2 ** 32 + 64]) assert.throws(() => heap.allocate(bytes), refused);
    assert.deepEqual(asked, [4096, 4097, 128]);
    assert.equal(heap.used, 4032);
  });

  it("refuses a sequence whose attention takes more than 4 GB, which would wrap around", async () => {
    const rows = 33_000;
    const graph = new Graph({ ...shape, modalities: ["T"], widths: { T: 1 }, level: "sequence" });
    const x = ops.input(graph, "T");
    const logits = ops.dense(ops.meanRows(ops.attend(x, x)), graph.param("head", [1, 3], "glorot"), undefined);
    const loss = { task: ops.softmaxCE(logits) };
    const program = engine.compile(graph, { logits, activation: "softmax", prediction: logits, loss }, 1);
    const T = { rows, width: 1, data: new Float32Array(rows) };
    await assert.rejects(
      program.losses({ offsets: Int32Array.of(0, rows), x: { T }, targets: Int32Array.of(0) }),
      (e: Error) => e instanceof EngineError && /expected room for 4\d{3} MB more, found none/.test(e.message),
    );
    program.dispose();
  });

  it("takes no memory for a program whose weights found no room", () => {
    const { used, allocate } = engine.heap;
    let left = 2;
    engine.heap.allocate = (bytes) => {
      if (left-- === 0) throw new EngineError("no room");
      return allocate.call(engine.heap, bytes);
    };
    try {
      assert.throws(compile, /no room/);
    } finally {
      engine.heap.allocate = allocate;
    }
    assert.equal(engine.heap.used, used);
  });

  it("gives a row the same prediction whatever else is in the batch", async () => {
    const program = compile();
    const { offsets, x } = batches[0];
    const [all] = await program.evaluate(batches[0], [program.output.prediction]);
    const [from, to] = [offsets[2], offsets[3]];
    const alone = Object.fromEntries(
      Object.entries(x).map(([m, { data, width }]) => [
        m,
        { rows: to - from, width, data: data.slice(from * width, to * width) },
      ]),
    );
    const [own] = await program.evaluate({ offsets: Int32Array.of(0, to - from), x: alone }, [
      program.output.prediction,
    ]);
    assert.deepEqual(own, all.slice(from * 3, to * 3));
    program.dispose();
  });

  /** Layers before and after what `run` makes of 10 columns. */
  const withPlain = (label: string, run: PlainFunction): { graph: Graph; output: Output } => {
    const graph = new Graph(shape);
    const x = ops.input(graph, "T");
    const code = ops.dense(x, graph.param("code", [x.width, 10], "glorot"), undefined, "tanh");
    const logits = ops.dense(ops.plain(label, [code], 10, run), graph.param("out", [10, 3], "glorot"), undefined);
    return {
      graph,
      output: { logits, activation: "softmax", prediction: logits, loss: { task: ops.softmaxCE(logits) } },
    };
  };

  it("interprets a graph with a plain operation on TensorFlow.js's wasm kernels, whatever ran before, and says so", async () => {
    const used: string[] = [];
    const { graph, output } = withPlain("double", ([a], { tf: t }) => {
      used.push(t.getBackend());
      return t.mul(a, 2);
    });
    await startCpu();
    const program = engine.compile(graph, output, 1);
    assert.match(program.notes?.join() ?? "", /^the engine wasm has no kernel for plain \(double\): .* interpreted/);
    const before = await program.step(batches[0], key, { learningRate: 0.1 });
    const after = await program.losses(batches[0]);
    assert.ok(after.total < before.total);
    assert.deepEqual([...new Set(used)], ["wasm"]);
    program.dispose();
  });

  it("goes on in JavaScript where TensorFlow.js has no wasm kernel, and says so", async () => {
    // The gradient of `gather` is a scatter, which the wasm backend lacks.
    const { graph, output } = withPlain("gather", ([a], { tf: t }) => t.gather(a, t.range(0, a.shape[0], 1, "int32")));
    const program = engine.compile(graph, output, 1);
    const reference = (await startCpu()).compile(graph, output, 1);
    const tensors = tf.memory().numTensors;
    for (const step of [0, 1]) {
      const [found, expected] = [program, reference].map((p) => p.step(batches[0], { seed: 1, step }, adam));
      assert.ok(Math.abs((await found).total - (await expected).total) < tolerance);
    }
    assert.match(program.notes?.[1] ?? "", /wasm backend has no UnsortedSegmentSum: its JavaScript backend takes over/);
    assert.equal(tf.memory().numTensors, tensors);
    for (const p of [program, reference]) p.dispose();
  });

  it("says what a batch lacks", async () => {
    const program = compile();
    const { offsets, x, targets } = batches[0];
    await assert.rejects(
      program.step({ offsets, x: { T: x.T, V: x.V }, targets }, key, adam),
      (e: Error) => e instanceof EngineError && /expected modality A, found T, V/.test(e.message),
    );
    await assert.rejects(program.step({ offsets, x }, key, adam), /expected 42 targets for a loss, found none/);
    await assert.rejects(
      program.step({ offsets, x, targets: new Int32Array(42).fill(3) }, key, adam),
      /target \d+: expected a class from 0 to 2, found 3/,
    );
    program.dispose();
  });

  it("evaluates no value that its graph did not have when it was compiled", async () => {
    const [program, another] = [compile(), compile()];
    const late = ops.affine(program.output.logits, 2);
    const refused = /evaluate: expected values of the graph as it was compiled, found \w+, which is .*; record all/;
    for (const value of [late, another.output.prediction])
      await assert.rejects(program.evaluate(batches[0], [value]), refused);
    const again = engine.compile(program.graph, program.output, 1);
    const [doubled, logits] = await again.evaluate(batches[0], [late, again.output.logits]);
    assert.deepEqual(doubled, logits.map((x) => 2 * x)); // prettier-ignore
    for (const p of [program, another, again]) p.dispose();
  });

  it("refuses fast math where Node has no relaxed SIMD, and says what to do", async function () {
    if (hasRelaxedSimd) this.skip();
    await assert.rejects(startWasm({ fastMath: true }), /expected a Node with relaxed SIMD \(22 or newer\).*npm run/);
  });
});
