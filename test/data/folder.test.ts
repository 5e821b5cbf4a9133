import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { formats, loadFolder, sequencesOf, targetsOf, type FolderOptions, type PackOptions } from "../../lib/data";
import { Rng } from "../../lib/core/rng";
import type { Modality } from "../../lib/core/types";
import { csv, folder, hdf5, nd, npy, npz, pickle, type Kind, type Nd } from "./writers";

// Videos of utterances, as every per-row format can hold them; widths 4, 3 and 2.
const widths = { T: 4, A: 3, V: 2 } as const;
const stems = { T: "text", A: "audio", V: "video" } as const;
const ms = ["T", "A", "V"] as const;
const lengths = { train: [3, 1, 4], valid: [2, 2], test: [2, 3] } as const;
type Name = keyof typeof lengths;
const names: readonly Name[] = ["train", "valid", "test"];

interface Video {
  id: string;
  name: Name;
  rows: Record<Modality, number[]>[];
  labels: number[];
}

/** `label` of the n-th utterance of all. */
function makeVideos(label: (n: number) => number, from = names): Video[] {
  const rng = new Rng(3, "videos");
  let n = 0;
  return from.flatMap((name) =>
    lengths[name].map((length, i) => ({
      id: `${name}${i}`,
      name,
      rows: Array.from({ length }, () => {
        const row = (m: Modality) => Array.from({ length: widths[m] }, () => Math.fround(rng.normal()));
        return { T: row("T"), A: row("A"), V: row("V") };
      }),
      labels: Array.from({ length }, () => label(n++)),
    })),
  );
}

const of = (videos: Video[], name: Name) => videos.filter((v) => v.name === name);
const longest = 4;

/** (videos, longest, width), zeros after the true utterances. */
const padded = (videos: Video[], width: number, values: (v: Video, i: number) => readonly number[]): Nd =>
  nd(
    [videos.length, longest, width],
    videos.flatMap((v) =>
      Array.from({ length: longest }, (_, i) =>
        i < v.rows.length ? values(v, i) : new Array<number>(width).fill(0),
      ).flat(),
    ),
  );
const labelsOf = (videos: Video[]): Nd => nd([videos.length, longest], padded(videos, 1, (v, i) => [v.labels[i]]).data);
const lengthsOf = (videos: Video[]): Nd =>
  nd(
    [videos.length],
    videos.map((v) => v.rows.length),
  );

const bcLstm = (videos: Video[]) => {
  const all = videos.flatMap((v) => v.labels.map((label, i) => ({ v, i, label })));
  const files: Record<string, string> = {
    "transcripts.csv": csv(all.map(({ v, i, label }) => [`"${v.id}_${i + 1}"`, '"SOME, WORDS"', '"93"', `"${label}"`])),
  };
  for (const name of ["train", "test"] as const) {
    const rows = [...all.keys()].filter((k) => all[k].v.name === name);
    const features = (m: Modality) => rows.map((k) => all[k].v.rows[all[k].i][m]);
    for (const m of ms)
      files[`${stems[m]}_${name}0.csv`] = csv(
        features(m).map((x, r) => [...x.map((v) => `"${v}"`), `"${all[rows[r]].label}"`]),
      );
    files[`text_${name}.csv`] = csv(features("T").map((x, r) => [rows[r], ...x]));
  }
  return files;
};

const mosiPickle = (videos: Video[], kind: Kind, fortran: boolean) => {
  const [train, test] = [of(videos, "train"), of(videos, "test")];
  const tuple = (m: Modality) =>
    pickle(
      [
        padded(train, widths[m], (v, i) => v.rows[i][m]),
        labelsOf(train),
        padded(test, widths[m], (v, i) => v.rows[i][m]),
        labelsOf(test),
        longest,
        lengthsOf(train),
        lengthsOf(test),
      ],
      kind,
      fortran,
    );
  return { "text.pickle": tuple("T"), "audio.pickle": tuple("A"), "video.pickle": tuple("V") };
};

const npyFolder = (videos: Video[], kind: Kind, fortran = false) => {
  const all = videos.flatMap((v) => v.rows.map((x, i) => ({ v, x, i, label: v.labels[i] })));
  const [late, early] = [all[0], all[1]]; // not in time order in the file: `start` says what is
  const shuffled = [early, late, ...all.slice(2)];
  const rows = shuffled.map(({ v, i, label }) => [v.id, i * 1.5, v.name === "valid" ? "dev" : v.name, label]);
  return {
    "labels.csv": csv([["video", "start", "split", "label"], ...rows]),
    ...Object.fromEntries(
      ms.map((m) => [
        `${stems[m]}_x.npy`,
        npy(
          nd(
            [shuffled.length, widths[m]],
            shuffled.flatMap(({ x }) => x[m]),
          ),
          kind,
          fortran,
        ),
      ]),
    ),
  };
};

const csd = async (videos: Video[], kind: "<f4" | "<f8") => {
  const sequence = (width: number, rows: (v: Video, i: number) => readonly number[], shift = 0) =>
    hdf5(
      Object.fromEntries(
        videos.flatMap((v) => [
          [
            `seq/data/${v.id}/features`,
            nd(
              [v.rows.length, width],
              v.rows.flatMap((_, i) => [...rows(v, i)]),
            ),
          ],
          [
            `seq/data/${v.id}/intervals`,
            nd(
              [v.rows.length, 2],
              v.rows.flatMap((_, i) => [i + shift, i + 1 - shift]),
            ),
          ],
        ]),
      ),
      kind,
    );
  const ids = (name: Name) => of(videos, name).map((v) => v.id);
  return {
    "X_Labels.csd": await sequence(1, (v, i) => [v.labels[i]]),
    "X_TimestampedWordVectors.csd": await sequence(widths.T, (v, i) => v.rows[i].T, 0.1),
    "X_COVAREP.csd": await sequence(widths.A, (v, i) => v.rows[i].A, 0.1),
    "X_FACET.csd": await sequence(widths.V, (v, i) => v.rows[i].V, 0.1),
    "folds.json": JSON.stringify({ train: ids("train"), valid: ids("valid"), test: ids("test") }),
  };
};

const moseiNpz = (videos: Video[], kind: Kind, extra: Record<string, Nd> = {}) => {
  const of3 = (m: Modality) =>
    Object.fromEntries(names.map((n) => [`${n}_data`, padded(of(videos, n), widths[m], (v, i) => v.rows[i][m])]));
  const lines = Object.fromEntries(
    names.flatMap((n) => [
      [`${n}_length`, lengthsOf(of(videos, n))],
      [`${n}SentiLabel`, labelsOf(of(videos, n))],
    ]),
  );
  return {
    "text.npz": npz(of3("T"), kind),
    "audio.npz": npz(of3("A"), kind),
    "video.npz": npz({ ...of3("V"), ...lines, ...extra }, kind),
  };
};

type Files = Record<string, Uint8Array | string>;
const load = (files: Files, format: string, options: FolderOptions & PackOptions = {}) =>
  loadFolder(folder(files), format, options);

describe("the same data in several formats", () => {
  it("has one hash: bc-LSTM's CSV, the MOSI pickles in every order and precision, .npy, .csd (labels 0 and 1)", async () => {
    const two = makeVideos((n) => n % 2, ["train", "test"]);
    const all = [
      await load(bcLstm(two), "bc-lstm-csv"),
      await load(mosiPickle(two, "<f4", false), "mosi-pickle"),
      await load(mosiPickle(two, "<f8", true), "mosi-pickle"),
      await load(npyFolder(two, "<f8", true), "npy"),
      await load(await csd(two, "<f4"), "cmu-csd"),
    ];
    assert.equal(new Set(all.map((d) => d.hash)).size, 1, all.map((d) => d.hash).join());
    assert.equal(sequencesOf(all[0].train), 3);
    assert.ok(all.every((d) => !d.valid && d.modalities.join("") === "TAV"));
  });

  it("has one hash: .npy, .csd and the MOSEI .npz (signed intensities, with a validation split)", async () => {
    const videos = makeVideos((n) => ((n * 5) % 13) / 2 - 3);
    const all = [
      await load(npyFolder(videos, "<f4"), "npy"),
      await load(await csd(videos, "<f8"), "cmu-csd"),
      await load(moseiNpz(videos, "<f8"), "mosei-npz"),
      await load(moseiNpz(videos, "<f4"), "mosei-npz"),
    ];
    assert.equal(new Set(all.map((d) => d.hash)).size, 1, all.map((d) => d.hash).join());
    assert.deepEqual(all[0].scale, { low: -3, high: 3, positiveFrom: 0 });
    const changed = videos.map((v, i) => (i ? v : { ...v, labels: v.labels.map((l, k) => (k ? l : l + 0.5)) }));
    assert.notEqual((await load(npyFolder(changed, "<f4"), "npy")).hash, all[0].hash, "another label, another hash");
  });

  // Samples of steps, one label each.
  const rng = new Rng(4, "samples");
  const samples = { train: 6, valid: 3, test: 4 } as const;
  const steps = 5;
  const array = (name: Name, width: number) =>
    nd(
      [samples[name], steps, width],
      Float32Array.from({ length: samples[name] * steps * width }, () => rng.normal()),
    );
  const x = Object.fromEntries(names.map((n) => [n, { A: array(n, 3), V: array(n, 2) }])) as Record<
    Name,
    Record<"A" | "V", Nd>
  >;
  const y = (name: Name) => Array.from({ length: samples[name] }, (_, i) => i % 3);
  const oneHot = (name: Name) =>
    nd(
      [samples[name], 3],
      y(name).flatMap((c) => [0, 1, 2].map((k) => (k === c ? 1 : 0))),
    );

  const mfn = async (label: (n: Name) => Nd, kind: "<f4" | "<f8" = "<f8") => {
    const files: Files = {};
    for (const n of names) {
      files[`audio_${n}.h5`] = await hdf5({ d1: x[n].A }, kind);
      files[`video_${n}.h5`] = await hdf5({ d1: x[n].V }, kind);
      files[`y_${n}.h5`] = await hdf5({ d1: label(n) }, kind);
    }
    return files;
  };
  const cia = (label: (n: Name) => Nd, kind: Kind, fortran: boolean) =>
    Object.fromEntries(
      names.flatMap((n) => [
        [`covarep_${n}.p`, pickle(x[n].A, kind, fortran)],
        [`facet_${n}.p`, pickle(x[n].V, kind, fortran)],
        [`y_${n}.p`, pickle(label(n), kind, fortran)],
      ]),
    );

  it("has one hash: MFN's HDF5 and CIA's pickles, one-hot classes, in every precision and order", async () => {
    const all = [
      await load(await mfn(oneHot), "mfn-h5"),
      await load(await mfn(oneHot, "<f4"), "mfn-h5"),
      await load(cia(oneHot, "<f8", false), "cia-pickle"),
      await load(cia(oneHot, "<f4", true), "cia-pickle"),
    ];
    assert.equal(new Set(all.map((d) => d.hash)).size, 1, all.map((d) => d.hash).join());
    assert.deepEqual([...targetsOf(all[0], all[0].train, { kind: "classes", classes: 3 }).values], y("train"));
  });

  it("has one hash: labels (n), (n, 1), a named column of several, and .npy (rows, steps, width)", async () => {
    const value = (name: Name) => y(name).map((c, i) => c - 1 + i / 8);
    const rows = names.flatMap((n) => value(n).map((v, i) => [`${n}${i}`, n, v]));
    const flat = (m: "A" | "V", width: number) =>
      npy(
        nd(
          [13, steps, width],
          names.flatMap((n) => Array.from(x[n][m].data)),
        ),
      );
    const all = [
      await load(await mfn((n) => nd([samples[n]], value(n))), "mfn-h5"),
      await load(await mfn((n) => nd([samples[n], 1], value(n))), "mfn-h5"),
      await load(
        await mfn((n) =>
          nd(
            [samples[n], 2],
            value(n).flatMap((v) => [9, v]),
          ),
        ),
        "mfn-h5",
        { labelColumn: 1 },
      ),
      await load(
        { "labels.csv": csv([["video", "split", "y"], ...rows]), "audio.npy": flat("A", 3), "video.npy": flat("V", 2) },
        "npy",
      ),
    ];
    assert.equal(new Set(all.map((d) => d.hash)).size, 1, all.map((d) => d.hash).join());
    assert.equal(all[0].level, "sequence");
  });

  it("is asked which of several label columns is meant, and told when it does not exist", async () => {
    const files = await mfn((n) =>
      nd(
        [samples[n], 2],
        y(n).flatMap((v) => [9, v]),
      ),
    );
    await assert.rejects(
      load(files, "mfn-h5"),
      /y_train\.h5: expected one label column, one-hot classes or a named column, found 2 columns\. Give --label-column N, 0 to 1/,
    );
    await assert.rejects(load(files, "mfn-h5", { labelColumn: 2 }), /expected a label column from 0 to 1, found 2/);
  });

  it("may lack labels and splits when it is only predicted on, and is scaled as the model's data was", async () => {
    const trained = await load(await mfn(oneHot), "mfn-h5");
    const files = { "audio_test.h5": await hdf5({ d1: x.test.A }), "video_test.h5": await hdf5({ d1: x.test.V }) };
    await assert.rejects(load(files, "mfn-h5"), /y_train\.h5: expected the labels of this split, found no file/);
    const bare = await load(files, "mfn-h5", { forPrediction: true, scaling: trained.scaler });
    assert.deepEqual(bare.test.x, trained.test.x);
    assert.equal(sequencesOf(bare.train), 0);
    const wider = { "audio_test.h5": await hdf5({ d1: x.test.V }) };
    await assert.rejects(
      load(wider, "mfn-h5", { forPrediction: true, scaling: trained.scaler }),
      /A: expected 3 features, as the model was trained on, found 2/,
    );
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
    const emotions = Object.fromEntries(names.map((n) => [`${n}EmoLabel`, padded(of(videos, n), 6, score)]));
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

describe("a folder that is not what its format says", () => {
  const two = makeVideos((n) => n % 2, ["train", "test"]);
  const signed = makeVideos((n) => (n % 7) - 3);
  const cases: {
    why: string;
    format: string;
    files: () => Promise<Files> | Files;
    message: RegExp;
    options?: FolderOptions;
  }[] = [
    {
      why: "a missing file",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "transcripts.csv": "" }),
      message: /transcripts\.csv: expected data, found an empty file \(0 bytes\)\. Copy or fetch it again/,
    },
    {
      why: "an audio file with the text's width (renamed)",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "audio_test0.csv": bcLstm(two)["text_test0.csv"] }),
      message:
        /audio_test0\.csv, row 1: expected 4 columns \(3 features, 1 label\), found 5\. Was another modality's file renamed\?/,
    },
    {
      why: "a file of the other split",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "audio_test0.csv": bcLstm(two)["audio_train0.csv"] }),
      message: /audio_test0\.csv: expected 5 rows, found 8\. Is it the file of another split\?/,
    },
    {
      why: "text where numbers belong",
      format: "bc-lstm-csv",
      files: () => ({
        ...bcLstm(two),
        "video_train0.csv": bcLstm(two)["video_train0.csv"].replace(/^"[^"]*"/, '"good"'),
      }),
      message: /video_train0\.csv, row 1, column 1: expected a number, found the text "good"/,
    },
    {
      why: "a gap in a row",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "video_train0.csv": bcLstm(two)["video_train0.csv"].replace(/^"[^"]*"/, "") }),
      message: /video_train0\.csv, row 1, column 1: expected a number, found an empty cell/,
    },
    {
      why: "a label that the transcripts contradict",
      format: "bc-lstm-csv",
      files: () => ({
        ...bcLstm(two),
        "text_train.csv": bcLstm(two)["text_train.csv"].replace(/^0,/, "1,").replace(/\n1,/, "\n0,"),
      }),
      message: /row 1: expected the label of train0_2 in transcripts\.csv \(1\), found 0\. The join key does not fit/,
    },
    {
      why: "labels that differ between its files",
      format: "bc-lstm-csv",
      files: () => ({
        ...bcLstm(two),
        "audio_train0.csv": bcLstm(two)["audio_train0.csv"].replace(/"0"\n/, '"1"\n'),
      }),
      message: /row 1: expected one label in all files, found 0 and 1\. Their rows are not of the same utterances/,
    },
    {
      why: "one utterance twice",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "text_train.csv": bcLstm(two)["text_train.csv"].replace(/\n1,/, "\n0,") }),
      message: /text_train\.csv, row 2: expected each utterance once, found row number 0 again/,
    },
    {
      why: "no features",
      format: "npy",
      files: () => ({ "labels.csv": "video,start,split,label\na,0,train,1\n" }),
      message: /expected text_NAME\.npy, audio_NAME\.npy or video_NAME\.npy, found none/,
    },
    {
      why: "another number of rows than its table",
      format: "npy",
      files: () => ({ ...npyFolder(signed, "<f4"), "audio_x.npy": npy(nd([3, 3], new Float32Array(9))) }),
      message:
        /audio_x\.npy: expected \(17, width\) or \(17, steps, width\): a row of labels\.csv each, found shape \(3, 3\)/,
    },
    {
      why: "a gap in the label column",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(/,-3\n/, ",\n"),
      }),
      message:
        /labels\.csv, row \d+, column label: expected a number, found a gap\. Fill or remove the row: a missing label is not a neutral one/,
    },
    {
      why: "NaN as a label",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(/,-3\n/, ",nan\n"),
      }),
      message: /labels\.csv, row \d+, column label: expected a number, found nan/,
    },
    {
      why: "a label out of the stated range",
      format: "npy",
      files: () => npyFolder(signed, "<f4"),
      options: { labelRange: [-2, 2] },
      message: /label, train, label 1: expected -2 to 2, found -3\. Is it another label column or another scale\?/,
    },
    {
      why: "a column name twice",
      format: "npy",
      files: () => ({ ...npyFolder(signed, "<f4"), "labels.csv": "video,start,split,split\na,0,train,1\n" }),
      message: /labels\.csv: expected column names that differ, found split twice/,
    },
    {
      why: "a ragged table",
      format: "npy",
      files: () => ({ ...npyFolder(signed, "<f4"), "labels.csv": "video,start,split,label\na,0,train\n" }),
      message: /labels\.csv: expected a CSV table, found Invalid Record Length/,
    },
    {
      why: "an unknown split",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(",dev,", ",eval,"),
      }),
      message: /labels\.csv, row \d+, column split: expected train, valid \(dev\) or test, found eval/,
    },
    {
      why: "a video in two splits",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(/test0/, "train0"),
      }),
      message:
        /video train0: expected one split for a whole video, found it in train and test\. What is learnt on one part/,
    },
    {
      why: "no such label column",
      format: "npy",
      files: () => npyFolder(signed, "<f4"),
      options: { labelColumn: "joy" },
      message: /labels\.csv: expected a label column .*found video, start, split, label\. Give --label-column NAME/,
    },
    {
      why: "lengths that do not belong to the arrays",
      format: "mosei-npz",
      files: () => moseiNpz(signed, "<f4", { train_length: nd([3], [2, 1, 4]) }),
      message: /T, video 0 of train: expected zeros after its 2 utterances, found features\. The lengths do not belong/,
    },
    {
      why: "a length beyond the arrays",
      format: "mosei-npz",
      files: () => moseiNpz(signed, "<f4", { train_length: nd([3], [3, 1, 9]) }),
      message: /length of video 2 of train: expected 1 to 4, found 9/,
    },
    {
      why: "no lengths at all",
      format: "mosei-npz",
      files: () => ({ "text.npz": moseiNpz(signed, "<f4")["text.npz"] }),
      message: /video\.npz: expected lengths and labels, found no file/,
    },
    {
      why: "a tuple of another length",
      format: "mosi-pickle",
      files: () => ({ "text.pickle": pickle([nd([1], [0]), 3]) }),
      message: /text\.pickle: expected a tuple .*found 2 parts/,
    },
    {
      why: "labels that differ between its modalities",
      format: "mosi-pickle",
      files: () => {
        const other = two.map((v) => ({ ...v, labels: v.labels.map((l) => 1 - l) }));
        return { ...mosiPickle(two, "<f4", false), "audio.pickle": mosiPickle(other, "<f4", false)["audio.pickle"] };
      },
      message: /audio\.pickle, train: expected the labels and lengths of the other modalities, found others/,
    },
    {
      why: "no labels among its .csd files",
      format: "cmu-csd",
      files: async () => ({ ...(await csd(signed, "<f4")), "X_Labels.csd": "" }),
      message: /X_Labels\.csd: expected data, found an empty file/,
    },
    {
      why: "a split with an unknown video",
      format: "cmu-csd",
      files: async () => ({ ...(await csd(signed, "<f4")), "folds.json": '{"train": ["nobody"], "test": ["test0"]}' }),
      message: /split train: expected labels of video nobody, found none/,
    },
    {
      why: "no folds",
      format: "cmu-csd",
      files: async () => {
        const { "folds.json": _gone, ...rest } = await csd(signed, "<f4");
        assert.ok(_gone);
        return rest;
      },
      message: /expected folds\.json or labels\.csv with the splits, found neither\. A \.csd says nothing about splits/,
    },
  ];
  for (const { why, format, files, message, options } of cases)
    it(`is refused with ${why}, and the message says where, expected, found and mend`, async () => {
      await assert.rejects(load(await files(), format, options), (error: Error) => {
        assert.equal(error.name, "DataError");
        assert.match(error.message, message);
        return true;
      });
    });

  it("is refused where arrays of a sample disagree in samples, steps or width", async () => {
    const make = async (audio: Nd, y: Nd): Promise<Files> => ({
      "audio_train.h5": await hdf5({ d1: audio }),
      "video_train.h5": await hdf5({ d1: nd([4, 5, 2], new Float32Array(40)) }),
      "y_train.h5": await hdf5({ d1: y }),
      "audio_test.h5": await hdf5({ d1: nd([4, 5, 3], new Float32Array(60)) }),
      "video_test.h5": await hdf5({ d1: nd([4, 5, 2], new Float32Array(40)) }),
      "y_test.h5": await hdf5({ d1: nd([4], [1, 2, 3, 4.5]) }),
    });
    const y = nd([4], [1, 2, 3, 4.5]);
    const audio = nd([4, 5, 3], new Float32Array(60));
    await assert.rejects(
      load(await make(nd([3, 5, 3], new Float32Array(45)), y), "mfn-h5"),
      /V, train: expected 3 samples of 5 steps as in A, found shape \(4, 5, 2\)/,
    );
    await assert.rejects(
      load(await make(audio, nd([3], [1, 2, 3.5])), "mfn-h5"),
      /labels, train: expected 4, one a sample, found 3/,
    );
    await assert.rejects(
      load(await make(nd([4, 5, 4], new Float32Array(80)), y), "mfn-h5"),
      /A, test: expected width 4 as in train, found 3\. Was another modality's file renamed/,
    );
    await assert.rejects(
      load(await make(nd([4, 15], new Float32Array(60)), y), "mfn-h5"),
      /A, train: expected features \(samples, steps, width\), found shape \(4, 15\)\. Is it a label file renamed/,
    );
  });

  it("is refused with an unknown format (a usage error that names the seven) or no folder at all", async () => {
    await assert.rejects(load({}, "matlab"), {
      name: "UsageError",
      exitCode: 2,
      message: new RegExp(formats.slice(0, 6).join(", ")),
    });
    await assert.rejects(loadFolder("/nowhere", "npy"), /--data \/nowhere: expected a folder, found none/);
    assert.equal(formats.length, 7);
  });

  it("is repaired where features are NaN or infinite, and says how often and where", async () => {
    const files = npyFolder(signed, "<f4");
    const bad = Float32Array.from({ length: 17 * 3 }, (_, i) => i);
    bad.set([NaN, Infinity, -Infinity], 3);
    const dataset = await load({ ...files, "audio_x.npy": npy(nd([17, 3], bad)) }, "npy");
    assert.deepEqual(dataset.repairs, [{ where: "train, A", what: "NaN or infinite, set to 0", count: 3 }]);
    assert.ok(dataset.train.x.A!.data.every(Number.isFinite));
  });

  it("leaves nothing behind", () => {
    const dir = folder(npyFolder(signed, "<f4"));
    const before = fs.readdirSync(dir).sort();
    return loadFolder(path.resolve(dir), "npy").then(() => assert.deepEqual(fs.readdirSync(dir).sort(), before));
  });
});
