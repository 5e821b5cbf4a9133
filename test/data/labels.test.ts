import * as assert from "node:assert/strict";
import { sequencesOf, targetsOf } from "../../lib/data";
import { labelsFromNumbers } from "../../lib/data/arrays";
import {
  bcLstm,
  classes,
  csd,
  features,
  type Files,
  load,
  makeVideos,
  mfnH5,
  moseiNpz,
  mosiPickle,
  names,
  npyFolder,
  ofSplit,
  oneHot,
  padded,
  samples,
  type Video,
  widths,
} from "./formats";
import { csv, hdf5, nd, npy, type Nd } from "./writers";

describe("a folder of data", () => {
  it("is asked which of several label columns is meant, and told when it does not exist", async () => {
    const files = await mfnH5((n) =>
      nd(
        [samples[n], 2],
        classes(n).flatMap((v) => [9, v]),
      ),
    );
    await assert.rejects(
      load(files, "mfn-h5"),
      /y_train\.h5: expected one label column, one-hot classes or a named column, found 2 columns\. Give --label-column N, 0 to 1/,
    );
    await assert.rejects(load(files, "mfn-h5", { labelColumn: 2 }), /expected a label column from 0 to 1, found 2/);
  });

  it("has intensities where its labels are of more kinds than an argument list holds", () => {
    const train = Float32Array.from({ length: 200_000 }, (_, i) => i / 100_000 - 1);
    const { classes, scale } = labelsFromNumbers({ train }, "many");
    assert.equal(classes, undefined);
    assert.deepEqual(scale, { low: -1, high: 1, positiveFrom: 0 });
  });

  it("has intensities alone where any split has a fraction: as a class it would be cut", () => {
    for (const train of [Float32Array.of(0, 1, 1), Float32Array.of(0, 1, 2)]) {
      const test = Float32Array.of(0.6, 1);
      const { classes, classNames, intensity } = labelsFromNumbers({ train, test }, "some");
      assert.deepEqual([classes, classNames, intensity], [undefined, undefined, { train, test }]);
      assert.ok(labelsFromNumbers({ train, test: Float32Array.of(0, 1) }, "whole").classes);
    }
  });

  it("has its cut and its range in the precision of its labels: 0.7 is at least 0.7, and 0.1 is inside 0 to 0.1", async () => {
    const small = (label: (row: number) => number) => ({
      "text.npy": npy(nd([4, 1], [1, 2, 3, 4])),
      "labels.csv": csv([
        ["video", "split", "label"],
        ...["train", "train", "train", "test"].map((split, i) => [`v${i}`, split, label(i)]),
      ]),
    });
    const dataset = await load(
      small((i) => [0.2, 0.7, 0.9, 0.7][i]),
      "npy",
      { positiveFrom: 0.7 },
    );
    const task = { kind: "classes", classes: 2 } as const;
    assert.deepEqual([...targetsOf(dataset, dataset.train, task).values], [0, 1, 1]);
    assert.deepEqual([...targetsOf(dataset, dataset.test, task).values], [1]);
    const tenths = small((i) => i / 30);
    assert.equal((await load(tenths, "npy", { labelRange: [0, 0.1] })).scale!.high, Math.fround(0.1));
    await assert.rejects(
      load(tenths, "npy", { labelRange: [0.05, 0.1] }),
      /label, train, label 1: expected 0\.05 to 0\.1, found 0\./,
    );
  });

  it("may lack labels and splits when it is only predicted on, and is scaled as the model's data was", async () => {
    const trained = await load(await mfnH5(oneHot), "mfn-h5");
    const files = {
      "audio_test.h5": await hdf5({ d1: features.test.A }),
      "video_test.h5": await hdf5({ d1: features.test.V }),
    };
    await assert.rejects(load(files, "mfn-h5"), /y_train\.h5: expected the labels of this split, found no file/);
    const bare = await load(files, "mfn-h5", { forPrediction: true, scaling: trained.scaler });
    assert.deepEqual(bare.test.x, trained.test.x);
    assert.equal(sequencesOf(bare.train), 0);
    const wider = { "audio_test.h5": await hdf5({ d1: features.test.V }) };
    await assert.rejects(
      load(wider, "mfn-h5", { forPrediction: true, scaling: trained.scaler }),
      /A: expected 3 features, as the model was trained on, found 2/,
    );
  });

  it("has its labels unread when it is only predicted on: gaps, several columns, a split of labels alone", async () => {
    const options = { forPrediction: true, scaling: "none" } as const;
    const videos = makeVideos((n) => n % 2, ["train", "test"]);
    const unlabelled = (files: Files, names: readonly string[], from: RegExp, to: string) =>
      Object.fromEntries(
        Object.entries(files).map(([name, text]) => [
          name,
          names.includes(name) ? String(text).replace(from, to) : text,
        ]),
      );

    const table = npyFolder(videos, "<f4") as Files;
    const gaps = unlabelled(table, ["labels.csv"], /,[01]$/gm, ",");
    const expected = await load(gaps, "npy", options);
    assert.deepEqual(expected.test.labels, {});

    const { "text_train0.csv": t, "audio_train0.csv": a, "video_train0.csv": v, "text_train.csv": keys, ...test } = bcLstm(videos); // prettier-ignore
    assert.ok(t && a && v && keys);
    const files = ["text_test0.csv", "audio_test0.csv", "video_test0.csv"];
    const csvs = unlabelled(unlabelled(test, files, /,"[01]"$/gm, ","), ["transcripts.csv"], /,"93".*$/gm, "");
    const bc = await load(csvs, "bc-lstm-csv", options);
    assert.deepEqual([bc.test.x, bc.test.labels, sequencesOf(bc.train)], [expected.test.x, {}, 0]);
    await assert.rejects(
      load(csvs, "bc-lstm-csv"),
      /transcripts\.csv, row 1: expected video_segment, text, constant, label/,
    );

    const { "X_Labels.csd": intervals, ...sequences } = await csd(videos, "<f4");
    assert.ok(intervals);
    const three = await hdf5(
      Object.fromEntries(
        videos.flatMap((video): [string, Nd][] => {
          const n = video.rows.length;
          return [
            [`L/data/${video.id}/features`, nd([n, 3], new Float32Array(3 * n).fill(NaN))],
            [
              `L/data/${video.id}/intervals`,
              nd(
                [n, 2],
                video.rows.flatMap((_, i) => [i, i + 1]),
              ),
            ],
          ];
        }),
      ),
    );
    const sequence = await load({ ...sequences, "X_Labels.csd": three }, "cmu-csd", options);
    assert.deepEqual([sequence.test.x, sequence.test.labels, sequence.scale], [expected.test.x, {}, undefined]);

    const two = await mfnH5((n) => nd([samples[n], 2], new Float32Array(2 * samples[n]).fill(NaN)));
    const { "audio_valid.h5": A, "video_valid.h5": V, ...stray } = two;
    assert.ok(A && V);
    const arrays = await load(stray, "mfn-h5", options);
    assert.deepEqual([sequencesOf(arrays.test), arrays.valid, arrays.test.labels], [samples.test, undefined, {}]);

    const nothing = nd([2, 4], new Float32Array(8).fill(NaN));
    const three4 = makeVideos((n) => n - 5);
    const npzs = await load(moseiNpz(three4, "<f4", { testSentiLabel: nothing }), "mosei-npz", options);
    assert.deepEqual(npzs.test.labels, {});
    const pickles = await load(mosiPickle(videos, "<f4", false), "mosi-pickle", options);
    assert.deepEqual([pickles.test.x, pickles.test.labels], [expected.test.x, {}]);
  });

  it("has one shared file for a modality beside several of another", async () => {
    const { "audio_x.npy": audio, ...files } = npyFolder(makeVideos((n) => n - 5), "<f4") as Files; // prettier-ignore
    const dataset = await load({ ...files, "audio.npy": audio, "text_y.npy": audio }, "npy", { features: "x" });
    assert.deepEqual([dataset.modalities, dataset.features], [["T", "A", "V"], "x"]);
    assert.equal(dataset.train.x.T!.width, widths.T);
  });

  it("needs no splits when it is only predicted on: .csd without folds, labels.csv without a split column", async () => {
    const videos = makeVideos((n) => (n % 7) - 3, ["train"]);
    const { "folds.json": folds, ...files } = await csd(videos, "<f4");
    assert.ok(folds);
    const bare = await load(files, "cmu-csd", { forPrediction: true, scaling: "none" });
    assert.equal(sequencesOf(bare.test), 3);
    const table = csv([["video", "start"], ...videos.flatMap((v) => v.rows.map((_, i) => [v.id, i]))]);
    const rows = npy(
      nd(
        [8, widths.T],
        videos.flatMap((v) => v.rows.flatMap((x) => x.T)),
      ),
    );
    const unlabelled = await load({ "labels.csv": table, "text.npy": rows }, "npy", {
      forPrediction: true,
      scaling: "none",
    });
    assert.deepEqual(unlabelled.test.x.T, bare.test.x.T);
    assert.deepEqual(unlabelled.test.labels, {});
  });

  it("has emotions by the release's order, and by name in a labels.csv", async () => {
    const videos = makeVideos((n) => (n % 7) - 3);
    const score = (v: Video, i: number) => [0, 1, 2, 3, 4, 5].map((k) => ((v.labels[i] + k) % 3 === 0 ? 0.5 : 0));
    const emotions = Object.fromEntries(names.map((n) => [`${n}EmoLabel`, padded(ofSplit(videos, n), 6, score)]));
    const released = await load(moseiNpz(videos, "<f4", emotions), "mosei-npz");
    const files = npyFolder(videos, "<f4");
    const [head, ...lines] = files["labels.csv"].trim().split("\n");
    const scores = new Map(
      videos.flatMap((v) => v.rows.map((_, i) => [`${v.id},${i * 1.5}` as string, score(v, i)] as const)),
    );
    const named = lines.map((line) => {
      const [anger, disgust, fear, happy, sad, surprise] = scores.get(line.split(",").slice(0, 2).join())!;
      return [line, happy, sad, anger, surprise, disgust, fear].join();
    });
    const table = [`${head},happy,sad,anger,surprise,disgust,fear`, ...named].join("\n");
    const byName = await load({ ...files, "labels.csv": table }, "npy");
    assert.equal(byName.hash, released.hash);

    // CMU-MOSEI's label sequence: names of its columns in the metadata, in an order of their own.
    const columns = ["sentiment", "happy", "sad", "anger", "surprise", "disgust", "fear"];
    const labels = await hdf5(
      Object.fromEntries<Nd | string[]>([
        ["All Labels/metadata/dimension names", [JSON.stringify(columns)]],
        ...videos.flatMap((v): [string, Nd][] => {
          const rows = v.rows.flatMap((_, i) => {
            const [anger, disgust, fear, happy, sad, surprise] = score(v, i);
            return [v.labels[i], happy, sad, anger, surprise, disgust, fear];
          });
          const times = v.rows.flatMap((_, i) => [i, i + 1]);
          return [
            [`All Labels/data/${v.id}/features`, nd([v.rows.length, 7], rows)],
            [`All Labels/data/${v.id}/intervals`, nd([v.rows.length, 2], times)],
          ];
        }),
      ]),
    );
    const sequences = await load({ ...(await csd(videos, "<f4")), "X_Labels.csd": labels }, "cmu-csd");
    assert.equal(sequences.hash, released.hash);
  });
});
