/** `npm run train`: one run on any data set in a known format, also one with a name that we do not know. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UsageError, UserError, oneOf } from "../lib/core/errors";
import { sevenDigits } from "../lib/core/math";
import type { Cell } from "../lib/core/suite";
import { outputsOf, taskName, type Config, type Dataset } from "../lib/core/types";
import { formats, knownDatasets, loadDataset, loadFolder, tasksOf } from "../lib/data";
import { engineName, startEngine } from "../lib/engine/choose";
import { findSystem, systems } from "../lib/models";
import {
  appendRecord,
  cellDataset,
  codeVersion,
  defaultConfig,
  describeModel,
  jobIdentity,
  mendTail,
  parseSetting,
  prepare,
  readModel,
  readWeights,
  runJob,
  saveModel,
} from "../lib/training";
import { entry, parse, readModalities, readTask, wholeNumber } from "./cli";
import { Interrupts } from "./harness/interrupts";
import { duration, ProgressLine } from "./harness/progress";

const command = "npm run train";
const help = `${command} -- --data DIR --format F --task T [options]

Trains one system on a folder in one of the field's formats (or on a data set by name) and saves the model.

  --data DIR         the folder; its layout is that of --format
  --format F         ${formats.join(", ")}
  --dataset D        instead of a folder: ${[...knownDatasets.map((d) => d.name), "synthetic"].join(", ")}
  --features F       which features, where there are several
  --task T           classes:N, emotions or intensity
  --label-column C   which label column: its number from 0, or its name
  --positive-from X  the lowest label that counts as positive in classes:2 (default 0)
  --label-range A,B  lowest and highest label (default: from the training labels)
  --modalities AV    some of T, A, V (default: all that the data has)
  --system S         ${systems.map((s) => s.name).join(", ")} (default cia)
  --set KEY=VALUE    a setting of the system or the trainer; may be repeated (--set list names them all)
  --protocol P       validation (default where there is a validation split) or fixed-epochs
  --epochs N, --batch N, --learning-rate X, --patience N, --scaling S    shorthands for --set
  --seed N           default 1
  --engine E         auto (default), wasm, tensorflow, webgpu or cpu
  --out DIR          default results/local/train/NAME-SYSTEM-RUN; an interrupted run goes on from there`;

const options = {
  data: { type: "string" },
  format: { type: "string" },
  dataset: { type: "string" },
  features: { type: "string" },
  task: { type: "string" },
  "label-column": { type: "string" },
  "positive-from": { type: "string" },
  "label-range": { type: "string" },
  modalities: { type: "string" },
  system: { type: "string" },
  set: { type: "string", multiple: true },
  protocol: { type: "string" },
  epochs: { type: "string" },
  batch: { type: "string" },
  "learning-rate": { type: "string" },
  patience: { type: "string" },
  scaling: { type: "string" },
  seed: { type: "string" },
  engine: { type: "string" },
  out: { type: "string" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

/** How the label options read, for folders. */
export function labelOptions(values: Pick<Values, "label-column" | "positive-from" | "label-range" | "features">) {
  const column = values["label-column"];
  const number = (option: string, text: string) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value))
      throw new UsageError(`${option}: expected a number, found ${text}.`);
    return value;
  };
  const range = values["label-range"]?.split(",").map((text) => number("--label-range", text));
  if (range && (range.length !== 2 || range[0] >= range[1]))
    throw new UsageError(
      `--label-range: expected the lowest and the highest label, such as 1,5, found ${values["label-range"]}.`,
    );
  const from = values["positive-from"];
  return {
    ...(column !== undefined && { labelColumn: /^\d+$/.test(column) ? Number(column) : column }),
    ...(from !== undefined && { positiveFrom: number("--positive-from", from) }),
    ...(range && { labelRange: [range[0], range[1]] as const }),
    ...(values.features !== undefined && { features: values.features }),
  };
}

async function load(values: Values): Promise<Dataset> {
  const ofFolders = (["format", "label-column", "positive-from", "label-range"] as const).filter((o) => values[o]);
  if (values.dataset !== undefined && ofFolders.length)
    throw new UsageError(
      `${command}: expected --dataset alone, found --${ofFolders.join(", --")} too, which say how to read a folder: give --data DIR without --dataset.`,
    );
  if (values.dataset !== undefined)
    return loadDataset(values.dataset, {
      scaling: "none",
      ...(values.features !== undefined && { features: values.features }),
      ...(values.data !== undefined && { dir: values.data }),
    });
  if (values.data === undefined) throw new UsageError(`${command}: expected --data DIR or --dataset D, found neither.`);
  if (values.format === undefined)
    throw new UsageError(`--format: expected ${oneOf(formats)}, found nothing: a folder does not say what it holds.`);
  return loadFolder(values.data, values.format, { ...labelOptions(values), scaling: "none" });
}

/** The settings that differ from the defaults. */
function readSettings(system: ReturnType<typeof findSystem>, values: Values): Config {
  const settings: Record<string, Config[string]> = {};
  const shorthands = { epochs: "epochs", batch: "batchSize", "learning-rate": "learningRate", patience: "patience", scaling: "scaling" } as const; // prettier-ignore
  for (const [option, key] of Object.entries(shorthands)) {
    const text = values[option as keyof typeof shorthands];
    if (text !== undefined) settings[key] = parseSetting(system, key, text);
  }
  for (const pair of values.set ?? []) {
    const at = pair.indexOf("=");
    if (at < 1) throw new UsageError(`--set: expected KEY=VALUE, found ${pair}. --set list names the settings.`);
    const key = pair.slice(0, at);
    settings[key] = parseSetting(system, key, pair.slice(at + 1));
  }
  return settings;
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(command, args, options);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const system = findSystem(values.system ?? "cia");
  if (values.set?.includes("list")) {
    for (const [key, value] of Object.entries(defaultConfig(system)).sort()) console.log(`${key}=${value}`);
    return 0;
  }
  const task = readTask(values.task);
  const seed = wholeNumber("--seed", values.seed, 0) ?? 1;
  const asked = values.modalities === undefined ? undefined : readModalities(values.modalities);
  const engineAsked = engineName(values.engine ?? "auto");
  const setting = readSettings(system, values);
  const protocolAsked = values.protocol;
  if (protocolAsked !== undefined && protocolAsked !== "validation" && protocolAsked !== "fixed-epochs")
    throw new UsageError(`--protocol: expected validation or fixed-epochs, found ${protocolAsked}.`);

  const loaded = await load(values);
  if (!tasksOf(loaded.train, loaded).includes(taskName(task)))
    throw new UsageError(
      `--task ${taskName(task)}: expected ${oneOf(tasksOf(loaded.train, loaded))}, which are what the labels of ${loaded.name} give.`,
    );
  const dataset = cellDataset(loaded, { modalities: asked ?? loaded.modalities });
  const protocol = protocolAsked ?? (dataset.valid ? "validation" : "fixed-epochs");
  const { name, features, modalities, repairs, caveats } = dataset;
  for (const caveat of caveats) console.error(`note: ${caveat}`);
  const { scale } = dataset;
  if (scale && scale.positiveFrom <= scale.low)
    console.error(
      `note: no label is below ${sevenDigits(scale.positiveFrom)}, so A2 and F1 would be trivial and are left out; give --positive-from X.`,
    );
  for (const { where, what, count } of repairs) console.error(`repaired: ${where}: ${what} (${count})`);
  const cell: Cell = {
    system: system.name,
    dataset: name,
    features,
    modalities,
    task,
    protocol,
    config: setting,
    metrics: [],
  };
  const prepared = prepare(system, dataset, task, { protocol, config: setting }); // refuses before anything is written
  const job = { suite: "train", profile: "full", cell, seed };
  const { id } = jobIdentity(job, system, dataset.hash);
  const out = values.out ?? path.join("results", "local", "train", `${name}-${system.name}-${id}`);
  const there = fs.existsSync(path.join(out, "model.json")) ? readModel(out).model.run : id;
  if (there !== id)
    throw new UsageError(`--out ${out}: expected a folder without a model, found that of run ${there}. Give another.`);
  const { train, valid, test } = prepared.rows;
  console.error(
    `${system.title} on ${name} (${features}), ${modalities.join("")}, ${taskName(task)}, ${outputsOf(task)} outputs: ${train} training, ${valid} validation, ${test} test units`,
  );
  const engine = system.kind === "neural" ? await startEngine(engineAsked) : undefined;
  const stop = new AbortController();
  const line = new ProgressLine();
  const work = { stop: () => stop.abort(), kill: () => process.exit(130) };
  // A fitted system's fit is one step without any in which it would hear: there the first signal ends it.
  const interrupts =
    system.kind === "neural"
      ? new Interrupts(work, () => line.say("stopping after this step (once more: at once) ..."))
      : undefined;
  const checkpoint = path.join(out, "checkpoint.bin");
  try {
    const record = await runJob(job, {
      system,
      dataset,
      engine,
      code: codeVersion(),
      out,
      keepWeights: Infinity,
      checkpoint: { file: checkpoint, everySeconds: 5 },
      signal: stop.signal,
      onProgress: ({ epoch, epochs, step, steps, secondsLeft }) =>
        line.text(`epoch ${epoch}/${epochs}, step ${step}/${steps}, about ${duration(secondsLeft)} left`),
      onEpoch: ({ epoch, trainLoss, validLoss, validScore }) =>
        line.say(
          `epoch ${epoch}: training loss ${trainLoss.toPrecision(4)}` +
            (validLoss === undefined
              ? ""
              : `, validation loss ${validLoss.toPrecision(4)}, score ${validScore?.toPrecision(4) ?? "-"}`),
        ),
      say: (text) => line.say(text),
    });
    line.end();
    if (!record) {
      const beside = path.basename(checkpoint); // a system of two stages has one for each net of the first
      const saved = fs.existsSync(out) && fs.readdirSync(out).some((name) => name.startsWith(beside));
      const kept = saved ? `goes on from ${checkpoint}` : "starts anew: nothing was saved yet";
      console.error(`interrupted: the same command ${kept}.`);
      return 130;
    }
    const write = () => {
      const file = path.join(out, "run.jsonl");
      const mended = mendTail(file); // a line that a kill tore would swallow this one
      if (mended) console.error(`note: ${mended}`);
      appendRecord(file, record);
    };
    if (record.status === "failed") {
      write();
      fs.rmSync(checkpoint, { force: true });
      throw new UserError(record.reason!);
    }
    const kept = path.join(out, record.weightsFile ?? "");
    const weights = record.weightsFile ? readWeights(kept, record.weightsHash!) : {};
    const { thresholds } = record.chosen ?? {};
    saveModel(out, describeModel(prepared, { weights, run: id, ...(thresholds && { thresholds }) }), weights);
    write();
    if (record.weightsFile) {
      fs.rmSync(kept); // the same weights are in weights.npz
      const folder = path.dirname(kept);
      if (!fs.readdirSync(folder).length) fs.rmdirSync(folder); // else the user's own, or another run's
    }
    fs.rmSync(checkpoint, { force: true }); // last: until all is written, it is what the run goes on from
    if (record.chosen) console.log(`epoch ${record.chosen.epoch}: ${record.chosen.why}`);
    for (const [metric, value] of Object.entries(record.metrics.test)) {
      const valid = record.metrics.valid?.[metric];
      console.log(
        `${metric.padEnd(14)} test ${value === null ? "-" : value.toFixed(4)}${typeof valid === "number" ? `  validation ${valid.toFixed(4)}` : ""}`,
      );
    }
    console.log(`model: ${out}`);
    return 0;
  } finally {
    interrupts?.end();
    line.end();
  }
}

if (require.main === module) entry(main);
