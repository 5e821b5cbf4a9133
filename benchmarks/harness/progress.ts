/** The progress line: overwritten in place on a terminal, a plain line a finished run elsewhere. */
import { cellName } from "../../lib/core/suite";
import type { QueueState } from "./queue";

/** Seconds in words: 8 s, 3 min, 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ""}`;
}

function progressText({ total, done, failed, running, secondsLeft }: QueueState): string {
  const now = running
    .map(
      ({ run, text }) =>
        `${cellName(run.job.cell).split("/").slice(0, 5).join("/")} #${run.job.seed}${text && ` ${text}`}`,
    )
    .join(", ");
  const left = done < total ? `, about ${duration(secondsLeft)} left` : "";
  return `${done}/${total} runs done${failed ? `, ${failed} failed` : ""}, ${running.length} running${left}${now && ` | ${now}`}`;
}

export class ProgressLine {
  private shown = performance.now() - 59_000;
  private last = "";
  constructor(private readonly stream: NodeJS.WriteStream = process.stderr) {}

  /** At most ten times a second on a terminal; once a minute elsewhere. */
  show(state: QueueState): void {
    if (this.isTime()) this.write(progressText(state));
  }

  /** The same for a line of another kind. */
  text(line: string): void {
    if (this.isTime()) this.write(line);
  }

  private isTime(): boolean {
    const now = performance.now();
    if (now - this.shown < (this.stream.isTTY ? 100 : 60_000)) return false;
    this.shown = now;
    return true;
  }

  private write(text: string): void {
    if (!this.stream.isTTY) {
      this.stream.write(`${text}\n`);
      return;
    }
    this.last = text.slice(0, Math.max(20, (this.stream.columns || 80) - 1));
    this.stream.write(`\r\x1b[K${this.last}`);
  }

  /** A line that stays, above the progress. */
  say(line: string): void {
    this.stream.write(this.stream.isTTY ? `\r\x1b[K${line}\n${this.last}` : `${line}\n`);
  }

  end(): void {
    if (this.stream.isTTY) this.stream.write("\r\x1b[K");
    this.last = "";
  }
}
