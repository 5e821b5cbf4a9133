/** What the paper does not have as a table: figures, significance, and controls of what a score means. */
import type { Cell, Suite } from "../../lib/core/suite";
import type { Config } from "../../lib/core/types";
import { variants as ciaVariants } from "../../lib/models/cia";
import { cellOf, full, setups, type CellOptions, type Setup } from "./setups";
import { seeds, table3, table5b } from "./tables";

const oneSeed = { quick: [1], full: [1] } as const;

export const table2: Suite = {
  name: "table2",
  title: "Table 2 and section 4.1: label statistics",
  seeds: oneSeed,
  cells: [],
};

/** A video of MOSEI and what CIA and CIA-IIM say of it; text is what there is. */
export const table6: Suite = {
  name: "table6",
  title: "Table 6: utterances of a video, CIA and CIA without IIM",
  seeds: oneSeed,
  cells: [setups.moseiMinilm[0], setups.moseiMinilm[1]].flatMap((setup) => [
    cellOf(setup),
    cellOf(setup, { config: { iim: "false" } }),
  ]),
};

export const figure2: Suite = {
  name: "figure2",
  title: "Figure 2: the gradient of each loss at encoder and decoder",
  seeds: oneSeed,
  cells: [cellOf(setups.mosi62[0])],
};

export const figure3: Suite = {
  name: "figure3",
  title: "Figure 3: attention inside a video",
  seeds: oneSeed,
  cells: [cellOf(setups.mosi62[0]), cellOf(setups.moseiMinilm[1])], // sentiment; emotions, whose audio and video are not public
};

/** CIA against each system on the data sets where both ran, paired by seed. */
export const significance: Suite = {
  name: "significance",
  title: "Significance: CIA against each system, paired by seed",
  seeds,
  cells: table5b.cells.filter((cell) => !cell.missing).map((cell) => ({ ...cell, metrics: unprinted(cell) })),
};

/** The same metrics without printed values: they are counted where their table is. */
function unprinted({ metrics }: Cell): Cell["metrics"] {
  return metrics.map(({ name, comparable }) => ({ name, comparable }));
}

/** Validation-selected beside test-selected, from the same runs. */
export const protocol: Suite = {
  name: "protocol",
  title: "How much of a score is selection",
  seeds,
  cells: table3.cells
    .filter((cell) => !cell.missing && cell.config.iim === undefined)
    .map((cell) => ({ ...cell, metrics: unprinted(cell) })),
};

const ciaIn: readonly CellOptions[] = [
  {},
  { config: ciaVariants.paper, note: "cam=M_BI, merge=false: the network of Algorithm 1 instead of the script's." },
  {
    config: { scaling: "maxabs" },
    note: "scaling=maxabs: divided by the training split's greatest |x|, so that tanh can reach every target of an IIM.",
  },
  { config: { scaling: "maxabs", iim: "false" } },
];

/** What the tables leave as it is: the paper's variant of the network, and the scale of the features that the IIM rebuilds. */
export const variants: Suite = {
  name: "variants",
  title: "Variants of CIA: Algorithm 1, and features scaled into the range of tanh",
  seeds,
  cells: ciaIn.flatMap((of) =>
    [setups.mosi62[0], full(setups.mosiAudio[0]), full(setups.mmmo[0]), full(setups.youtube[0])].map((setup) => {
      const cell = cellOf(setup, of);
      return { ...cell, metrics: unprinted(cell) };
    }),
  ),
};

const forests: readonly Config[] = [{}, { trees: 10 }];

/** The compared forest is described nowhere; the MFM scripts import scikit-learn's, which then grew 10 trees where nothing was said. */
export const forest: Suite = {
  name: "forest",
  title: "RF with 100 trees, and with 10",
  seeds,
  cells: forests.flatMap((config) =>
    [
      setups.mosi62[0],
      ...[setups.mosiAudio[0], setups.mmmo[0], setups.youtube[0], ...setups.moseiMinilm.slice(0, 2)].map(full),
    ].map((setup) => {
      const cell = cellOf(setup, { system: "rf", config, maxSeeds: 5 });
      return { ...cell, metrics: unprinted(cell) };
    }),
  ),
};

const probed = (
  list: readonly Setup[],
  probes: "context" | "noise",
  names: (cell: Cell) => readonly string[],
): Cell[] =>
  list.map((setup) => {
    const cell = cellOf(setup, { config: { probes } });
    const metrics = unprinted(cell).slice(0, 1);
    const under = names(cell).map((name) => ({ name: `${metrics[0].name}:${name}`, comparable: "not printed" }));
    return { ...cell, metrics: [...metrics, ...under] };
  });

const contextual = [setups.mosi62[0], full(setups.mosiMinilm[0]), full(setups.mosiMinilm[2])];

export const context: Suite = {
  name: "context",
  title: "Does CIA use the neighbouring utterances?",
  seeds: { ...seeds, quick: [1] },
  cells: probed(contextual, "context", () => ["neighbours shuffled", "neighbours foreign", "neighbours absent"]),
};

export const robustness: Suite = {
  name: "robustness",
  title: "Scores as a modality is noised or removed",
  seeds: { ...seeds, quick: [1] },
  cells: probed([setups.mosi62[0], full(setups.mosiAudio[0]), full(setups.mmmo[0])], "noise", ({ modalities }) =>
    modalities.flatMap((m) => [`without ${m}`, `${m} noise 0.5`, `${m} noise 1`, `${m} noise 2`]),
  ),
};

/** Reaches an accuracy of about 0.78 (best possible: 0.95) in two seconds: enough to see a regression. */
const small = { k: 32, r: 16, drop: 0.1, gruDrop: 0.1, learningRate: 0.004, batchSize: 8, epochs: 25, patience: 0 };
const synthetic: Omit<Cell, "task" | "metrics"> = {
  system: "cia",
  dataset: "synthetic",
  features: "synthetic",
  modalities: ["T", "A", "V"],
  protocol: "validation",
  config: small,
};
const own = (...names: string[]): Cell["metrics"] => names.map((name) => ({ name, comparable: "not in the paper" }));

/** Small and quick: what continuous integration compares with its baseline. The synthetic set needs no download. */
export const ci: Suite = {
  name: "ci",
  title: "Continuous integration: small runs against recorded baselines",
  seeds: { quick: [1, 2, 3, 4, 5], full: [1, 2, 3, 4, 5] },
  cells: [
    { ...synthetic, task: { kind: "classes", classes: 2 }, metrics: own("A2", "F1") },
    { ...synthetic, task: { kind: "intensity" }, metrics: own("MAE", "r") },
    { ...synthetic, task: { kind: "emotions" }, metrics: own("F1", "W-Acc") },
  ],
};

/** The main job where no real data can be had. */
export const syntheticSuite: Suite = {
  name: "synthetic",
  title: "The built-in synthetic set: modality combinations and the ablation",
  seeds,
  cells: [
    ...(["T", "A", "V", "TA", "TV", "AV", "TAV"] as const).map((names): Cell => ({
      ...synthetic,
      modalities: names.split("") as Cell["modalities"],
      config: { ...small, k: 48, r: 24, epochs: 60 },
      task: { kind: "classes", classes: 2 },
      metrics: own("A2", "F1"),
      note: "made up data with a known best accuracy of 0.95",
    })),
    {
      ...synthetic,
      config: { ...small, k: 48, r: 24, epochs: 60, iim: "false" },
      task: { kind: "classes", classes: 2 },
      metrics: own("A2", "F1"),
    },
  ],
};
