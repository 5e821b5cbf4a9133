/** Runs of now against recorded runs, paired by seed: what `npm run check` says of each metric. */
import type { RunRecord } from "../../lib/core/record";
import { cellName, type Cell } from "../../lib/core/suite";
import { holm, metricInfo, overSeeds, pairedT } from "../../lib/metrics";
import type { CheckLine } from "../../lib/report/ci";
import { detectableInSds } from "../../lib/report/compare";
import { runsOfCell, sameValue } from "../../lib/report/verdict";

const alpha = 0.05;

/** Below this a difference is rounding, whatever its p: so many test units of a fraction, 0.0005 in native units. */
function negligible(metric: string, testUnits: number, units: number): number {
  return metricInfo(metric).unit === "%" ? units / Math.max(1, testUnits) : 0.0005;
}

interface Pair {
  readonly baseline: RunRecord;
  readonly now: RunRecord;
}

/** Why the runs of a cell may not be paired, or undefined. */
function refusal(pairs: readonly Pair[], missing: readonly number[]): string | undefined {
  if (missing.length) return `no run of now for seed ${missing.join(", ")} of the baseline`;
  if (!pairs.length) return "no baseline is recorded: npm run baseline records one";
  for (const { baseline, now } of pairs) {
    const differ = (["protocol", "configHash", "dataHash"] as const).filter((key) => baseline[key] !== now[key]);
    if (differ.length) {
      const words = { protocol: "protocol", configHash: "configuration", dataHash: "data" } as const;
      const which = differ.map((key) => `${words[key]} (${baseline[key].slice(0, 12)}, now ${now[key].slice(0, 12)})`);
      return `seed ${now.seed}: the runs differ in ${which.join(" and ")}; they cannot be paired. Is it meant? npm run baseline records a new one`;
    }
  }
  const failed = pairs.find(({ now }) => now.status === "failed");
  if (failed) return `seed ${failed.now.seed} failed: ${failed.now.reason}`;
  const broken = pairs.find(({ baseline }) => baseline.status === "failed");
  if (broken) return `seed ${broken.baseline.seed} of the baseline is a failed run`;
  const other = pairs.find(({ baseline, now }) => JSON.stringify(baseline.rows) !== JSON.stringify(now.rows));
  if (other)
    return `the splits differ: ${JSON.stringify(other.baseline.rows)} units in the baseline, ${JSON.stringify(other.now.rows)} now`;
  const leaked = pairs.every(
    ({ now }) => now.metrics.valid && Object.entries(now.metrics.valid).every(([m, v]) => now.metrics.test[m] === v),
  );
  const before = pairs.every(
    ({ baseline: b }) => b.metrics.valid && Object.entries(b.metrics.valid).every(([m, v]) => b.metrics.test[m] === v),
  );
  if (leaked && !before) return "every validation score equals its test score: is the test split read for validation?";
  return undefined;
}

interface Tested {
  /** Place of its line. */
  readonly line: number;
  readonly p: number;
  readonly worse: boolean;
  readonly sd: number;
}

/**
 * One line a cell and metric. Holm's correction is over all lines that were tested. What the baseline has and the runs of now have
 * not is refused, never passed over.
 * @param cells    of the suite
 * @param lacking  why a cell could not be run, by its name
 */
export function compareRuns(
  cells: readonly Cell[],
  baseline: readonly RunRecord[],
  now: readonly RunRecord[],
  lacking: ReadonlyMap<string, string> = new Map(),
): CheckLine[] {
  const lines: CheckLine[] = [];
  const tested: Tested[] = [];
  const declared = new Set(cells.map(cellName));
  const gone = baseline.filter((r) => r.trial === undefined && !declared.has(r.cell));
  for (const name of new Set(gone.map(({ cell }) => cell))) {
    const runs = runsOfCell(gone, name);
    const why =
      "the baseline has it, the suite does not declare it any more. Is it meant? npm run baseline records a new one";
    const metrics = new Set(runs.flatMap((r) => Object.keys(r.metrics.test)));
    for (const metric of metrics) lines.push({ cell: name, metric, n: 0, result: "refused", why });
  }
  for (const cell of cells) {
    if (cell.search) continue; // its runs are trials, not seeds
    const name = cellName(cell);
    const before = runsOfCell(baseline, name);
    const lacks = lacking.get(name);
    if (lacks !== undefined && !before.length) continue;
    const after = runsOfCell(now, name);
    const pairs: Pair[] = [];
    const missing: number[] = [];
    for (const record of before) {
      const twin = after.find((r) => r.seed === record.seed);
      if (twin) pairs.push({ baseline: record, now: twin });
      else missing.push(record.seed);
    }
    const why = lacks === undefined ? refusal(pairs, missing) : `the baseline has it, it cannot be run now: ${lacks}`;
    const seconds = pairs.reduce((sum, p) => sum + p.now.seconds, 0) / Math.max(1, cell.metrics.length);
    for (const { name: metric } of cell.metrics) {
      const common = { cell: name, metric, n: pairs.length, seconds };
      if (why) {
        lines.push({ ...common, result: "refused", why });
        continue;
      }
      const a = pairs.map((p) => p.baseline.metrics.test[metric] ?? null);
      const b = pairs.map((p) => p.now.metrics.test[metric] ?? null);
      if (a.some((v) => v === null) || b.some((v) => v === null)) {
        const lost = b.findIndex((v, i) => v === null && a[i] !== null);
        lines.push({
          ...common,
          result: lost >= 0 ? "worse" : "no difference",
          why: lost >= 0 ? `seed ${pairs[lost].now.seed} defines no ${metric} any more` : `${metric} is undefined`,
        });
        continue;
      }
      lines.push(lineOf(common, pairs, a as number[], b as number[], tested, lines.length));
    }
  }
  const adjusted = tested.length ? holm(tested.map(({ p }) => p)) : [];
  tested.forEach(({ line, worse, sd }, i) => {
    const found = lines[line];
    const significant = adjusted[i] < alpha;
    const result = significant ? (worse ? "worse" : "better") : "no difference";
    const detectable = sd * detectableInSds(found.n, alpha / tested.length);
    lines[line] = { ...found, holmP: adjusted[i], detectable, result: found.why ? "no difference" : result };
  });
  return lines;
}

function lineOf(
  common: Pick<CheckLine, "cell" | "metric" | "n" | "seconds">,
  pairs: readonly Pair[],
  before: readonly number[],
  after: readonly number[],
  tested: Tested[],
  place: number,
): CheckLine {
  const { metric } = common;
  const means = { baseline: overSeeds(before).mean, now: overSeeds(after).mean };
  const same = pairs.every(({ baseline, now }) => baseline.weightsHash === now.weightsHash);
  if (same && before.every((v, i) => v === after[i]))
    return { ...common, ...means, difference: 0, result: "identical" };
  const difference = means.now - means.baseline;
  if (pairs.length < 2)
    return {
      ...common,
      ...means,
      difference,
      result: "refused",
      why: "one seed cannot be tested: record a baseline of more",
    };
  const test = pairedT(after, before);
  if (!test) return { ...common, ...means, difference, result: "no difference" };
  const worse = metricInfo(metric).lowerIsBetter ? difference > 0 : difference < 0;
  const testUnits = pairs[0].now.rows.test;
  if (test.sd < sameValue) {
    // A deterministic system: its seeds are no repetitions, so there is nothing to test against. One unit rounding may turn.
    const rounding = Math.abs(difference) < negligible(metric, testUnits, 1.5);
    const why = `all ${pairs.length} seeds differ alike, so no test applies; ${rounding ? "rounding may do as much" : "it is more than rounding does"}`;
    return { ...common, ...means, difference, result: rounding ? "no difference" : worse ? "worse" : "better", why };
  }
  tested.push({ line: place, p: test.p, worse, sd: test.sd });
  return {
    ...common,
    ...means,
    difference,
    interval: { low: test.low, high: test.high, level: 1 - alpha },
    result: "no difference",
    ...(Math.abs(difference) < negligible(metric, testUnits, 0.5) && { why: "less than half a test unit" }),
  };
}
