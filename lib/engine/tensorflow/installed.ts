/** What `npm run engine:tensorflow` made, as far as its folder says. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { EngineError } from "../../core/errors";

/** `engine.json` of the folder, written last: without it the folder is unfinished. */
export interface Installed {
  readonly kind: "cpu" | "gpu";
  /** The official binary, or its sources compiled against the TensorFlow of a Python wheel. */
  readonly how: "official" | "built";
  readonly tensorflow: string;
  readonly tfjsNode: string;
  readonly platform: string;
  readonly arch: string;
  /** tfjs-node's package folder and native module, relative to the folder. */
  readonly package: string;
  readonly binding: string;
}

/** Where engines live: `.engines` of the project, or what CIA_ENGINES says (several checkouts, a shared file system). */
export function enginesFolder(): string {
  return process.env.CIA_ENGINES ?? resolve(__dirname, "../../../../.engines");
}

export const makeTensorflow = "run `npm run engine:tensorflow -- cpu` (or gpu) once on this machine";
export const makeTensorflowAgain = "make it anew by `npm run engine:tensorflow -- cpu --fresh` (or gpu)";

/** @throws EngineError where the folder is missing, unfinished, damaged or of another machine */
export function installedTensorflow(folder: string = join(enginesFolder(), "tensorflow")): Installed {
  const file = join(folder, "engine.json");
  if (!existsSync(file))
    throw new EngineError(`engine tensorflow: expected ${file}, found none; ${makeTensorflow}, or take --engine wasm.`);
  let installed: Installed;
  try {
    installed = JSON.parse(readFileSync(file, "utf8")) as Installed;
  } catch (error) {
    throw new EngineError(
      `engine tensorflow: ${file} cannot be read: ${(error as Error).message}; ${makeTensorflowAgain}, or take --engine wasm.`,
    );
  }
  if (installed.platform !== process.platform || installed.arch !== process.arch)
    throw new EngineError(
      `engine tensorflow: expected a library for ${process.platform} ${process.arch}, found one for ${installed.platform} ${installed.arch} in ${folder}; ${makeTensorflow}.`,
    );
  return installed;
}

/** Whether it is here for this machine, of this kind if one is named. */
export function hasTensorflow(kind?: Installed["kind"]): boolean {
  try {
    const found = installedTensorflow();
    return kind === undefined || found.kind === kind;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}
