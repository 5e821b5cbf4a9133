/** What systems ask of a data set before they are built. */
import { oneOf, SystemError } from "../core/errors";
import type { Config, ConfigValue, Shape } from "../core/types";
import { intensityHeads } from "./head";

/** At least one modality, each with at least one feature. */
export function needModalities(name: string, { modalities, widths }: Shape): void {
  if (modalities.length === 0) throw new SystemError(`${name}: expected at least one modality of T, A, V, found none.`);
  for (const m of modalities)
    if (!((widths[m] ?? 0) >= 1))
      throw new SystemError(`${name}: expected features of modality ${m}, found a width of ${widths[m] ?? "nothing"}.`);
}

/** For systems that give one prediction a sequence: labels must belong to sequences (a row alone is a sequence of one). */
export function needSequences(name: string, shape: Shape): void {
  needModalities(name, shape);
  if (shape.level !== "sequence")
    throw new SystemError(
      `${name}: expected labels of sequences, found labels of rows; it is applied to each row by itself, packed as a sequence of one.`,
    );
}

/**
 * Checks a system's settings by its defaults: words and switches are of their list, dropouts shares below 1, and other numbers
 * sizes (whole, from 1) but for those that `free` names, which are finite and not negative.
 */
export function checkSettings<C extends Config>(
  name: string,
  config: C,
  defaults: C,
  {
    words = {},
    free = [],
  }: { words?: Readonly<Record<string, readonly ConfigValue[]>>; free?: readonly string[] } = {},
): void {
  const known: Readonly<Record<string, readonly ConfigValue[]>> = { intensity: intensityHeads, ...words };
  for (const [key, standard] of Object.entries(defaults)) {
    const value = config[key];
    const refuse = (expected: string) => {
      throw new SystemError(`${name}, setting ${key}: expected ${expected}, found ${JSON.stringify(value)}.`);
    };
    if (typeof value !== typeof standard) refuse(`a ${typeof standard}`);
    if (known[key] && !known[key].includes(value)) refuse(oneOf(known[key].map(String)));
    if (typeof value !== "number") continue;
    if (/drop\d?$/i.test(key)) {
      if (!(value >= 0 && value < 1)) refuse("a share of at least 0 and below 1");
    } else if (free.includes(key)) {
      if (!(value >= 0 && value < Infinity)) refuse("a number of at least 0");
    } else if (!(Number.isInteger(value) && value >= 1)) refuse("a whole number of at least 1");
  }
}
