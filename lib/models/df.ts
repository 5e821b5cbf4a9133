/**
 * DF: Deep Fusion (Nojavanasghari et al., ICMI 2016): a net of each modality's pooled features, then a net on their scores.
 * s = sequences. No code of the authors exists.
 * Deviations:
 * [D18] Sizes are ours: dense 128 and 64, then 16 on the three probability vectors (for two classes: score and complement;
 *       for intensity: the three predictions). Text: the data set's features, not tf-idf chosen by t-tests.
 */
import type { Config, Modality } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { concat, meanRows } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { type IntensityHead, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import { joinStages } from "../layers/stages";
import type { NeuralSystem, StageOne } from "../layers/system";

export interface DfConfig extends Config {
  readonly fc1: number;
  readonly fc2: number;
  readonly fusionHidden: number;
  readonly drop: number;
  /** See bc-lstm.ts [D16]. */
  readonly folds: number;
  readonly intensity: IntensityHead;
}

export const defaults: DfConfig = Object.freeze({
  fc1: 128,
  fc2: 64,
  fusionHidden: 16,
  drop: 0.5,
  folds: 1,
  intensity: "l1",
});

function first(net: Net, m: Modality, c: DfConfig): StageOne {
  const at = net.at(`stage1/${modalityWord[m]}`);
  const mean = meanRows(net.input(m)); // (s, d_m)
  const fc1 = at.dense("fc1", mean, c.fc1, { act: "relu", drop: c.drop });
  const fc2 = at.dense("fc2", fc1, c.fc2, { act: "relu" });
  const logits = at.dense("out", fc2, net.shape.outputs);
  const output = taskOutput(at, logits, {}, { intensity: c.intensity, taps: { mean, fc1, fc2 } });
  return { output, features: output.prediction };
}

function second(net: Net, scores: readonly Value[], c: DfConfig): Output {
  const at = net.at("stage2");
  const input = concat(...scores); // (s, modalities * outputs)
  const fc1 = at.dense("fc1", input, c.fusionHidden, { act: "relu" });
  const logits = at.dense("out", fc1, net.shape.outputs);
  return taskOutput(at, logits, {}, { intensity: c.intensity, taps: { input, fc1 } });
}

export const df: NeuralSystem<DfConfig> = {
  kind: "neural",
  name: "df",
  title: "DF",
  paper: "Nojavanasghari et al., ICMI 2016 (Deep multimodal fusion)",
  defaults,
  space: {
    fc1: [64, 128, 256],
    fc2: [32, 64, 128],
    fusionHidden: [8, 16, 32],
    drop: [0, 0.2, 0.5],
    batchSize: [32, 64, 128],
    learningRate: [0.0005, 0.001, 0.002, 0.005],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("df", shape);
    checkSettings("df", config, defaults);
  },
  forward: (net, c) => joinStages(net, (m) => first(net, m, c), (scores) => second(net, scores, c)), // prettier-ignore
  stages: {
    first: (net, c) => first(net, net.shape.modalities[0], c),
    // The scores of a sequence come as its one row.
    second: (net, c) => second(net, net.inputs().map(meanRows), c),
    folds: (c) => c.folds,
  },
};
