/** Small data, a small engine and a small system: enough to train a run in a second. */
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { Config, Dataset } from "../../lib/core/types";
import { makeSynthetic, pack } from "../../lib/data";
import type { Engine } from "../../lib/engine/engine";
import { startEngine } from "../../lib/engine/choose";
import type { NeuralSystem } from "../../lib/layers/system";
import { taskOutput } from "../../lib/layers/head";

/** 12 + 6 + 8 short videos. */
export function tinyDataset(seed = 1): Dataset {
  return pack(makeSynthetic({ seed, videos: [12, 6, 8] }), { scaling: "none" });
}

let engine: Promise<Engine> | undefined;
/** The reference engine, started once. */
export const cpuEngine = (): Promise<Engine> => (engine ??= startEngine("cpu", { say: () => undefined }));

interface TinyConfig extends Config {
  readonly units: number;
  readonly drop: number;
}

/** One dense layer over T, A, V and a head: trains in milliseconds on any engine. */
export const tinySystem = {
  kind: "neural",
  name: "tiny",
  title: "Tiny",
  paper: "none",
  defaults: { units: 4, drop: 0.2 },
  space: { units: [4, 8] },
  rows: "context",
  accepts: () => undefined,
  forward: (net, { units, drop }) =>
    taskOutput(
      net,
      net.dense("head", net.dense("hidden", net.inputs(), units, { act: "relu", drop }), net.shape.outputs),
    ),
} satisfies NeuralSystem<TinyConfig> as unknown as NeuralSystem;

const temporary: string[] = [];
process.once("exit", () => temporary.forEach((dir) => fs.rmSync(dir, { recursive: true, force: true })));

/** An empty folder that is removed when the process ends. */
export function temporaryFolder(name: string): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  temporary.push(dir);
  return dir;
}
