"""Every example in the docstrings and in the pages for users runs as it stands."""

import doctest
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from conftest import Shell
from scripted_server import (
    USAGE,
    Answer,
    Request,
    ScriptedServer,
    json_answer,
    says,
    whole,
)

import apertis_magic

ROOT = Path(__file__).parents[1]
MODULES = [
    found.name
    for found in pkgutil.walk_packages(apertis_magic.__path__, "apertis_magic.")
    if not found.name.endswith("__main__")
]
# What a page only shows. Fences of other languages, and of none, must be run.
SHOWN = ("console", "sh", "text")
# Cells that ask for a key or download a model; the language of their fences is ipython.
BY_HAND = ("%chat key", "%chat local")
# What a line for a terminal begins with where its fence does not say that it is one.
COMMANDS = ("$", "make", "pip", "python", "python3", ".venv/bin/python")

ANSWER = "The capital of Japan is **Tokyo**."
SPENT = USAGE | {"prompt_tokens": 14, "completion_tokens": 7, "total_tokens": 21}
LISTED = {"data": [{"id": "gpt-4.1-mini"}, {"id": "gpt-4.1"}]}

_FENCE = re.compile(r"^( *)```([\w-]*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Service(ScriptedServer):
    """Answers every request as the API does, always with the same words."""

    def take(self, request: Request) -> Answer:
        """Note *request*, and answer it by what it asks for."""
        self.will(_answer(request))
        return super().take(request)


def _answer(request: Request) -> Answer:
    if request.method == "GET":
        return json_answer(LISTED)
    if not request.body.get("stream"):
        return whole(ANSWER, model=request.body["model"], usage=SPENT)
    told = request.body.get("stream_options", {}).get("include_usage")
    return says(*re.findall(r"\S+\s*", ANSWER), usage=SPENT if told else None)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    """Yield such a server, to which the environment points, and an empty folder."""
    monkeypatch.chdir(tmp_path)
    with Service() as running:
        monkeypatch.setenv("APERTIS_BASE_URL", running.url)
        yield running


def examples(module: str) -> list[doctest.DocTest]:
    """Return the docstrings of *module* that hold examples."""
    found = doctest.DocTestFinder(exclude_empty=True).find(import_module(module))
    return [test for test in found if test.examples]


DOCSTRINGS = {test.name: test for name in MODULES for test in examples(name)}


@pytest.mark.parametrize("name", DOCSTRINGS)
@pytest.mark.usefixtures("service")
def test_a_docstring(name: str) -> None:
    """It needs nothing that it does not import, and shows what it says."""
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    test, told = DOCSTRINGS[name], list[str]()
    test.globs = {}
    runner.run(test, out=told.append)

    assert [] == told


def test_public_names_have_examples() -> None:
    """Whoever looks one up sees how it is used."""
    without = [
        name
        for name in apertis_magic.__all__
        if not name.endswith("_ipython_extension")
        and f"{getattr(apertis_magic, name).__module__}.{name}" not in DOCSTRINGS
    ]

    assert [] == without


def pages() -> list[Path]:
    """Return the pages for users that hold a fence."""
    of_users = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    return [page for page in of_users if "```" in page.read_text(encoding="utf-8")]


def fences(page: Path) -> Iterator[tuple[str, str, str]]:
    """Give the language of each fence, what is in it, and where it is."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        indent, language, source = found.groups()
        line = text.count("\n", 0, found.start()) + 1
        where = f"{page.name}, line {line}"
        yield language, re.sub(rf"^{indent}", "", source, flags=re.MULTILINE), where


def is_run(language: str, source: str) -> bool:
    """Tell whether what is in a fence is a cell of a notebook."""
    return language == "python" or (not language and source.startswith("%"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
@pytest.mark.usefixtures("service")
def test_a_page(page: Path, shell: Shell) -> None:
    """Its cells and its Python run from top to bottom, in one kernel."""
    for language, source, where in fences(page):
        if is_run(language, source):
            try:
                shell.run(source)
            except Exception as error:
                error.add_note(f"{where}:\n{source}")
                raise


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_what_is_not_run_says_why(page: Path) -> None:
    """A fence that is neither run nor known to be only shown is a mistake."""
    strange = []
    for language, source, where in fences(page):
        words = [line.split()[0] for line in source.splitlines() if line.strip()]
        is_terminal = not language and {*words} <= {*COMMANDS}
        is_by_hand = language == "ipython" and source.strip() in BY_HAND
        is_shown = language in SHOWN or is_terminal or is_by_hand
        if not (is_shown or is_run(language, source)):
            strange.append(where)

    assert [] == strange


def test_the_readme_has_examples() -> None:
    """They are found and not passed over: Python, and cells that ask."""
    found = [
        language or source.partition("\n")[0]
        for language, source, _ in fences(ROOT / "README.md")
        if is_run(language, source)
    ]

    assert "python" in found
    assert "%load_ext apertis_magic" in found
    assert any(each.startswith("%%chat") for each in found)
