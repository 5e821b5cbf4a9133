/** What a terminal shows at the end: a line a cell, ours beside the printed value. */
import type { RunRecord } from "../../lib/core/record";
import { cellName, type Suite } from "../../lib/core/suite";
import { formatMean, summarise } from "../../lib/report/verdict";

export function summaryLines(suites: readonly Suite[], records: readonly RunRecord[]): string[] {
  return suites.flatMap((suite) => {
    const lines = summarise(suite, records).flatMap(({ cell, metrics, runs, failed }) => {
      if (!runs.length && !failed.length) return [];
      const values = metrics.flatMap(({ name, info, ours, printed }) => {
        if (!ours) return [];
        const paper = printed.length ? ` (paper ${printed[0].paper.value})` : "";
        return [`${name} ${formatMean(ours, info)}${paper}`];
      });
      return [
        `  ${cellName(cell)}: n ${runs.length}${failed.length ? `, ${failed.length} failed` : ""}; ${values.join(", ")}`,
      ];
    });
    return lines.length ? [suite.title, ...lines] : [];
  });
}
