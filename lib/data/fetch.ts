// Downloads: resumed where they stopped, checked by SHA-256, renamed into place whole, and never over a file of the user's.
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DataError, UsageError, oneOf } from "../core/errors";
import { dataError, sha256File } from "./files";
import { knownFiles, notFetched, sources, type KnownFile } from "./sources";

export interface FetchOptions {
  /** Where repositories are served: `${from}/OWNER/NAME/COMMIT/PATH`. */
  readonly from?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (name: string, bytes: number, total: number) => void;
  /** How often a cut connection is taken up again before giving up. Default 3. */
  readonly tries?: number;
  /** No byte for so long counts as a cut connection. Default 30 s. */
  readonly stallMs?: number;
}

export const defaultFrom = "https://raw.githubusercontent.com";

const partOf = (to: string) => `${to}.part`;
const sizeOf = (file: string) => (fs.existsSync(file) ? fs.statSync(file).size : 0);

/** Answers that say "not now": the file may well be there later. GitHub says 403 and 429 where too much was asked of it. */
const later = [403, 408, 425, 429];
/** The longest that a server may make us wait, in seconds. */
const longestWait = 60;

/** What a server's Retry-After asks for, in ms: seconds or a date; within bounds. */
function waitOf(header: string | undefined): number | undefined {
  if (!header) return undefined;
  const seconds = /^\d+$/.test(header) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(seconds) ? 1000 * Math.min(longestWait, Math.max(0, seconds)) : undefined;
}

/** The answer to a GET, redirects followed. Bytes come by events, so none that arrived is lost when a connection is cut. */
function get(
  url: string,
  headers: http.OutgoingHttpHeaders,
  signal: AbortSignal,
  hops = 5,
): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { get: send } = url.startsWith("https:") ? https : http;
    const request = send(url, { headers, signal }, (response) => {
      const { location } = response.headers;
      if (!location || !hops || ![301, 302, 303, 307, 308].includes(response.statusCode ?? 0)) return resolve(response);
      response.resume();
      if (!URL.canParse(location, url))
        return reject(new Error(`a redirect to ${location.slice(0, 80)}, which is no address`));
      get(new URL(location, url).href, headers, signal, hops - 1).then(resolve, reject);
    });
    request.on("error", reject);
  });
}

/** How a request ended: with the whole file, or why not, and how long the server wants us to wait (ms). */
interface Outcome {
  readonly whole: boolean;
  readonly why?: string;
  readonly wait?: number;
}

/** One request: appends what the server sends to the part file. What came stays where the connection was cut. */
async function append(url: string, to: string, known: KnownFile, options: FetchOptions): Promise<Outcome> {
  const part = partOf(to);
  const stall = new AbortController();
  const stallMs = options.stallMs ?? 30_000;
  let timer = setTimeout(() => stall.abort(), stallMs);
  const signal = options.signal ? AbortSignal.any([stall.signal, options.signal]) : stall.signal;
  let have = sizeOf(part);
  let out: number | undefined;
  try {
    const response = await get(
      url,
      { "accept-encoding": "identity", ...(have && { range: `bytes=${have}-` }) },
      signal,
    );
    const status = response.statusCode ?? 0;
    if (status !== 200 && status !== 206) response.destroy();
    if (status === 416) {
      fs.rmSync(part); // longer than the file: it is of something else
      return { whole: false, why: "HTTP 416" };
    }
    if (status >= 400 && status < 500 && !later.includes(status))
      throw dataError(
        known.name,
        `a file at ${url}`,
        `HTTP ${status}`,
        "Its repository has changed: look for the path there (lib/data/README.md names it).",
      );
    if (status !== 200 && status !== 206)
      return { whole: false, why: `HTTP ${status}`, wait: waitOf(response.headers["retry-after"]) };
    const from = /^bytes (\d+)-/.exec(response.headers["content-range"] ?? "")?.[1];
    const resumed = status === 206 && Number(from) === have;
    if (!resumed) have = 0; // the server sends the whole file
    const file = (out = fs.openSync(part, resumed ? "a" : "w"));
    await new Promise<void>((resolve, reject) => {
      response.on("data", (chunk: Buffer) => {
        clearTimeout(timer);
        timer = setTimeout(() => stall.abort(), stallMs);
        have += chunk.length;
        try {
          if (have > known.bytes) {
            const found = `more from ${url}`;
            throw dataError(known.name, `${known.bytes} bytes`, found, "The source has changed: nothing was kept.");
          }
          fs.writeSync(file, chunk);
          options.onProgress?.(known.name, have, known.bytes);
        } catch (error) {
          response.destroy();
          reject(error);
        }
      });
      response.on("end", resolve).on("error", reject);
    });
    return { whole: have === known.bytes, why: "the server sent no more" };
  } catch (error) {
    if (error instanceof DataError) {
      fs.rmSync(part, { force: true });
      throw error;
    }
    options.signal?.throwIfAborted();
    if ((error as NodeJS.ErrnoException).syscall === "write")
      throw dataError(
        part,
        "room to write",
        (error as Error).message,
        "What came is kept: free some space and run it again.",
      );
    // Cut, stalled or unreachable: what came is kept for the next try.
    const { code, message } = error as NodeJS.ErrnoException;
    return { whole: false, why: stall.signal.aborted ? `silence for ${stallMs / 1000} s` : (code ?? message) };
  } finally {
    clearTimeout(timer);
    if (out !== undefined) fs.closeSync(out);
  }
}

/**
 * Fetches one file to `to`. A part that is there already is taken up where it stopped.
 * @returns "kept" where the right file is there already, else "fetched"
 * @throws DataError where another file is there (it is never overwritten), the source cannot be reached or the hash is wrong
 */
export async function fetchFile(
  url: string,
  to: string,
  known: KnownFile,
  options: FetchOptions = {},
): Promise<"kept" | "fetched"> {
  const differs = (found: string) =>
    dataError(
      to,
      `the file with SHA-256 ${known.sha256.slice(0, 16)}...`,
      found,
      "It is yours and was not touched: move it away, or keep using it.",
    );
  if (fs.existsSync(to)) {
    if (!fs.statSync(to).isFile()) throw differs("a folder");
    const found = await sha256File(to);
    if (found === known.sha256) return "kept";
    throw differs(`another one (${found.slice(0, 16)}...)`);
  }
  fs.mkdirSync(path.dirname(to), { recursive: true });
  const part = partOf(to);
  const tries = options.tries ?? 3;
  let last: Outcome = { whole: sizeOf(part) === known.bytes };
  for (let attempt = 0; attempt < tries && !last.whole; attempt++) {
    const wait = last.wait ?? 200 * 2 ** attempt;
    if (attempt) await sleep(wait, undefined, { signal: options.signal }).catch(() => options.signal?.throwIfAborted());
    last = await append(url, to, known, options);
  }
  if (!last.whole) {
    const came = sizeOf(part);
    throw dataError(
      known.name,
      `${known.bytes} bytes from ${url}`,
      `${came} after ${tries} tries${last.why ? ` (the last: ${last.why})` : ""}`,
      `Run it again to go on${came ? ` from byte ${came}` : ""}, or fetch the file by hand.`,
    );
  }
  const found = await sha256File(part);
  if (found !== known.sha256) {
    fs.rmSync(part);
    throw dataError(
      known.name,
      `SHA-256 ${known.sha256}`,
      found,
      "The source has changed or the download was damaged: it was thrown away.",
    );
  }
  try {
    fs.linkSync(part, to); // unlike a rename, a link never replaces a file that came up meanwhile
    fs.rmSync(part);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw differs("one that came up meanwhile");
    if (fs.existsSync(to)) throw differs("one that came up meanwhile");
    fs.renameSync(part, to); // a file system without links
  }
  return "fetched";
}

export interface FetchReport {
  readonly fetched: readonly string[];
  readonly kept: readonly string[];
  /** Files that no public repository has as they are, with what they come from. */
  readonly unavailable: readonly { readonly name: string; readonly why: string }[];
}

/**
 * Fetches what is public of a data set into `dir/NAME`.
 * @throws UsageError on a name without a public source
 */
export async function fetchDataset(name: string, dir: string, options: FetchOptions = {}): Promise<FetchReport> {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined;
  if (!source)
    throw new UsageError(
      `data fetch ${name}: expected ${oneOf(Object.keys(sources))}, found ${name}. ` +
        (name === "mosei"
          ? "Its labels and features are not public in this form: lib/data/README.md says where they come from."
          : "Only these have a public source."),
    );
  const files = knownFiles[name];
  const base = `${options.from ?? defaultFrom}/${source.repository}/${source.commit}`;
  const report = { fetched: [] as string[], kept: [] as string[], unavailable: [] as { name: string; why: string }[] };
  for (const file of files) {
    if (file.path === undefined) {
      report.unavailable.push({ name: file.name, why: notFetched[file.name] ?? "not public" });
      continue;
    }
    const to = path.join(dir, name, ...file.name.split("/"));
    report[await fetchFile(`${base}/${file.path}`, to, file, options)].push(file.name);
  }
  return report;
}
