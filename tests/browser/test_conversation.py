"""A conversation in a real JupyterLab: cells that run again, a kernel that restarts."""

from pathlib import Path

import pytest
from hostile import PAYLOADS
from lab_driver import Lab
from scripted_server import USAGE, ScriptedServer, says


def test_a_conversation_outlives_its_kernel(
    lab: Lab, server: ScriptedServer, screenshots: Path
) -> None:
    """An edited cell replaces its turn; restored turns are replaced by their cells."""
    server.will(*(says(f"Answer {number}.") for number in range(1, 5)))
    setup = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    cells = ("%%chat\nOne?", "%%chat\nTwo?", "%chat restore", "%chat show --versions")
    notebook = lab.notebook("restore", setup, *cells)
    for number in (0, 1, 2):
        notebook.run_cell(number)
    notebook.edit(1, "%%chat\nOne, edited?")
    notebook.run_cell(1)
    notebook.restart()
    notebook.run_cell(0)
    notebook.run_cell(3)
    restored = notebook.output(3).inner_text()
    notebook.edit(2, "%%chat\nTwo, edited?")
    notebook.run_cell(2)
    notebook.run_cell(4)
    lab.page.screenshot(path=screenshots / "restored.png")

    assert "2 turns" in restored
    assert "restore.ipynb" in restored
    assert [
        [("user", "One?")],
        [("user", "One?"), ("assistant", "Answer 1."), ("user", "Two?")],
        [("user", "One, edited?")],
        [
            ("user", "One, edited?"),
            ("assistant", "Answer 3."),
            ("user", "Two, edited?"),
        ],
    ] == server.messages

    shown = notebook.output(4).inner_text()

    assert ["One, edited?", "Answer 3.", "Two, edited?", "Answer 4."] == [
        line for line in shown.split("\n") if line.endswith(("?", "."))
    ][:4]

    notebook.close()


@pytest.mark.parametrize("minor", [2, 4])
def test_cells_of_an_older_format_find_their_turns(
    minor: int, lab: Lab, server: ScriptedServer
) -> None:
    """After a reload of the page, and after a restart and a restore."""
    server.will(*(says(f"Answer {number}.") for number in range(1, 9)))
    setup = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    cells = ("%%chat\nOne?", "%%chat\nTwo?", "%chat restore", "%%chat\nOne?")
    notebook = lab.notebook(f"format-4-{minor}", setup, *cells, minor=minor)
    for number in (0, 1, 2):
        notebook.run_cell(number)
    notebook.reload()
    kept = notebook.path.read_text(encoding="utf-8")
    for number in (1, 2, 4):
        notebook.run_cell(number)
    notebook.restart()
    for number in (0, 3, 2, 1):
        notebook.run_cell(number)
    restored = notebook.output(3).inner_text()

    assert '"nbformat_minor": 4' in kept
    assert [
        ["One?"],
        ["One?", "Two?"],
        # The page was loaded again: each replaces its own turn; the copy adds one.
        ["One?"],
        ["One?", "Two?"],
        ["One?", "Two?", "One?"],
        # The kernel was restarted.
        ["One?", "Two?"],
        ["One?"],
    ] == [[text for role, text in sent if role == "user"] for sent in server.messages]
    assert "3 turns" in restored
    assert "by their questions" in restored

    notebook.close()


def test_run_all_twice_leaves_the_file_as_it_was(
    lab: Lab, server: ScriptedServer
) -> None:
    """Byte for byte, where the journal gives the answers again."""
    usage = {**USAGE, "cost": 0.25}
    server.will(says("**One**.", usage=usage), says("Two. " * 20_000), says("Four."))
    setup = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    cells = (
        "%config ApertisMagic.cache = True",
        "%%chat\nOne?",
        "%%chat --history 0\nTwo?",
        "%%chat --history 0\nTwo?",
        "%chat ask --once Four?",
    )
    notebook = lab.notebook("twice", setup, *cells)
    notebook.run()
    first = notebook.saved()
    written = notebook.path.read_bytes()
    notebook.restart()
    notebook.run()
    again = notebook.saved()

    assert 3 == len(server.requests)
    assert first == again
    assert written == notebook.path.read_bytes()

    notebook.close()


HOSTILE = PAYLOADS["image"]
NAME = f"'<b>odd</b> {HOSTILE}'"
CELLS = (
    f"%chat new {NAME}\n%chat model '{HOSTILE} $x^2$'",
    f"%%chat\nWhy $y$? {HOSTILE}",
    f"%chat ask --once --cache Why $y$? {HOSTILE}",
    f"%chat fork 日本語\n%chat use {NAME}\n%chat delete 日本語",
    "%chat list",
    "%chat show --versions",
    "%chat usage",
    "%chat journal",
    "%chat restore 日本語",
)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_what_is_shown_of_conversations(
    lab: Lab, server: ScriptedServer, screenshots: Path, theme: str
) -> None:
    """Names, questions and models are text in every card and table, on one line."""
    cost = {**USAGE, "cost": 0.00042}
    server.will(says(f"Because **so**. {HOSTILE}", usage=cost))
    setup = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    lab.theme(theme)
    notebook = lab.notebook(f"shown {theme}", setup, *CELLS)
    for number in (0, 1, 2, *range(2, len(CELLS) + 1)):
        notebook.run_cell(number)
    versions = notebook.output(6)
    folded = versions.locator(".apertis-text").first.is_visible()
    versions.get_by_text("1 earlier version").click()
    colour = theme.split()[1].lower()
    for number, name in ((3, "cached"), (5, "list"), (6, "versions"), (7, "usage")):
        notebook.cell(number).screenshot(path=screenshots / f"{name}-{colour}.png")
    table = notebook.output(5).locator(".apertis-list")
    moment = table.last.locator("td:nth-child(3)").first

    footers = [notebook.output(n).locator(".apertis-footer") for n in (2, 3)]

    assert 1 == len({each.inner_text() for each in footers})
    assert HOSTILE in table.first.inner_text()
    assert "$y$" in table.first.inner_text()
    assert "today" in moment.inner_text()
    assert "nowrap" == moment.evaluate("e => getComputedStyle(e).whiteSpace")
    assert not folded
    assert "**so**" in versions.locator(".apertis-text").inner_text()
    assert "which saved $0.000" in notebook.output(7).inner_text()
    assert "90 days" in notebook.output(8).inner_text()
    assert notebook.output(9).inner_text().startswith("日本語: 1 turn restored")
    assert 0 == notebook.cell(5).locator("mjx-container").count()
    assert 0 == lab.page.locator(".jp-OutputArea-output :is(script, img, b)").count()
    assert [] == lab.page.evaluate("() => window.ran ?? []")
    assert [] == lab.strays

    notebook.close()
