/** A recorded model as plans of kernel calls: see compile.ts for how plans are made, plan.ts for how they run. */
import { EngineError } from "../../core/errors";
import type { Batch } from "../../core/types";
import {
  type AdamOptions,
  type Feeds,
  isEmpty,
  needSequences,
  type OptimizerState,
  type Program,
  type StepKey,
  totalOf,
} from "../engine";
import type { Graph, Output, Param, Value } from "../graph";
import { Builder } from "./builder";
import { compileBackward, compileForward } from "./compile";
import type { Heap, Kernels } from "./kernels";
import { layoutsOf } from "./layout";
import { BatchState, type Plan } from "./plan";
import { Weights } from "./weights";

export class WasmProgram implements Program {
  private readonly weights: Weights;
  private readonly run: BatchState;
  private readonly layouts;
  private readonly constants = new Map<string, number>();
  private readonly plans = new Map<string, Plan>();
  private readonly forwards = new Map<string, ReturnType<typeof compileForward>>();
  private readonly backwards = new Map<string, ReturnType<typeof compileBackward>>();
  private steps = 0;
  private disposed = false;
  /** Where later values would lie was not settled. */
  private readonly recorded: number;

  constructor(
    readonly graph: Graph,
    readonly output: Output,
    seed: number,
    private readonly heap: Heap,
    kernels: Kernels,
  ) {
    this.recorded = graph.values.length;
    this.layouts = layoutsOf(graph);
    this.weights = new Weights(graph, this.layouts, heap, seed);
    this.run = new BatchState(heap, kernels);
  }

  async get(name: string): Promise<Float32Array> {
    this.needMemory();
    return this.weights.get(name);
  }

  set(name: string, values: Float32Array): void {
    this.needMemory();
    this.weights.set(name, values);
  }

  async step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>> {
    this.needMemory();
    let plan = this.plans.get("step");
    if (!plan) this.plans.set("step", (plan = compileBackward(this.builder(true), this.output).plan));
    const { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = adam;
    this.prepare(plan, batch, key, feeds);
    this.run.adam = { learningRate, beta1, beta2, epsilon, steps: this.steps + 1 };
    plan.run();
    this.steps++;
    return this.terms();
  }

  async losses(batch: Batch, { key, feeds }: { key?: StepKey; feeds?: Feeds } = {}): Promise<Record<string, number>> {
    this.needMemory();
    const { plan } = this.forwardOf(Object.values(this.output.loss));
    this.prepare(plan, batch, key, feeds);
    plan.run();
    return this.terms();
  }

  async gradients(
    batch: Batch,
    { term, key, feeds }: { term?: string; key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Record<string, Float32Array>> {
    this.needMemory();
    if (term !== undefined && !(term in this.output.loss))
      throw new EngineError(
        `gradients: expected a loss term of ${Object.keys(this.output.loss).join(", ")}, found ${term}.`,
      );
    const name = term ?? "";
    let compiled = this.backwards.get(name);
    if (!compiled) this.backwards.set(name, (compiled = compileBackward(this.builder(false), this.output, term)));
    this.prepare(compiled.plan, batch, key, feeds);
    compiled.plan.run();
    const { gradient } = compiled;
    const trainable = [...this.graph.params.values()].filter((p: Param) => p.trainable);
    return Object.fromEntries(trainable.map((p) => [p.name, gradient(p)]));
  }

  async evaluate(
    batch: Batch,
    values: readonly Value[],
    { key, feeds }: { key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Float32Array[]> {
    this.needMemory();
    const other = values.find((v) => v.graph !== this.graph || v.id >= this.recorded);
    if (other)
      throw new EngineError(
        `evaluate: expected values of the graph as it was compiled, found ${other.path || other.op.kind}, which is another's or was recorded since; record all, then compile.`,
      );
    if (isEmpty(batch)) return values.map(() => new Float32Array(0));
    const { plan, readers } = this.forwardOf(values);
    this.prepare(plan, batch, key, feeds);
    plan.run();
    return readers.map((read) => read());
  }

  async optimizerState(): Promise<OptimizerState> {
    this.needMemory();
    return { steps: this.steps, m: this.weights.readMoments("m"), v: this.weights.readMoments("v") };
  }

  setOptimizerState(state: OptimizerState): void {
    this.needMemory();
    this.weights.writeMoments("m", state.m);
    this.weights.writeMoments("v", state.v);
    this.steps = state.steps;
  }

  dispose(): void {
    if (this.disposed) return; // its memory may be another program's by now
    this.disposed = true;
    this.weights.dispose();
    this.run.dispose();
    for (const address of this.constants.values()) this.heap.free(address);
    this.constants.clear();
  }

  private needMemory(): void {
    if (this.disposed)
      throw new EngineError("program: expected one in use, found one that was disposed of; compile its graph again.");
  }

  private builder(update: boolean): Builder {
    return new Builder(this.graph, this.layouts, this.weights, this.run, update, (numbers) => this.constant(numbers));
  }

  private forwardOf(values: readonly Value[]): ReturnType<typeof compileForward> {
    const name = values.map((v) => v.id).join(" ");
    let compiled = this.forwards.get(name);
    if (!compiled) this.forwards.set(name, (compiled = compileForward(this.builder(false), values)));
    return compiled;
  }

  private prepare(plan: Plan, batch: Batch, key: StepKey | undefined, feeds: Feeds | undefined): void {
    needSequences(batch);
    this.run.bind(plan, batch);
    this.run.key = key;
    this.run.feeds = feeds;
  }

  private terms(): Record<string, number> {
    const terms: Record<string, number> = {};
    for (const [name, v] of Object.entries(this.output.loss)) terms[name] = this.run.scalars[v.id];
    terms.total = totalOf(this.output, terms);
    return terms;
  }

  /** The address of constants, the same for the same numbers. */
  private constant(numbers: Int32Array | Float32Array): number {
    const name = `${numbers.constructor.name} ${numbers.join(" ")}`;
    let address = this.constants.get(name);
    if (address === undefined) {
      this.constants.set(name, (address = this.heap.allocate(Math.max(numbers.byteLength, 32))));
      if (numbers instanceof Int32Array) this.heap.integers.set(numbers, address >>> 2);
      else this.heap.floats.set(numbers, address >>> 2);
    }
    return address;
  }
}
