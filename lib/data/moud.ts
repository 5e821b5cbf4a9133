// MOUD: labels of 498 utterances of 79 videos (Spanish); no features are public.
import * as path from "node:path";
import { dataError, label, readText } from "./files";

export interface MoudLabels {
  readonly video: string;
  readonly id: string;
  readonly sentiment: "negative" | "neutral" | "positive";
}

/** Reads `cats.txt`: utterance and sentiment, a tab between them, lines of a comma between the entries. */
export function readMoud(dir: string): MoudLabels[] {
  const file = path.join(dir, "cats.txt");
  return readText(file)
    .split(/\r?\n/)
    .flatMap((line, i): MoudLabels[] => {
      const text = line.trim().replace(/,$/, "").trim();
      if (text === "") return [];
      const [id, sentiment] = text.split("\t");
      if (!/_\d+$/.test(id) || !["negative", "neutral", "positive"].includes(sentiment))
        throw dataError(
          `${label(file)}, line ${i + 1}`,
          "utterance, tab, negative, neutral or positive",
          text.slice(0, 60),
          "Fetch the file again.",
        );
      return [{ id, video: id.replace(/_\d+$/, ""), sentiment: sentiment as MoudLabels["sentiment"] }];
    });
}
