"""Answers in a terminal: a real IPython in a real pseudo-terminal, and its stream."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import redirect_stdout

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    DONE,
    PHASES,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    says,
)
from terminal_driver import HEIGHT, PROGRAM, Picture, terminal
from turns import turn_of

from apertis_magic.chat.draft import Progress
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.views.formatted import blocks, last_lines
from apertis_magic.notebook.views.screen import uninterrupted
from apertis_magic.notebook.views.terminal import TerminalView

TICKS = "```"
ANSWER = f"""# Title

Some **bold** text, [here](http://a.example/b).

- one
  - two

{TICKS}python
def f():
\treturn 1
{TICKS}

| a | b |
|---|---|
| `1` and 2 | 漢字 |

The end."""
FORMATTED = f"""Title

Some bold text, here (http://a.example/b).

 • one
    • two

{TICKS}python
def f():
        return 1
{TICKS}

a        b
─────────────
1 and 2  漢字

The end."""
FOOTER = re.compile(r"\nserved \(asked: .*", re.DOTALL)


def pieces(text: str, size: int = 7) -> list[str]:
    """Return *text* in pieces, as a server sends it."""
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.mark.parametrize(
    ("without", "environment", "expected"),
    [
        ("", {}, FORMATTED),
        ("", {"NO_COLOR": "1"}, FORMATTED),
        ("", {"TERM": "dumb"}, ANSWER.expandtabs()),
        ("rich", {}, ANSWER.expandtabs()),
        ("rich", {"NO_COLOR": "1"}, ANSWER.expandtabs()),
    ],
    ids=["formatted", "no colour", "dumb", "plain", "plain, no colour"],
)
def test_what_a_person_sees(
    server: ScriptedServer, without: str, environment: dict[str, str], expected: str
) -> None:
    """The answer once, formatted where that is possible, and a footer below it."""
    server.will(says(*pieces(ANSWER)))
    with terminal("%%chat\nx", without=without, environment=environment) as shell:
        seen = shell.end()

    assert expected == FOOTER.sub("", seen)
    assert FOOTER.search(seen)
    assert "Out[" not in seen
    if "NO_COLOR" in environment:
        assert not re.search(r"\x1b\[(?:\d+;)*[34]\d", shell.stream)
    if "TERM" in environment:
        assert "\x1b" not in shell.stream


def test_an_open_block_passes(server: ScriptedServer) -> None:
    """What has come of a block is shown as it is, then gives way to the block."""
    more = threading.Event()
    open_block = "\n".join(f"- **item {n}**" for n in range(3 * HEIGHT))
    first = (chunk("Whole.\n\nItems:\n"), chunk(open_block), Wait(more))
    server.will(Answer((*first, chunk("\n\nEnd."), chunk(finish="stop"), DONE)))
    with terminal("%%chat\nx") as shell:
        shell.until(f"**item {3 * HEIGHT - 1}**")
        before = shell.picture.text
        more.set()
        seen = shell.end()

    items = [f" • item {n}" for n in range(3 * HEIGHT)]
    assert before.startswith("Whole.\n")
    assert before.endswith(f"\n- **item {3 * HEIGHT - 1}**")
    shown = ["Whole.", "", "Items:", "", *items, "", "End."]
    assert shown == seen.split("\n")[: len(shown)]
    assert 0 < shell.picture.highest < HEIGHT


@pytest.mark.parametrize("without", ["", "rich"])
def test_a_status_passes(server: ScriptedServer, without: str) -> None:
    """Until the first word there is a line that says so; nothing of it stays."""
    go = threading.Event()
    server.will(Answer(says("Hi").steps, before_headers=Wait(go)))
    with terminal("%%chat\nx", without=without) as shell:
        shell.until("gpt-4.1-mini · waiting")
        go.set()
        seen = shell.end()

    assert "Hi" == FOOTER.sub("", seen)


def test_a_status_gives_way_to_an_error(server: ScriptedServer) -> None:
    """The error stands alone."""
    go = threading.Event()
    refusal = fails(401, "wrong\x1b[2J key")
    server.will(Answer(refusal.steps, 401, refusal.headers, Wait(go)))
    with terminal("%%chat\nx") as shell:
        shell.until("gpt-4.1-mini · waiting")
        go.set()
        seen = shell.end()

    assert seen.startswith("AuthenticationError: wrong[2J key (HTTP 401)\n")


@pytest.mark.parametrize("without", ["", "rich"])
@pytest.mark.parametrize(("answer", "text"), PHASES.values(), ids=PHASES)
def test_control_c(
    server: ScriptedServer, answer: Answer, text: str, without: str
) -> None:
    """Whenever it comes: what had come, the footer, and one line."""
    server.will(answer, says("next"))
    with terminal("%%chat\nx", "%%chat\ny", without=without) as shell:
        shell.until(text or "gpt-4.1-mini · ")
        shell.child.sendintr()
        lines = shell.end().split("\n")
        after = shell.end()

    about = "The answer was stopped;" if text else "The question was stopped before"
    assert text == lines[0].removesuffix("^C") * bool(text)
    assert lines[1 + bool(text)].startswith("served" if text else "gpt-4.1-mini · ")
    assert 1 == sum(line.startswith(about) for line in lines)
    assert 1 == sum("stopped" in line for line in lines)
    assert 1 == sum("Interrupted" in line for line in lines)
    assert "Interrupted" in lines
    assert not any("waiting" in line or "Traceback" in line for line in lines)
    assert "next\nserved" in after


def test_control_c_in_a_long_answer(server: ScriptedServer) -> None:
    """Every word that had come is there once, finished blocks and open ones."""
    words = [f"w{n}" for n in range(900)]
    ends = (" ", *["\n\n"] * 8)
    text = "".join(word + ends[n % 9] for n, word in enumerate(words))
    server.will(Answer((*map(chunk, pieces(text)), Wait(threading.Event()))))
    with terminal("%%chat\nx") as shell:
        shell.until("w899")
        shell.child.sendintr()
        seen = shell.end()

    assert words == re.findall(r"w\d+", seen)
    assert seen.endswith("\nInterrupted")


def test_no_repr(server: ScriptedServer) -> None:
    """Every command prints text."""
    server.will(says("**Hi**"))
    cells = ("%chat", "%%chat\nx", "%chat show", "%chat panel", "%chat help")
    with terminal(*cells) as shell:
        card, _, shown, panel, listed = (shell.end() for _ in range(5))

    assert card.startswith("apertis_magic\n")
    assert "[1] x\n\n**Hi**" in shown
    assert "%chat panel needs a notebook" in panel
    assert "%chat show" in listed
    assert "object" not in listed.replace("json_object", "")


def test_reasoning_and_a_refusal(server: ScriptedServer) -> None:
    """Each stands for itself, in this order, however they come."""
    steps = (
        chunk(delta={"reasoning_content": "Hm. "}),
        chunk(delta={"reasoning_content": "So:"}),
        chunk("Half"),
        chunk(delta={"refusal": "No."}),
    )
    server.will(Answer((*steps, chunk(finish="stop"), DONE)))
    with terminal("%%chat\nx") as shell:
        seen = shell.end()

    assert seen.startswith(
        "thinking\nHm. So:\n\nHalf\n\nNo.\nThe model refused.\nserved"
    )
    assert "\x1b[2mthinking\x1b[0m" in shell.stream


STEERING = {
    "clears the screen": "\x1b[2J\x1b[H",
    "C1": "\x9b2J\x9d0;x\x9c\x90q\x9c",
    "title": "\x1b]0;owned\x07",
    "clipboard": "\x1b]52;c;Y3VybCBldmlsfHNo\x07",
    "hidden link": "\x1b]8;;http://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "overwriting": "rm -rf /\rls      ",
    "backspaces": "evil\b\b\b\bgood",
    "bell, shift and delete": "\x07\x0e\x0f\x7f\x00",
    "answerback": "\x05\x1bZ\x1b[c\x1b[6n",
    "direction": "a\u202egnp.exe\u202c \u2066b\u2069",
    "entities": "&#27;[2J &#x9b;2J &#13;over &#8;&#x7f; &#x202e;x &#8294;y",
    "entities in code": f"`&#27;[2J`\n\n{TICKS}\n&#13;\x1b[2J\n{TICKS}",
    "entities in a link": "[x](http://a.example/&#13;&#27;[2J 'a&#13;b')",
    "entity in an image": "![&#27;[2J](&#x202e;x)",
    "fence": f"{TICKS}py\x1b]0;x\x07 &#13;\ncode\n{TICKS}",
    "markup of rich": "[red]x[/red] [link=http://evil.example]y[/link] [/] :smile:",
    "script": "[x](javascript:alert%281%29) <javascript:alert(1)>",
    "table": "| a\x1b[2J | b&#13; |\n|---|---|\n| \x1b[5A | &#8238;c |",
    "half an escape": "\x1b",
}


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_nothing_steers_the_terminal(text: str) -> None:
    """Only colours and weights reach it, and what is shown is what is there."""
    written = blocks(text, width=60)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", written)

    assert [] == re.findall(
        r"[^\n\t -~\xa0-\u2029\u202f-\u2065\u206a-\U0010ffff]", shown
    )
    assert all(word in shown for word in re.findall(r"evil[.]example|javascript", text))
    if "[red]" in text:
        assert text == shown.rstrip()


@pytest.mark.parametrize("without", ["", "rich"])
def test_a_hostile_answer(server: ScriptedServer, without: str) -> None:
    """The picture refuses all that would steer a terminal; nothing is left out."""
    text = "\n\n".join(f"{name}: {what}" for name, what in STEERING.items())
    reasoning = chunk(delta={"reasoning_content": text})
    server.will(Answer((reasoning, *says(*pieces(text, 5)).steps)))
    with terminal("%%chat\nx", "%chat show", without=without) as shell:
        seen = shell.end()
        shown = shell.end()

    for name in STEERING:
        assert 2 == seen.count(f"\n{name}:")
        assert f"\n{name}:" in shown


LETTERS = st.text("aZé漢🙂 \n\t#*_`~-+>|[]()<>!$\\:.1234")


@given(text=LETTERS, width=st.integers(1, 60))
def test_nothing_is_lost(text: str, width: int) -> None:
    """Every letter of an answer is printed, however narrow the terminal is."""
    picture = Picture(width)
    picture.feed(blocks(text, width=width).replace("\n", "\r\n"))
    seen = picture.text

    assert all(text.count(letter) <= seen.count(letter) for letter in "aZé漢")


@given(text=LETTERS, width=st.integers(2, 30), count=st.integers(1, 9))
def test_what_passes_fits(text: str, width: int, count: int) -> None:
    """The passing lines are the last ones, and no more and no wider than allowed."""
    lines = last_lines(text, width, count)
    picture = Picture(width)
    picture.feed("\r\n".join(lines))

    assert 1 <= len(lines) <= count
    assert len(lines) == len(picture.lines)
    assert re.sub(r"\s", "", text).endswith(re.sub(r"\s", "", "".join(lines)))


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"w{n} " for n in range(60_000)),
        "".join(f"w{n}\n\n" for n in range(60_000)),
        TICKS + "\n" + "".join(f"w{n}\n" for n in range(60_000)) + TICKS,
    ],
    ids=["one line", "paragraphs", "code"],
)
def test_a_huge_answer(server: ScriptedServer, text: str) -> None:
    """Four hundred kilobytes are printed once, in order."""
    server.will(says(*pieces(text, 4000)))
    with terminal("%%chat\nx") as shell:
        shell.until("[end]\r\n")

    stays = re.sub(r"\x1b\[\?7l.*?\x1b\[\?7h", "", shell.stream, flags=re.DOTALL)
    words = re.findall(r"w\d+", stays.replace("\r\n", "\n"))
    assert [f"w{n}" for n in range(60_000)] == words


def printed(*updates: Progress, turn: Turn) -> str:
    """Return what a stream that is no terminal gets."""
    with redirect_stdout(io.StringIO()) as stream:
        view = TerminalView()
        for progress in updates:
            view.update(progress)
        view.finish(turn, "main")
        view.finish(turn, "main")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("updates", "expected"),
    [
        ([Progress("", status="waiting")], "ab🙂"),
        ([Progress("a"), Progress("ab\ufffd")], "ab🙂"),
        ([Progress("ab🙂")], "ab🙂"),
        ([Progress("", reasoning="t")], "thinking\nt\n\nab🙂"),
        ([Progress("a", reasoning="t")], "thinking\nt\n\nab🙂"),
        ([Progress("a")], "ab🙂\n\nthinking\nt"),
    ],
)
def test_a_stream_gets_plain_text(updates: Sequence[Progress], expected: str) -> None:
    """The text as it comes, once; thinking that comes late waits for the end."""
    thinks = "thinking" in expected
    turn = turn_of(
        question=Question("x"),
        text="ab🙂",
        reasoning="t" if thinks else "",
        finish="stop",
    )

    assert f"{expected}\nabout 1 token out (estimated) · 0.0 s\n" == printed(
        *updates, turn=turn
    )


def test_a_redirection_in_the_middle() -> None:
    """The answer stays together, where it began."""
    with redirect_stdout(io.StringIO()) as first:
        view = TerminalView()
        view.update(Progress("a"))
        with redirect_stdout(io.StringIO()) as second:
            view.update(Progress("ab"))
        view.finish(turn_of(question=Question("x"), text="abc"), "main")

    assert first.getvalue().startswith("abc\n")
    assert not second.getvalue()


def test_a_stream_of_few_characters() -> None:
    """What a stream cannot encode is spelt out."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    with redirect_stdout(stream):
        TerminalView().finish(turn_of(question=Question("x"), text="é🙂"), "main")
    stream.seek(0)

    assert "\\xe9\\U0001f642\n" == stream.readline()


def test_an_interrupt_waits() -> None:
    """It comes when what must not be cut in two has been done."""
    done = []

    def interrupted() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert [1] == done
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


WORDS = [
    "%chat",
    "%chat show",
    "%chat list",
    "%chat usage",
    "%chat last",
    "%chat journal",
    "%chat set",
    "%chat delete 你",
    "%chat load ß.md",
    "%chat new 你好",
    "%chat list",
]


@pytest.mark.parametrize("without", ["", "rich"])
def test_a_terminal_of_ascii(server: ScriptedServer, without: str) -> None:
    """It shows an answer and every command, with escapes for what it lacks."""
    server.will(says(*pieces("Grüße — 你 | ≤\n\n| é | ü |\n|---|---|\n| ✓ | x |\n")))
    ascii_only = {"PYTHONIOENCODING": "ascii"}
    cells = ["%%chat -m mö\nWas heißt 你?", *WORDS]
    with terminal(*cells, without=without, environment=ascii_only) as shell:
        for _ in cells:
            shell.end()

    assert "UnicodeEncodeError" not in shell.stream
    assert "Traceback" not in shell.stream
    assert "Gr\\xfc\\xdfe" in shell.stream
    assert "Was hei\\xdft \\u4f60?" in shell.stream
    assert shell.stream.isascii()


@pytest.mark.parametrize(
    ("encoding", "answer"),
    [
        ("utf-16", "Grüße 你\U0001f600"),
        ("utf-8", "Grüße 你\U0001f600"),
        ("latin-1", "Grüße \\u4f60\\U0001f600"),
        ("shift_jis", "Gr\\xfc\\xdfe \\u4f60\\U0001f600"),
    ],
)
def test_a_stream_of_another_encoding(
    server: ScriptedServer, encoding: str, answer: str
) -> None:
    """What it has is shown as it is, and what it lacks as an escape."""
    server.will(says("Grüße 你\U0001f600"))
    cells = ["%load_ext apertis_magic", "%%chat\nGrüße 你\U0001f600?", *WORDS]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "", *cells],
        env={
            **os.environ,
            "PYTHONIOENCODING": encoding,
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        check=False,
    )
    shown = done.stdout.decode(encoding)

    assert 0 == done.returncode
    assert "Traceback" not in shown
    assert len(WORDS) + 2 == shown.count("[end]")
    assert shown.count(answer) >= 3


def test_a_plain_message_of_an_error(server: ScriptedServer) -> None:
    """It too is escaped, in the one line that it is."""
    server.will(fails(400, "Ungültig: 你"))
    with terminal("%%chat\nx", environment={"PYTHONIOENCODING": "ascii"}) as shell:
        seen = shell.end()

    assert "Ung\\xfcltig: \\u4f60" in seen.replace("\n", "")
    assert "Traceback" not in shell.stream
