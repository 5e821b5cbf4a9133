/** The reference as an engine: TensorFlow.js's own JavaScript backend. Slow, runs everywhere, what the others are compared with. */
import * as tf from "@tensorflow/tfjs";
import type { Engine } from "../engine";
import { ReferenceProgram } from "../interpreter";

export async function startCpu(): Promise<Engine> {
  tf.enableProdMode();
  await tf.setBackend("cpu");
  await tf.ready();
  return {
    info: { name: "cpu", device: "JavaScript", threads: 1, versions: { tfjs: tf.version_core }, flags: {} },
    compile: (graph, output, seed) => new ReferenceProgram(graph, output, seed, {}, "cpu"),
  };
}
