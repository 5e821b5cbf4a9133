"""Notebooks and their TypeScript twins (jupytext, percent format).

usage: pairs.py notebook|text|check NAME...    (NAME: path without extension)
  notebook  NAME.ts -> NAME.ipynb, keeping the outputs of cells that did not change
  text      NAME.ipynb -> NAME.ts
  check     says where the two differ; exits 1 if any pair does
"""

import pathlib
import sys

import jupytext
import nbformat

METADATA = {
    "kernelspec": {"display_name": "TypeScript", "language": "typescript", "name": "tslab"},
    "language_info": {"file_extension": ".ts", "mimetype": "text/typescript", "name": "typescript"},
}


def key(cell):
    return cell.cell_type, cell.source.rstrip(), tuple(cell.metadata.get("tags", []))


def read(path):
    return jupytext.read(path, fmt="ts:percent" if path.suffix == ".ts" else "ipynb")


def to_notebook(name):
    text, target = name.with_suffix(".ts"), name.with_suffix(".ipynb")
    notebook = read(text)
    known = {}
    if target.exists():
        known = {key(cell): cell for cell in nbformat.read(target, as_version=4).cells}
    written = nbformat.v4.new_notebook(metadata=METADATA)
    for number, cell in enumerate(notebook.cells):
        tags = list(cell.metadata.get("tags", []))
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        new = make(cell.source, metadata={"tags": tags} if tags else {})
        new["id"] = f"{name.name[:2]}-{number:02d}"  # fixed, so that a rerun is no diff
        before = known.get(key(cell))
        if cell.cell_type == "code" and before is not None:
            new["outputs"], new["execution_count"] = before.outputs, before.execution_count
        written.cells.append(new)
    nbformat.write(written, target)


def to_text(name):
    notebook = nbformat.read(name.with_suffix(".ipynb"), as_version=4)
    plain = nbformat.v4.new_notebook(metadata={"jupytext": {"notebook_metadata_filter": "-all"}})
    for cell in notebook.cells:
        make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
        tags = list(cell.metadata.get("tags", []))
        plain.cells.append(make(cell.source, metadata={"tags": tags} if tags else {}))
    text = jupytext.writes(plain, fmt="ts:percent")
    text = text.removeprefix("// -*- coding: utf-8 -*-\n")  # jupytext's, where a cell is not ASCII
    name.with_suffix(".ts").write_text(text, encoding="utf-8")


def check(name):
    """Lines that say where the pair differs."""
    text, notebook = name.with_suffix(".ts"), name.with_suffix(".ipynb")
    for path in (text, notebook):
        if not path.exists():
            return [f"{path.name}: expected a notebook and its twin, found no such file"]
    twins = [[key(cell) for cell in read(path).cells] for path in (notebook, text)]
    for number, (ours, theirs) in enumerate(zip(*twins), start=1):
        if ours != theirs:
            return [f"{name.name}, cell {number}: the notebook and its .ts differ", f"  .ipynb {ours}", f"  .ts    {theirs}"]
    if len(twins[0]) != len(twins[1]):
        return [f"{name.name}: {len(twins[0])} cells in the notebook, {len(twins[1])} in its .ts"]
    return []


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("notebook", "text", "check"):
        sys.exit(__doc__)
    names = [pathlib.Path(argument) for argument in sys.argv[2:]]
    if sys.argv[1] == "check":
        problems = [line for name in names for line in check(name)]
        if problems:
            print("\n".join(problems))
        sys.exit(1 if problems else 0)
    for name in names:
        (to_notebook if sys.argv[1] == "notebook" else to_text)(name)
