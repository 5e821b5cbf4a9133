/**
 * Figures 2 and 3 and Table 6: what needs a trained model rather than scores. Models are trained again (the same bits as the recorded
 * run of seed 1, since a run is a function of data, configuration and seed); the results are sections of the report, as files.
 */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { hashOf } from "../../lib/core/json";
import type { RunRecord } from "../../lib/core/record";
import { cellName, type Cell, type Suite } from "../../lib/core/suite";
import type { Batch, Dataset } from "../../lib/core/types";
import { batches, select, targetsOf } from "../../lib/data";
import { startEngine, engineName } from "../../lib/engine/choose";
import type { Program } from "../../lib/engine/engine";
import { record as recordGraph } from "../../lib/layers/record";
import { argmaxRows } from "../../lib/metrics";
import { findSystem } from "../../lib/models";
import { paperUtterances } from "../../lib/report/paper";
import type { Section } from "../../lib/report";
import { runsOfCell } from "../../lib/report/verdict";
import {
  cellDataset,
  codeVersion,
  hashWeights,
  readPredictions,
  train,
  writeWhole,
  type Prepared,
} from "../../lib/training";
import type { ReproduceOptions } from "../run";
import { artefactsOf, emotionsIn, emotionsSaid } from "./artefacts";
import { loadCellData } from "./plan";

/** What a figure is made with. */
export type FigureOptions = Pick<ReproduceOptions, "dataDir" | "engine" | "fastMath"> & { readonly runs: string };

/** A figure that the records here can give. */
export interface Artefact {
  readonly name: string;
  readonly file: string;
  readonly suite: Suite;
  /** Hash of the runs that it shows; its file has it. */
  readonly made: string;
  /** The text of its file; undefined where the records are not enough. @throws UserError where data is missing or a run ends otherwise than recorded */
  make(): Promise<string | undefined>;
}

/** The figures of these suites whose runs are recorded. */
export function artefactsFrom(
  suites: readonly Suite[],
  o: FigureOptions,
  records: readonly RunRecord[],
): readonly Artefact[] {
  return Object.entries({ figure2, figure3, table6 }).flatMap(([name, maker]): Artefact[] => {
    const suite = suites.find((s) => s.name === name);
    const shown = suite?.cells.flatMap((cell) => {
      const record = recordOf(cell, records);
      return record ? [{ cell, record }] : [];
    });
    if (!suite || !shown?.length) return [];
    const made = hashOf(shown.map(({ record: { id, weightsHash } }) => [id, weightsHash]));
    const make = async () => {
      const section = await maker(shown.map(({ cell }) => cell), o, records); // prettier-ignore
      return section && `${JSON.stringify({ ...section, made }, null, 1)}\n`;
    };
    return [{ name, file: path.join(artefactsOf(o.runs), `${name}.json`), suite, made, make }];
  });
}

/** Makes the figures of the suites asked for, where their data is here and they were not made from the same runs before. */
export async function writeArtefacts(
  o: ReproduceOptions,
  records: readonly RunRecord[],
  say: (line: string) => void,
): Promise<void> {
  for (const { name, file, suite, made, make } of artefactsFrom(o.suites, { ...o, runs: o.folders.out }, records)) {
    if (fs.existsSync(file) && fs.readFileSync(file, "utf8").includes(made)) continue;
    say(`${name}: ${suite.title} ...`);
    try {
      const text = await make();
      if (text !== undefined) writeWhole(file, text);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      say(`${name}: ${error.message}`);
    }
  }
}

/** Seed 1 of a cell, if it is recorded. */
const recordOf = (cell: Cell, records: readonly RunRecord[]): RunRecord | undefined =>
  runsOfCell(records, cellName(cell)).find((r) => r.seed === 1 && r.status === "ok");

interface Trained {
  readonly prepared: Prepared;
  readonly dataset: Dataset;
  readonly program: Program;
}

/**
 * The recorded run of seed 1 once more, with its program at hand.
 * @throws UserError where it ends with other weights: what it would show is not the record's
 */
async function trainAgain(cell: Cell, o: FigureOptions, records: readonly RunRecord[]): Promise<Trained> {
  const system = findSystem(cell.system);
  if (system.kind !== "neural") throw new UserError(`${cell.system}: expected a neural system for a figure.`);
  const dataset = cellDataset(await loadCellData(cell, o.dataDir), cell);
  const engine = await startEngine(engineName(o.engine), { fastMath: o.fastMath, say: () => undefined });
  const run = await train(system, dataset, cell.task, {
    seed: 1,
    protocol: cell.protocol,
    config: cell.config,
    engine,
  });
  const weights = await run.model.save();
  run.model.dispose();
  requireSame(recordOf(cell, records)!, hashWeights(weights), engine.info);
  const { graph, output } = recordGraph(system, run.prepared.shape, run.prepared.config);
  const program = engine.compile(graph, output, 1);
  for (const [name, { data }] of Object.entries(weights)) program.set(name, Float32Array.from(data));
  return { prepared: run.prepared, dataset, program };
}

function requireSame(record: RunRecord, found: string, engine: RunRecord["engine"]): void {
  const { weightsHash, code } = record;
  if (found === weightsHash) return;
  const made = (c: RunRecord["code"], { name, device }: RunRecord["engine"]) =>
    `code ${c.commit ?? c.version}, ${name} on ${device}`;
  throw new UserError(
    `${record.cell}, seed 1, trained again: expected the recorded weights ${weightsHash?.slice(0, 12)} (${made(code, record.engine)}), ` +
      `found ${found.slice(0, 12)} (${made(codeVersion(), engine)}). Nothing was written: use the code and engine of the record, or record it anew with --fresh.`,
  );
}

const norm = (values: Float32Array): number => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));

/** The first training batch: what the gradients are taken on. */
function firstBatch({ train: data, config }: Prepared): Batch {
  return batches(data.split, data.targets, config.batchSize)[0];
}

/** Norm of each loss term's gradient at the encoder's and decoder's first kernels of IIM_TV and IIM_VT. */
async function figure2([cell]: readonly Cell[], o: FigureOptions, records: readonly RunRecord[]): Promise<Section> {
  const { prepared, program } = await trainAgain(cell, o, records);
  try {
    const batch = firstBatch(prepared);
    const kernels = ["enc1", "enc2", "enc3", "dec1", "dec2", "out"].flatMap((layer) =>
      ["TV", "VT"].map((pair) => ({ pair, layer, name: `iim/${pair}/${layer}/kernel` })),
    );
    const terms = ["task", "mse/TV", "mse/VT"];
    const norms = new Map<string, Record<string, number>>();
    for (const term of terms) {
      const gradients = await program.gradients(batch, { term });
      for (const { name } of kernels) norms.set(name, { ...norms.get(name), [term]: norm(gradients[name]) });
    }
    const values = kernels.flatMap(({ pair, layer, name }) =>
      terms.map((term) => ({ iim: `IIM_${pair}`, layer, term, norm: norms.get(name)![term] })),
    );
    const atDecoders = values.filter((v) => v.term === "task" && /dec|out/.test(v.layer));
    const zero = atDecoders.every((v) => v.norm === 0);
    return {
      id: "figure2",
      title: "Figure 2: which loss reaches which weights",
      command: "npm run reproduce -- figure2",
      text: [
        `Norm of the gradient of each loss term at the kernels of IIM_TV and IIM_VT, on the first ${batch.offsets.length - 1} training videos, after training (${cellName(cell)}, seed 1, no dropout).`,
        zero
          ? "The task's gradient at every decoder weight is exactly 0: the decoder learns from its own reconstruction alone, as Figure 2 draws it. Encoders get both."
          : "The task's gradient reaches a decoder weight: this is not what Figure 2 draws.",
      ],
      charts: [
        {
          alt: `Bars of gradient norms by layer. Task gradient is ${zero ? "zero" : "not zero"} at all decoder layers and above zero at encoder layers.`,
          spec: {
            data: { values },
            mark: "bar",
            encoding: {
              column: { field: "iim", type: "nominal", title: null },
              x: {
                field: "layer",
                type: "nominal",
                sort: ["enc1", "enc2", "enc3", "dec1", "dec2", "out"],
                title: "layer",
              },
              xOffset: { field: "term" },
              y: { field: "norm", type: "quantitative", title: "gradient norm" },
              color: { field: "term", type: "nominal", title: "loss term" },
            },
            width: 280,
            height: 200,
          },
        },
      ],
      tables: [
        {
          id: "figure2-norms",
          caption: "Gradient norms",
          columns: [{ title: "kernel" }, ...terms.map((title) => ({ title, numeric: true }))],
          rows: kernels.map(({ name }) => [
            name,
            ...terms.map((term) => {
              const value = norms.get(name)![term];
              return value === 0 ? "0" : value.toPrecision(3);
            }),
          ]),
        },
      ],
    };
  } finally {
    program.dispose();
  }
}

/** The test video shown: the first whose length is nearest to 12, so that a matrix can be read. */
function shownVideo({ test }: Dataset, length = 12): number {
  const lengths = Array.from({ length: test.offsets.length - 1 }, (_, s) => test.offsets[s + 1] - test.offsets[s]);
  return lengths.reduce((best, n, s) => (Math.abs(n - length) < Math.abs(lengths[best] - length) ? s : best), 0);
}

/** Attention matrices of a test video of each cell: every pair, both directions. */
async function figure3(cells: readonly Cell[], o: FigureOptions, records: readonly RunRecord[]): Promise<Section> {
  const parts = [];
  for (const cell of cells) parts.push(await attentionIn(cell, o, records));
  return {
    id: "figure3",
    title: "Figure 3: attention inside a video",
    command: `npm run reproduce -- figure3${cells.some(({ profiles }) => profiles) ? " --profile full" : ""}`,
    text: [
      "One test video of each data set, the first whose length is nearest to 12 utterances. A row is an utterance, its weights sum to 1.",
      ...parts.map(({ text }) => text),
      "The paper shows three pairs for sentiment and for emotions. Of MOSEI, which has the emotions, text alone can be had: it is paired with itself.",
    ],
    charts: parts.flatMap(({ charts }) => charts),
    tables: [
      {
        id: "figure3-own",
        caption: "Mean attention of an utterance on itself",
        columns: [
          { title: "task" },
          { title: "attention" },
          { title: "on itself", numeric: true },
          { title: "if uniform", numeric: true },
        ],
        rows: parts.flatMap(({ rows }) => rows),
      },
    ],
  };
}

async function attentionIn(cell: Cell, o: FigureOptions, records: readonly RunRecord[]) {
  const { prepared, dataset, program } = await trainAgain(cell, o, records);
  try {
    const what = cell.task.kind === "emotions" ? "emotions" : "sentiment";
    const video = shownVideo(dataset);
    const [batch] = batches(select(prepared.test.split, [video]), undefined, 1);
    const n = batch.offsets[1];
    const taps = Object.entries(program.output.taps ?? {}).filter(([name]) => name.startsWith("att/"));
    const charts = [];
    const rows = [];
    for (const [name, value] of taps) {
      const [matrix] = await program.evaluate(batch, [value]);
      const [, pair, direction] = name.split("/");
      const weights = Array.from({ length: n * n }, (_, i) => ({
        query: Math.floor(i / n) + 1,
        key: (i % n) + 1,
        weight: Number(matrix[i].toFixed(4)),
      }));
      const own = weights.filter((w) => w.query === w.key).reduce((sum, { weight }) => sum + weight, 0) / n;
      const [q, c] = direction.split("_");
      rows.push([what, `${pair}, CAM(${q}, ${c})`, `${(100 * own).toFixed(1)} %`, `${(100 / n).toFixed(1)} %`]);
      charts.push({
        alt: `Heatmap of ${n} by ${n} attention weights for ${what}, pair ${pair}, query ${q}, key ${c}; on average ${(100 * own).toFixed(0)} % of an utterance's attention is on itself.`,
        spec: {
          title: `${what}, ${pair}: CAM(${q}, ${c})`,
          data: { values: weights },
          mark: "rect",
          encoding: {
            x: { field: "key", type: "ordinal", title: "attended utterance" },
            y: { field: "query", type: "ordinal", title: "utterance" },
            color: { field: "weight", type: "quantitative", title: "weight" },
          },
          width: 220,
          height: 220,
        },
      });
    }
    const text = `For ${what}: video ${dataset.test.ids[video]} (${n} utterances), ${cellName(cell)}, seed 1.`;
    return { text, charts, rows };
  } finally {
    program.dispose();
  }
}

/** Utterances of a MOSEI video with what CIA and CIA without IIM say, from the recorded predictions of seed 1. */
async function table6(
  cells: readonly Cell[],
  o: FigureOptions,
  records: readonly RunRecord[],
): Promise<Section | undefined> {
  const pick = (emotion: boolean, iim: boolean) =>
    cells.find((c) => (c.task.kind === "emotions") === emotion && (c.config.iim === "false") !== iim);
  const four = [pick(false, true), pick(false, false), pick(true, true), pick(true, false)];
  if (four.some((cell) => !cell)) return undefined;
  const [sentiment, without, emotion, emotionWithout] = four as Cell[];
  const dataset = cellDataset(await loadCellData(sentiment, o.dataDir), sentiment);
  const predicted = (cell: Cell) => {
    const record = recordOf(cell, records)!;
    if (record.dataHash !== dataset.hash)
      throw new UserError(
        `${record.cell}, seed 1: expected the data of its record (${record.dataHash.slice(0, 12)}), found ${dataset.hash.slice(0, 12)}. Nothing was written: run it on the data that is here.`,
      );
    return { record, predictions: readPredictions(o.runs, record).test };
  };
  const classesOf = (cell: Cell) => argmaxRows(predicted(cell).predictions.values, 2);
  const emotionsOf = (cell: Cell) => {
    const { record, predictions } = predicted(cell);
    return emotionsSaid(record, predictions);
  };
  const truth = targetsOf(dataset, dataset.test, sentiment.task).values;
  const emotions = targetsOf(dataset, dataset.test, emotion.task).values;
  const [cia, ciaWithout] = [classesOf(sentiment), classesOf(without)];
  const [ciaEmotions, withoutEmotions] = [emotionsOf(emotion), emotionsOf(emotionWithout)];
  const sign = (c: number) => (c ? "Pos" : "Neg");
  // The rule: the first test video of four to eight utterances whose two systems disagree on most of them.
  const { offsets, ids, rowIds } = dataset.test;
  let best = { video: 0, share: -1 };
  for (let s = 0; s + 1 < offsets.length; s++) {
    const n = offsets[s + 1] - offsets[s];
    if (n < 4 || n > 8) continue;
    let differ = 0;
    for (let r = offsets[s]; r < offsets[s + 1]; r++) if (cia[r] !== ciaWithout[r]) differ++;
    if (differ / n > best.share) best = { video: s, share: differ / n };
  }
  const of = (rows: readonly number[]) =>
    rows.map((r) => [
      rowIds?.[r] ?? String(r),
      sign(truth[r]),
      sign(ciaWithout[r]),
      sign(cia[r]),
      emotionsIn(emotions, r, 0),
      withoutEmotions(r),
      ciaEmotions(r),
    ]);
  const columns = ["utterance", "sentiment", "CIA-IIM", "CIA", "emotions", "CIA-IIM", "CIA"].map((title) => ({
    title,
  }));
  const rows = Array.from({ length: offsets[best.video + 1] - offsets[best.video] }, (_, i) => offsets[best.video] + i);
  const wanted = paperUtterances.rows.map(({ text }) => text.toLowerCase().slice(0, 40));
  const found = Array.from({ length: truth.length }, (_, r) => r).filter((r) => {
    const text = rowIds && dataset.transcript?.(rowIds[r])?.toLowerCase();
    return text !== undefined && wanted.some((w) => text.includes(w));
  });
  return {
    id: "table6",
    title: "Table 6: utterances of a video, CIA and CIA without IIM",
    command: "npm run reproduce -- table6 --profile full",
    text: [
      `Seed 1 of ${cellName(sentiment)} and of the same without IIM. The video is chosen by rule: of the test videos with four to eight utterances the first on which the two disagree most (here on ${Math.round(best.share * 100)} % of ${ids[best.video]}).`,
      found.length
        ? `Of the paper's own four utterances ${found.length} are in our test split.`
        : "None of the paper's own four utterances is in our test split.",
    ],
    tables: [
      { id: "table6-video", caption: `Test video ${ids[best.video]}`, columns, rows: of(rows) },
      ...(found.length
        ? [{ id: "table6-paper", caption: "The paper's own utterances", columns, rows: of(found) }]
        : []),
    ],
  };
}
