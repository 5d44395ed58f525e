"""Conversations to files and back: notebooks, pages of Markdown, JSON."""

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import Shell
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kernel_driver import PATIENCE, Kernel
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from scale import ALL
from scripted_server import DONE, Answer, ScriptedServer, chunk, fails, says
from turns import turn_of, with_text

from apertis_magic import files
from apertis_magic.api.types import Usage
from apertis_magic.chat import session
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.history import Entry
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.names import from_text as made_name
from apertis_magic.chat.parts import (
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    text_of,
)
from apertis_magic.chat.question import Question
from apertis_magic.chat.state import State, history_of
from apertis_magic.chat.turn import Turn
from apertis_magic.clean import mend
from apertis_magic.credentials import without_keys
from apertis_magic.errors import ConfigurationError
from apertis_magic.files import cell_source, ipynb, md, record
from apertis_magic.notebook.option_line import parse
from apertis_magic.notebook.options import BY_NAME
from apertis_magic.render import bundle
from apertis_magic.render.metadata import turns_of

ENDINGS = (".ipynb", ".md", ".json")
ODD = (
    "```\nopen",
    "~~~~ x\n~~~~",
    "%%chat -m x",
    "%load_ext x",
    "\0",
    "\x1b[2J",
    "\ud83d",
    "\r\n",
    "\r",
    "\n\n",
    "\u2028",
    "\x85",
    "\u202e",
    "\ufeff",
    "<!-- 0 end -->",
    "-->",
    "<!--",
    "<details><pre>",
    "> > quote",
    ">",
    "# Title",
    "| a | b |\n|---|---|",
    " ",
    "\t",
    "\\",
    "\\\n",
    "'",
    '"',
    "$x$ {{y}}",
    "Grüße 😀",
    "![x](data:image/png;base64,iVBORw0KGgo=)",
    '<img class="apertis-picture" alt="" src="data:image/png;base64,iVBORw0KGgo=">',
    "</details>",
    "[PNG picture, 9 bytes]",
)
LINES = st.lists(st.sampled_from(ODD) | st.text(max_size=8), max_size=5)
TEXTS = LINES.map(lambda pieces: mend("".join(pieces)))
NAMES = TEXTS.filter(str.strip)
NUMBERS = st.floats(min_value=0, max_value=1e12) | st.integers(0, 2**40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=5,
)
COUNTS = st.none() | st.integers(0, 2**40)
USAGES = st.builds(
    Usage,
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    cost=st.none() | st.floats(0, 100),
    raw=st.dictionaries(TEXTS, VALUES, max_size=2),
)
FIRST_BYTES = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF89a",
    "image/webp": b"RIFF\n\0\0\0WEBP",
}
KINDS = sorted(FIRST_BYTES)
PICTURES = st.builds(
    lambda kind, rest: Picture(kind, FIRST_BYTES[kind] + rest),
    st.sampled_from(KINDS),
    st.binary(max_size=40),
)
PARTS = st.one_of(
    PICTURES,
    st.builds(Picture, st.just("image/gif"), st.just(b"GIF89a"), alt=TEXTS),
    *(st.builds(kind, TEXTS) for kind in (Text, Text, Reasoning, Refusal)),
    st.builds(Picture, st.just("") | TEXTS, url=TEXTS),
    st.builds(Picture, st.sampled_from(["", "image/png"]), left_out=TEXTS),
    st.builds(Source, TEXTS, TEXTS),
    st.builds(ToolCall, TEXTS, TEXTS, TEXTS),
    st.builds(ToolResult, TEXTS, TEXTS),
).filter(lambda part: any(getattr(part, field.name) for field in fields(part)))
ANSWERS = (
    st.lists(st.lists(PARTS, max_size=6).map(tuple), max_size=3)
    .map(tuple)
    .filter(lambda answers: answers != ((),))
)  # nothing is no answer
TURNS = st.builds(
    Turn,
    question=st.builds(
        Question,
        TEXTS,
        st.lists(
            st.builds(Attachment, st.just("x y.csv"), st.just("text/plain"), TEXTS)
            | st.just(Attachment.of("plot", b"GIF89a")),
            max_size=2,
        ).map(tuple),
        st.none() | TEXTS,
        st.dictionaries(TEXTS | st.sampled_from(["stop", "n"]), VALUES, max_size=3).map(
            without_keys
        ),  # no key is kept, and hypothesis tries names of keys
        COUNTS,
    ),
    hint=TEXTS,
    answers=ANSWERS,
    finish=st.sampled_from([None, "stop", "length", "interrupted", "error"]),
    error=TEXTS,
    model=TEXTS,
    asked_model=TEXTS,
    usage=st.none() | USAGES,
    system=st.none() | TEXTS,
    cached=st.booleans(),
    cell=st.none() | TEXTS | st.sampled_from("ab"),
    started=NUMBERS,
    first_text=st.none() | NUMBERS,
    elapsed=NUMBERS,
)


@st.composite
def states(draw: st.DrawFn) -> State:
    """Return a conversation with odd texts in every place."""
    turns = draw(st.lists(TURNS, min_size=1, max_size=4))
    made = draw(st.permutations(range(1, len(turns) + 1)))
    history = tuple(
        Entry(turn, number, draw(st.none() | TEXTS), draw(TEXTS))
        for turn, number in zip(turns, made, strict=True)
    )
    return State(
        name=draw(NAMES),
        model=draw(st.none() | NAMES),
        system=draw(st.none() | TEXTS),
        history=history,
    )


def turn(prompt: str = "Why?", text: str = "So.", **known: Any) -> Turn:
    """Return a turn that ended well."""
    model = {"asked_model": "gpt-5", "model": "gpt-5", "finish": "stop"}
    fields, last_turns = known.pop("options", {}), known.pop("last_turns", None)
    question = Question(prompt, fields=fields, last_turns=last_turns)
    return turn_of(question=question, text=text, **{**model, **known})


def talk(*turns: Turn, name: str = "main", **known: Any) -> State:
    """Return a conversation of these turns."""
    return State(name=name, history=history_of(turns or (turn(),)), **known)


def shown_in_notebook(each: Turn, cell: str | None) -> Turn:
    """Return a turn as a notebook keeps it."""
    usage = replace(each.usage, raw={}) if each.usage else None
    named = tuple(Attachment.from_dict(file.named()) for file in each.attachments)
    question = replace(each.question, attachments=named)
    return replace(each, question=question, usage=usage, cell=cell)


def cells_of(file: Path) -> list[Any]:
    """Return the cells of a notebook file."""
    cells: list[Any] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return cells


def refused(file: Path, *words: str) -> None:
    """See that *file* cannot be loaded, for a reason told in one line."""
    with pytest.raises(ConfigurationError) as caught:
        files.load(file)
    message = str(caught.value)

    assert "\n" not in message
    assert file.name in message
    for word in words:
        assert word in message


MANY = settings(
    max_examples=60 if ALL else 20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@MANY
@given(state=states())
def test_json_and_markdown_lose_nothing(tmp_path: Path, state: State) -> None:
    """Whatever is in a conversation comes back, and its file is known as ours."""
    for ending in (".json", ".md"):
        file = tmp_path / f"talk{ending}"
        files.export(state, file, force=True)
        files.export(state, file)

        assert [state] == files.load(file)


@MANY
@given(state=states())
def test_a_notebook_keeps_the_turns(tmp_path: Path, state: State) -> None:
    """It is valid, and all comes back but usage's source and the attached bytes."""
    file = tmp_path / "talk.ipynb"
    files.export(state, file, force=True)
    files.export(state, file)
    nbformat.validate(json.loads(file.read_text(encoding="utf-8")))
    [loaded] = files.load(file)
    cells = {
        found[0].id: cell["id"]
        for cell in cells_of(file)
        if (found := turns_of(cell.get("outputs", [])))
    }
    kept = (state.id, state.name, state.model, state.system)

    assert kept == (loaded.id, loaded.name, loaded.model, loaded.system)
    assert [shown_in_notebook(t, cells[t.id]) for t in state.turns] == list(
        loaded.turns
    )


@MANY
@given(state=states())
def test_the_journal_loses_nothing(tmp_path: Path, state: State) -> None:
    """Whatever is in a conversation is there for the next process."""
    journal = Journal(tmp_path / "journal.sqlite")
    journal.keep(state)
    journal.close()
    reader = Journal(tmp_path / "journal.sqlite")

    assert state == reader.read(state.id)

    reader.close()


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_megabyte(tmp_path: Path, ending: str) -> None:
    """So does a long text, with every odd piece in it."""
    odd = mend("\n".join(ODD))
    state = talk(turn("p" + odd * 500, odd * 6000, reasoning=odd * 500))
    file = tmp_path / f"talk{ending}"
    files.export(state, file)
    [loaded] = files.load(file)
    [there], [back] = state.turns, loaded.turns

    assert len(there.text) > 1_000_000
    assert (there.prompt, there.text, there.reasoning) == (
        back.prompt,
        back.text,
        back.reasoning,
    )


def test_what_no_json_can_hold_becomes_text(tmp_path: Path) -> None:
    """Half a character, no number and an object in an option spoil no file."""
    options = {"a": "\ud83d", "extra_body": {"b": float("nan"), "c": Path("d")}}
    for ending in ENDINGS:
        file = tmp_path / f"talk{ending}"
        files.export(talk(turn(options=options)), file)
        [loaded] = files.load(file)

        assert {"a": "\ud83d", "extra_body": {"b": "nan", "c": "d"}} == (
            loaded.turns[0].options
        )
        assert "NaN" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_option_nested_too_deeply(tmp_path: Path, ending: str) -> None:
    """One clear line, and no file."""
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(ConfigurationError, match="nested too deeply"):
        files.export(talk(turn(options={"a": deep})), tmp_path / f"talk{ending}")

    assert [] == list(tmp_path.iterdir())


# The cells that ask again.

OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2) | st.integers(0, 2),
        "top_p": st.floats(0, 1),
        "max_tokens": st.integers(1, 10**9),
        "presence_penalty": st.floats(-2, 2),
        "stop": st.lists(TEXTS.filter(bool), min_size=1, max_size=4),
        "seed": st.integers(-(10**18), 10**18),
        "reasoning_effort": TEXTS,
        "n": st.integers(1, 128),
        "response_format": st.dictionaries(TEXTS, VALUES, max_size=2),
        "extra_body": st.dictionaries(
            NAMES.filter(
                lambda name: not set("=.") & set(name) and cell_source.fits(name)
            ),
            VALUES,
            max_size=3,
        ),
    },
)


@given(
    options=OPTIONS.map(without_keys),
    name=NAMES.map(made_name).filter(cell_source.fits),
    model=NAMES.filter(cell_source.fits),
    system=TEXTS.filter(cell_source.fits),
    prompt=TEXTS,
)
@example({"stop": "END"}, "-c", "--model", "-1", "x")
@example({"extra_body": {"a": "5", "-b": "NaN", "c": ""}}, "'", '\\"', "\\", "")
def test_a_line_reads_back(
    options: dict[str, Any], name: str, model: str, system: str, prompt: str
) -> None:
    """What a turn's cell says is just what was asked for."""
    asked = turn(prompt, asked_model=model, options=options)
    source = cell_source.cell(asked, conversation=name, system=system)
    first, _, body = source.partition("\n")
    given_ = parse(first.removeprefix("%%chat"))
    stop = options.get("stop")
    extra = options.get("extra_body", {})
    fields = {k: v for k, v in options.items() if k != "extra_body"}
    if isinstance(stop, str):
        fields["stop"] = [stop]

    assert (name, model, system) == (given_.conversation, given_.model, given_.system)
    assert {**fields, **extra} == {**given_.fields, **given_.extra_body}
    assert prompt == body
    assert not first.rstrip().endswith("\\")


def test_the_length_of_the_history_is_on_the_line() -> None:
    """As is 0, which is a value."""
    source = cell_source.cell(turn(last_turns=0), conversation=None, system=None)

    assert "%%chat -m gpt-5 --history 0\nWhy?" == source
    if "--history" in BY_NAME:
        assert 0 == getattr(parse(source.split("\n")[0][6:]), "last_turns")  # noqa: B009


def test_what_has_no_form_on_a_line_is_left_out() -> None:
    """The other options stay, and none comes twice."""
    options = {
        "temperature": True,
        "seed": 1,
        "extra_body": {"a.b": 1, "c=d": 1, "": 1, "model": "x", "seed": 2, "e": 1.5},
    }
    source = cell_source.cell(turn(options=options), conversation=None, system=None)

    assert "%%chat -m gpt-5 --seed 1 -p temperature=true -p e=1.5\nWhy?" == source


def exported(tmp_path: Path, shell: Shell, *sources: str) -> tuple[State, Path]:
    """Run cells, export the conversation they make, and return both."""
    for source in sources:
        shell.run(source)
    made = session.current().current
    state = talk(*made.turns, name=made.name, model=made.model, system=made.system)
    file = tmp_path / "talk.ipynb"
    files.export(state, file)
    return state, file


def test_the_cells_ask_as_it_was_asked(
    shell: Shell, server: ScriptedServer, tmp_path: Path
) -> None:
    """In another session the very same requests are sent."""
    server.will(*(says(text) for text in ("one", "two", "three", "four") * 2))
    _, file = exported(
        tmp_path,
        shell,
        "%%chat -t 0 --stop 'a b' -p 'a={\"b\": [1, \"x y\"]}'\n\n%%chat\n  x\\\n\0 'é",
        '%%chat -m "my model" -s "Say \\"it\'s\\" {x} $y"\n```\nopen\u2028',
        "%%chat --no-system --max-tokens 9\n-m x?",
        "%%chat\n>>> 1",
    )
    session.forget()
    for cell in cells_of(file):
        if cell["cell_type"] == "code":
            shell.run("".join(cell["source"]))
    half = len(server.requests) // 2

    assert 4 == half
    assert [r.body for r in server.requests[:half]] == [
        r.body for r in server.requests[half:]
    ]


@pytest.mark.parametrize("name", ["main", "my 'talk'"])
def test_a_system_prompt_of_several_lines(
    shell: Shell, server: ScriptedServer, tmp_path: Path, name: str
) -> None:
    """No line can hold it: a cell of Python sets it where it changes."""
    first, second = "Be brief.\n\n'Really?'\\\n", "A\u2028B"
    turns = [turn(system=system) for system in (first, first, second, "", "C")]
    file = tmp_path / "talk.ipynb"
    files.export(talk(*turns, name=name), file)
    server.will(*(says("a") for _ in turns))
    for cell in cells_of(file):
        if cell["cell_type"] == "code":
            shell.run("".join(cell["source"]))

    assert [first, first, second, None, "C"] == [
        dict(messages).get("system") for messages in server.messages
    ]
    assert [name] == [n for n in session.current().names if n != "main"] or name == (
        "main"
    )


def test_no_system_prompt_at_all_is_said() -> None:
    """Where a conversation has none on purpose, what the user prefers is left out."""
    cells = json.loads(ipynb.written(talk(turn(), system="")))["cells"]

    assert "%%chat -m gpt-5 --no-system\n" == cells[2]["source"][0]


def test_a_cell_keeps_its_id() -> None:
    """Where it can be one and is no other's; running it then replaces the turn."""
    turns = [turn(cell=cell) for cell in ("a-1", "a-1", None, "vscode:/x#1", "é")]
    text = ipynb.written(talk(*turns))
    ids = [cell["id"] for cell in json.loads(text)["cells"][2:]]
    [loaded] = ipynb.read(text)

    assert ["a-1", *(each.id for each in turns[1:])] == ids
    assert ids == [each.cell for each in loaded.turns]


# For people.


def test_a_page_of_the_notebook(tmp_path: Path, caplog: Any) -> None:
    """Nbconvert shows questions, answers and errors, and has nothing to warn of."""
    file = tmp_path / "talk.ipynb"
    turns = (turn("What is **x**?", "A *letter*."), turn(text="", error="No luck."))
    files.export(talk(*turns), file)
    with caplog.at_level(logging.WARNING):
        html, _ = HTMLExporter().from_filename(str(file))

    assert "What is **x**?" in html
    assert "A <em>letter</em>." in html
    assert "No luck." in html
    assert [] == caplog.records


@pytest.mark.parametrize(
    "text", ["```py\nopen", "<!-- open", "<details>\n<pre>\nopen", "- ```\n  open", ">"]
)
def test_no_text_spoils_the_page_below_it(text: str) -> None:
    """An answer that was cut off in mid-code leaves the next question in sight."""
    first = turn(text, text, reasoning=text, alternatives=(text,))
    page = md.written(talk(first, turn("Next?", "*Next!*")))
    html = MarkdownIt("commonmark").render(page)
    _, _, below = html.partition("<h2>2</h2>")

    assert "<blockquote>\n<p>Next?</p>\n</blockquote>" in below
    assert "<p><em>Next!</em></p>" in below
    assert html.count("<blockquote>") == html.count("</blockquote>")
    assert html.count("<!--") == html.count("-->")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("```html\n<p>\n```\nand `List<T>`, <https://a.b>", ""),
        ("~~~~\n```\n~~~\n~~~~", ""),
        ("a <b>c", "> "),
        ("~~~~\n~~~", "> "),
    ],
)
def test_an_answer_is_quoted_where_it_must_be(text: str, expected: str) -> None:
    """It reads best as it is, with its code and its links."""
    page = md.written(talk(turn(text=text)))

    assert f"-->\n\n{expected}{text[:3]}" in page


def test_a_page_shows_what_a_person_wants_to_know() -> None:
    """Name, system prompt, question, answer, sources, errors and footers."""
    first = turn(
        system="Be\nbrief.",
        sources=(Source("https://a.b/c_d", "T"),),
        usage=Usage(prompt_tokens=1, completion_tokens=2),
    )
    page = md.written(talk(first, turn(text="", error="No *luck*."), name="a_b"))
    shown = [text for text in page.split("\n\n") if not text.startswith("<!--")]

    assert [
        "# a\\_b",
        "System prompt:",
        "> Be\n> brief.",
        "## 1",
        "> Why?",
        "So.",
        "Sources",
        "1. T https://a.b/c\\_d",
        "*gpt-5 · 1 in + 2 out = 3 tokens · 0.0 s*",
        "## 2",
        "> Why?",
        "*There is no answer.*",
        "*No \\*luck\\*.*",
        "*gpt-5 · tokens unknown · 0.0 s*",
    ] == shown


def edited(tmp_path: Path, state: State, edit: Callable[[str], str]) -> Path:
    """Return the page of *state* after a person's edit."""
    file = tmp_path / "talk.md"
    page = md.written(state)
    file.write_bytes(edit(page).encode())

    assert edit(page) != page

    return file


def test_a_corrected_page_holds(tmp_path: Path) -> None:
    """What a person changed in a question or an answer is what is loaded."""
    state = talk(turn("Wy?\0", "So.\r\n\n- a"), turn("2", "b"))

    def correct(page: str) -> str:
        page = page.replace("> Wy?", "> Why?\n>\n>please").replace("- a\n", "- b\n")
        return "My notes.\n\n" + page.replace("## 2\n", "More notes.\n\n## 2\n")

    [loaded] = files.load(edited(tmp_path, state, correct))

    assert [("Why?\n\nplease", "So.\n\n- b"), ("2", "b")] == [
        (each.prompt, each.text) for each in loaded.turns
    ]
    assert [each.id for each in state.turns] == [each.id for each in loaded.turns]


ILLUSTRATED = talk(
    turn(
        text="One.",
        others=(
            Picture("image/gif", b"GIF89a1"),
            Text("Two."),
            Picture("image/gif", b"GIF89a2"),
            ToolCall("clock", "{}"),
        ),
        sources=(Source("u", "t"),),
    )
)
FIRST, SECOND = "R0lGODlhMQ==", "R0lGODlhMg=="
"""Its pictures in base64."""


def line_with(page: str, text: str) -> str:
    """Return the line of a page that holds a text."""
    [line] = [each for each in page.split("\n") if text in each]
    return line


def block_with(page: str, text: str) -> str:
    """Return a text of a page with the comments around it."""
    start = page.rindex("<!--", 0, page.index(text))
    return page[start : page.index(" end -->", start) + len(" end -->")]


OF_PARTS: dict[str, tuple[Callable[[str], str], list[Any]]] = {
    "a picture's line": (
        lambda page: page.replace(line_with(page, FIRST), ""),
        ["One.", "Two.", b"GIF89a2"],
    ),
    "a picture's block": (
        lambda page: page.replace(block_with(page, SECOND), ""),
        ["One.", b"GIF89a1", "Two."],
    ),
    "a text's block": (
        lambda page: page.replace(block_with(page, "One."), ""),
        [b"GIF89a1", "Two.", b"GIF89a2"],
    ),
    "another picture": (
        lambda page: page.replace(
            "image/gif;base64," + FIRST, "image/jpeg;base64,/9j/"
        ),
        ["One.", b"\xff\xd8\xff", "Two.", b"GIF89a2"],
    ),
    "another order": (
        lambda page: (
            page.replace(FIRST, "?").replace(SECOND, FIRST).replace("?", SECOND)
        ),
        ["One.", b"GIF89a2", "Two.", b"GIF89a1"],
    ),
    "another text": (
        lambda page: page.replace("Two.", "Three."),
        ["One.", b"GIF89a1", "Three.", b"GIF89a2"],
    ),
}


@pytest.mark.parametrize(("edit", "expected"), OF_PARTS.values(), ids=OF_PARTS)
def test_the_parts_are_those_on_the_page(
    tmp_path: Path, edit: Callable[[str], str], expected: list[Any]
) -> None:
    """What a person took out is gone, what was changed holds; all else stays."""
    [loaded] = files.load(edited(tmp_path, ILLUSTRATED, edit))
    *shown, call, source = loaded.turns[0].parts

    assert expected == [
        part.data if isinstance(part, Picture) else text_of((part,)) for part in shown
    ]
    assert (ToolCall("clock", "{}"), Source("u", "t")) == (call, source)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("plot.gif", "is no data: URL any more"),
        ("data:image/gif;base64,R0lG", "damaged"),
        ("data:image/gif;base64,R0l", "damaged"),
        ("data:image/png;base64,R0lGODlhMQ==", "damaged"),
        ("data:image/svg+xml;base64,R0lGODlhMQ==", "is no data: URL any more"),
    ],
)
def test_what_stands_for_a_picture_is_one(tmp_path: Path, url: str, words: str) -> None:
    """One line says so, where it is something else."""
    whole = f"data:image/gif;base64,{FIRST}"
    refused(edited(tmp_path, ILLUSTRATED, lambda page: page.replace(whole, url)), words)


EDITS: dict[str, Callable[[str], str]] = {
    "line ends": lambda page: page.replace("\n", "\r\n"),
    "a mark at the start": lambda page: "\ufeff" + page,
    "blank lines": lambda page: page.replace("> \n", ">\n").replace(
        " -->\n\n", " -->\n"
    ),
    "its last line": lambda page: page.rstrip("\n"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_editors_do_to_a_page_does_no_harm(
    tmp_path: Path, edit: Callable[[str], str]
) -> None:
    """Other line ends, a mark at the start, blank lines taken away."""
    state = talk(turn("a\r\nb\n\nc", "d\n\ne\0"), turn("x", "y"))

    assert [state] == files.load(edited(tmp_path, state, edit))


def test_turns_cut_out_and_moved(tmp_path: Path) -> None:
    """One that is cut out is gone; the others stand as they stand now."""
    state = talk(*(turn(str(n)) for n in range(3)))

    def rearrange(page: str) -> str:
        mark = page.split()[3]
        head, _, second, third = page.split(f"<!-- {mark} turn ")
        return f"<!-- {mark} turn ".join((head, third, second))

    [loaded] = files.load(edited(tmp_path, state, rearrange))

    assert [("2", 3), ("1", 2)] == [(e.turn.prompt, e.order) for e in loaded.history]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("end -->", "", "missing near line"),
        ("turn {", "turn {{", "comment of ours in it was changed"),
        ("prompt-quoted", "gone", "there is no prompt"),
        ('"export": 2', '"export": 3', "newer version"),
        ('"export": 2', '"export": true', "version"),
        ('"name": "main"', '"name": ""', "name"),
        ("apertis_magic conversation", "a conversation", "not a conversation"),
        ('"made": 1', '"made": "1"', "damaged"),
    ],
)
def test_a_page_whose_comments_were_changed(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    """One line says what is wrong."""
    file = edited(tmp_path, talk(turn()), lambda page: page.replace(old, new, 1))
    refused(file, words)


def test_a_turn_without_its_comment_is_no_part_of_another(tmp_path: Path) -> None:
    """Its texts would take the place of those above."""

    def cut(page: str) -> str:
        start = page.rindex("<!--", 0, page.index("## 2"))
        return page[:start] + page[page.index("## 2") :]

    refused(edited(tmp_path, talk(turn(), turn()), cut), "missing near line")


# Any notebook with answers in it.


def output(each: Turn, name: Any = "main", **known: Any) -> dict[str, Any]:
    """Return the output that shows a turn."""
    data, metadata = bundle.answer(each, conversation=name)
    metadata["apertis_magic"].update(known)
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def cell(*outputs: Any, name: str | None = None, **known: Any) -> dict[str, Any]:
    """Return a code cell as a notebook file holds it."""
    own = {"id": name} if name else {}
    common = {"cell_type": "code", "source": "%%chat\nx", "metadata": {}}
    return {**common, **own, "outputs": list(outputs), **known}


def saved(tmp_path: Path, *cells: Any, **known: Any) -> Path:
    """Return a notebook file as a front end would save it."""
    file = tmp_path / "mine.ipynb"
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    file.write_text(json.dumps({**book, **known}), encoding="utf-8")
    return file


def test_a_notebook_that_a_kernel_filled(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """Its conversations are rebuilt: long answers, failed ones, each in its cell."""
    long = "word\n\n" * 20_000
    server.will(says("one"), says(long), fails(400), says("four"))
    sources = ("x", "-c other -s 'Be brief.'\ny", "z", "-t 0\nw")
    cells = []
    for number, source in enumerate(sources):
        text = source if "\n" in source else f"\n{source}"
        done = kernel.run(f"%%chat {text}", cell=f"cell-{number}")
        cells.append(cell(*done.outputs, name=f"cell-{number}"))
    first, second = files.load(saved(tmp_path, *cells))

    assert [("main", None), ("other", "Be brief.")] == [
        (each.name, each.system) for each in (first, second)
    ]
    assert [
        ("x", "one", "cell-0", {}),
        ("w", "four", "cell-3", {"temperature": 0}),
    ] == [(each.prompt, each.text, each.cell, each.options) for each in first.turns]
    assert [("y", long, "cell-1")] == [
        (each.prompt, each.text, each.cell) for each in second.turns
    ]


def test_pictures_that_a_kernel_showed(
    kernel: Kernel, server: ScriptedServer, tmp_path: Path
) -> None:
    """They come back byte for byte, also behind a long answer in several displays."""
    pictures = [FIRST_BYTES[kind] + bytes([n] * 300) for n, kind in enumerate(KINDS)]
    images = [
        {"type": "image_url", "image_url": {"url": Picture(kind, data).data_url}}
        for kind, data in zip(KINDS, pictures, strict=True)
    ]
    forged = '<img class="apertis-picture" src="data:image/gif;base64,R0lGODlh">\n\n'
    long = forged + "\x1b[1mword\r\n\n" * 8_000
    cells = []
    for number, text in enumerate((forged, long)):
        server.will(
            Answer((chunk(text), chunk(delta={"images": images}), chunk("End."), DONE))
        )
        outputs = kernel.run("%%chat\nx", cell=f"c{number}").outputs
        cells.append(cell(*outputs, name=f"c{number}"))
    [loaded] = files.load(saved(tmp_path, *cells))
    shown = [Picture(kind, data) for kind, data in zip(KINDS, pictures, strict=True)]

    assert len(cells[0]["outputs"]) == 1
    assert len(cells[1]["outputs"]) > 1
    assert [(Text(text), *shown, Text("End.")) for text in (forged, long)] == [
        each.parts for each in loaded.turns
    ]


def test_turns_stand_as_the_cells_do(tmp_path: Path) -> None:
    """Those asked later are newer, wherever they stand; a loop's share their cell."""
    late, early, last = (turn(started=n) for n in (2.0, 1.0, 3.0))
    file = saved(
        tmp_path, cell(output(late)), cell(output(early), output(last), name="b")
    )
    [loaded] = files.load(file)

    assert [(late.id, 2, None), (early.id, 1, "b"), (last.id, 3, "b")] == [
        (entry.turn.id, entry.order, entry.turn.cell) for entry in loaded.history
    ]


def test_a_turn_is_loaded_once(tmp_path: Path) -> None:
    """A copy of its cell is none of its own; what went on elsewhere is its text."""
    half = turn(text="half", cell="home", finish="length", elapsed=1.0)
    whole = with_text(half, "half and half", finish="stop", elapsed=2.0)
    other = turn(cell="gone")
    file = saved(
        tmp_path,
        cell(output(half), name="copy"),
        cell(output(other), name="here"),
        cell(output(half), name="home"),
        cell(output(whole), name="on"),
    )
    [loaded] = files.load(file)

    assert (replace(other, cell="here"), whole) == loaded.turns


@pytest.mark.parametrize(
    ("own", "said", "expected"),
    [
        ("new", "old", "new"),
        ("new", None, "new"),
        (None, "old", "old"),
        (None, None, None),
        ("new", "vscode-notebook-cell:/x#W1", "vscode-notebook-cell:/x#W1"),
        ("né", "old", "old"),
    ],
)
def test_a_turn_knows_the_cell_that_will_run_again(
    tmp_path: Path, own: str | None, said: str | None, expected: str | None
) -> None:
    """The notebook's own id counts, but where the front end sends ids of its own."""
    file = saved(tmp_path, cell(output(turn(cell=said)), name=own))
    [loaded] = files.load(file)

    assert expected == loaded.turns[0].cell


def test_a_question_of_no_conversation_is_not_loaded(tmp_path: Path) -> None:
    """What was asked with --once stands between the turns and is none."""
    one, once = turn("x"), turn("once")
    file = saved(tmp_path, cell(output(one), output(once, None), output(once, 7)))
    [loaded] = files.load(file)

    assert ["x"] == [each.prompt for each in loaded.turns]


@pytest.mark.parametrize("cells", [(), (cell(),), (cell({"output_type": "stream"}),)])
def test_a_notebook_without_answers(tmp_path: Path, cells: tuple[Any, ...]) -> None:
    """One line says so, also where outputs were cleared."""
    refused(saved(tmp_path, *cells), "no %%chat answers are in it")


DEEP: Any = json.loads("[" * 200 + "]" * 200)
HOSTILE: list[dict[str, Any]] = [
    {"prompt": 1},
    {"prompt": None},
    {"options": []},
    {"options": {"a": DEEP}},
    {"usage": {"raw": []}},
    {"usage": {"prompt_tokens": "7"}},
    {"usage": {"cost": 1e999}},
    {"answers": None},
    {"answers": {}},
    {"answers": [7]},
    {"answers": [["x"]]},
    {"answers": [[{"type": "text", "text": 7}]]},
    {"answers": [[{"type": "text", "span": 7}]]},
    {"answers": [[{"type": "text", "span": [0, True]}]]},
    {"answers": [[{"type": "text", "span": [0]}]]},
    {"answers": [[{"type": "text", "span": [-1, 1]}]]},
    {"answers": [[{"type": "text", "span": [1, -1]}]]},
    {"answers": [[{"type": "text", "span": [0, 10**30]}]]},
    {"answers": [[{"type": "text", "span": [0, 3]}] * 1_000_000]},
    {"answers": [[], [{"type": "text", "span": [0, 3]}]]},
    {"answers": [[{"type": "picture", "kind": "image/png", "data": "eA=="}]]},
    {"answers": [[{"type": "picture", "kind": "image/png", "data": "?"}]]},
    {"elapsed": float("nan")},
    {"elapsed": 10**400},
    {"started": True},
    {"parts": 0},
    {"parts": "2"},
    {"parts": 2},
    {"cell": []},
    {"id": {}},
    {"system": 0},
]


@pytest.mark.parametrize("wrong", HOSTILE)
def test_a_damaged_answer_is_passed_over(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """The others are loaded."""
    file = saved(tmp_path, cell(output(turn(), **wrong)), cell(output(turn("ok"))))
    [loaded] = files.load(file)

    assert ["ok"] == [each.prompt for each in loaded.turns]


@pytest.mark.parametrize("wrong", [{"alternatives": 7}, {"sources": "x"}, {"text": 7}])
def test_a_damaged_answer_of_0_1_0_is_passed_over(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    """Which had its texts and its sources beside one another."""
    former = output(turn(), **wrong)
    del former["metadata"]["apertis_magic"]["answers"]
    [loaded] = files.load(saved(tmp_path, cell(former), cell(output(turn("ok")))))

    assert ["ok"] == [each.prompt for each in loaded.turns]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                "prompt text id usage raw sources cells outputs url answers type "
                "span shown kind data".split()
            )
            | st.text(max_size=2),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """Return JSON like *whole*, with something else in one place."""
    if draw(st.integers(0, 3)) == 0 or not whole or not isinstance(whole, dict | list):
        return draw(JSON)
    if isinstance(whole, dict):
        key = draw(st.sampled_from(sorted(whole)))
        return {**whole, key: draw(damaged(whole[key]))}
    at = draw(st.integers(0, len(whole) - 1))
    return [*whole[:at], draw(damaged(whole[at])), *whole[at + 1 :]]


FULL = talk(
    *ILLUSTRATED.turns,
    turn(usage=Usage(cost=1.0, raw={"a": 1}), sources=(Source("u", "t"),)),
    turn(alternatives=("b",), options={"extra_body": {"c": [1]}}),
)


@settings(max_examples=200 if ALL else 40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), form=st.sampled_from([ipynb, record]))
def test_no_damage_ends_in_a_traceback(data: st.DataObject, form: Any) -> None:
    """A file is refused, or what is in it can be shown and exported again."""
    raw = json.dumps(data.draw(damaged(json.loads(form.written(FULL)))))
    try:
        form.is_export(raw)
        loaded = form.read(raw)
    except ValueError:
        return
    for state in loaded:
        bundle.transcript(state.turns, system=state.system, stale=frozenset())
        for other in (ipynb, record, md):
            assert other.written(state)


@settings(max_examples=200 if ALL else 40)
@given(start=st.integers(0, 5000), length=st.integers(1, 400), put=st.text(max_size=3))
def test_no_cut_through_a_page_ends_in_a_traceback(
    start: int, length: int, put: str
) -> None:
    """A page that lost a piece is refused, or read as it is now."""
    page = md.written(FULL)
    try:
        [state] = md.read(page[:start] + put + page[start + length :])
    except ValueError:
        return

    assert md.written(state)


# Files that are not what they claim.

NO_FILES = [
    (b"", "empty"),
    (b" \n", "empty"),
    (b"\xef\xbb\xbf", "empty"),
    (b"\xff\xfe{\x00}\x00", "UTF-8"),
    (b"\x89PNG\r\n\x1a\n\x00", "UTF-8"),
    ("Grüße".encode("latin-1"), "UTF-8"),
]
NO_JSON = [
    (b"{", "not JSON"),
    (b"# Hello", "not JSON"),
    (b"[1]", "something else"),
    (b"null", "something else"),
    (b"[" * 100_000, "nested too deeply"),
    (b"1" * 5000, "JSON"),
    (b"{}", "not a"),
]
NO_NOTEBOOKS = [
    (b'{"nbformat": 3, "worksheets": []}', "format 3"),
    (b'{"nbformat": 5, "cells": []}', "format 5"),
    (b'{"nbformat": "4"}', "not a notebook"),
    (b'{"nbformat": true}', "not a notebook"),
    (b'{"nbformat": 4, "cells": {"a": 1}}', "no %%chat answers"),
    (b'{"nbformat": 4, "cells": [1, null, {"outputs": 1}]}', "no %%chat answers"),
]
OURS = b'"format": "apertis_magic conversation", "version": 2'
NO_RECORDS = [
    (b'{"format": "apertis_magic conversation", "version": 3}', "newer version"),
    (b'{"format": "apertis_magic conversation"}', "version"),
    (b"{%b}" % OURS, "turns are missing"),
    (b'{%b, "history": [1]}' % OURS, "turns are missing"),
    (b'{%b, "history": [{}]}' % OURS, "turn 1 is damaged"),
    (b'{%b, "history": []}' % OURS, "id is missing"),
    (b'{%b, "history": [], "id": "a", "name": "b"}' % OURS, "no turns"),
]


@pytest.mark.parametrize(
    ("ending", "content", "words"),
    [
        *((ending, *case) for ending in ENDINGS for case in NO_FILES),
        *((ending, *case) for ending in (".ipynb", ".json") for case in NO_JSON),
        *((".ipynb", *case) for case in NO_NOTEBOOKS),
        *((".json", *case) for case in NO_RECORDS),
        (".md", b"# Hello", "not a conversation"),
        (".md", b"\x00", "not a conversation"),
    ],
)
def test_a_file_that_is_something_else(
    tmp_path: Path, ending: str, content: bytes, words: str
) -> None:
    """One line names it and says what it is, and it is not replaced."""
    file = tmp_path / f"odd{ending}"
    file.write_bytes(content)
    refused(file, words)
    with pytest.raises(ConfigurationError, match="--force replaces it"):
        files.export(talk(), file)

    assert content == file.read_bytes()

    files.export(talk(), file, force=True)

    assert 1 == len(files.load(file))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_whose_end_is_missing(tmp_path: Path, ending: str) -> None:
    """Half a download is not half a conversation, wherever it ends."""
    file = tmp_path / f"talk{ending}"
    files.export(talk(turn(), turn()), file)
    content = file.read_bytes().rstrip()
    ends = [*range(1, 200), *range(200, len(content), 7)]
    for end in ends:
        file.write_bytes(content[:-end])
        refused(file)


def test_what_is_no_file(tmp_path: Path) -> None:
    """A folder, a pipe, nothing at all, a name that cannot be one."""
    folder, pipe = tmp_path / "folder.json", tmp_path / "pipe.json"
    folder.mkdir()
    os.mkfifo(pipe)
    refused(folder, "a folder")
    refused(pipe, "no regular file")
    refused(tmp_path / "gone.json", "no file")
    refused(tmp_path / "gone" / "talk.json", "no file")
    refused(tmp_path / ("x" * 300 + ".json"), "too long")
    for file in (folder, pipe, tmp_path / "gone" / "talk.json", tmp_path / "a\0.json"):
        with pytest.raises(ConfigurationError) as caught:
            files.export(talk(), file, force=True)

        assert "cannot be written: " in str(caught.value)
        assert "\n" not in str(caught.value)

    assert {folder, pipe} == set(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["talk", "talk.txt", "talk.json.gz", ".json"])
def test_another_ending(tmp_path: Path, name: str) -> None:
    """The line lists those that are known."""
    for wrong in (
        lambda: files.load(tmp_path / name),
        lambda: files.export(talk(), tmp_path / name),
    ):
        with pytest.raises(ConfigurationError, match=r"\.ipynb, \.md, \.json"):
            wrong()


def test_an_ending_in_capitals(tmp_path: Path) -> None:
    """It is the same ending."""
    files.export(talk(), tmp_path / "TALK.MD")

    assert 1 == len(files.load(tmp_path / "TALK.MD"))


# Writing.


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_to_write(tmp_path: Path, ending: str) -> None:
    """An empty conversation does not take the place of another."""
    file = tmp_path / f"talk{ending}"
    files.export(talk(), file)
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match="no turns yet"):
        files.export(State(name="main"), file, force=True)

    assert before == file.read_bytes()


KEY = "sk-Ab3dE6gH9jK2mN5pQ8sT1vW4"


@pytest.mark.parametrize(
    "holds",
    [
        {"prompt": f"use {KEY}"},
        {"system": KEY},
        {"options": {"extra_body": {"a": [KEY]}}},
    ],
)
def test_no_key_is_written(tmp_path: Path, holds: dict[str, Any]) -> None:
    """A file is made to be passed on; the line does not repeat the key."""
    for ending in ENDINGS:
        with pytest.raises(ConfigurationError, match="question 2 of main") as caught:
            files.export(talk(turn(), turn(**holds)), tmp_path / f"talk{ending}")

        assert KEY not in str(caught.value)

    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_a_later_version_may_add_is_passed_over(
    tmp_path: Path, ending: str
) -> None:
    """Fields and kinds of parts that are not known here; all else is loaded."""
    file = tmp_path / f"talk{ending}"
    files.export(ILLUSTRATED, file)
    text = file.read_text(encoding="utf-8")
    if ending == ".md":
        mark = text.split()[3]
        part = f'<!-- {mark} part {{"type": "tune", "key": "C"}} -->'
        block = f"<!-- {mark} dance -->\n\nOne, two.\n\n<!-- {mark} end -->"
        last = f"<!-- {mark} last -->"
        text = text.replace(last, f"{part}\n\n{block}\n\n{last}")
    else:
        text = re.sub(
            r'("answers": \[\s*\[)', r'"tempo": 60, \1 {"type": "tune"},', text, count=1
        )
    text = text.replace('"model": ', '"tempo": 60, "model": ')
    file.write_text(text, encoding="utf-8")
    [loaded] = files.load(file)

    assert text.count("tempo") > 1
    assert text.count("tune") == 1
    assert [each.answers for each in ILLUSTRATED.turns] == [
        each.answers for each in loaded.turns
    ]


def changed(tmp_path: Path, state: State, change: Callable[[Any], object]) -> Path:
    """Return an exported notebook after something was done to it."""
    file = tmp_path / "talk.ipynb"
    files.export(state, file)
    book = json.loads(file.read_text(encoding="utf-8"))
    change(book)
    file.write_text(json.dumps(book), encoding="utf-8")
    return file


def save(book: Any) -> None:
    """Do to a notebook what JupyterLab does when it saves one."""
    book["metadata"]["language_info"]["version"] = "3.13.0"
    for each in book["cells"]:
        each["metadata"]["trusted"] = True
        each["source"] = "".join(each["source"])


def test_an_export_that_was_only_saved_is_replaced(tmp_path: Path) -> None:
    """Nothing of a person's is in it."""
    state = talk()
    file = changed(tmp_path, state, save)
    files.export(state, file)

    assert files.load(file)[0].id == state.id


WORK: dict[str, Callable[[Any], object]] = {
    "a cell": lambda book: book["cells"].append(cell(name="mine")),
    "an order": lambda book: book["cells"].reverse(),
    "a question": lambda book: book["cells"][2].update(source="%%chat\nother"),
    "an answer": lambda book: book["cells"][2].update(outputs=[output(turn())]),
    "no mark": lambda book: book["metadata"].pop("apertis_magic"),
    "another mark": lambda book: book["metadata"].update(apertis_magic=[]),
}


@pytest.mark.parametrize("change", WORK.values(), ids=WORK)
def test_a_notebook_with_work_in_it_is_not_replaced(
    tmp_path: Path, change: Callable[[Any], object]
) -> None:
    """Cells that were added or changed, and answers that were asked there, are kept."""
    file = changed(tmp_path, talk(), change)
    before = file.read_bytes()
    with pytest.raises(ConfigurationError, match="is not an export of ours"):
        files.export(talk(), file)

    assert before == file.read_bytes()


def test_a_page_with_notes_in_it_is_not_replaced(tmp_path: Path) -> None:
    """It can be loaded all the same."""
    file = edited(tmp_path, talk(), lambda page: page + "\nNotes.\n")
    with pytest.raises(ConfigurationError, match="is not an export of ours"):
        files.export(talk(), file)

    assert 1 == len(files.load(file))


def test_a_file_keeps_its_permissions(tmp_path: Path) -> None:
    """A new one has those that the process gives; nothing else is left behind."""
    new, old, linked = (tmp_path / f"{name}.json" for name in ("new", "old", "link"))
    files.export(talk(), old)
    old.chmod(0o640)
    linked.symlink_to(old)
    before = os.umask(0o027)
    try:
        files.export(talk(), new)
        files.export(talk(name="other"), linked)
    finally:
        os.umask(before)

    assert (0o640, 0o640) == tuple(f.stat().st_mode & 0o777 for f in (new, old))
    assert linked.is_symlink()
    assert "other" == files.load(old)[0].name
    assert {new, old, linked} == set(tmp_path.iterdir())


FULL_DISK = """
import resource, sys
from pathlib import Path
from apertis_magic import files
from apertis_magic.errors import ConfigurationError
[state] = files.load(Path(sys.argv[1]))
files.load(Path(sys.argv[2]))
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), hard))
try:
    files.export(state, Path(sys.argv[2]))
except ConfigurationError as error:
    said = str(error)
finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
print(said)
"""


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, ending: str) -> None:
    """Whole, and with nothing beside it."""
    source, file = tmp_path / "source.json", tmp_path / f"talk{ending}"
    files.export(talk(turn(text="x" * 50_000)), source)
    files.export(talk(), file)
    before = file.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, source, file, "20000"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert f"{file} cannot be written: File too large.\n" == done.stdout, done.stderr
    assert before == file.read_bytes()
    assert {source, file} == set(tmp_path.iterdir())
