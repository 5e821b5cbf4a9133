import { strict as assert } from "node:assert";
import { canonicalJson } from "../../lib/core/json";
import { trialCount, type Search } from "../../lib/core/suite";
import type { Config, ConfigValue } from "../../lib/core/types";
import { findSystem } from "../../lib/models";
import { defaultConfig, trialsOf } from "../../lib/training";

describe("random search", () => {
  const distinct = (trials: readonly Config[]) => new Set(trials.map((t) => canonicalJson(t))).size;

  it("tries the defaults once and then settings that differ from them and from each other", () => {
    const search: Search = { space: { a: [1, 2], b: [1, 2, 3] }, trials: 20, defaults: { a: 2, b: 3, c: 9 } };
    const trials = trialsOf("small", search);
    assert.equal(trials.length, 6, "the space whole");
    assert.equal(trialCount(search), 6);
    assert.deepEqual(trials[0], {});
    assert.equal(distinct(trials), 6);
    assert.ok(!trials.some(({ a, b }) => a === 2 && b === 3));
    const without = { ...search, defaults: { a: 5, b: 3 } };
    assert.equal(trialCount(without), 7);
    assert.equal(trialsOf("small", without).length, 7);
  });

  it("draws every value of every setting alike, in spaces that a number can count and in others", () => {
    for (const name of ["mfm", "mfn"]) {
      const system = findSystem(name);
      const search: Search = { space: system.space, trials: 2001, defaults: defaultConfig(system) };
      const trials = trialsOf("even", search).slice(1);
      assert.equal(distinct(trials), 2000);
      for (const [key, values] of Object.entries(system.space)) {
        // Chi-squared of 2,000 draws over at most eight values: 35 leaves a chance of one in 100,000.
        const expected = trials.length / values.length;
        const count = (value: ConfigValue) => trials.filter((trial) => trial[key] === value).length;
        const chi = values.reduce<number>((sum, value) => sum + (count(value) - expected) ** 2 / expected, 0);
        assert.ok(chi < 35, `${name}, ${key}: ${values.map((v) => `${v} ${count(v)}`).join(", ")}`);
      }
    }
  });
});
