/**
 * All recurrent layers of a graph that can advance together do: each direction is a cell, and one batched product serves the
 * cells of one step, so a step costs some 25 calls whatever the number of layers. Shapes: C cells, n rows, r units, a alive
 * sequences at a step, G gates (3 of a GRU, 4 of an LSTM); (C, n, .) is time-major: rows of step t are contiguous.
 *
 * TensorFlow's own GRUBlockCell is one cell a call and has logistic gates; CudnnRNNV3 resets after the product. CIA's GRU has
 * hard-sigmoid gates and resets before it.
 */
import type { Gates, Param, Recurrent, Value } from "../graph";
import type { Packing } from "../packing";
import { activate, activationGradient } from "./activations";
import type { Calls, Tensor } from "./calls";

/** One direction of one layer. */
interface Cell {
  /** Which of the group's layers it belongs to. */
  readonly layer: number;
  readonly backwards: boolean;
  readonly weights: Recurrent;
}

export interface GroupInputs {
  readonly pack: Packing;
  /** (n, d) of each layer, after its input's dropout. */
  readonly xs: readonly Tensor[];
  readonly param: (p: Param) => Tensor;
  /** (C, s, r) in the order of `pack.order`: 0 or 1 / (1 - rate), on h(t-1) where it enters the products. */
  readonly stateMask?: Tensor;
}

export interface GroupGradients {
  /** dL/dx of each layer; absent where nobody wants it. */
  readonly xs: readonly (Tensor | undefined)[];
  readonly params: readonly (readonly [Param, Tensor])[];
}

export interface GroupResult {
  /** (n, r) or (n, 2r) of each layer. */
  readonly ys: readonly Tensor[];
  /** Memories of a layer of LSTMs, shaped as its result. */
  readonly memories: (layer: number) => Tensor;
  readonly backward: (dys: readonly (Tensor | undefined)[], wanted: readonly boolean[]) => GroupGradients;
}

/** Recurrent layers with the same units, gates and dropout, none of which needs another's result. */
export class RecurrentGroup {
  readonly cells: readonly Cell[];
  readonly units: number;
  private readonly kind: "gru" | "lstm";
  private readonly gates: Gates;

  constructor(readonly values: readonly Value[]) {
    const [{ op }] = values;
    if (op.kind !== "gru" && op.kind !== "lstm") throw new Error(`expected a recurrent layer, found ${op.kind}`);
    this.kind = op.kind;
    this.units = op.units;
    this.gates = op.gates;
    this.cells = values.flatMap(({ op }, layer) =>
      op.kind !== "gru" && op.kind !== "lstm"
        ? []
        : [
            { layer, backwards: false, weights: op.forward },
            ...(op.backward ? [{ layer, backwards: true, weights: op.backward }] : []),
          ],
    );
  }

  /** Those of the layers that are in `needed`, when not all are. */
  among(needed: ReadonlySet<Value>): RecurrentGroup {
    return new RecurrentGroup(this.values.filter((v) => needed.has(v)));
  }

  run(c: Calls, inputs: GroupInputs): GroupResult {
    const { pack, xs, param } = inputs;
    const { cells, units: r } = this;
    const n = pack.rows;
    const orders = timeOrders(pack);
    const kernels = cells.map(({ weights }) => param(weights.kernel));
    const [P, U] = c.tidy(() => {
      const projected = cells.map(({ layer, weights }, i) =>
        c.one("BiasAdd", [c.matMul(xs[layer], kernels[i]), param(weights.bias)]),
      );
      return [
        c.gather(c.concat(projected, 0), c.int(placed(cells, orders, n), [cells.length, n])),
        c.stack(cells.map(({ weights }) => param(weights.recurrent))),
      ];
    });
    const steps =
      this.kind === "gru" ? new GruSteps(c, this.gates, r, inputs) : new LstmSteps(c, this.gates, r, inputs);
    const H = steps.forward(P, U); // (C, n, r)
    const directions = this.values.map((_, layer) => cells.filter((cell) => cell.layer === layer));
    /** (C n, r) in time-major order -> (n, r) or (n, 2r) of one layer. */
    const packed = (flat: Tensor, own: readonly Cell[]) => {
      const index = new Int32Array(n * own.length);
      own.forEach((cell, d) => {
        const { place } = orders[Number(cell.backwards)];
        const first = cells.indexOf(cell) * n;
        for (let i = 0; i < n; i++) index[i * own.length + d] = first + place[i];
      });
      return c.reshape(c.gather(flat, c.int(index)), [n, own.length * r]);
    };
    const flat = c.reshape(H, [cells.length * n, r]);
    const ys = directions.map((own) => packed(flat, own));
    const memories = (layer: number) =>
      packed(c.reshape(c.concat(steps.memories(), 1), [cells.length * n, r]), directions[layer]);

    const backward: GroupResult["backward"] = (dys, wanted) => {
      const pieces: Tensor[] = [];
      const firsts: number[] = [];
      let rows = 0;
      directions.forEach((own, layer) => {
        firsts.push(rows);
        rows += n * own.length;
        const dy = dys[layer];
        pieces.push(
          dy ? c.reshape(dy, [n * own.length, r]) : c.float(new Float32Array(n * own.length * r), [n * own.length, r]),
        );
      });
      const index = new Int32Array(cells.length * n);
      cells.forEach((cell, i) => {
        const own = directions[cell.layer];
        const [first, d] = [firsts[cell.layer], own.indexOf(cell)];
        orders[Number(cell.backwards)].order.forEach(
          (row, place) => (index[i * n + place] = first + row * own.length + d),
        );
      });
      const dH = c.gather(c.concat(pieces, 0), c.int(index, [cells.length, n]));
      const { dP, dU } = steps.backward(dH);
      const back = new Int32Array(cells.length * n);
      cells.forEach((cell, i) =>
        orders[Number(cell.backwards)].place.forEach((place, row) => (back[i * n + row] = i * n + place)),
      );
      const gates = dP.shape[2];
      const dPs = c.unstack(c.gather(c.reshape(dP, [cells.length * n, gates]), c.int(back, [cells.length, n])));
      const dUs = c.unstack(dU);
      const params = cells.flatMap(({ layer, weights }, i): (readonly [Param, Tensor])[] => [
        [weights.kernel, c.matMul(xs[layer], dPs[i], true)],
        [weights.recurrent, dUs[i]],
        [weights.bias, c.one("BiasAddGrad", [dPs[i]])],
      ]);
      const dxs = directions.map((own, layer) =>
        wanted[layer]
          ? c.sumOf(own.map((cell) => cells.indexOf(cell)).map((i) => c.matMul(dPs[i], kernels[i], false, true)))
          : undefined,
      );
      return { xs: dxs, params };
    };
    return { ys, memories, backward };
  }
}

interface TimeOrder {
  /** (n) packed row at each time-major place. */
  readonly order: Int32Array;
  /** (n) time-major place of each packed row. */
  readonly place: Int32Array;
}

/** Time-major order of the rows, read forwards and backwards. */
function timeOrders(pack: Packing): readonly [TimeOrder, TimeOrder] {
  const { offsets, timeMajor, rows, sequences } = pack;
  const reversed = new Int32Array(rows);
  for (let i = 0; i < sequences; i++)
    for (let row = offsets[i]; row < offsets[i + 1]; row++) reversed[row] = offsets[i] + offsets[i + 1] - 1 - row;
  const backwards = timeMajor.map((row) => reversed[row]);
  const place = new Int32Array(rows);
  backwards.forEach((row, at) => (place[row] = at));
  return [
    { order: timeMajor, place: pack.place },
    { order: backwards, place },
  ];
}

/** Index of each cell's time-major rows in the cells' rows one under the other. */
function placed(cells: readonly Cell[], orders: readonly TimeOrder[], n: number): Int32Array {
  const index = new Int32Array(cells.length * n);
  cells.forEach(({ backwards }, i) =>
    orders[Number(backwards)].order.forEach((row, at) => (index[i * n + at] = i * n + row)),
  );
  return index;
}

/** What both kinds of steps share: masks, and a state that loses the sequences that have ended. */
abstract class Steps {
  protected readonly saved: Record<string, Tensor[]> = {};
  protected readonly masks: (Tensor | undefined)[] = [];

  constructor(
    protected readonly c: Calls,
    protected readonly gates: Gates,
    protected readonly r: number,
    protected readonly inputs: GroupInputs,
  ) {}

  /** All steps: P (C, n, G r), U (C, r, G r) -> H (C, n, r). */
  abstract forward(P: Tensor, U: Tensor): Tensor;
  /** dH (C, n, r) -> gradients of P and of U. */
  abstract backward(dH: Tensor): { dP: Tensor; dU: Tensor };

  /** An LSTM's memories (C, a, r) after each step. */
  memories(): Tensor[] {
    return this.saved.memory ?? [];
  }

  /** The first `alive` sequences of (C, ., width). */
  protected alive(x: Tensor, alive: number): Tensor {
    return x.shape[1] === alive ? x : this.c.slice(x, [0, 0, 0], [x.shape[0], alive, x.shape[2]]);
  }

  protected zeros(cells: number): Tensor {
    const s = this.inputs.pack.alive[0];
    return this.c.float(new Float32Array(cells * s * this.r), [cells, s, this.r]);
  }

  protected mask(t: number): Tensor | undefined {
    const { stateMask, pack } = this.inputs;
    if (!stateMask) return undefined;
    const before = this.masks[t - 1] ?? stateMask;
    return (this.masks[t] = this.alive(before, pack.alive[t]));
  }

  /** A step's gradient and what the step after it hands back, which has fewer or as many sequences. */
  protected sum(now: Tensor, later: Tensor | undefined): Tensor {
    if (!later) return now;
    return this.c.add(now, this.c.padEnd(later, 1, now.shape[1] - later.shape[1]));
  }
}

class GruSteps extends Steps {
  private Uzr!: Tensor;
  private Uh!: Tensor;

  /**
   * Hard-sigmoid gates: 0.2 x + 0.5 clipped to 0..1 is a sixth of 1.2 x + 3 clipped to 0..6, for which TensorFlow has a gradient in
   * one call. The factors go into the sequence's projections and into U once, not into every step.
   */
  forward(P: Tensor, U: Tensor): Tensor {
    const { c, r, gates } = this;
    const { pack } = this.inputs;
    const hard = gates === "hardSigmoid";
    const [Pzr, Ph] = c.splitSizes(P, Int32Array.of(2 * r, r), 2);
    [this.Uzr, this.Uh] = c.splitSizes(U, Int32Array.of(2 * r, r), 2);
    const Usteps = c.scale(this.Uzr, hard ? 1.2 : 1);
    const zrSteps = c.splitSizes(hard ? c.add(c.scale(Pzr, 1.2), c.scalar(3)) : Pzr, pack.alive, 1);
    const hSteps = c.splitSizes(Ph, pack.alive, 1);
    const keep = (name: string, t: Tensor) => (this.saved[name] ??= []).push(t);
    let h = this.zeros(P.shape[0]);
    for (let t = 0; t < pack.longest; t++) {
      const mask = this.mask(t);
      const before = h;
      const [hNew, hd, gate, z, reset, rh, candidate, difference] = c.tidy(() => {
        const hOld = this.alive(before, pack.alive[t]);
        const hd = mask ? c.mul(hOld, mask) : hOld;
        const pre = c.add(zrSteps[t], c.matMul(hd, Usteps));
        const gate = c.one(hard ? "Relu6" : "Sigmoid", [pre]);
        const [z, reset] = c.split(hard ? c.scale(gate, 1 / 6) : gate, 2, 2);
        const rh = c.mul(reset, hd);
        const candidate = c.one("Tanh", [c.add(hSteps[t], c.matMul(rh, this.Uh))]);
        const difference = c.sub(hOld, candidate);
        return [c.add(candidate, c.mul(z, difference)), hd, gate, z, reset, rh, candidate, difference];
      });
      for (const [name, tensor] of Object.entries({ hd, gate, z, reset, rh, candidate, difference, h: hNew }))
        keep(name, tensor);
      h = hNew;
    }
    return c.concat(this.saved.h, 1);
  }

  backward(dH: Tensor): { dP: Tensor; dU: Tensor } {
    const { c, saved, Uh } = this;
    const { pack } = this.inputs;
    const hard = this.gates === "hardSigmoid";
    const Uback = c.scale(this.Uzr, hard ? 0.2 : 1);
    const dhSteps = c.splitSizes(dH, pack.alive, 1);
    const dzr: Tensor[] = [];
    const dc: Tensor[] = [];
    let carry: Tensor | undefined;
    for (let t = pack.longest - 1; t >= 0; t--) {
      const mask = this.inputs.stateMask && this.masks[t];
      const later: Tensor | undefined = carry;
      [carry, dzr[t], dc[t]] = c.tidy(() => {
        const dh = this.sum(dhSteps[t], later);
        const kept = c.mul(dh, saved.z[t]);
        const dCandidate = c.one("TanhGrad", [saved.candidate[t], c.sub(dh, kept)]);
        const drh = c.matMul(dCandidate, Uh, false, true);
        const dGates = c.concat([c.mul(dh, saved.difference[t]), c.mul(drh, saved.hd[t])], 2);
        const dPre = hard ? c.one("Relu6Grad", [dGates, saved.gate[t]]) : c.one("SigmoidGrad", [saved.gate[t], dGates]);
        const dhd = c.add(c.mul(drh, saved.reset[t]), c.matMul(dPre, Uback, false, true));
        return [c.add(kept, mask ? c.mul(dhd, mask) : dhd), dPre, dCandidate];
      });
    }
    const dPzr = c.scale(c.concat(dzr, 1), hard ? 0.2 : 1);
    const dPh = c.concat(dc, 1);
    const dUzr = c.matMul(c.concat(saved.hd, 1), dPzr, true);
    const dUh = c.matMul(c.concat(saved.rh, 1), dPh, true);
    return { dP: c.concat([dPzr, dPh], 2), dU: c.concat([dUzr, dUh], 2) };
  }
}

class LstmSteps extends Steps {
  private U!: Tensor;

  forward(P: Tensor, U: Tensor): Tensor {
    const { c, gates } = this;
    const { pack } = this.inputs;
    this.U = U;
    const steps = c.splitSizes(P, pack.alive, 1);
    const gateOf = (x: Tensor) => activate(c, x, gates);
    const keep = (name: string, t: Tensor) => (this.saved[name] ??= []).push(t);
    let [h, cell] = [this.zeros(P.shape[0]), this.zeros(P.shape[0])];
    for (let t = 0; t < pack.longest; t++) {
      const mask = this.mask(t);
      const [hBefore, cBefore] = [h, cell];
      const [hNew, cNew, hd, cOld, i, f, g, o, squashed] = c.tidy(() => {
        const hOld = this.alive(hBefore, pack.alive[t]);
        const cOld = this.alive(cBefore, pack.alive[t]);
        const hd = mask ? c.mul(hOld, mask) : hOld;
        const parts = c.split(c.add(steps[t], c.matMul(hd, U)), 4, 2);
        const [i, f, o] = [parts[0], parts[1], parts[3]].map(gateOf);
        const g = c.one("Tanh", [parts[2]]);
        const cNew = c.add(c.mul(f, cOld), c.mul(i, g));
        const squashed = c.one("Tanh", [cNew]);
        return [c.mul(o, squashed), cNew, hd, cOld, i, f, g, o, squashed];
      });
      for (const [name, tensor] of Object.entries({ h: hNew, memory: cNew, hd, cOld, i, f, g, o, squashed }))
        keep(name, tensor);
      [h, cell] = [hNew, cNew];
    }
    return c.concat(this.saved.h, 1);
  }

  backward(dH: Tensor): { dP: Tensor; dU: Tensor } {
    const { c, saved } = this;
    const { pack } = this.inputs;
    const gradient = (y: Tensor, dy: Tensor) => activationGradient(c, dy, y, this.gates);
    const dhSteps = c.splitSizes(dH, pack.alive, 1);
    const dGates: Tensor[] = [];
    let dhLater: Tensor | undefined;
    let dcLater: Tensor | undefined;
    for (let t = pack.longest - 1; t >= 0; t--) {
      const mask = this.inputs.stateMask && this.masks[t];
      const [dhNext, dcNext] = [dhLater, dcLater];
      [dhLater, dcLater, dGates[t]] = c.tidy(() => {
        const dh = this.sum(dhSteps[t], dhNext);
        const dc = this.sum(c.one("TanhGrad", [saved.squashed[t], c.mul(dh, saved.o[t])]), dcNext);
        const dPre = c.concat(
          [
            gradient(saved.i[t], c.mul(dc, saved.g[t])),
            gradient(saved.f[t], c.mul(dc, saved.cOld[t])),
            c.one("TanhGrad", [saved.g[t], c.mul(dc, saved.i[t])]),
            gradient(saved.o[t], c.mul(dh, saved.squashed[t])),
          ],
          2,
        );
        const dhd = c.matMul(dPre, this.U, false, true);
        return [mask ? c.mul(dhd, mask) : dhd, c.mul(dc, saved.f[t]), dPre];
      });
    }
    const dP = c.concat(dGates, 1);
    return { dP, dU: c.matMul(c.concat(saved.hd, 1), dP, true) };
  }
}
