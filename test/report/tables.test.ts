import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { csv, htmlTable, latexTable, markdownTable, type Table } from "../../lib/report";
import { escapeCsv, escapeHtml, escapeLatex, escapeMarkdown } from "../../lib/report/escape";
import { parse } from "csv-parse/sync";
import { temporaryFolder } from "../training/helpers";
import { hostile } from "./sample";

const table: Table = {
  id: "t",
  caption: `Caption ${hostile}`,
  columns: [{ title: "System" }, { title: "A2, %", numeric: true }],
  rows: [
    [
      "CIA_T & co",
      { text: "79.88 ± 0.40", notes: ["[79.0, 80.7], n 5", "paper 79.88"], verdict: "reproduced", href: "#cell-1" },
    ],
    [hostile, "–"],
  ],
  notes: ["Test units: 686."],
};

describe("tables", () => {
  it("hold hostile text as text in HTML", () => {
    const html = htmlTable(table);
    assert.ok(!/<script/.test(html));
    assert.match(html, /<th scope="row">&lt;script&gt;alert\(&quot;x&quot;\)&lt;\/script&gt; &amp; &#39;quoted&#39;/);
    assert.match(html, /<td class="n"><a href="#cell-1">79\.88 ± 0\.40<\/a>/);
    assert.match(html, /<caption>/);
    assert.equal(html.match(/<th scope="col"/g)?.length, 2);
  });
  it("keep their columns in Markdown, whatever a cell says", () => {
    const rows = markdownTable(table)
      .split("\n")
      .filter((line) => line.startsWith("|"));
    assert.equal(rows.length, 4);
    for (const row of rows) assert.equal(row.match(/(?<!\\)\|/g)?.length, 3, row);
    assert.ok(!rows.join("").includes("<script"));
    assert.match(rows[2], /79\.88 ± 0\.40<br>\\\[79\.0, 80\.7\\\], n 5<br>paper 79\.88<br>= reproduced/);
  });
  it("are booktabs tables in LaTeX with every special character escaped", () => {
    const latex = latexTable(table);
    for (const part of [
      "\\toprule",
      "\\midrule",
      "\\bottomrule",
      "\\begin{tabular}{lr}",
      "CIA\\_T \\& co",
      "\\label{tab:t}",
    ])
      assert.ok(latex.includes(part), part);
    assert.ok(
      latex.includes(
        "\\makecell[tr]{79.88 $\\pm$ 0.40 \\\\ {[}79.0, 80.7{]}, n 5 \\\\ paper 79.88 \\\\ reproduced} \\\\",
      ),
    );
    assert.equal(
      escapeLatex("50 % _ # { ~ ^ \\ < ±"),
      "50 \\% \\_ \\# \\{ \\textasciitilde{} \\textasciicircum{} \\textbackslash{} $<$ $\\pm$",
    );
  });
  it("compile as LaTeX, short and long", function () {
    this.timeout(60_000);
    if (spawnSync("kpsewhich", ["adjustbox.sty", "makecell.sty"]).status !== 0) this.skip();
    const dir = temporaryFolder("latex");
    const long = { ...table, id: "long", rows: Array.from({ length: 40 }, () => table.rows).flat() };
    const packages = "\\usepackage[T1]{fontenc}\\usepackage{adjustbox,booktabs,longtable,makecell}";
    const body = [table, long].map(latexTable).join("\n");
    writeFileSync(join(dir, "t.tex"), `\\documentclass{article}${packages}\\begin{document}\n${body}\\end{document}\n`);
    const { status, stdout } = spawnSync("pdflatex", ["-interaction=nonstopmode", "-halt-on-error", "t.tex"], { cwd: dir, encoding: "utf8" }); // prettier-ignore
    assert.equal(status, 0, stdout);
  });
  it("come back from CSV as they were, with full precision", () => {
    const rows = [
      ["a,b", 'say "x"', 0.1 + 0.2],
      ["line\nfeed", undefined, null],
    ];
    const back = parse(csv(["one", "two", "three"], rows)) as string[][];
    assert.deepEqual(back, [
      ["one", "two", "three"],
      ["a,b", 'say "x"', "0.30000000000000004"],
      ["line\nfeed", "", ""],
    ]);
  });
  it("run no formula in a spreadsheet and leave negative numbers alone", () => {
    assert.equal(escapeCsv("=1+1"), "'=1+1");
    assert.equal(escapeCsv("-0.5"), "-0.5");
    assert.equal(escapeCsv("@x,y"), `"'@x,y"`);
  });
  it("replace characters that HTML and XML cannot hold", () => {
    assert.equal(escapeHtml("a\u0000b\ud800c\ttab"), "a\ufffdb\ufffdc\ttab");
    assert.equal(escapeMarkdown("a\nb|c"), "a b\\|c");
  });
});
