/**
 * Inputs that every system must take or refuse clearly, whatever it is: one list for networks and fitted systems alike.
 * `inputCases` gives them for one level, task and choice of modalities.
 */
import { strict as assert } from "node:assert";
import type { FitData } from "../../lib/core/system";
import { Rng } from "../../lib/core/rng";
import {
  outputsOf,
  type LabelLevel,
  type Modality,
  type Predictions,
  type Shape,
  type Split,
  type Targets,
  type Task,
} from "../../lib/core/types";

export interface InputCase {
  /** Completes "takes ..." or "refuses ...". */
  readonly name: string;
  readonly shape: Shape;
  readonly train: FitData;
  readonly test: Split;
  /** What the SystemError must say; absent: predictions of the right form. */
  readonly refusal?: RegExp;
}

export const tasks: readonly Task[] = [
  { kind: "classes", classes: 2 },
  { kind: "classes", classes: 3 },
  { kind: "emotions" },
  { kind: "intensity" },
];
export const levels: readonly LabelLevel[] = ["row", "sequence"];
export const subsets: readonly (readonly Modality[])[] = [
  ["T"],
  ["A"],
  ["V"],
  ["T", "A"],
  ["T", "V"],
  ["A", "V"],
  ["T", "A", "V"],
];

export interface SplitOptions {
  /** Steps of each sequence. */
  readonly lengths: readonly number[];
  readonly widths: Partial<Record<Modality, number>>;
  /** Every feature of every row is the same number. */
  readonly constant?: boolean;
  readonly seed?: number;
}

/** Standard normal features; the first of each modality is raised by 1.5 in every third unit, so that there is something to learn. */
export function makeSplit({ lengths, widths, constant = false, seed = 1 }: SplitOptions): Split {
  const rng = new Rng(seed, "cases");
  const offsets = Int32Array.from([0, ...lengths.map((_, i) => lengths.slice(0, i + 1).reduce((a, b) => a + b, 0))]);
  const rows = offsets[lengths.length];
  const matrix = (width: number): Split["x"]["T"] => {
    const data = Float32Array.from({ length: rows * width }, () => (constant ? 0.3 : rng.normal()));
    if (!constant) for (let i = 0; i < rows; i += 3) data[i * width] += 1.5;
    return { rows, width, data };
  };
  return {
    offsets,
    ids: lengths.map((_, i) => `s${i}`),
    x: Object.fromEntries(Object.entries(widths).map(([m, width]) => [m, matrix(width)])),
    labels: {},
  };
}

export const unitsIn = (split: Split, level: LabelLevel): number =>
  level === "row" ? split.offsets[split.offsets.length - 1] : split.offsets.length - 1;

/** Targets that use every class, both sides of each emotion, and the range of intensity. */
export function makeTargets(task: Task, units: number): Targets {
  const outputs = outputsOf(task);
  if (task.kind === "classes")
    return { outputs, values: Int32Array.from({ length: units }, (_, i) => i % task.classes) };
  if (task.kind === "emotions") {
    return { outputs, values: Float32Array.from({ length: units * 6 }, (_, i) => Number(((i / 6) | 0) % 3 === i % 3)) };
  }
  return { outputs, values: Float32Array.from({ length: units }, (_, i) => ((i % 7) - 3) / 3), mid: 0, half: 3 };
}

export function inputCases(level: LabelLevel, task: Task, modalities: readonly Modality[]): InputCase[] {
  const widthsOf = (width: number): Partial<Record<Modality, number>> =>
    Object.fromEntries(modalities.map((m, i) => [m, width > 1 ? width + i : 1]));
  const usual = Array.from({ length: 14 }, (_, i) => 1 + (i % 4));

  function make(
    name: string,
    o: {
      lengths?: readonly number[];
      width?: number;
      constant?: boolean;
      targets?: (t: Targets) => Targets;
      testLengths?: readonly number[];
      refusal?: RegExp;
    } = {},
  ): InputCase {
    const widths = widthsOf(o.width ?? 4);
    const split = makeSplit({ lengths: o.lengths ?? usual, widths, constant: o.constant });
    const test = makeSplit({ lengths: o.testLengths ?? [2, 1, 3], widths, seed: 2 });
    const targets = makeTargets(task, unitsIn(split, level));
    const shape: Shape = { widths, modalities, level, task, outputs: outputsOf(task) };
    return { name, shape, train: { split, targets: o.targets?.(targets) ?? targets }, test, refusal: o.refusal };
  }
  const change =
    (edit: (value: number, index: number) => number) =>
    (t: Targets): Targets => ({
      ...t,
      values: Float32Array.from(t.values, edit),
    });
  const replaceFirst = (value: number) => change((v, i) => (i === 0 ? value : v));

  const cases = [
    make("ordinary data"),
    make("sequences of length one", { lengths: usual.map(() => 1), testLengths: [1, 1] }),
    make("features that never vary", { constant: true }),
    make("a single sample", { lengths: [1], testLengths: [1] }),
    make("a single sample of several steps", { lengths: [5], testLengths: [3, 2] }),
    make("modalities of width one", { width: 1 }),
    make("a test split of one unit", { testLengths: [1] }),
    make("training units that all have the same label", {
      targets: change(() => (task.kind === "intensity" ? 0.25 : 1)),
    }),
    make("labels that are not a number", { targets: replaceFirst(NaN), refusal: /found NaN/ }),
    make("a training split without units", { lengths: [], refusal: /found none/ }),
  ];
  if (task.kind === "classes") {
    const last = task.classes - 1;
    cases.push(
      make("a class absent from training", { targets: change((v) => (v === last ? 0 : v)) }),
      make("a class beyond those of the task", {
        targets: replaceFirst(task.classes),
        refusal: /expected a class from 0/,
      }),
    );
  }
  if (task.kind === "emotions") {
    cases.push(
      make("an emotion absent from training", { targets: change((v, i) => (i % 6 === 2 ? 0 : v)) }),
      make("a presence that is neither 0 nor 1", { targets: replaceFirst(2), refusal: /expected 0 .* or 1/ }),
    );
  }
  return cases;
}

/** Finite numbers, a row a unit; class probabilities of sum 1, emotion scores in 0..1. */
export function assertPredictions({ units, outputs, values }: Predictions, shape: Shape, test: Split): void {
  assert.equal(units, unitsIn(test, shape.level));
  assert.equal(outputs, shape.outputs);
  assert.equal(values.length, units * outputs);
  assert.ok(values.every(Number.isFinite), `expected finite predictions, found ${values.join(" ")}`);
  if (shape.task.kind === "intensity") return;
  assert.ok(
    values.every((v) => v >= 0 && v <= 1),
    `expected scores in 0..1, found ${values.join(" ")}`,
  );
  if (shape.task.kind !== "classes") return;
  for (let i = 0; i < units; i++) {
    const sum = values.subarray(i * outputs, (i + 1) * outputs).reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 1e-5, `expected probabilities that sum to 1, found ${sum}`);
  }
}
