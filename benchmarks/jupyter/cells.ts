/**
 * What a cell's source needs before tslab 1.0.22 converts it. tslab turns each name of an earlier cell into
 * `exports.name`, and takes two kinds of property names for such uses: `{ x }` stays as it is and throws a
 * ReferenceError, and `const { x: y } = value` becomes `{ exports.x: y }`, which is no JavaScript. Writing the first out
 * (`{ x: x }`) and quoting the second (`{ "x": y }`) leaves nothing to mistake.
 */
import * as ts from "@tslab/typescript-for-tslab";

/** Text put into a source: `length` characters at `at` (an offset in the original). */
interface Insertion {
  readonly at: number;
  readonly text: string;
}

export interface PreparedCell {
  readonly source: string;
  /** The column in the original of (line, column) in `source`; both from 0. */
  originalColumn(line: number, column: number): number;
}

/** Rewrites property names that tslab would mistake for names of earlier cells; the meaning of the cell stays the same. */
export function prepareCell(cell: string): PreparedCell {
  const file = ts.createSourceFile("cell.ts", cell, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS);
  const insertions: Insertion[] = [];
  const quote = (name: ts.Node) =>
    insertions.push({ at: name.getStart(file), text: '"' }, { at: name.getEnd(), text: '"' });
  const visit = (node: ts.Node): void => {
    if (ts.isShorthandPropertyAssignment(node))
      insertions.push({ at: node.name.getStart(file), text: `${node.name.text}: ` });
    else if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name)) quote(node.name);
    else if (ts.isBindingElement(node) && node.propertyName && ts.isIdentifier(node.propertyName))
      quote(node.propertyName);
    ts.forEachChild(node, visit);
  };
  visit(file);
  insertions.sort((a, b) => a.at - b.at);

  let source = "";
  let from = 0;
  for (const { at, text } of insertions) {
    source += cell.slice(from, at) + text;
    from = at;
  }
  source += cell.slice(from);

  const originalColumn = (line: number, column: number): number => {
    if (line >= file.getLineStarts().length) return column;
    const start = ts.getPositionOfLineAndCharacter(file, line, 0);
    let grown = 0;
    for (const { at, text } of insertions) {
      if (at < start || at - start + grown >= column) continue;
      if (ts.getLineAndCharacterOfPosition(file, at).line === line)
        grown += Math.min(text.length, column - grown - (at - start));
    }
    return column - grown;
  };
  return { source, originalColumn };
}
