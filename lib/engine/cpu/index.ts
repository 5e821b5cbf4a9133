/** The reference as an engine: TensorFlow.js's own JavaScript backend. Slow, runs everywhere, what the others are compared with. */
import type { Engine } from "../engine";
import { ReferenceProgram, startCpu as startBackend } from "../reference";

export async function startCpu(): Promise<Engine> {
  const info = await startBackend();
  return { info, compile: (graph, output, seed) => new ReferenceProgram(graph, output, seed, {}, "cpu") };
}
