/**
 * GMU: gated multimodal units (Arevalo et al., ICLR workshop 2017): each modality's vector is weighed by a gate that sees all.
 * n = rows (utterances), k = width of the joint vector. Labels of sequences: the mean over their rows.
 */
import type { Config } from "../../lib/core/types";
import type { Output, Value } from "../../lib/engine/graph";
import { add, mul } from "../../lib/engine/ops";
import { checkSettings, needModalities } from "../../lib/layers/accepts";
import { type IntensityHead, pooled, taskOutput } from "../../lib/layers/head";
import { modalityWord } from "../../lib/layers/modalities";
import type { Net } from "../../lib/layers/net";
import type { NeuralSystem } from "../../lib/layers/system";

export interface GmuConfig extends Config {
  readonly k: number;
  readonly drop: number;
  readonly intensity: IntensityHead;
}

export const defaults: GmuConfig = Object.freeze({ k: 64, drop: 0.3, intensity: "tanh-mse" });

export function forward(net: Net, { k, drop, intensity }: GmuConfig): Output {
  const taps: Record<string, Value> = {};
  const gated = net.shape.modalities.map((m) => {
    const h = net.dense(`h/${modalityWord[m]}`, net.input(m), k, { act: "tanh" }); // (n, k)
    const z = net.dense(`gate/${modalityWord[m]}`, net.inputs(), k, { act: "sigmoid" }); // (n, k), sees all modalities
    taps[`gate/${modalityWord[m]}`] = z;
    return mul(z, h);
  });
  const joint = net.dropout("joint", gated.reduce(add), drop);
  return taskOutput(net, net.dense("out", pooled(net, joint), net.shape.outputs), {}, { intensity, taps });
}

export const gmu: NeuralSystem<GmuConfig> = {
  kind: "neural",
  name: "gmu",
  title: "GMU",
  paper: "Arevalo et al., ICLR workshop 2017 (gated multimodal units)",
  defaults,
  space: { k: [32, 64, 128], drop: [0, 0.3, 0.5], learningRate: [0.0005, 0.001, 0.002] },
  rows: "context",
  accepts(shape, config) {
    needModalities("gmu", shape);
    checkSettings("gmu", config, defaults);
  },
  forward,
};
