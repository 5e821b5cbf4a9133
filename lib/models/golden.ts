/**
 * Recomputes the golden cases of networks: outputs, hidden states, attention, losses, all gradients, and Adam where given.
 * A case's `config` says which system and variant it is; weights, inputs and labels come from the file.
 */
import { SystemError } from "../core/errors";
import { Comparison, sameShape, shapeText, systemOf, type GoldenCase, type GoldenCheck } from "../core/golden";
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
import type { Param, Value } from "../engine/graph";
import { modalityWord } from "../layers/modalities";
import { record } from "../layers/record";
import type { NeuralSystem } from "../layers/system";
import { bcLstm } from "./bc-lstm";
import { biGru } from "./bigru";
import { cia } from "./cia";
import { df } from "./df";
import { dfg } from "./dfg";
import { efLstm } from "./ef-lstm";
import { marn } from "./marn";
import { mfm } from "./mfm";
import { mfn } from "./mfn";
import { mmmuBa } from "./mmmu-ba";
import { mvLstm } from "./mv-lstm";
import { tfn } from "./tfn";

/** |d| <= 1e-5 + 1e-5 |x|: the measured error of a plain float32 run is 7e-7 (golden/README.md). */
const TOLERANCE = 1e-5;
/**
 * After three steps of 0.001, each of which is the gradient over its own size: where that is 1e-5, the least that is compared,
 * its error in single precision (3e-7) is 3 % of a step.
 */
const ADAM_TOLERANCE = 1e-4;
const key = { seed: 1, step: 0 };

/** The config entry of a case, refused by name where it is missing or of another kind. */
class Reader {
  constructor(private readonly golden: GoldenCase) {}

  private find(name: string): unknown {
    return name
      .split(".")
      .reduce<unknown>((v, k) => (v as Record<string, unknown> | undefined)?.[k], this.golden.config);
  }
  private get<T>(name: string, is: (v: unknown) => v is T, what: string): T {
    const value = this.find(name);
    if (!is(value))
      throw new SystemError(
        `${this.golden.name}: expected config.${name} to be ${what}, found ${JSON.stringify(value)}.`,
      );
    return value;
  }
  keys(): readonly string[] {
    return Object.keys(this.golden.config);
  }
  has(name: string): boolean {
    return this.find(name) !== undefined;
  }
  /** Whether a part is said to be left away: null or false. */
  off(name: string): boolean {
    return this.find(name) === null || this.find(name) === false;
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
  /** A switch that may also be a word: true -> "true". */
  option(name: string): string {
    return String(
      this.get(name, (v): v is string | boolean => typeof v === "boolean" || typeof v === "string", "a switch"),
    );
  }
  list(name: string): readonly string[] {
    return this.get(name, (v): v is string[] => Array.isArray(v), "a list");
  }
  /** A list of words, or text such as "audio_video_text" or "avt". */
  words(name: string): readonly string[] {
    const value = this.find(name);
    if (typeof value !== "string") return this.list(name);
    const parts = value.split(/[^a-zA-Z]+/);
    return parts.length > 1 ? parts : [...value];
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

/** A case's number for each modality that it has, under our keys: h.text -> hT. */
const widths = (c: Reader, from: string, to: string): Config =>
  Object.fromEntries(
    modalityOrder
      .filter((m) => c.has(`${from}.${modalityWord[m]}`))
      .map((m) => [`${to}${m}`, c.number(`${from}.${modalityWord[m]}`)]),
  );
const numbers = (c: Reader, ...names: readonly string[]): Config =>
  Object.fromEntries(names.map((name) => [name, c.number(name)]));
/** ["video_text", "text"] -> "VT,T". */
const letters = (names: readonly string[]): readonly string[] =>
  names.map((name) =>
    name
      .split("_")
      .map((word) => modalityOrder.find((m) => [m, m.toLowerCase(), modalityWord[m]].includes(word)) ?? "?")
      .join(""),
  );
const fusionOrder = (c: Reader): string => {
  const name = c.keys().find((key) => /order$/i.test(key) && key !== "gateOrder");
  return name ? letters(c.words(name)).join("") : "TAV";
};
const dropless = (...names: readonly string[]): Config => Object.fromEntries(names.map((name) => [name, 0]));
const memory = (c: Reader): Config => ({
  ...widths(c, "h", "h"),
  ...numbers(c, "m", "att2", "gamma1", "gamma2"),
  ...dropless("att1Drop", "att2Drop", "gamma1Drop", "gamma2Drop"),
});
const gatesSee = (c: Reader): Config => (c.has("gatesSeeMemory") ? { gatesSeeMemory: c.flag("gatesSeeMemory") } : {});
const efficacyOf = (c: Reader): "sigmoid" | "linear" =>
  !c.off("efficacy") && c.text("efficacy") === "sigmoid" ? "sigmoid" : "linear";
/** How many utterances MMMU-BA pads to: as said, or where a case's name or its description says that padded ones are keys. */
const padTo = (c: Reader): number => {
  if (c.has("padTo")) return c.number("padTo");
  const says = (name: string) => c.has(name) && /padded/.test(c.text(name)) && !/true utterances/.test(c.text(name));
  return says("case") || says("variant") ? c.number("maxLength") : 0;
};
const neural = (system: unknown): NeuralSystem => system as NeuralSystem;

const systems: Readonly<Record<string, Recomputed>> = {
  cia: {
    system: neural(cia),
    config: (c) => ({
      ...{ k: c.number("sizes.k"), r: c.number("sizes.r"), cam: c.text("cam"), merge: c.flag("merge") },
      ...{ iim: c.has("iim") ? c.option("iim") : "true", gates: c.gates() },
      ...dropless("drop", "gruDrop"),
    }),
  },
  ef_lstm: { system: neural(efLstm), config: (c) => ({ h: c.number("h"), ...dropless("drop") }) },
  mfn: {
    system: neural(mfn),
    config: (c) => ({ ...memory(c), ...numbers(c, "att1", "outHidden"), ...gatesSee(c), ...dropless("outDrop") }),
  },
  marn: {
    system: neural(marn),
    config: (c) => ({
      ...{ ...widths(c, "h", "h"), ...widths(c, "l", "l"), ...numbers(c, "K", "outHidden") },
      ...{ jointSoftmax: c.flag("jointSoftmax"), fuse: c.flag("fuse") },
      ...(c.flag("fuse") ? numbers(c, "z") : {}),
      ...dropless("outDrop"),
    }),
  },
  mv_lstm: {
    system: neural(mvLstm),
    config: (c) => ({
      ...numbers(c, "d", "e", "alpha", "beta"),
      ...{ betaKeeps: c.text("betaKeeps"), tanhC: c.flag("tanhC") },
      ...dropless("drop"),
    }),
  },
  tfn: {
    system: neural(tfn),
    config: (c) => ({
      ...numbers(c, "textHidden", "textOut", "audioHidden", "videoHidden", "fusionHidden", "bnEpsilon"),
      order: fusionOrder(c),
      ...dropless("textDrop", "drop", "fusionDrop"),
      range: 3, // golden/README.md: 6 sigmoid(logit) - 3
    }),
    more: (run) => movingStatistics(run),
  },
  dfg: {
    system: neural(dfg),
    config: (c) => ({
      ...{
        ...memory(c),
        ...widths(c, "singleton", "s"),
        ...numbers(c, "node", "core", "efficacyCoreOut", "outHidden"),
      },
      efficacy: efficacyOf(c),
      singletonFrom: c.text("singletonFrom").startsWith("h") ? "h" : "c",
      ...dropless("outDrop"),
    }),
  },
  mmmu_ba: {
    system: neural(mmmuBa),
    config: (c) => ({
      ...{ ...numbers(c, "r", "k"), dense: c.text("denseActivation"), gates: c.gates() },
      ...(c.has("mergeOrder") ? { merge: letters(c.list("mergeOrder")).join(",") } : {}),
      ...(c.has("attention") ? { attention: c.text("attention") } : {}),
      padTo: padTo(c),
      ...dropless("gruDrop", "drop"),
    }),
  },
  bc_lstm: {
    system: neural(bcLstm),
    config: (c) => ({
      ...{ ...numbers(c, "r1", "feature1", "r2", "feature2"), gates: c.gates() },
      ...dropless("inputDrop1", "inputDrop2", "drop"),
    }),
  },
  mfm: {
    system: neural(mfm),
    config: (c) => ({
      ...{ ...memory(c), ...numbers(c, "att1"), ...gatesSee(c), ...widths(c, "z", "z"), ...widths(c, "f", "f") },
      ...{ zY: c.number("z.y"), fY: c.number("f.y") },
      ...Object.fromEntries(
        modalityOrder
          .filter((m) => c.has(`lossWeights.mse/${modalityWord[m]}`))
          .map((m) => [`lambda${m}`, c.number(`lossWeights.mse/${modalityWord[m]}`)]),
      ),
      ...{ lambdaMmd: c.number("lossWeights.mmd"), ...dropless("drop") },
    }),
  },
  bigru: { system: neural(biGru), config: (c) => ({ ...numbers(c, "r", "k"), ...dropless("drop", "gruDrop") }) },
  df: { system: neural(df), config: (c) => ({ ...numbers(c, "fc1", "fc2", "fusionHidden"), ...dropless("drop") }) },
};

/**
 * What a training step leaves in TFN's moving statistics under each convention; a share of 1 leaves the batch's own. Keras 1 and 2.x
 * (`keras2`), which no set-up here has, follow from those: a variance times n / (n - 1 - epsilon), .99 of the old and .01 of it.
 */
async function movingStatistics({ golden, batch, compile }: Run): Promise<Readonly<Record<string, ArrayLike<number>>>> {
  const found: Record<string, ArrayLike<number>> = {};
  const stored = Object.keys(golden.arrays).filter((name) => /^output\/.*\/bn\//.test(name));
  const conventions = [
    ["new_moving_$_pytorch", { bnMomentum: 0.1, bnUnbiased: true }],
    ["new_moving_$_tfkeras", { bnMomentum: 0.01, bnUnbiased: false }],
    ["batch_$", { bnMomentum: 1, bnUnbiased: false }],
  ] as const;
  if (stored.length === 0) return found;
  for (const [name, difference] of conventions) {
    const program = compile(difference);
    await program.step(batch, key, { learningRate: 0 });
    for (const path of ["audio", "video"])
      for (const statistic of ["mean", "variance"]) {
        const parameter = `${path}/bn/moving_${statistic}`;
        if (!program.graph.params.has(parameter)) continue;
        const entry = `${path}/bn/${name.replace("$", statistic)}`;
        const suffixed = [entry, `${entry}_biased`].find((e) => golden.arrays[`output/${e}`]);
        if (suffixed) found[suffixed] = await program.get(parameter);
        const keras = `${path}/bn/new_moving_${statistic}_keras2`;
        if (difference.bnMomentum !== 1 || !golden.arrays[`output/${keras}`]) continue;
        const n = batch.offsets.length - 1;
        const factor = statistic === "variance" ? n / (n - 1 - Number(golden.config.bnEpsilon)) : 1;
        const old = golden.arrays[`weight/${parameter}`].data;
        found[keras] = (await program.get(parameter)).map((v, i) => 0.99 * old[i] + 0.01 * factor * v);
      }
  }
  return found;
}

export function neuralGolden(engine: Engine): GoldenCheck {
  return {
    handles: (config) => Object.hasOwn(systems, systemOf(config)),
    check: (golden) => check(engine, golden),
  };
}

function shapeOf(golden: GoldenCase, c: Reader): Shape {
  const modalities = modalityOrder.filter((m) => golden.arrays[`input/${modalityWord[m]}`]);
  const widths: Partial<Record<Modality, number>> = {};
  for (const m of modalities) widths[m] = golden.arrays[`input/${modalityWord[m]}`].shape[1];
  const head = c.text("head");
  const outputs = head === "l1" || (head === "tanh" && !c.has("classes")) ? 1 : c.number("classes");
  const tasks: Readonly<Record<string, Task>> = {
    softmax: { kind: "classes", classes: outputs },
    sigmoid: { kind: "emotions" },
    tanh: { kind: "intensity" },
    l1: { kind: "intensity" },
  };
  if (!tasks[head])
    throw new SystemError(`${golden.name}: expected config.head of ${Object.keys(tasks).join(", ")}, found ${head}.`);
  const level = c.has("perStep") && c.flag("perStep") ? "row" : "sequence";
  return { widths, modalities, level, task: tasks[head], outputs };
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
  const { system, config, more } = systems[systemOf(golden.config)];
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
    for (const { name, shape: expected } of graph.params.values()) {
      const { shape: found } = golden.arrays[`weight/${name}`];
      if (!sameShape(expected, found))
        throw new SystemError(
          `${golden.name}, weight/${name}: expected ${shapeText(expected)} numbers, found ${shapeText(found)}.`,
        );
    }
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
    const sequences = batch.offsets.length - 1;
    const rowsOf = { rows: batch.offsets[sequences], sequences, step: 1, scalar: 1 } as const;
    const noises = program.graph.values.flatMap(({ op, width }) => (op.kind === "noise" ? [{ ...op, width }] : []));
    const feeds: Record<string, Float32Array> = {};
    for (const { name, width } of noises) {
      const { shape: found, data } = comparison.array(`input/${name}`);
      if (!sameShape([sequences, width], found))
        throw new SystemError(
          `${golden.name}, input/${name}: expected ${shapeText([sequences, width])} numbers, found ${shapeText(found)}.`,
        );
      feeds[name] = Float32Array.from(data);
    }
    const inputs = [...modalityOrder.map((m) => modalityWord[m]), ...noises.map(({ name }) => name)];
    for (const name of under("input/"))
      if (!inputs.includes(name))
        comparison.condition(`input/${name}`, false, "an input that this system does not have");
    const run = { feeds, key: c.has("mode") && c.text("mode") === "train" ? key : undefined };

    const extra = more ? await more({ golden, batch, compile: (d) => compile({ ...difference, ...d }) }) : {};
    const { output } = program;
    const stored = under("output/").filter((name) => !(name in extra));
    const taps: Readonly<Record<string, Value>> = {
      prediction: output.prediction,
      logits: output.logits,
      ...output.taps,
    };
    // Predictions go by several names: class probabilities, scores, intensities.
    const tap = (name: string) => taps[name] ?? taps[name.replace(/(probabilities|predictions|output)$/, "prediction")];
    const found = stored.filter(tap);
    const values = await program.evaluate(batch, found.map(tap), run);
    found.forEach((name, i) => {
      const rows = rowsOf[tap(name).axis];
      comparison.entry(`output/${name}`, values[i], TOLERANCE, [rows, values[i].length / rows]);
    });
    for (const [name, value] of Object.entries(extra)) comparison.entry(`output/${name}`, value, TOLERANCE);
    comparison.condition("output", found.length > 0, "expected entries output/..., found none that this system has");

    // A case has every loss and the gradient of every weight: one that is not there is one that was not checked.
    const losses = await program.losses(batch, run);
    for (const [name, loss] of Object.entries(losses)) comparison.entry(`loss/${name}`, [loss], TOLERANCE, []);
    const gradients = await program.gradients(batch, run);
    const weights = [...program.graph.params.values()].filter(({ trainable }) => trainable);
    // Values to 147 in dfg_mmsa: its gradients are allowed ten times as much (golden/README.md).
    const allowed = systemOf(golden.config) === "dfg" && efficacyOf(c) !== "sigmoid" ? 10 * TOLERANCE : TOLERANCE;
    for (const weight of weights)
      comparison.entry(`grad/${weight.name}`, gradients[weight.name], allowed, weight.shape);

    if (comparison.has("loss_adam") || under("adam3/").length > 0) await compareAdam(program, weights, comparison);
    return comparison.result();
  }

  /** Three full-batch steps, compared where the gradient is not too small for single precision. */
  async function compareAdam(program: Program, weights: readonly Param[], comparison: Comparison): Promise<void> {
    const totals: number[] = [];
    for (let step = 0; step < 3; step++)
      totals.push((await program.step(batch, { seed: 1, step }, { learningRate: 1e-3, epsilon: 1e-7 })).total);
    totals.push((await program.losses(batch)).total);
    comparison.entry("loss_adam", totals, TOLERANCE, [totals.length]);
    for (const { name, shape: of } of weights) {
      const ours = Float64Array.from(await program.get(name));
      const [gradient, expected] = [`grad/${name}`, `adam3/${name}`].map((entry) => golden.arrays[entry]?.data ?? []);
      // Where it is too small ours is taken as right, but never against an entry that is no number.
      for (let i = 0; i < ours.length; i++)
        if (Math.abs(gradient[i]) <= 1e-5 && Number.isFinite(expected[i])) ours[i] = expected[i];
      comparison.entry(`adam3/${name}`, ours, ADAM_TOLERANCE, of);
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
