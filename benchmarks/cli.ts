/** What the entries share: options parsed strictly, mistakes told with what is known, one place for the exit code. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { UsageError, UserError } from "../lib/core/errors";

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
    return parseArgs({ args: [...args], options: all, allowPositionals });
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    if (!code?.startsWith("ERR_PARSE_ARGS")) throw error;
    const known = Object.keys(all).sort().map((name) => `--${name}`).join(" "); // prettier-ignore
    throw new UsageError(`${command}: ${message.split(". ")[0]}. Known options: ${known}. See ${command} -- --help.`);
  }
}

/** A whole number from `least`, as an option gives it. */
export function wholeNumber(option: string, text: string | undefined, least = 1): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isSafeInteger(value) || value < least)
    throw new UsageError(`${option}: expected a whole number from ${least}, found ${text}.`);
  return value;
}

/** Runs an entry and sets the exit code: that of the error for what a user can mend, with its words; else the stack. */
export function entry(main: (args: readonly string[]) => Promise<number>): void {
  main(process.argv.slice(2)).then(
    (code) => (process.exitCode = code),
    (error: unknown) => {
      console.error(error instanceof UserError ? error.message : error);
      process.exitCode = error instanceof UserError ? error.exitCode : 1;
    },
  );
}
