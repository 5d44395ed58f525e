"""What runs, shows and writes whole notebooks: papermill, nbconvert, jupytext."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from nbformat import v4, writes
from scale import ALL
from scripted_server import ScriptedServer, says
from turns import said

from apertis_magic import files

LOAD = "%load_ext apertis_magic"
ANSWER = "**One** and\n\n* a list with `code`\n\nThe formula $x_1$."
QUESTION = "%%chat -t 0\nWhat is 'it'?\n\n# A line that isn't Python\n\n    at all"


def written(folder: Path, *sources: str) -> Path:
    """Write a notebook that has not run."""
    cells = [v4.new_code_cell(each) for each in (LOAD, *sources)]
    metadata = {
        "kernelspec": {"name": "python3", "display_name": "x", "language": "python"}
    }
    file = folder / "book.ipynb"
    file.write_text(writes(v4.new_notebook(cells=cells, metadata=metadata)), "utf-8")
    return file


def run(*words: str | Path) -> None:
    """Run a tool as a person does; kernels begin with this Python."""
    kernels = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    }
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        env=os.environ | kernels,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert 0 == done.returncode, done.stderr


def outputs(file: Path) -> list[list[dict[str, Any]]]:
    """Return the outputs of a notebook's cells of code, but for that which loads us."""
    book = json.loads(file.read_text(encoding="utf-8"))
    codes = [each for each in book["cells"] if each["cell_type"] == "code"]
    return [
        [
            {**each, "data": {k: "".join(t) for k, t in each["data"].items()}}
            for each in code["outputs"]
            if "data" in each
        ]
        for code in codes
        if "load_ext" not in "".join(code["source"])
    ]


def assert_rich(shown: dict[str, Any]) -> None:
    """Assert that an output is what JupyterLab would show and keep."""
    about = shown["metadata"]["apertis_magic"]

    assert "<strong>One</strong>" in shown["data"]["text/html"]
    assert "tokens" in shown["data"]["text/html"]
    assert ANSWER == said(shown["data"])
    assert ("stop", "main") == (about["finish"], about["conversation"])


def test_papermill(server: ScriptedServer, tmp_path: Path) -> None:
    """It streams, shows and keeps all, and its parameters are no part of it."""
    server.will(says("**One** and", ANSWER.removeprefix("**One** and")), says("Two."))
    file, out = (
        written(tmp_path, "n = 1", "%%chat\nWhat?", "%chat ask Next?"),
        tmp_path / "out.ipynb",
    )
    run("papermill", "-k", "python3", "-p", "n", "2", file, out)
    _, [first], [second] = outputs(out)[-3:]
    [state] = files.load(out)

    assert_rich(first)

    assert "Two." == said(second["data"])
    assert [True, True] == [each.body["stream"] for each in server.requests]
    assert [("What?", ANSWER), ("Next?", "Two.")] == [
        (turn.prompt, turn.text) for turn in state.turns
    ]


@pytest.mark.parametrize("kind", ["html", "markdown", "notebook"])
def test_nbconvert(server: ScriptedServer, tmp_path: Path, kind: str) -> None:
    """It runs a notebook, and its page has the answer as it is formatted."""
    server.will(says(ANSWER))
    file = written(tmp_path, "%%chat\nWhat?")
    run("nbconvert", "--execute", "--to", kind, "--output", "out", file)
    [made] = tmp_path.glob("out.*")
    text = made.read_text(encoding="utf-8")
    if kind == "notebook":
        [[shown]] = outputs(made)
        assert_rich(shown)
        return

    assert text.count("<strong>One</strong>") == 1
    assert "tokens" in text
    assert re.search(r"<li[^>]*>a list with <code>code</code></li>", text)
    assert server.requests[0].body["stream"]


FORMATS = {
    "py:percent": True,
    "md": False,
    **({"py:light": True, "md:myst": False} if ALL else {}),
}
"""Formats of jupytext, and whether they need to be told that messages are no code."""


def paired(file: Path, format: str, *, is_told: bool) -> tuple[str, list[Any]]:
    """Return the text that jupytext makes of a notebook, and its cells read back."""
    told = 'custom_cell_magics = "chat"\n' if is_told else ""
    (file.parent / "jupytext.toml").write_text(told, "utf-8")
    ending = format.partition(":")[0]
    text, back = file.with_suffix(f".{ending}"), file.with_name("back.ipynb")
    run("jupytext", "--to", format, "--output", text, file)
    run("jupytext", "--to", "ipynb", "--output", back, text)
    book = json.loads(back.read_text("utf-8"))
    cells = [(each["cell_type"], "".join(each["source"])) for each in book["cells"]]
    return text.read_text("utf-8"), cells


@pytest.mark.parametrize(("format", "is_told"), FORMATS.items(), ids=FORMATS)
def test_jupytext(tmp_path: Path, format: str, *, is_told: bool) -> None:
    """A message comes back as it was typed, and a ``.py`` file stays one."""
    sources = (QUESTION, "%chat ask Why?", "x = 1")
    text, back = paired(written(tmp_path, *sources), format, is_told=is_told)

    assert [("code", each) for each in (LOAD, *sources)] == back

    if format.startswith("py"):
        compile(text, "book.py", "exec")


@pytest.mark.parametrize("format", ["py:percent"])
def test_jupytext_that_was_not_told(tmp_path: Path, format: str) -> None:
    """What the page says of it is so: the file is no Python."""
    text, _ = paired(written(tmp_path, QUESTION), format, is_told=False)
    with pytest.raises(SyntaxError):
        compile(text, "book.py", "exec")


def test_jupytext_that_was_told_too_much(tmp_path: Path) -> None:
    """What the page says of it is so: in Markdown the cell is none any more."""
    _, [_, (kind, _)] = paired(written(tmp_path, QUESTION), "md", is_told=True)

    assert "markdown" == kind
