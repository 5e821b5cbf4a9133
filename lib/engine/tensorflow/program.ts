/**
 * A recorded model on TensorFlow's operations, without tape of TensorFlow.js: the schedule is fixed when it is compiled, values are
 * computed in its order and gradients in the reverse one, and what is not needed again is freed at once. Adam is TensorFlow's
 * own, in place.
 */
import { EngineError } from "../../core/errors";
import type { Batch } from "../../core/types";
import {
  type AdamOptions,
  checkParam,
  type Feeds,
  isEmpty,
  needSequences,
  type OptimizerState,
  power,
  type Program,
  type StepKey,
  totalOf,
} from "../engine";
import type { Graph, Output, Param, Value } from "../graph";
import { initial } from "../init";
import type { Calls, Tensor } from "./calls";
import { Masks } from "./masks";
import { Run } from "./run";
import { type Entry, scheduled, wantedIn } from "./schedule";

interface Options {
  readonly key?: StepKey;
  readonly feeds?: Feeds;
}
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A float32 variable of TensorFlow: its optimiser changes it in place. */
class Variable {
  private static count = 0;
  private readonly handle: Tensor;

  constructor(
    private readonly c: Calls,
    readonly shape: readonly number[],
    values: Float32Array,
  ) {
    const attributes = [
      ...this.type,
      c.attribute("shape", "shape", shape),
      c.attribute("shared_name", "string", `cia${Variable.count++}`),
    ];
    this.handle = c.collect(() => c.one("VarHandleOp", [], attributes)).result;
    this.assign(values);
  }

  private get type() {
    return [this.c.attribute("dtype", "type", this.c.binding.TF_FLOAT)];
  }

  assign(values: Float32Array): void {
    // A copy: the binding shares the memory of a typed array, and the caller may go on to change it.
    const { made } = this.c.collect(() =>
      this.c.run("AssignVariableOp", [this.handle, this.c.float(values.slice(), this.shape)], this.type, 0),
    );
    this.c.free(made);
  }

  /** The value; while it lives, a change of the variable costs a copy. */
  tensor(): Tensor {
    return this.c.one("ReadVariableOp", [this.handle], this.type);
  }

  read(): Float32Array {
    const { result, made } = this.c.collect(() => this.c.read(this.tensor()));
    this.c.free(made);
    return result;
  }

  dispose(): void {
    this.c.run("DestroyResourceOp", [this.handle], undefined, 0);
    this.c.free([this.handle]);
  }

  static adam(c: Calls, [w, m, v]: readonly Variable[], rates: readonly Tensor[], gradient: Tensor): void {
    c.run("ResourceApplyAdam", [w.handle, m.handle, v.handle, ...rates, gradient], undefined, 0);
  }
}

export class TensorflowProgram implements Program {
  private readonly weights = new Map<string, Variable>();
  private readonly m = new Map<string, Variable>();
  private readonly v = new Map<string, Variable>();
  private readonly trainable: readonly Param[];
  private readonly wanted: ReadonlySet<Value>;
  private readonly schedule: readonly Entry[];
  private readonly masks = Masks.load();
  private steps = 0;

  constructor(
    readonly graph: Graph,
    readonly output: Output,
    seed: number,
    private readonly c: Calls,
  ) {
    this.trainable = [...graph.params.values()].filter((p) => p.trainable);
    for (const p of graph.params.values()) this.weights.set(p.name, new Variable(c, p.shape, initial(p, seed)));
    for (const p of this.trainable)
      for (const moments of [this.m, this.v])
        moments.set(p.name, new Variable(c, p.shape, new Float32Array(sizeOf(p.shape))));
    this.wanted = wantedIn(graph);
    this.schedule = scheduled(graph);
  }

  async get(name: string): Promise<Float32Array> {
    const variable = this.weights.get(name);
    if (!variable) throw new EngineError(`weights: expected a parameter of this model, found ${name}.`);
    return variable.read();
  }

  set(name: string, values: Float32Array): void {
    checkParam(this.graph, name, values);
    this.weights.get(name)?.assign(values);
  }

  async step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>> {
    needSequences(batch);
    return this.run(batch, { key, feeds }, (run) => {
      const terms = this.terms(run);
      const moving = run.movingValues();
      const gradients = run.backward(this.lossWeights());
      run.freeWeights();
      this.adam(gradients, adam);
      for (const [name, values] of moving) this.weights.get(name)?.assign(values);
      return terms;
    });
  }

  async losses(batch: Batch, o: Options = {}): Promise<Record<string, number>> {
    needSequences(batch);
    return this.run(batch, o, (run) => this.terms(run));
  }

  async gradients(batch: Batch, o: Options & { term?: string } = {}): Promise<Record<string, Float32Array>> {
    const { term } = o;
    if (term !== undefined && !(term in this.output.loss))
      throw new EngineError(
        `gradients: expected a loss term of ${Object.keys(this.output.loss).join(", ")}, found ${term}.`,
      );
    needSequences(batch);
    return this.run(batch, o, (run) => {
      const weights = term === undefined ? this.lossWeights() : new Map([[this.output.loss[term], 1]]);
      run.forward([...weights.keys()]);
      const gradients = run.backward(weights);
      const out: Record<string, Float32Array> = {};
      for (const { name, shape } of this.trainable) {
        const g = gradients.get(name);
        out[name] = g ? this.c.read(g) : new Float32Array(sizeOf(shape));
      }
      return out;
    });
  }

  async evaluate(batch: Batch, values: readonly Value[], o: Options = {}): Promise<Float32Array[]> {
    if (isEmpty(batch)) return values.map(() => new Float32Array(0));
    return this.run(batch, o, (run) => {
      run.forward(values);
      return values.map((v) => this.c.read(run.tensor(v)));
    });
  }

  async optimizerState(): Promise<OptimizerState> {
    const read = (moments: ReadonlyMap<string, Variable>) =>
      Object.fromEntries([...moments].map(([name, variable]) => [name, variable.read()]));
    return { steps: this.steps, m: read(this.m), v: read(this.v) };
  }

  setOptimizerState(state: OptimizerState): void {
    const both = [
      [this.m, state.m],
      [this.v, state.v],
    ] as const;
    for (const { name } of this.trainable)
      for (const [moments, values] of both) {
        checkParam(this.graph, name, values[name] ?? new Float32Array(0));
        moments.get(name)?.assign(values[name]);
      }
    this.steps = state.steps;
  }

  dispose(): void {
    for (const map of [this.weights, this.m, this.v]) {
      for (const variable of map.values()) variable.dispose();
      map.clear();
    }
    this.masks.dispose();
  }

  /** One batch: all that is made on the way is freed, also after an error. */
  private run<R>(batch: Batch, o: Options, f: (run: Run) => R): R {
    const { c, wanted, schedule, masks } = this;
    const read = (p: Param) => (this.weights.get(p.name) as Variable).tensor();
    const run = new Run({ c, wanted, schedule, masks, read, batch, ...o });
    try {
      const { result, made } = c.collect(() => f(run));
      c.free(made);
      return result;
    } finally {
      run.dispose();
    }
  }

  private lossWeights(): Map<Value, number> {
    return new Map(Object.entries(this.output.loss).map(([name, v]) => [v, this.output.lossWeights?.[name] ?? 1]));
  }

  private terms(run: Run): Record<string, number> {
    const values = Object.values(this.output.loss);
    run.forward(values);
    const read = this.c.read(this.c.concat(values.map((v) => run.tensor(v)), 0)); // prettier-ignore
    const terms = Object.fromEntries(Object.keys(this.output.loss).map((name, i) => [name, read[i]]));
    return { ...terms, total: totalOf(this.output, terms) };
  }

  /**
   * TensorFlow adds epsilon to the root of the raw second moment: its m lr sqrt(c2) / c1 / (sqrt(v) + e) is Keras's and PyTorch's
   * m lr / c1 / (sqrt(v / c2) + epsilon) for e = epsilon sqrt(c2). A parameter that no gradient reaches still moves by its moments.
   */
  private adam(
    gradients: ReadonlyMap<string, Tensor>,
    { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 }: AdamOptions,
  ): void {
    const { c } = this;
    this.steps++;
    const [power1, power2] = [power(beta1, this.steps), power(beta2, this.steps)];
    const rates = [power1, power2, learningRate, beta1, beta2, epsilon * Math.sqrt(1 - power2)].map((rate) =>
      c.float(Float32Array.of(rate), []),
    );
    for (const { name, shape } of this.trainable) {
      const three = [this.weights, this.m, this.v].map((map) => map.get(name) as Variable);
      const gradient = gradients.get(name) ?? c.float(new Float32Array(sizeOf(shape)), shape);
      Variable.adam(c, three, rates, gradient);
    }
  }
}
