/**
 * node dist/test/engine/wasm-bits.js [narrow]: trains a CIA for five steps on random numbers and prints the SHA-256 of its
 * weights. Run by wasm.test.ts under every Node at hand. `narrow`: without widening kernels to 256 bits.
 */
import { createHash } from "node:crypto";
import type { Batch } from "../../lib/core/types";
import { startWasm } from "../../lib/engine/wasm";
import { record } from "../../lib/layers/record";
import { cia } from "../../lib/models/cia";
import { batchOf, recordCase, cases } from "./cases";

async function main(): Promise<void> {
  const { shape } = recordCase(cases[0]);
  const engine = await startWasm({ revectorize: process.argv[2] !== "narrow" });
  const { graph, output } = record(cia, shape, { ...cia.defaults, k: 40, r: 20 });
  const program = engine.compile(graph, output, 1);
  const batches: Batch[] = [batchOf(shape, "many sequences"), batchOf(shape, "a very long sequence")];
  for (let step = 0; step < 5; step++) await program.step(batches[step % 2], { seed: 1, step }, { learningRate: 1e-3 });
  const hash = createHash("sha256");
  for (const name of graph.params.keys()) hash.update(await program.get(name));
  console.log(hash.digest("hex"), `node ${process.versions.node}, revectorize ${engine.info.flags.revectorize}`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
