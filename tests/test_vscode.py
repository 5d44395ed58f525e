"""VS Code, which is not here: the rules that were found to hold in it."""

import re
import threading
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from kernel_driver import Kernel, Outcome
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk, fails, says

from apertis_magic.notebook.commands import command_table
from apertis_magic.notebook.options import OPTIONS, help_text, named
from apertis_magic.panel.page import styles
from apertis_magic.render import style

CELL = "vscode-notebook-cell:/a/b.ipynb#W0sZmlsZQ%3D%3D"
MOST_LINES = 30
"""Of text that VS Code shows without cutting its middle."""

SHEETS = {
    "panel.css": styles(),
    **{k: v for k, v in vars(style).items() if k.isupper()},
}


@pytest.fixture
def vscode(kernel: Kernel) -> Iterator[Kernel]:
    """Yield a kernel that VS Code has started."""
    kernel.run("__vsc_ipynb_file__ = '/a/b.ipynb'", CELL)
    yield kernel
    kernel.run("del __vsc_ipynb_file__")


def help_of(done: Outcome) -> str:
    """Return the text that a request for help gave."""
    [payload] = done.reply["payload"]
    text: str = payload["data"]["text/plain"]
    return text


@pytest.mark.parametrize("name", SHEETS)
def test_its_own_variables_come_first(name: str) -> None:
    """There JupyterLab's are those of a light page, whatever the theme."""
    sheet = str(SHEETS[name])
    ours = re.findall(r"var\(\s*--jp-[\w-]+", sheet)
    behind = re.findall(r"var\(\s*--vscode-[\w-]+\s*,\s*(var\(\s*--jp-[\w-]+)", sheet)

    assert behind == ours


def test_there_are_such_variables() -> None:
    """The test above sees what it is for."""
    assert 10 < sum(str(each).count("var(--jp-") for each in SHEETS.values())


@pytest.mark.parametrize("line", ["%%chat?", "%chat?", "?%chat"])
def test_help_is_not_cut(vscode: Kernel, line: str) -> None:
    """It names all that there is, in fewer lines than are shown."""
    told = help_of(vscode.run(line, CELL))
    names = map(named, OPTIONS) if line == "%%chat?" else command_table.COMMANDS

    assert told.count("\n") < MOST_LINES
    assert [] == [name for name in names if name not in told]
    assert "%chat help" in told


def test_help_elsewhere(kernel: Kernel) -> None:
    """Where nothing is cut it says what each does."""
    assert help_text() in help_of(kernel.run("%%chat?", "c1"))
    assert command_table.help_text() in help_of(kernel.run("%chat?", "c1"))


@pytest.mark.parametrize("line", ["%chat help", "%%chat -h\nx"])
def test_long_lines_of_words_are_html(vscode: Kernel, line: str) -> None:
    """Text would be cut in the middle, and HTML is not."""
    [shown] = vscode.run(line, CELL).outputs
    whole = shown["data"]["text/plain"]

    assert help_text() in whole
    assert f"<pre>{whole}</pre>" in unescape(shown["data"]["text/html"])


def test_an_errors_whole_story(vscode: Kernel, server: ScriptedServer) -> None:
    """It is longer than the help."""
    server.will(fails(400, "<b>no</b>"))
    vscode.run("%%chat --retries 0\nx", CELL)
    shown = vscode.run("%chat last --traceback", CELL).outputs

    assert all(
        each["data"]["text/html"].count("<pre>")
        and "<b>no" not in each["data"]["text/html"]
        for each in shown
        if each["type"] == "display_data" or each["text"].count("\n") > MOST_LINES
    )
    assert any(each["type"] == "display_data" for each in shown)


def test_short_words_stay_text(vscode: Kernel) -> None:
    """What is not cut is printed, as everywhere."""
    [shown] = vscode.run("%chat system Be kind.", CELL).outputs

    assert "stream" == shown["type"]


def test_long_words_elsewhere_stay_text(kernel: Kernel) -> None:
    """Other front ends show all of them."""
    [shown] = kernel.run("%chat help", "c1").outputs

    assert "stream" == shown["type"]
    assert help_text() in shown["text"]


@pytest.mark.parametrize(
    "end", [chunk(" b", finish="stop"), chunk(" b", finish="length")]
)
def test_metadata_is_kept(vscode: Kernel, server: ScriptedServer, end: bytes) -> None:
    """A display has as many types at its end as at its beginning, or it is lost."""
    go = threading.Event()
    server.will(Answer((chunk("a"), Wait(go), end, DONE)))
    kinds = []
    for message in vscode.messages(vscode.start("%%chat\nx", CELL)):
        kinds.append(set(message["content"]["data"]))
        go.set()

    assert len(kinds) > 1
    assert [{"text/html", "text/plain"}] * len(kinds) == kinds


def test_formulas_are_shown_as_they_were_written(
    vscode: Kernel, server: ScriptedServer
) -> None:
    """Nothing typesets them there, and the same file is typeset elsewhere."""
    written = ["$a_1$", r"\(b^2\)", "$$\nc\n$$", r"\[d\]"]
    server.will(says("\n\n".join(written)))
    html = vscode.run("%%chat\nx", CELL).answer["data"]["text/html"]
    shown = re.findall(r'class="arithmatex"[^>]*>([^<]*)<', html)

    assert [each.strip() for each in written] == [each.strip() for each in shown]


def test_the_panel_is_shown_once_on_a_clear_ground() -> None:
    """VS Code's own rules make it white, and its cells have a name of their own."""
    sheet = styles()

    ground = ".cell-output-ipywidget-background:has(.ap)"

    assert f"{ground} {{ background: transparent !important; }}" in sheet
    assert re.search(
        r":is\([^)]*\.cell_container\):has\(\.ap\)[^{]*\.apertis-saved", sheet
    )


def test_the_readme_says_so() -> None:
    """What VS Code lacks, and what the panel needs there."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    assert re.search(r"VS Code[^|]*formulas", readme, re.IGNORECASE)
    assert "nbclassic" in readme
