/**
 * EF-LSTM: early fusion, one LSTM over [T; A; V] (pliang279/MFN, test_mosi.py). Last hidden state, dense h relu, dropout, dense.
 * n = rows (steps), s = sequences, h = LSTM units.
 * Deviations:
 * [D5] CMU systems stop at a sequence's last true step; the originals run on through zero padding. Losses are means over
 *      samples, and the last, smaller batch of an epoch is kept.
 */
import type { Config } from "../core/types";
import type { Output } from "../engine/graph";
import { cells, concat, lastRow } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { type IntensityHead, taskOutput } from "../layers/head";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface EfLstmConfig extends Config {
  readonly h: number;
  readonly drop: number;
  readonly intensity: IntensityHead;
}

/** The sizes of the script's call. */
export const defaults: EfLstmConfig = Object.freeze({ h: 128, drop: 0.5, intensity: "l1" });

export function forward(net: Net, { h, drop, intensity }: EfLstmConfig): Output {
  const H = net.lstm("lstm", concat(...net.inputs()), h); // (n, h)
  const fc = net.dense("fc", lastRow(H), h, { act: "relu", drop });
  return taskOutput(net, net.dense("out", fc, net.shape.outputs), {}, { intensity, taps: { h: H, c: cells(H), fc } });
}

export const efLstm: NeuralSystem<EfLstmConfig> = {
  kind: "neural",
  name: "ef-lstm",
  title: "EF-LSTM",
  paper: "Early fusion; script of Zadeh et al., AAAI 2018 (pliang279/MFN)",
  defaults,
  space: {
    h: [32, 64, 128, 256],
    drop: [0, 0.2, 0.5, 0.7],
    batchSize: [32, 64, 128],
    learningRate: [0.001, 0.002, 0.005, 0.01],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("ef-lstm", shape);
    checkSettings("ef-lstm", config, defaults);
  },
  forward,
};
