import { strict as assert } from "node:assert";
import { groupsDrawn } from "../../benchmarks/harness/evidence";
import { inOrderOf } from "../../benchmarks/harness/report";
import { cellName } from "../../lib/core/suite";
import { loadDataset, findDataDir, pack, type RawSequence } from "../../lib/data";
import { renderReport, type PairEvidence } from "../../lib/report";
import { sampleInput, table1 } from "../report/sample";

describe("what a bootstrap over the test set draws", () => {
  const sequence = (id: string, steps: number, video?: string): RawSequence => ({
    id,
    ...(video && { video }),
    steps,
    x: { T: new Float32Array(steps).fill(1) },
    classes: Array<number>(steps).fill(0),
  });
  const dataset = (level: "row" | "sequence", test: readonly RawSequence[]) =>
    pack({
      name: "d",
      features: "f",
      level,
      caveats: [],
      widths: { T: 1 },
      splits: { train: [sequence("t", 1)], test },
    });
  const drawn = (...of: Parameters<typeof dataset>) => {
    const found = groupsDrawn(dataset(...of));
    return [found.drawn, [...found.groups]];
  };

  it("is videos where each sample's video is known, also where several samples are of one", () =>
    assert.deepEqual(drawn("sequence", [sequence("a", 2, "v"), sequence("b", 1, "w"), sequence("c", 1, "v")]), [
      "videos",
      [0, 1, 0],
    ]));
  it("is videos where a sequence with a label a row is one", () =>
    assert.deepEqual(drawn("row", [sequence("a", 2), sequence("b", 1)]), ["videos", [0, 0, 1]]));
  it("is samples where nobody knows their videos", () =>
    assert.deepEqual(drawn("sequence", [sequence("a", 2), sequence("b", 1)]), ["samples", [0, 1]]));
  for (const [name, what] of [
    ["mmmo", "videos"],
    ["youtube", "samples"],
  ] as const)
    it(`is ${what} for ${name}`, async function () {
      if (!findDataDir(name, ["y_train.h5", "text_test_emb.h5"])) {
        console.log(`      no ${name} on this machine`);
        this.skip();
      }
      for (const features of ["covarep+facet", "resplit"]) {
        const data = await loadDataset(name, { features });
        const { drawn, groups } = groupsDrawn(data);
        assert.equal(drawn, what);
        assert.deepEqual([...groups], [...groups.keys()]);
      }
    });

  it("is named in the report: never videos where samples were drawn", async () => {
    const cell = table1.cells.find((c) => c.modalities.length === 3 && c.dataset === "mosi")!;
    const second = table1.cells.find((c) => c.modalities.length === 2 && c.dataset === "mosi")!;
    const evidence: PairEvidence = {
      first: cellName(cell),
      second: cellName(second),
      metric: "A2",
      bootstrap: { low: -0.01, high: 0.02, p: 0.4, drawn: "samples" },
    };
    const resampled = { [cellName(cell)]: { A2: { low: 0.75, high: 0.84, level: 0.95, drawn: "samples" } } } as const;
    const { html, csv } = await renderReport({ ...sampleInput(), resampled, evidence: [evidence] });
    assert.match(
      html,
      /which of them come from one video is not known, so it may be too narrow[^>]*>95 % over samples/,
    );
    assert.match(html, /paired bootstrap over samples: [^>]*>Over samples</);
    assert.doesNotMatch(html, /Over videos|over videos: /);
    const [header, ...lines] = csv.table1.split("\n").map((line) => line.split(","));
    const column = header.indexOf("resampled");
    assert.deepEqual([...new Set(lines.map((line) => line[column]).filter(Boolean))], ["samples"]);
  });
});

describe("the cells that evidence compares", () => {
  it("stand in the order of their suite's tables, whatever other suites show before", () => {
    const names = table1.cells.map(cellName);
    const all = [...names.toReversed(), "another suite's"].map((name) => ({ name }));
    assert.deepEqual(
      inOrderOf(table1, all).map(({ name }) => name),
      [...new Set(names)],
    );
  });
});
