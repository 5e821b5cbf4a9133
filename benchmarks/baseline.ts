/** `npm run baseline`: records a new baseline for `npm run check`, with what changes and why. */
import * as fs from "node:fs";
import * as path from "node:path";
import { createInterface } from "node:readline/promises";
import { UsageError, UserError } from "../lib/core/errors";
import { recordLine } from "../lib/core/record";
import { engineName } from "../lib/engine/choose";
import { codeVersion, writeWhole } from "../lib/training";
import { lineText, readBaseline, runFresh } from "./check";
import { entry, folder, parse, wholeNumber } from "./cli";
import { compareRuns } from "./harness/compare";
import { plan } from "./harness/plan";
import { findSuite } from "./suites";
import type { Suite } from "../lib/core/suite";

const command = "npm run baseline";
const help = `${command} -- [--suite ci] [--reason "..."] [options]

Runs a suite, says what would change against the recorded baseline, asks for the reason, and records the new one. The reasons are
kept in SUITE.history.json beside it.

  --suite S        default ci
  --reason "..."   why; asked for on a terminal when it is not given
  --baseline DIR   default results/baselines
  --out DIR        where the runs go (default results/local/baseline; emptied first, so it must be empty or an earlier one's)
  --engine E, --workers N, --data DIR   as for npm run check`;

const options = {
  suite: { type: "string" },
  reason: { type: "string" },
  baseline: { type: "string" },
  out: { type: "string" },
  engine: { type: "string" },
  workers: { type: "string" },
  data: { type: "string" },
} as const;

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parse(command, args, options);
  if (values.help) {
    console.log(help);
    return 0;
  }
  const suite = findSuite(values.suite ?? "ci");
  const dir = values.baseline ?? path.join("results", "baselines");
  if (values.reason !== undefined && !values.reason.trim())
    throw new UsageError(
      "--reason: expected why the baseline changes, found nothing. It is kept: say it in a sentence.",
    );
  if (values.reason === undefined && !process.stdin.isTTY)
    throw new UsageError(`${command}: expected --reason "..." (there is no terminal to ask on), found none.`);
  const dataDir = folder("--data", values.data);
  await requireData(suite, dataDir);
  const { records, lacking } = await runFresh(suite, {
    out: values.out ?? path.join("results", "local", "baseline"),
    engine: engineName(values.engine ?? "auto"),
    workers: wholeNumber("--workers", values.workers),
    dataDir,
  });
  const failed = records.filter((r) => r.status === "failed");
  if (failed.length || !records.length)
    throw new UserError(`${suite.name}: expected runs that all ended well, found ${failed.length} failed of ${records.length}: ${failed[0]?.reason ?? "none ran"}. No baseline was recorded.`); // prettier-ignore
  const file = path.join(dir, `${suite.name}.jsonl`);
  const changes = fs.existsSync(file)
    ? compareRuns(suite.cells, readBaseline(dir, suite.name), records, lacking).map(lineText)
    : ["the first baseline of this suite"];
  for (const change of changes) console.log(change);
  const reason = values.reason ?? (await ask());
  if (!reason.trim()) throw new UserError("no reason was given: the baseline stays as it was.");
  const lines = [...records]
    .sort((a, b) => (a.cell < b.cell ? -1 : a.cell > b.cell ? 1 : a.seed - b.seed))
    .map(recordLine);
  writeWhole(file, `${lines.join("\n")}\n`);
  const history = {
    recorded: new Date().toISOString(),
    reason,
    code: codeVersion(),
    engine: records[0].engine.name,
    changes,
  };
  const kept = path.join(dir, `${suite.name}.history.json`);
  const before = fs.existsSync(kept) ? (JSON.parse(fs.readFileSync(kept, "utf8")) as unknown[]) : [];
  writeWhole(kept, `${JSON.stringify([...before, history], null, 2)}\n`);
  console.log(`${records.length} runs: ${file}`);
  return 0;
}

/** A baseline without some of its cells would have the check pass them over for good. @throws UserError */
async function requireData(suite: Suite, dataDir: string | undefined): Promise<void> {
  const cells = await plan([suite], { profile: "full", dataDir, records: [] });
  const lacking = cells.filter(({ cell, missing }) => missing && !cell.missing); // the suite itself lists what nobody has
  if (!lacking.length) return;
  const more = lacking.length > 1 ? ` (and ${lacking.length - 1} more)` : "";
  throw new UserError(
    `${suite.name}: expected the data of all its cells, found ${lacking[0].name} without${more}: ${lacking[0].missing} No baseline was recorded.`,
  );
}

async function ask(): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await terminal.question("Why does the baseline change? ");
  } finally {
    terminal.close();
  }
}

if (require.main === module) entry(main);
