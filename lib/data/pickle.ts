// Python pickles by an allow-list: plain values and NumPy arrays are built here, nothing that a pickle names is ever called.
import { DataError } from "../core/errors";
import { numberOf } from "./csv";
import { dataError, label, readBytes } from "./files";
import { decodeArray, type NdArray } from "./npy";

/** What a pickle may hold. Lists and tuples are arrays; strings of Python 2 are bytes. */
export type Pickled = null | boolean | number | string | Uint8Array | Pickled[] | Map<Pickled, Pickled> | PickledArray;

/** A NumPy array or scalar. */
export class PickledArray {
  constructor(
    readonly array: NdArray,
    readonly scalar = false,
  ) {}
}

/** Names that may be met, and what is built for them here. */
const allowed: Readonly<Record<string, Callable["kind"]>> = Object.fromEntries([
  ...["numpy.core", "numpy._core"].flatMap((numpy) => [
    [`${numpy}.multiarray._reconstruct`, "reconstruct"],
    [`${numpy}.multiarray.scalar`, "scalar"],
    [`${numpy}.numeric._frombuffer`, "frombuffer"],
  ]),
  ["numpy.ndarray", "ndarray"],
  ["numpy.dtype", "dtype"],
  ["_codecs.encode", "encode"],
  ["__builtin__.bytes", "bytes"], // how Python 3 writes no bytes at all in protocol 2
]);

interface Callable {
  readonly kind: "reconstruct" | "scalar" | "frombuffer" | "ndarray" | "dtype" | "encode" | "bytes";
}
class Global implements Callable {
  constructor(readonly kind: Callable["kind"]) {}
}
class Dtype {
  order = "<";
  constructor(readonly code: string) {}
  get descr(): string {
    return (this.order === "=" || this.order === "|" ? "<" : this.order) + this.code;
  }
}
/** An array between `_reconstruct` and its state. */
class Unbuilt {
  array?: PickledArray;
}
class Mark {}
const mark = new Mark();

type Item = Pickled | Global | Dtype | Unbuilt | Mark;

/** How deep lists may lie in lists: far more than any release has, far less than the call stack holds. */
const deepest = 100;
/** Numbers that lists may hold in all once they are written out. */
const mostListed = 2 ** 26;
/** Bytes of a name: the key of a dictionary, a dtype. */
const longestName = 500;
/**
 * Bytes that each object counts for beside what it holds. At eight times its own bytes an honest file can pay for the smallest
 * of each that Python writes: a list of one number has 4, a NumPy scalar 12, a dictionary of one text 16.
 */
const costs = { list: 32, map: 128, array: 64 } as const;

/** The value on the stack turned into data: arrays that were built late are put in place. */
function settle(item: Item, where: string, depth = 0, done = new Map<Item, Pickled | undefined>()): Pickled {
  if (item instanceof Unbuilt) {
    if (item.array) return item.array;
    throw dataError(where, "an array with its state", "one without", "The file is cut or damaged: fetch it again.");
  }
  if (item instanceof Global || item instanceof Dtype || item instanceof Mark)
    throw dataError(where, "arrays, numbers and text", "a bare Python name", "Do not trust this file.");
  if (!Array.isArray(item) && !(item instanceof Map)) return item;
  if (depth > deepest)
    throw dataError(where, `lists at most ${deepest} deep`, "a deeper nest of lists", "Do not trust this file.");
  if (done.has(item)) {
    const made = done.get(item);
    if (made !== undefined) return made;
    throw dataError(where, "data without cycles", "a list that holds itself", "Do not trust this file.");
  }
  done.set(item, undefined);
  const inner = (v: Pickled) => settle(v as Item, where, depth + 1, done);
  const made = Array.isArray(item) ? item.map(inner) : new Map([...item].map(([k, v]) => [inner(k), inner(v)]));
  done.set(item, made);
  return made;
}

const isBytes = (v: Item): v is Uint8Array => v instanceof Uint8Array;
const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "latin1"));

/** Reads the opcodes of protocols 0 to 5 that plain data and arrays use. */
class Machine {
  private at = 0;
  private readonly stack: Item[] = [];
  private readonly memo = new Map<number, Item>();
  private readonly view: DataView;
  /** Bytes that were made of the file's: one that is met again through the memo is made again. */
  private made = 0;
  constructor(
    private readonly bytes: Uint8Array,
    private readonly where: string,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private bad(expected: string, found: string, mend: string): DataError {
    return dataError(`${this.where}, byte ${this.at}`, expected, found, mend);
  }

  /**
   * Counts bytes that are about to be made. An honest file makes at most six of one of its own (a byte becomes a float, by way
   * of text); one that calls for the same bytes over and over makes any number.
   */
  private budget(bytes: number): void {
    this.made += bytes;
    const most = 8 * this.bytes.length + 2 ** 20;
    if (this.made > most)
      throw this.bad(
        `at most ${most} bytes of arrays from ${this.bytes.length}`,
        "more",
        "It builds the same data over and over: do not trust this file.",
      );
  }

  private take(n: number): Uint8Array {
    if (n < 0 || this.at + n > this.bytes.length)
      throw this.bad(`${n} more bytes`, `${this.bytes.length - this.at}`, "The file is cut: fetch it again.");
    return this.bytes.subarray(this.at, (this.at += n));
  }

  private number(method: "getUint8" | "getUint16" | "getInt32" | "getUint32" | "getBigUint64", n: number): number {
    this.take(n);
    return Number(this.view[method](this.at - n, true));
  }

  private line(): string {
    const end = this.bytes.indexOf(10, this.at);
    if (end < 0) throw this.bad("a line", "the end of the file", "The file is cut: fetch it again.");
    const text = Buffer.from(this.take(end - this.at)).toString("latin1");
    this.at++;
    return text.replace(/\r$/, "");
  }

  private pop(): Item {
    const item = this.stack.pop();
    if (item === undefined) throw this.bad("a value", "an empty stack", "The file is damaged: fetch it again.");
    return item;
  }

  private popMark(): Item[] {
    const at = this.stack.lastIndexOf(mark);
    if (at < 0) throw this.bad("a mark", "none", "The file is damaged: fetch it again.");
    return this.stack.splice(at).slice(1);
  }

  private global(module: string, name: string): Global {
    const kind = Object.hasOwn(allowed, `${module}.${name}`) ? allowed[`${module}.${name}`] : undefined;
    if (kind) return new Global(kind);
    throw this.bad(
      "a pickle of NumPy arrays",
      `the name ${module}.${name}`,
      "Nothing was run. A pickle can run any program: do not load this file in Python.",
    );
  }

  /** Raw bytes that a pickle holds as bytes, as a Python 2 string, or as Latin-1 text. */
  private raw(item: Item | undefined): Uint8Array {
    if (item instanceof Uint8Array) return item;
    if (typeof item === "string") {
      this.budget(item.length);
      return latin1(item);
    }
    throw this.bad("bytes", typeof item, "The file is damaged: fetch it again.");
  }

  /** A name: text, or the bytes of Python 2. */
  private text(item: Item | undefined): string {
    if ((typeof item === "string" || item instanceof Uint8Array) && item.length > longestName)
      throw this.bad(`a name of at most ${longestName} bytes`, `${item.length}`, "Do not trust this file.");
    if (typeof item === "string") return item;
    if (item instanceof Uint8Array) {
      this.budget(item.length);
      return Buffer.from(item).toString("latin1");
    }
    throw this.bad("text", typeof item, "The file is damaged: fetch it again.");
  }

  private shape(item: Item | undefined): number[] {
    if (Array.isArray(item) && item.every((d) => typeof d === "number")) return item as number[];
    throw this.bad("a shape", typeof item, "The file is damaged: fetch it again.");
  }

  private dtype(item: Item | undefined): Dtype {
    if (item instanceof Dtype) return item;
    throw this.bad("a dtype", typeof item, "The file is damaged: fetch it again.");
  }

  private array(
    data: Item | undefined,
    dtype: Item | undefined,
    shape: readonly number[],
    fortran: boolean,
    scalar = false,
  ): PickledArray {
    const bytes = this.raw(data);
    this.budget(costs.array + 4 * bytes.length); // at most: a float for each byte
    return new PickledArray(decodeArray(bytes, this.dtype(dtype).descr, shape, fortran, this.where), scalar);
  }

  private call(callable: Item, args: Item): Item {
    if (!(callable instanceof Global) || !Array.isArray(args))
      throw this.bad("a NumPy constructor", "something else", "Nothing was run. Do not trust this file.");
    const a = args as Item[];
    switch (callable.kind) {
      case "reconstruct":
        return new Unbuilt();
      case "dtype":
        return new Dtype(this.text(a[0]).replace(/^[<>|=]/, ""));
      case "encode":
        if (!["latin1", "latin-1", "iso-8859-1"].includes(this.text(a[1])))
          throw this.bad("the encoding latin1", this.text(a[1]), "The file is damaged: fetch it again.");
        return this.raw(a[0]);
      case "bytes":
        if (a.length)
          throw this.bad("empty bytes", `${a.length} arguments`, "Nothing was run. Do not trust this file.");
        return new Uint8Array(0);
      case "scalar":
        return this.array(a[1], a[0], [], false, true);
      case "frombuffer":
        return this.array(a[0], a[1], this.shape(a[2]), this.text(a[3]) === "F");
      case "ndarray":
        throw this.bad("a built array", "a call of numpy.ndarray", "Nothing was run. Do not trust this file.");
    }
  }

  private build(target: Item, state: Item): void {
    const s = Array.isArray(state) ? (state as Item[]) : [];
    if (target instanceof Dtype) {
      const order = this.text(s[1]);
      if (!["<", ">", "|", "="].includes(order))
        throw this.bad("a byte order", order, "The file is damaged: fetch it again.");
      target.order = order;
    } else if (target instanceof Unbuilt) {
      const [, shape, dtype, fortran, data] = s;
      if (Array.isArray(data))
        throw this.bad("an array of numbers", "an array of Python objects", "Save it as float32, padded to one shape.");
      target.array = this.array(data, dtype, this.shape(shape), fortran === true || fortran === 1);
    } else
      throw this.bad("the state of an array", "that of something else", "Nothing was run. Do not trust this file.");
  }

  private integer(bytes: Uint8Array): number {
    if (bytes.length > 16)
      throw this.bad("an integer of at most 16 bytes", `${bytes.length}`, "The file is damaged: fetch it again.");
    let value = 0n;
    bytes.forEach((b, i) => (value |= BigInt(b) << BigInt(8 * i)));
    if (bytes.length && bytes[bytes.length - 1] & 0x80) value -= 1n << BigInt(8 * bytes.length);
    return Number(value);
  }

  /** A quoted string of protocol 0, with Python's escapes. */
  private quoted(line: string): Uint8Array {
    const inner = /^(['"])([\s\S]*)\1$/.exec(line)?.[2];
    if (inner === undefined)
      throw this.bad("a quoted string", line.slice(0, 40), "The file is damaged: fetch it again.");
    const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", a: "\x07", b: "\b", f: "\f", v: "\v" };
    return latin1(
      inner.replace(/\\(x[0-9a-f]{2}|[0-7]{1,3}|[\s\S])/gi, (_, e: string) => {
        if (/^x[0-9a-f]{2}$/i.test(e)) return String.fromCharCode(parseInt(e.slice(1), 16));
        if (/^[0-7]/.test(e)) return String.fromCharCode(parseInt(e, 8));
        return escapes[e] ?? e;
      }),
    );
  }

  /** The number of a line of protocol 0. */
  private decimal(text: string, kind: RegExp): number {
    const value = kind.test(text) ? numberOf(text) : undefined;
    if (value !== undefined) return value;
    throw this.bad("a number", text.slice(0, 40) || "an empty line", "The file is damaged: fetch it again.");
  }

  private list(items: Item[]): void {
    this.budget(costs.list);
    this.stack.push(items as Pickled[]);
  }

  private map(items: Item[]): void {
    this.budget(costs.map);
    const made = new Map<Pickled, Pickled>();
    this.setItems(made, items);
    this.stack.push(made);
  }

  run(): Pickled {
    const utf8 = (b: Uint8Array) => new TextDecoder("utf-8").decode(b);
    const { stack, memo } = this;
    for (;;) {
      const op = String.fromCharCode(this.number("getUint8", 1));
      switch (op) {
        case "\x80": // PROTO
          this.take(1);
          break;
        case "\x95": // FRAME
          this.take(8);
          break;
        case ".": {
          const result = settle(this.pop(), this.where);
          if (stack.length) throw this.bad("one value", `${stack.length + 1}`, "The file is damaged: fetch it again.");
          return result;
        }
        case "(":
          stack.push(mark);
          break;
        case "0":
          this.pop();
          break;
        case "1":
          this.popMark();
          break;
        case "2":
          stack.push(stack[stack.length - 1]);
          break;
        case "N":
          stack.push(null);
          break;
        case "\x88":
        case "\x89":
          stack.push(op === "\x88");
          break;
        case "I": {
          const text = this.line();
          stack.push(text === "01" ? true : text === "00" ? false : this.decimal(text, /^[+-]?\d+$/));
          break;
        }
        case "L":
          stack.push(this.decimal(this.line().replace(/L$/, ""), /^[+-]?\d+$/));
          break;
        case "F":
          stack.push(this.decimal(this.line(), /^[+-]?(\d|\.\d|nan|inf)/i));
          break;
        case "J":
          stack.push(this.number("getInt32", 4));
          break;
        case "K":
          stack.push(this.number("getUint8", 1));
          break;
        case "M":
          stack.push(this.number("getUint16", 2));
          break;
        case "\x8a":
          stack.push(this.integer(this.take(this.number("getUint8", 1))));
          break;
        case "\x8b":
          stack.push(this.integer(this.take(this.number("getUint32", 4))));
          break;
        case "G":
          this.take(8);
          stack.push(this.view.getFloat64(this.at - 8, false));
          break;
        case "S":
          stack.push(this.quoted(this.line()));
          break;
        case "T":
        case "B":
          stack.push(this.take(this.number("getUint32", 4)));
          break;
        case "U":
        case "C":
          stack.push(this.take(this.number("getUint8", 1)));
          break;
        case "\x8e":
        case "\x96":
          stack.push(this.take(this.number("getBigUint64", 8)));
          break;
        case "V":
          stack.push(this.line().replace(/\\u([0-9a-f]{4})/gi, (_, h: string) => String.fromCharCode(parseInt(h, 16))));
          break;
        case "X":
          stack.push(utf8(this.take(this.number("getUint32", 4))));
          break;
        case "\x8c":
          stack.push(utf8(this.take(this.number("getUint8", 1))));
          break;
        case "\x8d":
          stack.push(utf8(this.take(this.number("getBigUint64", 8))));
          break;
        case ")":
        case "]":
          this.list([]);
          break;
        case "}":
          this.map([]);
          break;
        case "t":
        case "l":
          this.list(this.popMark());
          break;
        case "d":
          this.map(this.popMark());
          break;
        case "\x85":
        case "\x86":
        case "\x87": {
          const n = op.charCodeAt(0) - 0x84;
          this.list(Array.from({ length: n }, () => this.pop()).reverse());
          break;
        }
        case "a": {
          const value = this.pop();
          this.append([value]);
          break;
        }
        case "e":
          this.append(this.popMark());
          break;
        case "s": {
          const value = this.pop();
          const key = this.pop();
          this.setItems(stack[stack.length - 1], [key, value]);
          break;
        }
        case "u": {
          const items = this.popMark();
          this.setItems(stack[stack.length - 1], items);
          break;
        }
        case "c": {
          const module = this.line();
          stack.push(this.global(module, this.line()));
          break;
        }
        case "\x93": {
          const name = this.text(this.pop());
          stack.push(this.global(this.text(this.pop()), name));
          break;
        }
        case "R": {
          const args = this.pop();
          stack.push(this.call(this.pop(), args));
          break;
        }
        case "b": {
          const state = this.pop();
          this.build(stack[stack.length - 1], state);
          break;
        }
        case "p":
          memo.set(Number(this.line()), stack[stack.length - 1]);
          break;
        case "q":
          memo.set(this.number("getUint8", 1), stack[stack.length - 1]);
          break;
        case "r":
          memo.set(this.number("getUint32", 4), stack[stack.length - 1]);
          break;
        case "\x94":
          memo.set(memo.size, stack[stack.length - 1]);
          break;
        case "g":
          this.recall(Number(this.line()));
          break;
        case "h":
          this.recall(this.number("getUint8", 1));
          break;
        case "j":
          this.recall(this.number("getUint32", 4));
          break;
        default:
          throw this.bad(
            "a pickle of NumPy arrays",
            `the opcode 0x${op.charCodeAt(0).toString(16)}`,
            "Nothing was run. Is it a pickle at all? Do not trust this file.",
          );
      }
    }
  }

  private append(values: Item[]): void {
    const list = this.stack[this.stack.length - 1];
    if (!Array.isArray(list)) throw this.bad("a list", "something else", "The file is damaged: fetch it again.");
    for (const value of values) (list as Item[]).push(value);
  }

  private setItems(target: Item, items: Item[]): void {
    if (!(target instanceof Map) || items.length % 2)
      throw this.bad("a dictionary", "something else", "The file is damaged: fetch it again.");
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i];
      target.set((isBytes(key) ? this.text(key) : key) as Pickled, items[i + 1] as Pickled);
    }
  }

  private recall(index: number): void {
    const item = this.memo.get(index);
    if (item === undefined)
      throw this.bad("a value met before", `number ${index}`, "The file is damaged: fetch it again.");
    this.stack.push(item);
  }
}

/** Data from the bytes of a pickle. */
export function parsePickle(bytes: Uint8Array, where: string): Pickled {
  return new Machine(bytes, where).run();
}

/** Reads a pickle file. */
export function readPickle(file: string): Pickled {
  return parsePickle(readBytes(file), label(file));
}

/** A pickled array, or a list of numbers (or of lists of one length) as an array. */
export function arrayOf(value: Pickled, where: string): NdArray {
  if (value instanceof PickledArray) return value.array;
  const sizes = new Map<Pickled, number>();
  /** Entries and lists of `v` written out; a list that is met in many places is counted once and added each time. */
  const sizeOf = (v: Pickled): number => {
    if (v instanceof PickledArray) return 1 + v.array.data.length;
    if (!Array.isArray(v)) return 1;
    const known = sizes.get(v) ?? v.reduce<number>((sum, inner) => sum + sizeOf(inner), 1);
    sizes.set(v, known);
    return known;
  };
  if (sizeOf(value) > mostListed)
    throw dataError(
      where,
      `at most ${mostListed} numbers in lists`,
      "lists that hold more, written out",
      "Do not trust this file; save large data as arrays.",
    );
  const data = new Float32Array(sizeOf(value));
  let count = 0;
  const walk = (v: Pickled): number[] => {
    if (typeof v === "number" || typeof v === "boolean") {
      data[count++] = Number(v);
      return [];
    }
    if (v instanceof PickledArray) {
      data.set(v.array.data, count);
      count += v.array.data.length;
      return [...v.array.shape];
    }
    if (!Array.isArray(v)) throw dataError(where, "an array of numbers", typeof v, "Is it a file of another release?");
    const shapes = v.map(walk);
    if (shapes.some((s) => s.join() !== shapes[0].join()))
      throw dataError(where, "rows of one shape", "rows of several", "Pad them to one shape.");
    return [v.length, ...(shapes[0] ?? [])];
  };
  const shape = walk(value);
  return { shape, data: data.slice(0, count) };
}
