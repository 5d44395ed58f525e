"""Run a notebook in a real kernel, print its conversation, keep it as page and file.

python notebooks/run.py NOTEBOOK FOLDER
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import (
    CellExecutionError,
    CellTimeoutError,
    DeadKernelError,
)
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from apertis_magic.render.footer import footer_line
from apertis_magic.render.metadata import turns_of


def main() -> int:
    """Run the notebook that the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    notebook = nbformat.read(given.notebook, as_version=4)
    failed = run(notebook, given.notebook.parent)
    talk(notebook)
    for file in save(notebook, given.folder / given.notebook.stem):
        print(f"written: {file}")
    return failed


def run(notebook: NotebookNode, folder: Path) -> int:
    """Execute *notebook* in place; return 1 if a cell failed, else 0."""
    client = NotebookClient(
        notebook,
        timeout=600,
        # Without it every kernel warns that it talks TCP, which it does on loopback.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def talk(notebook: NotebookNode) -> None:
    """Print each question with its answer and footer."""
    for cell in notebook.cells:
        for turn in turns_of(cell.get("outputs", ())):
            print(f"> {turn.prompt}\n\n{turn.text}\n\n  {footer_line(turn)}\n")


def save(
    notebook: NotebookNode,
    stem: Path,
    linked: Callable[[NotebookNode], NotebookNode] = lambda notebook: notebook,
) -> list[Path]:
    """Write the executed notebook and a page of it; return the two files.

    Args:
        notebook: what was executed.
        stem: where to write them, without the endings.
        linked: makes of the notebook what the page shows.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    file, page = stem.with_suffix(".ipynb"), stem.with_suffix(".html")
    nbformat.write(notebook, file)
    html, _ = HTMLExporter().from_notebook_node(linked(notebook))
    page.write_text(html, encoding="utf-8")
    return [file, page]


if __name__ == "__main__":
    sys.exit(main())
