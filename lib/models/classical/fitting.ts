/** What all fitted systems share: checked targets, checked settings, and models that are their saved arrays. */
import { SystemError } from "../../core/errors";
import type { FitData, FittedModel, SavedArray, SavedArrays } from "../../core/system";
import {
  emotionNames,
  modalityOrder,
  type Config,
  type Modality,
  type Predictions,
  type Shape,
  type Split,
} from "../../core/types";
import { fitScaler, pool, scale, unitsOf, type Scaler, type Table } from "./pooling";

/** @throws SystemError where none of the shape's modalities, or one outside `allowed`, would be read. */
export function acceptModalities(name: string, shape: Shape, allowed: readonly Modality[] = modalityOrder): void {
  const wanted = `expected ${allowed.length === 3 ? "at least one of T, A and V" : allowed.join(" or ")}`;
  if (shape.modalities.length === 0) throw new SystemError(`${name}: ${wanted}, found no modality`);
  const other = shape.modalities.find((m) => !allowed.includes(m));
  if (other) {
    throw new SystemError(
      `${name}: ${wanted}, found ${shape.modalities.join("")}. The system is not defined for ${other}: ` +
        `choose --modalities ${allowed.join("")} or a part of it`,
    );
  }
}

/** A setting that must be a number with `holds`, e.g. ("svm", config, "C", positive). */
export interface Rule {
  readonly words: string;
  readonly holds: (value: number) => boolean;
}
export const positive: Rule = { words: "a number above 0", holds: (v) => v > 0 && v < Infinity };
export const notNegative: Rule = { words: "a number, 0 or above", holds: (v) => v >= 0 && v < Infinity };
export const wholeFrom = (least: number): Rule => ({
  words: `a whole number from ${least}`,
  holds: (v) => Number.isInteger(v) && v >= least,
});

export function checkSettings(name: string, config: Config, rules: Readonly<Record<string, Rule>>): void {
  for (const [key, { words, holds }] of Object.entries(rules)) {
    const value = config[key];
    if (typeof value !== "number" || !holds(value)) {
      throw new SystemError(`${name}, setting ${key}: expected ${words}, found ${String(value)}`);
    }
  }
}

export function checkChoice(name: string, config: Config, key: string, values: readonly (string | boolean)[]): void {
  if (!values.some((v) => v === config[key])) {
    throw new SystemError(`${name}, setting ${key}: expected ${values.join(" or ")}, found ${String(config[key])}`);
  }
}

/** Targets of the training units, checked, in the form that a fit wants. */
export type Goals =
  | {
      readonly kind: "classes";
      readonly labels: Int32Array;
      readonly classes: number;
      /** Classes that occur, ascending: the others get probability 0. */
      readonly present: readonly number[];
    }
  | {
      readonly kind: "emotions";
      /** 0 or 1 a unit, one array an emotion. */
      readonly columns: readonly Int32Array[];
    }
  | {
      readonly kind: "intensity";
      readonly targets: Float64Array;
      /** label = mid + half * target: settings that are given on the label scale (epsilon, C) use it. */
      readonly half: number;
    };

/** @throws SystemError for no units, a wrong number of targets, NaN, a class or presence out of range. */
export function goalsOf(name: string, { split, targets }: FitData, shape: Shape): Goals {
  const units = unitsOf(split, shape.level);
  const of = shape.level === "row" ? "utterance" : "sample";
  if (units === 0) throw new SystemError(`${name}: expected at least one training ${of}, found none`);
  const { values } = targets;
  const { task } = shape;
  const each = task.kind === "emotions" ? shape.outputs : 1;
  if (values.length !== units * each) {
    throw new SystemError(
      `${name}: expected ${units * each} training targets (${units} x ${each}), found ${values.length}`,
    );
  }
  const refuse = (at: number, expected: string): never => {
    const which = `${of} ${Math.floor(at / each)}`;
    const emotion = task.kind === "emotions" ? `, ${emotionNames[at % each]}` : "";
    throw new SystemError(
      `${name}, training target of ${which}${emotion}: expected ${expected}, found ${values[at]}. ` +
        "Leave units without a label out of the training split",
    );
  };
  if (task.kind === "classes") {
    const whole = (v: number): boolean => Number.isInteger(v) && v >= 0 && v < task.classes;
    const bad = values.findIndex((v: number) => !whole(v));
    if (bad >= 0) refuse(bad, `a class from 0 to ${task.classes - 1}`);
    const labels = Int32Array.from(values);
    return { kind: "classes", labels, classes: task.classes, present: [...new Set(labels)].sort((a, b) => a - b) };
  }
  if (task.kind === "emotions") {
    const bad = values.findIndex((v: number) => v !== 0 && v !== 1);
    if (bad >= 0) refuse(bad, "0 (absent) or 1 (present)");
    const column = (e: number): Int32Array => Int32Array.from({ length: units }, (_, i) => values[i * each + e]);
    return { kind: "emotions", columns: Array.from({ length: each }, (_, e) => column(e)) };
  }
  const bad = values.findIndex((v: number) => !Number.isFinite(v));
  if (bad >= 0) refuse(bad, "a finite number");
  return { kind: "intensity", targets: Float64Array.from(values), half: targets.half ?? 1 };
}

/** A model that is its arrays: `fit` and `load` build it in the same way, so a loaded model predicts the same bits. */
export function modelOf(
  arrays: SavedArrays,
  about: { readonly parameters: number; readonly notes?: readonly string[] },
  shape: Shape,
  predict: (split: Split) => ArrayLike<number>,
): FittedModel {
  return {
    parameters: about.parameters,
    notes: about.notes ?? [],
    save: () => arrays,
    predict(split): Predictions {
      const values = Float32Array.from(predict(split));
      return { units: unitsOf(split, shape.level), outputs: shape.outputs, values };
    },
  };
}

/** Entry `key` of a saved model. @throws SystemError when it is missing or of another shape (-1 allows any length). */
export function saved(name: string, arrays: SavedArrays, key: string, shape: readonly number[]): SavedArray {
  const array = arrays[key];
  const words = `[${shape.map((n) => (n < 0 ? "any" : n)).join(", ")}]`;
  if (!array) throw new SystemError(`saved ${name} model, entry ${key}: expected shape ${words}, found no such entry`);
  if (array.shape.length !== shape.length || array.shape.some((n, i) => shape[i] >= 0 && n !== shape[i])) {
    throw new SystemError(
      `saved ${name} model, entry ${key}: expected shape ${words}, found [${array.shape.join(", ")}]. ` +
        "Was it trained on other features or for another task?",
    );
  }
  return array;
}

export const floats = (data: ArrayLike<number>, shape: readonly number[] = [data.length]): SavedArray => ({
  shape,
  data: Float64Array.from(data),
});
export const ints = (data: ArrayLike<number>, shape: readonly number[] = [data.length]): SavedArray => ({
  shape,
  data: Int32Array.from(data),
});

/** Width of the pooled features. */
export const widthOf = (shape: Shape): number => shape.modalities.reduce((sum, m) => sum + (shape.widths[m] ?? 0), 0);

/** Pooled and standardised training features, and the arrays by which new ones are treated alike. */
export function standardised(split: Split, shape: Shape): { x: Table; arrays: SavedArrays } {
  const pooled = pool(split, shape);
  const scaler = fitScaler(pooled);
  return { x: scale(pooled, scaler), arrays: { "scale/mean": floats(scaler.mean), "scale/sd": floats(scaler.sd) } };
}

/** The reader of new splits that belongs to saved arrays of `standardised`. */
export function standardiser(name: string, arrays: SavedArrays, shape: Shape): (split: Split) => Table {
  const part = (key: string): Float64Array => Float64Array.from(saved(name, arrays, key, [widthOf(shape)]).data);
  const scaler: Scaler = { mean: part("scale/mean"), sd: part("scale/sd") };
  return (split) => scale(pool(split, shape), scaler);
}
