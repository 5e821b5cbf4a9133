/** `npm run site`: all notebooks and the report as one static folder that needs no network and no server. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { UserError } from "../lib/core/errors";
import { escapeHtml } from "../lib/report/escape";
import { entry, parse } from "./cli";
import { ensurePython, notebooksFolder, root } from "./jupyter/environment";
import { notebookNames, runPython } from "./notebook";

const help = `npm run site -- [--out DIR]

Renders the committed notebooks and the report into DIR (default results/site): open index.html, or publish the folder
as it is (GitHub Pages).`;

/** Title and first paragraph of a notebook: its first Markdown cell. */
export function introduction(notebook: string): { title: string; about: string } {
  interface Cell {
    readonly cell_type: string;
    readonly source: string | readonly string[];
  }
  const { cells } = JSON.parse(notebook) as { cells: readonly Cell[] };
  const first = cells.find((cell) => cell.cell_type === "markdown");
  const text = typeof first?.source === "string" ? first.source : (first?.source ?? []).join("");
  const [title = "", ...rest] = text.split(/\n\s*\n/);
  const about = (rest[0] ?? "").replaceAll("\n", " ").replace(/[*`]/g, "");
  return { title: title.replace(/^#\s*/, "").trim(), about };
}

export interface Page {
  readonly href: string;
  readonly title: string;
  readonly about: string;
}

/** The front page. */
export function indexHtml(notebooks: readonly Page[], report: string | undefined): string {
  const item = ({ href, title, about }: Page) =>
    `<li><a href="${escapeHtml(href)}">${escapeHtml(title)}</a><p>${escapeHtml(about)}</p></li>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CIA, reproduced</title>
<style>
:root { color-scheme: light dark; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
li { margin: 0 0 .75rem; }
li p { margin: .1rem 0 0; opacity: .8; }
</style>
</head>
<body>
<h1>Context-aware Interactive Attention, reproduced</h1>
${report ? `<p><a href="${escapeHtml(report)}">The report</a>: every printed value of the paper beside ours.</p>` : "<p>No report is here yet: <code>npm run reproduce</code> writes it.</p>"}
<h2>Notebooks</h2>
<ol start="0">
${notebooks.map(item).join("\n")}
</ol>
</body>
</html>
`;
}

/** What a page would fetch from the network: scripts, styles, fonts and pictures by a full address. */
export function networkUses(html: string): string[] {
  const found = html.matchAll(
    /(?:<(?:script|img|iframe|link)\b[^>]*\b(?:src|href)|@import\s+(?:url\()?|url\()\s*=?\s*["']?(https?:\/\/[^"')\s>]+)/g,
  );
  return [...found].map((match) => match[1]);
}

/** nbconvert's loader of diagrams, which none of the notebooks has. */
const mermaid = /<script type="module">(?:(?!<\/script>)[^])*?mermaid[^]*?<!-- End of mermaid configuration -->/;

async function main(args: readonly string[]): Promise<number> {
  const { values } = parse("npm run site", args, { out: { type: "string", default: path.join("results", "site") } });
  if (values.help) return (console.log(help), 0);
  ensurePython();
  const out = path.resolve(root, values.out);
  const pages = path.join(out, "notebooks");
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages, { recursive: true });
  const names = notebookNames();
  const files = names.map((name) => path.join(notebooksFolder, `${name}.ipynb`));
  const offline = ["mathjax_url", "require_js_url", "jquery_url"].map((url) => `--HTMLExporter.${url}=`);
  const code = runPython([
    "-m",
    "nbconvert",
    "--to",
    "html",
    "--log-level",
    "WARN",
    "--output-dir",
    pages,
    ...offline,
    ...files,
  ]);
  if (code !== 0)
    throw new UserError("npm run site: expected nbconvert to render the notebooks, found an error; it stands above.");
  for (const file of readdirSync(pages).filter((name) => name.endsWith(".html"))) {
    const page = path.join(pages, file);
    // An empty address would load the page itself as a script.
    const html = readFileSync(page, "utf8")
      .replace(/<script src=""[^>]*><\/script>/g, "")
      .replace(mermaid, "");
    const used = networkUses(html);
    if (used.length)
      throw new UserError(`npm run site: ${file}: expected a page that needs no network, found ${used.join(", ")}.`);
    writeFileSync(page, html);
  }
  const report = path.join(root, "results", "report", "index.html");
  if (existsSync(report)) {
    mkdirSync(path.join(out, "report"), { recursive: true });
    copyFileSync(report, path.join(out, "report", "index.html"));
  }
  const entries = names.map((name) => {
    return {
      href: `notebooks/${name}.html`,
      ...introduction(readFileSync(path.join(notebooksFolder, `${name}.ipynb`), "utf8")),
    };
  });
  writeFileSync(path.join(out, "index.html"), indexHtml(entries, existsSync(report) ? "report/index.html" : undefined));
  writeFileSync(path.join(out, ".nojekyll"), "");
  console.log(`Open ${path.relative(process.cwd(), path.join(out, "index.html"))}`);
  return 0;
}

if (require.main === module) entry(main);
