/**
 * Loads what `npm run engine:tensorflow` made: tfjs-node's native module over a TensorFlow library, in a folder of its
 * own, so that nobody downloads it unasked. tfjs-node's JavaScript is loaded from there too, but finds this project's TensorFlow.js.
 */
import Module = require("node:module");
import { join } from "node:path";
import * as util from "node:util";
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../../core/errors";
import { type Binding, Calls } from "./calls";
import { enginesFolder, type Installed, installedTensorflow, makeTensorflowAgain } from "./installed";

export interface Loaded {
  readonly binding: Binding;
  /** One for the process: its constants serve all programs. */
  readonly calls: Calls;
  readonly installed: Installed;
  readonly threads: number;
}
let loaded: Loaded | undefined;

/**
 * Loads the library into this process, once: its threads are fixed then.
 * @throws EngineError if it is not there, does not load, or runs already with another number of threads
 */
export function loadTensorflow(threads = 1, folder: string = join(enginesFolder(), "tensorflow")): Loaded {
  if (loaded) {
    if (loaded.threads !== threads)
      throw new EngineError(
        `engine tensorflow: it runs in this process with ${loaded.threads} thread(s), found ${threads} asked for; the library cannot change that: use another process.`,
      );
    return loaded;
  }
  const installed = installedTensorflow(folder);
  setDefaults({
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    // Measured: with it products run at 145 instead of 120 GFLOP/s, and small batched ones 3 to 5 times as fast.
    TF_ENABLE_ONEDNN_OPTS: "1",
    // Products of 10-bit numbers would not agree with the other engines.
    NVIDIA_TF32_OVERRIDE: "0",
    TF_CPP_MIN_LOG_LEVEL: "3",
  });
  addRemovedUtilities();
  let binding: Binding;
  try {
    binding = require(join(folder, installed.binding)) as Binding;
    registerBackend(binding, join(folder, installed.package));
  } catch (error) {
    const [reason] = (error as Error).message.split("\n"); // the rest lists who asked for the module
    throw new EngineError(
      `engine tensorflow: what is in ${folder} does not load: ${reason}; ${makeTensorflowAgain}, or take --engine wasm.`,
    );
  }
  return (loaded = { binding, calls: new Calls(binding), installed, threads });
}

function setDefaults(variables: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(variables)) process.env[name] ??= value;
}

/** tfjs-node calls two functions that Node 23 took out (tfjs issue 8609). */
function addRemovedUtilities(): void {
  const old = util as unknown as Record<string, unknown>;
  // The module's namespace object is read-only; the module itself is not.
  const target = ((old.default as Record<string, unknown> | undefined) ?? old) as Record<string, unknown>;
  target.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  target.isArray ??= Array.isArray;
}

/** tfjs-node's kernels as TensorFlow.js's backend "tensorflow", for graphs that hold plain functions of tensors. */
function registerBackend(binding: Binding, folder: string): void {
  const { NodeJSKernelBackend } = withOurTensorFlowJs(() => {
    require(join(folder, "dist/register_all_kernels.js"));
    return require(join(folder, "dist/nodejs_kernel_backend.js")) as {
      NodeJSKernelBackend: new (binding: Binding, name: string) => tf.KernelBackend;
    };
  });
  // Its Round gives 0 for whole numbers: they are round already.
  const round = tf.getKernel("Round", "tensorflow");
  if (round) {
    tf.unregisterKernel("Round", "tensorflow");
    tf.registerKernel({
      ...round,
      kernelFunc: (o) => {
        const { x } = o.inputs as { x: tf.TensorInfo };
        if (x.dtype !== "int32") return round.kernelFunc(o);
        (o.backend as tf.KernelBackend).incRef(x.dataId);
        return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
      },
    });
  }
  // Priority 0: TensorFlow.js must not choose it by itself.
  tf.registerBackend("tensorflow", () => new NodeJSKernelBackend(binding, "@tensorflow/tfjs-node"), 0);
}

/** Runs `load`, in which TensorFlow.js is this project's, wherever the loaded files lie: a second one would be no use. */
function withOurTensorFlowJs<T>(load: () => T): T {
  const loader = Module as unknown as { _resolveFilename(request: string, ...rest: unknown[]): string };
  const original = loader._resolveFilename;
  const ours: Readonly<Record<string, string>> = {
    "@tensorflow/tfjs": require.resolve("@tensorflow/tfjs"),
    "@tensorflow/tfjs-core": require.resolve("@tensorflow/tfjs-core"),
  };
  loader._resolveFilename = function (request, ...rest) {
    return ours[request] ?? original.call(this, request, ...rest);
  };
  try {
    return load();
  } finally {
    loader._resolveFilename = original;
  }
}
