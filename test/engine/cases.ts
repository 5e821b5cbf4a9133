/**
 * The one list of cases that every engine is tested with: each operation, values and gradients, against the plain
 * interpreter (lib/engine/reference.ts) on TensorFlow.js's own JavaScript backend, to 1e-5. Batches: one row, one sequence,
 * many of unlike lengths, a very long one, extreme values, none at all. No width is a multiple of 4 unless it is meant to be.
 */
import * as tf from "@tensorflow/tfjs";
import { strict as assert } from "node:assert";
import { EngineError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import type { Batch, Modality, Shape, Task } from "../../lib/core/types";
import { outputsOf } from "../../lib/core/types";
import { startCpu } from "../../lib/engine/cpu";
import type { Engine, Program, StepKey } from "../../lib/engine/engine";
import { type Act, Graph, type Output, type Value } from "../../lib/engine/graph";
import * as ops from "../../lib/engine/ops";
import { Net } from "../../lib/layers/net";

export const widths: Readonly<Record<Modality, number>> = { T: 11, A: 6, V: 8 };
export const tolerance = 1e-5;
/** While training: dropout, noise and batch statistics are on. */
export const key: StepKey = { seed: 7, step: 3 };

export type BatchName = "one row" | "one sequence" | "many sequences" | "a very long sequence" | "extreme values";

const lengths: Readonly<Record<BatchName, readonly number[]>> = {
  "one row": [1],
  "one sequence": [5],
  "many sequences": [3, 1, 9, 9, 2, 4, 1, 13],
  "a very long sequence": [2, 80],
  "extreme values": [4, 7, 1],
};

/** How many times as large some features of the extreme batch are. */
const extreme = 100;

/** Random features of the given sequences, in [-1, 1]; in the extreme batch some far larger, and some zero rows. */
export function batchOf(shape: Shape, name: BatchName): Batch {
  const offsets = Int32Array.from([0, ...lengths[name]]);
  for (let i = 1; i < offsets.length; i++) offsets[i] += offsets[i - 1];
  const rows = offsets[offsets.length - 1];
  const rng = new Rng(5, `cases/${name}`);
  const x: Partial<Record<Modality, { rows: number; width: number; data: Float32Array }>> = {};
  for (const m of shape.modalities) {
    const width = widths[m];
    const data = Float32Array.from({ length: rows * width }, () => 2 * rng.uniform() - 1);
    if (name === "extreme values")
      for (let i = 0; i < data.length; i++) data[i] *= i % 7 === 0 ? extreme : i < width ? 0 : 1;
    x[m] = { rows, width, data };
  }
  const units = shape.level === "row" ? rows : offsets.length - 1;
  const { task, outputs } = shape;
  const draw = (): number => (task.kind === "emotions" ? rng.integer(2) : 2 * rng.uniform() - 1);
  const targets =
    task.kind === "classes"
      ? Int32Array.from({ length: units }, () => rng.integer(task.classes))
      : Float32Array.from({ length: units * outputs }, draw);
  return { offsets, x, targets };
}

interface Inputs {
  readonly T: Value;
  readonly A: Value;
  readonly V: Value;
}

export interface Case {
  readonly name: string;
  readonly task?: Task;
  readonly level?: "row" | "sequence";
  /** Batches that make no sense for it. */
  readonly without?: readonly BatchName[];
  /** Values to compare; the last one's distance to half of itself is the loss, unless losses are given. */
  build(net: Net, x: Inputs): readonly Value[] | Built;
}

interface Built {
  readonly values: readonly Value[];
  readonly loss?: Output["loss"];
  readonly lossWeights?: Output["lossWeights"];
}
const isList = (built: readonly Value[] | Built): built is readonly Value[] => Array.isArray(built);

const acts: readonly Act[] = ["linear", "tanh", "relu", "sigmoid", "hardSigmoid"];
/** A layer before the operation, so that its gradient to the input is seen in the layer's weights. */
const from = (net: Net, name: string, x: Value, units: number): Value => net.dense(name, x, units, { act: "tanh" });

/** An LSTM with a memory that watches the cell's change, as the memory fusion networks have: every part of a scan. */
function memory(net: Net, x: Value, units: number, start?: Value): { last: Value[]; rows: Value[] } {
  const all = net.at("memory");
  const squeezed = ops.affine(x, 0.5, 0.1);
  const scanned = ops.scan(
    [x, squeezed],
    { h: units, c: units, memory: start ?? units },
    ([xt, half], { h, c, memory: m }) => {
      const fixed = all.dense("fixed", half, units, { act: "relu" });
      const gates = all.dense("gates", [xt, h, fixed], 4 * units);
      const cNew = ops.cellState(gates, c);
      const hNew = ops.cellOutput(gates, cNew);
      const both = ops.concat(c, cNew);
      const attention = ops.softmax(all.dense("attention", both, 2 * units));
      const watched = ops.mul(attention, both);
      const keep = all.dense("keep", watched, units, { act: "sigmoid", drop: 0.3 });
      const mNew = ops.add(ops.mul(keep, m), ops.mul(ops.affine(keep, -1, 1), ops.slice(watched, 1, units)));
      return { state: { h: hNew, c: cNew, memory: mNew }, outputs: [all.dense("out", [hNew, mNew], units + 2), hNew] };
    },
  );
  return { last: [scanned.last.h, scanned.last.c, scanned.last.memory], rows: scanned.rows };
}

const recurrent = (["gru", "lstm"] as const).flatMap((kind) =>
  ([1, 2] as const).flatMap((directions) =>
    (["sigmoid", "hardSigmoid"] as const).map((gates): Case => ({
      name: `${kind}, ${directions} direction${directions > 1 ? "s" : ""}, ${gates} gates${gates === "sigmoid" ? ", dropout" : ""}`,
      build(net, { T }) {
        const units = 5;
        const weights = ["fwd", "bwd"]
          .slice(0, directions)
          .map((d) => net.recurrent(`rnn/${d}`, 7, units, kind === "gru" ? 3 : 4, "zeros"));
        const inputDrop = gates === "sigmoid" ? { rate: 0.3, stream: "input" } : undefined;
        const recurrentDrop = gates === "sigmoid" ? { rate: 0.4, stream: "state" } : undefined;
        const h = ops[kind](from(net, "pre", T, 7), weights[0], weights[1], { gates, inputDrop, recurrentDrop });
        return kind === "lstm" ? [ops.cells(h), h] : [h];
      },
    })),
  ),
);

export const cases: readonly Case[] = [
  ...acts.map((act): Case => ({
    name: `dense, ${act}, dropout`,
    build: (net, { T }) => [net.dense("two", from(net, "one", T, 9), 13, { act, drop: 0.4 })],
  })),
  {
    name: "dense without bias on several inputs",
    build: (net, { T, A, V }) => [
      net.dense("all", [from(net, "t", T, 3), A, from(net, "v", V, 8)], 17, { bias: false }),
    ],
  },
  {
    name: "dense on a concatenation that is also read whole",
    build(net, { T, A }) {
      const both = ops.concat(from(net, "t", T, 5), from(net, "a", A, 6));
      return [both, ops.mul(net.dense("all", both, 11), both)];
    },
  },
  {
    name: "dense layers that share a kernel, on inputs that lie unlike",
    build(net, { T, A }) {
      const kernel = net.param("kernel", [11, 4], "glorot");
      const bias = net.param("bias", [4], "zeros");
      const split = ops.concat(from(net, "a", A, 6), from(net, "b", A, 5));
      return [ops.add(ops.dense(from(net, "t", T, 11), kernel, bias, "tanh"), ops.dense(split, kernel, bias, "relu"))];
    },
  },
  {
    name: "dense layers that share a kernel, the concatenation first, then a slice of another and a value as it is",
    build(net, { T, A, V }) {
      const kernel = net.param("kernel", [11, 9], "glorot");
      const layer = (x: Value | readonly Value[]) => ops.dense(x, kernel, undefined, "tanh");
      const parts = [from(net, "a", A, 3), from(net, "b", V, 8)];
      const cut = ops.slice(ops.concat(from(net, "c", T, 5), from(net, "d", A, 9)), 2, 11);
      return [ops.mul(ops.add(layer(ops.concat(...parts)), layer(parts)), ops.add(layer(cut), layer(T)))];
    },
  },
  {
    name: "dense layers that share a bias, with results that are cut unlike",
    build(net, { T, A }) {
      const bias = net.param("bias", [11], "zeros");
      const layer = (name: string, x: Value) =>
        ops.dense(x, net.param(`${name}/kernel`, [x.width, 11], "glorot"), bias, "sigmoid");
      const [whole, cut] = [layer("one", T), layer("two", from(net, "a", A, 5))];
      const mixed = ops.mul(cut, ops.concat(from(net, "b", A, 4), from(net, "c", T, 7)));
      return [ops.concat(whole, mixed, ops.slice(cut, 4, 7))];
    },
  },
  {
    name: "recurrent layers and a dense layer that share a kernel, on inputs that lie unlike",
    build(net, { T, A }) {
      const shared = net.recurrent("rnn", 11, 5, 3, "zeros");
      const split = ops.concat(from(net, "a", A, 6), from(net, "b", A, 5));
      const dense = ops.dense(split, shared.kernel, shared.bias, "tanh");
      return [ops.concat(ops.gru(T, shared, undefined), ops.gru(split, shared, undefined), dense)];
    },
  },
  {
    name: "a kernel that a scan's step and a layer outside share, on inputs that lie unlike",
    build(net, { T, A }) {
      const kernel = net.param("kernel", [11, 6], "glorot");
      const split = ops.concat(from(net, "a", A, 6), from(net, "b", A, 5));
      const outside = ops.dense(split, kernel, undefined, "tanh");
      const scanned = ops.scan([T], { h: 6 }, ([x], { h }) => {
        const next = ops.add(ops.dense(x, kernel, undefined, "tanh"), ops.affine(h, 0.5, 0));
        const again = ops.dense([ops.slice(x, 0, 5), next], kernel, undefined, "sigmoid");
        return { state: { h: again }, outputs: [next] };
      });
      return [ops.mul(outside, scanned.rows[0])];
    },
  },
  {
    name: "slices, on and off the borders of a panel",
    build(net, { T }) {
      const x = from(net, "x", T, 21);
      return [
        ops.concat(ops.slice(x, 8, 9), ops.slice(x, 3, 6), ops.slice(ops.concat(x, T), 19, 7), ops.slice(x, 0, 21)),
      ];
    },
  },
  {
    name: "add, sub, mul, affine",
    build(net, { T, A }) {
      const [a, b] = [from(net, "a", T, 10), from(net, "b", A, 10)];
      return [ops.add(ops.mul(ops.sub(a, b), ops.mul(a, a)), ops.affine(ops.mean(a, b), -1.5, 0.25))];
    },
  },
  {
    name: "mul of values that lie unlike",
    build: (net, { T, A }) => [ops.mul(from(net, "a", T, 11), ops.concat(from(net, "b", A, 4), from(net, "c", A, 7)))],
  },
  ...acts
    .filter((act) => act !== "linear")
    .map((act): Case => ({
      name: `activate, ${act}`,
      build: (net, { T }) => [ops.activate(net.dense("x", T, 10), act)],
    })),
  {
    name: "keep",
    build: (net, { T }) => [ops.keep(from(net, "x", T, 9), Float32Array.from([1, 0, 1, 1, 0, 0.5, 0, 0, 1]))],
  },
  {
    name: "softmax over all columns and over groups",
    build(net, { T }) {
      const x = net.dense("x", T, 15);
      return [ops.mul(ops.softmax(x), ops.softmax(x, 3))];
    },
  },
  { name: "dropout", build: (net, { T }) => [net.dropout("drop", from(net, "x", T, 10), 0.35)] },
  ...recurrent,
  {
    name: "attend, keys as values",
    build(net, { T, A }) {
      const [q, k] = [from(net, "q", T, 6), from(net, "k", A, 6)];
      const attended = ops.attend(q, k);
      return [ops.attention(attended), ops.mul(attended, q)];
    },
  },
  {
    name: "attend, values of their own",
    build: (net, { T, A, V }) => [ops.attend(from(net, "q", T, 6), from(net, "k", A, 6), from(net, "v", V, 19))],
  },
  {
    name: "attend, to itself",
    build(net, { T }) {
      const x = from(net, "x", T, 9);
      return [ops.attend(x, x, x)];
    },
  },
  {
    name: "attend, keys that are the first columns of the values, and values that are the first of the keys",
    build(net, { T, A, V }) {
      const [wide, narrow] = [from(net, "wide", T, 16), from(net, "narrow", A, 8)];
      const first = ops.slice(wide, 0, 8);
      return [ops.concat(ops.attend(V, first, wide), ops.attend(ops.concat(narrow, V), wide, first))];
    },
  },
  { name: "meanRows", build: (net, { T }) => [net.dense("y", ops.meanRows(from(net, "x", T, 10)), 3)] },
  { name: "lastRow", build: (net, { T }) => [net.dense("y", ops.lastRow(from(net, "x", T, 10)), 3, { drop: 0.5 })] },
  {
    name: "outer of one, two and three",
    build(net, { T, A, V }) {
      const [a, b, c] = [from(net, "a", T, 4), from(net, "b", A, 2), from(net, "c", V, 3)];
      return [
        ops.outer(a),
        ops.outer(a, b),
        net.dense("y", ops.concat(ops.outer(a), ops.outer(a, b), ops.outer(a, b, c)), 3),
      ];
    },
  },
  {
    name: "cell of an LSTM",
    build(net, { T, A }) {
      const gates = net.dense("gates", T, 20);
      const c = ops.cellState(gates, from(net, "c", A, 5));
      return [c, ops.add(ops.cellOutput(gates, c), ops.cellOutput(gates, c, "hardSigmoid", false))];
    },
  },
  {
    name: "batchNorm",
    without: ["one row"],
    build(net, { T }) {
      const vector = (name: string, init: "ones" | "zeros", trainable: boolean): ReturnType<Net["param"]> =>
        net.param(name, [10], init, trainable);
      const params = {
        gamma: vector("gamma", "ones", true),
        beta: vector("beta", "zeros", true),
        mean: vector("mean", "zeros", false),
        variance: vector("variance", "ones", false),
      };
      return [ops.batchNorm(from(net, "x", T, 10), params, { momentum: 0.1, epsilon: 1e-3, unbiased: true })];
    },
  },
  {
    name: "batchNorm, twice with the same parameters",
    without: ["one row"],
    build(net, { T, A }) {
      const [gamma, beta, mean, variance] = (["ones", "zeros", "zeros", "ones"] as const).map((init, i) =>
        net.param(`vector ${i}`, [10], init, i < 2),
      );
      const norm = (x: Value): Value =>
        ops.batchNorm(x, { gamma, beta, mean, variance }, { momentum: 0.1, epsilon: 1e-3, unbiased: false });
      return [ops.mul(norm(from(net, "x", T, 10)), norm(from(net, "y", A, 10)))];
    },
  },
  {
    name: "a plain function of tensors",
    build(net, { T, A }) {
      const inputs = [from(net, "x", T, 10), from(net, "y", A, 10)];
      return [ops.plain("x |y|", inputs, 10, ([a, b], { tf: t }) => t.mul(a, t.abs(b)))];
    },
  },
  {
    name: "stopGradient",
    build(net, { T }) {
      const x = from(net, "x", T, 10);
      return [ops.mul(ops.stopGradient(x), x)];
    },
  },
  {
    name: "scan, last states",
    build(net, { T }) {
      const { last } = memory(net, from(net, "x", T, 7), 5);
      return [...last, net.dense("y", last, 3)];
    },
  },
  {
    name: "scan, rows, from a starting state",
    build(net, { T, A }) {
      const { last, rows } = memory(net, from(net, "x", T, 7), 6, net.dense("start", ops.lastRow(A), 6));
      return [last[2], net.dense("y", rows, 3)];
    },
  },
  {
    name: "scan that keeps its input for the next step",
    build(net, { T }) {
      const x = from(net, "x", T, 6);
      const { rows } = ops.scan([x], { before: 6, sum: 6 }, ([xt], { before, sum }) => ({
        state: { before: xt, sum: ops.add(sum, ops.mul(before, xt)) },
        outputs: [ops.sub(xt, before), sum],
      }));
      return [ops.concat(...rows)];
    },
  },
  { name: "noise", build: (net, { T }) => [ops.add(ops.lastRow(from(net, "x", T, 5)), ops.noise(net.graph, "z", 5))] },
  ...(["row", "sequence"] as const).flatMap((level) =>
    ([{ kind: "classes", classes: 3 }, { kind: "emotions" }, { kind: "intensity" }] as const).map((task): Case => ({
      name: `loss of ${task.kind} a ${level}`,
      task,
      level,
      build(net, { T }) {
        const x = from(net, "x", T, 9);
        const logits = net.dense("head", level === "row" ? x : ops.meanRows(x), outputsOf(task), {
          act: task.kind === "intensity" ? "tanh" : "linear",
        });
        const loss: Record<string, Value> =
          task.kind === "classes"
            ? { task: ops.softmaxCE(logits) }
            : task.kind === "emotions"
              ? { task: ops.sigmoidCE(logits) }
              : { task: ops.mse(logits, ops.targets(net.graph)), l1: ops.mae(logits, ops.targets(net.graph)) };
        return { values: [logits], loss, lossWeights: { l1: 0.25 } };
      },
    })),
  ),
  {
    name: "a kernel that a loss shares with a term of no weight in a sum",
    build(net, { T, V }) {
      const kernel = net.param("kernel", [11, 8], "glorot");
      const [x, dead] = [T, ops.affine(T, 2)].map((t) => ops.dense(t, kernel, undefined, "tanh"));
      const loss = { task: ops.sum([ops.mse(x, V), ops.mse(dead, V), ops.mae(x, V)], [1, 0, 0.5]) };
      return { values: [x], loss };
    },
  },
  {
    name: "mmd and a weighted sum of losses",
    build(net, { T, A }) {
      const z = ops.lastRow(from(net, "z", T, 5));
      const g = ops.lastRow(from(net, "g", A, 5));
      const loss = {
        task: ops.sum([ops.mmd(z, ops.noise(net.graph, "g", 5)), ops.mse(z, g)], [2, -0.5]),
        mmd: ops.mmd(g, z),
      };
      return { values: [z], loss, lossWeights: { mmd: 0.3 } };
    },
  },
];

export interface Recorded {
  readonly graph: Graph;
  readonly output: Output;
  readonly values: readonly Value[];
  readonly shape: Shape;
}

export function recordCase(c: Case): Recorded {
  const task = c.task ?? { kind: "classes", classes: 3 };
  const shape: Shape = { widths, modalities: ["T", "A", "V"], level: c.level ?? "row", task, outputs: outputsOf(task) };
  const net = new Net(new Graph(shape));
  const built = c.build(net, { T: net.input("T"), A: net.input("A"), V: net.input("V") });
  const { values, loss, lossWeights } = isList(built) ? { values: built } : built;
  const logits = values[values.length - 1];
  const own = loss ?? { task: ops.mse(logits, ops.stopGradient(ops.affine(logits, 0.5, 0.3))) };
  return {
    graph: net.graph,
    output: { logits, activation: "linear", prediction: logits, loss: own, lossWeights },
    values,
    shape,
  };
}

/** Everything that is compared of a case on a batch, by name. */
export type Numbers = Readonly<Record<string, ArrayLike<number>>>;

export async function numbersOf(program: Program, values: readonly Value[], batch: Batch): Promise<Numbers> {
  const numbers: Record<string, ArrayLike<number>> = {};
  for (const [mode, o] of [
    ["predicting", {}],
    ["training", { key }],
  ] as const) {
    (await program.evaluate(batch, values, o)).forEach((v, i) => (numbers[`${mode}, value ${i}`] = v));
    for (const [name, loss] of Object.entries(await program.losses(batch, o)))
      numbers[`${mode}, loss ${name}`] = [loss];
    for (const [name, g] of Object.entries(await program.gradients(batch, o)))
      numbers[`${mode}, gradient of ${name}`] = g;
  }
  for (let step = 0; step < 2; step++) {
    const terms = await program.step(batch, { ...key, step }, { learningRate: 1e-3 });
    numbers[`step ${step}, total`] = [terms.total];
  }
  // Adam divides by the gradient's size, so that rounding decides where a gradient is near zero: compare its moments.
  const { m, v } = await program.optimizerState();
  for (const [name, x] of Object.entries(m)) numbers[`first moment of ${name}`] = x;
  for (const [name, x] of Object.entries(v)) numbers[`second moment of ${name}`] = x;
  for (const p of program.graph.params.values()) if (!p.trainable) numbers[p.name] = await program.get(p.name);
  return numbers;
}

/**
 * @param features size of the largest ones: a weight's gradient is a sum of features times slopes, and 1 - tanh^2 of a
 * saturated unit keeps few digits, so what rounding leaves there grows with the features.
 */
export function assertAgree(found: Numbers, expected: Numbers, features = 1): void {
  assert.deepEqual(Object.keys(found).sort(), Object.keys(expected).sort());
  for (const [name, e] of Object.entries(expected)) {
    const f = found[name];
    const allowed = tolerance * (/gradient|moment|step 1/.test(name) ? features : 1);
    assert.equal(f.length, e.length, `${name}: length`);
    for (let i = 0; i < e.length; i++) {
      const error = Math.abs(f[i] - e[i]) / Math.max(1, Math.abs(e[i]));
      if (!(error <= allowed)) assert.fail(`${name}, number ${i}: expected ${e[i]}, found ${f[i]}`);
    }
  }
}

export interface EngineUnderTest {
  readonly name: string;
  /** The engine, or why it cannot run here. */
  start(): Promise<Engine | string>;
  /** What must not grow, besides the number of tensors: bytes that the engine holds. */
  memory?(): number;
}

/** What the reference gives, by case and batch: computed once for all engines. */
const expected = new Map<string, Numbers>();
const batches = Object.keys(lengths) as BatchName[];

/** Declares the tests of all cases on an engine. */
export function describeCases(under: EngineUnderTest): void {
  describe(`operations on ${under.name}`, function () {
    this.timeout(120_000);
    let engine: Engine | undefined;

    before(async function () {
      const reference = await startCpu();
      for (const c of expected.size === 0 ? cases : [])
        for (const name of batches) {
          if (c.without?.includes(name)) continue;
          const { graph, output, values, shape } = recordCase(c);
          const program = reference.compile(graph, output, 1);
          expected.set(`${c.name} ${name}`, await numbersOf(program, values, batchOf(shape, name)));
          program.dispose();
        }
      const started = await under.start();
      if (typeof started === "string") {
        console.log(`      skipped: ${started}`);
        this.skip();
      } else engine = started;
    });

    for (const c of cases) {
      it(`${c.name}: agrees with the reference in values and gradients, and leaves nothing behind`, async () => {
        const tensors = tf.memory().numTensors;
        const held = under.memory?.();
        for (const name of batches) {
          const e = expected.get(`${c.name} ${name}`);
          if (!e) continue;
          const { graph, output, values, shape } = recordCase(c);
          const program = (engine as Engine).compile(graph, output, 1);
          try {
            assertAgree(
              await numbersOf(program, values, batchOf(shape, name)),
              e,
              name === "extreme values" ? extreme : 1,
            );
          } catch (error) {
            throw error instanceof Error ? new Error(`${name}: ${error.message}`) : error;
          } finally {
            program.dispose();
          }
        }
        assert.equal(tf.memory().numTensors, tensors, "tensors");
        assert.equal(under.memory?.(), held, "memory held");
      });
    }

    it("gives nothing for an empty batch, and refuses to train on it", async () => {
      const { graph, output, values, shape } = recordCase(cases[0]);
      const program = (engine as Engine).compile(graph, output, 1);
      const x = Object.fromEntries(
        shape.modalities.map((m) => [m, { rows: 0, width: widths[m], data: new Float32Array(0) }]),
      );
      const empty: Batch = { offsets: Int32Array.of(0), x, targets: new Int32Array(0) };
      for (const v of await program.evaluate(empty, values)) assert.equal(v.length, 0);
      await assert.rejects(program.step(empty, key, { learningRate: 1e-3 }), EngineError);
      program.dispose();
    });
  });
}
