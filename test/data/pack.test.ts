import * as assert from "node:assert/strict";
import {
  batches,
  hashOf,
  holdOut,
  loadDataset,
  makeSynthetic,
  pack,
  padTo,
  round,
  rowsOf,
  select,
  sequencesOf,
  syntheticBayes,
  targetsOf,
  tasksOf,
  withModalities,
  type RawDataset,
  type RawSequence,
} from "../../lib/data";
import type { Dataset, Task } from "../../lib/core/types";

const row = (id: string, T: number[][], intensity: number[], more: Partial<RawSequence> = {}): RawSequence => ({
  id,
  video: id,
  steps: T.length,
  x: { T: Float32Array.from(T.flat()) },
  intensity,
  ...more,
});
const raw = (over: Partial<RawDataset> = {}): RawDataset => ({
  name: "small",
  features: "made up",
  level: "row",
  caveats: [],
  widths: { T: 2 },
  scale: { low: -3, high: 3, positiveFrom: 0 },
  splits: {
    train: [
      row(
        "a",
        [
          [1, 10],
          [3, 10],
        ],
        [-1, 2],
      ),
      row(
        "b",
        [
          [0, 0],
          [5, 10],
          [7, 10],
        ],
        [0, 3, -3],
      ),
    ],
    test: [row("c", [[4, 10]], [1])],
  },
  ...over,
});
const classes = (n: number): Task => ({ kind: "classes", classes: n });

describe("scaling", () => {
  it("standardises each column by mean and sd of the training rows; a row of zeros is missing and stays 0", () => {
    const { train, test, scaler } = pack(raw());
    const sd = Math.sqrt(5); // 1, 3, 5, 7
    const column = (d: Float32Array, c: number) => [...d].filter((_, i) => i % 2 === c);
    assert.deepEqual(column(train.x.T!.data, 0), [-3 / sd, -1 / sd, 0, 1 / sd, 3 / sd].map(Math.fround));
    assert.deepEqual(column(train.x.T!.data, 1), [0, 0, 0, 0, 0], "a constant column is 0");
    assert.deepEqual([...test.x.T!.data], [0, 0]);
    assert.deepEqual(scaler?.T, { shift: [4, 10], by: [sd, 1] });
  });
  it("divides by the training maximum, of the modality or of the column", () => {
    assert.deepEqual([...pack(raw(), { scaling: "maxabs" }).test.x.T!.data], [4 / 10, 1].map(Math.fround));
    assert.deepEqual([...pack(raw(), { scaling: "columnMaxabs" }).test.x.T!.data], [4 / 7, 1].map(Math.fround));
    assert.deepEqual([...pack(raw(), { scaling: "none" }).test.x.T!.data], [4, 10]);
  });
  it("reads test statistics under its own name only: perSplit divides each split by its own greatest value", () => {
    const splits = { ...raw().splits, test: [row("c", [[4, -20]], [1])] };
    assert.deepEqual([...pack(raw({ splits }), { scaling: "perSplit" }).test.x.T!.data], [1, -5]);
    assert.equal(pack(raw({ splits }), { scaling: "perSplit" }).scaler, undefined);
  });
  it("fits nothing on valid or test: other test features leave the training features as they were", () => {
    const splits = { ...raw().splits, test: [row("c", [[400, -9]], [1])] };
    for (const scaling of ["standardise", "maxabs", "columnMaxabs"] as const)
      assert.deepEqual(pack(raw({ splits }), { scaling }).train.x, pack(raw(), { scaling }).train.x);
  });
});

describe("packing", () => {
  const sample = (id: string, steps: number[][]): RawSequence => row(id, steps, [1]);
  const samples = raw({
    level: "sequence",
    splits: {
      train: [
        sample("a", [
          [0, 0],
          [1, 2],
          [0, 0],
          [3, 4],
          [0, 0],
        ]),
        sample("b", [
          [0, 0],
          [0, 0],
        ]),
      ],
      test: [sample("c", [[5, 6]])],
    },
  });
  it("drops padding at both ends of a sample, keeps all-zero steps inside, and one step of an empty sample", () => {
    const { train } = pack(samples, { scaling: "none" });
    assert.deepEqual([...train.offsets], [0, 3, 4]);
    assert.deepEqual([...train.x.T!.data], [1, 2, 0, 0, 3, 4, 0, 0]);
  });
  it("keeps padding where asked to", () => {
    assert.deepEqual([...pack(samples, { keepPadding: true }).train.offsets], [0, 5, 7]);
  });
  it("turns padding into real rows of zeros, in front or after, and refuses what would be cut or would need labels", () => {
    const dataset = pack(samples, { scaling: "none" });
    assert.deepEqual([...padTo(dataset, 4).train.x.T!.data], [1, 2, 0, 0, 3, 4, 0, 0, ...new Array<number>(8).fill(0)]);
    assert.deepEqual([...padTo(dataset, 4, "front").test.x.T!.data], [0, 0, 0, 0, 0, 0, 5, 6]);
    assert.throws(() => padTo(dataset, 2), /sequence a: expected at most 2 steps, found 3\. Pad to more/);
    assert.throws(() => padTo(pack(raw()), 9), /expected a data set with a label a sequence, found a label a row/);
  });
  it("never drops a row of a video that has a label of its own", () => {
    assert.equal(rowsOf(pack(raw()).train), 5);
  });
  it("gives batches of whole sequences in the order asked for, the last one smaller, with their own targets", () => {
    const dataset = pack(raw(), { scaling: "none" });
    const { train } = dataset;
    const targets = targetsOf(dataset, train, classes(2));
    const [first, second, ...rest] = batches(train, targets, 1, Int32Array.from([1, 0]));
    assert.equal(rest.length, 0);
    assert.deepEqual(
      [[...first.offsets], [...first.x.T!.data], [...first.targets!]],
      [
        [0, 3],
        [0, 0, 5, 10, 7, 10],
        [1, 1, 0],
      ],
    );
    assert.deepEqual(
      [[...second.offsets], [...second.targets!]],
      [
        [0, 2],
        [0, 1],
      ],
    );
    const [both] = batches(train, undefined, 9);
    assert.deepEqual([[...both.offsets], both.targets], [[0, 2, 5], undefined]);
    assert.throws(() => batches(train, targets, 0), /batch size: expected a whole number of sequences from 1, found 0/);
  });
  it("selects sequences with all that belongs to them", () => {
    const emotions = [...Array(12).keys()];
    const dataset = pack(
      raw({
        splits: {
          train: [
            row(
              "a",
              [
                [1, 1],
                [2, 2],
              ],
              [1, -1],
              { emotions, rowIds: ["x", "y"] },
            ),
          ],
          test: [row("c", [[4, 4]], [1])],
        },
      }),
    );
    const twice = select(dataset.train, [0, 0]);
    assert.deepEqual([...twice.labels.intensity!], [1, -1, 1, -1]);
    assert.deepEqual([...twice.labels.emotions!], [...emotions, ...emotions]);
    assert.deepEqual(
      [twice.rowIds, twice.ids, twice.videos],
      [
        ["x", "y", "x", "y"],
        ["a", "a"],
        ["a", "a"],
      ],
    );
    assert.throws(() => select(dataset.train, [1]), /sequence 1: expected 0 to 0, found 1/);
  });
  it("holds whole videos out, the same for the same seed, and never where features have seen the labels", () => {
    const synthetic = pack({ ...makeSynthetic(), splits: { ...makeSynthetic().splits, valid: [] } });
    const held = holdOut(synthetic, 0.25, 7);
    assert.equal(sequencesOf(held.valid!), 30);
    assert.ok(held.valid!.ids.every((id) => !held.train.ids.includes(id)));
    assert.equal(holdOut(synthetic, 0.25, 7).hash, held.hash);
    assert.throws(() => holdOut(held, 0.25), /expected no validation split yet, found one/);
    assert.throws(
      () => holdOut({ ...synthetic, leaks: "They saw them" }, 0.25),
      /expected features that saw no training labels, found leaking ones\. They saw them/,
    );
  });
  it("is refused where a modality's numbers do not fill its steps", () => {
    const bad = raw({ splits: { train: [{ ...row("a", [[1, 2]], [1]), steps: 2 }], test: [row("c", [[4, 4]], [1])] } });
    assert.throws(() => pack(bad), /small, sequence a: expected 2 steps of 2 T features, found 2 numbers/);
  });
  it("is refused where some sequences have labels and others none: labels never go silently", () => {
    const x = { T: Float32Array.of(1) };
    const sequences = [
      { id: "a", steps: 1, x, intensity: [1] },
      { id: "b", steps: 1, x },
    ];
    const raw = { name: "gap", features: "x", level: "row", caveats: [], widths: { T: 1 } } as const;
    assert.throws(
      () => pack({ ...raw, splits: { train: sequences, test: sequences } }),
      /gap, sequence b: expected intensity as other sequences have, found none\. A missing label is not a neutral one/,
    );
  });
  it("is refused without training or test sequences", () => {
    assert.throws(
      () => pack(raw({ splits: { train: raw().splits.train } })),
      /small: expected sequences in test, found none/,
    );
  });
});

describe("the hash of a data set", () => {
  const base = pack(raw());
  it("is that of its content, not of its names", () => {
    assert.equal(pack(raw({ name: "other", features: "others" })).hash, base.hash);
    assert.equal(hashOf(base), base.hash);
  });
  it("changes with a feature, a label, a boundary between sequences, a scale, the modalities", () => {
    const changed: Dataset[] = [
      pack(raw({ splits: { ...raw().splits, test: [row("c", [[4, 11]], [1])] } })),
      pack(raw({ splits: { ...raw().splits, test: [row("c", [[4, 10]], [1.5])] } })),
      pack(
        raw({
          splits: {
            ...raw().splits,
            train: [
              row(
                "a",
                [
                  [1, 10],
                  [3, 10],
                  [0, 0],
                ],
                [-1, 2, 0],
              ),
              row(
                "b",
                [
                  [5, 10],
                  [7, 10],
                ],
                [3, -3],
              ),
            ],
          },
        }),
      ),
      pack(raw({ scale: { low: -3, high: 3, positiveFrom: 1 } })),
      pack(raw(), { scaling: "maxabs" }),
    ];
    assert.equal(new Set([base.hash, ...changed.map((d) => d.hash)]).size, changed.length + 1);
  });
});

describe("targets", () => {
  const dataset = pack(raw());
  it("of two classes: 0 is positive, as in the authors' scripts", () => {
    assert.deepEqual([...targetsOf(dataset, dataset.train, classes(2)).values], [0, 1, 1, 1, 0]);
  });
  it("of five and seven classes: clipped and rounded, halves to even as numpy or away from zero", () => {
    assert.deepEqual(
      [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4, -0.2].map((v) => round(v) + 0),
      [-2, -2, 0, 0, 2, 2, 2, 0],
    ); // numpy.round
    assert.deepEqual(
      [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5].map((v) => round(v, "half-away")),
      [-3, -2, -1, 1, 2, 3],
    );
    const halves = pack(
      raw({
        splits: {
          train: [
            row(
              "a",
              [
                [1, 1],
                [2, 2],
                [3, 3],
                [4, 4],
                [5, 5],
              ],
              [-2.5, -0.5, 0.5, 1.5, 3],
            ),
          ],
          test: [row("c", [[4, 4]], [1])],
        },
      }),
    );
    const of = (n: number, rounding?: "half-away") => [
      ...targetsOf(halves, halves.train, classes(n), { rounding }).values,
    ];
    assert.deepEqual(of(7), [1, 3, 3, 5, 6]);
    assert.deepEqual(of(7, "half-away"), [0, 2, 4, 5, 6]);
    assert.deepEqual(of(5), [0, 2, 2, 4, 4]);
  });
  it("of intensity lie in [-1, 1] and go back", () => {
    const { values, mid, half } = targetsOf(dataset, dataset.train, { kind: "intensity" });
    assert.deepEqual(
      [...values],
      [-1, 2, 0, 3, -3].map((v) => Math.fround(v / 3)),
    );
    assert.deepEqual([mid, half], [0, 3]);
  });
  it("are refused with the tasks that the labels can give", () => {
    assert.throws(
      () => targetsOf(dataset, dataset.train, { kind: "emotions" }),
      /small, made up: expected labels for the task emotions, found none of the six emotions.*Its labels give: classes:2, intensity, classes:3, classes:5, classes:7/,
    );
    assert.throws(
      () => targetsOf(dataset, dataset.train, classes(9)),
      /task classes:9, found intensities from -3 to 3/,
    );
    assert.throws(() => targetsOf(dataset, dataset.train, classes(4)), /odd number of classes/);
  });
  it("are refused where unsigned labels would all be positive", () => {
    const unsigned = pack(
      raw({
        splits: {
          train: [
            row(
              "a",
              [
                [1, 1],
                [2, 2],
              ],
              [1, 5],
            ),
          ],
          test: [row("c", [[4, 4]], [1])],
        },
      }),
    );
    assert.throws(
      () => targetsOf(unsigned, unsigned.test, classes(2)),
      /found the class 1 in every training unit from labels cut at 0\. .*--positive-from X .* Its labels give: intensity, /,
    );
  });
  it("keep the files' own classes", () => {
    const own = pack(
      raw({
        scale: undefined,
        classNames: ["x", "y", "z"],
        splits: {
          train: [
            row(
              "a",
              [
                [1, 1],
                [2, 2],
              ],
              [0, 0],
              { intensity: undefined, classes: [2, 0] },
            ),
          ],
          test: [row("c", [[4, 4]], [0], { intensity: undefined, classes: [1] })],
        },
      }),
    );
    assert.deepEqual([...targetsOf(own, own.train, classes(3)).values], [2, 0]);
    assert.deepEqual(tasksOf(own.train, own), ["classes:3"]);
    assert.throws(() => targetsOf(own, own.train, { kind: "intensity" }), /found classes, no intensities/);
  });
});

describe("modalities", () => {
  it("are taken in the order T, A, V, and a missing one is refused with those that are there", async () => {
    const dataset = await loadDataset("synthetic");
    const av = withModalities(dataset, ["V", "A"]);
    assert.deepEqual(
      [av.modalities, Object.keys(av.train.x)],
      [
        ["A", "V"],
        ["A", "V"],
      ],
    );
    assert.notEqual(av.hash, dataset.hash);
    assert.throws(() => withModalities(av, ["T"]), /synthetic, synthetic: expected some of the modalities AV, found T/);
  });
});

describe("the synthetic set", () => {
  it("is the same for the same seed and another for another", async () => {
    const [a, b, c] = [
      await loadDataset("synthetic"),
      await loadDataset("synthetic", { seed: 1 }),
      await loadDataset("synthetic", { seed: 2 }),
    ];
    assert.equal(a.hash, b.hash);
    assert.notEqual(a.hash, c.hash);
  });
  it("has the accuracy that it says: the rule scores 1 - flip, one utterance or one modality scores less, audio nothing", () => {
    // The signs are read back from the features by hand, as the definition in lib/data/synthetic.ts says, over many videos.
    const { splits, widths } = makeSynthetic({ seed: 5, videos: [1, 1, 3000], flip: 0.1 });
    const score = { all: 0, audio: 0, text: 0, alone: 0 };
    let n = 0;
    for (const { x, steps, intensity } of splits.test!) {
      const sign = (m: "T" | "A" | "V", i: number) => Math.sign(x[m]![i * widths[m]!]);
      for (let i = 1; i < steps - 1; i++) {
        const truth = Math.sign(intensity![i]);
        const [ta, before, after] = [sign("T", i) * sign("A", i), sign("V", i - 1), sign("T", i + 1)];
        n++;
        if (Math.sign(ta + before + after) === truth) score.all++;
        if (sign("A", i) === truth) score.audio++;
        if (after === truth) score.text++;
        if (ta === truth) score.alone++;
      }
    }
    const bayes = syntheticBayes({ flip: 0.1 });
    const near = (share: number, expected: number) =>
      assert.ok(Math.abs(share / n - expected) < 3 * Math.sqrt(0.25 / n), `${share / n} ${expected}`);
    near(score.all, bayes.accuracy);
    near(score.text, bayes.unimodal);
    near(score.alone, bayes.withoutContext);
    near(score.audio, bayes.audioOnly);
    assert.equal(bayes.accuracy, 0.9);
  });
  it("gives two classes, intensities and emotions, and has a validation split", async () => {
    const dataset = await loadDataset("synthetic");
    assert.deepEqual(
      tasksOf(dataset.train, dataset).filter((t) => !/[357]/.test(t)),
      ["classes:2", "intensity", "emotions"],
    );
    assert.equal(sequencesOf(dataset.valid!), 40);
  });
});
