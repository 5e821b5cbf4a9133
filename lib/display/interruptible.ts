/** The stop button of a notebook, as an AbortSignal. */

/** One turn of the event loop: signals, completion and displays are only served between turns. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Runs `body` with a signal that the stop button (SIGINT) sets. Work that watches the signal can then end normally, and
 * the cell keeps what it has; a second press goes to the kernel, which fails the cell.
 * @param body  must give the event loop a turn now and then (the trainer does, after each batch)
 * @example const run = await interruptible((signal) => train(cia, data, { signal }));
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  // During a cell's first synchronous stretch node:vm owns SIGINT and drops handlers set meanwhile; the next press would
  // then end the kernel. One turn later the handlers stay.
  await breathe();
  const others = process.listeners("SIGINT");
  const stop = new AbortController();
  const restore = () => {
    process.removeListener("SIGINT", onStop);
    for (const other of others) if (!process.listeners("SIGINT").includes(other)) process.on("SIGINT", other);
  };
  const onStop = () => {
    restore();
    stop.abort(new Error("stopped by the stop button"));
  };
  process.on("SIGINT", onStop);
  for (const other of others) process.removeListener("SIGINT", other);
  try {
    return await body(stop.signal);
  } finally {
    restore();
  }
}
