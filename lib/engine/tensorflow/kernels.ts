/**
 * Each operation of ops.ts in calls of TensorFlow: its value, and how a gradient goes back through it. Their meaning is
 * reference.ts. Values are (rows, width); a scalar is (1, 1).
 */
import { EngineError } from "../../core/errors";
import { Rng } from "../../core/rng";
import type { Batch } from "../../core/types";
import type { Feeds, StepKey } from "../engine";
import type { Act, Drop, Op, Param, Value } from "../graph";
import type { Packing } from "../packing";
import { activate, activationGradient } from "./activations";
import type { Calls, Tensor } from "./calls";
import type { Masks } from "./masks";

/** What a value's computation may ask for. */
export interface Pass {
  readonly c: Calls;
  readonly batch: Batch;
  readonly pack: Packing;
  /** Present while training. */
  readonly key?: StepKey;
  readonly feeds?: Feeds;
  /** Packed rows of the alive sequences, inside a scan. */
  readonly stepRows?: Int32Array;
  param(p: Param): Tensor;
  /** Whether a gradient is wanted for this value. */
  wants(value: Value): boolean;
  addGradient(p: Param, gradient: Tensor): void;
  /** What a parameter that is kept by averaging becomes after the step. */
  setMoving(p: Param, value: Tensor): void;
  /** (n, r) or (n, 2r): the memories of an LSTM that has run. */
  memoriesOf(lstm: Value): Tensor;
  readonly masks: Masks;
}

/** Gradients for the inputs, in order; absent where there is none. */
export type Backward = (dy: Tensor) => readonly (Tensor | undefined)[];
export interface Computed {
  readonly y: Tensor;
  readonly backward?: Backward;
}

type Kernel<K extends Op["kind"]> = (
  op: Extract<Op, { kind: K }>,
  value: Value,
  inputs: readonly Tensor[],
  pass: Pass,
) => Computed;

/** Kinds that are computed here, one by one; recurrent layers and scans are the program's. */
export type KernelKind = Exclude<
  Op["kind"],
  "gru" | "lstm" | "scan" | "scanLast" | "scanRows" | "scanInput" | "scanState" | "plain"
>;

export function compute(value: Value, inputs: readonly Tensor[], pass: Pass): Computed {
  const kernel = kernels[value.op.kind as KernelKind] as Kernel<Op["kind"]>;
  return kernel(value.op, value, inputs, pass);
}

export function hasKernel(kind: Op["kind"]): kind is KernelKind {
  return kind in kernels;
}

const rowsOf = (t: Tensor): number => t.shape[0];
const scalarShape = [1, 1] as const;

/** 0 or 1 / (1 - rate) for `rows` x `width` entries; `rows` a count or the rows' numbers. */
function mask(drop: Drop, rows: number | Int32Array, width: number, { c, key, masks }: Pass): Tensor | undefined {
  if (!key || drop.rate === 0) return undefined;
  return typeof rows === "number"
    ? c.float(masks.draw(drop, key, rows * width), [rows, width])
    : c.float(masks.drawRows(drop, key, rows, width), [rows.length, width]);
}

const masked = (x: Tensor, drop: Drop | undefined, pass: Pass): { y: Tensor; m?: Tensor } => {
  const m = drop && mask(drop, pass.stepRows ?? rowsOf(x), x.shape[1], pass);
  return m ? { y: pass.c.mul(x, m), m } : { y: x };
};

function targetsOf({ batch }: Pass): Int32Array | Float32Array {
  if (!batch.targets)
    throw new EngineError(
      "batch: expected targets for a loss, found none; prediction must ask for the prediction alone.",
    );
  return batch.targets;
}

/** A value that is a mean over `count` entries, and whose gradient is `gradient` (unscaled) times dy / count. */
const loss = (c: Calls, total: Tensor, count: number, gradient: () => Tensor, inputs = 1): Computed => ({
  y: c.reshape(c.scale(total, 1 / count), scalarShape),
  backward: (dy) => [c.mul(gradient(), c.scale(dy, 1 / count)), ...new Array<undefined>(inputs - 1)],
});

/** Padded places of each sequence's rows, for attention: sequences of like length share one (sequences, longest) block. */
function blocks({ offsets, sequences, longest }: Packing): { members: number[]; longest: number }[] {
  const length = (i: number) => offsets[i + 1] - offsets[i];
  const all = Array.from({ length: sequences }, (_, i) => i);
  // Scores of a batch are small; one very long sequence must not make all others as long.
  if (sequences * longest * longest <= 1 << 20) return [{ members: all, longest }];
  const bySize = new Map<number, number[]>();
  for (const i of all) {
    const size = 32 - Math.clz32(length(i) - 1);
    bySize.set(size, [...(bySize.get(size) ?? []), i]);
  }
  return [...bySize.values()].map((members) => ({ members, longest: Math.max(...members.map(length)) }));
}

/** softmax(q kT) v of each sequence. With equal lengths nothing is padded. */
function attend(q: Tensor, k: Tensor, v: Tensor, sameKeys: boolean, { c, pack }: Pass): Computed {
  const { offsets, rows } = pack;
  const place = new Int32Array(rows);
  let first = 0;
  const parts = blocks(pack).map(({ members, longest }) => {
    const s = members.length;
    const even = members.every((i) => offsets[i + 1] - offsets[i] === longest);
    const index = new Int32Array(s * longest).fill(rows);
    const bias = new Float32Array(s * longest).fill(-Infinity);
    members.forEach((i, j) => {
      for (let t = 0; t < offsets[i + 1] - offsets[i]; t++) {
        index[j * longest + t] = offsets[i] + t;
        bias[j * longest + t] = 0;
        place[offsets[i] + t] = first + j * longest + t;
      }
    });
    first += s * longest;
    return { s, longest, index: c.int(index, [s, longest]), bias: even ? undefined : c.float(bias, [s, 1, longest]) };
  });
  const padded = first > rows;
  const single = parts.length === 1 && !padded;
  const spread = (x: Tensor): Tensor[] => {
    if (single) return [c.reshape(x, [parts[0].s, parts[0].longest, x.shape[1]])];
    const withZero = padded ? c.padEnd(x, 0, 1) : x;
    return parts.map(({ index }) => c.gather(withZero, index));
  };
  const unspread = (xs: readonly Tensor[]): Tensor => {
    const flat = xs.map((x) => c.reshape(x, [x.shape[0] * x.shape[1], x.shape[2]]));
    return single ? flat[0] : c.gather(c.concat(flat, 0), c.int(place));
  };
  const [Q, K] = [spread(q), spread(k)];
  const V = sameKeys ? K : spread(v);
  const weights = parts.map(({ bias }, b) => {
    const scores = c.matMul(Q[b], K[b], false, true);
    return c.one("Softmax", [bias ? c.add(scores, bias) : scores]);
  });
  return {
    y: unspread(weights.map((w, b) => c.matMul(w, V[b]))),
    backward: (dy) => {
      const dY = spread(dy);
      const dV = weights.map((w, b) => c.matMul(w, dY[b], true));
      const dScores = weights.map((w, b) => {
        const dW = c.matMul(dY[b], V[b], false, true);
        return c.mul(w, c.sub(dW, c.sum(c.mul(w, dW), 2)));
      });
      const dQ = dScores.map((d, b) => c.matMul(d, K[b]));
      const dK = dScores.map((d, b) => c.matMul(d, Q[b], true));
      if (sameKeys) return [unspread(dQ), unspread(dK.map((d, b) => c.add(d, dV[b])))];
      return [unspread(dQ), unspread(dK), unspread(dV)];
    },
  };
}

const kernels: { readonly [K in KernelKind]: Kernel<K> } = {
  input: (op, _value, _inputs, { c, batch }) => {
    const m = batch.x[op.modality];
    if (!m)
      throw new EngineError(
        `batch: expected modality ${op.modality}, found ${Object.keys(batch.x).join(", ") || "none"}.`,
      );
    return { y: c.float(m.data, [m.rows, m.width]) };
  },
  targets: (_op, { width }, _inputs, pass) => {
    const data = Float32Array.from(targetsOf(pass));
    return { y: pass.c.float(data, [data.length / width, width]) };
  },
  noise: (op, { width }, _inputs, { c, pack, key, feeds }) => {
    const rng = new Rng(key?.seed ?? 0, `noise/${op.name}`, key?.step ?? 0);
    const data = feeds?.[op.name] ?? Float32Array.from({ length: pack.sequences * width }, () => rng.normal());
    return { y: c.float(data, [pack.sequences, width]) };
  },
  dense: (op, value, inputs, pass) => {
    const { c } = pass;
    const x = c.concat(inputs, 1);
    const W = pass.param(op.kernel);
    const product = c.matMul(x, W);
    const a = activate(c, op.bias ? c.one("BiasAdd", [product, pass.param(op.bias)]) : product, op.act);
    const { y, m } = masked(a, op.drop, pass);
    const backward: Backward = (dy) => {
      const d = activationGradient(c, m ? c.mul(dy, m) : dy, a, op.act);
      pass.addGradient(op.kernel, c.matMul(x, d, true));
      if (op.bias) pass.addGradient(op.bias, c.one("BiasAddGrad", [d]));
      if (!value.inputs.some(pass.wants)) return [];
      const dx = c.matMul(d, W, false, true);
      return c.splitSizes(
        dx,
        Int32Array.from(value.inputs, (v) => v.width),
        1,
      );
    };
    return { y, backward };
  },
  concat: (_op, value, inputs, { c }) => ({
    y: c.concat(inputs, 1),
    backward: (dy) =>
      c.splitSizes(
        dy,
        Int32Array.from(value.inputs, (v) => v.width),
        1,
      ),
  }),
  slice: (op, { width }, [x], { c }) => ({
    y: c.slice(x, [0, op.start], [rowsOf(x), width]),
    backward: (dy) => {
      const paddings = Int32Array.of(0, 0, op.start, x.shape[1] - op.start - width);
      return [c.one("Pad", [dy, c.int(paddings, [2, 2])])];
    },
  }),
  add: (_op, _value, [a, b], { c }) => ({ y: c.add(a, b), backward: (dy) => [dy, dy] }),
  sub: (_op, { inputs }, [a, b], { c, wants }) => ({
    y: c.sub(a, b),
    backward: (dy) => [dy, wants(inputs[1]) ? c.one("Neg", [dy]) : undefined],
  }),
  mul: (_op, { inputs }, [a, b], { c, wants }) => ({
    y: c.mul(a, b),
    backward: (dy) => [wants(inputs[0]) ? c.mul(dy, b) : undefined, wants(inputs[1]) ? c.mul(dy, a) : undefined],
  }),
  affine: (op, _value, [x], { c }) => {
    const scaled = c.scale(x, op.scale);
    return {
      y: op.shift === 0 ? scaled : c.add(scaled, c.scalar(op.shift)),
      backward: (dy) => [c.scale(dy, op.scale)],
    };
  },
  activate: (op, _value, [x], { c }) => {
    const y = activate(c, x, op.act);
    return { y, backward: (dy) => [activationGradient(c, dy, y, op.act)] };
  },
  keep: (op, _value, [x], { c }) => {
    const factors = c.float(op.factors, [1, op.factors.length]);
    return { y: c.mul(x, factors), backward: (dy) => [c.mul(dy, factors)] };
  },
  softmax: (op, { width }, [x], { c }) => {
    const grouped = [rowsOf(x) * op.groups, width / op.groups];
    const group = (t: Tensor) => (op.groups === 1 ? t : c.reshape(t, grouped));
    const ungroup = (t: Tensor) => (op.groups === 1 ? t : c.reshape(t, [rowsOf(x), width]));
    const p = c.one("Softmax", [group(x)]);
    const backward: Backward = (dy) => {
      const d = group(dy);
      return [ungroup(c.mul(p, c.sub(d, c.sum(c.mul(p, d), 1))))];
    };
    return { y: ungroup(p), backward };
  },
  dropout: (op, _value, [x], pass) => {
    const { y, m } = masked(x, op.drop, pass);
    return { y, backward: (dy) => [m ? pass.c.mul(dy, m) : dy] };
  },
  attend: (_op, { inputs }, [q, k, v], pass) => attend(q, k, v, inputs[1] === inputs[2], pass),
  attention: (_op, _value, [q, k], { c, pack }) => {
    const { offsets, sequences, longest } = pack;
    const parts = Array.from({ length: sequences }, (_, i) => {
      const rows = offsets[i + 1] - offsets[i];
      const at = (x: Tensor) => c.slice(x, [offsets[i], 0], [rows, x.shape[1]]);
      return c.padEnd(c.one("Softmax", [c.matMul(at(q), at(k), false, true)]), 1, longest - rows);
    });
    return { y: c.concat(parts, 0) };
  },
  cells: (_op, { inputs }, _inputs, pass) => ({ y: pass.memoriesOf(inputs[0]) }),
  meanRows: (_op, _value, [x], { c, pack }) => {
    const { offsets, sequences, rows } = pack;
    const sequence = new Int32Array(rows);
    const share = new Float32Array(sequences);
    for (let i = 0; i < sequences; i++) {
      sequence.fill(i, offsets[i], offsets[i + 1]);
      share[i] = 1 / (offsets[i + 1] - offsets[i]);
    }
    const ids = c.int(sequence);
    return {
      y: c.one("SegmentMean", [x, ids]),
      backward: (dy) => [c.gather(c.mul(dy, c.float(share, [sequences, 1])), ids)],
    };
  },
  lastRow: (_op, _value, [x], { c, pack }) => {
    const { offsets, sequences, rows } = pack;
    const last = Int32Array.from({ length: sequences }, (_, i) => offsets[i + 1] - 1);
    const backward: Backward = (dy) => {
      const from = new Int32Array(rows).fill(sequences);
      last.forEach((row, i) => (from[row] = i));
      return [c.gather(c.padEnd(dy, 0, 1), c.int(from))];
    };
    return { y: c.gather(x, c.int(last)), backward };
  },
  outer: (_op, _value, inputs, { c }) => {
    const rows = rowsOf(inputs[0]);
    const ones = c.float(new Float32Array(rows).fill(1), [rows, 1]);
    const factors = inputs.map((x) => c.concat([ones, x], 1));
    // products[i]: of the factors before i.
    const products = [factors[0]];
    for (const f of factors.slice(1)) {
      const before = products[products.length - 1];
      const [p, w] = [before.shape[1], f.shape[1]];
      products.push(c.reshape(c.mul(c.reshape(before, [rows, p, 1]), c.reshape(f, [rows, 1, w])), [rows, p * w]));
    }
    const backward: Backward = (dy) => {
      const grads: Tensor[] = [];
      let d = dy;
      const withoutOne = (t: Tensor) => c.slice(t, [0, 1], [rows, t.shape[1] - 1]);
      for (let i = factors.length - 1; i > 0; i--) {
        const [p, w] = [products[i - 1].shape[1], factors[i].shape[1]];
        const block = c.reshape(d, [rows, p, w]);
        const dFactor = c.matMul(c.reshape(products[i - 1], [rows, 1, p]), block);
        grads[i] = withoutOne(c.reshape(dFactor, [rows, w]));
        d = c.reshape(c.matMul(block, c.reshape(factors[i], [rows, w, 1])), [rows, p]);
      }
      grads[0] = withoutOne(d);
      return grads;
    };
    return { y: products[products.length - 1], backward };
  },
  cellState: (op, { width }, [gates, cell], { c }) => {
    const parts = c.split(gates, 4, 1);
    const [i, f] = [parts[0], parts[1]].map((x) => activate(c, x, op.gates));
    const g = c.one("Tanh", [parts[2]]);
    const backward: Backward = (dy) => {
      const d = (y: Tensor, other: Tensor, act: Act) => activationGradient(c, c.mul(dy, other), y, act);
      const none = c.float(new Float32Array(rowsOf(cell) * width), [rowsOf(cell), width]);
      return [c.concat([d(i, g, op.gates), d(f, cell, op.gates), d(g, i, "tanh"), none], 1), c.mul(dy, f)];
    };
    return { y: c.add(c.mul(f, cell), c.mul(i, g)), backward };
  },
  cellOutput: (op, { width }, [gates, cell], { c }) => {
    const o = activate(c, c.slice(gates, [0, 3 * width], [rowsOf(gates), width]), op.gates);
    const squashed = op.squash ? c.one("Tanh", [cell]) : cell;
    const backward: Backward = (dy) => {
      const dOutput = activationGradient(c, c.mul(dy, squashed), o, op.gates);
      const paddings = c.int(Int32Array.of(0, 0, 3 * width, 0), [2, 2]);
      const dCell = activationGradient(c, c.mul(dy, o), squashed, op.squash ? "tanh" : "linear");
      return [c.one("Pad", [dOutput, paddings]), dCell];
    };
    return { y: c.mul(o, squashed), backward };
  },
  batchNorm: (op, { inputs }, [x], pass) => {
    const { c, key } = pass;
    const n = rowsOf(x);
    const average = (t: Tensor) => c.scale(c.sum(t, 0), 1 / n);
    const [gamma, beta] = [pass.param(op.gamma), pass.param(op.beta)];
    const mean = key ? average(x) : pass.param(op.mean);
    const centred = c.sub(x, mean);
    const variance = key ? average(c.one("Square", [centred])) : pass.param(op.variance);
    if (key) {
      const moved = (old: Param, now: Tensor) => {
        const kept = c.scale(pass.param(old), 1 - op.momentum);
        pass.setMoving(old, c.add(kept, c.scale(c.reshape(now, old.shape), op.momentum)));
      };
      moved(op.mean, mean);
      moved(op.variance, op.unbiased && n > 1 ? c.scale(variance, n / (n - 1)) : variance);
    }
    const inverse = c.one("Rsqrt", [c.add(variance, c.scalar(op.epsilon))]);
    const scaled = c.mul(centred, inverse);
    const backward: Backward = (dy) => {
      pass.addGradient(op.beta, c.reshape(c.sum(dy, 0), op.beta.shape));
      pass.addGradient(op.gamma, c.reshape(c.sum(c.mul(dy, scaled), 0), op.gamma.shape));
      if (!pass.wants(inputs[0])) return [];
      const d = c.mul(dy, gamma);
      const through = key ? c.sub(c.sub(d, average(d)), c.mul(scaled, average(c.mul(d, scaled)))) : d;
      return [c.mul(through, inverse)];
    };
    return { y: c.add(c.mul(scaled, gamma), beta), backward };
  },
  stop: (_op, _value, [x]) => ({ y: x }),
  softmaxCE: (_op, _value, [logits], pass) => {
    const { c } = pass;
    const labels = c.int(Int32Array.from(targetsOf(pass)));
    const [each, gradient] = c.run("SparseSoftmaxCrossEntropyWithLogits", [logits, labels], undefined, 2);
    return loss(c, c.sum(each), rowsOf(logits), () => gradient);
  },
  sigmoidCE: (_op, { inputs }, [logits], pass) => {
    const { c } = pass;
    const t = c.float(Float32Array.from(targetsOf(pass)), [rowsOf(logits), inputs[0].width]);
    // max(x, 0) - x t + log(1 + exp(-|x|)): no overflow.
    const tail = c.one("Softplus", [c.one("Neg", [c.one("Abs", [logits])])]);
    const each = c.add(c.sub(c.one("Relu", [logits]), c.mul(logits, t)), tail);
    return loss(c, c.sum(each), rowsOf(logits) * inputs[0].width, () => c.sub(c.one("Sigmoid", [logits]), t));
  },
  mse: (_op, { inputs }, [a, b], { c }) => {
    const d = c.sub(a, b);
    // L2Loss is half the sum of squares; the gradient of (2 L2Loss) is 2 d.
    return loss(c, c.one("L2Loss", [d]), (rowsOf(a) * inputs[0].width) / 2, () => d, 2);
  },
  mae: (_op, { inputs }, [a, b], { c }) => {
    const d = c.sub(a, b);
    return loss(c, c.sum(c.one("Abs", [d])), rowsOf(a) * inputs[0].width, () => c.one("Sign", [d]), 2);
  },
  mmd: (_op, { inputs }, [z, g], { c }) => {
    const [n, d] = [rowsOf(z), inputs[0].width];
    const kernel = (a: Tensor, b: Tensor) => {
      const difference = c.sub(c.reshape(a, [n, 1, d]), c.reshape(b, [1, n, d]));
      const distance = c.reshape(c.sum(c.one("Square", [difference]), 2), [n, n]);
      return c.one("Exp", [c.scale(distance, -1 / (d * d))]);
    };
    const [zz, gz] = [kernel(z, z), kernel(g, z)];
    const total = c.sub(c.add(c.sum(kernel(g, g)), c.sum(zz)), c.scale(c.sum(gz), 2));
    // d/dz_j of the sum: 4 / d^2 times (sum_i K(g_i, z_j) (z_j - g_i) - sum_i K(z_i, z_j) (z_j - z_i)).
    const gradient = () => {
      const weights = c.sub(c.sum(gz, 0), c.sum(zz, 0));
      const pulls = c.sub(c.matMul(zz, z, true), c.matMul(gz, g, true));
      return c.scale(c.add(c.mul(z, c.reshape(weights, [n, 1])), pulls), 4 / (d * d));
    };
    return loss(c, total, n * n, gradient, 2);
  },
  sum: (op, _value, inputs, { c }) => ({
    y: c.sumOf(inputs.map((x, i) => c.scale(x, op.weights[i]))),
    backward: (dy) => inputs.map((_, i) => c.scale(dy, op.weights[i])),
  }),
};
