import { strict as assert } from "node:assert";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { readRecords } from "../../lib/training";
import { slurmScript } from "../../benchmarks/harness/slurm";
import { temporaryFolder } from "../training/helpers";
import { copyProgram, filesIn, run, start, until, untimed } from "./helpers";

describe("the script of a Slurm array", () => {
  it("holds the options, requeues, and gives each task its share", () => {
    const script = slurmScript(["/usr/bin/node", "run.js", "table1", "--data", "my data's"], "/my logs/100%", {
      tasks: 4,
      partition: "gpu",
      time: "02:00:00",
      memory: "8G",
      cpus: 2,
      gpus: 1,
      wait: false,
    });
    for (const line of [
      "--array=1-4",
      '--output="/my logs/100%%/slurm-%A_%a.log"',
      "--requeue",
      "--partition=gpu",
      "--time=02:00:00",
      "--mem=8G",
      "--cpus-per-task=2",
      "--gres=gpu:1",
    ])
      // prettier-ignore
      assert.ok(script.includes(`#SBATCH ${line}\n`), line);
    assert.match(
      script,
      /exec '\/usr\/bin\/node' 'run.js' 'table1' '--data' 'my data'\\''s' --shard "\$SLURM_ARRAY_TASK_ID\/4"\n$/,
    );
  });

  it("is not submitted where there is no Slurm: the message says what else to do", async () => {
    const env = { PATH: temporaryFolder("no-programs") };
    const { code, err } = await run("run", ["ci", "--slurm", "--out", temporaryFolder("slurm")], { env });
    assert.equal(code, 1);
    assert.match(err, /expected Slurm's sbatch on the PATH, found none.*--shard i\/n/);
  });
});

/** A Slurm of one machine, started for the test; undefined with the reason where it cannot be. */
function startSlurm(): { stop: () => void; env: NodeJS.ProcessEnv } | string {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs root on Linux";
  for (const program of ["munged", "slurmctld", "slurmd", "sbatch"])
    if (spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0) return `${program} is not installed`;
  const dir = temporaryFolder("slurmd");
  const host = execFileSync("hostname", ["-s"], { encoding: "utf8" }).trim();
  const started: string[] = [];
  const daemon = (command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
    const { status, stderr } = spawnSync(command, [...args], { encoding: "utf8", env });
    if (status !== 0) throw new Error(`${command}: ${stderr}`);
    started.push(command);
  };
  const sh = (line: string) => execFileSync("sh", ["-c", line], { stdio: "pipe" });
  const config = path.join(dir, "slurm.conf");
  const hardware = execFileSync("slurmd", ["-C"], { encoding: "utf8" });
  const cpus = /CPUs=(\d+)/.exec(hardware)?.[1] ?? "1";
  const memory = /RealMemory=(\d+)/.exec(hardware)?.[1] ?? "1000";
  for (const folder of ["state", "spool"]) fs.mkdirSync(path.join(dir, folder));
  fs.chmodSync(dir, 0o755);
  fs.writeFileSync(
    config,
    [
      "ClusterName=test",
      `SlurmctldHost=${host}(127.0.0.1)`,
      "AuthType=auth/munge",
      "SlurmUser=root",
      "SlurmdUser=root",
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "SelectType=select/cons_tres",
      "SelectTypeParameters=CR_CPU",
      "ReturnToService=2",
      "MpiDefault=none",
      "SchedulerParameters=sched_interval=1,batch_sched_delay=0",
      "JobRequeue=1",
      `StateSaveLocation=${dir}/state`,
      `SlurmdSpoolDir=${dir}/spool`,
      `SlurmctldPidFile=${dir}/ctld.pid`,
      `SlurmdPidFile=${dir}/d.pid`,
      `SlurmctldLogFile=${dir}/ctld.log`,
      `SlurmdLogFile=${dir}/d.log`,
      `NodeName=${host} NodeAddr=127.0.0.1 CPUs=${cpus} RealMemory=${memory} State=UNKNOWN`,
      `PartitionName=all Nodes=${host} Default=YES MaxTime=INFINITE State=UP`,
      "",
    ].join("\n"),
  );
  const env = { ...process.env, SLURM_CONF: config };
  const stop = () => {
    for (const file of ["d.pid", "ctld.pid"])
      try {
        process.kill(Number(fs.readFileSync(path.join(dir, file), "utf8")), "SIGKILL");
      } catch {
        // it has not started, or has ended
      }
  };
  try {
    if (spawnSync("sh", ["-c", "munge -n"]).status !== 0) {
      sh("mkdir -p /run/munge && chown munge /run/munge && [ -s /etc/munge/munge.key ] || (head -c 1024 /dev/urandom > /etc/munge/munge.key; chown munge /etc/munge/munge.key; chmod 400 /etc/munge/munge.key)"); // prettier-ignore
      sh("runuser -u munge -- munged");
    }
    daemon("slurmctld", ["-f", config], env);
    daemon("slurmd", ["-f", config], env);
  } catch (error) {
    stop();
    return (error as Error).message.trim();
  }
  return { stop, env };
}

describe("npm run reproduce -- --slurm, on a real Slurm", function () {
  this.timeout(300_000);
  let slurm: ReturnType<typeof startSlurm>;
  before(function () {
    slurm = startSlurm();
    if (typeof slurm === "string") {
      this.test!.parent!.title += ` [skipped: ${slurm}]`;
      this.skip();
    }
  });
  after(() => typeof slurm === "object" && slurm.stop());
  const args = ["ci", "--seeds", "2", "--epochs", "6", "--checkpoint-seconds", "0", "--no-report", "--workers", "1"];

  it("runs an array, survives a task killed in the middle, and merges to the records of a local run", async () => {
    if (typeof slurm === "string") throw new Error(slurm);
    const { env } = slurm;
    const [out, whole] = [temporaryFolder("slurm-out"), temporaryFolder("whole")];
    const array = start("run", [...args, "--slurm", "--wait", "--tasks", "2", "--out", out], { env });
    await until(() => filesIn(path.join(out, ".work", "checkpoints")).some((f) => f.endsWith(".bin")), 200);
    const job = /(\d+)/.exec(execFileSync("squeue", ["-h", "-o", "%F"], { encoding: "utf8", env }))![1];
    execFileSync("scontrol", ["requeue", `${job}_1`], { env }); // kills the task and puts it back
    const { code, err } = await array.ended;
    assert.equal(code, 0, err);
    assert.equal((await run("run", [...args, "--out", whole])).code, 0);
    assert.deepEqual(readRecords(out).problems, []);
    assert.deepEqual(untimed(out), untimed(whole));
  });

  it("reports what there is where a run failed, in a folder with spaces, and does no run of --fresh again when it is requeued", async () => {
    if (typeof slurm === "string") throw new Error(slurm);
    const { env } = slurm;
    const out = path.join(temporaryFolder("slurm out"), "100 % mine");
    const broken = copyProgram(temporaryFolder("broken"), [["lib/training/train.js", "const terms = await program.step", "if (seed === 1 && task.kind === 'intensity') throw new errors_1.TrainingError('planted'); const terms = await program.step"]]); // prettier-ignore
    const quick = ["ci", "--seeds", "1", "--epochs", "2", "--out", out];
    const fresh = [...quick, "--fresh", "--slurm", "--wait", "--tasks", "1", "--cpus", "1"];
    const first = await run("run", fresh, { env, from: broken });
    assert.equal(first.code, 1);
    assert.match(first.err, /submitted the job array \d+; its logs go to /);
    assert.match(first.err, /the array ended with exit code 1: see /);
    assert.match(fs.readFileSync(path.join(out, "report", "index.html"), "utf8"), /planted/);
    assert.deepEqual(readRecords(out).records.map((r) => r.status).sort(), ["failed", "ok", "ok"]); // prettier-ignore
    const [log] = filesIn(path.join(out, ".work", "logs")).filter((name) => name.startsWith("slurm-"));
    const said = fs.readFileSync(path.join(out, ".work", "logs", log), "utf8");
    assert.match(said, /3 to do .* with 1 workers/);
    // The script as Slurm would start it again.
    const again = spawnSync("sh", [path.join(out, ".work", "slurm.sh")], { encoding: "utf8", env: { ...env, SLURM_ARRAY_TASK_ID: "1" } }); // prettier-ignore
    assert.match(again.stderr, /3 recorded, 0 to do/);
  });

  it("leaves the array running at a SIGINT, and says so; what it records is there", async () => {
    if (typeof slurm === "string") throw new Error(slurm);
    const { env } = slurm;
    const out = temporaryFolder("slurm-out");
    const waiting = start("run", [...args, "--slurm", "--wait", "--tasks", "1", "--out", out], { env });
    await until(() => /submitted the job array/.test(waiting.said()));
    for (const signal of ["SIGINT", "SIGINT"] as const) waiting.process.kill(signal); // a terminal and npm both send it
    const { code, err } = await waiting.ended;
    assert.equal(code, 130, err);
    const [, job] = /interrupted: the array goes on; scancel (\d+) ends it/.exec(err)!;
    const queued = () => spawnSync("squeue", ["-h", "-j", job], { encoding: "utf8", env }).stdout;
    assert.notEqual(queued(), "");
    await until(() => queued() === "", 200);
    assert.equal(readRecords(out).records.length, 6);
  });

  it("is told in Slurm's words where Slurm refuses the array", async () => {
    if (typeof slurm === "string") throw new Error(slurm);
    const refused = await run("run", [...args, "--slurm", "--partition", "nowhere", "--out", temporaryFolder("slurm-out")], slurm); // prettier-ignore
    assert.equal(refused.code, 1);
    assert.match(refused.err, /expected sbatch to take .*slurm\.sh, found exit code 1: .*invalid partition/);
  });
});
