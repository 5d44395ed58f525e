"""``%pdb on``: a question that fails is told in one line, and opens no debugger."""

from pathlib import Path

import pytest
from kernel_driver import Kernel
from scripted_server import PHASES, ScriptedServer, fails
from terminal_driver import terminal

PROMPT = "ipdb>"

CLIENT = """\
from apertis_magic import Apertis
Apertis(api_key="x").chat.completions.create(
    model="m", messages=[{"role": "user", "content": "x"}], max_retries=0
)"""
CAUGHT = """\
for n in range(3):
    try:
        get_ipython().run_line_magic("chat", "ask x")
    except Exception:
        pass
"""
LOST = """\
try:
    get_ipython().run_line_magic("chat", "ask x")
except Exception:
    raise ValueError
"""


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%chat ask x", "AuthenticationError: wrong key (HTTP 401)"),
        ("%%chat\nx", "AuthenticationError: wrong key (HTTP 401)"),
        ("r = %chat ask x?", "AuthenticationError: wrong key (HTTP 401)"),
        (
            "%chat use nowhere",
            "ConfigurationError: There is no conversation 'nowhere'.",
        ),
        ("%chat models", "AuthenticationError: wrong key (HTTP 401)"),
        (f"%chat ask {'x' * 250_000}", "HeldBack: "),
    ],
)
@pytest.mark.parametrize("setting", ["%pdb on", "get_ipython().call_pdb = True"])
def test_a_kernel_tells_it_in_a_line(
    kernel: Kernel, server: ScriptedServer, cell: str, line: str, setting: str
) -> None:
    """A debugger would ask for a line, which fails in a cell that may not ask."""
    server.will(fails(401, "wrong key"))
    kernel.run(f"%xmode Verbose\n{setting}")
    done = kernel.run(cell)
    kernel.run("%pdb off\n%xmode Context")

    assert "error" == done.reply["status"]
    assert done.reply["traceback"][0].startswith(line)
    assert len(done.reply["traceback"]) <= 2
    assert "Handler" not in done.printed


@pytest.mark.parametrize("cell", ["%time %chat ask x", "%%time\n%chat ask x?"])
def test_a_timed_line_is_told_too(
    kernel: Kernel, server: ScriptedServer, cell: str
) -> None:
    """Where an older IPython shows the error itself, and the cell goes on."""
    server.will(fails(401, "wrong key"))
    kernel.run("%pdb on")
    done = kernel.run(cell)
    kernel.run("%pdb off")
    told = str([message["content"] for message in done.messages])

    assert "AuthenticationError: wrong key (HTTP 401)" in told
    assert "StdinNotImplementedError" not in told


def test_a_kernel_tells_an_interrupt_in_a_line(
    kernel: Kernel, server: ScriptedServer
) -> None:
    """As it does without the debugger."""
    server.will(PHASES["streaming"][0])
    kernel.run("%pdb on")
    request = kernel.start("%%chat\nx")
    for message in kernel.messages(request):
        if "half" in str(message["content"]):
            break
    kernel.interrupt()
    done = kernel.finish(request)
    kernel.run("%pdb off")

    assert ["Interrupted"] == done.reply["traceback"]


def test_a_terminal_tells_it_in_a_line(server: ScriptedServer, tmp_path: Path) -> None:
    """The next cell runs at once, and the setting stays as it was."""
    server.will(fails(401, "wrong key"))
    file = tmp_path / "ask.ipy"
    file.write_text("%chat ask x\n")
    cells = (
        "%pdb on",
        "%chat ask x",
        "%chat ask -t hot x",
        "%xmode Verbose",
        "%%chat\nx",
        "%time %chat ask x",
        f"%run {file}",
        "print(bool(get_ipython().call_pdb))",
    )
    with terminal(*cells) as shell:
        for _ in cells:
            seen = shell.end()

    assert PROMPT not in seen
    assert seen.count("AuthenticationError: wrong key (HTTP 401)") >= 4
    assert "Traceback" not in seen
    assert seen.endswith("True")


def test_other_errors_open_it(server: ScriptedServer) -> None:
    """Also in a cell in which questions failed, and those of a client in a cell."""
    server.will(fails(401, "wrong key"))
    cells = ("1 / 0", CLIENT, f"{CAUGHT}1 / 0", f"{CAUGHT}{CLIENT}", f"{CAUGHT}{LOST}")
    with terminal("%pdb on", *cells, "%chat ask x", "%debug") as shell:
        shell.end()
        for _ in cells:
            shell.until(PROMPT)
            shell.child.send("q\r")
            shell.until("[end]\r\n")
        told = shell.until("[end]\r\n")
        shell.until(PROMPT)  # which was asked for

    assert PROMPT not in told
    assert "AuthenticationError: wrong key (HTTP 401)" in told
