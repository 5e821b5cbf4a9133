/**
 * Learning curves, one small picture a cell. A report holds hundreds of them, so they are drawn directly (1 kB) instead of by
 * Vega (10 kB); colours and dashes come from the page's style.
 */
import type { EpochRecord } from "../core/record";
import { escapeHtml } from "./escape";

interface Point {
  readonly epoch: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean and range over the runs that reached each epoch. */
function overRuns(
  runs: readonly (readonly EpochRecord[])[],
  pick: (epoch: EpochRecord) => number | undefined,
): readonly Point[] {
  const byEpoch = new Map<number, number[]>();
  for (const epochs of runs)
    for (const record of epochs) {
      const value = pick(record);
      if (value === undefined) continue;
      const known = byEpoch.get(record.epoch);
      if (known) known.push(value);
      else byEpoch.set(record.epoch, [value]);
    }
  return [...byEpoch]
    .sort(([a], [b]) => a - b)
    .map(([epoch, values]) => ({
      epoch,
      mean: values.reduce((a, b) => a + b, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }));
}

const width = 230;
const height = 110;
const left = 48;

/** One panel: frame, ends of both axes, a band and a line a series. */
function panel(
  title: string,
  series: readonly { readonly name: "train" | "valid"; readonly points: readonly Point[] }[],
) {
  const all = series.flatMap(({ points }) => points);
  const low = Math.min(...all.map((p) => p.low));
  const high = Math.max(...all.map((p) => p.high));
  const [first, last] = [Math.min(...all.map((p) => p.epoch)), Math.max(...all.map((p) => p.epoch))];
  const x = (epoch: number) => Math.round(left + ((epoch - first) / Math.max(1, last - first)) * width);
  const y = (value: number) => Math.round((height + 6 - ((value - low) / (high - low || 1)) * height) * 10) / 10;
  const path = (points: readonly Point[], pick: (p: Point) => number) =>
    points.map((p) => `${x(p.epoch)},${y(pick(p))}`).join("L");
  const digits = (value: number) => value.toPrecision(3);
  const lines = series.map(({ name, points }) => {
    const band = `M${path(points, (p) => p.high)}L${path(points.toReversed(), (p) => p.low)}Z`;
    return `<path class="band ${name}" d="${band}"/><path class="${name}" d="M${path(points, (p) => p.mean)}"/>`;
  });
  return (
    `<svg width="${left + width + 12}" height="${height + 40}" role="img" aria-label="${escapeHtml(
      `${title} by epoch, ${series.map((s) => `${s.name === "train" ? "training" : "validation"} from ${digits(s.points[0].mean)} to ${digits(s.points.at(-1)!.mean)}`).join(", ")}`,
    )}"><rect x="${left}" y="6" width="${width}" height="${height}"/>${lines.join("")}` +
    `<text class="e" x="${left - 6}" y="14">${digits(high)}</text><text class="e" x="${left - 6}" y="${height + 6}">${digits(low)}</text>` +
    `<text x="${left}" y="${height + 22}">${first}</text><text class="e" x="${left + width}" y="${height + 22}">${last}</text>` +
    `<text class="m" x="${left + width / 2}" y="${height + 34}">${escapeHtml(title)} by epoch</text></svg>`
  );
}

/**
 * Losses and validation score by epoch, the mean over runs as a line and their range as a band.
 * @returns a `figure`, or undefined without two epochs
 */
export function curvesFigure(runs: readonly (readonly EpochRecord[])[]): string | undefined {
  const training = overRuns(runs, (e) => e.trainLoss);
  if (training.length < 2) return undefined;
  const validation = overRuns(runs, (e) => e.validLoss);
  const scores = overRuns(runs, (e) => e.validScore);
  const losses = [
    { name: "train" as const, points: training },
    ...(validation.length > 1 ? [{ name: "valid" as const, points: validation }] : []),
  ];
  const panels = [
    panel("Loss", losses),
    ...(scores.length > 1 ? [panel("Validation score", [{ name: "valid" as const, points: scores }])] : []),
  ];
  const key = validation.length > 1 ? "dashed: training, solid: validation" : "dashed: training";
  return (
    `<figure class="curves"><div class="scroll" tabindex="0" role="group" aria-label="Learning curves">${panels.join("")}</div>` +
    `<figcaption>Learning curves; ${key}; line: mean over runs, band: their range.</figcaption></figure>`
  );
}
