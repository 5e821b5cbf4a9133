// CMU-MOSEI: transcript features beside labels.csv; sentiment and six emotions by column name, utterances by start time.
import * as path from "node:path";
import { emotionNames } from "../core/types";
import { readTable, type Table } from "./csv";
import { dataError } from "./files";
import { readNpy } from "./npy";
import type { RawDataset } from "./pack";
import { groupRows } from "./rows";
import { checkLabels } from "./labels";

/** Six emotion scores a row, in the order of `emotionNames`, whatever the order of the columns. */
export function emotionColumns(table: Table): Float32Array {
  const columns = emotionNames.map((name) => table.numbers(name));
  return Float32Array.from({ length: table.rows * 6 }, (_, i) => columns[i % 6][Math.floor(i / 6)]);
}

/** Text features of the CMU split, a sequence a video. */
export function readMosei(dir: string, text: "minilm" | "spacy300"): RawDataset {
  const table = readTable(path.join(dir, "labels.csv"));
  const width = text === "minilm" ? 384 : 300;
  const { shape, data } = readNpy(path.join(dir, `text_${text}.npy`));
  if (shape.join() !== `${table.rows},${width}`)
    throw dataError(
      `mosei/text_${text}.npy`,
      `shape (${table.rows}, ${width}): a row of labels.csv each`,
      `(${shape.join(", ")})`,
      "Was another file renamed? Fetch or encode it again.",
    );
  const video = table.keys("video_id");
  const segment = table.keys("segment_id");
  const start = table.numbers("start");
  const sentiment = table.numbers("sentiment");
  const emotions = emotionColumns(table);
  checkLabels(sentiment, `${table.where}, sentiment`, [-3, 3]);
  checkLabels(emotions, `${table.where}, emotions`, [0, 3]);
  const split = table.splits("split");
  const ids = video.map((v, i) => `${v}[${segment[i]}]`);
  const of = (name: string) =>
    groupRows(
      ids
        .map((id, row) => ({ id, row, video: video[row], order: start[row] }))
        .filter(({ row }) => split[row] === name),
      ({ row }) => ({
        x: { T: data.subarray(row * width, (row + 1) * width) },
        intensity: [sentiment[row]],
        emotions: [...emotions.subarray(row * 6, (row + 1) * 6)],
      }),
    );
  const transcripts = table.text("text");
  const rowOf = new Map(ids.map((id, i) => [id, i]));
  return {
    name: "mosei",
    features: text,
    level: "row",
    widths: { T: width },
    splits: { train: of("train"), valid: of("valid"), test: of("test") },
    scale: { low: -3, high: 3, positiveFrom: 0 },
    caveats: ["Text features computed from the transcripts; no audio or visual features are public in this form."],
    transcript: (id) => transcripts[rowOf.get(id) ?? -1],
  };
}
