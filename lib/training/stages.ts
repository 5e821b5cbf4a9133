/**
 * Training in two stages (lib/layers/system.ts, `Stages`): each modality's net by itself, then a net on their features; the
 * graph of both, with all weights, is the model. Every net is trained by the same trainer, with its own best epoch.
 */
import { rmSync } from "node:fs";
import { Rng } from "../core/rng";
import type { FitData } from "../core/system";
import type { Matrix, Modality, Split, Targets } from "../core/types";
import { batches, rowsOf, select, sequencesOf, videosOf } from "../data";
import type { Engine, Program } from "../engine/engine";
import type { Value } from "../engine/graph";
import { record, recordStages } from "../layers/record";
import type { NeuralSystem, Stages } from "../layers/system";
import { neuralModel } from "./model";
import type { Prepared } from "./prepare";
import { setWeights } from "./steps";
import type { Trained, TrainOptions } from "./train";
import type { Weights } from "./checkpoint";

type TrainOne = (prepared: Prepared, options: TrainOptions) => Promise<Trained>;

/** @param trainOne  trains a system of one stage */
export async function trainStages(
  prepared: Prepared & { readonly system: NeuralSystem & { readonly stages: Stages } },
  options: TrainOptions & { readonly engine: Engine },
  trainOne: TrainOne,
): Promise<Trained> {
  const { system, shape, config, train } = prepared;
  const { engine, seed, checkpoint, say } = options;
  const stages = recordStages(system, shape, config);
  const weights: Record<string, Float32Array> = {};
  const files: string[] = [];
  let stopped = false;

  /** Trains the net of modality `m` on `data`; undefined when the signal came. */
  async function first(m: Modality, label: string, data: FitData): Promise<Weights | undefined> {
    say?.(`${system.name}: stage 1, ${m}${label}`);
    const name = `stage1-${m}${label.replace(/\W+/g, "-")}`;
    // A net that is done waits in memory for the second stage: a stop until then would lose what no checkpoint has.
    const own = checkpoint && { ...checkpoint, file: `${checkpoint.file}.${name}`, atEnd: true };
    if (own) files.push(own.file);
    const only = (d: FitData): FitData => ({ ...d, split: { ...d.split, x: { [m]: d.split.x[m] } } });
    const part: Prepared = {
      ...prepared,
      system: {
        ...system,
        forward: (net, c) => system.stages.first(net, c).output,
        stages: undefined,
        accepts: () => undefined,
      },
      shape: { ...shape, modalities: [m], widths: { [m]: shape.widths[m] } },
      train: only(data),
      ...(prepared.valid && { valid: only(prepared.valid) }),
      test: only(prepared.test),
    };
    const { model, status } = await trainOne(part, {
      ...options,
      onResume: undefined,
      onEpoch: undefined,
      watchTest: false,
      checkpoint: own,
    });
    try {
      stopped = status === "stopped";
      if (stopped) return undefined;
      const saved = await model.save();
      return Object.fromEntries(Object.entries(saved).map(([k, v]) => [k, Float32Array.from(v.data)]));
    } finally {
      model.dispose();
    }
  }

  /** Features of a split by a net of the first stage. */
  async function featuresOf(m: Modality, net: Weights, split: Split): Promise<Matrix> {
    const { graph, output, features } = stages.first[m];
    const program = engine.compile(graph, output, seed);
    try {
      setWeights(program, net);
      return await evaluate(program, features, { ...split, x: { [m]: split.x[m] } });
    } finally {
      program.dispose();
    }
  }

  // All nets of a modality start from the same weights and end close to each other, so a feature means the same in each: on MOSI's
  // text after 20 epochs, unit by unit, features of the test videos correlate at 0.98 (median) between whole and blind nets. Stage 2
  // therefore reads from the whole net at test time what it learnt on from blind ones.
  const videos = videosOf(train.split);
  const asked = system.stages.folds(config);
  const folds = Math.min(asked, new Set(videos).size);
  const fold = folds > 1 ? foldOf(videos, folds, seed) : undefined;
  const notes =
    asked > 1 && !fold
      ? [
          `all training sequences are of one video: stage 2 learns on features of nets that saw it (folds 1, not ${asked})`,
        ]
      : [];
  const made = { train: {}, valid: {}, test: {} } as Record<
    "train" | "valid" | "test",
    Partial<Record<Modality, Matrix>>
  >;
  for (const m of shape.modalities) {
    const net = await first(m, "", train);
    if (!net) break;
    Object.assign(weights, net);
    if (prepared.valid) made.valid[m] = await featuresOf(m, net, prepared.valid.split);
    made.test[m] = await featuresOf(m, net, prepared.test.split);
    if (!fold) made.train[m] = await featuresOf(m, net, train.split);
    else {
      const parts: { sequences: Int32Array; matrix: Matrix }[] = [];
      for (let f = 0; f < folds && !stopped; f++) {
        const inside = Int32Array.from([...fold.keys()].filter((s) => fold[s] === f));
        const others = Int32Array.from([...fold.keys()].filter((s) => fold[s] !== f));
        if (inside.length === 0) continue;
        const blind = await first(
          m,
          `, without fold ${f + 1} of ${folds}`,
          subset(train, others, shape.level === "row"),
        );
        if (blind) parts.push({ sequences: inside, matrix: await featuresOf(m, blind, select(train.split, inside)) });
      }
      if (!stopped) made.train[m] = together(parts, train.split, stages.first[m].features.axis === "rows");
    }
    if (stopped) break;
  }

  const { graph, output } = record(system, shape, config);
  const program = engine.compile(graph, output, seed);
  try {
    setWeights(program, weights);
    const model = neuralModel(program, prepared, notes);
    for (const note of notes) say?.(`${system.name}: ${note}`);
    if (stopped) return { status: "stopped", model, epochs: [] };
    say?.(`${system.name}: stage 2`);
    const perRow = stages.first[shape.modalities[0]].features.axis === "rows";
    const on = (d: FitData, x: Split["x"]): FitData => ({
      ...d,
      split: { ...d.split, x, ...(!perRow && { offsets: singles(d.split) }) },
    });
    const trained = await trainOne(
      {
        ...prepared,
        system: { ...system, forward: system.stages.second, stages: undefined, accepts: () => undefined },
        shape: {
          ...shape,
          widths: Object.fromEntries(shape.modalities.map((m) => [m, stages.first[m].features.width])),
        },
        train: on(train, made.train),
        ...(prepared.valid && { valid: on(prepared.valid, made.valid) }),
        test: on(prepared.test, made.test),
      },
      options,
    );
    try {
      for (const [name, { data }] of Object.entries(await trained.model.save()))
        program.set(name, Float32Array.from(data));
    } finally {
      trained.model.dispose();
    }
    if (trained.status === "done") for (const file of files) rmSync(file, { force: true });
    return { ...trained, model };
  } catch (error) {
    program.dispose();
    throw error;
  }
}

/** A value for every row or sequence of a split, as one matrix. */
async function evaluate(program: Program, value: Value, split: Split): Promise<Matrix> {
  const rows = value.axis === "rows" ? rowsOf(split) : sequencesOf(split);
  const data = new Float32Array(rows * value.width);
  let at = 0;
  for (const batch of batches(split, undefined, 32)) {
    const [part] = await program.evaluate(batch, [value]);
    data.set(part, at);
    at += part.length;
  }
  return { rows, width: value.width, data };
}

const singles = (split: Split): Int32Array => Int32Array.from({ length: sequencesOf(split) + 1 }, (_, i) => i);

/** The fold of each sequence: at random, the sequences of a video together. */
function foldOf(videos: readonly string[], folds: number, seed: number): Int32Array {
  const names = [...new Set(videos)];
  const place = new Map<string, number>();
  new Rng(seed, "folds").permutation(names.length).forEach((name, i) => place.set(names[name], i % folds));
  return Int32Array.from(videos, (video) => place.get(video)!);
}

function subset({ split, targets }: FitData, sequences: Int32Array, perRow: boolean): FitData {
  const units = perRow
    ? [...sequences].flatMap((s) =>
        Array.from({ length: split.offsets[s + 1] - split.offsets[s] }, (_, i) => split.offsets[s] + i),
      )
    : [...sequences];
  const each = targets.values instanceof Int32Array ? 1 : targets.outputs;
  const values = units.flatMap((u) => [...targets.values.subarray(u * each, (u + 1) * each)]);
  const taken: Targets = {
    ...targets,
    values: targets.values instanceof Int32Array ? Int32Array.from(values) : Float32Array.from(values),
  };
  return { split: select(split, sequences), targets: taken };
}

/** Matrices of parts of a split, back in its order. */
function together(parts: readonly { sequences: Int32Array; matrix: Matrix }[], split: Split, perRow: boolean): Matrix {
  const { width } = parts[0].matrix;
  const offsets = perRow ? split.offsets : singles(split);
  const data = new Float32Array(offsets[offsets.length - 1] * width);
  for (const { sequences, matrix } of parts) {
    let from = 0;
    for (const s of sequences) {
      const length = (offsets[s + 1] - offsets[s]) * width;
      data.set(matrix.data.subarray(from, from + length), offsets[s] * width);
      from += length;
    }
  }
  return { rows: data.length / width, width, data };
}
