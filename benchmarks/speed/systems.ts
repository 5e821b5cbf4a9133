/**
 * npm run speed:systems: times a training step of each network against PyTorch eager (systems.py), in turns, on MOSI-like word
 * data, and writes results/speed-systems.md: processor time of a step, which other programs on the machine disturb little, and the
 * ratio of processor time. Both use one thread.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UsageError, UserError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import type { Batch, Matrix, Modality, Shape } from "../../lib/core/types";
import { startEngine } from "../../lib/engine/choose";
import type { Engine } from "../../lib/engine/engine";
import { record } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { median } from "../../lib/metrics";
import { findSystem, systems } from "../../lib/models";
import { entry, parse, wholeNumber } from "../cli";
import { writeSection } from "./sections";

const usage = `usage: npm run speed:systems -- --python PYTHON [--rounds N] [--steps N] [--out FILE] [SYSTEM ...]

Times a training step of each network (or of those named) on the wasm engine, strict and with fused multiply-add, against PyTorch
eager in turns, one thread each, and writes the ratios to results/speed-systems.md; above 1 ours is faster.
  --python PYTHON  an interpreter with torch and numpy
  --rounds N, --steps N   default 5 and 5
  --out FILE       default results/speed-systems.md
Run it under taskset -c 0 (Linux), so that both share a core.`;

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

/** A function that times steps of ours. */
async function ours(
  engine: Engine,
  system: NeuralSystem,
): Promise<{ parameters: number; time: (n: number) => Promise<number[]> }> {
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
  const time = async (n: number): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < n; i++, step++) {
      const used = process.cpuUsage();
      await program.step(batch, { seed: 1, step }, { learningRate: 1e-3 });
      const { user, system } = process.cpuUsage(used);
      times.push((user + system) / 1000);
    }
    return times;
  };
  await time(3);
  return { parameters: graph.parameterCount, time };
}

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(
    "npm run speed:systems",
    args,
    {
      python: { type: "string" },
      rounds: { type: "string" },
      steps: { type: "string" },
      out: { type: "string", default: "results/speed-systems.md" },
    },
    true,
  );
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const rounds = wholeNumber("--rounds", values.rounds) ?? 5;
  const steps = wholeNumber("--steps", values.steps) ?? 5;
  if (!values.python) throw new UsageError(`--python: expected an interpreter with torch, found nothing.\n${usage}`);
  const names = positionals.length
    ? positionals
    : systems.flatMap((s) => (s.kind === "neural" && s.name !== "cia" ? s.name : []));
  const chosen = names.map(findSystem).map((s) => {
    if (s.kind !== "neural" || s.name === "cia")
      throw new UsageError(`${s.name}: expected a network other than cia (its speed: npm run speed), found this.`);
    return s;
  });
  const strict = await startEngine("wasm");
  const fast = await startEngine("wasm", { fastMath: true });
  const torch = new Torch(values.python);
  const rows: string[] = [];
  let version = "";
  try {
    for (const system of chosen) {
      const mine = [await ours(strict, system), await ours(fast, system)];
      const times: readonly [number[], number[], number[]] = [[], [], []];
      const ratios: readonly [number[], number[]] = [[], []];
      let parameters = 0;
      for (let round = 0; round < rounds; round++) {
        const theirs = await torch.time(system, steps);
        times[2].push(...theirs.cpu_ms);
        ({ torch: version, parameters } = theirs);
        for (const way of [0, 1] as const) {
          const cpu = await mine[way].time(steps);
          times[way].push(...cpu);
          ratios[way].push(median(theirs.cpu_ms) / median(cpu));
        }
      }
      const range = (xs: readonly number[]): string =>
        `**${median(xs).toFixed(2)}** (${Math.min(...xs).toFixed(2)} - ${Math.max(...xs).toFixed(2)})`;
      const milliseconds = times.map((t) => median(t).toFixed(1)).join(" | ");
      rows.push(
        `| ${system.title} | ${mine[0].parameters} / ${parameters} | ${milliseconds} | ${ratios.map(range).join(" | ")} |`,
      );
      console.error(rows[rows.length - 1]);
    }
  } finally {
    torch.end();
  }
  const out = values.out as string;
  writeSection(out, intro, section(rows, `PyTorch ${version}`, rounds, steps));
  console.log(`${out} is written.`);
  return 0;
}

const intro = [
  "# Speed of the compared systems",
  `A training step on word sequences (batch ${sizes.batch}, ${sizes.time} steps, widths ${Object.values(sizes.widths).join(" / ")}), each system with its default settings: engine wasm (strict SIMD, the default, and with --fast-math) against PyTorch eager, one thread each. Written by \`npm run speed:systems\`, which adds a section for each processor that it is run on.`,
  "Milliseconds of processor time a step (median). Ratios are PyTorch / ours, median (least - greatest of the rounds): above 1 ours is faster.",
];

const section = (rows: readonly string[], torch: string, rounds: number, steps: number): string =>
  [
    `${torch}; ${rounds} rounds of ${steps} steps in turns.`,
    "",
    "| system | parameters, ours / PyTorch | strict, ms | fast math, ms | PyTorch, ms | strict | fast math |",
    "| --- | --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");

if (require.main === module) entry(main);
