/** Which code a run was made by. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { RunRecord } from "../core/record";
import { projectRoot } from "../data/files";

/** Parts whose code a run's numbers depend on. */
const parts = ["core", "data", "engine", "layers", "metrics", "models", "training"];

let known: string | undefined;

/** SHA-256 over the built code that computes a run: a checkpoint of other code is not taken up. */
export function codeHash(): string {
  if (known) return known;
  const hash = createHash("sha256");
  const lib = path.join(__dirname, "..");
  for (const part of parts)
    for (const file of fs.readdirSync(path.join(lib, part), { recursive: true, encoding: "utf8" }).sort())
      if (/\.(js|wasm)$/.test(file)) hash.update(file).update(fs.readFileSync(path.join(lib, part, file)));
  return (known = hash.digest("hex"));
}

/** Version of the package and, in a git checkout, the commit ("+changes" when tracked files differ from it). */
export function codeVersion(): RunRecord["code"] {
  const root = projectRoot();
  const { version } = JSON.parse(fs.readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const commit = git("rev-parse", "--short=12", "HEAD");
    return { version, commit: git("status", "--porcelain", "-uno", "--", "lib") ? `${commit}+changes` : commit };
  } catch {
    return { version }; // no git, or no checkout
  }
}

export function thisHost(): RunRecord["host"] {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() || os.arch(),
    cores: cpus.length,
    node: process.versions.node,
    os: `${os.type()} ${os.release()}`,
  };
}
