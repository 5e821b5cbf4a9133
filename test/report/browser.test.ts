// The report in a real browser: Chromium from file://, without network. Skipped where there is no Chromium.
import { strict as assert } from "node:assert";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { cellName } from "../../lib/core/suite";
import { allPaperValues, renderReport, verdictKinds, type Report } from "../../lib/report";
import { hostile, sampleInput, table1 } from "./sample";

const executablePath = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find((file) => file && existsSync(file));
const flags =
  "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const once = (() => {
  let report: Promise<Report> | undefined;
  return () => (report ??= renderReport(sampleInput()));
})();

describe("the report in Chromium", function () {
  this.timeout(60_000);
  const input = sampleInput();
  let report: Report;
  let folder: string;
  let url: string;
  let browser: Browser;
  let page: Page;
  const said: string[] = [];

  before(async function () {
    if (!executablePath) {
      console.log("      no Chromium on this machine (set CHROMIUM to its path)");
      return this.skip();
    }
    report = await once();
    folder = mkdtempSync(path.join(tmpdir(), "report-"));
    writeFileSync(path.join(folder, "index.html"), report.html);
    url = pathToFileURL(path.join(folder, "index.html")).href;
    const { chromium } = await import("playwright-core");
    browser = await chromium.launch({ executablePath, args: flags.split(" ") });
  });
  after(async () => {
    await browser?.close();
    if (folder) rmSync(folder, { recursive: true });
  });
  const open = async (width: number, colorScheme: "light" | "dark" = "light") => {
    page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme });
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    page.on(
      "request",
      (request) => request.url() === url || request.url() === "data:," || said.push(`asked for ${request.url()}`),
    );
    await page.goto(url);
  };
  afterEach(async () => {
    await page?.close();
    assert.deepEqual(said.splice(0), []);
  });

  it("says nothing in the console, asks for nothing else and runs no text that came from data", async () => {
    await open(1280);
    assert.equal(await page.title(), input.title);
    assert.equal(await page.locator("body script").count(), 1);
    assert.ok((await page.locator("#deviations").textContent())?.includes(hostile));
  });

  it("fits 1280 and 400 px without scrolling the page sideways, in light and in dark", async () => {
    const grounds = new Set<string>();
    await open(1280);
    for (const width of [1280, 400])
      for (const colorScheme of ["light", "dark"] as const) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme });
        assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
        grounds.add(await page.evaluate<string>("getComputedStyle(document.body).backgroundColor"));
      }
    assert.equal(grounds.size, 2);
  });

  it("shows counts, a chart with words for it, and every printed value on its verdict", async () => {
    await open(1280);
    for (const kind of verdictKinds)
      assert.equal(await page.locator(`.tiles [data-filter=${kind}] b`).textContent(), String(report.counts[kind]));
    assert.equal(
      Object.values(report.counts).reduce((a, b) => a + b),
      allPaperValues().length,
    );
    assert.match(
      (await page.locator("#glance .wide svg").getAttribute("aria-label")) ?? "",
      /^Printed value of the paper/,
    );
    assert.equal(await page.locator("#values tbody tr").count(), allPaperValues().length);
  });

  it("has a target for every link, and opens the drill-down that a link leads to", async () => {
    await open(1280);
    const broken = await page.evaluate<string[]>(
      `[...document.querySelectorAll('a[href^="#"], a[*|href^="#"]')].map((a) => a.getAttribute("href") ?? a.getAttribute("xlink:href")).filter((href) => !document.getElementById(href.slice(1)))`,
    );
    assert.deepEqual(broken, []);
    const link = page.locator("#table1-1 tbody a").first();
    const target = (await link.getAttribute("href"))!;
    assert.equal(await page.locator(target).isVisible(), true);
    const box = page.locator(`details.cell:has(${target})`);
    assert.equal(await box.getAttribute("open"), null);
    await link.click();
    await page.waitForFunction(`document.querySelector('details.cell:has(${target})').open`);
    assert.ok(await box.getByText("Learning curves").isVisible());
    assert.equal((await box.locator("svg").first().getAttribute("role")) === "img", true);
  });

  it("shows the value of every run as its record has it", async () => {
    await open(1280);
    const shown = await page.evaluate<Record<string, number[]>>(
      `Object.fromEntries([...document.querySelectorAll("details.cell tbody tr")].map((tr) => [tr.lastElementChild.textContent, [...tr.querySelectorAll("data")].map((d) => Number(d.value))]))`,
    );
    const ok = input.records.filter(({ status, trial }) => status === "ok" && trial === undefined);
    assert.equal(ok.length > 100, true);
    for (const { id, metrics } of ok) assert.deepEqual(shown[id], Object.values(metrics.test), id);
  });

  it("shows every trial of a search, and the best one by validation loss", async () => {
    await open(1280);
    const row = await page.locator("#search-search-1 tbody tr").first().innerText();
    assert.match(row, /4 of 4\s+1 failed\s+0\.6200 to 0\.5800\s+k=50, drop=0\.5/);
    const link = (await page.locator("#search-search-1 tbody a").first().getAttribute("href"))!;
    const trials = page.locator(`details.cell:has(${link}) ${link}-trials tbody tr`);
    assert.equal(await trials.count(), 4);
    assert.match((await trials.nth(1).textContent()) ?? "", /^1best/);
  });

  it("finds cells and rows by words, and lists the values of a verdict", async () => {
    await open(1280);
    await page.fill("#ui-search", "encoders-only");
    assert.equal(await page.locator("details.cell:visible").count(), 1);
    assert.match((await page.locator("#ui-found").textContent()) ?? "", /rows and cells found/);
    await page.fill("#ui-search", "");
    await page.click("[data-filter=impossible]");
    assert.equal(await page.locator("#values tbody tr:visible").count(), report.counts.impossible);
    await page.click("[data-filter=impossible]");
    assert.equal(await page.locator("#values tbody tr:visible").count(), allPaperValues().length);
  });

  it("switches its theme by a button, whatever the system prefers", async () => {
    await open(1280, "dark");
    const ground = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
    const dark = await ground();
    await page.click("#ui-theme");
    assert.notEqual(await ground(), dark);
    await page.click("#ui-theme");
    assert.equal(await ground(), dark);
  });

  it("gives readers of every kind headings, captions, scopes, labels and enough contrast in both themes", async () => {
    for (const scheme of ["light", "dark"] as const) {
      await open(1280, scheme);
      await page.click("#ui-open");
      const faults = await page.evaluate<string[]>(`(() => {
        const faults = [];
        const levels = [...document.querySelectorAll("h1,h2,h3,h4")].map((h) => Number(h.tagName[1]));
        levels.forEach((l, i) => i && l > levels[i - 1] + 1 && faults.push("heading level jumps to " + l));
        for (const table of document.querySelectorAll("table")) {
          if (!table.caption?.textContent) faults.push("table without caption " + table.id);
          if ([...table.querySelectorAll("th")].some((th) => !th.scope)) faults.push("th without scope in " + table.id);
          const columns = table.tHead.rows[0].cells.length;
          for (const row of table.tBodies[0].rows) if (row.cells.length !== columns) faults.push("ragged row in " + table.id);
        }
        for (const svg of document.querySelectorAll("svg")) if (!svg.getAttribute("aria-label")) faults.push("svg without label");
        const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
        if (new Set(ids).size < ids.length) faults.push("double id " + ids.find((id, i) => ids.indexOf(id) < i));
        const rgb = (c) => (c.match(/[\\d.]+/g) ?? []).map(Number);
        const luminance = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
          .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = (e) => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
        for (const e of document.querySelectorAll("body *:not(svg *):not(script)")) {
          if (![...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())) continue;
          const [a, b] = [luminance(rgb(getComputedStyle(e).color)), luminance(ground(e))].sort((x, y) => y - x);
          if ((a + 0.05) / (b + 0.05) < 4.5) faults.push("contrast of " + e.tagName + " " + e.textContent.slice(0, 30));
        }
        for (const e of document.querySelectorAll("svg text")) {
          const [a, b] = [luminance(rgb(getComputedStyle(e).fill)), luminance(ground(e))].sort((x, y) => y - x);
          if ((a + 0.05) / (b + 0.05) < 4.5) faults.push("contrast of chart text " + e.textContent);
        }
        return [...new Set(faults)].slice(0, 20);
      })()`);
      assert.deepEqual(faults, [], scheme);
      await page.close();
    }
    await open(1280);
  });

  it("prints its tables whole and without its tools", async () => {
    await open(1280, "dark");
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("nav").isVisible(), false);
    assert.equal(await page.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX"), "visible");
    assert.equal(await page.evaluate("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)");
  });
});

describe("the report", function () {
  this.timeout(60_000);
  it("writes Markdown, LaTeX and CSV of each suite and section, the CSV with the records' own numbers", async () => {
    const input = sampleInput();
    const { markdown, latex, csv, summary } = await once();
    for (const form of [markdown, latex])
      assert.deepEqual(Object.keys(form), ["table1", "table3", "search", "figure3"]);
    assert.deepEqual(Object.keys(csv), ["table1", "table3", "search", "figure3-1"]); // a file for each table of a section
    const trials = input.records.filter((r) => r.suite === "search" && r.trial !== undefined).length;
    assert.equal(csv.search.trim().split("\n").length, 1 + trials); // a line a trial
    assert.match(markdown.table1, /`npm run reproduce -- table1 --profile full`/);
    assert.match(summary, /\| = reproduced \| \d+ \|/);
    const cell = table1.cells[0];
    const values = input.records
      .filter((r) => r.cell === cellName(cell) && r.status === "ok")
      .map((r) => r.metrics.test.A2!);
    const mean = values.reduce((a, b) => a + b) / values.length;
    const line = csv.table1.split("\n").find((l) => l.includes(",A2,") && l.includes(cellName(cell)));
    assert.equal(Number(line?.split(",")[14]), mean);
  });
  it("says on every page that the synthetic set stands in for real data", async () => {
    const banner = "No real data was found: these are runs on the built-in synthetic set.";
    const { html, markdown, summary } = await renderReport({ ...sampleInput(), suites: [], banner });
    for (const text of [html, summary, ...Object.values(markdown)]) assert.ok(text.includes(banner));
  });
  it("shows what a fit did beside its settings in the drill-down of the run, and no such column where nothing is noted", async () => {
    const columns = (html: string) => html.match(/<th scope="col">Notes<\/th>/g)?.length ?? 0;
    const input = { ...sampleInput(), suites: [table1], utterances: undefined };
    const { id } = input.records[0];
    const records = input.records.map((r) => (r.id === id ? { ...r, notes: ["landmarks <of> 10 rows", "second"] } : r));
    assert.equal(columns((await renderReport(input)).html), 0);
    const { html } = await renderReport({ ...input, records });
    assert.equal(columns(html), 1);
    const row = html.split("<tr>").find((line) => line.includes(`<td class="mono">${id}</td>`));
    assert.ok(row?.includes("<td>landmarks &lt;of&gt; 10 rows; second</td>"));
  });
  it("stands without any record", async () => {
    const { html, counts } = await renderReport({ ...sampleInput(), records: [], utterances: undefined, problems: [] });
    assert.equal(counts.reproduced, 0);
    assert.match(html, /No run is recorded/);
  });
  it("is the same bytes for the same input, and holds a transcript only where the caller gave it", async () => {
    const { html } = await once();
    assert.equal((await renderReport(sampleInput())).html, html);
    assert.ok(html.includes("it was not bad"));
    const without = await renderReport({ ...sampleInput(), suites: [table1], sections: [], utterances: undefined });
    assert.ok(!without.html.includes("it was not bad"));
  });
});
