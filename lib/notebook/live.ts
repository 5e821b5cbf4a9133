/** Training in a cell: progress, the stop button, and going on after a stop or a restart of the kernel. */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import * as path from "node:path";
import { TrainingError } from "../core/errors";
import { hashOf } from "../core/json";
import type { Scores } from "../core/record";
import { taskName, type Dataset, type Predictions, type Task } from "../core/types";
import { interruptible, progress } from "../display";
import type { Engine, Program } from "../engine/engine";
import { record } from "../layers/record";
import type { System } from "../layers/system";
import { metricInfo } from "../metrics";
import { headline, prepare, scoreTest, train, type Run, type TrainOptions } from "../training";

export interface LiveOptions extends Omit<TrainOptions, "signal" | "onProgress" | "onEpoch" | "checkpoint" | "say"> {
  /** Stands above the progress (default: the system's title and the data set). */
  readonly title?: string;
  /** End with a chart of the epochs (default), or with one line. */
  readonly chart?: boolean;
  /** Where runs that were interrupted are kept, relative to the notebook (default ../results/local/notebooks). */
  readonly keepIn?: string;
}

/** What a run depends on: a run that was interrupted goes on only if none of it has changed, the model's code included. */
function ownerOf(system: System, dataset: Dataset, task: Task, options: LiveOptions): string {
  const { seed, protocol, config, modalities, engine } = options;
  const code = system.kind === "neural" ? String(system.forward) : String(system.fit);
  const { name, versions } = engine?.info ?? { name: "none", versions: {} };
  const settings = prepare(system, dataset, task, { protocol, config, modalities }).config;
  const run = { system: system.name, code, task: taskName(task), settings, seed, protocol, modalities };
  return hashOf({ ...run, data: dataset.hash, engine: name, versions });
}

/**
 * Trains with progress in the cell. The stop button ends it with the epochs that are finished; the same cell run again, also
 * after a restart of the kernel, goes on from there. A run that came to its end starts anew.
 * @param dataset  loaded with `scaling: "none"` (the run fits its own scaling on its training rows)
 * @throws TrainingError when it was stopped before its first epoch ended
 */
export async function trainLive(system: System, dataset: Dataset, task: Task, options: LiveOptions): Promise<Run> {
  return interruptible((signal) => trainWatched(system, dataset, task, options, signal));
}

async function trainWatched(
  system: System,
  dataset: Dataset,
  task: Task,
  { title, chart = true, keepIn = path.join("..", "results", "local", "notebooks"), ...options }: LiveOptions,
  signal: AbortSignal,
): Promise<Run> {
  const owner = ownerOf(system, dataset, task, options);
  const folder = path.resolve(keepIn);
  const file = path.join(folder, `${owner}.checkpoint`);
  mkdirSync(folder, { recursive: true });
  if (existsSync(file)) console.log("Going on from where this training was stopped.");
  const metric = headline(task);
  const bar = progress({
    title: title ?? `${system.title} on ${dataset.name}, seed ${options.seed}`,
    score: `${metric} on validation`,
    chart,
  });
  let epochs = 0;
  const run = await train(system, dataset, task, {
    ...options,
    signal,
    checkpoint: { file, owner, everySeconds: 2 },
    onEpoch: ({ epoch, trainLoss, validScore }) => bar.update({ epoch, epochs, trainLoss, validScore }),
    onProgress: ({ epoch, epochs: all, step, steps }) => {
      epochs = all;
      bar.update({ epoch, epochs: all, fraction: (epoch - 1 + step / steps) / all });
    },
  }).catch(async (error: unknown) => {
    await bar.done(signal.aborted ? "stopped before the first epoch ended" : "failed");
    if (signal.aborted)
      throw new TrainingError(
        `${system.title}: expected at least one finished epoch, found that it was stopped before. Run the cell again.`,
      );
    throw error;
  });
  // Epochs of an earlier sitting belong to the chart too.
  for (const { epoch, trainLoss, validScore } of run.epochs) bar.update({ epoch, epochs, trainLoss, validScore });
  if (run.status === "done") rmSync(file, { force: true });
  const why = `epoch ${run.selected.epoch} is kept (${run.selected.why})`;
  await bar.done(run.status === "stopped" ? `stopped; ${why}; run the cell again to go on` : why);
  return run;
}

/** One trained and scored run. */
export interface ScoredRun {
  readonly seed: number;
  readonly parameters: number;
  /** The epoch that was selected. */
  readonly epoch: number;
  /** Test scores, as fractions or in native units. */
  readonly scores: Scores;
  /** The headline metric of the task, of `scores`. */
  readonly score: number;
  readonly predictions: Predictions;
  readonly seconds: number;
}

/**
 * Trains one run a seed and scores each on the test split. The stop button keeps the runs that are finished.
 * @throws as `trainLive`, where not one run was finished
 */
export async function trainAndScore(
  system: System,
  dataset: Dataset,
  task: Task,
  { seeds, ...options }: Omit<LiveOptions, "seed"> & { readonly seeds: readonly number[] },
): Promise<ScoredRun[]> {
  const scored: ScoredRun[] = [];
  await interruptible(async (signal) => {
    for (const [i, seed] of seeds.entries()) {
      const title = `${options.title ?? `${system.title} on ${dataset.name}`}, seed ${seed} (${i + 1} of ${seeds.length})`;
      const one = { chart: false, ...options, seed, title };
      const run = await trainWatched(system, dataset, task, one, signal).catch((error: unknown) => {
        if (signal.aborted && scored.length > 0) return undefined;
        throw error;
      });
      if (!run) return;
      const { status, selected, model, seconds } = run;
      try {
        if (status === "stopped") return;
        const { scores, predictions } = await scoreTest(run, selected);
        const score = scores[headline(task)] ?? NaN;
        scored.push({ seed, parameters: model.parameters, epoch: selected.epoch, scores, score, predictions, seconds });
      } finally {
        model.dispose();
      }
    }
  });
  return scored;
}

/** A metric of a record in the unit that the paper prints it in: percent, or its own. */
export function inPrint(metric: string, value: number): number {
  return metricInfo(metric).unit === "%" ? 100 * value : value;
}

/** A run's trained network, to look into (`valueOf`, `attentionOf`). */
export async function programOf(run: Run, engine: Engine): Promise<Program> {
  const { system, shape, config } = run.prepared;
  if (system.kind !== "neural")
    throw new TrainingError(`${system.title}: expected a network to look into, found a fitted system.`);
  const { graph, output } = record(system, shape, config);
  const program = engine.compile(graph, output, run.seed);
  for (const [name, { data }] of Object.entries(await run.model.save())) program.set(name, Float32Array.from(data));
  return program;
}
