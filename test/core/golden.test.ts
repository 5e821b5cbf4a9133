import { strict as assert } from "node:assert";
import { Comparison, sameShape, type GoldenArray } from "../../lib/core/golden";

const array = (values: readonly number[], shape: readonly number[] = [values.length]): GoldenArray => ({
  dtype: "float64",
  shape,
  data: Float64Array.from(values),
});
const comparisonOf = (arrays: Readonly<Record<string, GoldenArray>>) =>
  new Comparison({ name: "tiny", config: {}, arrays });

describe("the comparison of a golden case", () => {
  it("allows 1e-5 + 1e-5 |x|, and no more", () => {
    for (const [x, d, pass] of [
      [0, 0.99e-5, true],
      [0, 1.01e-5, false],
      [1, 1.99e-5, true],
      [1, 2.01e-5, false],
      [-100, 1e-3, true],
      [-100, 1.02e-3, false],
    ] as const) {
      const comparison = comparisonOf({ "output/y": array([x]) });
      comparison.entry("output/y", [x + d], 1e-5);
      assert.equal(comparison.result().pass, pass, `${x} off by ${d}`);
    }
  });

  it("fails where a number is none on either side, wherever it stands, and its error says so", () => {
    for (const at of [0, 1, 2])
      for (const side of ["ours", "expected"]) {
        const [right, wrong] = [[1, 2, 3], [1, 2, 3].map((v, i) => (i === at ? NaN : v))];
        const comparison = comparisonOf({ "output/y": array(side === "ours" ? right : wrong), "output/z": array([1]) });
        comparison.entry("output/y", side === "ours" ? wrong : right, 1e-5);
        comparison.entry("output/z", [1], 1e-5);
        const { pass, maxError, detail } = comparison.result();
        assert.equal(pass, false);
        assert.ok(Number.isNaN(maxError));
        assert.match(detail, /1 of 2: output\/y: off by NaN/);
      }
  });

  it("fails for an entry that the case lacks, and for one that nothing met; inputs need not be met", () => {
    const comparison = comparisonOf({ "output/y": array([1]), "hidden/y": array([1]), "weight/w": array([1]) });
    comparison.entry("output/y", [1], 0);
    comparison.entry("loss/task", [1], 0);
    const { pass, detail } = comparison.result();
    assert.equal(pass, false);
    assert.equal(
      detail,
      "2 of 3: hidden/y: a value that this system does not have; loss/task: expected this entry, found none",
    );
  });

  it("takes no array of another shape with as many numbers", () => {
    const comparison = comparisonOf({ "grad/w": array([1, 2, 3, 4, 5, 6], [2, 3]) });
    comparison.entry("grad/w", [1, 2, 3, 4, 5, 6], 1e-5, [3, 2]);
    assert.match(comparison.result().detail, /grad\/w: expected 3 x 2 numbers, found 2 x 3/);
    assert.ok(sameShape([9, 18], [9, 2, 9]), "the rest after the rows may be split");
    assert.ok(sameShape([3, 1], [3]) && sameShape([1], []) && sameShape([1, 18], [1, 2, 9]), "axes of length 1");
    assert.ok(!sameShape([9, 18], [18, 9]) && !sameShape([9, 18], [2, 9, 9]) && !sameShape([6], [2, 3]));
  });

  it("passes nothing where nothing was compared", () => assert.equal(comparisonOf({}).result().pass, false));
});
