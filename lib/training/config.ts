/** A run's configuration: the system's defaults, the trainer's, and a difference. One flat record, every key known. */
import { SystemError, oneOf } from "../core/errors";
import type { Config, ConfigValue } from "../core/types";
import { scalings, type Scaling } from "../data/scale";
import type { System } from "../layers/system";

/** Settings of the trainer, the same for every system. */
export interface TrainerConfig {
  /** How features are scaled, fitted on the training rows (lib/data/scale.ts). */
  readonly scaling: Scaling;
  /** "noise": test scores as one modality is noised or removed; "context": as neighbours are shuffled, foreign or absent. */
  readonly probes: "none" | "noise" | "context";
  readonly learningRate: number;
  /** Sequences a step. */
  readonly batchSize: number;
  readonly epochs: number;
  /** Epochs without a better validation score after which a run ends; 0: never. Only under `validation`. */
  readonly patience: number;
  /** What `validation` selects the epoch by: the loss of the task, or its first metric (A2, F1, MAE). */
  readonly selectBy: "loss" | "metric";
}

/**
 * Adam 0.001, 50 epochs, patience 20: the authors' script. Utterances that stand alone come 32 a step, videos 16.
 * [D25] All systems start from these where no search has found others: learning rates, batch sizes, weight decay and clipping of
 * the compared systems' papers are not taken over.
 * [D24] The script divides by the greatest value of each split; see lib/data/scale.ts for what can be had.
 */
export const trainerDefaults: TrainerConfig = Object.freeze({
  scaling: "standardise",
  probes: "none",
  learningRate: 0.001,
  batchSize: 16,
  epochs: 50,
  patience: 20,
  selectBy: "loss",
});

const words: Readonly<Record<string, readonly ConfigValue[]>> = {
  scaling: scalings,
  probes: ["none", "noise", "context"],
  selectBy: ["loss", "metric"],
};

/** Keys that mean nothing to a system without epochs. */
const onlyNeural = ["learningRate", "batchSize", "epochs", "patience", "selectBy"];

/** All settings of a system with their defaults. */
export function defaultConfig(system: System): Config {
  const { scaling, probes } = trainerDefaults;
  if (system.kind === "fitted") return { scaling, probes, ...system.defaults };
  return { ...trainerDefaults, ...(system.rows === "alone" && { batchSize: 32 }), ...system.defaults };
}

/**
 * The full configuration of a run.
 * @throws SystemError on an unknown key, naming the known ones, and on a value of the wrong kind
 */
export function resolveConfig(system: System, difference: Config = {}): Config & TrainerConfig {
  const defaults = defaultConfig(system);
  for (const [key, value] of Object.entries(difference)) {
    const where = `${system.name}, setting ${key}`;
    if (!Object.hasOwn(defaults, key))
      throw new SystemError(
        onlyNeural.includes(key)
          ? `${where}: expected a setting of a fitted system, found one of the trainer; ${system.name} has no epochs. Leave it out.`
          : `${where}: expected one of ${Object.keys(defaults).sort().join(", ")}, found ${key}.`,
      );
    const standard = defaults[key];
    if (typeof value !== typeof standard || (typeof value === "number" && !Number.isFinite(value)))
      throw new SystemError(
        `${where}: expected a ${typeof standard} such as ${standard}, found ${JSON.stringify(value)}.`,
      );
    if (words[key] && !words[key].includes(value))
      throw new SystemError(`${where}: expected ${oneOf(words[key].map(String))}, found ${value}.`);
  }
  const config = { ...defaults, ...difference } as Config & TrainerConfig;
  if (system.kind === "neural") {
    for (const key of ["batchSize", "epochs"] as const) atLeast(system, key, config[key], 1, true);
    atLeast(system, "patience", config.patience, 0, true);
    if (!(config.learningRate > 0)) atLeast(system, "learningRate", config.learningRate, Number.MIN_VALUE, false);
  }
  return config;
}

function atLeast(system: System, key: string, value: number, least: number, whole: boolean): void {
  if (value >= least && (!whole || Number.isInteger(value))) return;
  const what = whole ? `a whole number from ${least}` : "a number above 0";
  throw new SystemError(`${system.name}, setting ${key}: expected ${what}, found ${value}.`);
}

/** A value as the command line gives it, in the kind of the setting's default. */
export function parseSetting(system: System, key: string, text: string): ConfigValue {
  const standard = defaultConfig(system)[key];
  if (typeof standard === "number" && text.trim() !== "" && Number.isFinite(Number(text))) return Number(text);
  if (typeof standard === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  if (typeof standard === "string" || standard === undefined) return text; // unknown keys are refused by resolveConfig
  throw new SystemError(
    `${system.name}, setting ${key}: expected a ${typeof standard} such as ${standard}, found ${text}.`,
  );
}
