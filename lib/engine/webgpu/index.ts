/**
 * WebGPU as an engine, for GPUs that are not NVIDIA's: the reference on TensorFlow.js's own kernels, but for packed GRUs and attention,
 * whose dispatches by step and by sequence would take nearly all the time.
 */
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "../engine";
import { ReferenceProgram } from "../interpreter";
import type { Overrides } from "../reference";
import { attend } from "./attention";
import { isSoftware, startBackend } from "./backend";
import { gru } from "./gru";

const overrides: Overrides = { gru, attend };

/** @throws EngineError where no device is found, with what to do */
export async function startWebGpu(): Promise<Engine> {
  const adapter = await startBackend();
  return {
    info: {
      name: "webgpu",
      device: [adapter.vendor, adapter.architecture, adapter.description].filter((part) => part).join(" "),
      threads: 1,
      versions: { tfjs: tf.version_core },
      flags: { software: isSoftware(adapter) },
    },
    compile: (graph, output, seed) => new ReferenceProgram(graph, output, seed, overrides, "webgpu"),
  };
}
