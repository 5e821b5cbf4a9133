/** Activations and their gradients from their own outputs, each one or two calls of TensorFlow. */
import type { Act } from "../graph";
import type { Calls, Tensor } from "./calls";

export function activate(c: Calls, x: Tensor, act: Act): Tensor {
  switch (act) {
    case "linear":
      return x;
    case "tanh":
      return c.one("Tanh", [x]);
    case "relu":
      return c.one("Relu", [x]);
    case "sigmoid":
      return c.one("Sigmoid", [x]);
    case "hardSigmoid":
      return c.one("ClipByValue", [c.add(c.scale(x, 0.2), c.scalar(0.5)), c.scalar(0), c.scalar(1)]);
  }
}

/** dL/dx from dL/dy and y = act(x). */
export function activationGradient(c: Calls, dy: Tensor, y: Tensor, act: Act): Tensor {
  switch (act) {
    case "linear":
      return dy;
    case "tanh":
      return c.one("TanhGrad", [y, dy]);
    case "relu":
      return c.one("ReluGrad", [dy, y]);
    case "sigmoid":
      return c.one("SigmoidGrad", [y, dy]);
    case "hardSigmoid":
      // TensorFlow has the gradient of a clip to 0..6: it passes where 0 < 6 y < 6.
      return c.scale(c.one("Relu6Grad", [dy, c.scale(y, 6)]), 0.2);
  }
}
