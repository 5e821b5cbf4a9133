/** Progress of a training in a cell: one line and a chart that grows, replaced in place at most ten times a second. */
import { chartFont, chartGrid, chartInk, roleColours } from "../core/chart-style";
import { escapeHtml } from "../report/escape";
import { chartBundle } from "./chart";
import { inNotebook, output } from "./output";
import { lineSpec } from "./specs";

/** How far a training is. */
export interface ProgressPoint {
  /** The epoch that runs or has just ended, from 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Share of the whole training that is done, 0..1 (default: epochs that ended). */
  readonly fraction?: number;
  /** Set when the epoch has ended: what the chart shows. */
  readonly trainLoss?: number;
  readonly validScore?: number;
}

export interface ProgressOptions {
  readonly title: string;
  /** Name of `validScore`, with unit: "A2 on validation". */
  readonly score?: string;
  /** End with a chart of the epochs (default) or with the line alone. */
  readonly chart?: boolean;
  /** Milliseconds between two displays (default 100). */
  readonly interval?: number;
  /** The clock, in milliseconds (default: Date.now). */
  readonly now?: () => number;
}

export interface Progress {
  /** Call it as often as you like; what comes too fast is shown with the next display. */
  update(point: ProgressPoint): void;
  /** Shows the last state for good, with a chart. @param note  how it ended: "best epoch 7", "stopped" */
  done(note?: string): Promise<void>;
}

/** Seconds in words: 8 s, 1 min 20 s, 2 h 5 min. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
}

export function progress({
  title,
  score = "validation score",
  chart = true,
  interval = 100,
  now = Date.now,
}: ProgressOptions): Progress {
  const out = output();
  const live = inNotebook();
  const began = now();
  const ended = new Map<number, ProgressPoint>();
  let latest: ProgressPoint | undefined;
  let latestEnded: ProgressPoint | undefined;
  let shownAt = -Infinity;
  let timer: NodeJS.Timeout | undefined;

  const line = (over = false): string => {
    if (!latest) return `${title}: starting`;
    const last = latestEnded;
    const share = latest.fraction ?? ended.size / latest.epochs;
    const elapsed = (now() - began) / 1000;
    const parts = [`${title}: epoch ${latest.epoch} of ${latest.epochs}`];
    if (last?.trainLoss !== undefined) parts.push(`loss ${last.trainLoss.toFixed(4)}`);
    if (last?.validScore !== undefined) parts.push(`${score} ${last.validScore.toFixed(4)}`);
    parts.push(duration(elapsed));
    if (!over && share > 0 && share < 1) parts.push(`about ${duration((elapsed / share) * (1 - share))} left`);
    return parts.join(", ");
  };
  const draw = () => {
    clearTimeout(timer);
    timer = undefined;
    shownAt = now();
    const share = latest ? (latest.fraction ?? ended.size / latest.epochs) : 0;
    out.show({ "text/html": progressHtml(line(), share, [...ended.values()], score), "text/plain": line() });
  };
  return {
    update(point) {
      if (point.epoch >= (latest?.epoch ?? 0)) latest = point;
      const isEnd = point.trainLoss !== undefined || point.validScore !== undefined;
      if (isEnd) {
        ended.set(point.epoch, point);
        if (point.epoch >= (latestEnded?.epoch ?? 0)) latestEnded = point;
      }
      if (!live) return isEnd ? console.log(line()) : undefined;
      const wait = shownAt + interval - now();
      if (wait <= 0) draw();
      else timer ??= setTimeout(draw, wait).unref();
    },
    async done(note) {
      clearTimeout(timer);
      const points = [...ended.values()].sort((a, b) => a.epoch - b.epoch);
      const words = note ? `${line(true)}; ${note}` : line(true);
      if (!live || !chart || points.length === 0) return out.show({ "text/plain": words });
      const rows = points.flatMap(({ epoch, trainLoss, validScore }) => [
        ...(trainLoss === undefined ? [] : [{ epoch, measure: "training loss", value: trainLoss }]),
        ...(validScore === undefined ? [] : [{ epoch, measure: score, value: validScore }]),
      ]);
      const titles = { text: title, subtitle: words.slice(title.length + 2) };
      const axes = { x: "epoch", y: "value", panel: "measure", xAxis: "epoch", yAxis: "", height: 140 };
      out.show(await chartBundle(lineSpec(rows, { ...axes, title: titles }), words));
    },
  };
}

/** One small panel, as SVG: a line over the epochs with its lowest and highest value. */
function panel(name: string, values: readonly (readonly [number, number])[], colour: string): string {
  if (values.length === 0) return "";
  const [width, height, left, top] = [230, 90, 8, 22];
  const ys = values.map(([, y]) => y);
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const last = values[values.length - 1][0];
  const x = (epoch: number) => left + ((epoch - 1) / Math.max(1, last - 1)) * (width - 2 * left);
  const y = (value: number) => top + 6 + (1 - (value - low) / (high - low || 1)) * (height - top - 14);
  const points = values.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`);
  const dots = points.map((p) => `<circle cx="${p.split(",")[0]}" cy="${p.split(",")[1]}" r="2.5" fill="${colour}"/>`);
  const label = `${escapeHtml(name)}: ${low.toPrecision(4)} to ${high.toPrecision(4)}`;
  return (
    `<svg width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${label}" style="background:white;margin-right:8px">` +
    `<rect x="0.5" y="${top}.5" width="${width - 1}" height="${height - top - 1}" fill="none" stroke="${chartGrid}"/>` +
    `<text x="2" y="14" font-family="${escapeHtml(chartFont)}" font-size="12" fill="${chartInk}">${label}</text>` +
    `<polyline points="${points.join(" ")}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join("")}</svg>`
  );
}

function progressHtml(line: string, share: number, ended: readonly ProgressPoint[], score: string): string {
  const series = (key: "trainLoss" | "validScore") =>
    ended.flatMap((point) => (point[key] === undefined ? [] : [[point.epoch, point[key]] as const]));
  const percent = Math.round(100 * Math.min(1, share));
  return (
    `<div>${escapeHtml(line)}</div><div><progress max="100" value="${percent}" style="width:240px"></progress> ${percent} %</div>` +
    `<div>${panel("training loss", series("trainLoss"), roleColours.ours)}${panel(score, series("validScore"), roleColours.paper)}</div>`
  );
}
