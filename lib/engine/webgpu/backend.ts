/** tfjs-backend-webgpu in Node, on the WebGPU of the `webgpu` package (Dawn), and kernels of our own on it. */
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../../core/errors";

/** What Dawn says of the device it found. */
export interface Adapter {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
}

/** The `webgpu` package, as far as it is used. */
interface Dawn {
  readonly globals: Readonly<Record<string, unknown>>;
  create(options: readonly string[]): { requestAdapter(): Promise<{ readonly info: Adapter } | null> };
}

/** A kernel for `runWebGPUProgram`: WGSL whose `main` writes `result`; the backend declares inputs and uniforms. */
export interface Kernel {
  readonly variableNames: string[];
  readonly outputShape: number[];
  readonly workgroupSize: [number, number, number];
  readonly dispatch: [number, number, number];
  readonly dispatchLayout: { readonly x: number[] };
  /** Names the compiled code: everything that `getUserCode` depends on. */
  readonly shaderKey: string;
  getUserCode(): string;
}
interface WebGpuBackend {
  runWebGPUProgram(program: Kernel, inputs: readonly tf.TensorInfo[], dtype: tf.DataType): tf.TensorInfo;
}

let adapter: Adapter | undefined;

/**
 * Makes "webgpu" the backend of TensorFlow.js.
 * @throws EngineError where the package is not installed or finds no device
 */
export async function startBackend(): Promise<Adapter> {
  if (adapter) {
    await tf.setBackend("webgpu");
    return adapter;
  }
  let dawn: Dawn;
  try {
    // An optional package: its name is a variable so that the compiler does not ask for it.
    const name = "webgpu";
    dawn = (await import(name)) as Dawn;
  } catch (error) {
    throw new EngineError(
      `engine webgpu: expected the npm package webgpu, found none that loads (${(error as Error).message}); run npm install, or take --engine wasm.`,
    );
  }
  const gpu = dawn.create([]);
  const found = await gpu.requestAdapter();
  if (!found)
    throw new EngineError(
      "engine webgpu: expected a GPU with Vulkan, Metal or Direct3D 12, found none; is its driver installed (Linux: also libvulkan1)? A software device for tests: VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json of Debian's chromium.",
    );
  Object.assign(globalThis, dawn.globals);
  // The backend looks for navigator.gpu when it is loaded; Node has a navigator of its own since 21.
  if (!("navigator" in globalThis)) Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu"))) throw new EngineError("engine webgpu: tfjs-backend-webgpu does not start.");
  await tf.ready();
  const { vendor, architecture, device, description } = found.info;
  return (adapter = { vendor, architecture, device, description });
}

/** Whether the device computes on the CPU. */
export function isSoftware({ architecture, description }: Adapter): boolean {
  return /swiftshader|llvmpipe|lavapipe|warp|software|basic render/i.test(`${architecture} ${description}`);
}

/** One dispatch. */
export function runKernel(kernel: Kernel, inputs: readonly tf.Tensor[]): tf.Tensor {
  const backend = tf.backend() as unknown as WebGpuBackend;
  return tf.engine().makeTensorFromTensorInfo(backend.runWebGPUProgram(kernel, inputs, "float32"));
}

/**
 * A kernel with one workgroup for each of `groups` (sequences, rows), `threads` wide. Where a device splits many groups over two
 * dimensions there are some past the last: `main` must bound its group number.
 */
export function perGroup(
  name: string,
  groups: number,
  threads: number,
  outputShape: readonly number[],
  variableNames: readonly string[],
  code: string,
): Kernel {
  return {
    variableNames: [...variableNames],
    outputShape: [...outputShape],
    workgroupSize: [threads, 1, 1],
    dispatch: [groups, 1, 1],
    dispatchLayout: { x: [0, 1] },
    shaderKey: name,
    getUserCode: () => code,
  };
}
