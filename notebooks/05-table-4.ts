// %% [markdown]
// # Table 4: the settings
//
// The paper's Table 4 lists units, dropout, optimiser and thresholds. The spans of its columns are lost in the text that we
// have, and it says that the settings come from a grid search. Here is our search, on validation data alone.

// %%
import {
  cia,
  dataOrSynthetic,
  dotChart,
  lineChart,
  paperSettings,
  recordedRuns,
  Rng,
  show,
  startEngine,
  table,
  trainLive,
  type Config,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %%
show(paperSettings.rows, { title: paperSettings.title });

// %% [markdown]
// ## What was searched
//
// The search draws settings at random from this space: with the same number of trials that covers more values of each setting than
// a grid does. Every trial is recorded, also the bad ones.

// %%
const suite = findSuite("table4");
table(
  suite.cells.map(({ dataset, features, search }) => ({
    "data set": dataset,
    features,
    trials: search?.trials,
    ...Object.fromEntries(
      Object.entries(search?.space ?? {}).map(([key, values]) => [key, values.join(", ")]),
    ),
  })),
);

// %%
const records = recordedRuns();
const trials = records.filter(
  (run) => run.system === "cia" && run.trial !== undefined && run.status === "ok",
);
const settings = Object.keys(suite.cells[0].search?.space ?? {});
const ranked = [...trials].sort(
  (a, b) =>
    a.dataset.localeCompare(b.dataset) || (a.selectionScore ?? Infinity) - (b.selectionScore ?? Infinity),
);
const trialRows = ranked.map((run) => ({
  "data set": run.dataset,
  trial: run.trial,
  ...Object.fromEntries(settings.map((key) => [key, run.config[key]])),
  "validation loss": run.selectionScore,
  "A2 or A3, validation (%)": 100 * (run.metrics.valid?.A2 ?? run.metrics.valid?.A3 ?? NaN),
  parameters: run.parameters,
}));
if (trialRows.length)
  table(trialRows, {
    digits: { "validation loss": 4, learningRate: 4, "A2 or A3, validation (%)": 2 },
    title: "All trials, the best of each data set first",
  });
else console.log("No trials are recorded: npm run reproduce -- table4 --profile full");

// %% [markdown]
// ## How much a setting matters
//
// Each dot is a trial. If the dots of one value lie no lower than those of another, the setting matters less than the draw of the
// others: then a table of "best" settings says little.

// %%
const dots = settings.flatMap((key) =>
  trialRows.map((row) => ({
    setting: `${key} = ${(row as Record<string, unknown>)[key]}`,
    "validation loss": row["validation loss"],
    "data set": row["data set"],
  })),
);
for (const set of [...new Set(trialRows.map((row) => row["data set"]))]) {
  const shown = dots
    .filter((dot) => dot["data set"] === set)
    .sort((a, b) => a.setting.localeCompare(b.setting, "en", { numeric: true }));
  await dotChart(
    shown,
    {
      label: "setting",
      value: "validation loss",
      axis: "validation loss of the task (lower is better)",
      title: `${set}: trials by setting`,
    },
    `Validation loss of each trial on ${set}, by the value of each setting.`,
  );
}

// %% [markdown]
// ## **Live**: a search of your own
//
// Draws settings from a space and trains each; the best is chosen by validation loss. The test split is not looked at. Press
// ■ to stop: trials that are finished stay.

// %%
const data = await dataOrSynthetic("synthetic", { scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const fast = Boolean(process.env.CI);
const space = {
  k: [32, 64],
  r: [16, 32],
  drop: [0.1, 0.3, 0.5],
  gruDrop: [0.1, 0.3],
  learningRate: [0.001, 0.003],
};
const rng = new Rng(1, "search");
const drawn = Array.from({ length: fast ? 1 : 4 }, (): Config =>
  Object.fromEntries(Object.entries(space).map(([key, values]) => [key, rng.choice(values)])),
);

// %%
const tried: { trial: number; setting: string; "validation loss": number; epoch: number }[] = [];
for (const [trial, config] of drawn.entries()) {
  const run = await trainLive(
    cia,
    data,
    { kind: "classes", classes: 2 },
    {
      engine,
      seed: 1,
      protocol: "validation",
      config: { ...config, epochs: fast ? 1 : 20 },
      title: `trial ${trial + 1} of ${drawn.length}`,
      chart: false,
    },
  );
  tried.push({
    trial: trial + 1,
    setting: JSON.stringify(config),
    "validation loss": run.epochs[run.selected.epoch - 1].validLoss ?? NaN,
    epoch: run.selected.epoch,
  });
  run.model.dispose();
  if (run.status === "stopped") break;
}

// %%
table(
  [...tried].sort((a, b) => a["validation loss"] - b["validation loss"]),
  { digits: 4, title: "Trials, best first" },
);

// %%
const bestSoFar = tried.map((_, i) => ({
  trial: i + 1,
  best: Math.min(...tried.slice(0, i + 1).map((t) => t["validation loss"])),
}));
await lineChart(
  bestSoFar,
  { x: "trial", y: "best", xAxis: "trials", yAxis: "best validation loss so far" },
  "The best validation loss after each trial.",
);
