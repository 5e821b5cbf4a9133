/** Losses: a number a batch, and its gradient times a factor known when the plan is made. */
import { EngineError } from "../../../core/errors";
import type { Op, Value } from "../../graph";
import { at, type Builder, type Mat } from "../builder";
import type { Buffer } from "../plan";

type Loss = Extract<Op, { kind: "softmaxCE" | "sigmoidCE" | "mse" | "mae" | "mmd" }>;
type Call = (g: (() => number) | undefined, factor: number) => void;

/** Emits the loss, and gives what emits its gradient into the first input. */
export function lossForward(b: Builder, v: Value, op: Loss): (factor: number) => void {
  const x = v.inputs[0];
  const f = b.frame(x);
  const a = b.as(x, [x.width]);
  const call = callOf(b, v, op, a);
  call(undefined, 0);
  return (factor) =>
    b.into(x, [x.width], (g, add) => {
      // These write the columns that there are; unused lanes must be zero.
      if (!add) b.emit(({ k }) => k.clear(at(g, f), f.step, g.panels, f.count));
      call(() => at(g, f), factor);
    });
}

function callOf(b: Builder, v: Value, op: Loss, a: Mat): Call {
  const [x, other] = v.inputs;
  const f = b.frame(x);
  const { width } = x;
  switch (op.kind) {
    case "softmaxCE": {
      const labels = b.buffer(x.axis === "sequences" ? "sequences" : "rows", 1);
      b.emit((run) => writeLabels(b, run, x, labels));
      return (g, factor) =>
        b.emit(({ k, scalars }) => {
          const loss = k.softmaxLoss(at(a, f), labels.at, f.step, width, f.count, g?.() ?? 0, factor, 1);
          if (!g) scalars[v.id] = loss;
        });
    }
    case "sigmoidCE": {
      const targets = b.matLike(x, [width]);
      b.emit((run) => {
        const given = run.batch.targets;
        if (!run.touch && given?.length !== f.count * width) throw noTargets(f.count * width, given?.length);
        run.k.pack(at(targets, f), f.step, given ? run.stage(given) : 0, width, f.count, f.index);
      });
      return (g, factor) =>
        b.emit(({ k, scalars }) => {
          const loss = k.sigmoidLoss(at(a, f), at(targets, f), f.step, width, f.count, g?.() ?? 0, factor, 1);
          if (!g) scalars[v.id] = loss;
        });
    }
    case "mse":
    case "mae": {
      const t = b.as(other, [width]);
      const absolute = op.kind === "mae" ? 1 : 0;
      return (g, factor) =>
        b.emit(({ k, scalars }) => {
          if (g) k.distanceBackward(at(a, f), at(t, f), g(), f.step, width, f.count, absolute, factor, 1);
          else scalars[v.id] = k.distance(at(a, f), at(t, f), f.step, width, f.count, absolute);
        });
    }
    case "mmd": {
      const t = b.as(other, [width]);
      return (g, factor) =>
        b.emit(({ k, scalars }) => {
          const loss = k.discrepancy(at(a, f), at(t, f), f.step, width, f.count, g?.() ?? 0, factor, 1);
          if (!g) scalars[v.id] = loss;
        });
    }
  }
}

const noTargets = (expected: number, found: number | undefined): EngineError =>
  new EngineError(
    `batch: expected ${expected} targets for a loss, found ${found ?? "none"}; prediction must ask for the prediction alone.`,
  );

function writeLabels(b: Builder, run: Builder["run"], x: Value, labels: Buffer): void {
  const to = labels.at >>> 2;
  if (run.touch) return;
  const { targets } = run.batch;
  const order = x.axis === "sequences" ? run.pack.order : run.pack.timeMajor;
  if (targets?.length !== order.length) throw noTargets(order.length, targets?.length);
  const { integers } = b.run.heap;
  for (let i = 0; i < order.length; i++) {
    const label = targets[order[i]];
    if (!(label >= 0 && label < x.width))
      throw new EngineError(`batch, target ${order[i]}: expected a class from 0 to ${x.width - 1}, found ${label}.`);
    integers[to + i] = label;
  }
}
