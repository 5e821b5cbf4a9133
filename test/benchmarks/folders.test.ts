import { strict as assert } from "node:assert";
import fs from "node:fs";
import * as path from "node:path";
import { emptyFolder, foldersOf, openFolders, takeFinished } from "../../benchmarks/harness/folders";
import { takeLock } from "../../benchmarks/harness/lock";
import { recordLine } from "../../lib/core/record";
import { readRecords } from "../../lib/training";
import { temporaryFolder } from "../training/helpers";
import { recordOf } from "../training/records.test";
import { filesIn, run } from "./helpers";

describe("the folder of npm run check and npm run baseline", function () {
  this.timeout(60_000);
  const inFolder = (out: string, name: string) => {
    fs.mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    fs.writeFileSync(path.join(out, name), "");
    return path.join(out, name);
  };

  it("is refused, and left as it is, where it holds what no check put there", async () => {
    for (const [entry, name] of [
      ["check", "table1.jsonl"],
      ["baseline", ".work/finished/1.json"],
    ]) {
      const out = temporaryFolder("foreign");
      const file = inFolder(out, name);
      const args = entry === "check" ? [] : ["--reason", "a test"];
      const { code, err } = await run(entry, [...args, "--out", out, "--workers", "1"]);
      assert.equal(code, 2, err);
      assert.match(err, /expected a folder that is empty or that an earlier check made .*, found .*delete this one yourself/); // prettier-ignore
      assert.ok(fs.existsSync(file));
      assert.ok(!fs.existsSync(path.join(out, ".work", "lock")));
    }
  });

  it("is emptied but for its lock, from the second time on too", () => {
    const folders = foldersOf(path.join(temporaryFolder("own"), "check"));
    const release = takeLock(folders.work);
    for (let time = 0; time < 2; time++) {
      emptyFolder(folders);
      assert.deepEqual(filesIn(folders.work), ["lock"]);
      assert.deepEqual(filesIn(folders.out).length, 2); // the mark and .work
      for (const name of ["ci.jsonl", "predictions/1.npz", ".work/finished/1.json"]) inFolder(folders.out, name);
    }
    release();
  });

  it("is not emptied while another check runs there", async () => {
    const folders = foldersOf(temporaryFolder("held"));
    const release = takeLock(folders.work);
    emptyFolder(folders);
    const file = inFolder(folders.out, "ci.jsonl");
    const { code, err } = await run("check", ["--out", folders.out, "--workers", "1"]);
    release();
    assert.equal(code, 1, err);
    assert.match(err, /held by process/);
    assert.ok(fs.existsSync(file));
  });
});

describe("a finished run that waits for its line", () => {
  const record = recordOf();
  let out: string;
  let finished: string;
  const quiet = () => undefined;
  const ids = () => readRecords(out).records.map(({ id }) => id);
  beforeEach(() => {
    out = temporaryFolder("finished");
    finished = path.join(out, ".work", "finished");
    fs.mkdirSync(finished, { recursive: true });
  });
  const finish = (name = `${record.id}.json`) => fs.writeFileSync(path.join(finished, name), recordLine(record));

  it("is passed over by a starting shard whose fellow takes it at the same moment", () => {
    finish();
    const { renameSync } = fs;
    fs.renameSync = (...args) => {
      fs.renameSync = renameSync;
      assert.ok(takeFinished(foldersOf(out, { index: 2, count: 2 }), record.id));
      renameSync(...args);
    };
    openFolders(foldersOf(out, { index: 1, count: 2 }), quiet);
    assert.deepEqual(filesIn(out).filter((f) => f.endsWith(".jsonl")), ["table1.shard-2-of-2.jsonl"]); // prettier-ignore
    assert.deepEqual(filesIn(finished), []);
  });

  it("is taken from a claim that a death left, but not from a fellow's that may live", () => {
    finish(`${record.id}.json.claimed.shard-2-of-2`);
    openFolders(foldersOf(out, { index: 1, count: 2 }), quiet);
    assert.deepEqual(ids(), []);
    openFolders(foldersOf(out, { index: 2, count: 2 }), quiet);
    assert.deepEqual(ids(), [record.id]);
    assert.deepEqual(filesIn(finished), []);
    fs.rmSync(path.join(out, "table1.shard-2-of-2.jsonl"));
    finish(`${record.id}.json.claimed.shard-2-of-2`);
    openFolders(foldersOf(out), quiet);
    assert.deepEqual(ids(), [record.id]);
  });

  it("is set aside where it is torn", () => {
    fs.writeFileSync(path.join(finished, "1.json"), recordLine(record).slice(0, 99));
    const said: string[] = [];
    openFolders(foldersOf(out), (line) => said.push(line));
    assert.match(said[0], /1\.json: .*It was set aside/);
    assert.deepEqual(filesIn(finished), ["1.json.torn"]);
  });
});
