/** The shapes that speed is measured on: those of the PyTorch script that ours is compared with. */
import { Rng } from "../../lib/core/rng";
import type { Batch, Matrix, Modality, Shape } from "../../lib/core/types";
import { cia, type CiaConfig } from "../../lib/models/cia";

export const shapeNames = ["youtube", "mosi50", "mosi200"] as const;
export type ShapeName = (typeof shapeNames)[number];

/** Batches of 16 of MOSI's 62 training videos, in utterances: the twelve that the PyTorch script draws. */
// prettier-ignore
const mosiLengths: readonly (readonly number[])[] = [
  [11, 28, 30, 31, 24, 34, 22, 15, 24, 19, 17, 14, 33, 43, 32, 21],
  [35, 55, 23, 29, 14, 12, 9, 15, 19, 18, 18, 30, 22, 34, 19, 24],
  [22, 25, 21, 26, 26, 15, 15, 29, 14, 30, 22, 33, 30, 30, 23, 14],
  [22, 30, 15, 39, 33, 19, 26, 30, 9, 24, 27, 10, 25, 34, 16, 34],
  [19, 16, 14, 24, 18, 29, 24, 34, 35, 25, 43, 14, 19, 18, 25, 30],
  [55, 31, 21, 21, 23, 13, 30, 19, 14, 26, 25, 33, 27, 15, 15, 24],
  [30, 22, 14, 30, 25, 34, 28, 33, 21, 23, 29, 27, 16, 13, 24, 12],
  [12, 18, 14, 22, 24, 35, 15, 55, 29, 23, 15, 19, 43, 26, 28, 14],
  [33, 39, 25, 29, 24, 24, 14, 24, 23, 30, 15, 32, 26, 14, 21, 33],
  [28, 16, 15, 14, 19, 18, 11, 19, 12, 33, 22, 30, 24, 55, 21, 14],
  [17, 24, 18, 39, 30, 22, 30, 15, 21, 29, 27, 30, 33, 24, 29, 30],
  [25, 33, 29, 23, 16, 30, 30, 24, 17, 35, 23, 25, 19, 16, 19, 15],
];

export interface BenchShape {
  readonly shape: Shape;
  readonly config: CiaConfig;
  readonly batches: readonly Batch[];
}

export interface ShapeOptions {
  /** 16 sequences of this length instead of the shape's own. */
  readonly length?: number;
  readonly k?: number;
  readonly r?: number;
}

/**
 * CIA as released with random inputs. youtube: 16 samples of 20 steps, widths 300, 74, 36, r 50, one label a sample; mosi50 and
 * mosi200: 16 videos of true lengths, widths 100, 73, 100, r 50 or 200, a label a row. k is 200.
 */
export function benchShape(name: ShapeName, { length, k = 200, r }: ShapeOptions = {}): BenchShape {
  const youtube = name === "youtube";
  const widths: Record<Modality, number> = youtube ? { T: 300, A: 74, V: 36 } : { T: 100, A: 73, V: 100 };
  const classes = youtube ? 3 : 2;
  const shape: Shape = {
    widths,
    modalities: ["T", "A", "V"],
    level: youtube ? "sequence" : "row",
    task: { kind: "classes", classes },
    outputs: classes,
  };
  const units = r ?? (name === "mosi200" ? 200 : 50);
  const same = (steps: number): number[] => new Array<number>(16).fill(steps);
  const lengths = length ? [same(length)] : youtube ? [same(20)] : mosiLengths;
  const rng = new Rng(1, "speed");
  const batches = lengths.map((list): Batch => {
    const offsets = Int32Array.from([0, ...list]);
    for (let i = 1; i < offsets.length; i++) offsets[i] += offsets[i - 1];
    const rows = offsets[list.length];
    const matrix = (width: number): Matrix => ({
      rows,
      width,
      data: Float32Array.from({ length: rows * width }, () => 2 * rng.uniform() - 1),
    });
    const targets = Int32Array.from({ length: youtube ? list.length : rows }, () => rng.integer(classes));
    return { offsets, x: { T: matrix(widths.T), A: matrix(widths.A), V: matrix(widths.V) }, targets };
  });
  return { shape, config: { ...cia.defaults, k, r: units, drop: 0.5, gruDrop: 0.3 }, batches };
}
