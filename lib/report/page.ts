/** Style and script of the report's page: one column, two themes, no network, nothing needed but a browser. */

const light = `--bg:#fff;--ink:#1a1a1a;--muted:#4f4f4f;--line:#d5d5d5;--card:#f6f7f8;--link:#0b57a4;--mark:#fff3bf;--grid:#e3e3e3;--axis:#888;--frame:#ccc;
--ours:#0072b2;--paper:#d55e00;--constant:#666;--reference:#009e73;--selected:#cc79a7`;
const dark = `--bg:#14171a;--ink:#e9e9e9;--muted:#b6babf;--line:#3d434a;--card:#1d2226;--link:#8cc7ff;--mark:#5a4b00;--grid:#2f353b;--axis:#8b9096;--frame:#454b52;
--ours:#56b4e9;--paper:#ff8f4a;--constant:#a8a8a8;--reference:#2fcf9f;--selected:#e8a6cb`;

export const style = `
:root{color-scheme:light;${light}}
@media screen and (prefers-color-scheme:dark){:root:not([data-theme=light]){color-scheme:dark;${dark}}}
@media screen{:root[data-theme=dark]{color-scheme:dark;${dark}}}
*{box-sizing:border-box}
html{scroll-padding-top:4rem}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",Arial,sans-serif}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:.5rem;background:var(--bg);padding:.5rem;z-index:3}
header,main,footer{max-width:84rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.6rem;line-height:1.25;margin:1rem 0 .25rem}
h2{font-size:1.3rem;margin:2.5rem 0 .5rem;padding-top:.5rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:1.5rem 0 .4rem}
h4{font-size:.95rem;margin:1rem 0 .3rem}
p{margin:.4rem 0;max-width:46rem}
.lead{color:var(--muted);margin:0 0 .5rem}
.banner{border:2px solid var(--paper);padding:.5rem .75rem;margin:.75rem 0;max-width:none;font-weight:600}
nav{position:sticky;top:0;z-index:2;background:var(--bg);border-bottom:1px solid var(--line)}
nav>div{max-width:84rem;margin:0 auto;padding:.4rem 1rem;display:flex;gap:.75rem;align-items:center}
nav ul{display:flex;gap:.9rem;list-style:none;margin:0;padding:.25rem 0;overflow-x:auto;white-space:nowrap;flex:1;min-width:0}
nav .tools{display:flex;gap:.5rem}
input[type=search]{width:12rem;max-width:42vw}
input,button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--axis);border-radius:4px;padding:.2rem .55rem}
button{cursor:pointer}
code,.mono{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;font-size:.875em}
.command{display:block;background:var(--card);border:1px solid var(--line);border-radius:4px;padding:.4rem .6rem;margin:.4rem 0 .8rem;overflow-x:auto;white-space:pre}
.first{display:grid;grid-template-columns:minmax(15rem,22rem) minmax(0,1fr);gap:1.25rem;align-items:start}
.tiles{list-style:none;margin:.5rem 0;padding:0;display:grid;gap:.35rem}
.tiles button{width:100%;text-align:left;display:grid;grid-template-columns:3.2rem 1fr;gap:0 .6rem;align-items:center;padding:.35rem .6rem;border-left-width:6px}
.tiles b{font-size:1.35rem;line-height:1.1;text-align:right;grid-row:1/span 2;font-variant-numeric:tabular-nums}
.tiles small{color:var(--muted);line-height:1.3}
.tiles [aria-pressed=true]{outline:3px solid var(--link)}
figure{margin:.75rem 0}
figcaption,caption,.notes{color:var(--muted);font-size:.9rem}
figcaption,.notes{max-width:46rem}
p,li,figcaption{overflow-wrap:anywhere}
svg{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",Arial,sans-serif;font-size:12px;display:block}
.wide svg,.narrow svg{max-width:100%;height:auto}
.narrow{display:none}
.curves .scroll{display:flex;gap:1rem}
.curves svg{flex:none}
.curves rect{fill:none;stroke:var(--frame)}
.curves text{fill:var(--ink)}.curves .e{text-anchor:end}.curves .m{text-anchor:middle}
.curves path{fill:none;stroke:var(--ours);stroke-width:2}.curves .train{stroke:var(--paper);stroke-dasharray:5 3}
.curves .band{fill:var(--ours);stroke:none;opacity:.2}.curves .band.train{fill:var(--paper)}
.scroll{overflow-x:auto;margin:.5rem 0;position:relative}
table{border-collapse:collapse;font-size:.9rem}
caption{text-align:left;padding:.25rem 0;white-space:nowrap}
th,td{padding:.3rem .65rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
thead th{border-bottom:2px solid var(--axis);vertical-align:bottom;background:var(--bg)}
tbody th{font-weight:500;position:sticky;left:0;background:var(--bg);max-width:20rem;min-width:9rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
#values td:last-child{min-width:16rem;max-width:28rem}
td small,th small{display:block;color:var(--muted);font-size:.88em;line-height:1.35}
.v{border-left:4px solid var(--constant);padding-left:.3rem;white-space:nowrap;color:var(--ink)}
.v i{font-style:normal}
.v-reproduced{border-color:var(--reference)}.v-differs{border-color:var(--paper)}.v-undecided{border-color:var(--ours)}.v-impossible{border-color:var(--selected)}
details{border:1px solid var(--line);border-radius:4px;margin:.4rem 0;background:var(--bg)}
summary{cursor:pointer;padding:.4rem .7rem;background:var(--card);border-radius:4px}
summary small{color:var(--muted)}
details>div{padding:.25rem .9rem .75rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem 1rem;margin:.5rem 0;font-size:.9rem}
dt{color:var(--muted)}dd{margin:0;overflow-wrap:anywhere}
:target{scroll-margin-top:4rem}
details:has(>:target)>summary,details:has(:target)>summary{background:var(--mark)}
[hidden]{display:none!important}
footer{color:var(--muted);padding-bottom:2rem;margin-top:2rem;border-top:1px solid var(--line)}
@media (max-width:60rem){.first{grid-template-columns:minmax(0,1fr)}.tiles{grid-template-columns:repeat(auto-fill,minmax(15rem,1fr))}}
@media (max-width:40rem){
.wide{display:none}.narrow{display:block}
h1{font-size:1.3rem}
nav>div{flex-wrap:wrap;gap:.3rem}nav ul{flex-basis:100%}nav .tools{width:100%}input[type=search]{flex:1;max-width:none;min-width:0}
html{scroll-padding-top:6.5rem}:target{scroll-margin-top:6.5rem}
dl{grid-template-columns:1fr}dt{margin-top:.3rem}
tbody th{max-width:8.5rem;min-width:5rem}
th,td{padding:.3rem .45rem}
.tiles{grid-template-columns:1fr 1fr}.tiles small{display:none}.tiles button{grid-template-columns:2.4rem 1fr;padding:.25rem .4rem;font-size:.9rem;height:100%}.tiles b{font-size:1.1rem;grid-row:1}
.command{white-space:pre-wrap}
caption{white-space:normal;max-width:calc(100vw - 3rem);position:sticky;left:0}
}
@media print{
@page{size:A4 landscape;margin:12mm}
nav,.skip,button.tool{display:none}
header,main,footer{max-width:none;padding:0}
body{font-size:9.5pt}table{font-size:8pt}th,td{padding:.15rem .3rem}
.scroll{overflow:visible}tbody th{position:static}
tr,figure{break-inside:avoid}h2,h3{break-after:avoid}
.command{white-space:pre-wrap}
}
`;

/** Search, verdict filter, theme, and opening the drill-down that a link points to. The page reads well without it. */
export const script = `
"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const search = document.getElementById("ui-search"), found = document.getElementById("ui-found");
  const tiles = all("[data-filter]");
  const items = [...all("main section > .scroll tbody tr, main section > .part > .scroll tbody tr"), ...all("details.cell")];
  const words = new Map(items.map((item) => [item, item.textContent.toLowerCase()]));
  const filter = () => {
    const wanted = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
    const kind = tiles.find((tile) => tile.getAttribute("aria-pressed") === "true")?.dataset.filter;
    let count = 0;
    for (const item of items) {
      const byWord = wanted.every((word) => words.get(item).includes(word));
      const inValues = item.closest("#values");
      const byKind = !kind || !inValues || item.dataset.v === kind;
      item.hidden = !(byWord && byKind);
      if (!item.hidden && (wanted.length || inValues)) count++;
    }
    found.textContent = wanted.length || kind ? count + (wanted.length ? " rows and cells found" : " printed values") : "";
  };
  search.addEventListener("input", filter);
  for (const tile of tiles)
    tile.addEventListener("click", () => {
      const on = tile.getAttribute("aria-pressed") !== "true";
      for (const other of tiles) other.setAttribute("aria-pressed", "false");
      tile.setAttribute("aria-pressed", String(on));
      filter();
      if (on) document.getElementById("values").scrollIntoView();
    });
  const reveal = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    for (let box = target.closest("details"); box; box = box.parentElement.closest("details")) { box.hidden = false; box.open = true; }
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  const theme = document.getElementById("ui-theme"), names = ["system", "light", "dark"];
  theme.addEventListener("click", () => {
    const next = names[(names.indexOf(theme.dataset.now) + 1) % names.length];
    theme.dataset.now = next;
    theme.textContent = "Theme: " + next;
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
  });
  document.getElementById("ui-open").addEventListener("click", (event) => {
    const boxes = all("details"), open = !boxes.every((box) => box.open);
    for (const box of boxes) box.open = open;
    event.target.textContent = open ? "Close all" : "Open all";
  });
})();
`;
