// %% [markdown]
// # Table 5a: emotions
//
// Six emotions in MOSEI, each present or absent. The paper reports two metrics from two thresholds: weighted F1 at one, weighted
// accuracy (W-Acc, the mean of the recall of present and of absent) at another. No single set of decisions has both numbers.

// %%
import {
  chooseThresholds,
  cia,
  dataOrSynthetic,
  dotChart,
  emotionNames,
  emotionScores,
  finishedRuns,
  forChart,
  forTable,
  lineChart,
  paperThresholds,
  recordedPredictions,
  recordedRuns,
  resultRows,
  scoreTest,
  show,
  startEngine,
  table,
  targetsOf,
  trainLive,
  withConstants,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %%
const suite = findSuite("table5a");
const records = recordedRuns();
const rows = await withConstants(resultRows(suite, records));

// %% [markdown]
// ## Every system, on the same text
//
// Only the text of MOSEI is public in a form that may be used here, so these are text-only runs: not comparable with the paper's
// numbers, which use all three modalities, but comparable among each other. *Constant* is the best that any constant answer scores.

// %%
const averages = rows.filter((row) => row.n > 0 && !row.metric.includes(":"));
table(
  forTable(averages, ["system", "metric", "paper", "ours", "sd", "low", "high", "n", "constant", "verdict"]),
  {
    digits: { paper: 2, ours: 2, sd: 2, low: 2, high: 2, constant: 2 },
    title: "Averages over the six emotions (%)",
  },
);

// %%
for (const metric of ["F1", "W-Acc"]) {
  const shown = rows.filter((row) => row.metric === metric && (row.n > 0 || row.paper !== undefined));
  await dotChart(
    forChart(shown, (row) => row.system),
    {
      label: "label",
      value: "value",
      low: "low",
      high: "high",
      series: "who",
      axis: `${metric}, mean over six emotions (%)`,
      title: metric,
    },
    `${metric} of each system, averaged over six emotions: ours with 95 % intervals over seeds, the paper's, the best constant.`,
  );
}

// %% [markdown]
// ## Emotion by emotion, for CIA
//
// A frequent answer is hard to beat for a rare emotion: look at how near the constant is.

// %%
const single = rows.filter((row) => row.system === "cia" && row.metric.includes(":"));
table(forTable(single, ["metric", "paper", "ours", "sd", "constant", "n"]), {
  digits: { paper: 2, ours: 2, sd: 2, constant: 2 },
});

// %% [markdown]
// ## Two thresholds, two metrics
//
// The stored predictions of a recorded run show how each metric moves with the threshold. The paper's two thresholds, and those chosen on
// validation for this run, are different points of the same curves.

// %%
const mosei = await dataOrSynthetic("mosei", { features: "minilm", scaling: "none" });
const [emotionRun] = finishedRuns(records, {
  system: "cia",
  dataset: mosei.name,
  features: mosei.features,
  task: "emotions",
  config: { iim: "true" },
});
const stored = emotionRun && recordedPredictions(emotionRun);
const curve = (truth: ArrayLike<number>, probabilities: ArrayLike<number>) =>
  Array.from({ length: 19 }, (_, i) => (i + 1) / 20).flatMap((threshold) => {
    const { meanF1, meanWAcc } = emotionScores(truth, probabilities, threshold);
    return [
      { threshold, metric: "F1", value: 100 * meanF1 },
      { threshold, metric: "W-Acc", value: meanWAcc === null ? null : 100 * meanWAcc },
    ];
  });
const axes = {
  x: "threshold",
  y: "value",
  series: "metric",
  xAxis: "threshold",
  yAxis: "mean over six emotions (%)",
};
if (stored?.valid && mosei.valid)
  await lineChart(
    curve(targetsOf(mosei, mosei.valid, { kind: "emotions" }).values, stored.valid.values),
    axes,
    "F1 and W-Acc of CIA on validation, by threshold.",
  );
else console.log("No recorded run with predictions: the live run below draws its own.");

// %%
show(
  {
    "paper, F1": paperThresholds.F1,
    "paper, W-Acc": paperThresholds["W-Acc"],
    ...Object.fromEntries(
      Object.entries(emotionRun?.chosen?.thresholds ?? {}).map(([name, value]) => [`ours, ${name}`, value]),
    ),
  },
  { title: "Thresholds", digits: 2 },
);

// %% [markdown]
// ## **Live**: train for emotions
//
// On the synthetic set, whose emotions are made from the same hidden signs as its sentiment. Press ■ to stop.

// %%
const data = await dataOrSynthetic("synthetic", { scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const fast = Boolean(process.env.CI);
const run = await trainLive(
  cia,
  data,
  { kind: "emotions" },
  {
    engine,
    seed: 1,
    protocol: "validation",
    config: { k: 48, r: 24, learningRate: 0.003, drop: 0.2, gruDrop: 0.1, epochs: fast ? 1 : 30 },
  },
);

// %%
const { scores, predictions } = await scoreTest(run, run.selected);
table(
  emotionNames.map((emotion) => ({
    emotion,
    "F1, test (%)": 100 * (scores[`F1:${emotion}`] ?? NaN),
    "W-Acc, test (%)": 100 * (scores[`W-Acc:${emotion}`] ?? NaN),
  })),
  { digits: 2 },
);

// %%
await lineChart(
  curve(run.prepared.test.targets.values, predictions.values),
  axes,
  "F1 and W-Acc of the live run on its test split, by threshold.",
);
if (run.valid && run.prepared.valid)
  show(chooseThresholds(run.prepared.valid.targets.values, run.valid.predictions.values), {
    title: "Thresholds chosen on validation",
    digits: 2,
  });
