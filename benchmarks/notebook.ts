/** `npm run notebook`: runs notebooks without a browser, with parameters, or anew with their outputs kept. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import * as path from "node:path";
import { UsageError, UserError, oneOf } from "../lib/core/errors";
import { readRecords, writeWhole } from "../lib/training";
import { entry, parse } from "./cli";
import { hashOfOutputs, hashOfRecords, type RecordedNotebook } from "./harness/printed";
import { ensurePython, inVenv, jupyterEnvironment, jupyterFolder, notebooksFolder, root } from "./jupyter/environment";

const help = `npm run notebook -- NN ... [-p NAME VALUE] ... [--record | --pair] [--all] [--fast] [--timeout S] [--out DIR]

  NN            which notebooks, by number ("03") or name; --all: every one
  -p NAME VALUE sets a parameter of the notebook's cell tagged "parameters" (papermill);
                the executed copy goes to --out (default results/local/notebooks)
  --record      executes in place: what is committed is a real run
  --pair        brings a notebook and its .ts twin in step, the newer one first; runs nothing
  --fast        live cells train little (CI=1), as in npm test
  --timeout S   seconds a cell may take (default 600)`;

/** All notebooks, by name without extension, in order. */
export function notebookNames(): string[] {
  const names = readdirSync(notebooksFolder).filter((file) => /^\d\d-.*\.(ipynb|ts)$/.test(file));
  return [...new Set(names.map((file) => file.replace(/\.(ipynb|ts)$/, "")))].sort();
}

/** The notebooks that arguments name. @throws UsageError naming those that exist */
export function chooseNotebooks(asked: readonly string[], names: readonly string[]): string[] {
  return asked.map((word) => {
    const wanted = path.basename(word).replace(/\.(ipynb|ts)$/, "");
    const found = names.find((name) => name === wanted || name.slice(0, 2) === wanted.padStart(2, "0"));
    if (!found)
      throw new UsageError(`notebook ${word}: expected ${oneOf(names)} or its number, found no such notebook.`);
    return found;
  });
}

/** Splits "-p NAME VALUE" off the arguments (papermill's way, two words, which parseArgs does not know). */
export function splitParameters(argv: readonly string[]): { rest: string[]; parameters: [string, string][] } {
  const rest: string[] = [];
  const parameters: [string, string][] = [];
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] !== "-p" && argv[i] !== "--parameter") rest.push(argv[i]);
    else {
      const [name, value] = [argv[i + 1], argv[i + 2]];
      if (value === undefined || !/^[A-Za-z_]\w*$/.test(name))
        throw new UsageError(`${argv[i]}: expected a name and a value, found "${argv.slice(i + 1, i + 3).join(" ")}".`);
      parameters.push([name, value]);
      i += 2;
    }
  }
  return { rest, parameters };
}

interface NotebookFile {
  readonly cells: readonly { readonly source: string | string[]; readonly metadata: { readonly tags?: string[] } }[];
}

/** Names that the cell tagged "parameters" of a notebook declares. */
export function declaredParameters(file: string): string[] {
  const { cells } = JSON.parse(readFileSync(file, "utf8")) as NotebookFile;
  const cell = cells.find(({ metadata }) => metadata.tags?.includes("parameters"));
  return [
    ...[cell?.source ?? []]
      .flat()
      .join("")
      .matchAll(/^let (\w+)/gm),
  ].map(([, name]) => name);
}

/** Runs a program of the virtual environment; its exit code. `CI` reaches the notebooks only where `fast` asks for it. */
export function runPython(args: readonly string[], fast = false): number {
  const env = jupyterEnvironment();
  if (fast) env.CI = "1";
  else delete env.CI;
  const { status, error } = spawnSync(inVenv("python"), args, { cwd: root, stdio: "inherit", env });
  if (error)
    throw new UserError(`the notebooks' Python: expected ${inVenv("python")} to start, found ${error.message}.`);
  return status ?? 1;
}

const script = (name: string) => path.join(jupyterFolder, name);
const inFolder = (name: string) => path.join(notebooksFolder, name);

/** Brings each pair in step: the file that changed last is copied to the other form. */
function pair(names: readonly string[]): void {
  const changed = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const textIsNewer = (name: string) => changed(inFolder(`${name}.ts`)) >= changed(inFolder(`${name}.ipynb`));
  for (const [form, these] of [
    ["notebook", names.filter(textIsNewer)],
    ["text", names.filter((name) => !textIsNewer(name))],
  ] as const)
    if (these.length > 0 && runPython([script("pairs.py"), form, ...these.map(inFolder)]) !== 0)
      throw new UserError(
        `notebooks ${these.join(", ")}: expected to write their twins, found an error; it stands above.`,
      );
}

/** Writes into notebooks which records their outputs were made from, and what they are, for `npm run audit`. */
function sayRecords(files: readonly string[]): void {
  const hash = hashOfRecords(readRecords(path.join(root, "results", "runs")).records);
  for (const file of files) {
    const notebook = JSON.parse(readFileSync(file, "utf8")) as RecordedNotebook;
    const metadata = { ...notebook.metadata, records: hash, outputs: hashOfOutputs(notebook) };
    writeWhole(file, `${JSON.stringify({ ...notebook, metadata }, null, 1)}\n`);
  }
}

async function main(argv: readonly string[]): Promise<number> {
  const { rest, parameters } = splitParameters(argv);
  const known = {
    all: { type: "boolean" },
    record: { type: "boolean" },
    pair: { type: "boolean" },
    fast: { type: "boolean" },
    timeout: { type: "string", default: "600" },
    out: { type: "string", default: path.join("results", "local", "notebooks") },
  } as const;
  const { values, positionals } = parse("npm run notebook", rest, known, true);
  if (values.help) return (console.log(help), 0);
  const names = values.all ? notebookNames() : chooseNotebooks(positionals, notebookNames());
  if (names.length === 0) throw new UsageError(`npm run notebook: expected which notebook, found none.\n\n${help}`);
  if (!/^\d+$/.test(values.timeout))
    throw new UsageError(`npm run notebook: --timeout: expected a number of seconds, found "${values.timeout}".`);
  if (parameters.length > 0 && names.length > 1)
    throw new UsageError(`npm run notebook: -p: expected one notebook, found ${names.length} (${names.join(", ")}).`);
  for (const [parameter] of parameters) {
    const declared = declaredParameters(inFolder(`${names[0]}.ipynb`));
    if (!declared.includes(parameter))
      throw new UsageError(
        `notebook ${names[0]}: -p: expected ${declared.length ? oneOf(declared) : "no parameter, it has none"}, found ${parameter}.`,
      );
  }
  ensurePython();
  if (values.pair) return (pair(names), 0);
  const fast = values.fast ?? false;
  if (values.record) {
    pair(names);
    const files = names.map((name) => inFolder(`${name}.ipynb`));
    const code = runPython([script("run_notebooks.py"), "--timeout", values.timeout, ...files], fast);
    if (code === 0) sayRecords(files);
    return code;
  }
  const out = path.resolve(root, values.out);
  mkdirSync(out, { recursive: true });
  if (parameters.length === 0) {
    const files = names.map((name) => inFolder(`${name}.ipynb`));
    return runPython([script("run_notebooks.py"), "--timeout", values.timeout, "--out", out, ...files], fast);
  }
  const [name] = names;
  const target = path.join(out, `${name}.ipynb`);
  const given = parameters.flatMap(([key, value]) => ["-p", key, value]);
  const fixed = ["-k", "tslab", "--cwd", notebooksFolder, "--execution-timeout", values.timeout];
  const code = runPython([script("parameters.py"), inFolder(`${name}.ipynb`), target, ...fixed, ...given], fast);
  console.log(`${code === 0 ? "Executed" : "Failed, kept as far as it ran"}: ${path.relative(root, target)}`);
  return code;
}

if (require.main === module) entry(main);
