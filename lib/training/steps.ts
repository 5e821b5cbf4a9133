/** The steps of an epoch, and a program's state: what training, resuming and diagnosing share. */
import { Rng } from "../core/rng";
import type { Batch } from "../core/types";
import { batches, sequencesOf } from "../data";
import type { Program, StepKey } from "../engine/engine";
import type { Checkpoint, Weights } from "./checkpoint";
import type { Prepared } from "./prepare";

export interface Step {
  readonly batch: Batch;
  readonly key: StepKey;
  /** Of this epoch, from 0. */
  readonly step: number;
}

export function stepsOf({ train, config }: Prepared): number {
  return Math.ceil(sequencesOf(train.split) / config.batchSize);
}

/** The batches of an epoch (from 1): all sequences, in an order that depends on seed and epoch alone. */
export function* epochSteps(prepared: Prepared, seed: number, epoch: number): Generator<Step> {
  const { train, config } = prepared;
  const order = new Rng(seed, "shuffle", epoch).permutation(sequencesOf(train.split));
  const first = (epoch - 1) * stepsOf(prepared);
  for (let at = 0, step = 0; at < order.length; at += config.batchSize, step++) {
    const [batch] = batches(train.split, train.targets, config.batchSize, order.slice(at, at + config.batchSize));
    yield { batch, key: { seed, step: first + step }, step };
  }
}

/** All parameters, those that BatchNorm keeps included. */
export async function weightsOf(program: Program): Promise<Weights> {
  const weights: Record<string, Float32Array> = {};
  for (const name of program.graph.params.keys()) weights[name] = await program.get(name);
  return weights;
}

export function setWeights(program: Program, weights: Weights): void {
  for (const [name, values] of Object.entries(weights)) program.set(name, values);
}

export function restore(program: Program, { weights, optimizer }: Checkpoint): void {
  setWeights(program, weights);
  program.setOptimizerState(optimizer);
}
