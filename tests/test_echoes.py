"""The key of a request, which a server repeats, is seen nowhere: by real requests."""

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    DONE,
    Answer,
    ScriptedServer,
    Wait,
    chunk,
    event,
    says,
    whole,
)

from apertis_magic import AsyncApertis, Conversation, files
from apertis_magic.api.assemble import Assembly, Pieces
from apertis_magic.api.types import ChatCompletionChunk
from apertis_magic.chat.growth import Growth, Piece, regrown
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.parts import Text, text_of
from apertis_magic.chat.received import answers_of, parts_of, texts_of
from apertis_magic.chat.session import current
from apertis_magic.credentials import KEY as TAKEN
from apertis_magic.credentials import Echo
from apertis_magic.errors import HeldBack

KEY = "hush-0123456789abcdef"
SIZES = [1, 3, len(KEY) - 1, len(KEY), 100]
"""Characters of a chunk."""

HELD = f"Your key is {KEY}."
SHOWN = f"Your key is {TAKEN}."


def cut(text: str, size: int) -> list[str]:
    """Return *text* in pieces of so many characters."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def repeats(size: int) -> Answer:
    """Return an answer whose server repeats the key wherever it can."""
    call = {"id": f"c-{KEY}", "function": {"name": f"f_{KEY}", "arguments": ""}}
    arguments: list[dict[str, Any]] = [
        {"index": 0, "function": {"arguments": each}} for each in cut(HELD, size)
    ]
    page = {"url": f"https://a.example/?key={KEY}", "title": KEY}
    picture = {"type": "image_url", "image_url": {"url": page["url"]}}
    return Answer(
        (
            *(chunk(delta={"reasoning": each}) for each in cut(HELD, size)),
            *(chunk(each) for each in cut(HELD, size)),
            chunk(delta={"images": [picture]}),
            *(chunk(delta={"refusal": each}) for each in cut(HELD, size)),
            *(
                chunk(delta={"tool_calls": [{"index": 0, **e}]})
                for e in (call, *arguments)
            ),
            event({"model": KEY, "choices": [], "citations": [page["url"]]}),
            event({"model": KEY, "choices": [], "search_results": [page]}),
            chunk(finish=KEY, model=KEY, usage={"prompt_tokens": 1, KEY: [KEY]}),
            DONE,
        )
    )


@pytest.mark.parametrize("size", SIZES)
def test_it_is_seen_nowhere(
    size: int,
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Neither in an output, nor in a turn, a file, the journal or the next request."""
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    server.will(repeats(size), whole("and"))
    shell.run("%%chat -o answer\nWhat is my key?")
    turn = shell.user_ns["answer"]
    shell.run("%chat show")
    shell.run("%chat last")
    shell.run("%%chat\nAnd?")
    state = current().current.state
    for ending in ("ipynb", "md", "json"):
        files.export(state, tmp_path / f"talk.{ending}")
    journal = current().journal
    assert journal is not None
    journal.flush()
    written = [*tmp_path.glob("talk.*"), *journal.file.parent.iterdir()]
    seen = [str(shell.published), str(asdict(turn)), str(turn.to_dict())]
    seen += [file.read_bytes().decode(errors="replace") for file in written]

    assert [SHOWN] * 3 == [turn.text, turn.reasoning, turn.refusal]
    assert [(f"f_{TAKEN}", SHOWN)] == [(e.name, e.arguments) for e in turn.tool_calls]
    assert 1 == len(turn.pictures)
    assert TAKEN == turn.finish == turn.model
    assert [] == [each for each in seen if KEY in each]
    assert KEY not in str(server.requests[1].body)


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_in_one_piece(server: ScriptedServer, *, stream: bool) -> None:
    """And one whose server was asked to stream it."""
    server.will(whole(HELD, model=KEY))
    turn = Conversation(client=AsyncApertis(KEY, server.url)).ask("x", stream=stream)

    assert (SHOWN, TAKEN) == (turn.result().text, turn.result().model)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_not_seen_while_it_comes(
    size: int, server: ScriptedServer, tmp_path: Path
) -> None:
    """Nor is it in the journal then, where a half of it waits for the other."""
    last = threading.Event()
    half = KEY[: len(KEY) // 2]
    pieces = [chunk(each) for each in cut(f"{HELD} And again: {half}", size)]
    server.will(Answer((*pieces, Wait(last), chunk("x", finish="stop"), DONE)))
    journal = Journal(tmp_path / "journal.sqlite")
    chat = Conversation(client=AsyncApertis(KEY, server.url), journal=journal)
    reply = chat.ask("x")
    seen = []
    for text in reply.updates(every=0):
        seen.append(text)
        if text == f"{SHOWN} And again: ":
            last.set()
    journal.close()

    assert last.is_set()
    assert [] == [text for text in seen if half in text and "x" not in text]
    assert f"{SHOWN} And again: {half}x" == reply.result().text


@pytest.mark.parametrize("end", ["rush", "oh", KEY[:-1], f"{KEY}h", "<think>h"])
def test_the_end_is_seen_whole(server: ScriptedServer, end: str) -> None:
    """What could have begun a key is shown once nothing more comes."""
    server.will(says(end))
    reply = Conversation(client=AsyncApertis(KEY, server.url)).ask("x")
    *_, seen = reply.updates(every=0)
    turn = reply.result()

    assert end.replace(KEY, TAKEN).removeprefix("<think>") in (seen, turn.reasoning)
    assert (turn.text, turn.reasoning) == (reply.text, reply.reasoning)


@pytest.mark.parametrize("kind", ["content", "reasoning", "refusal"])
@pytest.mark.parametrize("size", [1, len(KEY) // 2, len(KEY) - 1])
def test_an_answer_that_is_completed(
    server: ScriptedServer, kind: str, size: int
) -> None:
    """A key of which one request brought the one half, and another one the rest."""
    first = [chunk("A")] if kind != "content" else []
    server.will(
        Answer((*first, chunk(delta={kind: KEY[:size]}), chunk(finish="length"), DONE)),
        Answer((chunk(delta={kind: KEY[size:]}), chunk(finish="stop"), DONE)),
    )
    chat = Conversation(client=AsyncApertis(KEY, server.url))
    chat.ask("x").result()
    reply = chat.resume()
    seen = [f"{now.text}{now.reasoning}{now.refusal}" for now in reply.progress(0)]
    turn = reply.result()

    assert TAKEN in (turn.text, turn.reasoning, turn.refusal)
    assert [] == [text for text in seen if KEY in text]
    assert KEY not in str(turn.to_dict())


@pytest.mark.parametrize("rest", [KEY[9:] + ", so.", "x" + KEY, KEY, "", "h", "hx"])
@pytest.mark.parametrize("begun", [f"It is {KEY[:9]}", "oh", "hh", "It is"])
@pytest.mark.parametrize("size", [1, 4, 40])
def test_what_completes_an_answer_grows(begun: str, rest: str, size: int) -> None:
    """The journal has the rest alone, and no key in both together."""
    echo, assembly = Echo.of(KEY), Assembly()
    growth, noted = Growth(echo, (Text(begun),)), list[Piece]()
    for text in (*cut(rest, size), " end"):
        delta = {"choices": [{"index": 0, "delta": {"content": text}}]}
        assembly.add(ChatCompletionChunk(delta))
        noted += growth.news(assembly)
    [parts] = answers_of(regrown(noted), (Text(begun),))
    together = f"{begun}{rest} end"

    if KEY in together and KEY not in rest:
        assert f"{begun}{TAKEN}, so. end" == text_of(parts)
    else:
        assert together.replace(KEY, TAKEN) == text_of(parts)


def test_a_key_of_one_request(server: ScriptedServer) -> None:
    """A header of its own that holds one is as secret as the client's key."""
    key = "other-0123456789abcdef"
    headers = {"X-Api-Key": key, "X-Title": "a title"}
    server.will(says(f"{key} of a title"))
    chat = Conversation(client=AsyncApertis(KEY, server.url))

    assert f"{TAKEN} of a title" == chat.ask("x", extra_headers=headers).result().text
    with pytest.raises(HeldBack):
        chat.ask(f"Why not {key}?", extra_headers=headers)


@pytest.mark.parametrize(
    "delta",
    [
        {"images": [{"image_url": {"url": f"https://a.example/?key={KEY}"}}]},
        {"web_sources": [{"url": f"https://a.example/?key={KEY}", "title": KEY}]},
    ],
)
def test_an_address_that_repeats_it_is_not_grown(delta: dict[str, Any]) -> None:
    """Be it that of a picture or of a page."""
    assembly = Assembly()
    choices = [{"index": 0, "delta": delta}]
    assembly.add(ChatCompletionChunk({"choices": choices}))
    [piece] = Growth(Echo.of(KEY)).news(assembly)

    assert f"https://a.example/?key={TAKEN}" in str(piece.value)
    assert KEY not in str(piece)


@pytest.mark.parametrize("word", ["lm-studio", "not-needed", "token", "ollama-x"])
def test_a_word_is_not_cut_out_of_others(word: str, server: ScriptedServer) -> None:
    """What is given to servers without keys is one only where it stands alone."""
    others = f"{word}s, a{word}, {word}-server, my-{word}, _{word}, {word}2"
    server.will(whole(f"{others} and {word}."))
    turn = Conversation(client=AsyncApertis(word, server.url)).ask("x").result()
    alone = word if len(word) < 8 else TAKEN

    assert f"{others} and {alone}." == turn.text


@pytest.mark.parametrize("size", SIZES)
def test_a_word_is_not_cut_by_chunks(size: int) -> None:
    """What follows, and may come later, tells whether it ends there."""
    echo = Echo.of("not-needed")
    shown = []
    pieces = Pieces()
    for each in cut("It is not-needed-here, nor not-needed there, not-need", size):
        pieces.take("text", each)
        shown.append(texts_of(pieces, echo)["text"])
    whole_text = text_of(parts_of(pieces, echo))

    assert f"It is not-needed-here, nor {TAKEN} there, not-need" == whole_text
    assert [] == [text for text in shown if not whole_text.startswith(text)]


KEYS = st.from_regex(r"[!-~]{8,20}", fullmatch=True)


@given(data=st.data(), keys=st.lists(KEYS, min_size=1, max_size=3))
def test_any_key_in_any_pieces(data: st.DataObject, keys: list[str]) -> None:
    """What is seen before the end is a beginning of what is seen then, without keys.

    The journal's growth comes to the same, but for what still waits.
    """
    few = st.sampled_from(
        [*keys, *(key[:5] for key in keys), "a", " ", "\n", "</think>"]
    )
    texts = data.draw(st.lists(few | st.text(max_size=3), max_size=12))
    joined = "".join(texts)
    size = data.draw(st.integers(1, 9))
    echo, pieces = Echo.of(*keys), Pieces()
    assembly = Assembly()
    assembly.choices[0] = pieces
    growth, noted = Growth(echo), list[Piece]()
    for piece in cut(joined, size):
        pieces.take("text", piece)
        noted += growth.news(assembly)
    regrown_text = "".join(piece.value for piece in noted)

    assert echo.growing(joined) == regrown_text
    assert [] == [key for key in keys if key in regrown_text and key not in TAKEN]


@given(
    st.lists(
        st.sampled_from(["text", "reasoning", "refusal"]), min_size=1, max_size=40
    ),
    st.integers(1, 5),
)
def test_halves_with_others_between(kinds: list[str], size: int) -> None:
    """A key whose pieces come between those of another kind is one all the same."""
    pieces, left = Pieces(), {kind: cut(HELD, size) for kind in set(kinds)}
    for kind in kinds:
        if left[kind]:
            pieces.take(kind, left[kind].pop(0))
    for kind, rest in left.items():
        for each in rest:
            pieces.take(kind, each)
    [parts] = answers_of({0: pieces}, echo=Echo.of(KEY))
    texts: dict[str, str] = {}
    for part in parts:
        name = type(part).__name__.lower()
        texts[name] = texts.get(name, "") + part.text  # type: ignore[union-attr]

    assert dict.fromkeys(set(kinds), SHOWN) == texts


def test_a_call_that_repeats_it_is_not_grown() -> None:
    """The journal has a call in pieces: one with a key is kept at its end alone."""
    echo, assembly = Echo.of(KEY), Assembly()
    growth = Growth(echo)
    noted: list[Piece] = []
    for each in cut(HELD, 4):
        call = {"index": 0, "function": {"name": "f", "arguments": each}}
        delta = {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]}
        assembly.add(ChatCompletionChunk(delta))
        noted += growth.news(assembly)

    assert KEY[:4] not in str(regrown(noted)[0].calls.to_list())
    assert SHOWN == answers_of(assembly.choices, echo=echo)[0][0].arguments  # type: ignore[union-attr]
