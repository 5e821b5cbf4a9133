/**
 * MFN: Memory Fusion Network (Zadeh et al., AAAI 2018; released code pliang279/MFN), in the order of the paper's figure 2.
 * n = rows (steps), s = sequences, d = sum of the LSTMs' widths h_m, m = width of the memory.
 * Only the memory u depends on its own past: the LSTMs run side by side, and all that is computed of c* is computed for all
 * rows at once, outside the loop.
 * Deviations:
 * [D5] See ef-lstm.ts.
 * [D6] As in the released code the gates also see u(t-1); `gatesSeeMemory: false` is the paper's form.
 */
import type { Config } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { concat, mul, softmax } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { gatedMemory, type MemoryConfig, lstmUnits, mlp, sideBySide } from "../layers/cells";
import { type IntensityHead, taskOutput } from "../layers/head";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

/** The recurrent part, which MFM shares. */
export interface MfnMemoryConfig extends MemoryConfig, Config {
  /** Hidden width of the net of attention, and dropout in it; the others': MemoryConfig. */
  readonly att1: number;
  readonly att1Drop: number;
  /** [D6] */
  readonly gatesSeeMemory: boolean;
}

export interface MfnConfig extends MfnMemoryConfig {
  readonly outHidden: number;
  readonly outDrop: number;
  readonly intensity: IntensityHead;
}

export const memoryDefaults: MfnMemoryConfig = Object.freeze({
  hT: 88,
  hA: 48,
  hV: 16,
  m: 128,
  att1: 64,
  att1Drop: 0.2,
  att2: 64,
  att2Drop: 0.2,
  gamma1: 64,
  gamma1Drop: 0.2,
  gamma2: 64,
  gamma2Drop: 0.2,
  gatesSeeMemory: true,
});

/** LSTM and memory widths of the script's comment "MAE 0.993"; its nets' sizes are not recorded: the middle of their search. */
export const defaults: MfnConfig = Object.freeze({ ...memoryDefaults, outHidden: 64, outDrop: 0.5, intensity: "l1" });

/** LSTMs, delta-memory attention and multi-view gated memory: [h_t; h_a; h_v; u] after the last step, (s, d + m). */
export function memoryFusion(net: Net, c: MfnMemoryConfig): { last: Value; taps: Record<string, Value> } {
  const { modalities } = net.shape;
  const lstms = sideBySide(net, lstmUnits(c));
  const cStar = concat(...modalities.map((m) => lstms.cBefore[m]), ...modalities.map((m) => lstms.c[m])); // (n, 2d)
  const attention = softmax(mlp(net, "att1", cStar, c.att1, cStar.width, { drop: c.att1Drop }));
  const attended = mul(attention, cStar);
  const memory = gatedMemory(net, attended, c, c.gatesSeeMemory);
  const last = concat(...modalities.map((m) => lstms.last[m]), memory.last);
  return { last, taps: { ...lstms.taps, c_star: cStar, attention, attended, ...memory.taps, last } };
}

export function forward(net: Net, c: MfnConfig): Output {
  const { last, taps } = memoryFusion(net, c);
  const logits = mlp(net, "out", last, c.outHidden, net.shape.outputs, { drop: c.outDrop });
  return taskOutput(net, logits, {}, { intensity: c.intensity, taps });
}

const hidden = [32, 64, 128, 256];
const drops = [0, 0.2, 0.5, 0.7];
/** The script's random search. */
export const memorySpace = {
  hT: [32, 64, 88, 128, 156, 256],
  hA: [8, 16, 32, 48, 64, 80],
  hV: [8, 16, 32, 48, 64, 80],
  m: [64, 128, 256, 300, 400],
  att1: hidden,
  att1Drop: drops,
  att2: hidden,
  att2Drop: drops,
  gamma1: hidden,
  gamma1Drop: drops,
  gamma2: hidden,
  gamma2Drop: drops,
} as const;

export const mfn: NeuralSystem<MfnConfig> = {
  kind: "neural",
  name: "mfn",
  title: "MFN",
  paper: "Zadeh et al., AAAI 2018 (Memory Fusion Network)",
  defaults,
  space: {
    ...memorySpace,
    outHidden: hidden,
    outDrop: drops,
    batchSize: [32, 64, 128, 256],
    learningRate: [0.001, 0.002, 0.005, 0.008, 0.01],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("mfn", shape);
    checkSettings("mfn", config, defaults);
  },
  forward,
};
