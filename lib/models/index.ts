/** All systems by name, as on the command line. */
import { oneOf, UsageError } from "../core/errors";
import type { FittedSystem } from "../core/system";
import type { NeuralSystem, System } from "../layers/system";
import { bcLstm } from "./bc-lstm";
import { biGru } from "./bigru";
import { bofMsa } from "./bof-msa";
import { cia } from "./cia";
import { constant } from "./constant";
import { df } from "./df";
import { dfg } from "./dfg";
import { efLstm } from "./ef-lstm";
import { linear } from "./linear";
import { marn } from "./marn";
import { mfm } from "./mfm";
import { mfn } from "./mfn";
import { mmmuBa } from "./mmmu-ba";
import { mvLstm } from "./mv-lstm";
import { rf } from "./rf";
import { svm } from "./svm";
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

const fitted = [svm, rf, bofMsa, linear, constant] as unknown as readonly FittedSystem[];

/** CIA, the thirteen compared systems, and the yardsticks: BiGRU, logistic and ridge regression, the constant guess. */
export const systems: readonly System[] = [...neural, ...fitted];

/** @throws UsageError naming the systems that exist */
export function findSystem(name: string): System {
  const system = systems.find((s) => s.name === name);
  if (!system) throw new UsageError(`system: expected ${oneOf(systems.map((s) => s.name))}, found ${name}.`);
  return system;
}
