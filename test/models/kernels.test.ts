import { strict as assert } from "node:assert";
import { suites } from "../../benchmarks/suites";
import { type Config, outputsOf, type Shape } from "../../lib/core/types";
import type { Graph } from "../../lib/engine/graph";
import { unsupported } from "../../lib/engine/wasm/compile";
import { record, recordStages } from "../../lib/layers/record";
import type { NeuralSystem } from "../../lib/layers/system";
import { findSystem, systems } from "../../lib/models";
import { levels, subsets, tasks } from "./cases";

const neural = systems.filter((s): s is NeuralSystem => s.kind === "neural");
const widths = { T: 5, A: 3, V: 4 };
const cells = suites.flatMap((suite) => suite.cells);

/** The defaults, each value that a search may draw, and the settings of every declared cell. */
function settingsOf({ name, space }: NeuralSystem): Config[] {
  const searched = Object.entries(space).flatMap(([key, values]) => values.map((value) => ({ [key]: value })));
  const declared = cells.filter((c) => c.system === name).map((c) => c.config);
  const all = [{}, ...searched, ...declared].map((setting) => JSON.stringify(setting));
  return [...new Set(all)].map((setting) => JSON.parse(setting) as Config);
}

/** All that the trainer compiles of a system. */
function graphsOf(system: NeuralSystem, shape: Shape, setting: Config): Graph[] {
  const config = { ...system.defaults, ...setting };
  const { graph } = record(system, shape, config);
  if (!system.stages) return [graph];
  const { first, second } = recordStages(system, shape, config);
  return [graph, second.graph, ...Object.values(first).map((stage) => stage.graph)];
}

describe("kernels of the wasm engine", function () {
  this.timeout(60_000);

  for (const system of neural)
    it(`cover ${system.name}, with every setting that a suite or a search gives it`, () => {
      for (const [i, setting] of settingsOf(system).entries())
        for (const level of levels)
          for (const task of i === 0 ? tasks : tasks.slice(1, 2))
            for (const modalities of i === 0 ? subsets : subsets.slice(-1)) {
              const own = system.rows === "alone" ? "sequence" : level;
              const shape: Shape = { widths, modalities, level: own, task, outputs: outputsOf(task) };
              for (const graph of graphsOf(system, shape, setting))
                assert.equal(unsupported(graph), undefined, `${JSON.stringify(setting)} on ${modalities.join("+")}`);
            }
    });

  it("do not cover two settings of mmmu-ba that no suite runs: attention over modalities, and padded keys", () => {
    const [level] = levels;
    const shape: Shape = { widths, modalities: ["T", "A"], level, task: tasks[0], outputs: outputsOf(tasks[0]) };
    const without = (setting: Config): string | undefined =>
      unsupported(graphsOf(findSystem("mmmu-ba") as NeuralSystem, shape, setting)[0]);
    assert.equal(without({ attention: "MMUU-SA" }), "plain (MMUU-SA)");
    assert.equal(without({ padTo: 9 }), "plain (attend with padded keys)");
  });
});
