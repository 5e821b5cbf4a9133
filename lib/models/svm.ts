/**
 * SVM, as the CMU line uses it for MOSI and MOSEI (Zadeh et al. 2016), on pooled features: an utterance's own, or the mean
 * over a sample's steps; modalities side by side, standardised. RBF kernel, gamma = 1 / (d * variance of the matrix).
 *
 * classes: C-SVC for each pair of classes, by vote, ties to the lower class; emotions: one class-weighted machine each, its
 * decision through a logistic function (0.5 is the machine's own threshold); intensity: epsilon-SVR.
 * Deviations, rows of the README's table:
 * [D20] Zadeh's multimodal dictionary of words and gestures cannot be made from these features.
 * [D21] Above `exactRows` training units SMO is too slow: a primal machine on Nystroem features of the same kernel
 *        (Williams & Seeger 2001: its value at random training rows, the landmarks), with squared hinge and squared
 *        epsilon-insensitive losses, takes its place, and says so in the model's notes.
 */
import { sigmoid } from "../core/math";
import type { Rng } from "../core/rng";
import type { FittedSystem, SavedArrays } from "../core/system";
import type { Config, Shape } from "../core/types";
import {
  acceptModalities,
  checkChoice,
  checkSettings,
  floats,
  goalsOf,
  ints,
  modelOf,
  notNegative,
  positive,
  saved,
  standardised,
  standardiser,
  wholeFrom,
  widthOf,
  type Goals,
} from "./classical/fitting";
import {
  cholesky,
  fitLinear,
  linearScores,
  solveLower,
  solveLowerTransposed,
  squaredHinge,
  squaredTube,
} from "./classical/logistic";
import { table, takeRows, type Table } from "./classical/pooling";
import { rbf, RbfKernel, solveClassifier, solveRegressor } from "./classical/smo";

export interface SvmConfig extends Config {
  /** Price of an error; regression: on the label scale, as is `epsilon`. */
  readonly C: number;
  /** Factor of the kernel's gamma, 1 / (d * variance of the training matrix). */
  readonly gamma: number;
  /** Half width of the tube in which an error costs nothing. */
  readonly epsilon: number;
  /** Weigh classes by n / (classes * count); emotions always are. */
  readonly balanced: boolean;
  /** "exact": SMO; "landmarks": Nystroem features; "auto": exact up to `exactRows` training units. [D21] */
  readonly machine: "auto" | "exact" | "landmarks";
  readonly exactRows: number;
  /** Number of training rows that stand for all in "landmarks". */
  readonly landmarks: number;
  /** Greatest violation of the optimality conditions at which SMO stops (LIBSVM's default). */
  readonly tolerance: number;
}

const name = "svm";

/** One binary machine or regressor: training rows, and for each the sign and the price of an error. */
interface Part {
  readonly rows: Int32Array;
  readonly y: Int8Array;
  readonly price: Float64Array;
}

/** The binary machines of a goal. `sides` [machines, 2]: which class votes for a positive, which for a negative decision. */
function partsOf(goals: Goals, { C, balanced }: SvmConfig): { parts: Part[]; sides: number[] } {
  const sides: number[] = [];
  const parts: Part[] = [];
  const add = (rows: Int32Array, positives: (row: number) => boolean, weight: (row: number) => number): void => {
    const y = Int8Array.from(rows, (row) => (positives(row) ? 1 : -1));
    parts.push({ rows, y, price: Float64Array.from(rows, (row) => C * weight(row)) });
  };
  if (goals.kind === "classes") {
    const { labels, present } = goals;
    const count = (c: number): number => labels.reduce((sum, l) => sum + Number(l === c), 0);
    const weights = new Map(present.map((c) => [c, balanced ? labels.length / (present.length * count(c)) : 1]));
    for (const [at, a] of present.entries()) {
      for (const b of present.slice(at + 1)) {
        const rows = Int32Array.from(labels.keys()).filter((i) => labels[i] === a || labels[i] === b);
        add(rows, (row) => labels[row] === a, (row) => weights.get(labels[row]) ?? 1); // prettier-ignore
        sides.push(a, b);
      }
    }
  } else if (goals.kind === "emotions") {
    for (const column of goals.columns) {
      const ones = column.reduce((sum, v) => sum + v, 0);
      const all = Int32Array.from(column.keys());
      const weight = (row: number): number => column.length / (2 * (column[row] ? ones : column.length - ones));
      add(all, (row) => column[row] === 1, weight);
    }
  }
  return { parts, sides };
}

const oneSided = ({ y }: Part): boolean => y.every((v) => v === y[0]);
/** The decision of a machine that saw one side only: its own threshold is out of reach, and so is the logistic's middle. */
const CERTAIN = 1e9;

interface Fit {
  readonly arrays: SavedArrays;
  readonly notes: readonly string[];
}

/** Support vectors and, for each machine, their coefficients and the bias. */
function fitExact(x: Table, goals: Goals, config: SvmConfig, gamma: number): Fit {
  const { parts } = partsOf(goals, config);
  const kernel = new RbfKernel(x, gamma);
  const notes: string[] = [];
  const coefficients: Float64Array[] = [];
  const bias: number[] = [];
  const keep = (values: Float64Array, rows: Int32Array | undefined, b: number, converged: boolean): void => {
    const all = new Float64Array(x.rows);
    values.forEach((v, t) => (all[rows ? rows[t] : t] = v));
    coefficients.push(all);
    bias.push(b);
    if (!converged) notes.push(`machine ${bias.length - 1}: SMO stopped at its iteration limit`);
  };
  if (goals.kind === "intensity") {
    const labels = goals.targets.map((t) => t * goals.half);
    const { alpha, bias: b, converged } = solveRegressor(kernel, labels, config.C, config.epsilon, config.tolerance);
    keep(
      alpha.map((v) => v / goals.half),
      undefined,
      b / goals.half,
      converged,
    );
  }
  for (const part of parts) {
    if (oneSided(part)) {
      keep(new Float64Array(0), part.rows, part.y[0] * CERTAIN, true);
      continue;
    }
    const { alpha, bias: b, converged } = solveClassifier(kernel, part.rows, part.y, part.price, config.tolerance);
    keep(
      alpha.map((a, t) => a * part.y[t]),
      part.rows,
      b,
      converged,
    );
  }
  const support = Array.from({ length: x.rows }, (_, i) => i).filter((i) => coefficients.some((c) => c[i] !== 0));
  const kept = coefficients.map((c) => Float64Array.from(support, (i) => c[i]));
  return { arrays: machineArrays(takeRows(x, support), kept, bias), notes };
}

/** Added to the diagonal of the landmarks' kernel matrix, so that equal landmarks do no harm. */
const JITTER = 1e-6;

/** Landmarks and, for each machine, their coefficients and the bias: in use the same as `fitExact` gives. */
function fitLandmarks(x: Table, goals: Goals, config: SvmConfig, gamma: number, rng: Rng): Fit {
  const chosen = rng.stream("landmarks").permutation(x.rows).subarray(0, config.landmarks).sort();
  const support = takeRows(x, chosen);
  const m = support.rows;
  const L = rbf(support, support, gamma).data;
  for (let i = 0; i < m; i++) L[i * m + i] += JITTER;
  cholesky(L, m);
  // z_i = L^-1 k(x_i), so that z_i z_j = k(x_i)' K^-1 k(x_j), near k(x_i, x_j).
  const z = rbf(x, support, gamma);
  solveLower(L, z);

  const notes = [`Nystroem features of ${m} training rows, squared losses, ${x.rows} training units [D21]`];
  const coefficients: Float64Array[] = [];
  const bias: number[] = [];
  const options = { C: config.C, tolerance: 1e-4 };
  const keep = (fit: ReturnType<typeof fitLinear>, unit = 1): void => {
    if (!fit.converged) notes.push(`machine ${bias.length}: L-BFGS stopped at its iteration limit`);
    solveLowerTransposed(L, fit.weight); // w'L^-1 k = (L'^-1 w)'k
    coefficients.push(fit.weight.map((v) => v / unit));
    bias.push(fit.bias[0] / unit);
  };
  if (goals.kind === "intensity") {
    const labels = goals.targets.map((t) => t * goals.half);
    keep(fitLinear(z, squaredTube(labels, config.epsilon), options), goals.half);
  }
  for (const part of partsOf(goals, config).parts) {
    if (oneSided(part)) {
      coefficients.push(new Float64Array(m));
      bias.push(part.y[0] * CERTAIN);
      continue;
    }
    const whole = part.rows.length === z.rows;
    const loss = squaredHinge(part.y, part.price.map((p) => p / config.C)); // prettier-ignore
    keep(fitLinear(whole ? z : takeRows(z, part.rows), loss, options));
  }
  return { arrays: machineArrays(support, coefficients, bias), notes };
}

const machineArrays = (
  support: Table,
  coefficients: readonly Float64Array[],
  bias: readonly number[],
): SavedArrays => ({
  support: floats(support.data, [support.rows, support.width]),
  coefficients: floats(coefficients.flatMap((c) => [...c]), [coefficients.length, support.rows]), // prettier-ignore
  bias: floats(bias),
});

/** Decisions of all machines, [n, machines]. */
function decider(arrays: SavedArrays, width: number): (x: Table) => Float64Array {
  const support = saved(name, arrays, "support", [-1, width]);
  const vectors = table(support.shape[0], width, Float64Array.from(support.data));
  const bias = Float64Array.from(saved(name, arrays, "bias", [-1]).data);
  const machines = bias.length;
  const { data } = saved(name, arrays, "coefficients", [machines, vectors.rows]);
  const [gamma] = saved(name, arrays, "gamma", [1]).data;
  // Stored machine by machine; the product wants a row a vector.
  const at = (i: number): number => (i % machines) * vectors.rows + Math.floor(i / machines);
  const weight = Float64Array.from({ length: data.length }, (_, i) => data[at(i)]);
  return (x) => linearScores(rbf(x, vectors, gamma), { weight, bias }).data;
}

/** 1 / (d * variance of the whole matrix); 1 where nothing varies. */
function gammaOf(x: Table): number {
  const mean = x.data.reduce((sum, v) => sum + v, 0) / x.data.length;
  const variance = x.data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / x.data.length;
  return variance > 0 ? 1 / (x.width * variance) : 1;
}

export const svm: FittedSystem<SvmConfig> = {
  kind: "fitted",
  name,
  title: "SVM",
  paper: "Zadeh et al. 2016 (features); C-SVC and epsilon-SVR by SMO as in LIBSVM (Fan, Chen & Lin 2005)",
  defaults: Object.freeze({
    C: 1,
    gamma: 1,
    epsilon: 0.1,
    balanced: false,
    machine: "auto",
    exactRows: 4000,
    landmarks: 1024,
    tolerance: 1e-3,
  }),
  /** For classes, which is what is searched. */
  space: { C: [0.1, 1, 10], gamma: [0.25, 1, 4] },
  accepts: (shape) => acceptModalities(name, shape),
  fit(train, _valid, shape, config, rng) {
    svm.accepts(shape);
    checkSettings(name, config, {
      C: positive,
      gamma: positive,
      epsilon: notNegative,
      tolerance: positive,
      landmarks: wholeFrom(1),
      exactRows: wholeFrom(0),
    });
    checkChoice(name, config, "machine", ["auto", "exact", "landmarks"]);
    checkChoice(name, config, "balanced", [true, false]);
    const goals = goalsOf(name, train, shape);
    const { x, arrays } = standardised(train.split, shape);
    const gamma = config.gamma * gammaOf(x);
    const exact = config.machine === "auto" ? x.rows <= config.exactRows : config.machine === "exact";
    const fit = exact ? fitExact(x, goals, config, gamma) : fitLandmarks(x, goals, config, gamma, rng);
    const votes: SavedArrays =
      goals.kind === "classes" ? { sides: ints(partsOf(goals, config).sides), present: ints(goals.present) } : {};
    const model = svm.load({ ...arrays, ...fit.arrays, ...votes, gamma: floats([gamma]) }, shape, config);
    return { ...model, notes: fit.notes };
  },
  load(arrays, shape) {
    const features = standardiser(name, arrays, shape);
    const decide = decider(arrays, widthOf(shape));
    const parameters = ["support", "coefficients", "bias"].reduce((sum, key) => sum + arrays[key].data.length, 0);
    return modelOf(arrays, { parameters }, shape, (split) => {
      const x = features(split);
      const decisions = decide(x);
      if (shape.task.kind === "intensity") return decisions;
      if (shape.task.kind === "emotions") return decisions.map(sigmoid);
      return votes(decisions, x.rows, shape, arrays);
    });
  },
};

/** Share of the machines that vote for each class: [n, classes]; a tie's first class is the lowest. */
function votes(decisions: Float64Array, n: number, shape: Shape, arrays: SavedArrays): Float64Array {
  const sides = saved(name, arrays, "sides", [-1]).data;
  const machines = sides.length / 2;
  const out = new Float64Array(n * shape.outputs);
  if (machines === 0) {
    const [only] = saved(name, arrays, "present", [1]).data;
    for (let i = 0; i < n; i++) out[i * shape.outputs + only] = 1;
  }
  for (let i = 0; i < n; i++) {
    for (let m = 0; m < machines; m++) {
      out[i * shape.outputs + sides[2 * m + (decisions[i * machines + m] > 0 ? 0 : 1)]] += 1 / machines;
    }
  }
  return out;
}
