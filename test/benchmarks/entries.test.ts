import { strict as assert } from "node:assert";
import * as fs from "node:fs";
import * as path from "node:path";
import { hashOfOutputs, hashOfRecords, unfoundNumbers } from "../../benchmarks/harness/printed";
import { recordLine, type RunRecord } from "../../lib/core/record";
import { readRecords } from "../../lib/training";
import { temporaryFolder } from "../training/helpers";
import { filesIn, run, start, until } from "./helpers";

describe("npm run train and npm run predict", function () {
  this.timeout(120_000);
  it("train a system on a data set, save the model, and predict with it", async () => {
    const out = temporaryFolder("train");
    const args = ["--dataset", "synthetic", "--task", "classes:2", "--set", "k=8", "--set", "r=4", "--epochs", "2", "--modalities", "TV", "--out", out]; // prettier-ignore
    const { code, err, out: text } = await run("train", args);
    assert.equal(code, 0, err);
    assert.match(text, /A2 +test 0\.\d+ {2}validation 0\.\d+/);
    for (const name of ["model.json", "weights.npz", "run.jsonl"]) assert.ok(fs.existsSync(path.join(out, name)), name);
    const model = fs.readFileSync(path.join(out, "model.json"), "utf8");
    assert.ok(!model.includes(path.dirname(out)), "a saved model names no place of this machine");
    const other = await run("train", [...args.slice(0, -2), "--seed", "2", "--out", out]);
    assert.equal(other.code, 2);
    assert.match(other.err, /expected a folder without a model, found that of run [0-9a-f]{16}\. Give another/);
    const [record] = readRecords(out).records;
    assert.deepEqual(record.modalities, ["T", "V"]);
    assert.equal(record.config.epochs, 2);
  });

  it("leave what is the user's own in --out, and remove the checkpoint only once the model is saved", async () => {
    const out = temporaryFolder("train");
    const args = ["--dataset", "synthetic", "--task", "classes:2", "--system", "ef-lstm", "--epochs", "1", "--out", out]; // prettier-ignore
    fs.mkdirSync(path.join(out, "weights.npz")); // so that the model cannot be saved
    fs.mkdirSync(path.join(out, "weights"));
    fs.writeFileSync(path.join(out, "weights", "mine.npz"), "kept for a year");
    fs.writeFileSync(path.join(out, "run.jsonl"), '{"torn');
    fs.writeFileSync(path.join(out, "checkpoint.bin"), "hours of work");
    assert.notEqual((await run("train", args)).code, 0);
    assert.ok(fs.existsSync(path.join(out, "checkpoint.bin")));
    fs.rmdirSync(path.join(out, "weights.npz"));
    const { code, err } = await run("train", args);
    assert.equal(code, 0, err);
    assert.deepEqual(fs.readdirSync(path.join(out, "weights")), ["mine.npz"]);
    assert.ok(!fs.existsSync(path.join(out, "checkpoint.bin")));
    assert.deepEqual(readRecords(out).problems, []);
    assert.equal(fs.readFileSync(path.join(out, "run.jsonl.torn"), "utf8"), '{"torn\n');
  });

  it("end with 130 at the first SIGTERM or press of Ctrl-C, which comes twice through npm, and go on from there", async () => {
    for (const [settings, signals, reached] of [
      [["--set", "k=8", "--set", "r=4"], ["SIGINT", "SIGINT"], /epoch 2:/],
      [
        ["--system", "bc-lstm", "--set", "r1=8", "--set", "r2=8", "--set", "folds=2"],
        ["SIGTERM"],
        /stage 1, A, without/,
      ], // two stages: a checkpoint for each net of the first
    ] as const) {
      const out = temporaryFolder("train");
      const args = ["--dataset", "synthetic", "--task", "classes:2", ...settings, "--epochs", "6", "--patience", "0", "--out", out]; // prettier-ignore
      const cut = start("train", args);
      await until(() => reached.test(cut.said()));
      for (const signal of signals) cut.process.kill(signal);
      const stopped = await cut.ended;
      assert.equal(stopped.code, 130, stopped.err);
      assert.match(stopped.err, /interrupted: the same command goes on from .*checkpoint\.bin\.$/m);
      const again = await run("train", args);
      assert.equal(again.code, 0, again.err);
      const epochs = (stopped.err + again.err).match(/^epoch \d+:/gm);
      assert.deepEqual(
        epochs,
        [1, 2, 3, 4, 5, 6].map((epoch) => `epoch ${epoch}:`),
      ); // none was done twice
      assert.deepEqual(filesIn(out).filter((name) => name.includes("checkpoint")), []); // prettier-ignore
    }
  });

  it("refuse mistakes of the command line with exit code 2 and what is known", async () => {
    for (const [name, args, message] of [
      ["train", ["--task", "intensity"], /expected --data DIR or --dataset D, found neither/],
      ["train", ["--task", "regression"], /--task: expected classes:N .*found regression/],
      ["train", ["--data", ".", "--task", "intensity"], /--format: expected bc-lstm-csv, .*found nothing/],
      ["train", ["--data", ".", "--format", "hdf9", "--task", "intensity"], /--format hdf9: expected bc-lstm-csv/],
      [
        "train",
        ["--dataset", "synthetic", "--format", "npy", "--label-range", "1,5", "--task", "intensity"],
        /expected --dataset alone, found --format, --label-range too/,
      ],
      [
        "train",
        ["--dataset", "synthetic", "--task", "classes:4"],
        /--task classes:4: expected .*classes:2.*which are what the labels of synthetic give/,
      ],
      ["train", ["--dataset", "synthetic", "--task", "classes:2", "--set", "k"], /--set: expected KEY=VALUE, found k/],
      [
        "train",
        ["--dataset", "synthetic", "--task", "classes:2", "--protocol", "test-selected"],
        /expected validation or fixed-epochs, found test-selected/,
      ],
      ["train", ["--wrong"], /Unknown option '--wrong'.*Known options/],
      ["predict", ["--model", "x"], /expected --data, found none/],
      ["predict", ["--model", "x", "--data", "y", "--format", "npy", "--out", "z.xls"], /ends in .csv or .jsonl/],
      ["evaluate", [], /expected --run ID, found none/],
      ["check", ["--suite", "nope"], /suite: expected table1/],
      ["baseline", ["--reason", " "], /--reason: expected why the baseline changes/],
    ] as const) {
      const { code, err } = await run(name, args);
      assert.equal(code, 2, `${name} ${args.join(" ")}: ${err}`);
      assert.match(err, message);
    }
  });

  it("refuse what the system or data cannot do with exit code 1, and write nothing", async () => {
    const out = path.join(temporaryFolder("train"), "model");
    for (const [args, message] of [
      [["--dataset", "synthetic", "--task", "classes:2", "--set", "units=3"], /cia, setting units: expected one of/],
      [["--dataset", "synthetic", "--task", "classes:2", "--system", "bof-msa", "--modalities", "T"], /bof-msa/],
    ] as const) {
      const { code, err } = await run("train", [...args, "--out", out]);
      assert.equal(code, 1, err);
      assert.match(err, message);
      assert.ok(!fs.existsSync(out));
    }
  });

  it("print their help", async () => {
    for (const name of ["run", "train", "predict", "evaluate", "audit", "check", "baseline"]) {
      const { code, out } = await run(name, ["--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^npm run ${name === "run" ? "reproduce" : name} `));
    }
  });
});

describe("npm run evaluate and npm run audit", function () {
  this.timeout(180_000);
  const runs = temporaryFolder("runs");
  const file = path.join(runs, "ci.jsonl");
  const args = ["ci", "--profile", "full", "--runs", runs];
  before(async () => {
    const { code, err } = await run("run", ["ci", "--seeds", "1", "--epochs", "1", "--keep-weights", "5", "--no-report", "--out", runs]); // prettier-ignore
    assert.equal(code, 0, err);
  });

  it("score saved weights again without training and find the recorded scores to the last bit", async () => {
    for (const { id } of readRecords(runs).records) {
      const { code, out, err } = await run("evaluate", ["--run", id, "--runs", runs]);
      assert.equal(code, 0, out + err);
      assert.match(out, /all \d+ metrics equal the record/);
    }
  });

  it("refuse weights that were changed", async () => {
    const [record] = readRecords(runs).records;
    const weights = path.join(runs, record.weightsFile!);
    const other = path.join(runs, readRecords(runs).records[1].weightsFile!);
    const kept = fs.readFileSync(weights);
    fs.copyFileSync(other, weights);
    const { code, err } = await run("evaluate", ["--run", record.id, "--runs", runs]);
    fs.writeFileSync(weights, kept);
    assert.equal(code, 1);
    assert.match(err, /expected weights with hash .*They are not those of this run/);
  });

  it("find every score again from the stored predictions, and name the runs that are missing", async () => {
    const { code, out } = await run("audit", args);
    assert.equal(code, 1); // the suite declares 25 epochs and five seeds; here is one of one epoch
    assert.match(out, /missing {2}cia\/synthetic\/.*, seed 5: not recorded/);
    assert.match(out, /3 recorded; 3 scored again from their predictions/);
    assert.doesNotMatch(out, /^scores/m);
  });

  it("name a score that its predictions do not give, predictions that were changed, and edited lines", async () => {
    const text = fs.readFileSync(file, "utf8");
    const [record] = readRecords(runs).records;
    const forged = { ...record, metrics: { ...record.metrics, test: { ...record.metrics.test, F1: 0.99 } } };
    fs.writeFileSync(file, `${recordLine(forged)}\n${text.split("\n")[1].replace('"seed":1', '"seed":9')}\n`);
    const predictions = path.join(runs, record.predictions!.file);
    const first = await run("audit", args);
    assert.match(first.out, /scores +.*: test F1 is recorded as 0.99, its predictions give 0\.\d+/);
    assert.match(first.out, /lines +damaged: ci.jsonl, line 2: expected checksum/);
    const kept = fs.readFileSync(predictions);
    fs.writeFileSync(predictions, kept.subarray(0, kept.length - 1));
    const second = await run("audit", args);
    assert.match(second.out, /predictions\/.*: expected SHA-256 .*It was changed: restore it or run again/);
    fs.writeFileSync(predictions, kept);
    fs.writeFileSync(file, text);
  });

  it("make the report's tables again and name one that was edited, one that is gone and one too many", async () => {
    const report = temporaryFolder("report");
    const written = await run("run", ["ci", "--report-only", "--out", runs, "--report", report]);
    assert.equal(written.code, 0, written.err);
    const tables = (out: string) => out.split("\n").filter((line) => line.startsWith("tables"));
    const whole = await run("audit", [...args, "--report", report]);
    assert.deepEqual(tables(whole.out), []);
    assert.match(whole.out, /\d+ files of the report made again/);

    const file = (name: string) => path.join(report, "tables", name);
    const lines = fs.readFileSync(file("table1.md"), "utf8").split("\n");
    const edited = lines.findIndex((line) => line.includes("paper 79.88"));
    lines[edited] = lines[edited].replace("paper 79.88", "paper 77.88");
    fs.writeFileSync(file("table1.md"), lines.join("\n"));
    fs.rmSync(file("table3.tex"));
    fs.writeFileSync(file("table9.md"), "");
    const { out, code } = await run("audit", [...args, "--report", report]);
    assert.equal(code, 1);
    const [changed, gone, added, ...more] = tables(out).sort();
    assert.match(changed, /table1\.md, line (\d+): expected ".*79\.88.*" from the records, found ".*77\.88.*"; /);
    assert.ok(changed.includes(`line ${edited + 1}:`) && changed.includes("npm run reproduce -- --report-only --out"));
    assert.match(gone, /table3\.tex: expected a table from the records, found no such file; npm run reproduce/);
    assert.match(added, /table9\.md: the records give no such table; delete it/);
    assert.deepEqual(more, []);
  });

  it("choose epoch and thresholds again, and name what is not what validation gives", async () => {
    const text = fs.readFileSync(file, "utf8");
    const records = readRecords(runs).records.map((record): RunRecord => {
      const chosen = { ...record.chosen!, epoch: record.chosen!.epoch + 1 };
      return record.task === "emotions" ? { ...record, chosen } : { ...record, selectionScore: 0.001 };
    });
    fs.writeFileSync(file, records.map((record) => `${recordLine(record)}\n`).join(""));
    const { out } = await run("audit", args);
    assert.match(out, /scores +.*: chosen is recorded as \{"epoch":\d+.*, epochs and validation predictions give/);
    assert.match(out, /scores +.*: selectionScore is recorded as 0\.001, epochs and validation predictions give/);
    fs.writeFileSync(file, text);
  });

  it("name kept weights that are gone or another run's", async () => {
    const [record, other] = readRecords(runs).records.map((r) => path.join(runs, r.weightsFile!));
    const kept = fs.readFileSync(record);
    fs.rmSync(record);
    const gone = await run("audit", args);
    assert.match(gone.out, /^weights +cia\/synthetic\/.*: expected .*\.npz, found none; restore it$/m);
    fs.copyFileSync(other, record);
    const swapped = await run("audit", args);
    assert.match(swapped.out, /^weights +cia\/synthetic\/.*: .*expected weights with hash/m);
    fs.writeFileSync(record, kept);
    assert.doesNotMatch((await run("audit", args)).out, /^weights/m);
  });

  it("tell a line that is there twice as a note, not as a finding", async () => {
    const text = fs.readFileSync(file, "utf8");
    fs.writeFileSync(file, `${text}${text.split("\n")[0]}\n`);
    const { out } = await run("audit", args);
    fs.writeFileSync(file, text);
    assert.match(out, /^note +duplicate: /m);
    assert.doesNotMatch(out, /^lines/m);
  });

  it("look for the numbers of the README's sentences in the tables that these link", () => {
    const tables = { "a.md": "+0.163 [-0.36, 0.68]", "b.md": "1.96" };
    const found = (sentence: string) => unfoundNumbers(`9.9 <!-- /results -->\n- ${sentence}\n## Next\n- 7.7`, tables);
    assert.deepEqual(found("It costs 0.16 points (−0.36 to 0.68, [a](results/tables/a.md))."), []);
    assert.deepEqual(found("It costs 1.96 points ([a](results/tables/a.md))."), ["1.96"]);
    assert.deepEqual(found("Without a link 1.96 and 0.17, in all tables."), ["0.17"]);
  });

  it("know a notebook whose outputs were changed, however its text is cut into lines", () => {
    const notebook = (source: unknown, text: unknown) => ({ metadata: {}, cells: [{ source, outputs: [{ text }] }] });
    const hash = hashOfOutputs(notebook("a\nb", "79.45\n"));
    assert.equal(hashOfOutputs(notebook(["a\n", "b"], ["79.45\n"])), hash);
    assert.notEqual(hashOfOutputs(notebook("a\nb", "89.45\n")), hash);
  });

  it("know records by what they found, not by when or in which order", () => {
    const { records } = readRecords(runs);
    const [first, ...rest] = records;
    const again = { ...first, started: "2030-01-01T00:00:00.000Z", seconds: 1 };
    assert.equal(hashOfRecords([...rest, again]), hashOfRecords(records));
    const other = { ...first, metrics: { ...first.metrics, test: { ...first.metrics.test, A2: 0 } } };
    assert.notEqual(hashOfRecords([other, ...rest]), hashOfRecords(records));
    assert.notEqual(hashOfRecords(rest), hashOfRecords(records));
  });

  it("refuse to compare with a baseline of other runs, and write what a CI server reads", async () => {
    const dir = temporaryFolder("baseline");
    fs.copyFileSync(file, path.join(dir, "ci.jsonl"));
    const { code, out } = await run("check", ["--suite", "ci", "--runs", runs, "--baseline", dir, "--junit", path.join(dir, "j.xml"), "--json", path.join(dir, "b.json"), "--markdown", path.join(dir, "s.md")]); // prettier-ignore
    assert.equal(code, 1); // the suite's own cells have 25 epochs: nothing here may be paired with them
    assert.match(out, /REFUSED.*no baseline is recorded/);
    for (const name of ["j.xml", "b.json", "b.smaller.json", "s.md"]) assert.ok(filesIn(dir).includes(name), name);
  });
});
