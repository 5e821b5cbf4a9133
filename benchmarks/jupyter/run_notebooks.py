"""Executes notebooks with the project's TypeScript kernel and writes them, also after an error.

usage: run_notebooks.py [--timeout S] [--out DIR] NOTEBOOK...
Prints a line a notebook (ok or FAIL, seconds) and, of a failing one, the cell and its error. Exits 1 if any failed.
"""

import argparse
import pathlib
import re
import sys
import time

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def portable(value):
    """An output without the place of this checkout, which means nothing elsewhere."""
    if isinstance(value, str):
        return value.replace(f"{ROOT}/", "").replace(str(ROOT), ".")
    if isinstance(value, list):
        return [portable(item) for item in value]
    if isinstance(value, dict):
        return {key: portable(item) for key, item in value.items()}
    return value


def failing_cell(notebook):
    """(number from 1, cell): the first with an error output, else the last that began."""
    cells = [(i + 1, c) for i, c in enumerate(notebook.cells) if c.cell_type == "code"]
    began = [(i, c) for i, c in cells if c.outputs or c.execution_count or c.metadata.get("execution")]
    failed = [(i, c) for i, c in cells if any(o.output_type == "error" for o in c.outputs)]
    return (failed or began[-1:] or cells)[0]


def describe(notebook, reason):
    number, cell = failing_cell(notebook)
    said = []
    for output in cell.outputs:
        if output.output_type == "error":
            said += output.traceback
        elif output.output_type == "stream" and output.name == "stderr":
            said += output.text.splitlines()
    print(f"  cell {number}, {reason}:")
    print("\n".join(f"    | {line}" for line in cell.source.splitlines()))
    print("\n".join(f"    {ANSI.sub('', line)}" for line in said) or "    (it printed nothing)")


def run(path, out, timeout):
    """Executes one notebook; True if all cells ran."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook,
        timeout=timeout,
        startup_timeout=120,
        kernel_name="tslab",
        record_timing=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    start, reason = time.time(), None
    try:
        client.execute()
    except CellTimeoutError:
        reason = f"stopped after {timeout} s"
    except CellExecutionError:
        reason = "failed"
    except DeadKernelError:
        reason = "the kernel died"
    except RuntimeError as error:  # before the first cell
        reason = f"the kernel did not start ({error}); its own message stands above"
    finally:
        seconds = time.time() - start
        target = out / path.name if out else path
        written = nbformat.from_dict(notebook)
        for cell in written.cells:
            cell.metadata.pop("execution", None)  # times would make every rerun a diff
            if cell.cell_type == "code":
                cell.outputs = nbformat.from_dict(portable(cell.outputs))
        nbformat.write(written, target)
    print(f"{'FAIL' if reason else 'ok  '} {path.name} {seconds:.1f} s", flush=True)
    if reason:
        describe(notebook, reason)
        sys.stdout.flush()
    return reason is None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="+", type=pathlib.Path)
    parser.add_argument("--timeout", type=int, default=120, help="seconds a cell may take")
    parser.add_argument("--out", type=pathlib.Path, help="write the executed copies here instead of in place")
    options = parser.parse_args()
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
    results = [run(path.resolve(), options.out, options.timeout) for path in options.notebooks]
    sys.exit(0 if all(results) else 1)
