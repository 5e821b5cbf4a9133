/**
 * The set-ups that suites are made of: a data set with features and split, a task, a protocol, which printed columns its metrics
 * stand beside, and whether the two may be compared. CIA's settings are the paper's Table 4 as resolved from the authors' script; other systems have settings
 * of their own for a data set where their authors published some.
 */
import { findSystem } from "../../lib/models";
import { printed } from "../../lib/report/paper";
import type { Cell, CellMetric, PaperValue, Profile } from "../../lib/core/suite";
import { modalitiesName, type Config, type Modality, type Protocol, type Task } from "../../lib/core/types";

export interface Setup {
  readonly dataset: string;
  readonly features: string;
  /** What its features hold. */
  readonly modalities: readonly Modality[];
  readonly task: Task;
  readonly protocol: Protocol;
  /** Metric -> the paper's column, without the data set: "sentiment/A2". */
  readonly columns: Readonly<Record<string, string>>;
  /** Why our metric is not the printed one, whatever the modalities; undefined where it is. */
  readonly differs?: string;
  /** Settings that systems have for this data set, by name. */
  readonly own: Readonly<Record<string, Config>>;
  /** Trainer settings of every system here. */
  readonly trainer: Config;
  readonly maxSeeds?: number;
  readonly profiles?: readonly Profile[];
}

const classes = (n: number): Task => ({ kind: "classes", classes: n });
const emotions: Task = { kind: "emotions" };
const intensity: Task = { kind: "intensity" };

const sentiment2 = { task: classes(2), columns: { A2: "sentiment/A2", F1: "sentiment/F1" } };
const sentiment7 = { task: classes(7), columns: { A7: "sentiment/A7" } };
const sentiment5 = { task: classes(5), columns: { A5: "sentiment/A5" } };
const strength = { task: intensity, columns: { MAE: "intensity/MAE", r: "intensity/r" } };
const sixEmotions = { task: emotions, columns: { F1: "emotion/F1", "W-Acc": "emotion/W-Acc" } };

/** CIA: Table 4 with the authors' script, column by column. DFG, MMMU-BA: sizes and dropout of their authors' MOSEI runs. */
const settings = {
  mosi: { cia: { k: 200, r: 50, drop: 0.5, gruDrop: 0.3 } },
  /** What the PyTorch reference of the 62 / 31 split ran with. */
  mosi62: { cia: { k: 100, r: 50, drop: 0.5, gruDrop: 0.3 } },
  youtube: { cia: { k: 200, r: 50, drop: 0.5, gruDrop: 0.3 } },
  mmmo: { cia: { k: 200, r: 200, drop: 0.5, gruDrop: 0.5 } },
  mosei: {
    cia: { k: 100, r: 100, drop: 0.5, gruDrop: 0.5 },
    dfg: { hT: 64, hA: 16, hV: 64, node: 128 },
    "mmmu-ba": { dense: "relu", gruDrop: 0.3, drop: 0.3 },
  },
} as const satisfies Record<string, Readonly<Record<string, Config>>>;

const other = {
  mosi62:
    "another split (62 / 31 videos, 752 test utterances; the paper tests on 686) and bc-LSTM's features, whose text and video parts have seen the training labels",
  minilm: "other features: MiniLM sentence embeddings of the transcripts; the paper's word vectors are not public",
  spacy300: "other features: mean spaCy word vectors of the transcripts; the paper's word vectors are not public",
  audio: "other features: bc-LSTM's openSMILE columns; the paper's audio is not public",
  words: "other features: spaCy vectors of the last 20 words; the paper's word vectors are not public",
  youtube: "another split: the public arrays hold 173 / 36 / 60 samples, the paper counts 169 / 41 / 59",
} as const;

const cmu = (
  features: keyof typeof other | "minilm+audio" | "spacy300+audio",
  modalities: readonly Modality[],
  differs: string,
  // 52 videos are four steps an epoch: CIA sits on a plateau for its first 25 epochs, so all 50 are run.
  trainer: Config = { patience: 0 },
): Setup[] =>
  [sentiment2, sentiment7, strength].map((of) => ({
    dataset: "mosi",
    features,
    modalities,
    protocol: "validation" as const,
    differs,
    own: settings.mosi,
    trainer,
    ...of,
  }));

const moseiText = (features: "minilm" | "spacy300"): Setup[] =>
  [sentiment2, sixEmotions, sentiment5, sentiment7, strength].map((of) => ({
    dataset: "mosei",
    features,
    modalities: ["T"],
    protocol: "validation" as const,
    differs: other[features],
    own: settings.mosei,
    // 1,000 steps an epoch: the best epoch comes early.
    trainer: { epochs: 20, patience: 4 },
    maxSeeds: 5,
    profiles: ["full"] as const,
    ...of,
  }));

export const setups = {
  mosi62: [
    {
      dataset: "mosi",
      features: "bclstm",
      modalities: ["T", "A", "V"],
      protocol: "fixed-epochs",
      differs: other.mosi62,
      own: settings.mosi62,
      trainer: { epochs: 20 },
      ...sentiment2,
    },
  ],
  mosiMinilm: cmu("minilm", ["T"], other.minilm),
  mosiSpacy: cmu("spacy300", ["T"], other.spacy300),
  mosiAudio: cmu("minilm+audio", ["T", "A"], `${other.minilm}; ${other.audio}`),
  mosiSpacyAudio: cmu("spacy300+audio", ["T", "A"], `${other.spacy300}; ${other.audio}`),
  mosiWords: cmu("words", ["T"], other.words, {}), // each utterance is a sequence: 80 steps an epoch
  mmmo: [
    {
      dataset: "mmmo",
      features: "covarep+facet",
      modalities: ["A", "V"],
      protocol: "validation",
      own: settings.mmmo,
      trainer: {},
      ...sentiment2,
    },
  ],
  youtube: [
    {
      dataset: "youtube",
      features: "covarep+facet",
      modalities: ["A", "V"],
      protocol: "validation",
      differs: other.youtube,
      own: settings.youtube,
      trainer: {},
      task: classes(3),
      columns: { A3: "sentiment/A3", F1: "sentiment/F1" },
    },
  ],
  moseiMinilm: moseiText("minilm"),
  moseiSpacy: moseiText("spacy300"),
} as const satisfies Record<string, readonly Setup[]>;

/** The same set-up in the full profile only: quick must end within 15 minutes on two cores. */
export const full = (setup: Setup): Setup => ({ ...setup, profiles: ["full"] });

/** "T+A" as the tables write it. */
export const paperModalities = (modalities: readonly Modality[]): string => {
  const name = modalitiesName(modalities);
  return name === "TV" ? "T+V" : name.split("").join("+");
};

/** A printed value, if there is one in that place. */
export function printedAt(table: string, row: string, column: string): readonly PaperValue[] {
  const value = printed(table, row, column);
  return value ? [value] : [];
}

export interface CellOptions {
  readonly system?: string;
  readonly modalities?: readonly Modality[];
  readonly config?: Config;
  /** Where its numbers are printed: table and row. */
  readonly paper?: readonly { readonly table: string; readonly row: string }[];
  /** What the printed value was made with, where that is not the cell's modalities. */
  readonly printedFor?: string;
  readonly profiles?: readonly Profile[];
  readonly note?: string;
  readonly maxSeeds?: number;
  readonly quickSeeds?: number;
  /** Further metrics, without a printed value. */
  readonly also?: readonly string[];
}

/** One cell of a set-up. */
export function cellOf(setup: Setup, o: CellOptions = {}): Cell {
  const { system = "cia", modalities = setup.modalities, paper = [] } = o;
  const differs = [
    ...(setup.differs ? [setup.differs] : []),
    ...(o.printedFor && o.printedFor !== paperModalities(modalities)
      ? [`${paperModalities(modalities)} here, printed for ${o.printedFor}`]
      : []),
  ];
  const metrics = Object.entries(setup.columns).map(([name, column]): CellMetric => {
    const values = paper.flatMap(({ table, row }) => printedAt(table, row, `${setup.dataset}/${column}`));
    return { name, comparable: differs.length ? differs.join("; ") : true, ...(values.length && { paper: values }) };
  });
  const profiles = o.profiles ?? setup.profiles;
  const maxSeeds = o.maxSeeds ?? setup.maxSeeds;
  return {
    system,
    dataset: setup.dataset,
    features: setup.features,
    modalities,
    task: setup.task,
    protocol: setup.protocol,
    config: { ...setup.own[system], ...(usesTrainer(system) && setup.trainer), ...o.config },
    metrics: [...metrics, ...(o.also ?? []).map((name): CellMetric => ({ name, comparable: "not printed" }))],
    ...(profiles && { profiles }),
    ...(maxSeeds !== undefined && { maxSeeds }),
    ...(o.quickSeeds !== undefined && { quickSeeds: o.quickSeeds }),
    ...(o.note && { note: o.note }),
  };
}

/** Fitted systems have no epochs to set. */
export const usesTrainer = (system: string): boolean => findSystem(system).kind !== "fitted";

const missingData: Readonly<Record<string, string>> = {
  mosi: "tri-modal features of the CMU split that have not seen the labels are not public: MOSI's public text and video features come from the 62 training videos",
  mosei:
    "audio and video features of MOSEI are not public any more; with the authors' sibling release give --data DIR --format mosei-npz to npm run train",
  mmmo: "the public text of MMMO lacks its training part",
  youtube: "the public text of YouTube lacks its training part",
  moud: "no features of MOUD are public; with a folder of its features give --data DIR --format cia-pickle to npm run train",
};

const noFeatures: Readonly<Record<string, readonly { task: Task; columns: Readonly<Record<string, string>> }[]>> = {
  mosi: [sentiment7, strength],
  mosei: [sixEmotions, sentiment2, sentiment5, sentiment7, strength],
  mmmo: [sentiment2],
  youtube: [{ task: classes(3), columns: { A3: "sentiment/A3", F1: "sentiment/F1" } }],
  moud: [sentiment2],
};

/** Cells that nobody can run: what the paper prints for modalities (or data sets) without public features. */
export function missingCells(
  dataset: keyof typeof noFeatures,
  modalities: readonly Modality[],
  paper: readonly { readonly table: string; readonly row: string }[],
  o: { system?: string; config?: Config; emotions?: false } = {},
): Cell[] {
  const tasks = noFeatures[dataset].filter(({ task }) => task.kind !== "emotions" || o.emotions !== false);
  return tasks.map(({ task, columns }) => ({
    system: o.system ?? "cia",
    dataset,
    features: "as in the paper",
    modalities,
    task,
    protocol: "validation",
    config: o.config ?? {},
    metrics: Object.entries(columns).map(([name, column]) => ({
      name,
      comparable: true,
      paper: paper.flatMap(({ table, row }) => printedAt(table, row, `${dataset}/${column}`)),
    })),
    missing: missingData[dataset],
  }));
}
