// What the module offers; lib/engine/wasm/kernels.ts declares the same for TypeScript.
export { init } from "./functions";
export { product, productAdd } from "./products";
export { transpose, fill, clear, clearLanes, copy, moveColumns, pack, moveRows, meanRows, meanRowsBackward } from "./move";
export {
  finish, finishBackward, sumRows, activate, activateBackward, dropout, dropFactors, combine, affine, multiply, scaleColumns,
  softmax, softmaxBackward, moments, movingAverage, batchNorm, batchNormBackward, outer, outerBackward,
} from "./elementwise";
export {
  gruForward, gruBackward, lstmForward, lstmBackward, cellState, cellStateBackward, cellOutput, cellOutputBackward,
} from "./recurrent";
export { attendForward, attendBackward } from "./attention";
export { softmaxLoss, sigmoidLoss, distance, distanceBackward, discrepancy, adam } from "./training";
