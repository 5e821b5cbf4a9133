/** The same videos, and the same samples, as every format holds them. */
import { loadFolder, type FolderOptions, type PackOptions } from "../../lib/data";
import { Rng } from "../../lib/core/rng";
import type { Modality } from "../../lib/core/types";
import { csv, folder, hdf5, nd, npy, npz, pickle, type Kind, type Nd } from "./writers";

// Videos of utterances, as every per-row format can hold them; widths 4, 3 and 2.
export const widths = { T: 4, A: 3, V: 2 } as const;
const stems = { T: "text", A: "audio", V: "video" } as const;
const ms = ["T", "A", "V"] as const;
const lengths = { train: [3, 1, 4], valid: [2, 2], test: [2, 3] } as const;
export type Name = keyof typeof lengths;
export const names: readonly Name[] = ["train", "valid", "test"];

export interface Video {
  id: string;
  name: Name;
  rows: Record<Modality, number[]>[];
  labels: number[];
}

/** `label` of the n-th utterance of all. */
export function makeVideos(label: (n: number) => number, from = names): Video[] {
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

export const ofSplit = (videos: Video[], name: Name) => videos.filter((v) => v.name === name);
const longest = 4;

/** (videos, longest, width), zeros after the true utterances. */
export const padded = (videos: Video[], width: number, values: (v: Video, i: number) => readonly number[]): Nd =>
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

export const bcLstm = (videos: Video[]) => {
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

export const mosiPickle = (videos: Video[], kind: Kind, fortran: boolean) => {
  const [train, test] = [ofSplit(videos, "train"), ofSplit(videos, "test")];
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

export const npyFolder = (videos: Video[], kind: Kind, fortran = false) => {
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

export const csd = async (videos: Video[], kind: "<f4" | "<f8") => {
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
  const ids = (name: Name) => ofSplit(videos, name).map((v) => v.id);
  return {
    "X_Labels.csd": await sequence(1, (v, i) => [v.labels[i]]),
    "X_TimestampedWordVectors.csd": await sequence(widths.T, (v, i) => v.rows[i].T, 0.1),
    "X_COVAREP.csd": await sequence(widths.A, (v, i) => v.rows[i].A, 0.1),
    "X_FACET.csd": await sequence(widths.V, (v, i) => v.rows[i].V, 0.1),
    "folds.json": JSON.stringify({ train: ids("train"), valid: ids("valid"), test: ids("test") }),
  };
};

export const moseiNpz = (videos: Video[], kind: Kind, extra: Record<string, Nd> = {}) => {
  const of3 = (m: Modality) =>
    Object.fromEntries(names.map((n) => [`${n}_data`, padded(ofSplit(videos, n), widths[m], (v, i) => v.rows[i][m])]));
  const lines = Object.fromEntries(
    names.flatMap((n) => [
      [`${n}_length`, lengthsOf(ofSplit(videos, n))],
      [`${n}SentiLabel`, labelsOf(ofSplit(videos, n))],
    ]),
  );
  return {
    "text.npz": npz(of3("T"), kind),
    "audio.npz": npz(of3("A"), kind),
    "video.npz": npz({ ...of3("V"), ...lines, ...extra }, kind),
  };
};

export type Files = Record<string, Uint8Array | string>;
export const load = (files: Files, format: string, options: FolderOptions & PackOptions = {}) =>
  loadFolder(folder(files), format, options);

// Samples of steps, one label each: for the formats that hold no videos.
const rng = new Rng(4, "samples");
export const samples = { train: 6, valid: 3, test: 4 } as const;
export const steps = 5;
const array = (name: Name, width: number) =>
  nd(
    [samples[name], steps, width],
    Float32Array.from({ length: samples[name] * steps * width }, () => rng.normal()),
  );
export const features = Object.fromEntries(names.map((n) => [n, { A: array(n, 3), V: array(n, 2) }])) as Record<
  Name,
  Record<"A" | "V", Nd>
>;
export const classes = (name: Name) => Array.from({ length: samples[name] }, (_, i) => i % 3);
export const oneHot = (name: Name) =>
  nd(
    [samples[name], 3],
    classes(name).flatMap((c) => [0, 1, 2].map((k) => (k === c ? 1 : 0))),
  );

export const mfnH5 = async (label: (n: Name) => Nd, kind: "<f4" | "<f8" = "<f8") => {
  const files: Files = {};
  for (const n of names) {
    files[`audio_${n}.h5`] = await hdf5({ d1: features[n].A }, kind);
    files[`video_${n}.h5`] = await hdf5({ d1: features[n].V }, kind);
    files[`y_${n}.h5`] = await hdf5({ d1: label(n) }, kind);
  }
  return files;
};
export const ciaPickle = (label: (n: Name) => Nd, kind: Kind, fortran: boolean) =>
  Object.fromEntries(
    names.flatMap((n) => [
      [`covarep_${n}.p`, pickle(features[n].A, kind, fortran)],
      [`facet_${n}.p`, pickle(features[n].V, kind, fortran)],
      [`y_${n}.p`, pickle(label(n), kind, fortran)],
    ]),
  );
