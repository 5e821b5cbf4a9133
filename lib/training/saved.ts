/**
 * A trained model as a folder: `model.json` (what it is, what it was trained on, how its input is scaled) and `weights.npz`.
 * It reads data of the same widths and predicts; nothing in it names a place on the machine that made it.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError, RecordError } from "../core/errors";
import { hashOf } from "../core/json";
import type { SavedArrays } from "../core/system";
import {
  modalitiesName,
  type Config,
  type Dataset,
  type Predictions,
  type Scaler,
  type Shape,
  type Split,
} from "../core/types";
import type { Engine } from "../engine/engine";
import { withModalities } from "../data";
import { record } from "../layers/record";
import { findSystem } from "../models";
import { defaultConfig, resolveConfig } from "./config";
import { writeWhole } from "./files";
import { fittedModel, hashWeights, neuralModel, type Model } from "./model";
import { decodeNpz, encodeNpz } from "./npz";
import { viewOf, type Prepared } from "./prepare";

export const modelSchema = 1;

/** The contents of `model.json`. */
export interface SavedModel {
  readonly schema: typeof modelSchema;
  readonly system: string;
  readonly config: Config;
  readonly shape: Shape;
  /** Scales the files' numbers to what the system sees; absent for `perSplit`. */
  readonly scaler?: Scaler;
  /** Intensity: label = mid + half * target. */
  readonly mid?: number;
  readonly half?: number;
  readonly classNames?: readonly string[];
  readonly thresholds?: Readonly<Record<string, number>>;
  readonly dataset: {
    readonly name: string;
    readonly features: string;
    readonly level: Dataset["level"];
    readonly hash: string;
  };
  readonly weightsHash: string;
  /** Id of the run that made it. */
  readonly run: string;
}

/** What to save of a prepared run. */
export function describeModel(
  prepared: Omit<Prepared, "valid" | "rows">,
  of: { readonly weights: SavedArrays; readonly run: string; readonly thresholds?: Readonly<Record<string, number>> },
): SavedModel {
  const { system, config, shape, scaler, dataset, train } = prepared;
  const { mid, half } = train.targets;
  return {
    schema: modelSchema,
    system: system.name,
    config,
    shape,
    ...(scaler && { scaler }),
    ...(mid !== undefined && { mid, half }),
    ...(dataset.classNames && { classNames: dataset.classNames }),
    ...(of.thresholds && { thresholds: of.thresholds }),
    dataset: { name: dataset.name, features: dataset.features, level: dataset.level, hash: dataset.hash },
    weightsHash: hashWeights(of.weights),
    run: of.run,
  };
}

/** `check` in the file is the hash of all else, as in a record: a scale that was edited or torn would give wrong numbers. */
export function saveModel(dir: string, model: SavedModel, weights: SavedArrays): void {
  writeWhole(path.join(dir, "weights.npz"), encodeNpz(weights));
  writeWhole(path.join(dir, "model.json"), `${JSON.stringify({ ...model, check: hashOf(model) }, null, 2)}\n`);
}

/** @throws DataError where the folder is no saved model, RecordError where it is not what was saved */
export function readModel(dir: string): { model: SavedModel; weights: SavedArrays } {
  const refuse = (found: string) =>
    new DataError(`--model ${dir}: expected model.json and weights.npz as npm run train writes them, found ${found}.`);
  const file = path.join(dir, "model.json");
  if (!fs.existsSync(file)) throw refuse("no model.json");
  let saved: SavedModel & { readonly check?: string };
  try {
    saved = JSON.parse(fs.readFileSync(file, "utf8")) as typeof saved;
  } catch {
    throw refuse("a model.json that is no JSON");
  }
  if (typeof saved !== "object" || saved === null) throw refuse("a model.json that holds no model");
  const { check, ...model } = saved;
  if (model.schema !== modelSchema)
    throw refuse(`schema ${JSON.stringify(model.schema)} (this program reads ${modelSchema})`);
  if (check !== hashOf(model))
    throw new RecordError(
      `${file}: expected checksum ${hashOf(model)}, found ${JSON.stringify(check)}. The file was changed after it was saved: restore it or train again.`,
    );
  if (!fs.existsSync(path.join(dir, "weights.npz"))) throw refuse("no weights.npz");
  const weights = readWeights(path.join(dir, "weights.npz"), model.weightsHash);
  return { model, weights };
}

/** Weights of a file, checked against their hash. @throws RecordError */
export function readWeights(file: string, hash: string): SavedArrays {
  const weights = decodeNpz(fs.readFileSync(file), path.basename(file)) as SavedArrays;
  const found = hashWeights(weights);
  if (found !== hash)
    throw new RecordError(
      `${path.basename(file)}: expected weights with hash ${hash.slice(0, 16)}, found ${found.slice(0, 16)}. They are not those of this run: restore the file.`,
    );
  return weights;
}

/** A model that predicts again. @param prepared  what `neuralModel` asks of a run: the shape and the label scale */
export function reviveModel(
  saved: Pick<SavedModel, "system" | "config" | "shape" | "mid" | "half">,
  weights: SavedArrays,
  engine: Engine | undefined,
): Model {
  const system = findSystem(saved.system);
  const { shape, config, mid, half } = saved;
  const lacking = Object.keys(defaultConfig(system)).filter((key) => !Object.hasOwn(config, key));
  if (lacking.length)
    throw new RecordError(
      `${saved.system}, configuration: expected all of its settings, found none for ${lacking.join(", ")}. The model was made by other code: train it again.`,
    );
  resolveConfig(system, config); // refuses settings that this code does not know
  const targets = { outputs: shape.outputs, values: new Float32Array(0), mid, half };
  const prepared = { shape, train: { targets } };
  if (system.kind === "fitted") return fittedModel(system.load(weights, shape, config), prepared);
  if (!engine) throw new DataError(`${saved.system}: expected an engine to predict with, found none.`);
  const { graph, output } = record(system, shape, config);
  const program = engine.compile(graph, output, 0);
  try {
    for (const name of graph.params.keys())
      if (!weights[name])
        throw new RecordError(`weights: expected ${name}, found none; were they saved with another configuration?`);
    for (const [name, { data }] of Object.entries(weights)) program.set(name, Float32Array.from(data));
  } catch (error) {
    program.dispose();
    throw error;
  }
  return neuralModel(program, prepared);
}

/**
 * Predicts a split of other data, which was loaded with the model's scaler.
 * @throws DataError where the data lacks a modality or has labels at another level
 */
export async function predictWith(
  saved: SavedModel,
  model: Model,
  dataset: Dataset,
  split: Split,
): Promise<Predictions> {
  const { shape } = saved;
  const missing = shape.modalities.filter((m) => !dataset.modalities.includes(m));
  if (missing.length || dataset.level !== saved.dataset.level)
    throw new DataError(
      `${dataset.name}: expected modalities ${modalitiesName(shape.modalities)} with predictions a ${saved.dataset.level}, ` +
        `found ${modalitiesName(dataset.modalities)}, a ${dataset.level}. Give data of the kind that the model was trained on (${saved.dataset.name}, ${saved.dataset.features}).`,
    );
  for (const m of shape.modalities) {
    const width = dataset.modalities.includes(m) ? split.x[m]?.width : undefined;
    if (width !== shape.widths[m])
      throw new DataError(
        `${dataset.name}, ${m}: expected ${shape.widths[m]} features, as the model was trained on, found ${width}. ` +
          `Give the features that it was trained with (${saved.dataset.name}, ${saved.dataset.features}).`,
      );
  }
  const fewer = withModalities({ ...dataset, train: split, test: split, valid: undefined }, shape.modalities);
  return model.predict(viewOf(fewer.train, shape.level !== dataset.level));
}
