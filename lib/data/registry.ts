// The data sets that we know: for each, which features exist, from which files, and what they may be used for.
import { DataError, UsageError, oneOf } from "../core/errors";
import type { Dataset, LabelLevel, Modality, Protocol, SplitName } from "../core/types";
import { dataDir, dataError, findDataDir, label } from "./files";
import { readMfn, readResplit } from "./mfn";
import { readMosei } from "./mosei";
import { mosiLeak, readBcLstm, readMosiCmu, readMosiWords } from "./mosi";
import { pack, splitNames, type PackOptions, type RawDataset } from "./pack";
import { makeSynthetic, type SyntheticOptions } from "./synthetic";

/** One set of features of a data set, with the split that it comes on. */
export interface FeatureSet {
  readonly name: string;
  readonly about: string;
  readonly split: string;
  /** Labelled units of each split: rows or sequences, as `level` says. Other counts are refused. */
  readonly units: Readonly<Partial<Record<SplitName, number>>>;
  readonly level: LabelLevel;
  readonly modalities: readonly Modality[];
  readonly tasks: readonly string[];
  readonly protocols: readonly Protocol[];
  /** Files that it needs, relative to the data set's folder. */
  readonly files: readonly string[];
  readonly read: (dir: string) => RawDataset | Promise<RawDataset>;
}

export interface KnownDataset {
  readonly name: string;
  readonly title: string;
  readonly features: readonly FeatureSet[];
  /** Why it cannot be trained on, where no features are public. */
  readonly unusable?: string;
}

const honest = ["validation", "fixed-epochs", "test-selected"] as const;
const intensityTasks = ["classes:2", "classes:3", "classes:5", "classes:7", "intensity"];
const bcLstmFiles = (...stems: string[]) => stems.flatMap((s) => [`${s}_train0.csv`, `${s}_test0.csv`]);
const joinFiles = ["text_train.csv", "text_test.csv"];
const units = (train: number, valid: number, test: number) => ({ train, valid, test });

const mosiCmu = (text: "minilm" | "spacy300", audio: boolean): FeatureSet => ({
  name: audio ? `${text}+audio` : text,
  about: `${text === "minilm" ? "MiniLM sentence embeddings" : "mean spaCy word vectors"} of the transcripts${audio ? ", bc-LSTM's audio columns" : ""}`,
  split: "1284/229/686 utterances, 52/10/31 videos",
  units: units(1284, 229, 686),
  level: "row",
  modalities: audio ? ["T", "A"] : ["T"],
  tasks: intensityTasks,
  protocols: honest,
  files: ["labels.csv", `text_${text}.npy`, ...(audio ? [...bcLstmFiles("audio"), ...joinFiles] : [])],
  read: (dir) => readMosiCmu(dir, text, audio),
});

const mosei = (text: "minilm" | "spacy300"): FeatureSet => ({
  name: text,
  about: `${text === "minilm" ? "MiniLM sentence embeddings" : "mean spaCy word vectors"} of the transcripts`,
  split: "16274/1861/4653 utterances",
  units: units(16274, 1861, 4653),
  level: "row",
  modalities: ["T"],
  tasks: [...intensityTasks, "emotions"],
  protocols: honest,
  files: ["labels.csv", `text_${text}.npy`],
  read: (dir) => readMosei(dir, text),
});

const h5Files = ["audio", "video", "y"].flatMap((s) => ["train", "valid", "test"].map((split) => `${s}_${split}.h5`));
const noText =
  "The public text of this data set lacks its training part, so T and T+A+V cannot be run on the papers' split.";

const withText = ["audio", "video", "y"]
  .flatMap((s) => [`${s}_valid.h5`, `${s}_test.h5`])
  .concat("text_valid_emb.h5", "text_test_emb.h5");
const notThePapers = (n: number) =>
  `Split anew: the ${n} samples that have text, three fifths for training. Not the papers' split, so not comparable with their scores.`;

export const knownDatasets: readonly KnownDataset[] = [
  {
    name: "mosi",
    title: "CMU-MOSI",
    features: [
      {
        name: "bclstm",
        about: "bc-LSTM features: text CNN, openSMILE, 3D-CNN; text and video leak labels inside the training videos",
        split: "1447/752 utterances, 62/31 videos, no validation split",
        units: { train: 1447, test: 752 },
        level: "row",
        modalities: ["T", "A", "V"],
        tasks: ["classes:2"],
        protocols: ["fixed-epochs", "test-selected"],
        files: [...bcLstmFiles("text", "audio", "video"), ...joinFiles, "transcripts.csv"],
        read: (dir) => readBcLstm(dir, true),
      },
      mosiCmu("minilm", false),
      mosiCmu("spacy300", false),
      mosiCmu("minilm", true),
      mosiCmu("spacy300", true),
      {
        name: "words",
        about: "spaCy vectors of the last 20 timed words of each utterance",
        split: "1284/229/686 utterances, 52/10/31 videos",
        units: units(1284, 229, 686),
        level: "sequence",
        modalities: ["T"],
        tasks: intensityTasks,
        protocols: honest,
        files: ["labels.csv", "words_spacy300.npy"],
        read: readMosiWords,
      },
    ],
  },
  { name: "mosei", title: "CMU-MOSEI", features: [mosei("minilm"), mosei("spacy300")] },
  {
    name: "mmmo",
    title: "ICT-MMMO",
    features: [
      {
        name: "covarep+facet",
        about: "COVAREP audio and FACET video, 20 steps a video",
        split: "220/40/80 videos",
        units: units(220, 40, 80),
        level: "sequence",
        modalities: ["A", "V"],
        tasks: ["classes:2", "classes:3", "classes:5", "intensity"],
        protocols: honest,
        files: h5Files,
        // The papers cut at > 3.5; labels come in halves, so the lowest positive one is 4.
        read: (dir) =>
          readMfn(
            dir,
            { name: "mmmo", features: "covarep+facet", caveats: [noText], samples: "videos" },
            { labelRange: [1, 5], positiveFrom: 4 },
          ),
      },
      {
        name: "resplit",
        about: "text, COVAREP audio and FACET video of the samples that have text",
        split: "72/24/24 videos, split anew, not the papers'",
        units: units(72, 24, 24),
        level: "sequence",
        modalities: ["T", "A", "V"],
        tasks: ["classes:2", "classes:3", "classes:5", "intensity"],
        protocols: honest,
        files: withText,
        read: (dir) =>
          readResplit(
            dir,
            { name: "mmmo", features: "resplit", caveats: [notThePapers(120)], samples: "videos" },
            { labelRange: [1, 5], positiveFrom: 4 },
          ),
      },
    ],
  },
  {
    name: "youtube",
    title: "YouTube",
    features: [
      {
        name: "covarep+facet",
        about: "COVAREP audio and FACET video, 20 steps an utterance",
        split: "173/36/60 utterances",
        units: units(173, 36, 60),
        level: "sequence",
        modalities: ["A", "V"],
        tasks: ["classes:3"],
        protocols: honest,
        files: h5Files,
        read: (dir) =>
          readMfn(dir, {
            name: "youtube",
            features: "covarep+facet",
            caveats: [
              noText,
              "Most samples have neither audio nor video (125 of 173 in training): they are one row of zeros.",
            ],
          }),
      },
      {
        name: "resplit",
        about: "text, COVAREP audio and FACET video of the samples that have text",
        split: "57/19/20 utterances, split anew, not the papers'",
        units: units(57, 19, 20),
        level: "sequence",
        modalities: ["T", "A", "V"],
        tasks: ["classes:3"],
        protocols: honest,
        files: withText,
        read: (dir) => readResplit(dir, { name: "youtube", features: "resplit", caveats: [notThePapers(96)] }),
      },
    ],
  },
  {
    name: "moud",
    title: "MOUD",
    features: [],
    unusable:
      "only its labels and five transcripts are public: no features. With a folder in MFN's or CIA's format, give --data DIR --format F",
  },
];

export interface LoadOptions extends PackOptions, SyntheticOptions {
  /** Which features; the first that is here when absent. */
  readonly features?: string;
  /** Where the user says that data is (`--data`). */
  readonly dir?: string;
}

/** What we know of a data set by name. */
export function knownDataset(name: string): KnownDataset {
  const known = knownDatasets.find((d) => d.name === name);
  if (known) return known;
  const names = [...knownDatasets.map((d) => d.name), "synthetic"];
  throw new UsageError(
    `data set ${name}: expected ${oneOf(names)}, found ${name}. For a folder of your own give --data DIR --format F.`,
  );
}

/** Why combinations that someone may ask for do not exist: the leaking features are named with their reason. */
function refuseFeatures(known: KnownDataset, asked: string): Error {
  const names = known.features.map((f) => f.name);
  if (known.name === "mosi" && /bc.?lstm|video|\+v\b|text\d?\b|facet|cnn/i.test(asked))
    return new DataError(
      `mosi, features ${asked}: expected ${oneOf(names)}, found a mixture with bc-LSTM's text or video features. ${mosiLeak}.`,
    );
  return new UsageError(
    `${known.name}, features ${asked}: expected ${oneOf(names)}, found ${asked}. See \`npm run data -- list\`.`,
  );
}

/**
 * Reads one feature set from the folder of its data set.
 * @throws DataError where a file is missing or wrong, or a split has other units than the data set
 */
export async function readFeatures({ units, read, level }: FeatureSet, dir: string): Promise<RawDataset> {
  const raw = await read(dir);
  for (const name of splitNames) {
    const sequences = raw.splits[name] ?? [];
    const found = level === "row" ? sequences.reduce((n, s) => n + s.steps, 0) : sequences.length;
    if (found !== (units[name] ?? 0))
      throw dataError(
        `${raw.name}, ${raw.features}, ${name}, in ${label(dir)}`,
        `${units[name] ?? 0} labelled units`,
        `${found}`,
        `Is it the folder of another data set? For data of your own give --data DIR --format F, without --dataset.`,
      );
  }
  return raw;
}

/**
 * Loads a data set by name.
 * @param name mosi, mosei, mmmo, youtube or synthetic (moud has no public features: its error says so)
 * @param options features (default: the first whose files are here), dir, scaling (default "standardise"), keepPadding
 * @throws DataError where files are missing or wrong, UsageError on an unknown name
 */
export async function loadDataset(name: string, options: LoadOptions = {}): Promise<Dataset> {
  if (name === "synthetic") return pack(makeSynthetic(options), options);
  const known = knownDataset(name);
  if (known.unusable)
    throw new DataError(`${name}: expected features to train on, found none. ${known.title}: ${known.unusable}.`);
  const chosen = options.features
    ? known.features.find((f) => f.name === options.features)
    : (known.features.find((f) => findDataDir(name, f.files, options.dir)) ?? known.features[0]);
  if (!chosen) throw refuseFeatures(known, options.features!);
  return pack(await readFeatures(chosen, dataDir(name, chosen.files, options.dir)), options);
}
