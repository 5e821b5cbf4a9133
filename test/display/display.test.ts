/** What notebooks show, looked at from outside a kernel: the forms of an output, and its words. */
import * as assert from "node:assert";
import {
  barSpec,
  chartBundle,
  chartSvg,
  dotSpec,
  duration,
  frame,
  heatmapSpec,
  lineSpec,
  tableBundle,
} from "../../lib/display";
import { categoryColours, categoryDashes, roleColours } from "../../lib/core/chart-style";

const html = (bundle: Readonly<Record<string, unknown>>) => String(bundle["text/html"]);

describe("table", () => {
  const rows = [
    { system: "CIA", A2: 0.78123, n: 5 },
    { system: "<svm>", A2: null, n: 10 },
  ];
  it("aligns numbers to the right, shortens them, and shows what is absent as a dash", () => {
    assert.strictEqual(
      tableBundle(rows, { title: "Table 1", digits: { A2: 2 }, note: "MOSI" })["text/plain"],
      ["Table 1", "", "system    A2   n", "------  ----  --", "CIA     0.78   5", "<svm>      –  10", "", "MOSI"].join(
        "\n",
      ),
    );
  });
  it("escapes what cells and titles hold", () => {
    const page = html(tableBundle(rows, { title: 'a "<b>"' }));
    assert.ok(page.includes("&lt;svm&gt;") && page.includes("a &quot;&lt;b&gt;&quot;") && !page.includes("<svm>"));
  });
  it("takes the columns and headings that are asked for", () => {
    const text = tableBundle(rows, { columns: { n: "runs", system: "System" } })["text/plain"];
    assert.ok(text.startsWith("runs  System\n") && !text.includes("A2"));
  });
  it("says so when there are no rows", () => {
    assert.strictEqual(tableBundle([], { title: "Runs" })["text/plain"], "Runs: nothing to show");
  });
  it("shows a danfojs frame with its index", async () => {
    const data = await frame([{ a: 1 }, { a: 2 }, { a: 6 }]);
    const text = tableBundle(data.describe())["text/plain"];
    assert.match(text, /mean +3\b/); // (1 + 2 + 6) / 3
    assert.match(text, /max +6\b/);
  }).timeout(20000);
});

describe("chart", function () {
  this.timeout(30_000); // the first chart loads Vega
  const rows = [
    { modality: "T", who: "ours", f1: 77.1, low: 76, high: 78.2 },
    { modality: "T", who: "paper", f1: 77.43 },
    { modality: "TAV", who: "ours", f1: 78.0, low: 77, high: 79 },
    { modality: "TAV", who: "paper", f1: 79.54 },
  ];
  const dots = { label: "modality", value: "f1", low: "low", high: "high", series: "who", axis: "F1, weighted (%)" };

  it("carries a live form, a picture and words in one output", async () => {
    const bundle = await chartBundle(dotSpec(rows, dots), "F1 by modality, ours beside the paper's.");
    assert.deepStrictEqual(Object.keys(bundle), ["application/vnd.vegalite.v5+json", "image/svg+xml", "text/plain"]);
    const svg = String(bundle["image/svg+xml"]);
    for (const word of ["F1, weighted (%)", "ours", "paper", "TAV"]) assert.ok(svg.includes(word), word);
    assert.ok(svg.includes('aria-label="F1 by modality, ours beside the paper&#39;s."'));
    assert.ok(svg.includes(roleColours.ours) && svg.includes(roleColours.paper));
  });
  it("draws an interval for each value that has one, and none for the paper's", async () => {
    const svg = await chartSvg(dotSpec(rows, dots), "x");
    const rules = svg.match(/<line[^>]* stroke="#0072b2"[^>]*>/g) ?? [];
    assert.strictEqual(rules.length, 2);
  });
  it("refuses a field that no row has, and names those there are", () => {
    assert.throws(
      () => dotSpec(rows, { ...dots, value: "F1" }),
      /expected rows with the field "F1", found modality, who, f1/,
    );
    assert.throws(
      () => barSpec([], { category: "a", value: "b", categoryAxis: "", valueAxis: "" }),
      /expected rows to draw/,
    );
  });
  it("refuses a specification that Vega-Lite would draw empty", async () => {
    const spec = { data: { values: [{ a: 1 }] }, mark: "point", encoding: { ex: { field: "a" } } };
    await assert.rejects(chartSvg(spec, "broken"), /chart "broken".*ex is not a valid encoding channel/);
  });
  it("tells categories apart by dash as well as by colour", () => {
    assert.strictEqual(new Set(categoryColours).size, categoryColours.length);
    assert.strictEqual(new Set(categoryDashes.map(String)).size, categoryColours.length);
  });
  it("gives each measure its own panel and axis", () => {
    const spec = lineSpec([{ e: 1, m: "loss", v: 2 }], { x: "e", y: "v", panel: "m", xAxis: "epoch", yAxis: "" });
    assert.deepStrictEqual(spec.resolve, { scale: { y: "independent" } });
  });
  it("shows a matrix as one field a value, rows from the top", () => {
    const axes = { rowAxis: "query", columnAxis: "key", legend: "weight" };
    const spec = heatmapSpec([0.25, 0.75, 1, 0], { rows: ["u1", "u2"], columns: ["u1", "u2"], ...axes });
    assert.deepStrictEqual((spec.data as { values: unknown[] }).values[1], { row: "u1", column: "u2", value: 0.75 });
    assert.throws(
      () => heatmapSpec([1], { rows: ["a"], columns: ["b", "c"], ...axes }),
      /expected 1 x 2 = 2 values, found 1/,
    );
  });
});

describe("duration", () => {
  it("gives the units that one would say", () => {
    assert.deepStrictEqual([8.2, 80, 7500].map(duration), ["8 s", "1 min 20 s", "2 h 5 min"]);
  });
});
