"""The notebooks run from top to bottom and are stored with the outputs they give."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))


def executed(path: Path):
    """The notebook after a fresh run; the kernel's own warnings are not ours to fix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbformat
        from nbclient import NotebookClient

        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(path.parent)}}).execute()
    return notebook


def texts(notebook) -> list[str]:
    """What the code cells printed."""
    return [
        output.get("text", "")
        for cell in notebook.cells if cell.cell_type == "code"
        for output in cell.outputs if output.output_type == "stream"
    ]  # fmt: skip


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_and_is_fresh(path):
    """Printed output is the same as stored; python tests/test_notebooks.py remakes it."""
    import nbformat

    assert texts(executed(path)) == texts(nbformat.read(path, as_version=4))


if __name__ == "__main__":
    import nbformat

    for stored in NOTEBOOKS:
        made = executed(stored)
        for cell in made.cells:
            cell.metadata.pop("execution", None)
        nbformat.write(made, stored)
