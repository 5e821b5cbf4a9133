/**
 * node dist/test/benchmarks/kill-resume.js [20]: kills the harness at random moments (kill -9 of the parent or of a worker, SIGINT), as
 * often as asked, resuming each time, and compares the records with those of an uninterrupted run, byte for byte but for times.
 */
import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { Rng } from "../../lib/core/rng";
import { temporaryFolder } from "../training/helpers";
import { run, start, untimed } from "./helpers";

const suite = ["ci", "--seeds", "2", "--epochs", "5", "--no-report", "--checkpoint-seconds", "0"];

/** Process ids of the workers of a harness (Linux). */
export function workersOf(pid: number): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((candidate) => {
      try {
        const stat = fs.readFileSync(`/proc/${candidate}/stat`, "utf8");
        return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === pid;
      } catch {
        return false; // it has just ended
      }
    });
}

/** @returns how the harness was ended, kill by kill */
export async function killAndResume(kills: number, seed: number, say: (line: string) => void): Promise<void> {
  const [whole, cut] = [temporaryFolder("whole"), temporaryFolder("cut")];
  const begun = performance.now();
  const first = await run("run", [...suite, "--out", whole]);
  assert.equal(first.code, 0, first.err);
  const length = performance.now() - begun;
  const expected = untimed(whole);
  const rng = new Rng(seed, "kill-resume");
  for (let kill = 1; kill <= kills;) {
    if (untimed(cut).length === expected.length) fs.rmSync(path.join(cut, "ci.jsonl")); // all done: from the beginning
    const harness = start("run", [...suite, "--out", cut]);
    const after = 200 + rng.uniform() * length * 0.6;
    const ended = await Promise.race([harness.ended, new Promise<undefined>((r) => setTimeout(r, after))]);
    if (ended) {
      assert.equal(ended.code, 0, ended.err);
      say(`${kill}: ended by itself before ${Math.round(after)} ms; again`);
      continue;
    }
    const { pid } = harness.process;
    const how = rng.choice(["parent", "worker", "interrupt"] as const);
    const workers = workersOf(pid!);
    if (how === "interrupt") harness.process.kill("SIGINT");
    else process.kill(how === "worker" && workers.length ? rng.choice(workers) : pid!, "SIGKILL");
    const { code, signal } = await harness.ended;
    say(
      `${kill}: ${how} after ${Math.round(after)} ms: ${signal ?? `exit ${code}`}, ${untimed(cut).length} of ${expected.length} recorded`,
    );
    kill++;
    if (how === "interrupt") assert.ok(code === 130 || code === 0 || signal === "SIGINT", `exit code ${code}`);
  }
  const last = await run("run", [...suite, "--out", cut]);
  assert.equal(last.code, 0, last.err);
  assert.deepEqual(untimed(cut), expected);
}

if (require.main === module)
  killAndResume(Number(process.argv[2] ?? 20), 1, (line) => console.log(line)).then(
    () => console.log("the records equal those of an uninterrupted run"),
    (error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    },
  );
