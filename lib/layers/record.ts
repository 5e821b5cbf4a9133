/** Records a system once for a shape: the graph that engines compile. */
import { SystemError } from "../core/errors";
import type { Config, Modality, Shape } from "../core/types";
import { Graph, type Output } from "../engine/graph";
import { Net } from "./net";
import type { NeuralSystem, StageOne } from "./system";

export interface Recorded {
  readonly graph: Graph;
  readonly output: Output;
}

/** @throws SystemError where the system cannot take this shape */
export function record<C extends Config>(system: NeuralSystem<C>, shape: Shape, config: C): Recorded {
  system.accepts(shape, config);
  const graph = new Graph(shape);
  return { graph, output: system.forward(new Net(graph), config) };
}

export interface RecordedStages {
  /** One graph a modality: `output` is trained by itself, `features` goes on. */
  readonly first: Readonly<Record<Modality, StageOne & { readonly graph: Graph }>>;
  /** Takes the features in place of the modalities. */
  readonly second: Recorded;
}

/** The graphs of a system with two stages; names of weights are those of `record`. */
export function recordStages<C extends Config>(system: NeuralSystem<C>, shape: Shape, config: C): RecordedStages {
  system.accepts(shape, config);
  const { stages } = system;
  if (!stages) throw new SystemError(`${system.name}: expected a system with two stages, found one that has one.`);
  const widths: Partial<Record<Modality, number>> = {};
  const first = Object.fromEntries(
    shape.modalities.map((m) => {
      const graph = new Graph({ ...shape, modalities: [m], widths: { [m]: shape.widths[m] } });
      const stage = stages.first(new Net(graph), config);
      widths[m] = stage.features.width;
      return [m, { graph, ...stage }];
    }),
  ) as unknown as RecordedStages["first"];
  const graph = new Graph({ ...shape, widths });
  return { first, second: { graph, output: stages.second(new Net(graph), config) } };
}
