/**
 * A suite is data: a list of cells (system x data set x modalities x task x protocol), each with the values that the
 * paper prints for it. The harness runs cells, the report sets the printed values beside ours.
 */
import type { Config, Modality, Protocol, SearchSpace, Task } from "./types";
import { modalitiesName, taskName } from "./types";

export type Profile = "quick" | "full";

/** A value as the paper prints it; `value` is a string so that the number of printed digits is kept. */
export interface PaperValue {
  /** "1", "2", "3", "5a", "5b". */
  readonly table: string;
  /** "T+A" in Table 1, a system's name elsewhere. */
  readonly row: string;
  /** data set/task/metric: "mosi/sentiment/A2", "mosei/emotion:fear/W-Acc", "mosi/intensity/MAE". */
  readonly column: string;
  /** "79.88" (percent) or "0.914" (native unit). */
  readonly value: string;
}

/** One number of a cell. */
export interface CellMetric {
  /** Key in a record's `metrics.test`: lib/metrics/scores.ts lists them. */
  readonly name: string;
  /** The printed values it stands beside (CIA's T+A+V row is printed in Tables 1, 3 and 5). */
  readonly paper?: PaperValue | readonly PaperValue[];
  /** `true`: same metric, data and split as printed; else the reason why the two may not be compared. */
  readonly comparable: true | string;
}

export interface Search {
  /** The values to draw from. */
  readonly space: SearchSpace;
  readonly trials: number;
  /** What trial 0 runs with: its settings are not drawn again. */
  readonly defaults: Config;
}

export interface Cell {
  readonly system: string;
  /** Data set and features as in `Dataset.name` and `Dataset.features`. */
  readonly dataset: string;
  readonly features: string;
  readonly modalities: readonly Modality[];
  readonly task: Task;
  readonly protocol: Protocol;
  /** The difference from the system's defaults. */
  readonly config: Config;
  readonly metrics: readonly CellMetric[];
  readonly search?: Search;
  /** At most so many of the suite's seeds (a large data set). */
  readonly maxSeeds?: number;
  /** The same in the quick profile. */
  readonly quickSeeds?: number;
  /** Only in these profiles (default: all). */
  readonly profiles?: readonly Profile[];
  /** What is missing to run it ("MOSEI audio features are not public any more"); such a cell is listed, never run. */
  readonly missing?: string;
  /** Words for the report: a convention, a deviation. */
  readonly note?: string;
}

export interface Suite {
  readonly name: string;
  readonly title: string;
  /** Seeds of each profile; more by --seeds. */
  readonly seeds: Readonly<Record<Profile, readonly number[]>>;
  readonly cells: readonly Cell[];
}

/** The name of a cell: equal cells of different suites share it and their runs. "cia/mosi/minilm/T/classes:2/validation/k=200". */
export function cellName(cell: Omit<Cell, "metrics">): string {
  const { system, dataset, features, modalities, task, protocol, config } = cell;
  const difference = Object.keys(config)
    .sort()
    .map((key) => `${key}=${config[key]}`)
    .join(",");
  const parts = [system, dataset, features, modalitiesName(modalities), taskName(task), protocol];
  return (difference ? [...parts, difference] : parts).join("/");
}

/** The printed values of a metric, as a list. */
export function paperValues(metric: CellMetric): readonly PaperValue[] {
  const { paper } = metric;
  return paper === undefined ? [] : Array.isArray(paper) ? paper : [paper as PaperValue];
}

/** How many different settings a space holds. */
export function spaceSize(space: SearchSpace): number {
  return Object.values(space).reduce((size, values) => size * values.length, 1);
}

/** Whether a drawn setting is what trial 0 runs with. */
export const isDefault = (setting: Config, defaults: Config): boolean =>
  Object.entries(setting).every(([key, value]) => defaults[key] === value);

/** How many trials a search has: the defaults and what is drawn; a space with fewer settings than trials is tried whole. */
export function trialCount({ space, trials, defaults }: Search): number {
  const holdsDefaults = Object.entries(space).every(([key, values]) => values.includes(defaults[key]));
  return Math.min(trials, 1 + spaceSize(space) - Number(holdsDefaults));
}
