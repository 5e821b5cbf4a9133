/**
 * MMMU-BA: multi-modal multi-utterance bi-modal attention (Ghosal et al., EMNLP 2018; GussailRaat/EMNLP-18-MMMU-BA).
 * n = rows (utterances of videos), r = GRU units a direction, k = width of the dense layers.
 * Deviations:
 * [D14] Keys are a video's true utterances. `padTo` > 0 is the released behaviour (Keras 2.2): videos are zero-padded to that
 *       many utterances, and padded ones are keys, for which the forward GRU repeats its last state and the backward gives 0.
 * [D15] Labels of sequences: the merged representation is averaged over the sequence's rows.
 * [D2] See cia.ts: one dropout mask a sequence in the GRUs.
 * [D27] Intensity by tanh and squared error, as CIA's; its authors published no regression.
 */
import { SystemError } from "../core/errors";
import type { Config, Modality } from "../core/types";
import type { Gates, Output, PlainFunction, Value } from "../engine/graph";
import { attend, attention, concat, dense, keep, lastRow, mul, plain } from "../engine/ops";
import { checkSettings, needModalities } from "../layers/accepts";
import { type IntensityHead, pooled, taskOutput } from "../layers/head";
import { forEachModality, modalityWord } from "../layers/modalities";
import type { Net } from "../layers/net";
import type { NeuralSystem } from "../layers/system";

export interface MmmuBaConfig extends Config {
  readonly r: number;
  readonly k: number;
  readonly dense: "tanh" | "relu";
  readonly gates: Gates;
  /**
   * "MMMU-BA": pairs of modalities over the video's utterances; "MU-SA": each modality over the utterances; "MMUU-SA": the
   * modalities of one utterance; "none".
   */
  readonly attention: "MMMU-BA" | "MU-SA" | "MMUU-SA" | "none";
  /** What is merged, query first: pairs and single modalities. */
  readonly merge: string;
  readonly gruDrop: number;
  /** After the GRU and after the dense layer. */
  readonly drop: number;
  /** [D14] 0, or at least the longest video. */
  readonly padTo: number;
  readonly intensity: IntensityHead;
}

/** The order in which the two released scripts merge. */
export const merges = Object.freeze({ mosi: "VT,TV,AV,VA,TA,AT,V,A,T", mosei: "VA,VT,AV,AT,TV,TA,V,A,T" });

/** The MOSI script. */
export const defaults: MmmuBaConfig = Object.freeze({
  r: 300,
  k: 100,
  dense: "tanh",
  gates: "hardSigmoid",
  attention: "MMMU-BA",
  merge: merges.mosi,
  gruDrop: 0.5,
  drop: 0.7,
  padTo: 0,
  intensity: "tanh-mse",
});

/** softmax over a sequence's true rows and (padTo - rows) copies of its padded one; `give`: the weights or softmax v. */
const paddedAttention =
  (padTo: number, give: "weights" | "attended"): PlainFunction =>
  ([q, x, pad], { tf, offsets }) => {
    const parts = Array.from({ length: offsets.length - 1 }, (_, i) => {
      const rows = offsets[i + 1] - offsets[i];
      if (rows > padTo) throw new SystemError(`mmmu-ba: expected padTo of at least ${rows}, found ${padTo}.`);
      const at = (value: typeof q) => tf.slice(value, [offsets[i], 0], [rows, value.shape[1]]);
      const padded = tf.slice(pad, [i, 0], [1, pad.shape[1]]);
      const keys = tf.concat2d([at(x), ...Array.from({ length: padTo - rows }, () => padded)], 0);
      const weights: typeof q = tf.softmax(tf.matMul<typeof q>(at(q), keys, false, true));
      return give === "weights" ? weights : tf.matMul<typeof q>(weights, keys);
    });
    return tf.concat(parts, 0);
  };

/** softmax over the modalities of one utterance, for the query `at`: q_p = sum_j softmax_j(x_at . x_j) x_j. */
const acrossModalities =
  (at: number): PlainFunction =>
  (xs, { tf }) => {
    const scores = tf.softmax(
      tf.stack(
        xs.map((x) => tf.sum(tf.mul(xs[at], x), 1)),
        1,
      ),
    ); // (n, modalities)
    return tf.addN(xs.map((x, j) => tf.mul<typeof x>(x, tf.slice(scores, [0, j], [x.shape[0], 1]))));
  };

/** The pairs (query, key) that attend, and the order of the merged parts, among the modalities that are here. */
function plan(
  c: MmmuBaConfig,
  modalities: readonly Modality[],
): { pairs: readonly string[]; singles: readonly string[] } {
  const parts = c.merge.split(",").filter((part) => [...part].every((m) => modalities.includes(m as Modality)));
  const singles = parts.filter((part) => part.length === 1);
  if (c.attention === "none") return { pairs: [], singles };
  // One modality has no pair: it attends to itself, which is MU-SA.
  if (c.attention !== "MMMU-BA" || modalities.length === 1) return { pairs: singles.map((m) => m + m), singles };
  return { pairs: parts.filter((part) => part.length === 2), singles };
}

export function forward(net: Net, c: MmmuBaConfig): Output {
  const { modalities } = net.shape;
  const taps: Record<string, Value> = {};
  const padding: Partial<Record<Modality, Value>> = {};
  const x = forEachModality(modalities, (m, word) => {
    const recurrent = { drop: c.gruDrop, recurrentDrop: c.gruDrop, gates: c.gates };
    const H = (taps[`gru/${word}`] = net.biGru(`gru/${word}`, net.input(m), c.r, recurrent)); // (n, 2r)
    const at = net.at(`dense/${word}`);
    const [kernel, bias] = [at.param("kernel", [2 * c.r, c.k], "glorot"), at.param("bias", [c.k], "zeros")];
    const layer = (h: Value, name: string) =>
      dense(at.dropout(`${name}/in`, h, c.drop), kernel, bias, c.dense, at.drop(name, c.drop), at.path(name));
    const forwardOnly = new Float32Array(2 * c.r).fill(1, 0, c.r);
    if (c.padTo > 0) padding[m] = layer(keep(lastRow(H), forwardOnly), "padded"); // (s, k)
    return (taps[`dense/${word}`] = layer(H, "out")); // (n, k)
  });

  function attended(q: Modality, k: Modality): Value {
    const name = `${modalityWord[q]}_${modalityWord[k]}`;
    let O: Value;
    if (c.attention === "MMUU-SA") {
      const all = modalities.map((m) => x[m]);
      O = plain("MMUU-SA", all, c.k, acrossModalities(modalities.indexOf(q)));
    } else if (padding[k]) {
      const inputs = [x[q], x[k], padding[k]];
      O = plain("attend with padded keys", inputs, c.k, paddedAttention(c.padTo, "attended"));
      taps[`attention/${name}`] = plain("attention", inputs, c.padTo, paddedAttention(c.padTo, "weights"));
    } else {
      O = attend(x[q], x[k]);
      taps[`attention/${name}`] = attention(O);
    }
    return (taps[`attended/${name}`] = mul(O, x[q]));
  }

  const { pairs, singles } = plan(c, modalities);
  const merged = concat(
    ...pairs.map(([q, k]) => attended(q as Modality, k as Modality)),
    ...singles.map((m) => x[m as Modality]),
  );
  taps.merged = merged;
  const logits = net.dense("out", pooled(net, merged), net.shape.outputs);
  return taskOutput(net, logits, {}, { intensity: c.intensity, taps });
}

export const mmmuBa: NeuralSystem<MmmuBaConfig> = {
  kind: "neural",
  name: "mmmu-ba",
  title: "MMMU-BA",
  paper: "Ghosal et al., EMNLP 2018 (multi-modal multi-utterance bi-modal attention)",
  defaults,
  space: {
    r: [50, 100, 200, 300],
    k: [50, 100, 200],
    dense: ["tanh", "relu"],
    gruDrop: [0.3, 0.5],
    drop: [0.3, 0.5, 0.7],
    batchSize: [16, 32],
    learningRate: [0.0005, 0.001, 0.002],
  },
  rows: "context",
  accepts(shape, config) {
    needModalities("mmmu-ba", shape);
    checkSettings("mmmu-ba", config, defaults, {
      words: {
        dense: ["tanh", "relu"],
        gates: ["sigmoid", "hardSigmoid"],
        attention: ["MMMU-BA", "MU-SA", "MMUU-SA", "none"],
      },
      free: ["padTo"],
    });
    const { merge } = config;
    const parts = merge.split(",");
    const missing = shape.modalities.filter((m) => !parts.includes(m));
    if (missing.length > 0 || parts.some((p) => !/^[TAV]{1,2}$/.test(p)) || new Set(parts).size < parts.length)
      throw new SystemError(`mmmu-ba: expected merge to list each modality and pairs such as VT once, found ${merge}.`);
  },
  forward,
};
