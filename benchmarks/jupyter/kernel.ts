/**
 * The TypeScript kernel of the notebooks: tslab 1.0.22 with its faults mended from outside (tslab is pinned; each mend
 * names its fault). Started by Jupyter through kernels/tslab/kernel.json.
 */
import { format } from "node:util";
import * as path from "node:path";
import type { Publisher } from "zeromq";
import { createConverter, type Converter, type Diagnostic } from "tslab/dist/converter";
import { createExecutor, type ConverterSet } from "tslab/dist/executor";
import { JupyterHandlerImpl, ZmqServer, type ExecuteReply } from "tslab/dist/jupyter";
import { prepareCell } from "./cells";

type Request = Parameters<JupyterHandlerImpl["handleExecute"]>[0];
type WriteStream = Parameters<JupyterHandlerImpl["handleExecute"]>[1];
type WriteDisplay = Parameters<JupyterHandlerImpl["handleExecute"]>[2];
type Message = Parameters<ZmqServer["handleExecute"]>[1];
type Write = ReturnType<JupyterHandlerImpl["createWriteToIopub"]>;

/** Content of a Jupyter `error` message. */
interface Failure {
  readonly ename: string;
  readonly evalue: string;
  readonly traceback: string[];
}

/** Fault: property names taken for variables. Mend: prepare each cell, and report errors at the columns that were typed. */
function mendConverter(converter: Converter): Converter {
  const convert = (earlier: string, cell: string) => {
    const { source, originalColumn } = prepareCell(cell);
    const result = converter.convert(earlier, source);
    const back = (at: Diagnostic["start"]) => ({ ...at, character: originalColumn(at.line, at.character) });
    const diagnostics = result.diagnostics.map((d) =>
      d.fileName ? d : { ...d, start: back(d.start), end: back(d.end) },
    );
    return { ...result, diagnostics };
  };
  return { ...converter, convert };
}

const packages = path.dirname(path.dirname(require.resolve("tslab/package.json")));
const ownFrames = [path.join(packages, "tslab"), __filename, `${path.sep}kernel.cjs`, "node:"];

/** A stack without the frames of the kernel and of Node; the frames of cells are called so, and the failing line stays. */
function userStack(stack: string): string[] {
  const line = /^evalmachine\.<anonymous>:\d+\n(.*)\n(.*\^+)\n\n/.exec(stack);
  const said = (line ? stack.slice(line[0].length) : stack)
    .split("\n")
    .filter((text) => !/^\s+at /.test(text) || !ownFrames.some((own) => text.includes(own)))
    .map((text) => text.replace(/evalmachine\.<anonymous>:\d+:\d+/, "a cell"))
    .filter((text, i, all) => text !== all[i - 1]);
  return line ? [line[1], line[2], ...said] : said;
}

/** What the stop button leaves: V8's words for a synchronous cell, tslab's for one that awaits. */
const interrupted = "Script execution was interrupted by `SIGINT`";
const interruptedAwait = "Interrupted asynchronously";

/** A type or syntax error as tslab words it, with the line it is about. */
function describeDiagnostic(cell: string, text: string): string[] {
  const place = /^(\d+):(\d+) - /.exec(text);
  const line = place && cell.split("\n")[Number(place[1]) - 1];
  return line ? [text, `    ${line}`, `    ${" ".repeat(Number(place[2]) - 1)}^`] : [text];
}

/** What a cell that failed says, from what tslab's executor logs. */
function describeFailure(cell: string, logged: unknown[], before: Failure | undefined): Failure {
  const [error] = logged;
  if (
    error instanceof Error ||
    (error !== null && typeof error === "object" && "stack" in error && "message" in error)
  ) {
    const { name, message, stack } = error as Error;
    if (message === interrupted || message === interruptedAwait) {
      const rest =
        message === interrupted
          ? ""
          : " What the cell awaited may still run: restart the kernel to end it; `interruptible` ends such work at once.";
      return { ename: "Interrupted", evalue: "stopped by the stop button", traceback: [`Interrupted.${rest}`] };
    }
    // An error that names its exit code is ours: where, expected, found and mend stand in the message.
    const lines = "exitCode" in error ? [`${name}: ${message}`] : userStack(String(stack));
    return { ename: name, evalue: message, traceback: [...(before?.traceback ?? []), ...lines] };
  }
  const text = format(...logged);
  const thrown = typeof error !== "string" || !error.includes("%d:%d");
  const lines = thrown ? [`thrown: ${text}`] : describeDiagnostic(cell, text);
  return {
    ename: before?.ename ?? (thrown ? "Thrown" : "TypeScript"),
    evalue: before?.evalue ?? text,
    traceback: [...(before?.traceback ?? []), ...lines],
  };
}

/** Fault: failures only print. Mend: keep what failed, by the request it belongs to, for an `error` message. */
class Handler extends JupyterHandlerImpl {
  private running: { readonly stream: WriteStream; cell: string } | undefined;
  private readonly failures = new WeakMap<WriteStream, Failure>();

  constructor(converters: ConverterSet) {
    const executor = createExecutor(process.cwd(), converters, {
      log: (...args) => console.log(...args),
      error: (...args) => this.onError(args),
    });
    const execute = (cell: string) => {
      if (this.running) this.running.cell = cell;
      return executor.execute(cell);
    };
    super({ ...executor, execute }, false);
    process.on("SIGINT", () => executor.interrupt());
  }

  private onError(logged: unknown[]): void {
    if (!this.running) return void process.stderr.write(`${format(...logged)}\n`);
    const { stream, cell } = this.running;
    this.failures.set(stream, describeFailure(cell, logged, this.failures.get(stream)));
  }

  /** tslab calls this as a cell begins, which is how the running request is known. */
  override createWriteToIopub(name: "stdout" | "stderr", stream: WriteStream): Write {
    if (this.running?.stream !== stream) this.running = { stream, cell: "" };
    return (chunk: string | Uint8Array, ...rest: unknown[]) => {
      stream(name, typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8"));
      const done = rest.find((argument) => typeof argument === "function"); // after an encoding, or in its place
      done?.();
      return true;
    };
  }

  override async handleExecute(
    request: Request,
    stream: WriteStream,
    display: WriteDisplay,
  ): Promise<ExecuteReply & Partial<Failure>> {
    const reply = await super.handleExecute(request, stream, display);
    return { ...reply, ...this.failures.get(stream) };
  }
}

/** Fault: zeromq.js takes one send at a time and refuses the rest. Mend: a queue that sends in order, one after the other. */
class Outbox {
  private tail: Promise<void> = Promise.resolve();
  constructor(private readonly socket: Publisher) {
    socket.sendHighWaterMark = 0; // no limit: above it, messages are dropped without a word
  }
  bind(address: string): Promise<void> {
    return this.socket.bind(address);
  }
  send(frames: (string | Buffer)[]): Promise<void> {
    // A send fails only once the socket is closed, when nobody listens any more.
    this.tail = this.tail.then(() => this.socket.send(frames)).catch(() => undefined);
    return this.tail;
  }
  close(): void {
    void this.tail.then(() => this.socket.close());
  }
  sent(): Promise<void> {
    return this.tail;
  }
}

/** Text printed by one cell, joined so that twenty thousand lines are a few messages. */
class Printed {
  private name = "stdout";
  private text = "";
  private timer: NodeJS.Immediate | undefined;
  constructor(private readonly publish: (name: string, text: string) => void) {}
  add(name: string, text: string): void {
    if (name !== this.name) this.flush();
    this.name = name;
    this.text += text;
    this.timer ??= setImmediate(() => this.flush());
    if (this.text.length > 65536) this.flush();
  }
  flush(): void {
    clearImmediate(this.timer);
    this.timer = undefined;
    const text = this.text;
    this.text = "";
    if (text) this.publish(this.name, text);
  }
}

class Server extends ZmqServer {
  private outbox: Outbox | undefined;

  constructor(handler: Handler, connectionFile: string) {
    super(handler, connectionFile);
    // tslab makes the socket inside init(): the queue takes its place from the first message on.
    Object.defineProperty(this, "iopub", {
      get: () => this.outbox,
      set: (socket: Publisher) => (this.outbox = new Outbox(socket)),
    });
  }

  override async handleExecute(socket: { send(frames: unknown): unknown }, message: Message): Promise<void> {
    const publish = (type: string, content: object) => {
      const out = message.createReply();
      out.header.msg_type = type;
      out.content = content;
      out.signAndSend(this.connInfo.key, this.iopub);
    };
    const printed = new Printed((name, text) => publish("stream", { name, text }));
    const display: WriteDisplay = (data, update) => {
      printed.flush();
      publish(update ? "update_display_data" : "display_data", data);
    };
    const content: ExecuteReply & Partial<Failure> = await this.handler.handleExecute(
      message.content as Request,
      (name, text) => printed.add(name, text),
      display,
    );
    printed.flush();
    const { ename, evalue, traceback } = content;
    if (content.status === "error" && traceback) publish("error", { ename, evalue, traceback });
    await this.outbox?.sent();
    const reply = message.createReply();
    reply.header.msg_type = "execute_reply";
    reply.content = content;
    reply.signAndSend(this.connInfo.key, socket);
  }

  /** Fault: answered as a completion. Mend: the reply that was asked for. */
  override handleCommInfoRequest(socket: { send(frames: unknown): unknown }, message: Message): void {
    const reply = message.createReply();
    reply.header.msg_type = "comm_info_reply";
    reply.content = { status: "ok", comms: {} };
    reply.signAndSend(this.connInfo.key, socket);
  }

  /** Fault: timers or workers of a cell outlive the shutdown, and closed sockets throw. Mend: end once all is sent. */
  override close(): void {
    setTimeout(() => process.exit(0), 200);
  }
}

/** @param connectionFile  what Jupyter passes: ports and key, as JSON */
export function startKernel(connectionFile: string): void {
  const converter = mendConverter(createConverter({ isJS: false, isBrowser: false }));
  const handler = new Handler({ node: converter, browser: converter, close: () => converter.close() });
  const report = (kind: string) => (problem: unknown) =>
    process.stderr.write(
      `${kind}: ${problem instanceof Error ? userStack(String(problem.stack)).join("\n") : format(problem)}\n`,
    );
  process.on("uncaughtException", report("Uncaught exception outside the cell"));
  process.on("unhandledRejection", report("Unhandled rejection outside the cell"));
  new Server(handler, connectionFile).init().catch((problem: unknown) => {
    console.error("The kernel could not start:", problem);
    process.exit(1);
  });
}
