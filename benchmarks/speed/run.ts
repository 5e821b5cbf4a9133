/**
 * npm run speed: times CIA's training step, ours and PyTorch's, in turns on one core, and writes the ratios
 * to results/speed.md, with where the time goes and what a step costs as rows and widths grow.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "../../lib/core/errors";
import type { BenchResult } from "../bench";
import { entry, parse, wholeNumber } from "../cli";
import { measureProfile, type Profile } from "./profile";
import { type ShapeName, shapeNames } from "./shapes";

const usage = `usage: npm run speed -- [--python PYTHON] [--rounds N] [--script FILE] [--out FILE]

Times a training step of CIA (npm run bench) against PyTorch eager in turns, both pinned to core 0 (Linux: taskset), and writes
ratios (min, median, max over rounds; below 1 is faster than PyTorch's best layout) to results/speed.md.
  --python PYTHON  an interpreter with torch and numpy; default .venv-bench/bin/python
  --script FILE    the PyTorch script; default ../shared/bench/torch_cia.py
  --rounds N       default 5`;

/** What the project set itself: (bar, goal) of step time over PyTorch's best layout. */
const bars: Readonly<Record<ShapeName, Readonly<Record<Way, readonly [number, number]>>>> = {
  youtube: { default: [0.95, 0.75], "fast math": [0.7, 0.55] },
  mosi50: { default: [0.62, 0.45], "fast math": [0.48, 0.35] },
  mosi200: { default: [0.68, 0.5], "fast math": [0.53, 0.4] },
};
type Way = "default" | "fast math";
const ways: readonly Way[] = ["default", "fast math"];

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

const pin = process.platform === "linux" && existsSync("/usr/bin/taskset") ? ["/usr/bin/taskset", "-c", "0"] : [];

function runJson(command: readonly string[]): unknown {
  const [file, ...args] = [...pin, ...command];
  const out = execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 });
  return JSON.parse(out.trim().split("\n").at(-1) as string);
}

const bench = (shape: ShapeName, ...more: string[]): BenchResult =>
  runJson([
    process.execPath,
    join(__dirname, "../bench.js"),
    "--engine",
    "wasm",
    "--shape",
    shape,
    "--json",
    ...more,
  ]) as BenchResult;

const sorted = (xs: readonly number[]): number[] => [...xs].sort((a, b) => a - b);
const median = (xs: readonly number[]): number => {
  const s = sorted(xs);
  return s.length % 2 ? s[s.length >> 1] : (s[s.length / 2 - 1] + s[s.length / 2]) / 2;
};

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

interface Round {
  readonly ours: Readonly<Record<Way, BenchResult>>;
  readonly torch: readonly TorchResult[];
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse("npm run speed", args, {
    python: { type: "string", default: ".venv-bench/bin/python" },
    script: { type: "string", default: "../shared/bench/torch_cia.py" },
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
  const [script, out] = [values.script as string, values.out as string];
  if (!existsSync(script))
    throw new UserError(
      `${script}: expected the PyTorch script that ours is compared with, found none; give its path with --script.`,
    );
  const rounds = wholeNumber("--rounds", values.rounds) ?? 5;

  console.error("profile and costs");
  const profiles: Profile[] = [];
  for (const shape of shapeNames) profiles.push(await measureProfile(shape));
  const cost = (...more: (string | number)[]): BenchResult => bench("mosi50", ...more.map(String));
  const lengths = [5, 20, 50, 100, 200, 500].map((n) => [n, cost("--length", n, "--steps", n < 200 ? 5 : 2)] as const);
  const widths = [50, 100, 200].flatMap((k) =>
    [50, 100, 200].map((r) => [k, r, cost("--k", k, "--r", r, "--steps", 7)] as const),
  );

  mkdirSync(dirname(out), { recursive: true });
  const measured = new Map<ShapeName, Round[]>();
  for (let i = 0; i < rounds; i++) {
    for (const shape of shapeNames) {
      console.error(`round ${i + 1} of ${rounds}: ${shape}`);
      const ours = { default: bench(shape), "fast math": bench(shape, "--fast-math") };
      const torch = layoutsOf(shape).map(
        (layout) => runJson([python, script, shape, "1", "eager", layout]) as TorchResult,
      );
      measured.set(shape, [...(measured.get(shape) ?? []), { ours, torch }]);
    }
    // After every round: what is measured is not lost if the next one is stopped.
    writeFileSync(`${out}.part`, page(measured, profiles, lengths, widths));
    renameSync(`${out}.part`, out);
  }
  console.log(`${out} is written.`);
  return 0;
}

function page(
  measured: ReadonlyMap<ShapeName, readonly Round[]>,
  profiles: readonly Profile[],
  lengths: readonly (readonly [number, BenchResult])[],
  widths: readonly (readonly [number, number, BenchResult])[],
): string {
  const of = (shape: ShapeName): readonly Round[] => measured.get(shape) ?? [];
  const best = (r: Round): number => Math.min(...r.torch.map((t) => t.step_ms));
  const ms = (x: number): string => x.toFixed(x < 10 ? 1 : 0);
  const ratios = shapeNames.flatMap((shape) =>
    ways.map((way) => {
      const all = sorted(of(shape).map((r) => r.ours[way].step_ms / best(r)));
      const [bar, goal] = bars[shape][way];
      const m = median(all);
      const verdict = m <= goal ? "goal met" : m <= bar ? "bar met" : "missed";
      return [shape, way, all[0].toFixed(2), `**${m.toFixed(2)}**`, all[all.length - 1].toFixed(2), bar, goal, verdict];
    }),
  );
  const times = shapeNames.map((shape) => {
    const rounds = of(shape);
    const mid = (f: (r: Round) => number): string => ms(median(rounds.map(f)));
    const [first] = rounds;
    return [
      shape,
      first.ours.default.rows,
      first.ours.default.params,
      mid((r) => r.ours.default.step_ms),
      mid((r) => r.ours["fast math"].step_ms),
      first.torch.map((t, i) => `${t.layout} ${mid((r) => r.torch[i].step_ms)}`).join(", "),
      mid((r) => r.ours.default.predict_ms),
      mid((r) => Math.min(...r.torch.map((t) => t.infer_ms))),
      mid((r) => r.ours.default.first_step_ms),
      mid((r) => r.ours.default.peak_rss_mb),
      mid((r) => Math.min(...r.torch.map((t) => t.peak_rss_mb))),
    ];
  });
  const [round] = of("youtube");
  return [
    "# Speed of a training step",
    "",
    `CIA as released (k 200, dropout on, Adam, batches of 16), one thread, random inputs. ${of("youtube").length} rounds; in each, ours and ${round.torch[0].sys} eager run one after the other on one core. Written by \`npm run speed\`.`,
    "",
    `Machine: ${cpus()[0]?.model}, ${cpus().length} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}. Ours: ${round.ours.default.engine}.`,
    "",
    "## Ours over PyTorch's best layout",
    "",
    table(["shape", "way", "min", "median", "max", "bar", "goal", ""], ratios),
    "",
    "Default: strict SIMD, the same bits on every machine. Fast math: fused multiply-add. Milliseconds vary with the machine and what else runs there; ratios less.",
    "",
    "## Times",
    "",
    table(
      [
        "shape",
        "rows a step",
        "parameters",
        "default, ms",
        "fast math, ms",
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
    "## Where the time goes (default)",
    "",
    ...profiles.flatMap((p) => [
      `${p.shape}: products run at ${p.productRate.toFixed(0)} GFLOP/s, ${((100 * p.productRate) / p.peakRate).toFixed(0)} % of the ${p.peakRate.toFixed(0)} that a product of 384 x 384 x 384 reaches on this core; the step as a whole at ${p.stepRate.toFixed(0)}.`,
      "",
      table(
        ["kernels", "share of the step", "calls"],
        p.shares.map((s) => [s.name, `${(100 * s.share).toFixed(1)} %`, s.calls]),
      ),
      "",
    ]),
    "## Cost as sequences grow (mosi50's widths, 16 sequences)",
    "",
    table(
      ["rows a sequence", "step, ms", "ms a row", "memory, MB"],
      lengths.map(([n, r]) => [n, ms(r.step_ms), (r.step_ms / (16 * n)).toFixed(3), r.peak_rss_mb]),
    ),
    "",
    "Linear in rows but for attention, which is quadratic in a sequence's length.",
    "",
    "## Cost as widths grow (mosi50's batches)",
    "",
    table(
      ["k", "r", "parameters", "step, ms", "ms a million parameters"],
      widths.map(([k, r, b]) => [k, r, b.params, ms(b.step_ms), ((1e6 * b.step_ms) / b.params).toFixed(0)]),
    ),
    "",
  ].join("\n");
}

if (require.main === module) entry(main);
