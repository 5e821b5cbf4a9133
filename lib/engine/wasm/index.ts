/** The default engine: kernels of our own in the memory of tfjs-backend-wasm. README.md beside this file says how it works. */
import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";
import { cpus } from "node:os";
import { EngineError } from "../../core/errors";
import type { Engine, EngineInfo, Program } from "../engine";
import type { Graph, Output } from "../graph";
import { ReferenceProgram } from "../reference";
import { unsupported } from "./compile";
import { BackendHeap } from "./kernels";
import { WasmProgram } from "./program";
import { startKernels } from "./start";

export interface WasmOptions {
  /** Fused multiply-add (relaxed SIMD): faster, with bits that depend on the processor. */
  readonly fastMath?: boolean;
}

/** The parts of the backend that it does not declare: its heap. */
interface BackendModule {
  readonly asm: { readonly memory: WebAssembly.Memory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** @throws EngineError where the machine's Node cannot run it, with what to do */
export async function startWasm({ fastMath = false }: WasmOptions = {}): Promise<Engine> {
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
  const { kernels, revectorize } = await startKernels(heap, memory, fastMath);
  const info: EngineInfo = {
    name: "wasm",
    device: cpus()[0]?.model ?? "CPU",
    threads: 1,
    versions: { tfjs: tf.version_core, node: process.versions.node, v8: process.versions.v8 },
    flags: { fastMath, revectorize },
  };
  return {
    info,
    compile(graph: Graph, output: Output, seed: number): Program {
      if (unsupported(graph) !== undefined) return new ReferenceProgram(graph, output, seed);
      return new WasmProgram(graph, output, seed, heap, kernels);
    },
  };
}
