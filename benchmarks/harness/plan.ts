/** From suites to runs: which are recorded, which are to be done, and what the others lack. */
import { DataError, SystemError, UserError } from "../../lib/core/errors";
import type { RunRecord } from "../../lib/core/record";
import { cellName, type Cell, type Profile, type Suite } from "../../lib/core/suite";
import { outputsOf, type Dataset, type Shape } from "../../lib/core/types";
import { loadDataset } from "../../lib/data";
import { record as recordGraph } from "../../lib/layers/record";
import { mean } from "../../lib/metrics";
import { findSystem } from "../../lib/models";
import { groupBy } from "../../lib/report/verdict";
import { prepare, widthsOf } from "../../lib/training/prepare";
import { cellDataset, jobConfig, jobIdentity, trialsOf, type Job } from "../../lib/training";

export interface PlannedRun {
  readonly job: Job;
  readonly id: string;
  readonly dataHash: string;
  /** The counted record, where there is one. */
  readonly recorded?: RunRecord;
  readonly estimate: number;
  /**
   * What shards deal by: its cell's place plus its round, so that each cell's rounds go about. Counted over all that is declared,
   * whatever data is here.
   */
  readonly deal: number;
}

export interface PlannedCell {
  readonly suite: string;
  readonly cell: Cell;
  readonly name: string;
  /** Why it cannot be run here. */
  readonly missing?: string;
  readonly runs: readonly PlannedRun[];
}

export interface PlanOptions {
  readonly profile: Profile;
  /** How many seeds, from 1; the suite's own when absent. */
  readonly seeds?: number;
  readonly dataDir?: string;
  readonly records: readonly RunRecord[];
  readonly say?: (line: string) => void;
}

/** Loads the data sets of a plan, each once; keeps only the last, since the plan goes through them in order. */
class Loader {
  private readonly failures = new Map<string, Error>();
  private readonly hashes = new Map<string, Dataset>();
  private last: { key: string; dataset: Dataset } | undefined;
  constructor(private readonly dir: string | undefined) {}

  /** The data set of a cell without its numbers (hash, widths, sizes), or why it cannot be had. */
  async get(cell: Cell): Promise<Dataset | Error> {
    const key = `${cell.dataset}/${cell.features}`;
    const own = `${key}/${cell.modalities.join("")}`;
    const known = this.hashes.get(own) ?? this.failures.get(key);
    if (known) return known;
    try {
      if (this.last?.key !== key) this.last = { key, dataset: await loadCellData(cell, this.dir) };
      const dataset = cellDataset(this.last.dataset, cell);
      this.hashes.set(own, withoutNumbers(dataset));
      return dataset;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      if (this.last?.key !== key) this.failures.set(key, error);
      return error;
    }
  }
}

/** As a run loads it: unscaled, since the scaling is a setting of the run. */
export function loadCellData(cell: Pick<Cell, "dataset" | "features">, dir: string | undefined): Promise<Dataset> {
  const features = cell.dataset === "synthetic" ? {} : { features: cell.features };
  return loadDataset(cell.dataset, { ...features, ...(dir && { dir }), scaling: "none" });
}

/** Only what a plan asks for: offsets, ids, widths and hash stay, features go. */
function withoutNumbers(dataset: Dataset): Dataset {
  const strip = (split: Dataset["train"]): Dataset["train"] => ({
    ...split,
    x: Object.fromEntries(
      Object.entries(split.x).map(([m, { rows, width }]) => [m, { rows, width, data: new Float32Array(0) }]),
    ),
  });
  return {
    ...dataset,
    train: strip(dataset.train),
    ...(dataset.valid && { valid: strip(dataset.valid) }),
    test: strip(dataset.test),
  };
}

/**
 * The runs of suites under a profile. A cell that occurs in several suites (or twice in one) is planned once, with the runs of all:
 * suites have different seeds.
 */
export async function plan(suites: readonly Suite[], options: PlanOptions): Promise<PlannedCell[]> {
  const loader = new Loader(options.dataDir);
  const byId = new Map(options.records.map((r) => [r.id, r]));
  const finished = options.records.filter(({ status }) => status === "ok");
  const byCell = groupBy(finished, ({ cell }) => cell);
  const byName = new Map<string, { readonly place: number; planned: PlannedCell }>();
  // Data set by data set, so that each is read once; the order of the suites is put back at the end.
  const all = suites.flatMap((suite, s) =>
    suite.cells
      .filter((cell) => !cell.profiles || cell.profiles.includes(options.profile))
      .map((cell, c) => ({ suite, cell, place: s * 1e6 + c })),
  );
  const deals = dealsOf(all, options);
  const byData = [...all].sort((a, b) => (dataKey(a.cell) < dataKey(b.cell) ? -1 : dataKey(a.cell) > dataKey(b.cell) ? 1 : a.place - b.place)); // prettier-ignore
  for (const { suite, cell, place } of byData) {
    const name = planName(cell);
    const known = byName.get(name);
    if (known?.planned.missing) continue;
    const put = (rest: Pick<PlannedCell, "missing" | "runs">) =>
      byName.set(name, { place, planned: { suite: suite.name, cell, name, ...rest } });
    if (cell.missing) {
      put({ missing: cell.missing, runs: [] });
      continue;
    }
    const dataset = await loader.get(cell);
    if (dataset instanceof Error) {
      put({ missing: dataset.message, runs: [] });
      continue;
    }
    const refused = refusal(cell, dataset);
    if (refused) {
      put({ missing: refused, runs: [] });
      continue;
    }
    const system = findSystem(cell.system);
    const { profile } = options;
    const spent = byCell.get(cellName(cell))?.map((r) => r.seconds);
    const planned = new Set(known?.planned.runs.map(({ id }) => id));
    const runs = declaredRuns(suite, cell, options).flatMap((of): PlannedRun[] => {
      const job: Job = { suite: suite.name, profile, cell, ...of };
      const { id, dataHash } = jobIdentity(job, system, dataset.hash);
      if (planned.has(id)) return [];
      const recorded = byId.get(id);
      const estimate = spent ? mean(spent) : estimateSeconds(job, dataset);
      return [{ job, id, dataHash, ...(recorded && { recorded }), estimate, deal: deals.get(runKey(name, of))! }];
    });
    if (known)
      known.planned = {
        ...known.planned,
        runs: [...known.planned.runs, ...runs].sort((a, b) => byRound(a.job, b.job)),
      };
    else put({ runs });
  }
  return [...byName.values()].sort((a, b) => a.place - b.place).map(({ planned }) => planned);
}

/** How many of its suite's seeds a cell takes at most; undefined: all. */
export const mostSeeds = (cell: Cell, profile: Profile): number | undefined =>
  cell.search ? 1 : profile === "quick" ? (cell.quickSeeds ?? cell.maxSeeds) : cell.maxSeeds;

type DeclaredRun = Pick<Job, "seed" | "trial" | "setting">;

const planName = (cell: Cell): string => cellName(cell) + (cell.search ? "/search" : "");

const runKey = (name: string, { seed, trial = 0 }: DeclaredRun): string => `${name} ${trial} ${seed}`;

/** What a suite declares of a cell: seeds, in a search of each trial. */
function declaredRuns(
  suite: Suite,
  cell: Cell,
  { profile, seeds }: Pick<PlanOptions, "profile" | "seeds">,
): DeclaredRun[] {
  const all = seeds ? Array.from({ length: seeds }, (_, i) => i + 1) : suite.seeds[profile];
  const settings: readonly Omit<DeclaredRun, "seed">[] = cell.search
    ? trialsOf(searchName(cell), cell.search).map((setting, trial) => ({ trial, setting }))
    : [{}];
  return settings.flatMap((of) => all.slice(0, mostSeeds(cell, profile)).map((seed) => ({ ...of, seed })));
}

/** Seed by seed, and in a search trial by trial. */
const byRound = (a: DeclaredRun, b: DeclaredRun): number => (a.trial ?? 0) - (b.trial ?? 0) || a.seed - b.seed;

/** `deal` of all declared runs, by `runKey`. */
function dealsOf(
  declared: readonly { readonly suite: Suite; readonly cell: Cell }[],
  options: Pick<PlanOptions, "profile" | "seeds">,
): ReadonlyMap<string, number> {
  const cells = new Map<string, Map<string, DeclaredRun>>();
  for (const { suite, cell } of declared) {
    if (cell.missing) continue;
    const name = planName(cell);
    const runs = cells.get(name) ?? new Map<string, DeclaredRun>();
    cells.set(name, runs);
    for (const run of declaredRuns(suite, cell, options)) runs.set(runKey(name, run), run);
  }
  const dealt = [...cells.values()].flatMap((runs, place) => {
    const rounds = [...runs].sort(([, a], [, b]) => byRound(a, b));
    return rounds.map(([key], round) => [key, place + round] as const);
  });
  return new Map(dealt);
}

export const dataKey = ({ dataset, features }: Cell): string => `${dataset}/${features}`;

/** All systems draw from their own space, on one data set, under one name. */
const searchName = ({ system, dataset, features }: Cell) => `${system}/${dataset}/${features}`;

/** Why this system cannot take this cell, from its own words; undefined where it can. */
function refusal(cell: Cell, dataset: Dataset): string | undefined {
  const system = findSystem(cell.system);
  try {
    const config = jobConfig(system, { cell });
    system.accepts(shapeOf(cell, dataset), config);
    return undefined;
  } catch (error) {
    if (error instanceof SystemError || error instanceof DataError) return error.message;
    throw error;
  }
}

function shapeOf(cell: Cell, dataset: Dataset): Shape {
  const system = findSystem(cell.system);
  const alone = system.kind === "neural" && system.rows === "alone" && dataset.level === "row";
  return {
    widths: widthsOf(dataset.train),
    modalities: dataset.modalities,
    level: alone ? "sequence" : dataset.level,
    task: cell.task,
    outputs: outputsOf(cell.task),
  };
}

/** Floating-point operations a second that a run reaches, and seconds that a fitted system takes a thousand rows: rough. */
const speed = { flops: 25e9, fittedSecondsPerThousandRows: 2, start: 1 } as const;

/** How long a run may take where none like it is recorded: 6 x parameters x rows an epoch. */
function estimateSeconds(job: Job, dataset: Dataset): number {
  const system = findSystem(job.cell.system);
  const rows = dataset.train.offsets[dataset.train.offsets.length - 1];
  if (system.kind === "fitted") return speed.start + (speed.fittedSecondsPerThousandRows * rows) / 1000;
  const config = jobConfig(system, job) as ReturnType<typeof prepare>["config"];
  const { graph } = recordGraph(system, shapeOf(job.cell, dataset), config);
  return speed.start + (6 * graph.parameterCount * rows * 1.2 * config.epochs) / speed.flops;
}
