/** All systems by name, as on the command line. */
import { oneOf, UsageError } from "../core/errors";
import type { NeuralSystem, System } from "../layers/system";
import { bcLstm } from "./bc-lstm";
import { biGru } from "./bigru";
import { cia } from "./cia";
import { df } from "./df";
import { dfg } from "./dfg";
import { efLstm } from "./ef-lstm";
import { marn } from "./marn";
import { mfm } from "./mfm";
import { mfn } from "./mfn";
import { mmmuBa } from "./mmmu-ba";
import { mvLstm } from "./mv-lstm";
import { tfn } from "./tfn";

// A system's own file knows the type of its configuration; here they are all one kind.
const neural = [
  cia,
  bcLstm,
  mmmuBa,
  efLstm,
  mvLstm,
  marn,
  mfn,
  mfm,
  dfg,
  tfn,
  df,
  biGru,
] as unknown as readonly NeuralSystem[];

export const systems: readonly System[] = [...neural];

/** @throws UsageError naming the systems that exist */
export function findSystem(name: string): System {
  const system = systems.find((s) => s.name === name);
  if (!system) throw new UsageError(`system: expected ${oneOf(systems.map((s) => s.name))}, found ${name}.`);
  return system;
}
