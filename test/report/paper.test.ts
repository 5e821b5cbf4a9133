import { strict as assert } from "node:assert";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { allPaperValues, columnParts, paperTables, printed } from "../../lib/report/paper";

const file = path.resolve(process.env.CIA_PAPER ?? "../shared/paper", "tables.json");

describe("the paper's numbers", () => {
  it("are 315, as strings with their printed digits", () => {
    const values = allPaperValues();
    assert.equal(values.length, 315);
    assert.ok(values.every(({ value }) => /^\d+(\.\d+)?$/.test(value)));
    for (const { columns, rows } of Object.values(paperTables))
      for (const row of Object.values(rows)) assert.equal(row.length, columns.length);
  });
  it("are found by table, row and column, and a wrong name is answered with the right ones", () => {
    assert.equal(printed("1", "T+A+V", "mosi/sentiment/A2")?.value, "79.88");
    assert.equal(printed("3", "CIA-IIM", "mosi/sentiment/F1")?.value, "39.32");
    assert.equal(printed("5a", "MFN", "mosei/emotion:anger/F1"), undefined);
    assert.throws(() => printed("1", "TAV", "mosi/sentiment/A2"), /Its rows are T, A, V/);
    assert.throws(() => printed("1", "T", "mosi/A2"), /Its columns are mosei\/emotion\/F1/);
    assert.throws(() => printed("9", "T", "mosi/A2"), /It has tables 1, 2, 3, 5a, 5b/);
  });
  it("print CIA's row of Table 1 again in Table 3 and, rounded, in Table 5b", () => {
    for (const column of paperTables["3"].columns)
      assert.equal(printed("3", "CIA", column)?.value, printed("1", "T+A+V", column)?.value);
    for (const column of paperTables["5b"].columns) {
      const [five, one] = ["5b", "1"].map((t) => printed(t, t === "1" ? "T+A+V" : "CIA", column)!.value);
      assert.ok(Math.abs(Number(five) - Number(one)) <= 0.5 * 10 ** -five.split(".")[1].length + 1e-9, column);
    }
  });
  it("are those that were read from the paper's tables", function () {
    if (!existsSync(file)) {
      console.log(`      no ${path.relative(".", file)} on this machine`);
      return this.skip();
    }
    const { cells } = JSON.parse(readFileSync(file, "utf8")) as { cells: Record<string, string>[] };
    const key = (...parts: string[]) => parts.join(" | ");
    const ours = allPaperValues().map(({ table, row, column, value }) => {
      const { dataset, task, metric } = columnParts(column);
      return key(table, row, dataset, task, metric, value);
    });
    const theirs = cells.map((c) => {
      const row = c.table === "1" ? c.modalities : c.table === "2" ? "Count" : c.system;
      return key(c.table, row, c.dataset, c.task.replace("emotions per utterance: ", "emotions:"), c.metric, c.value);
    });
    assert.deepEqual(ours.sort(), theirs.sort());
  });
});
