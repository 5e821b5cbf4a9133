/**
 * Gradients back through recorded computations, in reverse order. A gradient that was handed on is counted, so that one tensor may
 * stand for several (the two sides of an addition) and is still freed as soon as the last of them was used.
 */
import type { Calls, Tensor } from "./calls";

/** A value, a state of a scan: what a gradient belongs to. */
export type Key = object;

export interface Computation {
  /** What it computed. */
  readonly keys: readonly Key[];
  /** Tensors that live until its gradient was taken. */
  readonly made: readonly Tensor[];
  /** From the gradients of `keys` to those of what they were computed from. */
  readonly backward?: (dys: readonly (Tensor | undefined)[]) => readonly (readonly [Key, Tensor | undefined])[];
}

export class Tape {
  private readonly computations: Computation[] = [];
  private readonly open = new Map<Key, Tensor[]>();

  constructor(
    private readonly c: Calls,
    private readonly wants: (key: Key) => boolean,
  ) {}

  record(computation: Computation): void {
    this.computations.push(computation);
  }

  /** Adds to the gradient of `key`. */
  give(key: Key, t: Tensor | undefined): void {
    if (!t || !this.wants(key)) return;
    hold(t);
    const list = this.open.get(key);
    if (list) list.push(t);
    else this.open.set(key, [t]);
  }

  /** The gradient that was gathered for `key`, which then has none. */
  take(key: Key): Tensor | undefined {
    const list = this.open.get(key);
    if (!list) return undefined;
    this.open.delete(key);
    return released(this.c, list);
  }

  /** Goes back through everything that was recorded. */
  backward(): void {
    const { c } = this;
    for (let last = this.computations.pop(); last; last = this.computations.pop()) {
      const { keys, made, backward } = last;
      if (backward && keys.some((key) => this.open.has(key))) {
        const { made: temporary } = c.collect(() => {
          for (const [key, t] of backward(keys.map((key) => this.take(key)))) this.give(key, t);
        });
        c.free(temporary.filter((t) => !t.uses));
      }
      c.free(made);
    }
  }

  /** Frees what is left: all of a forward pass that no gradient was wanted of. */
  dispose(): void {
    for (const { made } of this.computations.splice(0)) this.c.free(made);
    const { made } = this.c.collect(() => [...this.open.keys()].forEach((key) => this.take(key)));
    this.c.free(made);
  }
}

export function hold(t: Tensor): void {
  t.uses = (t.uses ?? 0) + 1;
}

/** The sum of gradients that were held; they are freed with what is made now. */
export function released(c: Calls, list: readonly Tensor[]): Tensor {
  for (const t of list) {
    t.uses = (t.uses as number) - 1;
    if (t.uses === 0) c.adopt(t);
  }
  return c.sumOf(list);
}
