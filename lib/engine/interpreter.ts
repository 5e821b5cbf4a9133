/** A recorded model on whatever TensorFlow.js backend it is given, by the plain meaning of its operations. */
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../core/errors";
import type { Batch } from "../core/types";
import {
  type AdamOptions,
  checkParam,
  type EngineName,
  type Feeds,
  isEmpty,
  needSequences,
  type OptimizerState,
  power,
  type Program,
  type StepKey,
} from "./engine";
import type { Graph, Output, Param, Value } from "./graph";
import { initial } from "./init";
import { packing } from "./packing";
import { type Context, Interpretation, type Overrides } from "./reference";

/** A program over whatever TensorFlow.js backend is active. */
export class ReferenceProgram implements Program {
  private readonly params = new Map<string, tf.Tensor>();
  private readonly m = new Map<string, tf.Tensor>();
  private readonly v = new Map<string, tf.Tensor>();
  private steps = 0;
  private readonly trainable: Param[];

  constructor(
    readonly graph: Graph,
    readonly output: Output,
    seed: number,
    private readonly overrides: Overrides = {},
    /** TensorFlow.js's backend that it computes on: several engines may live in one process. */
    protected backend: string = tf.getBackend(),
    readonly notes: string[] = [],
  ) {
    this.activate();
    this.trainable = [...graph.params.values()].filter((p) => p.trainable);
    for (const p of graph.params.values()) this.params.set(p.name, tf.tensor(initial(p, seed), [...p.shape]));
    for (const p of this.trainable) for (const moments of [this.m, this.v]) moments.set(p.name, tf.zeros([...p.shape]));
  }

  /** Makes its backend TensorFlow.js's current one; started backends change at once. */
  private activate(): void {
    if (tf.getBackend() !== this.backend) void tf.setBackend(this.backend);
  }

  async get(name: string): Promise<Float32Array> {
    const tensor = this.params.get(name);
    if (!tensor) throw new EngineError(`weights: expected a parameter of this model, found ${name}.`);
    return Float32Array.from(await tensor.data());
  }

  set(name: string, values: Float32Array): void {
    checkParam(this.graph, name, values);
    this.activate();
    replace(this.params, name, tf.tensor(values, this.params.get(name)?.shape));
  }

  async step(batch: Batch, key: StepKey, adam: AdamOptions, feeds?: Feeds): Promise<Record<string, number>> {
    const { grads, moving, terms } = this.differentiate(batch, undefined, key, feeds);
    this.adam(grads, adam);
    for (const [name, value] of moving) replace(this.params, name, value);
    tf.dispose(Object.values(grads));
    return readTerms(terms);
  }

  async losses(batch: Batch, { key, feeds }: { key?: StepKey; feeds?: Feeds } = {}): Promise<Record<string, number>> {
    needSequences(batch);
    this.activate();
    const terms = tf.tidy(() => {
      const run = this.interpret(batch, key, feeds).run;
      const named: Record<string, tf.Tensor> = {};
      for (const [name, v] of Object.entries(this.output.loss)) named[name] = run.valueOf(v);
      named.total = this.total(named);
      return named;
    });
    return readTerms(terms);
  }

  async gradients(
    batch: Batch,
    o: { term?: string; key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Record<string, Float32Array>> {
    if (o.term !== undefined && !(o.term in this.output.loss))
      throw new EngineError(
        `gradients: expected a loss term of ${Object.keys(this.output.loss).join(", ")}, found ${o.term}.`,
      );
    const { grads, moving, terms } = this.differentiate(batch, o.term, o.key, o.feeds);
    tf.dispose([...moving.values(), ...Object.values(terms)]);
    const out: Record<string, Float32Array> = {};
    for (const [name, g] of Object.entries(grads)) out[name] = Float32Array.from(await g.data());
    tf.dispose(Object.values(grads));
    return out;
  }

  async evaluate(
    batch: Batch,
    values: readonly Value[],
    { key, feeds }: { key?: StepKey; feeds?: Feeds } = {},
  ): Promise<Float32Array[]> {
    if (isEmpty(batch)) return values.map(() => new Float32Array(0));
    this.activate();
    const tensors = tf.tidy(() => {
      const { run } = this.interpret(batch, key, feeds);
      return values.map((v) => tf.clone(run.valueOf(v)));
    });
    const out: Float32Array[] = [];
    for (const t of tensors) out.push(Float32Array.from(await t.data()));
    tf.dispose(tensors);
    return out;
  }

  async optimizerState(): Promise<OptimizerState> {
    const read = async (moments: Map<string, tf.Tensor>) => {
      const out: Record<string, Float32Array> = {};
      for (const [name, t] of moments) out[name] = Float32Array.from(await t.data());
      return out;
    };
    return { steps: this.steps, m: await read(this.m), v: await read(this.v) };
  }

  setOptimizerState(state: OptimizerState): void {
    this.activate();
    this.steps = state.steps;
    const write = (moments: Map<string, tf.Tensor>, values: OptimizerState["m"]): void => {
      for (const { name, shape } of this.trainable) {
        checkParam(this.graph, name, values[name] ?? new Float32Array(0));
        replace(moments, name, tf.tensor(values[name], [...shape]));
      }
    };
    write(this.m, state.m);
    write(this.v, state.v);
  }

  dispose(): void {
    for (const map of [this.params, this.m, this.v]) {
      tf.dispose([...map.values()]);
      map.clear();
    }
  }

  private interpret(
    batch: Batch,
    key: StepKey | undefined,
    feeds: Feeds | undefined,
  ): { run: Interpretation; moving: Map<string, tf.Tensor> } {
    const moving = new Map<string, tf.Tensor>();
    const context: Context = { batch, pack: packing(batch.offsets), params: this.params, key, feeds, moving };
    return { run: new Interpretation(context, this.overrides), moving };
  }

  private total(terms: Record<string, tf.Tensor>): tf.Tensor {
    return Object.keys(this.output.loss)
      .map((name) => tf.mul(terms[name], this.output.lossWeights?.[name] ?? 1))
      .reduce((x, y) => tf.add(x, y));
  }

  /** Gradients of the total or of one term, by parameter name; loss terms and new batch statistics beside them. */
  private differentiate(batch: Batch, term: string | undefined, key: StepKey | undefined, feeds: Feeds | undefined) {
    needSequences(batch);
    this.activate();
    const xs = this.trainable.map((p) => this.params.get(p.name) as tf.Tensor);
    let terms: Record<string, tf.Tensor> = {};
    let moving = new Map<string, tf.Tensor>();
    const differentiated = () => {
      const f = () => {
        const interpretation = this.interpret(batch, key, feeds);
        const named: Record<string, tf.Tensor> = {};
        for (const [name, v] of Object.entries(this.output.loss)) named[name] = interpretation.run.valueOf(v);
        named.total = this.total(named);
        terms = Object.fromEntries(Object.entries(named).map(([name, t]) => [name, tf.keep(tf.clone(t))]));
        moving = new Map([...interpretation.moving].map(([name, t]) => [name, tf.keep(tf.clone(t))]));
        return tf.reshape(term === undefined ? named.total : named[term], []) as tf.Scalar;
      };
      const result = tf.engine().gradients(f, xs, undefined, true);
      const named: Record<string, tf.Tensor> = {};
      this.trainable.forEach((p, i) => (named[p.name] = result.grads[i] ?? tf.zeros([...p.shape])));
      return named;
    };
    try {
      return { grads: tf.tidy(differentiated), terms, moving };
    } catch (error) {
      // What a gradient would have read stays with TensorFlow.js when the way back breaks off.
      const { state } = tf.engine();
      const saved = (state.activeTape ?? []).flatMap((node) => node.saved ?? []);
      tf.dispose([...saved, ...Object.values(terms), ...moving.values()]);
      state.activeTape = [];
      throw error;
    }
  }

  private adam(
    grads: Record<string, tf.Tensor>,
    { learningRate, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 }: AdamOptions,
  ): void {
    this.steps++;
    const c1 = 1 - power(beta1, this.steps);
    const c2 = 1 - power(beta2, this.steps);
    for (const { name } of this.trainable) {
      const [w, m, v] = tf.tidy(() => {
        const g = grads[name];
        const mNew = tf.add(tf.mul(this.m.get(name) as tf.Tensor, beta1), tf.mul(g, 1 - beta1));
        const vNew = tf.add(tf.mul(this.v.get(name) as tf.Tensor, beta2), tf.mul(tf.square(g), 1 - beta2));
        const update = tf.div(tf.mul(mNew, learningRate / c1), tf.add(tf.sqrt(tf.div(vNew, c2)), epsilon));
        return [tf.sub(this.params.get(name) as tf.Tensor, update), mNew, vNew];
      });
      replace(this.params, name, w);
      replace(this.m, name, m);
      replace(this.v, name, v);
    }
  }
}

/** The note of a program that is interpreted because an engine lacks an operation of its graph. */
export const interpretedNote = (engine: EngineName, without: string): string =>
  `the engine ${engine} has no kernel for ${without}: this model is interpreted by TensorFlow.js, several times slower`;

function replace(map: Map<string, tf.Tensor>, name: string, value: tf.Tensor): void {
  map.get(name)?.dispose();
  map.set(name, tf.keep(value));
}

async function readTerms(terms: Record<string, tf.Tensor>): Promise<Record<string, number>> {
  const out: Record<string, number> = {};
  for (const [name, t] of Object.entries(terms)) out[name] = (await t.data())[0];
  tf.dispose(Object.values(terms));
  return out;
}
