/** Questions to a printed value: can it be what it says, and where would it stand among our runs? */
import { MetricError } from "../core/errors";
import { checkLength, type Numbers } from "./vectors";

/** A printed number: its value, its decimals, and half a unit of its last digit. */
export interface Printed {
  readonly value: number;
  readonly decimals: number;
  readonly halfUnit: number;
}

export function parsePrinted(text: string): Printed {
  const match = /^-?\d+(?:\.(\d+))?$/.exec(text.trim());
  if (!match) throw new MetricError(`printed value: expected a number such as "79.88", found ${JSON.stringify(text)}.`);
  const decimals = match[1]?.length ?? 0;
  return { value: Number(text), decimals, halfUnit: 0.5 * 10 ** -decimals };
}

export interface IntegerCheck {
  /** Some count of n right units prints as this value. */
  readonly possible: boolean;
  /** That count, and how it was cut to the printed digits; absent where impossible. */
  readonly right?: number;
  readonly how?: "rounded" | "truncated";
  /** The printable percentages next to the value, as strings with its decimals. */
  readonly neighbours: readonly [string, string];
}

/**
 * An accuracy on n units is k/n for a whole k. Can `printed` (percent) be one, rounded or truncated to its decimals?
 * @example integerCheck("82.75", 80) // { possible: false, neighbours: ["82.50", "83.75"] }
 */
export function integerCheck(printed: string, n: number): IntegerCheck {
  const { value, decimals } = parsePrinted(printed);
  if (!Number.isSafeInteger(n) || n < 1) throw new MetricError(`integerCheck: expected a number of units, found ${n}.`);
  if (value < 0 || value > 100) throw new MetricError(`integerCheck: expected a percentage, found ${printed}.`);
  const unit = 10 ** decimals;
  const target = Math.round(value * unit);
  const below = Math.min(n, Math.floor((value * n) / 100));
  const candidates = [...new Set([below - 1, below, below + 1, below + 2])].filter((k) => k >= 0 && k <= n);
  const whole = (k: number) => k * 100 * unit; // printed in last digits = whole(k) / n
  const rounded = candidates.find((k) => Math.abs(2 * (whole(k) - target * n)) <= n);
  const truncated = candidates.find((k) => Math.floor(whole(k) / n) === target);
  const right = rounded ?? truncated;
  const low = candidates.filter((k) => whole(k) <= target * n).at(-1) ?? 0;
  const high = candidates.find((k) => whole(k) >= target * n) ?? n;
  const print = (k: number) => ((100 * k) / n).toFixed(decimals);
  return {
    possible: right !== undefined,
    ...(right !== undefined && { right, how: rounded !== undefined ? ("rounded" as const) : ("truncated" as const) }),
    neighbours: [print(low), print(high)],
  };
}

/**
 * Rank that a printed value would have among our runs: 1 = better than all of them, n + 1 = worse than all. A picked
 * seed shows itself by rank 1. Runs that equal it share the better rank.
 * @param halfUnit  runs as near as this equal it: half of its last digit, the printed value being rounded
 */
export function rankAmong(value: number, runs: Numbers, lowerIsBetter = false, halfUnit = 0): number {
  checkLength(runs, "rankAmong");
  let better = 0;
  for (let i = 0; i < runs.length; i++) if ((lowerIsBetter ? value - runs[i] : runs[i] - value) > halfUnit) better++;
  return better + 1;
}
