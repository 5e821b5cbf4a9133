"""Saving a notebook of the project also writes its twin in TypeScript, which diffs and type checks are made from."""

import pathlib
import re
import sys
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import pairs  # noqa: E402


def write_twin(os_path, model, contents_manager, **kwargs):
    path = pathlib.Path(os_path)
    if model["type"] == "notebook" and path.parent.name == "notebooks" and re.match(r"\d\d-", path.name):
        pairs.to_text(path.with_suffix(""))


warnings.filterwarnings("ignore", message="Overriding existing post_save_hook")  # Jupyter reads this file twice
c.FileContentsManager.post_save_hook = write_twin  # noqa: F821
