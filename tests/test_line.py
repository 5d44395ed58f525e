"""What a person types, from the cell to the request: nothing is read as code."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from IPython.core.error import UsageError
from scripted_server import (
    Answer,
    Cut,
    ScriptedServer,
    chunk,
    fails,
    json_answer,
    says,
)
from turns import said

from apertis_magic import errors
from apertis_magic.api.params import PARAMS
from apertis_magic.chat import session
from apertis_magic.notebook import options, say
from apertis_magic.notebook.commands import command_table, run
from apertis_magic.notebook.commands.command_line import CommandLine
from apertis_magic.notebook.commands.command_table import COMMANDS, STATUS, Command
from apertis_magic.notebook.config import SETTINGS, ApertisMagic


def asked(server: ScriptedServer) -> str:
    """Return the newest message that reached the server."""
    return server.messages[-1][-1][1]


@pytest.mark.parametrize(
    "body",
    [
        ">>> print(1)\n1\n>>> print(2)",
        ">>> only the first line",
        "... three dots",
        "In [3]: x = 1\nOut[3]: 1",
        "    indented\n  less",
        "%%bash\necho",
        "!ls\n%time x\nls?",
        "'''\nopen string",
        "\\",
        "tabs\tand\u2028odd\x85lines",
        "ends in a question?",
        "{x} $x {{x}} `x` \\n",
        "%%chat\nitself",
    ],
)
def test_the_message_is_sent_as_it_was_typed(
    shell: Shell, server: ScriptedServer, body: str
) -> None:
    """IPython strips prompts and expands variables elsewhere, not here."""
    server.will(says("a"))
    shell.run(f"%%chat\n{body}\n")

    assert body == asked(server)


@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_any_message_is_sent_as_it_was_typed(
    shell: Shell, server: ScriptedServer, body: str
) -> None:
    """But for blank lines at either end."""
    server.will(says("a"))
    shell.run(f"%%chat --once\nx{body}x")

    assert f"x{body}x" == asked(server)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Why?", "Why?"),
        ("Why??", "Why??"),
        ("  Is it 'so'?  ", "Is it 'so'?"),
        ("don't you know?", "don't you know?"),
        ('Say "hi"!', 'Say "hi"!'),
        ("-t 0 2 + 2 = ?", "2 + 2 = ?"),
        ("{x} $x %time 100%", "{x} $x %time 100%"),
        ('"quoted as a whole?"', "quoted as a whole?"),
    ],
)
def test_asking_in_one_line(
    shell: Shell, server: ScriptedServer, line: str, text: str
) -> None:
    """A question mark at the end is not a request for IPython's help."""
    server.will(says("a"))
    shell.run(f"%chat ask {line}")

    assert text == asked(server)


def test_asking_in_one_line_among_others(shell: Shell, server: ScriptedServer) -> None:
    """In a loop, and below code; a string that looks like it stays a string."""
    server.will(says("a"))
    shell.run("for n in range(2):\n    %chat ask Why?\ns = '''\n%chat ask no?\n'''")

    assert 2 == len(server.requests)
    assert "\n%chat ask no?\n" == shell.user_ns["s"]


@pytest.mark.parametrize(
    "above",
    [
        "%chat ask it's fine",
        "!echo don't",
        "%chat ask a smiley :( here",
        '%chat ask say """',
        "x = 1",
    ],
)
def test_what_stands_above_a_question_does_no_harm(
    shell: Shell, server: ScriptedServer, above: str
) -> None:
    """Neither an apostrophe nor a bracket that never closes."""
    server.will(says("a"))
    shell.run(f"{above}\n%chat ask why?")

    assert "why?" == asked(server)


def test_other_magics_keep_their_bodies(shell: Shell, tmp_path: Path) -> None:
    """What looks like a question there is theirs."""
    file = tmp_path / "notes.md"
    shell.run(f"%%writefile {file}\nA line.\n%chat ask why?\n")

    assert "A line.\n%chat ask why?\n" == file.read_text()


def test_help_is_still_help(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """``%%chat?`` shows every option, and ``%chat?`` every command."""
    shell.run("%%chat?")
    of_cell = capsys.readouterr().out
    shell.run("%chat?")
    of_line = capsys.readouterr().out

    assert options.help_text() in of_cell
    assert command_table.help_text() in of_line
    assert [] == server.requests


@pytest.mark.parametrize(
    "source",
    [
        "# why\n%%chat\nhi there",
        "!echo (\n%%chat\nhi",
        "x = 1\n\n%%chat -t 0\nhi",
        "\n# a\n# b\n%%chat\n",
    ],
)
def test_what_stands_above_is_told(
    shell: Shell, server: ScriptedServer, source: str
) -> None:
    """IPython would look for a line magic and read the message as Python."""
    with pytest.raises(UsageError, match="must be the first line of its cell"):
        shell.run(source)

    assert [] == server.requests


def test_what_only_looks_like_it_is_left_alone(shell: Shell) -> None:
    """In a string, or in another cell magic's body."""
    shell.run("s = '''\n%%chat\n'''")
    shell.run("%%capture out\nprint('''\n%%chat''')")

    assert "\n%%chat\n" == shell.user_ns["s"]


def test_blank_lines_above_do_no_harm(shell: Shell, server: ScriptedServer) -> None:
    """Nor does another magic that runs the cell."""
    server.will(says("a"))
    shell.run("\n\n%%chat\nfirst")
    shell.run("%%time\n%%chat -t 0\n>>> second")
    shell.run("  %%chat\n    >>> third\n  less")

    assert ["first", ">>> second", "    >>> third\n  less"] == [
        m[-1][1] for m in server.messages
    ]


def test_a_backslash_continues_the_line(shell: Shell, server: ScriptedServer) -> None:
    """Up to the first line without one; one in the message stays."""
    server.will(says("a"))
    shell.run("%%chat -t 0 \\\n  --seed 3 \\ \n  -m other\nthe message \\\nends")

    assert "the message \\\nends" == asked(server)
    assert {"temperature": 0, "seed": 3, "model": "other"}.items() <= (
        server.requests[0].body.items()
    )


def test_any_other_field(shell: Shell, server: ScriptedServer) -> None:
    """``-p`` sends what no option is for, and overrides nothing that one is."""
    server.will(says("a"))
    shell.run('%%chat -p top_k=5 -p a.b={"c": [1, 2]} -p note=hi\nx')
    body = server.requests[0].body

    assert (5, {"b": {"c": [1, 2]}}, "hi") == (body["top_k"], body["a"], body["note"])


def test_once_leaves_the_conversation_alone(
    shell: Shell, server: ScriptedServer
) -> None:
    """It is neither sent nor added to, and its system prompt stays."""
    server.will(says("a"))
    shell.run("%%chat -s one\nfirst")
    shell.run("%%chat --once -s two\naside")
    shell.run("%%chat\nsecond")

    assert [("system", "two"), ("user", "aside")] == server.messages[1]
    assert ["one", "first", "a", "second"] == [text for _, text in server.messages[2]]


def test_named_conversations(shell: Shell, server: ScriptedServer) -> None:
    """Each has its own turns; naming one does not switch to it."""
    server.will(says("a"))
    shell.run("%%chat -c notes\nfirst")
    shell.run("%%chat\nsecond")
    shell.run("%%chat -c notes --no-system\nthird")

    assert [1, 1, 3] == [len(messages) for messages in server.messages]
    assert ("main", "notes") == session.current().names


def test_out_as_text_and_quiet(shell: Shell, server: ScriptedServer) -> None:
    """``-f text`` shows and binds the text itself; ``-q`` shows nothing."""
    server.will(says("**a** <b>"))
    shell.run("%%chat -f text -o answer\nx")
    html = shell.published[-1]["data"]["text/html"]
    before = len(shell.published)
    shell.run("%%chat -q -o quiet\nx")

    assert "**a** &lt;b&gt;" in html
    assert "**a** <b>" == shell.user_ns["answer"]
    assert "**a** <b>" == shell.user_ns["quiet"].text
    assert before == len(shell.published)


def test_quiet_still_tells_of_errors(shell: Shell, server: ScriptedServer) -> None:
    """As does a quiet cell whose answer broke off."""
    server.will(fails(401, "wrong key"))
    with pytest.raises(errors.AuthenticationError):
        shell.run("%%chat -q\nx")


def test_several_answers(shell: Shell, server: ScriptedServer) -> None:
    """The first is the turn; the others are shown below it and kept."""
    others = [
        chunk(choices=[{"index": n, "delta": {"content": f"answer {n}"}}])
        for n in (1, 0, 2)
    ]
    server.will(Answer((*others, chunk(finish="stop"))))
    shell.run("%%chat -n 3 -o turn\nx")
    html = shell.published[-1]["data"]["text/html"]

    assert 3 == server.requests[0].body["n"]
    assert "answer 0" == shell.user_ns["turn"].text
    assert ("answer 1", "answer 2") == shell.user_ns["turn"].alternatives
    assert html.index("answer 0") < html.index("Answer 2 of 3") < html.index("answer 2")
    assert "answer 0" == said(shell.published[-1]["data"])


def test_no_footer(shell: Shell, server: ScriptedServer) -> None:
    """By the option or by the setting; the metadata stays."""
    server.will(says("a"))
    shell.run("%%chat --no-footer\nx")
    shell.run("%config ApertisMagic.footer = False")
    shell.run("%%chat\nx")

    assert all("tokens" not in o["data"]["text/html"] for o in shell.published)
    assert (
        7 == (shell.published[-1]["metadata"]["apertis_magic"]["usage"]["total_tokens"])
    )


def test_timeout_and_retries_are_per_cell(shell: Shell, server: ScriptedServer) -> None:
    """Neither is kept with the turn."""
    server.will(fails(503), says("a"))
    with pytest.raises(errors.ServerError):
        shell.run("%%chat --retries 0 --timeout 30\nx")
    shell.run("%%chat\nx")

    assert {} == session.current().current.turns[-1].options


def test_settings_hold_for_every_question(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option goes first, then the setting, then the environment."""
    server.will(says("a"))
    shell.run("%config ApertisMagic.model = 'set'")
    shell.run("%config ApertisMagic.temperature = 0")
    shell.run("%config ApertisMagic.system = 'Be brief.'")
    shell.run("%%chat\nx")
    shell.run("%chat config temperature none")
    shell.run("%%chat -m given\nx")
    bodies = [request.body for request in server.requests]

    assert ["set", "given"] == [body["model"] for body in bodies]
    assert [0, None] == [body.get("temperature") for body in bodies]
    assert ("system", "Be brief.") == server.messages[0][0]
    assert "temperature: not set" in capsys.readouterr().out


def test_settings_tell_where_they_come_from(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The conversation, ``%config``, the environment or the default; no key."""
    monkeypatch.setenv("APERTIS_API_KEY", "sk-never-shown-123")
    monkeypatch.setenv("APERTIS_MODEL", "from-environment")
    shell.run("%config ApertisMagic.seed = 3")
    shell.run("%chat system Be kind.")
    shell.run("%chat config")
    told = shell.published[-1]["data"]["text/plain"]

    assert "from-environment (APERTIS_MODEL)" in told
    assert f"{server.url} (APERTIS_BASE_URL)" in told
    assert "3 (%config)" in told
    assert "Be kind. (conversation main)" in told
    assert "True (default)" in told
    assert "sk-never" not in told


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("modle x", "no setting 'modle'. Did you mean model?"),
        ("temperature 3", "temperature must be 0 to 2"),
        ("temperature hot", "trait of an ApertisMagic instance expected"),
        ("timeout -1", "timeout must be seconds above 0"),
        ("timeout NaN", "timeout must be seconds above 0"),
        ("max_retries -1", "max_retries must not be below 0"),
        ("base_url nonsense", "cannot be the base URL"),
        ("api_key x", "%chat key stores one"),
        ("model a b", "a name and a value"),
    ],
)
def test_a_wrong_setting_is_told(shell: Shell, line: str, words: str) -> None:
    """In one line, and nothing is changed."""
    with pytest.raises(UsageError, match=words.replace("(", r"\(")):
        shell.run(f"%chat config {line}")


def test_a_misspelt_setting_is_told(shell: Shell) -> None:
    """By ``%config`` as well, which would take any name."""
    with pytest.warns(UserWarning, match="Did you mean"):
        shell.run("%config ApertisMagic.modle = 'x'")


def test_system_shows_and_sets(
    shell: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """As typed; empty quotes take it away."""
    server.will(says("a"))
    shell.run("%chat system")
    shell.run("%chat system You're {x}, aren't you?")
    shell.run("%%chat\nx")
    shell.run('%chat system ""')
    shell.run("%%chat\nx")

    assert ("system", "You're {x}, aren't you?") == server.messages[0][0]
    assert "user" == server.messages[1][0][0]
    assert (
        "There is no system prompt.\n"
        "The system prompt: You're {x}, aren't you?\n"
        "There is no system prompt.\n"
    ) == capsys.readouterr().out


STEERS = "\x1b[2J\u202e"
"""Clears a terminal, and turns the text after it around."""


def test_no_words_steer_the_screen(
    shell: Shell,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    cache: Path,
) -> None:
    """Neither a person's, nor a server's."""
    ids = [{"id": f"gpt-{STEERS}5"}, {"id": "other"}]
    server.will(json_answer({"data": ids}))
    shell.run(f"%chat system Be {STEERS}brief.")
    shell.run("%chat models gtp-5")
    shell.run(f"%chat model gpt-{STEERS}6")
    shell.run(f"%chat config model gpt-{STEERS}7")
    shell.run("%chat models")
    told = capsys.readouterr().out + str(shell.published[-1]["data"]["text/plain"])

    assert "The system prompt: Be [2Jbrief." in told
    assert 3 == told.count("Close to it: gpt-[2J5")
    assert not {*STEERS[0], STEERS[-1]} & {*told}
    assert cache.exists()


def test_a_problem_steers_no_screen(
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder may have any name, and the journal's problem holds it."""
    (tmp_path / STEERS).touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / STEERS))
    server.will(says("a"))
    shell.run("%%chat\nx")
    shell.run("%chat doctor")
    told = capsys.readouterr()

    assert f"{tmp_path}/[2J" in told.err
    assert f"{tmp_path}/[2J" in told.out
    assert not {*STEERS[0], STEERS[-1]} & {*told.err, *told.out}


def test_a_line_that_passes_is_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    """It still goes to the beginning of its line."""
    say.say_over(f"1 %{STEERS}")
    say.say_over("2 %")
    say.say()

    assert "\r1 %[2J\r2 %\n" == capsys.readouterr().out


def test_the_last_answer_and_the_whole_story(
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All that is known of an error, but for keys."""
    monkeypatch.setenv("APERTIS_API_KEY", "sk-secret-secret-1")
    server.will(says("fine"), fails(400, "bad sk-secret-secret-1", code="odd_code"))
    shell.run("%chat last")
    shell.run("%chat last --traceback")
    shell.run("%%chat\nx")
    with pytest.raises(errors.BadRequest):
        shell.run("%%chat\ny")
    shell.run("%chat last --traceback")
    shell.run("%chat version")
    told = capsys.readouterr().out

    assert told.startswith("There is no answer yet.\nThere was no error.\n")
    assert "Traceback (most recent call last)" in told
    assert "status: 400\ncode: odd_code" in told
    assert "header content-type: application/json" in told
    assert "secret-secret" not in told
    assert sys.version.split()[0] in told


def test_an_answer_goes_on(shell: Shell, server: ScriptedServer) -> None:
    """The rest is joined to the same turn, whatever cut it off."""
    server.will(
        says("One, ", finish="length"),
        Answer((chunk("two, "), Cut())),
        says("three."),
        says("next"),
    )
    shell.run("%%chat -t 0 -s Count.\nx")
    first = session.current().current.turns[0]
    with pytest.raises(errors.ConnectionFailed):
        shell.run("%chat continue")
    shell.run("%chat continue")
    [turn] = session.current().current.turns
    shell.run("%%chat\ny")

    assert "One, two, three." == turn.text
    assert (first.id, "stop") == (turn.id, turn.finish)
    assert ["system", "user", "assistant", "user"] == [
        role for role, _ in server.messages[1]
    ]
    assert ("assistant", "One, two, ") == server.messages[2][2]
    assert 0 == server.requests[2].body["temperature"]
    assert ["Count.", "x", "One, two, three.", "y"] == [
        text for _, text in server.messages[3]
    ]


def test_several_answers_go_on_as_one(shell: Shell, server: ScriptedServer) -> None:
    """The others are kept, and are not asked for and billed again."""
    other = chunk(choices=[{"index": 1, "delta": {"content": "other"}}])
    end = chunk(finish="length")
    server.will(Answer((chunk("One, "), other, end)), says("two."))
    shell.run("%%chat -n 2\nx")
    shell.run("%chat continue")
    [turn] = session.current().current.turns

    assert ("One, two.", ("other",)) == (turn.text, turn.alternatives)
    assert "n" not in server.requests[1].body


def test_a_named_conversation_goes_on(shell: Shell, server: ScriptedServer) -> None:
    """The current one is left alone, and so are failures after the half answer."""
    server.will(
        says("main", finish="length"),
        says("notes, ", finish="length"),
        fails(400),
        says("more"),
    )
    shell.run("%%chat\nx")
    shell.run("%%chat -c notes\ny")
    with pytest.raises(errors.BadRequest):
        shell.run("%%chat -c notes\nz")
    shell.run("%chat continue -c notes")
    here = session.current()

    assert "main" == here.current.turns[0].text
    assert "notes, more" == here.conversation("notes").turns[0].text


def test_a_preferred_system_prompt_is_never_copied(
    shell: Shell, server: ScriptedServer
) -> None:
    """It holds as long as it is set, for conversations that have none of their own."""
    server.will(says("a"))
    shell.run("%%chat\nx")
    shell.run("%chat config system Late.")
    shell.run("%%chat\nx")
    shell.run("%chat config system none")
    shell.run("%%chat\nx")

    assert [["user"], ["system", "user", "assistant", "user"]] == [
        [role for role, _ in messages] for messages in server.messages[:2]
    ]
    assert "user" == server.messages[2][0][0]


@pytest.mark.parametrize(
    "source",
    [
        "%%chat -m hush-0123456789\nx",
        "%%chat -c hush-0123456789\nx",
        "%chat model hush-0123456789",
        "%chat config hush-0123456789",
        "%chat config timeout hush-0123456789",
        "%chat system hush-0123456789",
        "%chat hush-0123456789",
        "%%chat --hush-0123456789\nx",
    ],
)
def test_the_key_in_use_is_not_repeated(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Whichever word of a line it is, and whatever it looks like."""
    monkeypatch.setenv("APERTIS_API_KEY", "hush-0123456789")
    with pytest.raises(UsageError) as caught:
        shell.run(source)

    assert "hush" not in str(caught.value)
    assert [] == server.requests


def test_a_system_prompt_with_a_key_can_be_replaced(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what would be sent is looked at."""
    server.will(says("a"))
    session.current().current.system = "Use hush-0123456789."
    monkeypatch.setenv("APERTIS_API_KEY", "hush-0123456789")
    with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
        shell.run("%%chat\nx")
    shell.run("%%chat --no-system\nx")

    assert 1 == len(server.requests)


def test_an_empty_answer_takes_no_variable(
    shell: Shell, server: ScriptedServer
) -> None:
    """What the name held is worth more."""
    server.will(fails(400))
    shell.run("answer = 'precious'")
    with pytest.raises(errors.BadRequest):
        shell.run("%%chat -o answer -f text\nx")

    assert "precious" == shell.user_ns["answer"]


def test_reloading_keeps_the_settings(shell: Shell, server: ScriptedServer) -> None:
    """They are the user's, not the extension's; models share a connection."""
    server.will(says("a"))
    shell.run("%chat config temperature 0")
    shell.run("%reload_ext apertis_magic")
    for model in ("one", "two", "three"):
        shell.run(f"%chat config model {model}")
        shell.run("%%chat\nx")

    assert [0, 0, 0] == [r.body["temperature"] for r in server.requests]
    assert ["one", "two", "three"] == [r.body["model"] for r in server.requests]
    assert 1 == server.connections


def test_nothing_to_go_on_with(shell: Shell, server: ScriptedServer) -> None:
    """A complete answer, or none, is told in one line."""
    server.will(says("whole"))
    with pytest.raises(errors.ConfigurationError, match="no answer yet"):
        shell.run("%chat continue")
    shell.run("%%chat\nx")
    with pytest.raises(errors.ConfigurationError, match="is complete"):
        shell.run("%chat continue")

    assert 1 == len(server.requests)


@pytest.mark.parametrize("row", [STATUS, *COMMANDS.values()], ids=lambda row: row.name)
def test_every_command_is_there(row: Command) -> None:
    """Its module is imported only when it runs; it is given the line, and no more."""
    [parameter] = inspect.signature(
        run.function_of(row), eval_str=True
    ).parameters.values()

    assert CommandLine is parameter.annotation


def test_every_option_of_the_request_is_a_setting() -> None:
    """The settings are spelt out, and keep in step with the table of parameters."""
    on_line = {name for name, param in PARAMS.items() if param.on_line}
    others = {"model", "base_url", "system", "stream", "footer", "max_context_tokens"}
    others |= {"journal", "journal_days", "cache", "cache_days", "display"}

    assert on_line | {"timeout", "max_retries"} | others == set(SETTINGS)


def test_what_is_set_of_the_request_is_sent() -> None:
    """Each setting that is a field is one of the fields of every question."""
    samples: dict[type, Any] = {float: 1.0, int: 1, str: "x"}
    wanted = {
        name: [samples[param.kind]] if param.most > 1 else samples[param.kind]
        for name, param in PARAMS.items()
        if param.on_line
    }
    settings = ApertisMagic()
    for name, value in wanted.items():
        setattr(settings, name, value)

    assert wanted == settings.fields


def test_the_readme_has_every_command() -> None:
    """Its table is the one that the commands come from."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    rows = command_table.table().splitlines()

    assert [] == [row for row in rows if row not in readme]
    assert command_table.table() in readme


@pytest.fixture
def other(shell: Shell) -> Iterator[Any]:
    """Yield another extension's magic, under which ours is loaded again."""

    def chat(line: str, cell: str) -> str:
        return f"other {line} {cell}"

    shell.run("%unload_ext apertis_magic")
    shell.magics_manager.register_function(chat, "cell", "chat")
    yield chat
    shell.run("%reload_ext apertis_magic")


def test_another_extensions_magic_is_given_back(
    shell: Shell, other: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Taking it over is told in one line; nothing else is ever printed by loading."""
    shell.run("%load_ext apertis_magic")
    told = capsys.readouterr().out
    shell.run("%unload_ext apertis_magic")

    assert 1 == told.count("\n")
    assert f"takes %%chat over from {__name__.partition('.')[0]};" in told
    assert other == shell.magics_manager.magics["cell"]["chat"]
    assert "chat" not in shell.magics_manager.magics["line"]


def test_a_later_extensions_magic_stays(shell: Shell) -> None:
    """Unloading takes away what is ours and nothing else."""

    def chat(line: str, cell: str) -> str:
        return line + cell

    shell.magics_manager.register_function(chat, "cell", "chat")
    shell.run("%unload_ext apertis_magic")
    left = shell.magics_manager.magics["cell"].pop("chat")
    shell.run("%load_ext apertis_magic")

    assert chat is left


def test_preferences_are_set_when_they_change(
    shell: Shell, server: ScriptedServer
) -> None:
    """Once for many cells, at once by ``%config``, and for this process's Session."""
    server.will(says("a"))
    shell.run("%%chat\none")
    first = session.current().preferences
    shell.run("%%chat\ntwo")
    shell.run("%chat")

    assert first is session.current().preferences

    shell.run("%config ApertisMagic.temperature = 0.5")

    assert {"temperature": 0.5} == session.current().preferences.fields

    session.forget()
    shell.run("%%chat\nthree")

    assert 0.5 == server.requests[-1].body["temperature"]
