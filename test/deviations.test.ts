/** A deviation is marked [D..] where it happens and listed in the README: neither without the other. */
import * as assert from "node:assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

describe("deviations", () => {
  it("in the code are those of the README's table, one row each", () => {
    const marked = new Set<string>();
    for (const folder of ["models", "layers", "training"].map((name) => join(root, "lib", name)))
      for (const file of readdirSync(folder).filter((f) => f.endsWith(".ts")))
        for (const [, mark] of readFileSync(join(folder, file), "utf8").matchAll(/\[(D\d+)\]/g)) marked.add(mark);
    const listed = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/^\| \[(D\d+)\] \|/gm)].map((m) => m[1]);
    assert.deepStrictEqual([...marked].sort(), [...new Set(listed)].sort());
    assert.strictEqual(listed.length, new Set(listed).size, "a mark is listed twice");
  });
});
