// %% [markdown]
// # Your own change to CIA
//
// A system is a function that records how an output is made of inputs. Here is CIA with another attention, in ten
// lines of code; then it is trained beside CIA on equal terms, and the two are compared by paired tests.

// %%
import {
  cia,
  dataOrSynthetic,
  dotChart,
  ops,
  overSeeds,
  pairedT,
  pooled,
  show,
  startEngine,
  table,
  taskOutput,
  trainAndScore,
  wilcoxon,
  type NeuralSystem,
} from "../dist/lib";

// %% [markdown]
// ## The idea
//
// CIA lets pairs of modalities attend to each other, by dot products of relu outputs, which are never negative. What if
// all modalities are first merged, and one attention is taken over the merged rows, added to them instead of
// multiplied? Much smaller, and simple to say:

// %%
const mine: NeuralSystem<{ k: number; r: number; drop: number }> = {
  kind: "neural",
  name: "merged-attention",
  title: "Merged attention",
  paper: "this notebook",
  defaults: { k: 64, r: 32, drop: 0.3 },
  space: {},
  rows: "context",
  accepts: () => undefined,
  forward(net, { k, r, drop }) {
    const rows = net.inputs().map((x, i) => net.dense(`in${i}`, x, k, { act: "tanh", drop }));
    const context = net.biGru("gru", ops.concat(...rows), r, { drop });
    const attended = ops.add(context, ops.attend(context, context));
    const z = net.dense("z", attended, k, { act: "relu", drop });
    return taskOutput(net, net.dense("head", pooled(net, z), net.shape.outputs));
  },
};

// %% [markdown]
// ## Equal terms
//
// Both are trained on the same data, with the same seeds, epochs and rule of selection. On the synthetic set the best
// possible accuracy is known, so we can see how much is left. Change `"synthetic"` to `"mosi"` to use real videos.

// %%
const data = await dataOrSynthetic("synthetic", { scaling: "none" });
const task = { kind: "classes", classes: 2 } as const;
const engine = await startEngine("auto", { say: () => undefined });
const seeds = process.env.CI ? [1, 2] : [1, 2, 3, 4, 5];
const settings = { epochs: process.env.CI ? 2 : 25, learningRate: 0.003 };

// %% [markdown]
// ## **Live**: train both
//
// Press ■ to stop: what was finished is kept.

// %%
const mineRuns = await trainAndScore(mine, data, task, {
  engine,
  seeds,
  protocol: "validation",
  config: settings,
});

// %%
const ciaRuns = await trainAndScore(cia, data, task, {
  engine,
  seeds,
  protocol: "validation",
  config: { ...settings, k: 48, r: 24, drop: 0.2, gruDrop: 0.1 },
});

// %%
const rows = [
  ["Merged attention", mineRuns],
  ["CIA", ciaRuns],
] as const;
table(
  rows.flatMap(([system, runs]) =>
    runs.map((run) => ({
      system,
      seed: run.seed,
      parameters: run.parameters,
      "epoch chosen": run.epoch,
      "A2, test (%)": 100 * run.scores.A2!,
    })),
  ),
  { digits: 2 },
);

// %% [markdown]
// ## Is one better?
//
// The same seed gives both systems the same order of videos, so runs are *paired*: what counts is the difference
// within a pair. The table gives the mean difference, its interval and two tests. An interval that holds zero says that
// this many seeds show no difference, not that there is none.

// %%
const A2 = (runs: readonly { scores: Readonly<Record<string, number | null>> }[]) =>
  runs.map((run) => run.scores.A2!);
const pairs = Math.min(mineRuns.length, ciaRuns.length);
const [a, b] = [A2(mineRuns).slice(0, pairs), A2(ciaRuns).slice(0, pairs)];
const t = pairs > 1 ? pairedT(a, b) : null;
show(
  t
    ? {
        "mean difference (points)": 100 * t.mean,
        "95 % interval": `${(100 * t.low).toFixed(2)} to ${(100 * t.high).toFixed(2)}`,
        "paired t, p": t.p,
        "Wilcoxon, p": wilcoxon(a, b)?.p,
        pairs,
      }
    : "too few finished pairs, or all pairs equal",
);

// %%
await dotChart(
  rows.flatMap(([system, runs]) => {
    if (runs.length === 0) return [];
    const { mean, interval, n } = overSeeds(A2(runs).map((value) => 100 * value));
    return [{ system, mean, low: interval?.low, high: interval?.high, n }];
  }),
  {
    label: "system",
    value: "mean",
    low: "low",
    high: "high",
    axis: "A2 on the test split (%), mean and 95 % interval over seeds",
  },
  "Mean accuracy of both systems with 95 % intervals over seeds.",
);

// %% [markdown]
// ## From here to the report
//
// Put the function into a file of `lib/models`, add it to the list in `lib/models/index.ts`, and its name to
// `benchmarks/suites/systems.ts`: `docs/add-a-system.md` says how, and how it is searched with as many trials as the others. Then
// `npm run reproduce` trains it under the protocol, metrics and tests of every other system.
