/**
 * The operations that models are written in. Each records one value; its meaning is the case of the same name in
 * reference.ts. Shapes: n rows, s sequences, d width.
 */
import { SystemError } from "../core/errors";
import type { Modality } from "../core/types";
import type { Act, Axis, Drop, Gates, Graph, Op, Param, PlainFunction, Recurrent, ScanState, Value } from "./graph";

function node(op: Op, inputs: readonly Value[], width: number, axis: Axis = inputs[0].axis, path = ""): Value {
  return inputs[0].graph.add(op, inputs, axis, width, path);
}

function sameShape(name: string, a: Value, b: Value): void {
  if (a.axis !== b.axis || a.width !== b.width)
    throw new SystemError(
      `${name}: expected two values of one shape, found (${a.axis}, ${a.width}) and (${b.axis}, ${b.width}); a dense layer changes a width, meanRows turns rows into sequences.`,
    );
}

/** Rows of values over unlike axes do not belong together, and kernels would not notice. */
function oneAxis(name: string, xs: readonly Value[]): void {
  const other = xs.find((x) => x.axis !== xs[0].axis);
  if (other)
    throw new SystemError(
      `${name}: expected values over ${xs[0].axis}, found one over ${other.axis}; meanRows and lastRow turn rows into sequences, and a scan's step sees rows through its inputs.`,
    );
}

function onRows(name: string, x: Value): void {
  if (x.axis !== "rows") throw new SystemError(`${name}: expected a value over rows, found one over ${x.axis}.`);
}

/** Features of a modality, (n, d). */
export function input(graph: Graph, modality: Modality): Value {
  const width = graph.shape.widths[modality];
  if (width === undefined)
    throw new SystemError(
      `input: expected a modality of ${Object.keys(graph.shape.widths).join(", ")}, found ${modality}.`,
    );
  return graph.add({ kind: "input", modality }, [], "rows", width, modality);
}

/** The batch's targets as numbers, (units, outputs): emotions 0 or 1, intensity in [-1, 1]. */
export function targets(graph: Graph): Value {
  return graph.add(
    { kind: "targets" },
    [],
    graph.shape.level === "row" ? "rows" : "sequences",
    graph.shape.outputs,
    "targets",
  );
}

/** Standard normal numbers (s, width), drawn by (seed, name, step). */
export function noise(graph: Graph, name: string, width: number): Value {
  return graph.add({ kind: "noise", name }, [], "sequences", width, name);
}

/** act([x1, x2, ...] W + b) then dropout; W (sum of widths, units). */
export function dense(
  x: Value | readonly Value[],
  kernel: Param,
  bias: Param | undefined,
  act: Act = "linear",
  drop?: Drop,
  path = "",
): Value {
  const inputs = Array.isArray(x) ? (x as readonly Value[]) : [x as Value];
  oneAxis(path || "dense", inputs);
  const width = inputs.reduce((sum, v) => sum + v.width, 0);
  if (kernel.shape[0] !== width)
    throw new SystemError(`${kernel.name}: expected ${width} rows (the width of its input), found ${kernel.shape[0]}.`);
  return node({ kind: "dense", kernel, bias, act, drop }, inputs, kernel.shape[1], inputs[0].axis, path);
}

export function concat(...xs: readonly Value[]): Value {
  oneAxis("concat", xs);
  return xs.length === 1
    ? xs[0]
    : node(
        { kind: "concat" },
        xs,
        xs.reduce((sum, x) => sum + x.width, 0),
      );
}

/** Columns start .. start + width - 1. */
export function slice(x: Value, start: number, width: number): Value {
  if (start < 0 || width < 1 || start + width > x.width)
    throw new SystemError(`slice: expected columns within 0..${x.width - 1}, found ${start}..${start + width - 1}.`);
  return node({ kind: "slice", start }, [x], width);
}

const binary =
  (kind: "add" | "sub" | "mul") =>
  (a: Value, b: Value): Value => {
    sameShape(kind, a, b);
    return node({ kind }, [a, b], a.width);
  };
export const add: (a: Value, b: Value) => Value = binary("add");
export const sub: (a: Value, b: Value) => Value = binary("sub");
export const mul: (a: Value, b: Value) => Value = binary("mul");

/** scale * x + shift. */
export function affine(x: Value, scale: number, shift = 0): Value {
  return node({ kind: "affine", scale, shift }, [x], x.width);
}

/** (a + b) / 2. */
export function mean(a: Value, b: Value): Value {
  return affine(add(a, b), 0.5);
}

export function activate(x: Value, act: Act): Value {
  return act === "linear" ? x : node({ kind: "activate", act }, [x], x.width);
}

/** Column j times factors[j]: constants, e.g. which units of a state are kept. */
export function keep(x: Value, factors: Float32Array): Value {
  if (factors.length !== x.width) throw new SystemError(`keep: expected ${x.width} factors, found ${factors.length}.`);
  return node({ kind: "keep", factors }, [x], x.width);
}

/** Softmax over each of `groups` equal parts of the columns. */
export function softmax(x: Value, groups = 1): Value {
  if (x.width % groups !== 0)
    throw new SystemError(`softmax: expected a width divisible by ${groups}, found ${x.width}.`);
  return node({ kind: "softmax", groups }, [x], x.width);
}

/** Inverted dropout; nothing at rate 0 or when predicting. */
export function dropout(x: Value, drop: Drop | undefined): Value {
  return drop === undefined || drop.rate === 0 ? x : node({ kind: "dropout", drop }, [x], x.width);
}

export interface RecurrentOptions {
  readonly gates?: Gates;
  readonly inputDrop?: Drop;
  readonly recurrentDrop?: Drop;
}

/** Whole-sequence packed GRU (reset before the product): x (n, d) -> (n, r), or (n, 2r) with a backward direction. */
export function gru(
  x: Value,
  forward: Recurrent,
  backward: Recurrent | undefined,
  o: RecurrentOptions = {},
  path = "",
): Value {
  return recurrent("gru", x, forward, backward, o, path);
}

/** Whole-sequence packed LSTM: x (n, d) -> (n, r), or (n, 2r) with a backward direction. */
export function lstm(
  x: Value,
  forward: Recurrent,
  backward: Recurrent | undefined,
  o: RecurrentOptions = {},
  path = "",
): Value {
  return recurrent("lstm", x, forward, backward, o, path);
}

function recurrent(
  kind: "gru" | "lstm",
  x: Value,
  forward: Recurrent,
  backward: Recurrent | undefined,
  { gates = "sigmoid", inputDrop, recurrentDrop }: RecurrentOptions,
  path: string,
): Value {
  onRows(kind, x);
  const units = forward.recurrent.shape[0];
  const live = (d: Drop | undefined) => (d === undefined || d.rate === 0 ? undefined : d);
  return node(
    { kind, units, gates, forward, backward, inputDrop: live(inputDrop), recurrentDrop: live(recurrentDrop) },
    [x],
    backward ? 2 * units : units,
    "rows",
    path,
  );
}

/** softmax(q kT) v inside each sequence; q, k (n, d), v (n, e) -> (n, e). No scaling, as in CIA's Algorithm 3. */
export function attend(q: Value, k: Value, v: Value = k): Value {
  onRows("attend", q);
  sameShape("attend", q, k);
  onRows("attend", v);
  return node({ kind: "attend" }, [q, k, v], v.width);
}

/** The weights softmax(q kT) of an `attend`, to look at: (n, longest sequence of the batch), zeros after a sequence's end. */
export function attention(attended: Value): Value {
  if (attended.op.kind !== "attend")
    throw new SystemError(`attention: expected the result of attend, found ${attended.op.kind}.`);
  return node({ kind: "attention" }, attended.inputs.slice(0, 2), 0);
}

/** The memories c of an `lstm`, to look at: no gradient goes through them. */
export function cells(hidden: Value): Value {
  if (hidden.op.kind !== "lstm") throw new SystemError(`cells: expected the result of lstm, found ${hidden.op.kind}.`);
  return node({ kind: "cells" }, [hidden], hidden.width);
}

/** Mean over the rows of each sequence: (n, d) -> (s, d). */
export function meanRows(x: Value): Value {
  onRows("meanRows", x);
  return node({ kind: "meanRows" }, [x], x.width, "sequences");
}

/** The last row of each sequence: (n, d) -> (s, d). */
export function lastRow(x: Value): Value {
  onRows("lastRow", x);
  return node({ kind: "lastRow" }, [x], x.width, "sequences");
}

/** [1; a] (x) [1; b] (x) ..., flattened with the first input slowest. */
export function outer(...xs: readonly Value[]): Value {
  oneAxis("outer", xs);
  return node(
    { kind: "outer" },
    xs,
    xs.reduce((product, x) => product * (x.width + 1), 1),
  );
}

/** c' of an LSTM cell: gates (., 4h) in the order i, f, g, o; c (., h). */
export function cellState(gateInputs: Value, c: Value, gates: Gates = "sigmoid"): Value {
  oneAxis("cellState", [gateInputs, c]);
  if (gateInputs.width !== 4 * c.width)
    throw new SystemError(`cellState: expected gates 4 x ${c.width} wide, found ${gateInputs.width}.`);
  return node({ kind: "cellState", gates }, [gateInputs, c], c.width);
}

/** h' = s(o) tanh(c') (squash) or s(o) c', from the same gates. */
export function cellOutput(gateInputs: Value, cNew: Value, gates: Gates = "sigmoid", squash = true): Value {
  oneAxis("cellOutput", [gateInputs, cNew]);
  return node({ kind: "cellOutput", gates, squash }, [gateInputs, cNew], cNew.width);
}

export function batchNorm(
  x: Value,
  params: { gamma: Param; beta: Param; mean: Param; variance: Param },
  o: { momentum: number; epsilon: number; unbiased: boolean },
): Value {
  return node({ kind: "batchNorm", ...params, ...o }, [x], x.width);
}

/** The value, with no gradient through it. */
export function stopGradient(x: Value): Value {
  return node({ kind: "stop" }, [x], x.width);
}

/**
 * Steps through all sequences at once: at step t the rows number t of the sequences that are that long. `states` start at
 * zero (a width) or at a value over sequences; `step` is recorded once.
 * @returns the state after each sequence's last step (s, width), and the outputs of every step as rows (n, width)
 */
export function scan<S extends Record<string, number | Value>>(
  xs: readonly Value[],
  states: S,
  step: (
    x: readonly Value[],
    state: { [K in keyof S]: Value },
  ) => { state: { [K in keyof S]: Value }; outputs?: readonly Value[] },
  graph: Graph = xs[0].graph,
): { last: { [K in keyof S]: Value }; rows: Value[] } {
  xs.forEach((x) => onRows("scan", x));
  const names = Object.keys(states) as (keyof S & string)[];
  const inputs = [...xs];
  const placeholders = xs.map((x, index) => graph.add({ kind: "scanInput", index }, [], "step", x.width, ""));
  const before = {} as { [K in keyof S]: Value };
  const starts = names.map((name, index) => {
    const start = states[name];
    if (typeof start !== "number" && (start as Value).axis !== "sequences")
      throw new SystemError(
        `scan state ${name}: expected a start over sequences, found one over ${(start as Value).axis}; meanRows and lastRow turn rows into sequences.`,
      );
    const width = typeof start === "number" ? start : (start as Value).width;
    before[name] = graph.add({ kind: "scanState", index }, [], "step", width, name);
    return typeof start === "number" ? undefined : inputs.push(start as Value) - 1;
  });
  const result = step(placeholders, before);
  const list: ScanState[] = names.map((name, i) => {
    sameShape(`scan state ${name}`, before[name], result.state[name]);
    return { name, width: before[name].width, before: before[name], after: result.state[name], start: starts[i] };
  });
  const outputs = result.outputs ?? [];
  for (const { axis, op, path } of outputs)
    if (axis !== "step")
      throw new SystemError(
        `scan, output ${path || op.kind}: expected a value of the step, found one over ${axis} from outside; use it after the scan.`,
      );
  const scanned = graph.add(
    { kind: "scan", body: { inputs: placeholders, states: list, outputs } },
    inputs,
    "rows",
    0,
    "",
  );
  const last = {} as { [K in keyof S]: Value };
  names.forEach((name, state) => {
    last[name] = graph.add({ kind: "scanLast", state }, [scanned], "sequences", list[state].width, name);
  });
  return {
    last,
    rows: outputs.map((v, output) => graph.add({ kind: "scanRows", output }, [scanned], "rows", v.width, "")),
  };
}

/**
 * Any function of TensorFlow.js tensors, (inputs, { tf, offsets, training }) -> tensor: for a new idea or a rare variant. A
 * graph that holds one runs on the plain interpreter, several times slower than a fused one.
 */
export function plain(label: string, inputs: readonly Value[], width: number, run: PlainFunction, axis?: Axis): Value {
  return node({ kind: "plain", run, label }, inputs, width, axis ?? inputs[0].axis, label);
}

/** Mean over units of -log softmax(logits)[target], natural logarithm. */
export function softmaxCE(logits: Value): Value {
  return node({ kind: "softmaxCE" }, [logits], 1, "scalar");
}

/** Mean over units and outputs of the binary cross entropy of sigmoid(logits) and targets 0 or 1. */
export function sigmoidCE(logits: Value): Value {
  return node({ kind: "sigmoidCE" }, [logits], 1, "scalar");
}

/** Mean of (a - b)^2 over rows and columns; b is a target: no gradient goes into it. */
export function mse(a: Value, b: Value): Value {
  sameShape("mse", a, b);
  return node({ kind: "mse" }, [a, b], 1, "scalar");
}

/** Mean of |a - b|; b is a target. */
export function mae(a: Value, b: Value): Value {
  sameShape("mae", a, b);
  return node({ kind: "mae" }, [a, b], 1, "scalar");
}

/**
 * mean K(g, g') + mean K(z, z') - 2 mean K(g, z), diagonals included, K(a, b) = exp(-|a - b|^2 / d^2); z, g (s, d).
 * @source pliang279/factorized mfm_model.py (its kernel divides by d twice)
 */
export function mmd(z: Value, g: Value): Value {
  sameShape("mmd", z, g);
  return node({ kind: "mmd" }, [z, g], 1, "scalar");
}

/** Sum of weights[i] * terms[i]. */
export function sum(terms: readonly Value[], weights: readonly number[] = terms.map(() => 1)): Value {
  return node({ kind: "sum", weights }, terms, 1, "scalar");
}
