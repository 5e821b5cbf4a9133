/**
 * The one trainer: every system, under one protocol. Neural systems are trained by Adam over shuffled batches of whole
 * sequences; fitted ones are fitted. A run is a function of (data, configuration, seed, code): random numbers are keyed by
 * (seed, purpose, epoch or step), so a run that was killed goes on from its checkpoint and ends with the same bits.
 */
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SystemError, TrainingError } from "../core/errors";
import { sevenDigits } from "../core/math";
import type { EpochRecord, Scores } from "../core/record";
import { Rng } from "../core/rng";
import type { Config, Dataset, Modality, Predictions, Protocol, Task } from "../core/types";
import { sequencesOf } from "../data";
import type { Engine, Program } from "../engine/engine";
import { record } from "../layers/record";
import type { System } from "../layers/system";
import { chooseThresholds } from "../metrics";
import { loadCheckpoint, saveCheckpoint, type Checkpoint, type Weights } from "./checkpoint";
import { findBroken } from "./diagnose";
import { fittedModel, neuralModel, type Model } from "./model";
import { asStored } from "./predictions";
import { prepare, type Prepared } from "./prepare";
import { headline, scoreSplit, taskLoss } from "./score";
import { bestEpoch, outOfPatience, select, type Selected } from "./select";
import { trainStages } from "./stages";
import { epochSteps, restore, setWeights, stepsOf, weightsOf } from "./steps";
import { TestWatcher } from "./watch";

export interface Progress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps of this epoch done, and in all. */
  readonly step: number;
  readonly steps: number;
  /** The last finished epoch. */
  readonly last?: EpochRecord;
  /** Seconds until the last epoch's end, by the speed so far; early stopping may end sooner. */
  readonly secondsLeft: number;
}

export interface CheckpointOptions {
  readonly file: string;
  readonly owner: string;
  /** At least so long between two checkpoints of a run that goes on (default 0: every epoch); one that is stopped keeps its last epoch. */
  readonly everySeconds?: number;
  /** Also keep the last epoch of a run that ends by itself: where its result stays in memory alone. */
  readonly atEnd?: boolean;
}

export interface TrainOptions {
  readonly seed: number;
  readonly protocol: Protocol;
  readonly modalities?: readonly Modality[];
  /** The difference from the defaults of system and trainer. */
  readonly config?: Config;
  /** Needed by neural systems. */
  readonly engine?: Engine;
  /** Ends the run where it stands; what it has is kept (`Run.status` "stopped"). */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Once, where a run is taken up: the epochs that it had. */
  readonly onResume?: (epochs: readonly EpochRecord[]) => void;
  /** After each epoch. */
  readonly onEpoch?: (epoch: EpochRecord) => void;
  /** Where the run's state is kept, and who it belongs to: see `checkpointOwner`. */
  readonly checkpoint?: CheckpointOptions;
  /** Also record the best test score over epochs, as the released scripts do: costs one pass over the test split an epoch. */
  readonly watchTest?: boolean;
  readonly say?: (line: string) => void;
}

export interface Run {
  /** "stopped": the signal came before the last epoch; the result is of the epochs until then. */
  readonly status: "done" | "stopped";
  readonly prepared: Prepared;
  readonly seed: number;
  readonly epochs: readonly EpochRecord[];
  readonly selected: Selected;
  /** With the weights of the selected epoch. */
  readonly model: Model;
  /** Validation predictions and scores of the selected epoch, as stored. */
  readonly valid?: { readonly predictions: Predictions; readonly scores: Scores };
  readonly train: { readonly scores: Scores };
  /** Best test score over epochs and thresholds: never for a claim. */
  readonly testSelected?: Scores;
  readonly seconds: number;
}

/**
 * Trains one system on one data set.
 * @param dataset  loaded with `scaling: "none"`: the configuration's scaling is fitted on its training rows
 * @throws TrainingError when a loss stops being finite (with the step and the tensor that broke); DataError, SystemError when
 *   data, task, protocol, system and configuration do not fit each other
 */
export async function train(system: System, dataset: Dataset, task: Task, options: TrainOptions): Promise<Run> {
  const started = performance.now();
  const prepared = prepare(system, dataset, task, options);
  const trained = system.kind === "neural" ? await trainNeural(prepared, options) : fit(prepared, options);
  try {
    return { ...(await judge(prepared, trained, options)), seconds: (performance.now() - started) / 1000 };
  } catch (error) {
    trained.model.dispose(); // nobody else has it
    throw error;
  }
}

/** What a trained model predicts of the training and validation splits, and the epoch and thresholds that validation chooses. */
async function judge(prepared: Prepared, trained: Trained, options: TrainOptions): Promise<Omit<Run, "seconds">> {
  const { model, epochs, status, testSelected } = trained;
  const { task } = prepared;
  const predict = async (data: Prepared["train"]) => asStored(await model.predict(data.split), task);
  const valid = prepared.valid && { data: prepared.valid, predictions: await predict(prepared.valid) };
  const selected = select({
    protocol: options.protocol,
    rule: prepared.config,
    metric: headline(task),
    epochs,
    ...(task.kind === "emotions" && {
      emotions: valid ? { truth: valid.data.targets.values, predictions: valid.predictions } : "no validation split",
    }),
  });
  const score = (data: Prepared["train"], predictions: Predictions) =>
    scoreSplit(prepared.dataset, data.split, data.targets, task, predictions, selected.thresholds);
  return {
    status,
    prepared,
    seed: options.seed,
    epochs,
    selected,
    model,
    ...(valid && { valid: { predictions: valid.predictions, scores: score(valid.data, valid.predictions) } }),
    train: { scores: score(prepared.train, await predict(prepared.train)) },
    ...(testSelected && { testSelected }),
  };
}

const read = new WeakSet<Run>();

/** The test split, read once a run, with the epoch and thresholds that validation chose. */
export async function scoreTest(run: Run, selected: Selected): Promise<{ scores: Scores; predictions: Predictions }> {
  if (selected !== run.selected || !selected.made)
    throw new TrainingError("scoreTest: expected the choice that this run made, found another one.");
  if (read.has(run))
    throw new TrainingError("scoreTest: expected a run whose test split was not read, found one that was.");
  read.add(run);
  const { dataset, test, task } = run.prepared;
  const predictions = asStored(await run.model.predict(test.split), task);
  return { predictions, scores: scoreSplit(dataset, test.split, test.targets, task, predictions, selected.thresholds) };
}

export interface Trained {
  readonly status: Run["status"];
  readonly model: Model;
  readonly epochs: readonly EpochRecord[];
  readonly testSelected?: Scores;
}

function fit(prepared: Prepared, { seed, say }: TrainOptions): Trained {
  const { system, train, valid, shape, config } = prepared;
  if (system.kind !== "fitted") throw new SystemError(`${system.name}: expected a fitted system.`);
  const model = fittedModel(system.fit(train, valid, shape, config, new Rng(seed, "fit")), prepared);
  for (const note of model.notes) say?.(`${system.name}: ${note}`);
  return { status: "done", model, epochs: [] };
}

async function trainNeural(prepared: Prepared, options: TrainOptions): Promise<Trained> {
  const { system, shape, config, protocol, task, train } = prepared;
  const { seed, engine, signal, checkpoint } = options;
  if (system.kind !== "neural") throw new SystemError(`${system.name}: expected a neural system.`);
  if (!engine) throw new SystemError(`${system.name}: expected an engine to train on, found none; see startEngine.`);
  const { stages } = system;
  if (stages) return trainStages({ ...prepared, system: { ...system, stages } }, { ...options, engine }, trainNeural);
  const { graph, output } = record(system, shape, config);
  const compile = (): Program => engine.compile(graph, output, seed);
  const program = compile();
  try {
    const model = neuralModel(program, prepared);
    for (const note of model.notes) options.say?.(`${system.name}: ${note}`);
    const saved = checkpoint && loadCheckpoint(checkpoint.file, checkpoint.owner, options.say);
    if (saved) {
      restore(program, saved);
      options.onResume?.(saved.epochs);
    }
    const epochs: EpochRecord[] = [...(saved?.epochs ?? [])];
    const best = () => bestEpoch(epochs, protocol, config, headline(task));
    let bestWeights: Weights | undefined = saved && (saved.best ?? saved.weights);
    const watcher = options.watchTest ? new TestWatcher(prepared, saved?.watched) : undefined;
    const pace = new Pace(config.epochs, stepsOf(prepared));
    let lastSaved = performance.now();
    /** The last epoch's end, while no checkpoint has it: a copy, since the steps of the next epoch change the program. */
    let unsaved: Checkpoint | undefined;
    const save = () => {
      if (!checkpoint || !unsaved) return;
      saveCheckpoint(checkpoint.file, checkpoint.owner, unsaved);
      lastSaved = performance.now();
      unsaved = undefined;
    };
    let stopped = false;
    while (epochs.length < config.epochs && !outOfPatience(epochs, best(), protocol, config)) {
      const epoch = epochs.length + 1;
      const begun = performance.now();
      const sums: Record<string, number> = {};
      for (const { batch, key, step } of epochSteps(prepared, seed, epoch)) {
        await nextTurn(); // lets a signal, a message or a notebook's stop button in
        if ((stopped = signal?.aborted ?? false)) break;
        const terms = await program.step(batch, key, { learningRate: config.learningRate });
        const broken = Object.keys(terms).find((name) => !Number.isFinite(terms[name]));
        if (broken !== undefined) {
          const where = `${system.name}, epoch ${epoch}, step ${step + 1} of ${pace.steps}`;
          const cause = await findBroken({ prepared, seed, compile, from: saved, epoch, step });
          throw new TrainingError(`${where}: expected a finite loss, found ${broken} = ${terms[broken]}; ${cause}.`);
        }
        for (const name of Object.keys(terms))
          sums[name] = (sums[name] ?? 0) + terms[name] * (batch.offsets.length - 1);
        options.onProgress?.(pace.after(epoch, step + 1, epochs[epochs.length - 1]));
      }
      if (stopped) break;
      const { total, ...terms } = mapValues(sums, (sum) => sum / sequencesOf(train.split));
      const validation = prepared.valid && (await validate(model, prepared, prepared.valid));
      watcher?.see(asStored(await model.predict(prepared.test.split), task));
      const seconds = Number(((performance.now() - begun) / 1000).toFixed(3));
      // Curves are kept to seven digits, as selection sees them: a record stays small.
      epochs.push({ epoch, trainLoss: sevenDigits(total), losses: byKind(terms), ...validation, seconds });
      const weights = await weightsOf(program);
      const isBest = best() === epochs.length - 1;
      if (isBest) bestWeights = weights;
      if (checkpoint) {
        unsaved = {
          epochs: [...epochs],
          weights,
          optimizer: await program.optimizerState(),
          ...(!isBest && { best: bestWeights }),
          ...(watcher?.scores && { watched: watcher.scores }),
        };
        if (performance.now() - lastSaved >= (checkpoint.everySeconds ?? 0) * 1000) save();
      }
      options.onEpoch?.(epochs[epochs.length - 1]);
    }
    if (stopped || checkpoint?.atEnd) save();
    if (bestWeights) setWeights(program, bestWeights);
    return { status: stopped ? "stopped" : "done", model, epochs, testSelected: watcher?.scores };
  } catch (error) {
    program.dispose();
    throw error;
  }
}

/** Loss of the task and headline metric on the validation split. */
async function validate(model: Model, { dataset, task }: Prepared, { split, targets }: Prepared["train"]) {
  const predictions = asStored(await model.predict(split), task);
  const thresholds = task.kind === "emotions" ? chooseThresholds(targets.values, predictions.values) : undefined;
  const score = scoreSplit(dataset, split, targets, task, predictions, thresholds)[headline(task)];
  return {
    validLoss: sevenDigits(taskLoss(predictions, targets, task)),
    ...(score !== null && { validScore: sevenDigits(score) }),
  };
}

/** How long it will take, by a clock that cannot be set back. */
class Pace {
  private readonly begun = performance.now();
  private done = 0;
  constructor(
    private readonly epochs: number,
    readonly steps: number,
  ) {}

  after(epoch: number, step: number, last: EpochRecord | undefined): Progress {
    this.done++;
    const left = (this.epochs - epoch + 1) * this.steps - step;
    const secondsLeft = ((performance.now() - this.begun) / 1000 / this.done) * left;
    return { epoch, epochs: this.epochs, step, steps: this.steps, ...(last && { last }), secondsLeft };
  }
}

/** Terms of one kind summed: mse/TA, mse/AT, ... are `mse`. */
function byKind(terms: Readonly<Record<string, number>>): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const [name, value] of Object.entries(terms)) {
    const [kind] = name.split("/");
    kinds[kind] = (kinds[kind] ?? 0) + value;
  }
  return mapValues(kinds, sevenDigits);
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, f: (value: A) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}
