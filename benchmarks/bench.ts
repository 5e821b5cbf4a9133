/**
 * npm run bench: times training steps and predictions of CIA on a shape of benchmarks/speed/shapes.ts.
 */
import { performance } from "node:perf_hooks";
import { UsageError } from "../lib/core/errors";
import { describeEngine, engineName, startEngine } from "../lib/engine/choose";
import { record } from "../lib/layers/record";
import { median } from "../lib/metrics/vectors"; // not all metrics: the time to the first step is measured
import { cia } from "../lib/models/cia";
import { entry, parse, wholeNumber } from "./cli";
import { benchShape, type ShapeName, shapeNames } from "./speed/shapes";

const usage = `usage: npm run bench -- [--shape youtube|mosi50|mosi200] [--engine E] [--threads N] [--fast-math] [--json]

Times CIA's training step (k 200, batches of 16 sequences, dropout on, Adam) and prediction on random inputs.
  --shape NAME    youtube (16 samples of 20 steps), mosi50, mosi200 (16 videos, 50 or 200 GRU units); default youtube
  --steps N       steps timed, after two that are not; default 14
  --length N, --k N, --r N   16 sequences of N rows, other widths
  --json          one object: step_ms (median), step_min_ms, steps, rows (mean a step), params, predict_ms, first_step_ms
                  (from the start of the process), engine, node, peak_rss_mb`;

export interface BenchResult {
  readonly shape: ShapeName;
  readonly step_ms: number;
  readonly step_min_ms: number;
  readonly steps: number;
  readonly rows: number;
  readonly params: number;
  readonly predict_ms: number;
  readonly first_step_ms: number;
  readonly engine: string;
  readonly node: string;
  readonly peak_rss_mb: number;
}

const rounded = (x: number, digits: number): number => Number(x.toFixed(digits));

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse("npm run bench", args, {
    shape: { type: "string", default: "youtube" },
    engine: { type: "string", default: "auto" },
    threads: { type: "string" },
    steps: { type: "string" },
    length: { type: "string" },
    k: { type: "string" },
    r: { type: "string" },
    "fast-math": { type: "boolean" },
    json: { type: "boolean" },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const name = values.shape as ShapeName;
  if (!shapeNames.includes(name)) throw new UsageError(`--shape: expected ${shapeNames.join(", ")}, found ${name}.`);
  const number = (option: "threads" | "steps" | "length" | "k" | "r"): number | undefined =>
    wholeNumber(`--${option}`, values[option]);
  const steps = number("steps") ?? 14;
  const engine = await startEngine(engineName(values.engine as string), {
    threads: number("threads"),
    fastMath: values["fast-math"],
    say: (line) => (values.json ? undefined : console.error(line)),
  });
  const { shape, config, batches } = benchShape(name, { length: number("length"), k: number("k"), r: number("r") });
  const { graph, output } = record(cia, shape, config);
  const program = engine.compile(graph, output, 1);

  const timed = async (run: () => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    await run();
    return performance.now() - start;
  };
  const train = (i: number): Promise<unknown> =>
    program.step(batches[i % batches.length], { seed: 1, step: i }, { learningRate: 1e-3 });
  await train(0);
  const firstStep = performance.now(); // its zero is the start of the process
  await train(1);
  const times: number[] = [];
  let rows = 0;
  for (let i = 0; i < steps; i++) {
    times.push(await timed(() => train(i)));
    rows += batches[i % batches.length].offsets[16];
  }
  const predict = (i: number): Promise<unknown> => program.evaluate(batches[i % batches.length], [output.prediction]);
  await predict(0);
  const predictions: number[] = [];
  for (let i = 0; i < steps; i++) predictions.push(await timed(() => predict(i)));

  const result: BenchResult = {
    shape: name,
    step_ms: rounded(median(times), 1),
    step_min_ms: rounded(Math.min(...times), 1),
    steps,
    rows: Math.round(rows / steps),
    params: graph.parameterCount,
    predict_ms: rounded(median(predictions), 1),
    first_step_ms: Math.round(firstStep),
    engine: describeEngine(engine.info),
    node: process.versions.node,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  if (values.json) console.log(JSON.stringify(result));
  else {
    console.log(`${name}: ${result.step_ms} ms a training step (median of ${steps}, ${result.step_min_ms} at best)`);
    console.log(`  ${result.rows} rows a step, ${result.params} parameters, prediction ${result.predict_ms} ms`);
    console.log(`  first step ${result.first_step_ms} ms after the start, ${result.peak_rss_mb} MB at most`);
  }
  return 0;
}

if (require.main === module) entry(main);
