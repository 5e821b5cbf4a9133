// Sizes and label counts of the data sets, beside what the paper prints (section 4.1 and Table 2).
import { emotionNames, type Dataset, type SplitName } from "../core/types";
import { findDataDir } from "./files";
import { readMoud } from "./moud";
import { rowsOf, sequencesOf, splitNames, unitsOf } from "./pack";
import { knownDataset, loadDataset } from "./registry";
import { targetsOf, tasksOf } from "./targets";

/** What section 4.1 and Table 2 of the paper print. Emotions per utterance: none, one, ... six. */
export const paperStatistics = {
  youtube: { videos: 47, utterances: 269, splits: [169, 41, 59] },
  moud: { videos: 79, splits: [243, 37, 106] },
  mmmo: { videos: 340, splits: [220, 40, 80] },
  mosi: { utterances: 2199, splits: [1284, 229, 686] },
  mosei: {
    videos: 3229,
    emotions: { anger: 4903, disgust: 4028, fear: 1850, happy: 12135, sad: 5856, surprise: 2262 },
    emotionsPerUtterance: [3372, 11050, 5526, 2084, 553, 84, 8],
  },
} as const;

export interface SplitStatistics {
  readonly split: SplitName;
  readonly sequences: number;
  readonly rows: number;
  /** Labelled units: rows, or sequences. */
  readonly units: number;
  /** Counts of each class, by task, such as `classes:2`. */
  readonly classes: Readonly<Record<string, readonly number[]>>;
}

export interface LabelStatistics {
  readonly name: string;
  readonly features: string;
  readonly splits: readonly SplitStatistics[];
  /** Utterances with each emotion, all splits together. */
  readonly emotions?: Readonly<Record<string, number>>;
  /** Utterances with none, one, ... six emotions, all splits together. */
  readonly emotionsPerUtterance?: readonly number[];
  /** Mean, least and greatest intensity of the training split. */
  readonly intensity?: { readonly mean: number; readonly low: number; readonly high: number };
}

/** Sizes and label counts of a loaded data set. */
export function statisticsOf(dataset: Dataset): LabelStatistics {
  const tasks = tasksOf(dataset.train, dataset).filter((t) => t.startsWith("classes:"));
  const splits = splitNames.flatMap((split): SplitStatistics[] => {
    const data = dataset[split];
    if (!data) return [];
    const classes = tasks.map((task) => {
      const n = Number(task.slice("classes:".length));
      const counts = new Array<number>(n).fill(0);
      for (const v of targetsOf(dataset, data, { kind: "classes", classes: n }).values) counts[v]++;
      return [task, counts] as const;
    });
    return [
      {
        split,
        sequences: sequencesOf(data),
        rows: rowsOf(data),
        units: unitsOf(dataset, data),
        classes: Object.fromEntries(classes),
      },
    ];
  });
  const { intensity } = dataset.train.labels;
  return {
    name: dataset.name,
    features: dataset.features,
    splits,
    ...(dataset.train.labels.emotions && emotionCounts(dataset)),
    ...(intensity && {
      intensity: {
        mean: intensity.reduce((a, b) => a + b, 0) / intensity.length,
        low: intensity.reduce((a, b) => Math.min(a, b)),
        high: intensity.reduce((a, b) => Math.max(a, b)),
      },
    }),
  };
}

function emotionCounts(dataset: Dataset): Pick<LabelStatistics, "emotions" | "emotionsPerUtterance"> {
  const emotions = Object.fromEntries(emotionNames.map((name) => [name, 0]));
  const emotionsPerUtterance = new Array<number>(7).fill(0);
  for (const name of splitNames) {
    const values = dataset[name]?.labels.emotions ?? new Float32Array(0);
    for (let at = 0; at < values.length; at += 6) {
      let present = 0;
      emotionNames.forEach((emotion, k) => {
        if (values[at + k] <= 0) return;
        emotions[emotion]++;
        present++;
      });
      emotionsPerUtterance[present]++;
    }
  }
  return { emotions, emotionsPerUtterance };
}

/** Sizes and label counts of a data set by name; MOUD's are counted from its labels alone (it has no split here). */
export async function labelStatistics(name: string, dir?: string): Promise<LabelStatistics | MoudStatistics> {
  if (name !== "moud") {
    // MOSI's own paper set-up is the CMU split, whichever features are here.
    const features = name === "mosi" ? ["minilm", "spacy300", "words", "bclstm"] : undefined;
    const known = name === "synthetic" ? undefined : knownDataset(name);
    const chosen = features?.find((f) => findDataDir(name, known!.features.find((k) => k.name === f)!.files, dir));
    return statisticsOf(await loadDataset(name, { features: chosen, dir, scaling: "none" }));
  }
  const found = findDataDir("moud", ["cats.txt"], dir);
  const labels = found ? readMoud(found) : [];
  const count = (s: string) => labels.filter((l) => l.sentiment === s).length;
  return {
    name,
    videos: new Set(labels.map((l) => l.video)).size,
    utterances: labels.length,
    negative: count("negative"),
    neutral: count("neutral"),
    positive: count("positive"),
  };
}

export interface MoudStatistics {
  readonly name: string;
  readonly videos: number;
  readonly utterances: number;
  readonly negative: number;
  readonly neutral: number;
  readonly positive: number;
}
