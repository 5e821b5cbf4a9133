/**
 * MV-LSTM: Multi-view LSTM (Rajagopalan et al., ECCV 2016; paper and code in r-shyam/mv-lstm).
 * n = rows (steps), s = sequences, e = width of the linear embeddings, d = units of each view's cell.
 * Each cell sees the first alpha d units of its own h(t-1) and beta d units of every other view's.
 * Deviations:
 * [D5] See ef-lstm.ts.
 * [D10] The last state and a dense head; the paper scores every step with the clip's label and takes the largest.
 *       Trained by the one trainer (Adam); the paper: RMSProp with elementwise clipping at 5.
 * [D11] `betaKeeps`: the last beta d units of the other views as in the paper, or the first as in the code.
 */
import { SystemError } from "../core/errors";
import type { Config, Modality } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { add, cellOutput, cellState, concat, dense, keep, scan } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { stateTaps } from "../layers/cells";
import { type IntensityHead, taskOutput } from "../layers/head";
import { forEachModality, modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface MvLstmConfig extends Config {
  readonly d: number;
  readonly e: number;
  /** Shares in 0..1 of a view's own units and of the other views' that it sees: full 1, 1; coupled 0, 1; hybrid between. */
  readonly alpha: number;
  readonly beta: number;
  /** [D11] */
  readonly betaKeeps: "first" | "last";
  /** h' = s(o) tanh(c') in place of s(o) c'. */
  readonly tanhC: boolean;
  /** On the embedded inputs and on the last h. */
  readonly drop: number;
  readonly intensity: IntensityHead;
}

/** The paper's best: hybrid, alpha 0.1, beta 1. */
export const defaults: MvLstmConfig = Object.freeze({
  d: 32,
  e: 32,
  alpha: 0.1,
  beta: 1,
  betaKeeps: "last",
  tanhC: false,
  drop: 0.5,
  intensity: "l1",
});

export function forward(net: Net, c: MvLstmConfig): Output {
  const { modalities } = net.shape;
  const { d } = c;
  /** The units of view `of` that view `by` sees. */
  const seen = (of: Modality, by: Modality, j: number): boolean => {
    if (of === by) return j < Math.trunc(c.alpha * d);
    return c.betaKeeps === "first" ? j < Math.trunc(c.beta * d) : j >= d - Math.trunc(c.beta * d);
  };

  const cells = modalities.map((m) => {
    const at = net.at(`cell/${modalityWord[m]}`);
    const embedded = net.dense(`embed/${modalityWord[m]}`, net.input(m), c.e, { drop: c.drop });
    const kernel = at.param("kernel", [c.e, 4 * d], "glorot");
    const views = modalities.map((k) => ({
      k,
      recurrent: at.param(`recurrent/${modalityWord[k]}`, [d, 4 * d], "orthogonal"),
      factors: Float32Array.from({ length: d }, (_, j) => (seen(k, m, j) ? 1 : 0)),
    }));
    return { m, gates: dense(embedded, kernel, at.param("bias", [4 * d], "forget")), views };
  });

  const states = Object.fromEntries(modalities.flatMap((m) => [[`h/${m}`, d], [`c/${m}`, d]])); // prettier-ignore
  const { last, rows } = scan(
    cells.map(({ gates }) => gates),
    states,
    (x, state) => {
      const next: Record<string, Value> = {};
      cells.forEach(({ m, views }, i) => {
        let gate = x[i];
        for (const { k, recurrent, factors } of views) {
          const units = factors.reduce((a, b) => a + b, 0);
          if (units === 0) continue; // nothing is seen: its weights stay as they are
          const past = state[`h/${k}`];
          gate = add(gate, dense(units === d ? past : keep(past, factors), recurrent, undefined));
        }
        next[`c/${m}`] = cellState(gate, state[`c/${m}`]);
        next[`h/${m}`] = cellOutput(gate, next[`c/${m}`], "sigmoid", c.tanhC);
      });
      return { state: next, outputs: ["h", "c"].flatMap((s) => modalities.map((m) => next[`${s}/${m}`])) };
    },
  );

  const h = forEachModality(modalities, (m) => rows[modalities.indexOf(m)]);
  const taps = stateTaps(modalities, rows);
  const kernel = net.param("out/kernel", [modalities.length * d, net.shape.outputs], "glorot");
  const bias = net.param("out/bias", [net.shape.outputs], "zeros");
  const H = concat(...modalities.map((m) => last[`h/${m}`]));
  const logits = dense(net.dropout("h", H, c.drop), kernel, bias, "linear", undefined, "out");
  taps.step_logits = dense(modalities.map((m) => h[m]), kernel, bias); // prettier-ignore
  return taskOutput(net, logits, {}, { intensity: c.intensity, taps });
}

export const mvLstm: NeuralSystem<MvLstmConfig> = {
  kind: "neural",
  name: "mv-lstm",
  title: "MV-LSTM",
  paper: "Rajagopalan et al., ECCV 2016 (Multi-view LSTM)",
  defaults,
  space: {
    d: [16, 32, 64, 128],
    e: [16, 32, 64],
    alpha: [0, 0.1, 0.5, 1],
    beta: [0, 0.5, 1],
    drop: [0, 0.2, 0.5],
    batchSize: [32, 64, 128],
    learningRate: [0.0005, 0.001, 0.005, 0.01],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("mv-lstm", shape);
    checkSettings("mv-lstm", config, defaults, { words: { betaKeeps: ["first", "last"] }, free: ["alpha", "beta"] });
    const { alpha, beta } = config;
    for (const [name, value] of Object.entries({ alpha, beta }))
      if (!(value >= 0 && value <= 1)) throw new SystemError(`mv-lstm: expected ${name} in 0..1, found ${value}.`);
  },
  forward,
};
