/** What a compared system is. One file a system; the trainer, search, metrics and statistics come from outside, equal for all. */
import type { Config, Modality, SearchSpace, Shape } from "../core/types";
import type { FittedSystem } from "../core/system";
import type { Output, Value } from "../engine/graph";
import type { Net } from "./net";

/** A system trained by gradients: `forward` is recorded once and trained by the one trainer. */
export interface NeuralSystem<C extends Config = Config> {
  readonly kind: "neural";
  readonly name: string;
  readonly title: string;
  readonly paper: string;
  /** Frozen; a run's configuration is these and a difference. */
  readonly defaults: C;
  /** Values that random search draws from; may hold `learningRate` and `batchSize` of the trainer. */
  readonly space: SearchSpace;
  /**
   * What it does with a data set of labelled rows (utterances of a video): "context" sees the whole video, "alone" is applied
   * to each utterance by itself (the trainer repacks each row as a sequence of one; `shape.level` is then "sequence").
   */
  readonly rows: "context" | "alone";
  /** What it reads of a data set that holds more; absent: all. */
  readonly modalities?: readonly Modality[];
  /** Throws SystemError with the reason when it cannot take this task or these modalities. */
  accepts(shape: Shape, config: C): void;
  forward(net: Net, config: C): Output;
  /** Present: trained in two stages, one after the other; `forward` is both in one graph, with the same names of weights. */
  readonly stages?: Stages<C>;
}

/**
 * Two stages: a net of each modality alone, then a net on what those computed. The trainer trains each `first` by itself
 * (own early stopping), computes its features for every split without dropout, trains `second` on data whose modalities are
 * those features, and puts all weights into the graph of `forward`, which predicts. `recordStages` makes the graphs.
 */
export interface Stages<C extends Config = Config> {
  /** `net.shape` has one modality. */
  first(net: Net, config: C): StageOne;
  /** Inputs are the features: row for row, or one row a sequence where features belong to sequences. */
  second(net: Net, config: C): Output;
  /**
   * Features of the training split: 1, by the net that was trained on it (in-sample, as released); k > 1, by nets of k folds
   * of whole videos (at most one a video), each of which saw only the other folds (out-of-fold). Other splits: always by the
   * net of all training data.
   */
  folds(config: C): number;
}

export interface StageOne {
  readonly output: Output;
  readonly features: Value;
}

export type System = NeuralSystem | FittedSystem;
