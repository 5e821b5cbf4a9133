import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { formats, loadFolder, sequencesOf, type FolderOptions } from "../../lib/data";
import { bcLstm, csd, type Files, load, makeVideos, moseiNpz, mosiPickle, npyFolder, ofSplit, padded } from "./formats";
import { folder, hdf5, nd, npy, pickle, type Nd } from "./writers";

describe("a folder that is not what its format says", () => {
  const two = makeVideos((n) => n % 2, ["train", "test"]);
  const signed = makeVideos((n) => (n % 7) - 3);
  const timed = (intervals: readonly number[]) =>
    hdf5({ "seq/data/v1/features": nd([2, 1], [1, 2]), "seq/data/v1/intervals": nd([2, 2], intervals) });
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
      why: "features of a name that no file has",
      format: "npy",
      files: () => npyFolder(signed, "<f4"),
      options: { features: "minilm" },
      message:
        /features minilm: expected text_minilm\.npy, audio_minilm\.npy or video_minilm\.npy, found text_x\.npy, audio_x\.npy, video_x\.npy\. Give the NAME/,
    },
    {
      why: "features of a name that one modality has and another has not",
      format: "npy",
      files: () => {
        const { "audio_x.npy": audio, ...files } = npyFolder(signed, "<f4") as Files;
        return { ...files, "audio_y.npy": audio, "audio_z.npy": audio };
      },
      options: { features: "x" },
      message:
        /features x: expected audio_x\.npy, or audio\.npy for all features, found audio_y\.npy, audio_z\.npy\. Call the one that you mean audio\.npy/,
    },
    {
      why: "no video in a row, which would be one with the others that lack it",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(/^test0,/m, " ,"),
      }),
      message: /labels\.csv, row \d+, column video: expected a name, found a gap\. Fill or remove the row/,
    },
    {
      why: "a video in two splits, once with a space after its name",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replace(/^test0,/m, "train0 ,"),
      }),
      message: /video train0: expected one split for a whole video, found it in train and test/,
    },
    {
      why: "labels of which rows and columns were exchanged",
      format: "mosei-npz",
      files: () => moseiNpz(signed, "<f4", { trainSentiLabel: nd([4, 3], new Float32Array(12)) }),
      message:
        /labels of train: expected \(3, 4\), found shape \(4, 3\)\. Is it a file of another split .* or transposed/,
    },
    {
      why: "lengths or emotions of other dimensions and as many numbers",
      format: "mosei-npz",
      files: () => moseiNpz(signed, "<f4", { trainEmoLabel: nd([4, 3, 6], new Float32Array(72)) }),
      message: /emotions of train: expected \(3, 4, 6\), found shape \(4, 3, 6\)/,
    },
    {
      why: "NaN as a time, which lies in every utterance",
      format: "cmu-csd",
      files: async () => ({ ...(await csd(signed, "<f4")), "X_COVAREP.csd": await timed([0, 1, NaN, NaN]) }),
      message:
        /X_COVAREP\.csd, v1, interval 2: expected start and end in seconds, start first, found NaN to NaN\. Mend or remove/,
    },
    {
      why: "an interval that ends before it starts",
      format: "cmu-csd",
      files: async () => ({ ...(await csd(signed, "<f4")), "X_COVAREP.csd": await timed([2, 1, 3, 4]) }),
      message: /X_COVAREP\.csd, v1, interval 1: expected start and end in seconds, start first, found 2 to 1/,
    },
    {
      why: "an open quote in a table whose text says what it expected",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": 'video,split,label,text\na,train,1,I expected "more"\n',
      }),
      message: /labels\.csv: expected a CSV table, found Invalid Opening Quote.* Mend or fetch the file again/,
    },
    {
      why: "an open quote in the transcripts",
      format: "bc-lstm-csv",
      files: () => ({ ...bcLstm(two), "transcripts.csv": 'a_1,"hi,0,1\n' }),
      message: /transcripts\.csv: expected a CSV table, found Quote Not Closed/,
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
    {
      why: "a split called by another name in folds.json, which would be no split at all",
      format: "cmu-csd",
      files: async () => ({
        ...(await csd(signed, "<f4")),
        "folds.json": '{"train": [], "validation": [], "test": []}',
      }),
      message:
        /folds\.json: expected lists of video ids under train, valid \(or dev\) and test, found train, validation/,
    },
    {
      why: "a video twice in folds.json",
      format: "cmu-csd",
      files: async () => ({
        ...(await csd(signed, "<f4")),
        "folds.json": '{"train": ["train0", "train1", "train0"], "test": ["test0"]}',
      }),
      message: /folds\.json, train: expected each video once, found train0 twice/,
    },
    {
      why: "several columns of splits and none called split",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")
          ["labels.csv"].replace("split", "split_a,split_b")
          .replaceAll(/,(train|dev|test),/g, ",$1,$1,"),
      }),
      message: /labels\.csv: expected one column of splits, found split_a, split_b\. Call the one that you mean split/,
    },
    {
      why: "one id for two utterances",
      format: "npy",
      files: () => ({
        ...npyFolder(signed, "<f4"),
        "labels.csv": npyFolder(signed, "<f4")["labels.csv"].replaceAll(
          /^(.*)$/gm,
          (line) => line && `${line},${line.startsWith("video") ? "id" : "same"}`,
        ),
      }),
      message: /labels\.csv, row 3, column id: expected each id once, found same again/,
    },
    {
      why: "NaN as an emotion, which would count as absent",
      format: "mosei-npz",
      files: () =>
        moseiNpz(
          signed,
          "<f4",
          Object.fromEntries(
            (["train", "valid", "test"] as const).map((n) => [
              `${n}EmoLabel`,
              padded(ofSplit(signed, n), 6, () => [0, 0, NaN, 1, 0, 0]),
            ]),
          ),
        ),
      message:
        /emotions of video 0 of train, label 3: expected a number, found NaN\. A missing label is not a neutral one/,
    },
    {
      why: "arrays of no features",
      format: "npy",
      files: () => ({ ...npyFolder(signed, "<f4"), "audio_x.npy": npy(nd([17, 0], [])) }),
      message: /A: expected at least one feature, found a width of 0/,
    },
    {
      why: "samples of no steps",
      format: "mfn-h5",
      files: async () => ({
        "audio_train.h5": await hdf5({ d1: nd([3, 0, 2], []) }),
        "y_train.h5": await hdf5({ d1: nd([3], [0.5, 1, 2]) }),
        "audio_test.h5": await hdf5({ d1: nd([3, 0, 2], []) }),
        "y_test.h5": await hdf5({ d1: nd([3], [0.5, 1, 2]) }),
      }),
      message: /A, train: expected at least one step and one feature, found shape \(3, 0, 2\)/,
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

  it("says what it leaves out or takes for granted: a start, an emotion, videos in no split", async () => {
    const files = npyFolder(signed, "<f4");
    const lines = files["labels.csv"].trim().split("\n");
    const table = lines
      .map((line, i) => (i ? `${line},1,0` : `${line.replace("start", "star")},anger,disgust`))
      .join("\n");
    assert.deepEqual((await load({ ...files, "labels.csv": table }, "npy")).caveats, [
      "No column start: utterances stand in the order of the file.",
      "Emotions are left out: labels.csv has no column fear, happy, sad, surprise.",
    ]);
    assert.deepEqual((await load(files, "npy")).caveats, []);
    const some = {
      ...(await csd(signed, "<f4")),
      "folds.json": '{"train": ["train0"], "dev": ["valid0"], "test": ["test0"]}',
    };
    const dataset = await load(some, "cmu-csd");
    const left = signed.length - 3;
    assert.equal(dataset.caveats[1], `${left} of ${signed.length} labelled videos are in no split and were left out.`);
    assert.equal(sequencesOf(dataset.valid!), 1);
  });

  it("leaves nothing behind", () => {
    const dir = folder(npyFolder(signed, "<f4"));
    const before = fs.readdirSync(dir).sort();
    return loadFolder(path.resolve(dir), "npy").then(() => assert.deepEqual(fs.readdirSync(dir).sort(), before));
  });
});
