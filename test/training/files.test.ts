import { strict as assert } from "node:assert";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { writeWhole } from "../../lib/training";
import { temporaryFolder } from "./helpers";

describe("a file that is whole or not there", () => {
  it("holds all of a text and of parts, in their order", () => {
    const file = path.join(temporaryFolder("files"), "new", "file");
    writeWhole(file, "ä€");
    assert.equal(fs.readFileSync(file, "utf8"), "ä€");
    writeWhole(file, [Buffer.from("a"), Buffer.from("b")]);
    assert.equal(fs.readFileSync(file, "utf8"), "ab");
    assert.deepEqual(fs.readdirSync(path.dirname(file)), ["file"]);
  });

  for (const [kind, content] of [
    ["a text", `"x".repeat(9000)`],
    ["bytes", `Buffer.alloc(9000)`],
  ])
    it(`stays as it was where the system takes only a part of ${kind}`, function () {
      if (process.platform === "win32") this.skip(); // no ulimit
      const dir = temporaryFolder("files");
      const file = path.join(dir, "file");
      writeWhole(file, "before");
      // 8 blocks of 512 or 1024 bytes, by the shell: the first write stops at the limit, the second is refused.
      const program = `require(${JSON.stringify(require.resolve("../../lib/training"))}).writeWhole(${JSON.stringify(file)}, ${content})`;
      const script = `ulimit -f 8; trap "" XFSZ; exec "$0" -e "$1"`;
      const { status, stderr } = spawnSync("sh", ["-c", script, process.execPath, program], { encoding: "utf8" });
      assert.notEqual(status, 0, stderr);
      assert.match(stderr, /expected room to write, found the greatest size of a file reached/);
      assert.equal(fs.readFileSync(file, "utf8"), "before");
      assert.deepEqual(fs.readdirSync(dir), ["file"]);
    });
});
