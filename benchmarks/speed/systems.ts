/**
 * node dist/benchmarks/speed/systems.js --python PYTHON [SYSTEM ...]: times a training step of each network against PyTorch
 * eager (systems.py), in turns, on MOSI-like word data, and prints a Markdown table: processor time of a step, which other programs on the
 * machine disturb little, and the ratio of both processor and wall time. Both use one thread; run it under `taskset -c 0`
 * (Linux) so that they share a core. PYTHON is an interpreter with torch.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { UsageError, UserError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import type { Batch, Matrix, Modality, Shape } from "../../lib/core/types";
import { engineName, startEngine } from "../../lib/engine/choose";
import type { Engine } from "../../lib/engine/engine";
import { record } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { findSystem, systems } from "../../lib/models";

const usage = `usage: node dist/benchmarks/speed/systems.js --python PYTHON [--rounds N] [--steps N] [--engine E] [SYSTEM ...]`;

/** MOSI as words: 32 samples of 20 steps, 300 text, 74 audio and 36 video features. */
const sizes = { batch: 32, time: 20, widths: { T: 300, A: 74, V: 36 } } as const;

interface TorchAnswer {
  readonly step_ms: readonly number[];
  readonly cpu_ms: readonly number[];
  readonly parameters: number;
  readonly torch: string;
}

/** One long-lived Python that times steps on request. */
class Torch {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  constructor(python: string) {
    this.child = spawn(python, [join(__dirname, "../../../benchmarks/speed/systems.py")]);
    this.child.stderr.pipe(process.stderr);
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  async time(system: NeuralSystem, steps: number): Promise<TorchAnswer> {
    this.child.stdin.write(`${JSON.stringify({ system: system.name, config: system.defaults, ...sizes, steps })}\n`);
    const { value, done } = await this.lines.next();
    if (done)
      throw new UserError(`${system.name}: expected PyTorch's times, found that it ended; its message is above.`);
    return JSON.parse(value as string) as TorchAnswer;
  }
  end(): void {
    this.child.stdin.end();
  }
}

function randomBatch(): Batch {
  const rng = new Rng(1, "speed");
  const rows = sizes.batch * sizes.time;
  const x: Partial<Record<Modality, Matrix>> = {};
  for (const [m, width] of Object.entries(sizes.widths))
    x[m as Modality] = { rows, width, data: Float32Array.from({ length: rows * width }, () => 2 * rng.uniform() - 1) };
  return {
    offsets: Int32Array.from({ length: sizes.batch + 1 }, (_, i) => i * sizes.time),
    x,
    targets: Float32Array.from({ length: sizes.batch }, () => 2 * rng.uniform() - 1),
  };
}

interface Times {
  readonly wall: number[];
  readonly cpu: number[];
}

/** A function that times steps of ours. */
async function ours(
  engine: Engine,
  system: NeuralSystem,
): Promise<{ parameters: number; time: (n: number) => Promise<Times> }> {
  const shape: Shape = {
    widths: sizes.widths,
    modalities: ["T", "A", "V"],
    level: "sequence",
    task: { kind: "intensity" },
    outputs: 1,
  };
  const { graph, output } = record(system, shape, system.defaults);
  const program = engine.compile(graph, output, 1);
  const batch = randomBatch();
  let step = 0;
  const time = async (n: number): Promise<Times> => {
    const times: Times = { wall: [], cpu: [] };
    for (let i = 0; i < n; i++, step++) {
      const [begun, used] = [performance.now(), process.cpuUsage()];
      await program.step(batch, { seed: 1, step }, { learningRate: 1e-3 });
      times.wall.push(performance.now() - begun);
      const { user, system } = process.cpuUsage(used);
      times.cpu.push((user + system) / 1000);
    }
    return times;
  };
  await time(3);
  return { parameters: graph.parameterCount, time };
}

const median = (xs: readonly number[]): number => {
  const sorted = [...xs].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

export async function main(args: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      python: { type: "string" },
      rounds: { type: "string", default: "5" },
      steps: { type: "string", default: "5" },
      engine: { type: "string", default: "auto" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) return void console.log(usage);
  const whole = (name: "rounds" | "steps"): number => {
    const n = Number(values[name]);
    if (!(Number.isInteger(n) && n >= 1))
      throw new UsageError(`--${name}: expected a whole number from 1, found ${values[name]}.`);
    return n;
  };
  const [rounds, steps] = [whole("rounds"), whole("steps")];
  if (!values.python) throw new UsageError(`--python: expected an interpreter with torch, found nothing.\n${usage}`);
  const names = positionals.length
    ? positionals
    : systems.flatMap((s) => (s.kind === "neural" && s.name !== "cia" ? s.name : []));
  const chosen = names.map(findSystem).map((s) => {
    if (s.kind !== "neural" || s.name === "cia")
      throw new UsageError(
        `${s.name}: expected a network other than cia (its speed: benchmarks/speed), found another system.`,
      );
    return s;
  });
  const engine = await startEngine(engineName(values.engine ?? "auto"));
  const torch = new Torch(values.python);
  try {
    const lines: string[] = [];
    for (const system of chosen) {
      const mine = await ours(engine, system);
      const [a, b, ratios, wall]: number[][] = [[], [], [], []];
      let version = "";
      let parameters = 0;
      for (let round = 0; round < rounds; round++) {
        const theirs = await torch.time(system, steps);
        const times = await mine.time(steps);
        a.push(...times.cpu);
        b.push(...theirs.cpu_ms);
        ratios.push(median(theirs.cpu_ms) / median(times.cpu));
        wall.push(median(theirs.step_ms) / median(times.wall));
        ({ torch: version, parameters } = theirs);
      }
      if (lines.length === 0)
        lines.push(
          `PyTorch ${version} eager against engine ${engine.info.name}, one thread each, ${cpus()[0].model}; ${rounds} rounds of ${steps} steps in turns.`,
          "",
          "Milliseconds of processor time a step (median); ratios are PyTorch / ours, above 1 where ours is faster.",
          "",
          "| system | parameters, ours / PyTorch | ours, ms | PyTorch, ms | ratio (least - greatest of rounds) | ratio of wall time |",
          "| --- | --- | --- | --- | --- | --- |",
        );
      const range = `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} - ${Math.max(...ratios).toFixed(2)})`;
      const times = `${median(a).toFixed(1)} | ${median(b).toFixed(1)} | ${range} | ${median(wall).toFixed(2)}`;
      lines.push(`| ${system.title} | ${mine.parameters} / ${parameters} | ${times} |`);
      process.stderr.write(`${lines[lines.length - 1]}\n`);
    }
    console.log(lines.join("\n"));
  } finally {
    torch.end();
  }
}

if (require.main === module)
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof UserError ? error.message : error);
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  });
