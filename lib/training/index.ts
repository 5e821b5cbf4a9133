/** The door of the training part. */
export { defaultConfig, parseSetting, resolveConfig, trainerDefaults, type TrainerConfig } from "./config";
export { hashWeights, type Model } from "./model";
export { asStored, decodePredictions, encodePredictions } from "./predictions";
export { describe, prepare, scaled, type Prepared } from "./prepare";
export { headline, scoreSplit, taskLoss } from "./score";
export type { Selected } from "./select";
export { scoreTest, train, type Progress as TrainProgress, type Run, type TrainOptions } from "./train";
