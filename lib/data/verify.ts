// `data verify`: files against their known sizes and hashes, what can be loaded, and labels against the paper's numbers.
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../core/errors";
import { emotionNames } from "../core/types";
import { findDataDir, sha256File } from "./files";
import { pack } from "./pack";
import { knownDatasets, readFeatures } from "./registry";
import { knownFiles } from "./sources";
import { labelStatistics, paperStatistics, statisticsOf, type LabelStatistics } from "./statistics";

export interface Check {
  readonly what: string;
  readonly result: "ok" | "differs" | "missing" | "note";
  readonly detail: string;
}

/** Known files of a data set in `dir`, by size and SHA-256. */
export async function verifyFiles(name: string, dir: string): Promise<Check[]> {
  const checks: Check[] = [];
  for (const { name: file, bytes, sha256 } of knownFiles[name] ?? []) {
    const at = path.join(dir, file);
    const what = `${name}/${file}`;
    if (!fs.existsSync(at)) checks.push({ what, result: "missing", detail: `${bytes} bytes expected` });
    else if (fs.statSync(at).size !== bytes)
      checks.push({ what, result: "differs", detail: `${bytes} bytes expected, ${fs.statSync(at).size} found` });
    else {
      const found = await sha256File(at);
      const same = found === sha256;
      checks.push({
        what,
        result: same ? "ok" : "differs",
        detail: same
          ? `${bytes} bytes, sha256 ${sha256.slice(0, 16)}`
          : `sha256 ${sha256.slice(0, 16)} expected, ${found.slice(0, 16)} found`,
      });
    }
  }
  return checks;
}

/** Each feature set of a data set, loaded: rows, widths, repairs, content hash; or the reason why not. */
export async function verifyFeatures(name: string, dir: string): Promise<Check[]> {
  const checks: Check[] = [];
  for (const features of knownDatasets.find((d) => d.name === name)?.features ?? []) {
    const what = `${name}, ${features.name}`;
    const missing = features.files.filter((file) => !fs.existsSync(path.join(dir, file)));
    if (missing.length) {
      checks.push({ what, result: "missing", detail: missing.join(", ") });
      continue;
    }
    try {
      const dataset = pack(await readFeatures(features, dir), { scaling: "none" });
      const { splits } = statisticsOf(dataset);
      const sizes = splits.map((s) => `${s.split} ${s.units}`).join(", ");
      const widths = dataset.modalities.map((m) => `${m} ${dataset.train.x[m]!.width}`).join(", ");
      const repairs = dataset.repairs.map((r) => `${r.where}: ${r.count} ${r.what}`).join("; ");
      checks.push({
        what,
        result: "ok",
        detail: `${sizes}; widths ${widths}; hash ${dataset.hash.slice(0, 16)}${repairs && `; ${repairs}`}`,
      });
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      checks.push({ what, result: "differs", detail: error.message });
    }
  }
  return checks;
}

/** Sizes and label counts beside section 4.1 and Table 2 of the paper. */
export async function verifyLabels(name: string, dir: string): Promise<Check[]> {
  const beside = (what: string, ours: number, paper: number): Check => ({
    what: `${name}, ${what}`,
    result: ours === paper ? "ok" : "note",
    detail: `ours ${ours}, the paper prints ${paper}`,
  });
  const statistics = await labelStatistics(name, dir);
  if ("negative" in statistics) return [beside("videos", statistics.videos, paperStatistics.moud.videos)];
  const { splits, emotions, emotionsPerUtterance }: LabelStatistics = statistics;
  const checks: Check[] = [];
  const printed = paperStatistics[name as keyof typeof paperStatistics];
  if ("splits" in printed && splits.length === 3)
    splits.forEach((s, i) => checks.push(beside(s.split, s.units, printed.splits[i])));
  if (emotionsPerUtterance)
    paperStatistics.mosei.emotionsPerUtterance.forEach((n, k) =>
      checks.push(beside(`utterances with ${k} emotions (Table 2)`, emotionsPerUtterance[k], n)),
    );
  if (emotions) for (const e of emotionNames) checks.push(beside(e, emotions[e], paperStatistics.mosei.emotions[e]));
  return checks;
}

/** Where files of a data set are: in `only` (its own folder, or one that holds it by name), else in the search order. */
function folderOf(name: string, only?: string): string | undefined {
  if (only === undefined) return (knownFiles[name] ?? []).map((f) => findDataDir(name, [f.name])).find((dir) => dir);
  if (path.basename(path.resolve(only)) === name) return only;
  const inside = path.join(only, name);
  return fs.existsSync(inside) ? inside : undefined;
}

/** All checks of one data set, in the search order or `only` in one folder; undefined where nothing of it is there. */
export async function verifyDataset(name: string, only?: string): Promise<Check[] | undefined> {
  const some = folderOf(name, only);
  if (!some) return undefined;
  const checks = [...(await verifyFiles(name, some)), ...(await verifyFeatures(name, some))];
  const usable =
    name === "moud"
      ? fs.existsSync(path.join(some, "cats.txt"))
      : checks.some((c) => c.result === "ok" && c.what.includes(", "));
  return usable ? [...checks, ...(await verifyLabels(name, some))] : checks;
}
