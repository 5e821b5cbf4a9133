/** Settings that the search found best on validation, as `npm run reproduce -- table5-search --choose` wrote them. */
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { taskName, type Config } from "../../lib/core/types";
import { projectRoot } from "../../lib/data/files";
import { findSystem } from "../../lib/models";
import { bestTrial, defaultConfig, readRecords, writeWhole } from "../../lib/training";
import type { Setup } from "./setups";
import chosen from "./chosen.json";

/** One system on one data set: what the best trial changed, and by which record. */
export interface Choice {
  readonly system: string;
  readonly dataset: string;
  readonly features: string;
  readonly task: string;
  /** Difference from the system's defaults. */
  readonly setting: Config;
  /** Id of the record of the best trial, and how many trials there were. */
  readonly run: string;
  readonly trials: number;
}

const choices = chosen as readonly Choice[];

/**
 * Writes the best trial of each recorded search of the compared systems (CIA keeps the paper's settings).
 * @throws UserError where no search is recorded
 */
export function writeChoices(runs: string): { searches: number; file: string } {
  const { records } = readRecords(runs);
  const searches = new Map<string, (typeof records)[number][]>();
  for (const record of records)
    if (record.trial !== undefined && record.suite === "table5-search" && record.system !== "cia")
      searches.set(record.cell, [...(searches.get(record.cell) ?? []), record]);
  const found = [...searches.values()].flatMap((trials): Choice[] => {
    const best = bestTrial(trials);
    if (!best) return [];
    const { system, dataset, features, task, config, id } = best;
    const defaults = defaultConfig(findSystem(system));
    const setting = Object.fromEntries(Object.entries(config).filter(([key, value]) => defaults[key] !== value));
    return [{ system, dataset, features, task, setting, run: id, trials: trials.length }];
  });
  if (!found.length)
    throw new UserError(
      `${runs}: expected runs of the suite table5-search, found none. npm run reproduce -- table5-search --profile full makes them.`,
    );
  found.sort((a, b) => (`${a.system}/${a.dataset}` < `${b.system}/${b.dataset}` ? -1 : 1));
  const file = path.join(projectRoot(), "benchmarks", "suites", "chosen.json");
  writeWhole(file, `${JSON.stringify(found, null, 2)}\n`);
  return { searches: found.length, file };
}

/**
 * What a system runs with on a set-up: the search's choice on that data set (same features first), found with two classes and used
 * for every task there; {} (its defaults) where none was searched.
 */
export function chosenSettings(system: string, setup: Pick<Setup, "dataset" | "features" | "task">): Config {
  const here = choices.filter((c) => c.system === system && c.dataset === setup.dataset);
  const best =
    here.find((c) => c.features === setup.features && c.task === taskName(setup.task)) ??
    here.find((c) => c.features === setup.features) ??
    here[0];
  return best?.setting ?? {};
}
