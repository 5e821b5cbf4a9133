import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Interrupts } from "../../benchmarks/harness/interrupts";
import { recordLine } from "../../lib/core/record";
import { Rng } from "../../lib/core/rng";
import { findDataDir, knownDatasets, loadDataset } from "../../lib/data";
import { runsOfCell } from "../../lib/report/verdict";
import { readRecords } from "../../lib/training";
import { hdf5, nd } from "../data/writers";
import { temporaryFolder } from "../training/helpers";
import { copyProgram, filesIn, root, run, start, until, untimed } from "./helpers";
import { killAndResume, workersOf } from "./kill-resume";

const quick = ["ci", "--seeds", "1", "--epochs", "1", "--no-report"];
const long = ["ci", "--seeds", "2", "--epochs", "12", "--no-report", "--checkpoint-seconds", "0"];

describe("npm run reproduce", function () {
  this.timeout(300_000);
  let out: string;
  beforeEach(() => (out = temporaryFolder("out")));
  const checkpoints = () => filesIn(path.join(out, ".work", "checkpoints")).filter((f) => f.endsWith(".bin"));

  it("runs what is missing, once, and does nothing the second time", async () => {
    const first = await run("run", [...quick, "--out", out]);
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /3 runs of 3 cells: 0 recorded, 3 to do/);
    const { records, problems } = readRecords(out);
    assert.deepEqual(problems, []);
    assert.deepEqual(records.map((r) => r.status), ["ok", "ok", "ok"]); // prettier-ignore
    for (const { predictions } of records) assert.ok(fs.existsSync(path.join(out, predictions!.file)));
    assert.deepEqual(checkpoints(), []);
    const second = await run("run", [...quick, "--out", out]);
    assert.match(second.err, /3 runs of 3 cells: 3 recorded, 0 to do/);
    assert.equal(readRecords(out).records.length, 3);
  });

  it("lists cells and hours without running anything under --dry-run", async () => {
    const { code, out: text } = await run("run", ["table1", "ci", "--dry-run", "--out", out]);
    assert.equal(code, 0);
    assert.match(text, /ci {2}cia\/synthetic\/.*: 5 runs, 0 recorded, about \d+ (s|min)/);
    assert.match(text, /lacks data: no features of MOUD are public/);
    assert.match(text, /\d+ cells, \d+ runs, \d+ to do: about [\d.]+ hours with \d+ workers on this machine/);
    assert.deepEqual(filesIn(out), []);
  });

  it("says where the cells of a suite are when the profile has none of them", async () => {
    const { code, out: text, err } = await run("run", ["table5a", "--dry-run", "--out", out]);
    assert.equal(code, 0);
    assert.match(text, /0 cells, 0 runs/);
    assert.match(err, /table5a: no cells in the quick profile; --profile full has \d+/);
  });

  it("refuses unknown options, names and values with what is known, exit code 2", async () => {
    for (const [args, message] of [
      [["table9"], /suite: expected table1, table2, .* or synthetic, found table9/],
      [["--profil", "full"], /Unknown option '--profil'.*Known options: .*--profile/],
      [["--profile", "huge"], /--profile: expected quick or full, found huge/],
      [["--dataset", "mnist"], /--dataset: expected mosi, mosei, .*, found mnist/],
      [["--system", "bert"], /system: expected cia, .*, found bert/],
      [["--modalities", "TX"], /--modalities: expected some of T, A and V.*found TX/],
      [["--seeds", "0"], /--seeds: expected a whole number from 1, found 0/],
      [["--engine", "cuda"], /--engine: expected auto, wasm, .*, found cuda/],
      [["--shard", "3/2"], /--shard: expected I\/N.*found 3\/2/],
      [["--shard", "1/2/9"], /--shard: expected I\/N.*found 1\/2\/9/],
      [["--checkpoint-seconds="], /--checkpoint-seconds: expected a value, found nothing/],
      [["--checkpoint-seconds", "soon"], /--checkpoint-seconds: expected seconds from 0, found soon/],
      [["--keep-weights", " "], /--keep-weights: expected megabytes from 0, found/],
      [["ci", "--data", path.join(out, "nowhere")], /--data: expected a folder, found none at .*nowhere/],
      [
        ["--report-only", "--tensorboard", "x"],
        /--report-only: expected it without --tensorboard, which would do nothing/,
      ],
      [["--report-only", "--slurm"], /--report-only: expected it without --slurm/],
      [["--report-only", "--wait"], /--wait: expected it with --slurm/],
      [["ci", "--tasks", "2"], /--tasks: expected it with --slurm/],
      [["ci", "--partition", "p"], /--partition: expected it with --slurm/],
      [["ci", "--fresh", "--fresh-since", "2026-01-01"], /--fresh: expected it without --fresh-since/],
      [["ci", "--fresh-since", "yesterday"], /--fresh-since: expected a time such as 2026-01-31T12:00:00Z, found yest/],
      [
        ["ci", "--transcripts", "--report", "results"],
        /--transcripts: expected a report of your own, found results, whi/,
      ],
      [["ci", "--no-report", "--transcripts"], /--no-report: expected it without --transcripts/],
      [["ci", "--dry-run", "--fresh"], /--dry-run: expected it without --fresh/],
      [["ci", "--dry-run", "--retry-failed"], /--dry-run: expected it without --retry-failed/],
      [["ci", "--slurm", "--shard", "1/2"], /--slurm: expected it without --shard/],
      [["--choose", "--dry-run"], /--choose: expected it without --dry-run/],
      [["ci", "--dataset", "mmmo"], /expected cells that fit .*, found none in ci/],
    ] as const) {
      const { code, err } = await run("run", [...args, "--out", out]);
      assert.equal(code, 2, `${args.join(" ")}: ${err}`);
      assert.match(err, message);
    }
    assert.deepEqual(filesIn(out), []);
  });

  it("lets one harness at a time into a folder: the second says who holds it", async () => {
    const first = start("run", [...long, "--out", out]);
    await until(() => fs.existsSync(path.join(out, ".work", "lock")));
    const second = await run("run", [...quick, "--out", out]);
    assert.equal(second.code, 1);
    assert.match(
      second.err,
      new RegExp(`held by process ${first.process.pid} on ${os.hostname()} since .*Wait for it, stop it`),
    );
    first.process.kill("SIGINT");
    await first.ended;
    assert.equal((await run("run", [...quick, "--out", out])).code, 0);
  });

  it("takes over the lock of a dead harness", async () => {
    fs.mkdirSync(path.join(out, ".work"), { recursive: true });
    const dead = { pid: 2 ** 22 - 1, host: os.hostname(), since: "2020-01-01", command: "run.js" };
    fs.writeFileSync(path.join(out, ".work", "lock"), JSON.stringify(dead));
    assert.equal((await run("run", [...quick, "--out", out])).code, 0);
  });

  /** Epochs that a run of `out` finished, by the name of its log: one that was done again stands there twice. */
  const epochsIn = (): Record<string, number[]> => {
    const logs = path.join(out, ".work", "logs");
    const epochs = (log: string) => [...fs.readFileSync(path.join(logs, log), "utf8").matchAll(/ epoch (\d+):/g)].map(([, epoch]) => Number(epoch)); // prettier-ignore
    return Object.fromEntries(filesIn(logs).map((log) => [log, epochs(log)]));
  };
  const finished = (epochs: number) => Object.values(epochsIn()).some((done) => done.length >= epochs);

  it("ends with 130 at the first SIGINT or SIGTERM, does no finished epoch again, and goes on to the same records", async () => {
    const seldom = ["ci", "--seeds", "2", "--epochs", "12", "--no-report"]; // no checkpoint falls due before they are stopped
    for (const [signal, epochs] of [
      ["SIGINT", 2],
      ["SIGTERM", 5],
    ] as const) {
      const cut = start("run", [...seldom, "--out", out]);
      await until(() => finished(epochs));
      cut.process.kill(signal);
      const { code, err } = await cut.ended;
      assert.equal(code, 130, err);
      assert.match(err, /interrupted: nothing is lost/);
      assert.ok(checkpoints().length > 0);
    }
    assert.equal((await run("run", [...seldom, "--out", out])).code, 0);
    const all = Array.from({ length: 12 }, (_, i) => i + 1);
    assert.deepEqual(Object.values(epochsIn()), Array(6).fill(all));
    const whole = temporaryFolder("whole");
    assert.equal((await run("run", [...seldom, "--out", whole])).code, 0);
    assert.deepEqual(untimed(out), untimed(whole));
  });

  it("goes on with another worker where one got a SIGTERM of its own, which does no finished epoch again", async function () {
    if (process.platform !== "linux") this.skip(); // finds the workers in /proc
    const seldom = ["ci", "--seeds", "1", "--epochs", "12", "--no-report", "--workers", "1"];
    const harness = start("run", [...seldom, "--out", out]);
    await until(() => finished(2));
    process.kill(workersOf(harness.process.pid!)[0], "SIGTERM");
    const { code, err } = await harness.ended;
    assert.equal(code, 0, err);
    const all = Array.from({ length: 12 }, (_, i) => i + 1);
    assert.deepEqual(Object.values(epochsIn()), Array(3).fill(all));
  });

  /** A line that says that it is reached, and then takes two minutes. */
  const busy = () => `require("node:fs").writeFileSync(${JSON.stringify(path.join(out, "busy"))}, ""); const until = Date.now() + 120_000; while (Date.now() < until);`; // prettier-ignore
  const begun = () => filesIn(out).includes("busy");

  it("waits for a step at the first SIGINT, and ends at once at the second", async () => {
    const slow = copyProgram(temporaryFolder("slow"), [["lib/training/train.js", "const terms = await program.step", `${busy()} const terms = await program.step`]]); // prettier-ignore
    const harness = start("run", [...quick, "--out", out, "--workers", "1"], { from: slow });
    await until(begun);
    harness.process.kill("SIGINT");
    await until(() => /stopping: runs in progress are kept/.test(harness.said()));
    const still = await Promise.race([harness.ended, delay(1500)]);
    assert.equal(still, undefined, "the step goes on");
    const second = performance.now();
    harness.process.kill("SIGINT");
    assert.equal((await harness.ended).code, 130);
    assert.ok(performance.now() - second < 20_000);
  });

  it("ends a fit, which has no steps between which it could stop, at the first SIGINT", async () => {
    const fitting = copyProgram(temporaryFolder("fitting"), [
      [
        "lib/training/train.js",
        "const model = (0, model_1.fittedModel)",
        `${busy()} const model = (0, model_1.fittedModel)`,
      ],
      ["benchmarks/suites/others.js", `{ ...synthetic, task: { kind: "classes", classes: 2 }`, `{ ...synthetic, system: "constant", config: {}, task: { kind: "classes", classes: 2 }`], // prettier-ignore
    ]);
    const args = ["ci", "--task", "classes:2", "--seeds", "1", "--no-report", "--out", out];
    const harness = start("run", args, { from: fitting });
    await until(begun);
    const first = performance.now();
    harness.process.kill("SIGINT");
    assert.equal((await harness.ended).code, 130);
    assert.ok(performance.now() - first < 20_000);
    assert.deepEqual(readRecords(out).records, []);
  });

  it("takes a SIGINT that comes twice at once for one: a terminal and npm both send it", async () => {
    const did: string[] = [];
    const queue = { stop: () => void did.push("stop"), kill: () => void did.push("kill") };
    const before = (["SIGINT", "SIGTERM"] as const).map((signal) => ({ signal, listeners: process.listeners(signal) }));
    const interrupts = new Interrupts(queue, () => undefined);
    interrupts.listener("SIGINT");
    interrupts.listener("SIGINT");
    assert.deepEqual(did, ["stop"]);
    await delay(400);
    interrupts.listener("SIGINT");
    interrupts.listener("SIGTERM");
    assert.deepEqual(did, ["stop", "kill", "kill"]);
    interrupts.end();
    for (const { signal, listeners } of before)
      for (const added of process.listeners(signal)) if (!listeners.includes(added)) process.off(signal, added);
  });

  it("replaces a worker that was killed and loses nothing", async function () {
    if (process.platform !== "linux") this.skip(); // finds the workers in /proc
    const harness = start("run", [...long, "--out", out, "--workers", "1"]);
    await until(() => checkpoints().length > 0);
    process.kill(workersOf(harness.process.pid!)[0], "SIGKILL");
    const { code, err } = await harness.ended;
    assert.equal(code, 0, err);
    assert.match(err, /worker \d+ ended \(SIGKILL\)/);
    assert.deepEqual(readRecords(out).records.map((r) => r.status), Array(6).fill("ok")); // prettier-ignore
  });

  it("gives equal records after kills at random moments", async function () {
    if (process.platform !== "linux") this.skip(); // finds the workers in /proc
    await killAndResume(3, 7, () => undefined);
  });

  it("shares runs out by --shard, merges their files, and counts each run once", async () => {
    for (const shard of ["1/2", "2/2"])
      assert.equal((await run("run", [...quick, "--out", out, "--shard", shard])).code, 0);
    assert.deepEqual(filesIn(out).filter((f) => f.endsWith(".jsonl")), ["ci.shard-1-of-2.jsonl", "ci.shard-2-of-2.jsonl"]); // prettier-ignore
    const { records, problems } = readRecords(out);
    assert.equal(records.length, 3);
    assert.deepEqual(problems, []);
    const whole = temporaryFolder("whole");
    await run("run", [...quick, "--out", whole]);
    assert.deepEqual(untimed(out), untimed(whole));
  });

  it("takes up finished runs that a dead parent had not recorded, and mends a torn line", async () => {
    await run("run", [...quick, "--out", out]);
    const expected = untimed(out);
    const [first, second] = readRecords(out).records;
    fs.mkdirSync(path.join(out, ".work", "finished"), { recursive: true });
    fs.writeFileSync(path.join(out, ".work", "finished", `${first.id}.json`), recordLine(first));
    fs.writeFileSync(path.join(out, "ci.jsonl"), `${recordLine(second)}\n${recordLine(first).slice(0, 99)}`);
    const { code, err } = await run("run", [...quick, "--out", out]);
    assert.equal(code, 0, err);
    assert.match(err, /99 bytes of a torn last line were set aside/);
    assert.match(err, /a finished run that was not yet recorded is/);
    assert.match(err, /2 recorded, 1 to do/);
    assert.deepEqual(untimed(out), expected);
  });

  it("stops at a full disk, keeps what is finished, and records it once there is room", async function () {
    if (!fs.existsSync("/dev/full")) this.skip(); // no device that is always full on this system
    fs.symlinkSync("/dev/full", path.join(out, "ci.jsonl"));
    const full = await run("run", [...quick, "--out", out, "--workers", "1"]);
    assert.equal(full.code, 1);
    assert.match(full.err, /found the disk full/);
    fs.rmSync(path.join(out, "ci.jsonl"));
    const again = await run("run", [...quick, "--out", out]);
    assert.equal(again.code, 0, again.err);
    assert.match(again.err, /a finished run that was not yet recorded is/);
    assert.equal(readRecords(out).records.length, 3);
  });

  it("does runs again under --fresh with the same results", async () => {
    await run("run", [...quick, "--out", out]);
    const before = untimed(out);
    assert.match((await run("run", [...quick, "--out", out, "--fresh"])).err, /3 to do/);
    assert.deepEqual(untimed(out), before);
    assert.deepEqual(readRecords(out).problems.map((p) => p.kind), Array(3).fill("duplicate")); // prettier-ignore
    const since = (time: string) => run("run", [...quick, "--out", out, "--fresh-since", time]);
    assert.match((await since("2026-01-01")).err, /3 recorded, 0 to do/);
    assert.match((await since("2100-01-01T00:00:00Z")).err, /0 recorded, 3 to do/);
  });

  it("writes the report of an --out of its own into it, and leaves the project's alone", async () => {
    const own = () => ["README.md", "results/report/index.html", "results/tables/verdicts.json"].map((file) => fs.statSync(path.join(root, file)).mtimeMs); // prettier-ignore
    const before = own();
    const { code, err } = await run("run", [...quick.filter((a) => a !== "--no-report"), "--out", out]);
    assert.equal(code, 0, err);
    assert.match(fs.readFileSync(path.join(out, "report", "index.html"), "utf8"), /SYNTHETIC DATA/);
    assert.deepEqual(own(), before);
  });

  it("shows what was said beside the listed utterances in a report of one's own, and never without --transcripts", async function () {
    const features = knownDatasets.find(({ name }) => name === "mosi")!.features.find(({ name }) => name === "bclstm")!;
    if (!findDataDir("mosi", features.files)) this.skip(); // MOSI is not on this machine
    const mosi = await loadDataset("mosi", { features: "bclstm" });
    const args = ["table1", "--dataset", "mosi", "--modalities", "V", "--seeds", "1", "--out", out]; // prettier-ignore
    const pageOf = async (...more: string[]) => {
      const { code, err } = await run("run", [...args, ...more]);
      assert.equal(code, 0, err);
      return fs.readFileSync(path.join(out, "report", "index.html"), "utf8");
    };
    const without = await pageOf();
    const units = [...without.matchAll(/<tr><th scope="row">([^<]+_\d+)</g)].map(([, id]) => id);
    assert.ok(units.length >= 20, `${units.length} units`);
    const said = units.map((id) => mosi.transcript!(id)!).filter((text) => /^[\w ,.]{20,}$/.test(text));
    assert.ok(said.length > 5);
    for (const text of said) assert.ok(!without.includes(text));
    const page = await pageOf("--transcripts");
    for (const text of said) assert.ok(page.includes(text), text);
  });

  it("keeps runs on data that was replaced since, runs on the new data beside them, and shows these", async () => {
    const data = temporaryFolder("data");
    const folder = path.join(data, "youtube");
    fs.mkdirSync(folder);
    /** YouTube's sizes, and numbers of ours. */
    const write = async (seed: number) => {
      const rng = new Rng(seed, "replaced");
      for (const [split, n] of Object.entries({ train: 173, valid: 36, test: 60 })) {
        const steps = () =>
          nd(
            [n, 2, 3],
            Float32Array.from({ length: n * 6 }, () => rng.normal()),
          );
        const labels = nd([n, 3], Array.from({ length: n * 3 }, (_, i) => Number(i % 3 === Math.floor(i / 3) % 3))); // prettier-ignore
        for (const [name, values] of Object.entries({ audio: steps(), video: steps(), y: labels }))
          fs.writeFileSync(path.join(folder, `${name}_${split}.h5`), await hdf5({ d1: values }));
      }
    };
    const args = ["table1", "--dataset", "youtube", "--modalities", "AV", "--seeds", "1", "--epochs", "1", "--no-report", "--data", data, "--out", out]; // prettier-ignore
    await write(1);
    assert.match((await run("run", args)).err, /1 runs of 1 cells: 0 recorded, 1 to do/);
    const [old] = readRecords(out).records;
    await write(2);
    const { code, err } = await run("run", args);
    assert.equal(code, 0, err);
    assert.match(err, /1 runs of 1 cells: 0 recorded, 1 to do/);
    const { records, problems } = readRecords(out);
    assert.deepEqual(problems, []);
    assert.deepEqual(records[0], old);
    assert.deepEqual(records.map((r) => r.cell), [old.cell, old.cell]); // prettier-ignore
    assert.notEqual(records[1].dataHash, old.dataHash);
    assert.deepEqual(runsOfCell(records, old.cell), [records[1]]);
    assert.match((await run("run", args)).err, /1 runs of 1 cells: 1 recorded, 0 to do/);
  });

  it("refuses to go on where the data changes between the plan and a run", async () => {
    const changing = copyProgram(temporaryFolder("changing"), [["benchmarks/harness/worker.js", "if (dataset.hash !== dataHash)", "if (job.seed === 1)"]]); // prettier-ignore
    const { code, err } = await run("run", [...quick, "--out", out], { from: changing });
    assert.equal(code, 1);
    assert.match(err, /the files changed while the harness ran\. Run the same command again; what is recorded is kept/);
  });

  it("gives each worker a GPU of its own where TensorFlow runs on them, and the next one the GPU of a dead", async () => {
    const [engines, seen] = [temporaryFolder("engines"), path.join(out, "seen")];
    fs.mkdirSync(path.join(engines, "tensorflow"));
    const engine = { kind: "gpu", how: "built", tensorflow: "2.18.0", tfjsNode: "4.22.0", platform: process.platform, arch: process.arch, package: "p", binding: "b" }; // prettier-ignore
    fs.writeFileSync(path.join(engines, "tensorflow", "engine.json"), JSON.stringify(engine));
    // Workers that note their GPU and compute on wasm; the first one dies.
    const note = `require("node:fs").appendFileSync(${JSON.stringify(seen)}, process.env.CUDA_VISIBLE_DEVICES + "\\n")`;
    const die = `if (require("node:fs").readFileSync(${JSON.stringify(seen)}, "utf8").split("\\n").length === 2) process.exit(9)`; // prettier-ignore
    const noting = copyProgram(temporaryFolder("noting"), [["benchmarks/harness/worker.js", `(0, choose_1.engineName)(engine)`, `(${note}, "wasm")`], ["benchmarks/harness/worker.js", "const dataset = ", `${die}; const dataset = `]]); // prettier-ignore
    const env = { CIA_ENGINES: engines, CUDA_VISIBLE_DEVICES: "GPU-a" };
    const { code, err } = await run("run", [...quick, "--engine", "tensorflow", "--out", out], { from: noting, env });
    assert.equal(code, 0, err);
    assert.match(err, /with 1 workers/);
    assert.equal(fs.readFileSync(seen, "utf8"), "GPU-a\nGPU-a\n");
    fs.rmSync(seen);
    env.CUDA_VISIBLE_DEVICES = "GPU-a,GPU-b";
    const two = await run("run", [...quick, "--fresh", "--engine", "tensorflow", "--out", out], { from: noting, env });
    assert.equal(two.code, 0, two.err);
    assert.match(two.err, /with 2 workers/);
    assert.deepEqual(new Set(fs.readFileSync(seen, "utf8").trim().split("\n")), new Set(["GPU-a", "GPU-b"]));
  });

  it("records a run that breaks with its reason, goes on, and does it again only with --retry-failed", async () => {
    const broken = copyProgram(temporaryFolder("broken"), [["lib/training/train.js", "const terms = await program.step", "if (seed === 1 && task.kind === 'intensity') throw new errors_1.TrainingError('planted'); const terms = await program.step"]]); // prettier-ignore
    const first = await run("run", [...quick, "--out", out], { from: broken });
    assert.equal(first.code, 1);
    const { records } = readRecords(out);
    assert.equal(records.filter((r) => r.status === "ok").length, 2);
    assert.equal(records.find((r) => r.status === "failed")!.reason, "planted");
    const second = await run("run", [...quick, "--out", out]);
    assert.match(second.err, /1 recorded runs failed; --retry-failed does them again/);
    assert.equal((await run("run", [...quick, "--out", out, "--retry-failed"])).code, 0);
    assert.deepEqual(readRecords(out).records.map((r) => r.status), ["ok", "ok", "ok"]); // prettier-ignore
  });

  it("runs on the synthetic set, and says so, where no real data can be had", async () => {
    const alone = copyProgram(temporaryFolder("alone"));
    const args = ["table1", "--dataset", "mmmo", "--seeds", "1", "--epochs", "1", "--out", out, "--dry-run"];
    const { code, out: text, err } = await run("run", args, { from: alone, env: { CIA_DATA: "" } });
    assert.equal(code, 0, err);
    assert.match(err, /no real data can be had/);
    assert.match(err, /SYNTHETIC set instead: its scores say nothing about the paper/);
    assert.match(text, /synthetic {2}cia\/synthetic/);
  });

  it("chooses the best of each complete search, as the committed choices were", async () => {
    const folder = temporaryFolder("choose");
    const copy = copyProgram(folder);
    const file = path.join(folder, "benchmarks/suites/chosen.json");
    fs.writeFileSync(file, "[]\n");
    const { code, err } = await run("run", ["--choose", "--out", path.join(root, "results/runs")], { from: copy });
    assert.equal(code, 0, err);
    const committed = fs.readFileSync(path.join(root, "benchmarks/suites/chosen.json"), "utf8");
    assert.equal(fs.readFileSync(file, "utf8"), committed);
  });
});
