// Made-up suites and records for the tests of the report. The numbers mean nothing; some texts are hostile on purpose.
import { hashOf, sha256 } from "../../lib/core/json";
import { recordId, type RunRecord, type Scores } from "../../lib/core/record";
import { Rng } from "../../lib/core/rng";
import { cellName, type Cell, type CellMetric, type Suite } from "../../lib/core/suite";
import { taskName, type Config, type Modality } from "../../lib/core/types";
import { metricInfo } from "../../lib/metrics";
import { printed } from "../../lib/report/paper";
import type { ReportInput } from "../../lib/report";

export const hostile = `<script>alert("x")</script> & 'quoted' | _md_ $x$ \\y`;

const combinations: Modality[][] = [["T"], ["A"], ["V"], ["T", "V"], ["T", "A"], ["A", "V"], ["T", "A", "V"]];

const metric = (name: string, row: string, column: string, comparable: true | string = true): CellMetric => ({
  name,
  paper: printed("1", row, column),
  comparable,
});

const base = { system: "cia", protocol: "validation", config: {} } as const;

export const table1: Suite = {
  name: "table1",
  title: "Table 1: modality combinations",
  seeds: { quick: [1, 2], full: [1, 2, 3, 4, 5] },
  cells: combinations.flatMap((modalities): Cell[] => {
    const row = modalities.join("+");
    const cell = { ...base, modalities };
    return [
      {
        ...cell,
        dataset: "mosi",
        features: "minilm",
        task: { kind: "classes", classes: 2 },
        metrics: [metric("A2", row, "mosi/sentiment/A2"), metric("F1", row, "mosi/sentiment/F1")],
      },
      {
        ...cell,
        dataset: "mosi",
        features: "minilm",
        task: { kind: "intensity" },
        metrics: [metric("MAE", row, "mosi/intensity/MAE"), metric("r", row, "mosi/intensity/r")],
      },
      {
        ...cell,
        dataset: "mmmo",
        features: "covarep+facet",
        task: { kind: "classes", classes: 2 },
        metrics: [
          metric("A2", row, "mmmo/sentiment/A2", "other audio features than the paper's"),
          metric("F1", row, "mmmo/sentiment/F1"),
        ],
      },
      {
        ...cell,
        dataset: "moud",
        features: "covarep",
        task: { kind: "classes", classes: 2 },
        metrics: [metric("A2", row, "moud/sentiment/A2")],
        missing: "the features of MOUD are not public any more",
      },
    ];
  }),
};

export const table3: Suite = {
  name: "table3",
  title: "Table 3: ablation of the IIM",
  seeds: { quick: [1, 2], full: [1, 2, 3, 4, 5] },
  cells: ([{}, { iim: false }, { iim: "encoders-only" }] as Config[]).map((config): Cell => ({
    ...base,
    config,
    dataset: "mosi",
    features: "minilm",
    modalities: ["T", "A", "V"],
    task: { kind: "classes", classes: 2 },
    metrics: ["A2", "F1"].map((name) => ({
      name,
      paper:
        config.iim === "encoders-only"
          ? undefined
          : printed("3", config.iim === false ? "CIA-IIM" : "CIA", `mosi/sentiment/${name}`),
      comparable: true,
    })),
  })),
};

/** A run whose test scores lie around the printed value (plus `shift`). */
export function run(cell: Cell, seed: number, { suite = "table1", shift = 0, failed = "" } = {}): RunRecord {
  const name = cellName(cell);
  const rng = new Rng(seed, name);
  const config = { k: 100, r: 50, drop: 0.5, ...cell.config };
  const dataHash = sha256(`${cell.dataset} ${cell.features}`);
  const scores = (offset: number): Scores =>
    Object.fromEntries(
      cell.metrics.map(({ name, paper }) => {
        const info = metricInfo(name);
        const one = Array.isArray(paper) ? paper[0] : paper;
        const centre = one ? Number(one.value) / (info.unit === "%" ? 100 : 1) : 0.7;
        const better = info.lowerIsBetter ? -1 : 1;
        return [name, centre + better * (shift + offset) + 0.006 * rng.normal()];
      }),
    );
  const identity = { cell: name, protocol: cell.protocol, configHash: hashOf(config), dataHash, seed };
  return {
    schema: 1,
    id: recordId(identity),
    ...identity,
    suite,
    system: cell.system,
    dataset: cell.dataset,
    features: cell.features,
    modalities: cell.modalities,
    task: taskName(cell.task),
    profile: "full",
    config,
    code: { version: "0.1.0", commit: "0123456789abcdef" },
    engine: { name: "wasm", device: "cpu", threads: 1, versions: { tfjs: "4.22.0" }, flags: { simd: true } },
    status: failed ? "failed" : "ok",
    ...(failed && { reason: failed }),
    epochs: Array.from({ length: failed ? 2 : 20 }, (_, i) => ({
      epoch: i + 1,
      trainLoss: 0.2 + 1.2 * Math.exp(-i / 5) + 0.02 * rng.uniform(),
      validLoss: 0.55 + 0.5 * Math.exp(-i / 3) + 0.012 * i + 0.02 * rng.uniform(),
      validScore: 0.72 - 0.2 * Math.exp(-i / 3) + 0.01 * rng.uniform(),
      seconds: 1.5,
    })),
    ...(!failed && { chosen: { epoch: 9, why: "best validation loss" } }),
    metrics: failed ? { test: {} } : { valid: scores(0.01), test: scores(0), testSelected: scores(0.025) },
    ...(!failed && { weightsHash: sha256(`${name} ${seed}`) }),
    parameters: 1234567,
    rows: { train: 1284, valid: 229, test: cell.dataset === "mmmo" ? 80 : 686 },
    started: `2026-01-01T00:00:${String(seed).padStart(2, "0")}.000Z`,
    seconds: 30 + seed,
    peakRssMb: 310,
    host: { cpu: "a CPU of 2 cores", cores: 2, node: "24.0.0", os: "linux x64" },
  };
}

/** A search of four trials: the second has the least validation loss, the last one failed. */
export const search: Suite = {
  name: "search",
  title: "Search: one system",
  seeds: { quick: [1], full: [1] },
  cells: [
    {
      ...table3.cells[0],
      dataset: "youtube",
      metrics: [{ name: "A2", comparable: "not printed" }],
      search: { space: { k: [50, 100, 200], drop: [0.5] }, trials: 4, defaults: { k: 300, drop: 0.5 } },
    },
  ],
};

const trials = (): RunRecord[] =>
  [100, 50, 200, 400].map((k, trial) => {
    const record = {
      ...run(search.cells[0], 1, { suite: "search", failed: trial === 3 ? "out of memory" : "" }),
      trial,
    };
    const config = { ...record.config, k, drop: 0.5 };
    const whole = {
      ...record,
      config,
      configHash: hashOf(config),
      ...(trial < 3 && { selectionScore: [0.62, 0.58, 0.6][trial] }),
    };
    return { ...whole, id: recordId(whole) };
  });

export function sampleInput(): ReportInput {
  const shifts = [0, 0.002, -0.05, 0, -0.03, 0.002, 0];
  const records = table1.cells
    .filter((cell) => !cell.missing)
    .flatMap((cell) => {
      const shift = shifts[combinations.findIndex((m) => m.join() === cell.modalities.join())];
      return [1, 2, 3, 4, 5].map((seed) => run(cell, seed, { shift }));
    });
  records.push(
    ...table3.cells
      .slice(1)
      .flatMap((cell) => [1, 2, 3, 4, 5].map((seed) => run(cell, seed, { suite: "table3", shift: 0.02 }))),
  );
  records.push(...trials());
  const broken = table1.cells[0];
  records.push(run(broken, 6, { failed: `loss is not finite at step 12, tensor IIM_TA/E1 ${hostile}` }));
  const tav = table1.cells.find((c) => c.modalities.length === 3 && c.dataset === "mosi" && c.task.kind === "classes")!;
  return {
    title: "CIA reproduced",
    suites: [table1, table3, search],
    records,
    generated: "2026-01-02T03:04:05.000Z",
    command: (suite) => `npm run reproduce -- ${suite} --profile full`,
    titles: { cia: "CIA" },
    constants: Object.fromEntries(
      table1.cells.map((cell) => [
        cellName(cell),
        [
          { name: "majority of training", scores: { A2: 0.5525, F1: 0.3932, MAE: 1.4, r: null } },
          { name: "best constant for each metric", scores: { A2: 0.5525, F1: 0.3932, MAE: 1.37, r: null } },
        ],
      ]),
    ),
    resampled: { [cellName(tav)]: { A2: { low: 0.75, high: 0.84, level: 0.95, drawn: "videos" } } },
    deviations: [
      { id: "D1", text: "Both directions of CAM are used, as in the released code; the paper has one." },
      { id: "D2", text: `A dense layer follows each BiGRU. ${hostile}` },
    ],
    datasets: [
      {
        name: "mosi",
        features: "minilm",
        hash: sha256("mosi minilm"),
        level: "row",
        rows: { train: 1284, valid: 229, test: 686 },
        caveats: ["text features are not the paper's"],
        repairs: [{ where: "audio, train", what: "non-finite values set to 0", count: 12 }],
      },
    ],
    utterances: {
      [cellName(tav)]: {
        note: "Transcripts are read from local data.",
        rows: [
          { id: "v1[0]", text: hostile, truth: "positive", guess: "positive", confidence: 0.93 },
          {
            id: "v1[1]",
            text: "it was not bad",
            truth: "positive",
            guess: "negative",
            wrong: true,
            confidence: 0.61,
            other: "positive",
          },
        ],
      },
    },
    sections: [
      {
        id: "figure3",
        title: "Figure 3: attention of one video",
        command: "npm run reproduce -- figure3",
        text: [
          `Rows are queries, columns are keys. ${cellName({ ...tav, config: { ...tav.config, drop: 0.5, epochs: 20, gruDrop: 0.3, recurrent: "long-unbroken-setting" } })}`,
        ],
        charts: [
          {
            alt: "Attention of utterance 1 on utterances 1 and 2: 0.7 and 0.3.",
            spec: {
              data: {
                values: [
                  { q: "u1", k: "u1", w: 0.7 },
                  { q: "u1", k: "u2", w: 0.3 },
                ],
              },
              mark: "rect",
              encoding: {
                x: { field: "k", type: "nominal", title: "key" },
                y: { field: "q", type: "nominal", title: "query" },
                color: { field: "w", type: "quantitative", title: "weight" },
              },
            },
          },
        ],
        tables: [
          {
            id: "weights",
            caption: "Weights",
            columns: [{ title: "query" }, { title: "u1", numeric: true }],
            rows: [["u1", "0.7"]],
          },
        ],
      },
    ],
    problems: [`runs/table1.jsonl, line 9: torn ${hostile}`],
  };
}
