import { strict as assert } from "node:assert";
import { plan } from "../../benchmarks/harness/plan";
import { findSuite } from "../../benchmarks/suites";
import type { Suite } from "../../lib/core/suite";

describe("the plan of several suites", function () {
  this.timeout(60_000);
  const [cell] = findSuite("ci").cells;
  const suiteOf = (name: string, seeds: readonly number[]): Suite => ({ ...findSuite("ci"), name, cells: [cell], seeds: { quick: seeds, full: seeds } }); // prettier-ignore
  const [one, many] = [suiteOf("one", [2]), suiteOf("many", [1, 2, 3])];
  const planned = (...suites: Suite[]) => plan(suites, { profile: "full", records: [] });

  it("has a cell that several hold once, with the seeds of all, whatever their order", async () => {
    for (const suites of [
      [one, many],
      [many, one],
    ]) {
      const cells = await planned(...suites);
      assert.deepEqual(cells.map(({ suite }) => suite), [suites[0].name]); // prettier-ignore
      const { runs } = cells[0];
      assert.deepEqual(runs.map(({ job }) => job.seed), [1, 2, 3]); // prettier-ignore
      assert.equal(new Set(runs.map(({ id }) => id)).size, 3);
      assert.equal(runs[1].job.suite, suites[0].name); // where both have it, it is the first one's
    }
  });

  it("has a cell that lacks data once", async () => {
    const lacking = (suite: Suite) => ({ ...suite, cells: [{ ...cell, missing: "not public" }] });
    const cells = await planned(lacking(one), lacking(many));
    assert.deepEqual(cells.map(({ suite, missing }) => [suite, missing]), [["one", "not public"]]); // prettier-ignore
  });
});
