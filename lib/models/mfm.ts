/**
 * MFM: Multimodal Factorization Model (Tsai et al., ICLR 2019; pliang279/factorized, mfm_mosi_acc.py, mfm_model.py).
 * n = rows (steps), s = sequences; z_k latent codes and f_k factors of k = y, text, audio, video.
 * Deviations:
 * [D5] See ef-lstm.ts; the reconstruction loss is over true steps.
 * [D19] MMD and MFN, one joint loss, as in the paper; the scripts that ran last train a two-stage "beta-VAE" without MFN. As in
 *       the code the decoder's next input is its own hidden state, the MMD kernel divides by the width twice, and diagonals count.
 */
import type { Modality } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { add, cellOutput, cellState, concat, dense, lastRow, mmd, mse, noise, scan } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { lstmUnits, mlp } from "../layers/cells";
import { type IntensityHead, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";
import { memoryDefaults, memoryFusion, memorySpace, type MfnMemoryConfig } from "./mfn";

export interface MfmConfig extends MfnMemoryConfig {
  /** Widths of the codes and factors of text, audio, video and y. */
  readonly zT: number;
  readonly zA: number;
  readonly zV: number;
  readonly zY: number;
  readonly fT: number;
  readonly fA: number;
  readonly fV: number;
  readonly fY: number;
  /** Dropout in the nets of the factors and in the head. */
  readonly drop: number;
  /** Weights of the reconstructions and of every MMD; the task's is 1. */
  readonly lambdaT: number;
  readonly lambdaA: number;
  readonly lambdaV: number;
  readonly lambdaMmd: number;
  readonly intensity: IntensityHead;
}

/** MFN's sizes; the scripts draw codes, factors and weights at random: here the middle of their lists. */
export const defaults: MfmConfig = Object.freeze({
  ...memoryDefaults,
  zT: 64,
  zA: 32,
  zV: 32,
  zY: 64,
  fT: 64,
  fA: 32,
  fV: 32,
  fY: 64,
  drop: 0.2,
  lambdaT: 0.1,
  lambdaA: 0.1,
  lambdaV: 0.1,
  lambdaMmd: 0.1,
  intensity: "l1",
});

export function forward(net: Net, c: MfmConfig): Output {
  const { modalities } = net.shape;
  const taps: Record<string, Value> = {};
  const loss: Record<string, Value> = {};
  const lossWeights: Record<string, number> = {};
  const units = lstmUnits(c);
  const [zWidth, fWidth, lambda] = [
    { T: c.zT, A: c.zA, V: c.zV },
    { T: c.fT, A: c.fA, V: c.fV },
    { T: c.lambdaT, A: c.lambdaA, V: c.lambdaV },
  ];

  /** z -> f, and the discrepancy of z from a standard normal. */
  function factor(k: string, z: Value, width: number): Value {
    taps[`z/${k}`] = z;
    loss[`mmd/${k}`] = mmd(z, noise(net.graph, `gauss/${k}`, z.width));
    lossWeights[`mmd/${k}`] = c.lambdaMmd;
    return (taps[`f/${k}`] = mlp(net, `f/${k}`, z, width, width, { act: "relu", drop: c.drop }));
  }

  /** An LSTM that starts from [f_y; f_m] and feeds on its own hidden state: as many steps as the sequence has, (n, d_m). */
  function decode(m: Modality, f: Value): Value {
    const at = net.at(`dec/${modalityWord[m]}`);
    const w = at.recurrent("lstm", f.width, f.width, 4, "forget");
    const { rows } = scan(
      [],
      { x: f, h: f.width, c: f.width },
      (_, { x, h, c: memory }) => {
        const gates = add(dense(x, w.kernel, w.bias), dense(h, w.recurrent, undefined));
        const cNew = cellState(gates, memory);
        const hNew = cellOutput(gates, cNew);
        return { state: { x: hNew, h: hNew, c: cNew }, outputs: [hNew] };
      },
      net.graph,
    );
    taps[`dec/${modalityWord[m]}/h`] = rows[0];
    return at.dense("fc", rows[0], net.input(m).width);
  }

  const fusion = memoryFusion(net.at("mfn"), c);
  for (const [name, value] of Object.entries(fusion.taps)) taps[`mfn/${name}`] = value;
  const fy = factor("y", net.dense("zy/fc", fusion.last, c.zY), c.fY);
  for (const m of modalities) {
    const word = modalityWord[m];
    const at = net.at(`enc/${word}`);
    const z = at.dense("fc", lastRow(at.lstm("lstm", net.input(m), units[m])), zWidth[m]);
    const fm = factor(word, z, fWidth[m]);
    const reconstruction = (taps[`reconstruction/${word}`] = decode(m, concat(fy, fm)));
    loss[`mse/${word}`] = mse(reconstruction, net.input(m));
    lossWeights[`mse/${word}`] = lambda[m];
  }
  const logits = mlp(net, "y", fy, c.fY, net.shape.outputs, { drop: c.drop });
  return taskOutput(net, logits, loss, { intensity: c.intensity, lossWeights, taps });
}

const codes = [8, 16, 32, 64, 80] as const;
const lambdas = [0.01, 0.1, 0.5, 1] as const;

export const mfm: NeuralSystem<MfmConfig> = {
  kind: "neural",
  name: "mfm",
  title: "MFM",
  paper: "Tsai et al., ICLR 2019 (Multimodal Factorization Model)",
  defaults,
  space: {
    ...memorySpace,
    zT: [32, 64, 88, 128],
    zA: codes,
    zV: codes,
    zY: [32, 64, 88, 128],
    fT: [32, 64, 88, 128],
    fA: codes,
    fV: codes,
    fY: [32, 64, 88, 128],
    drop: [0, 0.2, 0.5, 0.7],
    lambdaT: lambdas,
    lambdaA: lambdas,
    lambdaV: lambdas,
    lambdaMmd: lambdas,
    batchSize: [32, 64, 128],
    learningRate: [0.001, 0.002, 0.005],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("mfm", shape);
    checkSettings("mfm", config, defaults, { free: ["lambdaT", "lambdaA", "lambdaV", "lambdaMmd"] });
  },
  forward,
};
