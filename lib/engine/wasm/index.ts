/** The default engine: kernels of our own in the memory of tfjs-backend-wasm. README.md beside this file says how it works. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { cpus } from "node:os";
import { EngineError } from "../../core/errors";
import type { Engine, EngineInfo, Program } from "../engine";
import type { Graph, Output } from "../graph";
import { unsupported } from "./compile";
import { InterpretedProgram } from "./interpreted";
import { BackendHeap, type Heap, type Kernels } from "./kernels";
import { WasmProgram } from "./program";
import { startKernels } from "./start";

export interface WasmOptions {
  /** Fused multiply-add (relaxed SIMD): faster, with bits that depend on the processor. */
  readonly fastMath?: boolean;
  /** Default true: widen 128-bit operations to 256 bits where this Node can, which changes no bits. */
  readonly revectorize?: boolean;
}

/** The engine with what it is made of, for those who call kernels themselves. */
export interface WasmEngine extends Engine {
  readonly kernels: Kernels;
  readonly heap: Heap;
}

/** The parts of the backend that it does not declare: its heap. */
interface BackendModule {
  readonly asm: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** @throws EngineError where the machine's Node cannot run it, with what to do */
export async function startWasm({
  fastMath = false,
  revectorize: widen = true,
}: WasmOptions = {}): Promise<WasmEngine> {
  tf.enableProdMode();
  if (!(await tf.setBackend("wasm")))
    throw new EngineError("engine wasm: expected tfjs-backend-wasm to start, it did not.");
  await tf.ready();
  const backend = (tf.backend() as unknown as { wasm: BackendModule }).wasm;
  const { memory } = backend.asm;
  const heap = new BackendHeap(
    memory,
    (bytes) => backend._malloc(bytes),
    (address) => backend._free(address),
  );
  const { kernels, revectorize } = await startKernels(heap, memory, fastMath, widen);
  const info: EngineInfo = {
    name: "wasm",
    device: cpus()[0]?.model ?? "CPU",
    threads: 1,
    versions: { tfjs: tf.version_core, node: process.versions.node, v8: process.versions.v8 },
    flags: { fastMath, revectorize },
  };
  return {
    info,
    kernels,
    heap,
    compile(graph: Graph, output: Output, seed: number): Program {
      const without = unsupported(graph);
      return without === undefined
        ? new WasmProgram(graph, output, seed, heap, kernels)
        : new InterpretedProgram(graph, output, seed, without);
    },
  };
}
