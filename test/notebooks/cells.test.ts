/** Cells before tslab sees them: names of properties that it would take for names of earlier cells. */
import * as assert from "node:assert";
import { prepareCell } from "../../benchmarks/jupyter/cells";

describe("prepareCell", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["({ x })", "({ x: x })"],
    ["f({ x, y: 1 });", 'f({ x: x, "y": 1 });'],
    ["const { x: y } = o;", 'const { "x": y } = o;'],
    ["const { x } = o;", "const { x } = o;"],
    ["({ x: y } = o);", '({ "x": y } = o);'],
    ["({ x = 1 } = o);", "({ x: x = 1 } = o);"],
    ["const f = ({ x: y }: { x: number }) => y;", 'const f = ({ "x": y }: { x: number }) => y;'],
    ["({ ...o, [x]: x, 'x': 1, x() {} })", "({ ...o, [x]: x, 'x': 1, x() {} })"],
    ["interface A { x: number }", "interface A { x: number }"],
    ["const broken = {", "const broken = {"],
  ];
  for (const [cell, prepared] of cases)
    it(`turns ${cell} into ${prepared}`, () => assert.strictEqual(prepareCell(cell).source, prepared));

  it("knows the column that was typed", () => {
    const cell = 'const a = 1;\nconst s = { a, b: 2 }; const n: number = "3";';
    const { source, originalColumn } = prepareCell(cell);
    const column = source.split("\n")[1].indexOf("n: number");
    assert.strictEqual(originalColumn(1, column), cell.split("\n")[1].indexOf("n: number"));
    assert.strictEqual(originalColumn(0, 6), 6);
    assert.strictEqual(originalColumn(9, 4), 4);
  });
});
