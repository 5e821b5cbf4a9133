/** Looking into a model: named values of a recording as rows of numbers. */
import { SystemError, oneOf } from "../core/errors";
import type { Batch } from "../core/types";
import type { Program } from "../engine/engine";
import type { Value } from "../engine/graph";

function tapOf(program: Program, name: string): Value {
  const taps = program.output.taps ?? {};
  if (Object.hasOwn(taps, name)) return taps[name];
  const alike = Object.keys(taps).filter((tap) => tap.split("/")[0] === name.split("/")[0]);
  throw new SystemError(
    `${name}: expected a named value of this model, found none. It has ${oneOf(alike.length ? alike : Object.keys(taps))}.`,
  );
}

function toRows(values: Float32Array, width: number): number[][] {
  const count = width ? values.length / width : 0;
  return Array.from({ length: count }, (_, i) => Array.from(values.subarray(i * width, (i + 1) * width)));
}

/**
 * A named value of a model on a batch, without dropout: one list of numbers a row.
 * @param name  a tap: "code/TA", "M/TA", "BI/AV", "cam/TA/M_BI", ...
 * @throws SystemError naming the taps there are
 */
export async function valueOf(program: Program, batch: Batch, name: string): Promise<number[][]> {
  const value = tapOf(program, name);
  const [values] = await program.evaluate(batch, [value]);
  return toRows(values, value.width);
}

/**
 * Attention weights of one sequence, rows ask and columns answer: n lists of n numbers that sum to 1.
 * @param batch  of one sequence
 * @param name  "att/TA/M_BI", "att/TA/BI_M", ...
 */
export async function attentionOf(program: Program, batch: Batch, name: string): Promise<number[][]> {
  if (batch.offsets.length !== 2)
    throw new SystemError(
      `${name}: expected a batch of one sequence, found ${batch.offsets.length - 1}; use select(split, [i]).`,
    );
  const [values] = await program.evaluate(batch, [tapOf(program, name)]);
  return toRows(values, batch.offsets[1]);
}
