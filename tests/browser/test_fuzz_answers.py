"""Answers that nobody wrote, put together of attacks, in a page that would obey.

``make test-slow`` tries many more of them.
"""

from collections.abc import Iterator
from random import Random

from hostile import FOUND, PAYLOADS, PLACES, STYLES
from playwright.sync_api import Browser
from scale import ALL

from apertis_magic.render import style
from apertis_magic.render.bundle import page as as_output
from apertis_magic.render.markdown import to_html

ANSWERS = 100_000 if ALL else 400
AT_ONCE = 100
MARKUP = [
    *("\n", "\n\n", " ", "    ", "\t", "`", "```\n", "*", "**", "~~", "> ", "# ", "- "),
    *("[", "](", ")", "![", "<", ">", "</", "/>", "<!--", "-->", "<![CDATA[", "]]>"),
    *('"', "'", "=", "&", "&lt;", "&#x3c;", "&#0;", "\\", "\0", "\u2028", "\u202e"),
    *("$", "$$", "\\(", "\\)", "\\[", "\\begin{a}", "{", "}", "|", "|-|\n", "[^a]:"),
    *("javascript:", "data:text/html,", "http://leak.invalid/", "//leak.invalid", "a"),
    *(
        "onerror=",
        "style=",
        "src=",
        "href=",
        "id=",
        "class=jp-x",
        "<img ",
        "<a ",
        "\u017f",
    ),
]

# Scripts in a fragment that is made so run once it is in the page, as in a front end.
SHOW = """async (answers) => {
  for (const answer of answers) {
    const range = document.createRange();
    range.selectNode(document.body);
    const section = document.createElement('section');
    section.append(range.createContextualFragment(answer));
    document.body.append(section);
  }
  for (const folded of document.querySelectorAll('details')) folded.open = true;
  for (const link of document.querySelectorAll('a')) link.focus();
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return window.ran ?? [];
}"""


def mutated(random: Random) -> str:
    """Return an attack, or two, with something left out, doubled or put in."""
    text = random.choice([*PLACES.values()])(random.choice([*PAYLOADS.values()]))
    text += random.choice(["", "\n\n", *PAYLOADS.values()])
    for _ in range(random.randint(0, 8)):
        at = random.randrange(len(text) + 1)
        end = at + random.choice([0, 0, 0, 1, 3, 20])
        text = text[:at] + random.choice(["", *MARKUP]) + text[end:]
    return text


def answers(seed: int) -> Iterator[str]:
    """Give texts, the same for the same seed."""
    random = Random(seed)  # noqa: S311  anything
    for number in range(AT_ONCE):
        if number % 4:
            yield mutated(random)
        else:
            yield "".join(random.choices(MARKUP, k=random.randint(1, 60)))


def test_no_answer_does_anything(browser: Browser) -> None:
    """No script runs, nothing is asked for, and only what is listed is in the page."""
    page = browser.new_page()
    strays: list[str] = []
    page.set_content("<!DOCTYPE html><title>x</title>")
    page.on("request", lambda request: strays.append(request.url))
    page.route("**/*", lambda route: route.abort())
    wrong = []
    for seed in range(ANSWERS // AT_ONCE):
        texts = [*answers(seed)]
        shown = [as_output(to_html(text))["text/html"] for text in texts]
        ran = page.evaluate(SHOW, shown)
        found = page.evaluate(FOUND, [style.RULES, STYLES])
        if ran or found or strays:
            wrong.append((seed, ran, found[:5], strays[:5]))
            page.evaluate("() => { delete window.ran }")
            strays.clear()
        page.evaluate("() => document.body.replaceChildren()")
    page.close()

    assert [] == wrong


def test_the_page_would_obey(browser: Browser) -> None:
    """The same attacks, as they are, do run in it and do leave."""
    page = browser.new_page()
    strays: list[str] = []
    page.set_content("<!DOCTYPE html><title>x</title>")
    page.on("request", lambda request: strays.append(request.url))
    page.route("**/*", lambda route: route.abort())
    ran = page.evaluate(SHOW, [PAYLOADS["script"], PAYLOADS["remote image"]])
    page.evaluate(
        "(html) => { document.body.className = 'apertis-answer';"
        " document.body.innerHTML = html; }",
        PAYLOADS["iframe, elsewhere"],
    )
    found = page.evaluate(FOUND, [style.RULES, STYLES])
    page.close()

    assert ran
    assert strays
    assert "iframe" in found
