/**
 * Compiles the kernels, widened to 256 bits where this Node can do that without changing a bit, and checks them: a small model
 * is trained for two steps, and its weights must be those that are known.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { EngineError } from "../../core/errors";
import { Rng } from "../../core/rng";
import type { Batch, Matrix, Modality } from "../../core/types";
import { Graph, type Output, type Recurrent } from "../graph";
import * as ops from "../ops";
import type { Heap, Kernels } from "./kernels";
import { WasmProgram } from "./program";

/** SHA-256 of the weights of the small model after two steps of the strict kernels, on every machine. */
const knownBits = "ee2679df285d24e3";

export interface Started {
  readonly kernels: Kernels;
  /** Whether 128-bit operations run as 256-bit ones. */
  readonly revectorize: boolean;
}

/** V8 has the switch from Node 24 on (earlier ones lack it or gain nothing by it), for x64; it is experimental, hence the check. */
const nodeMajor = Number(process.versions.node.split(".")[0]);
const canRevectorize = process.arch === "x64" && nodeMajor >= 24;

/** @throws EngineError where this Node cannot run the kernels, or runs them wrongly */
export async function startKernels(
  heap: Heap,
  memory: WebAssembly.Memory,
  fastMath: boolean,
  widen: boolean,
): Promise<Started> {
  const bytes = readFileSync(join(__dirname, `kernels-${fastMath ? "relaxed" : "strict"}.wasm`));
  if (fastMath && !WebAssembly.validate(bytes))
    throw new EngineError(
      `engine wasm, fast math: expected a Node with relaxed SIMD (22 or newer), found ${process.versions.node}; use npm run, which brings Node 24, or leave --fast-math out.`,
    );
  const compile = (revectorize: boolean): Kernels => instantiate(bytes, memory, heap, revectorize);
  // Fused multiply-add has other bits on other processors: what is known is that widening does not change them here.
  const wide = widen && canRevectorize;
  const expected = fastMath && wide ? await check(compile(false), heap) : knownBits;
  if (wide) {
    const kernels = compile(true);
    if ((await check(kernels, heap)) === expected) return { kernels, revectorize: true };
  }
  const kernels = compile(false);
  if (!fastMath && (await check(kernels, heap)) !== expected)
    throw new EngineError(
      `engine wasm: its self-check gave other bits than every other machine (Node ${process.versions.node}); use --engine cpu, and report this.`,
    );
  return { kernels, revectorize: false };
}

/** Compiled at once and for speed: the first step is as fast as the others, and what is checked is what runs. */
function instantiate(bytes: Uint8Array, memory: WebAssembly.Memory, heap: Heap, revectorize: boolean): Kernels {
  // V8 gives the same code for the same bytes: an unused section tells the two ways of compiling apart.
  const section = revectorize ? [0, 2, 1, 0x72] : [];
  // Node 26 inlines by what its first compiler has noted, which is not run here; the kernels are inlined as they are built.
  const flags = ["liftoff", "wasm-lazy-compilation", ...(nodeMajor >= 24 ? ["wasm-inlining"] : [])];
  flags.forEach((flag) => setFlagsFromString(`--no-${flag}`));
  if (revectorize) setFlagsFromString("--experimental-wasm-revectorize");
  try {
    const module = new WebAssembly.Module(Uint8Array.from([...bytes, ...section]));
    const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels;
    kernels.init(heap.allocate(256));
    return kernels;
  } finally {
    flags.forEach((flag) => setFlagsFromString(`--${flag}`));
    if (revectorize) setFlagsFromString("--no-experimental-wasm-revectorize");
  }
}

/** Trains a small model with all kinds of kernels for two steps; the hash of its weights. */
async function check(kernels: Kernels, heap: Heap): Promise<string> {
  const { graph, output } = smallModel();
  const program = new WasmProgram(graph, output, 1, heap, kernels);
  try {
    const batch = smallBatch();
    for (let step = 0; step < 2; step++) await program.step(batch, { seed: 1, step }, { learningRate: 0.01 });
    const hash = createHash("sha256");
    for (const name of graph.params.keys()) hash.update(await program.get(name));
    return hash.digest("hex").slice(0, 16);
  } finally {
    program.dispose();
  }
}

const widths: Readonly<Record<"T" | "A", number>> = { T: 21, A: 13 };

function smallModel(): { graph: Graph; output: Output } {
  const graph = new Graph({
    widths,
    modalities: ["T", "A"],
    level: "sequence",
    task: { kind: "classes", classes: 3 },
    outputs: 3,
  });
  const [x, y] = [ops.input(graph, "T"), ops.input(graph, "A")];
  const dense = (
    name: string,
    v: Parameters<typeof ops.dense>[0],
    from: number,
    to: number,
    act: "tanh" | "relu" | "linear",
  ) =>
    ops.dense(v, graph.param(`${name}/W`, [from, to], "glorot"), graph.param(`${name}/b`, [to], "zeros"), act, {
      rate: 0.25,
      stream: name,
    });
  const recurrent = (name: string, from: number, units: number, gates: number): Recurrent => ({
    kernel: graph.param(`${name}/W`, [from, gates * units], "glorot"),
    recurrent: graph.param(`${name}/U`, [units, gates * units], "orthogonal"),
    bias: graph.param(`${name}/b`, [gates * units], "zeros"),
  });
  const drop = { rate: 0.3, stream: "recurrent" };
  const code = dense("code", x, widths.T, 37, "tanh");
  const gru = ops.gru(code, recurrent("gru/fwd", 37, 12, 3), recurrent("gru/bwd", 37, 12, 3), {
    gates: "hardSigmoid",
    inputDrop: drop,
    recurrentDrop: drop,
  });
  const lstm = ops.lstm(y, recurrent("lstm", widths.A, 24, 4), undefined);
  const attended = ops.mul(ops.attend(gru, lstm), gru);
  const { rows } = ops.scan([attended], { h: 24 }, ([xt], { h }) => {
    const after = dense("step", [xt, h], 48, 24, "tanh");
    return { state: { h: after }, outputs: [after] };
  });
  const logits = dense("head", ops.meanRows(ops.softmax(rows[0])), 24, 3, "linear");
  const loss = { task: ops.softmaxCE(logits), mse: ops.mse(dense("out", code, 37, widths.A, "relu"), y) };
  return { graph, output: { logits, activation: "softmax", prediction: logits, loss } };
}

function smallBatch(): Batch {
  const offsets = Int32Array.of(0, 5, 6, 33, 47);
  const rng = new Rng(1, "self-check");
  const rows = offsets[offsets.length - 1];
  const matrix = (width: number): Matrix => ({
    rows,
    width,
    data: Float32Array.from({ length: rows * width }, () => 2 * rng.uniform() - 1),
  });
  const x: Partial<Record<Modality, Matrix>> = { T: matrix(widths.T), A: matrix(widths.A) };
  return { offsets, x, targets: Int32Array.of(0, 2, 1, 1) };
}
