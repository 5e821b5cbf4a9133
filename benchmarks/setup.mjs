/**
 * Makes a checkout ready, then runs a program in it: `node benchmarks/setup.mjs [program [arguments]]`. Every npm script goes
 * through it. It runs on whatever Node the machine has and is quick when nothing is missing; the program runs on the Node 24 of
 * the npm package `node`. Plain JavaScript over Node's own modules: it runs before anything is installed.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
process.chdir(root);

const say = (message) => console.error(`setup: ${message}`);

function fail(message) {
  say(message);
  process.exit(1);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { stdio: ["ignore", 2, 2], ...options });
  if (result.error) fail(`${command} could not be started: ${result.error.message}`);
  return result.status ?? 1;
}

/** Installs packages when there are none, or when the lock file says others than those installed. */
function installPackages() {
  const installed = "node_modules/.package-lock.json";
  const stamp = "node_modules/.setup-lock";
  const lock = createHash("sha256").update(readFileSync("package-lock.json")).digest("hex");
  if (existsSync(installed) && existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing packages (npm ci, about a minute) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  if (run(npm, ["ci", "--no-audit", "--no-fund"], { shell: process.platform === "win32" }) !== 0)
    fail("npm ci failed; its message is above. Is the package registry reachable?");
  writeFileSync(stamp, lock);
}

/** Every file under `folder` whose name `wanted` accepts, sorted. */
function filesUnder(folder, wanted) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** A digest of names, sizes and times: changes when a source does. */
function stateOf(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** Runs `build` when the sources differ from those of the last good build. */
function whenChanged(name, files, build) {
  const stamp = join("dist", `.${name}-state`);
  const state = stateOf(files);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === state) return;
  build();
  mkdirSync("dist", { recursive: true });
  writeFileSync(`${stamp}.new`, state);
  renameSync(`${stamp}.new`, stamp);
}

function build() {
  const kernels = "lib/engine/wasm/build.mjs";
  if (existsSync(kernels)) {
    const sources = [...filesUnder("lib/engine/wasm", (name) => /\.(mjs|ts)$/.test(name)), "package-lock.json"];
    whenChanged("kernels", sources, () => {
      say("compiling kernels (AssemblyScript) ...");
      if (run(process.execPath, [kernels]) !== 0) fail("the kernels do not compile; the message is above.");
    });
  }
  const sources = ["lib", "benchmarks", "test"].flatMap((folder) => filesUnder(folder, (name) => name.endsWith(".ts")));
  whenChanged("types", [...sources, "tsconfig.json", "package-lock.json"], () => {
    say("compiling TypeScript ...");
    removeOrphans();
    // Not `npx tsc`: that name belongs to another version, which tslab brings.
    if (run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "."]) !== 0) {
      rmSync("dist/.tsbuildinfo", { force: true });
      fail("TypeScript does not compile; the message is above.");
    }
  });
}

/** Compiled files whose source is gone would still be loaded, and their tests run. */
function removeOrphans() {
  for (const folder of ["lib", "benchmarks", "test"]) {
    const compiled = join("dist", folder);
    if (!existsSync(compiled)) continue;
    for (const file of filesUnder(compiled, (name) => name.endsWith(".js"))) {
      const source = file.slice("dist/".length, -".js".length);
      if (existsSync(`${source}.ts`) || existsSync(`${source}.js`)) continue;
      rmSync(file);
      rmSync(`${file.slice(0, -3)}.d.ts`, { force: true });
    }
  }
}

/** npm's package `node` carries Node 24, on which the kernels are up to twice as fast. */
function fastNode() {
  const binary = join("node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(binary)) return binary;
  say(
    `the npm package "node" is not installed; running on this machine's Node ${process.versions.node} (Node 24 is faster).`,
  );
  return process.execPath;
}

/** Runs a program to its end, passes signals on, and ends as it ended. */
function exec(args) {
  const child = spawn(fastNode(), args, { stdio: "inherit" });
  // A terminal sends Ctrl-C to the whole group; passed on again it would count as the second press.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals)
    process.on(signal, () => (signal === "SIGINT" && process.stdin.isTTY) || child.kill(signal));
  child.on("error", (error) => fail(`${args[0]} could not be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const s of signals) process.removeAllListeners(s);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

if (Number(process.versions.node.split(".")[0]) < 20)
  fail(`expected Node 20 or newer, found ${process.versions.node}; get it from https://nodejs.org`);
installPackages();
build();
if (process.argv.length > 2) exec(process.argv.slice(2));
