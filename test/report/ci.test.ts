import { strict as assert } from "node:assert";
import {
  benchmarkEntries,
  checkJunit,
  checkPasses,
  junitXml,
  pullRequestSummary,
  summarise,
  type CheckLine,
} from "../../lib/report";
import { hostile, run, table1 } from "./sample";

const lines: CheckLine[] = [
  { cell: "cia/mosi", metric: "A2", result: "identical", n: 5, baseline: 0.8, now: 0.8, difference: 0 },
  {
    cell: "cia/mosi",
    metric: "MAE",
    result: "worse",
    n: 5,
    baseline: 0.9,
    now: 0.95,
    difference: 0.05,
    interval: { low: 0.03, high: 0.07, level: 0.95 },
    holmP: 0.0012,
    detectable: 0.02,
    seconds: 1.5,
  },
  { cell: "cia/moud", metric: "A2", result: "refused", n: 0, why: `data hash differs ${hostile}` },
];

describe("what a CI server reads", () => {
  it("is JUnit XML with a failure for what is worse or refused, and hostile text as text", () => {
    const xml = checkJunit("check", lines);
    assert.match(
      xml,
      /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuites name="check" tests="3" failures="2" errors="0" skipped="0" time="1\.500">/,
    );
    assert.match(xml, /<testsuite name="cia\/mosi" tests="2" failures="1"/);
    assert.match(
      xml,
      /<failure message="worse, n 5; baseline 0\.900; now 0\.950; difference \+0\.050 \[0\.030, 0\.070\]; Holm p 0\.0012; smallest detectable 0\.020">/,
    );
    assert.match(xml, /data hash differs &lt;script&gt;/);
    // Every tag that opens closes, in order.
    const open: string[] = [];
    for (const [, close, name, empty] of xml.matchAll(/<(\/?)([a-z-]+)[^<>]*?(\/?)>/g))
      if (close) assert.equal(open.pop(), name);
      else if (!empty) open.push(name);
    assert.deepEqual(open, []);
  });
  it("tells a skipped case from a failed one", () => {
    const xml = junitXml("x", [
      { suite: "s", name: "n", skipped: "no GPU" },
      { suite: "s", name: "m" },
    ]);
    assert.match(xml, /skipped="1"/);
    assert.match(xml, /<skipped message="no GPU"\/>/);
    assert.match(xml, /<testcase classname="s" name="m" time="0\.000"\/>/);
  });
  it("passes only when nothing is worse and nothing was refused", () => {
    assert.equal(checkPasses(lines.slice(0, 1)), true);
    assert.equal(checkPasses(lines.slice(0, 2)), false);
    assert.equal(checkPasses([lines[2]]), false);
  });
  it("is a Markdown summary whose first line says how it ended", () => {
    const text = pullRequestSummary("ci suite", lines);
    assert.match(text, /^### ci suite \*\*fails\*\*: 1 identical, 1 worse, 1 refused\n/);
    assert.equal(text.split("\n").filter((l) => l.startsWith("| cia/")).length, 3);
    assert.match(pullRequestSummary("ci suite", []), /nothing was compared/);
  });
  it("is a file of entries for each direction of github-action-benchmark", () => {
    const cells = table1.cells.slice(0, 2);
    const { bigger, smaller } = benchmarkEntries(
      summarise(
        { ...table1, cells },
        cells.flatMap((c) => [run(c, 1), run(c, 2)]),
      ),
    );
    assert.deepEqual(
      bigger.map(({ name, unit }) => `${name} (${unit})`),
      [
        "cia/mosi/minilm/T/classes:2/validation: A2 (%)",
        "cia/mosi/minilm/T/classes:2/validation: F1 (%)",
        "cia/mosi/minilm/T/intensity/validation: r (r)",
      ],
    );
    assert.deepEqual(
      smaller.map(({ unit }) => unit),
      ["MAE"],
    );
    const A2 = [1, 2].map((seed) => run(cells[0], seed).metrics.test.A2!);
    assert.equal(bigger[0].value, ((A2[0] + A2[1]) / 2) * 100);
    assert.match(bigger[0].range!, /^± \d/);
  });
});
