"""What a person sees: Markdown as models write it, hostile text, footers."""

import re
from dataclasses import replace
from typing import Any

import pytest
import turns
from hostile import PAYLOADS, PLACES, assert_harmless
from hypothesis import given
from hypothesis import strategies as st
from turns import turn_of

from apertis_magic.api.types import Usage
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.render import bundle, markdown, table
from apertis_magic.render.footer import footer_line, notes
from apertis_magic.render.markdown import to_html
from apertis_magic.render.metadata import turns_of
from apertis_magic.render.reading import finished

TICKS = "```"
CONSTRUCTS = {
    "a list right after text": (
        "a:\n- b\n- c",
        "<p>a:</p><ul><li>b</li><li>c</li></ul>",
    ),
    "a numbered list": ("a\n1. b\n2. c", "<p>a</p><ol><li>b</li><li>c</li></ol>"),
    "numbers with brackets": ("1) b\n2) c", "<ol><li>b</li><li>c</li></ol>"),
    "a year is no list": ("In\n2024. That", "<p>In\n2024. That</p>"),
    "nested by two": ("- a\n  - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
    "nested by three": ("1. a\n   - b", "<ol><li>a<ul><li>b</li></ul></li></ol>"),
    "nested by four": ("- a\n    - b", "<ul><li>a<ul><li>b</li></ul></li></ul>"),
    "sloppily nested": ("1. a\n  - b", "<ol><li>a<ul><li>b</li></ul></li></ol>"),
    "out again": (
        "- a\n  - b\n- c",
        "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
    ),
    "one kind after the other": ("- a\n1. b", "<ul><li>a</li></ul><ol><li>b</li></ol>"),
    "a table right after text": (
        "t:\n| a | b |\n|---|---|\n| 1 | 2 |",
        (
            "<p>t:</p><table><thead><tr><th>a</th><th>b</th></tr></thead>"
            "<tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
        ),
    ),
    "a rule is no list": ("a\n\n* * *\n\nb", "<p>a</p><hr><p>b</p>"),
    "an open fence": (f"a\n\n{TICKS}\n<b>\n# c", "<p>a</p><pre><b>\n# c</pre>"),
    "a fence in a list": (
        f"- a\n  {TICKS}\n  b\n  {TICKS}\n- c",
        "<ul><li>a<pre>b</pre></li><li>c</li></ul>",
    ),
    "generics": ("List<String> x", "<p>List<String> x</p>"),
    "raw HTML is text": ("<b>x</b>", "<p><b>x</b></p>"),
    "names with underscores": ("a snake_case_name", "<p>a snake_case_name</p>"),
    "strike": ("~~a~~", "<p><del>a</del></p>"),
    "math": (r"\(x\) $y$", r"<p><span>\(x\)</span> <span>$y$</span></p>"),
    "prices": ("$5 and $6", "<p><span>$</span>5 and <span>$</span>6</p>"),
    "a remote image": (
        "![cat](http://x/c.png)",
        (
            '<p><em><a href="http://x/c.png" target="_blank" '
            'rel="noopener noreferrer nofollow">[image not loaded: cat]</a></em></p>'
        ),
    ),
    "a task list": (
        "- [x] a\n- [ ] b",
        (
            '<ul><li><input type="checkbox" disabled="" aria-label="Completed task" '
            'checked=""> a</li><li><input type="checkbox" disabled="" '
            'aria-label="Incomplete task"> b</li></ul>'
        ),
    ),
}


def shape(html: str) -> str:
    """Return *html* without the wrappers and attributes that only serve styling."""
    html = re.sub(r' (?:class|dir|style|start|tabindex|title)="[^"]*"', "", html)
    html = re.sub(
        r"<pre><code>(.*?)\s*</code></pre>", r"<pre>\1</pre>", html, flags=re.DOTALL
    )
    html = re.sub(r"<div>((?:<pre>|<table>).*?)</div>", r"\1", html, flags=re.DOTALL)
    return html.replace("&lt;", "<").replace("&gt;", ">")


@pytest.mark.parametrize(("text", "expected"), CONSTRUCTS.values(), ids=CONSTRUCTS)
def test_markdown_as_models_write_it(text: str, expected: str) -> None:
    """Everyday constructs, by the structure of their HTML."""
    assert expected == shape(to_html(text))


def test_code_is_highlighted() -> None:
    """Tokens carry the highlighter's classes, which front ends colour."""
    assert '<span class="k">def</span>' in to_html(
        f"{TICKS}python\ndef f(): 1\n{TICKS}"
    )


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<details open ontoggle=alert(1)>x</details>",
    "<a href=javascript:alert(1)>x</a>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:x)",
    "<javascript:alert(1)>",
    "[x]: javascript:alert(1)\n\n[x]",
    f'{TICKS}"><img src=x onerror=alert(1)>\ncode\n{TICKS}',
    f"{TICKS}{{onclick=alert(1)}}\ncode\n{TICKS}",
    f"{TICKS}python onload=alert(1)\ncode",
    "<style>body{display:none}</style>",
    "<p style='position:fixed'>x</p>",
    "<form action=http://evil><input name=x></form>",
    "![x](http://evil/x.png)",
    '![x](data:image/svg+xml,<svg onload="alert(1)">)',
    '![x](x "onerror=alert(1)")',
    '[x](http://a "\\" onmouseover=alert(1) \\"")',
    "<link rel=stylesheet href=http://evil>",
    "<button data-commandlinker-command='x'>x</button>",
    "<div class='jp-Cell'>x</div>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<base href=http://evil>",
    "<meta http-equiv=refresh content='0;url=http://evil'>",
    "[^1]\n\n[^1]: <script>alert(1)</script>",
    "[^<img src=x onerror=alert(1)>]: x",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "> - <script>alert(1)</script>",
    "\\<script>alert(1)\\</script>",
    "`<script>alert(1)</script>`",
    "$<img src=x onerror=alert(1)>$",
    "\u0000<script\u0000>alert(1)</script>",
    "\u0002wzxhzdk:0\u0003<script>alert(1)</script>",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "a\n\n{}\n\nb",
        "- a\n  - {}",
        "> {}",
        "# {}",
        "**{}**",
        "| a |\n|---|\n| {} |",
        "[{}](http://a)",
        "[^a]\n\n[^a]: {}",
    ],
)
def test_hostile_text_is_harmless(text: str, around: str) -> None:
    """Alone, inside each construct, and broken off at every place."""
    whole = around.replace("{}", text)
    for end in range(1, len(whole) + 1, 3):
        assert_harmless(to_html(whole[:end]))
    assert_harmless(to_html(whole))


@pytest.mark.parametrize("place", PLACES)
def test_every_attack_in_every_place_is_harmless(place: str) -> None:
    """What the browser's tests do in a page, by the allow-list alone."""
    for bad in PAYLOADS.values():
        assert_harmless(to_html(PLACES[place](bad)))


PIECES = st.sampled_from(
    [
        "a",
        " ",
        "\n",
        "\n\n",
        "- ",
        "  - ",
        "1. ",
        "> ",
        "# ",
        "*",
        "**",
        "_",
        "`",
        TICKS,
        "\n~~~\n",
        "|",
        "|---|",
        "[",
        "](",
        ")",
        "![",
        "[^1]",
        ": ",
        "<",
        ">",
        "&",
        "&lt;",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\",
        "    ",
        "\t",
        "<script>",
        "onerror=",
        '"',
        "'",
        "=",
        "http://a.b",
        "\u2028",
        "\U0001f600",
        "\u202e",
    ]
)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_renders_harmless(text: str) -> None:
    """Nothing that a model could write raises, or gets past the cleaning."""
    assert_harmless(to_html(text))


def test_a_text_that_breaks_the_renderer_is_shown_as_it_is() -> None:
    """However deep or odd, the answer is there to read."""
    deep = ">" * 100_000 + "end"

    assert "end" in to_html(deep)


BLOCKS = [
    "a paragraph\nof two lines",
    "- a\n- b",
    "- a\n\n- b",
    "- a\n\n  b",
    "1. a\n2. b",
    f"{TICKS}python\nx = 1\n\n\ny = 2\n{TICKS}",
    f"~~~\n{TICKS}\n\nb\n~~~",
    f"- a\n\n  {TICKS}\n  b\n\n  c\n  {TICKS}",
    "> quote\n>\n> - a",
    "# heading",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "**bold**\n\n    indented\n\n    code",
    "1990 was\n\n2 years later",
    f"{TICKS}\na\n\n{TICKS}text\n\nb\n{TICKS}",
    f"{TICKS}\na\n\n    {TICKS}\n\nb\n{TICKS}",
    f"{TICKS} not `a` fence",
]


@given(st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=6), st.integers(1, 50))
def test_blocks_look_the_same_alone(blocks: list[str], step: int) -> None:
    """What was finished while the text grew is as in the render of the whole."""
    text = "\n\n".join(blocks) + "\n"
    html, done = "", 0
    for end in range(0, len(text), step):
        length = finished(text[done:end])
        html += to_html(text[done : done + length])
        done += length

    assert shape(to_html(text)) == shape(html + to_html(text[done:]))


def test_finished_blocks_are_rendered_once() -> None:
    """A long answer costs its tail only."""
    text = "a paragraph\n\n" * 100

    assert len(text) - 2 * len("a paragraph\n\n") < finished(text + "tail")
    assert 0 == finished("a\nb")
    assert len("a\n\n") == finished("a\n\nb")
    assert len("a\n\n") == finished(f"a\n\n{TICKS}\n\nb\n\nc\n")


USAGE = Usage(prompt_tokens=3, completion_tokens=4, total_tokens=7)
TURN = turn_of(
    question=Question("x"),
    text="**a**",
    model="served",
    asked_model="served",
    finish="stop",
    usage=USAGE,
    elapsed=2.0,
    base_url="https://api.apertis.ai/v1",
)


def changed(**fields: object) -> Turn:
    """Return the turn with some fields changed."""
    question = TURN.question
    for old, name in (("prompt", "typed"), ("options", "fields")):
        if old in fields:
            question = replace(question, **{name: fields.pop(old)})  # type: ignore[arg-type]  # any
    return turns.changed(TURN, question=question, **fields)


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (TURN, "served · 3 in + 4 out = 7 tokens · 2.0 s · 2 tokens/s"),
        (
            changed(finish="length", base_url="http://localhost:1/v1"),
            "served · 3 in + 4 out = 7 tokens · 2.0 s · 2 tokens/s · length",
        ),
        (
            changed(not_streamed=True, elapsed=0.0, usage=replace(USAGE, cost=0.5)),
            "served · 3 in + 4 out = 7 tokens · 0.0 s · not streamed · $0.5",
        ),
        (
            changed(finish="length", local=True),
            "local · served · 3 in + 4 out = 7 tokens · 2.0 s · 2 tokens/s · length",
        ),
        (
            changed(
                asked_model="another", first_text=0.25, usage=Usage(total_tokens=7)
            ),
            "served (asked: another) · 7 tokens · 2.0 s (first text 0.2 s)",
        ),
        (
            changed(model="serve-2026-01-01", asked_model="lab/Serve", elapsed=0.0),
            "serve-2026-01-01 · 3 in + 4 out = 7 tokens · 0.0 s",
        ),
        (
            changed(
                usage=Usage(
                    prompt_tokens=3,
                    completion_tokens=4,
                    total_tokens=7,
                    cached_tokens=2,
                    reasoning_tokens=1,
                ),
                elapsed=0.0,
            ),
            "served · 3 in (2 cached) + 4 out (1 reasoning) = 7 tokens · 0.0 s",
        ),
        (
            changed(usage=None, model="", text=""),
            "served · tokens unknown · 2.0 s",
        ),
        (changed(usage=Usage(total_tokens=7)), "served · 7 tokens · 2.0 s"),
        (
            changed(usage=Usage(total_tokens=7, cost=0.00012)),
            "served · 7 tokens · 2.0 s · $0.00012",
        ),
        (
            changed(usage=Usage(total_tokens=7, cost=0.0)),
            "served · 7 tokens · 2.0 s · $0",
        ),
        (
            changed(usage=None, text="12345", reasoning="123"),
            "served · about 2 tokens out (estimated) · 2.0 s",
        ),
        (
            changed(cached=True, usage=replace(USAGE, cost=0.0012), first_text=0.1),
            "cached · served · 3 in + 4 out = 7 tokens · $0 (saved $0.0012)",
        ),
        (
            changed(cached=True, base_url="http://localhost:1/v1", finish="length"),
            "cached · served · 3 in + 4 out = 7 tokens · $0 · length",
        ),
    ],
)
def test_the_footer(turn: Turn, expected: str) -> None:
    """Model, tokens, time, and the finish reason when it is not ``stop``."""
    assert expected == footer_line(turn)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (TURN, ""),
        (changed(text=""), "The answer is empty."),
        (changed(finish="length"), "cut off"),
        (changed(finish="interrupted"), "stopped"),
        (changed(finish="interrupted", text=""), "before its answer began"),
        (changed(finish="error", error="no luck"), "broke off"),
        (changed(finish="error", error="no luck", text=""), "no answer"),
        (changed(refusal="no", text=""), "refused"),
        (changed(malformed=2), "2 unreadable events"),
        (changed(finish="tool_calls"), "asked for a tool"),
        (changed(fallback="timeout", asked_model="a"), "a did not answer: timeout."),
        (changed(left_out=1), "1 earlier turn was not sent, so that the question fits"),
        (changed(left_out=12), "12 earlier turns were not sent"),
        (changed(cached=True), ""),
    ],
)
def test_what_a_reader_must_know_is_noted(turn: Turn, words: str) -> None:
    """An answer that did not end as it should says so."""
    assert words in " ".join(notes(turn))
    assert bool(words) == bool(notes(turn))


def test_a_bundle_is_safe_and_complete() -> None:
    """Clean HTML with the footer, the Markdown source, and metadata to rebuild it."""
    turn = changed(text="<script>1</script> **a**", model="<b>", options={"seed": 1})
    data, metadata = bundle.answer(turn, conversation="main")

    assert {"text/html", "text/plain"} == set(data)
    assert "<script" not in data["text/html"]
    assert "&lt;b&gt; (asked: served) · 3 in" in data["text/html"]
    assert data["text/plain"].startswith(f"{turn.text}\n\n<b> (asked: served) · 3 in")
    assert "main" == metadata["apertis_magic"]["conversation"]
    assert [turn] == turns_of([{"data": data, "metadata": metadata}])


DAMAGED: list[dict[str, Any]] = [
    {"data": {"text/plain": "1"}, "metadata": {}},
    {"data": {"text/plain": "1"}, "metadata": None},
    {"data": None, "metadata": {"apertis_magic": None}},
    {"data": {"text/plain": 1}, "metadata": {"apertis_magic": {"prompt": "x"}}},
    {"metadata": {"apertis_magic": {"id": "a", "prompt": None}}},
    {"metadata": {"apertis_magic": {"id": "a", "prompt": "x", "parts": 2}}},
]


def test_long_reasoning_is_shown_by_its_end() -> None:
    """A page need not hold all that a model thought; the metadata does."""
    turn = changed(reasoning="x" * 300_000 + " the end")
    data, metadata = bundle.answer(turn, conversation="main")

    assert len(data["text/html"]) < 30_000
    assert "the end" in data["text/html"]
    assert "280008 characters before this" in data["text/html"]
    assert [turn] == turns_of([{"data": data, "metadata": metadata}])


@pytest.mark.parametrize("output", DAMAGED)
def test_an_output_of_others_is_no_turn(output: dict[str, Any]) -> None:
    """Outputs without our metadata, or with a part missing, are left alone."""
    assert [] == turns_of([output])


def test_a_turn_that_went_on_in_the_same_cell() -> None:
    """Both its outputs are turns, each with its own text, whatever a newer one adds."""
    half, whole = changed(text="half"), changed(text="half and whole")
    outputs = []
    for turn in (half, whole):
        data, metadata = bundle.answer(turn, conversation="main")
        metadata["apertis_magic"] |= {"newer": 1, "alternatives": None}
        metadata["apertis_magic"]["usage"]["newer"] = 1
        outputs.append({"data": data, "metadata": metadata})

    assert [half, whole] == turns_of(outputs)


@pytest.mark.parametrize(
    "text", ["a\u202eb", "```py\nif a\u202d:\n```", "&#x202e;", "\x1b[2J", "a\x02b"]
)
def test_nothing_turns_the_direction_of_the_text(text: str) -> None:
    """Code would read as something else than it is."""
    assert not set("\u202e\u202d\x1b\x02") & set(to_html(text))


def test_what_is_escaped_is_no_formula() -> None:
    """A front end finds no formula where Markdown has a backslash."""
    html = to_html(r"\\(x\\) and \\begin{align}x\\end{align}")

    assert "\\(" not in html
    assert "\\begin" not in html


class Impatient(str):
    """A text whose reader is interrupted."""

    __slots__ = ()

    def split(self, *_: Any, **__: Any) -> list[str]:
        raise KeyboardInterrupt


def test_an_interrupt_while_it_is_cleaned_is_not_lost() -> None:
    """nh3 prints what its callbacks raise and goes on."""
    markdown._filter("div", "class", Impatient("x"))
    with pytest.raises(KeyboardInterrupt):
        to_html("a")

    assert '<p dir="auto">a</p>' == to_html("a")


def test_a_lexer_that_repeats_code_colours_nothing() -> None:
    """The code is what it is."""
    code = "x = <<EOF\n{\n"
    html = to_html(f"{TICKS}terraform\n{code}")

    assert 1 == html.count("{")


def test_a_transcript_shows_questions_answers_and_what_is_stale() -> None:
    """A person's own text is escaped like any other."""
    one, two = changed(prompt="<i>?"), changed(prompt="two", id="2")
    shown = bundle.transcript([one, two], system="<u>", stale=frozenset({"2"}))

    assert "&lt;i&gt;?" in shown["text/html"]
    assert "&lt;u&gt;" in shown["text/html"]
    assert 1 == shown["text/html"].count("Stale")
    assert 1 == shown["text/plain"].count("Stale")


def test_columns_line_up_where_letters_are_wide() -> None:
    """In a terminal; a column of which nothing is known is left out."""
    rows = [("東京", "1", "", "x"), ("cafe\u0301", "22", "", "")]
    told = table.table(("name", "turns", "cost", "about"), rows, words=("about",))
    card = bundle.card("Title", {"東京": "a", "name": "b"}, ())

    assert [
        "name  turns  about",
        "東京      1  x",
        "cafe\u0301     22",
    ] == told["text/plain"].split("\n")
    assert "cost" not in told["text/html"]
    assert "東京  a\nname  b" in card["text/plain"]
