"""Answers inside Output widgets in real front ends, which update nothing there."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from lab_driver import Lab, Notebook
from playwright.sync_api import Locator, expect
from scripted_server import DONE, USAGE, Answer, ScriptedServer, Wait, chunk, whole

SETUP = """%env APERTIS_BASE_URL={}
%load_ext apertis_magic
import ipywidgets as widgets
out, inner = widgets.Output(), widgets.Output()
def ask(question="Why?"):
    get_ipython().run_line_magic("chat", f"ask {} {{question}}")
"""
WITH = 'display(out)\nwith out:\n    print("before")\n    ask()\n    print("after")'
NESTED = """display(out)
with out:
    print("before")
    display(inner)
    with inner:
        ask()
    print("after")"""
BUTTON = """button = widgets.Button(description="Ask")
@out.capture()
def clicked(_):
    print("before")
    ask()
    print("after")
button.on_click(clicked)
display(button, out)"""
INTERACT = """@widgets.interact(question=["Why?", "How?"])
def shown(question):
    print("before")
    ask(question)
    print("after")"""
PIECES = ("Because **", "so it", "** is.")
TEXT = "Because so it is."


def streamed(go: threading.Event) -> Answer:
    """Return an answer whose end waits."""
    first, *rest = map(chunk, PIECES)
    return Answer(
        (first, Wait(go), *rest, chunk(finish="stop", usage=USAGE), DONE),
    )


def output(notebook: Notebook) -> Locator:
    """Return all that the second cell shows."""
    return notebook.cell(1).locator(".jp-Cell-outputWrapper")


def check(output: Locator) -> None:
    """See that the whole answer is there once, between what was printed."""
    expect(output.locator(".apertis-footer")).to_contain_text("7 tokens")
    expect(output.locator("strong")).to_have_text("so it")
    expect(output.get_by_text("after")).to_be_visible()

    words = output.inner_text()

    assert 1 == words.count(TEXT)
    assert words.index("before") < words.index(TEXT) < words.index("after")
    assert "waiting" not in words


def start(notebook: Notebook) -> None:
    notebook.start_cell(1)


def click(notebook: Notebook) -> None:
    notebook.run_cell(1)
    notebook.cell(1).get_by_role("button", name="Ask").click()


WAYS: dict[str, tuple[str, Callable[[Notebook], None]]] = {
    "with": (WITH, start),
    "nested": (NESTED, start),
    "button": (BUTTON, click),
    "interact": (INTERACT, start),
}


@pytest.mark.parametrize("options", ["", "--no-stream"], ids=["streamed", "whole"])
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_in_an_output(
    front_end: Lab, server: ScriptedServer, screenshots: Path, way: str, options: str
) -> None:
    """All of it is there with its footer, and so is what was printed."""
    go, (source, begin) = threading.Event(), WAYS[way]
    server.will(whole("".join(PIECES)) if options else streamed(go))
    name = f"output {way} {options}"
    setup = SETUP.format(server.url, options)
    notebook = front_end.notebook(name, setup, source)
    notebook.run_cell(0)
    begin(notebook)
    server.wait_for(1)
    go.set()
    notebook.finished()
    check(output(notebook))
    picture = f"output-{way}-{'whole' if options else 'streamed'}.png"
    front_end.page.screenshot(path=screenshots / picture)

    assert [] == front_end.strays

    notebook.close()


def test_another_value_of_an_interact(front_end: Lab, server: ScriptedServer) -> None:
    """The answer to what is chosen takes the place of the former one."""
    server.will(whole("".join(PIECES)), whole("Like **this**."))
    notebook = front_end.notebook("chosen", SETUP.format(server.url, ""), INTERACT)
    notebook.run_cell(0)
    notebook.run_cell(1)
    check(output(notebook))
    notebook.cell(1).get_by_role("combobox").select_option("How?")
    expect(output(notebook).locator("strong")).to_have_text("this")

    assert TEXT not in output(notebook).inner_text()
    assert [["Why?"], ["Why?", "How?"]] == [
        [text for role, text in messages if role == "user"]
        for messages in server.messages
    ]

    notebook.close()
