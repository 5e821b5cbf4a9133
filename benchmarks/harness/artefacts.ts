/** Parts of the report that are not scores: Table 2's counts here; figures and Table 6, which need a model, as files. */
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError, UserError } from "../../lib/core/errors";
import type { RunRecord } from "../../lib/core/record";
import { emotionNames, type Dataset, type Predictions, type Split } from "../../lib/core/types";
import { paperEmotions, paperSizes, printed } from "../../lib/report/paper";
import type { Fact, Section } from "../../lib/report";
import { loadCellData } from "./plan";

const words = ["no", "one", "two", "three", "four", "five", "six"] as const;

const splitsOf = (dataset: Dataset): Split[] => [
  dataset.train,
  ...(dataset.valid ? [dataset.valid] : []),
  dataset.test,
];

/** Emotions of unit i above a threshold: "happy, sad"; "none". */
export const emotionsIn = (six: ArrayLike<number>, i: number, threshold: number): string =>
  emotionNames.filter((_, e) => six[6 * i + e] > threshold).join(", ") || "none";

/** The emotions that a run sees in unit i, by the threshold that validation chose for F1. */
export function emotionsSaid(
  { chosen }: Pick<RunRecord, "chosen">,
  { values }: Pick<Predictions, "values">,
): (i: number) => string {
  const threshold = chosen?.thresholds?.F1 ?? 0.5;
  return (i) => emotionsIn(values, i, threshold);
}

/** Where, beside the records, figures that need a model are kept. */
export const artefactsOf = (runs: string): string => path.join(runs, "artefacts");

/** Table 2 and section 4.1 from the labels that are here; or why they are not. */
export async function table2(
  dataDir: string | undefined,
): Promise<{ facts: Fact[]; section?: Section; missing?: string }> {
  let dataset: Dataset;
  try {
    dataset = await loadCellData({ dataset: "mosei", features: "minilm" }, dataDir);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const facts = words.map((word): Fact => ({
      paper: printed("2", "Count", `mosei/emotions:${word}/count`)!,
      verdict: { kind: "noData", why: error.message },
    }));
    return { facts, missing: error.message };
  }
  const counts = new Array<number>(7).fill(0);
  const present = new Array<number>(6).fill(0);
  for (const { labels } of splitsOf(dataset)) {
    const { emotions } = labels;
    if (!emotions) throw new DataError("mosei: expected emotion labels, found none.");
    for (let i = 0; i < emotions.length; i += 6) {
      let n = 0;
      for (let e = 0; e < 6; e++) {
        if (emotions[i + e] <= 0) continue;
        n++;
        present[e]++;
      }
      counts[n]++;
    }
  }
  const total = counts.reduce((a, b) => a + b, 0);
  const values = words.map((word) => printed("2", "Count", `mosei/emotions:${word}/count`)!);
  const printedTotal = values.reduce((sum, v) => sum + Number(v.value), 0);
  const why = `our release holds ${total} utterances, the paper's counts sum to ${printedTotal}`;
  const facts = values.map((paper, n): Fact => {
    const difference = counts[n] - Number(paper.value);
    const found = `${counts[n]} here, ${difference > 0 ? "+" : ""}${difference}`;
    return {
      paper,
      ours: String(counts[n]),
      // Counts of another release neither confirm nor contradict, even where one of them is the same.
      verdict:
        total !== printedTotal
          ? { kind: "notComparable", why: `${found}; another release: ${why}` }
          : { kind: difference ? "differs" : "reproduced", why: found },
    };
  });
  const share = (n: number, of: number) => `${((100 * n) / of).toFixed(1)} %`;
  const printedEmotions = Object.entries(paperEmotions);
  const section: Section = {
    id: "table2",
    title: "Table 2: emotions an utterance in MOSEI",
    command: "npm run reproduce -- table2",
    text: [
      `Counted over all ${total} utterances (training, validation and test) of the release that is here; ${why}. An emotion is present when its score is above 0.`,
    ],
    tables: [
      {
        id: "table2-counts",
        caption: "Utterances with so many of the six emotions",
        columns: [{ title: "emotions" }, { title: "paper", numeric: true }, { title: "ours", numeric: true }, { title: "paper, share", numeric: true }, { title: "ours, share", numeric: true }], // prettier-ignore
        rows: words.map((word, n) => [
          word,
          values[n].value,
          String(counts[n]),
          share(Number(values[n].value), printedTotal),
          share(counts[n], total),
        ]),
      },
      {
        id: "table2-emotions",
        caption: "Utterances with each emotion",
        columns: [{ title: "emotion" }, { title: "paper", numeric: true }, { title: "ours", numeric: true }],
        rows: emotionNames.map((name, e) => [
          name,
          String(printedEmotions.find(([key]) => key.toLowerCase().startsWith(name.slice(0, 3)))?.[1] ?? "–"),
          String(present[e]),
        ]),
      },
      {
        id: "section41-sizes",
        caption: "Sizes of the splits that the paper states (section 4.1)",
        columns: [{ title: "data set" }, { title: "training", numeric: true }, { title: "validation", numeric: true }, { title: "test", numeric: true }], // prettier-ignore
        rows: Object.entries(paperSizes).map(([name, { train, valid, test }]) => [
          name,
          ...[train, valid, test].map((n) => (n === undefined ? "–" : String(n))),
        ]),
      },
    ],
  };
  return { facts, section };
}

/** Sections that were written by an earlier run (figures, Table 6). */
export function readSections(dir: string): Section[] {
  if (!fs.existsSync(dir)) return [];
  return fs
    .readdirSync(dir)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(path.join(dir, name), "utf8")) as Section);
}
