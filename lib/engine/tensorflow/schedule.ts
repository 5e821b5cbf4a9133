/** In which order a graph is computed, and which of its values need a gradient. Both are known once it is recorded. */
import type { Graph, Op, Param, ScanBody, Value } from "../graph";
import { hasKernel } from "./kernels";
import { RecurrentGroup } from "./recurrent";

/** A value, or recurrent layers that advance together. */
export interface Entry {
  readonly values: readonly Value[];
  readonly group?: RecurrentGroup;
}

const handled: ReadonlySet<Op["kind"]> = new Set([
  "gru",
  "lstm",
  "scan",
  "scanLast",
  "scanRows",
  "scanInput",
  "scanState",
]);

/** The first operation of a graph that is not computed here, in words; such a graph runs on the reference over TensorFlow. */
export function unsupported(graph: Graph): string | undefined {
  const op = graph.values.map((v) => v.op).find(({ kind }) => !hasKernel(kind) && !handled.has(kind));
  return op?.kind === "plain" ? `plain (${op.label})` : op?.kind;
}

/**
 * Recorded order, but for recurrent layers: those of one depth (the number of recurrent layers before them) that are alike become
 * one entry, and whatever does not need them comes before it.
 */
export function scheduled(graph: Graph): Entry[] {
  const inBody = new Set(graph.values.flatMap(({ op }) => (op.kind === "scan" ? bodyOrder(op.body) : [])));
  const depths = new Map<Value, number>();
  const outer = graph.values.filter(({ axis }) => axis !== "step");
  const groups = new Map<string, Value[]>();
  for (const v of outer) {
    const before = v.inputs.reduce((depth, input) => Math.max(depth, depths.get(input) ?? 0), 0);
    const { op } = v;
    const recurrent = op.kind === "gru" || op.kind === "lstm";
    depths.set(v, before + Number(recurrent));
    if (!recurrent) continue;
    const like = [before, op.kind, op.units, op.gates, op.recurrentDrop?.rate ?? 0].join();
    groups.set(like, [...(groups.get(like) ?? []), v]);
  }
  const entries: { entry: Entry; depth: number; id: number }[] = [...groups.values()].map((values) => ({
    entry: { values, group: new RecurrentGroup(values) },
    depth: depths.get(values[0]) as number,
    id: -1,
  }));
  for (const v of outer)
    if (v.op.kind !== "gru" && v.op.kind !== "lstm" && !inBody.has(v))
      entries.push({ entry: { values: [v] }, depth: depths.get(v) as number, id: v.id });
  return entries.sort((a, b) => a.depth - b.depth || a.id - b.id).map(({ entry }) => entry);
}

/** Values of a scan's step in the order of their computation, without its placeholders. */
export function bodyOrder(body: ScanBody): Value[] {
  const needed = new Set<Value>();
  const open = [...body.states.map((s) => s.after), ...body.outputs];
  for (let v = open.pop(); v; v = open.pop()) {
    if (needed.has(v) || v.op.kind === "scanInput" || v.op.kind === "scanState") continue;
    needed.add(v);
    open.push(...v.inputs);
  }
  return [...needed].sort((a, b) => a.id - b.id);
}

/** Values that a trainable parameter reaches and through which a gradient passes. */
export function wantedIn(graph: Graph): Set<Value> {
  const wanted = new Set<Value>();
  for (const v of graph.values) {
    const { op } = v;
    if (op.kind === "stop" || op.kind === "attention" || op.kind === "cells") continue;
    // A state may start without a gradient and get one at the first step.
    const state = op.kind === "scanState";
    const scan = op.kind === "scan" && bodyOrder(op.body).some((b) => paramsOf(b.op).some((p) => p.trainable));
    if (state || scan || paramsOf(op).some((p) => p.trainable) || v.inputs.some((input) => wanted.has(input)))
      wanted.add(v);
    // Inputs of a scan are computed outside of it; whether they want a gradient is settled there.
    if (op.kind === "scanInput") wanted.add(v);
  }
  return wanted;
}

function paramsOf(op: Op): readonly Param[] {
  switch (op.kind) {
    case "dense":
      return op.bias ? [op.kernel, op.bias] : [op.kernel];
    case "gru":
    case "lstm":
      return [op.forward, ...(op.backward ? [op.backward] : [])].flatMap(({ kernel, recurrent, bias }) => [
        kernel,
        recurrent,
        bias,
      ]);
    case "batchNorm":
      return [op.gamma, op.beta];
    default:
      return [];
  }
}

/** All values that `results` are computed from, themselves included; a scan's body is part of the scan. */
export function neededFor(results: readonly Value[]): Set<Value> {
  const needed = new Set<Value>();
  const open = [...results];
  for (let v = open.pop(); v; v = open.pop()) {
    if (needed.has(v)) continue;
    needed.add(v);
    open.push(...v.inputs);
  }
  return needed;
}
