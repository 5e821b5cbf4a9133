/** `npm run evaluate -- --run ID`: scores the saved weights of a recorded run again, without training. */
import * as fs from "node:fs";
import * as path from "node:path";
import { RecordError, UsageError } from "../lib/core/errors";
import type { RunRecord } from "../lib/core/record";
import type { Task } from "../lib/core/types";
import { engineName, startEngine } from "../lib/engine/choose";
import { findSystem } from "../lib/models";
import {
  asStored,
  cellDataset,
  defaultConfig,
  describeModel,
  prepare,
  readRecords,
  readWeights,
  reviveModel,
  scoreSplit,
} from "../lib/training";
import { entry, parse, readTask } from "./cli";
import { loadCellData } from "./harness/plan";

const command = "npm run evaluate";
const help = `${command} -- --run ID [options]

Predicts the test split with the weights that were kept of a run, scores it, and compares with the record. Exits 1 when they differ.

  --run ID      id of a run (or its beginning); --list names those whose weights were kept
  --runs DIR    record files (default results/runs)
  --data DIR    where the data sets are
  --engine E    default: the engine of the run`;

const options = {
  run: { type: "string" },
  runs: { type: "string" },
  list: { type: "boolean" },
  data: { type: "string" },
  engine: { type: "string" },
} as const;

/** The configuration of a record as the difference from the defaults of now. */
export function differenceOf(record: RunRecord): RunRecord["config"] {
  const defaults = defaultConfig(findSystem(record.system));
  return Object.fromEntries(Object.entries(record.config).filter(([key, value]) => defaults[key] !== value));
}

export function taskOf(record: RunRecord): Task {
  return readTask(record.task);
}

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(command, args, options);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const dir = values.runs ?? path.join("results", "runs");
  const { records } = readRecords(dir);
  const kept = records.filter((r) => r.weightsFile);
  const list = () => kept.map((r) => `${r.id}  ${r.cell} #${r.seed}`).join("\n");
  if (values.list) {
    console.log(list() || "no run has weights");
    return 0;
  }
  if (!values.run) throw new UsageError(`${command}: expected --run ID, found none. --list names the runs.`);
  const found = records.filter((r) => r.id.startsWith(values.run!));
  if (found.length !== 1)
    throw new UsageError(
      `--run ${values.run}: expected one run, found ${found.length} of ${records.length} in ${dir}.`,
    );
  const [record] = found;
  if (!record.weightsFile || !record.weightsHash)
    throw new RecordError(
      `run ${record.id}: expected kept weights, found none: they are kept of ${kept.length} headline runs. npm run reproduce -- ${record.suite} --fresh --keep-weights 100 keeps them.\n${list()}`,
    );
  const file = path.join(dir, record.weightsFile);
  if (!fs.existsSync(file))
    throw new RecordError(`run ${record.id}: expected ${record.weightsFile} in ${dir}, found none. Restore it.`);
  const weights = readWeights(file, record.weightsHash);
  const task = taskOf(record);
  const dataset = cellDataset(await loadCellData(record, values.data), record);
  if (dataset.hash !== record.dataHash)
    throw new RecordError(
      `run ${record.id}: expected data ${record.dataHash.slice(0, 12)}, found ${dataset.hash.slice(0, 12)}. These are not the features it was scored on; npm run data -- verify says more.`,
    );
  const system = findSystem(record.system);
  const prepared = prepare(system, dataset, task, { protocol: record.protocol, config: differenceOf(record) });
  const engine =
    system.kind === "neural" ? await startEngine(engineName(values.engine ?? record.engine.name)) : undefined;
  const model = reviveModel(describeModel(prepared, { weights, run: record.id }), weights, engine);
  try {
    const { split, targets } = prepared.test;
    const predictions = asStored(await model.predict(split), task);
    const thresholds = record.chosen?.thresholds as Parameters<typeof scoreSplit>[5];
    const scores = scoreSplit(dataset, split, targets, task, predictions, thresholds);
    let differences = 0;
    for (const [name, value] of Object.entries(scores)) {
      const recorded = record.metrics.test[name] ?? null;
      const same = recorded === value;
      if (!same) differences++;
      console.log(
        `${name.padEnd(18)} ${value?.toFixed(6) ?? "-"}  recorded ${recorded?.toFixed(6) ?? "-"}${same ? "" : "  DIFFERS"}`,
      );
    }
    console.log(
      differences
        ? `${differences} of ${Object.keys(scores).length} metrics differ from the record${engine && engine.info.name !== record.engine.name ? ` (recorded on ${record.engine.name}; other engines round otherwise)` : ""}`
        : `all ${Object.keys(scores).length} metrics equal the record (${record.cell}, seed ${record.seed}, ${record.rows.test} test units)`,
    );
    return differences ? 1 : 0;
  } finally {
    model.dispose();
  }
}

if (require.main === module) entry(main);
