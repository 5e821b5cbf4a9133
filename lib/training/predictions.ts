/**
 * Predictions as they are stored: 16 bits a value, so that thousands of runs fit beside the code. A run's metrics are
 * computed FROM the stored values, so an audit that recomputes them finds the same numbers to the last bit.
 */
import { RecordError } from "../core/errors";
import type { Predictions, Task } from "../core/types";
import { decodeNpz, encodeNpz, type NpzArray } from "./npz";

const steps = 65535;

/** Lowest and highest value that 16 bits stand for: [0, 1] for probabilities, what was predicted for intensities. */
function rangeOf(values: Float32Array, task: Task): readonly [number, number] {
  if (task.kind !== "intensity") return [0, 1];
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return high > low ? [low, high] : [low, low + 1];
}

/** Nearest of 65,536 values between low and high. */
function quantise(values: Float32Array, [low, high]: readonly [number, number]): Uint16Array {
  return Uint16Array.from(values, (v) => Math.min(steps, Math.max(0, Math.round(((v - low) / (high - low)) * steps))));
}

function dequantise(data: ArrayLike<number>, [low, high]: readonly [number, number]): Float32Array {
  return Float32Array.from({ length: data.length }, (_, i) => low + (data[i] / steps) * (high - low));
}

/** What comes back when these predictions are stored and read: use it for every metric of a record. */
export function asStored(predictions: Predictions, task: Task): Predictions {
  const range = rangeOf(predictions.values, task);
  return { ...predictions, values: dequantise(quantise(predictions.values, range), range) };
}

/** The `.npz` of named predictions: entry NAME, uint16 (units, outputs); value = low + entry / 65535 * (high - low), `NAME.range` = [low, high]. */
export function encodePredictions(named: Readonly<Record<string, Predictions>>, task: Task): Uint8Array {
  const arrays: Record<string, NpzArray> = {};
  for (const [name, { units, outputs, values }] of Object.entries(named)) {
    const range = rangeOf(values, task);
    arrays[name] = { shape: [units, outputs], data: quantise(values, range) };
    arrays[`${name}.range`] = { shape: [2], data: Float64Array.from(range) };
  }
  return encodeNpz(arrays);
}

/** @throws RecordError where the file is not one that `encodePredictions` wrote */
export function decodePredictions(bytes: Uint8Array, where: string): Record<string, Predictions> {
  const arrays = decodeNpz(bytes, where);
  const named: Record<string, Predictions> = {};
  for (const [name, { shape, data }] of Object.entries(arrays)) {
    if (name.endsWith(".range")) continue;
    const range = arrays[`${name}.range`]?.data;
    if (!range || shape.length !== 2)
      throw new RecordError(
        `${where}, ${name}: expected (units, outputs) and a range, found shape (${shape.join(", ")}).`,
      );
    const [units, outputs] = shape;
    named[name] = { units, outputs, values: dequantise(data, [range[0], range[1]]) };
  }
  return named;
}
