"""Answers inside Output widgets in real front ends, which update nothing there."""

import threading
from pathlib import Path

import pytest
from front_ends import in_both
from lab_driver import Lab, Notebook
from playwright.sync_api import Locator, expect
from scripted_server import DONE, USAGE, Answer, ScriptedServer, Wait, chunk, whole

SETUP = """%env APERTIS_BASE_URL={}
%load_ext apertis_magic
import ipywidgets as widgets
def ask(question="Why?"):
    get_ipython().run_line_magic("chat", f"ask {} {{question}}")
"""
WITH = """out = widgets.Output()
display(out)
with out:
    print("before")
    ask()
    print("after")"""
NESTED = """out, inner = widgets.Output(), widgets.Output()
display(out)
with out:
    print("before")
    display(inner)
    with inner:
        ask()
    print("after")"""
INTERACT = """@widgets.interact(question=["Why?", "How?"])
def shown(question):
    print("before")
    ask(question)
    print("after")"""
BUTTON = """button, out = widgets.Button(description="Ask"), widgets.Output()
@out.capture()
def clicked(_):
    print("before")
    ask()
    print("after")
button.on_click(clicked)
display(button, out)"""
PIECES = ("Because **", "so it", "** is.")
TEXT = "Because so it is."


def streamed(go: threading.Event) -> Answer:
    """Return an answer whose end waits."""
    first, *rest = map(chunk, PIECES)
    return Answer((first, Wait(go), *rest, chunk(finish="stop", usage=USAGE), DONE))


def outputs(notebook: Notebook, number: int) -> Locator:
    """Return all that a cell shows."""
    return notebook.cell(number).locator(".jp-Cell-outputWrapper")


def check(shown: Locator) -> None:
    """See that the whole answer is there once, between what was printed."""
    expect(shown.locator(".apertis-footer")).to_contain_text("7 tokens")
    expect(shown.locator("strong")).to_have_text("so it")
    expect(shown.get_by_text("after")).to_be_visible()

    words = shown.inner_text()

    assert 1 == words.count(TEXT)
    assert words.index("before") < words.index(TEXT) < words.index("after")
    assert "waiting" not in words


@in_both
@pytest.mark.parametrize("options", ["", "--no-stream"], ids=["streamed", "whole"])
def test_an_answer_in_an_output(
    front_end: Lab, server: ScriptedServer, screenshots: Path, options: str
) -> None:
    """All of it is there with its footer, and so is what was printed."""
    cells = (SETUP.format(server.url, options), WITH, NESTED, INTERACT, BUTTON)
    notebook = front_end.notebook(f"output {options}", *cells)
    notebook.run_cell(0)
    for number in range(1, len(cells)):
        go = threading.Event()
        server.will(whole("".join(PIECES)) if options else streamed(go))
        notebook.start_cell(number)
        if cells[number] == BUTTON:
            outputs(notebook, number).get_by_role("button", name="Ask").click()
        server.wait_for(number)
        go.set()
        check(outputs(notebook, number))
        notebook.finished()
    kind = "whole" if options else "streamed"
    picture = f"outputs-{front_end.front_end}-{kind}.png"
    front_end.page.screenshot(path=screenshots / picture)

    assert [] == front_end.strays

    notebook.close()


def test_another_value_of_an_interact(front_end: Lab, server: ScriptedServer) -> None:
    """The answer to what is chosen takes the place of the former one."""
    server.will(whole("".join(PIECES)), whole("Like **this**."))
    notebook = front_end.notebook("chosen", SETUP.format(server.url, ""), INTERACT)
    notebook.run_cell(0)
    notebook.run_cell(1)
    shown = outputs(notebook, 1)
    check(shown)
    shown.get_by_role("combobox").select_option("How?")
    expect(shown.locator("strong")).to_have_text("this")

    assert TEXT not in shown.inner_text()
    assert [["Why?"], ["Why?", "How?"]] == [
        [text for role, text in messages if role == "user"]
        for messages in server.messages
    ]

    notebook.close()
