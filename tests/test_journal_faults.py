"""The journal on full disks, and where files vanish or break: the chat goes on."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from journals import (
    PATIENCE,
    answered,
    check,
    is_one_line,
    query,
    saved,
    taken_up,
    talk,
)
from scale import ALL
from scripted_server import ScriptedServer, says

from apertis_magic import ApertisError, Conversation
from apertis_magic.chat.history import Entry
from apertis_magic.chat.journal import file as journal_file
from apertis_magic.chat.journal.journal import Journal

ANSWER = "An answer of some length. " * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a journal will be."""
    return tmp_path / "data" / "journal.sqlite"


@pytest.fixture
def journal(file: Path) -> Iterator[Journal]:
    """Yield a journal that is closed afterwards."""
    made = Journal(file)
    yield made
    made.close()


@pytest.fixture
def chat(server: ScriptedServer, journal: Journal) -> Conversation:
    """Return a conversation with an answer, which the journal has."""
    server.will(says(ANSWER))
    made = Conversation(journal=journal)
    resume(made)

    assert saved(journal, made.state)

    return made


def resume(chat: Conversation, times: int = 1) -> None:
    """Ask, and see that the answer is right, whatever became of the journal."""
    for _ in range(times):
        before = chat.turns
        turn = chat.ask(f"question {len(before)}").result()

        assert (ANSWER, "stop") == (turn.text, turn.finish)
        assert (*before, turn) == chat.turns


def asides(file: Path) -> list[Path]:
    """Return the files that were set aside."""
    return sorted(file.parent.glob("*.corrupt-*"))


SCARCE = f"""
import ctypes, os, resource, subprocess, sys
from contextlib import suppress
from pathlib import Path
from apertis_magic import AsyncApertis, Conversation
from apertis_magic.chat.journal.journal import Journal
from journals import check, is_one_line, saved

kind, left, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
ballast, ours = folder / "ballast", folder / "ours"
unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)

def mount(*options):
    subprocess.run(["mount", *options], check=True)

if kind in ("tmpfs", "read-only"):
    mount("-t", "tmpfs", "-o", "size=1m", "none", str(folder))
ours.mkdir()

def make_scarce():
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (left, unlimited[1]))
    elif kind == "read-only":
        journal.close()
        mount("-o", "remount,ro", str(folder))
    elif kind == "foreign":
        journal.close()
        for each in (folder, ours, journal.file):
            os.chmod(each, 0o755 if each.is_dir() else 0o600)
        os.chown(journal.file, left, left)
        # What is not loaded by now the other user may be unable to read.
        sys.path.clear()
        os.seteuid(65534)
    else:
        about = os.statvfs(folder)
        ballast.write_bytes(bytes(max(0, about.f_bavail * about.f_frsize - left)))

def make_room():
    if kind == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    elif kind == "read-only":
        mount("-o", "remount,rw", str(folder))
    elif kind == "foreign":
        os.seteuid(0)
    else:
        ballast.unlink()

def go_on(chat, times=1):
    for _ in range(times):
        before = chat.turns
        turn = chat.ask("x").result()
        assert turn.text == {ANSWER!r}
        assert chat.turns == (*before, turn)

journal = Journal(ours / "journal.sqlite")
client = AsyncApertis()
chat, other = (Conversation(client=client, journal=journal) for _ in range(2))
if "open" in sys.argv:
    go_on(chat)
    assert saved(journal, chat.state)
try:
    make_scarce()
    go_on(chat, 20)
    go_on(other)
    once = chat.ask("x", once=True).result()
    chat.retry().result()
    former = chat.turns[:-1]
    assert not journal.flush(60), journal.problem
    problem = journal.problem
    assert is_one_line(problem) and str(journal.file) in problem, problem
    with suppress(Exception):
        journal.conversations()
finally:
    make_room()
# One more change is enough to have all of it, the versions and other talks included.
go_on(chat)
assert saved(journal, chat.state)
assert journal.problem == "", journal.problem
assert saved(journal, other.state)
assert len(journal.versions(chat.state.id)) == 1
assert journal.size().turns == len(chat.turns) + 3
journal.close()
assert check(journal.file) == "ok"
print(problem)
"""


def scarce(server: ScriptedServer, command: list[str], *arguments: object) -> str:
    """Chat in a process that cannot write, then can; return what the user was told."""
    server.will(says(ANSWER))
    done = subprocess.run(
        [*command, sys.executable, "-c", SCARCE, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)

    return done.stdout


# How many bytes there still are, and whether the journal is open by then.
LEFT = [(0, "open"), (5_000, "new"), (80_000, "open")]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such limits")
@pytest.mark.parametrize(("left", "at"), LEFT)
def test_a_limit_on_the_size_of_files(
    server: ScriptedServer, tmp_path: Path, left: int, at: str
) -> None:
    """It is as a full disk is: at the first byte, in the schema, or in mid-talk."""
    assert "cannot be written" in scarce(server, [], "limit", left, tmp_path, at)


def own_mounts() -> list[str]:
    """Return the command that runs another with mounts of its own, if it can."""
    command = [shutil.which("unshare") or "false", "--mount"]
    script = "mount -t tmpfs none /mnt"
    tried = subprocess.run(
        [*command, "sh", "-c", script], capture_output=True, check=False
    )
    return [] if tried.returncode else command


UNSHARE = own_mounts() if sys.platform == "linux" else []
MOUNTS = pytest.mark.skipif(not UNSHARE, reason="only root can mount")


@MOUNTS
@pytest.mark.parametrize(("left", "at"), LEFT)
def test_a_full_disk(
    server: ScriptedServer, tmp_path: Path, left: int, at: str
) -> None:
    """Once there is room again the next turn brings along all that was missed."""
    told = scarce(server, UNSHARE, "tmpfs", left, tmp_path, at)

    assert "cannot be written" in told


@MOUNTS
@pytest.mark.parametrize("at", ["open", "new"])
def test_a_read_only_disk(server: ScriptedServer, tmp_path: Path, at: str) -> None:
    """As homes in classrooms are, now and then."""
    told = scarce(server, UNSHARE, "read-only", 0, tmp_path, at)

    assert "read-only file system" in told


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root can be another"
)
@pytest.mark.parametrize("owner", [0, 65534])
def test_what_another_user_owns(server: ScriptedServer, owner: int) -> None:
    """The file and its folder, or the folder alone."""
    with TemporaryDirectory(dir="/tmp") as folder:
        told = scarce(server, [], "foreign", owner, folder, "open")

    assert "cannot be written" in told


def test_a_file_in_the_place_of_the_folder(
    server: ScriptedServer, journal: Journal
) -> None:
    """It is left alone, and once it is gone the journal is kept."""
    server.will(says(ANSWER))
    folder = journal.file.parent
    folder.write_text("mine")
    chat = Conversation(journal=journal)
    resume(chat, 3)
    for _ in range(500):  # more than would wait for better times
        journal.keep(chat.state)
    journal.flush(PATIENCE)

    assert is_one_line(journal.problem)
    assert "mine" == folder.read_text()

    folder.unlink()
    resume(chat)

    assert saved(journal, chat.state)
    assert "" == journal.problem


def test_a_folder_in_the_place_of_the_file(
    server: ScriptedServer, journal: Journal
) -> None:
    """One line says so, to who writes and to who reads."""
    server.will(says(ANSWER))
    journal.file.mkdir(parents=True)
    chat = Conversation(journal=journal)
    resume(chat, 2)
    journal.flush(PATIENCE)
    with pytest.raises(ApertisError, match="cannot be read") as caught:
        journal.conversations()
    with pytest.raises(ApertisError, match="cannot be written") as uncleared:
        journal.clear()

    assert is_one_line(journal.problem)
    assert is_one_line(str(caught.value))
    assert is_one_line(str(uncleared.value))


def _file_alone(file: Path) -> None:
    file.unlink()


def _with_companions(file: Path) -> None:
    for each in file.parent.iterdir():
        each.unlink()


def _folder(file: Path) -> None:
    shutil.rmtree(file.parent)


@pytest.mark.parametrize("remove", [_file_alone, _with_companions, _folder])
def test_a_file_that_is_removed_while_open(
    chat: Conversation,
    journal: Journal,
    remove: Callable[[Path], None],
) -> None:
    """A new one gets all that is being talked about, by each who had the old open."""
    other = Journal(journal.file)
    with_other = Conversation(journal=other)
    resume(with_other)
    other.flush(PATIENCE)
    remove(journal.file)
    for _ in range(2):
        resume(chat)
        resume(with_other)

        assert saved(journal, chat.state)
        assert saved(other, with_other.state)

    for each in (journal, other):
        assert "removed or replaced" in each.problem
        assert is_one_line(each.problem)

        each.close()

    assert "ok" == check(journal.file)
    assert 2 == len(journal.conversations())


def test_a_file_that_is_moved_while_open(chat: Conversation, journal: Journal) -> None:
    """It takes along all that was written until then."""
    state = chat.state
    copy = journal.file.with_name("copy.sqlite")
    journal.file.rename(copy)
    resume(chat)

    assert saved(journal, chat.state)
    assert state == Journal(copy).read(state.id)
    assert "ok" == check(copy)


def test_a_file_that_is_replaced_while_open(
    chat: Conversation, journal: Journal, file: Path
) -> None:
    """What is in the new one stays, and the talk goes on there."""
    backup = Journal(file.with_name("backup.sqlite"))
    states = [talk("a" * 5_000, name=str(number)) for number in range(20)]
    for state in states:
        backup.keep(state)
    backup.close()
    resume(chat, 20)
    journal.flush(PATIENCE)
    backup.file.replace(file)
    resume(chat)

    assert saved(journal, chat.state)
    assert "removed or replaced" in journal.problem
    assert [True] * 20 == [saved(journal, state) for state in states]

    journal.close()

    assert "ok" == check(file)


def _noise(length: int) -> bytes:
    return Random(1).randbytes(length)  # noqa: S311  anything


CONTENTS: dict[str, Callable[[bytes], bytes]] = {
    "noise": lambda sound: _noise(len(sound)),
    "text": lambda _: b"These are my notes.\n" * 300,
    "two bytes": lambda _: b"xy",
    "short": lambda _: b"x" * 150,
    "shorter than a page": lambda _: b"x" * 511,
    "no header": lambda sound: bytes(100) + sound[100:],
    "the half": lambda sound: sound[: len(sound) // 8192 * 4096],
    "noise after the header": lambda sound: sound[:100] + _noise(len(sound) - 100),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_damaged_file(
    chat: Conversation,
    journal: Journal,
    file: Path,
    content: Callable[[bytes], bytes],
) -> None:
    """It is set aside with all that is in it, once, and a new one is kept."""
    journal.close()
    damaged = content(file.read_bytes())
    file.write_bytes(damaged)
    with pytest.raises(ApertisError, match="damaged") as caught:
        journal.conversations()
    resume(chat, 2)

    assert saved(journal, chat.state)
    assert is_one_line(str(caught.value))
    assert is_one_line(journal.problem)
    assert [damaged] == [each.read_bytes() for each in asides(file)]
    assert str(asides(file)[0]) in journal.problem

    journal.close()

    assert "ok" == check(file)


STATEMENTS = [
    "CREATE TABLE mine (x)",
    "PRAGMA user_version = 1",
    "PRAGMA application_id = 252006674",
]


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_file_of_another_program(
    server: ScriptedServer, journal: Journal, file: Path, statement: str, mode: str
) -> None:
    """Set aside as it is, to the byte."""
    server.will(says(ANSWER))
    file.parent.mkdir()
    query(file, statement)
    query(file, f"PRAGMA journal_mode = {mode}")
    before = file.read_bytes()
    chat = Conversation(journal=journal)
    resume(chat)

    assert saved(journal, chat.state)
    assert [before] == [each.read_bytes() for each in asides(file)]
    assert is_one_line(journal.problem)


def test_an_empty_file_is_no_damage(
    server: ScriptedServer, journal: Journal, file: Path
) -> None:
    """It is where a journal can be."""
    server.will(says(ANSWER))
    file.parent.mkdir()
    file.touch()
    chat = Conversation(journal=journal)
    resume(chat)

    assert saved(journal, chat.state)
    assert "" == journal.problem


def _overwrite(file: Path, start: int, length: int | None = None) -> None:
    with file.open("r+b") as open_file:
        whole = open_file.seek(0, os.SEEK_END)
        open_file.seek(start)
        open_file.write(_noise(whole - start if length is None else length))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "header": lambda file: _overwrite(file, 0, 100),
    "first page": lambda file: _overwrite(file, 0, 4096),
    "all but the header": lambda file: _overwrite(file, 100),
    "all": lambda file: _overwrite(file, 0),
    "log": lambda file: _overwrite(file.with_name(file.name + "-wal"), 0),
    "index of the log": lambda file: _overwrite(
        file.with_name(file.name + "-shm"), 0, 136
    ),
    "cut": lambda file: os.truncate(file, 0),
    "log cut": lambda file: os.truncate(file.with_name(file.name + "-wal"), 0),
}


@pytest.mark.parametrize("is_young", [True, False], ids=["young", "old"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_while_it_is_open(
    chat: Conversation,
    journal: Journal,
    file: Path,
    damage: Callable[[Path], None],
    *,
    is_young: bool,
) -> None:
    """Whoever notices it, and when: the talk goes on, and is kept in the end."""
    if not is_young:
        for _ in range(300):
            turn = answered(ANSWER)
            journal.keep(None, Entry(turn, 0), fingerprint="r")
    journal.flush(PATIENCE)
    damage(file)
    resume(chat, 3)
    journal.flush(PATIENCE)
    if journal.problem:
        assert is_one_line(journal.problem)

    other = Journal(file)
    later = taken_up(chat.state, other)
    resume(later)
    resume(chat)
    other.flush(PATIENCE)
    journal.close()
    other.close()
    last = Journal(file)
    again = taken_up(later.state, last)
    resume(again)

    assert saved(last, again.state)
    assert len(asides(file)) <= 3

    last.close()

    assert "ok" == check(file)


def test_a_clearing_that_somebody_looks_on_at(
    chat: Conversation, journal: Journal, file: Path
) -> None:
    """What they see cannot be removed yet, and one line says so."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM turn").fetchall()
        with pytest.raises(ApertisError, match="cannot be cleared") as caught:
            journal.clear()

        assert is_one_line(str(caught.value))
        assert "" == journal.problem

    journal.clear()

    assert ANSWER[:24].encode() not in file.read_bytes()

    resume(chat)

    assert saved(journal, chat.state)


TOGETHER = """
import sys
from pathlib import Path
from apertis_magic.chat.journal.journal import Journal
from journals import saved, talk
for line in sys.stdin:
    state = talk("a")
    journal = Journal(Path(line.strip()))
    journal.keep(state)
    assert saved(journal, state)
    print(journal.problem.replace(chr(10), " "), flush=True)
"""


def processes(
    program: str, count: int, *arguments: object, command: Sequence[str] = ()
) -> list["subprocess.Popen[str]"]:
    """Start processes that run a program."""
    run = [*command, sys.executable, "-c", program, *map(str, arguments)]
    return [
        subprocess.Popen(
            [*run, str(number)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(count)
    ]


def test_processes_that_find_the_same_damage(tmp_path: Path) -> None:
    """One of them sets the file aside, once, and none the new one."""
    started = processes(TOGETHER, 6)
    for number in range(25):
        file = tmp_path / str(number) / "journal.sqlite"
        file.parent.mkdir()
        file.write_bytes(_noise(10_000))
        for process in started:
            assert process.stdin is not None

            process.stdin.write(f"{file}\n")
            process.stdin.flush()
        told = []
        for process in started:
            assert process.stdout is not None

            told.append(process.stdout.readline().strip())

        assert [_noise(10_000)] == [each.read_bytes() for each in asides(file)]
        assert 1 == len([line for line in told if line])
        assert 6 == len(Journal(file).conversations())
    for process in started:
        process.communicate()

        assert 0 == process.returncode


def test_a_file_that_another_program_holds(
    chat: Conversation, journal: Journal, file: Path
) -> None:
    """Nobody waits for it, nothing is lost, and nobody is bothered."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        resume(chat, 10)
        chat.ask("x", once=True).result()

        assert not journal.flush(0.2)
        assert "" == journal.problem
        other.execute("COMMIT")

    assert saved(journal, chat.state)
    assert "" == journal.problem
    assert 12 == journal.size().turns


WRITES = """
import sys
from dataclasses import replace
from pathlib import Path
from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.state import State
from journals import after, answered, saved
from turns import pieces, with_text
file, turns, number = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
name = "shared" if number < 2 else f"talk {number}"
journal, state = Journal(file), State(id=f"id {number}", name=name)
sys.stdin.readline()
for count in range(turns):
    turn = answered(f"{number} {count} " + "x" * 500)
    placement, half = Placement(), len(turn.text) // 2
    journal.begin(state, with_text(turn, "", finish="interrupted"), placement)
    journal.grow(turn.id, pieces(text=turn.text[:half]))
    state, entry = after(state, turn, placement)
    journal.keep(state, entry)
assert saved(journal, state)
assert journal.problem == "", journal.problem
journal.close()
"""


def write_at_once(
    file: Path, count: int, turns: int, command: Sequence[str] = ()
) -> None:
    """Have processes write turns to one file, and see that all are there."""
    started = processes(WRITES, count, file, turns, command=command)
    for process in started:
        process.communicate("go\n")

        assert 0 == process.returncode

    journal = Journal(file)
    kept = journal.conversations()

    assert "ok" == check(file)
    assert {f"id {number}" for number in range(count)} == {each.id for each in kept}
    assert 2 == len([each for each in kept if each.name == "shared"])
    assert count * turns == journal.size().turns
    for each in kept:
        number = each.id.removeprefix("id ")
        texts = [turn.text for turn in journal.read(each.id).turns]

        assert () == journal.versions(each.id)
        assert [f"{number} {n} " + "x" * 500 for n in range(turns)] == texts


def test_many_processes_at_once(file: Path) -> None:
    """Nothing is lost, and none of them hears of the others."""
    write_at_once(file, 20 if ALL else 6, 200)


@MOUNTS
def test_processes_with_a_home_on_another_machine(file: Path, tmp_path: Path) -> None:
    """There they take turns: the log that others append to needs a memory in common."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    script = f'mount --bind {mounts} /proc/$$/mounts && exec "$@"'
    write_at_once(file, 5, 20, [*UNSHARE, "sh", "-c", script, "sh"])

    assert [("delete",)] == query(file, "PRAGMA journal_mode")
    assert [file] == list(file.parent.iterdir())


TABLE = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
me@there: /home/me/over\\040there fuse.sshfs rw 0 0
tmpfs /home/me/here tmpfs rw 0 0
broken
"""
PLACES = {
    "/var/x": False,
    "/home/me/x": True,
    "/home/me/over there/x": True,
    "/home/me/here/x": False,
    "/homes/x": False,
}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such table")
@pytest.mark.parametrize(("place", "expected"), PLACES.items())
def test_where_a_file_is(tmp_path: Path, place: str, *, expected: bool) -> None:
    """The deepest mount over it tells; without a table it is here."""
    mounts = tmp_path / "mounts"
    mounts.write_text(TABLE)

    assert expected == journal_file.is_network(Path(place), mounts)
    assert not journal_file.is_network(Path(place), tmp_path / "none")
