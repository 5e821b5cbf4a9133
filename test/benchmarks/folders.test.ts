import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { emptyFolder, foldersOf } from "../../benchmarks/harness/folders";
import { takeLock } from "../../benchmarks/harness/lock";
import { temporaryFolder } from "../training/helpers";
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
