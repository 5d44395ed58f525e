"""The notebooks of the course, each run top to bottom on the real local model."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from apertis_magic import local
from apertis_magic.render.footer import footer_line
from apertis_magic.render.metadata import turns_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

COURSE = """
quickstart conversations options response-format models panel python-api for-teachers
""".split()

_MADE_UP = re.compile("[0-9a-f]{8}(-.*)?")
"""An id that a program gave, not a person."""

each = pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
needs_model = pytest.mark.skipif(
    not local.engine_installed(), reason="needs the extra [local]"
)


def test_the_course_is_complete() -> None:
    """There is every notebook that the others lead to."""
    assert sorted(COURSE) == [file.stem for file in NOTEBOOKS]


@each
def test_a_committed_notebook(file: Path) -> None:
    """It has no outputs, its cells have names, and its links lead somewhere."""
    notebook = nbformat.read(file, as_version=4)
    links = [
        link
        for cell in notebook.cells
        for link in re.findall(r"\]\(([\w./-]+)(?:#[^)]*)?\)", cell.source)
        if cell.cell_type == "markdown"
    ]

    nbformat.validate(notebook)

    assert [] == [cell.id for cell in notebook.cells if cell.get("outputs")]
    assert [] == [c.id for c in notebook.cells if c.get("execution_count") is not None]
    assert [] == [cell.id for cell in notebook.cells if _MADE_UP.fullmatch(cell.id)]
    assert notebook.cells[0].source.startswith("# ")
    assert "%load_ext apertis_magic" == _cell(notebook, "load").source
    assert "%chat local" == _cell(notebook, "who").source
    assert [] == [link for link in links if not (FOLDER / link).exists()]


@each
@needs_model
def test_it_runs(file: Path, tmp_path: Path) -> None:
    """No cell fails but those that are to, and every answer is whole."""
    local.install()
    before = sorted(path.name for path in FOLDER.iterdir())
    command = [sys.executable, str(FOLDER / "run.py"), str(file), str(tmp_path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr

    notebook = nbformat.read(tmp_path / file.name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    turns = [
        turn
        for cell in cells
        if not _is_to_fail(cell)
        for turn in turns_of(cell.outputs)
    ]

    assert turns or not any(cell.source.startswith("%%chat") for cell in cells)

    for turn in turns:
        assert turn.text
        assert turn.usage is not None
        assert turn.usage.completion_tokens
        assert turn.finish in ("stop", "length")
        assert footer_line(turn).startswith(("local · smollm2", "cached · smollm2"))
        assert turn.prompt in done.stdout
    for cell in cells:
        assert _is_to_fail(cell) == _has_failed(cell), cell.source

    page = (tmp_path / f"{file.stem}.html").read_text()

    assert all(f"{t.usage.total_tokens} tokens" in page for t in turns if t.usage)
    assert before == sorted(path.name for path in FOLDER.iterdir())


@needs_model
def test_the_pages(tmp_path: Path) -> None:
    """Every notebook becomes a page, links lead to pages, and an index names all."""
    local.install()
    folder = tmp_path / "notebooks"
    folder.mkdir()
    begun = "# {0}\n\nAbout {0}: a < b. And more.\n\nGo on to [{1}]({1}.ipynb#x)."
    for one, other in (("quickstart", "zebra"), ("zebra", "quickstart")):
        cells = [
            nbformat.v4.new_markdown_cell(begun.format(one, other)),
            nbformat.v4.new_code_cell("%load_ext apertis_magic\n%chat local"),
            nbformat.v4.new_code_cell("%%chat --max-tokens 3\nName a colour."),
        ]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / f"{one}.ipynb")
    built = tmp_path / "built"
    subprocess.run(
        [sys.executable, FOLDER / "pages.py", folder, built], check=True, timeout=600
    )
    index = (built / "index.html").read_text()
    kept = nbformat.read(built / "zebra.ipynb", as_version=4)

    assert index.index("quickstart.html") < index.index("zebra.html")
    assert "<p>About zebra: a &lt; b.</p>" in index
    assert 'href="zebra.html#x"' in (built / "quickstart.html").read_text()
    assert "quickstart.ipynb#x" in kept.cells[0].source
    assert 1 == len(turns_of(kept.cells[2].outputs))


def _is_to_fail(cell: NotebookNode) -> bool:
    return "raises-exception" in cell.metadata.get("tags", ())


def _has_failed(cell: NotebookNode) -> bool:
    # What is wrong with a line is printed by IPython, and no error in the file.
    return any(
        output.output_type == "error" or "UsageError" in output.get("text", "")
        for output in cell.outputs
    )


def _cell(notebook: NotebookNode, name: str) -> NotebookNode:
    found: NotebookNode
    [found] = [cell for cell in notebook.cells if cell.id == name]
    return found
