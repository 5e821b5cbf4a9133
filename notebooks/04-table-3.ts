// %% [markdown]
// # Table 3: what the inter-modal module brings
//
// CIA-IIM is CIA without its inter-modal interactive modules: BI attends to itself. The paper reports that everything gets
// worse without them, on MOSI by forty points of F1. We look at our runs, and at that number.

// %%
import {
  cia,
  compareCells,
  comparisonRows,
  dataOrSynthetic,
  dotChart,
  forChart,
  forTable,
  integerCheck,
  inPrint,
  overSeeds,
  paperSizes,
  printed,
  recordedRuns,
  resultRows,
  startEngine,
  summarise,
  table,
  trainAndScore,
  weightedF1,
  withConstants,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %%
const suite = findSuite("table3");
const records = recordedRuns();
const rows = await withConstants(resultRows(suite, records));

// %% [markdown]
// `iim=false` is the paper's ablation. `iim=encoders-only` is one that the paper does not have: the encoders stay, but nothing is
// reconstructed. It tells whether the reconstruction matters, or only the extra layers.

// %%
const columns = [
  "dataset",
  "features",
  "modalities",
  "setting",
  "metric",
  "paper",
  "ours",
  "sd",
  "n",
  "constant",
  "verdict",
] as const;
const short = (setting: string) => /iim=[a-z-]+/.exec(setting)?.[0] ?? "CIA";
table(
  forTable(
    rows.filter((row) => row.n > 0),
    columns,
  ).map((row) => ({ ...row, setting: short(String(row.setting)) })),
  { digits: { paper: 2, ours: 2, sd: 2, constant: 2 } },
);

// %%
for (const dataset of [...new Set(rows.filter((row) => row.n > 0).map((row) => row.dataset))]) {
  const shown = rows.filter((row) => row.dataset === dataset && row.n > 0 && /^A[23]$/.test(row.metric));
  await dotChart(
    forChart(shown, (row) => `${row.features}: ${short(row.setting)}`),
    {
      label: "label",
      value: "value",
      low: "low",
      high: "high",
      series: "who",
      axis: "accuracy on the test split (%)",
      title: dataset,
    },
    `Accuracy of CIA and its ablations on ${dataset}: ours with 95 % intervals over seeds, the paper's, the best constant guess.`,
  );
}

// %% [markdown]
// ## Paired by seed
//
// CIA minus each ablation. A positive difference (for MAE a negative one) speaks for the module. Where the interval holds zero,
// these seeds show no effect; *detectable* says how large one would have to be to be seen.

// %%
const finished = summarise(suite, records).filter(({ runs }) => runs.length > 1);
const sets = [...new Set(finished.map(({ cell }) => `${cell.dataset}/${cell.features}`))];
const comparisons = sets.flatMap((set) =>
  compareCells(
    finished.filter(({ cell }) => `${cell.dataset}/${cell.features}` === set),
    "first",
  ),
);
table(comparisonRows(comparisons), {
  digits: { p: 4, "p, Holm": 4, difference: 2, low: 2, high: 2, detectable: 2, "P(first better)": 2 },
});

// %% [markdown]
// ## The forty points
//
// For CIA-IIM on MOSI the paper prints an accuracy and a weighted F1 that lie far apart. On its test utterances an accuracy is a
// whole number of right answers. Which number, and what would a constant guess with that many right answers score?

// %%
const A2 = printed("3", "CIA-IIM", "mosi/sentiment/A2")?.value ?? "";
const F1 = printed("3", "CIA-IIM", "mosi/sentiment/F1")?.value ?? "";
const n = paperSizes.mosi.test ?? 0;
const right = integerCheck(A2, n).right ?? 0;
const truth = Array.from({ length: n }, (_, i) => (i < right ? 0 : 1));
table([
  { what: "printed accuracy (%)", value: A2 },
  { what: "right answers", value: `${right} of ${n}` },
  { what: "printed weighted F1 (%)", value: F1 },
  {
    what: "weighted F1 of a constant guess with as many right answers (%)",
    value: (
      100 *
      weightedF1(
        truth,
        truth.map(() => 0),
      )
    ).toFixed(2),
  },
]);

// %% [markdown]
// The two agree to the last digit: the printed ablation on MOSI is a run that answered the same class for every
// utterance. What it measures is one collapsed training, not the module.

// %% [markdown]
// ## **Live**: with and without
//
// Both on the same small data, paired by seed. Press ■ to stop.

// %%
const data = await dataOrSynthetic("mosi", { features: "bclstm", scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const task = { kind: "classes", classes: 2 } as const;
const fast = Boolean(process.env.CI);
const live = {
  engine,
  seeds: fast ? [1] : [1, 2, 3],
  protocol: data.valid ? "validation" : "fixed-epochs",
} as const;
const small = { k: fast ? 8 : 48, r: fast ? 8 : 24, epochs: fast ? 1 : 8 };

// %%
const whole = await trainAndScore(cia, data, task, { ...live, config: small, title: "CIA" });

// %%
const without = await trainAndScore(cia, data, task, {
  ...live,
  config: { ...small, iim: "false" },
  title: "CIA-IIM",
});

// %%
table(
  [
    ["CIA", whole],
    ["CIA-IIM", without],
  ].map(([system, runs]) => {
    const { mean, sd, n } = overSeeds((runs as typeof whole).map((run) => inPrint("A2", run.score)));
    return { system, "A2, test (%)": mean, sd, n };
  }),
  { digits: 2 },
);
