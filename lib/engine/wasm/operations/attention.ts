/** softmax(q kT) v inside sequences. The weights are kept: (length rounded up to 8)^2 numbers a sequence. */
import type { Value } from "../../graph";
import { at, type Builder, type Mat } from "../builder";
import type { Buffer } from "../plan";

const weightsOf = new WeakMap<Builder, Map<Value, Buffer>>();

export function attendForward(b: Builder, v: Value): Buffer {
  const f = b.run.rows;
  const [q, key, value] = v.inputs;
  const mq = b.of(q);
  const mk = b.as(key, mq.layout);
  const mv = value === key ? mk : value && b.of(value);
  const o = v.op.kind === "attend" ? b.of(v) : undefined;
  const weights = b.buffer("squares", 1);
  const panels = Math.max(mq.panels, o?.panels ?? 0);
  const scratch = b.buffer("longest", 2 * panels + 2 * mq.panels);
  b.emit(({ k, pack, starts, squareOffsets }) => {
    const [aq, ak, av, ao] = [at(mq, f), at(mk, f), mv ? at(mv, f) : 0, o ? at(o, f) : 0];
    for (let s = 0; s < pack.sequences; s++)
      k.attendForward(
        aq,
        ak,
        av,
        ao,
        weights.at + squareOffsets[s],
        f.step,
        mq.panels,
        o?.panels ?? 0,
        s,
        lengthOf(pack, s),
        starts,
        scratch.at,
      );
  });
  b.keep(v, mq, mk, ...(mv ? [mv] : []));
  weightsOf.set(b, (weightsOf.get(b) ?? new Map<Value, Buffer>()).set(v, weights));
  return weights;
}

export function attendBackward(b: Builder, v: Value, g: Mat): void {
  const f = b.run.rows;
  const [mq, mk, mv] = b.kept(v);
  const weights = weightsOf.get(b)?.get(v);
  if (!weights) return;
  const scratch = b.buffer("longest", 5 * Math.max(mq.panels, mv.panels));
  const squares = b.buffer("square", 2);
  // Into v, k, q in this order, as the kernel does: so each is told whether it is the first.
  const to: (Mat | undefined)[] = [undefined, undefined, undefined];
  let adds = 0;
  const call = (): void =>
    b.emit(({ k, pack, starts, squareOffsets }) => {
      const [dv, dk, dq] = to.map((m) => (m ? at(m, f) : 0));
      const [aq, ak, av, ag] = [mq, mk, mv, g].map((m) => at(m, f));
      for (let s = 0; s < pack.sequences; s++)
        k.attendBackward(
          aq,
          ak,
          av,
          ag,
          weights.at + squareOffsets[s],
          dq,
          dk,
          dv,
          f.step,
          mq.panels,
          mv.panels,
          s,
          lengthOf(pack, s),
          starts,
          scratch.at,
          squares.at,
          adds,
        );
    });
  const [q, key, value] = v.inputs;
  const chain = [
    { value, layout: mv.layout },
    { value: key, layout: mk.layout },
    { value: q, layout: mq.layout },
  ];
  const next = (i: number): void => {
    if (i === 3) return call();
    if (!b.hasGradient(chain[i].value)) return next(i + 1);
    b.into(chain[i].value, chain[i].layout, (m, add) => {
      to[i] = m;
      adds |= add << i;
      next(i + 1);
    });
  };
  next(0);
}

const lengthOf = (pack: Builder["run"]["pack"], s: number): number =>
  pack.offsets[pack.order[s] + 1] - pack.offsets[pack.order[s]];

/** The weights as (rows, longest sequence), in the batch's order. */
export function readAttention(b: Builder, weights: Buffer): () => Float32Array {
  return () => {
    const { pack, heap, squareOffsets } = b.run;
    const { floats } = heap;
    const out = new Float32Array(pack.rows * pack.longest);
    pack.order.forEach((sequence, s) => {
      const length = lengthOf(pack, s);
      const padded = (length + 7) & ~7;
      const from = (weights.at + squareOffsets[s]) >>> 2;
      for (let query = 0; query < length; query++)
        for (let key = 0; key < length; key++)
          out[(pack.offsets[sequence] + query) * pack.longest + key] =
            floats[from + ((query >> 3) * padded + key) * 8 + (query & 7)];
    });
    return out;
  };
}
