/** What broke first when a loss stopped being finite: the run is replayed to that step (it is deterministic) and looked at. */
import type { Batch, Modality } from "../core/types";
import type { Program, StepKey } from "../engine/engine";
import type { Checkpoint } from "./checkpoint";
import type { Prepared } from "./prepare";
import { epochSteps, restore, weightsOf } from "./steps";

export interface BrokenStep {
  readonly prepared: Prepared;
  readonly seed: number;
  readonly compile: () => Program;
  /** Where this process took the run up, if not at its beginning. */
  readonly from?: Checkpoint;
  readonly epoch: number;
  /** Of that epoch, from 0. */
  readonly step: number;
}

/** "the first tensor that broke is ..." */
export async function findBroken({ prepared, seed, compile, from, epoch, step }: BrokenStep): Promise<string> {
  const program = compile();
  try {
    if (from) restore(program, from);
    const adam = { learningRate: prepared.config.learningRate };
    for (let e = (from?.epochs.length ?? 0) + 1; e <= epoch; e++)
      for (const s of epochSteps(prepared, seed, e)) {
        if (e === epoch && s.step === step) return await lookAt(program, s.batch, s.key);
        await program.step(s.batch, s.key, adam);
      }
    return "a replay did not meet it again";
  } finally {
    program.dispose();
  }
}

const brokenAt = (values: Float32Array) => values.findIndex((v) => !Number.isFinite(v));

async function lookAt(program: Program, batch: Batch, key: StepKey): Promise<string> {
  for (const [modality, matrix] of Object.entries(batch.x)) {
    const at = brokenAt(matrix.data);
    if (at >= 0)
      return `the features of ${modality as Modality} hold ${matrix.data[at]} in row ${Math.floor(at / matrix.width)}, column ${at % matrix.width} of the batch`;
  }
  for (const [name, values] of Object.entries(await weightsOf(program))) {
    const at = brokenAt(values);
    if (at >= 0) return `the weights ${name} hold ${values[at]} since the step before: lower learningRate`;
  }
  const { values } = program.graph;
  const seen = values.filter((v) => v.path && v.op.kind !== "scan" && (v.axis === "rows" || v.axis === "sequences"));
  for (const value of seen) {
    const [out] = await program.evaluate(batch, [value], { key });
    const at = brokenAt(out);
    if (at >= 0)
      return `the first tensor that broke is ${value.path} (${value.op.kind}), with ${out[at]} at ${at}: lower learningRate`;
  }
  return "no tensor before the loss broke";
}
