/** `npm run lab`: JupyterLab with the notebooks and the TypeScript kernel, on this machine only. */
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { UsageError, UserError } from "../lib/core/errors";
import { entry, parse } from "./cli";
import { ensurePython, inVenv, jupyterEnvironment, root } from "./jupyter/environment";

const help = `npm run lab -- [--port N] [--no-browser] [--setup]

Opens JupyterLab on the notebooks, at 127.0.0.1 with a token (its address is printed).
  --port N      a port of your choice; without it the first free one from 8888
  --no-browser  print the address only
  --setup       only make the Python environment (.venv)`;

/** Whether a port of 127.0.0.1 can be listened on. */
export function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** The port to serve on. @throws UsageError if `asked` is no port, UserError if it, or all twenty from 8888, are busy */
export async function choosePort(asked: string | undefined): Promise<number> {
  if (asked === undefined) {
    for (let port = 8888; port < 8908; port++) if (await portIsFree(port)) return port;
    throw new UserError("npm run lab: expected a free port from 8888 to 8907, found all busy. Choose one: --port N.");
  }
  const port = Number(asked);
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new UsageError(`npm run lab: --port: expected a number from 1 to 65535, found "${asked}".`);
  if (await portIsFree(port)) return port;
  throw new UserError(
    `npm run lab: expected port ${port} to be free, found that a program uses it already (another JupyterLab?). ` +
      `Stop that program, or choose another: npm run lab -- --port ${port < 65535 ? port + 1 : 8888}.`,
  );
}

async function main(args: readonly string[]): Promise<number> {
  const { values } = parse("npm run lab", args, {
    port: { type: "string" },
    "no-browser": { type: "boolean" },
    setup: { type: "boolean" },
  });
  if (values.help) return (console.log(help), 0);
  ensurePython();
  if (values.setup) return 0;
  const port = await choosePort(values.port);
  const rootMayServe = process.getuid?.() === 0 ? ["--allow-root"] : [];
  const lab = [
    ...["--ServerApp.root_dir", root, "--ServerApp.ip", "127.0.0.1", "--ServerApp.port", String(port)],
    ...["--ServerApp.port_retries", "0", "--LabApp.default_url", "/lab/tree/notebooks/00-start-here.ipynb"],
    ...(values["no-browser"] ? ["--no-browser"] : []),
    ...rootMayServe,
  ];
  console.log(`JupyterLab on 127.0.0.1:${port}. Ctrl-C ends it.`);
  const child = spawn(inVenv("jupyter-lab"), lab, { cwd: root, stdio: "inherit", env: jupyterEnvironment() });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? (signal ? 0 : 1)));
  });
}

if (require.main === module) entry(main);
