"""Whatever stands under a file's name ends in one line, and nobody waits for it."""

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from journals import PATIENCE, is_one_line, talk

from apertis_magic import files, regular
from apertis_magic.api import key_file, keys
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.errors import ApertisError, ConfigurationError
from apertis_magic.files import disk

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="other files there")

SPARSE = 5_000_000_000
STATE = talk("an answer")


def _pipe(file: Path) -> None:
    os.mkfifo(file)


def _folder(file: Path) -> None:
    file.mkdir()


def _socket(file: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(file))


def _sparse(file: Path) -> None:
    file.touch()
    os.truncate(file, SPARSE)


def _to(target: str) -> Callable[[Path], None]:
    return lambda file: file.symlink_to(target)


def _to_pipe(file: Path) -> None:
    os.mkfifo(file.parent / "pipe")
    file.symlink_to("pipe")


def _loop(file: Path) -> None:
    file.symlink_to(file.name)


def _noise(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 100)


def _deep(file: Path) -> None:
    file.write_text("[" * 100_000)


def _digits(file: Path) -> None:
    file.write_text('{"nbformat": ' + "9" * 5_000 + "}")


def _many(file: Path) -> None:
    file.write_text('{"a": [' + "[]," * 10_000_000 + "[]]}")


PLACES: dict[str, Callable[[Path], None]] = {
    "a pipe": _pipe,
    "a link to a pipe": _to_pipe,
    "a folder": _folder,
    "a socket": _socket,
    "a link to zeros": _to("/dev/zero"),
    "a link to noise": _to("/dev/urandom"),
    "a link to a terminal": _to("/dev/tty"),
    "a link to nowhere": _to("nowhere"),
    "a link to itself": _loop,
    "a link to memory": _to("/proc/self/mem"),
    "a link to the kernel's messages": _to("/proc/kmsg"),
    "a link to pages": _to("/proc/self/pagemap"),
    "a link to a folder": _to(".."),
    "5 GB of nothing": _sparse,
    "noise": _noise,
    "nesting": _deep,
    "digits": _digits,
    "lists": _many,
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(dir="/tmp") as made:
        yield Path(made)


def told(act: Callable[[], object]) -> str:
    """Return what the user is told of what cannot be done, nothing where it can."""
    try:
        act()
    except (ApertisError, ValueError, OSError) as error:
        return str(error)
    return ""


@pytest.mark.parametrize("ending", [".ipynb", ".md", ".json"])
@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_what_is_loaded(
    folder: Path, make: Callable[[Path], None], ending: str
) -> None:
    """One line says why there is no conversation in it."""
    file = folder / f"talk{ending}"
    make(file)
    with pytest.raises(ConfigurationError) as caught:
        files.load(file)

    assert is_one_line(str(caught.value))
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_what_is_written_to(folder: Path, make: Callable[[Path], None]) -> None:
    """It is left alone, and one line says so."""
    file = folder / "talk.md"
    make(file)
    before = file.lstat()
    with pytest.raises(ConfigurationError) as caught:
        files.export(STATE, file)

    assert is_one_line(str(caught.value))
    assert before.st_ino == file.lstat().st_ino
    assert before.st_mode == file.lstat().st_mode
    assert not (folder / "nowhere").exists()


@pytest.mark.parametrize("make", PLACES.values(), ids=PLACES)
def test_what_is_read_for_keys(
    monkeypatch: pytest.MonkeyPatch, folder: Path, make: Callable[[Path], None]
) -> None:
    """One line says so, and no rights are changed."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    key_file.path().parent.mkdir()
    make(key_file.path())
    is_there = key_file.path().exists()
    about = key_file.path().stat if is_there else key_file.path().lstat
    before = about().st_mode
    line = told(key_file.read)

    assert is_one_line(line) or not is_there
    assert before == about().st_mode or stat.S_ISREG(before)


NOT_OF_THE_SYSTEM = ["a pipe", "a link to a pipe", "a folder", "a socket", "noise"]
NOT_OF_THE_SYSTEM += ["a link to zeros", "a link to noise", "a link to a terminal"]


@pytest.mark.parametrize("name", NOT_OF_THE_SYSTEM)
def test_what_stands_in_the_place_of_the_journal(folder: Path, name: str) -> None:
    """Nobody waits for it; what is no file is left alone, and one line says so."""
    file = folder / "journal.sqlite"
    PLACES[name](file)
    is_file = file.is_file()
    before = None if is_file else file.stat().st_mode
    journal = Journal(file)
    journal.keep(STATE)
    is_kept = journal.flush(PATIENCE)
    journal.close()

    assert is_kept or is_one_line(journal.problem)
    assert is_file or before == file.stat().st_mode


@pytest.mark.parametrize("end", ["-journal", "-wal", "-shm"])
@pytest.mark.parametrize("name", NOT_OF_THE_SYSTEM)
def test_what_stands_beside_the_journal(folder: Path, name: str, end: str) -> None:
    """Where SQLite has files of its own; they are neither waited for nor read."""
    file = folder / "journal.sqlite"
    journal = Journal(file)
    journal.keep(STATE)
    journal.close()
    PLACES[name](file.with_name(file.name + end))
    journal = Journal(file)
    line = told(journal.conversations)
    journal.keep(STATE)
    is_kept = journal.flush(PATIENCE)
    journal.close()

    assert not line or is_one_line(line)
    assert is_kept or is_one_line(journal.problem)


def test_a_key_file_is_kept_from_others() -> None:
    """It is, by its owner's own link too; the link stays."""
    file, real = key_file.path(), key_file.path().parent / "real.json"
    file.parent.mkdir(parents=True)
    real.write_text('{"https://a.example": "hush"}')
    real.chmod(0o644)
    file.symlink_to(real.name)

    assert {"https://a.example": "hush"} == key_file.read()
    assert 0o600 == stat.S_IMODE(real.stat().st_mode)
    assert file.is_symlink()


ANOTHER = 65534
ROOT = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another"
)


@ROOT
@pytest.mark.parametrize("what", ["file", "link", "folder"])
def test_what_is_another_users_keeps_its_rights(folder: Path, what: str) -> None:
    """A file, what another's link leads to, and a folder, which root could change."""
    file = key_file.path()
    file.parent.mkdir(parents=True)
    real = folder / "real.json"
    real.write_text("{}")
    real.chmod(0o644)
    file.symlink_to(real)
    if what == "file":
        os.chown(real, ANOTHER, ANOTHER)
    elif what == "link":
        os.lchown(file, ANOTHER, ANOTHER)
    else:
        file.parent.chmod(0o755)
        os.chown(file.parent, ANOTHER, ANOTHER)
    before = real.stat().st_mode, file.parent.stat().st_mode
    key_file.read()
    if what == "folder":
        keys.store("hush", base_url="https://a.example/v1")
        before = real.stat().st_mode, before[1]

    assert before == (real.stat().st_mode, file.parent.stat().st_mode)


def test_a_folder_that_a_link_leads_to_keeps_its_rights(folder: Path) -> None:
    """A folder of keys may be a link to one that others use."""
    folder.chmod(0o755)
    key_file.path().parent.parent.mkdir(parents=True)
    key_file.path().parent.symlink_to(folder)
    with key_file.changing() as held:
        held["https://a.example"] = "hush"

    assert 0o755 == stat.S_IMODE(folder.stat().st_mode)
    assert 0o600 == stat.S_IMODE((folder / "keys.json").stat().st_mode)


def test_a_file_that_is_swapped_while_it_is_read(folder: Path) -> None:
    """Whatever comes in its place between the look and the reading, nobody waits."""
    file, other, pipe = folder / "talk.json", folder / "other", folder / "pipe"
    over = threading.Event()
    os.mkfifo(pipe)

    def swap() -> None:
        while not over.is_set():
            other.symlink_to(pipe.name)
            other.replace(file)
            other.write_text("{}")
            other.replace(file)

    other.write_text("{}")
    other.replace(file)
    thread = threading.Thread(target=swap)
    thread.start()
    try:
        lines = {told(lambda: regular.read(file, 10)) for _ in range(2_000)}
    finally:
        over.set()
        thread.join()

    assert all("" == line or "no regular file" in line for line in lines)


def test_what_is_read_is_bounded(tmp_path: Path) -> None:
    """By what comes, not by what the file says of itself."""
    file = tmp_path / "a"
    file.write_bytes(b"x" * 100)

    assert b"x" * 100 == regular.read(file, 100)

    with pytest.raises(ValueError, match="can be read"):
        regular.read(file, 99)
    with pytest.raises(ValueError, match="it has more"):
        regular.read(Path("/proc/self/maps"), 99)


LARGE = """
import resource, sys
from pathlib import Path
from apertis_magic import files
from apertis_magic.errors import ConfigurationError
resource.setrlimit(resource.RLIMIT_AS, (2_000_000_000, 2_000_000_000))
try:
    files.load(Path(sys.argv[1]))
except ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize("size", [150_000_000, 300_000_000])
def test_a_large_notebook_ends_in_a_line(tmp_path: Path, size: int) -> None:
    """Also where there is little memory."""
    file = tmp_path / "large.ipynb"
    cell = {"cell_type": "code", "source": "\U0001f600" + "x" * size, "outputs": []}
    text = json.dumps({"nbformat": 4, "cells": [cell]}, ensure_ascii=False)
    file.write_text(text, encoding="utf-8")
    del cell, text
    done = subprocess.run(
        [sys.executable, "-c", LARGE, file],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    file.unlink()

    assert (0, "") == (done.returncode, done.stderr)
    assert is_one_line(done.stdout.strip())
    assert "cannot be loaded" in done.stdout


@pytest.fixture
def in_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the current folder, in which a file of the user's stands."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.md").write_text("mine")
    (tmp_path / "sub").mkdir()
    return tmp_path


WAYS = [
    "nodir/../notes.md",
    "sub/../notes.md",
    "./notes.md",
    "link.md",
    "links/notes.md",
    "sub/./.././sub/../notes.md",
    "nodir/x.md",
    "sub/missing.md",
    "profile.md",
    "notes.md/",
]


@pytest.mark.parametrize("way", WAYS)
def test_the_ways_to_a_file_of_the_users(in_folder: Path, way: str) -> None:
    """What is looked at is what would be written; that is left alone."""
    (in_folder / "link.md").symlink_to("notes.md")
    (in_folder / "links").symlink_to(".")
    (in_folder / "sub" / "missing.md").symlink_to("../nodir/x.md")
    (in_folder / "profile.md").symlink_to(".profile")
    before = sorted(in_folder.rglob("*"))
    line = told(lambda: files.export(STATE, Path(way)))

    assert is_one_line(line)
    assert before == sorted(in_folder.rglob("*"))
    assert "mine" == (in_folder / "notes.md").read_text()
    assert not any(files.is_replaceable(Path(each)) for each in WAYS[1:4])


def test_a_link_to_an_export_is_followed(in_folder: Path) -> None:
    """It stays a link, and what it leads to is replaced."""
    files.export(STATE, in_folder / "sub" / "talk.md")
    link = in_folder / "link.md"
    link.symlink_to("sub/talk.md")
    files.export(talk("other"), link)

    assert link.is_symlink()
    assert "other" in (in_folder / "sub" / "talk.md").read_text()


def test_what_comes_between_the_look_and_the_writing(in_folder: Path) -> None:
    """A file or link that was not there is not replaced, nor followed."""
    target = disk.target(Path("new.md"))
    Path("new.md").symlink_to("notes.md")
    with pytest.raises(FileExistsError):
        disk.write(target, "ours", is_new=True)
    disk.target(Path("sub") / "talk.md")
    known = disk.target(Path("notes.md"))
    Path("sub/elsewhere.md").write_text("elsewhere")
    known.unlink()
    known.symlink_to("sub/elsewhere.md")
    with pytest.raises(ValueError, match="no regular file"):
        disk.write(known, "ours", is_new=False)

    assert "elsewhere" == Path("sub/elsewhere.md").read_text()
    assert {"new.md", "notes.md", "sub"} == {each.name for each in in_folder.iterdir()}


@pytest.mark.parametrize(
    "name", ["a\0.md", "x" * 300 + ".md", "a" * 5_000 + "/b.md", "notes.md/b.md"]
)
def test_a_name_that_no_file_can_have(in_folder: Path, name: str) -> None:
    """One line says so, to who asks and to who writes."""
    assert is_one_line(told(lambda: files.is_replaceable(in_folder / name)))
    assert is_one_line(told(lambda: files.export(STATE, in_folder / name)))


STEMS = {
    "main": "main",
    "a/b\\c:d": "a-b-c-d",
    "../../x": "x",
    "C:x": "C-x",
    "NUL": "NUL-chat",
    "con": "con-chat",
    "Com7": "Com7-chat",
    "LPT\u00b9": "LPT\u00b9-chat",
    "console": "console",
    "a. . ": "a",
    "\0\n\u202e": "conversation",
    "": "conversation",
    "-": "conversation",
    "\u00fcber \u4f60\u597d": "\u00fcber-\u4f60\u597d",
    "x" * 90: "x" * 40,
    "x" * 39 + " y": "x" * 39,
    "\ud800": "conversation",
}


@pytest.mark.parametrize(("stem", "expected"), STEMS.items(), ids=range(len(STEMS)))
def test_names_beside_the_notebook(stem: str, expected: str) -> None:
    """Whatever a conversation is called, or a page asks for."""
    names = files.beside(stem, "md")

    assert [f"{expected}.md", f"{expected}-2.md", f"{expected}-3.md"] == [
        str(next(names)) for _ in range(3)
    ]


@pytest.mark.parametrize(
    "ending", ["", "txt", ".md", "MD", "x/../../package.json", "md\0", "md:x", "json "]
)
def test_endings_that_are_no_format(ending: str) -> None:
    """Nothing but the three formats is an ending."""
    with pytest.raises(ConfigurationError, match="is written as") as caught:
        files.beside("main", ending)

    assert is_one_line(str(caught.value))


@pytest.mark.parametrize("made", [2**53, 2**63 - 1, -(2**53), 10**400])
def test_a_number_that_cannot_be_counted_on_from(tmp_path: Path, made: int) -> None:
    """One line says so: the next turn's number would be more than SQLite can hold."""
    file = tmp_path / "talk.json"
    files.export(STATE, file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"made": 1', f'"made": {made}'), encoding="utf-8")

    assert "number is missing" in told(lambda: files.load(file))
