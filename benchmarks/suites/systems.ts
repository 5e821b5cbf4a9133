/** The compared systems, in the order and under the names of Tables 5a and 5b; and what stands beside them. */
import { systems } from "../../lib/models";

export interface ComparedSystem {
  /** As on the command line. */
  readonly name: string;
  /** Row of the paper's tables; undefined for yardsticks that the paper does not have. */
  readonly row?: string;
}

const all: readonly ComparedSystem[] = [
  { name: "cia", row: "CIA" },
  { name: "bof-msa", row: "BoF-MSA" },
  { name: "mfn", row: "MFN" },
  { name: "df", row: "DF" },
  { name: "mv-lstm", row: "MV-LSTM" },
  { name: "ef-lstm", row: "EF-LSTM" },
  { name: "tfn", row: "TFN" },
  { name: "rf", row: "RF" },
  { name: "svm", row: "SVM" },
  { name: "marn", row: "MARN" },
  { name: "dfg", row: "DFG" },
  { name: "mmmu-ba", row: "MMMU-BA" },
  { name: "bc-lstm", row: "BC-LSTM" },
  { name: "mfm", row: "MFM" },
  { name: "bigru" },
  { name: "linear" },
  { name: "constant" },
];

/** Those that this version has. */
export const comparedSystems: readonly ComparedSystem[] = all.filter(({ name }) =>
  systems.some((s) => s.name === name),
);
