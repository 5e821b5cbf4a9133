/**
 * BC-LSTM: contextual LSTMs over a video's utterances in two stages (Poria et al., ACL 2017;
 * soujanyaporia/contextual-utterance-level-multimodal-sentiment-analysis). n = rows (utterances), r1, r2 LSTM units a direction.
 * Deviations:
 * [D16] Stage 2 learns from out-of-fold features (`folds` 3); `folds: 1` takes features of the net that was trained on the
 *       same videos, as released: over-confident ones. Each stage keeps its best epoch on validation, the script its last.
 *       Adam in place of Adadelta.
 * [D17] No padding: in the released code stage 2 also sees padded utterances, whose features tanh(b) are not zero.
 * [D15] Labels of sequences (MMMO, words): features are averaged over the sequence's rows before the output; on words this is a
 *       BiLSTM over steps.
 * [D27] Intensity: see mmmu-ba.ts.
 */
import type { Config, Modality } from "../core/types";
import type { Gates, Output, Value } from "../engine/graph";
import { concat } from "../engine/ops";
import { checkSettings, needModalities } from "../layers/accepts";
import { type IntensityHead, pooled, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import { joinStages } from "../layers/stages";
import type { NeuralSystem, StageOne } from "../layers/system";

export interface BcLstmConfig extends Config {
  readonly r1: number;
  readonly feature1: number;
  readonly r2: number;
  readonly feature2: number;
  readonly gates: Gates;
  /** On the LSTM's input in stages 1 and 2; after the LSTM and after the dense layer in both. */
  readonly inputDrop1: number;
  readonly inputDrop2: number;
  readonly drop: number;
  /** [D16] */
  readonly folds: number;
  readonly intensity: IntensityHead;
}

/** The script's. */
export const defaults: BcLstmConfig = Object.freeze({
  r1: 300,
  feature1: 100,
  r2: 300,
  feature2: 500,
  gates: "hardSigmoid",
  inputDrop1: 0.6,
  inputDrop2: 0.4,
  drop: 0.9,
  folds: 3,
  intensity: "tanh-mse",
});

interface Stage {
  readonly r: number;
  readonly width: number;
  readonly act: "tanh" | "relu";
  readonly inputDrop: number;
}

/** BiLSTM -> `feature` -> `out`. */
function stage(net: Net, x: Value, { r, width, act, inputDrop }: Stage, c: BcLstmConfig): StageOne {
  const h = net.biLstm("lstm", x, r, { drop: inputDrop, gates: c.gates }); // (n, 2r)
  const feature = net.dense("feature", net.dropout("lstm/out", h, c.drop), width, { act }); // (n, width)
  const logits = net.dense("out", pooled(net, net.dropout("feature/out", feature, c.drop)), net.shape.outputs);
  const output = taskOutput(net, logits, {}, { intensity: c.intensity, taps: { h, feature } });
  return { output, features: feature };
}

/** Stage 1 of the one modality `m`. */
const first = (net: Net, m: Modality, c: BcLstmConfig): StageOne =>
  stage(
    net.at(`stage1/${modalityWord[m]}`),
    net.input(m),
    { r: c.r1, width: c.feature1, act: "tanh", inputDrop: c.inputDrop1 },
    c,
  );

const second = (net: Net, features: readonly Value[], c: BcLstmConfig): Output =>
  stage(net.at("stage2"), concat(...features), { r: c.r2, width: c.feature2, act: "relu", inputDrop: c.inputDrop2 }, c)
    .output;

export const bcLstm: NeuralSystem<BcLstmConfig> = {
  kind: "neural",
  name: "bc-lstm",
  title: "BC-LSTM",
  paper: "Poria et al., ACL 2017 (contextual LSTM)",
  defaults,
  space: {
    r1: [50, 100, 300],
    feature1: [50, 100],
    r2: [50, 100, 300],
    feature2: [100, 500],
    inputDrop1: [0.3, 0.6],
    inputDrop2: [0.2, 0.4],
    drop: [0.3, 0.6, 0.9],
    batchSize: [10, 20],
    learningRate: [0.0005, 0.001, 0.002],
  },
  rows: "context",
  accepts(shape, config) {
    needModalities("bc-lstm", shape);
    checkSettings("bc-lstm", config, defaults, { words: { gates: ["sigmoid", "hardSigmoid"] } });
  },
  forward: (net, c) => joinStages(net, (m) => first(net, m, c), (features) => second(net, features, c)), // prettier-ignore
  stages: {
    first: (net, c) => first(net, net.shape.modalities[0], c),
    second: (net, c) => second(net, net.inputs(), c),
    folds: (c) => c.folds,
  },
};
