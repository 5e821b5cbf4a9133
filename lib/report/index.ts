export * from "./ci";
export * from "./compare";
export * from "./matrix";
export * from "./paper";
export * from "./report";
export { renderSvg, type Chart, type ChartSpec } from "./svg";
export * from "./tables";
export { tensorboardEvents, writeTensorboard } from "./tensorboard";
export * from "./verdict";
