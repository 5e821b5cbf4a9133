/**
 * DFG: Dynamic Fusion Graph, as Graph-MFN (Zadeh et al., ACL 2018; CMU-MultimodalSDK, thuiar/MMSA Graph_MFN).
 * n = rows (steps), s = sequences, h_m LSTM units, m = width of the memory.
 * MFN with a graph in place of its attention: nodes are the non-empty subsets of the modalities, efficacies say how much of a
 * node goes into each node above it. Nothing in it depends on the memory u, so it is computed for all rows at once.
 * Deviations:
 * [D5] See ef-lstm.ts.
 * [D12] Efficacies in 0..1 by a sigmoid (the paper's words); the SDK and MMSA leave them linear (`efficacy: "linear"`).
 *       Singletons come from the memories c, as MFN's attention does; MMSA takes hidden states (`singletonFrom: "h"`).
 * [D13] The nets of the nodes are trained; in the SDK and MMSA they sit in a plain dict, which the optimiser never sees.
 */
import type { Config, Modality } from "../core/types";
import { modalityOrder } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { concat, outer, slice } from "../engine/ops";
import { checkSettings, needSequences } from "../layers/accepts";
import { gatedMemory, type MemoryConfig, lstmUnits, mlp, sideBySide } from "../layers/cells";
import { type IntensityHead, taskOutput } from "../layers/head";
import { modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface DfgConfig extends MemoryConfig, Config {
  /** Widths of the singletons of text, audio, video. */
  readonly sT: number;
  readonly sA: number;
  readonly sV: number;
  /** Width of the nodes above, and of the linear layer in front of each core (also the efficacies'). */
  readonly node: number;
  readonly core: number;
  readonly efficacyCoreOut: number;
  /** [D12] */
  readonly efficacy: "sigmoid" | "linear";
  readonly singletonFrom: "c" | "h";
  readonly outHidden: number;
  readonly outDrop: number;
  readonly intensity: IntensityHead;
}

/** MMSA's sizes for MOSI; cores behind 100 units as in the SDK's example; the other nets as MFN's. */
export const defaults: DfgConfig = Object.freeze({
  hT: 256,
  hA: 32,
  hV: 256,
  m: 300,
  sT: 64,
  sA: 64,
  sV: 64,
  node: 64,
  core: 100,
  efficacyCoreOut: 64,
  efficacy: "sigmoid",
  singletonFrom: "c",
  att2: 64,
  att2Drop: 0.2,
  gamma1: 64,
  gamma1Drop: 0.2,
  gamma2: 64,
  gamma2Drop: 0.2,
  outHidden: 64,
  outDrop: 0.5,
  intensity: "l1",
});

type Node = readonly Modality[];
/** Non-empty subsets in the order t, a, v, ta, tv, av, tav. */
function nodesOf(modalities: readonly Modality[]): readonly Node[] {
  const [T, A, V] = modalityOrder;
  return [[T], [A], [V], [T, A], [T, V], [A, V], [T, A, V]].filter((node) => node.every((m) => modalities.includes(m)));
}
const nameOf = (node: Node): string => node.map((m) => modalityWord[m]).join("_");
const isWithin = (a: Node, b: Node): boolean => a.length < b.length && a.every((m) => b.includes(m));

/** e x for a column e: the last columns of [1; e] (x) [1; x]. */
const scaled = (e: Value, x: Value): Value => slice(outer(e, x), x.width + 2, x.width);

export function forward(net: Net, c: DfgConfig): Output {
  const { modalities } = net.shape;
  const lstms = sideBySide(net, lstmUnits(c));
  const taps: Record<string, Value> = { ...lstms.taps };
  const [before, now] = c.singletonFrom === "c" ? [lstms.cBefore, lstms.c] : [lstms.hBefore, lstms.h];
  const widths = { T: c.sT, A: c.sA, V: c.sV };

  const nodes = nodesOf(modalities);
  const value: Record<string, Value> = {};
  for (const m of modalities)
    value[modalityWord[m]] = net.dense(`singleton/${modalityWord[m]}`, [before[m], now[m]], widths[m], { act: "relu" });

  // One efficacy an edge: first into each node of two and more, in order, then into the top.
  const edges = [...nodes.filter((to) => to.length > 1).map((to) => nodes.filter((from) => isWithin(from, to))), nodes];
  const at = net.at("efficacy");
  const linear = at.dense("core", at.dense("in", modalities.map((m) => value[modalityWord[m]]), c.core), c.efficacyCoreOut); // prettier-ignore
  const efficacies = at.dense("out", linear, edges.flat().length, { act: c.efficacy });

  let edge = 0;
  /** core(in(concat of efficacy * child)), linear: (n, sum) -> (n, node). */
  const fuse = (name: string, children: readonly Node[]): Value => {
    const inputs = children.map((child) => scaled(slice(efficacies, edge++, 1), value[nameOf(child)]));
    return net.dense(`${name}/core`, net.dense(`${name}/in`, inputs, c.core), c.node);
  };
  nodes.filter((to) => to.length > 1).forEach((to, i) => (value[nameOf(to)] = fuse(`node/${nameOf(to)}`, edges[i])));
  const T = fuse("top", nodes);

  const memory = gatedMemory(net, T, c);
  const last = concat(...modalities.map((m) => lstms.last[m]), memory.last);
  const logits = mlp(net, "out", last, c.outHidden, net.shape.outputs, { drop: c.outDrop });
  for (const [name, v] of Object.entries(value)) taps[`node/${name}`] = v;
  return taskOutput(
    net,
    logits,
    {},
    { intensity: c.intensity, taps: { ...taps, efficacies, T, ...memory.taps, last } },
  );
}

const hidden = [32, 64, 128];
const drops = [0, 0.2, 0.5, 0.7];

export const dfg: NeuralSystem<DfgConfig> = {
  kind: "neural",
  name: "dfg",
  title: "DFG",
  paper: "Zadeh et al., ACL 2018 (Dynamic Fusion Graph in Graph-MFN)",
  defaults,
  space: {
    hT: [32, 64, 128, 256],
    hA: [8, 16, 32, 64],
    hV: [8, 16, 32, 64, 256],
    m: [64, 128, 300],
    node: hidden,
    core: [32, 64, 100],
    att2: hidden,
    att2Drop: drops,
    gamma1: hidden,
    gamma1Drop: drops,
    gamma2: hidden,
    gamma2Drop: drops,
    outHidden: hidden,
    outDrop: drops,
    batchSize: [32, 64, 128],
    learningRate: [0.0005, 0.001, 0.002, 0.005],
  },
  rows: "alone",
  accepts(shape, config) {
    needSequences("dfg", shape);
    checkSettings("dfg", config, defaults, { words: { efficacy: ["sigmoid", "linear"], singletonFrom: ["c", "h"] } });
  },
  forward,
};
