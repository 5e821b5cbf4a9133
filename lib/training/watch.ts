/**
 * The released scripts' way to a score, kept apart from the honest one: of all epochs (and, for emotions, of all thresholds of
 * a grid) the best TEST score, for each metric by itself. It is shown beside, in a column of its own, and chooses nothing.
 */
import type { Scores } from "../core/record";
import type { Predictions } from "../core/types";
import { metricInfo } from "../metrics";
import type { Prepared } from "./prepare";
import { scoreSplit } from "./score";

/** 0.10 to 0.50, where the sibling scripts' 16 thresholds lie; 0.4 and 0.18, the paper's, are on it. */
const grid: readonly number[] = Array.from({ length: 21 }, (_, i) => (10 + 2 * i) / 100);

export class TestWatcher {
  constructor(
    private readonly prepared: Prepared,
    private best: Scores | undefined = undefined,
  ) {}

  /** Takes the predictions of the test split after an epoch. */
  see(predictions: Predictions): void {
    const { dataset, test, task } = this.prepared;
    const at = (threshold: number | undefined) =>
      scoreSplit(
        dataset,
        test.split,
        test.targets,
        task,
        predictions,
        threshold === undefined ? undefined : { F1: threshold, "W-Acc": threshold, one: threshold },
      );
    for (const scores of task.kind === "emotions" ? grid.map(at) : [at(undefined)])
      this.best = this.best ? betterOf(this.best, scores) : scores;
  }

  get scores(): Scores | undefined {
    return this.best;
  }
}

/** Metric by metric the better value. */
function betterOf(a: Scores, b: Scores): Scores {
  const out: Record<string, number | null> = {};
  for (const name of Object.keys(a)) {
    const [x, y] = [a[name], b[name] ?? null];
    const better = x === null || (y !== null && (metricInfo(name).lowerIsBetter ? y < x : y > x));
    out[name] = better ? y : x;
  }
  return out;
}
