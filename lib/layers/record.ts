/** Records a system once for a shape: the graph that engines compile. */
import type { Config, Shape } from "../core/types";
import { Graph, type Output } from "../engine/graph";
import { Net } from "./net";
import type { NeuralSystem } from "./system";

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
