/** Settings that the search found best on validation, as `npm run reproduce -- table5-search --choose` wrote them. */
import type { Config } from "../../lib/core/types";
import { taskName } from "../../lib/core/types";
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
