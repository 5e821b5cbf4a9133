import { readFileSync } from "node:fs";
import { join } from "node:path";
import { table, type Table } from "../../../lib/models/classical/pooling";

interface TreeOracle {
  weight: number[];
  maxDepth: number;
  minLeaf: number;
  feature: number[];
  threshold: number[];
  predict: number[];
}

/** test/oracles/classical.json, written by classical.py beside it. */
export interface Oracle {
  source: string;
  /** A (48, 3), V (48, 2); the first `train` rows are for training. */
  data: { A: number[][]; V: number[][]; train: number; classes: number[]; emotions: number[][]; intensity: number[] };
  linear: {
    C: number;
    alpha: number;
    classes: number[][];
    two: number[][];
    emotions: number[][];
    intensity: number[];
  };
  svm: {
    C: number;
    epsilon: number;
    classes: number[];
    balanced: number[];
    emotionDecisions: number[][];
    intensity: number[];
  };
  squaredHinge: { C: number; weights: [number, number]; w: number[] };
  squaredTube: { C: number; epsilon: number; w: number[] };
  trees: { classifier: TreeOracle; regressor: TreeOracle };
  exp: [number, number][];
  log: [number, number][];
}

const file = join(__dirname, "../../../../test/oracles/classical.json");
export const oracle: Oracle = JSON.parse(readFileSync(file, "utf8")) as Oracle;

/** All rows (float32, as a split holds them), the number of training rows, and the test rows. */
export function oracleTable(): { x: Table; train: number; test: Table } {
  const { A, V, train } = oracle.data;
  const rows = A.map((a, i) => [...a, ...V[i]]);
  const data = Float64Array.from(Float32Array.from(rows.flat()));
  return { x: table(rows.length, 5, data), train, test: table(rows.length - train, 5, data.slice(train * 5)) };
}
