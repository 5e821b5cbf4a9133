/**
 * Recomputes the golden cases of networks: outputs, hidden states, attention, losses, all gradients, and Adam where given.
 * A case's `config` says which system and variant it is; weights, inputs and labels come from the file.
 */
import { SystemError } from "../core/errors";
import { Comparison, type GoldenCase, type GoldenCheck } from "../core/golden";
import {
  type Batch,
  type Config,
  type Matrix,
  type Modality,
  modalityOrder,
  type Shape,
  type Task,
} from "../core/types";
import type { Engine, Program } from "../engine/engine";
import type { Value } from "../engine/graph";
import { modalityWord } from "../layers/modalities";
import { record } from "../layers/record";
import type { NeuralSystem } from "../layers/system";
import { cia } from "./cia";

/** |d| <= 1e-5 max(1, |x|): the measured error of a plain float32 run is 7e-7 (golden/README.md). */
const TOLERANCE = 1e-5;
const key = { seed: 1, step: 0 };

/** The config entry of a case, refused by name where it is missing or of another kind. */
class Reader {
  constructor(private readonly golden: GoldenCase) {}

  private get<T>(name: string, is: (v: unknown) => v is T, what: string): T {
    const value = name
      .split(".")
      .reduce<unknown>((v, k) => (v as Record<string, unknown> | undefined)?.[k], this.golden.config);
    if (!is(value))
      throw new SystemError(
        `${this.golden.name}: expected config.${name} to be ${what}, found ${JSON.stringify(value)}.`,
      );
    return value;
  }
  has(name: string): boolean {
    return this.golden.config[name] !== undefined;
  }
  number(name: string): number {
    return this.get(name, (v): v is number => typeof v === "number", "a number");
  }
  text(name: string): string {
    return this.get(name, (v): v is string => typeof v === "string", "text");
  }
  flag(name: string): boolean {
    return this.get(name, (v): v is boolean => typeof v === "boolean", "true or false");
  }
  list(name: string): readonly string[] {
    return this.get(name, (v): v is string[] => Array.isArray(v), "a list");
  }
  gates(): "hardSigmoid" | "sigmoid" {
    if (!this.has("recurrentActivation")) return "sigmoid";
    return this.text("recurrentActivation") === "hard_sigmoid" ? "hardSigmoid" : "sigmoid";
  }
}

interface Recomputed {
  readonly system: NeuralSystem;
  /** The difference from the system's defaults; dropout is off. */
  readonly config: (c: Reader) => Config;
  /** What a plain run does not give: e.g. the moving statistics after a step. */
  readonly more?: (run: Run) => Promise<Readonly<Record<string, ArrayLike<number>>>>;
}

interface Run {
  readonly golden: GoldenCase;
  readonly batch: Batch;
  /** The same system under another difference from its defaults, with the case's weights. */
  compile(difference: Config): Program;
}

const systems: Readonly<Record<string, Recomputed>> = {
  cia: {
    system: cia as unknown as NeuralSystem,
    config: (c) => ({
      k: c.number("sizes.k"),
      r: c.number("sizes.r"),
      cam: c.text("cam"),
      merge: c.flag("merge"),
      iim: String(c.flag("iim")),
      gates: c.gates(),
      drop: 0,
      gruDrop: 0,
    }),
  },
};

export function neuralGolden(engine: Engine): GoldenCheck {
  return {
    handles: ({ system }) => typeof system === "string" && Object.hasOwn(systems, system),
    check: (golden) => check(engine, golden),
  };
}

function shapeOf(golden: GoldenCase, c: Reader): Shape {
  const modalities = modalityOrder.filter((m) => golden.arrays[`input/${modalityWord[m]}`]);
  const widths: Partial<Record<Modality, number>> = {};
  for (const m of modalities) widths[m] = golden.arrays[`input/${modalityWord[m]}`].shape[1];
  const head = c.text("head");
  const tasks: Readonly<Record<string, Task>> = {
    softmax: { kind: "classes", classes: c.number("classes") },
    sigmoid: { kind: "emotions" },
    tanh: { kind: "intensity" },
    l1: { kind: "intensity" },
  };
  if (!tasks[head])
    throw new SystemError(`${golden.name}: expected config.head of ${Object.keys(tasks).join(", ")}, found ${head}.`);
  const level = c.has("perStep") && c.flag("perStep") ? "row" : "sequence";
  return { widths, modalities, level, task: tasks[head], outputs: head === "l1" ? 1 : c.number("classes") };
}

function batchOf(golden: GoldenCase, shape: Shape): Batch {
  const x: Partial<Record<Modality, Matrix>> = {};
  for (const m of shape.modalities) {
    const { shape: [rows, width], data } = golden.arrays[`input/${modalityWord[m]}`]; // prettier-ignore
    x[m] = { rows, width, data: Float32Array.from(data) };
  }
  const { offsets, labels } = golden.arrays;
  if (!offsets || !labels)
    throw new SystemError(`${golden.name}: expected entries offsets and labels, found one missing.`);
  const targets = labels.dtype === "int32" ? Int32Array.from(labels.data) : Float32Array.from(labels.data);
  return { offsets: Int32Array.from(offsets.data), x, targets };
}

async function check(engine: Engine, golden: GoldenCase): Promise<ReturnType<Comparison["result"]>> {
  const c = new Reader(golden);
  const { system, config, more } = systems[c.text("system")];
  const shape = shapeOf(golden, c);
  const batch = batchOf(golden, shape);
  const under = (prefix: string) =>
    Object.keys(golden.arrays).filter((n) => n.startsWith(prefix)).map((n) => n.slice(prefix.length)); // prettier-ignore
  const programs: Program[] = [];
  const compile = (difference: Config): Program => {
    const { graph, output } = record(system, shape, { ...system.defaults, ...difference });
    const program = engine.compile(graph, output, 1);
    programs.push(program);
    const missing = [...graph.params.keys()].filter((name) => !golden.arrays[`weight/${name}`]);
    if (missing.length > 0)
      throw new SystemError(
        `${golden.name}: expected weights ${missing.slice(0, 3).join(", ")}, found none of that name.`,
      );
    for (const name of under("weight/")) program.set(name, Float32Array.from(golden.arrays[`weight/${name}`].data));
    return program;
  };
  try {
    return await compare();
  } finally {
    programs.forEach((p) => p.dispose());
  }

  async function compare() {
    const comparison = new Comparison(golden);
    const difference: Config = { ...intensityOf(system, c.text("head")), ...config(c) };
    const program = compile(difference);
    const feeds = Object.fromEntries(
      under("input/gauss/").map((k) => [`gauss/${k}`, Float32Array.from(golden.arrays[`input/gauss/${k}`].data)]),
    );
    const run = { feeds, key: c.has("mode") && c.text("mode") === "train" ? key : undefined };

    const extra = more ? await more({ golden, batch, compile: (d) => compile({ ...difference, ...d }) }) : {};
    const { output } = program;
    const stored = under("output/").filter((name) => !(name in extra));
    const known = new Map<string, Value>([
      ...["probabilities", "prediction", "predictions", "output"].map((name): [string, Value] => [
        name,
        output.prediction,
      ]),
      ["logits", output.logits],
      ...Object.entries(output.taps ?? {}),
    ]);
    const found = stored.filter((name) => known.has(name));
    const values = await program.evaluate(batch, found.map((name) => known.get(name) as Value), run); // prettier-ignore
    found.forEach((name, i) => comparison.entry(`output/${name}`, values[i], TOLERANCE));
    for (const name of stored)
      if (!known.has(name)) comparison.condition(`output/${name}`, false, "a value that this system does not have");
    for (const [name, value] of Object.entries(extra)) comparison.entry(`output/${name}`, value, TOLERANCE);

    const losses = await program.losses(batch, run);
    for (const name of under("loss/")) comparison.entry(`loss/${name}`, [losses[name]], TOLERANCE);
    const gradients = await program.gradients(batch, run);
    // Values to 147 in dfg_mmsa: its gradients are allowed ten times as much (golden/README.md).
    const allowed = c.text("system") === "dfg" && c.text("efficacy") === "linear" ? 10 * TOLERANCE : TOLERANCE;
    for (const name of under("grad/")) comparison.entry(`grad/${name}`, gradients[name] ?? [], allowed);

    if (golden.arrays.loss_adam) await compareAdam(program, comparison);
    return comparison.result();
  }

  /** Three full-batch steps, compared where the gradient is not too small for single precision. */
  async function compareAdam(program: Program, comparison: Comparison): Promise<void> {
    const totals: number[] = [];
    for (let step = 0; step < 3; step++)
      totals.push((await program.step(batch, { seed: 1, step }, { learningRate: 1e-3, epsilon: 1e-7 })).total);
    totals.push((await program.losses(batch)).total);
    comparison.entry("loss_adam", totals, TOLERANCE);
    for (const name of under("adam3/")) {
      const weights = await program.get(name);
      const gradient = comparison.array(`grad/${name}`).data;
      const expected = Float64Array.from(comparison.array(`adam3/${name}`).data);
      const large = [...expected.keys()].filter((i) => Math.abs(gradient[i]) > 1e-5);
      comparison.values(`adam3/${name}`, large.map((i) => weights[i]), large.map((i) => expected[i]), TOLERANCE); // prettier-ignore
    }
  }
}

/** Which intensity head the case was made with. */
function intensityOf(system: NeuralSystem, head: string): Config {
  if (head !== "l1" && head !== "tanh") return {};
  const intensity = head === "l1" ? "l1" : "tanh-mse";
  if (!("intensity" in system.defaults) && head === "l1")
    throw new SystemError(`${system.name}: expected head softmax, tanh or sigmoid, found l1.`);
  return "intensity" in system.defaults ? { intensity } : {};
}
