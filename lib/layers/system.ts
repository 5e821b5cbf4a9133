/** What a compared system is. One file a system; the trainer, search, metrics and statistics come from outside, equal for all. */
import type { Config, SearchSpace, Shape } from "../core/types";
import type { FittedSystem } from "../core/system";
import type { Output } from "../engine/graph";
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
   * to each utterance by itself (the trainer repacks each row as a sequence of one).
   */
  readonly rows: "context" | "alone";
  /** Throws SystemError with the reason when it cannot take this task or these modalities. */
  accepts(shape: Shape, config: C): void;
  forward(net: Net, config: C): Output;
}

export type System = NeuralSystem | FittedSystem;
