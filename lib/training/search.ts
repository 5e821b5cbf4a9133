/** Random search: the same number of trials, the same validation data and the same seed for every system. */
import { SystemError } from "../core/errors";
import { Rng } from "../core/rng";
import { spaceSize, trialCount } from "../core/suite";
import type { Config, SearchSpace } from "../core/types";

/** Setting number `index` of a space, in the order of its keys. */
function settingAt(space: SearchSpace, index: number): Config {
  const setting: Record<string, Config[string]> = {};
  for (const key of Object.keys(space).sort()) {
    const values = space[key];
    if (!values.length) throw new SystemError(`search space, ${key}: expected at least one value, found none.`);
    setting[key] = values[index % values.length];
    index = Math.floor(index / values.length);
  }
  return setting;
}

/**
 * Settings to try: trial 0 is the defaults ({}), the others are drawn from the space without repetition, by the name of the
 * search alone. A space with fewer settings than trials is tried whole.
 */
export function trialsOf(name: string, space: SearchSpace, trials: number): Config[] {
  const drawings = trialCount({ space, trials }) - 1;
  const size = spaceSize(space);
  const rng = new Rng(0, `search/${name}`);
  const drawn = new Set<number>();
  while (drawn.size < drawings) drawn.add(rng.integer(size));
  return trials < 1 ? [] : [{}, ...[...drawn].map((index) => settingAt(space, index))];
}
