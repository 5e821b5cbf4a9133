import { strict as assert } from "node:assert";
import { plan } from "../../benchmarks/harness/plan";
import { findSuite } from "../../benchmarks/suites";
import type { Suite } from "../../lib/core/suite";
import { temporaryFolder } from "../training/helpers";

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

  it("deals each cell's rounds about, as if all data were here: shards on machines that lack some agree", async () => {
    const [first, ...rest] = findSuite("ci").cells;
    const elsewhere = { ...first, dataset: "mmmo", features: "covarep+facet" };
    const gone = { ...rest[1], missing: "not public" };
    const suite = { ...suiteOf("some", [1, 2, 3]), cells: [first, elsewhere, gone, rest[0]] };
    const cells = await plan([suite], { profile: "full", records: [], dataDir: temporaryFolder("no-data") });
    assert.match(cells[1].missing!, /mmmo/);
    assert.deepEqual(cells.map(({ runs }) => runs.map(({ deal }) => deal)), [[0, 1, 2], [], [], [2, 3, 4]]); // prettier-ignore
  });

  it("has a cell that lacks data once", async () => {
    const lacking = (suite: Suite) => ({ ...suite, cells: [{ ...cell, missing: "not public" }] });
    const cells = await planned(lacking(one), lacking(many));
    assert.deepEqual(cells.map(({ suite, missing }) => [suite, missing]), [["one", "not public"]]); // prettier-ignore
  });
});
