"""Restart & Run All: the same notebook again, answered by the journal."""

from typing import Any

import pytest
from conftest import Shell
from kernel_driver import Kernel, Outcome, running_kernel
from scripted_server import ScriptedServer, fails, says

from apertis_magic import errors
from apertis_magic.chat import session

CELLS = ("%%chat --cache\nOne?", "%%chat\nTwo?", "%chat ask --no-cache Three?")


def run_all(kernel: Kernel, *before: str) -> list[dict[str, Any]]:
    """Run the notebook from its top, and return what its file has of its answers."""
    kernel.run("\n".join(["%load_ext apertis_magic", *before]), cell="c0")
    done = [kernel.run(each, cell=f"c{n}") for n, each in enumerate(CELLS, 1)]
    return [saved(each) for each in done]


def shown_by(kernel: Kernel, line: str) -> str:
    """Return the text that a line displays."""
    [shown] = kernel.run(line).outputs
    return str(shown["data"]["text/plain"])


def saved(outcome: Outcome) -> dict[str, Any]:
    """Return what a file has of the answer that a cell shows."""
    return {k: v for k, v in outcome.answer.items() if k != "transient"}


def test_restart_and_run_all_costs_nothing(server: ScriptedServer) -> None:
    """Another kernel shows the very same, and sends what it is to ask anew."""
    server.will(says("**One**."), says("Two. " * 20_000), says("Three."))
    setting = "%config ApertisMagic.cache = True"
    with running_kernel() as kernel:
        first = run_all(kernel)
    with running_kernel() as kernel:
        again = run_all(kernel, setting)

    assert 4 == len(server.requests)
    assert first[:2] == again[:2]
    assert first[2] != again[2]
    assert server.messages[2] == server.messages[3]


def test_an_answer_given_again_makes_no_version(server: ScriptedServer) -> None:
    """Neither does it make the turns below it stale, nor is it paid for again."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.5}
    server.will(*(says(text, usage=usage) for text in ("One.", "Two.")))
    with running_kernel() as kernel:
        first = run_all(kernel)
        again = run_all(kernel, "%config ApertisMagic.cache = True")
        shown = shown_by(kernel, "%chat show --versions")
        spent = shown_by(kernel, "%chat usage")

    assert 4 == len(server.requests)  # the third one is asked each time
    assert first[:2] == again[:2]
    assert "1 earlier version" in shown
    assert "2 earlier" not in shown
    assert "Stale" not in shown
    assert "$2" in spent


def test_two_cells_with_one_answer_are_two_turns(server: ScriptedServer) -> None:
    """Each has an id of its own, the same one in every kernel; one was paid for."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.5}
    server.will(says("One.", usage=usage))
    runs = []
    for _ in range(2):
        with running_kernel() as kernel:
            kernel.run("%load_ext apertis_magic", cell="c0")
            asked = "%%chat --cache --history 0\nOne?"
            done = [kernel.run(asked, cell=f"c{n}") for n in range(1, 4)]
            runs.append([*map(saved, done)])
            spent = shown_by(kernel, "%chat usage")
    ids = [each["metadata"]["apertis_magic"]["id"] for each in runs[0]]

    assert 1 == len(server.requests)
    assert 3 == len(set(ids))
    assert runs[0] == runs[1]
    assert "2 of them from the cache, which saved $1" in spent
    assert "3 answers in this kernel, which saved $1.5" in spent


def test_an_answer_that_was_completed_is_given_again_as_it_was_then(
    server: ScriptedServer,
) -> None:
    """It can be completed again, whatever was asked below it; each is a version."""
    server.will(
        says("Half", finish="length"),
        says(" one"),
        says("Next."),
        *(says(f" {name}") for name in ("two", "three", "four")),
    )
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        for run in range(3):
            kernel.run("%%chat --cache\nOne?", cell="c1")
            for _ in range(run):  # as often as anybody likes
                kernel.run("%%chat --cache\nOne?", cell="c1")
            last = shown_by(kernel, "%chat last")
            done = kernel.run("%chat continue", cell="c2")
            if not run:
                kernel.run("%%chat\nNext?", cell="c3")

            assert "ok" == done.reply["status"], done.reply
            assert "Half\n" in last
        whole = shown_by(kernel, "%chat show --versions")

    assert 5 == len(server.requests)
    assert [1] * 3 == [whole.count(f"Half {n}\n") for n in ("one", "two", "three")]
    assert 1 == whole.count("Stale")


@pytest.mark.parametrize("between", ["One, edited?", "Another?"])
def test_an_answer_given_again_is_not_stale(
    server: ScriptedServer, between: str
) -> None:
    """The cell above was edited and edited back, and each has run again since."""
    server.will(*(says(f"A{number}.") for number in range(9)))
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic\n%config ApertisMagic.cache = True")
        kernel.run("%%chat\nOne?", cell="c1")
        kernel.run("%%chat\nTwo?", cell="c2")
        kernel.run(f"%%chat\n{between}", cell="c1")
        kernel.run("%%chat\nOne?", cell="c1")
        before = shown_by(kernel, "%chat show")
        kernel.run("%%chat\nTwo?", cell="c2")
        after = shown_by(kernel, "%chat show")

    assert 3 == len(server.requests)
    assert "Stale" in before
    assert "Stale" not in after


def test_a_cached_answer_needs_no_server(shell: Shell, server: ScriptedServer) -> None:
    """Nor does it hide that the next question does."""
    server.will(says("One."), fails(500, headers={"Retry-After": "0"}))
    shell.run("%%chat --once\nOne?")
    journal = session.current().journal

    assert journal is not None
    assert journal.flush(60)

    shell.run("%config ApertisMagic.max_retries = 0")
    shell.run("%%chat --once --cache -o one\nOne?")
    shell.run("assert one.text == 'One.' and one.cached and one.cost == 0")
    with pytest.raises(errors.ServerError):
        shell.run("%%chat --cache\nTwo?")

    assert 2 == len(server.requests)


def test_a_retry_is_sent_as_the_user_prefers(
    shell: Shell, server: ScriptedServer
) -> None:
    """How often it is tried is no part of the question."""
    server.will(says("One."), fails(500, headers={"Retry-After": "0"}))
    shell.run("%%chat --retries 5\nOne?")
    shell.run("%config ApertisMagic.max_retries = 0")
    with pytest.raises(errors.ServerError):
        shell.run("%chat retry")

    assert 2 == len(server.requests)


def test_without_a_journal_there_is_no_cache(
    shell: Shell, server: ScriptedServer
) -> None:
    """One line says how to turn it on; nothing is sent."""
    server.will(says("One."))
    shell.run("%config ApertisMagic.journal = False")
    with pytest.raises(errors.ConfigurationError, match="journal, which is off"):
        shell.run("%%chat --cache\nOne?")

    assert [] == server.requests
