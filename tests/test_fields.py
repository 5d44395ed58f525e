"""Every field of a turn goes wherever turns go, and comes back as it was."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import MISSING, Field, asdict, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from scripted_server import (
    DONE,
    Answer,
    ScriptedServer,
    chunk,
    event,
    fails,
    says,
    whole,
)
from turns import pieces, turn_of

from apertis_magic import Conversation, errors, files
from apertis_magic.api.types import Usage
from apertis_magic.chat import session, trust
from apertis_magic.chat.ask import Ask, detached
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.history import Entry, Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.parts import KINDS as PARTS
from apertis_magic.chat.parts import (
    Picture,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.chat.state import State
from apertis_magic.chat.turn import Cell, Turn
from apertis_magic.files import cell_source
from apertis_magic.marks import MAY_HOLD_KEYS, SENT, kinds, marked
from apertis_magic.notebook.option_line import parse
from apertis_magic.notebook.options import ChatOptions
from apertis_magic.render.metadata import metadata

KEY = "sk-" + "a1b2c3d4" * 4

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

SAMPLES: dict[str, Any] = {
    "id": "t-1",
    "question": Question(
        "What is in {{file}}?",
        attachments=(
            Attachment("data.csv", "text/plain", "a,b\n1,2\n"),
            Attachment("lost.png", "image/png", "", missing=12),
        ),
        filled="What is in data.csv?",
        fields={"temperature": 0.5, "stop": ["x"], "extra_body": {"a": [1]}},
        anyway=True,
        last_turns=4,
        untrusted=True,
    ),
    "answers": (
        (
            Reasoning("It has one row."),
            Text("Two numbers."),
            Picture("image/png", PNG, alt="a [row]"),
            Text("And one more."),
            Refusal("Of more I do not speak."),
            Picture("", url="https://a.example/picture.png"),
            Picture("image/svg+xml", left_out="it is no picture"),
            ToolCall("weather", '{"in": "Paris"}', "call-1"),
            ToolResult("call-1", "20 degrees"),
            Source(url="https://a.example/b", title="A page"),
        ),
        (Text("A table."), Picture("image/png", PNG)),
        (Text("A row."),),
    ),
    "finish": "error",
    "error": "The connection broke off.",
    "hint": "Run the cell again.",
    "model": "served-1",
    "asked_model": "asked-1",
    "fallback": "it was busy",
    "base_url": "https://api.example/v1",
    "local": True,
    "usage": Usage(
        prompt_tokens=9,
        completion_tokens=7,
        total_tokens=16,
        cached_tokens=3,
        reasoning_tokens=2,
        cost=0.25,
        raw={"prompt_tokens": 9},
    ),
    "system": "Be brief.",
    "left_out": 2,
    "cached": True,
    "cell": "cell-1",
    "started": 1_700_000_000.5,
    "first_text": 0.75,
    "elapsed": 1.5,
    "malformed": 1,
    "not_streamed": True,
    "repaired": True,
    "star": True,
    "note": "the shortest",
}
TURN = Turn(**SAMPLES)
ASKABLE = replace(
    TURN.question,
    attachments=tuple(e for e in TURN.attachments if not e.missing),
    untrusted=False,
)
"""The question as it can be asked: with the files that are held, by its own person."""

STATE = State(
    id="c-1",
    name="idea",
    model="m",
    system="Be kind.",
    history=(Entry(TURN, order=5, execution="run-1", slot="t-0", client="page-1"),),
    made=7,
)


def default_of(field: "Field[Any]") -> Any:
    """Return what a field has that nobody set; a required one has nothing."""
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def values_in(value: Any) -> list[Any]:
    """Return a value of ours with all those in it."""
    if isinstance(value, tuple):
        return [found for each in value for found in values_in(each)]
    if not is_dataclass(value):
        return []
    inner = (values_in(getattr(value, field.name)) for field in fields(value))
    return [value, *(found for each in inner for found in each)]


def unset(value: Any) -> set[str]:
    """Return the fields that have their defaults in all values of their kind."""
    named: dict[str, bool] = {}
    for each in values_in(value):
        for field in fields(each):
            name = f"{type(each).__name__}.{field.name}"
            is_set = getattr(each, field.name) != default_of(field)
            named[name] = named.get(name, False) or is_set
    return {name for name, is_set in named.items() if not is_set}


def through_json(turn: Turn, _folder: Path) -> Turn:
    """Return a turn as any file or output keeps it."""
    return Turn.from_dict(turn.to_dict())


def through_file(ending: str) -> Callable[[Turn, Path], Turn]:
    """Return what exports a turn and loads it again."""

    def travel(turn: Turn, folder: Path) -> Turn:
        file = folder / f"talk{ending}"
        files.export(replace(STATE, history=(Entry(turn, 1),)), file)
        [state] = files.load(file)
        return state.turns[0]

    return travel


def through_journal(turn: Turn, folder: Path) -> Turn:
    """Return a turn as another process finds it that reads the journal."""
    journal = Journal(folder / "journal.sqlite")
    journal.keep(replace(STATE, history=(Entry(turn, 1),)))
    journal.close()
    return Journal(folder / "journal.sqlite").read(STATE.id).turns[0]


def through_answers(turn: Turn, folder: Path) -> Turn:
    """Return a turn as the journal gives it again for the same request."""
    journal = Journal(folder / "journal.sqlite")
    journal.keep(None, Entry(turn, 1), fingerprint="f")
    journal.close()
    found = Journal(folder / "journal.sqlite").answer("f", since=0)

    assert found is not None

    return found


WAYS: dict[str, Callable[[Turn, Path], Turn]] = {
    "JSON": through_json,
    **{ending: through_file(ending) for ending in (".json", ".md", ".ipynb")},
    "the journal": through_journal,
}


def test_every_field_has_a_sample() -> None:
    """A new one is added to ``SAMPLES``; none of them is what the field has anyway."""
    assert {field.name for field in fields(Turn)} == set(SAMPLES)
    assert set() == unset(STATE)
    assert set(PARTS.values()) == {type(p) for a in TURN.answers for p in a}


@pytest.mark.parametrize("way", WAYS)
def test_every_field_comes_back(way: str, tmp_path: Path) -> None:
    """By every way; a notebook alone leaves out what its marks say, and names files."""
    found = WAYS[way](TURN, tmp_path)
    expected = dict(SAMPLES)
    if way == ".ipynb":
        expected["usage"] = replace(expected["usage"], raw={})
        named = [Attachment.from_dict(each.named()) for each in TURN.attachments]
        expected["question"] = replace(TURN.question, attachments=tuple(named))
    back = {field.name: getattr(found, field.name) for field in fields(Turn)}

    assert expected == back


@pytest.mark.parametrize("way", [way for way in WAYS if way != "JSON"])
def test_an_option_that_is_no_json_is_kept_as_text(way: str, tmp_path: Path) -> None:
    """It cost nobody the turn."""
    turn = replace(TURN, question=replace(TURN.question, fields={"user": Path("x")}))

    assert {"user": "x"} == WAYS[way](turn, tmp_path).options


def test_an_answer_is_given_again_whole(tmp_path: Path) -> None:
    """With all of it that an answer which ended well can have."""
    well = replace(TURN, finish="stop", error="", fallback="", malformed=0)
    turn = replace(well, cached=False)

    assert turn == through_answers(turn, tmp_path)


@pytest.mark.parametrize("ending", [".json", ".md"])
def test_a_file_keeps_the_whole_conversation(ending: str, tmp_path: Path) -> None:
    """Also where each turn stood, and which run of its cell made it."""
    file = tmp_path / f"talk{ending}"
    files.export(STATE, file)
    [loaded] = files.load(file)

    assert STATE == loaded


@pytest.mark.parametrize("ending", [".json", ".md", ".ipynb"])
def test_a_file_keeps_the_highest_order(ending: str, tmp_path: Path) -> None:
    """Which two equal conversations may differ in: a turn that had it may be gone."""
    file = tmp_path / f"talk{ending}"
    files.export(STATE, file)
    [loaded] = files.load(file)

    assert 7 == STATE.made == loaded.made


def test_the_journal_keeps_the_highest_order(tmp_path: Path) -> None:
    """Where a turn had it that was taken back."""
    gone = Entry(turn_of(question=Question("gone")), order=7)
    journal = Journal(tmp_path / "journal.sqlite")
    journal.keep(replace(STATE, history=(*STATE.history, gone)))
    journal.keep(STATE)
    journal.close()

    assert 7 == Journal(tmp_path / "journal.sqlite").read(STATE.id).made


def test_the_journal_keeps_the_whole_conversation(tmp_path: Path) -> None:
    """Also where each turn stood, and which run of its cell made it."""
    journal = Journal(tmp_path / "journal.sqlite", notebook="/a/one.ipynb")
    journal.keep(STATE)
    journal.close()
    reader = Journal(tmp_path / "journal.sqlite")
    [kept] = reader.conversations()

    assert STATE == reader.read(STATE.id)
    assert ("c-1", "idea", "/a/one.ipynb", 1) == (
        kept.id,
        kept.name,
        kept.notebook,
        kept.turns,
    )


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        (Placement(), ["a", "b", "new"]),
        (Placement(cell=Cell("c-a", "run-2")), ["new", "b"]),
        (Placement(cell=Cell("c-a", "run-2"), append=True), ["a", "b", "new"]),
        (Placement(replaces="b"), ["a", "new"]),
        (Placement(start_over=True), ["new"]),
    ],
)
def test_the_journal_keeps_where_a_question_stands(
    placement: Placement, expected: list[str], tmp_path: Path
) -> None:
    """So that what had come when a kernel died is put where it belongs."""
    turns = [
        turn_of(question=Question(n), text="A", id=n, cell=f"c-{n}", started=1)
        for n in "ab"
    ]
    entries = tuple(Entry(turn, n, "run-1", turn.id) for n, turn in enumerate(turns, 1))
    state = replace(STATE, history=entries)
    journal = Journal(tmp_path / "journal.sqlite")
    journal.keep(state)
    asked = turn_of(question=Question("new"), started=2)
    journal.begin(state, asked, placement)
    journal.grow(asked.id, pieces(text="Half"))
    journal.close()
    found = Journal(tmp_path / "journal.sqlite").read(state.id)

    assert expected == [turn.prompt for turn in found.turns]


def test_the_cell_of_a_notebook_asks_it_again() -> None:
    """Its line has each option that a question keeps, in the option's own words."""
    question = replace(TURN.question, fields={"temperature": 0.5, "stop": ["x"]})
    source = cell_source.cell(
        replace(TURN, question=question), conversation=None, system=None
    )
    line, _, body = source.partition("\n")
    options = parse(line.removeprefix("%%chat"))
    kept = {field.name for field in fields(Question)}
    on_line = kept & {field.name for field in fields(ChatOptions)}

    assert {"fields", "last_turns"} <= on_line
    assert question.typed == body
    assert {name: getattr(question, name) for name in on_line} == {
        name: getattr(options, name) for name in on_line
    }


def test_the_cell_that_asks_keeps_each_option(
    shell: Shell, server: ScriptedServer
) -> None:
    """What its line says and stays with the turn is in the question that is kept."""
    server.will(says("A"))
    question = replace(
        ASKABLE, attachments=(), filled=None, fields={"temperature": 0.5}
    )
    again = replace(TURN, question=question, asked_model="")
    shell.run(cell_source.cell(again, conversation=None, system=None))
    [turn] = session.current().current.turns

    assert question == turn.question


def test_python_asks_with_all_that_a_question_keeps(server: ScriptedServer) -> None:
    """By its name, first or again; ``filled`` is for who fills values in."""
    server.will(says("A"), says("B"))
    names = {field.name for field in fields(Question)} - {"typed", "filled", "fields"}
    options = {name: getattr(ASKABLE, name) for name in names}
    chat = Conversation()
    asked = chat.ask(TURN.prompt, **options).result().question
    chat = Conversation()
    chat.ask(TURN.prompt).result()
    again = chat.retry(**options).result().question

    assert {"attachments", "last_turns"} <= names
    assert replace(ASKABLE, filled=None, fields={}) == asked == again


def test_no_text_of_a_question_takes_a_key_along() -> None:
    """Nor half a character, which no file could hold."""
    text = f"{KEY} x\ud83d"
    texts: dict[str, Any] = {f.name: text for f in fields(Question) if str in kinds(f)}
    question = detached(Ask(question=Question(**texts))).question

    assert KEY not in json.dumps(turn_of(question=question).to_dict())
    assert {"x\ufffd"} == {getattr(question, name).split()[-1] for name in texts}
    assert texts.keys() >= {"typed", "filled"}


# What the marks beside the fields say.

KEYED = [
    (kind, name)
    for kind in (Question, Attachment, Turn)
    for name in sorted(marked(kind, MAY_HOLD_KEYS))
]


def with_key(kind: Any, name: str) -> Turn:
    """Return a turn that has a key in one of its fields, or of what it holds."""
    [attached] = ASKABLE.attachments
    of_question: dict[str, Any] = {
        "fields": {"extra_body": {"a": [KEY]}},
        "attachments": (replace(attached, data=KEY),),
    }
    changes: dict[str, Any] = {name: of_question.get(name, KEY)}
    question = replace(ASKABLE, anyway=False)
    if kind is Turn:
        return replace(TURN, question=question, **changes)
    if kind is Attachment:
        changes = {"attachments": (replace(attached, **changes),)}
    return replace(TURN, question=replace(question, **changes))


@pytest.mark.parametrize(("kind", "name"), KEYED)
def test_no_key_is_sent(kind: Any, name: str, server: ScriptedServer) -> None:
    """Wherever a person can write one that would be."""
    turn, session = with_key(kind, name), Session()
    if name in marked(kind, SENT):
        with pytest.raises(errors.ConfigurationError, match="holds an API key"):
            session.ask(Ask(question=turn.question, system=turn.system))

    assert name in marked(kind, SENT) or (kind, name) == (Turn, "note")
    assert [] == server.requests


@pytest.mark.parametrize(("kind", "name"), KEYED)
def test_no_key_is_exported_or_kept(kind: Any, name: str, tmp_path: Path) -> None:
    """A file is not written; the journal has the turn without it."""
    state = replace(STATE, history=(Entry(with_key(kind, name), 1),))
    for ending in (".json", ".md", ".ipynb"):
        with pytest.raises(errors.ConfigurationError, match="holds an API key"):
            files.export(state, tmp_path / f"talk{ending}")

    assert [] == list(tmp_path.iterdir())

    journal = Journal(tmp_path / "journal.sqlite")
    journal.keep(state)
    journal.close()
    [kept] = Journal(tmp_path / "journal.sqlite").read(STATE.id).turns

    assert KEY.encode() not in (tmp_path / "journal.sqlite").read_bytes()
    assert "[key]" in str(asdict(kept))


@pytest.mark.parametrize(("kind", "name"), KEYED)
def test_no_key_is_in_a_notebook(kind: Any, name: str) -> None:
    """A turn may have come from a file that a person wrote."""
    turn = with_key(kind, name)

    assert KEY not in json.dumps(metadata(turn, conversation="c", plain=turn.text))


def as_sent(value: Any) -> list[str]:
    """Return the texts by which a value stands in a request."""
    if isinstance(value, bytes):
        return [b64encode(value).decode()]
    if isinstance(value, tuple):
        return [each.name for each in value]
    if isinstance(value, dict):
        own = {k: v for k, v in value.items() if k != "extra_body"}
        fields = {**own, **value["extra_body"]}
        return [json.dumps({name: each})[1:-1] for name, each in fields.items()]
    return [json.dumps(value)[1:-1] if isinstance(value, str) else f"({value} bytes)"]


@pytest.mark.parametrize("kind", [Question, Attachment, *PARTS.values()])
def test_what_is_marked_is_sent(kind: Any, server: ScriptedServer) -> None:
    """With its own question or a later one; of the other fields nothing is."""
    server.will(says("A"))
    plot = Attachment.of("plot.jpg", b"\xff\xd8\xff")
    question = replace(ASKABLE, attachments=(plot,), filled=None, last_turns=9)
    session = Session()
    session.adopt(trust.marked(STATE, trusted=True))
    session.ask(Ask(question=question, model=TURN.asked_model)).result()
    body = json.dumps(server.requests[0].body)
    told = values_in((question, TURN.question, *TURN.answers[0]))
    sent = {
        field.name
        for each in told
        if isinstance(each, kind)
        for field in fields(each)
        if (value := getattr(each, field.name)) not in (None, "", b"", 0)
        and all(text in body for text in as_sent(value))
    }

    assert marked(kind, SENT) == sent


PAGE = {"url": "https://a.example/b", "title": "A page"}
OTHER = event({"choices": [{"index": 1, "delta": {"content": "B"}}]})
RICH = Answer(
    (
        chunk("A", delta={"reasoning_content": "Hm.", "refusal": "No."}),
        OTHER,
        b"data: {damaged\n\n",
        chunk(" or so", finish="length", web_sources=[PAGE]),
        event({"choices": [], "usage": {"total_tokens": 9, "cost": 0.5}}),
        DONE,
    ),
    headers={
        "Content-Type": "text/event-stream",
        "X-Fallback-Used": "true",
        "X-Fallback-Reason": "it was busy",
        "X-Actual-Model": "served",
    },
)
ASKED: dict[str, Any] = {
    "system": "Be brief.",
    "attachments": ASKABLE.attachments,
    "placement": Placement(cell=Cell("c1", "run-1")),
    "last_turns": 3,
    "max_context": 400,
    "temperature": 0.5,
}


OF_QUESTION = frozenset("question asked_model base_url system cell".split())


def filled(turn: Turn) -> set[str]:
    """Return the fields of a turn that something was put into."""
    return {f.name for f in fields(turn) if getattr(turn, f.name) != default_of(f)}


def test_every_field_is_filled_in(server: ScriptedServer, tmp_path: Path) -> None:
    """By what was asked, by what came, by what failed or by the journal."""
    no_stream = fails(400, "This model does not support streaming.")
    server.will(says("long " * 900), RICH, fails(402), says("A"), no_stream, whole("B"))
    journal = Journal(tmp_path / "journal.sqlite")
    chat = Conversation(journal=journal)
    chat.ask("w").result()
    rich = chat.ask("x", **ASKED).result()
    with pytest.raises(errors.QuotaExceeded):
        chat.ask("y").result()
    failed = chat.turns[-1]
    _, given_again = [
        chat.ask("z", last_turns=0, cached_since=0).result() for _ in range(2)
    ]
    unstreamed = chat.ask("v").result()
    session.current().redirect(
        Settings(base_url=server.url, model="m", fixed_model=True, local_model="m")
    )
    local = session.current().ask(Ask(question=Question("u"))).result()
    journal.close()

    of_people = {"repaired", "star", "note"}
    others = {"error", "hint", "cached", "local", "not_streamed", *of_people}

    assert others == {f.name for f in fields(Turn)} - filled(rich)
    assert {"error", "hint"} <= filled(failed)
    assert "cached" in filled(given_again)
    assert "not_streamed" in filled(unstreamed)
    assert "local" in filled(local)


def test_an_answer_given_again_has_all_that_came(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """By the journal, as the server gave it, in another conversation too."""
    clean = [step for step in RICH.steps if step != b"data: {damaged\n\n"]
    server.will(Answer(clean))
    journal = Journal(tmp_path / "journal.sqlite")
    first, again = [
        Conversation(journal=journal).ask("x", cached_since=0).result()
        for _ in range(2)
    ]
    journal.close()

    assert again.cached
    assert first == replace(again, cached=False)


def test_what_is_asked_again_is_the_same_question(server: ScriptedServer) -> None:
    """All that was asked stays, and where; all that came is of the new answer."""
    server.will(says("long " * 900), RICH, says("B"))
    chat = Conversation()
    chat.ask("w").result()
    first = chat.ask("x", **ASKED).result()
    second = chat.retry(max_context=400).result()
    same = {*OF_QUESTION, "left_out"}

    assert [] == [n for n in same if getattr(first, n) != getattr(second, n)]
    assert ("B", "stop", 0, (), ()) == (
        second.text,
        second.finish,
        second.malformed,
        second.alternatives,
        second.sources,
    )
    assert ["w", "x"] == [turn.prompt for turn in chat.turns]


def test_an_answer_that_goes_on_is_one_turn(server: ScriptedServer) -> None:
    """It has what was asked and came first, and the sums of what both took."""
    rest = Answer([step for step in RICH.steps if step is not OTHER])
    server.will(says("long " * 900), RICH, rest)
    chat = Conversation()
    chat.ask("w").result()
    first = chat.ask("x", **ASKED).result()
    whole = chat.resume(max_context=400).result()
    same = {*OF_QUESTION, "id", "started", "first_text", "alternatives"}

    assert [] == [n for n in same if getattr(first, n) != getattr(whole, n)]
    assert "A or so" == whole.text  # which the rest says again
    assert (2, 18, 1.0) == (
        whole.malformed,
        whole.usage and whole.usage.total_tokens,
        whole.cost,
    )
    assert whole.elapsed > first.elapsed
    assert ["w", "x"] == [turn.prompt for turn in chat.turns]
