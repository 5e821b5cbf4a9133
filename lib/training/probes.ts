/**
 * What else a trained system can be asked on the test split: without a modality, with noise on one, with neighbours shuffled,
 * foreign or absent. The labels and the weights are the run's own; only what is seen changes. Draws depend on the seed alone.
 */
import { Rng } from "../core/rng";
import { modalityOrder, type Matrix, type Modality, type Predictions, type Split } from "../core/types";
import { rowsOf } from "../data";
import { viewOf } from "./prepare";
import type { Run } from "./train";

export interface Probe {
  /** "without T", "A noise 1", "neighbours shuffled": a metric under it is called "A2:without T". */
  readonly name: string;
  readonly split: Split;
  /** Row i of `split` is row order[i] of the test split; absent where rows lie as there. */
  readonly order?: Int32Array;
}

/** Standard deviations of added noise, in units of each column's own on the training rows. */
const noiseLevels = [0.5, 1, 2] as const;

/** The probes that a run's configuration asks for. */
export function probesOf({ prepared, seed }: Pick<Run, "prepared" | "seed">): Probe[] {
  const { config, test, train, shape, dataset } = prepared;
  const { split } = test;
  if (config.probes === "noise")
    return shape.modalities.flatMap((m) => [
      { name: `without ${m}`, split: changed(split, m, () => 0) },
      ...noiseLevels.map((level) => {
        const rng = new Rng(seed, `probe/noise/${m}/${level}`);
        const sd = columnSd(train.split.x[m]!);
        return { name: `${m} noise ${level}`, split: changed(split, m, (v, c) => v + level * sd[c] * rng.normal()) };
      }),
    ]);
  if (config.probes !== "context") return [];
  const { offsets } = split;
  const inside = new Int32Array(rowsOf(split));
  const rng = new Rng(seed, "probe/context");
  for (let s = 0; s + 1 < offsets.length; s++)
    rng
      .stream("inside", s)
      .permutation(offsets[s + 1] - offsets[s])
      .forEach((from, to) => (inside[offsets[s] + to] = offsets[s] + from));
  const what = dataset.level === "row" ? "neighbours" : "steps";
  const shuffled = { name: `${what} shuffled`, split: reordered(split, inside), order: inside };
  if (shape.level !== "row") return [shuffled];
  const across = rng.stream("across").permutation(rowsOf(split));
  return [
    shuffled,
    { name: "neighbours foreign", split: reordered(split, across), order: across },
    { name: "neighbours absent", split: viewOf(split, true) },
  ];
}

/** Predictions under a probe, in the order of the test split's units. */
export async function probe(run: Run, { split, order }: Probe): Promise<Predictions> {
  const predictions = await run.model.predict(split);
  if (!order || run.prepared.shape.level !== "row") return predictions;
  const { outputs } = predictions;
  const values = new Float32Array(predictions.values.length);
  order.forEach((row, i) => values.set(predictions.values.subarray(i * outputs, (i + 1) * outputs), row * outputs));
  return { ...predictions, values };
}

function changed(split: Split, modality: Modality, change: (value: number, column: number) => number): Split {
  const matrix = split.x[modality]!;
  const data = matrix.data.map((v, i) => change(v, i % matrix.width));
  return { ...split, x: { ...split.x, [modality]: { ...matrix, data } } };
}

/** The features of row order[i] in row i; offsets stay. */
function reordered(split: Split, order: Int32Array): Split {
  const x: Partial<Record<Modality, Matrix>> = {};
  for (const m of modalityOrder) {
    const matrix = split.x[m];
    if (!matrix) continue;
    const { width, data } = matrix;
    const moved = new Float32Array(data.length);
    order.forEach((from, to) => moved.set(data.subarray(from * width, (from + 1) * width), to * width));
    x[m] = { ...matrix, data: moved };
  }
  return { ...split, x };
}

function columnSd({ rows, width, data }: Matrix): Float64Array {
  const sum = new Float64Array(width);
  const squares = new Float64Array(width);
  data.forEach((v, i) => ((sum[i % width] += v), (squares[i % width] += v * v)));
  return sum.map((s, c) => Math.sqrt(Math.max(0, squares[c] / rows - (s / rows) ** 2)));
}
