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
