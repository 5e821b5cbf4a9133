import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { writeArtefacts } from "../../benchmarks/harness/figures";
import { foldersOf } from "../../benchmarks/harness/folders";
import { findSuite } from "../../benchmarks/suites";
import { sha256 } from "../../lib/core/json";
import { cellName } from "../../lib/core/suite";
import { readRecords } from "../../lib/training";
import { temporaryFolder } from "../training/helpers";
import { run } from "./helpers";

describe("a figure of a run that is trained again", function () {
  this.timeout(120_000);

  it("is made from the record's own weights, and is kept as it was where training ends with others", async () => {
    const runs = temporaryFolder("runs");
    const filter = ["--system", "cia", "--task", "classes:2", "--seeds", "1", "--epochs", "1"];
    const { code, err } = await run("run", ["ci", ...filter, "--no-report", "--out", runs]);
    assert.equal(code, 0, err);
    const [record] = readRecords(runs).records;
    const cells = findSuite("ci").cells.map((cell) => ({ ...cell, config: { ...cell.config, epochs: 1 } }));
    const options = {
      suites: [{ ...findSuite("figure2"), cells: cells.filter((cell) => cellName(cell) === record.cell) }],
      profile: "quick",
      engine: "auto",
      fastMath: false,
      workers: 1,
      folders: foldersOf(runs),
      fresh: false,
      retryFailed: false,
      checkpointSeconds: 10,
    } as const;
    const said: string[] = [];
    const make = (weightsHash: string) => writeArtefacts(options, [{ ...record, weightsHash }], (line) => said.push(line)); // prettier-ignore
    await make(record.weightsHash!);
    const file = path.join(runs, "artefacts", "figure2.json");
    const made = fs.readFileSync(file, "utf8");
    assert.match(made, /Norm of the gradient/);
    await make(sha256("other weights"));
    assert.equal(fs.readFileSync(file, "utf8"), made);
    assert.match(said[said.length - 1], /figure2: cia\/synthetic.*expected the recorded weights .* found .*Nothing was written.*--fresh/); // prettier-ignore
  });
});
