"""Kernels killed at any moment of an answer: what was paid for is in the journal."""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import mean
from time import monotonic

import pytest
from journals import PATIENCE, check
from kernel_driver import Kernel, running_kernel
from scale import ALL
from scripted_server import DONE, Answer, ScriptedServer, chunk, says

from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.turn import Turn

KILLS = 100 if ALL else 6
AT_ONCE = 3
PIECES = 250
PACE = 0.01
MAY_LACK = 1.5
"""Seconds before the kill: one, and a half for a machine that has much to do."""


@dataclass(frozen=True)
class Trial:
    """One kernel's life.

    Attributes:
        before: the cells whose answers are whole by then.
        cell: the cell in which it dies.
        kill_at: how many pieces of its answer have been sent; None for after the cell.
        pieces: how many there would be.
    """

    before: tuple[str, ...]
    cell: str
    kill_at: int | None
    pieces: int = PIECES


def trials() -> list[Trial]:
    """Return lives that end before the first word, in mid-answer, and at the end."""
    random = Random(7)  # noqa: S311  anything
    kinds = (
        lambda: Trial((), "a", random.randrange(1, PIECES)),
        lambda: Trial(("a", "b"), "c", random.randrange(PIECES)),
        lambda: Trial(("a", "b"), "a", random.randrange(1, PIECES)),  # run again
        lambda: Trial(random.choice([(), ("a",)]), "a", 0),
        lambda: Trial(("a",), "b", 30, 30),  # just after the last word
        lambda: Trial(("a",), "b", None, random.randrange(60)),
    )
    return [kinds[number % len(kinds)]() for number in range(KILLS)]


class Paced:
    """An answer of numbered pieces, one every 10 ms or so, and a kill among them.

    Attributes:
        sent: when each piece was handed to the socket.
        killed: when the kernel was killed.
    """

    def __init__(self, trial: Trial, pid: int) -> None:
        self.sent: list[float] = []
        self.killed = 0.0
        self.over = threading.Event()
        self._trial, self._pid = trial, pid

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self._trial.pieces):
            if number == self._trial.kill_at:
                self.kill()
                return
            yield chunk(piece(number))
            self.sent.append(monotonic())
            self.over.wait(PACE)
        yield chunk(finish="stop") + DONE
        if self._trial.kill_at is not None:
            self.kill()

    def kill(self) -> None:
        """Kill the kernel, and nobody else."""
        os.kill(self._pid, signal.SIGKILL)
        self.killed = monotonic()
        self.over.set()


def piece(number: int) -> str:
    """Return one piece of the answer."""
    return f"{number:06d} "


@dataclass(frozen=True)
class Loss:
    """What a kill cost.

    Attributes:
        whole: turns that had ended.
        lost: those of them that are not whole in the journal.
        characters: of the half answer that had been sent and are not there.
        seconds: before the kill, that these were sent in.
        wrong: what should not be, in words.
    """

    whole: int
    lost: int
    characters: int
    seconds: float
    wrong: str


def live(trial: Trial, folder: Path) -> Iterator[Loss | None]:
    """Have a kernel live and die, and give what it cost.

    First None, once it is in its last cell, so that the next one can be started.
    """
    with running_kernel() as kernel, ScriptedServer() as server:
        paced = Paced(trial, kernel.pid)
        says_whole = [says(f"whole {cell}") for cell in trial.before]
        server.will(*says_whole, Answer(paced))
        prepare(kernel, server.url, folder)
        line = f"%%chat -c talk-{kernel.pid}\n"
        for cell in trial.before:
            assert "ok" == kernel.run(f"{line}first {cell}", cell).reply["status"]

        request = kernel.start(f"{line}last {trial.cell}", trial.cell)
        yield None
        if trial.kill_at is None:
            assert "ok" == kernel.finish(request).reply["status"]

            paced.kill()
        assert paced.over.wait(PATIENCE)

        kernel.manager.provisioner.process.wait(PATIENCE)  # type: ignore[union-attr]  # a local one
        name = f"talk-{kernel.pid}"
    yield judge(trial, paced, folder / "apertis_magic" / "journal.sqlite", name)


def prepare(kernel: Kernel, url: str, folder: Path) -> None:
    """Load the extension, with the journal in *folder*."""
    done = kernel.run(
        f"""
import os
os.environ["APERTIS_BASE_URL"] = {url!r}
os.environ["XDG_DATA_HOME"] = {str(folder)!r}
%load_ext apertis_magic
"""
    )

    assert "ok" == done.reply["status"]


def judge(trial: Trial, paced: Paced, file: Path, name: str) -> Loss:
    """Compare what is in the journal with what was sent."""
    journal = Journal(file)
    [kept] = [each for each in journal.conversations() if each.name == name]
    entries = (*journal.read(kept.id).history, *journal.versions(kept.id))
    turns = {entry.turn.prompt: entry.turn for entry in entries}
    whole = {f"first {cell}": f"whole {cell}" for cell in trial.before}
    sent = "".join(map(piece, range(len(paced.sent))))
    if trial.kill_at is None:
        whole[f"last {trial.cell}"] = sent
    lost = [
        prompt
        for prompt, text in whole.items()
        if prompt not in turns or ("stop", text) != outcome(turns[prompt])
    ]
    half = turns.get(f"last {trial.cell}")
    text = half.text if half else ""
    count = len(text) // len(piece(0))
    seconds = paced.killed - paced.sent[count] if count < len(paced.sent) else 0.0
    wrong = {
        "the file is damaged": check(file) != "ok",
        "the question is missing": half is None,
        "what is there was not sent": not sent.startswith(text),
        "a half answer seems whole": half and half.finish == "stop" and text != sent,
        "too much is missing": seconds > MAY_LACK,
        "a turn stands there twice": len(entries) != len(turns),
    }
    return Loss(
        whole=len(whole),
        lost=len(lost),
        characters=len(sent) - len(text),
        seconds=seconds,
        wrong=f"{trial}: {', '.join(k for k, v in wrong.items() if v)}"
        if any(wrong.values()) or lost
        else "",
    )


def outcome(turn: Turn) -> tuple[str | None, str]:
    """Return how a turn ended, and its text."""
    return turn.finish, turn.text


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signal")
def test_kernels_that_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No whole turn is lost, and of a half one nothing that is older than a second."""
    # Coverage cannot read what a killed process has half written.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    # Some share a file; each of the others has one of its own, and a log to take in.
    folders = [tmp_path / ("shared" if n % 2 else str(n)) for n in range(KILLS)]
    lives = deque[Iterator[Loss | None]]()
    losses: list[Loss] = []
    for life in map(live, trials(), folders):
        next(life)
        lives.append(life)
        while len(lives) == AT_ONCE or (lives and len(losses) + len(lives) == KILLS):
            losses += filter(None, [next(lives.popleft())])
    print(  # noqa: T201  for a person, with -s
        f"\n{KILLS} kills: {sum(each.lost for each in losses)} of "
        f"{sum(each.whole for each in losses)} whole turns lost; of the half ones "
        f"{max(each.characters for each in losses)} bytes at the most, "
        f"{mean(each.characters for each in losses):.0f} on average, which were sent "
        f"{max(each.seconds for each in losses):.2f} s before the kill at the most"
    )

    assert [] == [each.wrong for each in losses if each.wrong]
