/**
 * TFN: Tensor Fusion Network (Zadeh et al., EMNLP 2017; A2Zadeh/TensorFusionNetwork and Justin1904/TensorFusionNetworks).
 * n = rows (steps), s = sequences; t, a, v = widths of the three embeddings.
 * Deviations:
 * [D5] See ef-lstm.ts.
 * [D7] Audio and video are means over true steps; the original averages padded steps in.
 * [D8] Classes and emotions: softmax and sigmoids in place of the sigmoid that is mapped to the label scale. Word vectors are fixed.
 */
import { SystemError } from "../core/errors";
import type { Config, Modality } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { activate, affine, batchNorm, lastRow, mae, meanRows, outer, targets } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { type IntensityHead, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface TfnConfig extends Config {
  /** Text: LSTM units, then a linear layer. */
  readonly textHidden: number;
  readonly textOut: number;
  /** Width of the three relu layers of audio and of video. */
  readonly audioHidden: number;
  readonly videoHidden: number;
  readonly fusionHidden: number;
  /** Dropout on the text LSTM's last state (the port only), after BatchNorm, and on the flat tensor. */
  readonly textDrop: number;
  readonly drop: number;
  readonly fusionDrop: number;
  /** The tensor's index that runs slowest comes first: TAV, or the original's AVT. */
  readonly order: string;
  readonly bnEpsilon: number;
  /** Share of the batch in the moving statistics. */
  readonly bnMomentum: number;
  /** Whether the moving variance takes the unbiased one of the batch. */
  readonly bnUnbiased: boolean;
  /** Intensity "l1": range (2 sigmoid(logit) - 1) and mean absolute error, in the scale of the targets. */
  readonly intensity: IntensityHead;
  readonly range: number;
}

/** BatchNorm as PyTorch, and as tf.keras has it. */
export const batchNorms = Object.freeze({
  pytorch: Object.freeze({ bnEpsilon: 1e-5, bnMomentum: 0.1, bnUnbiased: true }),
  tfkeras: Object.freeze({ bnEpsilon: 1e-3, bnMomentum: 0.01, bnUnbiased: false }),
});

/** The authors' sizes (11.6 million parameters); intensities of twice 4/3: labels of -3..3 meet outputs of -4..4. */
export const defaults: TfnConfig = Object.freeze({
  textHidden: 128,
  textOut: 64,
  audioHidden: 32,
  videoHidden: 32,
  fusionHidden: 160,
  textDrop: 0,
  drop: 0.2,
  fusionDrop: 0.2,
  order: "TAV",
  ...batchNorms.tfkeras,
  intensity: "l1",
  range: 4 / 3,
});

/** The PyTorch port's sizes and conventions. */
export const port: Partial<TfnConfig> = Object.freeze({
  audioHidden: 4,
  videoHidden: 16,
  fusionHidden: 32,
  textDrop: 0.3,
  drop: 0.3,
  fusionDrop: 0.3,
  order: "AVT",
  ...batchNorms.pytorch,
  range: 1,
});

export function forward(net: Net, c: TfnConfig): Output {
  const taps: Record<string, Value> = {};

  function text(at: Net, X: Value): Value {
    const H = (taps["text/h"] = at.lstm("lstm", X, c.textHidden)); // (n, textHidden)
    return at.dense("fc", at.dropout("h", lastRow(H), c.textDrop), c.textOut);
  }

  function subnet(at: Net, word: string, X: Value, units: number): Value {
    const pooled = (taps[`${word}/mean`] = meanRows(X));
    const norm = (taps[`${word}/bn`] = batchNorm(
      pooled,
      {
        gamma: at.param("bn/gamma", [X.width], "ones"),
        beta: at.param("bn/beta", [X.width], "zeros"),
        mean: at.param("bn/moving_mean", [X.width], "zeros", false),
        variance: at.param("bn/moving_variance", [X.width], "ones", false),
      },
      { momentum: c.bnMomentum, epsilon: c.bnEpsilon, unbiased: c.bnUnbiased },
    ));
    const relu = (name: string, x: Value) => at.dense(name, x, units, { act: "relu" });
    return relu("fc3", relu("fc2", relu("fc1", at.dropout("bn", norm, c.drop))));
  }

  const order = [...c.order].filter((m) => net.shape.modalities.includes(m as Modality)) as Modality[];
  const embedded = order.map((m) => {
    const [word, X] = [modalityWord[m], net.input(m)];
    const at = net.at(word);
    return (taps[`${word}/out`] =
      m === "T" ? text(at, X) : subnet(at, word, X, m === "A" ? c.audioHidden : c.videoHidden));
  });
  const z = (taps.fusion = outer(...embedded)); // (s, (t + 1)(a + 1)(v + 1))
  const at = net.at("fusion");
  const fc1 = (taps["fusion/fc1"] = at.dense("fc1", at.dropout("z", z, c.fusionDrop), c.fusionHidden, { act: "relu" }));
  const fc2 = (taps["fusion/fc2"] = at.dense("fc2", fc1, c.fusionHidden, { act: "relu" }));
  const logits = at.dense("out", fc2, net.shape.outputs);
  if (net.shape.task.kind !== "intensity" || c.intensity !== "l1")
    return taskOutput(net, logits, {}, { intensity: c.intensity, taps });
  const prediction = affine(activate(logits, "sigmoid"), 2 * c.range, -c.range);
  return { logits, activation: "sigmoid", prediction, loss: { task: mae(prediction, targets(net.graph)) }, taps };
}

export const tfn: NeuralSystem<TfnConfig> = {
  kind: "neural",
  name: "tfn",
  title: "TFN",
  paper: "Zadeh et al., EMNLP 2017 (Tensor Fusion Network)",
  defaults,
  space: {
    textHidden: [64, 128],
    textOut: [16, 32, 64],
    audioHidden: [4, 8, 16, 32],
    videoHidden: [4, 8, 16, 32],
    fusionHidden: [16, 32, 64, 128],
    drop: [0, 0.15, 0.2, 0.3, 0.5],
    fusionDrop: [0, 0.15, 0.2, 0.3, 0.5],
    batchSize: [8, 16, 32, 64, 128],
    learningRate: [0.0003, 0.0005, 0.001, 0.003],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("tfn", shape);
    checkSettings("tfn", config, defaults, { free: ["bnEpsilon", "bnMomentum", "range"] });
    const { order, bnEpsilon, bnMomentum } = config;
    if (!(bnEpsilon > 0))
      throw new SystemError(`tfn, setting bnEpsilon: expected a number above 0, found ${bnEpsilon}.`);
    if (!(bnMomentum > 0 && bnMomentum <= 1))
      throw new SystemError(
        `tfn, setting bnMomentum: expected a share above 0, of at most 1 (of the batch in the moving statistics), found ${bnMomentum}.`,
      );
    const missing = shape.modalities.filter((m) => !order.includes(m));
    if (missing.length > 0 || new Set(order).size !== order.length)
      throw new SystemError(`tfn: expected order to hold each of T, A, V once, found ${order}.`);
  },
  forward,
};
