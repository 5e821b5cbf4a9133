/** All systems by name, as on the command line. */
import { oneOf, UsageError } from "../core/errors";
import type { NeuralSystem, System } from "../layers/system";
import { cia } from "./cia";

// A system's own file knows the type of its configuration; here they are all one kind.
const neural = [cia] as unknown as readonly NeuralSystem[];

export const systems: readonly System[] = [...neural];

/** @throws UsageError naming the systems that exist */
export function findSystem(name: string): System {
  const system = systems.find((s) => s.name === name);
  if (!system) throw new UsageError(`system: expected ${oneOf(systems.map((s) => s.name))}, found ${name}.`);
  return system;
}
