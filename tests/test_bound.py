"""An answer as a value: bound, returned, and shown once, in shells of every kind."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Shell
from IPython.core.error import UsageError
from kernel_driver import Kernel, Outcome
from scripted_server import Answer, Cut, ScriptedServer, chunk, fails, says
from terminal_driver import terminal
from turns import said

from apertis_magic import errors
from apertis_magic.chat.turn import Turn


@pytest.fixture(autouse=True)
def answers(server: ScriptedServer) -> None:
    """Have the server answer everything by one word."""
    server.will(says("Tokyo."))


def displays(done: Outcome) -> list[str]:
    """Return what a cell shows, by its kind."""
    return [output["type"] for output in done.outputs if output["type"] != "stream"]


@pytest.mark.parametrize(
    "statement",
    [
        "x = %chat ask hi",
        "x = %chat ask hi?",
        "x = %chat ask it's {hard} to (read?",
        "x = %chat What is the capital of Japan?",
        "x = %chat -t 0 What is it?",
        "x = %time %chat ask hi?",
        "for n in range(2):\n    x = %chat ask hi?",
        "for n in {1: 'a'}: x = %chat ask hi?",
        "if True: x = %chat ask hi\nelse: %chat ask no",
        "def f(n: int = 1): x = %chat ask hi?\nx = %chat ask hi",
        "d = {}\nd['x'] = %chat ask hi?\nx = d['x']",
        "x: object = %chat ask why \\\n  and how?",
        "x = y = %chat ask hi?",
        "n = 1; x = %chat ask it's (hi?",
        "x = get_ipython().run_line_magic('chat', 'ask hi')",
        "x = get_ipython().run_cell_magic('chat', '', 'hi')",
        "%chat ask -q hi\nx = %chat retry",
        "%chat ask -q hi\nx = %chat last",
        "x = %chat ask -q hi",
        "x = %chat ask --once hi",
    ],
)
def test_a_turn_is_bound(shell: Shell, statement: str) -> None:
    """By all that asks or shows an answer, however the line is written."""
    shell.run(statement)

    assert isinstance(shell.user_ns["x"], Turn)
    assert "Tokyo." == shell.user_ns["x"].text


@pytest.mark.parametrize(
    "statement",
    ["%chat", "%chat show", "%chat undo", "%chat help", "%chat ask -h", "%chat new"],
)
def test_what_only_says_something_is_none(shell: Shell, statement: str) -> None:
    """There is no answer to bind."""
    shell.run(f"x = {statement}")

    assert shell.user_ns["x"] is None


def test_an_answer_that_goes_on_is_bound(shell: Shell, server: ScriptedServer) -> None:
    """As the whole of it."""
    server.will(says("Tok", finish="length"), says("yo."))
    shell.run("%chat ask hi")
    shell.run("x = %chat continue")

    assert "Tokyo." == shell.user_ns["x"].text.replace(" ", "")


def test_text_is_bound_as_text(shell: Shell) -> None:
    """With ``-f text``, as ``-o`` does."""
    shell.run("x = %chat ask -f text -o y hi")

    assert ("Tokyo.", "Tokyo.") == (shell.user_ns["x"], shell.user_ns["y"])


def test_what_fails_binds_nothing(shell: Shell, server: ScriptedServer) -> None:
    """Only ``-o`` has what had come."""
    server.will(Answer((chunk("half"), Cut())), fails(401))
    shell.run("x = 1")
    with pytest.raises(errors.ConnectionFailed):
        shell.run("x = %chat ask -o y hi")
    with pytest.raises(errors.AuthenticationError):
        shell.run("x = %chat ask hi")
    with pytest.raises(UsageError):
        shell.run("x = %chat ask -t hot hi")

    assert 1 == shell.user_ns["x"]
    assert "half" == shell.user_ns["y"].text


@pytest.mark.parametrize("prompt", ["hi", "long " * 50, "two\nlines \x1b[2J"])
def test_a_turn_is_one_short_line(shell: Shell, prompt: str) -> None:
    """As the value of a name, whatever it holds."""
    shell.run(f"%%chat -o x\n{prompt}")
    shown = repr(shell.user_ns["x"])

    assert len(shown) < 120
    assert "\n" not in shown
    assert "Tokyo." in shown


BARE = [
    "%chat ask hi",
    "%chat ask hi;",
    "%chat ask hi?",
    "%chat What is it?",
    "%chat ask -o x hi",
    "%time %chat ask hi",
    "%%time\n%chat ask hi?",
    "%%time\n%%chat\nhi",
    "%%chat\nhi",
    "%%chat What is it?",
    "if True:\n    %chat ask hi",
    "for n in [1]: %chat ask hi?",
    "x = %chat ask hi",
    "x = %time %chat ask hi",
    "get_ipython().run_line_magic('chat', 'ask hi')",
    "get_ipython().run_cell_magic('chat', '', 'hi')",
    "def ask():\n    return get_ipython().run_line_magic('chat', 'ask hi')\nask()",
    "%reload_ext apertis_magic\n%chat ask hi",
]


@pytest.mark.parametrize("interactivity", ["last_expr", "all"])
@pytest.mark.parametrize("cell", BARE)
def test_a_kernel_shows_an_answer_once(
    kernel: Kernel, cell: str, interactivity: str
) -> None:
    """And not again as the value of the statement."""
    setting = f"get_ipython().ast_node_interactivity = {interactivity!r}"
    kernel.run(setting)
    done = kernel.run(cell)

    assert ("ok", ["display_data"]) == (done.reply["status"], displays(done))


@pytest.mark.parametrize("cell", ["%chat ask hi", "%%time\n%chat ask hi?\n"])
def test_what_captures_has_an_answer_once(kernel: Kernel, cell: str) -> None:
    """And a value that is another one."""
    kernel.run(f"%%capture seen\n{cell}")
    done = kernel.run("print(len(seen.outputs))")
    kernel.run("%%capture seen\n%chat ask hi\n6 * 7")
    both = kernel.run("print(len(seen.outputs))")

    assert ("1\n", "2\n") == (done.printed, both.printed)


def test_a_loop_shows_each_answer_once(kernel: Kernel) -> None:
    """Also where IPython shows the value of every statement."""
    kernel.run("get_ipython().ast_node_interactivity = 'all'")
    done = kernel.run("for n in range(2):\n    %chat ask hi\n%chat ask hi")
    kernel.run("get_ipython().ast_node_interactivity = 'last_expr'")

    assert 3 * ["display_data"] == displays(done)


def test_a_name_is_shown(kernel: Kernel) -> None:
    """In the same cell and in another; the last answer is ``_`` and ``Out``."""
    same = kernel.run("x = %chat ask hi\nx")
    other = kernel.run("x")
    kernel.run("%chat ask hi")
    last = kernel.run("print(_.text, Out[max(Out)].text)")

    assert ["display_data", "execute_result"] == displays(same)
    assert ["execute_result"] == displays(other)
    assert "<Turn 'hi': 'Tokyo.', stop>" == other.outputs[0]["data"]["text/plain"]
    assert "Tokyo. Tokyo.\n" == last.printed


def test_other_values_are_shown_as_ever(kernel: Kernel) -> None:
    """Behind an answer, and once its cell has ended."""
    behind = kernel.run("%chat ask hi\n6 * 7")
    after = kernel.run("6 * 7")

    assert ["display_data", "execute_result"] == displays(behind)
    assert ["execute_result"] == displays(after)


def test_a_terminal_shows_an_answer_once() -> None:
    """Without IPython's mark of a value; a name has one."""
    cells = ("%chat ask hi", "%time %chat ask hi", "x = %chat ask hi", "x", "6 * 7")
    with terminal(*cells) as shell:
        line, timed, bound, named, other = (shell.end() for _ in cells)

    assert (1, 0) == (line.count("Tokyo."), line.count("Out["))
    assert (2, 0) == (timed.count("Tokyo."), timed.count("Out["))
    assert (3, 0) == (bound.count("Tokyo."), bound.count("Out["))
    assert (4, 1) == (named.count("Tokyo."), named.count("Out["))
    assert other.endswith("42")


# The cell that loads the extension


@pytest.fixture
def unloaded(shell: Shell) -> Iterator[Shell]:
    """Return a shell without the extension, which the test loads."""
    shell.run("%unload_ext apertis_magic")
    shell.user_ns.pop("x", None)
    yield shell
    shell.run("%load_ext apertis_magic")


@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("%chat ask Why is the sky blue?", ["Why is the sky blue?"]),
        ("%chat Why is the sky blue?", ["Why is the sky blue?"]),
        ("x = %chat ask Is it so??", ["Is it so??"]),
        ("%time %chat ask why?", ["why?"]),
        ("%chat ask a?\n%chat ask is it a?", ["a?", "is it a?"]),
        ("# is it a?\n%chat ask a?  # a?\n#a?\n%chat ask a?", ["a?  # a?", "a?"]),
        (
            "for n in range(2):\n    %chat ask a?\n    %chat ask or a?",
            2 * ["a?", "or a?"],
        ),
        ("m = 'other'\n%chat ask -m {m} is it {m}?", ["is it {m}?"]),
        ("%chat ask is it **bold**?", ["is it **bold**?"]),
        ("%chat ask without one", ["without one"]),
    ],
)
def test_questions_below_the_loading(
    unloaded: Shell, server: ScriptedServer, below: str, expected: list[str]
) -> None:
    """IPython has read the cell before, and takes them for requests for help."""
    unloaded.run(f"%load_ext apertis_magic\n{below}")

    assert expected == [messages[-1][1] for messages in server.messages]
    assert ("x" in below[:1]) == ("x" in unloaded.user_ns)


def test_help_below_the_loading_is_help(
    unloaded: Shell, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside a question that ends in the same word, and in the cells after."""
    unloaded.run("len?")
    line_magics = unloaded.magics_manager.magics["line"]
    look_up = line_magics["pinfo"]
    capsys.readouterr()
    unloaded.run("%load_ext apertis_magic\nlen?\n%chat ask what is len?\nlen?\n%chat?")
    told = capsys.readouterr().out

    assert ["what is len?"] == [messages[-1][1] for messages in server.messages]
    assert 2 == told.count("Return the number of items")
    assert "Ask in one line" in told
    assert look_up == line_magics["pinfo"]


def test_a_file_that_loads_it_asks(
    unloaded: Shell, server: ScriptedServer, tmp_path: Path
) -> None:
    """An ``.ipy`` file is one cell for IPython."""
    file = tmp_path / "ask.ipy"
    file.write_text("%load_ext apertis_magic\nx = %chat ask Why is the sky blue?\n")
    unloaded.run(f"%run {file}")

    assert [("user", "Why is the sky blue?")] == server.messages[0]
    assert "Tokyo." == unloaded.user_ns["x"].text


def test_a_kernel_answers_in_the_loading_cell(kernel: Kernel) -> None:
    """And shows the answer once."""
    kernel.run("%unload_ext apertis_magic")
    done = kernel.run("%load_ext apertis_magic\n%chat ask Why is the sky blue?")

    assert ["display_data"] == displays(done)
    assert "Tokyo." == said(done.answer["data"])
