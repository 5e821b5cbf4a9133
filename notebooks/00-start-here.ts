// %% [markdown]
// # Start here
//
// These notebooks reproduce *Context-aware Interactive Attention for Multi-modal Sentiment and Emotion Analysis*
// (Chauhan, Akhtar, Ekbal and Bhattacharyya, EMNLP-IJCNLP 2019), whose system is called CIA. They are written in
// TypeScript and use the same compiled library, `../dist/lib`, as the command line and the tests.
//
// | key | does |
// | --- | --- |
// | Shift-Enter | runs a cell and goes to the next |
// | Tab, Shift-Tab | completes a name; shows the type and documentation of the name under the cursor |
// | ■ (stop) | ends a training, and keeps what it has learned so far |
// | ↻ (restart) | starts with an empty memory; a training that was interrupted goes on from its last epoch |
//
// Each notebook opens with **recorded** results, so it is filled at once. One cell, marked **Live**, computes anew.

// %%
import {
  dataHere,
  dataOrSynthetic,
  describeEngine,
  engineNames,
  interruptible,
  show,
  startEngine,
  syntheticBayes,
  systems,
  table,
  trainLive,
  cia,
} from "../dist/lib";

// %% [markdown]
// ## What computes
//
// An *engine* does the arithmetic. The default is WebAssembly: it runs wherever Node does, and gives the same bits
// everywhere. The line below says which engine runs, and on which versions.

// %%
const engine = await startEngine("auto", { say: () => undefined });
describeEngine(engine.info);

// %% [markdown]
// Another engine is one call away. One that cannot start says why, and what to do about it.

// %%
for (const name of engineNames) {
  const said = await startEngine(name, { say: () => undefined }).then(
    (found) => `starts: ${describeEngine(found.info)}`,
    (error: Error) => `does not start here. ${error.message}`,
  );
  console.log(`${name}: ${said}`);
}

// %% [markdown]
// ## What data is here
//
// The data sets cannot be shipped with the code. What is public can be fetched with `npm run data -- fetch NAME`; a folder
// of your own is read with `--data DIR`. Not every set of features is good for every question: the column *split* says
// on which split a set may be used, and notebook 01 shows why.

// %%
table(dataHere());

// %% [markdown]
// Where nothing is here, everything still runs on a synthetic set, and says so. Its labels depend on an interaction of two
// modalities and on the neighbouring utterances. So the best possible accuracy is known, and so is what a system can
// reach that looks at one modality only, or at one utterance at a time.

// %%
show(syntheticBayes(), { title: "Synthetic set: the best possible accuracy, by what a system may see" });

// %% [markdown]
// ## The systems
//
// CIA and the systems that its Table 5 compares it with. Each is one file in `lib/models`.

// %%
table(systems.map(({ name, title, kind, paper }) => ({ name, title, kind, paper })));

// %% [markdown]
// ## **Live**: a first training
//
// CIA on the synthetic set, in small. Press ■ while it runs: the cell ends, and keeps what was learned until then.

// %%
const data = await dataOrSynthetic("synthetic", { scaling: "none" });
const epochs = process.env.CI ? 2 : 30;
const run = await trainLive(
  cia,
  data,
  { kind: "classes", classes: 2 },
  {
    engine,
    seed: 1,
    protocol: "validation",
    config: { k: 48, r: 24, learningRate: 0.003, drop: 0.2, gruDrop: 0.1, epochs },
  },
);

// %%
show({
  status: run.status,
  "epochs trained": run.epochs.length,
  "epoch chosen on validation": run.selected.epoch,
  ...run.valid?.scores,
});

// %% [markdown]
// ## The notebooks
//
// | | about |
// | --- | --- |
// | 01 | the data: sizes, labels, Table 2, and a leak that looks like success |
// | 02 | the model, step by step on one video; Figures 1 and 2 |
// | 03 | Table 1: which modalities help |
// | 04 | Table 3: with and without the inter-modal module |
// | 05 | Table 4: the hyper-parameters |
// | 06, 07 | Tables 5a and 5b: emotions and sentiment |
// | 08 | Table 6 and Figure 3: single videos and what the attention looks at |
// | 09 | which differences are real |
// | 10 | how much of a score is selection |
// | 11 | your own change to CIA, trained and compared |
// | 12 | your own data, from a folder to predictions |
