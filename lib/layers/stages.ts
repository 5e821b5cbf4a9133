/** Both stages of a two-stage system in one graph: what predicts after training, and what golden cases hold. */
import type { Modality } from "../core/types";
import type { Output, Value } from "../engine/graph";
import { stopGradient } from "../engine/ops";
import { forEachModality, modalityWord } from "./modalities";
import type { Net } from "./net";
import type { StageOne } from "./system";

/**
 * The loss is the sum of both stages'; no gradient goes from the second into the first, so each net's gradient is that of its
 * own loss.
 */
export function joinStages(
  net: Net,
  first: (m: Modality) => StageOne,
  second: (features: readonly Value[]) => Output,
): Output {
  const { modalities } = net.shape;
  const stage = forEachModality(modalities, first);
  const output = second(modalities.map((m) => stopGradient(stage[m].features)));
  const taps: Record<string, Value> = {};
  const loss: Record<string, Value> = { ...output.loss };
  for (const [name, value] of Object.entries(output.taps ?? {})) taps[`stage2/${name}`] = value;
  for (const m of modalities) {
    const { taps: own, logits, prediction, loss: terms } = stage[m].output;
    const name = `stage1/${modalityWord[m]}`;
    loss[name] = terms.task;
    for (const [tap, value] of Object.entries({ ...own, logits, prediction })) taps[`${name}/${tap}`] = value;
  }
  return { ...output, loss, taps };
}
