/** The door of the training part. */
export {
  cellDataset,
  checkpointOwner,
  failedRecord,
  jobConfig,
  jobIdentity,
  readPredictions,
  reselect,
  rescore,
  runJob,
  type Job,
  type JobContext,
} from "./cell";
export { codeHash, codeVersion, thisHost } from "./code";
export { defaultConfig, parseSetting, resolveConfig, trainerDefaults, type TrainerConfig } from "./config";
export { writeWhole } from "./files";
export { hashWeights, type Model } from "./model";
export { decodeNpz, encodeNpz, type NpzArray } from "./npz";
export { asStored, decodePredictions, encodePredictions } from "./predictions";
export { describe as describeRun, prepare, scaled, type Prepared } from "./prepare";
export { appendRecord, mendTail, readRecords, resultOf, type RecordProblem, type RecordsRead } from "./records";
export { headline, scoreInput, scoreSplit, taskLoss } from "./score";
export { trialsOf } from "./search";
export type { Selected } from "./select";
export { scoreTest, train, type Progress as TrainProgress, type Run, type TrainOptions } from "./train";
export { describeModel, predictWith, readModel, readWeights, reviveModel, saveModel, type SavedModel } from "./saved";
