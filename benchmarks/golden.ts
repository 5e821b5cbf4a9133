/**
 * npm run golden -- DIR [--engine E] [--fast-math]: recomputes every golden case of DIR and prints a line a case: name, greatest
 * relative error, pass or fail. Exits 1 on a failure, on a case that cannot be read, and on a folder without cases.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DataError, UsageError, UserError } from "../lib/core/errors";
import type { GoldenCheck, GoldenResult } from "../lib/core/golden";
import { readGolden } from "../lib/core/golden-file";
import { engineName, startEngine } from "../lib/engine/choose";
import { classicalGolden } from "../lib/models/classical/golden";
import { neuralGolden } from "../lib/models/golden";
import { entry, parse } from "./cli";

const usage = `usage: npm run golden -- DIR [--engine wasm|tensorflow|webgpu|cpu] [--fast-math]

Checks every golden case (.npz) of DIR: outputs, hidden states, attention, losses and gradients against values that
independent implementations computed in double precision. DIR is golden/ beside the data, or test/oracles/golden.`;

/** The cases of a folder, sorted by name. @throws DataError when there are none */
export function goldenFiles(folder: string): readonly string[] {
  let names: readonly string[];
  try {
    names = readdirSync(folder);
  } catch {
    throw new DataError(
      `${folder}: expected a folder of golden cases, found none; give the folder that holds the .npz files.`,
    );
  }
  const files = names.filter((name) => name.endsWith(".npz")).sort();
  if (files.length === 0) throw new DataError(`${folder}: expected golden cases (*.npz), found none.`);
  return files.map((name) => join(folder, name));
}

/** Recomputes one file by the first check that handles it; a file that cannot be read is a failure with the reason. */
export async function checkFile(file: string, checks: readonly GoldenCheck[]): Promise<GoldenResult> {
  const name = file.replace(/^.*[\\/]/, "").replace(/\.npz$/, "");
  try {
    const golden = readGolden(file);
    const check = checks.find((c) => c.handles(golden.config));
    if (!check)
      throw new DataError(
        `${name}: expected a system that is known here, found ${JSON.stringify(golden.config.system ?? golden.config.case)}.`,
      );
    return await check.check(golden);
  } catch (error) {
    // The other cases are still to be checked. What no message foresaw shows where it arose.
    if (!(error instanceof UserError)) console.error(error);
    return { name, maxError: NaN, pass: false, detail: error instanceof Error ? error.message : String(error) };
  }
}

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(
    "npm run golden",
    args,
    { engine: { type: "string" }, "fast-math": { type: "boolean" } },
    true,
  );
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (positionals.length !== 1)
    throw new UsageError(`golden: expected one folder, found ${positionals.length}.\n${usage}`);
  const engine = await startEngine(engineName(values.engine ?? "auto"), { fastMath: values["fast-math"] });
  const checks = [classicalGolden, neuralGolden(engine)];
  const files = goldenFiles(positionals[0]);
  let failed = 0;
  for (const file of files) {
    const result = await checkFile(file, checks);
    if (!result.pass) failed++;
    console.log(
      `${result.pass ? "pass" : "FAIL"}  ${result.maxError.toExponential(1).padStart(7)}  ${result.name}  (${result.detail})`,
    );
  }
  console.log(`${files.length - failed} of ${files.length} cases pass`);
  return failed === 0 ? 0 : 1;
}

if (require.main === module) entry(main);
