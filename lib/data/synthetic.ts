// A built-in data set with a known answer. Each utterance i of a video carries three hidden signs: t_i in the text features, a_i in
// the audio, v_i in the video features. Its sentiment is the majority of
//     t_i * a_i        an interaction of two modalities: neither alone says anything
//     v_(i-1)          the utterance before, in the third modality (the first takes its own)
//     t_(i+1)          the utterance after, in the text (the last takes its own)
// turned over with probability `flip`. So the best accuracy is 1 - flip, and it needs T, A, V and the neighbours.
import { Rng } from "../core/rng";
import type { SplitName } from "../core/types";
import type { RawDataset, RawSequence } from "./pack";

export interface SyntheticOptions {
  readonly seed?: number;
  /** Videos in train, valid and test. */
  readonly videos?: readonly [number, number, number];
  /** Probability that a label is turned over: 1 - flip is the Bayes accuracy. */
  readonly flip?: number;
}

const widths = { T: 12, A: 6, V: 8 } as const;
const defaults = { seed: 1, videos: [120, 40, 80], flip: 0.05 } as const;

type Sign = 1 | -1;
interface Hidden {
  readonly t: readonly Sign[];
  readonly a: readonly Sign[];
  readonly v: readonly Sign[];
}

/** The three terms whose majority is the sentiment of utterance i. */
const terms = ({ t, a, v }: Hidden, i: number): [number, number, number] => [
  t[i] * a[i],
  v[Math.max(0, i - 1)],
  t[Math.min(t.length - 1, i + 1)],
];

/** What the best predictor reaches on sentiment (classes:2) and on each emotion, given what it may see. */
export interface SyntheticBayes {
  /** All modalities and the whole video. */
  readonly accuracy: number;
  /** All modalities, one utterance at a time (inside a long video). */
  readonly withoutContext: number;
  /** Text alone or video alone, with the whole video: one of the three terms is known. */
  readonly unimodal: number;
  /** Audio alone: nothing is known. */
  readonly audioOnly: number;
}

/**
 * Two of three unseen terms are fair coins: the majority agrees with the known one with probability 3/4. Figures for
 * utterances inside a video; first and last ones, which take their own signs, are known better.
 */
export function syntheticBayes({ flip = defaults.flip }: SyntheticOptions = {}): SyntheticBayes {
  const knowing = (p: number) => p * (1 - flip) + (1 - p) * flip;
  return { accuracy: 1 - flip, withoutContext: knowing(0.75), unimodal: knowing(0.75), audioOnly: 0.5 };
}

/**
 * Makes the set. Half of the columns of each modality carry the sign (each alone tells it: noise stays below the signal), half
 * are noise. Labels: intensity in [-3, 3] (strong where the three terms agree), its sign, and six emotions, each turned over with `flip`.
 */
export function makeSynthetic(options: SyntheticOptions = {}): RawDataset {
  const { seed, videos, flip } = { ...defaults, ...options };
  const root = new Rng(seed, "synthetic");
  const sign = (rng: Rng): Sign => (rng.uniform() < 0.5 ? 1 : -1);
  const sequence = (name: SplitName, index: number): RawSequence => {
    const rng = root.stream(name, index);
    const n = 3 + rng.integer(6);
    const signs = () => Array.from({ length: n }, () => sign(rng));
    const hidden: Hidden = { t: signs(), a: signs(), v: signs() };
    const encode = (values: readonly Sign[], width: number) =>
      Float32Array.from({ length: n * width }, (_, k) => {
        const noise = 2 * rng.uniform() - 1;
        const column = k % width;
        return column < width / 2 ? values[Math.floor(k / width)] * (column % 2 ? -1 : 1) + 0.9 * noise : noise;
      });
    const x = { T: encode(hidden.t, widths.T), A: encode(hidden.a, widths.A), V: encode(hidden.v, widths.V) };
    const turned = () => (rng.uniform() < flip ? -1 : 1);
    const intensity = Array.from({ length: n }, (_, i) => {
      const sum = terms(hidden, i).reduce((a, b) => a + b, 0);
      const size = Math.abs(sum) === 3 ? 2.4 : 1;
      return Math.sign(sum) * turned() * (size + 0.4 * (2 * rng.uniform() - 1));
    });
    const emotions = Array.from({ length: n }, (_, i) => {
      const [ta, before, after] = terms(hidden, i);
      const sum = ta + before + after;
      // anger, disgust, fear, happy, sad, surprise
      const present = [
        ta < 0,
        before < 0,
        sum < 0 && after < 0,
        sum > 0,
        ta < 0 && before < 0,
        after > 0 && before > 0,
      ];
      return present.map((p) => (p === turned() > 0 ? 1 : 0));
    }).flat();
    const id = `${name}-${index}`;
    return {
      id,
      video: id,
      rowIds: Array.from({ length: n }, (_, i) => `${id}[${i}]`),
      steps: n,
      x,
      intensity,
      emotions,
    };
  };
  const split = (name: SplitName, count: number) => Array.from({ length: count }, (_, i) => sequence(name, i));
  return {
    name: "synthetic",
    features: "synthetic",
    level: "row",
    widths,
    splits: { train: split("train", videos[0]), valid: split("valid", videos[1]), test: split("test", videos[2]) },
    scale: { low: -3, high: 3, positiveFrom: 0 },
    caveats: [`Made up: not speech, not people. The best possible accuracy is ${1 - flip}.`],
  };
}
