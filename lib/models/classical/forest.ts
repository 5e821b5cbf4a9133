/**
 * CART trees and random forests (Breiman 2001) with exact splits: every midpoint between neighbouring values of a
 * candidate feature is tried. The values are ranked once for all trees; a large node walks a feature's presorted order,
 * a small one sorts its own ranks, so a tree costs about (candidates x rows x depth).
 */
import type { Rng } from "../../core/rng";
import type { Table } from "./pooling";

/** Each feature's rows in ascending order of value, and each value's rank among the distinct ones. */
export interface Presorted {
  readonly x: Table;
  /** [d][n] rows. */
  readonly order: readonly Int32Array[];
  /** [d][n] rank of row i, equal for equal values. */
  readonly rank: readonly Int32Array[];
}

export function presort(x: Table): Presorted {
  const { rows: n, width: d } = x;
  const order: Int32Array[] = [];
  const rank: Int32Array[] = [];
  const column = new Float64Array(n);
  for (let f = 0; f < d; f++) {
    for (let i = 0; i < n; i++) column[i] = x.data[i * d + f];
    const rows = Int32Array.from({ length: n }, (_, i) => i).sort((a, b) => column[a] - column[b]);
    const ranks = new Int32Array(n);
    for (let i = 1; i < n; i++) {
      ranks[rows[i]] = ranks[rows[i - 1]] + (column[rows[i]] > column[rows[i - 1]] ? 1 : 0);
    }
    order.push(rows);
    rank.push(ranks);
  }
  return { x, order, rank };
}

/** Depth-first, left before right, the order of scikit-learn; feature -2 and children -1 mark a leaf. */
export interface Tree {
  readonly feature: Int32Array;
  /** x[feature] <= threshold goes left. */
  readonly threshold: Float64Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** [nodes, outputs]: class shares, or the mean target. */
  readonly value: Float64Array;
}

/** What is predicted: classes 0 .. classes - 1 (gini), or numbers (variance). */
export type Goal =
  | { readonly kind: "classes"; readonly labels: ArrayLike<number>; readonly classes: number }
  | { readonly kind: "numbers"; readonly targets: ArrayLike<number> };

export interface TreeOptions {
  /** Features drawn for each node; a node with no usable feature among them draws on. */
  readonly candidates: number;
  /** Infinity: until the leaves are pure. */
  readonly maxDepth: number;
  /** Fewest rows (drawn rows count once) in a leaf. */
  readonly minLeaf: number;
}

const INSERTION = 24;

/** Grows one tree on the rows with weight > 0 (a bootstrap counts a row as often as it was drawn). */
export function growTree(
  { x, order, rank }: Presorted,
  goal: Goal,
  weight: Int32Array,
  options: TreeOptions,
  rng: Rng,
): Tree {
  const { rows: n, width: d } = x;
  const outputs = goal.kind === "classes" ? goal.classes : 1;
  const y = Float64Array.from(goal.kind === "classes" ? goal.labels : goal.targets);
  const feature: number[] = [];
  const threshold: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const value: number[] = [];

  const rows = new Int32Array(n); // rows of a node are rows[start .. end - 1]
  let total = 0;
  for (let i = 0; i < n; i++) if (weight[i] > 0) rows[total++] = i;
  const scratch = new Int32Array(total);
  const sorted = new Int32Array(total);
  const inNode = new Int32Array(n).fill(-1);
  const features = Int32Array.from({ length: d }, (_, f) => f);
  // Rank and place inside the node in one number, so that a plain numeric sort orders the rows.
  const narrow = n <= 65536;
  const BASE = narrow ? 65536 : 67108864;
  const keys: Uint32Array | Float64Array = narrow ? new Uint32Array(total) : new Float64Array(total);
  const leftCount = new Float64Array(outputs);
  const rightCount = new Float64Array(outputs);
  const counts = new Float64Array(outputs);

  /** Rows of the node into `sorted`, ascending in feature f. */
  function sortNode(f: number, start: number, end: number, node: number): void {
    const size = end - start;
    if (size * 12 > n) {
      const all = order[f];
      for (let i = 0, to = 0; to < size; i++) {
        sorted[to] = all[i];
        if (inNode[all[i]] === node) to++;
      }
      return;
    }
    const ranks = rank[f];
    if (size <= INSERTION) {
      for (let i = 0; i < size; i++) {
        const row = rows[start + i];
        const r = ranks[row];
        let to = i;
        while (to > 0 && ranks[sorted[to - 1]] > r) {
          sorted[to] = sorted[to - 1];
          to--;
        }
        sorted[to] = row;
      }
      return;
    }
    for (let i = 0; i < size; i++) keys[i] = ranks[rows[start + i]] * BASE + i;
    keys.subarray(0, size).sort();
    for (let i = 0; i < size; i++) sorted[i] = rows[start + (narrow ? keys[i] & 0xffff : keys[i] % BASE)];
  }

  /** Best cut of `sorted`: maximises sum over both sides of (sum of squared class counts, or squared sum) / weight. */
  function scan(f: number, size: number, all: number, sum: number): void {
    const ranks = rank[f];
    const last = size - options.minLeaf;
    let weightLeft = 0;
    if (goal.kind === "classes") {
      leftCount.fill(0);
      rightCount.set(counts);
      let squaresLeft = 0;
      let squaresRight = 0;
      for (let c = 0; c < outputs; c++) squaresRight += counts[c] * counts[c];
      for (let p = 1; p <= last; p++) {
        const row = sorted[p - 1];
        const w = weight[row];
        const c = y[row];
        squaresLeft += w * (2 * leftCount[c] + w);
        squaresRight -= w * (2 * rightCount[c] - w);
        leftCount[c] += w;
        rightCount[c] -= w;
        weightLeft += w;
        if (p < options.minLeaf || ranks[row] === ranks[sorted[p]]) continue;
        const score = squaresLeft / weightLeft + squaresRight / (all - weightLeft);
        if (score > best.score) take(score, f, row, sorted[p]);
      }
      return;
    }
    let sumLeft = 0;
    for (let p = 1; p <= last; p++) {
      const row = sorted[p - 1];
      sumLeft += weight[row] * y[row];
      weightLeft += weight[row];
      if (p < options.minLeaf || ranks[row] === ranks[sorted[p]]) continue;
      const sumRight = sum - sumLeft;
      const score = (sumLeft * sumLeft) / weightLeft + (sumRight * sumRight) / (all - weightLeft);
      if (score > best.score) take(score, f, row, sorted[p]);
    }
  }
  const best = { score: -Infinity, feature: -1, low: 0, high: 0 };
  function take(score: number, f: number, low: number, high: number): void {
    best.score = score;
    best.feature = f;
    best.low = low;
    best.high = high;
  }

  interface Open {
    readonly start: number;
    readonly end: number;
    readonly depth: number;
    readonly parent: number;
    readonly isLeft: boolean;
  }
  const open: Open[] = [{ start: 0, end: total, depth: 0, parent: -1, isLeft: false }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { start, end, depth, parent, isLeft } = next;
    const node = feature.length;
    if (parent >= 0) (isLeft ? left : right)[parent] = node;
    const size = end - start;

    let all = 0;
    let sum = 0;
    let pure = true;
    counts.fill(0);
    for (let i = start; i < end; i++) {
      const row = rows[i];
      all += weight[row];
      if (goal.kind === "classes") counts[y[row]] += weight[row];
      else sum += weight[row] * y[row];
      if (y[row] !== y[rows[start]]) pure = false;
    }
    if (goal.kind === "classes") for (let c = 0; c < outputs; c++) value.push(counts[c] / all);
    else value.push(pure ? y[rows[start]] : sum / all);
    feature.push(-2);
    threshold.push(-2);
    left.push(-1);
    right.push(-1);
    if (pure || depth >= options.maxDepth || size < 2 * options.minLeaf) continue;

    if (size * 12 > n) for (let i = start; i < end; i++) inNode[rows[i]] = node;
    best.score = -Infinity;
    best.feature = -1;
    let usable = 0;
    for (let drawn = 0; drawn < d && (drawn < options.candidates || usable === 0); drawn++) {
      const at = drawn + rng.integer(d - drawn);
      const f = features[at];
      features[at] = features[drawn];
      features[drawn] = f;
      sortNode(f, start, end, node);
      if (rank[f][sorted[0]] === rank[f][sorted[size - 1]]) continue; // constant in this node
      usable++;
      scan(f, size, all, sum);
    }
    if (best.feature < 0) continue;

    const f = best.feature;
    const low = x.data[best.low * d + f];
    const high = x.data[best.high * d + f];
    const middle = low / 2 + high / 2;
    feature[node] = f;
    threshold[node] = middle < high ? middle : low;
    const cut = rank[f][best.low];
    let to = start;
    let kept = 0;
    for (let i = start; i < end; i++) {
      const row = rows[i];
      if (rank[f][row] <= cut) rows[to++] = row;
      else scratch[kept++] = row;
    }
    rows.set(scratch.subarray(0, kept), to);
    open.push({ start: to, end, depth: depth + 1, parent: node, isLeft: false });
    open.push({ start, end: to, depth: depth + 1, parent: node, isLeft: true });
  }
  return {
    feature: Int32Array.from(feature),
    threshold: Float64Array.from(threshold),
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    value: Float64Array.from(value),
  };
}

/** Adds the value of the leaf that each row falls into to `out` [n, outputs]. */
export function addTree(tree: Tree, x: Table, outputs: number, out: Float64Array): void {
  for (let i = 0; i < x.rows; i++) {
    let node = 0;
    while (tree.feature[node] >= 0) {
      node = x.data[i * x.width + tree.feature[node]] <= tree.threshold[node] ? tree.left[node] : tree.right[node];
    }
    for (let c = 0; c < outputs; c++) out[i * outputs + c] += tree.value[node * outputs + c];
  }
}

export interface ForestOptions extends TreeOptions {
  readonly trees: number;
  /** Each tree sees n rows drawn with replacement; else all rows. */
  readonly bootstrap: boolean;
}

export function growForest(data: Presorted, goal: Goal, options: ForestOptions, rng: Rng): Tree[] {
  const n = data.x.rows;
  return Array.from({ length: options.trees }, (_, t) => {
    const draw = rng.stream("bootstrap", t);
    const weight = new Int32Array(n).fill(options.bootstrap ? 0 : 1);
    if (options.bootstrap) for (let i = 0; i < n; i++) weight[draw.integer(n)]++;
    return growTree(data, goal, weight, options, rng.stream("features", t));
  });
}

/** Soft vote: the mean over trees of the leaves' values, [n, outputs]. */
export function forestMean(trees: readonly Tree[], x: Table, outputs: number): Float64Array {
  const out = new Float64Array(x.rows * outputs);
  for (const tree of trees) addTree(tree, x, outputs, out);
  for (let i = 0; i < out.length; i++) out[i] /= trees.length;
  return out;
}
