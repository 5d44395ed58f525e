"""Tab completion on chat lines: what is offered, and which characters it replaces."""

from pathlib import Path

import pytest
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from IPython.terminal.ptutils import IPythonPTCompleter
from kernel_driver import Kernel
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from scripted_server import NEVER, Answer, ScriptedServer, json_answer

from apertis_magic.chat import session
from apertis_magic.notebook import candidates, completion
from apertis_magic.notebook.commands.command_table import COMMANDS
from apertis_magic.notebook.options import BY_NAME, OPTIONS

pytestmark = pytest.mark.usefixtures("cache")

IDS = ["gpt-5.4", "gpt-5.4:web", "claude-sonnet-4-6", "Qwen/Qwen3-8B:free", "a b"]
LIST = json_answer({"data": [{"id": name} for name in IDS]})
EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
LONG = [option.names[-1] for option in OPTIONS]


@pytest.fixture
def listed(cache: Path, server: ScriptedServer) -> None:  # noqa: ARG001  kept there
    """Let this process know a server's list of models."""
    server.will(LIST)
    session.current().model_lists.refresh()


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        (" ", "", LONG),
        (" -", "-", list(BY_NAME)),
        (" --te", "--te", ["--temperature"]),
        (" -t 0 --NEW", "--NEW", ["--new"]),
        (" -m ", "", [*IDS[:-1], '"a b"']),
        (" -m gpt-5.4:", "gpt-5.4:", ["gpt-5.4:web"]),
        (" --model=qwen/Q", "qwen/Q", ["Qwen/Qwen3-8B:free"]),
        (" --model\tcl", "cl", ["claude-sonnet-4-6"]),
        (" --reasoning-effort ", "", EFFORTS),
        (" --reasoning-effort=m", "m", ["minimal", "medium", "max"]),
        (" -s '-m' ", "", LONG),
        (" -t ", "", []),
        (" -o x", "x", []),
        (" -s 'Be ", "", []),
        (' -s "-m g', "g", []),
        (" hello", "hello", []),
    ],
)
def test_the_line_of_a_cell(line: str, word: str, expected: list[str]) -> None:
    """Options, and the values of those that have some, replace the unfinished word."""
    found, offered = candidates.at_end(line, of_cell=True)

    assert word == found
    assert expected == [candidate.text for candidate in offered]


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (" ", list(COMMANDS)),
        (" rest", ["restore"]),
        (" model ", [*IDS[:-1], '"a b"', "default"]),
        (" model claude-", ["claude-sonnet-4-6"]),
        (" model gpt-5.4 ", []),
        (" models ", ["--refresh"]),
        (" models x ", ["--refresh"]),
        (" models x y --r", ["--refresh"]),
        (" models x --refresh ", []),
        (" local s", ["stop", "status"]),
        (" show ", ["main", "--versions"]),
        (" show main --v", ["--versions"]),
        (" show main --versions ", []),
        (" new ", []),
        (" use ", ["main"]),
        (" restore ", []),
        (" journal c", ["clear"]),
        (" retry --a", ["--anyway"]),
        (" retry --n", ["--no-stream", "--no-footer"]),
        (" retry -m gpt-5.4:", ["gpt-5.4:web"]),
        (" continue -c ", ["main"]),
        (" continue ", ["-c"]),
        (" ask --temp", ["--temperature"]),
        (" --temp", ["--temperature"]),
        (" -t 0 -m gpt-5.4:", ["gpt-5.4:web"]),
        (" ask -m gpt-5.4:", ["gpt-5.4:web"]),
        (" continue -c main ", ["-c"]),
        (" config mod", ["model"]),
        (" config model ", []),
        (" system ", []),
        (" export a.md main --force --anyway ", []),
        (" nothing ", []),
        (" 'mod", []),
    ],
)
def test_the_line_of_a_command(line: str, expected: list[str]) -> None:
    """Commands, and what each of them takes."""
    _, offered = candidates.at_end(line, of_cell=False)

    assert expected == [candidate.text for candidate in offered]


@pytest.mark.usefixtures("listed")
def test_the_files_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that hold conversations, and folders; a space puts quotes around one."""
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("a.md", "a.txt", "my talk.ipynb", ".hidden.json"):
        Path(name).touch()
    Path("notes").mkdir()
    Path("notes", "b.json").touch()

    def offered(line: str) -> list[str]:
        return [each.text for each in candidates.at_end(line, of_cell=False)[1]]

    assert ["a.md", '"my talk.ipynb"', "notes/", "--trust"] == offered(" load ")
    assert ['"my talk.ipynb"'] == offered(" export my")
    assert ["notes/b.json"] == offered(" export notes/")
    assert [".hidden.json"] == offered(" load .h")
    assert [] == offered(" load nowhere/")
    assert ["main", "--force", "--anyway"] == offered(" export a.md ")


@given(st.text(), st.booleans())
def test_any_line_has_an_end(line: str, of_cell: bool) -> None:  # noqa: FBT001  drawn
    """Nothing is raised, and what is replaced is the end of the line."""
    word, _ = candidates.at_end(line, of_cell=of_cell)

    assert line.endswith(word)


def test_every_option_and_command_says_what_it_is() -> None:
    """In a terminal their help stands beside them."""
    _, named = candidates.at_end(" -", of_cell=True)
    _, commands = candidates.at_end(" ", of_cell=False)

    assert all(candidate.help for candidate in (*named, *commands))


@pytest.fixture
def kernel(kernel: Kernel) -> Kernel:
    """Return the kernel with a name that a message must not be completed with."""
    kernel.run("message_in_a_bottle = 1")
    return kernel


def completed(kernel: Kernel, before: str, after: str = "") -> list[str]:
    """Return the cell *before* + *after* with each completion put in its place."""
    code = before + after
    reply = kernel.complete(code, len(before))
    start, end = reply["cursor_start"], reply["cursor_end"]

    assert end == len(before)

    return [code[:start] + match for match in reply["matches"]]


@pytest.mark.parametrize("body", ["", "\n", "\nmessage_in one\n%chat mo"])
@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("%%chat --te", ["%%chat --temperature"]),
        ("\n  %%chat --te", ["\n  %%chat --temperature"]),
        ("%%chat -m gpt", ["%%chat -m gpt-5.4", "%%chat -m gpt-5.4:web"]),
        ("%%chat -m gpt-5.4:", ["%%chat -m gpt-5.4:web"]),
        ("%%chat --model=q", ["%%chat --model=Qwen/Qwen3-8B:free"]),
        ("%%chat -t 0 -m Qwen/Qwen3-8B:f", ["%%chat -t 0 -m Qwen/Qwen3-8B:free"]),
        ("%%chat -t ", ["%%chat -t "]),
        ("%%chat -o message_in", ["%%chat -o message_in"]),
        ("%chat sh", ["%chat show"]),
        ("x = %chat sh", ["x = %chat show"]),
        ("d['a'] = b = %chat sh", ["d['a'] = b = %chat show"]),
        ("if x: y = %time %chat sh", ["if x: y = %time %chat show"]),
        ("for m in n: %chat ask --te", ["for m in n: %chat ask --temperature"]),
        (
            "x = 1\n%chat local st",
            ["x = 1\n%chat local stop", "x = 1\n%chat local status"],
        ),
        ("%chat model cl", ["%chat model claude-sonnet-4-6"]),
    ],
)
def test_a_kernel_replaces_the_right_characters(
    kernel: Kernel, server: ScriptedServer, before: str, body: str, expected: list[str]
) -> None:
    """On the magic's own line, whatever stands below it; Python's names stay out."""
    server.will(LIST)
    kernel.run("%chat models")

    assert expected == completed(kernel, before, body)


@pytest.mark.parametrize("text", ["message_in", "a  ", "%chat mo", "-", "", " \n"])
def test_a_message_is_left_alone(kernel: Kernel, text: str) -> None:
    """In the body of a cell nothing is offered but what is there."""
    cell = f"%%chat -t 0\nfirst\n{text}"

    assert [cell] == completed(kernel, cell)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("message_in", "message_in_a_bottle"),
        ("%%cha", "%%chat"),
        ("%%time\nmessage_in", "%%time\nmessage_in_a_bottle"),
        ("%%chatter\nmessage_in", "%%chatter\nmessage_in_a_bottle"),
    ],
)
def test_other_cells_are_left_alone(kernel: Kernel, code: str, expected: str) -> None:
    """IPython completes them as before."""
    assert expected in completed(kernel, code)


def test_a_kernel_does_not_wait(kernel: Kernel, server: ScriptedServer) -> None:
    """The reply comes while the server says nothing."""
    server.will(Answer(before_headers=NEVER))

    assert ["%%chat -m g"] == completed(kernel, "%%chat -m g")

    server.wait_for(1)

    assert ["%%chat -m g"] == completed(kernel, "%%chat -m g")


def test_kinds_are_told(kernel: Kernel) -> None:
    """A notebook shows beside each word what it is."""
    reply = kernel.complete("%%chat --te", 11)
    [told] = reply["metadata"]["_jupyter_types_experimental"]

    assert "option" == told["type"]


def test_loading_and_other_completions_ask_for_no_list(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """Only a place where a model can stand does."""
    for code in ("%%chat --te", "%chat sh", "message_in", "%%chat\nmod"):
        completed(kernel, code)

    assert [] == server.requests


def test_unloading_takes_it_out(kernel: Kernel) -> None:
    """And loading twice puts it in once."""
    kernel.run("%reload_ext apertis_magic")

    assert ["%%chat --temperature"] == completed(kernel, "%%chat --te")

    kernel.run("%unload_ext apertis_magic")

    assert "%%chat --temperature" not in completed(kernel, "%%chat --te")


@pytest.mark.usefixtures("listed")
def test_a_terminal(shell: Shell) -> None:
    """Its prompt puts the words in the same place, with their help beside them."""
    terminal = IPythonPTCompleter(ipy_completer=shell.Completer)

    def offered(text: str) -> list[tuple[str, str]]:
        found = terminal.get_completions(Document(text), CompleteEvent())
        return [(text[: c.start_position] + c.text, c.display_meta_text) for c in found]

    assert [("%%chat --model=Qwen/Qwen3-8B:free", "model")] == (
        offered("%%chat --model=qwen/qwen3-8b:")
    )
    assert [
        ("%%chat --new", "start over: drop the turns so far; the system prompt stays")
    ] == (offered("%%chat --ne"))


@pytest.mark.usefixtures("listed")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("%%chat --te", ["--temperature"]),
        ("%%chat -m gpt-5.4:", ["web"]),
        ("%%chat -m Qwen/Qwen3-8B:f", ["free"]),
        ("%%chat -m qwen/q", ["Qwen/Qwen3-8B:free"]),
        ("%%chat --model=gpt-5", ["gpt-5.4", "gpt-5.4:web"]),
        ("%chat local st", ["stop", "status"]),
        ("import os", []),
    ],
)
def test_an_older_ipython(shell: Shell, line: str, expected: list[str]) -> None:
    """Before 8.6 a match replaces what stands after the last colon."""
    shell.Completer.text_until_cursor = line

    assert expected == list(completion._match_line(shell.Completer, line))
