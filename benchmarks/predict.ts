/** `npm run predict`: applies a saved model to a folder of features. */
import { UsageError, oneOf } from "../lib/core/errors";
import { sevenDigits } from "../lib/core/math";
import { emotionNames, type Dataset, type Split, type SplitName } from "../lib/core/types";
import { formats, loadFolder, rowsOf, sequencesOf } from "../lib/data";
import { engineName, startEngine } from "../lib/engine/choose";
import { findSystem } from "../lib/models";
import { predictWith, readModel, reviveModel, writeWhole, type SavedModel } from "../lib/training";
import { entry, parse } from "./cli";

const command = "npm run predict";
const help = `${command} -- --model DIR --data DIR --format F --out FILE [options]

Applies a model that npm run train saved to a folder of the same features.

  --model DIR      the folder that npm run train wrote
  --data DIR       features; labels are not needed
  --format F       ${formats.join(", ")}
  --out FILE       .csv, or .jsonl for JSON Lines
  --split S        only train, valid or test (default: all that is there)
  --features F     which features, where the folder has several
  --engine E       auto (default), wasm, tensorflow, webgpu or cpu`;

const options = {
  model: { type: "string" },
  data: { type: "string" },
  format: { type: "string" },
  out: { type: "string" },
  split: { type: "string" },
  features: { type: "string" },
  engine: { type: "string" },
} as const;

type Line = Readonly<Record<string, string | number>>;

/** Names of the units of a split: rows, or sequences. */
function unitIds(dataset: Dataset, split: Split): { id: string; sequence: string }[] {
  if (dataset.level === "sequence") return split.ids.map((id) => ({ id, sequence: id }));
  return split.ids.flatMap((sequence, s) =>
    Array.from({ length: split.offsets[s + 1] - split.offsets[s] }, (_, i) => ({
      id: split.rowIds?.[split.offsets[s] + i] ?? `${sequence}[${i}]`,
      sequence,
    })),
  );
}

/** What a unit's outputs say, in named columns. */
export function columnsOf(model: SavedModel, outputs: Float32Array): Line {
  const { task } = model.shape;
  if (task.kind === "intensity") return { intensity: sevenDigits(outputs[0]) };
  if (task.kind === "emotions") {
    const threshold = model.thresholds?.one ?? 0.5;
    const present = emotionNames.filter((_, e) => outputs[e] > threshold).join(" ");
    return { present, ...Object.fromEntries(emotionNames.map((name, e) => [`p_${name}`, sevenDigits(outputs[e])])) };
  }
  const names = Array.from({ length: task.classes }, (_, c) =>
    model.classNames?.length === task.classes ? model.classNames[c] : String(c),
  );
  const best = outputs.indexOf(Math.max(...outputs));
  return { class: names[best], ...Object.fromEntries(names.map((name, c) => [`p_${name}`, sevenDigits(outputs[c])])) };
}

const csvCell = (value: string | number) =>
  typeof value === "string" && /[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value);

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(command, args, options);
  if (values.help) {
    console.log(help);
    return 0;
  }
  for (const name of ["model", "data", "format", "out"] as const)
    if (values[name] === undefined) throw new UsageError(`${command}: expected --${name}, found none. See --help.`);
  const names: readonly SplitName[] = ["train", "valid", "test"];
  if (values.split !== undefined && !(names as readonly string[]).includes(values.split))
    throw new UsageError(`--split: expected ${oneOf(names)}, found ${values.split}.`);
  const out = values.out!;
  if (!/\.(csv|jsonl)$/.test(out))
    throw new UsageError(`--out: expected a name that ends in .csv or .jsonl, found ${out}.`);
  const engineAsked = engineName(values.engine ?? "auto");
  const { model: saved, weights } = readModel(values.model!);
  if (!saved.scaler && saved.config.scaling === "perSplit")
    console.error(
      "note: this model was trained with each split scaled by itself, as the released script does; so is this data.",
    );
  const dataset = await loadFolder(values.data!, values.format!, {
    forPrediction: true,
    scaling: saved.scaler ?? "perSplit",
    ...(values.features !== undefined && { features: values.features }),
  });
  const engine = findSystem(saved.system).kind === "neural" ? await startEngine(engineAsked) : undefined;
  const model = reviveModel(saved, weights, engine);
  const lines: Line[] = [];
  try {
    for (const name of names) {
      const split = dataset[name];
      if (!split || sequencesOf(split) === 0 || (values.split !== undefined && values.split !== name)) continue;
      const { values: predicted, outputs } = await predictWith(saved, model, dataset, split);
      unitIds(dataset, split).forEach(({ id, sequence }, i) =>
        lines.push({
          split: name,
          ...(dataset.level === "row" && { sequence }),
          id,
          ...columnsOf(saved, predicted.slice(i * outputs, (i + 1) * outputs)),
        }),
      );
      console.error(`${name}: ${dataset.level === "row" ? rowsOf(split) : sequencesOf(split)} units`);
    }
  } finally {
    model.dispose();
  }
  if (!lines.length)
    throw new UsageError(`--split ${values.split ?? ""}: expected a split that the folder has, found none.`);
  const text = out.endsWith(".jsonl")
    ? lines.map((line) => JSON.stringify(line))
    : [Object.keys(lines[0]).join(","), ...lines.map((line) => Object.values(line).map(csvCell).join(","))];
  writeWhole(out, `${text.join("\n")}\n`);
  console.error(`${lines.length} predictions: ${out}`);
  return 0;
}

if (require.main === module) entry(main);
