import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { takeLock } from "../../benchmarks/harness/lock";
import { temporaryFolder } from "../training/helpers";

describe("the lock of a folder", () => {
  const holder = (pid: number, host = os.hostname()) => JSON.stringify({ pid, host, since: "2020-01-01", command: "run.js" }); // prettier-ignore
  const dead = holder(2 ** 22 - 1);
  const living = holder(process.ppid);
  let dir: string;
  let file: string;
  beforeEach(() => {
    dir = temporaryFolder("lock");
    file = path.join(dir, "lock");
  });

  /** Does something just before the next file is moved, as another process may. */
  function beforeNextMove(what: () => void): void {
    const { renameSync } = fs;
    fs.renameSync = (...args) => {
      fs.renameSync = renameSync;
      what();
      renameSync(...args);
    };
  }

  it("is its holder's until it is given back, and leaves nothing behind", () => {
    const release = takeLock(dir);
    assert.throws(() => takeLock(dir), new RegExp(`lock: expected this folder to be free, found it held by process ${process.pid} on .*Wait for it, stop it, or give another --out\\.$`)); // prettier-ignore
    assert.deepEqual(fs.readdirSync(dir), ["lock"]);
    release();
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  it("is taken over from a dead holder", () => {
    fs.writeFileSync(file, dead);
    takeLock(dir)();
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  it("is given back to a process that took it over first", () => {
    fs.writeFileSync(file, dead);
    beforeNextMove(() => fs.writeFileSync(file, living));
    assert.throws(() => takeLock(dir), new RegExp(`held by process ${process.ppid} on`));
    assert.equal(fs.readFileSync(file, "utf8"), living);
    assert.deepEqual(fs.readdirSync(dir), ["lock"]);
  });

  it("is taken where another process moved the dead holder's away first", () => {
    fs.writeFileSync(file, dead);
    beforeNextMove(() => fs.rmSync(file));
    takeLock(dir)();
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  it("counts as held while it is being written", async () => {
    fs.writeFileSync(file, "");
    const write = `setTimeout(() => fs.writeFileSync(${JSON.stringify(file)}, ${JSON.stringify(living)}), 200)`;
    const writer = spawn(process.execPath, ["-e", write]);
    const ended = new Promise((resolve) => writer.once("exit", resolve));
    assert.throws(() => takeLock(dir), new RegExp(`held by process ${process.ppid} on`));
    await ended;
  });

  it("is taken over where a crash cut it", function () {
    this.timeout(20_000);
    fs.writeFileSync(file, living.slice(0, 20));
    takeLock(dir)();
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  it("of another host is held, and the message says what to do when that host is gone", () => {
    fs.writeFileSync(file, holder(1, "elsewhere"));
    assert.throws(() => takeLock(dir), new RegExp(`held by process 1 on elsewhere .*If elsewhere is gone, delete .*lock\\.$`)); // prettier-ignore
  });

  it("of another host is held while its holder touches it, and taken over when it has not for a quarter of an hour", () => {
    fs.writeFileSync(file, JSON.stringify({ ...JSON.parse(holder(1, "elsewhere")), beat: 60 }));
    const ago = (minutes: number) => fs.utimesSync(file, new Date(), new Date(Date.now() - minutes * 60_000));
    ago(14);
    assert.throws(() => takeLock(dir), /delete .*lock, or wait: 15 minutes after its last sign it counts as dead\.$/);
    ago(16);
    takeLock(dir)();
    assert.deepEqual(fs.readdirSync(dir), []);
  });

  it("is touched by its holder, but not once another has it", () => {
    const { setInterval } = globalThis;
    let beat = () => undefined as void;
    globalThis.setInterval = ((what: () => void) => ((beat = what), setInterval(() => undefined, 1e6))) as never;
    const release = takeLock(dir);
    globalThis.setInterval = setInterval;
    const mine = fs.readFileSync(file, "utf8");
    const long = new Date("2020-01-01");
    fs.utimesSync(file, long, long);
    beat();
    assert.ok(Date.now() - fs.statSync(file).mtimeMs < 60_000);
    assert.equal(fs.readFileSync(file, "utf8"), mine);
    fs.writeFileSync(file, living);
    fs.utimesSync(file, long, long);
    beat();
    release();
    assert.equal(fs.readFileSync(file, "utf8"), living);
    assert.equal(fs.statSync(file).mtimeMs, long.getTime());
  });

  it("of a Slurm task is its own again when it is requeued, on whatever node, and of no other task", () => {
    const slurm = (job: string, task: string, restart?: number) =>
      Object.assign(process.env, { SLURM_ARRAY_JOB_ID: job, SLURM_ARRAY_TASK_ID: task }, restart !== undefined && { SLURM_RESTART_COUNT: String(restart) }); // prettier-ignore
    const names = ["SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_RESTART_COUNT"] as const;
    const before = names.map((name) => [name, process.env[name]] as const);
    try {
      slurm("71", "2");
      takeLock(dir); // dies with its node: never given back
      const left = JSON.stringify({ ...JSON.parse(fs.readFileSync(file, "utf8")), host: "node-1" });
      for (const [job, task, restart] of [
        ["71", "2", 0],
        ["71", "3", 1],
        ["72", "2", 1],
      ] as const) {
        // prettier-ignore
        fs.writeFileSync(file, left);
        slurm(job, task, restart);
        assert.throws(() => takeLock(dir), /held by process \d+ on node-1/);
      }
      slurm("71", "2", 1);
      takeLock(dir)();
      assert.deepEqual(fs.readdirSync(dir), []);
    } finally {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
    }
  });

  it("of a shard lets the others of its count run, and nothing else", () => {
    const [one, two] = [takeLock(dir, "lock.shard-1-of-2"), takeLock(dir, "lock.shard-2-of-2")];
    for (const other of ["lock", "lock.shard-3-of-3", "lock.shard-1-of-2"])
      assert.throws(() => takeLock(dir, other), /shard-1-of-2: expected this folder to be free, found it held/);
    assert.deepEqual(fs.readdirSync(dir).sort(), ["lock.shard-1-of-2", "lock.shard-2-of-2"]);
    one();
    two();
    const whole = takeLock(dir);
    assert.throws(() => takeLock(dir, "lock.shard-1-of-2"), /lock: expected this folder to be free/);
    whole();
    fs.writeFileSync(path.join(dir, "lock.shard-1-of-3"), dead);
    takeLock(dir)();
  });
});
