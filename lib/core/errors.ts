/**
 * Errors of one form: where it happened, what was expected, what was found, how to mend it.
 * Entries print `message` and exit with `exitCode`; a stack is for faults of our own, not of the input.
 */
export class UserError extends Error {
  /** 1: the input or the state is wrong; 2: the command line is wrong; 130: a signal ended it. */
  readonly exitCode: number = 1;
  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }
}

/** A data file or folder is not what its format says. */
export class DataError extends UserError {}

/** A metric or test was asked of values that do not define it. */
export class MetricError extends UserError {}

/** A system cannot take this task, these modalities or this configuration. */
export class SystemError extends UserError {}

/** An engine that was asked for cannot start. */
export class EngineError extends UserError {}

/** A run ended without a result: the loss or a tensor stopped being finite. */
export class TrainingError extends UserError {}

/** A record file is torn, edited or of another version. */
export class RecordError extends UserError {}

/** The command line is wrong: an unknown option, name or value. */
export class UsageError extends UserError {
  override readonly exitCode = 2;
}

/** A signal came before there was a result. */
export class InterruptedError extends UserError {
  override readonly exitCode = 130;
}

/** "a, b or c": the words of a message that lists what is allowed. */
export function oneOf(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names[names.length - 1]}`;
}
