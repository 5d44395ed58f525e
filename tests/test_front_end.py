"""What a request tells of the front end: a notebook, VS Code, a console, a terminal."""

from typing import Any
from uuid import uuid4

import pytest
from conftest import Shell
from IPython.core.error import UsageError
from kernel_driver import Kernel, Outcome
from scripted_server import ScriptedServer, says

LOOK = """
from apertis_magic.notebook.front_end import front_end
found = front_end(get_ipython())
print(found.cell and found.cell.id, found.shows_text_alone, found.is_vscode)
"""
BROWSER = str(uuid4())
"""The id of a message as a page in a browser makes it."""


@pytest.mark.parametrize(
    ("request_of", "found"),
    [
        ({"cell": "a-1", "allow_stdin": True, "msg_id": BROWSER}, "a-1 False False"),
        ({"cell": "a-1", "allow_stdin": True}, "a-1 False False"),
        ({"colab": {"cell_id": "c"}, "allow_stdin": True}, "c False False"),
        ({"allow_stdin": True, "msg_id": BROWSER}, "None False False"),
        ({"allow_stdin": False}, "None False False"),
        ({"allow_stdin": True}, "None True False"),
        ({"cellId": "", "allow_stdin": True}, "None True False"),
        (
            {"cell": "vscode-notebook-cell:/a.ipynb#W0s", "allow_stdin": True},
            "vscode-notebook-cell:/a.ipynb#W0s False True",
        ),
    ],
    ids=[
        "JupyterLab",
        "a server that runs its cells",
        "Colab",
        "the classic notebook",
        "nbclient",
        "jupyter console",
        "QtConsole",
        "VS Code",
    ],
)
def test_a_request(kernel: Kernel, request_of: dict[str, Any], found: str) -> None:
    """It is known by what it says of the cell, of input, and by its own id."""
    done = kernel.finish(kernel.start(LOOK, **request_of))

    assert f"{found}\n" == done.printed


def test_a_terminal(shell: Shell) -> None:
    """A shell that is in no kernel tells no cell; only IPython's own is a terminal."""
    shell.run(LOOK.replace("print(", "seen = ("))

    assert (None, False, False) == shell.user_ns["seen"]


def kinds(done: Outcome) -> set[str]:
    """Return the kinds of messages that came."""
    return {message["msg_type"] for message in done.messages}


@pytest.mark.parametrize(
    ("display", "is_console", "expected"),
    [
        ("auto", True, {"stream"}),
        ("auto", False, {"display_data", "update_display_data"}),
        ("text", True, {"stream"}),
        ("text", False, {"stream"}),
        ("rich", True, {"display_data", "update_display_data"}),
        ("rich", False, {"display_data", "update_display_data"}),
    ],
)
def test_the_user_decides(
    kernel: Kernel,
    server: ScriptedServer,
    display: str,
    expected: set[str],
    *,
    is_console: bool,
) -> None:
    """A front end that is taken for another can be told what it is."""
    server.will(says("words ", "of it"))
    kernel.run(f"%config ApertisMagic.display = {display!r}")
    request = kernel.start("%chat ask Why?", allow_stdin=is_console)
    done = kernel.finish(request)
    kernel.run("%config ApertisMagic.display = 'auto'")

    assert kinds(done) <= expected
    assert "words of it" in (done.printed or str(done.outputs))
    assert ("<div" in str(done.outputs)) == ("stream" not in expected)


@pytest.mark.parametrize("value", ["html", "none", "Rich", "''"])
def test_another_word_is_refused(shell: Shell, value: str) -> None:
    """The line that comes says which there are."""
    with pytest.raises(UsageError, match="'auto', 'rich', 'text'"):
        shell.run(f"%chat config display {value}")


def test_text_streams_in_an_output(kernel: Kernel, server: ScriptedServer) -> None:
    """What is printed there is kept as it comes."""
    server.will(says("words ", "of it"))
    kernel.run("%config ApertisMagic.display = 'text'")
    done = kernel.run(
        "import ipywidgets\nwith ipywidgets.Output():\n"
        "    get_ipython().run_line_magic('chat', 'ask Why?')"
    )
    kernel.run("%config ApertisMagic.display = 'auto'")

    assert {"stream"} == kinds(done)
    assert 1 == done.printed.count("words of it")


@pytest.mark.parametrize("how", [{"allow_stdin": True}, {"allow_stdin": False}])
def test_a_panel_needs_widgets(kernel: Kernel, how: dict[str, Any]) -> None:
    """A console is told so in one line."""
    done = kernel.finish(kernel.start("%chat panel", **how))
    is_refused = "%chat panel needs a notebook" in done.printed

    assert how["allow_stdin"] == is_refused
    assert is_refused != any("widget-view" in str(each) for each in done.outputs)

    kernel.run("import ipywidgets\nipywidgets.Widget.close_all()")
