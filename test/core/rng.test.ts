import * as assert from "node:assert";
import { bits, dropThreshold, hashName, mix32, Rng, streamKey } from "../../lib/core/rng";

describe("the counter-based generator", () => {
  it("mixes as lowbias32 does", () => {
    // Values of the C original: x ^= x >> 16; x *= 0x7feb352d; x ^= x >> 15; x *= 0x846ca68b; x ^= x >> 16, computed with
    // Python integers modulo 2^32.
    assert.deepStrictEqual([0, 1, 2, 0xffffffff].map(mix32), [0, 1753845952, 3507691905, 1734902346]);
  });

  it("hashes names as FNV-1a does", () => {
    // Test vectors of the FNV authors: "" and "foobar".
    assert.deepStrictEqual([hashName(""), hashName("foobar")], [0x811c9dc5, 0xbf9cf968]);
  });

  it("gives a number by position, not by order of calls", () => {
    const key = streamKey(7, "dropout", 3);
    const forwards = [0, 1, 2, 3].map((i) => bits(key, i));
    const backwards = [3, 2, 1, 0].map((i) => bits(key, i)).reverse();
    assert.deepStrictEqual(forwards, backwards);
    assert.notStrictEqual(streamKey(7, "dropout", 4), key);
    assert.notStrictEqual(streamKey(8, "dropout", 3), key);
    assert.notStrictEqual(streamKey(7, "init", 3), key);
  });

  it("drops the share that it is asked to", () => {
    const key = streamKey(1, "share");
    for (const rate of [0.1, 0.3, 0.5, 0.9]) {
      const n = 200_000;
      let dropped = 0;
      for (let i = 0; i < n; i++) if (bits(key, i) < dropThreshold(rate)) dropped++;
      // Five standard deviations of a binomial.
      assert.ok(Math.abs(dropped / n - rate) < 5 * Math.sqrt((rate * (1 - rate)) / n), `rate ${rate}: ${dropped / n}`);
    }
  });

  it("has uniform numbers of the right mean and variance, and uncorrelated neighbours", () => {
    const rng = new Rng(1, "uniform");
    const n = 100_000;
    const x = Array.from({ length: n }, () => rng.uniform());
    const mean = x.reduce((a, b) => a + b) / n;
    const variance = x.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    let lag = 0;
    for (let i = 1; i < n; i++) lag += (x[i] - mean) * (x[i - 1] - mean);
    assert.ok(Math.abs(mean - 0.5) < 5 * Math.sqrt(1 / 12 / n));
    assert.ok(Math.abs(variance - 1 / 12) < 0.001);
    assert.ok(Math.abs(lag / n / variance) < 5 / Math.sqrt(n));
    assert.ok(x.every((v) => v >= 0 && v < 1));
  });

  it("has normal numbers of mean 0, variance 1 and kurtosis 3", () => {
    const rng = new Rng(2, "normal");
    const n = 100_000;
    const x = Array.from({ length: n }, () => rng.normal());
    const moment = (k: number) => x.reduce((a, b) => a + b ** k, 0) / n;
    assert.ok(Math.abs(moment(1)) < 5 / Math.sqrt(n));
    assert.ok(Math.abs(moment(2) - 1) < 5 * Math.sqrt(2 / n));
    assert.ok(Math.abs(moment(4) - 3) < 5 * Math.sqrt(96 / n));
  });

  it("permutes without losing anyone, and every place is equally likely", () => {
    const counts = [0, 0, 0, 0, 0];
    for (let seed = 0; seed < 5000; seed++) {
      const order = new Rng(seed, "order").permutation(5);
      assert.deepStrictEqual([...order].sort(), [0, 1, 2, 3, 4]);
      counts[order[0]]++;
    }
    for (const c of counts) assert.ok(Math.abs(c - 1000) < 5 * Math.sqrt(800), `${counts}`);
  });
});
