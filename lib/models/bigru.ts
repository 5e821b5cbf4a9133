/**
 * BiGRU: a plain yardstick, not a system of the paper: one BiGRU over [T; A; V], a dense layer, the head.
 * n = rows, r = GRU units a direction, k = width of the dense layer. Per-row labels: it sees the whole video.
 */
import type { Config } from "../core/types";
import type { Output } from "../engine/graph";
import { concat } from "../engine/ops";
import { checkSettings, needModalities } from "../layers/accepts";
import { type IntensityHead, pooled, taskOutput } from "../layers/head";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface BiGruConfig extends Config {
  readonly r: number;
  readonly k: number;
  /** After the BiGRU and after the dense layer; on the GRU's input and state. */
  readonly drop: number;
  readonly gruDrop: number;
  readonly intensity: IntensityHead;
}

/** CIA's sizes on MOSEI (Table 4). */
export const defaults: BiGruConfig = Object.freeze({ r: 100, k: 100, drop: 0.5, gruDrop: 0.3, intensity: "tanh-mse" });

export function forward(net: Net, { r, k, drop, gruDrop, intensity }: BiGruConfig): Output {
  const H = net.biGru("gru", concat(...net.inputs()), r, { drop: gruDrop, recurrentDrop: gruDrop }); // (n, 2r)
  const fc = net.dense("fc", net.dropout("gru/out", H, drop), k, { act: "relu", drop }); // (n, k)
  const logits = net.dense("out", pooled(net, fc), net.shape.outputs);
  return taskOutput(net, logits, {}, { intensity, taps: { gru: H, fc } });
}

export const biGru: NeuralSystem<BiGruConfig> = {
  kind: "neural",
  name: "bigru",
  title: "BiGRU",
  paper: "a yardstick: recurrent net over concatenated features",
  defaults,
  space: {
    r: [50, 100, 200],
    k: [50, 100, 200],
    drop: [0.3, 0.5],
    gruDrop: [0.3, 0.5],
    batchSize: [16, 32],
    learningRate: [0.0005, 0.001, 0.002],
  },
  rows: "context",
  accepts(shape, config) {
    needModalities("bigru", shape);
    checkSettings("bigru", config, defaults);
  },
  forward,
};
