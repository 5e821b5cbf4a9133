/**
 * MARN: Multi-attention Recurrent Network (Zadeh et al., AAAI 2018; cell and attention block in CMU-MultimodalSDK).
 * n = rows (steps), s = sequences, D = sum of the cells' widths h_m, K attentions, l_m reduced widths, z = width of the hybrid
 * code z(t).
 * Deviations:
 * [D5] See ef-lstm.ts.
 * [D9] The paper's form: one softmax for each of the K attentions and a linear G; the SDK's block takes one softmax over all
 *      K D entries (`jointSoftmax`) and has no G (`fuse: false`). C_m and G are linear. The head is mlp([h(T); z(T)]).
 */
import type { Config } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { add, cellOutput, cellState, concat, dense, mul, scan, slice, softmax } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { lstmUnits, mlp, stateTaps } from "../layers/cells";
import { type IntensityHead, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface MarnConfig extends Config {
  /** Units of the cells of text, audio, video. */
  readonly hT: number;
  readonly hA: number;
  readonly hV: number;
  /** Number of attentions. */
  readonly K: number;
  /** Reduced widths of text, audio, video. */
  readonly lT: number;
  readonly lA: number;
  readonly lV: number;
  /** Width of z with `fuse`; without, z is [s_t; s_a; s_v]. [D9] */
  readonly z: number;
  readonly fuse: boolean;
  readonly jointSoftmax: boolean;
  readonly outHidden: number;
  readonly outDrop: number;
  readonly intensity: IntensityHead;
}

/** Sizes of the public PyTorch code (sverma88), the only ones that are known; z as wide as [s_t; s_a; s_v]. */
export const defaults: MarnConfig = Object.freeze({
  hT: 128,
  hA: 30,
  hV: 32,
  K: 4,
  lT: 32,
  lA: 16,
  lV: 16,
  z: 64,
  fuse: true,
  jointSoftmax: false,
  outHidden: 10,
  outDrop: 0.2,
  intensity: "l1",
});

export function forward(net: Net, c: MarnConfig): Output {
  const { modalities } = net.shape;
  const h = lstmUnits(c);
  const l = { T: c.lT, A: c.lA, V: c.lV };
  const sum = (of: typeof h) => modalities.reduce((total, m) => total + of[m], 0);
  const D = sum(h);
  const zWidth = c.fuse ? c.z : sum(l);

  const cells = modalities.map((m) => {
    const name = `lsthm/${modalityWord[m]}`;
    const { kernel, recurrent, bias } = net.recurrent(name, net.input(m).width, h[m], 4, "forget");
    const hybrid = net.param(`${name}/hybrid`, [zWidth, 4 * h[m]], "glorot");
    const gates = dense(net.input(m), kernel, bias, "linear", undefined, name); // W x + b, all rows at once
    return { m, gates, recurrent, hybrid };
  });
  const states: Record<string, number> = { z: zWidth };
  for (const m of modalities) states[`h/${m}`] = states[`c/${m}`] = h[m];

  const { last, rows } = scan(
    cells.map(({ gates }) => gates),
    states,
    (x, state) => {
      const next: Record<string, Value> = {};
      cells.forEach(({ m, recurrent, hybrid }, i) => {
        const past = add(dense(state[`h/${m}`], recurrent, undefined), dense(state.z, hybrid, undefined));
        const gate = add(x[i], past);
        next[`c/${m}`] = cellState(gate, state[`c/${m}`]);
        next[`h/${m}`] = cellOutput(gate, next[`c/${m}`]);
      });
      // Multi-attention block: K attentions over all D units, each modality's K parts reduced, then G.
      const H = concat(...modalities.map((m) => next[`h/${m}`]));
      const attention = softmax(net.dense("attention", H, c.K * D), c.jointSoftmax ? 1 : c.K);
      const attended = mul(attention, concat(...Array.from({ length: c.K }, () => H)));
      let offset = 0;
      const reduced = modalities.map((m) => {
        const parts = Array.from({ length: c.K }, (_, k) => slice(attended, k * D + offset, h[m]));
        offset += h[m];
        return net.dense(`reduce/${modalityWord[m]}`, parts, l[m]);
      });
      const s = concat(...reduced);
      next.z = c.fuse ? net.dense("fuse", s, c.z) : s;
      const each = (s: string) => modalities.map((m) => next[`${s}/${m}`]);
      return { state: next, outputs: [attention, s, next.z, ...each("h"), ...each("c")] };
    },
  );

  const [attention, s, z, ...hAndC] = rows;
  const taps: Record<string, Value> = { attention, s, z, ...stateTaps(modalities, hAndC) };
  taps.last = concat(...modalities.map((m) => last[`h/${m}`]), last.z);
  const logits = mlp(net, "out", taps.last, c.outHidden, net.shape.outputs, { drop: c.outDrop });
  return taskOutput(net, logits, {}, { intensity: c.intensity, taps });
}

export const marn: NeuralSystem<MarnConfig> = {
  kind: "neural",
  name: "marn",
  title: "MARN",
  paper: "Zadeh et al., AAAI 2018 (Multi-attention Recurrent Network)",
  defaults,
  space: {
    hT: [32, 64, 128],
    hA: [8, 16, 32],
    hV: [8, 16, 32],
    K: [1, 2, 3, 4, 5, 6],
    lT: [16, 32, 64],
    lA: [8, 16, 32],
    lV: [8, 16, 32],
    z: [32, 64, 128],
    outHidden: [16, 32, 64],
    outDrop: [0, 0.2, 0.5],
    batchSize: [32, 64, 128],
    learningRate: [0.0005, 0.001, 0.005, 0.01],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("marn", shape);
    checkSettings("marn", config, defaults);
  },
  forward,
};
