"""The magics in a real shell, against a real server."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from IPython.core.error import UsageError
from scripted_server import (
    DONE,
    PATIENCE,
    Answer,
    Cut,
    ScriptedServer,
    chunk,
    fails,
    says,
    whole,
)
from turns import said

from apertis_magic import errors, local
from apertis_magic.chat import session
from apertis_magic.notebook.transforms import ChatLine, Misplaced, give_message


def shown(shell: Shell) -> list[Any]:
    """Return what the displays hold now, in their order."""
    displays: dict[str, Any] = {}
    for output in shell.published:
        name = (output["transient"] or {}).get("display_id") or str(len(displays))
        displays[name] = output
    return list(displays.values())


def test_a_cell_asks_and_shows(shell: Shell, server: ScriptedServer) -> None:
    """One display ends with the clean answer, its source, its footer and metadata."""
    server.will(says("**Hi**", " there"))
    shell.run("%%chat\nHello!")
    [output] = shown(shell)

    assert {"text/html", "text/plain"} == set(output["data"])
    assert "<strong>Hi</strong> there" in output["data"]["text/html"]
    assert "5 in + 2 out = 7 tokens" in output["data"]["text/html"]
    assert "**Hi** there" == said(output["data"])
    assert "Hello!" == output["metadata"]["apertis_magic"]["prompt"]
    assert [[("user", "Hello!")]] == server.messages


def test_the_conversation_goes_on(shell: Shell, server: ScriptedServer) -> None:
    """The next cell's request carries the turn before it."""
    server.will(says("one"), says("two"))
    shell.run("%%chat\nfirst")
    shell.run("%%chat\nsecond")

    assert [("user", "first"), ("assistant", "one"), ("user", "second")] == (
        server.messages[1]
    )


def test_options_reach_the_server(shell: Shell, server: ScriptedServer) -> None:
    """What was given is sent, and nothing else; the system prompt stays."""
    server.will(says("one"), whole("two"))
    shell.run("%%chat -m gpt-5 -t 0 --max-tokens 9 -s 'Be brief.'\nfirst")
    shell.run("%%chat --new --no-stream\nsecond")
    first, second = (request.body for request in server.requests)

    assert ("gpt-5", 0, 9) == (
        first["model"],
        first["temperature"],
        first["max_tokens"],
    )
    assert {"model", "messages"} == set(second)
    assert "gpt-4.1-mini" == second["model"]
    assert [("system", "Be brief."), ("user", "second")] == server.messages[1]


def test_the_message_is_sent_as_it_was_typed(
    shell: Shell, server: ScriptedServer
) -> None:
    """Only blank lines at either end go; IPython's own expansions stay out."""
    server.will(says("a"))
    shell.run("x = 1")
    shell.run("%%chat -s '{x} $x 100%'\n\n  \n  {x} $x !ls ?\n\n\\n\n\n \n")

    assert [[("system", "{x} $x 100%"), ("user", "  {x} $x !ls ?\n\n\\n")]] == (
        server.messages
    )


def test_the_environment_is_read_for_each_cell(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key set in a cell holds from the next one on."""
    for name in ("APERTIS_API_KEY", "APERTIS_MODEL"):
        monkeypatch.setenv(name, "")  # so that what the cells set ends with this test
    server.will(says("a"))
    shell.run("import os; os.environ['APERTIS_API_KEY'] = 'sk-just-set'")
    shell.run("os.environ['APERTIS_MODEL'] = 'chosen'")
    shell.run("%%chat\nx")

    assert "Bearer sk-just-set" == server.requests[0].headers["authorization"]
    assert "chosen" == server.requests[0].body["model"]


def test_out_binds_the_turn(shell: Shell, server: ScriptedServer) -> None:
    """With its text and its usage; a failed answer as far as it came."""
    server.will(says("42"), Answer((chunk("half"), Cut())))
    shell.run("%%chat -o answer\nx")
    shell.run("assert str(answer) == '42' and answer.usage.total_tokens == 7")
    with pytest.raises(errors.ConnectionFailed):
        shell.run("%%chat -o answer\ny")
    shell.run("assert (answer.text, answer.finish) == ('half', 'error')")

    assert "half" == said(shown(shell)[-1]["data"])


def test_an_error_leaves_no_empty_output(shell: Shell, server: ScriptedServer) -> None:
    """Nothing came, so nothing but the error is shown."""
    server.will(fails(401, "wrong key"))
    with pytest.raises(errors.AuthenticationError, match="wrong key"):
        shell.run("%%chat\nx")

    assert all(not output["data"]["text/html"] for output in shown(shell))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("%%chat", "the message is empty"),
        ("%%chat -t 0", "the message is empty"),
        ("%%chat\n \n", "the message is empty"),
        ("%%chat --new -z\nx", "unknown option -z"),
        ("%chat rest", "no command 'rest'. Did you mean reset?"),
        ("%chat Why?", "%chat ask Why? would ask that"),
        ("%chat reset now", "takes nothing more, not 'now'"),
        ("%chat local start", "takes nothing, stop or status"),
    ],
)
def test_a_wrong_cell_is_told_in_one_line(
    shell: Shell, server: ScriptedServer, source: str, words: str
) -> None:
    """As IPython's usage error, before anything is sent."""
    with pytest.raises(UsageError) as caught:
        shell.run(source)

    assert words in str(caught.value)
    assert UsageError is type(caught.value)
    assert [] == server.requests


def test_a_missing_key_is_told_with_what_to_do(shell: Shell) -> None:
    """Three ways to go on, and nothing is sent."""
    with pytest.raises(errors.ConfigurationError, match="no API key") as caught:
        shell.run("%%chat\nx")

    assert "%chat local" in caught.value.hint
    assert () == session.current().current.turns


def test_help_is_shown_and_nothing_is_asked(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """``-h`` ends the cell normally, and the commands are listed."""
    shell.run("%%chat -h\nx")
    shell.run("\n%%chat -h\n")
    shell.run("%chat help")
    told = capsys.readouterr().out

    assert 3 == told.count("--temperature X")
    assert "%chat reset" in told
    assert [] == server.requests


def test_a_terminal_waits_for_the_message(shell: Shell) -> None:
    """The cell is not over after its first line; a blank line ends it."""
    assert "incomplete" == shell.check_complete("%%chat -t 0\n")[0]
    assert "complete" == shell.check_complete("%%chat -t 0\nx\n\n")[0]


def test_show_reset_and_status(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """The conversation can be looked at and dropped."""
    server.will(says("one"))
    shell.run("%chat show")
    shell.run("%%chat\nfirst")
    shell.run("%chat show")
    shell.run("%chat")
    shell.run("%chat reset")
    told = capsys.readouterr().out
    transcript, card = shown(shell)[1:]

    assert (
        "The conversation is empty.\nDropped 1 turn."
        " %chat restore main brings it back.\n"
    ) == told
    assert "first" in transcript["data"]["text/plain"]
    assert "one" in transcript["data"]["text/html"]
    assert server.url in card["data"]["text/plain"]
    assert "main, 1 turn" in card["data"]["text/plain"]
    assert () == session.current().current.turns


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("APERTIS_API_KEY", "sk-curly-“quotes”", "characters that no key has"),
        ("APERTIS_BASE_URL", "http://user:curly-@h/v1", "holds a user name"),
        ("APERTIS_BASE_URL", "localhost:1/v1", "cannot be the base URL"),
    ],
)
def test_status_survives_an_environment_that_cannot_be_right(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """It says what is wrong, without the key or the password."""
    monkeypatch.setenv(name, value)
    shell.run("%chat")

    assert words in shown(shell)[0]["data"]["text/plain"]
    assert "curly-" not in shown(shell)[0]["data"]["text/plain"]


@pytest.mark.skipif(not local.engine_installed(), reason="needs the extra [local]")
def test_a_local_model_that_cannot_be_downloaded(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The size is told first, the failure in one line, and the address stays."""
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("PIP_NO_INDEX", "UV_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("APERTIS_BASE_URL", "http://127.0.0.1:9")
    shell.run("%chat local status")
    with pytest.raises(errors.LocalModelError, match="Cannot download"):
        shell.run("%chat local")
    shell.run("%chat local stop")
    told = capsys.readouterr().out

    assert told.startswith("Not downloaded: SmolLM2-135M-Instruct, 98 MB (93 MB to")
    assert "this happens once.\n" in told
    assert told.endswith("The local model was not running.\n")
    assert "http://127.0.0.1:9" == session.current().settings.base_url


def test_reloading_keeps_the_conversation(shell: Shell, server: ScriptedServer) -> None:
    """Unloading takes the magics away and nothing else."""
    server.will(says("one"))
    shell.run("%%chat\nfirst")
    shell.run("%unload_ext apertis_magic")

    assert "chat" not in shell.magics_manager.magics["cell"]

    shell.run("%load_ext apertis_magic")
    shell.run("%reload_ext apertis_magic")
    shell.run("%%chat\nsecond")

    assert 3 == len(server.messages[1])
    watching = [repr(call) for call in shell.events.callbacks["post_run_cell"]]

    assert 1 == len([call for call in watching if "ChatMagics" in call])

    manager = shell.input_transformer_manager

    assert 1 == manager.cleanup_transforms.count(give_message)
    assert 1 == manager.token_transformers.count(ChatLine)
    assert 1 == manager.token_transformers.count(Misplaced)
    assert 2 == len([c for c in shell.configurables if "apertis" in repr(type(c))])


def test_an_answer_that_comes_fast_is_sent_in_steps(
    shell: Shell, server: ScriptedServer
) -> None:
    """What is shown while it comes stays a small multiple of the answer."""
    pieces = ["word " * 20] * 400
    server.will(Answer((*map(chunk, pieces), chunk(finish="stop"), DONE)))
    shell.run("%%chat\nx")
    sent = sum(len(o["data"]["text/html"]) for o in shell.published)
    text = "".join(pieces)

    assert text == said(shown(shell)[0]["data"])
    assert sent < 20 * len(text)


def test_loading_imports_nothing_heavy() -> None:
    """``%load_ext`` costs next to nothing and reaches for no network."""
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_line_magic("load_ext", "apertis_magic")
print(sorted({name.split(".")[0] for name in set(sys.modules) - before}))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )

    for heavy in ("httpx", "ipywidgets", "nbformat", "markdown", "nh3", "pygments"):
        assert f"'{heavy}'" not in done.stdout


TERMINAL = """
import sys
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
for source in sys.argv[1:]:
    shell.run_cell(source)
"""


def test_a_terminal_gets_plain_text(server: ScriptedServer, tmp_path: Path) -> None:
    """The text as it comes, the footer below it, and no repr."""
    server.will(says("**Hi**", "\x1b[2J there"), fails(401, "wrong\x1b key"))
    cells = ["%load_ext apertis_magic", "%%chat\nHello!", "%chat show", "%%chat\nagain"]
    done = subprocess.run(
        [sys.executable, "-c", TERMINAL, *cells],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
        cwd=tmp_path,
    )

    assert "**Hi**[2J there\nserved (asked: gpt-4.1-mini) · 5" in done.stdout
    assert "[1] Hello!" in done.stdout
    assert "AuthenticationError: wrong key (HTTP 401)" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert "object at" not in done.stdout
    assert "\x1b[2J" not in done.stdout
