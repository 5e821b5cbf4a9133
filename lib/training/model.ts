/** A trained system: what predicts, what is saved, what is hashed. */
import { TrainingError } from "../core/errors";
import { sha256 } from "../core/json";
import type { FittedModel, SavedArrays } from "../core/system";
import type { Predictions, Split } from "../core/types";
import type { Program } from "../engine/engine";
import { rowsOf, sequencesOf, batches } from "../data";
import { toLabelScale } from "./score";
import type { Prepared } from "./prepare";

/** What a model must know of the run that made it: its shape, and the label scale in its training targets. */
export type ModelFrame = Pick<Prepared, "shape"> & { readonly train: Pick<Prepared["train"], "targets"> };

/** Predicts splits that are scaled and packed as the run's own (`Prepared`). */
export interface Model {
  readonly parameters: number;
  readonly notes: readonly string[];
  /** Probabilities, or intensities on the label scale. */
  predict(split: Split): Promise<Predictions>;
  /** Weights by name. */
  save(): Promise<SavedArrays>;
  dispose(): void;
}

/**
 * Refuses predictions that are no numbers: stored in 16 bits they would become 0, and count as a class.
 * @param cause  what is known of the reason
 */
async function finite(predictions: Predictions, cause: () => Promise<string>): Promise<Predictions> {
  const { values, outputs } = predictions;
  const at = values.findIndex((v) => !Number.isFinite(v));
  if (at < 0) return predictions;
  throw new TrainingError(
    `predictions, unit ${Math.floor(at / outputs) + 1}, output ${at % outputs}: expected a number, found ${values[at]}; ${await cause()}.`,
  );
}

/** About this many rows are predicted at once. */
const rowsAtOnce = 512;

/** @param notes  what is to be known of the run beside the program's own notes */
export function neuralModel(program: Program, prepared: ModelFrame, notes: readonly string[] = []): Model {
  const { shape } = prepared;
  const { graph, output } = program;
  const cause = async () => {
    for (const { name } of graph.params.values()) {
      const broken = (await program.get(name)).find((v) => !Number.isFinite(v));
      if (broken !== undefined) return `the weights ${name} hold ${broken}: lower learningRate`;
    }
    return "the weights are finite, so a value between overflowed: lower learningRate, or look at the features' scale";
  };
  return {
    parameters: graph.parameterCount,
    get notes() {
      return [...notes, ...(program.notes ?? [])];
    },
    async predict(split) {
      const mean = Math.max(1, rowsOf(split) / Math.max(1, sequencesOf(split)));
      const size = Math.max(1, Math.round(rowsAtOnce / mean));
      const units = shape.level === "row" ? rowsOf(split) : sequencesOf(split);
      const values = new Float32Array(units * shape.outputs);
      let at = 0;
      for (const batch of batches(split, undefined, size)) {
        const [part] = await program.evaluate(batch, [output.prediction]);
        values.set(part, at);
        at += part.length;
      }
      return toLabelScale(await finite({ units, outputs: shape.outputs, values }, cause), prepared.train.targets);
    },
    async save() {
      const saved: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
      for (const p of graph.params.values()) saved[p.name] = { shape: p.shape, data: await program.get(p.name) };
      return saved;
    },
    dispose: () => program.dispose(),
  };
}

export function fittedModel(model: FittedModel, prepared: ModelFrame): Model {
  return {
    parameters: model.parameters,
    notes: model.notes,
    async predict(split) {
      const predictions = await finite(model.predict(split), () => Promise.resolve("look at the features' scale"));
      return toLabelScale(predictions, prepared.train.targets);
    },
    save: () => Promise.resolve(model.save()),
    dispose: () => undefined,
  };
}

/** SHA-256 over names, shapes and bits, in the order of names. */
export function hashWeights(saved: SavedArrays): string {
  const parts = Object.keys(saved)
    .sort()
    .map((name) => {
      const { shape, data } = saved[name];
      return `${name} ${shape.join("x")} ${sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))}`;
    });
  return sha256(parts.join("\n"));
}
