import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { temporaryFolder } from "../training/helpers";
import { copyProgram, filesIn, run } from "./helpers";

const quick = ["ci", "--seeds", "1", "--epochs", "1", "--no-report"];

/** A program whose workers do something else instead of a run. */
const withWorkersThat = (instead: string) =>
  copyProgram(temporaryFolder("queue"), [["benchmarks/harness/worker.js", "const dataset = ", `${instead}; const dataset = `]]); // prettier-ignore

describe("the queue of runs", function () {
  this.timeout(120_000);

  it("ends with the first worker's words where all say that the machine or the data is at fault", async () => {
    const broken = withWorkersThat(`throw new Error("the files changed while the harness ran")`);
    const args = [...quick, "--out", temporaryFolder("out"), "--workers", "2"];
    const { code, err } = await run("run", args, { from: broken });
    assert.equal(code, 1);
    assert.match(err, /^the files changed while the harness ran$/m);
    assert.doesNotMatch(err, /RangeError|^ +at /m);
  });

  it("ends with what the machine said, not as if all were done, where it starts no worker", async () => {
    const none = `execPath: "/nowhere/node", stdio`;
    const some = `...(this.slots.length && { execPath: "/nowhere/node" }), stdio`; // the first only, which has a run to keep
    for (const instead of [none, some]) {
      const out = temporaryFolder("out");
      const without = copyProgram(temporaryFolder("queue"), [["benchmarks/harness/queue.js", "stdio", instead]]);
      const { code, err } = await run("run", [...quick, "--out", out, "--workers", "2"], { from: without });
      assert.equal(code, 1, err);
      assert.match(err, /^worker: expected to start a process of .*, found spawn .*ENOENT\. .* fewer --workers/m);
      assert.doesNotMatch(err, /^ +at /m);
      assert.ok(!filesIn(path.join(out, ".work")).includes("lock"));
    }
  });

  it("tells the disk's refusal to record a run that killed its worker, and gives the lock back", async function () {
    if (!fs.existsSync("/dev/full")) this.skip(); // no device that is always full on this system
    const out = temporaryFolder("out");
    fs.symlinkSync("/dev/full", path.join(out, "ci.jsonl"));
    const dying = withWorkersThat(`process.kill(process.pid, "SIGKILL"); await new Promise(() => undefined)`);
    const { code, err } = await run("run", [...quick, "--out", out, "--workers", "1"], { from: dying });
    assert.equal(code, 1);
    assert.match(err, /worker \d+ ended \(SIGKILL\)/);
    assert.match(err, /found the disk full/);
    assert.doesNotMatch(err, /^ +at /m);
    assert.ok(!filesIn(path.join(out, ".work")).includes("lock"));
  });

  it("tells the disk's refusal to record a run whose worker ended before it could say that it is done", async function () {
    if (!fs.existsSync("/dev/full")) this.skip();
    const out = temporaryFolder("out");
    fs.symlinkSync("/dev/full", path.join(out, "ci.jsonl"));
    const silent = copyProgram(temporaryFolder("queue"), [["benchmarks/harness/worker.js", `send({ type: "done", id })`, `process.kill(process.pid, "SIGKILL")`]]); // prettier-ignore
    const { code, err } = await run("run", [...quick, "--out", out, "--workers", "1"], { from: silent });
    assert.equal(code, 1);
    assert.match(err, /found the disk full/);
    assert.doesNotMatch(err, /^ +at /m);
    assert.equal(filesIn(path.join(out, ".work", "finished")).length, 1); // recorded once there is room
  });
});
