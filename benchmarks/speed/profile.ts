/** Share of a training step by kernel, and how near its products come to the core's best rate. */
import { performance } from "node:perf_hooks";
import { startWasm } from "../../lib/engine/wasm";
import type { Heap, Kernels } from "../../lib/engine/wasm/kernels";
import { WasmProgram } from "../../lib/engine/wasm/program";
import { record } from "../../lib/layers/record";
import { cia } from "../../lib/models/cia";
import { benchShape, type ShapeName } from "./shapes";

export interface Profile {
  readonly shape: ShapeName;
  /** GFLOP/s: of the products (those inside recurrences not counted), of a large square product, of the step by 6 x parameters x rows. */
  readonly productRate: number;
  readonly peakRate: number;
  readonly stepRate: number;
  readonly shares: readonly { readonly name: string; readonly share: number; readonly calls: number }[];
}

const groups: Readonly<Record<string, string>> = {
  product: "matrix products",
  productAdd: "matrix products",
  gruForward: "GRU recurrence (its products included)",
  gruBackward: "GRU recurrence (its products included)",
  transpose: "transposes",
  adam: "Adam",
  finish: "bias, activation, dropout",
  finishBackward: "bias, activation, dropout",
  dropout: "bias, activation, dropout",
  dropFactors: "bias, activation, dropout",
  attendForward: "attention",
  attendBackward: "attention",
};

/** Two flops a multiply-add; a product's last three arguments are rows, panels of 8 columns, inner width. */
const flopsOf = (args: readonly number[]): number => 2 * args[6] * args[7] * 8 * args[8];

export async function measureProfile(name: ShapeName, steps = 10): Promise<Profile> {
  const engine = await startWasm();
  const { shape, config, batches } = benchShape(name);
  const { graph, output } = record(cia, shape, config);
  const times = new Map<string, { ms: number; calls: number }>();
  let [flops, rows, counting] = [0, 0, false];
  const watch = (key: string, kernel: (...args: readonly number[]) => unknown): unknown => {
    if (typeof kernel !== "function") return kernel;
    return (...args: readonly number[]) => {
      const start = performance.now();
      const result = kernel(...args);
      if (counting) {
        const entry = times.get(key) ?? { ms: 0, calls: 0 };
        times.set(key, { ms: entry.ms + performance.now() - start, calls: entry.calls + 1 });
        if (key.startsWith("product")) flops += flopsOf(args);
      }
      return result;
    };
  };
  const watched = Object.fromEntries(
    Object.entries(engine.kernels).map(([key, kernel]) => [key, watch(key, kernel)]),
  ) as unknown as Kernels;
  const program = new WasmProgram(graph, output, 1, engine.heap, watched);
  const train = (i: number): Promise<unknown> =>
    program.step(batches[i % batches.length], { seed: 1, step: i }, { learningRate: 1e-3 });
  for (let i = 0; i < 2; i++) await train(i);
  counting = true;
  const start = performance.now();
  for (let i = 2; i < steps + 2; i++) {
    await train(i);
    rows += batches[i % batches.length].offsets[16];
  }
  const whole = performance.now() - start;
  program.dispose();

  const shares = new Map<string, { ms: number; calls: number }>();
  let known = 0;
  for (const [key, { ms, calls }] of times) {
    const group = groups[key] ?? "everything else in kernels";
    const entry = shares.get(group) ?? { ms: 0, calls: 0 };
    shares.set(group, { ms: entry.ms + ms, calls: entry.calls + calls });
    known += ms;
  }
  shares.set("between kernels (JavaScript)", { ms: whole - known, calls: 0 });
  const products = shares.get("matrix products")?.ms ?? NaN;
  return {
    shape: name,
    productRate: flops / products / 1e6,
    peakRate: peakRate(engine.kernels, engine.heap),
    stepRate: (6 * graph.parameterCount * rows) / whole / 1e6,
    shares: [...shares]
      .sort((a, b) => b[1].ms - a[1].ms)
      .map(([group, { ms, calls }]) => ({ name: group, share: ms / whole, calls: Math.round(calls / steps) })),
  };
}

/** GFLOP/s of a product that stays in the cache: the best of several. */
function peakRate(kernels: Kernels, heap: Heap): number {
  const n = 384;
  const [a, b, c] = [0, 1, 2].map(() => heap.allocate(4 * n * n));
  let best = Infinity;
  for (let i = 0; i < 20; i++) {
    const start = performance.now();
    kernels.product(a, 32 * n, b, 32 * n, c, 32 * n, n, n / 8, n);
    best = Math.min(best, performance.now() - start);
  }
  [a, b, c].forEach((block) => heap.free(block));
  return (2 * n ** 3) / best / 1e6;
}
