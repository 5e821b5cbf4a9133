/** The static site: what its front page says, and that its pages fetch nothing. */
import * as assert from "node:assert";
import { indexHtml, introduction, networkUses } from "../../benchmarks/site";

describe("npm run site", () => {
  const notebook = JSON.stringify({
    cells: [
      { cell_type: "code", source: "1" },
      { cell_type: "markdown", source: ["# Table 1: *which*\n", "\n", "The paper trains\n", "CIA on `T`.\n", "\n", "More."] },
    ],
  });
  it("introduces a notebook by its first title and paragraph", () => {
    assert.deepStrictEqual(introduction(notebook), { title: "Table 1: *which*", about: "The paper trains CIA on T." });
  });
  it("links notebooks and the report, or says how to get one, with all text escaped", () => {
    const page = indexHtml([{ href: "notebooks/00.html", title: "<b>", about: "a & b" }], "report/index.html");
    assert.ok(page.includes('<a href="notebooks/00.html">&lt;b&gt;</a><p>a &amp; b</p>'));
    assert.ok(page.includes('<a href="report/index.html">'));
    assert.match(indexHtml([], undefined), /npm run reproduce/);
  });
  it("finds what a page would fetch from the network, and no mere links", () => {
    const page =
      '<script src="https://cdn.example/x.js"></script><img src=\'http://a.example/b.png\'><a href="https://c.example">c</a>' +
      "<style>@import url(https://fonts.example/f.css); div { background: url(data:image/png;base64,AA) }</style>";
    assert.deepStrictEqual(networkUses(page), [
      "https://cdn.example/x.js",
      "http://a.example/b.png",
      "https://fonts.example/f.css",
    ]);
  });
});
