// %% [markdown]
// # The model
//
// CIA reads a video as a sequence of utterances. An utterance has text (T), audio (A) and video (V) features. The paper
// states the model as three algorithms; this notebook walks through them on one video.

// %%
import {
  architectureSpec,
  attentionOf,
  batches,
  blocksOf,
  chart,
  cia,
  dataOrSynthetic,
  heatmap,
  prepare,
  programOf,
  record,
  select,
  show,
  startEngine,
  table,
  targetsOf,
  trainLive,
  valueOf,
} from "../dist/lib";

// %% [markdown]
// ## One video
//
// MOSI with the features of bc-LSTM has all three modalities. We take the first test video with six to ten utterances.

// %%
const data = await dataOrSynthetic("mosi", { features: "bclstm", scaling: "none" });
const task = { kind: "classes", classes: 2 } as const;
const { shape, test } = prepare(cia, data, task, { protocol: "fixed-epochs" }); // scaled by the training rows
const lengths = data.test.ids.map((_, i) => data.test.offsets[i + 1] - data.test.offsets[i]);
const chosen = lengths.findIndex((n) => n >= 6 && n <= 10);
const video = select(test.split, [chosen]);
const utterances = (video.rowIds ?? []).map((_, i) => `u${i + 1}`);
show({
  video: video.ids[0],
  utterances: lengths[chosen],
  ...Object.fromEntries(data.modalities.map((m) => [`width of ${m}`, video.x[m]?.width])),
});

// %% [markdown]
// ## Figure 1: the whole of it
//
// `record` runs the model's code once, on names instead of numbers, for these widths. The drawing is made from that
// recording, so it cannot differ from what is trained: each box is a part, with the width that it hands on and its
// number of parameters. Point at a box to see what it takes.

// %%
const recorded = record(cia, shape, cia.defaults);
const titles = {
  iim: "IIM",
  inter: "F",
  plain: "F",
  pair: "BI",
  cam: "CAM",
  rep: "Rep",
  merge: "Z",
  head: "output",
};
await chart(
  architectureSpec(blocksOf(recorded), titles),
  "Figure 1: the parts of CIA from the modalities on the left to the output on the right.",
);

// %%
table(
  blocksOf(recorded).map(({ name, inputs, width, parameters }) => ({
    part: name,
    takes: inputs.join(", "),
    width,
    parameters,
  })),
  {
    note: `${recorded.graph.parameterCount} trainable parameters in all.`,
  },
);

// %% [markdown]
// ## Numbers for the names
//
// An engine makes the recording runnable. Its weights are drawn from a seed, so the numbers below are the same
// everywhere. The model has learned nothing yet: what we look at is what each step *does*.

// %%
const engine = await startEngine("auto", { say: () => undefined });
const program = engine.compile(recorded.graph, recorded.output, 1);
const [batch] = batches(video, targetsOf(data, video, task), 1);
console.log(`terms of the loss: ${Object.keys(recorded.output.loss).join(", ")}`);

// %% [markdown]
// ## Algorithm 2: the inter-modal interactive module (IIM)
//
// An IIM encodes one modality and decodes *another* from the code. The code is what goes on: it has to hold what text says
// about audio. Each ordered pair has its own module. The error is that of this one video.

// %%
const losses = await program.losses(batch);
table(
  Object.entries(losses)
    .filter(([name]) => name.startsWith("mse/"))
    .map(([name, error]) => {
      const [from, to] = name.slice(4);
      return {
        module: `IIM ${from}${to}`,
        encodes: from,
        decodes: to,
        "code width": cia.defaults.k,
        "mean squared error": error,
      };
    }),
);

// %% [markdown]
// ## Context: BiGRUs, M and BI
//
// A bidirectional GRU lets each utterance see those before and after it. Two representations come out of it for each pair,
// here text and audio: **M**, the mean of what IIM TA and IIM AT handed on, and **BI**, a dense layer over the two
// modalities side by side.

// %%
const [M, BI] = [await valueOf(program, batch, "M/TA"), await valueOf(program, batch, "BI/TA")];
const norm = (row: readonly number[]) => Math.hypot(...row);
table(
  M.map((row, i) => ({
    utterance: utterances[i],
    "width of M": row.length,
    "|M|": norm(row),
    "width of BI": BI[i].length,
    "|BI|": norm(BI[i]),
  })),
);

// %% [markdown]
// ## Algorithm 3: the context-aware attention module (CAM)
//
// CAM has no parameters. Utterance *i* of M asks each utterance *j* of BI, by a dot product, how alike they are; a softmax
// over *j* makes weights of the answers; the weighted sum of BI is multiplied, number by number, with M. In six lines:

// %%
const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, i) => sum + value * b[i], 0);
const softmax = (scores: readonly number[]) => {
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
  return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
};
const byHand = M.map((asks) => softmax(BI.map((answers) => dot(asks, answers))));
const O = byHand.map((weights) =>
  BI[0].map((_, column) => weights.reduce((sum, w, j) => sum + w * BI[j][column], 0)),
);
const A = O.map((row, i) => row.map((value, column) => value * M[i][column]));

// %% [markdown]
// The model's own attention and output must be the same, up to the rounding of 32-bit numbers:

// %%
const byModel = await attentionOf(program, batch, "att/TA/M_BI");
const camModel = await valueOf(program, batch, "cam/TA/M_BI");
const largest = (a: number[][], b: number[][]) =>
  Math.max(...a.flatMap((row, i) => row.map((value, j) => Math.abs(value - b[i][j]))));
show({
  "largest difference of the weights": largest(byHand, byModel).toExponential(1),
  "largest difference of the output": largest(A, camModel).toExponential(1),
});

// %%
await heatmap(
  byModel.flat(),
  {
    rows: utterances,
    columns: utterances,
    rowAxis: "utterance that asks (M)",
    columnAxis: "utterance that answers (BI)",
    legend: "weight",
    title: "CAM, text and audio, before training",
  },
  "Attention weights of one video before training: each row sums to one.",
);

// %% [markdown]
// ## Figure 2: who learns from what
//
// The paper's second figure says that an IIM's decoder learns from its own reconstruction alone, while its encoder learns from
// the reconstruction *and* from the task. That can be measured: below is the size of the gradient that each term of
// the loss sends into each part.

// %%
const parts = [
  "iim/TA/enc",
  "iim/TA/dec",
  "iim/TA/out",
  "inter/TA",
  "plain/T",
  "plain/A",
  "pair/TA",
  "merge",
  "head",
];
const terms = ["task", "mse/TA", "mse/AT"].filter((term) => term in recorded.output.loss);
const sizeOf = (lists: Float32Array[]) =>
  Math.sqrt(lists.flatMap((list) => Array.from(list)).reduce((sum, g) => sum + g * g, 0));
const flow: number[] = [];
for (const part of parts) {
  for (const term of terms) {
    const gradients = await program.gradients(batch, { term });
    const inPart = Object.entries(gradients).filter(([name]) => name.startsWith(part));
    flow.push(sizeOf(inPart.map(([, values]) => values)));
  }
}
table(
  parts.map((part, i) => ({
    part,
    ...Object.fromEntries(terms.map((term, j) => [term, flow[i * terms.length + j].toExponential(2)])),
  })),
  {
    title: "Size of the gradient (Euclidean norm) of each loss term in each part",
  },
);

// %%
await heatmap(
  flow.map((g) => (g > 0 ? 1 : 0)),
  {
    rows: parts,
    columns: terms,
    rowAxis: "part",
    columnAxis: "term of the loss",
    legend: "1: reaches it",
    labels: false,
    domain: [0, 1],
    title: "Figure 2: which loss reaches which part",
  },
  "Which loss term reaches which part: the encoder is reached by the task and by its own reconstruction, the decoder by the latter only.",
);

// %% [markdown]
// ## **Live**: attention after training
//
// The same video through a model that was trained for a few epochs. Press ■ to end earlier. (Training for so short shows the
// mechanism; results are in the next notebooks.)

// %%
const run = await trainLive(cia, data, task, {
  engine,
  seed: 1,
  protocol: "fixed-epochs",
  config: { k: process.env.CI ? 8 : 50, r: process.env.CI ? 8 : 50, epochs: process.env.CI ? 1 : 8 },
});

// %%
const after = await attentionOf(await programOf(run, engine), batch, "att/TA/M_BI");
await heatmap(
  after.flat(),
  {
    rows: utterances,
    columns: utterances,
    rowAxis: "utterance that asks (M)",
    columnAxis: "utterance that answers (BI)",
    legend: "weight",
    title: "CAM, text and audio, after training",
  },
  "Attention weights of the same video after training.",
);

// %% [markdown]
// ## Variants
//
// The paper and its released code differ. `variant: "released"` follows the code: both directions of CAM, and a dense layer
// before the output. `"paper"` follows Algorithm 1. The ablation CIA-IIM removes the modules, and attends BI to itself.

// %%
table(
  [
    { variant: "released", config: {} },
    { variant: "paper", config: { cam: "M_BI", merge: false } },
    { variant: "CIA-IIM", config: { iim: "false" } },
  ].map(({ variant, config }) => {
    const { graph, output } = record(cia, shape, { ...cia.defaults, ...config });
    return {
      variant,
      difference: JSON.stringify(config),
      parameters: graph.parameterCount,
      "terms of the loss": Object.keys(output.loss).length,
    };
  }),
);
