/**
 * Where a neural run stands after an epoch: weights, moments, the best epoch's weights, the epochs so far. A checkpoint knows whose
 * it is (run, code, engine): one of another run is never loaded.
 *
 * Layout: 8 bytes length of the header, the header as JSON (with the SHA-256 of its other entries and of the rest), then float32 arrays.
 */
import * as fs from "node:fs";
import { createHash } from "node:crypto";
import type { EpochRecord, Scores } from "../core/record";
import type { OptimizerState } from "../engine/engine";
import { writeWhole } from "./files";

export type Weights = Readonly<Record<string, Float32Array>>;

export interface Checkpoint {
  readonly epochs: readonly EpochRecord[];
  readonly weights: Weights;
  readonly optimizer: OptimizerState;
  /** Weights of the best epoch, where that is not the last. */
  readonly best?: Weights;
  /** What the test watcher has seen. */
  readonly watched?: Scores;
}

interface Header {
  readonly owner: string;
  readonly sha256: string;
  readonly epochs: readonly EpochRecord[];
  readonly watched?: Scores;
  readonly steps: number;
  readonly arrays: readonly {
    readonly group: "weights" | "best" | "m" | "v";
    readonly name: string;
    readonly length: number;
  }[];
}

/** SHA-256 of a header's other entries and the arrays' bytes: an edited score or step count is damage too. */
function checkOf(header: Header, bodies: readonly Uint8Array[]): string {
  const hash = createHash("sha256").update(JSON.stringify({ ...header, sha256: undefined }));
  for (const body of bodies) hash.update(body);
  return hash.digest("hex");
}

/** @param owner  hash of all that the run depends on: identity, code, engine */
export function saveCheckpoint(file: string, owner: string, checkpoint: Checkpoint): void {
  const { epochs, weights, optimizer, best, watched } = checkpoint;
  const groups = { weights, ...(best && { best }), m: optimizer.m, v: optimizer.v };
  const arrays = Object.entries(groups).flatMap(([group, named]) =>
    Object.entries(named).map(([name, data]) => ({ group: group as "weights", name, data })),
  );
  const bodies = arrays.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  const header: Header = {
    owner,
    sha256: "",
    epochs,
    ...(watched && { watched }),
    steps: optimizer.steps,
    arrays: arrays.map(({ group, name, data }) => ({ group, name, length: data.length })),
  };
  const json = Buffer.from(JSON.stringify({ ...header, sha256: checkOf(header, bodies) }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeWhole(file, [length, json, ...bodies]);
}

/**
 * Reads a checkpoint.
 * @returns undefined where there is none, and, with the reason through `say`, where it is damaged or another run's: that run starts anew
 */
export function loadCheckpoint(
  file: string,
  owner: string,
  say: (why: string) => void = () => undefined,
): Checkpoint | undefined {
  if (!fs.existsSync(file)) return undefined;
  const bytes = fs.readFileSync(file);
  const unusable = (why: string) => void say(`checkpoint ${file}: ${why}; the run starts anew.`);
  let header: Header | null;
  let start: number;
  try {
    const length = Number(bytes.readBigUInt64LE(0));
    start = 8 + length;
    header = JSON.parse(bytes.toString("utf8", 8, start)) as Header | null;
  } catch {
    return unusable("cut or damaged");
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) return unusable("cut or damaged");
  if (header.owner !== owner) return unusable("made by another run, code or engine");
  if (checkOf(header, [bytes.subarray(start)]) !== header.sha256)
    return unusable("cut or damaged, or of an older form");
  const groups: Record<"weights" | "best" | "m" | "v", Record<string, Float32Array>> = {
    weights: {},
    best: {},
    m: {},
    v: {},
  };
  for (const { group, name, length } of header.arrays) {
    const copy = Uint8Array.prototype.slice.call(bytes, start, start + 4 * length);
    groups[group][name] = new Float32Array(copy.buffer, copy.byteOffset, length);
    start += 4 * length;
  }
  return {
    epochs: header.epochs,
    weights: groups.weights,
    optimizer: { steps: header.steps, m: groups.m, v: groups.v },
    ...(Object.keys(groups.best).length && { best: groups.best }),
    ...(header.watched && { watched: header.watched }),
  };
}
