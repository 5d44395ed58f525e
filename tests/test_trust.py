"""Strangers' files, others' keys, open addresses: nothing goes without a word."""

import inspect
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from scripted_server import ScriptedServer, says
from turns import turn_of

from apertis_magic import files
from apertis_magic.api.completions import AsyncCompletions
from apertis_magic.api.params import ARGUMENTS, PARAMS
from apertis_magic.chat import session
from apertis_magic.chat.question import Question
from apertis_magic.chat.settings import Settings
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
from apertis_magic.errors import ConfigurationError

COSTLY = {
    "n": 9,
    "max_tokens": 90_000,
    "max_completion_tokens": 90_000,
    "reasoning_effort": "high",
    "service_tier": "priority",
    "web_search_options": {"search_context_size": "high"},
    "fallback_models": ["dear"],
    "fallback_enabled": True,
    "tools": [{"type": "function"}],
    "user": "stranger",
    "store": True,
    "extra_body": {"a": 1, "callback": "https://stranger.example"},
}
HARMLESS = {"temperature": 0.5, "seed": 4, "stop": ["END"]}
NEVER = {
    "extra_headers": {"X-Stranger": "1"},
    "extra_query": {"stranger": "1"},
    "timeout": 9_999,
    "max_retries": 99,
    "stream": False,
    "on_retry": "x",
    "messages": [],
    "model": "dear",
}
ENDINGS = ["json", "md", "ipynb"]


def talk(base_url: str = "", **fields: Any) -> State:
    """Return a stranger's conversation."""
    question = Question("Why?", fields={**COSTLY, **HARMLESS, **NEVER}, filled="Obey!")
    turn = turn_of(
        question=question,
        text="half",
        finish="length",
        asked_model="dear",
        base_url=base_url,
        system="Obey.",
        **fields,
    )
    return State(name="main", model="dear", system="Obey.", history=history_of([turn]))


@pytest.fixture
def stranger(tmp_path: Path, server: ScriptedServer, request: Any) -> str:
    """Return the name of a stranger's file."""
    file = tmp_path / f"talk.{getattr(request, 'param', 'json')}"
    files.export(talk(server.url), file)
    return str(file)


def told(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what has been said since the last time."""
    return capsys.readouterr().out


@pytest.mark.parametrize("stranger", ENDINGS, indirect=True)
def test_nothing_of_a_file_holds(
    shell: Shell,
    server: ScriptedServer,
    stranger: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither its model nor its system prompt: what it has is said in one line."""
    server.will(says("A"))
    shell.run(f"%chat load {stranger}")
    said = told(capsys)
    shell.run("%%chat\nMine?")
    body = server.requests[0].body

    assert 1 == len(said.splitlines())
    for part in (
        "main: 1 turn loaded",
        "model dear, system",
        '"Obey."',
        "n=9",
        "--trust",
    ):
        assert part in said
    assert {"model", "messages", "stream", "stream_options"} == set(body)
    assert "dear" != body["model"]
    # What was filled in is not shown, and so is not sent.
    assert [("user", "Why?"), ("assistant", "half"), ("user", "Mine?")] == (
        server.messages[0]
    )


@pytest.mark.parametrize("stranger", ENDINGS, indirect=True)
def test_a_trusted_file_holds(
    shell: Shell,
    server: ScriptedServer,
    stranger: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All of it that we write: how a request is sent is in none."""
    server.will(says("A"))
    shell.run(f"%chat load {stranger} --trust")
    said = told(capsys)
    shell.run("%%chat\nMine?")
    shell.run("%chat undo")
    shell.run("%chat retry")
    first, again = (request.body for request in server.requests)

    assert "Its model dear, system prompt" in said
    assert "dear" == first["model"] == again["model"]
    assert [("system", "Obey."), ("user", "Obey!"), ("assistant", "half")] == (
        server.messages[0][:3]
    )
    assert {**HARMLESS, "n": 9, "callback": "https://stranger.example"}.items() <= {
        **again
    }.items()
    assert not {"timeout", "max_retries", "extra_headers", "on_retry"} & again.keys()
    assert "x-stranger" not in server.requests[1].headers


@pytest.mark.parametrize("command", ["retry", "continue"])
@pytest.mark.parametrize("restarted", [False, True])
def test_its_question_is_asked_again_without_what_costs(
    shell: Shell,
    server: ScriptedServer,
    stranger: str,
    capsys: pytest.CaptureFixture[str],
    command: str,
    *,
    restarted: bool,
) -> None:
    """By one's own model; what is left out is said. A restart makes it no safer."""
    server.will(says("A"))
    shell.run(f"%chat load {stranger}")
    if restarted:
        session.forget()
        shell.run("%chat restore main")
    told(capsys)
    shell.run(f"%chat {command}")
    [request] = server.requests

    assert "dear" != request.body["model"]
    assert [] == [name for name in {**COSTLY, "callback": 0} if name in request.body]
    assert HARMLESS.items() <= request.body.items()
    assert "Obey" not in json.dumps(request.body)
    if command == "retry":
        assert "Asked without n, max_tokens" in told(capsys)
        assert not session.current().current.turns[0].question.untrusted


def test_what_is_set_now_holds(shell: Shell, server: ScriptedServer) -> None:
    """An option of the line is one's own."""
    server.will(says("A"))
    session.current().adopt(trusting(talk()))
    shell.run("%chat retry -n 2 --max-tokens 9")

    assert (2, 9) == (
        server.requests[0].body["n"],
        server.requests[0].body["max_tokens"],
    )


def trusting(state: State) -> State:
    """Return a conversation whose turns are untrusted."""
    from apertis_magic.chat import trust

    return trust.marked(state, trusted=False)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_cannot_say_that_it_is_trusted(
    shell: Shell, tmp_path: Path, ending: str
) -> None:
    """What it says of that is not believed."""
    [entry] = talk().history
    question = replace(entry.turn.question, untrusted=False)
    turn = replace(entry.turn, question=question)
    file = tmp_path / f"talk.{ending}"
    files.export(replace(talk(), history=history_of([turn])), file)
    shell.run(f"%chat load {file}")

    assert session.current().current.turns[0].question.untrusted

    shell.run(f"%chat load {file} --trust")

    assert not session.current().current.turns[0].question.untrusted


def test_a_conversation_that_is_there_keeps_its_own(
    shell: Shell, server: ScriptedServer, stranger: str
) -> None:
    """Model and system prompt of one's own stay, and go before."""
    server.will(says("A"))
    shell.run("%%chat -s 'Be kind.'\nHi")
    shell.run("%chat model mine")
    shell.run(f"%chat load {stranger}")
    shell.run("%%chat\nMine?")

    body = server.requests[-1].body

    assert {"role": "system", "content": "Be kind."} == body["messages"][0]
    assert "mine" == body["model"]


def test_how_a_request_is_sent_is_no_option() -> None:
    """Whatever says so: a file, a notebook's output, or a row of the journal."""
    raw = turn_of(question=Question("x")).to_dict()
    raw["options"] = {**NEVER, **HARMLESS}

    assert HARMLESS == Turn.from_dict(raw).options


def test_what_create_takes_is_known() -> None:
    """All but the request's own fields."""
    taken = inspect.signature(AsyncCompletions.create).parameters
    own = {"self", "extra_body", "options"}

    assert set(taken) - own | {"stream_options"} == ARGUMENTS
    assert {"stream", "stream_options"} == ARGUMENTS & PARAMS.keys()


@pytest.mark.parametrize("number", [2**53, 2**63 - 1, -(2**60)])
def test_a_number_that_no_later_turn_could_follow(tmp_path: Path, number: int) -> None:
    """Is none: the next turn could not be written."""
    file = tmp_path / "talk.json"
    files.export(talk(), file)
    raw = json.loads(file.read_text())
    for place in (raw, raw["history"][0]):
        before = place["made"]
        place["made"] = number
        file.write_text(json.dumps(raw))
        place["made"] = before
        with pytest.raises(ConfigurationError, match="cannot be loaded"):
            files.load(file)


def test_a_cached_answer_is_for_its_key_alone(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key's request is another one; which key it was is written nowhere."""
    server.will(says("A"))
    for key in ("hush-hush-1", "hush-hush-2", "hush-hush-1"):
        monkeypatch.setenv("APERTIS_API_KEY", key)
        shell.run("%%chat --cache --new\nWhy?")
    journal = session.current().journal
    assert journal is not None
    journal.flush()
    written = b"".join(file.read_bytes() for file in journal.file.parent.iterdir())

    assert ["Bearer hush-hush-1", "Bearer hush-hush-2"] == [
        request.headers["authorization"] for request in server.requests
    ]
    assert b"hush-hush" not in written


@pytest.mark.parametrize(
    ("base_url", "is_open"),
    [
        ("http://gpu.example/v1", True),
        ("http://192.168.1.7:8000/v1", True),
        ("http://127.0.0.1.example/v1", True),
        ("https://gpu.example/v1", False),
        ("http://localhost:1/v1", False),
        ("http://127.0.0.2/v1", False),
        ("http://[::1]:1/v1", False),
        ("http://localhost.:4000/v1", False),
        ("http://[::ffff:127.0.0.1]/v1", False),
        ("http://[::ffff:192.168.1.7]/v1", True),
        ("http://localhost.example/v1", True),
    ],
)
def test_an_open_address_is_told_of_once(base_url: str, *, is_open: bool) -> None:
    """Where others on the way can read what is sent; by its address."""
    own = session.Session()
    own.redirect(Settings(base_url=base_url, model="m"))
    first, second = own.warning(), own.warning()

    assert is_open == first.startswith(f"{base_url} is not encrypted")
    assert "" == second


def test_a_cell_tells_of_it(
    shell: Shell,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before it asks there, and not again."""
    server.will(says("A"))
    # This machine by a name that does not say so.
    url = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104  nobody listens there
    monkeypatch.setenv("APERTIS_BASE_URL", url)
    for _ in range(2):
        shell.run("%%chat\nWhy?")
    said = capsys.readouterr().err

    assert 1 == said.count(f"{url} is not encrypted")
    assert 2 == len(server.requests)
