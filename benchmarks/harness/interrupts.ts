/** Signals: what is done at the first, and at the second. */
import { performance } from "node:perf_hooks";

const signals = ["SIGINT", "SIGTERM"] as const;

/** One press of Ctrl-C comes twice where npm's part of us (setup.mjs) passes on what the terminal sends to us too. */
const echoMs = 300;

/** SIGINT and SIGTERM while there is work: the first stops it where it stands, so that nothing is lost, the second ends it at once. */
export class Interrupts {
  count = 0;
  private lastSigint = -Infinity;
  readonly listener = (signal: NodeJS.Signals) => {
    if (signal === "SIGINT") {
      const now = performance.now();
      if (now - this.lastSigint < echoMs) return;
      this.lastSigint = now;
    }
    this.count++;
    if (this.count > 1) this.work.kill();
    else {
      this.atFirst();
      this.work.stop();
    }
  };

  constructor(
    private readonly work: { stop(): void; kill(): void },
    private readonly atFirst: () => void,
  ) {
    for (const signal of signals) {
      process.off(signal, leave);
      process.on(signal, this.listener);
    }
  }

  end(): void {
    for (const signal of signals) {
      process.off(signal, this.listener);
      process.on(signal, leave);
    }
  }
}

/** Before and after the work nothing runs that could be lost. */
function leave(): void {
  process.exit(130);
}

/** Until `Interrupts` takes over, and after it. */
export function leaveAtSignals(): void {
  for (const signal of signals) if (!process.listeners(signal).includes(leave)) process.on(signal, leave);
}
