/** What systems ask of a data set before they are built. */
import { SystemError } from "../core/errors";
import type { Shape } from "../core/types";

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
