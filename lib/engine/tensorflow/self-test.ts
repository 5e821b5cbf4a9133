/** A first computation with a freshly made library: does it load, and are its numbers right? */
import * as tf from "@tensorflow/tfjs";
import { EngineError } from "../../core/errors";
import { loadTensorflow } from "./binding";
import type { Installed } from "./installed";

/**
 * Loads the engine of `folder` into this process, which must not have loaded another.
 * @returns what runs, in words
 * @throws EngineError if a number is wrong, or a GPU was asked for and TensorFlow finds none
 */
export async function selfTest(folder: string, kind: Installed["kind"]): Promise<string> {
  const { binding } = loadTensorflow(1, folder);
  await tf.setBackend("tensorflow");
  const check = (what: string, x: tf.Tensor, expected: readonly number[]) => {
    const found = Array.from(x.dataSync());
    if (found.length !== expected.length || found.some((v, i) => !(Math.abs(v - expected[i]) < 1e-5)))
      throw new EngineError(`engine tensorflow: ${what}: expected ${expected.join(", ")}, found ${found.join(", ")}.`);
  };
  // By hand.
  const [a, b] = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])];
  check("product", tf.matMul(a, b), [19, 22, 43, 50]);
  const squares = tf.grad((x) => tf.sum(tf.square(x)));
  check("gradient of a sum of squares", squares(a), [2, 4, 6, 8]);
  check("round of whole numbers", tf.round(tf.tensor1d([1, -2, 3], "int32")), [1, -2, 3]);
  check("tanh", tf.tanh(tf.tensor1d([0, 0.5])), [0, 0.46211716]);
  const gpu = binding.isUsingGpuDevice();
  if (kind === "gpu" && !gpu)
    throw new EngineError(
      "engine tensorflow: expected a GPU, TensorFlow finds none; is NVIDIA's driver installed (nvidia-smi)? Without a GPU: npm run engine:tensorflow -- cpu.",
    );
  return `TensorFlow ${binding.TF_Version} on ${gpu ? "GPU" : "CPU"}`;
}
