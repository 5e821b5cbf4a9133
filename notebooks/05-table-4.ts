// %% [markdown]
// # Table 4: the settings
//
// The paper's Table 4 lists units, dropout, optimiser and thresholds. The spans of its columns are lost in the text that we
// have, and it says that the settings come from a grid search. Here is our grid, on validation data alone.

// %%
import {
  cellName,
  cia,
  dataOrSynthetic,
  dotChart,
  lineChart,
  median,
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
// Every combination of these values, trained once, the same number on each data set. Every trial is recorded, also the bad ones; the
// report lists them all.

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
const cells = suite.cells.map(cellName);
const trials = recordedRuns().filter(
  (run) => cells.includes(run.cell) && run.trial !== undefined && run.status === "ok",
);
const grid = suite.cells[0].search?.space ?? {};
const settings = Object.keys(grid);
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
const sets = [...new Set(trialRows.map((row) => row["data set"]))];
if (trialRows.length)
  table(
    sets.flatMap((set) => trialRows.filter((row) => row["data set"] === set).slice(0, 8)),
    {
      digits: { "validation loss": 4, drop: 1, gruDrop: 1, learningRate: 4, "A2 or A3, validation (%)": 2 },
      title: "The best eight of each data set",
    },
  );
else console.log("No trials are recorded: npm run reproduce -- table4 --profile full");

// %% [markdown]
// ## How much a setting matters
//
// Each dot is a trial. If the dots of one value lie no lower than those of another, the setting matters less than the choice of the
// others: then a table of "best" settings says little. Below, the median over all trials that share a value.

// %%
const order = Object.entries(grid).flatMap(([key, values]) => values.map((value) => `${key} = ${value}`));
const dots = settings.flatMap((key) =>
  trialRows.map((row) => ({
    setting: `${key} = ${(row as Record<string, unknown>)[key]}`,
    "validation loss": row["validation loss"],
    "data set": row["data set"],
  })),
);
table(
  Object.entries(grid).flatMap(([key, values]) =>
    values.map((value) => {
      const shared = (set: string) => trials.filter((run) => run.dataset === set && run.config[key] === value);
      const losses = (set: string) => shared(set).map((run) => run.selectionScore!);
      const medians = sets.filter((set) => shared(set).length).map((set) => [set, median(losses(set))] as const);
      return { setting: `${key} = ${value}`, ...Object.fromEntries(medians) };
    }),
  ),
  { digits: 4, title: "Median validation loss by the value of a setting" },
);
for (const set of sets) {
  await dotChart(
    dots.filter((dot) => dot["data set"] === set).sort((a, b) => order.indexOf(a.setting) - order.indexOf(b.setting)),
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
