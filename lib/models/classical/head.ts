/** A linear head for any task, as used by the linear yardstick and, per modality and for their fusion, by BoF-MSA. */
import { sigmoid, softmaxInPlace } from "../../core/math";
import type { Task } from "../../core/types";
import type { Goals } from "./fitting";
import { fitLinear, fitRidge, linearScores, logisticLoss, softmaxLoss, type Linear } from "./logistic";
import type { Table } from "./pooling";

export interface HeadFit extends Linear {
  /** Fits that reached their iteration limit. */
  readonly unfinished: number;
}

/**
 * classes: logistic regression, softmax over the classes that occur (two: one sigmoid); emotions: a binary logistic
 * regression each; intensity: ridge regression. A class that does not occur has bias -Infinity, an emotion that never or
 * always occurs -Infinity or Infinity: probability 0 or 1.
 * @returns W [d, outputs], b [outputs]
 */
export function fitHead(x: Table, goals: Goals, { C, alpha }: { C: number; alpha: number }): HeadFit {
  const d = x.width;
  if (goals.kind === "intensity") return { ...fitRidge(x, goals.targets, alpha), unfinished: 0 };
  const outputs = goals.kind === "classes" ? goals.classes : goals.columns.length;
  const weight = new Float64Array(d * outputs);
  const bias = new Float64Array(outputs).fill(-Infinity);
  let unfinished = 0;
  /** Puts columns of one fit where they belong. */
  const place = (fit: Linear & { converged: boolean }, columns: readonly number[]): void => {
    columns.forEach((column, c) => {
      for (let j = 0; j < d; j++) weight[j * outputs + column] = fit.weight[j * columns.length + c];
      bias[column] = fit.bias[c];
    });
    if (!fit.converged) unfinished++;
  };
  if (goals.kind === "emotions") {
    goals.columns.forEach((labels, e) => {
      if (labels.every((v) => v === labels[0])) bias[e] = labels[0] ? Infinity : -Infinity;
      else place(fitLinear(x, logisticLoss(labels), { C }), [e]);
    });
    return { weight, bias, unfinished };
  }
  const { labels, present } = goals;
  const [first, second] = present;
  bias[first] = 0;
  if (present.length === 2) {
    place(fitLinear(x, logisticLoss(labels.map((v) => Number(v === second))), { C }), [second]);
  } else if (present.length > 2) {
    const places = labels.map((v) => present.indexOf(v));
    place(fitLinear(x, softmaxLoss(places, present.length), { C }), present);
  }
  return { weight, bias, unfinished };
}

/** Class probabilities, emotion scores or intensities: [n, outputs]. */
export function applyHead(x: Table, head: Linear, task: Task): Float64Array {
  const scores = linearScores(x, head).data;
  const k = head.bias.length;
  if (task.kind === "emotions") return scores.map(sigmoid);
  if (task.kind === "classes") for (let i = 0; i < scores.length; i += k) softmaxInPlace(scores, i, k);
  return scores;
}
