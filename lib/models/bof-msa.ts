/**
 * BoF-MSA style: bag of audio and visual features (after Blanchard et al. 2018), without text. For each modality: step
 * features standardised, k-means codebook, soft assignment softmax(-beta |x - c|^2), histogram = mean over the true steps
 * (an utterance vector is a bag of one), signed square root, L2 norm, a linear head; late fusion of the heads' scores.
 *
 * The paper's text could not be reached; deviations, rows of the README's table:
 * [D22] Extractors, encoder and fusion are ours, hence "style", not a reproduction: K = 128, beta 0.75, C = 1 unless searched.
 * [D23] The fusion learns from out-of-fold scores of the training split (five folds of whole sequences), never from the
 *        scores of heads that saw the unit; with too few sequences the heads' scores are averaged.
 */
import type { Rng } from "../core/rng";
import type { FittedSystem, SavedArrays } from "../core/system";
import type { Config, Modality, Shape, Split } from "../core/types";
import {
  acceptModalities,
  checkSettings,
  floats,
  goalsOf,
  modelOf,
  positive,
  saved,
  wholeFrom,
  type Goals,
} from "./classical/fitting";
import { applyHead, fitHead } from "./classical/head";
import { kmeans, powerNormalise, seedCentres, softAssign } from "./classical/kmeans";
import { linearScores, type Linear } from "./classical/logistic";
import { concat, fitScaler, meanOverSteps, scale, steps, table, takeRows, type Table } from "./classical/pooling";

export interface BofConfig extends Config {
  /** Words of the codebook; fewer where the training steps hold fewer distinct vectors. */
  readonly K: number;
  /** Sharpness of the soft assignment: weights exp(-beta |x - c|^2) of standardised steps. */
  readonly beta: number;
  /** Logistic heads: C * sum of cross entropies + |W|^2 / 2. */
  readonly C: number;
  /** Ridge heads (intensity). */
  readonly alpha: number;
}

const name = "bof-msa";
const FOLDS = 5;
/** Most steps that the codebook learns from; more are drawn at random. */
const CODEBOOK_STEPS = 20000;
/** Scores go into the fusion within these bounds: a class that a fold has not seen has score -Infinity. */
const SCORE_BOUND = 30;

/** Histogram of a split over one modality's codebook: [units, K]. */
type Encoder = (split: Split) => Table;

function fitCodebook(split: Split, m: Modality, shape: Shape, { K }: BofConfig, rng: Rng): SavedArrays {
  const x = steps(split, m, shape.widths[m]);
  const scaler = fitScaler(x);
  const scaled = scale(x, scaler);
  const order = rng.stream("steps").permutation(scaled.rows);
  const sample = scaled.rows > CODEBOOK_STEPS ? takeRows(scaled, order.subarray(0, CODEBOOK_STEPS)) : scaled;
  const { centres } = kmeans(sample, seedCentres(sample, Math.min(K, sample.rows), rng.stream("centres")));
  return {
    [`${m}/scale/mean`]: floats(scaler.mean),
    [`${m}/scale/sd`]: floats(scaler.sd),
    [`${m}/centres`]: floats(centres.data, [centres.rows, centres.width]),
  };
}

function encoder(arrays: SavedArrays, m: Modality, shape: Shape, { beta }: BofConfig): Encoder {
  const width = shape.widths[m] ?? 0;
  const part = (key: string): Float64Array => Float64Array.from(saved(name, arrays, `${m}/scale/${key}`, [width]).data);
  const scaler = { mean: part("mean"), sd: part("sd") };
  const codebook = saved(name, arrays, `${m}/centres`, [-1, width]);
  const centres = table(codebook.shape[0], width, Float64Array.from(codebook.data));
  return (split) => {
    const soft = softAssign(scale(steps(split, m, width), scaler), centres, beta);
    return powerNormalise(shape.level === "sequence" ? meanOverSteps(soft, split.offsets) : soft).normalised;
  };
}

const bounded = (scores: Table): Table =>
  table(
    scores.rows,
    scores.width,
    scores.data.map((v) => Math.min(SCORE_BOUND, Math.max(-SCORE_BOUND, v))),
  );

/** The goals of some units. */
function goalsAt(goals: Goals, units: Int32Array): Goals {
  if (goals.kind === "intensity") return { ...goals, targets: Float64Array.from(units, (i) => goals.targets[i]) };
  if (goals.kind === "emotions") {
    return { ...goals, columns: goals.columns.map((column) => Int32Array.from(units, (i) => column[i])) };
  }
  const labels = Int32Array.from(units, (i) => goals.labels[i]);
  return { ...goals, labels, present: goals.present.filter((c) => labels.includes(c)) };
}

/** Scores of each unit by a head that was fitted without its fold: [units, outputs]. */
function outOfFold(x: Table, goals: Goals, fold: Int32Array, outputs: number, config: BofConfig): Table {
  const out = table(x.rows, outputs);
  const units = Int32Array.from(fold.keys());
  for (let f = 0; f < FOLDS; f++) {
    const inside = units.filter((i) => fold[i] !== f);
    const outside = units.filter((i) => fold[i] === f);
    const head = fitHead(takeRows(x, inside), goalsAt(goals, inside), config);
    const scores = linearScores(takeRows(x, outside), head);
    outside.forEach((unit, i) => out.data.set(scores.data.subarray(i * outputs, (i + 1) * outputs), unit * outputs));
  }
  return bounded(out);
}

/** A head over the modalities' scores side by side; an emotion's looks at that emotion's scores alone. */
function fitFusion(scores: readonly Table[], goals: Goals, outputs: number, config: BofConfig): Linear {
  if (goals.kind !== "emotions") return fitHead(concat(scores), goals, config);
  const weight = new Float64Array(scores.length * outputs * outputs);
  const bias = new Float64Array(outputs);
  goals.columns.forEach((column, e) => {
    const own = scores.map((s) =>
      table(
        s.rows,
        1,
        s.data.filter((_, i) => i % outputs === e),
      ),
    );
    const head = fitHead(concat(own), { kind: "emotions", columns: [column] }, config);
    scores.forEach((_, m) => (weight[(m * outputs + e) * outputs + e] = head.weight[m]));
    bias[e] = head.bias[0];
  });
  return { weight, bias };
}

/** Fold of each unit; the units of a sequence share one. Undefined with fewer than two sequences a fold. */
function foldsOf(split: Split, shape: Shape, rng: Rng): Int32Array | undefined {
  const sequences = split.offsets.length - 1;
  if (sequences < 2 * FOLDS) return undefined;
  const fold = new Int32Array(sequences);
  rng.permutation(sequences).forEach((s, place) => (fold[s] = place % FOLDS));
  if (shape.level === "sequence") return fold;
  const rows = new Int32Array(split.offsets[sequences]);
  fold.forEach((f, s) => rows.fill(f, split.offsets[s], split.offsets[s + 1]));
  return rows;
}

export const bofMsa: FittedSystem<BofConfig> = {
  kind: "fitted",
  name,
  title: "BoF-MSA style",
  paper: "after Blanchard et al. 2018",
  defaults: Object.freeze({ K: 128, beta: 0.75, C: 1, alpha: 1 }),
  /** For classes, which is what is searched. */
  space: { K: [32, 128], beta: [0.01, 0.1, 0.75], C: [0.1, 1, 10] },
  modalities: ["A", "V"],
  accepts: (shape) => acceptModalities(name, shape, bofMsa.modalities),
  fit(train, _valid, shape, config, rng) {
    bofMsa.accepts(shape);
    checkSettings(name, config, { K: wholeFrom(1), beta: positive, C: positive, alpha: positive });
    const goals = goalsOf(name, train, shape);
    const fold = shape.modalities.length > 1 ? foldsOf(train.split, shape, rng.stream("folds")) : undefined;
    const notes =
      fold || shape.modalities.length === 1 ? [] : ["too few sequences to learn the fusion: scores averaged"];
    let arrays: SavedArrays = {};
    const scores: Table[] = [];
    for (const m of shape.modalities) {
      arrays = { ...arrays, ...fitCodebook(train.split, m, shape, config, rng.stream(m)) };
      const x = encoder(arrays, m, shape, config)(train.split);
      const head = fitHead(x, goals, config);
      arrays = {
        ...arrays,
        [`${m}/weight`]: floats(head.weight, [x.width, shape.outputs]),
        [`${m}/bias`]: floats(head.bias),
      };
      if (head.unfinished) notes.push(`${m}: ${head.unfinished} fits stopped at the iteration limit`);
      if (fold) scores.push(outOfFold(x, goals, fold, shape.outputs, config));
    }
    if (fold) {
      const { weight, bias } = fitFusion(scores, goals, shape.outputs, config);
      const width = shape.modalities.length * shape.outputs;
      const fusion = { "fusion/weight": floats(weight, [width, shape.outputs]), "fusion/bias": floats(bias) };
      arrays = { ...arrays, ...fusion };
    }
    return { ...bofMsa.load(arrays, shape, config), notes };
  },
  load(arrays, shape, config) {
    const linear = (at: string, width: number): Linear => ({
      weight: Float64Array.from(saved(name, arrays, `${at}/weight`, [width, shape.outputs]).data),
      bias: Float64Array.from(saved(name, arrays, `${at}/bias`, [shape.outputs]).data),
    });
    const parts = shape.modalities.map((m) => {
      const encode = encoder(arrays, m, shape, config);
      return { encode, head: linear(m, arrays[`${m}/centres`].shape[0]) };
    });
    const fusion = arrays["fusion/weight"] && linear("fusion", shape.modalities.length * shape.outputs);
    const parameters = Object.values(arrays).reduce((sum, { data }) => sum + data.length, 0);
    return modelOf(arrays, { parameters }, shape, (split) => {
      const histograms = parts.map(({ encode }) => encode(split));
      if (fusion) {
        const scores = parts.map(({ head }, p) => bounded(linearScores(histograms[p], head)));
        return applyHead(concat(scores), fusion, shape.task);
      }
      const outputs = parts.map(({ head }, p) => applyHead(histograms[p], head, shape.task));
      return outputs[0].map((_, i) => outputs.reduce((sum, o) => sum + o[i], 0) / outputs.length);
    });
  },
};
