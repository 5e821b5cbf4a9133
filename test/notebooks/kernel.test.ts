/** The kernel as Jupyter sees it: what tslab 1.0.22 gets wrong must come out right here. */
import * as assert from "node:assert";
import { readFileSync } from "node:fs";
import * as path from "node:path";
import { root } from "../../benchmarks/jupyter/environment";
import { temporaryFolder } from "../training/helpers";
import { needPython, printed, readNotebook, runVenv, script, writeNotebook, type Notebook } from "./python";

/** Executes a notebook of these cells. */
function execute(cells: readonly string[], timeout = 20): { code: number; said: string; notebook: Notebook } {
  const folder = temporaryFolder("notebooks");
  const file = path.join(folder, "cells.ipynb");
  writeNotebook(file, cells);
  const { code, said } = runVenv("python", [script("run_notebooks.py"), "--timeout", String(timeout), file]);
  return { code, said, notebook: readNotebook(file) };
}

describe("the TypeScript kernel", function () {
  this.timeout(120_000);
  before(function () {
    needPython(this);
  });

  it("knows names of earlier cells in every kind of property, loses no line, and counts its cells", () => {
    const { code, said, notebook } = execute([
      "let x = 3;\nlet o = { x: 1, y: { k: 2 } };",
      "console.log(JSON.stringify({ x, o }))",
      "const { x: y } = o;\nconsole.log(y)",
      "let q = 0;\n({ x: q } = o);\nconsole.log(q)",
      "for (let i = 0; i < 20000; i++) console.log(i);",
      'console.error("to stderr");\nawait new Promise((r) => setTimeout(r, 5));\nprocess.stdout.write("with callback", () => console.log("!"));',
      "o.y.k + x",
    ]);
    assert.strictEqual(code, 0, said);
    const said1 = notebook.cells.map((cell) => printed(cell));
    assert.deepStrictEqual(said1.slice(0, 4), ["", '{"x":3,"o":{"x":1,"y":{"k":2}}}\n', "1\n", "1\n"]);
    assert.strictEqual(said1[4], Array.from({ length: 20000 }, (_, i) => `${i}\n`).join(""));
    assert.strictEqual(printed(notebook.cells[5], "stderr"), "to stderr\n");
    assert.match(said1[5], /with callback!?/);
    assert.strictEqual(said1[6], "5\n");
    assert.deepStrictEqual(notebook.cells.map((cell) => cell.execution_count), [1, 2, 3, 4, 5, 6, 7]);
  });

  it("sends an error that was thrown as Jupyter's error message, without frames of its own, and keeps what was printed", () => {
    const { code, said, notebook } = execute([
      'console.log("before");\nfunction inner(n: number) { if (n > 1) throw new RangeError("too big: " + n); }\ninner(2);',
      'console.log("never")',
    ]);
    assert.strictEqual(code, 1);
    const error = notebook.cells[0].outputs?.find((o) => o.output_type === "error");
    assert.deepStrictEqual([error?.ename, error?.evalue], ["RangeError", "too big: 2"]);
    const traceback = (error?.traceback ?? []).join("\n");
    assert.match(traceback, /throw new RangeError.*\n\s+\^\nRangeError: too big: 2\n {4}at inner \(a cell\)/);
    assert.doesNotMatch(traceback, /node:|tslab|kernel/);
    assert.strictEqual(printed(notebook.cells[0]), "before\n");
    assert.strictEqual(printed(notebook.cells[1]), "");
    assert.match(said, /FAIL cells\.ipynb .*\n {2}cell 1, failed:\n(.*\n)*.*RangeError: too big: 2/);
  });

  it("shows a type error with its place, also behind a shorthand property", () => {
    const { notebook } = execute(['let x = 1;\nconst s = { x, n: 3 }; const n: number = "three";']);
    const error = notebook.cells[0].outputs?.find((o) => o.output_type === "error");
    assert.strictEqual(error?.evalue, "2:30 - Type 'string' is not assignable to type 'number'.");
    assert.strictEqual(error?.traceback?.[2].indexOf("^"), 4 + 29);
  });

  it("says what was thrown when it is no error, and shows errors of ours as their message alone", () => {
    const lib = JSON.stringify(path.join(root, "dist", "lib"));
    const thrown = execute(["await Promise.reject({ a: 1 });"]).notebook.cells[0].outputs?.[0];
    assert.deepStrictEqual([thrown?.ename, thrown?.traceback], ["Thrown", ["thrown: { a: 1 }"]]);
    const { notebook } = execute([`import { DataError } from ${lib};`, 'throw new DataError("mosi: expected a, found b.");']);
    const error = notebook.cells[1].outputs?.find((o) => o.output_type === "error");
    assert.deepStrictEqual(error?.traceback, ["DataError: mosi: expected a, found b."]);
  });

  it("names a cell that takes too long, and one that ends the kernel, and writes the notebook all the same", () => {
    const slow = execute(['console.log("began");\nawait new Promise((r) => setTimeout(r, 60000));'], 2);
    assert.match(slow.said, /cell 1, stopped after 2 s/);
    assert.strictEqual(printed(slow.notebook.cells[0]), "began\n");
    const dead = execute(["process.exit(3)"]);
    assert.match(dead.said, /cell 1, the kernel died/);
  });

  it("obeys the stop button: a loop ends, interruptible work ends normally with what it has, a second press fails the cell", () => {
    const { code, said } = runVenv("python", [path.join(root, "test", "notebooks", "stop.py"), path.join(root, "notebooks")]);
    assert.strictEqual(code, 0, said);
    assert.deepStrictEqual(JSON.parse(said.trim().split("\n").at(-1)!), {
      loop: { status: "error", ename: "Interrupted" },
      kept: { status: "ok", text: "stopped true, kept some\n" },
      twice: { status: "error", ename: "Interrupted" },
      alive: { status: "ok", text: "2\n" },
    });
  });

  it("is started by a kernelspec that names no folder of this machine", () => {
    const spec = readFileSync(script("kernels/tslab/kernel.json"), "utf8");
    assert.deepStrictEqual((JSON.parse(spec) as { argv: string[] }).argv, ["node", "{resource_dir}/kernel.cjs", "{connection_file}"]);
  });
});
