/**
 * CIA: Context-aware Interactive Attention (Chauhan, Akhtar, Ekbal, Bhattacharyya, EMNLP-IJCNLP 2019), in the order of
 * Algorithm 1, with the paper's names.
 *
 * n = rows (utterances, or steps of a sample), k = FC width, r = GRU units, d_x = width of modality x.
 * Deviations, rows of the README's table:
 * [D1] The variant `released` follows the authors' script: both directions of CAM, and a dense layer k after every BiGRU and
 *      before the head. `paper` keeps the dense layers after the BiGRUs (Algorithm 1 does not type-check without them),
 *      takes CAM(M, BI) alone and has no dense layer before the head.
 * [D2] One dropout mask a sequence on the BiGRU's input (shared by gates and directions) and one on h(t-1) per direction;
 *      Keras 2.2 drew one a gate.
 * [D3] A single modality x is the case x = y of the same graph: IIM_xx is an auto-encoder, BI = FC(F_x).
 * [D4] No padding: attention, pooling and losses see real rows only; the released script had no mask.
 * [D24] Features are standardised, so part of an IIM's target lies outside the range of its tanh; the suite `variants` has
 *       `scaling: "maxabs"` beside it.
 */
import type { Config, Modality } from "../core/types";
import { modalityOrder } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { attend, attention, concat, mean, mse, mul } from "../engine/ops";
import { checkSettings, needModalities } from "../layers/accepts";
import { pooled, taskOutput } from "../layers/head";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface CiaConfig extends Config {
  /** Width of the dense layers; the IIM's are 3k, 2k, k, 2k, 3k. */
  readonly k: number;
  /** GRU units a direction. */
  readonly r: number;
  /** Dropout after dense layers and BiGRUs. */
  readonly drop: number;
  /** Dropout on the BiGRU's input and on its recurrent state. */
  readonly gruDrop: number;
  /** Directions of CAM a pair: both, or CAM(M, BI) alone. [D1] */
  readonly cam: "both" | "M_BI";
  /** A dense layer k before the head. [D1] */
  readonly merge: boolean;
  /** "true"; "false": the paper's CIA-IIM ablation; "encoders-only": the IIMs' encoders stay, their loss has weight 0. */
  readonly iim: "true" | "false" | "encoders-only";
  readonly gates: "hardSigmoid" | "sigmoid";
}

/** The released script's settings (Table 4, YouTube): 6.12 million parameters at widths 300, 74, 36. */
export const defaults: CiaConfig = Object.freeze({
  k: 200,
  r: 50,
  drop: 0.5,
  gruDrop: 0.3,
  cam: "both",
  merge: true,
  iim: "true",
  gates: "hardSigmoid",
});

/** [D1] as differences from each other: the authors' script, and Algorithm 1. */
export const variants = Object.freeze({
  released: Object.freeze({ cam: "both", merge: true }),
  paper: Object.freeze({ cam: "M_BI", merge: false }),
} as const);

type Names = readonly [Modality, Modality];
/** Ordered pairs (one IIM each) in the released script's order; one modality alone is paired with itself. */
const orderedPairs: readonly Names[] = (["TA", "TV", "AT", "AV", "VT", "VA"] as const).map(
  (p) => [p[0], p[1]] as Names,
);
/** Unordered pairs: TA, AV, VT (text second in the third, as released); with two modalities xy in the order T, A, V. */
function pairsOf(modalities: readonly Modality[]): { ordered: readonly Names[]; unordered: readonly Names[] } {
  const present = modalityOrder.filter((m) => modalities.includes(m));
  const [a, b] = present;
  if (present.length === 1) return { ordered: [[a, a]], unordered: [[a, a]] };
  if (present.length === 2) return { ordered: [[a, b], [b, a]], unordered: [[a, b]] }; // prettier-ignore
  return { ordered: orderedPairs, unordered: [["T", "A"], ["A", "V"], ["V", "T"]] }; // prettier-ignore
}

export function forward(net: Net, { k, r, drop, gruDrop, cam, merge, iim, gates }: CiaConfig): Output {
  const { ordered, unordered } = pairsOf(net.shape.modalities);
  const x = Object.fromEntries(net.shape.modalities.map((m) => [m, net.input(m)])) as Record<Modality, Value>;
  const taps: Record<string, Value> = {};
  const loss: Record<string, Value> = {};

  /** Algorithm 2: encode X, decode the other modality Y from the code. X (n, d_x), Y (n, d_y) -> C (n, k). */
  function IIM(p: string, X: Value, Y: Value): Value {
    const own = net.at(`iim/${p}`);
    const dense = (name: string, x: Value, units: number) => own.dense(name, x, units, { act: "tanh", drop });
    const C = dense("enc3", dense("enc2", dense("enc1", X, 3 * k), 2 * k), k);
    taps[`code/${p}`] = C;
    if (iim === "encoders-only") return C;
    const Yhat = own.dense("out", dense("dec2", dense("dec1", C, 2 * k), 3 * k), Y.width, { act: "tanh" });
    taps[`recon/${p}`] = Yhat;
    loss[`mse/${p}`] = mse(Yhat, Y);
    return C;
  }

  /** BiGRU, then the dense layer of [D1]: (n, .) -> (n, k). */
  function F(path: string, X: Value): Value {
    const at = net.at(path);
    const H = at.dropout("gru", at.biGru("gru", X, r, { drop: gruDrop, recurrentDrop: gruDrop, gates }), drop);
    taps[path.replace("inter/", "inter_gru/").replace("plain/", "plain_gru/")] = H;
    return (taps[`F/${path.split("/")[1]}`] = at.dense("fc", H, k, { act: "relu", drop }));
  }

  /** Algorithm 3, no parameters: softmax(q cT) c (*) q inside each sequence. q, c (n, k) -> (n, k). */
  function CAM(name: string, q: Value, c: Value): Value {
    const O = attend(q, c);
    taps[`att/${name}`] = attention(O);
    return (taps[`cam/${name}`] = mul(O, q));
  }

  const Fxy: Record<string, Value> = {};
  if (iim !== "false") for (const [a, b] of ordered) Fxy[a + b] = F(`inter/${a}${b}`, IIM(a + b, x[a], x[b]));
  const Fx = Object.fromEntries(net.shape.modalities.map((m) => [m, F(`plain/${m}`, x[m])])) as Record<Modality, Value>;

  const A: Value[] = [];
  for (const [a, b] of unordered) {
    const p = a + b;
    const BI = net.at(`pair/${p}`).dense("bi", a === b ? Fx[a] : [Fx[a], Fx[b]], k, { act: "relu", drop });
    taps[`BI/${p}`] = BI;
    if (iim === "false") {
      A.push(CAM(`${p}/BI_BI`, BI, BI)); // the ablation: self-attention on the bi-modal representation
      continue;
    }
    const M = a === b ? Fxy[p] : mean(Fxy[a + b], Fxy[b + a]);
    taps[`M/${p}`] = M;
    if (cam === "both") A.push(CAM(`${p}/BI_M`, BI, M)); // [D1]
    A.push(CAM(`${p}/M_BI`, M, BI));
  }

  const Rep = (taps.rep = concat(...A));
  const Z = merge ? net.dense("merge", Rep, k, { act: "relu" }) : Rep;
  if (merge) taps.Z = Z;
  const z = pooled(net, Z);
  if (z !== Z) taps.pooled = z;
  return taskOutput(net, net.dense("head", z, net.shape.outputs), loss, { taps });
}

export const cia: NeuralSystem<CiaConfig> = {
  kind: "neural",
  name: "cia",
  title: "CIA",
  paper: "Chauhan et al., EMNLP-IJCNLP 2019",
  defaults,
  space: {
    k: [50, 100, 200],
    r: [50, 100, 200],
    drop: [0.3, 0.5],
    gruDrop: [0.3, 0.5],
    learningRate: [0.0005, 0.001, 0.002],
    // The paper's 16 makes four steps an epoch of MOSI's 52 training videos.
    batchSize: [4, 8, 16],
  },
  rows: "context",
  accepts(shape, config) {
    needModalities("cia", shape);
    checkSettings("cia", config, defaults, {
      words: {
        cam: ["both", "M_BI"],
        iim: ["true", "false", "encoders-only"],
        gates: ["sigmoid", "hardSigmoid"],
      },
    });
  },
  forward,
};
