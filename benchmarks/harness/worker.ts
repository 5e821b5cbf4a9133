/** One worker process: does jobs one after the other, as its parent sends them. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import { recordLine, type RunRecord } from "../../lib/core/record";
import type { Dataset } from "../../lib/core/types";
import type { Engine } from "../../lib/engine/engine";
import { engineName, startEngine } from "../../lib/engine/choose";
import { findSystem } from "../../lib/models";
import { cellDataset, jobIdentity, runJob, writeWhole, type Job } from "../../lib/training";
import { loadCellData } from "./plan";

export interface WorkerSettings {
  readonly engine: string;
  readonly fastMath: boolean;
  readonly dataDir?: string;
  readonly out: string;
  /** Checkpoints, logs and finished records that the parent has not taken yet. */
  readonly work: string;
  readonly code: RunRecord["code"];
  readonly checkpointSeconds: number;
}

export type ToWorker =
  | { readonly type: "start"; readonly settings: WorkerSettings }
  | {
      readonly type: "job";
      readonly job: Job;
      readonly id: string;
      readonly dataHash: string;
      readonly keepWeights: number;
    }
  | { readonly type: "stop" };

export type FromWorker =
  | { readonly type: "ready"; readonly engine: RunRecord["engine"] }
  | {
      readonly type: "progress";
      readonly id: string;
      readonly done: number;
      readonly text: string;
    }
  | { readonly type: "done"; readonly id: string }
  | { readonly type: "stopped"; readonly id: string }
  /** The machine or the data, not the run, is at fault: nothing more can be done here. */
  | { readonly type: "broken"; readonly message: string; readonly id?: string };

/** A parent that hung up, or died, is met at "disconnect": an error here would end us with a stack. */
const send = (message: FromWorker) => void process.send?.(message, undefined, undefined, () => undefined);

/** Where a finished record waits for the parent. */
export const finishedFile = (work: string, id: string): string => path.join(work, "finished", `${id}.json`);
export const checkpointFile = (work: string, id: string): string => path.join(work, "checkpoints", `${id}.bin`);
const logFile = (work: string, id: string): string => path.join(work, "logs", `${id}.log`);

class Worker {
  private engine: Engine | undefined;
  private settings: WorkerSettings | undefined;
  private loaded: { key: string; dataset: Dataset } | undefined;
  private readonly stop = new AbortController();

  async take(message: ToWorker): Promise<void> {
    if (message.type === "stop") return this.stop.abort();
    if (message.type === "start") {
      this.settings = message.settings;
      const { engine, fastMath } = message.settings;
      this.engine = await startEngine(engineName(engine), { fastMath, say: () => undefined });
      return send({ type: "ready", engine: this.engine.info });
    }
    await this.do(message);
  }

  private async do({ job, id, dataHash, keepWeights }: Extract<ToWorker, { type: "job" }>): Promise<void> {
    const { engine, settings } = this;
    if (!engine || !settings) throw new Error("a job came before the start");
    const { out, work, code, dataDir, checkpointSeconds } = settings;
    const { cell } = job;
    const log = openLog(logFile(work, id));
    try {
      const dataset = cellDataset(await this.load(cell, dataDir), cell);
      if (dataset.hash !== dataHash)
        throw new UserError(
          `${cell.dataset}/${cell.features}: expected data ${dataHash.slice(0, 12)}, found ${dataset.hash.slice(0, 12)}: the files changed while the harness ran. Run the same command again; what is recorded is kept.`,
        );
      const file = checkpointFile(work, id);
      log(
        `${jobIdentity(job, findSystem(cell.system), dataHash).cell}, seed ${job.seed}${job.trial === undefined ? "" : `, trial ${job.trial}: ${JSON.stringify(job.setting)}`}`,
      );
      let sent = 0;
      const record = await runJob(job, {
        system: findSystem(cell.system),
        dataset,
        engine,
        code,
        out,
        keepWeights,
        checkpoint: { file, everySeconds: checkpointSeconds },
        signal: this.stop.signal,
        say: log,
        onProgress({ epoch, epochs, step, steps }) {
          const now = performance.now();
          if (now - sent < 250 && step < steps) return;
          sent = now;
          const done = (epoch - 1 + step / steps) / epochs;
          send({ type: "progress", id, done, text: `epoch ${epoch}/${epochs}` });
        },
        onEpoch: ({ epoch, trainLoss, validLoss, validScore, seconds }) =>
          log(
            `epoch ${epoch}: train loss ${trainLoss}` +
              (validLoss === undefined ? "" : `, validation loss ${validLoss}, score ${validScore ?? "-"}`) +
              `, ${seconds.toFixed(2)} s`,
          ),
      });
      if (!record) return send({ type: "stopped", id });
      writeWhole(finishedFile(work, id), recordLine(record));
      fs.rmSync(file, { force: true });
      log(record.status === "ok" ? `done: ${JSON.stringify(record.metrics.test)}` : `failed: ${record.reason}`);
      send({ type: "done", id });
    } catch (error) {
      log(String(error));
      send({ type: "broken", message: (error as Error).message, id });
    }
  }

  private async load(cell: Job["cell"], dir: string | undefined): Promise<Dataset> {
    const key = `${cell.dataset}/${cell.features}`;
    if (this.loaded?.key !== key) {
      this.loaded = undefined; // two large sets at once may not fit
      this.loaded = { key, dataset: await loadCellData(cell, dir) };
    }
    return this.loaded.dataset;
  }
}

function openLog(file: string): (line: string) => void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  return (line) => fs.appendFileSync(file, `${new Date().toISOString()} ${line}\n`);
}

if (require.main === module) {
  const worker = new Worker();
  process.on("SIGINT", () => undefined); // the terminal sends it to us too; the parent decides
  process.on("SIGTERM", () => void worker.take({ type: "stop" })); // Slurm sends it to all: epochs done are kept first
  process.on("disconnect", () => process.exit(1)); // the parent is gone: what is finished lies on disk
  process.on("message", (message) => {
    worker.take(message as ToWorker).catch((error: unknown) => {
      send({ type: "broken", message: error instanceof Error ? error.message : String(error) });
    });
  });
}
