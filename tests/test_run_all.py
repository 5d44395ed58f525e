"""Restart & Run All: the same notebook again, answered by the journal."""

from typing import Any

import pytest
from conftest import Shell
from kernel_driver import Kernel, running_kernel
from scripted_server import ScriptedServer, fails, says
from turns import said

from apertis_magic import errors
from apertis_magic.chat import session

CELLS = ("%%chat --cache\nOne?", "%%chat\nTwo?", "%chat ask --no-cache Three?")


def run_all(kernel: Kernel, *before: str) -> list[dict[str, Any]]:
    """Run the notebook from its top, and return what its cells show."""
    kernel.run("\n".join(["%load_ext apertis_magic", *before]), cell="c0")
    done = [kernel.run(each, cell=f"c{n}") for n, each in enumerate(CELLS, 1)]
    return [each.answer for each in done]


def test_restart_and_run_all_costs_nothing(server: ScriptedServer) -> None:
    """Another kernel shows the same, marked, and sends what it is to ask anew."""
    server.will(says("**One**."), says("Two."), says("Three."))
    setting = "%config ApertisMagic.cache = True"
    with running_kernel() as kernel:
        first = run_all(kernel)
    with running_kernel() as kernel:
        again = run_all(kernel, setting)
    pairs = list(zip(first, again, strict=True))
    kept = [each["metadata"]["apertis_magic"] for each in again]

    assert 4 == len(server.requests)
    assert all(said(a["data"]) == said(b["data"]) for a, b in pairs)
    assert [True, True, False] == [about["cached"] for about in kept]
    assert "<strong>One</strong>" in again[0]["data"]["text/html"]
    assert "cached · served" in again[0]["data"]["text/html"]
    assert "cached" not in again[2]["data"]["text/html"]
    assert server.messages[2] == server.messages[3]


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
