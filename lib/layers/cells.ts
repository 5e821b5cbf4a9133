/** Parts that several systems share: two-layer nets, LSTMs that step side by side, MFN's gated memory. */
import type { Modality } from "../core/types";
import type { Act, Value } from "../engine/graph";
import { add, cellOutput, cellState, dense, mul, scan } from "../engine/ops";
import { forEachModality, modalityWord } from "./modalities";
import type { Net } from "./net";

/** act(fc2 drop(relu(fc1 x))): the two-layer net of the CMU systems. */
export function mlp(
  net: Net,
  name: string,
  x: Value | readonly Value[],
  hidden: number,
  units: number,
  o: { act?: Act; drop?: number } = {},
): Value {
  const at = net.at(name);
  return at.dense("fc2", at.dense("fc1", x, hidden, { act: "relu", drop: o.drop }), units, { act: o.act });
}

export type ByModality = Readonly<Record<Modality, Value>>;

export interface SideBySide {
  /** Hidden states and memories of each modality after every step, (n, h_m). */
  readonly h: ByModality;
  readonly c: ByModality;
  /** The same before every step: zeros at a sequence's first row. */
  readonly hBefore: ByModality;
  readonly cBefore: ByModality;
  /** Hidden states after each sequence's last step, (s, h_m). */
  readonly last: ByModality;
  /** Hidden states and memories under their golden names. */
  readonly taps: Readonly<Record<string, Value>>;
}

/**
 * One LSTM a modality, `lstm/<m>`, none of which sees the others. Products with the inputs are taken for all rows at once.
 * @param units  width of each modality's LSTM
 */
export function sideBySide(net: Net, units: Readonly<Record<Modality, number>>): SideBySide {
  const { modalities } = net.shape;
  const weights = forEachModality(modalities, (m, word) =>
    net.recurrent(`lstm/${word}`, net.input(m).width, units[m], 4, "forget"),
  );
  const widths = Object.fromEntries(modalities.flatMap((m) => [[`h/${m}`, units[m]], [`c/${m}`, units[m]]])); // prettier-ignore
  const gates = modalities.map((m) =>
    dense(net.input(m), weights[m].kernel, weights[m].bias, "linear", undefined, `lstm/${m}`),
  );
  const { last, rows } = scan(gates, widths, (x, state) => {
    const next: Record<string, Value> = {};
    modalities.forEach((m, i) => {
      const gate = add(x[i], dense(state[`h/${m}`], weights[m].recurrent, undefined));
      next[`c/${m}`] = cellState(gate, state[`c/${m}`]);
      next[`h/${m}`] = cellOutput(gate, next[`c/${m}`]);
    });
    const all = (from: Readonly<Record<string, Value>>, s: string) => modalities.map((m) => from[`${s}/${m}`]);
    return { state: next, outputs: [...all(next, "h"), ...all(next, "c"), ...all(state, "h"), ...all(state, "c")] };
  });
  const part = (k: number) => forEachModality(modalities, (m) => rows[k * modalities.length + modalities.indexOf(m)]);
  return {
    h: part(0),
    c: part(1),
    hBefore: part(2),
    cBefore: part(3),
    taps: stateTaps(modalities, rows),
    last: forEachModality(modalities, (m) => last[`h/${m}`]),
  };
}

/** Hidden states and memories under their golden names. @param states  h of each modality, then c of each */
export const stateTaps = (modalities: readonly Modality[], states: readonly Value[]): Record<string, Value> =>
  Object.fromEntries(
    ["h", "c"].flatMap((s, k) =>
      modalities.map((m, i) => [`${s}/${modalityWord[m]}`, states[k * modalities.length + i]]),
    ),
  );

/** LSTM units of text, audio, video. */
export interface LstmUnits {
  readonly hT: number;
  readonly hA: number;
  readonly hV: number;
}

export const lstmUnits = (c: LstmUnits): Record<Modality, number> => ({ T: c.hT, A: c.hA, V: c.hV });

/** LSTMs side by side and a memory of them. */
export interface MemoryConfig extends LstmUnits {
  /** Width of the memory. */
  readonly m: number;
  /** Hidden widths of the nets of u^ and of the two gates, and dropout in them. */
  readonly att2: number;
  readonly att2Drop: number;
  readonly gamma1: number;
  readonly gamma1Drop: number;
  readonly gamma2: number;
  readonly gamma2Drop: number;
}

/**
 * MFN's multi-view gated memory: u = gamma1 u(t-1) + gamma2 u^, with u^ = tanh(att2(x)) and gates sigmoid(gamma([x; u(t-1)])).
 * @param x  what is remembered of each step, (n, d)
 * @returns the memory after each sequence's last step (s, m), and values of every step
 */
export function gatedMemory(
  net: Net,
  x: Value,
  c: MemoryConfig,
  gatesSeeMemory = true,
): { last: Value; taps: Record<string, Value> } {
  const proposal = mlp(net, "att2", x, c.att2, c.m, { act: "tanh", drop: c.att2Drop });
  const gate = (name: "gamma1" | "gamma2", input: readonly Value[]) =>
    mlp(net, name, input, c[name], c.m, { act: "sigmoid", drop: c[`${name}Drop`] });
  const fixed = gatesSeeMemory ? [] : [gate("gamma1", [x]), gate("gamma2", [x])];
  const { last, rows } = scan(gatesSeeMemory ? [x, proposal] : [proposal, ...fixed], { u: c.m }, (step, { u }) => {
    const [retain, update] = gatesSeeMemory
      ? [gate("gamma1", [step[0], u]), gate("gamma2", [step[0], u])]
      : step.slice(1);
    const next = add(mul(retain, u), mul(update, gatesSeeMemory ? step[1] : step[0]));
    return { state: { u: next }, outputs: [retain, update, next] };
  });
  const [gamma1, gamma2, memory] = rows;
  return { last: last.u, taps: { u_hat: proposal, gamma1, gamma2, memory } };
}
