/**
 * npm run data -- list | verify [DIR] | fetch NAME | encode NAME | probe: what data is here, whether it is what it should be, and
 * how to get the rest.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { UsageError, UserError, oneOf } from "../lib/core/errors";
import { encodeTexts, encoders, findPython } from "../lib/data/encode";
import { dataRoots, findDataDir, projectRoot } from "../lib/data/files";
import { fetchDataset } from "../lib/data/fetch";
import { leakageProbe } from "../lib/data/probe";
import { knownDatasets, loadDataset } from "../lib/data/registry";
import { knownFiles, notFetched } from "../lib/data/sources";
import { syntheticBayes } from "../lib/data/synthetic";
import { verifyDataset } from "../lib/data/verify";
import { entry, parse } from "./cli";

const usage = `usage: npm run data -- COMMAND [--data DIR]

list            what is here, what is missing, what each would enable
verify [DIR]    sizes, hashes, rows and widths of what is here; labels beside the paper's section 4.1 and Table 2
fetch NAME      downloads what is public of mosi, mmmo, youtube or moud into --out DIR (default: data); resumes, checks SHA-256,
                never overwrites; --from URL takes a mirror of raw.githubusercontent.com
encode NAME     text features of mosi or mosei from their transcripts: --with minilm | spacy300, --out FILE (needs Python)
probe           how well a linear model knows MOSI's training videos and its test videos: which features leak

Data is looked for in --data DIR, CIA_DATA, data/ and ../shared/data, in this order.`;

const print = (line = "") => process.stdout.write(`${line}\n`);

function list(dir?: string): number {
  print(
    `Looked in ${dataRoots(dir)
      .map((d) => (existsSync(d) ? d : `${d} (none)`))
      .join(", ")}.`,
  );
  for (const { name, title, features, unusable } of knownDatasets) {
    print(`\n${name}: ${title}${unusable ? `; ${unusable}` : ""}`);
    for (const set of features) {
      const found = findDataDir(name, set.files, dir);
      const enables = `${set.modalities.join("+")}; ${set.tasks.join(", ")}; ${set.protocols[0]}; ${set.split}`;
      print(`  ${found ? "here   " : "missing"} ${set.name.padEnd(14)} ${set.about} (${enables})`);
      if (found) continue;
      const gone = set.files.filter((file) => !findDataDir(name, [file], dir));
      print(`          needs ${gone.join(", ") || `in one folder: ${set.files.join(", ")}`}`);
      const publicNames = gone.filter((file) => knownFiles[name]?.some((k) => k.name === file && k.path));
      if (publicNames.length) print(`          npm run data -- fetch ${name} gets ${publicNames.join(", ")}`);
      for (const file of gone) if (notFetched[file]) print(`          ${file}: ${notFetched[file]}`);
    }
    if (unusable) print(`  ${findDataDir(name, ["cats.txt"], dir) ? "here   " : "missing"} labels only (cats.txt)`);
  }
  const { accuracy, withoutContext } = syntheticBayes();
  print("\nsynthetic: built in, made up; every task, T+A+V, with a validation split");
  print(`  best possible accuracy ${accuracy}; ${withoutContext.toFixed(3)} without the neighbouring utterances`);
  return 0;
}

async function verify(dir?: string): Promise<number> {
  let differ = 0;
  let found = 0;
  for (const { name } of knownDatasets) {
    const checks = await verifyDataset(name, dir);
    if (!checks) {
      print(`${name}: nothing here`);
      continue;
    }
    found++;
    for (const { what, result, detail } of checks) {
      if (result === "differs") differ++;
      print(`${result.padEnd(8)} ${what}: ${detail}`);
    }
  }
  if (!found)
    throw new UserError(
      `data verify: expected a data set in ${dir ?? dataRoots().join(", ")}, found none. Run \`npm run data -- list\`.`,
    );
  print(differ ? `\n${differ} differ from what they should be.` : "\nAll that is here is what it should be.");
  return differ ? 1 : 0;
}

async function fetchNamed(name: string, out: string, from?: string): Promise<number> {
  const show = process.stderr.isTTY;
  const report = await fetchDataset(name, out, {
    from,
    onProgress: (file, bytes, total) => {
      if (show)
        process.stderr.write(`\r${file}: ${Math.floor((100 * bytes) / total)} %   ${bytes === total ? "\n" : ""}`);
    },
  });
  print(`${name}: ${report.fetched.length} fetched, ${report.kept.length} were here already, into ${join(out, name)}`);
  for (const { name: file, why } of report.unavailable) print(`not fetched: ${file}: ${why}`);
  return 0;
}

async function encode(name: string, encoder: string, dir?: string, out?: string): Promise<number> {
  const written = await encodeTexts(name, encoder, {
    dir,
    out,
    python: findPython(projectRoot()),
    onProgress: (done, of) => process.stderr.write(`\r${done} of ${of} texts${done === of ? "\n" : ""}`),
  });
  print(`wrote ${written}`);
  return 0;
}

async function probe(dir?: string): Promise<number> {
  const percent = (x: number) => `${(100 * x).toFixed(1)} %`;
  print("features           modality  over training videos   on test videos   majority");
  for (const features of ["bclstm", "minilm+audio"]) {
    if (!findDataDir("mosi", knownDatasets[0].features.find((f) => f.name === features)!.files, dir)) {
      print(`mosi ${features.padEnd(13)} no files here`);
      continue;
    }
    for (const row of leakageProbe(await loadDataset("mosi", { features, dir })))
      print(
        `mosi ${features.padEnd(13)} ${row.modality.padEnd(9)} ${percent(row.crossValidated).padEnd(22)} ` +
          `${percent(row.test).padEnd(16)} ${percent(row.majority)}${row.crossValidated - row.test > 0.1 ? "   leaks" : ""}`,
      );
  }
  print(
    "\nLogistic regression, C 0.1, standardised, five folds of whole videos. Features that saw no labels score alike on both.",
  );
  return 0;
}

/** Runs one command. @returns the exit code @throws UsageError, DataError */
export async function main(args: readonly string[]): Promise<number> {
  const options = {
    data: { type: "string" },
    out: { type: "string" },
    from: { type: "string" },
    with: { type: "string" },
  } as const;
  const { values, positionals } = parse("npm run data", args, options, true);
  const [command, name, ...rest] = positionals;
  if (values.help) {
    print(usage);
    return 0;
  }
  const commands = ["list", "verify", "fetch", "encode", "probe"];
  if (!command || !commands.includes(command))
    throw new UsageError(`data: expected ${oneOf(commands)}, found ${command ?? "no command"}.\n${usage}`);
  const takesName = command === "fetch" || command === "encode";
  if (rest.length || (takesName ? !name : name !== undefined && command !== "verify"))
    throw new UsageError(
      `data ${command}: expected ${takesName ? "the NAME of one data set" : "no more words"}, found ${positionals.slice(1).join(" ") || "none"}.\n${usage}`,
    );
  switch (command) {
    case "list":
      return list(values.data);
    case "verify":
      return verify(name ?? values.data);
    case "fetch":
      return fetchNamed(name, resolve(values.out ?? values.data ?? join(projectRoot(), "data")), values.from);
    case "encode":
      if (!values.with)
        throw new UsageError(`data encode: expected --with ${oneOf(Object.keys(encoders))}, found none.`);
      return encode(name, values.with, values.data, values.out);
    default:
      return probe(values.data);
  }
}

if (require.main === module) entry(main);
