/** Every notebook: its twin in TypeScript, its types, and a run in fast mode. */
import * as assert from "node:assert";
import { readFileSync, statSync } from "node:fs";
import * as path from "node:path";
import * as ts from "typescript";
import { notebookNames } from "../../benchmarks/notebook";
import { notebooksFolder } from "../../benchmarks/jupyter/environment";
import { temporaryFolder } from "../training/helpers";
import { needPython, readNotebook, runVenv, script, sourceOf } from "./python";

const names = notebookNames();
const inFolder = (name: string) => path.join(notebooksFolder, name);

describe("the notebooks", function () {
  this.timeout(180_000);

  it("are thirteen, numbered from 00", () => {
    const numbers = Array.from({ length: 13 }, (_, i) => String(i).padStart(2, "0"));
    assert.deepStrictEqual(names.map((name) => name.slice(0, 2)), numbers);
  });

  it("type-check, each as one program", function () {
    const files = names.map((name) => inFolder(`${name}.ts`));
    const program = ts.createProgram(files, {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      moduleResolution: ts.ModuleResolutionKind.Bundler,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts"], // as in the kernel,
      types: ["node"],
      esModuleInterop: true,
    });
    const problems = ts
      .getPreEmitDiagnostics(program)
      .map((d) => ts.formatDiagnostic(d, { getCurrentDirectory: () => notebooksFolder, getCanonicalFileName: (f) => f, getNewLine: () => "\n" }));
    assert.deepStrictEqual(problems, []);
  });

  it("import nothing of ours but the public door and the list of suites", () => {
    const doors = ["../dist/lib", "../dist/benchmarks/suites"];
    for (const name of names) {
      const imports = [...readFileSync(inFolder(`${name}.ts`), "utf8").matchAll(/from "(\.[^"]*)"/g)].map((m) => m[1]);
      assert.deepStrictEqual([...new Set(imports)].filter((target) => !doors.includes(target)), [], name);
    }
  });

  it("are committed with outputs, without an error, and together below 6 MB", () => {
    let bytes = 0;
    for (const name of names) {
      bytes += statSync(inFolder(`${name}.ipynb`)).size;
      const code = readNotebook(inFolder(`${name}.ipynb`)).cells.filter((cell) => cell.cell_type === "code");
      const outputs = code.flatMap((cell) => cell.outputs ?? []);
      assert.ok(outputs.length > 0, `${name}: no outputs; npm run notebook -- --record ${name.slice(0, 2)}`);
      assert.ok(!outputs.some((o) => o.output_type === "error"), `${name}: a cell failed`);
      assert.doesNotMatch(JSON.stringify(outputs), /(?:\/home\/|\/root\/|\/Users\/|[A-Z]:\\\\)\w/, `${name}: a path of one machine`);
      assert.ok(code.every((cell) => typeof cell.execution_count === "number"), `${name}: a cell was not run`);
    }
    assert.ok(bytes < 6e6, `${bytes} bytes`);
  });

  it("mark one cell that computes anew", () => {
    for (const name of names) {
      const live = readNotebook(inFolder(`${name}.ipynb`)).cells.filter((cell) => /^## \*\*Live\*\*/m.test(sourceOf(cell)));
      assert.strictEqual(live.length, 1, name);
    }
  });

  describe("run", () => {
    before(function () {
      needPython(this);
    });

    it("have twins that say the same", () => {
      const { code, said } = runVenv("python", [script("pairs.py"), "check", ...names.map(inFolder)]);
      assert.strictEqual(code, 0, `${said}\nBring them in step: npm run notebook -- --pair --all`);
    });

    for (const name of names)
      it(`${name} within a minute, in fast mode`, () => {
        const args = [script("run_notebooks.py"), "--timeout", "60", "--out", temporaryFolder("notebooks")];
        const { code, said } = runVenv("python", [...args, inFolder(`${name}.ipynb`)]);
        assert.strictEqual(code, 0, `\n${said}`);
      });

    it("takes parameters", () => {
      const out = temporaryFolder("notebooks");
      const target = path.join(out, "12.ipynb");
      const given = ["-k", "tslab", "--cwd", notebooksFolder, "-p", "task", "intensity", "-p", "format", "npy"];
      const source = inFolder(`${names.find((name) => name.startsWith("12"))!}.ipynb`);
      const { code, said } = runVenv("python", [script("parameters.py"), source, target, ...given]);
      assert.strictEqual(code, 0, said);
      const cells = readNotebook(target).cells;
      const injected = cells.find((cell) => sourceOf(cell).includes('task = "intensity";'));
      assert.ok(injected, "papermill's cell of parameters");
      assert.ok(cells.some((cell) => JSON.stringify(cell.outputs ?? []).includes("MAE")), "scores of intensities");
    });
  });
});
