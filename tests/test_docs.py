"""What the pages for developers say of the code is so."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "apertis_magic"
PAGES = ("docs/architecture.md", "docs/benchmarks.md", "CONTRIBUTING.md", "README.md")

_FILE = re.compile(r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|js|css|md|ipynb|txt|toml)|[\w/]+/)`")


def _of_a_user(name: str) -> bool:
    """Whether a file of this name is the reader's, not ours."""
    return name in ("FILE.md", "ipython_config.py") or name.startswith("build/")


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_are_named_exist(page: str) -> None:
    """A module that was renamed is renamed in the pages too."""
    text = (ROOT / page).read_text(encoding="utf-8")
    named = {name for name in _FILE.findall(text) if not _of_a_user(name)}
    inner = ("chat", "api", "panel", "render/commonmark")
    folders = (ROOT, PACKAGE, *(PACKAGE / name for name in inner))
    missing = {
        name
        for name in named
        if not any((folder / name).exists() for folder in folders)
    }

    assert set() == missing
