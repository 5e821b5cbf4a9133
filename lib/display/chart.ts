/** Charts: a Vega-Lite 5 specification shown live where that is known (JupyterLab), as SVG elsewhere, and as words. */
import type { TopLevelSpec } from "vega-lite";
import { chartConfig } from "../core/chart-style";
import { UserError } from "../core/errors";
import { emit, escapeHtml, type Bundle } from "./output";

/** A Vega-Lite 5 specification. Typed loosely, since the kernel's compiler does not know the newest types. */
export type ChartSpec = Readonly<Record<string, unknown>>;

const schema = "https://vega.github.io/schema/vega-lite/v5.json";

/** A specification with the common style. What it sets itself wins. */
export function styled(spec: ChartSpec): ChartSpec {
  const own = (spec.config ?? {}) as Readonly<Record<string, unknown>>;
  return { $schema: schema, ...spec, config: { ...chartConfig, ...own } };
}

/**
 * The SVG of a specification, drawn without a browser.
 * @param words  what the chart shows, for readers who do not see it
 * @throws UserError when Vega-Lite refuses the specification, or warns about it (a misspelt field draws an empty chart)
 */
export async function chartSvg(spec: ChartSpec, words: string): Promise<string> {
  const { compile } = await import("vega-lite");
  const vega = await import("vega");
  const problems: string[] = [];
  const note = (...said: readonly unknown[]) => (problems.push(said.map(String).join(" ")), logger);
  const silent = () => logger;
  const logger = { level: () => logger, error: note, warn: note, info: silent, debug: silent };
  let svg: string;
  try {
    const compiled = compile(styled(spec) as unknown as TopLevelSpec, { logger: logger as never });
    const runtime = vega.parse(compiled.spec, { aria: false } as never);
    svg = await new vega.View(runtime, { renderer: "none", logger: logger as never }).toSVG();
  } catch (error) {
    throw new UserError(
      `chart "${words}": expected a Vega-Lite 5 specification, found that ${(error as Error).message}`,
    );
  }
  if (problems.length)
    throw new UserError(
      `chart "${words}": expected a Vega-Lite 5 specification without faults, found: ${problems.join("; ")}`,
    );
  const label = `role="img" aria-label="${escapeHtml(words)}" style="max-width:100%;height:auto"`;
  return svg.replace(/^<svg /, `<svg ${label} `);
}

/** The forms of a chart. */
export async function chartBundle(spec: ChartSpec, words: string): Promise<Bundle> {
  return {
    "application/vnd.vegalite.v5+json": styled(spec),
    "image/svg+xml": await chartSvg(spec, words),
    "text/plain": words,
  };
}

/**
 * Shows a chart.
 * @param words  one sentence that says what it shows: the text form, and what a screen reader reads
 */
export async function chart(spec: ChartSpec, words: string): Promise<void> {
  emit(await chartBundle(spec, words));
}
