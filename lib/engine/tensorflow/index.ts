/** TensorFlow as an engine: its own operations for CIA and whatever else ops.ts offers; plain functions through TensorFlow.js. */
import * as tf from "@tensorflow/tfjs";
import type { Engine, EngineInfo } from "../engine";
import { interpretedNote, ReferenceProgram } from "../interpreter";
import { loadTensorflow } from "./binding";
import { TensorflowProgram } from "./program";
import { unsupported } from "./schedule";

/** @throws EngineError with the reason and what to do, if it is not here or does not load */
export async function startTensorflow({ threads = 1 }: { readonly threads?: number } = {}): Promise<Engine> {
  const { binding, calls, installed } = loadTensorflow(threads);
  await tf.setBackend("tensorflow");
  await tf.ready();
  const info: EngineInfo = {
    name: "tensorflow",
    device: binding.isUsingGpuDevice() ? "GPU" : "CPU",
    threads,
    versions: { tensorflow: binding.TF_Version, "tfjs-node": installed.tfjsNode, tfjs: tf.version_core },
    flags: { onednn: process.env.TF_ENABLE_ONEDNN_OPTS !== "0", binding: installed.how },
  };
  return {
    info,
    compile(graph, output, seed) {
      const without = unsupported(graph);
      return without === undefined
        ? new TensorflowProgram(graph, output, seed, calls)
        : new ReferenceProgram(graph, output, seed, {}, "tensorflow", [interpretedNote("tensorflow", without)]);
    },
  };
}
