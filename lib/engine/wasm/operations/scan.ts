/**
 * A recorded step, replayed over time. Values of the body lie as rows, like all others: step t works on the rows of its alive
 * sequences. What needs no state is computed for all rows before the loop, what only follows from the states after it, and the
 * gradients of the body's weights are products over all rows.
 */
import type { Value } from "../../graph";
import { at, type Builder, type Loop, type Mat } from "../builder";
import { denseAfterLoop, denseBackward, denseBeforeLoop, denseForward } from "./dense";

export interface Emit {
  forward(v: Value): void;
  backward(v: Value, g: Mat): void;
}

export function scanForward(b: Builder, v: Value, loop: Loop, emit: Emit): void {
  const { body } = loop;
  loop.before.forEach((x) => emit.forward(x));
  for (const x of loop.inside) if (x.op.kind === "dense") denseBeforeLoop(b, x, x.op, loop);
  const starts = body.states.map(({ start, width }) =>
    start === undefined ? undefined : b.as(v.inputs[start], [width]),
  );
  const states = body.states.map((s) => b.of(s.before));
  /** The states after a step, in the layout of those before it. */
  const ended: Mat[] = [];
  b.loop(false, () => {
    states.forEach((to, i) =>
      b.emit(({ k, t, step, previous, sequences }) => {
        const start = starts[i];
        if (t > 0) k.copy(at(to, step), step.step, at(ended[i], previous), step.step, to.panels, step.count, 0);
        else if (start) k.copy(at(to, step), step.step, at(start, sequences), sequences.step, to.panels, step.count, 0);
        else k.clear(at(to, step), step.step, to.panels, step.count);
      }),
    );
    for (const x of loop.inside)
      if (x.op.kind === "dense") denseForward(b, x, x.op, loop);
      else emit.forward(x);
    body.states.forEach((s, i) => (ended[i] = b.as(s.after, states[i].layout)));
  });
  loop.after.forEach((x) => emit.forward(x));
}

export function scanBackward(b: Builder, v: Value, loop: Loop, emit: Emit): void {
  const { body } = loop;
  const back = (x: Value): void => {
    const g = b.reached(x);
    if (g) emit.backward(x, g);
  };
  [...loop.after].reverse().forEach(back);
  // The state of a step receives gradients from the step after it: these come first in time, so it begins at zero.
  for (const s of body.states) if (b.hasGradient(s.after)) b.partly(s.after);
  const dense = loop.inside.filter((x) => x.op.kind === "dense" && b.hasGradient(x));
  for (const x of dense) if (x.op.kind === "dense") b.turnWeight(x.op.kernel);
  b.loop(true, () => {
    for (const x of [...loop.inside].reverse()) {
      const g = b.reached(x);
      if (!g) continue;
      if (x.op.kind === "dense") denseBackward(b, x, x.op, g, loop);
      else emit.backward(x, g);
    }
    // The gradient of the state before a step goes to the state after the step before.
    for (const s of body.states) {
      const g = b.reached(s.before);
      if (g && b.hasGradient(s.after))
        b.moveColumns(b.partly(s.after), g, 0, 0, s.width, b.run.previous, 1, b.run.step);
    }
  });
  for (const s of body.states) {
    const g = b.reached(s.before);
    if (!g || s.start === undefined) continue;
    b.into(v.inputs[s.start], g.layout, (to, add) =>
      b.emit(({ k, rows, sequences }) =>
        k.copy(at(to, sequences), sequences.step, at(g, rows), rows.step, g.panels, sequences.count, add),
      ),
    );
  }
  for (const x of [...dense].reverse()) {
    const g = b.reached(x);
    if (g && x.op.kind === "dense") denseAfterLoop(b, x, x.op, g, loop);
  }
  [...loop.before].reverse().forEach(back);
}
