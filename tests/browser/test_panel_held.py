"""Questions that the panel holds back, and those that it shows in part."""

from collections.abc import Iterator

import pytest
from lab_driver import Lab
from playwright.sync_api import Locator, expect
from scripted_server import ScriptedServer, says

from .test_panel_use import Panel

KEY = "sk-" + "a1b2c3d4" * 4
LONG = "Begin.\n" + "A line of a long question.\n" * 4_000 + "End."


@pytest.fixture
def panel(
    front_end: Lab, server: ScriptedServer, request: pytest.FixtureRequest
) -> Iterator[Panel]:
    """Yield a panel."""
    notebook = front_end.notebook(
        request.node.name,
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic",
        "%chat panel",
    )
    notebook.run_cell(0)
    notebook.run_cell(1)
    made = Panel(front_end, notebook, 1)
    made.log.get_by_text("Nothing was asked yet.").wait_for()
    yield made
    notebook.close()
    front_end.strays.clear()


def wait_for_value(box: Locator, text: str) -> None:
    """Wait until a box holds a long text, of which no failure should tell all."""
    expect(box).to_have_js_property("textLength", len(text))

    assert text == box.input_value()


def test_a_message_with_a_key(panel: Panel, server: ScriptedServer) -> None:
    """It is held back, kept in the box, and sent anyway by a button, as it is then."""
    server.will(says("one"), says("two"))
    anyway = panel.button("Send anyway")
    panel.ask(f"Is {KEY} good?")
    notice = panel.root.get_by_role("status").filter(has_text="holds an API key")
    expect(notice).to_be_visible()
    expect(notice).not_to_contain_text("--anyway")
    expect(panel.message).to_have_value(f"Is {KEY} good?")
    expect(panel.message).to_be_focused()
    expect(panel.turns).to_have_count(0)
    # Enter again is no consent.
    panel.message.press("Enter")
    expect(anyway).to_be_visible()
    expect(panel.message).to_have_value(f"Is {KEY} good?")

    assert not server.requests

    panel.message.press("End")
    panel.message.press_sequentially(" Really?")
    panel.message.press("Shift+Tab")
    expect(anyway).to_be_focused()
    panel.lab.page.keyboard.press("Enter")
    expect(panel.turns.first).to_contain_text("one")
    expect(panel.message).to_be_focused()
    expect(panel.message).to_have_value("")
    expect(panel.said).to_be_empty()
    panel.of_turn(0, "Retry").click()
    expect(anyway).to_be_visible()

    assert 1 == len(server.requests)

    anyway.click()
    expect(panel.turns.first).to_contain_text("two")

    assert [f"Is {KEY} good? Really?"] * 2 == [m[-1][1] for m in server.messages]


def test_an_edited_question_with_a_key(panel: Panel, server: ScriptedServer) -> None:
    """What was typed stays in its box until it is sent."""
    server.will(says("one"), says("two"), says("three"))
    panel.ask("1?")
    expect(panel.turns.first).to_contain_text("one")
    panel.of_turn(0, "Edit").click()
    box = panel.root.get_by_role("textbox", name="Edit the question")
    box.fill(KEY)
    box.press("Enter")
    expect(panel.said).to_contain_text("holds an API key")
    expect(box).to_have_value(KEY)
    expect(box).to_be_editable()
    box.fill(f"{KEY}!")
    panel.button("Send anyway").click()
    expect(panel.turns.first).to_contain_text("two")
    expect(box).to_have_count(0)
    panel.button("Options").click()
    system = panel.root.get_by_label("System prompt")
    system.fill(KEY)
    system.press("Tab")
    expect(panel.said).to_contain_text("The system prompt was not changed")
    expect(panel.button("Send anyway")).to_have_count(0)
    panel.ask("3?")
    expect(panel.turns.nth(1)).to_contain_text("three")
    expect(system).to_have_value(KEY)

    assert [f"{KEY}!", "3?"] == [messages[-1][1] for messages in server.messages[1:]]
    assert ["user", "assistant", "user"] == [role for role, _ in server.messages[2]]


def test_a_long_question(panel: Panel, server: ScriptedServer) -> None:
    """Its beginning is shown, and all of it once somebody asks, by the keyboard too."""
    server.will(says("one"), says("two"))
    # In one step: what is filled in is typed, which takes minutes for so many lines.
    panel.message.evaluate("(box, text) => { box.value = text; }", LONG)
    panel.button("Send").click()
    turn = panel.turns.first
    expect(turn).to_contain_text("one")
    question = turn.locator(".ap-question")
    more = turn.locator(".ap-more")
    expect(more).to_have_text(f"Show all ({len(LONG):,} characters)")
    expect(more).to_have_attribute("aria-expanded", "false")

    assert 1_000 > len(question.inner_text())

    more.focus()
    panel.lab.page.keyboard.press("Enter")
    expect(more).to_have_text("Show less")
    expect(more).to_have_attribute("aria-expanded", "true")
    expect(more).to_be_focused()

    assert LONG == question.evaluate("e => e.textContent")
    assert 400 > question.evaluate("e => e.getBoundingClientRect().height")

    panel.lab.page.keyboard.press("Enter")
    expect(more).to_have_attribute("aria-expanded", "false")

    assert 1_000 > len(question.inner_text())

    panel.notebook.reload()
    expect(more).to_have_attribute("aria-expanded", "false")
    panel.message.press("Control+ArrowUp")
    wait_for_value(panel.message, LONG)
    panel.message.fill("")
    panel.of_turn(0, "Edit").click()
    box = panel.root.get_by_role("textbox", name="Edit the question")
    wait_for_value(box, LONG)
    box.press("Enter")
    expect(panel.turns.first).to_contain_text("two")

    assert [LONG, LONG] == [messages[-1][1] for messages in server.messages]
