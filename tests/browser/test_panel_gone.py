"""The panel whose kernel is gone, and the next panel of its notebook."""

import os
import re
import signal
from collections.abc import Callable, Iterator

import httpx
import pytest
from axe import violations
from front_ends import in_both
from lab_driver import Lab, Notebook
from lab_server import PATIENCE
from playwright.sync_api import Locator, expect
from scripted_server import NEVER, Answer, ScriptedServer, chunk, says

from .test_panel_use import Panel

RESTARTED = "The kernel was restarted; run the cell with %chat panel again."
CURSOR = "e => getComputedStyle(e, '::after').content"
Ends = Callable[[Notebook], None]


def kernel_of(notebook: Notebook) -> str:
    """Return the address of a notebook's kernel."""
    id_ = notebook.lab.page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.id"
    )
    return f"{notebook.lab.url}/api/kernels/{id_}"


def restart_elsewhere(notebook: Notebook) -> None:
    """Restart the kernel as another page does it."""
    httpx.post(f"{kernel_of(notebook)}/restart", timeout=PATIENCE).raise_for_status()
    # The page may not have listened when it started; any message of it tells. What is
    # asked while it restarts is never answered.
    notebook.lab.page.evaluate(
        """() => {
          const {sessionContext} = jupyterapp.shell.currentWidget.context;
          const {kernel} = sessionContext.session;
          const ask = () => kernel.requestKernelInfo().then(stop, () => {});
          const again = setInterval(ask, 500);
          const stop = () => clearInterval(again);
          ask();
        }"""
    )


def shut_down_elsewhere(notebook: Notebook) -> None:
    """Shut the kernel down as another page does it."""
    httpx.delete(kernel_of(notebook), timeout=PATIENCE).raise_for_status()


def kill(notebook: Notebook) -> None:
    """Kill the kernel, which the server restarts, and close the page's dialog."""
    os.kill(int(notebook.output(0).first.inner_text().split()[-1]), signal.SIGKILL)
    accept = notebook.lab.page.locator(".jp-Dialog button.jp-mod-accept")
    accept.click()
    expect(accept).to_have_count(0)


def change(notebook: Notebook) -> None:
    """Have the notebook use another kernel."""
    notebook.lab.page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.sessionContext"
        ".changeKernel({name: 'python3'})"
    )


@pytest.fixture
def notebook(
    front_end: Lab, server: ScriptedServer, request: pytest.FixtureRequest
) -> Iterator[Notebook]:
    """Yield a notebook with two cells: one loads the extension, one shows the panel."""
    made = front_end.notebook(
        request.node.name,
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic\n"
        "import os\nprint(os.getpid())",
        "%chat panel",
    )
    yield made
    made.close()
    front_end.strays.clear()


def shown(notebook: Notebook) -> Panel:
    """Return the notebook's panel, made by this kernel."""
    notebook.run_cell(0)
    notebook.run_cell(1)
    panel = Panel(notebook.lab, notebook, 1)
    panel.log.get_by_text("Nothing was asked yet.").wait_for()
    return panel


def alert(panel: Panel) -> Locator:
    """Return the line that says that the kernel is gone."""
    return panel.root.get_by_role("alert")


@pytest.mark.parametrize(
    ("end", "line"),
    [
        (Notebook.restart, RESTARTED),
        (restart_elsewhere, RESTARTED),
        (kill, "The kernel died and was restarted"),
        (shut_down_elsewhere, "The kernel died or was shut down"),
        (change, "The kernel was shut down or changed"),
    ],
    ids=["restarted", "restarted elsewhere", "killed", "shut down", "changed"],
)
def test_a_kernel_that_is_gone(
    notebook: Notebook, server: ScriptedServer, end: Ends, line: str
) -> None:
    """One line says so; the answer is broken off, and what was typed can be copied."""
    server.will(says("whole"), Answer((chunk("**One**.\n\nAnd *t"), NEVER)))
    panel = shown(notebook)
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("whole")
    panel.ask("2?")
    turn = panel.turns.nth(1)
    expect(turn.locator(".ap-tail")).to_have_text("And *t")
    panel.message.fill("A draft")
    end(notebook)

    expect(alert(panel)).to_contain_text(line)
    expect(alert(panel)).to_contain_text("run the cell with %chat panel again.")
    # A kernel that is asked to end may still say that it stopped the answer.
    expect(turn).to_contain_text(re.compile("(Broken off|was stopped); what had come"))

    cursors = [each.evaluate(CURSOR) for each in turn.locator(".ap-tail").all()]

    assert {"none"} >= set(cursors)

    expect(panel.message).to_have_value("A draft")
    expect(panel.message).not_to_be_editable()
    for name in ("Send", "Stop", "Attach files", "New conversation", "Options"):
        expect(panel.button(name)).to_be_disabled()
    expect(panel.of_turn(0, "Retry")).to_be_disabled()
    expect(panel.of_turn(1, "Copy")).to_be_enabled()
    panel.message.press("Enter")
    panel.message.press("Escape")
    expect(panel.message).to_have_value("A draft")
    expect(panel.said).to_be_empty()

    assert 2 == len(server.requests)


def test_the_next_panel(notebook: Notebook, server: ScriptedServer) -> None:
    """It has the draft, and offers to restore what the kernel before it had."""
    server.will(says("one"), says("two"), says("three"))
    panel = shown(notebook)
    for number in (1, 2):
        panel.ask(f"{number}?")
        expect(panel.turns).to_have_count(number)
        expect(panel.button("Stop")).to_be_disabled()
    panel.of_turn(0, "Edit").click()
    panel.root.get_by_role("textbox", name="Edit the question").fill("1, edited?")
    panel.message.fill("3?")
    notebook.restart()
    expect(alert(panel)).to_have_text(RESTARTED)

    assert [] == violations(notebook.lab.page, ".ap")

    notebook.finished()
    panel = shown(notebook)

    expect(panel.message).to_have_value("3?\n\n1, edited?")
    panel.message.fill("3?")
    expect(alert(panel)).to_be_hidden()
    expect(panel.button("Restore (2 turns)")).to_be_visible()

    assert [] == violations(notebook.lab.page, ".ap")

    panel.button("Restore (2 turns)").click()
    expect(panel.turns).to_have_count(2)
    expect(panel.turns.nth(1)).to_contain_text("two")
    expect(panel.said).to_have_text("main is back.")
    expect(panel.button("Restore (2 turns)")).to_be_hidden()
    expect(panel.message).to_be_focused()
    panel.message.press("Enter")
    expect(panel.turns.nth(2)).to_contain_text("three")

    assert ["1?", "one", "2?", "two", "3?"] == [text for _, text in server.messages[2]]


def test_a_kernel_that_does_not_answer(
    notebook: Notebook, server: ScriptedServer
) -> None:
    """The message is back in its box; where it is answered after all, it leaves it."""
    server.will(says("one"))
    panel = shown(notebook)
    pid = int(notebook.output(0).first.inner_text().split()[-1])
    # One that is stopped in the midst of a message is busy for good, as far as the
    # page can know.
    notebook.finished()
    os.kill(pid, signal.SIGSTOP)
    try:
        panel.ask("1?")
        expect(panel.said).to_contain_text("The kernel does not answer.")
        expect(panel.message).to_have_value("1?")
        expect(panel.log.locator(".ap-queued")).to_have_count(0)
    finally:
        os.kill(pid, signal.SIGCONT)
    expect(panel.turns).to_contain_text("one")
    expect(panel.message).to_have_value("")
    expect(panel.said).to_be_empty()

    assert 1 == len(server.requests)


@in_both
def test_a_connection_that_comes_back(
    notebook: Notebook, server: ScriptedServer
) -> None:
    """The panel waits for it, and goes on with the answer that is under way."""
    server.will(Answer((chunk("**One**.\n\nAnd *t"), NEVER)))
    panel = shown(notebook)
    panel.ask("1?")
    tail = panel.turns.first.locator(".ap-tail")
    expect(tail).to_have_text("And *t")
    panel.message.fill("A draft")
    # As JupyterLab itself notes it, once it has tried in vain for two minutes.
    connection = (
        "status => jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"
        "._updateConnectionStatus(status)"
    )
    notebook.lab.page.evaluate(connection, "disconnected")
    expect(alert(panel)).to_contain_text("The connection to the kernel is lost")
    expect(panel.button("Send")).to_be_disabled()
    expect(panel.message).not_to_be_editable()

    assert "none" == tail.evaluate(CURSOR)

    notebook.lab.page.evaluate(connection, "connected")
    expect(alert(panel)).to_be_hidden()
    expect(panel.message).to_be_editable()
    expect(panel.message).to_have_value("A draft")
    expect(tail).to_have_text("And *t")
    panel.button("Stop").click()
    expect(panel.turns.first).to_contain_text("stopped; what had come is kept")


def test_another_notebook(
    notebook: Notebook, server: ScriptedServer, request: pytest.FixtureRequest
) -> None:
    """Its panel does not get the draft."""
    if notebook.lab.front_end != "lab":
        pytest.skip("Notebook 7 shows one notebook in a page")
    server.will(says("one"))
    panel = shown(notebook)
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("one")
    panel.message.fill("A secret")
    notebook.restart()
    expect(alert(panel)).to_have_text(RESTARTED)
    other = notebook.lab.notebook(
        f"{request.node.name} other",
        "%load_ext apertis_magic",
        "%chat panel",
    )
    next_panel = shown(other)

    expect(next_panel.message).to_have_value("")
    expect(next_panel.root.locator(".ap-offer")).to_be_hidden()
    other.close()
