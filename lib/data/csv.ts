// Tables of numbers without a header (bc-LSTM's feature files) and tables of named columns (labels.csv).
import { CsvError, parse, type Options } from "csv-parse/sync";
import type { SplitName } from "../core/types";
import { dataError, label, readText } from "./files";
import { splitCalled, splitNames } from "./pack";

/** Cells of a CSV file, row by row. What the parser refuses (an open quote, a ragged row) is refused in our form. */
export function readCells(file: string, options: Options): string[][] {
  const text = readText(file);
  try {
    return parse(text, options) as string[][];
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw dataError(label(file), "a CSV table", error.message, "Mend or fetch the file again.");
  }
}

/** Numbers, row-major, in double precision as the file gives them. */
export interface NumberTable {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

const words: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, infinity: Infinity, "-inf": -Infinity };

/** The number in a cell; `undefined` where there is none. `nan` and `inf` are numbers here: repairs are counted later. */
export function numberOf(cell: string): number | undefined {
  const text = cell.trim();
  if (text === "") return undefined;
  const value = Number(text);
  if (!Number.isNaN(value)) return value;
  return words[text.toLowerCase()];
}

/**
 * A headerless table of numbers, cells quoted or not.
 * @param expect rows and columns where they are known, and what the columns are, for the message; last false: the last column
 *   is not read, and is NaN
 * @throws DataError on a ragged row, a cell that is no number, or another size
 */
export function readNumbers(
  file: string,
  expect: { rows?: number; columns?: number; what?: string; mend?: string; last?: boolean } = {},
): NumberTable {
  const where = label(file);
  const mend = expect.mend ?? "`npm run data -- list` says what each file must hold.";
  const lines = readText(file).split(/\r?\n/);
  while (lines.length && lines[lines.length - 1].trim() === "") lines.pop();
  const first = lines[0]?.split(",").length ?? 0;
  const columns = expect.columns ?? first;
  const what = expect.what ? ` (${expect.what})` : "";
  if (expect.rows !== undefined && lines.length !== expect.rows)
    throw dataError(where, `${expect.rows} rows`, `${lines.length}`, `Is it the file of another split? ${mend}`);
  const data = new Float64Array(lines.length * columns);
  lines.forEach((line, row) => {
    const cells = line.split(",");
    if (cells.length !== columns) {
      const renamed = row === 0 ? "Was another modality's file renamed? " : "";
      throw dataError(`${where}, row ${row + 1}`, `${columns} columns${what}`, `${cells.length}`, renamed + mend);
    }
    for (let column = 0; column < columns; column++) {
      if (expect.last === false && column === columns - 1) {
        data[row * columns + column] = NaN;
        continue;
      }
      const value = numberOf(cells[column].replace(/^\s*"(.*)"\s*$/, "$1"));
      if (value === undefined) {
        const found = cells[column].trim() === "" ? "an empty cell" : `the text ${cells[column].trim().slice(0, 40)}`;
        throw dataError(`${where}, row ${row + 1}, column ${column + 1}`, "a number", found, mend);
      }
      data[row * columns + column] = value;
    }
  });
  return { rows: lines.length, columns, data };
}

/** A table with named columns. */
export class Table {
  constructor(
    readonly where: string,
    readonly header: readonly string[],
    readonly cells: readonly (readonly string[])[],
  ) {}

  get rows(): number {
    return this.cells.length;
  }

  has(column: string): boolean {
    return this.header.includes(column);
  }

  /** The first of `names` that is a column. */
  find(...names: string[]): string | undefined {
    return names.find((name) => this.has(name));
  }

  /** Cells of a column, as text. */
  text(column: string): string[] {
    const at = this.header.indexOf(column);
    if (at < 0)
      throw dataError(this.where, `a column ${column}`, this.header.join(", "), "Name the column that holds it.");
    return this.cells.map((row) => row[at]);
  }

  /** Cells of a column that name what rows belong to, without the spaces around them: `a` and `a ` are one. A gap is refused. */
  keys(column: string): string[] {
    return this.text(column).map((cell, row) => {
      const key = cell.trim();
      if (key) return key;
      throw dataError(`${this.where}, row ${row + 2}, column ${column}`, "a name", "a gap", "Fill or remove the row.");
    });
  }

  /** The split of each row; any other word than train, valid, dev (which is valid) and test is refused. */
  splits(column: string): SplitName[] {
    return this.text(column).map((cell, row) => {
      const name = splitCalled(cell.trim());
      if (splitNames.includes(name as SplitName)) return name as SplitName;
      throw dataError(
        `${this.where}, row ${row + 2}, column ${column}`,
        "train, valid (dev) or test",
        name || "a gap",
        "Mend the row.",
      );
    });
  }

  /** Cells of a column, as numbers; a gap or a word is refused with its row (the header is row 1). */
  numbers(column: string): Float64Array {
    return Float64Array.from(this.text(column), (cell, row) => {
      const value = numberOf(cell);
      if (value === undefined || Number.isNaN(value))
        throw dataError(
          `${this.where}, row ${row + 2}, column ${column}`,
          "a number",
          cell.trim() === "" ? "a gap" : `${cell.trim().slice(0, 40)}`,
          "Fill or remove the row: a missing label is not a neutral one.",
        );
      return value;
    });
  }
}

/** Reads a CSV file whose first line names its columns. Duplicate names, ragged rows and open quotes are refused. */
export function readTable(file: string, delimiter = ","): Table {
  const where = label(file);
  const all = readCells(file, { bom: true, skip_empty_lines: true, delimiter });
  if (all.length < 2) throw dataError(where, "a header and rows", `${all.length} lines`, "Copy or fetch it again.");
  const header = all[0].map((name) => name.trim());
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined)
    throw dataError(where, "column names that differ", `${twice || "(no name)"} twice`, "Rename one of the columns.");
  return new Table(where, header, all.slice(1));
}

/**
 * The column that names splits: `split`, or the one that is called `split_SOMETHING`.
 * @throws DataError where several are and none is called `split`
 */
export function splitColumnOf(table: Table): string | undefined {
  const found = table.has("split") ? ["split"] : table.header.filter((name) => name.startsWith("split_"));
  if (found.length > 1)
    throw dataError(table.where, "one column of splits", found.join(", "), "Call the one that you mean split.");
  return found[0];
}
