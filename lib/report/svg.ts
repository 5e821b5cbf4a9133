/** Vega-Lite 5 specifications drawn as SVG without a browser, small, and in the colours of the page that holds them. */
import type { TopLevelSpec } from "vega-lite";
import { chartConfig, chartGrid, chartInk, roleColours } from "../core/chart-style";
import { UserError } from "../core/errors";
import { hashOf } from "../core/json";
import { escapeHtml } from "./escape";

/** A Vega-Lite 5 specification. */
export type ChartSpec = Readonly<Record<string, unknown>>;

export interface Chart {
  readonly spec: ChartSpec;
  /** What the chart shows, in a sentence or two, for readers who do not see it. */
  readonly alt: string;
  /** What a reader should know that the picture does not say. */
  readonly caption?: string;
}

const schema = "https://vega.github.io/schema/vega-lite/v5.json";

/** Colours of `chartConfig` that follow the page's theme when the SVG stands inside the page. */
const themed: readonly (readonly [RegExp, string])[] = [
  [new RegExp(chartInk, "gi"), "var(--ink)"],
  [new RegExp(chartGrid, "gi"), "var(--grid)"],
  [/#888888|#888\b/gi, "var(--axis)"],
  [/#cccccc|#ccc\b/gi, "var(--frame)"],
  ...Object.entries(roleColours).map(([role, colour]) => [new RegExp(colour, "gi"), `var(--${role})`] as const),
];

/**
 * The SVG of a chart.
 * @param page  true: for inlining in the report, colours follow its light or dark theme; false: a file of its own
 * @throws UserError if Vega-Lite refuses the specification or warns about it (a misspelt field draws an empty chart)
 */
export async function renderSvg({ spec, alt }: Chart, { page = true } = {}): Promise<string> {
  const { compile } = await import("vega-lite");
  const vega = await import("vega");
  const problems: string[] = [];
  const note = (...said: readonly unknown[]) => (problems.push(said.map(String).join(" ")), logger);
  const silent = () => logger;
  const logger = { level: () => logger, error: note, warn: note, info: silent, debug: silent };
  const config = { ...chartConfig, ...(page && { background: null }), ...((spec.config as object) ?? {}) };
  let svg: string;
  try {
    const compiled = compile({ $schema: schema, ...spec, config } as unknown as TopLevelSpec, {
      logger: logger as never,
    });
    const runtime = vega.parse(compiled.spec, { aria: false } as never);
    const view = new vega.View(runtime, { renderer: "none", logger: logger as never });
    svg = await view.toSVG();
    view.finalize();
  } catch (error) {
    throw new UserError(`chart "${alt}": expected a Vega-Lite 5 specification, found: ${(error as Error).message}.`);
  }
  if (problems.length) throw new UserError(`chart "${alt}": Vega-Lite warns: ${problems.join("; ")}.`);
  // Several charts share a page: gradients and clips need names of their own, whatever Vega has counted before.
  const own = hashOf(spec).slice(0, 8);
  const names = new Map<string, string>();
  svg = svg.replace(/\b(?:gradient_|clip)\d+/g, (name) => {
    if (!names.has(name)) names.set(name, `g${own}-${names.size}`);
    return names.get(name)!;
  });
  svg = slim(svg).replace(/^<svg /, `<svg role="img" aria-label="${escapeHtml(alt)}" `);
  if (!page) return svg;
  svg = svg.replace(/ font-family="[^"]*"| font-size="12px"/g, "");
  for (const [colour, variable] of themed) svg = svg.replace(colour, variable);
  return svg;
}

/**
 * Less of the same picture: coordinates to a tenth of a pixel, without the parts that draw nothing and without the inner
 * roles and labels (the picture has one label). Links in it repeat those of the tables, which a keyboard reaches.
 */
function slim(svg: string): string {
  return svg
    .replace(/ (?:role|class|aria-[a-z]+|pointer-events|version)="[^"]*"/g, "")
    .replace(/ (?:opacity|stroke-opacity|fill-opacity|stroke-width)="1"/g, "")
    .replace(/<path(?: d="(?:M0,0h0v0h0Z)?"| display="none")+\/>/g, "")
    .replace(/<g>(?:<g><\/g>)*<\/g>/g, "")
    .replace(/ (?:d|transform|x[12]?|y[12]?|width|height)="[^"]*"/g, (attribute) =>
      attribute.replace(/\d+\.\d+/g, (number) => String(Math.round(Number(number) * 10) / 10)),
    )
    .replace(/<a [^>]*xlink:href="null"[^>]*>(.*?)<\/a>/g, "$1") // Vega writes a link of a mark that has none
    .replaceAll("<a ", '<a tabindex="-1" ');
}
