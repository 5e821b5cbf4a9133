/** What the notebooks share beyond displays: data with a fallback, the drawing of a model. */
export { architectureSpec, blocksOf, shortCount, type Block } from "./architecture";
export { attentionOf, valueOf } from "./inspect";
export { dataHere, dataOrSynthetic, writeNpyFolder } from "./data";
export { inPrint, programOf, trainAndScore, trainLive, type LiveOptions, type ScoredRun } from "./live";
export {
  comparisonRows,
  finishedRuns,
  forChart,
  forTable,
  recordedPredictions,
  recordedProgram,
  recordedRuns,
  resultRows,
  taskOf,
  withConstants,
  type ResultRow,
  type RunFilter,
} from "./results";
