import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError } from "../../lib/core/errors";
import { Rng } from "../../lib/core/rng";
import { readArray, readStrings, withHdf5 } from "../../lib/data/hdf5";
import { readNpy, decodeNpy } from "../../lib/data/npy";
import { PickledArray, arrayOf, parsePickle, readPickle, type Pickled } from "../../lib/data/pickle";
import { openNpz } from "../../lib/data/zip";
import { bytesOf, folder, hdf5, nd, npy, oracle, pickle, python2, zip } from "./writers";

const { shape, values } = oracle;

describe("NumPy .npy files, as NumPy wrote them", () => {
  for (const [name, base64] of Object.entries(oracle.npy))
    it(`give ${name} in C order`, () => {
      const array = decodeNpy(bytesOf(base64), name);
      assert.deepEqual(array.shape, shape);
      assert.deepEqual([...array.data], values);
    });
  it("give every kind of half: zeros, subnormal, largest, infinities, NaN", () => {
    const { data } = decodeNpy(bytesOf(oracle.half.bytes), "half");
    const number: Record<string, number> = { inf: Infinity, "-inf": -Infinity, nan: NaN };
    oracle.half.values.forEach((text, i) =>
      assert.ok(Object.is(data[i], Math.fround(number[text] ?? Number(text))), text),
    );
  });
  for (const [name, base64] of Object.entries(oracle.integers))
    it(`give integers of kind ${name}`, () =>
      assert.deepEqual([...decodeNpy(bytesOf(base64), name).data], [0, 1, 2, 3]));
  it("give booleans as 1 and 0", () => assert.deepEqual([...decodeNpy(bytesOf(oracle.bool), "b").data], [1, 0]));
  it("are read with the long integers that Python 2 writes into a shape", () => {
    const bytes = npy(nd([3, 10], new Float32Array(30)));
    const python2 = bytes.toString("latin1").replace("(3, 10), }  ", "(3L, 10L), }");
    assert.deepEqual(decodeNpy(Buffer.from(python2, "latin1"), "l").shape, [3, 10]);
  });
  it("are refused with text inside", () =>
    assert.throws(
      () => decodeNpy(bytesOf(oracle.text), "t.npy"),
      /t\.npy: expected numbers .*found dtype <U1\. Save it as float32/,
    ));
  it("are refused cut short, with the bytes that are missing", () => {
    const bytes = bytesOf(oracle.npy.float32);
    assert.throws(
      () => decodeNpy(bytes.subarray(0, bytes.length - 4), "c.npy"),
      /expected 96 bytes for shape \(2, 3, 4\), found 92/,
    );
    assert.throws(() => decodeNpy(bytes.subarray(0, 40), "c.npy"), /expected a whole \.npy header, found 40 bytes/);
  });
  it("are refused when they are something else", () =>
    assert.throws(
      () => decodeNpy(Buffer.from("version https://git-lfs"), "p.npy"),
      /p\.npy: expected a NumPy \.npy file.*LFS pointer/,
    ));
  it("are refused where a dimension of 0 hides a huge one, and with more dimensions than numpy has", () => {
    assert.throws(() => decodeNpy(npy(nd([2 ** 40, 0], [])), "z"), /z: expected an array of at most \d+ bytes/);
    assert.throws(() => decodeNpy(npy(nd(Array<number>(65).fill(1), [1])), "d"), /d: .* found 65 dimensions/);
  });
  it("are refused before anything is allocated when they declare more than can be read", () => {
    const head = npy(nd([1], [0]))
      .toString("latin1")
      .replace("(1,), }      ", "(99999, 99999), }")
      .slice(0, 128);
    assert.throws(
      () => decodeNpy(Buffer.from(head, "latin1"), "b.npy"),
      /b\.npy: expected an array of at most \d+ bytes/,
    );
  });
});

describe("NumPy .npz archives", () => {
  for (const kind of ["npz", "npz compressed"] as const)
    it(`are read as numpy wrote them (${kind})`, () => {
      const file = path.join(folder({ "a.npz": bytesOf(oracle[kind]) }), "a.npz");
      const archive = openNpz(file);
      assert.deepEqual(archive.names, ["x", "y"]);
      assert.deepEqual([...archive.get("x").data], values);
      assert.deepEqual([...archive.get("y").data], [1, 2, 3]);
      assert.throws(
        () => archive.get("z"),
        /a\.npz: expected the array z, found x, y\. Is it a file of another release\?/,
      );
    });
  const open = (bytes: Uint8Array) => openNpz(path.join(folder({ "a.npz": bytes }), "a.npz"));
  const x = { name: "x.npy", bytes: npy(nd([2], [1, 2])) };
  for (const name of ["../x.npy", "/etc/x.npy", "a/../../x.npy", "C:\\x.npy", "..\\x.npy"])
    it(`are refused with an entry named ${name}`, () =>
      assert.throws(
        () => open(zip([{ ...x, name }])),
        /expected a name inside the archive, found a path that leads out of it/,
      ));
  it("are refused with one name twice", () =>
    assert.throws(() => open(zip([x, x])), /expected each name once, found two entries/));
  it("are refused with x beside x.npy, which numpy takes for one array", () =>
    assert.throws(() => open(zip([x, { ...x, name: "x" }])), /entry x: expected each name once, found two entries/));
  it("are refused in the Zip64 form, with words that say so", () => {
    const many = zip([x]);
    many.writeUInt16LE(0xffff, many.length - 12);
    const large = zip([{ ...x, size: 0xffffffff }]);
    for (const bytes of [many, large])
      assert.throws(() => open(bytes), /a\.npz: expected a zip archive below 4 GiB, found the Zip64 form/);
  });
  it("are refused when cut", () => {
    const bytes = zip([x]);
    assert.throws(() => open(bytes.subarray(0, bytes.length - 30)), /expected a whole zip archive/);
  });
  it("are refused when a byte was turned over", () => {
    const bytes = zip([{ ...x, stored: true }]);
    bytes[30 + 5 + 129] ^= 1;
    assert.throws(() => open(bytes).get("x"), /expected 136 bytes with CRC \d+, found another CRC/);
  });
  it("are refused when they claim to unpack to more than deflate can pack", () =>
    assert.throws(() => open(zip([{ ...x, size: 3e9 }])), /bytes unpacked, found 3000000000\. It is a zip bomb/));
  it("are refused when they unpack to more than they claim", () =>
    assert.throws(
      () => open(zip([{ name: "x.npy", bytes: new Uint8Array(1e6), size: 1000 }])).get("x"),
      /expected 1000 bytes with CRC/,
    ));
});

describe("Python pickles", () => {
  for (const [name, base64] of Object.entries(oracle.pickles))
    it(`give the array that ${name} holds`, () => {
      const array = arrayOf(parsePickle(bytesOf(base64), name), name);
      assert.deepEqual([array.shape, [...array.data]], [shape, values]);
    });
  for (const [name, base64] of Object.entries(python2.pickles))
    it(`give the array that ${name} holds`, () => {
      const array = arrayOf(parsePickle(bytesOf(base64), name), name);
      assert.deepEqual([array.shape, [...array.data]], [shape, values]);
    });
  it("give a tuple of arrays, lists and scalars as Python 2 wrote it", () => {
    const [array, labels, longest, lengths] = parsePickle(bytesOf(python2.tuple), "t") as Pickled[];
    assert.deepEqual(arrayOf(array, "a").shape, shape);
    assert.deepEqual([...arrayOf(labels, "l").data], [1, 0, 0, 1]);
    assert.equal(longest, 3);
    assert.deepEqual([...arrayOf(lengths, "n").data], [2, 1]);
  });
  it("give what the writers of these tests make of Python 2, with byte strings, in both orders", () => {
    for (const fortran of [false, true])
      for (const kind of ["<f4", "<f8"] as const) {
        const array = arrayOf(parsePickle(pickle(nd(shape, values), kind, fortran), "py2"), "py2");
        assert.deepEqual([array.shape, [...array.data]], [shape, values]);
      }
  });
  it("give plain values: lists, tuples, text, numbers, scalars", () => {
    const value = parsePickle(bytesOf(oracle.python), "p") as Map<string, unknown>;
    assert.deepEqual(value.get("list"), [1, 2.5, true, null, -70000, 1e12]);
    assert.equal(value.get("text"), "é");
    assert.deepEqual(value.get("tuple"), [1, [2, 3]]);
    assert.equal((value.get("scalar") as PickledArray).array.data[0], 1.5);
    assert.equal((value.get("int") as PickledArray).array.data[0], 7);
  });
  for (const [name, base64] of Object.entries(oracle.evil))
    it(`are refused with anything but NumPy's constructors (${name}), and nothing is run`, () => {
      assert.throws(
        () => parsePickle(bytesOf(base64), "e.p"),
        /e\.p, byte \d+: expected a pickle of NumPy arrays, found the name .*\. Nothing was run/,
      );
      assert.ok(!fs.existsSync("pickle-ran"));
    });
  it("are refused when cut anywhere", () => {
    const bytes = bytesOf(oracle.pickles["protocol 4, float32, numpy._core"]);
    for (let n = 1; n < bytes.length; n += 7)
      assert.throws(() => parsePickle(bytes.subarray(0, n), "c.p"), { name: "DataError" }, `cut after ${n} bytes`);
  });
  it("are refused when a list holds itself", () =>
    assert.throws(
      () => parsePickle(Buffer.from("\x80\x02]q\x00h\x00a.", "latin1"), "l.p"),
      /found a list that holds itself/,
    ));
  // What follows is made of opcodes: ] empty list, q put in the memo, h get from it, ( mark, e append all, R call, . end.
  const code = (...parts: string[]) => Buffer.from(`\x80\x02${parts.join("")}.`, "latin1");
  const laughs = (levels: number) =>
    Array.from({ length: levels }, (_, n) => {
      const inner = n ? `h${String.fromCharCode(n - 1)}` : "K\x01";
      return `](${inner.repeat(10)}eq${String.fromCharCode(n)}${n < levels - 1 ? "0" : ""}`; // 0: only in the memo
    }).join("");
  it("are refused when a small file makes the same bytes over and over", () => {
    const text = `X\xa0\x86\x01\x00${"a".repeat(100_000)}q\x01X\x06\x00\x00\x00latin1q\x02`;
    const bomb = code("c_codecs\nencode\nq\x00", text, "(", "h\x00h\x01h\x02\x86R".repeat(1000), "l");
    assert.throws(
      () => parsePickle(bomb, "b.p"),
      /b\.p, byte \d+: expected at most \d+ bytes of arrays from \d+, found more/,
    );
  });
  it("are refused when a small file names long bytes as the key of many dictionaries, or makes many objects of nothing", () => {
    const long = `B\x00\x00\x10\x00${"A".repeat(2 ** 20)}q\x000`;
    assert.throws(
      () => parsePickle(code(long, "(", "}h\x00Ns".repeat(1500), "l"), "k.p"),
      /k\.p, byte \d+: expected a name of at most 500 bytes, found 1048576\. Do not trust this file/,
    );
    const name = `U\xf0${"A".repeat(240)}q\x000`;
    for (const bomb of [
      code(name, "(", "}h\x00Ns".repeat(100_000), "l"),
      code("(", "}".repeat(4_000_000), "l"),
      code("(", "]".repeat(4_000_000), "l"),
      code("(", "(t".repeat(2_000_000), "l"),
      code("(", "(d".repeat(2_000_000), "l"),
    ])
      assert.throws(() => parsePickle(bomb, "b.p"), /b\.p, byte \d+: expected at most \d+ bytes of arrays from \d+/);
  });
  it("are read with as many small lists and dictionaries as honest files have", () => {
    const many = 100_000;
    const lists = parsePickle(code("](", "]\x94K\x03a".repeat(many), "e"), "l.p");
    assert.deepEqual(arrayOf(lists, "l.p").shape, [many, 1]);
    const maps = parsePickle(code("](", "}\x94X\x05\x00\x00\x00label\x94K\x03s".repeat(many), "e"), "m.p");
    assert.equal((maps as Pickled[]).length, many);
  });
  it("are refused with numbers of protocol 0 that are none, and give those that Python writes", () => {
    assert.deepEqual(parsePickle(code("(I-7\nI01\nL12L\nF1e-05\nFinf\nF-inf\nFnan\nl"), "n.p"), [
      -7,
      true,
      12,
      1e-5,
      Infinity,
      -Infinity,
      NaN,
    ]);
    for (const [line, found] of [
      ["Iabc", "abc"],
      ["I", "an empty line"],
      ["I1.5", "1\\.5"],
      ["LxL", "x"],
      ["F", "an empty line"],
    ])
      assert.throws(
        () => parsePickle(code(`${line}\n`), "n.p"),
        new RegExp(`n\\.p, byte \\d+: expected a number, found ${found}\\. The file is damaged`),
      );
  });
  it("are refused as arrays when lists of lists that they name again and again would be 10^9 numbers", () =>
    assert.throws(
      () => arrayOf(parsePickle(code(laughs(9)), "l.p"), "l.p"),
      /l\.p: expected at most 67108864 numbers in lists, found lists that hold more, written out/,
    ));
  it("are refused as arrays when a list names one array again and again", () => {
    const one = new PickledArray({ shape: [1e6], data: new Float32Array(1e6) });
    assert.throws(
      () => arrayOf(Array<Pickled>(100).fill(one), "a.p"),
      /a\.p: expected at most 67108864 numbers in lists/,
    );
  });
  it("are refused with such a list for a shape, without writing it into the message", () =>
    assert.throws(
      () =>
        parsePickle(
          code("cnumpy.core.numeric\n_frombuffer\n(U\x00cnumpy\ndtype\n(U\x02f4tR", laughs(10), "U\x01CtR"),
          "s.p",
        ),
      /s\.p, byte \d+: expected a shape, found object/,
    ));
  it("are refused when lists lie deeper in lists than any data does", () =>
    assert.throws(
      () => parsePickle(code("]".repeat(50_000), "a".repeat(49_999)), "d.p"),
      /d\.p: expected lists at most 100 deep, found a deeper nest/,
    ));
  it("are refused with an integer as long as a file", () =>
    assert.throws(
      () => parsePickle(code("\x8b\x00\x00\x10\x00", "\x01".repeat(2 ** 20)), "i.p"),
      /i\.p, byte \d+: expected an integer of at most 16 bytes, found 1048576/,
    ));
  it("are refused when they are no pickle at all", () =>
    assert.throws(
      () => readPickle(path.join(folder({ "x.p": "xyz" }), "x.p")),
      /x\.p, byte 1: expected a pickle .*opcode 0x78\. Nothing was run/,
    ));
});

describe("a damaged file", () => {
  it("of more bytes than Node reads is refused before it is read", () => {
    const file = path.join(folder({ "x.npy": "" }), "x.npy");
    fs.truncateSync(file, 2 ** 31); // takes no room
    assert.throws(
      () => readNpy(file),
      /x\.npy: expected at most 2147483647 bytes, which is what Node reads, found 2147483648\. Write it in/,
    );
    fs.rmSync(file);
  });
  /** Calls `read` on copies of `bytes` with a few bytes changed: each is read or refused as data, never a fault of ours. */
  const damaged = async (bytes: Uint8Array, read: (damaged: Uint8Array) => unknown, times: number) => {
    const rng = new Rng(1, "damage");
    for (let i = 0; i < times; i++) {
      const copy = Uint8Array.from(bytes);
      for (let k = rng.integer(3); k >= 0; k--) copy[rng.integer(copy.length)] = rng.integer(256);
      try {
        await read(copy);
      } catch (error) {
        assert.ok(error instanceof DataError, String((error as Error).stack));
      }
    }
  };
  it("of pickled arrays is read or refused", async () => {
    for (const base64 of [
      ...Object.values(oracle.pickles),
      ...Object.values(python2.pickles),
      oracle.python,
      python2.tuple,
    ])
      await damaged(bytesOf(base64), (b) => parsePickle(b, "x"), 60);
  });
  it("of NumPy arrays and archives is read or refused", async () => {
    for (const base64 of Object.values(oracle.npy)) await damaged(bytesOf(base64), (b) => decodeNpy(b, "x"), 100);
    const file = path.join(folder({}), "x.npz");
    await damaged(bytesOf(oracle["npz compressed"]), (b) => (fs.writeFileSync(file, b), openNpz(file).get("x")), 200);
  });
  it("of HDF5 is read or refused", async () => {
    const file = path.join(folder({}), "x.h5");
    const open = (b: Uint8Array) => (
      fs.writeFileSync(file, b),
      withHdf5(file, (r, where, n) => readArray(r, "d1", where, n))
    );
    await damaged(bytesOf(oracle.hdf5.gzip), open, 100);
  });
});

describe("HDF5 files, as h5py wrote them", () => {
  const read = (name: string) => {
    const file = path.join(
      folder({ [`${name}.h5`]: bytesOf(oracle.hdf5[name]), "raw.bin": new Uint8Array(96) }),
      `${name}.h5`,
    );
    return withHdf5(file, (root, where, bytes) => readArray(root, "d1", where, bytes));
  };
  for (const name of ["plain", "gzip"])
    it(`give a ${name} array`, async () => {
      const array = await read(name);
      assert.deepEqual([array.shape, [...array.data]], [shape, values]);
    });
  const refused: Record<string, RegExp> = {
    lzf: /lzf\.h5, d1: expected no compression or gzip, found the filter lzf\. Rewrite it: `h5repack/,
    external:
      /external\.h5: expected a whole HDF5 file, found .*unable to open external raw data file.*keeps its data elsewhere/,
    device: /device\.h5: expected a whole HDF5 file, found .*unable to open external raw data file/,
    link: /link\.h5, d1: expected data inside the file, found a link \(ExternalLink\)/,
    soft: /soft\.h5, d1: expected data inside the file, found a link \(BrokenSoftLink\)/,
    virtual: /virtual\.h5, d1: expected data inside the file, found a virtual data set/,
    bomb: /bomb\.h5, d1: expected at most \d+ bytes, found shape \(2000, 20, 3000\)/,
    words: /words\.h5, d1: expected numbers, found values of type .*file of words/,
    half: /half\.h5, d1: expected float32 or float64, found floats of 2 bytes/,
    "other-key": /other-key\.h5: expected the key d1, found data/,
  };
  for (const [name, message] of Object.entries(refused))
    it(`are refused with ${name}`, () => assert.rejects(read(name), message));
  it("give words, and are refused where they declare more of them than they can hold", async () => {
    const words = (name: string) => {
      const file = path.join(folder({ [`${name}.h5`]: bytesOf(oracle.hdf5[name]) }), `${name}.h5`);
      return withHdf5(file, (root, where, bytes) => readStrings(root, "d1", where, bytes));
    };
    assert.deepEqual(await words("words"), ["a", "bc"]);
    await assert.rejects(
      words("word-bomb"),
      /word-bomb\.h5, d1: expected at most \d+ bytes, found shape \(100000000\)/,
    );
  });
  it("are refused when cut", async () => {
    const bytes = await hdf5({ d1: nd([40, 20, 3], new Float64Array(2400)) });
    const file = path.join(folder({ "cut.h5": bytes.subarray(0, bytes.length / 2) }), "cut.h5");
    await assert.rejects(
      withHdf5(file, (root, where) => readArray(root, "d1", where)),
      /cut\.h5: expected a whole HDF5 file, found .*truncated/i,
    );
  });
  it("are refused when they are empty or something else", async () => {
    const dir = folder({ "empty.h5": "", "text.h5": "hello, world" });
    const open = (name: string) => withHdf5(path.join(dir, name), () => 0);
    await assert.rejects(open("empty.h5"), /empty\.h5: expected data, found an empty file \(0 bytes\)/);
    await assert.rejects(open("text.h5"), /text\.h5: expected an HDF5 file, found other first bytes/);
    await assert.rejects(open("none.h5"), /none\.h5: expected a readable file, found none \(ENOENT\)/);
  });
});
