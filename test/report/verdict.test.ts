// Verdicts on made-up runs, worked out by hand.
import { strict as assert } from "node:assert";
import type { RunRecord } from "../../lib/core/record";
import { cellName, type Cell, type PaperValue } from "../../lib/core/suite";
import {
  allPaperValues,
  checkPrinted,
  compareCells,
  comparisonFindings,
  countedVerdicts,
  formatDifference,
  formatValue,
  labelsOf,
  printed,
  summarise,
  summariseCell,
  type VerdictKind,
} from "../../lib/report";
import { metricInfo } from "../../lib/metrics";
import { overSeeds } from "../../lib/metrics/intervals";
import { formatMean, formatSeedInterval, formatSeeds } from "../../lib/report/verdict";
import { hashOf, sha256 } from "../../lib/core/json";
import { recordId } from "../../lib/core/record";
import { run, table1, table3 } from "./sample";

const mosi = table1.cells.find((c) => c.dataset === "mosi" && c.modalities.length === 3 && c.task.kind === "classes")!;
const A2 = (value: string): PaperValue => ({ table: "1", row: "T+A+V", column: "mosi/sentiment/A2", value });

/** Runs of a cell with these A2. */
const runsWith = (cell: Cell, values: readonly (number | null)[]): RunRecord[] =>
  values.map((A2, i) => ({ ...run(cell, i + 1), metrics: { test: { A2 } } }));

const verdictOf = (values: readonly number[], cell: Partial<Cell> = {}, comparable: true | string = true) => {
  const paper = A2("79.88");
  const full: Cell = { ...mosi, metrics: [{ name: "A2", paper, comparable }], ...cell };
  const { metrics } = summariseCell("table1", full, runsWith(full, values));
  return metrics[0].printed[0].verdict;
};

describe("the verdict on a printed value", () => {
  it("is 'reproduced' when the mean is equivalent within one point", () => {
    const verdict = verdictOf([0.7988, 0.801, 0.797, 0.7995, 0.7978]);
    assert.equal(verdict.kind, "reproduced");
    assert.match(verdict.why, /^within ±1\.00 points: ours is/);
  });
  it("is 'reproduced' also when a tiny difference is certain", () => {
    assert.equal(verdictOf([0.795, 0.7951, 0.7949]).kind, "reproduced");
  });
  it("is 'differs' with the difference and its interval when the interval does not hold it", () => {
    // mean 0.75, sd 0.01, n 5: interval +-2.776 * 0.01 / sqrt(5) = 0.0124 around -0.0488
    const verdict = verdictOf([0.74, 0.75, 0.76, 0.76, 0.74]);
    assert.equal(verdict.kind, "differs");
    assert.equal(verdict.why, "ours is −4.88 points from the printed value [−6.12, −3.64]");
  });
  it("is 'undecided' where our mean differs, but one more run of ours could give the printed value", () => {
    // mean 0.776, sd 0.0114, n 5: the mean's interval reaches 0.0142, that of one more run 0.0347; the printed 0.7988 is 0.0228 away
    const verdict = verdictOf([0.76, 0.77, 0.78, 0.78, 0.79]);
    assert.equal(verdict.kind, "undecided");
    assert.match(verdict.why, /\[−3\.70, −0\.86\]: one more run could give it, by 5 seeds$/);
  });
  it("is 'undecided' where all runs are equal, near the printed value or far from it", () => {
    for (const value of [0.7988, 0.6375]) {
      const verdict = verdictOf([value, value]);
      assert.equal(verdict.kind, "undecided");
      assert.match(verdict.why, /all 2 runs give the same value/);
    }
  });
  it("is 'undecided' when the seeds are too few or too far apart", () => {
    assert.equal(verdictOf([0.78, 0.81]).kind, "undecided");
    assert.match(verdictOf([0.7988]).why, /one seed has no interval/);
  });
  it("is 'not comparable' with the reason, and ours beside it", () => {
    const verdict = verdictOf([0.79, 0.8], {}, "other text features");
    assert.equal(verdict.kind, "notComparable");
    assert.match(verdict.why, /^other text features; ours is/);
  });
  it("is 'no data' with what is missing, and 'not run' without runs", () => {
    assert.deepEqual(verdictOf([], { missing: "the audio files are gone" }), {
      kind: "noData",
      why: "the audio files are gone",
    });
    assert.deepEqual(verdictOf([]), { kind: "notRun", why: "no run is recorded" });
  });
  it("is 'impossible as printed' for the paper's headline on ICT-MMMO, with the neighbours, whatever ours says", () => {
    const headline = printed("1", "T+A+V", "mmmo/sentiment/A2")!;
    const cell: Cell = { ...mosi, dataset: "mmmo", metrics: [{ name: "A2", paper: headline, comparable: true }] };
    for (const values of [[], [0.8, 0.81, 0.82]]) {
      const [{ verdict }] = summariseCell("table1", cell, runsWith(cell, values)).metrics[0].printed;
      assert.equal(verdict.kind, "impossible");
      assert.match(verdict.why, /^on 80 test units the values beside 82\.75 are 82\.50 and 83\.75/);
    }
  });
  it("asks only accuracies on known test sets for whole numbers", () => {
    assert.equal(checkPrinted(printed("1", "T", "mosi/sentiment/F1")!), undefined);
    assert.equal(checkPrinted(printed("1", "T", "mosei/sentiment/A2")!), undefined);
    assert.equal(checkPrinted(printed("5b", "t-test p", "moud/sentiment/A2")!), undefined);
    const impossible = allPaperValues().filter((paper) => checkPrinted(paper)?.possible === false);
    assert.deepEqual(
      impossible.filter(({ table }) => table === "1").map(({ row, value }) => `${row} ${value}`),
      ["A 78.34", "V 62.76", "T+V 53.91", "T+A 80.01", "T+A 49.37", "T+A+V 82.75", "T+A+V 82.41"],
    ); // systems.md 3.2 names the same
    // MFN's 51.7 on YouTube is 31 of 60, the samples of the data that its authors published: no matter of CIA's 59.
    assert.ok(impossible.every(({ table, row }) => table !== "5b" || row === "CIA"));
  });
});

describe("the summary of a cell", () => {
  it("counts failed runs, leaves their scores out, and says where a metric is undefined", () => {
    const records = [...runsWith(mosi, [0.8, null, 0.79]), run(mosi, 9, { failed: "loss is not finite" })];
    const { metrics, runs, failed } = summariseCell("table1", mosi, records);
    assert.deepEqual([runs.length, failed.length], [3, 1]);
    assert.deepEqual(metrics[0].values, [0.8, 0.79]);
    assert.equal(metrics[0].undefinedRuns, 1);
  });
  it("does not mix runs with other data or another configuration, and keeps them", () => {
    const other = { ...run(mosi, 1), dataHash: sha256("new data") };
    const moved = { ...other, id: recordId(other) };
    const { runs, others } = summariseCell("table1", mosi, [moved, ...runsWith(mosi, [0.8, 0.81])]);
    assert.deepEqual([runs.length, others.length], [2, 1]);
    assert.equal(others[0].dataHash, moved.dataHash);
  });
  it("shows the latest configuration, also where an earlier one has more runs", () => {
    const config = { k: 50 };
    const later = { ...run(mosi, 1), config, configHash: hashOf(config), started: "2030-01-01T00:00:00.000Z" };
    const records = [...runsWith(mosi, [0.8, 0.81]), { ...later, id: recordId(later), metrics: { test: { A2: 0.7 } } }];
    const { metrics, others } = summariseCell("table1", mosi, records);
    assert.deepEqual([metrics[0].values, others.length], [[0.7], 2]);
  });
  it("shows as many trials as its search declares, whoever else searched the cell", () => {
    const trials = Array.from({ length: 12 }, (_, trial) => ({ ...run(mosi, 1), trial }));
    const search = { space: { k: [1, 2, 3, 4, 5, 6, 7, 8, 9] }, trials: 8, defaults: {} };
    assert.equal(summariseCell("table5-search", { ...mosi, search }, trials).trials.length, 8);
  });
  it("counts a run once, and a retry in place of its failure", () => {
    const good = run(mosi, 1);
    const { runs, failed } = summariseCell("table1", mosi, [run(mosi, 1, { failed: "killed" }), good, good]);
    assert.deepEqual([runs.length, failed.length], [1, 0]);
  });
  it("leaves out trials of a search", () => {
    const config = { k: 50 };
    const trial = { ...run(mosi, 1), trial: 0, config, configHash: hashOf(config) };
    const { runs, trials } = summariseCell("table1", mosi, [trial]);
    assert.deepEqual([runs.length, trials.length], [0, 1]);
  });
  it("gives the best seed and the rank of the printed value, downwards for MAE", () => {
    const cell: Cell = {
      ...mosi,
      metrics: [{ name: "MAE", paper: printed("1", "T+A+V", "mosi/intensity/MAE"), comparable: true }],
    };
    const records = [0.9, 0.95, 0.97].map((MAE, i) => ({ ...run(cell, i), metrics: { test: { MAE } } }));
    const [metric] = summariseCell("table1", cell, records).metrics;
    assert.equal(metric.best, 0.9);
    assert.equal(metric.printed[0].rank, 2); // 0.914: only 0.9 is better
    // 548 of 686 is printed as 79.88: runs with as many right equal it
    const equal = summariseCell("table1", mosi, runsWith(mosi, [548 / 686, 549 / 686, 547 / 686]));
    assert.equal(equal.metrics[0].printed[0].rank, 2);
  });
  it("gives one of the 315 printed values to each verdict, the most telling of several cells", () => {
    const summaries = [table1, table3].flatMap((suite) =>
      summarise(
        suite,
        suite.cells.filter(({ missing }) => !missing).map((cell) => run(cell, 1)),
      ),
    );
    const fact = {
      paper: printed("2", "Count", "mosei/emotions:six/count")!,
      ours: "8",
      verdict: { kind: "reproduced" as VerdictKind, why: "equal" },
    };
    const counted = countedVerdicts(allPaperValues(), summaries, [fact]);
    assert.equal(counted.length, 315);
    const of = (table: string, row: string, column: string) =>
      counted.find(({ paper }) => paper.table === table && paper.row === row && paper.column === column)!.verdict.kind;
    assert.equal(of("1", "T", "mosi/sentiment/A2"), "undecided");
    assert.equal(of("1", "T", "moud/sentiment/A2"), "noData");
    assert.equal(of("1", "T+A+V", "moud/sentiment/A2"), "impossible");
    assert.equal(of("2", "Count", "mosei/emotions:six/count"), "reproduced");
    assert.equal(of("5b", "MFN", "mosi/sentiment/A2"), "notRun");
  });
});

describe("numbers in tables", () => {
  it("are percent with the paper's digits, or native units, with a real minus sign and no negative zero", () => {
    assert.equal(formatValue(0.79883, metricInfo("A2"), 2), "79.88");
    assert.equal(formatValue(-0.0401, metricInfo("r")), "−0.040");
    assert.equal(formatValue(-0.00001, metricInfo("r")), "0.000");
    assert.equal(formatDifference(0.0123, metricInfo("A2")), "+1.23 points");
    assert.equal(formatDifference(0, metricInfo("MAE")), "0.000");
  });
  it("have a spread and an interval where seeds differ, and say so where all are equal", () => {
    const texts = (values: readonly number[]) => {
      const ours = overSeeds(values);
      const info = metricInfo("A2");
      return [formatMean(ours, info), formatSeeds(ours), formatSeedInterval(ours, info)];
    };
    // sd 0.01, n 3: t(0.975, 2) = 4.3027, so the interval reaches 0.0248
    assert.deepEqual(texts([0.75, 0.76, 0.77]), ["76.0 ± 1.0", "n 3", "[73.5, 78.5]"]);
    assert.deepEqual(texts([0.1 + 0.2, 0.3, 0.3]), ["30.0", "n 3, all equal", undefined]);
    assert.deepEqual(texts([0.3]), ["30.0", "n 1", undefined]);
  });
});

describe("systems compared", () => {
  const [full, ablation] = table3.cells;
  const group = (a: number[], b: number[]) => [
    summariseCell("table3", full, runsWith(full, a)),
    summariseCell("table3", ablation, runsWith(ablation, b)),
  ];
  it("pair runs by seed and adjust over all lines", () => {
    // differences 0.01, 0.02, 0.03: t = 3.4641, p = 0.07418 (df 2)
    const [c] = compareCells(group([0.81, 0.82, 0.83], [0.8, 0.8, 0.8]), "first");
    assert.ok(Math.abs(c.difference - 0.02) < 1e-12);
    assert.ok(Math.abs(c.p! - 0.0741799) < 1e-6);
    assert.equal(c.holmP, c.p);
    assert.deepEqual([c.n, c.improvement], [3, 1]);
  });
  it("use common seeds only and have no p for one of them", () => {
    const [c] = compareCells(group([0.81, 0.82], [0.8]), "all");
    assert.deepEqual([c.n, c.p, c.holmP], [1, undefined, undefined]);
  });
  it("have the p of the sign-flip test where all differences are equal: no spread is no certainty", () => {
    const [c] = compareCells(group([0.8375, 0.825, 0.85], [0.8, 0.7875, 0.8125]), "first");
    assert.deepEqual([c.p, c.holmP, c.detectable, c.interval], [0.25, 0.25, undefined, undefined]);
  });
  it("call identical runs equal", () => {
    const [c] = compareCells(group([0.8, 0.81], [0.8, 0.81]), "all");
    assert.deepEqual([c.difference, c.p, c.improvement], [0, 1, 0.5]);
  });
  it("are told plainly, worse ones by name", () => {
    const cells = [
      ...group([0.8, 0.81, 0.82], [0.7, 0.712, 0.719]),
      summariseCell("table3", table3.cells[2], runsWith(table3.cells[2], [0.9, 0.911, 0.919])),
    ];
    assert.deepEqual(comparisonFindings(compareCells(cells, "first"), labelsOf(cells, { cia: "CIA" })), [
      "CIA T+A+V, A2: better than 1 of 2, worse than 1 (CIA T+A+V, iim=encoders-only), no difference shown for 0.",
    ]);
  });
  it("leave yardsticks out of the count, and say what one common seed could not test", () => {
    const of = (system: string, values: number[]) => {
      const cell: Cell = { ...full, system };
      return summariseCell("table3", cell, runsWith(cell, values));
    };
    const cells = [
      summariseCell("table3", full, runsWith(full, [0.8, 0.81, 0.82])),
      of("mfn", [0.7, 0.712, 0.719]),
      of("constant", [0.5, 0.51, 0.5]),
      of("tfn", [0.9]),
    ];
    const labels = labelsOf(cells, { cia: "CIA", mfn: "MFN", tfn: "TFN" });
    assert.deepEqual(comparisonFindings(compareCells(cells, "first"), labels), [
      "CIA T+A+V, A2: better than 1 of 1, worse than 0, no difference shown for 0; one common seed, not tested: TFN T+A+V.",
    ]);
  });
  it("name cells by system, data, modalities, task, protocol and difference from the defaults", () => {
    assert.equal(cellName(ablation), "cia/mosi/minilm/TAV/classes:2/validation/iim=false");
  });
});
