import { strict as assert } from "node:assert";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { checkFile, goldenFiles, main } from "../../benchmarks/golden";
import { UsageError } from "../../lib/core/errors";
import { readGolden } from "../../lib/core/golden-file";

const cases = join(__dirname, "../../../test/oracles/golden");

describe("npm run golden", function () {
  this.timeout(20000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "golden-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Exit code and lines of a run. */
  async function run(...args: string[]): Promise<{ code: number; lines: string[] }> {
    const lines: string[] = [];
    const log = console.log;
    console.log = (line: string) => void lines.push(line);
    try {
      return { code: await main([...args, "--engine", "cpu"]), lines };
    } finally {
      console.log = log;
    }
  }

  it("prints a line a case with its greatest error, and exits 0 when all pass", async () => {
    copyFileSync(join(cases, "df_l1.npz"), join(folder, "df_l1.npz"));
    const { code, lines } = await run(folder);
    assert.equal(code, 0);
    assert.match(lines[0], /^pass +\d\.\de-\d+ {2}df_l1 {2}\(\d+ entries\)$/);
    assert.equal(lines[1], "1 of 1 cases pass");
  });

  it("exits 1 on a case that cannot be read, and says why, and checks the others", async () => {
    copyFileSync(join(cases, "df_l1.npz"), join(folder, "df_l1.npz"));
    const whole = readFileSync(join(cases, "ef_lstm_TV_l1.npz"));
    writeFileSync(join(folder, "cut.npz"), whole.subarray(0, 2000));
    writeFileSync(join(folder, "empty.npz"), "");
    const { code, lines } = await run(folder);
    assert.equal(code, 1);
    assert.match(lines[0], /^FAIL .* cut {2}\(cut\.npz: expected an \.npz archive/);
    assert.match(lines[1], /^pass .* df_l1/);
    assert.match(lines[2], /^FAIL .* empty /);
  });

  it("goes on after a fault that no message foresaw, with the reason as the case's line and the stack on stderr", async () => {
    const said: unknown[] = [];
    const error = console.error;
    console.error = (what: unknown) => void said.push(what);
    try {
      const check = { handles: () => true, check: () => Promise.reject(new TypeError("x is not iterable")) };
      const result = await checkFile(join(cases, "df_l1.npz"), [check]);
      assert.deepEqual([result.pass, result.name, result.detail], [false, "df_l1", "x is not iterable"]);
      assert.ok(said[0] instanceof TypeError);
    } finally {
      console.error = error;
    }
  });

  it("refuses a config that is no object", () => {
    for (const config of ["null", "5", "[]"]) {
      const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${config.length},), }\n`;
      const bytes = Buffer.concat([
        Buffer.from([0x93, ...Buffer.from("NUMPY"), 1, 0, header.length, 0]),
        Buffer.from(header + config),
      ]);
      writeFileSync(join(folder, "none.npz"), zipSync({ "config.npy": bytes }));
      assert.throws(
        () => readGolden(join(folder, "none.npz")),
        /none\.npz, config: expected a JSON object with the case's settings, found (null|5|\[\])/,
      );
    }
  });

  it("names the system of a case that it does not know", async () => {
    const golden = readGolden(join(cases, "df_l1.npz"));
    assert.equal(golden.config.system, "df");
    const result = await checkFile(join(cases, "df_l1.npz"), []);
    assert.equal(result.pass, false);
    assert.match(result.detail, /df_l1: expected a system that is known here, found "df"/);
  });

  it("refuses an empty folder, a missing one, and a call without one", async () => {
    assert.throws(() => goldenFiles(folder), /expected golden cases \(\*\.npz\), found none/);
    assert.throws(() => goldenFiles(join(folder, "none")), /expected a folder of golden cases, found none/);
    await assert.rejects(main([]), UsageError);
    await assert.rejects(main([folder, "--engine", "abacus"]), /--engine: expected auto, .* found abacus/);
  });
});
