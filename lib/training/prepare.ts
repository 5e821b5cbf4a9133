/** From a data set and a system to what the trainer works on: chosen modalities, scaled features, targets, the shape. */
import { DataError } from "../core/errors";
import type { FitData } from "../core/system";
import {
  modalityOrder,
  outputsOf,
  taskName,
  type Config,
  type Dataset,
  type Matrix,
  type Modality,
  type Protocol,
  type Scaler,
  type Shape,
  type Split,
  type Task,
} from "../core/types";
import { rowsOf, targetsOf, unitsOf, videosOf, withModalities } from "../data";
import { fitScaling, scaleSplit } from "../data/scale";
import type { System } from "../layers/system";
import { goalsOf } from "../models/classical/fitting";
import { resolveConfig, type TrainerConfig } from "./config";

export interface Prepared {
  readonly system: System;
  readonly task: Task;
  readonly protocol: Protocol;
  readonly config: Config & TrainerConfig;
  /** As it was given, with the chosen modalities only: labels, names and hash. */
  readonly dataset: Dataset;
  readonly shape: Shape;
  /** Scaled, and repacked where the system sees utterances alone. `valid` only under the protocol `validation`. */
  readonly train: FitData;
  readonly valid?: FitData;
  readonly test: FitData;
  /** From the files' numbers to the features seen; absent for `perSplit`, which has none. */
  readonly scaler?: Scaler;
  /** Labelled units a split of the data set. */
  readonly rows: { readonly train: number; readonly valid: number; readonly test: number };
}

/**
 * @param dataset  loaded with `scaling: "none"`; the scaling of the configuration is fitted here
 * @throws DataError, SystemError with the reason where protocol, task, modalities or configuration do not fit
 */
export function prepare(
  system: System,
  given: Dataset,
  task: Task,
  o: { protocol: Protocol; modalities?: readonly Modality[]; config?: Config },
): Prepared {
  const config = resolveConfig(system, o.config);
  const dataset = o.modalities ? withModalities(given, o.modalities) : given;
  checkProtocol(dataset, o.protocol);
  const alone = system.kind === "neural" && system.rows === "alone" && dataset.level === "row";
  const shape: Shape = {
    widths: widthsOf(dataset.train),
    modalities: dataset.modalities,
    level: alone ? "sequence" : dataset.level,
    task,
    outputs: outputsOf(task),
  };
  system.accepts(shape, config);
  if (unitsOf(dataset, dataset.train) === 0)
    throw new DataError(
      `${dataset.name}, train: expected at least one labelled unit, found none. Nothing can be learnt.`,
    );
  const scaling = fitScaling(config.scaling, dataset.train);
  const part = (split: Split): FitData => ({
    split: viewOf(scaled(split, config.scaling === "perSplit" ? fitScaling("perSplit", split) : scaling), alone),
    targets: targetsOf(dataset, split, task),
  });
  const train = part(dataset.train);
  if (system.kind === "neural") goalsOf(system.name, train, shape); // a fitted system checks its own
  const valid = o.protocol === "validation" ? dataset.valid : undefined;
  return {
    system,
    task,
    protocol: o.protocol,
    config,
    dataset,
    shape,
    train,
    ...(valid && { valid: part(valid) }),
    test: part(dataset.test),
    ...(config.scaling !== "perSplit" && { scaler: after(dataset.scaler, scaling) }),
    rows: {
      train: unitsOf(dataset, dataset.train),
      valid: valid ? unitsOf(dataset, valid) : 0,
      test: unitsOf(dataset, dataset.test),
    },
  };
}

function checkProtocol(dataset: Dataset, protocol: Protocol): void {
  const where = `${dataset.name}, ${dataset.features}, protocol ${protocol}`;
  if (protocol === "test-selected")
    throw new DataError(
      `${where}: expected validation or fixed-epochs, found a choice by the test split. Every run records that score beside its own; it is no protocol to claim by.`,
    );
  if (protocol === "validation" && !dataset.valid)
    throw new DataError(
      `${where}: expected a validation split, found none. ${dataset.leaks ?? "Give one"}: use --protocol fixed-epochs.`,
    );
}

export function widthsOf(split: Split): Partial<Record<Modality, number>> {
  return Object.fromEntries(modalityOrder.flatMap((m) => (split.x[m] ? [[m, split.x[m].width]] : [])));
}

/** One scaler that does `first` (what the data set was loaded with), then `second`. */
function after(first: Scaler | undefined, second: Scaler): Scaler {
  const out: Partial<Record<Modality, Scaler[Modality]>> = {};
  for (const m of modalityOrder) {
    const [a, b] = [first?.[m], second[m]];
    out[m] =
      a && b
        ? { shift: a.shift.map((s, c) => s + a.by[c] * b.shift[c]), by: a.by.map((by, c) => by * b.by[c]) }
        : (b ?? a);
  }
  return Object.fromEntries(Object.entries(out).filter(([, affine]) => affine));
}

/** A copy of a split, scaled. */
export function scaled(split: Split, fitted: Scaler): Split {
  const x: Partial<Record<Modality, Matrix>> = {};
  for (const m of modalityOrder) if (split.x[m]) x[m] = { ...split.x[m], data: Float32Array.from(split.x[m].data) };
  const copy = { ...split, x };
  scaleSplit(copy, fitted);
  return copy;
}

/** What a system sees of a split: as it is, or each row as a sequence of one. */
export function viewOf(split: Split, alone: boolean): Split {
  if (!alone) return split;
  const n = rowsOf(split);
  const sequence = new Int32Array(n);
  for (let s = 0; s + 1 < split.offsets.length; s++) sequence.fill(s, split.offsets[s], split.offsets[s + 1]);
  return {
    ...split,
    offsets: Int32Array.from({ length: n + 1 }, (_, i) => i),
    ids: split.rowIds ?? Array.from(sequence, (s, i) => `${split.ids[s]}[${i - split.offsets[s]}]`),
    videos: Array.from(sequence, (s) => videosOf(split)[s]),
  };
}

/** "cia on mosi/minilm, T, classes:2". */
export function describe({ system, dataset, shape, task }: Prepared): string {
  return `${system.name} on ${dataset.name}/${dataset.features}, ${shape.modalities.join("")}, ${taskName(task)}`;
}
