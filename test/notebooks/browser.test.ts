/** JupyterLab in a real browser, as a reader uses it: run all, see charts, press stop in a training, complete a name. */
import * as assert from "node:assert";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { chromium, type Browser, type Page } from "playwright-core";
import { notebooksFolder, root } from "../../benchmarks/jupyter/environment";
import { portIsFree } from "../../benchmarks/lab";
import { notebookNames } from "../../benchmarks/notebook";
import { needPython } from "./python";

/** A Chromium of this machine: `CIA_CHROMIUM`, or one on the PATH. */
function findChromium(): string | undefined {
  const { CIA_CHROMIUM: asked, PATH = "" } = process.env;
  if (asked) return asked;
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  const places = PATH.split(path.delimiter).flatMap((folder) => names.map((name) => path.join(folder, name)));
  return places.find((place) => existsSync(place) && spawnSync(place, ["--version"]).status === 0);
}

/** What JupyterLab gives to scripts (`expose_app_in_browser`). */
interface Lab {
  readonly commands: { execute(id: string, args?: object): Promise<unknown> };
}
const command = (page: Page, id: string): Promise<unknown> =>
  page.evaluate((id) => (globalThis as unknown as { jupyterapp: Lab }).jupyterapp.commands.execute(id), id);

/** The same without waiting: commands that run cells end when the cells do. */
const begin = (page: Page, id: string): Promise<void> =>
  page.evaluate((id) => void (globalThis as unknown as { jupyterapp: Lab }).jupyterapp.commands.execute(id), id);

/** Prompts of the code cells: "[3]:", "[*]:" while it runs or waits, "[ ]:" before. */
const prompts = (page: Page) => page.locator(".jp-CodeCell .jp-InputPrompt").allInnerTexts();

async function waitUntilRun(page: Page): Promise<void> {
  const end = Date.now() + 2 * patience;
  for (;;) {
    const texts = await prompts(page);
    if (texts.length > 0 && texts.every((text) => /\[\d+\]/.test(text))) return;
    assert.ok(Date.now() < end, `cells have not run in time: ${texts.join(" ")}`);
    await page.waitForTimeout(250);
  }
}

/** Adds a cell at the end, through JupyterLab's own command, and types into it. */
async function typeCell(page: Page, text: string): Promise<void> {
  await page.evaluate(async () => {
    const { commands } = (globalThis as unknown as { jupyterapp: Lab }).jupyterapp;
    await commands.execute("notebook:move-cursor-to-last-cell").catch(() => undefined);
  });
  await page.locator(".jp-Notebook .jp-Cell").last().click();
  await command(page, "notebook:enter-command-mode");
  await command(page, "notebook:insert-cell-below");
  await command(page, "notebook:enter-edit-mode");
  const cell = page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content");
  await cell.focus();
  await page.keyboard.insertText(text);
}

/** Milliseconds that a step may take: long, for machines that are busy; an idle one needs a few seconds. */
const patience = 300_000;

describe("JupyterLab in a browser", function () {
  this.timeout(1_200_000);
  const port = 18_800 + (process.pid % 1000);
  const copies: string[] = [];
  const shots = path.join(root, "results", "local", "screenshots");
  let lab: ChildProcess | undefined;
  let browser: Browser | undefined;
  let page: Page;

  before(async function () {
    const executable = findChromium();
    if (!executable) {
      console.log("      skipped: no Chromium on the PATH; install it (Debian: apt install chromium) or set CIA_CHROMIUM.");
      return this.skip();
    }
    needPython(this);
    assert.ok(await portIsFree(port));
    mkdirSync(shots, { recursive: true });
    const args = [path.join(root, "dist", "benchmarks", "lab.js"), "--no-browser", "--port", String(port)];
    lab = spawn(process.execPath, args, { cwd: root, env: { ...process.env, CI: "1", JUPYTER_TOKEN: "test" } });
    let said = "";
    for (const stream of [lab.stdout, lab.stderr]) stream?.on("data", (chunk) => (said += String(chunk)));
    const end = Date.now() + patience;
    const answers = () => fetch(`http://127.0.0.1:${port}/api/status?token=test`).then((r) => r.ok, () => false);
    while (!(await answers())) {
      assert.ok(Date.now() < end && lab.exitCode === null, `JupyterLab did not start:\n${said}`);
      await new Promise((r) => setTimeout(r, 500));
    }
    browser = await chromium.launch({ executablePath: executable, args: ["--no-sandbox"] });
  });

  after(async () => {
    await browser?.close();
    lab?.kill("SIGTERM");
    for (const copy of copies) rmSync(copy, { force: true });
  });

  afterEach(async function () {
    if (page && this.currentTest?.state === "failed") await page.screenshot({ path: path.join(shots, "failed.png") });
    await page?.close();
  });

  /** Opens a copy of a notebook (what is committed stays as it is) with a kernel of its own. */
  async function open(number: string, width = 1400): Promise<void> {
    const name = notebookNames().find((n) => n.startsWith(number));
    assert.ok(name, `notebook ${number}`);
    const copy = `browser-test-${number}.ipynb`;
    copies.push(path.join(notebooksFolder, copy));
    copyFileSync(path.join(notebooksFolder, `${name}.ipynb`), path.join(notebooksFolder, copy));
    page = await browser!.newPage({ viewport: { width, height: 900 } });
    page.setDefaultTimeout(patience);
    await page.goto(`http://127.0.0.1:${port}/lab/tree/notebooks/${copy}?reset&token=test`, { waitUntil: "domcontentloaded" });
    await page.locator(".jp-Notebook .jp-CodeCell").first().waitFor();
    await page.getByText(/TypeScript \| Idle/).first().waitFor();
  }

  async function runAll(number: string): Promise<void> {
    await command(page, "notebook:clear-all-cell-outputs");
    await begin(page, "notebook:run-all-cells");
    await waitUntilRun(page);
    const errors = await page.locator('[data-mime-type="application/vnd.jupyter.error"]').allInnerTexts();
    assert.deepStrictEqual(errors, []);
    await page.locator(".jp-OutputArea-output .vega-embed").first().scrollIntoViewIfNeeded();
    await page.screenshot({ path: path.join(shots, `${number}-wide.png`) });
    await page.setViewportSize({ width: 720, height: 900 });
    await page.waitForTimeout(500);
    await page.screenshot({ path: path.join(shots, `${number}-narrow.png`) });
    await page.setViewportSize({ width: 1400, height: 900 });
  }

  const charts = () => page.locator(".jp-OutputArea-output .vega-embed").count();

  it("opens 00, runs it, keeps the partial result of a training that is stopped, and completes a name with Tab", async () => {
    await open("00");
    await runAll("00");
    assert.ok((await charts()) >= 1, "the chart of the training");

    await typeCell(
      page,
      'const long = await trainLive(cia, data, { kind: "classes", classes: 2 }, { engine, seed: 2, protocol: "validation", config: { k: 16, r: 16, epochs: 5000, patience: 0 } });',
    );
    await begin(page, "notebook:run-cell");
    const progress = page.locator(".jp-OutputArea-output progress").last();
    await progress.waitFor();
    await page.getByText(/epoch [2-9]\d* of 5000/).first().waitFor();
    await page.locator('jp-button[data-command="notebook:interrupt-kernel"], [data-command="notebook:interrupt-kernel"]').first().click();
    await waitUntilRun(page);
    await typeCell(page, "[long.status, long.epochs.length > 0, long.selected.epoch > 0].join()");
    await begin(page, "notebook:run-cell");
    await page.getByText("stopped,true,true").waitFor();
    await page.screenshot({ path: path.join(shots, "00-stopped.png") });

    await waitUntilRun(page);
    await typeCell(page, "dataOrSynth");
    await page.keyboard.press("Tab");
    await page.locator(".jp-Completer-item", { hasText: "dataOrSynthetic" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator(".jp-Notebook .jp-Cell.jp-mod-active .cm-content", { hasText: "dataOrSynthetic" }).waitFor();
  });

  for (const [number, least] of [
    ["02", 3],
    ["03", 1],
    ["08", 4],
  ] as const)
    it(`opens ${number}, runs all its cells and shows its charts`, async () => {
      await open(number);
      await runAll(number);
      assert.ok((await charts()) >= least, `${await charts()} charts`);
    });
});
