/** System against system under equal terms: runs paired by seed, Holm over all comparisons of a table. */
import type { Cell } from "../core/suite";
import { taskName } from "../core/types";
import { holm, pairedT, probabilityOfImprovement, smallestDetectable } from "../metrics/tests";
import { taskTitle, type Labels } from "./matrix";
import type { Table, TableCell } from "./tables";
import {
  formatDifference,
  formatInterval,
  groupBy,
  sameValue,
  samplesNote,
  tableDecimals,
  type CellSummary,
  type Drawn,
  type MetricSummary,
} from "./verdict";

/** What predictions add to a comparison: a bootstrap over the test set of the difference, and McNemar's exact test. */
export interface PairEvidence {
  readonly first: string;
  readonly second: string;
  readonly metric: string;
  readonly bootstrap?: { readonly low: number; readonly high: number; readonly p: number; readonly drawn: Drawn };
  /** Of the runs with the lowest common seed. */
  readonly mcnemarP?: number;
}

export interface Comparison {
  readonly first: CellSummary;
  readonly second: CellSummary;
  readonly metric: MetricSummary;
  /** Common seeds. */
  readonly n: number;
  /** First minus second. */
  readonly difference: number;
  readonly interval?: { readonly low: number; readonly high: number; readonly level: number };
  /**
   * Of the paired t-test, undefined for fewer than two common seeds. Where all differences are equal a t-test has no spread to
   * go by: 1 for identical runs, else that of the exact sign-flip test, 2 ** (1 - n).
   */
  readonly p?: number;
  /** Holm-adjusted over all comparisons made together. */
  readonly holmP?: number;
  readonly improvement: number;
  /** The smallest true difference that this n finds with power 0.8 at 5 % over all comparisons made together (Bonferroni). */
  readonly detectable?: number;
  readonly evidence?: PairEvidence;
}

/**
 * Pairs of cells of one data set, with the same task, for each metric that both have.
 * @param against  "first": the first cell with the most modalities of each task against every other; "all": every pair
 */
export function compareCells(
  group: readonly CellSummary[],
  against: "first" | "all",
  evidence: readonly PairEvidence[] = [],
): Comparison[] {
  const found: Spread[] = [];
  for (const cells of groupBy(group, ({ cell }) => taskName(cell.task)).values()) {
    const reference = referenceOf(cells, ({ cell }) => cell);
    const ordered = [reference, ...cells.filter((cell) => cell !== reference)];
    ordered.forEach((first, i) => {
      if (against === "first" && i > 0) return;
      for (const second of ordered.slice(i + 1))
        for (const a of first.metrics) {
          const b = second.metrics.find(({ name }) => name === a.name);
          const comparison = b && compare(first, second, a, b, evidence);
          if (comparison) found.push(comparison);
        }
    });
  }
  const tested = found.filter(({ p }) => p !== undefined);
  const adjusted = holm(tested.map(({ p }) => p!));
  return found.map(({ sd, ...c }, i) => {
    if (c.p === undefined) return c;
    const detectable = sd > sameValue ? { detectable: sd * detectableInSds(c.n, 0.05 / tested.length) } : {};
    return { ...c, holmP: adjusted[tested.indexOf(found[i])], ...detectable };
  });
}

/** Whom the others of a group are compared with: the first with the most modalities. */
export function referenceOf<T>(group: readonly T[], cellOf: (member: T) => Cell): T {
  const most = Math.max(...group.map((member) => cellOf(member).modalities.length));
  return group.find((member) => cellOf(member).modalities.length === most)!;
}

/** A comparison with the sd of its differences. */
type Spread = Comparison & { readonly sd: number };

function compare(
  first: CellSummary,
  second: CellSummary,
  a: MetricSummary,
  b: MetricSummary,
  evidence: readonly PairEvidence[],
): Spread | undefined {
  const common = a.seeds.filter((seed) => b.seeds.includes(seed));
  if (!common.length) return undefined;
  const x = common.map((seed) => a.values[a.seeds.indexOf(seed)]);
  const y = common.map((seed) => b.values[b.seeds.indexOf(seed)]);
  const t = common.length > 1 ? pairedT(x, y) : undefined;
  const varies = t ? t.sd > sameValue : false;
  return {
    first,
    second,
    metric: a,
    n: common.length,
    difference: x.reduce((total, value, i) => total + value - y[i], 0) / common.length,
    interval: t && varies ? { low: t.low, high: t.high, level: 0.95 } : undefined,
    p: t === undefined ? undefined : t === null ? 1 : varies ? t.p : 2 ** (1 - common.length),
    sd: t?.sd ?? 0,
    improvement: probabilityOfImprovement(x, y, a.info.lowerIsBetter),
    evidence: evidence.find((e) => e.first === first.name && e.second === second.name && e.metric === a.name),
  };
}

/** The smallest detectable difference in units of the sd of the differences; it depends on n and alpha alone. */
export const detectableInSds = (() => {
  const known = new Map<string, number>();
  return (n: number, alpha: number): number => {
    const key = `${n} ${alpha}`;
    if (!known.has(key)) known.set(key, smallestDetectable({ n, sd: 1, alpha }));
    return known.get(key)!;
  };
})();

export const formatP = (p: number): string => (p < 0.0001 ? "< 0.0001" : p.toFixed(4));

/** One line a comparison. */
export function comparisonTable(
  id: string,
  caption: string,
  comparisons: readonly Comparison[],
  labels: Labels,
): Table {
  const drawn = [...new Set(comparisons.flatMap(({ evidence }) => evidence?.bootstrap?.drawn ?? []))];
  const bootstrap = drawn.length > 0;
  const help = `paired bootstrap over ${drawn.join(" or ")}: 95 % interval and p${drawn.includes("samples") ? `; ${samplesNote}` : ""}`;
  const mcnemar = comparisons.some(({ evidence }) => evidence?.mcnemarP !== undefined);
  const severalTasks = new Set(comparisons.map(({ first }) => taskName(first.cell.task))).size > 1;
  const numbers: readonly (Table["columns"][number] & { readonly help: string })[] = [
    { title: "Difference", help: "first minus second, mean over common seeds, with its 95 % interval" },
    {
      title: "Holm p",
      help: "paired t-test by seed (sign-flip test where all differences are equal), adjusted over all lines of this table",
    },
    { title: "P(first better)", help: "probability of improvement: share of run pairs that the first wins" },
    {
      title: "Detectable",
      help: "smallest true difference that this n finds with power 0.8, at 5 % over all lines of this table",
    },
    { title: "n", help: "common seeds" },
    ...(bootstrap ? [{ title: `Over ${drawn.join(" or ")}`, help }] : []),
    ...(mcnemar ? [{ title: "McNemar p, one seed", help: "exact, of the runs of the lowest common seed alone" }] : []),
  ].map((column) => ({ ...column, numeric: true }));
  return {
    id,
    caption,
    columns: [{ title: "First against second" }, { title: "Metric" }, ...numbers],
    notes: [`${numbers.map(({ title, help }) => `${title}: ${help}`).join(". ")}.`],
    rows: comparisons.map((c) => {
      const { info } = c.metric;
      const points = tableDecimals(info);
      return [
        `${labels.of(c.first)} against ${labels.of(c.second)}`,
        severalTasks ? `${taskTitle(c.first)}: ${c.metric.name}` : c.metric.name,
        {
          text: formatDifference(c.difference, info),
          notes: c.interval ? [formatInterval(c.interval, info, points)] : [],
        },
        c.holmP === undefined ? "–" : formatP(c.holmP),
        c.n < 2 ? "–" : c.improvement.toFixed(2),
        c.detectable === undefined || (info.unit === "%" && c.detectable > 1)
          ? "–"
          : formatDifference(c.detectable, info).replace("+", ""),
        String(c.n),
        ...(bootstrap
          ? [
              c.evidence?.bootstrap
                ? {
                    text: `p ${formatP(c.evidence.bootstrap.p)}`,
                    notes: [formatInterval({ ...c.evidence.bootstrap, level: 0.95 }, info, points)],
                  }
                : "–",
            ]
          : []),
        ...(mcnemar ? [c.evidence?.mcnemarP === undefined ? "–" : formatP(c.evidence.mcnemarP)] : []),
      ];
    }),
  };
}

/** Yardsticks of ours: no systems that the paper compares with, and not counted among them. */
export const yardsticks: readonly string[] = ["constant", "linear", "bigru"];

/** Plain sentences: over how many of the others the first is better, and which it does not beat. Holm, 5 %. */
export function comparisonFindings(comparisons: readonly Comparison[], labels: Labels): string[] {
  const systems = comparisons.filter(({ second }) => !yardsticks.includes(second.cell.system));
  const key = ({ first, metric }: Comparison) => `${taskName(first.cell.task)} ${first.name} ${metric.name}`;
  return [...groupBy(systems, key).values()].flatMap((all) => {
    const group = all.filter(({ holmP }) => holmP !== undefined);
    if (!group.length) return [];
    const [{ first, metric }] = group;
    const untested = all.filter(({ holmP }) => holmP === undefined);
    const certain = (c: Comparison, better: boolean) =>
      c.holmP! < 0.05 && c.difference !== 0 && c.difference > 0 === (metric.info.lowerIsBetter ? !better : better);
    const better = group.filter((c) => certain(c, true));
    const worse = group.filter((c) => certain(c, false));
    const open = group.length - better.length - worse.length;
    const names = (list: readonly Comparison[]) => list.map((c) => labels.of(c.second)).join("; ");
    return [
      `${labels.of(first)}, ${metric.name}: better than ${better.length} of ${group.length}` +
        `, worse than ${worse.length}${worse.length ? ` (${names(worse)})` : ""}, no difference shown for ${open}` +
        `${untested.length ? `; one common seed, not tested: ${names(untested)}` : ""}.`,
    ];
  });
}

/** The metric's differences of every pair as a square: row minus column, Holm p below. */
export function comparisonMatrix(
  id: string,
  caption: string,
  comparisons: readonly Comparison[],
  labels: Labels,
): Table {
  const cells = [...new Set(comparisons.flatMap(({ first, second }) => [first, second]))];
  return {
    id,
    caption,
    columns: [{ title: "Row minus column" }, ...cells.map((cell) => ({ title: labels.of(cell), numeric: true }))],
    rows: cells.map((row) => [
      labels.of(row),
      ...cells.map((column): TableCell => {
        const pair = comparisons.find(
          ({ first, second }) => (first === row && second === column) || (first === column && second === row),
        );
        if (!pair) return { text: "" };
        const turned = pair.first === column;
        return {
          text: formatDifference(turned ? -pair.difference : pair.difference, pair.metric.info),
          notes: [
            ...(pair.holmP === undefined ? [] : [`p ${formatP(pair.holmP)}`]),
            ...(pair.n < 2 ? [] : [`P(better) ${(turned ? 1 - pair.improvement : pair.improvement).toFixed(2)}`]),
          ],
        };
      }),
    ]),
  };
}
