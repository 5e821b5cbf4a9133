// %% [markdown]
// # Table 5b: sentiment, CIA against other systems
//
// The paper takes the other systems' numbers from their papers. Here each system is trained anew: the same data, splits, rule of
// selection, seeds and metrics, and where a search is recorded the same number of trials in it.

// %%
import {
  type Config,
  cia,
  compareCells,
  comparisonRows,
  dataOrSynthetic,
  dotChart,
  findSystem,
  forChart,
  forTable,
  inPrint,
  overSeeds,
  recordedRuns,
  resultRows,
  startEngine,
  summarise,
  table,
  trainAndScore,
  withConstants,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %% tags=["parameters"]
let dataset = "mosi";
let features = "bclstm";

// %%
const suite = findSuite("table5b");
const records = recordedRuns();
const rows = await withConstants(resultRows(suite, records));

// %% [markdown]
// ## All data sets
//
// The best mean of each data set stands first. Two means whose intervals overlap much are not told apart by these runs.

// %%
const finished = rows.filter((row) => row.n > 0 && ["A2", "A3", "A7", "MAE"].includes(row.metric));
const better = (row: (typeof rows)[number]) =>
  row.metric === "MAE" ? (row.ours ?? Infinity) : -(row.ours ?? -Infinity);
const ordered = [...finished].sort(
  (a, b) =>
    `${a.dataset} ${a.features} ${a.metric}`.localeCompare(`${b.dataset} ${b.features} ${b.metric}`) ||
    better(a) - better(b),
);
table(
  forTable(ordered, [
    "dataset",
    "features",
    "modalities",
    "metric",
    "system",
    "ours",
    "sd",
    "low",
    "high",
    "n",
    "constant",
    "paper",
    "verdict",
  ]),
  { digits: { ours: 2, sd: 2, low: 2, high: 2, constant: 2, paper: 2 } },
);

// %% [markdown]
// ## One data set
//
// Systems from the best mean down, with 95 % intervals over seeds.

// %%
const close = ordered.filter(
  (row) => row.dataset === dataset && row.features === features && /^A[23]$/.test(row.metric),
);
if (close.length)
  await dotChart(
    forChart(close, (row) => `${row.system}, ${row.modalities}`),
    {
      label: "label",
      value: "value",
      low: "low",
      high: "high",
      series: "who",
      axis: `${close[0].metric} on the test split (%)`,
      title: `${dataset}, ${features}`,
    },
    `Accuracy of each system on ${dataset} with ${features} features: ours with 95 % intervals over seeds, the paper's, the best constant guess.`,
  );
else console.log(`No runs on ${dataset}, ${features} are recorded.`);

// %% [markdown]
// ## CIA against each
//
// Paired by seed; *p, Holm* is corrected over all lines.

// %%
const cells = summarise(suite, records).filter(
  ({ cell, runs }) => cell.dataset === dataset && cell.features === features && runs.length > 1,
);
table(comparisonRows(compareCells(cells, "first")), {
  digits: { p: 4, "p, Holm": 4, difference: 2, low: 2, high: 2, detectable: 2, "P(first better)": 2 },
});

// %% [markdown]
// ## Size and time
//
// What a system costs, from the runs of the table: trainable parameters and seconds for one run, on the machines that ran them.

// %%
table(
  cells.map(({ cell, runs }) => ({
    system: findSystem(cell.system).title,
    parameters: runs[0].parameters,
    "seconds a run": runs.reduce((sum, run) => sum + run.seconds, 0) / runs.length,
    runs: runs.length,
  })),
  { digits: 1 },
);

// %% [markdown]
// ## **Live**: any two systems
//
// Change the names (see the list in notebook 00). Press ■ to stop.

// %%
const pair = ["cia", "svm"];
const fast = Boolean(process.env.CI);
const data = await dataOrSynthetic("synthetic", { scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const task = { kind: "classes", classes: 2 } as const;

// %%
const results = [];
for (const name of pair) {
  const system = findSystem(name);
  const small: Config =
    system === (cia as unknown)
      ? { k: 48, r: 24, learningRate: 0.003, drop: 0.2, gruDrop: 0.1, epochs: fast ? 1 : 30 }
      : system.kind === "neural"
        ? { epochs: fast ? 1 : 40 }
        : {};
  const runs = await trainAndScore(system, data, task, {
    engine,
    seeds: fast ? [1] : [1, 2, 3],
    protocol: "validation",
    config: small,
  });
  const { mean, sd, n } = overSeeds(runs.map((run) => inPrint("A2", run.score)));
  results.push({ system: system.title, parameters: runs[0].parameters, "A2, test (%)": mean, sd, n });
}
table(results, { digits: 2, note: "On the synthetic set the best possible accuracy is 95 %." });
