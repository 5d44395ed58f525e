"""``jupyter console`` and QtConsole, which show text alone and update nothing."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from scripted_server import NEVER, Answer, ScriptedServer, chunk, fails, says, whole
from terminal_driver import PATIENCE, Console, console

# A QtConsole without a screen, which runs cells and tells what stands in it at the end.
QTCONSOLE = """
import json, sys
from PySide6.QtCore import QEventLoop, QTimer
from PySide6.QtWidgets import QApplication
from qtconsole.manager import QtKernelManager
from qtconsole.rich_jupyter_widget import RichJupyterWidget

application = QApplication([])
manager = QtKernelManager(kernel_name="python3")
manager.start_kernel()
client = manager.client()
client.start_channels()
console = RichJupyterWidget()
console.kernel_manager, console.kernel_client = manager, client

def text():
    return console._control.toPlainText()

def wait(words):
    while words not in text():
        loop = QEventLoop()
        QTimer.singleShot(20, loop.quit)
        loop.exec()

wait("In [1]: ")
for number, (cell, interrupted_at) in enumerate(json.loads(sys.argv[1]), 2):
    console.execute(cell)
    if interrupted_at:
        wait(interrupted_at)
        manager.interrupt_kernel()
    wait(f"In [{number}]: ")
print(json.dumps(text()))
client.stop_channels()
manager.shutdown_kernel(now=True)
"""
MARKS = ("<div", "<style", "<IPython", "'text/html'")
"""What would be seen of an output that a console does not show as its text."""


@pytest.fixture
def jupyter(server: ScriptedServer) -> Iterator[Console]:  # noqa: ARG001  it asks there
    """Yield a ``jupyter console`` with the extension loaded."""
    with console() as found:
        found.run("%load_ext apertis_magic")
        yield found


def test_answers_are_printed_once(jupyter: Console, server: ScriptedServer) -> None:
    """Streamed or not, each with its footer, also of several in one cell."""
    server.will(says("**Hi**", " there"), whole("at once"), says("one"), says("two"))
    streamed = jupyter.run("%chat ask Hello")
    unstreamed = jupyter.run("%chat ask --no-stream Hello")
    several = jupyter.run(
        "for q in 'ab': get_ipython().run_line_magic('chat', f'ask {q}')\n"
    )

    assert ["**Hi** there"] == streamed.splitlines()[:1]
    assert ["at once"] == unstreamed.splitlines()[:1]
    assert ["one", "two"] == several.splitlines()[::2]
    for shown in (streamed, unstreamed, *several.splitlines()[1::2]):
        assert 1 == shown.count("5 in + 2 out = 7 tokens")


def test_what_goes_wrong_is_a_line(jupyter: Console, server: ScriptedServer) -> None:
    """An interrupt keeps what had come; an error says what to do."""
    server.will(Answer((chunk("half"), NEVER)), fails(401, "Wrong key."), says("next"))
    stopped = jupyter.run("%chat ask Why?", interrupted_at="half")
    refused = jupyter.run("%chat ask Why?")

    assert 1 == stopped.count("half")
    assert 1 == stopped.count("stopped")
    assert "Interrupted" == stopped.splitlines()[-1].strip()
    assert "AuthenticationError: Wrong key. (HTTP 401)" == refused.splitlines()[0]
    assert 2 == len(refused.splitlines())
    assert "next" == jupyter.run("%chat ask Why?").splitlines()[0]


def test_other_outputs_are_text(jupyter: Console, server: ScriptedServer) -> None:
    """What a notebook shows as a table or a transcript is printed, and no HTML."""
    server.will(says("so"))
    jupyter.run("%chat ask Why?")
    shown = {
        line: jupyter.run(line)
        for line in ("%chat", "%chat show", "%chat list", "%chat config", "%chat panel")
    }

    assert 1 == shown["%chat show"].count("[1] Why?")
    assert 1 == shown["%chat list"].count("* main")
    assert shown["%chat panel"].startswith("UsageError: %chat panel needs a notebook")
    assert all(shown.values())
    assert not [mark for mark in MARKS for each in shown.values() if mark in each]


def test_a_qtconsole(server: ScriptedServer) -> None:
    """The same in a window, Spyder's too: each text once, interrupted or refused."""
    missing = [name for name in ("qtconsole", "PySide6") if find_spec(name) is None]
    if missing:
        pytest.skip(f"there is no {', no '.join(missing)}; make test-slow installs it")
    server.will(
        says("**Hi**", " there"),
        Answer((chunk("half"), NEVER)),
        fails(401, "Wrong key."),
        whole("at once"),
    )
    cells = [
        ("%load_ext apertis_magic", ""),
        ("%%chat\nHello", ""),
        ("%chat ask Why?", "\nhalf"),
        ("%chat ask Why?", ""),
        ("%chat ask --no-stream Why?", ""),
        ("%chat panel", ""),
        ("%chat show", ""),
    ]
    done = subprocess.run(
        [sys.executable, "-c", QTCONSOLE, json.dumps(cells)],
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )

    assert 0 == done.returncode, done.stderr

    text = json.loads(done.stdout.splitlines()[-1])
    below = [part.partition("\n")[2].strip() for part in text.split("\nIn [")[1:]]

    assert ["**Hi** there"] == below[1].splitlines()[1:2]
    assert 1 == below[2].count("half\n")
    assert "Interrupted" == below[2].splitlines()[-1]
    assert 1 == below[2].count("The answer was stopped;")
    assert "AuthenticationError: Wrong key. (HTTP 401)" == below[3].splitlines()[0]
    assert "at once" == below[4].splitlines()[0]
    assert "UsageError: %chat panel needs a notebook" in below[5]
    assert 1 == below[6].count("[1] Hello")
    assert not [mark for mark in MARKS if mark in text]
