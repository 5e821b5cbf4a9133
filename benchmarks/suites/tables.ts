/** Tables 1 to 5: which cells, and which printed numbers they stand beside. */
import { emotionNames, type Modality, type SearchSpace } from "../../lib/core/types";
import { spaceSize, type Cell, type CellMetric, type Suite } from "../../lib/core/suite";
import { findSystem } from "../../lib/models";
import { paperTables } from "../../lib/report/paper";
import { defaultConfig } from "../../lib/training";
import { chosenSettings, searchTrials } from "./chosen";
import { cellOf, full, missingCells, paperModalities, printedAt, setups, type Setup } from "./setups";
import { comparedSystems } from "./systems";

const combinations: readonly (readonly Modality[])[] = [["T"], ["A"], ["V"], ["T", "V"], ["T", "A"], ["A", "V"], ["T", "A", "V"]]; // prettier-ignore

export const seeds = { quick: [1, 2], full: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] } as const;

const isIn = (setup: Setup, modalities: readonly Modality[]) => modalities.every((m) => setup.modalities.includes(m));

/** CIA's printed row for these modalities; T+A+V stands in Tables 1, 3 and 5. */
const ciaPaper = (modalities: readonly Modality[]) => {
  const row = paperModalities(modalities);
  const one = [{ table: "1", row }];
  return row === "T+A+V" ? [...one, { table: "3", row: "CIA" }] : one;
};

/** MOSI on the CMU split: spaCy and MiniLM text, and the audio columns, alone and together. */
const cmuCells = (modalities: readonly Modality[]) =>
  paperModalities(modalities) === "T"
    ? [...setups.mosiSpacy.map(full), ...setups.mosiMinilm]
    : paperModalities(modalities) === "A"
      ? setups.mosiAudio
      : paperModalities(modalities) === "T+A"
        ? [...setups.mosiSpacyAudio.map(full), ...setups.mosiAudio]
        : [];

export const table1: Suite = {
  name: "table1",
  title: "Table 1: modality combinations",
  seeds,
  cells: combinations.flatMap((modalities): Cell[] => {
    const paper = ciaPaper(modalities);
    const cells = (list: readonly Setup[]) =>
      list.filter((s) => isIn(s, modalities)).map((s) => cellOf(s, { modalities, paper }));
    return [
      ...cells([...setups.moseiSpacy, ...setups.moseiMinilm]),
      ...(modalities.join("") === "T" ? [] : missingCells("mosei", modalities, paper)),
      ...cells(setups.mosi62),
      ...cells(cmuCells(modalities)),
      ...(cmuCells(modalities).length ? [] : missingCells("mosi", modalities, paper)),
      ...cells(setups.mmmo),
      ...(modalities.includes("T") ? missingCells("mmmo", modalities, paper) : []),
      ...cells(setups.youtube),
      ...(modalities.includes("T") ? missingCells("youtube", modalities, paper) : []),
      ...missingCells("moud", modalities, paper),
    ];
  }),
};

/** The data sets of the ablation and of the comparison: the most that each holds. */
const widest: readonly Setup[] = [
  ...setups.mosi62,
  setups.mosiAudio[0],
  ...setups.mosiAudio.slice(1).map(full),
  ...setups.mmmo,
  ...setups.youtube,
  ...setups.moseiMinilm,
];

const ablations = [
  { row: "CIA", config: {} },
  { row: "CIA-IIM", config: { iim: "false" } },
  { row: undefined, config: { iim: "encoders-only" }, note: "the IIMs' encoders without their loss: not in the paper" },
] as const;

export const table3: Suite = {
  name: "table3",
  title: "Table 3: the inter-modal interactive module taken away",
  seeds,
  cells: ablations.flatMap(({ row, config, ...rest }): Cell[] => {
    const paper = row ? [{ table: "3", row }] : [];
    return [
      ...widest
        .map((setup) => (!row && setup.dataset === "mmmo" ? full(setup) : setup))
        .map((setup) => cellOf(setup, { config, paper, printedFor: "T+A+V", ...rest })),
      ...(row ? missingCells("moud", ["T", "A", "V"], paper, { config }) : []),
    ];
  }),
};

/** Of a set-up's modalities those that the system reads. */
const modalitiesFor = (setup: Setup, name: string): readonly Modality[] => {
  const { modalities } = findSystem(name);
  return modalities ? setup.modalities.filter((m) => modalities.includes(m)) : setup.modalities;
};

const takes = (setup: Setup, name: string): boolean => modalitiesFor(setup, name).length > 0;

function comparison(list: readonly Setup[], table?: string): Cell[] {
  return comparedSystems.flatMap(({ name, row }) =>
    list
      .filter((setup) => takes(setup, name))
      .map((setup) =>
        cellOf(setup, {
          system: name,
          modalities: modalitiesFor(setup, name),
          config: chosenSettings(name, setup),
          paper: table && row && row in paperTables[table].rows ? [{ table, row }] : [],
          printedFor: row === "BoF-MSA" ? "A+V" : "T+A+V",
          // A tensor of 101 x 101 x 101 an utterance: seven minutes a run.
          ...(name === "tfn" && setup.modalities.length === 3 && { profiles: ["full"] as const }),
          // Thirteen networks of its own: up to three minutes a run.
          ...(name === "bc-lstm" && setup.dataset === "mosi" && { quickSeeds: 1 }),
          ...(name === "bc-lstm" && setup.dataset === "mmmo" && { profiles: ["full"] as const }),
          maxSeeds: 5,
        }),
      ),
  );
}

/** Six emotions and their average, each with both metrics. */
export const table5a: Suite = {
  name: "table5a",
  title: "Table 5a: emotions on MOSEI, all systems under one protocol",
  seeds,
  cells: comparison(
    [setups.moseiMinilm[1]], // text is all that there is
  ).map((cell) => {
    const row = comparedSystems.find((s) => s.name === cell.system)?.row;
    const comparable = cell.metrics[0].comparable;
    const metric = (name: string, emotion: string): CellMetric => {
      const paper =
        row && row in paperTables["5a"].rows ? printedAt("5a", row, `mosei/emotion:${emotion}/${name}`) : [];
      return { name: emotion === "average" ? name : `${name}:${emotion}`, comparable, ...(paper.length && { paper }) };
    };
    return { ...cell, metrics: [...emotionNames, "average"].flatMap((e) => [metric("F1", e), metric("W-Acc", e)]) };
  }),
};

export const table5b: Suite = {
  name: "table5b",
  title: "Table 5b: sentiment, all systems under one protocol",
  seeds,
  cells: [
    ...comparison(
      [
        ...setups.mosi62,
        ...setups.mosiAudio.map(full),
        ...setups.mosiWords.map(full),
        ...setups.mmmo,
        ...setups.youtube,
        ...setups.moseiMinilm.filter((s) => s.task.kind !== "emotions"),
      ],
      "5b",
    ),
    // MOSEI's audio and video, all that BoF-MSA reads.
    ...missingCells("mosei", ["A", "V"], [{ table: "5b", row: "BoF-MSA" }], { system: "bof-msa", emotions: false }),
    ...["MARN", "MFN", "TFN", "BC-LSTM", "MFM", "CIA"].flatMap((row) => {
      const name = comparedSystems.find((s) => s.row === row)?.name ?? row.toLowerCase();
      return missingCells("moud", ["T", "A", "V"], [{ table: "5b", row }], { system: name });
    }),
  ],
};

/** A cell with a search in a space, its system's if none is given, from its own settings. */
const searched = (cell: Cell, trials: number, space?: SearchSpace): Cell => {
  const system = findSystem(cell.system);
  const defaults = { ...defaultConfig(system), ...cell.config };
  return { ...cell, search: { space: space ?? system.space, trials, defaults } };
};

export const table5Search: Suite = {
  name: "table5-search",
  title: "Random search: the same number of trials for every system",
  seeds: { quick: [1], full: [1] },
  cells: comparedSystems
    .filter(({ name }) => name !== "constant")
    .flatMap(({ name }) =>
      [setups.mosiAudio[0], setups.mmmo[0], setups.youtube[0]]
        .filter((setup) => takes(setup, name))
        .map((setup) =>
          searched(
            cellOf(setup, { system: name, modalities: modalitiesFor(setup, name), profiles: ["full"] }),
            searchTrials,
          ),
        ),
    ),
};

/** What Table 4 chooses, over the values that it names; and learning rates about the one that it names, 0.001. */
const table4Space = {
  k: [50, 100, 200],
  r: [50, 100, 200],
  drop: [0.3, 0.5],
  gruDrop: [0.3, 0.5],
  learningRate: [0.0005, 0.001, 0.002],
} as const;

export const table4: Suite = {
  name: "table4",
  title: "Table 4: settings of CIA, by grid search on validation",
  seeds: { quick: [1], full: [1] },
  // The batch size, the paper's, is named: a search of Table 5 draws from another space, and its trials are another cell's.
  cells: [setups.mosiMinilm[0], setups.mmmo[0], setups.youtube[0]].map((setup): Cell => ({
    ...searched(cellOf(setup, { profiles: ["full"], config: { batchSize: 16 } }), spaceSize(table4Space), table4Space),
    note: "the whole grid of 50, 100 and 200 units, dropout 0.3 and 0.5, which Table 4 names (its column spans are not in the text), and three learning rates",
  })),
};
