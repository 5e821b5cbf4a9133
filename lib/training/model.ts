/** A trained system: what predicts, what is saved, what is hashed. */
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

/** About this many rows are predicted at once. */
const rowsAtOnce = 512;

export function neuralModel(program: Program, prepared: ModelFrame): Model {
  const { shape } = prepared;
  const { graph, output } = program;
  return {
    parameters: graph.parameterCount,
    get notes() {
      return program.notes ?? [];
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
      return toLabelScale({ units, outputs: shape.outputs, values }, prepared.train.targets);
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
    predict: (split) => Promise.resolve(toLabelScale(model.predict(split), prepared.train.targets)),
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
