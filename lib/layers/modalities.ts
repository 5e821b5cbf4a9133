/** Modalities in words: parts of the names of weights and taps (`lstm/text/kernel`). */
import type { Modality } from "../core/types";

export const modalityWord: Readonly<Record<Modality, string>> = Object.freeze({ T: "text", A: "audio", V: "video" });

/** One value a modality, in the order of `modalities`. */
export function forEachModality<X>(
  modalities: readonly Modality[],
  make: (m: Modality, word: string) => X,
): Readonly<Record<Modality, X>> {
  return Object.fromEntries(modalities.map((m) => [m, make(m, modalityWord[m])])) as Record<Modality, X>;
}
