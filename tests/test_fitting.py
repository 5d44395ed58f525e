"""Which turns are sent: as many as fit and no more; and what to do when it is too long.

The tokens of the texts were counted by the tokenizers of SmolLM2 (llama.cpp) and, where
a note says so, of OpenAI's models.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer, fails
from turns import turn_of

from apertis_magic import Apertis, errors
from apertis_magic.api import defaults
from apertis_magic.api.types import Usage
from apertis_magic.chat import fitting
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.fitting import Fit
from apertis_magic.chat.model_lists import ListedModel, Listing, context_length
from apertis_magic.chat.parts import Part, Picture, ToolCall, ToolResult
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Turn
from apertis_magic.notebook.option_line import parse
from apertis_magic.notebook.options import ChatOptions

NO_LIMIT: dict[str, Any] = {
    "system": None,
    "last_turns": None,
    "max_context": None,
    "max_tokens": None,
}
TEXTS = {
    "English": (
        "The sky looks blue because the molecules of the air scatter short waves "
        "of light much more strongly than long ones. When the sun is low, its "
        "light has a longer way to go through the air; most of the blue is then "
        "scattered out of the line of sight, and what is left is orange and red. "
        "Dust and smoke make the effect stronger still."
    ),
    "in haste": (
        "hey, can you help me w/ my homework?? I don't get why the derivative of "
        "x^2 isn't just 2... thx!"
    ),
    "one long word, by cl100k": "antidisestablishmentarianism",
    "German": (
        "Der Himmel erscheint blau, weil die Moleküle der Luft kurzwelliges Licht "
        "viel stärker streuen als langwelliges. Bei Sonnenuntergang ist der Weg "
        "durch die Atmosphäre länger."
    ),
    "French": (
        "Le ciel paraît bleu parce que les molécules de l'air diffusent bien "
        "davantage la lumière de courte longueur d'onde que celle de grande "
        "longueur d'onde."
    ),
    "Russian": (
        "Днём небо кажется голубым, потому что молекулы воздуха рассеивают "
        "короткие волны света гораздо сильнее, чем длинные. Когда солнце стоит "
        "низко, этот свет проходит более длинный путь."
    ),
    "Hindi": (
        "आकाश नीला दिखता है क्योंकि हवा के अणु प्रकाश की छोटी तरंगों को लंबी "
        "तरंगों की तुलना में अधिक बिखेरते हैं।"
    ),
    "Japanese, by r50k": "お誕生日おめでとう",
    "sums, by cl100k": "2 + 2 = 4",
    "a page": (
        "## Steps\n\n"
        '1. **Load** the data with `pandas.read_csv("sales.csv")`.\n'
        "2. *Group* it by `region`:\n\n"
        "```python\n"
        'by_region = df.groupby("region")["amount"].sum()\n'
        "```\n\n"
        "3. Plot it.\n\n"
        "| region | amount |\n"
        "|---|---|\n"
        "| north | 1 203.50 |\n"
        "| south | 998.10 |\n"
    ),
    "code": (
        "const debounce = (fn, ms = 250) => { let t; return (...a) => { "
        "clearTimeout(t); t = setTimeout(() => fn(...a), ms); }; };\n"
        "document.querySelectorAll('.row > td:not(.x)').forEach((el, i) => "
        "el.addEventListener('click', () => console.log(`${i}: "
        "${el.textContent}`)));\n"
    ),
    "numbers": "134.3642,847.4337\n763.7746,255.0690\n",
    "a formula": (
        "\\int_{-\\infty}^{\\infty} e^{-x^2}\\,dx = \\sqrt{\\pi}, \\qquad "
        "\\sum_{n=1}^{\\infty} \\frac{1}{n^2} = \\frac{\\pi^2}{6}, \\quad \\nabla "
        "\\times \\mathbf{E} = -\\frac{\\partial \\mathbf{B}}{\\partial t}"
    ),
    "nothing": "",
}
COUNTED = {
    "English": 72,
    "in haste": 31,
    "one long word, by cl100k": 6,
    "German": 68,
    "French": 53,
    "Russian": 140,
    "Hindi": 116,
    "Japanese, by r50k": 14,
    "sums, by cl100k": 7,
    "a page": 103,
    "code": 107,
    "numbers": 36,
    "a formula": 87,
    "nothing": 0,
}


@pytest.mark.parametrize("name", COUNTED)
def test_the_estimate_is_on_the_safe_side(name: str) -> None:
    """It is hardly ever below what a tokenizer counts, and not far above it."""
    counted = COUNTED[name]

    assert 0.9 * counted <= fitting.tokens(TEXTS[name]) <= 2 * counted


@given(st.text(st.characters()))
def test_every_text_has_an_estimate(text: str) -> None:
    """Also one with half an emoji; it is never more than its bytes."""
    bytes_of_it = len(text.encode(errors="surrogatepass"))

    assert bytes_of_it / 3 <= fitting.tokens(text) <= bytes_of_it


def answered(usage: Usage | None = None, **fields: Any) -> Turn:
    """Return a turn whose answer is estimated at 100 tokens."""
    asked = Question(fields.pop("prompt", "p"), fields.pop("attachments", ()))
    return turn_of(**{"question": asked, "text": "abc" * 100, "usage": usage, **fields})


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (answered(), 100),
        (answered(Usage(prompt_tokens=7)), 100),
        (answered(Usage(completion_tokens=80)), 80),
        (answered(Usage(completion_tokens=180)), 180),
        (answered(Usage(completion_tokens=700, reasoning_tokens=620)), 80),
        (answered(Usage(completion_tokens=80, reasoning_tokens=0)), 80),
        (answered(Usage(completion_tokens=700)), 100),
        (answered(Usage(completion_tokens=0)), 100),
        (answered(Usage(completion_tokens=80, reasoning_tokens=620)), 100),
        (answered(Usage(completion_tokens=150), reasoning="Hm."), 100),
        (answered(Usage(completion_tokens=160), alternatives=("abc" * 80,)), 100),
        (answered(Usage(completion_tokens=80), cached=True), 80),
    ],
)
def test_the_servers_number_is_used_where_it_is_the_texts(
    turn: Turn, expected: int
) -> None:
    """Not where other answers or the thinking are counted with it, or it is absurd."""
    nothing = answered(text="")

    assert expected == fitting.cost(turn) - fitting.cost(nothing)


def test_without_limits_all_turns_with_text_are_sent() -> None:
    """A turn that nobody answered is not, and is not counted as left out."""
    first, failed, last = answered(), answered(text=""), answered()

    expected = Fit(turns=(first, last))
    assert expected == fitting.fit([first, failed, last], "?", **NO_LIMIT)


@pytest.mark.parametrize(
    ("history", "sent"), [(None, "abc"), (0, ""), (1, "c"), (3, "abc"), (9, "abc")]
)
def test_the_last_turns_alone(history: int | None, sent: str) -> None:
    """``--history N`` sends N turns with text; what it cuts is nothing left out."""
    turns = [turn_of(question=Question("?"), text=text) for text in ("a", "b", "", "c")]
    fit = fitting.fit(turns, "?", **{**NO_LIMIT, "last_turns": history})

    assert (sent, 0) == ("".join(turn.text for turn in fit.turns), fit.left_out)


def test_the_question_alone_is_too_long() -> None:
    """No turn is sent with it; what it is itself, is for the server to decide."""
    fit = fitting.fit([answered()] * 3, "a" * 900, **{**NO_LIMIT, "max_context": 200})

    assert Fit(left_out=3) == fit


def test_what_else_needs_room() -> None:
    """The system prompt and the answer, which is long where nobody says how long."""
    turns = [answered()] * 80  # of 111 tokens each
    limit = {**NO_LIMIT, "max_context": 8_192}
    changes: list[dict[str, Any]] = [
        {},
        {"max_tokens": 0},
        {"max_tokens": 4_096},
        {"max_tokens": 8_192},
        {"system": "a" * 3_000},
        {"max_context": 32_768},
        {"max_context": 0},
    ]
    left_out = [fitting.fit(turns, "?", **{**limit, **c}).left_out for c in changes]

    assert [25, 7, 44, 80, 34, 0, 80] == left_out


FILES: dict[str, tuple[Attachment, ...]] = {
    "a picture": (Attachment.of("plot.png", b"GIF89a"),),
    "a text": (Attachment.of("data.txt", b"word " * 1_000),),
    "two": (Attachment.of("a.png", b"GIF89a"), Attachment.of("b.txt", b"x" * 900)),
    "a name": (Attachment.of("n" * 200, b"x"),),
}


@pytest.mark.parametrize(
    ("name", "least"),
    [("a picture", 85), ("a text", 1_000), ("two", 385), ("a name", 40)],
)
def test_what_is_attached_needs_room(name: str, least: int) -> None:
    """Of the question, and of each turn before it that is sent again."""
    attached, limit = FILES[name], {**NO_LIMIT, "max_context": 4_096}
    plain, with_files = answered(), answered(attachments=attached)
    size = fitting.cost(with_files) - fitting.cost(plain)
    room = 4_096 - 1_024 - fitting.tokens("?") - 5  # a fourth is for the answer
    fits = (room - size) // fitting.cost(plain)
    turns = [plain] * 80
    asked = fitting.fit(turns, "?", attached=attached, **limit)
    before = fitting.fit([*turns, with_files], "?", **limit)

    assert least <= size <= 2_000
    assert (fits, fits) == (len(asked.turns), len(before.turns))


@pytest.mark.parametrize(
    ("part", "least"),
    [
        (Picture("image/gif", b"GIF89a" + bytes(9_000_000)), 85),
        (Picture("", url="https://a.example/x.png"), 8),
        (ToolCall("search", '{"for": "a word"}' * 90, "c"), 400),
        (ToolResult("c", "word " * 1_000), 1_000),
    ],
)
def test_what_an_answer_has_beside_its_text_needs_room(part: Part, least: int) -> None:
    """As it is sent: a picture is no text of its size."""
    plain = turn_of(question=Question("x"), text="Yes.")
    size = fitting.cost(turn_of(question=Question("x"), text="Yes.", others=[part]))

    assert least <= size - fitting.cost(plain) <= 2_000


TURNS = st.lists(
    st.builds(
        turn_of,
        question=st.builds(Question, st.text(min_size=1, max_size=40)),
        text=st.text(max_size=200),
        usage=st.none()
        | st.builds(
            Usage,
            completion_tokens=st.none() | st.integers(0, 300),
            reasoning_tokens=st.none() | st.integers(0, 300),
        ),
    ),
    max_size=12,
)
COUNTS = st.none() | st.integers(0, 20)


@given(
    TURNS,
    st.text(max_size=60),
    st.none() | st.text(max_size=60),
    COUNTS,
    st.integers(0, 2_000),
    st.integers(0, 2_000),
    st.none() | st.integers(0, 800),
)
def test_what_is_sent_fits(
    before: list[Turn],
    prompt: str,
    system: str | None,
    history: int | None,
    limit: int,
    more: int,
    max_tokens: int | None,
) -> None:
    """The newest without a gap, in order, within both limits; more where more fit."""
    asked: dict[str, Any] = {
        "system": system,
        "last_turns": history,
        "max_tokens": max_tokens,
    }
    fit = fitting.fit(before, prompt, **asked, max_context=limit)
    wider = fitting.fit(before, prompt, **asked, max_context=limit + more)
    told = [turn for turn in before if turn.text]
    due = len(told) if history is None else min(history, len(told))
    sent = len(fit.turns)

    assert told[len(told) - sent :] == list(fit.turns)
    assert due == sent + fit.left_out
    assert sent <= len(wider.turns)
    if fit.turns:
        parts = [fitting.tokens(prompt), fitting.tokens(system or ""), max_tokens or 0]
        assert sum(map(fitting.cost, fit.turns)) + sum(parts) <= limit


LISTING = Listing(
    models=(
        ListedModel(id="gpt-4.1", context_length=100),
        ListedModel(id="lab/small", context_length=200),
        ListedModel(id="lab/twice", context_length=300),
        ListedModel(id="shop/twice", context_length=301),
        ListedModel(id="lab/agreed", context_length=400),
        ListedModel(id="shop/agreed", context_length=400),
        ListedModel(id="agreed"),
        ListedModel(id="silent"),
        ListedModel(id="zero", context_length=0),
    )
)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4.1", 100),
        ("openai/gpt-4.1", 100),
        ("lab/small", 200),
        ("small", 200),
        ("shop/small", None),
        ("twice", None),
        ("shop/twice", 301),
        ("agreed", 400),
        ("silent", None),
        ("zero", None),
        ("gpt-4", None),
        ("", None),
    ],
)
def test_what_the_list_tells_of_a_model(model: str, expected: int | None) -> None:
    """By its id, with or without its maker's name; nothing is guessed."""
    assert expected == context_length(LISTING, model)
    assert None is context_length(None, model)


def too_long(base_url: str) -> errors.ContextLengthExceeded:
    """Return what is raised where the conversation is too long."""
    client = Apertis("sk-0123456789", base_url)
    with pytest.raises(errors.ContextLengthExceeded) as caught:
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "?"}]
        )
    return caught.value


@pytest.fixture
def in_notebook() -> Iterator[None]:
    """Have hints be for a notebook's cells, until the test ends."""

    def settled() -> Any:
        raise AssertionError("the client was made with an address and a key")

    defaults.follow(settled)
    yield
    defaults.leave(settled)


def of_apertis(monkeypatch: pytest.MonkeyPatch) -> errors.ContextLengthExceeded:
    """Return what is raised where that comes from Apertis, by a proxy."""
    with ScriptedServer() as proxy:
        proxy.will(fails(400, "long", code="context_length_exceeded"))
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        return too_long("http://api.apertis.ai/v1")


@pytest.mark.usefixtures("in_notebook")
def test_apertis_offers_to_sum_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint's words can be typed on the line as they stand and do what they say."""
    told = of_apertis(monkeypatch)
    typed = re.search(r"-p .*$", told.hint)

    assert "--history N" in told.hint
    assert typed is not None
    expected = ChatOptions(extra_body={"compression": {"enabled": True}})
    assert expected == parse(typed[0])
    assert 2 == len(told._render_traceback_())
    assert "\n" not in told.hint


def test_apertis_offers_that_to_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their words: an argument of ``create``."""
    told = of_apertis(monkeypatch)
    typed = re.search(r"extra_body=(.*)$", told.hint)

    assert "--" not in told.hint
    assert typed is not None
    assert {"compression": {"enabled": True}} == ast.literal_eval(typed[1])


@pytest.mark.usefixtures("in_notebook")
def test_other_servers_do_not(server: ScriptedServer) -> None:
    """They would refuse a field that they do not know."""
    server.will(fails(400, "long", code="context_length_exceeded"))
    told = too_long(server.url)

    assert "--history N" in told.hint
    assert "compression" not in told.hint
