/** What the entries share: options parsed strictly, mistakes told with what is known, one place for the exit code. */
import * as fs from "node:fs";
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError, UserError } from "../lib/core/errors";
import type { Profile } from "../lib/core/suite";
import { modalityOrder, type Modality, type Task } from "../lib/core/types";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Parses a command line.
 * @param command  "npm run train", for messages
 * @throws UsageError naming the options that exist
 */
export function parse<O extends Options>(
  command: string,
  args: readonly string[],
  options: O,
  allowPositionals = false,
): ReturnType<
  typeof parseArgs<{
    args: string[];
    options: O & { help: { type: "boolean"; short: "h" } };
    allowPositionals: boolean;
  }>
> {
  const all = { ...options, help: { type: "boolean", short: "h" } } as const;
  try {
    const parsed = parseArgs({ args: [...args], options: all, allowPositionals });
    for (const [name, value] of Object.entries(parsed.values))
      if (value === "") throw new UsageError(`--${name}: expected a value, found nothing.`);
    return parsed;
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (!code?.startsWith("ERR_PARSE_ARGS")) throw error;
    const known = Object.keys(all).sort().map((name) => `--${name}`).join(" "); // prettier-ignore
    throw new UsageError(`${command}: ${message.split(". ")[0]}. Known options: ${known}. See ${command} -- --help.`);
  }
}

/** @throws UsageError for options that were given beside `option` and would do nothing there */
export function refuseBeside(
  values: Readonly<Record<string, unknown>>,
  option: string,
  ignored: readonly string[],
): void {
  const found = ignored.find((name) => values[name] !== undefined);
  if (values[option] !== undefined && found !== undefined)
    throw new UsageError(`--${option}: expected it without --${found}, which would do nothing here. Leave one out.`);
}

/** "quick" where nothing is given. */
export function readProfile(text: string | undefined): Profile {
  const profile = text ?? "quick";
  if (profile !== "quick" && profile !== "full")
    throw new UsageError(`--profile: expected quick or full, found ${profile}.`);
  return profile;
}

/** A folder that must be there. */
export function folder(option: string, dir: string | undefined): string | undefined {
  if (dir === undefined || fs.statSync(dir, { throwIfNoEntry: false })?.isDirectory()) return dir;
  throw new UsageError(`${option}: expected a folder, found none at ${dir}.`);
}

/** A number from 0, as an option gives it. */
export function amount(option: string, text: string | undefined, unit: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new UsageError(`${option}: expected ${unit} from 0, found ${text}.`);
  return value;
}

/** A whole number from `least`, as an option gives it. */
export function wholeNumber(option: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${option}: expected a whole number from ${least}, found ${text}.`);
  return value;
}

/** "classes:3" -> a task. */
export function readTask(text: string | undefined): Task {
  const found = /^classes:(\d+)$/.exec(text ?? "");
  if (found && Number(found[1]) >= 2) return { kind: "classes", classes: Number(found[1]) };
  if (text === "emotions" || text === "intensity") return { kind: text };
  throw new UsageError(`--task: expected classes:N (N from 2), emotions or intensity, found ${text ?? "nothing"}.`);
}

/** "TA", "T+A" -> the modalities, in their usual order. */
export function readModalities(text: string): Modality[] {
  const letters = text
    .toUpperCase()
    .replaceAll(/[+,\s]/g, "")
    .split("");
  if (
    !letters.length ||
    letters.some((m) => !(modalityOrder as readonly string[]).includes(m)) ||
    new Set(letters).size < letters.length
  )
    // prettier-ignore
    throw new UsageError(`--modalities: expected some of T, A and V, such as TAV or AV, found ${text}.`);
  return modalityOrder.filter((m) => letters.includes(m));
}

/** Runs an entry and sets the exit code: that of the error for what a user can mend, with its words; else the stack. */
export function entry(main: (args: readonly string[]) => Promise<number>): void {
  process.exitCode = 1; // a promise that nothing settles ends the process: not as if all were well
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      console.error(error instanceof UserError ? error.message : error);
      process.exitCode = error instanceof UserError ? error.exitCode : 1;
    },
  );
}
