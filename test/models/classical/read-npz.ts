import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unzipSync } from "fflate";
import type { GoldenArray, GoldenCase } from "../../../lib/core/golden";

/** Where the golden files are, if they are beside the repository; tests skip where they are not. */
export const goldenDir: string = process.env.CIA_GOLDEN ?? join(__dirname, "../../../../../shared/golden");

/** A reader of the test's own, so that the numerics are tested apart from lib/data. */
export function readGolden(name: string): GoldenCase {
  const arrays: Record<string, GoldenArray> = {};
  let config: Record<string, unknown> = {};
  for (const [file, bytes] of Object.entries(unzipSync(readFileSync(join(goldenDir, `${name}.npz`))))) {
    const end = 10 + bytes[8] + 256 * bytes[9];
    const header = Buffer.from(bytes.subarray(10, end)).toString("latin1");
    const descr = /'descr': '[<|]([a-z]\d)'/.exec(header)?.[1];
    const shape = (/'shape': \(([^)]*)\)/.exec(header)?.[1] ?? "")
      .split(",")
      .filter((s) => s.trim())
      .map(Number);
    const body = bytes.slice(end).buffer;
    const entry = file.replace(/\.npy$/, "");
    if (entry === "config") config = JSON.parse(Buffer.from(body).toString("utf8"));
    else if (descr === "f4") arrays[entry] = { dtype: "float32", shape, data: new Float32Array(body) };
    else if (descr === "f8") arrays[entry] = { dtype: "float64", shape, data: new Float64Array(body) };
    else if (descr === "i4") arrays[entry] = { dtype: "int32", shape, data: new Int32Array(body) };
    else throw new Error(`${name}.npz, ${file}: type ${descr}`);
  }
  return { name, config, arrays };
}
