// %% [markdown]
// # Table 1: which modalities help
//
// The paper trains CIA on text (T), audio (A), video (V) and their combinations, and reports that all three together are
// best. Here are our runs beside its numbers.

// %%
import {
  cia,
  compareCells,
  comparisonRows,
  dataOrSynthetic,
  dotChart,
  forChart,
  forTable,
  frame,
  inPrint,
  overSeeds,
  recordedRuns,
  resultRows,
  startEngine,
  summarise,
  table,
  trainAndScore,
  withConstants,
  type Modality,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %% [markdown]
// Which data set the closer look below takes, and how many seeds the live cell trains. `npm run notebook -- 03 -p dataset mmmo`
// sets them from outside.

// %% tags=["parameters"]
let dataset = "mosi";
let seeds = 2;

// %%
const suite = findSuite("table1");
const records = recordedRuns();
const rows = await withConstants(resultRows(suite, records));

// %% [markdown]
// ## What can be said
//
// Each printed number gets a verdict from our runs. *Reproduced* means equivalent within a stated margin, *differs* that
// one more run of ours would hardly give it, *impossible as printed* that no whole number of right answers gives it, *not comparable* that
// features or split are not the paper's. The reasons stand in the tables of the report.

// %%
const printed = rows.filter((row) => row.paper !== undefined);
const verdicts = [...new Set(printed.map((row) => row.verdict))];
table(
  verdicts.map((verdict) => ({ verdict, cells: printed.filter((row) => row.verdict === verdict).length })),
);

// %% [markdown]
// ## All of it
//
// Mean over seeds, standard deviation, 95 % interval of the mean, and the best that any constant guess scores.

// %%
const columns = [
  "dataset",
  "features",
  "modalities",
  "metric",
  "paper",
  "ours",
  "sd",
  "low",
  "high",
  "n",
  "constant",
  "verdict",
] as const;
table(
  forTable(
    rows.filter((row) => row.n > 0),
    columns,
  ),
  {
    digits: { paper: 2, ours: 2, sd: 2, low: 2, high: 2, constant: 2 },
    note: "F1, A2, A3, A5, A7 in percent; MAE and r in their own unit.",
  },
);

// %% [markdown]
// What was not run, and why:

// %%
const absent = rows.filter((row) => row.n === 0);
const reasons = [...new Set(absent.map((row) => row.cell.missing ?? row.verdict))];
table(
  reasons.map((reason) => ({
    reason,
    "data sets": [
      ...new Set(
        absent.filter((row) => (row.cell.missing ?? row.verdict) === reason).map((row) => row.dataset),
      ),
    ].join(", "),
    values: absent.filter((row) => (row.cell.missing ?? row.verdict) === reason).length,
  })),
);

// %% [markdown]
// ## A closer look
//
// One panel of the chart is one data set with one kind of features; accuracies over different features or splits do not compare.

// %%
const close = rows.filter((row) => row.dataset === dataset && row.n > 0 && /^A\d$/.test(row.metric));
const groups = [...new Set(close.map((row) => `${row.features}, ${row.metric}`))];
for (const group of groups) {
  const shown = close.filter((row) => `${row.features}, ${row.metric}` === group);
  await dotChart(
    forChart(shown, (row) => row.modalities),
    {
      label: "label",
      value: "value",
      low: "low",
      high: "high",
      series: "who",
      axis: `${shown[0].metric} on the test split (%)`,
      title: `${dataset}, ${group}`,
    },
    `${group} on ${dataset} by modalities: ours with 95 % intervals over seeds, the paper's value, the best constant guess.`,
  );
}
if (groups.length === 0) console.log(`No runs on ${dataset} are recorded.`);

// %% [markdown]
// ## Does adding a modality help?
//
// The same seed gives the same order of videos, so runs are paired. The table takes the largest combination against each
// smaller one; *p, Holm* is corrected for the number of comparisons, and *detectable* is the smallest true difference
// that this many seeds would find four times out of five.

// %%
const finished = summarise(suite, records).filter(
  ({ cell, runs }) => cell.dataset === dataset && runs.length > 1,
);
const byFeatures = [...new Set(finished.map(({ cell }) => cell.features))];
const comparisons = byFeatures.flatMap((features) =>
  compareCells(
    finished.filter(({ cell }) => cell.features === features),
    "first",
  ),
);
table(comparisonRows(comparisons), {
  digits: { p: 4, "p, Holm": 4, difference: 2, low: 2, high: 2, detectable: 2, "P(first better)": 2 },
});

// %% [markdown]
// ## As a data frame
//
// For questions of your own: `frame` makes a danfojs DataFrame of any rows.

// %%
const all = await frame(
  forTable(
    rows.filter((row) => row.n > 0 && row.metric === "F1" && row.task !== "emotions"),
    ["dataset", "features", "modalities", "ours"],
  ),
);
if (all.shape[0] > 0)
  table(all.groupby(["dataset", "features"]).col(["ours"]).max().rename({ ours_max: "best F1 of all modalities" }), {
    digits: 2,
  });

// %% [markdown]
// ## **Live**: train it yourself
//
// Text alone, and everything there is, on the chosen data set; small, so that it takes about a minute. Press ■ to stop.

// %%
const data = await dataOrSynthetic(dataset, { scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const task = { kind: "classes", classes: data.name === "youtube" ? 3 : 2 } as const;
const fast = Boolean(process.env.CI);
const live = {
  engine,
  seeds: Array.from({ length: fast ? 1 : seeds }, (_, i) => i + 1),
  protocol: data.valid ? "validation" : "fixed-epochs",
  config: { k: fast ? 8 : 48, r: fast ? 8 : 24, epochs: fast ? 1 : 8 },
} as const;

// %%
const first: Modality[] = [data.modalities[0]];
const one = await trainAndScore(cia, data, task, { ...live, modalities: first, title: `CIA ${first}` });

// %%
const every = await trainAndScore(cia, data, task, { ...live, title: `CIA ${data.modalities.join("+")}` });

// %%
const metric = `A${task.classes}`;
table(
  [
    [first.join("+"), one],
    [data.modalities.join("+"), every],
  ].map(([modalities, runs]) => {
    const { mean, sd, n } = overSeeds((runs as typeof one).map((run) => inPrint(metric, run.score)));
    return { modalities, [`${metric}, test (%)`]: mean, sd, n };
  }),
  { digits: 2 },
);
