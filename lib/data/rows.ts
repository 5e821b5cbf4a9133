// Rows of a table (an utterance each) into sequences (a video each).
import type { Modality } from "../core/types";
import type { RawSequence } from "./pack";

/** Where one utterance belongs: its video, its place there, and the row of the file that it is. */
export interface RowKey {
  readonly video: string;
  readonly id: string;
  readonly order: number;
  readonly row: number;
}

export interface RowData {
  readonly x: Readonly<Partial<Record<Modality, Float32Array>>>;
  readonly intensity?: readonly number[];
  readonly classes?: readonly number[];
  readonly emotions?: readonly number[];
}

/** One sequence a video, in the order of first appearance in the file; inside, rows by `order`, ties as in the file. */
export function groupRows(rows: readonly RowKey[], data: (row: RowKey) => RowData): RawSequence[] {
  const videos = new Map<string, RowKey[]>();
  for (const row of [...rows].sort((a, b) => a.row - b.row)) {
    if (!videos.has(row.video)) videos.set(row.video, []);
    videos.get(row.video)!.push(row);
  }
  return [...videos].map(([video, members]) => {
    const parts = [...members].sort((a, b) => a.order - b.order || a.row - b.row).map((key) => ({ key, ...data(key) }));
    const join = (key: "intensity" | "classes" | "emotions") =>
      parts.every((p) => p[key]) ? { [key]: parts.flatMap((p) => [...p[key]!]) } : {};
    return {
      id: video,
      video,
      rowIds: parts.map((p) => p.key.id),
      steps: parts.length,
      x: Object.fromEntries(
        (Object.keys(parts[0].x) as Modality[]).map((m) => {
          const width = parts[0].x[m]!.length;
          const joined = new Float32Array(parts.length * width);
          parts.forEach((p, i) => joined.set(p.x[m]!, i * width));
          return [m, joined];
        }),
      ),
      ...join("intensity"),
      ...join("classes"),
      ...join("emotions"),
    };
  });
}
