/** Files that are whole or not there: written beside, flushed, renamed. */
import * as fs from "node:fs";
import * as path from "node:path";
import { UserError } from "../core/errors";

/** A write that the disk refused, in words that say what to do. */
export function writeError(file: string, error: unknown): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new UserError(
      `${file}: expected room to write, found the disk full. Free some and run the same command again: what is recorded is kept.`,
    );
  if (code === "EFBIG")
    return new UserError(
      `${file}: expected room to write, found the greatest size of a file reached. Raise it (ulimit -f) and run the same command again: what is recorded is kept.`,
    );
  if (code === "EACCES" || code === "EROFS" || code === "EPERM")
    return new UserError(`${file}: expected leave to write, found ${code}. Give --out a folder of your own.`);
  return error instanceof Error ? error : new Error(message);
}

/** Writes a file by way of another beside it, so that no reader ever sees half of it. */
export function writeWhole(file: string, parts: string | Uint8Array | readonly Uint8Array[]): void {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const fd = fs.openSync(beside, "w");
    try {
      const whole = typeof parts === "string" ? Buffer.from(parts) : parts;
      for (const part of whole instanceof Uint8Array ? [whole] : whole) writeAll(fd, part);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(beside, file);
  } catch (error) {
    fs.rmSync(beside, { force: true });
    throw writeError(file, error);
  }
}

/** All bytes: one call may write fewer than asked. */
export function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
}
