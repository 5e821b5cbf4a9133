// %% [markdown]
// # Which differences are real
//
// Two trained systems always differ a little. This notebook asks when a difference means something: by how much runs scatter, what
// tests can show with few seeds, how uncertain a small test set leaves a score, and what the paper's t-test can say.

// %%
import {
  accuracy,
  argmaxRows,
  bootstrapVideos,
  cia,
  compareCells,
  comparisonRows,
  dataOrSynthetic,
  dotChart,
  finishedRuns,
  groupsOf,
  lineChart,
  mcnemar,
  overSeeds,
  pairedBootstrap,
  pairedPower,
  pairedT,
  paperTables,
  recordedPredictions,
  recordedRuns,
  Rng,
  smallestDetectable,
  startEngine,
  summarise,
  table,
  targetsOf,
  trainAndScore,
  wilcoxon,
} from "../dist/lib";
import { findSuite } from "../dist/benchmarks/suites";

// %%
const records = recordedRuns();
const finished = summarise(findSuite("significance"), records).filter(({ runs }) => runs.length > 1);

// %% [markdown]
// ## The scatter of seeds
//
// The same system, data and settings; only the seed differs.

// %%
table(
  finished
    .filter(({ cell }) => cell.system === "cia")
    .flatMap(({ cell, metrics }) =>
      metrics
        .filter((m) => m.ours)
        .map(({ name, info, ours }) => {
          const factor = info.unit === "%" ? 100 : 1;
          return {
            "data set": cell.dataset,
            features: cell.features,
            metric: name,
            mean: ours!.mean * factor,
            sd: ours!.sd === null ? null : ours!.sd * factor,
            worst: ours!.min * factor,
            best: ours!.max * factor,
            n: ours!.n,
          };
        }),
    ),
  { digits: 2, title: "CIA over seeds" },
);

// %% [markdown]
// ## CIA against each system, paired by seed
//
// Each line is a paired t-test; *p, Holm* is corrected over the lines of its data set. *P(first better)* is the chance that a random run of
// CIA beats a random run of the other.

// %%
const sets = [...new Set(finished.map(({ cell }) => `${cell.dataset}/${cell.features}/${cell.task.kind}`))];
const comparisons = sets.flatMap((set) =>
  compareCells(
    finished.filter(({ cell }) => `${cell.dataset}/${cell.features}/${cell.task.kind}` === set),
    "first",
  ),
);
table(comparisonRows(comparisons), {
  digits: { p: 4, "p, Holm": 4, difference: 2, low: 2, high: 2, detectable: 2, "P(first better)": 2 },
});

// %% [markdown]
// ## What few seeds can show
//
// The power of a paired t-test: the chance that it finds a true difference, here when differences between pairs scatter with a
// standard deviation of one point.

// %%
const power = [3, 5, 10, 20].flatMap((n) =>
  Array.from({ length: 13 }, (_, i) => i / 4)
    .filter((d) => d > 0)
    .map((difference) => ({
      difference,
      pairs: `${n} pairs`,
      power: 100 * pairedPower({ n, sd: 1, difference }),
    })),
);
await lineChart(
  power,
  {
    x: "difference",
    y: "power",
    series: "pairs",
    xAxis: "true difference (points; standard deviation of pairs: 1)",
    yAxis: "chance to find it (%)",
  },
  "Power of the paired t-test by true difference, for 3, 5, 10 and 20 pairs.",
);

// %%
table(
  [2, 3, 5, 10, 20].map((n) => {
    const rising = Array.from({ length: n }, (_, i) => i + 1);
    const p = wilcoxon(
      rising,
      rising.map(() => 0),
    )?.p;
    return {
      pairs: n,
      "smallest difference found 4 times of 5 (in sd)": smallestDetectable({ n, sd: 1 }),
      "smallest p that Wilcoxon's test can give": p?.toPrecision(2),
    };
  }),
  { digits: 4 },
);

// %% [markdown]
// With five pairs Wilcoxon's test cannot fall below the usual five percent, whatever the systems: the last column shows it.

// %% [markdown]
// ## A small test set
//
// Another draw of test videos would give another score. The bootstrap draws whole videos, since utterances of one video are alike. Below:
// one recorded run of CIA on each small test set.

// %%
const sized = [];
for (const [name, features] of [
  ["mosi", "bclstm"],
  ["mmmo", "covarep+facet"],
  ["youtube", "covarep+facet"],
] as const) {
  const data = await dataOrSynthetic(name, { features, scaling: "none" }, () => undefined);
  const [run] = finishedRuns(records, {
    system: "cia",
    dataset: data.name,
    features,
    modalities: data.modalities,
    config: { iim: "true" },
  }).filter(({ task }) => task.startsWith("classes"));
  if (!run) continue;
  const classes = Number(run.task.slice(8));
  const truth = targetsOf(data, data.test, { kind: "classes", classes }).values;
  const guess = argmaxRows(recordedPredictions(run).test.values, classes);
  const videoOfRow =
    data.level === "row"
      ? (data.test.videos ?? data.test.ids).flatMap((id, s) =>
          Array.from({ length: data.test.offsets[s + 1] - data.test.offsets[s] }, () => id),
        )
      : [...(data.test.videos ?? data.test.ids)];
  const { estimate, interval } = bootstrapVideos(
    groupsOf(videoOfRow),
    (units) =>
      accuracy(
        Array.from(units, (u) => truth[u]),
        Array.from(units, (u) => guess[u]),
      ),
    { rng: new Rng(1, "bootstrap") },
  );
  sized.push({
    "data set": data.name,
    drawn: `${new Set(videoOfRow).size} ${data.test.videos || data.level === "row" ? "videos" : "utterances (whose video is not known)"}`,
    units: truth.length,
    "accuracy (%)": 100 * (estimate ?? NaN),
    low: interval && 100 * interval.low,
    high: interval && 100 * interval.high,
  });
}
if (sized.length) {
  table(sized, { digits: 1, title: "Accuracy with a 95 % interval over what is drawn" });
  await dotChart(
    sized,
    {
      label: "data set",
      value: "accuracy (%)",
      low: "low",
      high: "high",
      axis: "accuracy on the test split (%), 95 % interval over what is drawn",
    },
    "Accuracy of one run of CIA with its interval over videos, by data set.",
  );
} else console.log("No recorded runs with predictions yet.");

// %% [markdown]
// ## Two systems on the same utterances
//
// McNemar's test looks at the utterances that only one of two systems got right; the paired bootstrap at the difference over videos.

// %%
const mosi = await dataOrSynthetic("mosi", { features: "bclstm", scaling: "none" }, () => undefined);
const ofMosi = finishedRuns(records, {
  dataset: mosi.name,
  features: mosi.features,
  modalities: mosi.modalities,
  task: "classes:2",
  seed: 1,
});
const reference = ofMosi.find((run) => run.system === "cia" && run.config.iim === "true");
const target = targetsOf(mosi, mosi.test, { kind: "classes", classes: 2 }).values;
const groups = groupsOf(
  mosi.test.ids.flatMap((id, s) =>
    Array.from({ length: mosi.test.offsets[s + 1] - mosi.test.offsets[s] }, () => id),
  ),
);
const guessOf = (run: (typeof ofMosi)[number]) => argmaxRows(recordedPredictions(run).test.values, 2);
const others = [
  ...new Map(ofMosi.filter((run) => run.system !== "cia").map((run) => [run.system, run])).values(),
];
if (reference && others.length) {
  const ours = guessOf(reference);
  table(
    others.map((run) => {
      const theirs = guessOf(run);
      const { onlyFirst, onlySecond, p } = mcnemar(target, ours, theirs);
      const right = (guess: ArrayLike<number>, units: ArrayLike<number>) =>
        accuracy(
          Array.from(units, (u) => target[u]),
          Array.from(units, (u) => guess[u]),
        );
      const { estimate, interval } = pairedBootstrap(
        groups,
        (units) => right(ours, units) - right(theirs, units),
        { rng: new Rng(1, "paired"), resamples: 1000 },
      );
      return {
        "CIA against": run.system,
        "only CIA right": onlyFirst,
        "only the other": onlySecond,
        "McNemar, p": p,
        "difference (points)": 100 * (estimate ?? NaN),
        low: interval && 100 * interval.low,
        high: interval && 100 * interval.high,
      };
    }),
    { digits: { "McNemar, p": 4, "difference (points)": 2, low: 2, high: 2 } },
  );
} else console.log("No recorded runs of other systems on this data yet.");

// %% [markdown]
// ## What the paper's t-test can mean
//
// Under its tables the paper prints p-values of a t-test between CIA and the best other system, but not what was paired or how many
// pairs there were. The other systems' numbers come from their papers, one number each, and a single number has no
// variance. These are the printed values:

// %%
table(
  ["5a", "5b"].flatMap((id) =>
    paperTables[id].columns.flatMap((column, i) => {
      const p = paperTables[id].rows["t-test p"]?.[i];
      return p ? [{ table: id, column, "printed p": p }] : [];
    }),
  ),
);

// %% [markdown]
// A test over seeds needs several runs of *both* systems. A test over utterances asks about this test set and these two trained
// networks, not about the methods. Neither can be made from one printed number.

// %% [markdown]
// ## **Live**: how often do equal systems look different?
//
// CIA against CIA: the same system trained with other seeds. Any difference is chance. Press ■ to stop.

// %%
const fast = Boolean(process.env.CI);
const synthetic = await dataOrSynthetic("synthetic", { scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const runs = await trainAndScore(
  cia,
  synthetic,
  { kind: "classes", classes: 2 },
  {
    engine,
    seeds: Array.from({ length: fast ? 4 : 10 }, (_, i) => i + 1),
    protocol: "validation",
    config: { k: 32, r: 16, learningRate: 0.003, drop: 0.2, gruDrop: 0.1, epochs: fast ? 1 : 20 },
  },
);

// %%
const scores = runs.map((run) => 100 * run.score);
const half = Math.floor(scores.length / 2);
const [a, b] = [scores.slice(0, half), scores.slice(half, 2 * half)];
const t = half > 1 ? pairedT(a, b) : null;
table(
  [
    { group: "first seeds", ...overSeeds(a) },
    { group: "other seeds", ...overSeeds(b) },
  ].map(({ group, n, mean, sd }) => ({ group, "A2, mean (%)": mean, sd, n })),
  {
    digits: 2,
    note: t
      ? `Difference ${t.mean.toFixed(2)} points, paired t-test p ${t.p.toFixed(3)}: chance alone.`
      : "All pairs are equal.",
  },
);
