/** What `npm run lab` and `npm run notebook` do with what they are given, without starting anything. */
import * as assert from "node:assert";
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { findPython, jupyterEnvironment, jupyterFolder, notebooksFolder } from "../../benchmarks/jupyter/environment";
import { choosePort, portIsFree } from "../../benchmarks/lab";
import { chooseNotebooks, declaredParameters, splitParameters } from "../../benchmarks/notebook";
import { UsageError, UserError } from "../../lib/core/errors";

describe("npm run lab", () => {
  it("takes the first Python of 3.10 or newer", () => {
    const versions: Record<string, string> = { python3: "3.8", python: "3.12" };
    assert.deepStrictEqual(findPython(([command]) => versions[command], undefined), ["python"]);
    assert.deepStrictEqual(findPython(() => "4.0", "/opt/py"), ["/opt/py"]);
  });
  it("says what it found where Python is missing or too old, and how to mend it", () => {
    const error = /expected Python 3\.10 or newer, found python3: 3\.9; python: not there.*CIA_PYTHON/;
    assert.throws(() => findPython(([command]) => (command === "python3" ? "3.9" : undefined), undefined), error);
  });
  it("names the port that is busy, and the way to another", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    assert.strictEqual(await portIsFree(port), false);
    await assert.rejects(choosePort(String(port)), (error: unknown) => {
      return error instanceof UserError && error.message.includes(`expected port ${port} to be free`);
    });
    await new Promise((resolve) => server.close(resolve));
    assert.strictEqual(await choosePort(String(port)), port);
  });
  it("refuses what is no port", async () => {
    await assert.rejects(choosePort("lab"), UsageError);
    await assert.rejects(choosePort("70000"), /from 1 to 65535, found "70000"/);
  });
  it("uses the project's own settings and kernel, not the user's", () => {
    const env = jupyterEnvironment();
    assert.strictEqual(env.JUPYTER_PATH, jupyterFolder);
    assert.ok(env.JUPYTER_CONFIG_DIR?.includes(".venv"));
  });
});

describe("npm run notebook", () => {
  const names = ["00-start-here", "03-table-1"];
  it("finds notebooks by number or name, and names them all when there is none such", () => {
    assert.deepStrictEqual(chooseNotebooks(["3", "00-start-here.ipynb"], names), ["03-table-1", "00-start-here"]);
    assert.throws(() => chooseNotebooks(["7"], names), /notebook 7: expected 00-start-here or 03-table-1/);
  });
  it("knows the parameters that a notebook declares, and refuses others", () => {
    assert.deepStrictEqual(declaredParameters(join(notebooksFolder, "03-table-1.ipynb")), ["dataset", "seeds"]);
    const command = join(__dirname, "../../benchmarks/notebook.js");
    const { status, stderr } = spawnSync(process.execPath, [command, "03", "-p", "datset", "mosi"], { encoding: "utf8" });
    assert.strictEqual(status, 2);
    assert.match(stderr, /expected dataset or seeds, found datset/);
  });

  it("takes parameters as papermill does", () => {
    assert.deepStrictEqual(splitParameters(["03", "-p", "dataset", "mosi", "-p", "seeds", "3", "--fast"]), {
      rest: ["03", "--fast"],
      parameters: [["dataset", "mosi"], ["seeds", "3"]],
    });
    assert.throws(() => splitParameters(["03", "-p", "dataset"]), /expected a name and a value, found "dataset"/);
  });
});
