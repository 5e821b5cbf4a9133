/** Heads and task losses, the same for every system. */
import { taskName } from "../core/types";
import type { Output, Value } from "../engine/graph";
import * as ops from "../engine/ops";
import type { Net } from "./net";

/** How intensity is trained: tanh and mean squared error (CIA), or linear and mean absolute error (the CMU line). */
export type IntensityHead = (typeof intensityHeads)[number];
export const intensityHeads = ["tanh-mse", "l1"] as const;

/** One row a labelled unit: the mean over a sequence's rows where labels belong to sequences (the pooled head), else the rows. */
export function pooled(net: Net, z: Value): Value {
  return net.shape.level === "sequence" && z.axis === "rows" ? ops.meanRows(z) : z;
}

/**
 * Prediction and task loss of the head's logits: `classes:N` softmax and cross entropy, `emotions` sigmoid and binary cross
 * entropy, `intensity` by `intensity`. Further loss terms are added to the task's with weight 1, or `lossWeights`.
 */
export function taskOutput(
  net: Net,
  logits: Value,
  terms: Readonly<Record<string, Value>> = {},
  o: {
    intensity?: IntensityHead;
    lossWeights?: Readonly<Record<string, number>>;
    taps?: Readonly<Record<string, Value>>;
  } = {},
): Output {
  const { task } = net.shape;
  const rest = { lossWeights: o.lossWeights, taps: o.taps };
  switch (task.kind) {
    case "classes":
      return {
        logits,
        activation: "softmax",
        prediction: ops.softmax(logits),
        loss: { task: ops.softmaxCE(logits), ...terms },
        ...rest,
      };
    case "emotions":
      return {
        logits,
        activation: "sigmoid",
        prediction: ops.activate(logits, "sigmoid"),
        loss: { task: ops.sigmoidCE(logits), ...terms },
        ...rest,
      };
    case "intensity": {
      const targets = ops.targets(net.graph);
      if (o.intensity === "l1")
        return {
          logits,
          activation: "linear",
          prediction: logits,
          loss: { task: ops.mae(logits, targets), ...terms },
          ...rest,
        };
      const prediction = ops.activate(logits, "tanh");
      return {
        logits,
        activation: "tanh",
        prediction,
        loss: { task: ops.mse(prediction, targets), ...terms },
        ...rest,
      };
    }
    default:
      throw new Error(`no head for task ${taskName(task)}`);
  }
}
