/**
 * CART trees and random forests (Breiman 2001) with exact splits: every midpoint between neighbouring values of a
 * candidate feature is tried. The values are ranked once for all trees; a large node walks a feature's presorted order,
 * a smaller one sorts its own ranks, so a tree costs about (candidates x rows x depth).
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
    const distinct = column.slice().sort();
    let count = 0;
    for (let i = 0; i < n; i++) if (i === 0 || distinct[i] !== distinct[i - 1]) distinct[count++] = distinct[i];
    const ranks = new Int32Array(n);
    const next = new Int32Array(count + 1);
    for (let i = 0; i < n; i++) {
      let low = 0; // the greatest distinct value not above column[i]
      for (let high = count; high - low > 1;) {
        const middle = (low + high) >> 1;
        if (distinct[middle] <= column[i]) low = middle;
        else high = middle;
      }
      ranks[i] = low;
      next[low + 1]++;
    }
    for (let r = 1; r <= count; r++) next[r] += next[r - 1];
    const rows = new Int32Array(n);
    for (let i = 0; i < n; i++) rows[next[ranks[i]]++] = i;
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

/** Up to this size a node is sorted by insertion. */
const INSERTION = 32;
/** A node of more than n / WALK rows walks the presorted order. */
const WALK = 4;

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
  const y = goal.kind === "classes" ? Int32Array.from(goal.labels) : Float64Array.from(goal.targets);
  const feature: number[] = [];
  const threshold: number[] = [];
  const left: number[] = [];
  const right: number[] = [];
  const value: number[] = [];

  const rows = new Int32Array(n); // rows of a node are rows[start .. end - 1]
  let total = 0;
  for (let i = 0; i < n; i++) if (weight[i] > 0) rows[total++] = i;
  const scratch = new Int32Array(total);
  const sorted = new Int32Array(total); // rows of the node, ascending in the feature being tried ...
  const sortedRank = new Int32Array(total); // ... and their ranks
  const passRank = new Int32Array(total);
  const inNode = new Int32Array(n).fill(-1);
  const features = Int32Array.from({ length: d }, (_, f) => f);
  // Two passes of a radix sort over half the bits of a rank each.
  const half = Math.ceil((32 - Math.clz32(n)) / 2);
  const mask = (1 << half) - 1;
  const lowCount = new Int32Array(1 << half);
  const highCount = new Int32Array(1 << half);
  const leftCount = new Float64Array(outputs);
  const rightCount = new Float64Array(outputs);
  const counts = new Float64Array(outputs);

  /** Rows of the node into `sorted`, ascending in feature f. */
  function sortNode(f: number, start: number, end: number, node: number): void {
    const size = end - start;
    const ranks = rank[f];
    if (size * WALK > n) {
      const all = order[f];
      for (let i = 0, to = 0; to < size; i++) {
        const row = all[i];
        sorted[to] = row;
        if (inNode[row] === node) to++;
      }
      for (let i = 0; i < size; i++) sortedRank[i] = ranks[sorted[i]];
    } else if (size <= INSERTION) {
      for (let i = 0; i < size; i++) {
        const row = rows[start + i];
        const r = ranks[row];
        let to = i;
        for (; to > 0 && sortedRank[to - 1] > r; to--) {
          sorted[to] = sorted[to - 1];
          sortedRank[to] = sortedRank[to - 1];
        }
        sorted[to] = row;
        sortedRank[to] = r;
      }
    } else {
      lowCount.fill(0);
      highCount.fill(0);
      for (let i = start; i < end; i++) {
        const r = ranks[rows[i]];
        lowCount[r & mask]++;
        highCount[r >>> half]++;
      }
      for (let b = 0, low = 0, high = 0; b <= mask; b++) {
        low += lowCount[b];
        high += highCount[b];
        lowCount[b] = low - lowCount[b];
        highCount[b] = high - highCount[b];
      }
      for (let i = start; i < end; i++) {
        const r = ranks[rows[i]];
        const to = lowCount[r & mask]++;
        scratch[to] = rows[i];
        passRank[to] = r;
      }
      for (let i = 0; i < size; i++) {
        const r = passRank[i];
        const to = highCount[r >>> half]++;
        sorted[to] = scratch[i];
        sortedRank[to] = r;
      }
    }
  }

  /** Best cut of `sorted`: maximises sum over both sides of (sum of squared class counts, or squared sum) / weight. */
  function scan(f: number, size: number, all: number, sum: number): void {
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
        if (p < options.minLeaf || sortedRank[p - 1] === sortedRank[p]) continue;
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
      if (p < options.minLeaf || sortedRank[p - 1] === sortedRank[p]) continue;
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

    if (size * WALK > n) for (let i = start; i < end; i++) inNode[rows[i]] = node;
    best.score = -Infinity;
    best.feature = -1;
    let usable = 0;
    for (let drawn = 0; drawn < d && (drawn < options.candidates || usable === 0); drawn++) {
      const at = drawn + rng.integer(d - drawn);
      const f = features[at];
      features[at] = features[drawn];
      features[drawn] = f;
      sortNode(f, start, end, node);
      if (sortedRank[0] === sortedRank[size - 1]) continue; // constant in this node
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
