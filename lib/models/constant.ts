/**
 * The constant guess, the row that every table needs: what a system scores that has never seen a feature.
 * classes: the majority class, or the class frequencies; emotions: present where most training units have it, or its share;
 * intensity: the median, which has the least mean absolute error, or the mean, which has the least squared error.
 */
import type { FittedSystem } from "../core/system";
import type { Config } from "../core/types";
import { acceptModalities, checkChoice, floats, goalsOf, modelOf, saved, type Goals } from "./classical/fitting";
import { unitsOf } from "./classical/pooling";

export interface ConstantConfig extends Config {
  readonly labels: "majority" | "frequency";
  readonly intensity: "median" | "mean";
}

const name = "constant";

function guess(goals: Goals, { labels, intensity }: ConstantConfig): number[] {
  if (goals.kind === "intensity") {
    const sorted = goals.targets.toSorted();
    const n = sorted.length;
    if (intensity === "mean") return [sorted.reduce((sum, v) => sum + v, 0) / n];
    return [(sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2];
  }
  if (goals.kind === "emotions") {
    const shares = goals.columns.map((c) => c.reduce((sum, v) => sum + v, 0) / c.length);
    return labels === "majority" ? shares.map((s) => Number(s > 0.5)) : shares;
  }
  const counts = Array.from({ length: goals.classes }, () => 0);
  for (const label of goals.labels) counts[label]++;
  if (labels === "frequency") return counts.map((n) => n / goals.labels.length);
  const most = counts.indexOf(Math.max(...counts));
  return counts.map((_, c) => Number(c === most));
}

export const constant: FittedSystem<ConstantConfig> = {
  kind: "fitted",
  name,
  title: "Constant",
  paper: "no paper: the majority class, the median or the mean of the training labels",
  defaults: Object.freeze({ labels: "majority", intensity: "median" }),
  space: {},
  accepts: (shape) => acceptModalities(name, shape),
  fit(train, _valid, shape, config) {
    constant.accepts(shape);
    checkChoice(name, config, "labels", ["majority", "frequency"]);
    checkChoice(name, config, "intensity", ["median", "mean"]);
    return constant.load({ guess: floats(guess(goalsOf(name, train, shape), config)) }, shape, config);
  },
  load(arrays, shape) {
    const { data } = saved(name, arrays, "guess", [shape.outputs]);
    return modelOf(arrays, { parameters: data.length }, shape, (split) =>
      Float64Array.from({ length: unitsOf(split, shape.level) * data.length }, (_, i) => data[i % data.length]),
    );
  },
};
