/** Settings that the search found best on validation, as `npm run reproduce -- table5-search --choose` wrote them. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { bestTrial } from "../../lib/core/record";
import { cellName, trialCount, type Cell } from "../../lib/core/suite";
import type { Config } from "../../lib/core/types";
import { projectRoot } from "../../lib/data/files";
import { findSystem } from "../../lib/models";
import { groupBy } from "../../lib/report/verdict";
import { readRecords, writeWhole } from "../../lib/training";
import type { Setup } from "./setups";

/** Trials of each system's search, CIA's too: equal for all, on the same validation data, every one logged. */
export const searchTrials = 8;

/** One system on one set of features: what the best trial changed, and by which record. */
export interface Choice {
  readonly system: string;
  readonly dataset: string;
  readonly features: string;
  readonly task: string;
  /** Difference of the best trial from trial 0, the settings that it has unsearched. */
  readonly setting: Config;
  /** Id of the record of the best trial. */
  readonly run: string;
}

const file = path.join(projectRoot(), "benchmarks", "suites", "chosen.json");
const choices = JSON.parse(fs.readFileSync(file, "utf8")) as readonly Choice[];

/**
 * Writes the best of the first eight trials of each recorded search of `cells`. A search without all of them, on one state of the data,
 * chooses nothing: its system would have had fewer tries than the others. Choices of searches that are not recorded here stay.
 * @throws UserError where no search is recorded
 */
export function writeChoices(
  runs: string,
  cells: readonly Cell[],
): { searches: number; unfinished: number; file: string } {
  const place = ({ system, dataset, features }: Pick<Choice, "system" | "dataset" | "features">) =>
    `${system}/${dataset}/${features}`;
  const searched = new Set(cells.map(place));
  const names = new Set(cells.map(cellName)); // Table 4 searches some of these places, too
  const { records } = readRecords(runs);
  const counted = records.filter((r) => names.has(r.cell) && r.trial !== undefined && r.trial < searchTrials);
  const searches = groupBy(counted, ({ cell, dataHash }) => `${cell} ${dataHash}`);
  const complete = [...searches.values()].filter((trials) => {
    const numbers = new Set(trials.map(({ trial }) => trial));
    const defaults = trials.find(({ trial }) => trial === 0)?.config;
    return (
      defaults &&
      numbers.size >= trialCount({ space: findSystem(trials[0].system).space, trials: searchTrials, defaults })
    );
  });
  const found = complete.flatMap((trials): Choice[] => {
    const best = bestTrial(trials);
    const base = trials.find(({ trial }) => trial === 0)?.config;
    if (!best || !base) return [];
    const { system, dataset, features, task, config, id } = best;
    const setting = Object.fromEntries(Object.entries(config).filter(([key, value]) => base[key] !== value));
    return [{ system, dataset, features, task, setting, run: id }];
  });
  if (!found.length)
    throw new UserError(
      `${runs}: expected runs of the suite table5-search, found none. npm run reproduce -- table5-search --profile full makes them.`,
    );
  const places = new Set(found.map(place));
  const all = [...found, ...choices.filter((choice) => searched.has(place(choice)) && !places.has(place(choice)))];
  all.sort((a, b) => (place(a) < place(b) ? -1 : 1));
  writeWhole(file, `${JSON.stringify(all, null, 2)}\n`);
  return { searches: found.length, unfinished: searches.size - complete.length, file };
}

/** What a system runs with on a set-up: the choice on those features, found with two (three) classes and used for every task there; {} where none was searched. */
export function chosenSettings(system: string, { dataset, features }: Pick<Setup, "dataset" | "features">): Config {
  return choices.find((c) => c.system === system && c.dataset === dataset && c.features === features)?.setting ?? {};
}
