/** The Python side of the notebooks: finds Python, makes `.venv`, and gives the environment variables that Jupyter needs. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import * as path from "node:path";
import { UserError } from "../../lib/core/errors";

/** The checkout. */
export const root: string = path.resolve(__dirname, "..", "..", "..");
/** Committed: kernelspec, settings, requirements, Python scripts. */
export const jupyterFolder: string = path.join(root, "benchmarks", "jupyter");
export const notebooksFolder: string = path.join(root, "notebooks");

const windows = process.platform === "win32";
/** What a version of Python answers, or undefined if it does not run. */
export type Probe = (command: readonly string[]) => string | undefined;

const version = "import sys; print('%d.%d' % sys.version_info[:2])";
const probe: Probe = ([command, ...args]) => {
  const { status, stdout } = spawnSync(command, [...args, "-c", version], { encoding: "utf8" });
  return status === 0 ? stdout.trim() : undefined;
};

/**
 * The first Python of at least 3.10: `CIA_PYTHON` if set, else python3, python, and on Windows py -3.
 * @throws UserError naming what was tried and found
 */
export function findPython(ask: Probe = probe, chosen: string | undefined = process.env.CIA_PYTHON): readonly string[] {
  const candidates = chosen ? [[chosen]] : [["python3"], ["python"], ...(windows ? [["py", "-3"]] : [])];
  const found: string[] = [];
  for (const command of candidates) {
    const answer = ask(command);
    const [major, minor] = (answer ?? "").split(".").map(Number);
    if (major > 3 || (major === 3 && minor >= 10)) return command;
    found.push(`${command.join(" ")}: ${answer ?? "not there"}`);
  }
  throw new UserError(
    `The notebooks: expected Python 3.10 or newer, found ${found.join("; ")}. ` +
      `Install Python from your system's packages or python.org, or set CIA_PYTHON to its path.`,
  );
}

/** A program of the virtual environment: "python", "jupyter-lab", ... */
export function inVenv(program: string): string {
  return path.join(root, ".venv", windows ? "Scripts" : "bin", windows ? `${program}.exe` : program);
}

/** The pinned Node of this checkout where npm could install it, else the Node that runs now. */
export function pinnedNode(): string {
  const own = path.join(root, "node_modules", "node", "bin", windows ? "node.exe" : "node");
  return existsSync(own) ? own : process.execPath;
}

/** Environment of everything of Jupyter's that is started here; nothing of the user's own Jupyter settings is read. */
export function jupyterEnvironment(): NodeJS.ProcessEnv {
  const folders = [path.dirname(pinnedNode()), path.dirname(inVenv("python")), process.env.PATH ?? ""];
  return {
    ...process.env,
    PATH: folders.join(path.delimiter),
    JUPYTER_PATH: jupyterFolder,
    JUPYTER_CONFIG_PATH: path.join(jupyterFolder, "config"),
    JUPYTER_NO_CONFIG: "",
    JUPYTER_CONFIG_DIR: path.join(root, ".venv", "etc", "jupyter-user"),
    JUPYTERLAB_SETTINGS_DIR: path.join(root, ".venv", "etc", "lab-settings"),
    JUPYTERLAB_WORKSPACES_DIR: path.join(root, ".venv", "etc", "lab-workspaces"),
    JUPYTER_PLATFORM_DIRS: "1",
    PYTHONUTF8: "1",
  };
}

/** Writes a kernelspec into `.venv` for programs that start kernels without `npm run lab` (VS Code). */
function registerKernel(): void {
  const folder = path.join(root, ".venv", "share", "jupyter", "kernels", "tslab");
  const launcher = path.join(jupyterFolder, "kernels", "tslab", "kernel.cjs");
  const committed = JSON.parse(readFileSync(path.join(path.dirname(launcher), "kernel.json"), "utf8")) as object;
  mkdirSync(folder, { recursive: true });
  const spec = { ...committed, argv: [pinnedNode(), launcher, "{connection_file}"] };
  writeFileSync(path.join(folder, "kernel.json"), `${JSON.stringify(spec, null, 2)}\n`);
}

function must(command: string, args: readonly string[], what: string): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0)
    throw new UserError(
      `The notebooks: ${what} failed (${error?.message ?? `exit code ${status}`}): ${command} ${args.join(" ")}. ` +
        `Its own message stands above. Delete .venv and try again once that is mended.`,
    );
}

/**
 * Makes `.venv` with the pinned packages unless it is there and complete (a stamp holds the hash of the requirements).
 * @param say  told what is being done, only when something is
 * @throws UserError when Python is missing or too old, or an installation fails
 */
export function ensurePython(say: (line: string) => void = console.log): void {
  const requirements = path.join(jupyterFolder, "requirements.txt");
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  const stamp = path.join(root, ".venv", "requirements.sha256");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted && existsSync(inVenv("python"))) return;
  const [python, ...args] = findPython();
  say("Making .venv with JupyterLab (about half a minute and 250 MB, once) ...");
  must(python, [...args, "-m", "venv", ".venv"], "making the virtual environment");
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  must(inVenv("python"), pip, "installing JupyterLab");
  registerKernel();
  writeFileSync(`${stamp}.new`, wanted);
  renameSync(`${stamp}.new`, stamp);
}
