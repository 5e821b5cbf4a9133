export * from "./classes";
export * from "./constants";
export * from "./emotions";
export * from "./intensity";
export * from "./intervals";
export * from "./printed";
export * from "./scores";
export * from "./tests";
export { mean, sd, type Numbers } from "./vectors";
