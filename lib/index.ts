/** The public door: all that notebooks and benchmarks use. */
export * from "./core/errors";
export * from "./core/rng";
export { cellName } from "./core/suite";
export * from "./core/types";
export * from "./engine/engine";
export * from "./engine/graph";
export * as ops from "./engine/ops";
export { record, type Recorded } from "./layers/record";
export { Net } from "./layers/net";
export { pooled, taskOutput } from "./layers/head";
export type { NeuralSystem, System } from "./layers/system";
export { cia, variants as ciaVariants, type CiaConfig } from "./models/cia";
export * from "./data";
export * from "./display";
export * from "./notebook";
export {
  startEngine,
  engineName,
  engineNames,
  describeEngine,
  type ChosenEngine,
  type EngineOptions,
} from "./engine/choose";
export type { FitData, FittedModel, FittedSystem, SavedArrays } from "./core/system";
export { bofMsa, type BofConfig } from "./models/bof-msa";
export { constant, type ConstantConfig } from "./models/constant";
export { linear, type LinearConfig } from "./models/linear";
export { rf, type RfConfig } from "./models/rf";
export { svm, type SvmConfig } from "./models/svm";
export * from "./training";
export * from "./metrics";
export type { Rounding } from "./metrics";
export * from "./report/paper";
export {
  benchmarkEntries,
  checkJunit,
  checkPasses,
  compareCells,
  formatValue,
  junitXml,
  pullRequestSummary,
  renderReport,
  renderSvg,
  summarise,
  verdictWords,
  writeTensorboard,
  type CellSummary,
  type CheckLine,
  type Comparison,
  type Report,
  type ReportInput,
} from "./report";
export { findSystem, systems } from "./models";
export { merges as mmmuBaMerges } from "./models/mmmu-ba";
export { batchNorms, port as tfnPort } from "./models/tfn";
