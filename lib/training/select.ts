/**
 * The choice of epoch and thresholds, by validation alone. Nothing here can see the test split: it is given the scores of
 * the epochs and the validation predictions, and only `select` makes a `Selected`, which `scoreTest` asks for.
 */
import { TrainingError } from "../core/errors";
import type { EpochRecord } from "../core/record";
import type { Predictions, Protocol } from "../core/types";
import { chooseThresholds, metricInfo, paperThresholds, type Numbers, type Thresholds } from "../metrics";
import type { TrainerConfig } from "./config";

class Choice {
  /** Makes the type nominal: an object of the same fields is no choice. */
  readonly #made = true;
  constructor(
    /** From 1; 0 for a system without epochs. */
    readonly epoch: number,
    readonly why: string,
    /** Emotions only. */
    readonly thresholds?: Thresholds,
  ) {}
  get made(): boolean {
    return this.#made;
  }
}
/** Made by `select` alone. */
export type Selected = Choice;

type Rule = Pick<TrainerConfig, "selectBy" | "epochs" | "patience">;

/** What an epoch is judged by, as a number whose least value is best; undefined where there is no validation. */
export function judged(epoch: EpochRecord, rule: Rule, metric: string): number | undefined {
  if (rule.selectBy === "loss" || epoch.validScore === undefined) return epoch.validLoss;
  return metricInfo(metric).lowerIsBetter ? epoch.validScore : -epoch.validScore;
}

/** Index of the best epoch so far: the first of equals under `validation`, the last one else. -1 where there are none. */
export function bestEpoch(epochs: readonly EpochRecord[], protocol: Protocol, rule: Rule, metric: string): number {
  if (protocol !== "validation") return epochs.length - 1;
  let best = -1;
  epochs.forEach((epoch, i) => {
    const value = judged(epoch, rule, metric)!;
    if (best < 0 || value < judged(epochs[best], rule, metric)!) best = i;
  });
  return best;
}

/** Whether a run has gone on for `patience` epochs without a better validation score. */
export function outOfPatience(epochs: readonly EpochRecord[], best: number, protocol: Protocol, rule: Rule): boolean {
  return protocol === "validation" && rule.patience > 0 && epochs.length - 1 - best >= rule.patience;
}

export interface SelectInput {
  readonly protocol: Protocol;
  readonly rule: Rule;
  /** The metric that `selectBy: "metric"` looks at. */
  readonly metric: string;
  /** All epochs of the run; empty for a system that has none. */
  readonly epochs: readonly EpochRecord[];
  /** Emotions under `validation`: targets [n * 6] and the chosen epoch's predictions of the validation split. */
  readonly emotions?: { readonly truth: Numbers; readonly predictions: Predictions } | "no validation split";
}

/** Chooses epoch and thresholds. */
export function select(input: SelectInput): Selected {
  const { protocol, rule, metric, epochs, emotions } = input;
  const thresholds =
    emotions === undefined
      ? undefined
      : emotions === "no validation split"
        ? paperThresholds
        : chooseThresholds(emotions.truth, emotions.predictions.values);
  if (!epochs.length) return new Choice(0, "no epochs", thresholds);
  const best = bestEpoch(epochs, protocol, rule, metric);
  if (best < 0) throw new TrainingError("select: expected at least one finished epoch, found none.");
  const stopped = outOfPatience(epochs, best, protocol, rule) ? `, none better in ${rule.patience} more` : "";
  const why =
    protocol === "validation"
      ? `best validation ${rule.selectBy === "loss" ? "loss" : metric} of ${epochs.length} epochs${stopped}`
      : `last of ${epochs.length}${epochs.length < rule.epochs ? ` (${rule.epochs} were to be run)` : " (fixed)"}`;
  return new Choice(epochs[best].epoch, why, thresholds);
}
