"""``%chat doctor``: each check, against servers that fail it and that do not."""

import pytest
from conftest import Shell
from kernel_driver import Kernel
from scripted_server import (
    NEVER,
    Answer,
    ScriptedServer,
    fails,
    json_answer,
    says,
)

from apertis_magic.api import key_file, keys
from apertis_magic.chat import session

pytestmark = pytest.mark.usefixtures("cache")

ABSENT = "gpt-4.1-mini is not in the server's list"
PAGE = Answer(
    (b"<html><title>App</title></html>",), headers={"Content-Type": "text/html"}
)
MODELS = json_answer({"data": [{"id": "gpt-4.1-mini"}, {"id": "gpt-4.1"}]})


def found(shell: Shell, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Run the checks and return each line's mark and text."""
    shell.run("%chat doctor")
    lines = capsys.readouterr().out.splitlines()
    return [(line[:2], line[4:]) for line in lines]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            (MODELS, says("ok")),
            [
                ("ok", "gpt-4.1-mini is one of the server's 2 models"),
                ("--", "asking gpt-4.1-mini for a few words"),
                ("ok", "served streams: first text after"),
                ("ok", "usage is told: this check took 7 tokens"),
            ],
        ),
        (
            (fails(404), says("ok", usage=None)),
            [
                ("--", "the server has no list of models"),
                ("--", "asking"),
                ("ok", "served streams"),
                ("--", "the server tells no usage"),
            ],
        ),
        (
            (json_answer({"data": [{"id": "gpt-4.1-mono"}]}), fails(404, "no model")),
            [
                (
                    "--",
                    f"{ABSENT}; close to it: gpt-4.1-mono; %chat model gpt-4.1-mono",
                ),
                ("--", "asking"),
                ("!!", "no model (HTTP 404)"),
            ],
        ),
        (
            (
                json_answer({"data": [{"id": f"m{nth}"} for nth in range(9)]}),
                fails(400, "Odd."),
            ),
            [
                (
                    "--",
                    f"{ABSENT}; the server has: m0, m1, m2 and 6 more; %chat model m0",
                ),
                ("--", "asking"),
                (
                    "!!",
                    "Odd. (HTTP 400). Try it without what was set: --max-tokens 16.",
                ),
            ],
        ),
        (
            (MODELS, fails(400, "max_tokens must be at least 100"), says("ok")),
            [
                ("ok", "gpt-4.1-mini is one of the server's 2 models"),
                ("--", "asking"),
                ("ok", "served streams: first text after"),
                ("ok", "usage is told: this check took 7 tokens"),
            ],
        ),
        (
            (PAGE, says("ok")),
            [
                ("--", "the server has no list of models"),
                ("--", "asking"),
                ("ok", "served streams: first text after"),
                ("ok", "usage is told: this check took 7 tokens"),
            ],
        ),
        (
            (PAGE, PAGE),
            [
                ("--", "the server has no list of models"),
                ("--", "asking"),
                ("!!", "something that is not JSON: 'App'. Check the base URL"),
            ],
        ),
        (
            (fails(401, "wrong key"), fails(401, "wrong key")),
            [
                ("!!", "wrong key (HTTP 401). Check APERTIS_API_KEY"),
                ("--", "asking"),
                ("!!", "AuthenticationError: wrong key"),
            ],
        ),
        (
            (json_answer({"data": []}), says(finish="length")),
            [
                ("--", "the server lists no models"),
                ("--", "asking"),
                ("--", "without text; 16 tokens were too few for it"),
                ("ok", "usage is told"),
            ],
        ),
    ],
)
def test_the_checks(
    shell: Shell,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    answers: tuple[Answer, ...],
    expected: list[tuple[str, str]],
) -> None:
    """One line each, and the conversation stays as it was."""
    server.will(*answers)
    lines = found(shell, capsys)

    assert [mark for mark, _ in expected] == [mark for mark, _ in lines[5:]]
    assert all(
        words in line for (_, words), (_, line) in zip(expected, lines[5:], strict=True)
    )
    assert ("ok", f"address {server.url}") == lines[3]
    assert "--" == lines[4][0]
    assert () == session.current().current.turns
    assert "%chat doctor" not in str(lines)
    assert all(line.endswith("chooses one") for _, line in lines if ABSENT in line)


def test_what_is_missing_comes_first(
    shell: Shell,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a key the service is not asked; an address that is none ends it."""
    no_key = found(shell, capsys)
    monkeypatch.setenv("APERTIS_BASE_URL", "http://127.0.0.1:9/v1")
    no_server = found(shell, capsys)
    monkeypatch.setenv("APERTIS_BASE_URL", "localhost:1/v1")
    no_address = found(shell, capsys)

    assert "!!" == no_key[-1][0] == no_address[-1][0]
    assert no_key[-1][1].startswith("no key is set. ")
    assert "cannot be the base URL" in no_address[-1][1]
    assert ["!!", "--"] == [mark for mark, _ in no_server[-2:]]
    assert "the rest was not tried" == no_server[-1][1]


@pytest.mark.parametrize("kept", ["environment", "file", "nowhere"])
def test_all_that_tell_of_the_key_agree(
    shell: Shell,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kept: str,
) -> None:
    """Doctor, card, config and key status name the one source, or say that none is."""
    source = "none"
    if kept == "environment":
        monkeypatch.setenv("APERTIS_API_KEY", "sk-never-told-1234")
        source = "APERTIS_API_KEY"
    elif kept == "file":
        keys.store("sk-never-told-1234", server.url)
        source = f"the file {key_file.path()}"
    server.will(MODELS, says("ok"))
    doctor = found(shell, capsys)[4][1]
    shell.run("%chat key status")
    status = capsys.readouterr().out
    shell.published.clear()
    shell.run("%chat")
    shell.run("%chat config")
    card, config = [each["data"]["text/plain"] for each in shell.published]

    assert source in doctor
    assert source in card
    assert source in config
    assert (source if kept != "nowhere" else "There is no key for") in status


def test_a_key_is_never_told(
    shell: Shell,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only that there is one."""
    monkeypatch.setenv("APERTIS_API_KEY", "sk-never-told-1234")
    server.will(fails(401, "no sk-never-told-1234"))
    lines = found(shell, capsys)

    assert "ok" == lines[4][0]
    assert "never-told" not in str(lines)


def test_it_can_be_stopped(kernel: Kernel, server: ScriptedServer) -> None:
    """In one line."""
    server.will(Answer((NEVER,)))
    request = kernel.start("%chat doctor")
    server.wait_for(1)
    kernel.interrupt()
    done = kernel.finish(request)

    assert ("Interrupted", 1) == (done.reply["ename"], len(done.reply["traceback"]))


def test_the_journal_is_checked(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where it is and how much it holds, that it is off, or what is wrong with it."""
    fine = found(shell, capsys)[2]
    journal = session.current().journal

    assert journal is not None

    shell.run("%config ApertisMagic.journal = False")
    off = found(shell, capsys)[2]
    shell.run("%config ApertisMagic.journal = True")
    journal.file.parent.mkdir(parents=True)
    journal.file.write_bytes(b"no database" * 1000)
    broken = found(shell, capsys)[2]

    assert ("ok", f"0 turns are kept in {journal.file}") == fine
    assert ("--", "the journal is off; turns are kept in memory alone") == off
    assert "!!" == broken[0]
    assert "it is damaged" in broken[1]
