/** For graphs that hold an operation without kernels (`plain`): the plain interpreter on TensorFlow.js's own wasm kernels. */
import type { Batch } from "../../core/types";
import type { AdamOptions, Feeds, StepKey } from "../engine";
import type { Graph, Output, Value } from "../graph";
import { interpretedNote, ReferenceProgram } from "../interpreter";

type Options = { key?: StepKey; feeds?: Feeds };

/** TensorFlow.js's wasm backend lacks kernels, of gradients above all: when one is missing, the JavaScript backend takes over. */
export class InterpretedProgram extends ReferenceProgram {
  /** @param without the operation that has no kernels, in words */
  constructor(graph: Graph, output: Output, seed: number, without: string) {
    super(graph, output, seed, {}, "wasm", [interpretedNote("wasm", without)]);
  }

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
        this.backend === "wasm" && /Kernel '(\w+)' not registered for backend 'wasm'/.exec((error as Error).message);
      if (!missing) throw error;
      this.backend = "cpu";
      this.notes.push(
        `TensorFlow.js's wasm backend has no ${missing[1]}: its JavaScript backend takes over, slower still`,
      );
      return run();
    }
  }
}
