/** One queue of runs over worker processes. What a worker finishes is on disk before it is told; a worker that dies is replaced. */
import { fork, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";
import type { RunRecord } from "../../lib/core/record";
import { findSystem } from "../../lib/models";
import { appendRecord, failedRecord } from "../../lib/training";
import { environmentAt } from "./devices";
import { recordFile, takeFinished, type Folders } from "./folders";
import type { PlannedRun } from "./plan";
import { checkpointFile, finishedFile, type FromWorker, type ToWorker, type WorkerSettings } from "./worker";

export interface QueueEvents {
  /** A worker started: the engine that it runs. */
  ready(engine: RunRecord["engine"]): void;
  /** A record was written. */
  recorded(record: RunRecord): void;
  progress(state: QueueState): void;
  say(line: string): void;
}

export interface QueueState {
  readonly total: number;
  readonly done: number;
  readonly failed: number;
  readonly running: readonly { readonly run: PlannedRun; readonly done: number; readonly text: string }[];
  readonly secondsLeft: number;
}

export interface QueueOptions {
  readonly workers: number;
  /** GPUs to share out between the workers. */
  readonly gpus?: readonly string[];
  readonly settings: WorkerSettings;
  readonly folders: Folders;
  readonly keepWeights: (run: PlannedRun) => number;
}

/** Times that a run is started again after its worker died. */
const restarts = 2;

interface Slot {
  process: ChildProcess;
  /** From 0: whose GPU it has. A worker that takes another's place takes its GPU. */
  readonly place: number;
  run?: PlannedRun;
  done: number;
  text: string;
  ready: boolean;
}

export class Queue {
  private readonly waiting: PlannedRun[];
  private readonly slots: Slot[] = [];
  private readonly deaths = new Map<string, number>();
  private done = 0;
  private failed = 0;
  private engine: RunRecord["engine"] | undefined;
  private stopping = false;
  /** Workers that ended before they were ready. */
  private lateStarts = 0;
  private broken: Error | undefined;
  private finish: () => void = () => undefined;
  /** Seconds spent over seconds estimated, for what has ended here. */
  private spent = 0;
  private estimated = 0;
  private readonly begun = new Map<string, number>();

  constructor(
    private readonly runs: readonly PlannedRun[],
    private readonly options: QueueOptions,
    private readonly events: QueueEvents,
  ) {
    this.waiting = [...runs];
  }

  /** Runs until nothing waits or `stop` was called. @throws UserError when the machine or the data failed (disk full, ...) */
  async run(): Promise<void> {
    const count = Math.min(this.options.workers, this.runs.length);
    await new Promise<void>((resolve) => {
      this.finish = resolve;
      for (let i = 0; i < count; i++) this.startWorker();
      if (!count) resolve();
    });
    if (this.broken) throw this.broken;
  }

  /**
   * Ends all runs where they stand: they go on from their checkpoints next time. A fit is one step of up to minutes without any, in
   * which its worker hears nothing: that worker is ended at once.
   */
  stop(): void {
    this.stopping = true;
    for (const slot of this.slots) {
      if (slot.run && findSystem(slot.run.job.cell.system).kind === "fitted") slot.process.kill("SIGKILL");
      else this.tell(slot, { type: "stop" });
    }
    for (const slot of this.slots) if (!slot.run) this.dismiss(slot);
  }

  /** Ends the workers at once. */
  kill(): void {
    this.stopping = true;
    for (const slot of this.slots) slot.process.kill("SIGKILL");
  }

  get state(): QueueState {
    const running = this.slots.flatMap(({ run, done, text }) => (run ? [{ run, done, text }] : []));
    const pace = this.estimated > 0 ? this.spent / this.estimated : 1;
    const left =
      this.waiting.reduce((sum, r) => sum + r.estimate, 0) +
      running.reduce((sum, r) => sum + r.run.estimate * (1 - r.done), 0);
    return {
      total: this.runs.length,
      done: this.done,
      failed: this.failed,
      running,
      secondsLeft: (pace * left) / Math.max(1, Math.min(this.options.workers, this.waiting.length + running.length)),
    };
  }

  private startWorker(): void {
    const { workers, gpus } = this.options;
    const place = Array.from({ length: workers }, (_, i) => i).find((i) => this.slots.every((s) => s.place !== i))!;
    const env = { ...process.env, ...(gpus && environmentAt(place, workers, gpus)) };
    let child: ChildProcess;
    try {
      child = fork(path.join(__dirname, "worker.js"), [], { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
    } catch (error) {
      return this.notStarted(error as Error);
    }
    const slot: Slot = { process: child, place, done: 0, text: "starting", ready: false };
    this.slots.push(slot);
    child.on("message", (message) => this.heard(slot, message as FromWorker));
    child.on("exit", (code, signal) => this.ended(slot, signal ?? `exit code ${code}`));
    child.on("error", (error) => {
      if (child.pid !== undefined) return this.fail(new UserError(`worker: ${error.message}`));
      this.slots.splice(this.slots.indexOf(slot), 1); // a process that never was has no exit
      this.notStarted(error);
    });
    this.tell(slot, { type: "start", settings: this.options.settings });
  }

  /** The machine gives no process: there is none to wait for, and no use in asking again. */
  private notStarted({ message }: Error): void {
    this.fail(
      new UserError(
        `worker: expected to start a process of ${process.execPath}, found ${message}. If the machine has too many processes or too little memory, end some or give fewer --workers; the same command goes on from what is recorded.`,
      ),
    );
    if (!this.slots.length) this.finish();
  }

  private tell(slot: Slot, message: ToWorker): void {
    if (slot.process.connected) slot.process.send(message, () => undefined); // a dead worker is met in `ended`
  }

  /** Ends a worker that has nothing to do. */
  private dismiss(slot: Slot): void {
    if (slot.process.connected) slot.process.disconnect(); // a second time it would emit an error
  }

  private next(slot: Slot): void {
    slot.run = this.stopping ? undefined : this.waiting.shift();
    slot.done = 0;
    slot.text = "";
    if (!slot.run) return this.dismiss(slot);
    const { job, id, dataHash } = slot.run;
    this.begun.set(id, performance.now());
    this.tell(slot, { type: "job", job, id, dataHash, keepWeights: this.options.keepWeights(slot.run) });
    this.events.progress(this.state);
  }

  private heard(slot: Slot, message: FromWorker): void {
    switch (message.type) {
      case "ready":
        slot.ready = true;
        this.engine = message.engine;
        this.events.ready(message.engine);
        return this.next(slot);
      case "progress":
        slot.done = message.done;
        slot.text = message.text;
        return this.events.progress(this.state);
      case "stopped":
        // A worker that was told by another than us (a SIGTERM) stays stopped: its run is for the one that takes its place.
        if (!this.stopping && slot.run) this.waiting.unshift(slot.run);
        slot.run = undefined;
        return this.dismiss(slot);
      case "broken":
        slot.run = undefined;
        this.fail(new UserError(message.message));
        return this.next(slot);
      case "done": {
        const { run } = slot;
        slot.run = undefined;
        if (run) this.take(run);
        return this.next(slot);
      }
    }
  }

  /** Appends a finished record and removes what its worker left for us. */
  private take(run: PlannedRun): void {
    const record = this.orFail(() => takeFinished(this.options.folders, run.id));
    if (!record) return;
    this.done++;
    if (record.status === "failed") this.failed++;
    const begun = this.begun.get(run.id);
    if (begun !== undefined) {
      this.spent += (performance.now() - begun) / 1000;
      this.estimated += run.estimate;
    }
    this.events.recorded(record);
    this.events.progress(this.state);
  }

  private ended(slot: Slot, how: string): void {
    this.slots.splice(this.slots.indexOf(slot), 1);
    const { run } = slot;
    if (run && !this.stopping) {
      // It may have finished and died before it could say so.
      if (fs.existsSync(finishedFile(this.options.settings.work, run.id))) this.take(run);
      else {
        const deaths = (this.deaths.get(run.id) ?? 0) + 1;
        this.deaths.set(run.id, deaths);
        this.events.say(
          `worker ${slot.process.pid} ended (${how}) during ${run.job.cell.system}, seed ${run.job.seed}`,
        );
        if (deaths <= restarts) this.waiting.unshift(run);
        else this.giveUp(run, `its process ended ${deaths} times (${how}); is memory short?`);
      }
    } else if (!slot.ready && !this.stopping && ++this.lateStarts > restarts)
      this.fail(new UserError(`worker: it ended (${how}) before it was ready.`));
    if (!this.stopping && this.waiting.length && this.slots.length < this.options.workers) this.startWorker();
    if (!this.slots.length) this.finish();
  }

  /** A run that kills its worker is recorded as failed; the others go on. */
  private giveUp({ id, job, dataHash }: PlannedRun, reason: string): void {
    const { settings, folders } = this.options;
    if (!this.engine) return this.fail(new UserError(`worker: ${reason}`));
    const origin = { system: findSystem(job.cell.system), dataHash, engine: this.engine, code: settings.code };
    const begun = this.begun.get(id) ?? performance.now();
    const record = failedRecord(job, origin, reason, (performance.now() - begun) / 1000);
    const written = this.orFail(() => {
      appendRecord(recordFile(folders, record.suite), record);
      fs.rmSync(checkpointFile(settings.work, id), { force: true });
      return record;
    });
    if (!written) return;
    this.done++;
    this.failed++;
    this.events.recorded(record);
  }

  /** What touches the disk, from the handlers of a worker's events: an error thrown there would end the process, not `run`. */
  private orFail<T>(what: () => T): T | undefined {
    try {
      return what();
    } catch (error) {
      return void this.fail(error as Error);
    }
  }

  private fail(error: Error): void {
    if (this.broken) return; // the first is the cause; `stop` may come back here
    this.broken = error;
    this.stop();
  }
}
