"""What is held back before it is sent: keys, and questions that are too large."""

import json
from pathlib import Path
from typing import Any

import pytest
from asks import ask
from conftest import Shell
from IPython.core.error import UsageError
from scripted_server import ScriptedServer, json_answer, says

from apertis_magic import AsyncApertis, Conversation, files
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.session import current
from apertis_magic.errors import HeldBack

KEY = "sk-" + "a1b2c3d4" * 4
PRIVATE = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBkg4LVWM9nuwNSk3yByxZpYRTBnVJk5oG\n"
LARGE = "word " * 40_001


@pytest.mark.parametrize("key", [KEY, PRIVATE, "ghp_" + "a1B2" * 9])
@pytest.mark.parametrize(
    ("held", "sent"),
    [
        ("%%chat\nWhy is {}?", "%%chat --anyway\nWhy is {}?"),
        ("%%chat -s '{}'\nWhy?", "%%chat --anyway -s '{}'\nWhy?"),
        ("%%chat -p user='{}'\nWhy?", "%%chat -p user='{}' --anyway\nWhy?"),
        ("%chat ask What is {}", "%chat ask --anyway What is {}"),
    ],
)
def test_a_cell_with_a_key_is_sent_anyway(
    shell: Shell, server: ScriptedServer, held: str, sent: str, key: str
) -> None:
    """Where that is said; what is kept then is what was sent."""
    if "\n" not in held.partition("{}")[0]:
        key = key.replace("\n", " ").strip()  # it stands on one line
    server.will(says("A"))
    with pytest.raises((UsageError, HeldBack), match="API key") as caught:
        shell.run(held.format(key))
    hint = getattr(caught.value, "hint", str(caught.value))

    assert [] == server.requests
    assert "--anyway sends it as it is" in hint
    assert key.strip() not in f"{caught.value} {hint}"

    shell.run(sent.format(key))
    [turn] = current().current.turns
    journal = current().journal
    assert journal is not None
    journal.flush()

    assert json.dumps(key.strip())[1:-1] in json.dumps(server.requests[0].body)
    assert turn.question.anyway
    assert [turn] == list(journal.read(current().current.state.id).turns)
    assert key.strip() in str(turn.to_dict()).replace("\\n", "\n")


def test_it_is_held_back_each_time(shell: Shell, server: ScriptedServer) -> None:
    """Also when the question is asked again, or a system prompt would go once more."""
    server.will(says("A"))
    shell.run(f"%%chat --anyway\nWhy is {KEY}?")
    with pytest.raises(HeldBack):
        shell.run("%chat retry")
    shell.run("%chat retry --anyway")
    shell.run(f"%%chat --new -s 'Use {KEY}' --anyway\nWhy?")
    with pytest.raises(HeldBack):
        shell.run("%%chat\nAnd?")

    assert 3 == len(server.requests)


@pytest.mark.parametrize(
    "line",
    [f"system Use {KEY}", f"use {KEY}", f"model {KEY}", f"system {KEY} --anyway"],
)
def test_a_word_with_a_key_is_refused(shell: Shell, line: str) -> None:
    """A command that asks nothing has no way to go on with it."""
    with pytest.raises(UsageError, match="API key") as caught:
        shell.run(f"%chat {line}")

    assert KEY not in str(caught.value)
    assert "--anyway" not in str(caught.value)
    assert not current().current.system


def test_what_completes_an_answer_is_not_asked_about(
    server: ScriptedServer,
) -> None:
    """Its question was sent already."""
    server.will(says("half", finish="length"), says(" and half"))
    chat = Conversation()
    chat.ask(f"{KEY}?", anyway=True).result()

    assert "half and half" == chat.resume().result().text


def test_it_is_written_to_a_file_anyway(
    shell: Shell,
    server: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where that is said: a file is made to be passed on."""
    server.will(says("A"))
    monkeypatch.chdir(tmp_path)
    shell.run(f"%%chat --anyway\nWhy is {KEY}?")
    with pytest.raises(HeldBack, match="Nothing was written"):
        shell.run("%chat export talk.json --force")

    assert [] == list(tmp_path.glob("talk*"))

    shell.run("%chat export talk.json --anyway")
    [state] = files.load(tmp_path / "talk.json")

    assert f"Why is {KEY}?" == state.turns[0].prompt


def test_python_and_the_session_hold_back(server: ScriptedServer) -> None:
    """In the message, an attachment's name or text, the model, or the system prompt."""
    server.will(says("A"))
    attached = Attachment("env", "text/plain", f"KEY={KEY}")
    for arguments in (
        {"prompt": KEY},
        {"prompt": "x", "attachments": [attached]},
        {"prompt": "x", "attachments": [Attachment(KEY, "text/plain", "x")]},
        {"prompt": "x", "system": KEY},
        {"prompt": "x", "model": KEY},
        {"prompt": "x", "stop": [KEY]},
    ):
        fields: dict[str, Any] = arguments
        chat = Conversation()
        with pytest.raises(HeldBack):
            chat.ask(**fields)

        assert () == chat.turns
        assert "A" == chat.ask(**fields, anyway=True).result().text
    with pytest.raises(HeldBack):
        current().ask(ask(KEY))

    assert 6 == len(server.requests)


def test_the_key_of_the_client_is_one(server: ScriptedServer) -> None:
    """Whatever it looks like, and in a header as well."""
    server.will(says("A"))
    named = AsyncApertis("hush-hush-0", server.url)
    in_header = AsyncApertis(
        base_url=server.url, default_headers={"X-Api-Key": "hush-hush-0"}
    )
    for client in (named, in_header):
        with pytest.raises(HeldBack):
            Conversation(client=client).ask("Is it hush-hush-0?")

    assert [] == server.requests


HOLDS_ITSELF: dict[str, Any] = {"z": KEY}
HOLDS_ITSELF["a"] = [HOLDS_ITSELF]


def deep(text: str) -> list[Any]:
    """Return a text in as many lists as JSON may still have."""
    lists: list[Any] = [text]
    for _ in range(700):
        lists = [lists]
    return lists


@pytest.mark.parametrize(
    "fields",
    [
        {"stop": [f"\n{KEY}"]},
        {"extra_body": {"metadata": {"a": [{"b": f"\n{KEY}"}]}}},
        {"extra_body": {KEY: 1}},
        {"extra_body": HOLDS_ITSELF},
        {"extra_body": {"deep": deep(KEY)}},
    ],
)
def test_the_fields_of_a_request_are_looked_into(
    server: ScriptedServer, fields: dict[str, Any]
) -> None:
    """As deep as they are, and not as Python writes them."""
    chat = Conversation(client=AsyncApertis(base_url=server.url))
    with pytest.raises(HeldBack):
        chat.ask("x", **fields)

    assert [] == server.requests


def test_a_plain_client_sends_what_it_is_told(server: ScriptedServer) -> None:
    """It is for programs."""
    from apertis_magic import Apertis

    server.will(says("A"))
    Apertis(base_url=server.url).chat.completions.create(
        model="m", messages=[{"role": "user", "content": KEY}], stream=True
    ).close()

    assert [("user", KEY)] == server.messages[0]


def test_a_large_message_is_held_back(shell: Shell, server: ScriptedServer) -> None:
    """With its size and its tokens; one a little shorter is sent."""
    server.will(says("A"))
    with pytest.raises(HeldBack) as caught:
        shell.run(f"%%chat\n{LARGE}")
    shell.run(f"%%chat --new\n{LARGE[:200_000].strip()}")
    shell.run(f"%%chat --new --anyway\n{LARGE}")

    assert "Nothing was sent: the question has 200 KB, up to 66,674 tokens." in str(
        caught.value
    )
    assert "--anyway sends it" in caught.value.hint
    assert 2 == len(server.requests)


MODELS = {"data": [{"id": "small", "context_length": 500}, {"id": "m"}]}


@pytest.mark.parametrize("attached", [False, True])
def test_what_no_model_of_the_list_can_read_is_held_back(
    shell: Shell, server: ScriptedServer, *, attached: bool
) -> None:
    """Where the list tells; the turns before it do not count, for they are left out."""
    server.will(json_answer(MODELS), says("A"))
    shell.run("%chat models --refresh")
    shell.run("%%chat -m small\n" + "word " * 300)
    text = "word " * 800
    file = (Attachment("a.txt", "text/plain", text),) if attached else ()
    question = ask("x" if attached else text, model="small", attachments=file)
    with pytest.raises(HeldBack) as caught:
        current().ask(question)
    current().ask(ask("x" if attached else text, model="m", attachments=file)).result()

    assert "and small takes 500 at the most." in str(caught.value)
    assert "4 KB, up to 1,3" in str(caught.value)
    assert 3 == len(server.requests)


@pytest.mark.parametrize(("most", "model"), [(300, "m"), (100_000, "small")])
def test_what_is_preferred_is_no_models_context(
    shell: Shell, server: ScriptedServer, most: int, model: str
) -> None:
    """It says how many turns are sent; a model reads no more, or less, for it."""
    server.will(json_answer(MODELS), says("A"))
    shell.run("%chat models --refresh")
    shell.run(f"%config ApertisMagic.max_context_tokens = {most}")
    cell = f"%%chat -m {model}\n" + "word " * 800
    if model == "m":
        shell.run(cell)
    else:
        with pytest.raises(HeldBack, match="small takes 500"):
            shell.run(cell)

    assert (2 if model == "m" else 1) == len(server.requests)
