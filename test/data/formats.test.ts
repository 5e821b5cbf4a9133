import * as assert from "node:assert/strict";
import { sequencesOf, targetsOf } from "../../lib/data";
import {
  bcLstm,
  ciaPickle,
  classes,
  csd,
  features,
  load,
  makeVideos,
  mfnH5,
  moseiNpz,
  mosiPickle,
  type Name,
  names,
  npyFolder,
  oneHot,
  samples,
  steps,
} from "./formats";
import { csv, nd, npy } from "./writers";

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

  it("has one hash: MFN's HDF5 and CIA's pickles, one-hot classes, in every precision and order", async () => {
    const all = [
      await load(await mfnH5(oneHot), "mfn-h5"),
      await load(await mfnH5(oneHot, "<f4"), "mfn-h5"),
      await load(ciaPickle(oneHot, "<f8", false), "cia-pickle"),
      await load(ciaPickle(oneHot, "<f4", true), "cia-pickle"),
    ];
    assert.equal(new Set(all.map((d) => d.hash)).size, 1, all.map((d) => d.hash).join());
    assert.deepEqual([...targetsOf(all[0], all[0].train, { kind: "classes", classes: 3 }).values], classes("train"));
  });

  it("has one hash: labels (n), (n, 1), a named column of several, and .npy (rows, steps, width)", async () => {
    const value = (name: Name) => classes(name).map((c, i) => c - 1 + i / 8);
    const rows = names.flatMap((n) => value(n).map((v, i) => [`${n}${i}`, n, v]));
    const flat = (m: "A" | "V", width: number) =>
      npy(
        nd(
          [13, steps, width],
          names.flatMap((n) => Array.from(features[n][m].data)),
        ),
      );
    const all = [
      await load(await mfnH5((n) => nd([samples[n]], value(n))), "mfn-h5"),
      await load(await mfnH5((n) => nd([samples[n], 1], value(n))), "mfn-h5"),
      await load(
        await mfnH5((n) =>
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
});
