"""An answer of many parts in a real JupyterLab: light and dark, narrow, both ways."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drawn import GIF, WEBP, data_url, image, large, picture, png
from lab_driver import Lab, Notebook
from nbconvert import HTMLExporter
from playwright.sync_api import Browser, Locator
from scripted_server import DONE, Answer, ScriptedServer, chunk, event

CALL = {"name": "weather", "arguments": '{"city":"Bern","days":[1,2],"unit":"C"}'}
SOURCES = [
    {"url": "https://maps.example/bern", "title": "Bern from above"},
    {"url": "https://weather.example/", "title": ""},
]
WORDS = {
    "left to right": ("This is **Bern** from above:", "And its colours, in short."),
    "right to left": ("هذه هي **برن** من الأعلى:", "وهذه ألوانها باختصار."),
}
# How wide each picture is, as drawn and as shown, and how wide its output is.
_WIDTHS = """output => [...output.querySelectorAll('img')].map(e =>
  [e.naturalWidth, Math.round(e.getBoundingClientRect().width),
   Math.floor(output.getBoundingClientRect().width)])"""
# Where what is drawn narrow ends, or else begins.
_SIDE = """e => {
  const room = e.parentElement.getBoundingClientRect();
  return Math.abs(e.getBoundingClientRect().right - room.right) < 2 ? 'left' : 'right';
}"""
_LOADED = "e => [...e.querySelectorAll('img')].every(i => i.complete && i.naturalWidth)"


def answer(words: tuple[str, str]) -> Answer:
    """Return an answer that has something of all that may come."""
    first, second = words
    calls = [{"index": 0, "id": "c", "function": CALL}]
    steps = (
        chunk(delta={"reasoning_content": "A map, *then* the colours."}),
        chunk(first),
        picture(png(900, 420)),
        chunk(second),
        picture(png(120, 40)),
        chunk(delta={"tool_calls": calls}),
        event({"choices": [], "web_sources": SOURCES}),
    )
    return Answer((*steps, chunk(finish="stop"), DONE))


@pytest.fixture
def notebook(lab: Lab, server: ScriptedServer) -> Iterator[Notebook]:
    """Yield a notebook with such an answer in both directions."""
    server.will(*map(answer, WORDS.values()))
    load = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    made = lab.notebook("pictures", load, *(f"%%chat\n{name}" for name in WORDS))
    made.run()
    yield made
    made.close()


def opened(output: Locator) -> None:
    """Unfold what is folded, and wait for the pictures."""
    for summary in output.locator("summary").all():
        summary.click()
    output.locator("img").last.wait_for()
    assert output.evaluate(_LOADED)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
@pytest.mark.parametrize("width", [1100, 320])
def test_pictures_fit(
    lab: Lab, notebook: Notebook, screenshots: Path, theme: str, width: int
) -> None:
    """Each is as wide as it was drawn, or as there is room; nothing else moves."""
    lab.theme(theme)
    with lab.width(width):
        lab.page.set_viewport_size({"width": width, "height": 1400})
        for number, name in enumerate(WORDS, 1):
            output = notebook.output(number).first
            output.scroll_into_view_if_needed()
            opened(output)
            widths = output.evaluate(_WIDTHS)
            look = f"{theme.split()[1]}-{width}-{name.replace(' ', '-')}".lower()
            notebook.cell(number).screenshot(path=screenshots / f"parts-{look}.png")

            assert [900, 120] == [drawn for drawn, _, _ in widths]
            assert all(shown <= room for _, shown, room in widths)
            assert 120 == widths[1][1]
            assert output.evaluate("e => e.scrollWidth <= e.clientWidth + 1")
            assert '"city": "Bern"' in output.locator("pre").inner_text()
            assert name.endswith(output.locator("img").last.evaluate(_SIDE))
            for summary in output.locator("summary").all():
                summary.click()
    assert [] == lab.strays


def test_large_ones_are_not_lost(lab: Lab, server: ScriptedServer) -> None:
    """Pictures of 20 MB together reach the page, with the text and the footer."""
    data = png(1100, 1500, noise=True)
    rest = large(4_999_000)[16:]
    padded = [data + rest[: 4_999_000 - len(data)] for _ in range(4)]
    steps = [*map(picture, padded), chunk("Below.")]
    server.will(Answer((*steps, chunk(finish="stop"), DONE)))
    load = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    made = lab.notebook("large", load, "%%chat\nx")
    made.run()
    output = made.output(1)
    output.locator(".apertis-footer").wait_for()
    output.locator("img").last.wait_for()
    lab.page.wait_for_function(
        "() => [...document.querySelectorAll('img.apertis-picture')]"
        ".every(e => e.complete)"
    )

    assert [1100] * 4 == [drawn for drawn, _, _ in output.evaluate(_WIDTHS)]
    assert "Below." in output.inner_text()

    made.close()


def test_a_picture_as_a_value(
    lab: Lab, server: ScriptedServer, browser: Browser
) -> None:
    """It shows itself, of each kind, in JupyterLab and on nbconvert's page."""
    found = [png(), GIF, WEBP]
    images = [image(data_url(each))["images"][0] for each in found]
    server.will(Answer((chunk(delta={"images": images}), chunk(finish="stop"), DONE)))
    load = f"%env APERTIS_BASE_URL={server.url}\n%load_ext apertis_magic"
    values = [f"answer.pictures[{n}]" for n in range(len(found))]
    made = lab.notebook("values", load, "%%chat -o answer\nx", *values)
    made.run()
    for number in range(len(found)):
        shown = made.output(number + 2).locator("img")
        shown.wait_for()
        lab.page.wait_for_function(
            "e => e.complete && e.naturalWidth", arg=shown.element_handle()
        )
    file = made.path.with_suffix(".html")
    file.write_text(HTMLExporter().from_notebook_node(made.saved())[0], "utf-8")
    page = browser.new_page()
    page.goto(file.as_uri(), wait_until="commit")
    page.locator("img").nth(2 * len(found) - 1).wait_for(state="attached")
    page.wait_for_function(
        "() => [...document.images].every(e => e.complete && e.naturalWidth)"
    )
    page.close()
    made.close()
