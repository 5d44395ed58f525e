"""The panel as a person uses it, in JupyterLab and in Notebook 7."""

import re
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drawn import drawn, images_of, png
from front_ends import in_both
from lab_driver import Lab, Notebook
from playwright.sync_api import FilePayload, Locator, expect
from scripted_server import (
    DONE,
    NEVER,
    USAGE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    json_answer,
    says,
)

from apertis_magic import files

PNG = (
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\r"
    b"IDATx\xdac\xfc\xcf\xc0P\x0f\0\4\x85\1\x80\x84\xa9\x8c!\0\0\0\0IEND\xaeB`\x82"
)
_BYTES = """async link => {
  const answer = await fetch(link.href);
  return [...new Uint8Array(await answer.arrayBuffer())];
}"""
CODE = "Do this:\n\n```python\nx = 1\nprint(x)\n```\n\nThat is *all*."


def two_answers(*pictures: bytes) -> dict[str, Any]:
    """Return the body of an answer with another beside it, each a picture alone."""
    choices = [
        {
            "index": number,
            "message": {
                "role": "assistant",
                "content": "",
                "images": images_of(picture),
            },
            "finish_reason": "length",
        }
        for number, picture in enumerate(pictures)
    ]
    return {"model": "served", "choices": choices}


class Panel:
    """A panel in a page, by the roles and names that a screen reader tells."""

    def __init__(self, lab: Lab, notebook: Notebook, cell: int) -> None:
        self.lab = lab
        self.notebook = notebook
        self.root = notebook.output(cell).get_by_role("region", name="Chat")
        self.message = self.root.get_by_role("textbox", name="Message")
        self.log = self.root.get_by_role("log", name="Conversation")
        self.turns = self.log.get_by_role("article")
        self.said = self.root.locator(".ap-said")

    def ask(self, text: str) -> None:
        """Type a message and press Enter."""
        self.message.fill(text)
        self.message.press("Enter")

    def button(self, name: str) -> Locator:
        """Return a button that is not a turn's."""
        return self.root.get_by_role("button", name=name, exact=True)

    def of_turn(self, number: int, name: str) -> Locator:
        """Return a button of one of the turns."""
        return self.turns.nth(number).get_by_role("button", name=name, exact=True)

    def choose(self, name: str) -> None:
        """Choose something of the menu."""
        self.root.locator("summary", has_text="More").click()
        self.root.locator(".ap-choices").get_by_role("button", name=name).click()


@pytest.fixture
def panel(
    front_end: Lab, server: ScriptedServer, request: pytest.FixtureRequest
) -> Iterator[Panel]:
    """Yield a panel below two cells, the first of which has loaded the extension."""
    notebook = front_end.notebook(
        request.node.name,
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "%chat panel",
        "%%chat\nIn a cell?",
        "import os, time\nwhile not os.path.exists('go'): time.sleep(.01)",
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    made = Panel(front_end, notebook, 1)
    made.log.get_by_text("Nothing was asked yet.").wait_for()
    yield made
    notebook.close()
    front_end.strays.clear()


@in_both
def test_asking_and_stopping(panel: Panel, server: ScriptedServer) -> None:
    """Enter sends, Shift+Enter makes a line; what has come is there at once."""
    resume = threading.Event()
    server.will(
        Answer((chunk("**One**.\n\nAnd *t"), Wait(resume), chunk("wo*."), NEVER)),
        says("three", usage={**USAGE, "total_tokens": 1234}),
    )
    expect(panel.button("Stop")).to_be_disabled()
    panel.message.press("Enter")
    panel.message.fill("Why?")
    panel.message.press("Shift+Enter")
    panel.message.press_sequentially("Really?")
    panel.message.evaluate(
        "e => e.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', isComposing: true, bubbles: true}))"
    )

    expect(panel.message).to_have_value("Why?\nReally?")
    panel.message.press("Enter")
    turn = panel.turns.first
    expect(turn.locator(".ap-tail")).to_have_text("And *t")
    expect(turn.locator("strong")).to_have_text("One")
    expect(panel.message).to_have_value("")
    resume.set()
    expect(turn.locator(".ap-tail")).to_have_text("And *two*.")
    panel.message.press("Escape")
    expect(turn).to_contain_text("stopped; what had come is kept")
    expect(turn.locator("em").first).to_have_text("two")
    expect(panel.button("Stop")).to_be_disabled()
    panel.message.press("Control+ArrowUp")
    expect(panel.message).to_have_value("Why?\nReally?")
    panel.button("Send").click()
    expect(panel.turns).to_have_count(2)
    expect(panel.root.locator(".ap-compose .ap-footer")).to_have_text("1,234 tokens")

    assert "Why?\nReally?" == server.messages[0][-1][1]


def test_two_faces(panel: Panel, server: ScriptedServer) -> None:
    """A cell's answer streams into the panel, which can stop it; the cell is ok."""
    server.will(
        says("from the panel"),
        Answer((chunk("from a cell"), NEVER)),
        says("again"),
    )
    panel.ask("In the panel?")
    expect(panel.turns.first).to_contain_text("from the panel")
    panel.notebook.start_cell(2)
    expect(panel.turns.nth(1).locator(".ap-tail")).to_have_text("from a cell")
    panel.button("Stop").click()
    panel.notebook.finished()

    assert "stopped; what had come is kept" in panel.notebook.output(2).inner_text()
    assert [("user", "In the panel?"), ("assistant", "from the panel")] == (
        server.messages[1][:2]
    )

    panel.notebook.edit(2, "%%chat\nIn a cell, edited?")
    panel.notebook.run_cell(2)
    expect(panel.turns.nth(1)).to_contain_text("In a cell, edited?")
    expect(panel.turns).to_have_count(2)
    expect(panel.turns.nth(1)).to_contain_text("asked in a cell")


def test_while_a_cell_runs(panel: Panel, server: ScriptedServer) -> None:
    """Asking and stopping do not wait for the cell's end."""
    go = panel.notebook.path.with_name("go")
    go.unlink(missing_ok=True)
    server.will(Answer((chunk("at once"), NEVER)))
    panel.notebook.start_cell(3)
    panel.ask("Now?")
    expect(panel.turns.first.locator(".ap-tail")).to_have_text("at once")
    panel.button("Stop").click()
    expect(panel.turns.first).to_contain_text("stopped")

    assert not go.exists()

    go.touch()
    panel.notebook.finished()
    go.unlink()


def test_turns(panel: Panel, server: ScriptedServer) -> None:
    """Asked again, gone on with, edited, deleted, and forked from."""
    server.will(
        says("one"),
        says("two, cut", finish="length"),
        says(" off, and on"),
        says("ONE"),
        says("deux"),
    )
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("one")
    panel.ask("2?")
    panel.of_turn(1, "Continue").click()
    expect(panel.turns.nth(1)).to_contain_text("two, cut off, and on")
    panel.of_turn(0, "Retry").click()
    expect(panel.turns.first).to_contain_text("ONE")
    expect(panel.turns.nth(1)).to_contain_text("stale")
    panel.of_turn(1, "Edit").click()
    box = panel.root.get_by_role("textbox", name="Edit the question")
    box.fill("zwei?")
    box.press("Enter")
    expect(panel.turns.nth(1)).to_contain_text("deux")
    expect(panel.turns.nth(1)).not_to_contain_text("stale")
    panel.of_turn(0, "Delete").click()
    expect(panel.turns).to_have_count(1)
    panel.button("Undo").click()
    expect(panel.turns).to_have_count(2)
    panel.of_turn(0, "Fork from here").click()
    expect(panel.turns).to_have_count(1)
    names = panel.root.get_by_role("combobox", name="Conversation")
    expect(names).to_have_value("main-2")
    names.select_option("main")
    expect(panel.turns).to_have_count(2)

    assert [("user", "1?"), ("assistant", "ONE"), ("user", "zwei?")] == (
        server.messages[4]
    )


def test_conversations(panel: Panel, server: ScriptedServer) -> None:
    """Begun, named, deleted, brought back, and written to files."""
    server.will(says("one"))
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("one")
    panel.choose("Rename")
    panel.root.get_by_role("textbox", name="New name").fill("sky & sea")
    panel.lab.page.keyboard.press("Enter")
    names = panel.root.get_by_role("combobox", name="Conversation")
    expect(names).to_have_value("sky & sea")
    panel.button("New conversation").click()
    expect(panel.turns).to_have_count(0)
    names.select_option("sky & sea")
    expect(panel.turns).to_have_count(1)
    panel.choose("Delete")
    expect(panel.turns).to_have_count(0)
    panel.button("Undo").click()
    expect(panel.turns).to_have_count(1)
    for ending in ("ipynb", "md", "json"):
        panel.choose(f".{ending}")
        expect(panel.said).to_have_text(f"Written to sky-sea.{ending}.")
        file = panel.notebook.path.with_name(f"sky-sea.{ending}")
        [read] = files.load(file)
        file.unlink()

        assert ["one"] == [turn.text for turn in read.turns]


def test_code(panel: Panel, server: ScriptedServer) -> None:
    """It is copied, and put into a cell, where the front end has cells to make."""
    panel.lab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    server.will(says(CODE))
    panel.ask("How?")
    expect(panel.turns.first).to_contain_text("That is all.")
    read = "navigator.clipboard.readText()"
    panel.of_turn(0, "Copy").click()
    expect(panel.said).to_have_text("Copied the answer as Markdown.")

    assert CODE == panel.lab.page.evaluate(read)

    panel.button("Copy the code").click()
    expect(panel.said).to_have_text("Copied the code.")

    assert "x = 1\nprint(x)" == panel.lab.page.evaluate(read)

    panel.button("Put the code into a cell").click()
    expect(panel.said).to_have_text("The code is in a new cell below.")
    made = panel.notebook.cell(2).locator(".cm-line")

    assert ["x = 1", "print(x)"] == made.all_inner_texts()

    panel.lab.page.evaluate(
        """() => document.querySelectorAll(
          '[data-command="notebook:insert-cell-below"]').forEach(e => e.remove())"""
    )
    panel.of_turn(0, "To a cell").click()
    expect(panel.said).to_contain_text("is copied")


def test_model_and_options(panel: Panel, server: ScriptedServer) -> None:
    """The model is searched in the server's list; what is blank is not sent."""
    ids = [f"maker/model-{n}" for n in range(60)] + ["other/tiny"]
    listed = {"data": [{"id": each} for each in ids]}
    server.will(json_answer(listed), says("one"), says("two"))
    box = panel.root.get_by_role("combobox", name="Model")
    box.click()
    options = panel.root.get_by_role("listbox", name="Models").get_by_role("option")
    expect(options.first).to_be_visible()
    box.press_sequentially("tin oth")
    expect(options).to_have_text(["other/tiny"])
    box.press("ArrowDown")
    box.press("Enter")
    panel.button("Options").click()
    panel.root.get_by_label("Temperature").fill("0")
    panel.root.get_by_label("Max tokens").fill("0")
    panel.root.get_by_label("System prompt").fill("Be brief.")
    panel.root.get_by_label("Seed").fill("7")
    expect(panel.root.get_by_label("Max tokens")).to_have_attribute(
        "aria-invalid", "true"
    )
    panel.root.get_by_label("Max tokens").fill("20")
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("one")
    panel.root.get_by_label("Temperature").fill("")
    panel.root.get_by_label("Seed").fill("")
    panel.ask("2?")
    expect(panel.turns.nth(1)).to_contain_text("two")
    first, second = (each.body for each in server.requests if each.body)
    sent = ("model", "temperature", "max_tokens", "seed")

    assert ["other/tiny", 0, 20, 7] == [first[name] for name in sent]
    assert {"role": "system", "content": "Be brief."} == first["messages"][0]
    assert not {"temperature", "seed"} & set(second)
    assert 20 == second["max_tokens"]


@in_both
def test_files(panel: Panel, server: ScriptedServer) -> None:
    """Chosen, pasted, taken back; sent as parts, and seen in the turn."""
    server.will(says("seen"))
    chooser = panel.root.locator("input[type=file]")
    chooser.set_input_files(
        [
            FilePayload(name="a.csv", mimeType="text/csv", buffer=b"a,b\n1,2"),
            FilePayload(name="b.bin", mimeType="x/y", buffer=b"\0"),
        ]
    )
    panel.button("Remove b.bin").click()
    panel.message.evaluate(
        """(box, data) => {
          const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([bytes], 'p.png', {type: 'image/png'}));
          box.dispatchEvent(new ClipboardEvent('paste',
            {clipboardData, bubbles: true, cancelable: true}));
        }""",
        b64encode(PNG).decode(),
    )
    expect(panel.root.get_by_text("p.png")).to_be_visible()
    panel.ask("What?")
    expect(panel.turns.first).to_contain_text("seen")
    expect(panel.turns.first.get_by_role("img", name="p.png")).to_be_visible()
    panel.notebook.reload()
    expect(panel.turns.first.get_by_role("img", name="p.png")).to_be_visible()
    parts = server.requests[0].body["messages"][0]["content"]

    assert ["File a.csv:\na,b\n1,2", "What?"] == [p["text"] for p in parts[::2]]
    assert "image_url" == parts[1]["type"]

    chooser.set_input_files(
        FilePayload(name="c", mimeType="x/y", buffer=bytes(8_000_001))
    )
    expect(panel.said).to_contain_text("a question can have 8.0 MB of files")


def test_pictures_of_answers(panel: Panel, server: ScriptedServer) -> None:
    """Shown between the texts, opened alone, saved; one that is damaged is told."""
    broken = b"\x89PNG\r\n\x1a\n" + bytes(99)
    wide = png(900, 300)
    server.will(
        says("one"),
        Answer(
            (
                chunk("**Before**."),
                drawn(wide),
                chunk("After."),
                drawn(wide, broken),
                chunk(finish="stop"),
                DONE,
            )
        ),
        json_answer(two_answers(png(), png(blue=0))),
        says("ONE"),
    )
    panel.ask("1?")
    panel.button("Options").click()
    panel.root.get_by_label("Number of answers").fill("2")
    panel.button("Options").click()
    panel.ask("Draw.")
    turn = panel.turns.nth(1)
    images = turn.get_by_role("img", name="PNG picture")
    expect(images).to_have_count(2)
    expect(turn).to_contain_text("107 bytes · cannot be shown")
    shown = images.first.bounding_box()
    order = turn.locator(".ap-blocks > *").evaluate_all(
        "es => es.map(e => e.localName)"
    )
    save = turn.get_by_role("link", name="Save PNG picture").first

    assert ["p", "figure", "p", "figure", "data"] == order
    assert wide == bytes(save.evaluate(_BYTES))
    assert "picture.png" == save.get_attribute("download")
    assert shown
    assert shown["width"] <= (panel.log.bounding_box() or shown)["width"]
    assert 0.01 > abs(shown["width"] / shown["height"] - 3)

    with panel.lab.page.expect_popup() as opening:
        images.first.click()
    expect(opening.value.locator("img")).to_be_visible()
    opening.value.close()
    panel.of_turn(1, "Retry").click()
    expect(turn).to_contain_text("Answer 2 of 2")
    expect(images).to_have_count(2)
    expect(turn.get_by_role("button", name="Copy")).to_have_count(0)
    expect(turn.get_by_role("button", name="Continue")).to_have_count(0)
    images.evaluate_all("es => { window.shown = es }")
    panel.of_turn(0, "Retry").click()
    expect(turn).to_contain_text("stale")

    assert panel.lab.page.evaluate("() => window.shown.every(e => e.isConnected)")


def test_pictures_that_nobody_sees_yet(panel: Panel, server: ScriptedServer) -> None:
    """They are fetched as a reader comes to them, and leave the place as it was."""
    lines = "\n\n".join(f"line {n}" for n in range(60))
    picture = Answer((chunk(lines), drawn(png(300, 250)), chunk(lines), DONE))
    server.will(picture, says(lines))
    panel.ask("Draw.")
    expect(panel.turns.first.get_by_role("button", name="Delete")).to_be_visible()
    panel.ask("And?")
    expect(panel.turns.nth(1).get_by_role("button", name="Delete")).to_be_visible()
    panel.notebook.reload()
    first = panel.turns.first
    place, image = first.locator("data.ap-picture"), first.get_by_role("img")
    expect(place).to_have_text(re.compile("^PNG picture, "))
    expect(panel.turns.nth(1)).to_contain_text("line 59")
    expect(image).to_have_count(0)
    after = first.get_by_text("line 3", exact=True).nth(1)
    after.evaluate(
        """e => {
          const log = e.closest('.ap-log');
          const move = to => log.scrollTop += e.getBoundingClientRect().top - to;
          move(log.getBoundingClientRect().top + 300);
          window.sight = new IntersectionObserver(() => {
            move(log.getBoundingClientRect().top + 5); window.sight.disconnect(); });
          window.sight.observe(log);
        }"""
    )
    expect(image).to_have_count(1)
    top = after.evaluate(
        "e => e.getBoundingClientRect().top"
        " - e.closest('.ap-log').getBoundingClientRect().top"
    )

    assert 250 == image.evaluate("e => e.height")
    assert 2 > abs(top - 5)


def test_thinking_that_looked_like_the_answer(
    panel: Panel, server: ScriptedServer
) -> None:
    """It goes to where thinking is shown, and a reader's place is kept."""
    lines = "\n\n".join(f"line {n}" for n in range(60))
    begun, resume = threading.Event(), threading.Event()
    server.will(
        says(lines),
        Answer(
            (
                chunk("Let me **see**.\n\nWell"),
                Wait(begun),
                chunk(".\n</think>\n\nIt is **so**.\n\nAnd"),
                Wait(resume),
                chunk(" so.", finish="stop"),
                DONE,
            )
        ),
    )
    panel.ask("Read.")
    expect(panel.turns.first).to_contain_text("line 59")
    panel.ask("Why?")
    turn = panel.turns.nth(1)
    expect(turn.locator(".ap-blocks")).to_have_text("Let me see.")
    seen = panel.turns.first.get_by_text("line 9", exact=True)
    seen.evaluate("e => e.scrollIntoView()")
    expect(panel.button("↓ Latest")).to_be_visible()
    top = "e => e.getBoundingClientRect().top"
    before = seen.evaluate(top)
    begun.set()
    expect(turn.locator(".ap-blocks")).to_have_text("It is so.")
    expect(turn.locator(".ap-answer > .ap-tail")).to_have_text("And")
    thought = turn.locator(".ap-thought .ap-tail")
    expect(thought).to_have_text("Let me **see**.\n\nWell.", use_inner_text=False)

    assert before == seen.evaluate(top)

    panel.button("↓ Latest").click()
    turn.locator(".ap-thought summary").click()
    expect(thought).to_be_visible()
    resume.set()
    expect(turn.locator(".ap-blocks")).to_have_text("It is so.And so.")
    expect(turn.locator(".ap-thought summary")).to_contain_text("Reasoning")
    expect(turn).not_to_contain_text("</think>")


def test_what_fails(panel: Panel, server: ScriptedServer) -> None:
    """It is told in the turn, with what to do and another try."""
    server.will(fails(401, "bad key"), says("so"), fails(429, "slowly", code="quota"))
    panel.ask("Why?")
    expect(panel.turns.first).to_contain_text("bad key")
    expect(panel.turns.first).to_contain_text("%chat key")
    panel.button("Try again").click()
    expect(panel.turns.first).to_contain_text("so")
    expect(panel.turns).to_have_count(1)
    panel.ask(f"sk-{'a1b2c3d4' * 4}?")
    expect(panel.said).to_contain_text("holds an API key")
    expect(panel.message).to_have_value(re.compile("^sk-"))

    assert 2 == len(server.requests)


@in_both
def test_a_reload(panel: Panel, server: ScriptedServer) -> None:
    """The panel is back, and the answer under way goes on."""
    resume = threading.Event()
    server.will(
        Answer((chunk("before\n\nand af"), Wait(resume), chunk("ter"), DONE)),
    )
    panel.ask("Why?")
    expect(panel.turns.first.locator(".ap-tail")).to_have_text("and af")
    panel.notebook.reload()
    expect(panel.turns.first.locator(".ap-tail")).to_have_text("and af")
    expect(panel.turns.first).to_contain_text("before")
    resume.set()
    expect(panel.turns.first.locator(".ap-blocks")).to_contain_text("and after")


@in_both
def test_a_saved_notebook(
    lab: Lab, server: ScriptedServer, screenshots: Path, panel: Panel
) -> None:
    """Without its kernel it shows the transcript, not that it waits for a widget."""
    if panel.lab is not lab:
        pytest.skip("Notebook 7 opens no notebook without a kernel")
    server.will(says("It is **so**."))
    panel.ask("Why?")
    expect(panel.turns.first).to_contain_text("It is so.")
    panel.notebook.run_cell(1)
    panel.notebook.saved()
    for trusted in (True, False):
        shown = lab.reopened(panel.notebook.path, trusted=trusted)
        cell = shown.cell(1)
        expect(cell.get_by_text("It is so.")).to_be_visible()
        expect(cell.get_by_text("Loading widget")).to_be_hidden()
        lab.page.screenshot(path=screenshots / f"panel-saved-{trusted}.png")
        shown.close()
    lab.command("docmanager:open", path=panel.notebook.path.name)


def test_no_key(lab: Lab) -> None:
    """The panel says how to give one, and offers the local model."""
    notebook = lab.notebook(
        "no key",
        "%env APERTIS_BASE_URL=\n%load_ext apertis_magic\n%chat panel",
        "%env APERTIS_API_KEY=" + "not-a-real-one-" * 2,
    )
    notebook.run_cell(0)
    panel = Panel(lab, notebook, 0)
    panel.root.get_by_text("There is no API key yet.").wait_for()
    expect(panel.button("Use the local model")).to_be_visible()
    panel.ask("Why?")
    expect(panel.said).to_contain_text("%chat key")
    expect(panel.message).to_have_value("Why?")
    notebook.run_cell(1)
    expect(panel.root.get_by_text("There is no API key yet.")).to_be_hidden()

    assert [] == lab.strays

    notebook.close()


def test_two_panels(lab: Lab, server: ScriptedServer) -> None:
    """They agree, whichever is used; finished blocks are announced in each."""
    server.will(says("**One** thing.\n\nAnd another."))
    notebook = lab.notebook(
        "two panels",
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "%chat panel",
        "from apertis_magic import ChatPanel\nChatPanel('notes')",
    )
    notebook.run()
    panels = [Panel(lab, notebook, cell) for cell in (1, 2)]
    panels[0].log.get_by_text("Nothing was asked yet.").wait_for()
    panels[1].ask("Why?")
    for panel in panels:
        expect(panel.turns).to_contain_text("And another.")
        expect(panel.root.locator(".ap-spoken")).to_contain_text("One thing.")
        expect(panel.log.locator(".ap-spoken")).to_have_count(0)
        expect(panel.root.get_by_role("combobox", name="Conversation")).to_have_value(
            "notes"
        )
    panels[0].button("New conversation").click()
    for panel in panels:
        expect(panel.turns).to_have_count(0)

    notebook.close()


def test_a_front_end_without_subshells(lab: Lab, server: ScriptedServer) -> None:
    """What waits for a cell's end says so, and is done then."""
    server.will(says("at last"))
    notebook = lab.notebook(
        "no subshells",
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "from apertis_magic import ChatPanel\n"
        "panel = ChatPanel()\n"
        "panel.comm._reply_subshell_for = lambda *_: None  # as if there were none\n"
        "panel",
        "import os, time\nwhile not os.path.exists('now'): time.sleep(.01)",
    )
    for number in range(2):
        notebook.run_cell(number)
    panel = Panel(lab, notebook, 1)
    panel.log.get_by_text("Nothing was asked yet.").wait_for()
    notebook.start_cell(2)
    panel.ask("Now?")
    expect(panel.said).to_contain_text("The kernel is busy with a cell")
    expect(panel.log.locator(".ap-queued")).to_contain_text("Now?")

    assert not server.requests

    notebook.path.with_name("now").touch()
    panel.turns.get_by_text("at last").wait_for()  # it may stand in the queue, too
    expect(panel.log.locator(".ap-queued")).to_have_count(0)
    expect(panel.said).to_be_empty()
    notebook.finished()
    notebook.close()
