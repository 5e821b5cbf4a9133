/** Data for a notebook: what is here, and the synthetic set where nothing is. */
import { DataError } from "../core/errors";
import type { Dataset } from "../core/types";
import { findDataDir, knownDatasets, loadDataset, type LoadOptions } from "../data";
import type { Row } from "../display";

/** Each set of features that we know: whether its files are here and what it is for. */
export function dataHere(): Row[] {
  return knownDatasets.flatMap(({ name, title, features, unusable }) =>
    features.length === 0
      ? [{ "data set": title, features: "-", here: "no", modalities: "-", split: "-", about: unusable }]
      : features.map((set) => ({
          "data set": title,
          features: set.name,
          here: findDataDir(name, set.files) ? "yes" : "no",
          modalities: set.modalities.join(""),
          split: set.split,
          about: set.about,
        })),
  );
}

/**
 * The data set if its files are here, else the synthetic one, saying so and how to get the real one.
 * @param say  told in one line what was loaded
 */
export async function dataOrSynthetic(
  name: string,
  options: LoadOptions = {},
  say: (line: string) => void = console.log,
): Promise<Dataset> {
  try {
    const data = await loadDataset(name, options);
    say(`${data.name}, ${data.features}: ${data.modalities.join("")}, ${data.train.offsets.length - 1} training sequences.`);
    return data;
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    const data = await loadDataset("synthetic");
    say(`NOT REAL DATA. ${name} is not here, so this runs on the built-in synthetic set. To get it: npm run data -- fetch ${name}`);
    return data;
  }
}
