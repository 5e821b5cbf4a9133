/**
 * node dist/test/engine/wasm-bits.js [narrow]: trains each network for five steps on random numbers and prints the hashes of their
 * weights as JSON. Run by wasm-bits.test.ts under several Nodes. `narrow`: without widening kernels to 256 bits.
 */
import { createHash } from "node:crypto";
import { type Config, outputsOf, type Shape, type Task } from "../../lib/core/types";
import { startWasm, type WasmEngine } from "../../lib/engine/wasm";
import { record } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { systems } from "../../lib/models";
import { batchOf, widths } from "./cases";

/** What the script prints. */
export interface Bits {
  readonly node: string;
  readonly arch: string;
  readonly revectorize: boolean;
  /** SHA-256 of the trained weights, by system. */
  readonly weights: Readonly<Record<string, string>>;
}

/** Units of a layer at most: the kernels' whole tiles and their rests, in little time. */
const mostUnits = 36;
const tasks: readonly Task[] = [{ kind: "classes", classes: 3 }, { kind: "emotions" }, { kind: "intensity" }];

async function trained(engine: WasmEngine, system: NeuralSystem, task: Task): Promise<string> {
  const sizes = Object.entries(system.defaults).map(([name, v]) => [
    name,
    typeof v === "number" ? Math.min(v, mostUnits) : v,
  ]);
  const config = Object.fromEntries(sizes) as Config;
  const level = system.rows === "alone" ? "sequence" : "row";
  const shape: Shape = { widths, modalities: ["T", "A", "V"], level, task, outputs: outputsOf(task) };
  const { graph, output } = record(system, shape, config);
  const program = engine.compile(graph, output, 1);
  const batches = (["many sequences", "a very long sequence"] as const).map((name) => batchOf(shape, name));
  for (let step = 0; step < 5; step++) await program.step(batches[step % 2], { seed: 1, step }, { learningRate: 1e-3 });
  const hash = createHash("sha256");
  for (const name of graph.params.keys()) hash.update(await program.get(name));
  program.dispose();
  return hash.digest("hex").slice(0, 16);
}

async function main(): Promise<void> {
  const engine = await startWasm({ revectorize: process.argv[2] !== "narrow" });
  const weights: Record<string, string> = {};
  const neural = systems.filter((s): s is NeuralSystem => s.kind === "neural");
  for (const [i, system] of neural.entries())
    weights[system.name] = await trained(engine, system, tasks[i % tasks.length]);
  const revectorize = engine.info.flags.revectorize === true;
  const bits: Bits = { node: process.versions.node, arch: process.arch, revectorize, weights };
  console.log(JSON.stringify(bits));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
