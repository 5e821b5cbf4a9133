/**
 * RF: random forest (Breiman 2001) on pooled features: an utterance's own, or the mean over a sample's steps; modalities
 * side by side (scaling changes nothing: a tree sees order only). Bootstrap, sqrt(d) candidate features a node, grown until pure.
 *
 * classes: gini, the mean of the leaves' class shares; emotions: one such forest each; intensity: variance, the mean.
 */
import { SystemError } from "../core/errors";
import type { FittedSystem, SavedArrays } from "../core/system";
import type { Config } from "../core/types";
import {
  acceptModalities,
  checkChoice,
  checkSettings,
  goalsOf,
  ints,
  modelOf,
  saved,
  wholeFrom,
  widthOf,
} from "./classical/fitting";
import { forestMean, growForest, presort, type Goal, type Tree } from "./classical/forest";
import { pool, table } from "./classical/pooling";

export interface RfConfig extends Config {
  readonly trees: number;
  /** Features tried at each node: sqrt(d), log2(d) or d / 3. */
  readonly candidates: "sqrt" | "log2" | "third";
  /** 0: until the leaves are pure. */
  readonly maxDepth: number;
  /** Fewest training units in a leaf. */
  readonly minLeaf: number;
  readonly bootstrap: boolean;
}

const name = "rf";

/** How many of d features a node tries: rounded down, at least one. */
function candidatesOf(d: number, rule: RfConfig["candidates"]): number {
  // 31 - clz32 is the exact floor of log2, which Math.log2 does not promise.
  const count = rule === "sqrt" ? Math.sqrt(d) : rule === "log2" ? 31 - Math.clz32(d) : d / 3;
  return Math.max(1, Math.floor(count));
}

/** Trees end to end; `treeStart` [trees + 1] says where each begins, children are numbered inside their tree. */
function pack(trees: readonly Tree[], outputs: number): SavedArrays {
  const starts = [0];
  for (const tree of trees) starts.push(starts[starts.length - 1] + tree.feature.length);
  const nodes = starts[trees.length];
  const join = <A extends Int32Array | Float64Array>(into: A, part: (tree: Tree) => A, each = 1): A => {
    trees.forEach((tree, t) => into.set(part(tree), starts[t] * each));
    return into;
  };
  return {
    treeStart: ints(starts),
    feature: { shape: [nodes], data: join(new Int32Array(nodes), (t) => t.feature) },
    threshold: { shape: [nodes], data: join(new Float64Array(nodes), (t) => t.threshold) },
    left: { shape: [nodes], data: join(new Int32Array(nodes), (t) => t.left) },
    right: { shape: [nodes], data: join(new Int32Array(nodes), (t) => t.right) },
    value: { shape: [nodes, outputs], data: join(new Float64Array(nodes * outputs), (t) => t.value, outputs) },
  };
}

function unpack(arrays: SavedArrays, outputs: number, width: number): Tree[] {
  const starts = saved(name, arrays, "treeStart", [-1]).data;
  const nodes = starts[starts.length - 1];
  const whole = (key: string): Int32Array => Int32Array.from(saved(name, arrays, key, [nodes]).data);
  const [feature, left, right] = ["feature", "left", "right"].map(whole);
  if (feature.some((f) => f >= width)) {
    throw new SystemError(`saved ${name} model: expected features below ${width}. Was it trained on other features?`);
  }
  const threshold = Float64Array.from(saved(name, arrays, "threshold", [nodes]).data);
  const value = Float64Array.from(saved(name, arrays, "value", [nodes, outputs]).data);
  return Array.from({ length: starts.length - 1 }, (_, t) => {
    const [from, to] = [starts[t], starts[t + 1]];
    return {
      feature: feature.subarray(from, to),
      threshold: threshold.subarray(from, to),
      left: left.subarray(from, to),
      right: right.subarray(from, to),
      value: value.subarray(from * outputs, to * outputs),
    };
  });
}

export const rf: FittedSystem<RfConfig> = {
  kind: "fitted",
  name,
  title: "RF",
  paper: "Breiman 2001",
  defaults: Object.freeze({ trees: 100, candidates: "sqrt", maxDepth: 0, minLeaf: 1, bootstrap: true }),
  space: { candidates: ["sqrt", "log2", "third"], minLeaf: [1, 2, 5, 10], maxDepth: [0, 10, 20] },
  accepts: (shape) => acceptModalities(name, shape),
  fit(train, _valid, shape, config, rng) {
    rf.accepts(shape);
    checkSettings(name, config, { trees: wholeFrom(1), maxDepth: wholeFrom(0), minLeaf: wholeFrom(1) });
    checkChoice(name, config, "candidates", ["sqrt", "log2", "third"]);
    checkChoice(name, config, "bootstrap", [true, false]);
    const goals = goalsOf(name, train, shape);
    const data = presort(pool(train.split, shape));
    const options = {
      trees: config.trees,
      candidates: candidatesOf(data.x.width, config.candidates),
      maxDepth: config.maxDepth || Infinity,
      minLeaf: config.minLeaf,
      bootstrap: config.bootstrap,
    };
    // A stream's own streams carry its name, not its step: forests that differ in the step alone would draw alike.
    const grow = (goal: Goal, stream: string): Tree[] => growForest(data, goal, options, rng.stream(stream));
    const trees =
      goals.kind === "emotions"
        ? goals.columns.flatMap((labels, e) => grow({ kind: "classes", labels, classes: 2 }, `forest ${e}`))
        : grow(goals.kind === "classes" ? goals : { kind: "numbers", targets: goals.targets }, "forest");
    return rf.load(pack(trees, goals.kind === "emotions" ? 2 : shape.outputs), shape, config);
  },
  load(arrays, shape) {
    const emotions = shape.task.kind === "emotions";
    const leaf = emotions ? 2 : shape.outputs;
    const trees = unpack(arrays, leaf, widthOf(shape));
    const forests = emotions ? shape.outputs : 1;
    const each = trees.length / forests;
    const parameters = trees.reduce((sum, tree) => sum + tree.feature.length, 0);
    return modelOf(arrays, { parameters }, shape, (split) => {
      const x = pool(split, shape);
      const means = Array.from({ length: forests }, (_, f) =>
        forestMean(trees.slice(f * each, (f + 1) * each), x, leaf),
      );
      if (!emotions) return means[0];
      const out = table(x.rows, forests).data;
      means.forEach((shares, e) => {
        for (let i = 0; i < x.rows; i++) out[i * forests + e] = shares[2 * i + 1];
      });
      return out;
    });
  },
};
