// CMU-MultimodalSDK computational sequences (.csd): features with time intervals a video, aligned to labelled utterances.
import * as fs from "node:fs";
import * as path from "node:path";
import { modalityOrder, type Modality, type Repair, type SplitName } from "../core/types";
import { labelsFromNumbers, withLabels, type PerSplit, type ReadLabels } from "./arrays";
import { readTable, splitColumnOf } from "./csv";
import { dataError, label, readText } from "./files";
import type { About } from "./mfn";
import { entity, readArray, readStrings, withHdf5 } from "./hdf5";
import { checkLabels, type FolderOptions } from "./labels";
import type { NdArray } from "./npy";
import { splitCalled, splitNames, type RawDataset, type RawSequence } from "./pack";

/** One video of a sequence: rows (n, width) and their intervals (n, 2) in seconds. */
export interface CsdVideo {
  readonly features: NdArray;
  readonly intervals: NdArray;
}

export interface Csd {
  readonly name: string;
  /** Names of the feature columns, where the metadata give them. */
  readonly dimensions?: readonly string[];
  readonly videos: ReadonlyMap<string, CsdVideo>;
}

/** Names in the metadata: a JSON list, as the SDK writes it. */
function parseDimensions(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((v) => typeof v === "string") ? value : undefined;
  } catch {
    return undefined; // old files hold free text here
  }
}

/** Refuses intervals (n, 2) that are no times: beside NaN nothing lies before or after, so all would overlap. */
function checkIntervals({ data }: NdArray, at: string): void {
  for (let i = 0; i < data.length; i += 2) {
    const [start, end] = [data[i], data[i + 1]];
    if (!(Number.isFinite(start) && Number.isFinite(end) && start <= end))
      throw dataError(
        `${at}, interval ${i / 2 + 1}`,
        "start and end in seconds, start first",
        `${start} to ${end}`,
        "Mend or remove the row, or fetch the file again.",
      );
  }
}

/**
 * Reads a sequence of numbers: `<name>/data/<video>/{features, intervals}`.
 * @param intervalsOnly leaves the features unread: rows of width 0
 */
export function readCsd(file: string, intervalsOnly = false): Promise<Csd> {
  return withHdf5(file, (root, where, bytes) => {
    const name = root.keys()[0];
    if (name === undefined) throw dataError(where, "one computational sequence", "no group", "Fetch the file again.");
    const data = entity(root, `${name}/data`, where);
    if (!("keys" in data)) throw dataError(where, "a group of videos", "a data set", "Is it a file of another format?");
    const videos = new Map<string, CsdVideo>();
    for (const video of data.keys()) {
      const intervals = readArray(data, `${video}/intervals`, where, bytes);
      const features = intervalsOnly
        ? { shape: [intervals.shape[0], 0], data: new Float32Array(0) }
        : readArray(data, `${video}/features`, where, bytes);
      const at = `${where}, ${video}`;
      if (features.shape.length !== 2 || intervals.shape.length !== 2 || intervals.shape[1] !== 2)
        throw dataError(
          at,
          "features (n, width) and intervals (n, 2)",
          `(${features.shape}) and (${intervals.shape})`,
          "Is it a file of another format?",
        );
      if (features.shape[0] !== intervals.shape[0])
        throw dataError(
          at,
          `${features.shape[0]} intervals, one a row`,
          String(intervals.shape[0]),
          "The file is damaged: fetch it again.",
        );
      checkIntervals(intervals, at);
      videos.set(video, { features, intervals });
    }
    const metadata = root.get(`${name}/metadata`);
    const named = metadata && "keys" in metadata && metadata.keys().includes("dimension names");
    const names = named ? readStrings(metadata, "dimension names", where, bytes)[0] : undefined;
    return { name, dimensions: parseDimensions(names), videos };
  });
}

/** Timed words of a `.csd`: word, start and end in seconds, a video each. */
export function readTimedWords(file: string): Promise<Map<string, { word: string; start: number; end: number }[]>> {
  return withHdf5(file, (root, where, bytes) => {
    const data = entity(root, `${root.keys()[0]}/data`, where);
    if (!("keys" in data)) throw dataError(where, "a group of videos", "a data set", "Is it a file of another format?");
    return new Map(
      data.keys().map((video) => {
        const words = readStrings(data, `${video}/features`, where, bytes);
        const intervals = readArray(data, `${video}/intervals`, where, bytes);
        checkIntervals(intervals, `${where}, ${video}`);
        const times = intervals.data;
        return [video, words.map((word, i) => ({ word, start: times[2 * i], end: times[2 * i + 1] }))];
      }),
    );
  });
}

/** Mean of the rows whose interval overlaps [start, end]; undefined where none does. Non-finite entries count as 0. */
export function meanOver({ features, intervals }: CsdVideo, start: number, end: number): Float32Array | undefined {
  const [n, width] = features.shape;
  const sum = new Float64Array(width);
  let count = 0;
  for (let i = 0; i < n; i++) {
    const overlaps = intervals.data[2 * i] < end && intervals.data[2 * i + 1] > start;
    if (!overlaps) continue;
    count++;
    for (let c = 0; c < width; c++) {
      const v = features.data[i * width + c];
      if (Number.isFinite(v)) sum[c] += v;
    }
  }
  return count ? Float32Array.from(sum, (v) => v / count) : undefined;
}

const patterns: Readonly<Record<Modality | "labels", RegExp>> = {
  labels: /label/i,
  T: /word.?vector|glove|bert|text/i,
  A: /covarep|opensmile|audio|acoustic/i,
  V: /facet|openface|vis|video/i,
};

function fileFor(dir: string, kind: Modality | "labels"): string | undefined {
  const found = fs.readdirSync(dir).filter((f) => f.endsWith(".csd"));
  const fits = found.filter((f) => patterns[kind].test(f) && (kind === "labels" || !patterns.labels.test(f)));
  if (fits.length > 1)
    throw dataError(
      path.basename(dir),
      `one .csd file for ${kind}`,
      fits.join(", "),
      "Keep the one that you mean in the folder.",
    );
  if (kind === "labels" && !fits.length)
    throw dataError(
      path.basename(dir),
      "a .csd file with `label` in its name",
      found.join(", ") || "no .csd",
      "The labels' intervals are the utterances.",
    );
  return fits[0] && path.join(dir, fits[0]);
}

/**
 * Which videos are in which split: `folds.json` {train, valid, test: [ids]}, or the video and split columns of `labels.csv`.
 * @param all what test is where neither file is there and the folder is only predicted on
 */
function readFolds(dir: string, all?: string[]): PerSplit<string[]> {
  const json = path.join(dir, "folds.json");
  if (fs.existsSync(json)) {
    let folds: unknown;
    try {
      folds = JSON.parse(readText(json));
    } catch (error) {
      throw dataError(
        label(json),
        "JSON",
        (error as Error).message,
        'It is {"train": [video, ...], "valid": [...], "test": [...]}.',
      );
    }
    const lists = Object.entries((folds ?? {}) as Record<string, unknown>).map(
      ([name, list]) => [splitCalled(name), list] as const,
    );
    const named = new Set(lists.map(([name]) => name));
    if (
      named.size < lists.length ||
      !lists.every(
        ([name, v]) =>
          splitNames.includes(name as SplitName) && Array.isArray(v) && v.every((id) => typeof id === "string"),
      )
    )
      throw dataError(
        label(json),
        "lists of video ids under train, valid (or dev) and test",
        `${Array.isArray(folds) ? "a list" : lists.map(([name]) => name).join(", ")}, or other values`,
        "Mend the file.",
      );
    for (const [name, ids] of lists as [string, string[]][]) {
      const twice = ids.find((id, i) => ids.indexOf(id) !== i);
      if (twice !== undefined)
        throw dataError(`${label(json)}, ${name}`, "each video once", `${twice} twice`, "Remove one of them.");
    }
    return Object.fromEntries(lists) as PerSplit<string[]>;
  }
  const csv = path.join(dir, "labels.csv");
  if (!fs.existsSync(csv) && all) return { test: all };
  if (!fs.existsSync(csv))
    throw dataError(
      path.basename(dir),
      "folds.json or labels.csv with the splits",
      "neither",
      'A .csd says nothing about splits: give {"train": [video, ...], ...}.',
    );
  const table = readTable(csv);
  const videos = table.keys(table.find("video", "video_id") ?? "video");
  const splits = table.splits(splitColumnOf(table) ?? "split");
  const folds: PerSplit<string[]> = { train: [], valid: [], test: [] };
  const seen = new Map<string, string>();
  videos.forEach((video, i) => {
    const name = splits[i];
    if (seen.get(video) !== name) folds[name]!.push(video);
    seen.set(video, name);
  });
  return folds;
}

/** The feature sequences of a folder, with their widths and the numbers in them that are none. */
async function readSources(dir: string) {
  const sources: Partial<Record<Modality, Csd>> = {};
  const widths: Partial<Record<Modality, number>> = {};
  const repairs: Repair[] = [];
  for (const m of modalityOrder) {
    const file = fileFor(dir, m);
    if (!file) continue;
    const source = (sources[m] = await readCsd(file));
    let count = 0;
    for (const [video, { features }] of source.videos) {
      widths[m] ??= features.shape[1];
      if (features.shape[1] !== widths[m])
        throw dataError(
          `${source.name}, ${video}`,
          `width ${widths[m]}`,
          String(features.shape[1]),
          "The file is damaged: fetch it again.",
        );
      count += features.data.filter((v) => !Number.isFinite(v)).length;
    }
    if (count) repairs.push({ where: `${source.name}, ${m}`, what: "NaN or infinite, set to 0", count });
  }
  if (!Object.keys(sources).length)
    throw dataError(
      path.basename(path.resolve(dir)),
      "a .csd of features",
      "none",
      "Names hold wordvectors, glove or bert (T), covarep or opensmile (A), facet or openface (V).",
    );
  return { sources, widths, repairs };
}

/**
 * A folder of `.csd` files: an utterance is a row of the label sequence, its features the mean of what overlaps it. For
 * prediction only the intervals of the label sequence are read.
 */
export async function readCsdFolder(dir: string, about: About, options: FolderOptions): Promise<RawDataset> {
  const { forPrediction = false } = options;
  const labels = await readCsd(fileFor(dir, "labels")!, forPrediction);
  const { sources, widths, repairs } = await readSources(dir);
  const modalities = modalityOrder.filter((m) => sources[m]);
  const folds = readFolds(dir, forPrediction ? [...labels.videos.keys()] : undefined);
  const dimensions = forPrediction ? undefined : labels.dimensions;
  const column = forPrediction ? undefined : labelColumn(labels, options);
  const emotionAt = ["anger", "disgust", "fear", "happ", "sad", "surprise"].map((name) =>
    (dimensions ?? []).findIndex((d) => d.toLowerCase().includes(name)),
  );
  const emotional = emotionAt.every((i) => i >= 0);
  let absent = 0;
  const numbers: PerSplit<Float32Array> = {};
  const splits: PerSplit<RawSequence[]> = {};
  for (const name of splitNames) {
    const values: number[] = [];
    splits[name] = (folds[name] ?? []).flatMap((video): RawSequence[] => {
      const own = labels.videos.get(video);
      if (!own)
        throw dataError(
          `${labels.name}, split ${name}`,
          `labels of video ${video}`,
          "none",
          "Remove it from the folds, or fetch the labels again.",
        );
      const [n, columns] = own.features.shape;
      const order = Array.from({ length: n }, (_, i) => i).sort(
        (a, b) => own.intervals.data[2 * a] - own.intervals.data[2 * b] || a - b,
      );
      if (column !== undefined) for (const i of order) values.push(own.features.data[i * columns + column]);
      const x = Object.fromEntries(
        modalities.map((m) => {
          const rows = new Float32Array(n * widths[m]!);
          order.forEach((i, to) => {
            const from = sources[m]!.videos.get(video);
            const mean = from && meanOver(from, own.intervals.data[2 * i], own.intervals.data[2 * i + 1]);
            if (mean) rows.set(mean, to * widths[m]!);
            else absent++;
          });
          return [m, rows];
        }),
      );
      const emotions = order.flatMap((i) => emotionAt.map((c) => own.features.data[i * columns + c]));
      if (emotional) checkLabels(emotions, `${labels.name}, emotions of ${video}`);
      return n === 0
        ? []
        : [
            {
              id: video,
              video,
              rowIds: order.map((i) => `${video}[${i}]`),
              steps: n,
              x,
              ...(emotional && { emotions }),
            },
          ];
    });
    if (values.length) numbers[name] = Float32Array.from(values);
  }
  if (absent)
    repairs.push({
      where: path.basename(dir),
      what: "utterances without any overlapping feature, set to 0",
      count: absent,
    });
  const read: ReadLabels = forPrediction ? {} : labelsFromNumbers(numbers, labels.name, options);
  const placed = new Set(Object.values(folds).flat());
  const left = [...labels.videos.keys()].filter((video) => !placed.has(video)).length;
  return {
    ...about,
    level: "row",
    widths,
    splits: Object.fromEntries(splitNames.map((name) => [name, withLabels(splits[name] ?? [], read, name)])),
    ...(read.scale && { scale: read.scale }),
    ...(read.classNames && { classNames: read.classNames }),
    caveats: [
      "Features of an utterance are the mean of the rows whose interval overlaps it.",
      ...(left ? [`${left} of ${labels.videos.size} labelled videos are in no split and were left out.`] : []),
    ],
    repairs,
  };
}

/** The label column: by number, by name, the only one, or the one called sentiment. */
function labelColumn({ name, dimensions, videos }: Csd, { labelColumn: asked }: FolderOptions): number {
  const columns = videos.values().next().value?.features.shape[1] ?? 0;
  const found =
    typeof asked === "number"
      ? asked
      : asked !== undefined
        ? (dimensions ?? []).indexOf(asked)
        : columns === 1
          ? 0
          : (dimensions ?? []).findIndex((d) => /sentiment/i.test(d));
  if (Number.isInteger(found) && found >= 0 && found < columns) return found;
  const names = dimensions ? `: ${dimensions.join(", ")}` : "";
  throw dataError(
    name,
    `a label column of ${columns}${names}`,
    String(asked ?? "none named"),
    "Give --label-column NAME or NUMBER (from 0).",
  );
}
