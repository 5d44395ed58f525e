"""Run every notebook of a folder on the local model; write pages and an index of them.

python notebooks/pages.py NOTEBOOKS FOLDER

Conversations go to a journal that is thrown away, so that a reader's own is left alone.
"""

import argparse
import html
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from run import run, save

AT_ONCE = 2
"""How many notebooks run at the same time; each has a kernel and a model of its own."""

ORDER = (
    "quickstart",
    "conversations",
    "options",
    "response-format",
    "models",
    "panel",
    "python-api",
    "for-teachers",
)
"""The order of the course; what is not named here comes after it."""

_LINK = re.compile(r"(\]\([\w-]+)\.ipynb(#[^)]*)?\)")


@dataclass(frozen=True)
class Page:
    """One notebook of the course.

    Attributes:
        file: the notebook.
        title: its first heading.
        about: the first sentence below that.
    """

    file: Path
    title: str
    about: str


def main() -> int:
    """Run and write what the command line names; return the exit code."""
    parser = argparse.ArgumentParser(description="run notebooks and write their pages")
    parser.add_argument("notebooks", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    pages = course(given.notebooks)
    with tempfile.TemporaryDirectory() as data, ThreadPoolExecutor(AT_ONCE) as pool:
        os.environ["XDG_DATA_HOME"] = data
        failed = sum(pool.map(lambda page: build(page, given.folder), pages))
    index = given.folder / "index.html"
    index.write_text(_index(pages), encoding="utf-8")
    print(f"written: {index}")
    return 1 if failed else 0


def course(folder: Path) -> list[Page]:
    """Return the notebooks of *folder* in the order in which one reads them."""
    files = sorted(folder.glob("*.ipynb"), key=lambda file: (_place(file), file.stem))
    return [_page(file) for file in files]


def build(page: Page, folder: Path) -> int:
    """Run one notebook and write it and its page; return 1 if a cell failed, else 0."""
    notebook = nbformat.read(page.file, as_version=4)
    failed = run(notebook, page.file.parent)
    # In the page links lead to pages; the notebook that is beside it keeps its own.
    for file in save(notebook, folder / page.file.stem, linked=linked):
        print(f"written: {file}", flush=True)
    return failed


def linked(notebook: NotebookNode) -> NotebookNode:
    """Return *notebook* with links to other notebooks' pages instead of their files."""
    copy: NotebookNode = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(r"\1.html\2)", cell.source)
    return copy


def _place(file: Path) -> int:
    return ORDER.index(file.stem) if file.stem in ORDER else len(ORDER)


def _page(file: Path) -> Page:
    """Read what stands at the top of a notebook."""
    first = nbformat.read(file, as_version=4).cells[0].source
    title, _, rest = first.partition("\n")
    about = re.split(r"(?<=[.!?])\s", " ".join(rest.split()), maxsplit=1)[0]
    return Page(file, title.lstrip("# "), about.replace("`", ""))


_INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>apertis_magic</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42em; margin: 3em auto;
  padding: 0 1em; }}
li {{ margin: 0 0 1.2em; }}
li > a {{ font-size: 1.1em; font-weight: 600; }}
p {{ margin: 0.1em 0; }}
small {{ opacity: 0.8; }}
</style>
<h1>apertis_magic</h1>
<p>Talk to language models from a notebook. These are the notebooks of its course, as
they ran on the tiny model that comes with it, which is often wrong.</p>
<ol>
{items}
</ol>
</html>
"""


def _index(pages: Sequence[Page]) -> str:
    return _INDEX.format(items="\n".join(map(_item, pages)))


def _item(page: Page) -> str:
    name = html.escape(page.file.stem)
    return (
        f'<li><a href="{name}.html">{html.escape(page.title)}</a>'
        f"<p>{html.escape(page.about)}</p>"
        f'<small><a href="{name}.ipynb">as a notebook</a></small></li>'
    )


if __name__ == "__main__":
    sys.exit(main())
