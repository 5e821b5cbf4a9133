// %% [markdown]
// # Your own data
//
// From a folder of features to predictions. The formats in which the field shares its features are read directly; anything
// else is refused with the reason, and nothing is guessed.

// %%
import * as fs from "node:fs";
import * as path from "node:path";
import {
  cia,
  formats,
  loadDataset,
  loadFolder,
  scoreTest,
  show,
  startEngine,
  table,
  trainLive,
  unitsOf,
  writeNpyFolder,
} from "../dist/lib";

// %% [markdown]
// ## A folder
//
// The formats are described in `lib/data/README.md`. Put your folder into `folder` and its format into `format`:

// %%
show(formats);

// %% tags=["parameters"]
let folder = "";
let format = "npy";
let task = "classes:2";

// %% [markdown]
// As it stands, the notebook writes a small synthetic set first, in the simplest format: an array a modality, and a
// `labels.csv` with a line for each of their rows.

// %%
const example = path.join("..", "results", "local", "notebooks", "my-features");
if (!folder)
  writeNpyFolder(await loadDataset("synthetic", { videos: [60, 20, 20], scaling: "none" }), example);
const dir = folder || example;
table(fs.readdirSync(dir).map((file) => ({ file, bytes: fs.statSync(path.join(dir, file)).size })));

// %%
console.log(
  fs.existsSync(path.join(dir, "labels.csv"))
    ? fs.readFileSync(path.join(dir, "labels.csv"), "utf8").split("\n").slice(0, 4).join("\n")
    : "no labels.csv",
);

// %% [markdown]
// ## Reading
//
// The features are read as they are. Scaling is part of a run: it is fitted on the training rows only.

// %%
const data = await loadFolder(dir, format, { scaling: "none" });
show({
  name: data.name,
  format,
  "label of": data.level,
  ...Object.fromEntries(data.modalities.map((m) => [`width of ${m}`, data.train.x[m]?.width])),
  train: unitsOf(data, data.train),
  valid: data.valid ? unitsOf(data, data.valid) : undefined,
  test: unitsOf(data, data.test),
  repairs: data.repairs.length,
});

// %% [markdown]
// A wrong folder is refused. The message says where, what was expected, what was found, and what to do:

// %%
const refusal = await loadFolder(dir, "mfn-h5").then(
  () => "read",
  (error: Error) => error.message,
);
console.log(refusal);

// %% [markdown]
// ## **Live**: train
//
// With a validation split, the epoch is chosen on it. Without one, the number of epochs is fixed beforehand.

// %%
const engine = await startEngine("auto", { say: () => undefined });
const [kind, classes] = task.split(":");
const goal =
  kind === "classes"
    ? ({ kind, classes: Number(classes) } as const)
    : ({ kind: kind as "intensity" | "emotions" } as const);
const run = await trainLive(cia, data, goal, {
  engine,
  seed: 1,
  protocol: data.valid ? "validation" : "fixed-epochs",
  config: { k: 48, r: 24, learningRate: 0.003, drop: 0.2, gruDrop: 0.1, epochs: process.env.CI ? 2 : 30 },
});

// %% [markdown]
// ## Scores and predictions
//
// The test split is read once, with the epoch that was chosen before.

// %%
const { scores, predictions } = await scoreTest(run, run.selected);
show(scores, { title: "Scores on the test split", digits: 4 });

// %%
const { test } = data;
const names = data.level === "row" ? (test.rowIds ?? []) : test.ids;
table(
  Array.from({ length: Math.min(8, predictions.units) }, (_, i) => ({
    unit: names[i] ?? i,
    ...Object.fromEntries(
      Array.from({ length: predictions.outputs }, (_, j) => [
        `output ${j}`,
        predictions.values[i * predictions.outputs + j],
      ]),
    ),
  })),
  { title: "The first predictions", note: "classes: probabilities; intensity: on the scale of the labels." },
);

// %% [markdown]
// ## Without a notebook
//
// The same from a terminal:
//
// ```
// npm run train -- --data DIR --format npy --task classes:2 --out my-model
// npm run predict -- --model my-model --data DIR --format npy --out predictions.csv
// ```
