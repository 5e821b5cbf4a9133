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

/** `text_NAME.npy` (or `text.npy`) of a folder; with several, `features` names one. */
function featureFile(dir: string, m: Modality, features?: string): string | undefined {
  const all = fs
    .readdirSync(dir)
    .filter((f) => new RegExp(`^${stems[m]}(_.+)?\\.npy$`).test(f))
    .sort();
  const named = features === undefined ? all : all.filter((f) => f === `${stems[m]}_${features}.npy`);
  const found = named.length || features === undefined ? named : all.length === 1 ? all : [];
  if (found.length > 1)
    throw dataError(
      path.basename(path.resolve(dir)),
      `one ${stems[m]} file`,
      all.join(", "),
      `Give --features NAME for ${stems[m]}_NAME.npy.`,
    );
  return found[0] && path.join(dir, found[0]);
}

const labelNames = ["intensity", "sentiment", "label", "y"];

/** The label column: as asked (a name, or its number among all columns from 0), or the first that is called a label. */
function labelColumn(table: Table, asked: FolderOptions["labelColumn"], optional: boolean): string | undefined {
  const name = typeof asked === "number" ? table.header[asked] : (asked ?? table.find(...labelNames));
  if (name !== undefined && table.has(name)) return name;
  if (asked === undefined && optional) return undefined;
  throw dataError(
    table.where,
    `a label column (${labelNames.join(", ")})`,
    table.header.join(", "),
    "Give --label-column NAME.",
  );
}

/** A folder in `npy` format: (rows, width) arrays give a sequence a video, (rows, steps, width) a sequence a row. */
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
  for (const m of modalityOrder) {
    const file = featureFile(dir, m, options.features);
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
  const video = table.text(need("video", "video", "video_id"));
  const splitColumn = splitColumnOf(table);
  const cells =
    !splitColumn && options.forPrediction ? video.map(() => "test") : table.text(splitColumn ?? need("split", "split"));
  const split = cells.map((cell, i) => {
    const name = cell === "dev" ? "valid" : cell;
    if (splitNames.includes(name as SplitName)) return name as SplitName;
    throw dataError(
      `${table.where}, row ${i + 2}, column ${splitColumn ?? "split"}`,
      "train, valid (dev) or test",
      cell || "a gap",
      "Mend the row.",
    );
  });
  const start = table.has("start") ? table.numbers("start") : Float64Array.from({ length: table.rows }, (_, i) => i);
  const idColumn = table.find("id");
  const ids = idColumn ? table.text(idColumn) : video.map((v, i) => `${v}[${i}]`);
  const seen = new Set<string>();
  const twice = idColumn ? ids.findIndex((id) => seen.size === seen.add(id).size) : -1;
  if (twice >= 0)
    throw dataError(
      `${table.where}, row ${twice + 2}, column ${idColumn}`,
      "each id once",
      `${ids[twice]} again`,
      "Mend it.",
    );
  const column = labelColumn(table, options.labelColumn, !!options.forPrediction);
  const values = column && table.numbers(column);
  const lacking = emotionNames.filter((name) => !table.has(name));
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
