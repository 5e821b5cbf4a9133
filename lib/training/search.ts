/** Random search: the same number of trials, the same validation data and the same seed for every system. */
import { SystemError } from "../core/errors";
import { canonicalJson } from "../core/json";
import { Rng } from "../core/rng";
import { isDefault, spaceSize, trialCount, type Search } from "../core/suite";
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

/** One of a space whose settings a number cannot count. */
function drawEach(space: SearchSpace, rng: Rng): Config {
  return Object.fromEntries(
    Object.keys(space)
      .sort()
      .map((key) => [key, rng.choice(space[key])]),
  );
}

/**
 * Settings to try: trial 0 is the defaults ({}), the others are drawn from the space without repetition, by the name of the
 * search alone. A space with fewer settings than trials is tried whole.
 */
export function trialsOf(name: string, search: Search): Config[] {
  const { space, trials, defaults } = search;
  const drawings = trialCount(search) - 1;
  const size = spaceSize(space);
  const rng = new Rng(0, `search/${name}`);
  const drawn = new Map<string, Config>();
  while (drawn.size < drawings) {
    const setting = size > Number.MAX_SAFE_INTEGER ? drawEach(space, rng) : settingAt(space, rng.integer(size));
    if (!isDefault(setting, defaults)) drawn.set(canonicalJson(setting), setting);
  }
  return trials < 1 ? [] : [{}, ...drawn.values()];
}
