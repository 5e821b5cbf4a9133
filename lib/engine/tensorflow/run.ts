/** One batch going through a recorded model: forward in the order of the schedule, backward in the reverse one. */
import type { Batch } from "../../core/types";
import type { Feeds, StepKey } from "../engine";
import type { Drop, Param, Value } from "../graph";
import { type Packing, packing } from "../packing";
import { dropMask } from "../tensors";
import type { Calls, Tensor } from "./calls";
import { compute, type Pass } from "./kernels";
import type { Masks } from "./masks";
import type { RecurrentGroup } from "./recurrent";
import { bodyOrder, type Entry, neededFor } from "./schedule";
import { hold, type Key, released, Tape } from "./tape";

export interface RunOptions {
  readonly c: Calls;
  readonly batch: Batch;
  readonly schedule: readonly Entry[];
  readonly wanted: ReadonlySet<Value>;
  readonly masks: Masks;
  readonly read: (p: Param) => Tensor;
  readonly key?: StepKey;
  readonly feeds?: Feeds;
}

/** A result of a scan: a last state or an output. */
interface ScanResult {
  readonly tensor: Tensor;
}
type Backward = (dys: readonly (Tensor | undefined)[]) => readonly (readonly [Key, Tensor | undefined])[];
interface Result {
  readonly keys: readonly Key[];
  readonly backward?: Backward;
}

export class Run implements Pass {
  readonly c: Calls;
  readonly batch: Batch;
  readonly pack: Packing;
  readonly key?: StepKey;
  readonly feeds?: Feeds;
  readonly masks: Masks;
  stepRows?: Int32Array;
  private readonly known = new Map<Value, Tensor>();
  private readonly scans = new Map<Value, { last: readonly ScanResult[]; rows: readonly ScanResult[] }>();
  private readonly memories = new Map<Value, () => Tensor>();
  /** New values of parameters that BatchNorm keeps, by name; read before the backward pass frees them. */
  private readonly moving = new Map<string, Tensor>();
  private readonly weights = new Map<string, Tensor>();
  private readonly gradients = new Map<string, Tensor[]>();
  private readonly tape: Tape;

  constructor(private readonly o: RunOptions) {
    this.c = o.c;
    this.batch = o.batch;
    this.key = o.key;
    this.feeds = o.feeds;
    this.pack = packing(o.batch.offsets);
    this.masks = o.masks;
    this.masks.reset();
    this.tape = new Tape(o.c, (key) => this.wants(key));
  }

  /** Results of a scan have no value of their own; their gradients always count. */
  readonly wants = (key: Key): boolean => !("op" in key) || this.o.wanted.has(key as Value);

  param(p: Param): Tensor {
    let t = this.weights.get(p.name);
    if (!t) this.weights.set(p.name, (t = this.c.collect(() => this.o.read(p)).result));
    return t;
  }

  addGradient(p: Param, gradient: Tensor): void {
    if (!p.trainable) return;
    hold(gradient);
    const list = this.gradients.get(p.name);
    if (list) list.push(gradient);
    else this.gradients.set(p.name, [gradient]);
  }

  setMoving(p: Param, value: Tensor): void {
    this.moving.set(p.name, value);
  }

  memoriesOf(lstm: Value): Tensor {
    return (this.memories.get(lstm) as () => Tensor)();
  }

  tensor(value: Value): Tensor {
    return this.known.get(value) as Tensor;
  }

  /** Computes what `results` need. */
  forward(results: readonly Value[]): void {
    const needed = neededFor(results);
    for (const { values, group } of this.o.schedule) {
      if (!values.some((v) => needed.has(v) && !this.known.has(v) && !this.scans.has(v))) continue;
      const alive = group && values.every((v) => needed.has(v)) ? group : group?.among(needed);
      const { result, made } = this.c.collect(() => (alive ? this.recurrent(alive) : this.value(values[0])));
      this.tape.record({ ...result, made });
    }
  }

  /** What BatchNorm's averages become after this step. */
  movingValues(): Map<string, Float32Array> {
    return new Map([...this.moving].map(([name, t]) => [name, this.c.read(t)]));
  }

  /** Gradients of the weighted sum of loss terms by parameter name; everything computed so far is freed. */
  backward(losses: ReadonlyMap<Value, number>): ReadonlyMap<string, Tensor> {
    const { c, tape } = this;
    c.collect(() => {
      for (const [value, weight] of losses)
        if (weight !== 0) tape.give(value, c.float(Float32Array.of(weight), [1, 1]));
    });
    tape.backward();
    const sums = new Map<string, Tensor>();
    for (const [name, list] of this.gradients) sums.set(name, released(c, list));
    this.gradients.clear();
    return sums;
  }

  /** So that the optimiser finds its variables unshared and works in place. */
  freeWeights(): void {
    this.c.free(this.weights.values());
    this.weights.clear();
  }

  dispose(): void {
    this.tape.dispose();
    this.freeWeights();
    for (const list of this.gradients.values()) this.c.free(list);
    this.gradients.clear();
  }

  private value(value: Value): Result {
    const { op, inputs } = value;
    if (op.kind === "scan") return this.scan(value);
    if (op.kind === "scanLast" || op.kind === "scanRows") {
      const scanned = this.scans.get(inputs[0]);
      const result = (op.kind === "scanLast" ? scanned?.last[op.state] : scanned?.rows[op.output]) as ScanResult;
      this.known.set(value, result.tensor);
      return { keys: [value], backward: ([dy]) => [[result, dy]] };
    }
    const { y, backward } = compute(value, inputs.map((v) => this.tensor(v)), this); // prettier-ignore
    this.known.set(value, y);
    return { keys: [value], backward: backward && (([dy]) => pairs(inputs, backward(dy as Tensor))) };
  }

  private recurrent(group: RecurrentGroup): Result {
    const { c, pack, key } = this;
    const { values, cells, units } = group;
    const inputMasks = values.map(({ op, inputs: [x] }) =>
      "inputDrop" in op && op.inputDrop && key ? this.sequenceMask(op.inputDrop, x.width) : undefined,
    );
    const xs = values.map(({ inputs: [x] }, i) => {
      const m = inputMasks[i];
      return m ? c.mul(this.tensor(x), m) : this.tensor(x);
    });
    let stateMask: Tensor | undefined;
    const [{ op: first }] = values;
    if (key && "recurrentDrop" in first && first.recurrentDrop) {
      const each = pack.sequences * units;
      const memory = new Float32Array(cells.length * each);
      cells.forEach(({ layer, backwards }, i) => {
        const { op } = values[layer];
        if (!("recurrentDrop" in op) || !op.recurrentDrop) return;
        const stream = `${op.recurrentDrop.stream}/${backwards ? "bwd" : "fwd"}`;
        const part = memory.subarray(i * each, (i + 1) * each);
        dropMask({ ...op.recurrentDrop, stream }, key, pack.order, units, part);
      });
      stateMask = c.float(memory, [cells.length, pack.sequences, units]);
    }
    const { ys, memories, backward } = group.run(c, { pack, xs, param: (p) => this.param(p), stateMask });
    values.forEach((v, i) => {
      this.known.set(v, ys[i]);
      this.memories.set(v, () => memories(i));
    });
    return {
      keys: values,
      backward: (dys) => {
        const wanted = values.map(({ inputs: [x] }) => this.wants(x));
        const { xs: dxs, params } = backward(dys, wanted);
        for (const [p, gradient] of params) this.addGradient(p, gradient);
        return values.map(({ inputs: [x] }, i) => {
          const [dx, m] = [dxs[i], inputMasks[i]];
          return [x, dx && m ? c.mul(dx, m) : dx] as const;
        });
      },
    };
  }

  /** One mask a sequence, repeated on its rows. */
  private sequenceMask(drop: Drop, width: number): Tensor {
    const { c, pack, key } = this;
    const sequence = new Int32Array(pack.rows);
    for (let i = 0; i < pack.sequences; i++) sequence.fill(i, pack.offsets[i], pack.offsets[i + 1]);
    const mask = this.masks.draw(drop, key as StepKey, pack.sequences * width);
    return c.gather(c.float(mask, [pack.sequences, width]), c.int(sequence));
  }

  /** Steps through the alive sequences, longest first; each step has a tape of its own. */
  private scan(value: Value): Result {
    if (value.op.kind !== "scan") throw new Error(`expected a scan, found ${value.op.kind}`);
    const { c, pack } = this;
    const { body } = value.op;
    const order = bodyOrder(body);
    const timeMajor = c.int(pack.timeMajor);
    const place = c.int(pack.place);
    const sorted = c.int(pack.order);
    const inOrder = new Int32Array(pack.sequences);
    pack.order.forEach((sequence, i) => (inOrder[sequence] = i));
    const unsorted = c.int(inOrder);
    const inputs = value.inputs.map((v) => this.tensor(v));
    const xs = body.inputs.map((_, i) => c.splitSizes(c.gather(inputs[i], timeMajor), pack.alive, 0));
    let states = body.states.map(({ start, width }) =>
      start === undefined
        ? c.float(new Float32Array(pack.sequences * width), [pack.sequences, width])
        : c.gather(inputs[start], sorted),
    );
    const ended: Tensor[][] = body.states.map(() => []);
    const outputs: Tensor[][] = body.outputs.map(() => []);
    const tapes: Tape[] = [];
    for (let t = 0; t < pack.longest; t++) {
      const alive = pack.alive[t];
      states = states.map((s, i) => {
        const [rows, width] = s.shape;
        if (rows === alive) return s;
        ended[i].unshift(c.slice(s, [alive, 0], [rows - alive, width]));
        return c.slice(s, [0, 0], [alive, width]);
      });
      this.stepRows = pack.timeMajor.subarray(pack.starts[t], pack.starts[t] + alive);
      body.inputs.forEach((v, i) => this.known.set(v, xs[i][t]));
      body.states.forEach(({ before }, i) => this.known.set(before, states[i]));
      const tape = (tapes[t] = new Tape(c, (key) => this.wants(key)));
      for (const v of order) tape.record({ ...this.value(v), made: [] });
      states = body.states.map(({ after }) => this.tensor(after));
      body.outputs.forEach((v, i) => outputs[i].push(this.tensor(v)));
    }
    this.stepRows = undefined;
    const last = states.map((s, i): ScanResult => ({ tensor: c.gather(c.concat([s, ...ended[i]], 0), unsorted) }));
    const rows = outputs.map((list): ScanResult => ({ tensor: c.gather(c.concat(list, 0), place) }));
    this.scans.set(value, { last, rows });

    const backward: Backward = (dys) => {
      const dLast = dys.slice(0, last.length).map((dy) => dy && c.gather(dy, sorted));
      const dRows = dys.slice(last.length).map((dy) => dy && c.splitSizes(c.gather(dy, timeMajor), pack.alive, 0));
      let carries: (Tensor | undefined)[] = body.states.map(() => undefined);
      const dInputs: Tensor[][] = body.inputs.map(() => []);
      for (let t = pack.longest - 1; t >= 0; t--) {
        const alive = pack.alive[t];
        const later = t + 1 < pack.longest ? pack.alive[t + 1] : 0;
        const tape = tapes[t];
        body.states.forEach(({ after, width }, i) => {
          const [carry, ends] = [carries[i], dLast[i]];
          if (alive === later) return tape.give(after, carry);
          if (!ends) return tape.give(after, carry && c.padEnd(carry, 0, alive - later));
          const now = c.slice(ends, [later, 0], [alive - later, width]);
          const before = later > 0 ? (carry ?? c.float(new Float32Array(later * width), [later, width])) : undefined;
          tape.give(after, before ? c.concat([before, now], 0) : now);
        });
        body.outputs.forEach((v, i) => tape.give(v, dRows[i]?.[t]));
        tape.backward();
        carries = body.states.map(({ before }) => tape.take(before));
        body.inputs.forEach((v, i) => {
          dInputs[i][t] = tape.take(v) ?? c.float(new Float32Array(alive * v.width), [alive, v.width]);
        });
      }
      const starts = body.states.flatMap(({ start }, i): [Key, Tensor | undefined][] => {
        const carry = carries[i];
        return start === undefined ? [] : [[value.inputs[start], carry && c.gather(carry, unsorted)]];
      });
      const rowInputs = dInputs.map((list, i): [Key, Tensor] => [value.inputs[i], c.gather(c.concat(list, 0), place)]);
      return [...starts, ...rowInputs];
    };
    return { keys: [...last, ...rows], backward };
  }
}

function pairs(keys: readonly Key[], tensors: readonly (Tensor | undefined)[]): [Key, Tensor | undefined][] {
  return keys.map((key, i) => [key, tensors[i]]);
}
