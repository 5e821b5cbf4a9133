/**
 * npm run speed: times CIA's training step, ours and PyTorch's, in turns on one core, and writes the ratios
 * to results/speed.md, with where the time goes and what a step costs as rows and widths grow.
 */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { UserError } from "../../lib/core/errors";
import { projectRoot } from "../../lib/data/files";
import { hasTensorflow } from "../../lib/engine/tensorflow/installed";
import { median } from "../../lib/metrics";
import { markdownRows } from "../../lib/report";
import type { BenchResult } from "../bench";
import { entry, parse, wholeNumber } from "../cli";
import { measureProfile, type Profile } from "./profile";
import { writeSection } from "./sections";
import { benchShape, type ShapeName, shapeNames } from "./shapes";

const usage = `usage: npm run speed -- [--python PYTHON] [--rounds N] [--out FILE]

Times a training step of CIA (npm run bench) against PyTorch eager (benchmarks/speed/cia.py) in turns, both pinned to core 0 (Linux:
taskset), and writes ratios (min, median, max over rounds; below 1 is faster than PyTorch's best layout) to results/speed.md.
  --python PYTHON  an interpreter with torch and numpy; default .venv-bench/bin/python
  --rounds N       default 5`;

/** What the project set itself: (bar, goal) of step time over PyTorch's best layout. */
const bars: Readonly<Record<ShapeName, Readonly<Record<Way, readonly [number, number]>>>> = {
  youtube: { default: [0.95, 0.75], "fast math": [0.7, 0.55], tensorflow: [0.67, 0.35] },
  mosi50: { default: [0.62, 0.45], "fast math": [0.48, 0.35], tensorflow: [0.67, 0.35] },
  mosi200: { default: [0.68, 0.5], "fast math": [0.53, 0.4], tensorflow: [0.67, 0.35] },
};
type Way = "default" | "fast math" | "tensorflow";
const optionsOf: Readonly<Record<Way, readonly string[]>> = {
  default: ["--engine", "wasm"],
  "fast math": ["--engine", "wasm", "--fast-math"],
  tensorflow: ["--engine", "tensorflow", "--threads", "1"],
};

interface TorchResult {
  readonly step_ms: number;
  readonly infer_ms: number;
  readonly first_step_s: number;
  readonly peak_rss_mb: number;
  readonly layout: string;
  readonly sys: string;
}

/** PyTorch's layouts: YouTube's samples are all of one length, so it has one. */
const layoutsOf = (shape: ShapeName): readonly string[] => (shape === "youtube" ? ["padded"] : ["padmax", "packed"]);

const torchScript = join(projectRoot(), "benchmarks/speed/cia.py");

/** What the script is asked for: the same batches, in shape. */
function askOf(name: ShapeName, layout: string): string {
  const { shape, config, batches } = benchShape(name);
  const lengths = batches.map(({ offsets }) => Array.from(offsets.subarray(1), (end, i) => end - offsets[i]));
  const { widths, level, outputs } = shape;
  return JSON.stringify({ widths, k: config.k, r: config.r, outputs, level, lengths, layout });
}

const canPin = process.platform === "linux" && existsSync("/usr/bin/taskset");
const pinned = (core: number, command: readonly string[]): readonly string[] =>
  canPin ? ["/usr/bin/taskset", "-c", `${core}`, ...command] : command;
const lastLine = (out: string): unknown => JSON.parse(out.trim().split("\n").at(-1) as string);

function runJson(command: readonly string[]): unknown {
  const [file, ...args] = pinned(0, command);
  return lastLine(
    execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 }),
  );
}

const benchCommand = (shape: ShapeName, way: Way, more: readonly string[] = []): readonly string[] => [
  process.execPath,
  join(__dirname, "../bench.js"),
  ...optionsOf[way],
  "--shape",
  shape,
  "--json",
  ...more,
];
const bench = (shape: ShapeName, way: Way, ...more: string[]): BenchResult =>
  runJson(benchCommand(shape, way, more)) as BenchResult;

/** Steps a second of two processes at once, each on a core of its own, over those of one alone. */
async function twoAtOnce(): Promise<number> {
  const command = benchCommand("mosi50", "default", ["--steps", "14"]);
  const rate = async (core: number): Promise<number> => {
    const [file, ...args] = pinned(core, command);
    const { stdout } = await promisify(execFile)(file, args);
    return 1 / (lastLine(stdout) as BenchResult).step_ms;
  };
  const alone = (await rate(0)) + (await rate(1));
  const [first, second] = await Promise.all([rate(0), rate(1)]);
  return (2 * (first + second)) / alone;
}

/** A Markdown table. */
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  markdownRows(
    head.map((title) => ({ title })),
    rows,
  ).join("\n");

interface Round {
  /** Each way that runs here. */
  readonly ours: ReadonlyMap<Way, BenchResult>;
  readonly torch: readonly TorchResult[];
}
const took = (round: Round, way: Way): BenchResult => round.ours.get(way) as BenchResult;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse("npm run speed", args, {
    python: { type: "string", default: ".venv-bench/bin/python" },
    rounds: { type: "string" },
    out: { type: "string", default: "results/speed.md" },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const python = values.python as string;
  if (!existsSync(python))
    throw new UserError(
      `${python}: expected a Python with PyTorch, found none; make one (python3 -m venv .venv-bench && .venv-bench/bin/pip install torch==2.15.0 numpy; 6 GB), or name yours with --python.`,
    );
  const out = values.out as string;
  const rounds = wholeNumber("--rounds", values.rounds) ?? 5;
  const ways = (Object.keys(optionsOf) as Way[]).filter((way) => way !== "tensorflow" || hasTensorflow());
  if (!ways.includes("tensorflow"))
    console.error("tensorflow is not here and is left out: npm run engine:tensorflow -- cpu builds it.");

  console.error("profile and costs");
  const profiles: Profile[] = [];
  for (const shape of shapeNames) profiles.push(await measureProfile(shape));
  const cost = (...more: (string | number)[]): BenchResult => bench("mosi50", "default", ...more.map(String));
  const lengths = [5, 20, 50, 100, 200, 500].map((n) => [n, cost("--length", n, "--steps", n < 200 ? 5 : 2)] as const);
  const widths = [50, 100, 200].flatMap((k) =>
    [50, 100, 200].map((r) => [k, r, cost("--k", k, "--r", r, "--steps", 7)] as const),
  );

  const measured = new Map<ShapeName, Round[]>();
  const together: number[] = [];
  for (let i = 0; i < rounds; i++) {
    for (const shape of shapeNames) {
      console.error(`round ${i + 1} of ${rounds}: ${shape}`);
      const ours = new Map(ways.map((way) => [way, bench(shape, way)]));
      const torch = layoutsOf(shape).map(
        (layout) => runJson([python, torchScript, askOf(shape, layout)]) as TorchResult,
      );
      measured.set(shape, [...(measured.get(shape) ?? []), { ours, torch }]);
    }
    if (cpus().length > 1) {
      console.error(`round ${i + 1} of ${rounds}: two processes at once`);
      together.push(await twoAtOnce());
    }
    // After every round: what is measured is not lost if the next one is stopped.
    writeSection(out, intro, section(measured, profiles, lengths, widths, together));
  }
  console.log(`${out} is written.`);
  return 0;
}

const intro = [
  "# Speed of a training step",
  "CIA as released (k 200, dropout on, Adam, batches of 16), one thread, random inputs: ours and PyTorch eager one after the other on one core, round by round. Written by `npm run speed`, which adds a section for each processor that it is run on.",
  "Below 1 ours is faster than the best of PyTorch's layouts (padded to the longest, packed). Bar and goal are what the project set itself. Default: strict SIMD, the same bits on every machine. Fast math: fused multiply-add. Milliseconds vary with the machine and what else runs there; ratios less.",
];

function section(
  measured: ReadonlyMap<ShapeName, readonly Round[]>,
  profiles: readonly Profile[],
  lengths: readonly (readonly [number, BenchResult])[],
  widths: readonly (readonly [number, number, BenchResult])[],
  together: readonly number[],
): string {
  const of = (shape: ShapeName): readonly Round[] => measured.get(shape) ?? [];
  const best = (r: Round): number => Math.min(...r.torch.map((t) => t.step_ms));
  const ms = (x: number): string => x.toFixed(x < 10 ? 1 : 0);
  const ways = [...of("youtube")[0].ours.keys()];
  const ratios = shapeNames.flatMap((shape) =>
    ways.map((way) => {
      const all = of(shape).map((r) => took(r, way).step_ms / best(r));
      const [bar, goal] = bars[shape][way];
      const m = median(all);
      const verdict = m <= goal ? "goal met" : m <= bar ? "bar met" : "missed";
      return [
        shape,
        way,
        Math.min(...all).toFixed(2),
        `**${m.toFixed(2)}**`,
        Math.max(...all).toFixed(2),
        bar,
        goal,
        verdict,
      ];
    }),
  );
  const times = shapeNames.map((shape) => {
    const rounds = of(shape);
    const mid = (f: (r: Round) => number): string => ms(median(rounds.map(f)));
    const [first] = rounds;
    return [
      shape,
      took(first, "default").rows,
      took(first, "default").params,
      ...ways.map((way) => mid((r) => took(r, way).step_ms)),
      first.torch.map((t, i) => `${t.layout} ${mid((r) => r.torch[i].step_ms)}`).join(", "),
      mid((r) => took(r, "default").predict_ms),
      mid((r) => Math.min(...r.torch.map((t) => t.infer_ms))),
      mid((r) => took(r, "default").first_step_ms),
      mid((r) => took(r, "default").peak_rss_mb),
      mid((r) => Math.min(...r.torch.map((t) => t.peak_rss_mb))),
    ];
  });
  const [round] = of("youtube");
  return [
    `${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}; ${of("youtube").length} rounds. Ours: ${took(round, "default").engine}. Theirs: ${round.torch[0].sys}.`,
    "",
    "### Ours over PyTorch's best layout",
    "",
    table(["shape", "way", "min", "median", "max", "bar", "goal", ""], ratios),
    "",
    ...(together.length
      ? [
          `Two processes at once, each on a core of its own, make ${median(together).toFixed(2)} times the steps of one (${Math.min(...together).toFixed(2)} to ${Math.max(...together).toFixed(2)}).`,
          "",
        ]
      : []),
    "### Times",
    "",
    table(
      [
        "shape",
        "rows a step",
        "parameters",
        ...ways.map((way) => `${way}, ms`),
        "PyTorch, ms",
        "predict, ms",
        "PyTorch predict, ms",
        "process start to first step, ms",
        "memory, MB",
        "PyTorch memory, MB",
      ],
      times,
    ),
    "",
    "### Where the time goes (default)",
    "",
    ...profiles.flatMap((p) => [
      `${p.shape}: products run at ${p.productRate.toFixed(0)} GFLOP/s, ${((100 * p.productRate) / p.peakRate).toFixed(0)} % of the ${p.peakRate.toFixed(0)} of a product of 384 x 384 x 384 alone; the step as a whole at ${p.stepRate.toFixed(0)}.`,
      "",
      table(
        ["kernels", "share of the step", "calls"],
        p.shares.map((s) => [s.name, `${(100 * s.share).toFixed(1)} %`, s.calls]),
      ),
      "",
    ]),
    "### Cost as sequences grow (mosi50's widths, 16 sequences)",
    "",
    table(
      ["rows a sequence", "step, ms", "ms a row", "memory, MB"],
      lengths.map(([n, r]) => [n, ms(r.step_ms), (r.step_ms / (16 * n)).toFixed(3), r.peak_rss_mb]),
    ),
    "",
    "Linear in rows but for attention, which is quadratic in a sequence's length.",
    "",
    "### Cost as widths grow (mosi50's batches)",
    "",
    table(
      ["k", "r", "parameters", "step, ms", "ms a million parameters"],
      widths.map(([k, r, b]) => [k, r, b.params, ms(b.step_ms), ((1e6 * b.step_ms) / b.params).toFixed(0)]),
    ),
  ].join("\n");
}

if (require.main === module) entry(main);
