/** For graphs that hold an operation without kernels (`plain`): the plain interpreter on TensorFlow.js's own wasm kernels. */
import * as tf from "@tensorflow/tfjs";
import type { Batch } from "../../core/types";
import type { AdamOptions, Feeds, StepKey } from "../engine";
import type { Value } from "../graph";
import { ReferenceProgram } from "../interpreter";

type Options = { key?: StepKey; feeds?: Feeds };

/** TensorFlow.js's wasm backend lacks kernels, of gradients above all: when one is missing, the JavaScript backend takes over. */
export class InterpretedProgram extends ReferenceProgram {
  override step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>> {
    return this.attempt(() => super.step(batch, key, adam, feeds));
  }

  override losses(batch: Batch, o: Options = {}): Promise<Record<string, number>> {
    return this.attempt(() => super.losses(batch, o));
  }

  override gradients(batch: Batch, o: Options & { term?: string } = {}): Promise<Record<string, Float32Array>> {
    return this.attempt(() => super.gradients(batch, o));
  }

  override evaluate(batch: Batch, values: readonly Value[], o: Options = {}): Promise<Float32Array[]> {
    return this.attempt(() => super.evaluate(batch, values, o));
  }

  private async attempt<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      const missing =
        error instanceof Error && /not registered for the backend|not registered for backend/.test(error.message);
      if (!missing || tf.getBackend() === "cpu") throw error;
      await tf.setBackend("cpu");
      return run();
    }
  }
}
