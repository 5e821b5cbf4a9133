/** The numbers that the paper prints (results/paper.json), for suites and for the report. */
import { MetricError } from "../core/errors";
import type { PaperValue } from "../core/suite";
import paper from "../../results/paper.json";

export interface PaperTable {
  readonly title: string;
  readonly columns: readonly string[];
  /** Printed values by row, in the order of the columns; null for a dash. */
  readonly rows: Readonly<Record<string, readonly (string | null)[]>>;
  /** Where the paper took a row from; rows without one are its own or the cited system's paper. */
  readonly sources?: Readonly<Record<string, string>>;
}

export const paperTables: Readonly<Record<string, PaperTable>> = paper.tables;

/** Sizes of the splits in section 4.1; `test` is what an accuracy times n must be a whole number of. */
export const paperSizes: Readonly<
  Record<string, { readonly videos?: number; readonly train?: number; readonly valid?: number; readonly test?: number }>
> = paper.sizes;

/** Utterances with each emotion in MOSEI, section 4.1. */
export const paperEmotions: Readonly<Record<string, number>> = paper.emotions;

/** Table 4, the hyper-parameters, as text. */
export const paperSettings = paper.settings;

/** Table 6, the qualitative comparison. */
export const paperUtterances = paper.utterances;

/** The 315 printed values. */
export function allPaperValues(): PaperValue[] {
  return Object.entries(paperTables).flatMap(([table, { columns, rows }]) =>
    Object.entries(rows).flatMap(([row, values]) =>
      values.flatMap((value, i) => (value === null ? [] : [{ table, row, column: columns[i], value }])),
    ),
  );
}

/**
 * One printed value, for a suite's cell.
 * @returns undefined where the paper prints a dash
 * @throws MetricError if the table has no such row or column
 * @example printed("1", "T+A+V", "mosi/sentiment/A2") // { ..., value: "79.88" }
 */
export function printed(table: string, row: string, column: string): PaperValue | undefined {
  const found = paperTables[table];
  const values = found?.rows[row];
  const i = found ? found.columns.indexOf(column) : -1;
  if (!values || i < 0)
    throw new MetricError(
      `Table ${table}, row ${row}, column ${column}: not in the paper. ` +
        (!found
          ? `It has tables ${Object.keys(paperTables).join(", ")}.`
          : !values
            ? `Its rows are ${Object.keys(found.rows).join(", ")}.`
            : `Its columns are ${found.columns.join(", ")}.`),
    );
  const value = values[i];
  return value === null ? undefined : { table, row, column, value };
}

/** The parts of a column's name. */
export function columnParts(column: string): { dataset: string; task: string; metric: string } {
  const [dataset, task, metric] = column.split("/");
  return { dataset, task, metric };
}
