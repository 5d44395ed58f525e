"""Long conversations in the panel: turns come as one scrolls, and few stay in it."""

import threading

from front_ends import in_both
from lab_driver import Lab, Notebook
from playwright.sync_api import Locator, expect
from scripted_server import DONE, Answer, ScriptedServer, Wait, chunk

TURNS = 1_000
MAKE = f"""
from apertis_magic.chat import session
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.question import Question
from apertis_magic.chat.parts import Text
from apertis_magic.chat.turn import Turn
text = "Some **words** of an answer, again and again. " * 10
turns = [Turn(question=Question(f"Question {{n}}?"),
              answers=((Text(text),),), finish="stop", model="m")
         for n in range({TURNS})]
session.current().adopt(State(name="main", history=history_of(turns)));
"""


def opened(front_end: Lab, server: ScriptedServer) -> tuple[Notebook, Locator]:
    """Show a conversation of many turns; return its notebook and its transcript."""
    notebook = front_end.notebook(
        "long",
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        MAKE,
        "%chat panel",
        "%chat undo 30",
    )
    for number in range(3):
        notebook.run_cell(number)
    log = notebook.output(2).get_by_role("log", name="Conversation")
    log.get_by_text(f"Question {TURNS - 1}?").wait_for()
    return notebook, log


@in_both
def test_a_thousand_turns(front_end: Lab, server: ScriptedServer) -> None:
    """The last are there at once; the others come and go as somebody reads."""
    notebook, log = opened(front_end, server)
    turns = log.get_by_role("article")
    first = turns.count()
    for known in (940, 860):
        while log.get_by_text(f"Question {known}?", exact=True).count() == 0:
            log.evaluate("e => { e.scrollTop = 0 }")
            front_end.page.wait_for_timeout(20)

        assert turns.count() <= 120

    gone = log.get_by_text(f"Question {TURNS - 1}?").count()
    shown = log.evaluate("e => e.querySelector('article .ap-question').textContent")
    for known in (900, TURNS - 1):
        while log.get_by_text(f"Question {known}?", exact=True).count() == 0:
            log.evaluate("e => { e.scrollTop = e.scrollHeight }")
            front_end.page.wait_for_timeout(20)

        assert turns.count() <= 120

    notebook.output(2).get_by_role("textbox", name="Message").focus()

    assert 20 <= first <= 40
    assert 0 == gone
    assert int(shown.split()[1].rstrip("?")) <= 860

    notebook.close()


def test_the_last_turns_are_taken_back(front_end: Lab, server: ScriptedServer) -> None:
    """Where the page had no others, those before them come by themselves."""
    notebook, log = opened(front_end, server)
    notebook.run_cell(3)
    log.get_by_text(f"Question {TURNS - 31}?", exact=True).wait_for()

    assert 0 == log.get_by_text(f"Question {TURNS - 30}?", exact=True).count()

    notebook.close()


def test_a_reader_in_the_middle(lab: Lab, server: ScriptedServer) -> None:
    """Nothing moves while an answer comes; one button goes to it."""
    resume = threading.Event()
    steps = [chunk(f"Paragraph {n}.\n\n") for n in range(50)]
    server.will(
        Answer(
            (*steps[:25], Wait(resume), *steps[25:], chunk("End.", finish="stop"), DONE)
        )
    )
    notebook, log = opened(lab, server)
    panel = notebook.output(2)
    panel.get_by_role("textbox", name="Message").fill("And now?")
    panel.get_by_role("textbox", name="Message").press("Enter")
    log.get_by_text("Paragraph 20.").wait_for()
    log.hover()
    lab.page.mouse.wheel(0, -900)
    panel.get_by_role("button", name="Latest").wait_for()
    seen = log.evaluate("e => e.scrollTop")
    resume.set()
    log.get_by_text("End.").wait_for()
    after = log.evaluate("e => e.scrollTop")
    panel.get_by_role("button", name="Latest").click()

    expect(log.get_by_text("End.")).to_be_in_viewport()
    assert seen == after

    notebook.close()
