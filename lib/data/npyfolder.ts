// `.npy` features beside a labels.csv: row i of an array is row i of the table.
import * as fs from "node:fs";
import * as path from "node:path";
import { emotionNames, modalityOrder, type Modality, type SplitName } from "../core/types";
import { labelsFromNumbers, withLabels, type PerSplit } from "./arrays";
import { readTable, splitColumnOf, type Table } from "./csv";
import { dataError, label } from "./files";
import { checkLabels, type FolderOptions } from "./labels";
import { emotionColumns } from "./mosei";
import { readNpy, type NdArray } from "./npy";
import { splitNames, type RawDataset, type RawSequence } from "./pack";
import { groupRows } from "./rows";
import type { About } from "./mfn";

const stems: Readonly<Record<Modality, string>> = { T: "text", A: "audio", V: "video" };

/**
 * The file of each modality of a folder: the only one, or, where `features` is given, `text_FEATURES.npy`, else `text.npy`.
 * @throws DataError where none or several fit: a modality never goes, and never comes from other features, without a word
 */
function featureFiles(dir: string, features?: string): Partial<Record<Modality, string>> {
  const where = path.basename(path.resolve(dir));
  const here = fs.readdirSync(dir).sort();
  const filesOf = (m: Modality) => here.filter((f) => new RegExp(`^${stems[m]}(_.+)?\\.npy$`).test(f));
  const every = modalityOrder.flatMap(filesOf);
  const named = (m: Modality) => `${stems[m]}_${features}.npy`;
  if (features !== undefined && every.length && !modalityOrder.some((m) => every.includes(named(m))))
    throw dataError(
      `${where}, features ${features}`,
      `text_${features}.npy, audio_${features}.npy or video_${features}.npy`,
      every.join(", "),
      "Give the NAME of text_NAME.npy, or no --features where each modality has one file.",
    );
  const found: Partial<Record<Modality, string>> = {};
  for (const m of modalityOrder) {
    const all = filesOf(m);
    if (!all.length) continue;
    const file =
      features === undefined ? all : [named(m), `${stems[m]}.npy`].filter((f) => all.includes(f)).slice(0, 1);
    if (file.length !== 1)
      throw dataError(
        features === undefined ? where : `${where}, features ${features}`,
        features === undefined ? `one ${stems[m]} file` : `${named(m)}, or ${stems[m]}.npy for all features`,
        all.join(", "),
        features === undefined
          ? `Give --features NAME for ${stems[m]}_NAME.npy.`
          : `Call the one that you mean ${stems[m]}.npy, or take the others out of the folder.`,
      );
    found[m] = path.join(dir, file[0]);
  }
  return found;
}

const labelNames = ["intensity", "sentiment", "label", "y"];

/** The label column: as asked (a name, or its number among all columns from 0), or the first that is called a label. */
function labelColumn(table: Table, asked: FolderOptions["labelColumn"]): string {
  const name = typeof asked === "number" ? table.header[asked] : (asked ?? table.find(...labelNames));
  if (name !== undefined && table.has(name)) return name;
  throw dataError(
    table.where,
    `a label column (${labelNames.join(", ")})`,
    table.header.join(", "),
    "Give --label-column NAME.",
  );
}

/**
 * A folder in `npy` format: (rows, width) arrays give a sequence a video, (rows, steps, width) a sequence a row. For prediction
 * no label is read, and without a column of splits all is test.
 */
export function readNpyFolder(dir: string, about: About, options: FolderOptions = {}): RawDataset {
  const table = readTable(path.join(dir, "labels.csv"));
  const need = (what: string, ...names: string[]): string => {
    const found = table.find(...names);
    if (found) return found;
    throw dataError(
      table.where,
      `a column for the ${what} (${names.join(" or ")})`,
      table.header.join(", "),
      "Add it.",
    );
  };
  const arrays: Partial<Record<Modality, NdArray>> = {};
  const files = featureFiles(dir, options.features);
  for (const m of modalityOrder) {
    const file = files[m];
    if (!file) continue;
    const array = (arrays[m] = readNpy(file));
    if ((array.shape.length !== 2 && array.shape.length !== 3) || array.shape[0] !== table.rows)
      throw dataError(
        label(file),
        `(${table.rows}, width) or (${table.rows}, steps, width): a row of labels.csv each`,
        `shape (${array.shape.join(", ")})`,
        "Was another file renamed?",
      );
  }
  const modalities = modalityOrder.filter((m) => arrays[m]);
  if (!modalities.length)
    throw dataError(
      path.basename(path.resolve(dir)),
      "text_NAME.npy, audio_NAME.npy or video_NAME.npy",
      options.features ?? "none",
      "Row i of each is row i of labels.csv.",
    );
  const dims = arrays[modalities[0]]!.shape.slice(0, -1);
  for (const m of modalities)
    if (arrays[m]!.shape.slice(0, -1).join() !== dims.join())
      throw dataError(
        `${about.name}, ${m}`,
        `(${dims.join(", ")}, width) as ${modalities[0]}`,
        `shape (${arrays[m]!.shape.join(", ")})`,
        "Align the modalities first.",
      );
  const steps = dims[1] ?? 1;
  const widths = Object.fromEntries(modalities.map((m) => [m, arrays[m]!.shape[dims.length]]));
  const video = table.keys(need("video", "video", "video_id"));
  const splitColumn = splitColumnOf(table);
  const split: SplitName[] =
    !splitColumn && options.forPrediction
      ? video.map(() => "test")
      : table.splits(splitColumn ?? need("split", "split"));
  const start = table.has("start") ? table.numbers("start") : Float64Array.from({ length: table.rows }, (_, i) => i);
  const idColumn = table.find("id");
  const ids = idColumn ? table.keys(idColumn) : video.map((v, i) => `${v}[${i}]`);
  const seen = new Set<string>();
  const twice = idColumn ? ids.findIndex((id) => seen.size === seen.add(id).size) : -1;
  if (twice >= 0)
    throw dataError(
      `${table.where}, row ${twice + 2}, column ${idColumn}`,
      "each id once",
      `${ids[twice]} again`,
      "Mend it.",
    );
  const column = options.forPrediction ? undefined : labelColumn(table, options.labelColumn);
  const values = column === undefined ? undefined : table.numbers(column);
  const lacking = options.forPrediction ? emotionNames : emotionNames.filter((name) => !table.has(name));
  const emotions = lacking.length ? undefined : emotionColumns(table);
  const caveats = [...(about.caveats ?? [])];
  if (!table.has("start")) caveats.push("No column start: utterances stand in the order of the file.");
  if (lacking.length && lacking.length < emotionNames.length)
    caveats.push(`Emotions are left out: labels.csv has no column ${lacking.join(", ")}.`);
  if (emotions) checkLabels(emotions, `${table.where}, emotions`);
  const at = (row: number, m: Modality) => {
    const size = steps * arrays[m]!.shape[dims.length];
    return arrays[m]!.data.subarray(row * size, (row + 1) * size);
  };
  const xOf = (row: number) => Object.fromEntries(modalities.map((m) => [m, at(row, m)]));
  const labelled = (row: number) => ({
    ...(values && { intensity: [values[row]] }),
    ...(emotions && { emotions: [...emotions.subarray(row * 6, (row + 1) * 6)] }),
  });
  const perRow = dims.length === 1;
  const read = (name: SplitName): RawSequence[] => {
    const rows = ids
      .map((id, row) => ({ id, row, video: video[row], order: start[row] }))
      .filter(({ row }) => split[row] === name);
    if (perRow) return groupRows(rows, ({ row }) => ({ x: xOf(row), ...labelled(row) }));
    return rows.map(({ id, row }) => ({ id, video: video[row], steps, x: xOf(row), ...labelled(row) }));
  };
  const splits: PerSplit<RawSequence[]> = Object.fromEntries(splitNames.map((name) => [name, read(name)]));
  const numbers: PerSplit<Float32Array> = {};
  if (values)
    for (const name of splitNames)
      if (splits[name]?.length)
        numbers[name] = Float32Array.from(splits[name].flatMap((s) => Array.from(s.intensity ?? [])));
  const labels = values ? labelsFromNumbers(numbers, `${table.where}, ${column}`, options) : {};
  const level = perRow ? "row" : "sequence";
  const finish = (name: SplitName): RawSequence[] => {
    const bare = (splits[name] ?? []).map((s) => ({ ...s, intensity: undefined }));
    return withLabels(bare, labels, name, level);
  };
  const text = table.has("text") ? new Map(table.text("text").map((t, i) => [ids[i], t])) : undefined;
  return {
    level,
    widths,
    splits: Object.fromEntries(splitNames.map((name) => [name, finish(name)])),
    ...(labels.scale && { scale: labels.scale }),
    ...(labels.classNames && { classNames: labels.classNames }),
    ...(text && { transcript: (id: string) => text.get(id) }),
    ...about,
    caveats,
  };
}
