/** Charts: a Vega-Lite 5 specification shown live where that is known (JupyterLab), as SVG elsewhere, and as words. */
import { chartConfig } from "../core/chart-style";
import { renderSvg, type ChartSpec } from "../report/svg";
import { emit, type Bundle } from "./output";

export type { ChartSpec };

const schema = "https://vega.github.io/schema/vega-lite/v5.json";

/** A specification with the common style. What it sets itself wins. */
export function styled(spec: ChartSpec): ChartSpec {
  const own = (spec.config ?? {}) as Readonly<Record<string, unknown>>;
  return { $schema: schema, ...spec, config: { ...chartConfig, ...own } };
}

/**
 * The SVG of a specification, drawn without a browser; it shrinks with a narrow page.
 * @param words  what the chart shows, for readers who do not see it
 * @throws UserError when Vega-Lite refuses the specification, or warns about it (a misspelt field draws an empty chart)
 */
export async function chartSvg(spec: ChartSpec, words: string): Promise<string> {
  const svg = await renderSvg({ spec, alt: words }, { page: false });
  return svg.replace(/^<svg /, '<svg style="max-width:100%;height:auto" ');
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
