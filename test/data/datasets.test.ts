// The real files, where ../shared/data has them; sizes and scores are those of the paper and of data/README.md.
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { readCsd, readTimedWords } from "../../lib/data/csd";
import { readTable } from "../../lib/data/csv";
import {
  findDataDir,
  knownDatasets,
  loadDataset,
  loadFolder,
  holdOut,
  rowsOf,
  sequencesOf,
  targetsOf,
  unitsOf,
  type FeatureSet,
} from "../../lib/data";
import type { Dataset } from "../../lib/core/types";
import { temporary } from "./writers";

/** Skips, with the reason, where the files of a feature set are not on this machine. */
function needs(context: Mocha.Context, name: string, files: readonly string[]): string {
  const dir = findDataDir(name, files);
  if (!dir) {
    console.log(`      no ${name} (${files[0]}, ...) on this machine`);
    context.skip();
  }
  return dir!;
}

const sizes = (d: Dataset) =>
  (["train", "valid", "test"] as const).map((n) => (d[n] ? [sequencesOf(d[n]), rowsOf(d[n])] : []));

const expected: Record<string, number[][]> = {
  "mosi bclstm": [[62, 1447], [], [31, 752]],
  "mosi minilm": [
    [52, 1284],
    [10, 229],
    [31, 686],
  ],
  "mosi spacy300": [
    [52, 1284],
    [10, 229],
    [31, 686],
  ],
  "mosi minilm+audio": [
    [52, 1284],
    [10, 229],
    [31, 686],
  ],
  "mosi spacy300+audio": [
    [52, 1284],
    [10, 229],
    [31, 686],
  ],
  "mmmo resplit": [[72], [24], [24]],
  "youtube resplit": [[57], [19], [20]],
  "mosei minilm": [
    [2244, 16274],
    [298, 1861],
    [675, 4653],
  ],
};

describe("the named data sets", () => {
  for (const known of knownDatasets)
    for (const features of known.features) {
      if (features.name === "spacy300" && known.name === "mosei") continue; // the same reader as minilm
      it(`${known.name} ${features.name} has the sequences, modalities, tasks and level that it is listed with`, async function () {
        needs(this, known.name, features.files);
        const dataset = await loadDataset(known.name, { features: features.name });
        const want = expected[`${known.name} ${features.name}`];
        if (want)
          assert.deepEqual(
            sizes(dataset).map((s, i) => s.slice(0, want[i].length)),
            want,
          );
        const listed: Pick<FeatureSet, "level" | "modalities"> = features;
        assert.deepEqual([dataset.level, dataset.modalities], [listed.level, listed.modalities]);
        assert.equal(!!dataset.valid, features.protocols.includes("validation"));
        for (const task of features.tasks) {
          const [kind, n] = task.split(":");
          const { values, outputs } = targetsOf(
            dataset,
            dataset.test,
            kind === "classes" ? { kind, classes: Number(n) } : { kind: kind as "emotions" | "intensity" },
          );
          assert.equal(values.length, unitsOf(dataset, dataset.test) * (kind === "classes" ? 1 : outputs));
        }
      });
    }

  it("have the class counts that the paper's numbers imply: 379 of 686 negative, 467 of 752, 51 of 80", async function () {
    for (const name of ["mosi", "mmmo"])
      needs(this, name, knownDatasets.find((d) => d.name === name)!.features[0].files);
    const positive = (d: Dataset) =>
      [...targetsOf(d, d.test, { kind: "classes", classes: 2 }).values].filter((v) => v === 1).length;
    assert.equal(positive(await loadDataset("mosi", { features: "minilm" })), 686 - 379);
    assert.equal(positive(await loadDataset("mosi", { features: "bclstm" })), 467);
    assert.equal(positive(await loadDataset("mmmo")), 51);
  });

  it("have MOSI's utterances in time order inside a video", async function () {
    const dir = needs(this, "mosi", ["labels.csv", "text_minilm.npy"]);
    const table = readTable(path.join(dir, "labels.csv"));
    const start = new Map(table.text("id").map((id, i) => [id, table.numbers("start")[i]]));
    const { train } = await loadDataset("mosi", { features: "minilm" });
    for (let s = 0; s < sequencesOf(train); s++)
      for (let r = train.offsets[s] + 1; r < train.offsets[s + 1]; r++)
        assert.ok(start.get(train.rowIds![r])! >= start.get(train.rowIds![r - 1])!);
  });

  it("tell an utterance's words by its id", async function () {
    needs(this, "mosi", ["labels.csv", "text_minilm.npy"]);
    const { transcript } = await loadDataset("mosi", { features: "minilm" });
    assert.equal(transcript!("03bSnISJMiM_1"), "ANYHOW IT WAS REALLY GOOD");
    assert.equal(transcript!("nobody_1"), undefined);
  });

  it("are refused in dishonest combinations, with the reason", async function () {
    for (const features of ["bclstm-cmu", "bclstm+minilm", "minilm+video", "text+audio"])
      await assert.rejects(
        loadDataset("mosi", { features }),
        /found a mixture with bc-LSTM's text or video features\. .*558 of 686 utterances/,
      );
    needs(this, "mosi", ["text_train0.csv"]);
    const leaking = await loadDataset("mosi", { features: "bclstm" });
    assert.throws(() => holdOut(leaking, 0.2), /expected features that saw no training labels.*62 training videos/);
    assert.match(leaking.caveats.join(), /No validation split/);
  });

  it("are looked for in --data, then in CIA_DATA, by their files", () => {
    const [given, named, bare] = [temporary(), temporary(), temporary()];
    for (const root of [given, named]) {
      fs.mkdirSync(path.join(root, "mine"));
      fs.writeFileSync(path.join(root, "mine", "a.csv"), "1");
    }
    fs.writeFileSync(path.join(named, "mine", "b.csv"), "1");
    fs.writeFileSync(path.join(bare, "a.csv"), "1");
    const before = process.env.CIA_DATA;
    process.env.CIA_DATA = named;
    try {
      assert.equal(findDataDir("mine", ["a.csv"], given), path.join(given, "mine"));
      assert.equal(findDataDir("mine", ["a.csv", "b.csv"], given), path.join(named, "mine"), "all files of one folder");
      assert.equal(findDataDir("mine", ["a.csv"], bare), bare, "the folder of one data set itself");
      assert.equal(findDataDir("youtube", ["a.csv"], bare), undefined, "a folder that is not YouTube's");
      assert.equal(findDataDir("mine", ["c.csv"]), undefined);
    } finally {
      if (before === undefined) delete process.env.CIA_DATA;
      else process.env.CIA_DATA = before;
    }
  });

  it("have every row in a split: one that is spelt otherwise is refused, not left out", async function () {
    const dir = needs(this, "mosei", ["labels.csv", "text_spacy300.npy"]);
    const changed = path.join(temporary(), "mosei");
    fs.mkdirSync(changed);
    fs.symlinkSync(path.join(dir, "text_spacy300.npy"), path.join(changed, "text_spacy300.npy"));
    const labels = fs.readFileSync(path.join(dir, "labels.csv"), "utf8");
    fs.writeFileSync(path.join(changed, "labels.csv"), labels.replace(",train,", ",Train,"));
    await assert.rejects(
      loadDataset("mosei", { features: "spacy300", dir: changed }),
      /labels\.csv, row \d+, column split: expected train, valid \(dev\) or test, found Train/,
    );
  });

  it("are never taken for one another: MMMO's folder holds files of YouTube's names", async function () {
    const { files } = knownDatasets.find((d) => d.name === "youtube")!.features[0];
    const mmmo = needs(this, "mmmo", files);
    const youtube = needs(this, "youtube", files);
    const [own, renamed] = [path.join(temporary(), "mine"), path.join(temporary(), "youtube")];
    fs.cpSync(youtube, own, { recursive: true });
    fs.cpSync(mmmo, renamed, { recursive: true });
    assert.equal(findDataDir("youtube", files, mmmo), youtube, "looked for in the next root");
    assert.equal(findDataDir("youtube", files, own), own, "known by the sizes of its files");
    await assert.rejects(
      loadDataset("youtube", { dir: renamed }),
      /youtube, covarep\+facet, train, in .*youtube: expected 173 labelled units, found 220\. Is it the folder of another/,
    );
  });

  it("say why MOUD cannot be trained on, and refuse unknown names with the known ones", async () => {
    await assert.rejects(
      loadDataset("moud"),
      /moud: expected features to train on, found none\. .*only its labels and five transcripts/,
    );
    await assert.rejects(loadDataset("mosy"), {
      name: "UsageError",
      message: /expected mosi, mosei, mmmo, youtube, moud or synthetic, found mosy/,
    });
    await assert.rejects(loadDataset("mosi", { features: "glove" }), { name: "UsageError" });
    await assert.rejects(loadDataset("mosi", { dir: "/nowhere" }), /--data \/nowhere: expected a folder, found none/);
  });
});

describe("real folders read by their format alone", () => {
  it("give MOSI's bc-LSTM files the hash of the named data set", async function () {
    const dir = needs(this, "mosi", ["text_train0.csv", "transcripts.csv"]);
    const named = await loadDataset("mosi", { features: "bclstm" });
    assert.equal((await loadFolder(dir, "bc-lstm-csv")).hash, named.hash);
  });
  it("give YouTube's HDF5 files the hash of the named data set, without the text that lacks its training part", async function () {
    const dir = needs(this, "youtube", ["y_train.h5", "text_test_emb.h5"]);
    const folder = await loadFolder(dir, "mfn-h5");
    assert.equal(folder.hash, (await loadDataset("youtube")).hash);
    assert.match(folder.caveats.join(), /T is left out: it has no file for train/);
  });
  it("give MMMO's HDF5 files with a stated range and cut the hash of the named data set", async function () {
    const dir = needs(this, "mmmo", ["y_train.h5"]);
    const folder = await loadFolder(dir, "mfn-h5", { labelRange: [1, 5], positiveFrom: 4 });
    assert.equal(folder.hash, (await loadDataset("mmmo")).hash);
  });
  it("give MOSI's .npy with its labels.csv the hash of the named data set", async function () {
    const dir = needs(this, "mosi", ["text_spacy300.npy"]);
    const folder = await loadFolder(dir, "npy", { features: "spacy300", labelRange: [-3, 3] });
    assert.equal(folder.hash, (await loadDataset("mosi", { features: "spacy300" })).hash);
    await assert.rejects(
      loadFolder(dir, "npy"),
      /expected one text file, found text_minilm\.npy, text_spacy300\.npy\. Give --features NAME/,
    );
  });
  it("give the intensities of MOSI's .csd as labels.csv has them", async function () {
    const dir = needs(this, "mosi", ["CMU_MOSI_Labels.csd", "labels.csv"]);
    const { videos } = await readCsd(path.join(dir, "CMU_MOSI_Labels.csd"));
    assert.equal(videos.size, 93);
    const table = readTable(path.join(dir, "labels.csv"));
    const [video, intensity, start] = [table.text("video_id"), table.numbers("intensity"), table.numbers("start")];
    let found = 0;
    for (const [id, { features, intervals }] of videos)
      for (let i = 0; i < features.shape[0]; i++) {
        const at = (r: number) => Math.abs(start[r] - intervals.data[2 * i]) < 1e-4; // two of one video may begin together
        const same = video.some((v, r) => v === id && at(r) && Math.abs(intensity[r] - features.data[i]) < 1e-4);
        assert.ok(same, `${id}, ${i}`);
        found++;
      }
    assert.equal(found, 2199);
  });
  it("give the timed words of MOSI's .csd", async function () {
    const dir = needs(this, "mosi", ["CMU_MOSI_ModifiedTimestampedWords.csd"]);
    const words = await readTimedWords(path.join(dir, "CMU_MOSI_ModifiedTimestampedWords.csd"));
    assert.equal(words.size, 93);
    assert.deepEqual(
      words
        .get("03bSnISJMiM")!
        .slice(0, 3)
        .map((w) => w.word),
      ["oh", "sp", "this"],
    );
  });
});
