/** All suites by name. A new experiment is a cell here, never a script. */
import { oneOf, UsageError } from "../../lib/core/errors";
import type { Suite } from "../../lib/core/suite";
import * as others from "./others";

import { table1, table3, table4, table5Search, table5a, table5b } from "./tables";

export const suites: readonly Suite[] = [
  table1,
  others.table2,
  table3,
  table4,
  table5Search,
  table5a,
  table5b,
  others.table6,
  others.figure2,
  others.figure3,
  others.significance,
  others.protocol,
  others.variants,
  others.forest,
  others.context,
  others.robustness,
  others.ci,
  others.syntheticSuite,
];

/** Suites that a plain `npm run reproduce` runs: what the paper prints, in its order. */
export const paperSuites: readonly string[] = ["table1", "table2", "table3", "table4", "table5-search", "table5a", "table5b", "table6", "figure2", "figure3", "significance", "protocol", "variants", "forest", "context", "robustness"]; // prettier-ignore

/** @throws UsageError naming the suites that exist */
export function findSuite(name: string): Suite {
  const suite = suites.find((s) => s.name === name);
  if (!suite) throw new UsageError(`suite: expected ${oneOf(suites.map((s) => s.name))}, found ${name}.`);
  return suite;
}
export { usesTrainer } from "./setups";
