/**
 * Layers with named parameters. A layer's parameters live under its path: `iim/TA/enc1` has `kernel` and `bias`.
 * [D26] All start by Keras' rules (Glorot uniform, orthogonal, zero biases, forget bias 1), one bias a layer; the systems that were
 * written in PyTorch started uniformly, with two or three biases a cell that Adam moved together.
 */
import type { Modality, Shape } from "../core/types";
import type { Act, Drop, Gates, Graph, Init, Recurrent, Value } from "../engine/graph";
import * as ops from "../engine/ops";

export interface DenseOptions {
  readonly act?: Act;
  /** Share of outputs dropped while training. */
  readonly drop?: number;
  readonly bias?: boolean;
}

export interface RecurrentLayerOptions {
  readonly gates?: Gates;
  /** Share of input features dropped, one mask a sequence. */
  readonly drop?: number;
  /** Share of h(t-1) dropped where it enters the products, one mask a sequence. */
  readonly recurrentDrop?: number;
}

export class Net {
  constructor(
    readonly graph: Graph,
    private readonly prefix = "",
  ) {}

  get shape(): Shape {
    return this.graph.shape;
  }

  /** The same recording, with `name` put before the names of its layers. */
  at(name: string): Net {
    return new Net(this.graph, this.path(name));
  }

  path(name: string): string {
    return this.prefix ? `${this.prefix}/${name}` : name;
  }

  /** Features of a modality, (n, d). */
  input(modality: Modality): Value {
    return ops.input(this.graph, modality);
  }

  /** All modalities side by side, in the order T, A, V. */
  inputs(): Value[] {
    return this.shape.modalities.map((m) => this.input(m));
  }

  drop(name: string, rate: number | undefined): Drop | undefined {
    return rate ? { rate, stream: this.path(name) } : undefined;
  }

  /** act([x1, x2, ...] W + b), then dropout: (., sum of widths) -> (., units). */
  dense(name: string, x: Value | readonly Value[], units: number, o: DenseOptions = {}): Value {
    const width = (Array.isArray(x) ? (x as readonly Value[]) : [x as Value]).reduce((sum, v) => sum + v.width, 0);
    const kernel = this.param(`${name}/kernel`, [width, units], "glorot");
    const bias = o.bias === false ? undefined : this.param(`${name}/bias`, [units], "zeros");
    return ops.dense(x, kernel, bias, o.act, this.drop(name, o.drop), this.path(name));
  }

  dropout(name: string, x: Value, rate: number): Value {
    return ops.dropout(x, this.drop(name, rate));
  }

  /** GRU both ways, reset before the product: (n, d) -> (n, 2r), [forward, backward]. */
  biGru(name: string, x: Value, units: number, o: RecurrentLayerOptions = {}): Value {
    const [fwd, bwd] = ["fwd", "bwd"].map((d) => this.recurrent(`${name}/${d}`, x.width, units, 3, "zeros"));
    return ops.gru(x, fwd, bwd, this.recurrentOptions(name, o), this.path(name));
  }

  /** LSTM, gates i, f, g, o: (n, d) -> (n, h). */
  lstm(name: string, x: Value, units: number, o: RecurrentLayerOptions = {}): Value {
    return ops.lstm(
      x,
      this.recurrent(name, x.width, units, 4, "forget"),
      undefined,
      this.recurrentOptions(name, o),
      this.path(name),
    );
  }

  /** LSTM both ways: (n, d) -> (n, 2h), [forward, backward]. */
  biLstm(name: string, x: Value, units: number, o: RecurrentLayerOptions = {}): Value {
    const [fwd, bwd] = ["fwd", "bwd"].map((d) => this.recurrent(`${name}/${d}`, x.width, units, 4, "forget"));
    return ops.lstm(x, fwd, bwd, this.recurrentOptions(name, o), this.path(name));
  }

  param(name: string, shape: readonly number[], init: Init, trainable = true): ReturnType<Graph["param"]> {
    return this.graph.param(this.path(name), shape, init, trainable);
  }

  /** The three weights of one recurrent direction with `gates` gates. */
  recurrent(name: string, width: number, units: number, gates: 3 | 4, bias: Init): Recurrent {
    return {
      kernel: this.param(`${name}/kernel`, [width, gates * units], "glorot"),
      recurrent: this.param(`${name}/recurrent`, [units, gates * units], "orthogonal"),
      bias: this.param(`${name}/bias`, [gates * units], bias),
    };
  }

  private recurrentOptions(name: string, o: RecurrentLayerOptions): ops.RecurrentOptions {
    return {
      gates: o.gates,
      inputDrop: this.drop(`${name}/input`, o.drop),
      recurrentDrop: this.drop(`${name}/state`, o.recurrentDrop),
    };
  }
}
