/** The door of the data part: files in, packed data sets, targets and batches out. */
export { dataRoots, findDataDir } from "./files";
export {
  batches,
  hashOf,
  holdOut,
  modalitiesOf,
  pack,
  padTo,
  rowsOf,
  select,
  sequencesOf,
  unitsOf,
  videosOf,
  withModalities,
  withSplits,
  type PackOptions,
  type RawDataset,
  type RawSequence,
} from "./pack";
export { formats, loadFolder, type Format } from "./folder";
export type { FolderOptions } from "./labels";
export {
  knownDataset,
  knownDatasets,
  loadDataset,
  type FeatureSet,
  type KnownDataset,
  type LoadOptions,
} from "./registry";
export { scalings, type Scaling } from "./scale";
export { makeSynthetic, syntheticBayes, type SyntheticBayes, type SyntheticOptions } from "./synthetic";
export { intensityClass, round, targetsOf, tasksOf, type Rounding, type TargetOptions } from "./targets";
export { leakageProbe, type ProbeResult } from "./probe";
export {
  labelStatistics,
  paperStatistics,
  statisticsOf,
  type LabelStatistics,
  type MoudStatistics,
  type SplitStatistics,
} from "./statistics";
export { fetchDataset, type FetchOptions, type FetchReport } from "./fetch";
export { verifyDataset, type Check } from "./verify";
