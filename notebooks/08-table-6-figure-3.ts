// %% [markdown]
// # Table 6 and Figure 3: single videos
//
// The paper shows four utterances of one video, what CIA and CIA-IIM say of them, and heatmaps of the attention. One video is
// an illustration, not evidence; but here you can choose any video and look for yourself.

// %%
import {
  argmaxRows,
  attentionOf,
  batches,
  cia,
  dataOrSynthetic,
  dotChart,
  emotionNames,
  finishedRuns,
  heatmap,
  paperUtterances,
  programOf,
  recordedPredictions,
  recordedProgram,
  recordedRuns,
  select,
  show,
  startEngine,
  table,
  targetsOf,
  trainLive,
} from "../dist/lib";

// %% [markdown]
// ## What the paper shows
//
// For each of the four utterances: the true labels, and what CIA-IIM and CIA answer.

// %%
table(
  paperUtterances.rows.map(({ sentiment, emotion }, i) => ({
    utterance: i + 1,
    ...Object.fromEntries(
      paperUtterances.columns.flatMap((who, j) => [
        [`${who}: sentiment`, sentiment[j]],
        [`${who}: emotion`, emotion[j]],
      ]),
    ),
  })),
);

// %% [markdown]
// ## A video of MOSEI
//
// `video` is its place among the test videos. Its utterances go by name here; set `words` to `true` to read the transcripts, which
// come from your local files and are not stored in this notebook. `recordedWeights` is for the heatmaps below: of the recorded run, or of
// the one that you train here.

// %% tags=["parameters"]
let video = 11;
let words = false;
let recordedWeights = true;

// %%
const mosei = await dataOrSynthetic("mosei", { features: "minilm", scaling: "none" });
const { test } = mosei;
const [from, to] = [test.offsets[video], test.offsets[video + 1]];
const names = Array.from({ length: to - from }, (_, i) => test.rowIds?.[from + i] ?? `row ${from + i}`);
show({ "data set": mosei.name, video: test.ids[video], utterances: names.length });

// %% [markdown]
// ## What CIA and CIA-IIM say of it
//
// Predictions of recorded runs, one of each system. The two share seed, data and order of training.

// %%
const records = recordedRuns();
const recorded = (task: string, iim: string) =>
  finishedRuns(records, {
    system: "cia",
    dataset: mosei.name,
    features: mosei.features,
    task,
    config: { iim },
  })[0];
const said = (task: string, iim: string) => {
  const run = recorded(task, iim);
  return run && recordedPredictions(run).test;
};
const sentiment = { CIA: said("classes:2", "true"), "CIA-IIM": said("classes:2", "false") };
const emotion = { CIA: said("emotions", "true"), "CIA-IIM": said("emotions", "false") };

// %%
const polarity = (label: number) => (label === 1 ? "Pos" : "Neg");
const truth = targetsOf(mosei, test, { kind: "classes", classes: 2 }).values;
const guesses = Object.entries(sentiment).flatMap(([system, predictions]) =>
  predictions ? [[system, argmaxRows(predictions.values, 2)] as const] : [],
);
table(
  names.map((utterance, i) => ({
    utterance,
    ...(words ? { words: mosei.transcript?.(utterance) } : {}),
    truth: polarity(truth[from + i]),
    ...Object.fromEntries(guesses.map(([system, guess]) => [system, polarity(guess[from + i])])),
  })),
  { title: "Sentiment" },
);

// %%
const present = (six: ArrayLike<number>, threshold: number) =>
  emotionNames.filter((_, e) => six[e] > threshold).join(", ") || "none";
const threshold = recorded("emotions", "true")?.chosen?.thresholds?.one ?? 0.5;
const six = (values: ArrayLike<number>, i: number) =>
  Array.from({ length: 6 }, (_, e) => values[6 * (from + i) + e]);
table(
  names.map((utterance, i) => ({
    utterance,
    truth: present(six(test.labels.emotions ?? [], i), 0),
    ...Object.fromEntries(
      Object.entries(emotion).flatMap(([system, predictions]) =>
        predictions ? [[system, present(six(predictions.values, i), threshold)]] : [],
      ),
    ),
  })),
  { title: "Emotions" },
);

// %% [markdown]
// Where the two systems differ over the whole test split says more than one video:

// %%
if (guesses.length === 2) {
  const [[, a], [, b]] = guesses;
  const count = (test: (i: number) => boolean) => Array.from(truth.keys()).filter(test).length;
  table([
    { outcome: "both right", utterances: count((i) => a[i] === truth[i] && b[i] === truth[i]) },
    { outcome: "only CIA right", utterances: count((i) => a[i] === truth[i] && b[i] !== truth[i]) },
    { outcome: "only CIA-IIM right", utterances: count((i) => a[i] !== truth[i] && b[i] === truth[i]) },
    { outcome: "both wrong", utterances: count((i) => a[i] !== truth[i] && b[i] !== truth[i]) },
  ]);
} else console.log("Runs of both systems on this data are not recorded yet: npm run reproduce -- table6 --profile full");

// %% [markdown]
// ## Figure 3: attention
//
// The heatmaps of the paper are of text with video, text with audio, and audio with video. All three modalities are public for MOSI, so
// the video is one of MOSI's. Weights of the recorded run are kept, so that nothing need be trained for it.

// %%
const mosi = await dataOrSynthetic("mosi", { features: "bclstm", scaling: "none" });
const engine = await startEngine("auto", { say: () => undefined });
const kept = records.find(
  (run) =>
    run.system === "cia" &&
    run.dataset === mosi.name &&
    run.features === mosi.features &&
    run.modalities.length === 3 &&
    run.config.iim === "true" &&
    run.weightsFile,
);
const trained = recordedWeights && kept && (await recordedProgram(kept, engine));
console.log(trained ? `recorded run ${kept.id}, seed ${kept.seed}` : "the heatmaps are of the live run");

// %% [markdown]
// ## **Live**: train, if you like
//
// Trains a smaller CIA for a few epochs. Press ■ to stop. With `recordedWeights` set to `false` the heatmaps below are of what it learned
// until then.

// %%
const fast = Boolean(process.env.CI);
const live = await trainLive(
  cia,
  mosi,
  { kind: "classes", classes: 2 },
  {
    engine,
    seed: 1,
    protocol: mosi.valid ? "validation" : "fixed-epochs",
    config: { k: fast ? 8 : 50, r: fast ? 8 : 50, epochs: fast ? 1 : 8 },
  },
);

// %%
const { program, prepared } = trained || { program: await programOf(live, engine), prepared: live.prepared };
const { split } = prepared.test;
const sizes = split.ids.map((_, i) => split.offsets[i + 1] - split.offsets[i]);
const place = sizes.findIndex((size) => size >= 6 && size <= 12);
const [batch] = batches(select(split, [place]), undefined, 1);
const labels = Array.from({ length: sizes[place] }, (_, i) => `u${i + 1}`);
show({
  video: split.ids[place],
  utterances: sizes[place],
  weights: trained ? "recorded" : "of the live run",
});

// %%
const pairs = [
  ["VT", "text and video"],
  ["TA", "text and audio"],
  ["AV", "audio and video"],
] as const;
const weights: Record<string, number[][]> = {};
for (const [pair, title] of pairs) {
  weights[pair] = await attentionOf(program, batch, `att/${pair}/M_BI`);
  await heatmap(
    weights[pair].flat(),
    {
      rows: labels,
      columns: labels,
      rowAxis: "asks (M)",
      columnAxis: "answers (BI)",
      legend: "weight",
      title: `Attention, ${title}`,
    },
    `Attention of ${title} inside one video of MOSI; each row sums to one.`,
  );
}

// %% [markdown]
// How sharp is it? An even row has the entropy of its length; a row that looks at one utterance has none. The paper reads its
// heatmaps as the model finding the right neighbours; a nearly even row finds nothing in particular.

// %%
const entropy = (row: readonly number[]) => -row.reduce((sum, w) => sum + (w > 0 ? w * Math.log2(w) : 0), 0);
const sharpness = pairs.flatMap(([pair, title]) =>
  weights[pair].map((row, i) => ({
    pair: title,
    utterance: labels[i],
    bits: entropy(row),
    "looks most at": labels[row.indexOf(Math.max(...row))],
    "weight on itself": row[i],
  })),
);
table(sharpness, {
  title: "Entropy of each row (bits)",
  note: `An even row has ${Math.log2(labels.length).toFixed(2)} bits.`,
});

// %%
await dotChart(
  sharpness,
  {
    label: "pair",
    value: "bits",
    axis: `entropy of a row (bits; even: ${Math.log2(labels.length).toFixed(2)})`,
  },
  "Entropy of the attention rows, by pair of modalities.",
);

// %% [markdown]
// ## Attention for emotions
//
// MOSEI has text only here, so its model pairs text with itself.

// %%
const emotionRun = records.find(
  (run) =>
    run.system === "cia" &&
    run.dataset === mosei.name &&
    run.task === "emotions" &&
    run.features === mosei.features &&
    run.config.iim === "true" &&
    run.weightsFile,
);
const emotional = emotionRun && (await recordedProgram(emotionRun, engine));
if (emotional) {
  const [own] = batches(select(emotional.prepared.test.split, [video]), undefined, 1);
  const matrix = await attentionOf(emotional.program, own, "att/TT/M_BI");
  const u = matrix.map((_, i) => `u${i + 1}`);
  await heatmap(
    matrix.flat(),
    {
      rows: u,
      columns: u,
      rowAxis: "asks (M)",
      columnAxis: "answers (BI)",
      legend: "weight",
      title: "Attention for emotions, text",
    },
    "Attention of the emotion model inside the chosen video of MOSEI.",
  );
} else console.log("No weights of a recorded run for emotions are here: npm run reproduce -- figure3 --profile full keeps them.");
