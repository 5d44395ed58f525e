"""The panel for everyone: themes, widths, scripts, keyboards, and hostile texts."""

import threading
from base64 import b64encode

from axe import violations
from drawn import drawn, png
from front_ends import in_both
from hostile import PAYLOADS
from lab_driver import Lab, Notebook
from playwright.sync_api import FilePayload, Locator, expect
from scripted_server import (
    DONE,
    USAGE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    json_answer,
    says,
)

from apertis_magic.chat.names import from_text

END = chunk(finish="stop")
QUESTION = "How do I read a CSV file and plot one column?"
ANSWER = """
With **pandas**, in three lines:

```python
import pandas as pd

data = pd.read_csv("weather.csv", parse_dates=["day"])
data.plot(x="day", y="temperature")
```

| column | type | meaning |
|---|---|---|
| `day` | date | when it was measured |
| `temperature` | number | in °C, at noon |

1. `read_csv` makes a *data frame*.
2. `plot` draws one column against another.

The mean is \\(\\bar{x} = \\frac{1}{n}\\sum x_i\\).
"""
CALL = {
    "index": 0,
    "id": "call_1",
    "function": {"name": "brighter", "arguments": '{"by": 20}'},
}
SVG = b"<svg xmlns='http://www.w3.org/2000/svg' onload='window.ran=[1]'/>"
SOURCE = "https://docs.example/boats"
LAST = {"choices": [], "usage": {**USAGE, "cost": 0.039}}
THEMES = ("Dark High Contrast", "Dark", "Light")
# What our own page makes, or mathematics, is not looked at.
_ODD = """root => [...root.querySelectorAll(
    ':is(.ap-log, .ap-models, .ap-names, .ap-said, .ap-compose .ap-files) *')]
  .filter(e => !e.closest('mjx-container'))
  .filter(e => /^(script|style|iframe|form|object|svg|math|link|meta|base)$/i
      .test(e.localName)
    || [...e.attributes].some(a => /^on|^data-(?!lm-)|^srcdoc$/.test(a.name))
    || e.localName === 'img' && !/^(data|blob):/.test(e.src))
  .map(e => e.outerHTML.slice(0, 200))"""
# As somebody makes it larger by its corner.
_WHOLE = "e => { e.style.height = e.scrollHeight + 4 + 'px'; e.scrollTop = 0 }"
_WIDE = """root => [...root.querySelectorAll('*')]
  .filter(e => !e.closest('.ap-spoken, mjx-container') && e.clientWidth > 1
    && e.scrollWidth > e.clientWidth + 1
    && getComputedStyle(e).overflowX === 'visible')
  .map(e => e.className + ' ' + e.scrollWidth + ' > ' + e.clientWidth)"""


def opened(lab: Lab, server: ScriptedServer, name: str) -> tuple[Notebook, Locator]:
    """Show a panel; return its notebook and the panel."""
    notebook = lab.notebook(
        name,
        f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic\n%chat panel",
    )
    notebook.run_cell(0)
    panel = notebook.output(0).get_by_role("region", name="Chat")
    panel.get_by_text("Nothing was asked yet.").wait_for()
    return notebook, panel


def ask(panel: Locator, text: str) -> None:
    """Ask, and wait for the answer's end."""
    turns = panel.get_by_role("article")
    before = turns.count()
    panel.get_by_role("textbox", name="Message").fill(text)
    panel.get_by_role("textbox", name="Message").press("Enter")
    expect(turns).to_have_count(before + 1)
    # It stands there from the moment that the turn has ended.
    expect(turns.last.get_by_role("button", name="Delete")).to_be_visible()
    expect(panel.get_by_role("button", name="Stop")).to_be_disabled()


def test_what_a_panel_looks_like(
    lab: Lab, server: ScriptedServer, screenshots: object
) -> None:
    """It can be read by all, in every theme; nothing is cut off in a page of 320 px."""
    server.will(
        says(ANSWER, usage={**USAGE, "cost": 0.00042}),
        says("Yes: `data.resample('W').mean()`."),
        fails(429, "Too many requests"),
    )
    notebook, panel = opened(lab, server, "looks")
    ask(panel, QUESTION)
    ask(panel, "Can I have weekly means?")
    for theme in ("Dark", "Light"):
        lab.theme(f"JupyterLab {theme}")
        panel.get_by_role("log").evaluate(_WHOLE)
        panel.screenshot(path=f"{screenshots}/panel-{theme.lower()}.png")
    panel.get_by_role("log").evaluate("e => { e.style.height = '' }")
    server.will(*[fails(429, "Too many requests")] * 3)
    ask(panel, "And monthly ones?")
    panel.get_by_role("button", name="Options").click()
    found = {}
    for theme in THEMES:
        lab.theme(f"JupyterLab {theme}")
        found[theme] = violations(lab.page, ".ap")
    panel.screenshot(path=f"{screenshots}/panel-options.png")
    panel.get_by_role("button", name="Options").click()
    with lab.width(320):
        panel.screenshot(path=f"{screenshots}/panel-narrow.png")
        width = panel.evaluate("e => e.clientWidth")
        wide = panel.evaluate(_WIDE)

    assert [] == [line for each in found.values() for line in each]
    assert width < 320
    assert [] == wide

    notebook.close()


@in_both
def test_a_keyboard_is_enough(front_end: Lab, server: ScriptedServer) -> None:
    """Every control is reached, keys are not the notebook's, the focus is not lost."""
    server.will(says("one"), says("ONE"))
    notebook, panel = opened(front_end, server, "keyboard")
    ask(panel, "1?")
    keys = front_end.page.keyboard
    panel.get_by_role("combobox", name="Conversation").focus()
    reached = []
    for _ in range(30):
        name = front_end.page.evaluate(
            """() => { const e = document.activeElement;
              return e.closest('.ap')
                ? e.ariaLabel ?? (e.labels?.[0] ?? e).textContent : null }"""
        )
        if name is None:
            break
        reached.append(name)
        keys.press("Tab")
    panel.get_by_role("button", name="Retry", exact=True).focus()
    keys.press("Enter")
    expect(panel.get_by_role("article")).to_contain_text("ONE")
    is_here = "() => !!document.activeElement.closest('.ap')"
    after_retry = front_end.page.evaluate(is_here)
    panel.get_by_role("button", name="Edit", exact=True).focus()
    keys.press("Enter")
    box = panel.get_by_role("textbox", name="Edit the question")
    expect(box).to_be_focused()
    keys.press("Escape")
    expect(box).to_have_count(0)
    after_edit = front_end.page.evaluate(is_here)
    panel.get_by_role("button", name="Delete", exact=True).last.focus()
    for key in ("b", "a", "d", "d", "Enter"):
        keys.press(key)
    expect(panel.get_by_role("article")).to_have_count(0)

    wanted = ["Conversation", "New conversation", "More", "Model", "Options"]
    actions = ["Copy", "Retry", "Edit", "To a cell", "Fork from here", "Delete"]
    assert [*wanted, "Conversation", *actions, "Message", "Attach files", "Send"] == (
        reached
    )
    assert after_retry
    assert after_edit
    assert front_end.page.evaluate(is_here)
    assert notebook.cell(1).count() == 0

    notebook.close()


def test_control_s_saves(lab: Lab, server: ScriptedServer) -> None:
    """It is the one key of the notebook's that works in the panel too."""
    server.will(says("one"))
    notebook, panel = opened(lab, server, "saves")
    ask(panel, "1?")
    dirty = "() => jupyterapp.shell.currentWidget.context.model.dirty"
    lab.page.wait_for_function(dirty)
    panel.get_by_role("textbox", name="Message").press("Control+s")
    lab.page.wait_for_function(f"() => !({dirty})()")
    notebook.close()


def test_right_to_left(lab: Lab, server: ScriptedServer) -> None:
    """A text says itself in which direction it runs; code runs to the right."""
    server.will(says("שלום **עולם**.\n\n```python\nx = 1\n```\n"))
    notebook, panel = opened(lab, server, "right to left")
    ask(panel, "מה שלומך?")
    direction = "e => getComputedStyle(e).direction"

    assert "rtl" == panel.locator(".ap-question").evaluate(direction)
    assert "rtl" == panel.locator(".ap-answer p").evaluate(direction)
    assert "ltr" == panel.locator(".ap-answer pre").evaluate(direction)

    notebook.close()


PARTS = (
    event({"choices": [{"delta": {"reasoning_content": "A *boat*, at dusk."}}]}),
    chunk("Here is a **boat at dusk**, in the colours that you named:\n\n"),
    drawn(png(640, 400)),
    chunk("I can make it brighter, if you wish."),
    chunk(delta={"tool_calls": [CALL]}),
    event({"choices": [], "web_sources": [{"url": SOURCE, "title": "Of boats"}]}),
)


def test_what_an_answer_of_many_parts_looks_like(
    lab: Lab, server: ScriptedServer, screenshots: object
) -> None:
    """A picture fits the panel, however narrow; it can be used and read by all."""
    server.will(
        Answer((*PARTS, chunk(finish="tool_calls"), event(LAST), DONE)),
        Answer((chunk("הנה **סירה**:"), drawn(png(160, 100)), END, DONE)),
    )
    notebook, panel = opened(lab, server, "parts")
    ask(panel, "Draw a boat at dusk.")
    ask(panel, "צייר סירה")
    pictures = panel.get_by_role("article").get_by_role("img")
    panel.get_by_role("log").evaluate(_WHOLE)
    expect(pictures).to_have_count(2)
    panel.get_by_role("log").evaluate(_WHOLE)
    for summary in panel.get_by_role("article").first.locator("summary").all():
        summary.click()
    found = {}
    for theme in THEMES:
        lab.theme(f"JupyterLab {theme}")
        found[theme] = violations(lab.page, ".ap")
        name = theme.lower().replace(" ", "-")
        panel.get_by_role("log").evaluate(_WHOLE)
        panel.screenshot(path=f"{screenshots}/panel-parts-{name}.png")
    with lab.width(320):
        panel.get_by_role("log").evaluate(_WHOLE)
        panel.screenshot(path=f"{screenshots}/panel-parts-narrow.png")
        wide = panel.evaluate(_WIDE)
        article = panel.get_by_role("article").last
        article.screenshot(path=f"{screenshots}/panel-parts-right-to-left.png")
        ratios = pictures.evaluate_all("es => es.map(e => e.width / e.height)")
    side = "e => e.closest('.ap-blocks').getBoundingClientRect().right"
    right = pictures.last.evaluate(
        f"e => ({side})(e) - e.getBoundingClientRect().right"
    )

    assert [] == [line for each in found.values() for line in each]
    assert [] == wide
    assert [1.6, 1.6] == [round(ratio, 1) for ratio in ratios]
    assert 1 > abs(right)
    assert [] == panel.evaluate(_ODD)

    notebook.close()


def test_hostile_texts(lab: Lab, server: ScriptedServer) -> None:
    """As answers, questions, names and errors they are texts, and do nothing."""
    bad = list(PAYLOADS.values())
    groups = ["\n\n".join(bad[n : n + 10]) for n in range(0, len(bad), 10)]
    server.will(
        *(answer for text in groups for answer in (says(text), fails(400, text)))
    )
    notebook, panel = opened(lab, server, "hostile panel")
    for text in groups:
        ask(panel, f"Look: {text}")
        ask(panel, "Fail.")
    name = panel.get_by_role("textbox", name="New name")
    model = panel.get_by_role("combobox", name="Model")
    server.will(says("So."))
    for number, text in enumerate(bad[::8]):
        odd = from_text(f"{number} {text}")
        model.fill(odd)
        model.press("Enter")
        panel.locator("summary", has_text="More").first.click()
        panel.locator(".ap-choices").get_by_role("button", name="Rename").click()
        name.fill(odd)
        name.press("Enter")
        expect(panel.get_by_role("combobox", name="Conversation")).to_have_value(odd)
    ask(panel, "And so?")

    assert [] == lab.page.evaluate("() => window.ran ?? []")
    assert [] == lab.strays
    assert 0 == lab.page.locator(".jp-Dialog").count()
    assert [] == panel.evaluate(_ODD)

    notebook.close()


def test_hostile_pictures(lab: Lab, server: ScriptedServer) -> None:
    """What is no picture is a line, what is elsewhere a link; nothing is fetched."""
    bad = list(PAYLOADS.values())[::2]
    addresses = [
        "data:image/svg+xml;base64," + b64encode(SVG).decode(),
        "data:image/png;base64," + b64encode(SVG).decode(),
        "data:text/html,<script>window.ran=[1]</script>",
        "javascript:window.ran=[1]",
        "https://pictures.example/a.png",
        *(f"https://pictures.example/{text}" for text in bad),
    ]
    images = [{"image_url": {"url": address}} for address in addresses]
    named = chunk(delta={"images": images})
    server.will(Answer((named, drawn(*[png(9, 9)] * 150), chunk("So."), END, DONE)))
    notebook, panel = opened(lab, server, "hostile pictures")
    ask(panel, "Draw.")
    turn = panel.get_by_role("article")
    panel.get_by_role("log").evaluate(_WHOLE)
    places = turn.locator("data.ap-picture")
    while places.count():
        places.evaluate_all("es => es[0]?.scrollIntoView()")

    assert 100 - len(addresses) == turn.get_by_role("img").count()
    assert "more pictures are left out" in turn.inner_text()
    assert [] == lab.page.evaluate("() => window.ran ?? []")
    assert [] == lab.strays
    assert [] == panel.evaluate(_ODD)

    notebook.close()


def test_hostile_texts_under_way(lab: Lab, server: ScriptedServer) -> None:
    """So are the server's models, files' names, and what still comes."""
    bad = list(PAYLOADS.values())
    thought = {"choices": [{"delta": {"reasoning_content": "\n".join(bad)}}]}
    gate = threading.Event()
    line = " ".join(" ".join(bad).split())
    server.will(
        json_answer({"data": [{"id": f"model {text}"} for text in bad]}),
        Answer((event(thought), chunk(line), Wait(gate), END, DONE)),
    )
    notebook, panel = opened(lab, server, "hostile names")
    panel.get_by_role("combobox", name="Model").click()
    models = panel.get_by_role("listbox", name="Models").get_by_role("option")
    expect(models).to_have_count(50)
    found = [panel.evaluate(_ODD)]
    panel.get_by_role("combobox", name="Model").press("Escape")
    panel.locator("input[type=file]").set_input_files(
        [FilePayload(name=text, mimeType="text/csv", buffer=b"1") for text in bad[::2]]
    )
    expect(panel.locator(".ap-compose .ap-chip")).to_have_count(len(bad[::2]))
    panel.get_by_role("textbox", name="Message").fill("Look.")
    panel.get_by_role("textbox", name="Message").press("Enter")
    expect(panel.locator(".ap-answer > .ap-tail")).to_have_text(line)
    found.append(panel.evaluate(_ODD))
    gate.set()
    expect(panel.get_by_role("button", name="Retry", exact=True)).to_be_visible()
    panel.locator(".ap-thought summary").click()
    found.append(panel.evaluate(_ODD))

    assert [[], [], []] == found
    assert len(bad[::2]) == panel.locator(".ap-turn .ap-chip").count()
    assert [] == lab.page.evaluate("() => window.ran ?? []")
    assert [] == lab.strays
    assert 0 == lab.page.locator(".jp-Dialog").count()

    notebook.close()
