"""What the pages for developers say of the code is so."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from apertis_magic.api.types import Usage
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.journal.file import open_to_write
from apertis_magic.chat.parts import KINDS
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.files import record
from apertis_magic.marks import json_name

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "apertis_magic"
PAGES = (
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/format.md",
    "CONTRIBUTING.md",
    "README.md",
)

_FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|js|css|md|ipynb|txt|toml)|[\w/]+/)`")

_MAKE = re.compile(r"(?:^\$? ?|`)make ((?:[a-z-]+ ?)+?)(?=`| *#|$)", re.MULTILINE)
_NAME = re.compile(r"`([A-Za-z_][\w.]*)(?:\(\))?`(?!\s*\()")


def _of_a_user(name: str) -> bool:
    """Whether a file of this name is the reader's, not ours."""
    return name in ("FILE.md", "ipython_config.py") or name.startswith("build/")


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_are_named_exist(page: str) -> None:
    """A module that was renamed is renamed in the pages too."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {name for name in _FILE.findall(text) if not _of_a_user(name)}
    inner = ("chat", "api", "panel", "render", "render/rules")
    folders = (ROOT, PACKAGE, *(PACKAGE / name for name in inner))
    missing = {
        name
        for name in named
        if not any((folder / name).exists() for folder in folders)
    }

    assert set() == missing


@pytest.mark.parametrize("page", PAGES)
def test_the_targets_of_make_exist(page: str) -> None:
    """Whoever types what a page says is not told that there is no rule."""
    text = (ROOT / page).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    rules = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    named = " ".join(_MAKE.findall(text)).split()

    assert set() == {*named} - rules


MAKE = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@MAKE
def test_root_gets_a_lab_too() -> None:
    """JupyterLab is told what it asks of root, and nothing of anybody else."""
    told = _made("--dry-run", "lab")

    assert (os.geteuid() == 0) == ("jupyter lab --allow-root" in told.stdout)
    assert "jupyter lab --port" in _made("-n", "lab", "LAB_OPTIONS=--port 1").stdout


@MAKE
def test_an_old_python_is_told_in_a_line(tmp_path: Path) -> None:
    """Before anything is made or downloaded."""
    old = tmp_path / "python"  # as old as it says
    program = "import sys; sys.version_info = (3, 10); "
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}$2"\n')
    old.chmod(0o755)
    done = _made(f"PYTHON={old}", f"VENV={tmp_path}/venv", "demo")
    [line, *after] = done.stderr.splitlines()

    assert "Python 3.11 or newer is needed: make PYTHON=python3.12" == line
    assert 1 == len(after)  # make's own
    assert (2, "") == (done.returncode, done.stdout)
    assert not (tmp_path / "venv").exists()


def _made(*words: str) -> subprocess.CompletedProcess[str]:
    """What a make of its own says, also when a make has started the tests."""
    outer = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    return subprocess.run(
        [str(shutil.which("make")), *words],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in outer},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_names_in_the_architecture_exist() -> None:
    """A class, function or table that was renamed is renamed there too."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    page = (PACKAGE / "panel/static").glob("*.*s")
    sources = [*PACKAGE.rglob("*.py"), *(ROOT / "tests").glob("*.py"), *page]
    code = "\n".join(file.read_text(encoding="utf-8") for file in sources)
    known = set(re.findall(r"\w+", code))
    named = {each.rpartition(".")[2] for each in _NAME.findall(text)}

    assert {"PARAMS", "Conversation", "translated", "table"} <= named
    assert set() == named - known


def test_every_file_of_tests_proves_something() -> None:
    """The table of the architecture names each one, and none that is not there."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| what | its tests")
    rows = [line.split("|")[2:4] for line in table.split("\n") if line.startswith("|")]
    anywhere, in_browser = map(" ".join, zip(*rows, strict=True))
    tests = ROOT / "tests"

    assert _files(anywhere) == {file.name for file in tests.glob("test_*.py")}
    assert _files(in_browser) == {
        file.name for file in (tests / "browser").glob("test_*.py")
    }


FORMAT = (ROOT / "docs/format.md").read_text(encoding="utf-8")
SECTIONS = dict(
    re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", FORMAT, re.MULTILINE | re.DOTALL)
)


def _rows(section: str) -> dict[str, str]:
    """Return the rows of a section's table, by the name in their first column."""
    _, _, table = SECTIONS[section].partition("|---|")
    return dict(re.findall(r"^\| `(\w+)`[^|]*\|(.*)\|$", table, re.MULTILINE))


def test_the_format_names_every_field() -> None:
    """Of a turn and its question, of what is attached, and of what a turn took."""
    named = set(re.findall(r"`(\w+)`", SECTIONS["A turn"]))
    of_turn = (*fields(Turn), *fields(Question))
    kept = {json_name(each) for each in of_turn} - {"question"}
    inner = {each.name for each in (*fields(Attachment), *fields(Usage))}

    assert set() == (kept | inner) - named
    assert kept == Turn(question=Question("x", filled="y")).to_dict().keys()


def test_the_format_names_every_kind_of_part() -> None:
    """With just its fields."""
    rows = _rows("The parts of an answer")
    names = {kind: set(re.findall(r"`(\w+)`", row)) for kind, row in rows.items()}

    assert {
        name: {each.name for each in fields(kind)} for name, kind in KINDS.items()
    } == names


def test_the_format_names_every_column(tmp_path: Path) -> None:
    """Of each table, in the schema that a journal has today."""
    file = tmp_path / "journal.sqlite"
    open_to_write(file).close()
    with closing(sqlite3.connect(file)) as db:
        tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        columns = {
            name: [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            for (name,) in tables.fetchall()
        }
        [version] = db.execute("PRAGMA user_version").fetchone()
    rows = _rows("The journal")

    assert columns == {name: re.findall(r"`(\w+)`", rows[name]) for name in rows}
    assert f"the version of the schema, which is {version}" in SECTIONS["The journal"]
    assert f"| the journal's schema | 1 | {version} |" in SECTIONS["Versions"]
    assert f"`.ipynb` | 1 | {record.VERSION} |" in SECTIONS["Versions"]


def _files(names: str) -> set[str]:
    return {f"test_{name}.py" for name in re.findall(r"\w+", names)}
