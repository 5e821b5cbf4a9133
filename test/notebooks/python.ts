/** Runs the notebooks' Python in tests; a machine without Python 3.10 skips, saying so. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { ensurePython, inVenv, jupyterEnvironment, jupyterFolder, root } from "../../benchmarks/jupyter/environment";
import { UserError } from "../../lib/core/errors";

/** For `before`: makes `.venv` if it is missing, or skips the suite with the reason. */
export function needPython(suite: Mocha.Context): void {
  suite.timeout(600_000); // the first time, packages are installed
  try {
    ensurePython((line) => console.log(`      ${line}`));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(`      skipped: ${error.message}`);
    suite.skip();
  }
}

export interface PythonResult {
  readonly code: number;
  /** Standard output and error together. */
  readonly said: string;
}

/** Runs a program of `.venv`. @param fast  live cells train little (CI=1) */
export function runVenv(program: string, args: readonly string[], fast = true): PythonResult {
  const env = { ...jupyterEnvironment(), ...(fast ? { CI: "1" } : {}) };
  const { status, stdout, stderr, error } = spawnSync(inVenv(program), args, { cwd: root, encoding: "utf8", env });
  return { code: status ?? -1, said: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}

export const script = (name: string): string => path.join(jupyterFolder, name);

export interface Output {
  readonly output_type: "stream" | "display_data" | "execute_result" | "error";
  readonly name?: string;
  readonly text?: string | readonly string[];
  readonly data?: Readonly<Record<string, unknown>>;
  readonly ename?: string;
  readonly evalue?: string;
  readonly traceback?: readonly string[];
}
export interface Cell {
  readonly cell_type: "code" | "markdown";
  readonly source: string | readonly string[];
  readonly outputs?: readonly Output[];
  readonly execution_count?: number | null;
}
export interface Notebook {
  readonly cells: readonly Cell[];
}

export const readNotebook = (file: string): Notebook => JSON.parse(readFileSync(file, "utf8")) as Notebook;
const joined = (text: string | readonly string[] | undefined) => (typeof text === "string" ? text : (text ?? []).join(""));
export const sourceOf = (cell: Cell): string => joined(cell.source);
/** What a cell printed on one stream. */
export const printed = (cell: Cell, stream = "stdout"): string =>
  (cell.outputs ?? []).filter((o) => o.name === stream).map((o) => joined(o.text)).join("");

/** Writes a notebook of code cells. */
export function writeNotebook(file: string, sources: readonly string[]): void {
  const cells = sources.map((source, i) => {
    return { cell_type: "code", id: `c${i}`, metadata: {}, source, outputs: [], execution_count: null };
  });
  const kernelspec = { name: "tslab", display_name: "TypeScript", language: "typescript" };
  writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { kernelspec }, cells }));
}
