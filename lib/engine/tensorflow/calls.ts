/**
 * TensorFlow's own operations, called by name through the binding of tfjs-node, without TensorFlow.js around them: a call
 * costs half of one that goes through its engine, tape and tidies. Tensors are numbers of the binding; `Calls` owns them.
 */

/** What tfjs-node's native module offers, as far as it is used here. */
export interface Binding {
  createTensor(shape: readonly number[], dtype: number, data: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array | Int32Array;
  executeOp(name: string, attributes: readonly Attribute[], inputs: readonly number[], outputs: number): Tensor[];
  getNumOfTensors(): number;
  isUsingGpuDevice(): boolean;
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
}
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | readonly number[];
}
export interface Tensor {
  readonly id: number;
  readonly shape: readonly number[];
  /** How many gradients it stands for; see tape.ts. */
  uses?: number;
  freed?: boolean;
}

/** Calls by name. What they make is freed by whoever collects it; constants stay until `dispose`. */
export class Calls {
  private made: Tensor[] = [];
  private readonly constants = new Map<string, Tensor>();
  private readonly noAttributes: readonly Attribute[] = [];
  private readonly flags = new Map<string, readonly Attribute[]>();

  constructor(readonly binding: Binding) {}

  /** Number of constants: tensors that stay. */
  get kept(): number {
    return this.constants.size;
  }

  /** Runs `f`; gives back its result and the tensors that were made meanwhile. If it throws they are freed. */
  collect<R>(f: () => R): { result: R; made: Tensor[] } {
    const outer = this.made;
    this.made = [];
    try {
      return { result: f(), made: this.made };
    } catch (error) {
      this.free(this.made);
      throw error;
    } finally {
      this.made = outer;
    }
  }

  /** Runs `f` and frees what it made, but for what it gives back. */
  tidy(f: () => Tensor[]): Tensor[] {
    const { result, made } = this.collect(f);
    const kept = new Set(result);
    this.free(made.filter((t) => !kept.has(t)));
    this.made.push(...made.filter((t) => kept.has(t)));
    return result;
  }

  /** Puts a tensor among those made now, so that they are freed together. */
  adopt(t: Tensor): void {
    this.made.push(t);
  }

  free(tensors: Iterable<Tensor>): void {
    for (const t of tensors) {
      if (t.freed) continue;
      t.freed = true;
      this.binding.deleteTensor(t.id);
    }
  }

  run(name: string, inputs: readonly Tensor[], attributes = this.noAttributes, outputs = 1): Tensor[] {
    const results = this.binding.executeOp(
      name,
      attributes,
      inputs.map((t) => t.id),
      outputs,
    );
    for (const t of results) this.made.push(t);
    return results;
  }

  one(name: string, inputs: readonly Tensor[], attributes?: readonly Attribute[]): Tensor {
    return this.run(name, inputs, attributes, 1)[0];
  }

  float(data: Float32Array, shape: readonly number[]): Tensor {
    return this.track(this.binding.createTensor(shape, this.binding.TF_FLOAT, data), shape);
  }

  int(data: Int32Array, shape: readonly number[] = [data.length]): Tensor {
    return this.track(this.binding.createTensor(shape, this.binding.TF_INT32, data), shape);
  }

  /** A float32 scalar that is kept: a factor, a rate. */
  scalar(value: number): Tensor {
    return this.constant(`f${value}`, () => this.float(Float32Array.of(value), []));
  }

  /** An int32 scalar or list that is kept: an axis, a shape. */
  ints(...values: readonly number[]): Tensor {
    return this.constant(`i${values.join()}`, () => this.int(Int32Array.from(values)));
  }

  axis(value: number): Tensor {
    return this.constant(`a${value}`, () => this.int(Int32Array.of(value), []));
  }

  attribute(name: string, type: "int" | "bool" | "type" | "string" | "shape", value: Attribute["value"]): Attribute {
    const { TF_ATTR_INT, TF_ATTR_BOOL, TF_ATTR_TYPE, TF_ATTR_STRING, TF_ATTR_SHAPE } = this.binding;
    const types = {
      int: TF_ATTR_INT,
      bool: TF_ATTR_BOOL,
      type: TF_ATTR_TYPE,
      string: TF_ATTR_STRING,
      shape: TF_ATTR_SHAPE,
    };
    return { name, type: types[type], value };
  }

  private constant(key: string, make: () => Tensor): Tensor {
    let t = this.constants.get(key);
    if (!t) {
      const { result } = this.collect(make);
      this.constants.set(key, (t = result));
    }
    return t;
  }

  private track(id: number, shape: readonly number[]): Tensor {
    const t: Tensor = { id, shape };
    this.made.push(t);
    return t;
  }

  private cached(key: string, make: () => readonly Attribute[]): readonly Attribute[] {
    let a = this.flags.get(key);
    if (!a) this.flags.set(key, (a = make()));
    return a;
  }

  // The operations in use. Shapes in the comments; leading dimensions of products are batched.

  /** a b, with either transposed: two dimensions, or three with the first batched. */
  matMul(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
    const batched = a.shape.length > 2;
    const [name, x, y] = batched ? ["BatchMatMulV2", "adj_x", "adj_y"] : ["MatMul", "transpose_a", "transpose_b"];
    const attributes = this.cached(`${name}${transposeA}${transposeB}`, () => [
      this.attribute(x, "bool", transposeA),
      this.attribute(y, "bool", transposeB),
    ]);
    return this.one(name, [a, b], attributes);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.one("AddV2", [a, b]);
  }
  sub(a: Tensor, b: Tensor): Tensor {
    return this.one("Sub", [a, b]);
  }
  mul(a: Tensor, b: Tensor): Tensor {
    return this.one("Mul", [a, b]);
  }
  scale(a: Tensor, factor: number): Tensor {
    return factor === 1 ? a : this.mul(a, this.scalar(factor));
  }
  /** Sum of tensors of one shape. */
  sumOf(tensors: readonly Tensor[]): Tensor {
    if (tensors.length === 1) return tensors[0];
    return this.one("AddN", tensors, this.list(tensors.length));
  }

  concat(tensors: readonly Tensor[], axis: number): Tensor {
    return tensors.length === 1
      ? tensors[0]
      : this.one("ConcatV2", [...tensors, this.axis(axis)], this.list(tensors.length));
  }
  stack(tensors: readonly Tensor[]): Tensor {
    return this.one("Pack", tensors, this.list(tensors.length));
  }
  /** Equal parts along an axis. */
  split(a: Tensor, parts: number, axis: number): Tensor[] {
    const attributes = this.cached(`split${parts}`, () => [this.attribute("num_split", "int", parts)]);
    return parts === 1 ? [a] : this.run("Split", [this.axis(axis), a], attributes, parts);
  }
  /** Parts of the given sizes along an axis. */
  splitSizes(a: Tensor, sizes: Int32Array, axis: number): Tensor[] {
    if (sizes.length === 1) return [a];
    const attributes = this.cached(`splitv${sizes.length}`, () => [this.attribute("num_split", "int", sizes.length)]);
    return this.run("SplitV", [a, this.int(sizes), this.axis(axis)], attributes, sizes.length);
  }
  slice(a: Tensor, begin: readonly number[], size: readonly number[]): Tensor {
    return this.one("Slice", [a, this.int(Int32Array.from(begin)), this.int(Int32Array.from(size))]);
  }
  reshape(a: Tensor, shape: readonly number[]): Tensor {
    return this.one("Reshape", [a, this.int(Int32Array.from(shape))]);
  }
  /** Rows of `a` (first dimension) by index. */
  gather(a: Tensor, indices: Tensor): Tensor {
    return this.one("GatherV2", [a, indices, this.axis(0)]);
  }
  /** Zeros after the end of dimension `axis`. */
  padEnd(a: Tensor, axis: number, count: number): Tensor {
    if (count === 0) return a;
    const key = `p${a.shape.length},${axis},${count}`;
    const paddings = this.constant(key, () => {
      const pairs = new Int32Array(2 * a.shape.length);
      pairs[2 * axis + 1] = count;
      return this.int(pairs, [a.shape.length, 2]);
    });
    return this.one("Pad", [a, paddings]);
  }

  /** The first dimension's entries, each without it. */
  unstack(a: Tensor): Tensor[] {
    const parts = a.shape[0];
    const attributes = this.cached(`unpack${parts}`, () => [
      this.attribute("num", "int", parts),
      this.attribute("axis", "int", 0),
    ]);
    return this.run("Unpack", [a], attributes, parts);
  }

  /** Sum over an axis that stays with length 1, or over all entries to a scalar. */
  sum(a: Tensor, axis?: number): Tensor {
    const axes = axis === undefined ? this.ints(...a.shape.keys()) : this.ints(axis);
    return this.one("Sum", [a, axes], axis === undefined ? undefined : this.keepDimensions());
  }

  private keepDimensions(): readonly Attribute[] {
    return this.cached("keep", () => [this.attribute("keep_dims", "bool", true)]);
  }

  private list(n: number): readonly Attribute[] {
    return this.cached(`list${n}`, () => [
      this.attribute("N", "int", n),
      this.attribute("T", "type", this.binding.TF_FLOAT),
    ]);
  }

  read(t: Tensor): Float32Array {
    return this.binding.tensorDataSync(t.id) as Float32Array;
  }
}
