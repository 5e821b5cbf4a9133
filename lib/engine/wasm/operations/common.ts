import type { Act, Drop } from "../../graph";
import type { Builder } from "../builder";
import type { Layout } from "../layout";
import type { BatchState } from "../plan";

/** Numbers of activations, as in assembly/elementwise.ts. */
export const activations: Readonly<Record<Act, number>> = { linear: 0, tanh: 1, relu: 2, sigmoid: 3, hardSigmoid: 4 };

/** Whether act(0) is not 0, so that unused lanes must be cleared. */
export const liftsZero = (act: Act): boolean => act === "sigmoid" || act === "hardSigmoid";

/** What kept entries are multiplied with. */
export const scaleOf = (run: BatchState, drop: Drop | undefined): number =>
  drop && run.training ? 1 / (1 - drop.rate) : 1;

/** The arguments of a kernel that say what is dropped: columns, width, key, threshold, scale. */
export function dropArguments(
  b: Builder,
  drop: Drop | undefined,
  layout: Layout,
  width: number,
): (run: BatchState) => readonly number[] {
  if (!drop) return () => nothing;
  const columns = b.columns(layout);
  return (run) =>
    run.training ? [columns, width, run.dropKey(drop.stream), run.threshold(drop), scaleOf(run, drop)] : nothing;
}
const nothing: readonly number[] = [0, 0, 0, 0, 1];
