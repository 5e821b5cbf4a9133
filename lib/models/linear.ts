/**
 * Logistic and ridge regression on pooled features: the plain yardstick. An utterance is judged by its own features, a
 * sample by the mean over its steps; modalities side by side, standardised on the training units.
 */
import type { FittedSystem } from "../core/system";
import type { Config } from "../core/types";
import {
  acceptModalities,
  checkSettings,
  floats,
  goalsOf,
  modelOf,
  positive,
  saved,
  standardised,
  standardiser,
  widthOf,
} from "./classical/fitting";
import { applyHead, fitHead } from "./classical/head";

export interface LinearConfig extends Config {
  /** Logistic regression minimises C * sum of cross entropies + |W|^2 / 2. */
  readonly C: number;
  /** Ridge regression minimises the sum of squares + alpha |w|^2. */
  readonly alpha: number;
}

const name = "linear";

export const linear: FittedSystem<LinearConfig> = {
  kind: "fitted",
  name,
  title: "Linear",
  paper: "no paper: logistic regression (classes, emotions) and ridge regression (intensity)",
  defaults: Object.freeze({ C: 0.01, alpha: 100 }),
  /** For classes, which is what is searched. */
  space: { C: [0.00001, 0.0001, 0.001, 0.01, 0.1, 1, 10, 100] },
  accepts: (shape) => acceptModalities(name, shape),
  fit(train, _valid, shape, config) {
    linear.accepts(shape);
    checkSettings(name, config, { C: positive, alpha: positive });
    const goals = goalsOf(name, train, shape);
    const { x, arrays } = standardised(train.split, shape);
    const { weight, bias, unfinished } = fitHead(x, goals, config);
    const notes = unfinished ? [`${unfinished} fits stopped at the iteration limit`] : [];
    const head = { weight: floats(weight, [x.width, shape.outputs]), bias: floats(bias) };
    return { ...linear.load({ ...arrays, ...head }, shape, config), notes };
  },
  load(arrays, shape) {
    const features = standardiser(name, arrays, shape);
    const weight = Float64Array.from(saved(name, arrays, "weight", [widthOf(shape), shape.outputs]).data);
    const bias = Float64Array.from(saved(name, arrays, "bias", [shape.outputs]).data);
    return modelOf(arrays, { parameters: weight.length + bias.length }, shape, (split) =>
      applyHead(features(split), { weight, bias }, shape.task),
    );
  },
};
