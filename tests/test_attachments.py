"""Files that go with a question: what they are, how they are sent, kept and shown."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from asks import again, ask, rest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import ScriptedServer, fails, says
from turns import turn_of

from apertis_magic import Conversation, Turn, files
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.fitting import cost
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.errors import ConfigurationError, HeldBack
from apertis_magic.render import bundle

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PICTURE = Attachment.of("plot.png", PNG)
TEXT = Attachment.of("data.csv", "\ufeffa,b\n1,2\n".encode())
PARTS = [
    {"type": "text", "text": "File data.csv:\na,b\n1,2\n"},
    {
        "type": "image_url",
        "image_url": {"url": f"data:image/png;base64,{b64encode(PNG).decode()}"},
    },
    {"type": "text", "text": "What is it?"},
]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Yield a journal of this test's own."""
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("image/png", PNG),
        ("image/jpeg", b"\xff\xd8\xff\xe0"),
        ("image/gif", b"GIF89a"),
        ("image/webp", b"RIFF\n\0\0\0WEBPVP8 "),
        ("text/plain", b"%PDF is what PDFs begin with"),
        ("text/plain", "naïve 日本語".encode()),
    ],
)
def test_what_a_file_is(kind: str, raw: bytes) -> None:
    """Its first bytes tell, whatever its name says."""
    found = Attachment.of("notes.exe", raw)

    assert kind == found.kind
    assert raw == found.raw
    assert len(raw) == found.size


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (["sales.csv"], "'sales.csv'"),
        ("sales.csv", "'sales.csv'"),
        ([TEXT, Path("sales.csv")], "'sales.csv'"),
        ([b"a,b"], "'sales.csv'"),
        ([{"type": "text"}], "'sales.csv'"),
        (None, "'sales.csv'"),
        (["it's.csv"], '"it\'s.csv"'),
    ],
    ids=str,
)
def test_what_is_no_attachment(server: ScriptedServer, wrong: Any, name: str) -> None:
    """A file's name or anything else is refused with what to pass; nothing is sent."""
    server.will(says("one"))
    chat = Conversation()
    chat.ask("x").result()
    for asks in (chat.ask, lambda _prompt, **options: chat.retry(**options)):
        with pytest.raises(ConfigurationError, match="must be an Attachment") as caught:
            asks("y", attachments=wrong)

        assert f"Attachment.of({name}, the file's bytes)" in caught.value.hint
        assert 1 == len(server.requests) == len(chat.turns)


def test_one_attachment_needs_no_list(server: ScriptedServer) -> None:
    """It is the one that goes along."""
    server.will(says("one"))

    assert (TEXT,) == Conversation().ask("x", attachments=TEXT).result().attachments  # type: ignore[arg-type]  # what people write


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b"\x7fELF\x02\x01\x01\0", "neither a picture"),
        ("über".encode("latin-1"), "neither a picture"),
        ("utf-16".encode("utf-16"), "neither a picture"),
        (b"x" * 1_000_001, r"has 1.0 MB; 1 MB can go along"),
        (PNG + bytes(20_000_000), r"has 20.0 MB; 20 MB can go along"),
    ],
    ids=["empty", "program", "latin-1", "utf-16", "long text", "large picture"],
)
def test_what_cannot_be_attached(raw: bytes, said: str) -> None:
    """One line says why; the file's name is in it, on that line."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        Attachment.of("odd\n\x1b[31mname", raw)

    assert str(caught.value).startswith("odd [31mname ")


@given(st.binary(min_size=1) | st.text(min_size=1).map(lambda text: text.encode()))
def test_any_file_is_kept_exactly_or_refused(raw: bytes) -> None:
    """Also through JSON, but for the mark that editors put before a text."""
    for whole in (raw, PNG + raw):
        try:
            found = Attachment.of("file", whole)
        except ConfigurationError:
            continue
        turn = turn_of(question=Question("x", attachments=(found,)))
        again = Turn.from_dict(json.loads(json.dumps(turn.to_dict())))

        assert whole.removeprefix(b"\xef\xbb\xbf") == found.raw
        assert turn == again


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "x", "kind": "text/html", "data": "x"},
        {"name": "x", "kind": "image/png", "data": "?"},
        {"name": "x", "kind": "text/plain"},
        {"name": 1, "kind": "text/plain", "data": ""},
    ],
)
def test_a_damaged_attachment_is_a_damaged_turn(raw: object) -> None:
    """It is not read as something else."""
    with pytest.raises(ValueError, match="attach"):
        Turn.from_dict({"prompt": "x", "attachments": [raw]})


def test_they_are_sent_and_sent_again(server: ScriptedServer) -> None:
    """Texts come first, then pictures, then the question; in later requests as well."""
    server.will(says("a"), says("b"), says("c"))
    chat = Conversation()
    first = chat.ask("What is it?", attachments=(PICTURE, TEXT)).result()
    chat.retry().result()
    chat.ask("And?").result()
    asked = {"role": "user", "content": PARTS}
    answered = {"role": "assistant", "content": "b"}
    later = {"role": "user", "content": "And?"}

    assert [[asked], [asked], [asked, answered, later]] == [
        each.body["messages"] for each in server.requests
    ]
    assert (PICTURE, TEXT) == first.attachments


def test_they_need_the_room_of_older_turns(server: ScriptedServer) -> None:
    """Whether they go with the question or with a turn that is sent again."""
    server.will(says("word " * 300))
    chat = Conversation()
    for prompt, attached in (("w", ()), ("x", ()), ("y", (PICTURE,)), ("z", ())):
        chat.ask(prompt, max_context=3_200, attachments=attached).result()

    assert [0, 0, 1, 2] == [turn.left_out for turn in chat.turns]
    assert [1, 3, 3, 3] == [len(each.body["messages"]) for each in server.requests]


def test_the_cache_knows_them_apart(server: ScriptedServer, journal: Journal) -> None:
    """The same question about another file is another question."""
    server.will(says("a plot"), says("a table"))
    told = [
        Conversation(journal=journal)
        .ask("What?", attachments=[each], cached_since=0)
        .result()
        for each in (PICTURE, TEXT, PICTURE)
    ]

    assert [("a plot", False), ("a table", False), ("a plot", True)] == [
        (turn.text, turn.cached) for turn in told
    ]


def test_the_journal_has_them(server: ScriptedServer, journal: Journal) -> None:
    """And what to do about an error; a key as well, where it was sent anyway."""
    key = "sk-" + "a1b2c3d4" * 4
    server.will(says("a"), fails(404, "no such model", code="model_not_found"))
    chat = Conversation(journal=journal)
    secret = Attachment.of("env", f"KEY={key}".encode())
    with pytest.raises(HeldBack, match="holds an API key"):
        chat.ask("What?", attachments=(TEXT, PICTURE, secret))
    chat.ask("What?", attachments=(TEXT, PICTURE, secret), anyway=True).result()
    failed = chat.ask("And?")
    failed.wait()
    journal.flush(10)
    turns = journal.read(chat.state.id).turns

    assert (TEXT, PICTURE, secret) == turns[0].attachments
    assert failed.turn == turns[1]
    assert "Check the model's id." == turns[1].hint


@pytest.mark.parametrize("ending", ["json", "md", "ipynb"])
def test_a_file_has_them(server: ScriptedServer, tmp_path: Path, ending: str) -> None:
    """Whatever its form; one that a person reads names them."""
    server.will(says("a"))
    chat = Conversation()
    chat.ask("What?", attachments=(TEXT, PICTURE)).result()
    file = tmp_path / f"talk.{ending}"
    files.export(chat.state, file)
    [read] = files.load(file)

    attached = read.turns[0].attachments
    if ending == "ipynb":  # which names them alone
        assert [TEXT.named(), PICTURE.named()] == [each.to_dict() for each in attached]
        assert [TEXT.size, PICTURE.size] == [each.missing for each in attached]
    else:
        assert (TEXT, PICTURE) == attached
    if ending == "md":
        assert "Attached: data.csv (8 bytes), plot.png (264 bytes)" in file.read_text()


NAMED = [
    {"type": "text", "text": "[data.csv (8 bytes) was attached and is not held]"},
    {"type": "text", "text": "[plot.png (264 bytes) was attached and is not held]"},
    {"type": "text", "text": "What is it?"},
]


@pytest.fixture
def loaded(server: ScriptedServer, tmp_path: Path) -> Session:
    """Return a Session with a conversation of a notebook, whose answer was cut off."""
    server.will(says("It is", finish="length"))
    chat = Conversation()
    chat.ask("What is it?", attachments=(PICTURE, TEXT)).result()
    files.export(chat.state, tmp_path / "talk.ipynb")
    [state] = files.load(tmp_path / "talk.ipynb")
    session = Session()
    session.adopt(state)
    return session


def test_history_names_what_is_not_held(
    server: ScriptedServer, loaded: Session
) -> None:
    """A later question, or the rest of an answer, has a line in its place."""
    server.will(says("B"), says(" more"))
    loaded.ask(ask("And?")).result()
    first = loaded.current.turns[0].id
    whole = rest(loaded, first).result()

    assert [NAMED, NAMED] == [
        each.body["messages"][0]["content"] for each in server.requests[1:]
    ]
    assert "It is more" == whole.text


WAYS: dict[str, Callable[[Session], Any]] = {
    "the panel's Retry": again,
    "Python's retry": lambda session: session.current.retry(),
    "a new question": lambda session: session.ask(
        ask("And?", attachments=session.current.turns[0].attachments)
    ),
    "a new question of Python's": lambda session: session.current.ask(
        "And?", attachments=session.current.turns[0].attachments
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_question_is_not_asked_again_without_its_files(
    server: ScriptedServer, loaded: Session, way: Callable[[Session], Any]
) -> None:
    """One line names them, and what to do; nothing was sent."""
    with pytest.raises(ConfigurationError) as caught:
        way(loaded)

    assert (
        "Nothing was sent: plot.png (264 bytes), data.csv (8 bytes) went with this "
        "question, and a notebook names a file alone."
    ) == str(caught.value)
    assert "with that attached" in str(caught.value.hint)
    assert 1 == len(server.requests)
    assert 1 == len(loaded.current.turns)


def test_it_is_asked_again_with_its_files(
    server: ScriptedServer, loaded: Session
) -> None:
    """Where they are given anew."""
    server.will(says("B"))
    loaded.current.retry(attachments=(PICTURE, TEXT)).result()

    assert PARTS == server.requests[-1].body["messages"][0]["content"]


def test_no_key_leaves_in_a_file(server: ScriptedServer, tmp_path: Path) -> None:
    """A key in an attached text is one."""
    server.will(says("a"))
    chat = Conversation()
    key = Attachment.of("env", b"sk-" + b"a1b2c3d4" * 4)
    chat.ask("What?", attachments=[key], anyway=True).result()
    with pytest.raises(HeldBack, match="holds an API key"):
        files.export(chat.state, tmp_path / "talk.json")

    assert [] == list(tmp_path.glob("talk*"))

    files.export(chat.state, tmp_path / "talk.json", anyway=True)

    assert list(chat.turns) == list(files.load(tmp_path / "talk.json")[0].turns)


def test_they_count_when_a_conversation_must_fit() -> None:
    """A text by its letters, a picture as one; neither by its bytes."""
    plain, long = (
        turn_of(question=Question("x"), text="y"),
        Attachment.of("a", b"word " * 9_000),
    )

    assert cost(plain) + 9_000 < cost(
        turn_of(question=Question("x", attachments=(long,)), text="y")
    )
    assert cost(plain) + 1_500 == cost(
        turn_of(question=Question("x", attachments=(PICTURE,)), text="y")
    )


def test_a_transcript_names_them() -> None:
    """As text, whatever the name holds."""
    odd = Attachment.of("<b>$x$</b>", b"abc")
    shown = bundle.transcript(
        [turn_of(question=Question("What?", attachments=(odd,)))],
        system=None,
        stale=frozenset(),
    )

    assert "Attached: <b>$x$</b> (3 bytes)" in shown["text/plain"]
    assert "<b>" not in shown["text/html"]


def test_a_file_that_is_named_alone_takes_little_of_a_request() -> None:
    """A picture's tokens are those of its line then."""
    held = turn_of(question=Question("x", attachments=(PICTURE,)), text="y")
    named = Attachment.from_dict(PICTURE.named())
    alone = turn_of(question=Question("x", attachments=(named,)), text="y")

    assert cost(alone) < 100 < cost(held)
