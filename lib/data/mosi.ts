// CMU-MOSI: bc-LSTM's feature files on their own 62 / 31 split, and the CMU split with transcript features and clean audio.
import * as fs from "node:fs";
import * as path from "node:path";
import { readCells, readNumbers, readTable, type NumberTable, type Table } from "./csv";
import { dataError, label } from "./files";
import { checkLabels, type FolderOptions } from "./labels";
import type { About } from "./mfn";
import { readNpy } from "./npy";
import type { RawDataset, RawSequence } from "./pack";
import { groupRows } from "./rows";

export const mosiLeak =
  "bc-LSTM's text and video extractors were trained on the 62 training videos, so their features tell the labels of those videos " +
  "(a linear model cross-validated over them scores 98 % on text and 91 % on video, and 75 % and 52 % on the test videos): a validation " +
  "split drawn from them measures memory, and the CMU split 1284/229/686 tests on videos that they were trained on (558 of 686 " +
  "utterances). Train for a fixed number of epochs on 62/31, or take features that saw no labels (minilm, spacy300, +audio)";

const widths = { T: 100, A: 73, V: 100 } as const;
const fileOf = { T: "text", A: "audio", V: "video" } as const;
const rowCount = { train: 1447, test: 752 } as const;

/** Id and binary label of each utterance, in file order: the rows that column 0 of `text_{train,test}.csv` counts. */
function readTranscripts(file: string, labelled: boolean): { id: string; text: string; label: number }[] {
  const rows = readCells(file, { relax_column_count: true, skip_empty_lines: true });
  return rows.map((cells, i) => {
    if (cells.length < (labelled ? 4 : 2) || !/^.+_\d+$/.test(cells[0]))
      throw dataError(
        `${label(file)}, row ${i + 1}`,
        "video_segment, text, constant, label",
        cells.join(",").slice(0, 60),
        "Fetch the file again.",
      );
    return { id: cells[0], text: cells[1], label: Number(cells[3]) };
  });
}

/** Rows of transcripts.csv that the rows of a split's feature files are. */
function joinKeys(dir: string, split: "train" | "test", count: number | undefined, utterances: number): Int32Array {
  const file = path.join(dir, `text_${split}.csv`);
  const { rows, columns, data } = readNumbers(file, { rows: count });
  const seen = new Set<number>();
  return Int32Array.from({ length: rows }, (_, i) => {
    const key = data[i * columns];
    if (seen.has(key))
      throw dataError(
        `${label(file)}, row ${i + 1}`,
        "each utterance once",
        `row number ${key} again`,
        "Fetch the file again.",
      );
    seen.add(key);
    if (!(Number.isInteger(key) && key >= 0 && key < utterances))
      throw dataError(
        `${label(file)}, row ${i + 1}, column 1`,
        `a row number of transcripts.csv, 0 to ${utterances - 1}`,
        String(key),
        "Is it text_SPLIT0.csv renamed?",
      );
    return key;
  });
}

function readFeatures(
  dir: string,
  m: "T" | "A" | "V",
  split: "train" | "test",
  expect: { readonly width?: number; readonly count?: number; readonly labelled: boolean },
): NumberTable {
  const { width, count, labelled } = expect;
  const columns = width === undefined ? undefined : width + 1;
  const what = width === undefined ? undefined : `${width} features, 1 label`;
  return readNumbers(path.join(dir, `${fileOf[m]}_${split}0.csv`), { rows: count, columns, what, last: labelled });
}

/** The last column of a split's files: 0 or 1, and the same in each of them. */
function agreedLabels(folder: string, split: string, tables: Partial<Record<"T" | "A" | "V", NumberTable>>): number[] {
  const columns = Object.values(tables).map(({ rows, columns, data }) =>
    Array.from({ length: rows }, (_, row) => data[(row + 1) * columns - 1]),
  );
  columns[0].forEach((value, row) => {
    const where = `${folder}/{text,audio,video}_${split}0.csv, row ${row + 1}`;
    if (value !== 0 && value !== 1)
      throw dataError(where, "a label 0 or 1 in the last column", String(value), "Fetch the files again.");
    const other = columns.find((column) => column[row] !== value);
    if (other) {
      const mend = "Their rows are not of the same utterances: fetch the folder again.";
      throw dataError(where, "one label in all files", `${value} and ${other[row]}`, mend);
    }
  });
  return columns[0];
}

/**
 * bc-LSTM's CSV folder: a sequence a video, a label a row, 0 or 1; no validation split (see `mosiLeak`).
 * @param known true: the sizes of MOSI are expected; false: whatever the files agree on
 * @param forPrediction no label is read, and a split may be missing
 */
export function readBcLstm(
  dir: string,
  known: boolean,
  { name, features }: About = { name: "mosi", features: "bclstm" },
  { forPrediction = false }: FolderOptions = {},
): RawDataset {
  const labelled = !forPrediction;
  const utterances = readTranscripts(path.join(dir, "transcripts.csv"), labelled);
  const has = (m: "T" | "A" | "V", split: string) => fs.existsSync(path.join(dir, `${fileOf[m]}_${split}0.csv`));
  const here = (["T", "A", "V"] as const).filter((m) => known || has(m, "train") || (forPrediction && has(m, "test")));
  if (!here.length)
    throw dataError(
      path.basename(dir),
      "text_train0.csv, audio_train0.csv or video_train0.csv",
      "none",
      "A folder in bc-lstm-csv holds these.",
    );
  const found: { T?: number; A?: number; V?: number } = {};
  const read = (split: "train" | "test"): RawSequence[] => {
    if (forPrediction && !here.some((m) => has(m, split))) return [];
    const keys = joinKeys(dir, split, known ? rowCount[split] : undefined, utterances.length);
    const tables: Partial<Record<"T" | "A" | "V", NumberTable>> = {};
    for (const m of here) {
      const table = (tables[m] = readFeatures(dir, m, split, {
        width: known ? widths[m] : found[m],
        count: keys.length,
        labelled,
      }));
      found[m] = table.columns - 1;
    }
    const labels = labelled ? agreedLabels(path.basename(dir), split, tables) : undefined;
    labels?.forEach((value, row) => {
      const { id, label: other } = utterances[keys[row]];
      if (value === other) return;
      const where = `${path.basename(dir)}/{text,audio,video}_${split}0.csv, row ${row + 1}`;
      throw dataError(
        where,
        `the label of ${id} in transcripts.csv (${other})`,
        String(value),
        "The join key does not fit: fetch the folder again.",
      );
    });
    return groupRows(
      Array.from(keys, (key, row) => {
        const id = utterances[key].id;
        return { video: id.slice(0, id.lastIndexOf("_")), id, order: Number(id.slice(id.lastIndexOf("_") + 1)), row };
      }),
      ({ row }) => ({
        x: Object.fromEntries(
          here.map((m) => {
            const { columns, data } = tables[m]!;
            return [m, Float32Array.from(data.subarray(row * columns, (row + 1) * columns - 1))];
          }),
        ),
        ...(labels && { classes: [labels[row]] }),
      }),
    );
  };
  const splits = { train: read("train"), test: read("test") };
  const texts = new Map(utterances.map((u) => [u.id, u.text]));
  return {
    name,
    features,
    level: "row",
    splits,
    widths: found,
    classNames: ["negative", "positive"],
    caveats: [`No validation split: ${mosiLeak}.`],
    leaks: mosiLeak,
    transcript: (id) => texts.get(id),
  };
}

function readLabels(dir: string): Table {
  const table = readTable(path.join(dir, "labels.csv"));
  if (table.rows !== 2199) throw dataError(table.where, "2199 rows", String(table.rows), "Fetch the file again.");
  return table;
}

function intensities(table: Table): Float64Array {
  const values = table.numbers("intensity");
  checkLabels(values, `${table.where}, intensity`, [-3, 3]);
  return values;
}

/** bc-LSTM's audio columns (openSMILE, trained on nothing, so no leak) of all 2199 utterances. */
function readAudio(dir: string): Float32Array {
  const all = new Float32Array(2199 * widths.A);
  for (const split of ["train", "test"] as const) {
    const keys = joinKeys(dir, split, rowCount[split], 2199);
    const { columns, data } = readFeatures(dir, "A", split, {
      width: widths.A,
      count: rowCount[split],
      labelled: true,
    });
    keys.forEach((key, row) => all.set(data.subarray(row * columns, (row + 1) * columns - 1), key * widths.A));
  }
  return all;
}

/** The CMU split with transcript features: a sequence a video, an intensity a row. */
export function readMosiCmu(dir: string, text: "minilm" | "spacy300", audio: boolean): RawDataset {
  const table = readLabels(dir);
  const features = readNpy(path.join(dir, `text_${text}.npy`));
  const width = text === "minilm" ? 384 : 300;
  if (features.shape.join() !== `2199,${width}`)
    throw dataError(
      `mosi/text_${text}.npy`,
      `shape (2199, ${width})`,
      `(${features.shape.join(", ")})`,
      "Was another file renamed? Fetch or encode it again.",
    );
  const A = audio ? readAudio(dir) : undefined;
  const ids = table.keys("id");
  const intensity = intensities(table);
  const start = table.numbers("start");
  const video = table.keys("video_id");
  const split = table.splits("split_1284_229_686");
  const transcripts = new Map(table.text("text").map((t, i) => [ids[i], t]));
  const rowsOf = (name: string) =>
    groupRows(
      ids
        .map((id, row) => ({ id, row, video: video[row], order: start[row] }))
        .filter(({ row }) => split[row] === name),
      ({ row }) => ({
        x: {
          T: features.data.subarray(row * width, (row + 1) * width),
          ...(A && { A: A.subarray(row * widths.A, (row + 1) * widths.A) }),
        },
        intensity: [intensity[row]],
      }),
    );
  return {
    name: "mosi",
    features: audio ? `${text}+audio` : text,
    level: "row",
    widths: { T: width, ...(audio && { A: widths.A }) },
    splits: { train: rowsOf("train"), valid: rowsOf("valid"), test: rowsOf("test") },
    scale: { low: -3, high: 3, positiveFrom: 0 },
    caveats: [
      "Text features computed from the transcripts, not the paper's word vectors; no clean visual features exist here.",
    ],
    transcript: (id) => transcripts.get(id),
  };
}

/** The CMU split, an utterance a sequence: the last 20 timed words' vectors, text only. */
export function readMosiWords(dir: string): RawDataset {
  const table = readLabels(dir);
  const { shape, data } = readNpy(path.join(dir, "words_spacy300.npy"));
  if (shape.join() !== "2199,20,300")
    throw dataError(
      "mosi/words_spacy300.npy",
      "shape (2199, 20, 300)",
      `(${shape.join(", ")})`,
      "Was another file renamed?",
    );
  const intensity = intensities(table);
  const video = table.keys("video_id");
  const split = table.splits("split_1284_229_686");
  const ids = table.keys("id");
  const transcripts = new Map(table.text("text").map((t, i) => [ids[i], t]));
  const sequences = ids.map((id, i): RawSequence => ({
    id,
    video: video[i],
    steps: 20,
    x: { T: data.subarray(i * 6000, (i + 1) * 6000) },
    intensity: [intensity[i]],
  }));
  const of = (name: string) => sequences.filter((_, i) => split[i] === name);
  return {
    name: "mosi",
    features: "words",
    level: "sequence",
    widths: { T: 300 },
    splits: { train: of("train"), valid: of("valid"), test: of("test") },
    scale: { low: -3, high: 3, positiveFrom: 0 },
    caveats: ["Word vectors of the last 20 timed words of each utterance; the neighbouring utterances are not seen."],
    transcript: (id) => transcripts.get(id),
  };
}
