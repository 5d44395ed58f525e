"""Asking again, taking back, forking, and answers from the journal: a real server."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_server import (
    DONE,
    NEVER,
    PATIENCE,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    fails,
    says,
)

from apertis_magic import AsyncApertis, Conversation, errors
from apertis_magic.chat.ask import unseen
from apertis_magic.chat.history import Placement
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.turn import Cell


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """Yield a journal of this test's own."""
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


def cell(name: str, execution: int) -> Placement:
    """Return where the cell *name* asks, in one of its executions."""
    return Placement(cell=Cell(name, f"{name}-{execution}"))


def test_a_retry_asks_the_same_again(server: ScriptedServer) -> None:
    """With its options, in its place, and from the same cell."""
    server.will(says("one"), says("two"), says("better"))
    chat = Conversation(system="Be brief.")
    chat.ask("first", placement=cell("c1", 1)).result()
    chat.ask(
        "second", placement=cell("c2", 1), temperature=0, last_turns=0, model="gpt-5"
    ).result()
    turn = chat.retry().result()
    _, before, again = server.requests

    assert before.body == again.body
    assert ("better", "c2", 0) == (turn.text, turn.cell, turn.question.last_turns)
    assert ["one", "better"] == [each.text for each in chat.turns]


def test_a_retry_with_other_options(server: ScriptedServer) -> None:
    """What is given replaces what was; a new system prompt holds too."""
    server.will(says("one"), says("two"))
    chat = Conversation()
    chat.ask("x", temperature=0, seed=1, model="gpt-5").result()
    chat.system = "Be kind."
    chat.retry(model="other", temperature=1).result()
    again = server.requests[-1].body

    assert ("other", 1, 1) == (again["model"], again["temperature"], again["seed"])
    assert [("system", "Be kind."), ("user", "x")] == server.messages[-1]


def test_a_failed_question_is_asked_again(server: ScriptedServer) -> None:
    """Also where it was to replace an answer, which stays until there is another."""
    server.will(says("old"), fails(400), says("new"))
    chat = Conversation()
    chat.ask("first", placement=cell("c1", 1)).result()
    with pytest.raises(errors.BadRequest):
        chat.ask("edited", placement=cell("c1", 2)).result()

    assert ["old"] == [turn.text for turn in chat.turns]

    chat.retry().result()

    assert [("edited", "new", "c1")] == [(t.prompt, t.text, t.cell) for t in chat.turns]


def test_a_retry_that_fails_keeps_the_answer(server: ScriptedServer) -> None:
    """And the next one asks the same question still."""
    server.will(says("old"), fails(400), says("new"))
    chat = Conversation()
    chat.ask("x").result()
    with pytest.raises(errors.BadRequest):
        chat.retry().result()

    assert ["old"] == [turn.text for turn in chat.turns]

    chat.retry().result()

    assert ["new"] == [turn.text for turn in chat.turns]


def test_a_failed_question_outlives_a_new_name(server: ScriptedServer) -> None:
    """It is the one that is asked again."""
    server.will(says("old"), fails(400), says("new"))
    chat = Conversation()
    chat.ask("first", placement=cell("c1", 1)).result()
    with pytest.raises(errors.BadRequest):
        chat.ask("edited", placement=cell("c1", 2)).result()
    chat.transcript.rename("other")

    assert "edited" == chat.retry().result().prompt


def test_nothing_to_retry(server: ScriptedServer) -> None:
    """It is told before anything is sent; what was reset is no question any more."""
    server.will(says("a"))
    chat = Conversation()
    with pytest.raises(errors.ConfigurationError, match="Nothing was asked"):
        chat.retry()
    chat.ask("x").result()
    chat.reset()
    with pytest.raises(errors.ConfigurationError, match="Nothing was asked"):
        chat.retry()

    assert 1 == len(server.requests)


def test_a_retry_differs_for_a_cache_of_requests() -> None:
    """Apertis answers the same request from a cache; nobody else is sent anything."""
    here, there = "https://api.apertis.ai/v1", "http://127.0.0.1:1/v1"
    seeds = [unseen(here, {})["seed"] for _ in range(3)]

    assert 3 == len(set(seeds))
    assert {"user"} == set(unseen(here, {"seed": 1}))
    assert {} == unseen(there, {})


def test_any_question_is_asked_again(server: ScriptedServer) -> None:
    """In its place, after the turns before it alone; those after it are stale."""
    server.will(says("one"), says("two"), says("three"), says("better"))
    chat = Conversation()
    first, second, third = (
        chat.ask(prompt, placement=cell(prompt, 1), temperature=heat).result()
        for prompt, heat in (("a", None), ("b", 0), ("c", None))
    )
    turn = chat.retry(second.id).result()

    assert server.requests[1].body == server.requests[3].body
    assert ["one", "better", "three"] == [each.text for each in chat.turns]
    assert ("b", "b", 0) == (turn.prompt, turn.cell, turn.options["temperature"])
    assert frozenset({third.id}) == chat.state.stale
    assert (turn, first) == (
        chat.transcript.last_asked,
        chat.transcript.find_turn(first.id),
    )


def test_a_failed_try_is_asked_again_by_its_own_name(server: ScriptedServer) -> None:
    """And the answer that it did not replace by that one's."""
    server.will(says("old"), says("last"), fails(400), says("new"), says("older"))
    chat = Conversation()
    old = chat.ask("first").result()
    chat.ask("second").result()
    failed = chat.ask("edited", placement=Placement(replaces=old.id))
    failed.wait()
    former = chat.transcript.find_turn(old.id)

    assert ["old", "last"] == [turn.text for turn in chat.turns]
    assert "first" == former.prompt

    edited = chat.retry(failed.id).result()

    assert ["new", "last"] == [turn.text for turn in chat.turns]
    assert "edited" == edited.prompt


def test_an_edited_question_stands_where_it_stood(server: ScriptedServer) -> None:
    """In its cell, after the turns before it alone; those after it are stale."""
    server.will(says("one"), says("two"), says("three"), says("edited"), says("own"))
    chat = Conversation()
    turns = [
        chat.ask(name, placement=cell(name, 1)).result() for name in ("a", "b", "c")
    ]
    turn = chat.ask("b, please", placement=Placement(replaces=turns[1].id)).result()

    assert server.messages[3] == [
        ("user", "a"),
        ("assistant", "one"),
        ("user", "b, please"),
    ]
    assert [("a", "a"), ("b, please", "b"), ("c", "c")] == [
        (each.prompt, each.cell) for each in chat.turns
    ]
    assert frozenset({turns[2].id}) == chat.state.stale
    assert turn == chat.turns[1]

    chat.ask("b by its cell", placement=cell("b", 2)).result()

    assert ["a", "b by its cell", "c"] == [each.prompt for each in chat.turns]


def test_any_answer_that_was_cut_off_goes_on(server: ScriptedServer) -> None:
    """In its place; one that is complete, or of which nothing came, does not."""
    server.will(
        says("half", finish="length"), fails(400), says("whole"), says(" and more")
    )
    chat = Conversation()
    half = chat.ask("a").result()
    nothing = chat.ask("b")
    nothing.wait()
    whole = chat.ask("c").result()
    for wrong, why in (
        (whole.id, "That answer is complete"),
        (nothing.id, "Nothing of it came"),
        ("unknown", "no such turn"),
        (None, "The last answer is complete"),
    ):
        with pytest.raises(errors.ConfigurationError, match=why):
            chat.resume(wrong)

    assert 3 == len(server.requests)

    chat.resume(half.id).result()

    assert ["half and more", "", "whole"] == [turn.text for turn in chat.turns]
    assert [("user", "a"), ("assistant", "half")] == server.messages[-1][:2]


def test_a_turn_that_is_not_there(server: ScriptedServer) -> None:
    """It is told in one line, and nothing is sent or changed."""
    server.will(says("a"))
    chat = Conversation()
    chat.ask("x").result()
    gone, _ = chat.transcript.drop(chat.turns[0].id)
    chat.ask("y").result()
    before = chat.state
    for way in (
        chat.retry,
        chat.resume,
        chat.transcript.drop,
        chat.transcript.find_turn,
    ):
        with pytest.raises(errors.ConfigurationError, match="no such turn in main"):
            way(gone.turn.id)
    with pytest.raises(errors.ConfigurationError, match="no such turn in main"):
        chat.fork("idea", through=gone.turn.id)

    assert before == chat.state
    assert 2 == len(server.requests)


def test_a_turn_that_is_dropped_can_be_put_back(
    server: ScriptedServer, journal: Journal
) -> None:
    """Meanwhile it is not sent and is a version; then all is as it was."""
    server.will(says("a"))
    chat = Conversation(journal=journal)
    for prompt in ("x", "y", "z"):
        chat.ask(prompt, placement=cell(prompt, 1)).result()
    before = chat.state
    entry, at = chat.transcript.drop(before.turns[1].id)
    journal.flush(PATIENCE)

    assert ("y", 1) == (entry.turn.prompt, at)
    assert ["x", "z"] == [turn.prompt for turn in chat.turns]
    assert [entry] == list(journal.versions(chat.state.id))
    assert chat.state == journal.read(chat.state.id)

    chat.transcript.put_back(entry, at)
    chat.transcript.put_back(entry, at)
    journal.flush(PATIENCE)

    assert before == chat.state
    assert () == journal.versions(chat.state.id)
    assert before == journal.read(chat.state.id)


@pytest.mark.parametrize(("at", "expected"), [(-3, "xy"), (0, "xy"), (9, "yx")])
def test_a_turn_is_put_back_where_there_is_room(
    server: ScriptedServer, at: int, expected: str
) -> None:
    """However many others were taken out meanwhile."""
    server.will(says("a"))
    chat = Conversation()
    for prompt in ("x", "y"):
        chat.ask(prompt).result()
    entry, _ = chat.transcript.drop(chat.turns[0].id)
    chat.transcript.put_back(entry, at)

    assert expected == "".join(turn.prompt for turn in chat.turns)


def test_what_was_put_back_is_as_old_as_it_was(server: ScriptedServer) -> None:
    """What was asked meanwhile is the last question, and no turn is stale for it."""
    server.will(says("a"))
    chat = Conversation()
    for prompt in ("x", "y"):
        chat.ask(prompt).result()
    dropped = [chat.transcript.drop(turn.id) for turn in reversed(chat.turns)]
    chat.ask("z").result()
    for entry, at in reversed(dropped):
        chat.transcript.put_back(entry, at)

    assert ["x", "y", "z"] == [turn.prompt for turn in chat.turns]
    assert frozenset() == chat.state.stale
    assert chat.turns[2] == chat.state.newest == chat.transcript.last_asked


def test_a_dropped_question_is_the_last_no_more(server: ScriptedServer) -> None:
    """Nor is a try in its place that failed; another's stays the last."""
    server.will(says("one"), says("two"), fails(400))
    chat = Conversation()
    first, second = (chat.ask(prompt).result() for prompt in ("x", "y"))
    chat.ask("edited", placement=Placement(replaces=second.id)).wait()
    entry, at = chat.transcript.drop(first.id)

    assert "edited" == chat.transcript.find_turn().prompt

    chat.transcript.put_back(entry, at)

    assert "edited" == chat.transcript.find_turn().prompt

    chat.transcript.drop(second.id)

    assert "x" == chat.transcript.find_turn().prompt


def test_a_version_of_it_is_there_already(server: ScriptedServer) -> None:
    """Then what is put back would stand there twice."""
    server.will(says("old"), says("new"))
    chat = Conversation()
    turn = chat.ask("x").result()
    dropped = chat.transcript.drop(turn.id)
    chat.transcript.put_back(*dropped)
    chat.retry(turn.id).result()
    chat.transcript.put_back(*dropped)

    assert ["new"] == [each.text for each in chat.turns]


def test_a_turn_that_is_asked_again_twice_stays_one(
    server: ScriptedServer, journal: Journal
) -> None:
    """The second answer replaces the first, though that was not there when asked."""
    go = threading.Event()
    server.will(
        says("old"),
        says("other"),
        says("first"),
        Answer((Wait(go), chunk("second", finish="stop"), DONE)),
        Answer((chunk("third"), NEVER)),
    )
    chat = Conversation(journal=journal)
    first = chat.ask("x").result()
    chat.ask("y").result()
    turn = chat.retry(first.id).result()
    again = chat.retry(turn.id)
    server.wait_for(4)
    edited = chat.ask("z", placement=Placement(replaces=turn.id))

    assert [first.id, first.id] == [
        each.ask.placement.replaces for each in chat.under_way
    ]

    go.set()
    again.result()
    server.wait_for(5)
    while ["third", "other"] != [t.text for t in journal.read(chat.state.id).turns]:
        assert not edited.done

    edited.settle()

    assert ["third", "other"] == [each.text for each in chat.turns]
    assert ["x", "x", "z"] == [messages[0][1] for messages in server.messages[2:]]


def test_an_answer_outlives_the_turn_it_was_to_replace(server: ScriptedServer) -> None:
    """It was paid for: it stands at the end, and what was dropped can come back."""
    go = threading.Event()
    server.will(
        says("one"), says("two"), Answer((Wait(go), chunk("new", finish="stop"), DONE))
    )
    chat = Conversation()
    first = chat.ask("x").result()
    chat.ask("y").result()
    reply = chat.retry(first.id)
    server.wait_for(3)
    dropped = chat.transcript.drop(first.id)
    go.set()
    reply.result()
    chat.transcript.put_back(*dropped)

    assert ["one", "two", "new"] == [turn.text for turn in chat.turns]


def test_undo_takes_the_last_turns_back(server: ScriptedServer) -> None:
    """As many as are there; the next question sees what is left."""
    server.will(says("a"))
    chat = Conversation()
    for prompt in ("x", "y", "z"):
        chat.ask(prompt).result()

    assert ["y", "z"] == [turn.prompt for turn in chat.undo(2)]

    chat.ask("w").result()

    assert [("user", "x"), ("assistant", "a"), ("user", "w")] == server.messages[-1]
    assert ["x", "w"] == [turn.prompt for turn in chat.undo(9)]
    assert () == chat.undo()


def test_a_fork_goes_its_own_way(server: ScriptedServer) -> None:
    """What is asked in one is not in the other, and a cell has a view of each."""
    server.will(says("a"))
    chat = Conversation("gpt-5", "Be brief.")
    chat.ask("x", placement=cell("c1", 1)).result()
    other = chat.fork("idea")
    other.ask("changed", placement=cell("c1", 2)).result()
    chat.ask("y").result()

    assert ["changed"] == [turn.prompt for turn in other.turns]
    assert ["x", "y"] == [turn.prompt for turn in chat.turns]
    assert ("gpt-5", "Be brief.", "idea") == (other.model, other.system, other.name)


def test_a_fork_from_any_turn(server: ScriptedServer, journal: Journal) -> None:
    """It shares the turns up to and including that one."""
    server.will(says("a"))
    chat = Conversation("gpt-5", "Be brief.", journal=journal)
    for prompt in ("x", "y", "z"):
        chat.ask(prompt).result()
    before = chat.state
    other = chat.fork("idea", through=chat.turns[1].id)
    forked = other.state
    journal.flush(PATIENCE)

    assert chat.turns[:2] == other.turns
    assert ("gpt-5", "Be brief.", "idea") == (other.model, other.system, other.name)
    assert forked == journal.read(forked.id)
    assert before == chat.state == journal.read(before.id)


@pytest.mark.parametrize(
    ("number", "sent"), [(0, []), (1, ["y"]), (2, ["x", "y"]), (9, ["x", "y"])]
)
def test_history_bounds_what_is_sent(
    server: ScriptedServer, number: int, sent: list[str]
) -> None:
    """The last turns with text; one without is not counted."""
    server.will(says("a"), says("a"), Answer((Cut(),)), says("a"))
    chat = Conversation(system="Be brief.")
    chat.ask("x").result()
    chat.ask("y").result()
    with pytest.raises(errors.ApertisError):
        chat.ask("lost").result()
    chat.ask("now", last_turns=number).result()
    before = [text for role, text in server.messages[-1][:-1] if role == "user"]

    assert sent == before
    assert ("system", "Be brief.") == server.messages[-1][0]
    assert 4 == len(chat.turns)


def test_the_same_request_is_answered_by_the_journal(
    server: ScriptedServer, journal: Journal
) -> None:
    """As it was answered then, in another kernel and without the server."""
    server.will(says("one"), says("two"))
    chat = Conversation(journal=journal)
    asked = chat.ask("x", temperature=0).result()
    chat.ask("y").result()
    journal.flush(PATIENCE)
    again = Conversation(journal=journal)
    first = again.ask("x", temperature=0, cached_since=0).result()
    second = again.ask("y", cached_since=0).result()

    assert 2 == len(server.requests)
    assert ("one", "two") == (first.text, second.text)
    assert (True, asked.usage, "served", "stop") == (
        first.cached,
        first.usage,
        first.model,
        first.finish,
    )
    assert (asked.id, asked.started, asked.elapsed) == (
        first.id,
        first.started,
        first.elapsed,
    )


def test_odd_options_are_asked_with(server: ScriptedServer, journal: Journal) -> None:
    """What cannot be sorted is sent, and kept, but never answered by the journal."""
    server.will(says("one"))
    chat = Conversation(journal=journal)
    for _ in range(2):
        chat.ask("x", extra_body={1: 2, "a": 3}, cached_since=0, once=True).result()
        journal.flush(PATIENCE)

    assert [{"1": 2, "a": 3}] * 2 == [
        {k: v for k, v in request.body.items() if k in ("1", "a")}
        for request in server.requests
    ]
    assert ("", 2) == (journal.problem, journal.size().turns)


@pytest.mark.parametrize(
    "other",
    [
        {"prompt": "other"},
        {"temperature": 0},
        {"model": "gpt-5"},
        {"system": "Be brief."},
        {"extra_body": {"top_k": 1}},
        {"cached_since": 4e9},
        {"cached_since": None},
        {"client": AsyncApertis(base_url="http://127.0.0.1:9/v1", max_retries=0)},
    ],
    ids=str,
)
def test_another_request_is_asked(
    server: ScriptedServer, journal: Journal, other: dict[str, object]
) -> None:
    """Whatever differs, or is too old, or is not wanted."""
    server.will(says("one"), says("two"))
    Conversation(journal=journal).ask("x").result()
    journal.flush(PATIENCE)
    asked: dict[str, object] = {"prompt": "x", "cached_since": 0, **other}
    reply = Conversation(journal=journal).ask(**asked)  # type: ignore[arg-type]  # a table
    reply.wait()

    assert not (reply.turn and reply.turn.cached)
    assert ("client" in other) or 2 == len(server.requests)


def test_headers_may_change_the_answer(
    server: ScriptedServer, journal: Journal
) -> None:
    """What was asked with other headers is asked for."""
    server.will(says("one"), says("two"))
    chat = Conversation(journal=journal)
    for text, team in (("one", "a"), ("two", "b")):
        reply = chat.ask("x", once=True, cached_since=0, extra_headers={"X-Team": team})

        assert text == reply.result().text

        journal.flush(PATIENCE)


def test_going_on_from_the_journal_costs_what_was_sent(
    server: ScriptedServer, journal: Journal
) -> None:
    """The first half was paid for once, and is the same turn."""
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "cost": 0.5}
    server.will(
        says("half", finish="length", usage=usage),
        says(" more", usage={**usage, "cost": 0.25}),
    )
    Conversation(journal=journal).ask("x").result()
    journal.flush(PATIENCE)
    chat = Conversation(journal=journal)
    chat.ask("x", cached_since=0).result()
    turn = chat.resume().result()

    journal.flush(PATIENCE)

    assert ("half more", 0.75, False) == (turn.text, turn.cost, turn.cached)
    assert 0.75 == journal.spent().cost


def test_only_whole_answers_are_given_again(
    server: ScriptedServer, journal: Journal
) -> None:
    """Not one that broke off, nor a blank one; a retry always asks the server."""
    server.will(Answer((chunk("half"), Cut())), says(""), says("one"), says("two"))
    chat = Conversation(journal=journal)
    with pytest.raises(errors.ConnectionFailed):
        chat.ask("x").result()
    chat.reset()
    for text in ("", "one"):
        chat.reset()
        journal.flush(PATIENCE)

        assert text == chat.ask("x", cached_since=0).result().text

    assert "two" == chat.retry().result().text
    assert 4 == len(server.requests)


def test_a_journal_that_cannot_be_read_answers_nothing(
    server: ScriptedServer, tmp_path: Path
) -> None:
    """The server is asked then."""
    server.will(says("one"))
    (tmp_path / "journal.sqlite").write_bytes(b"no database" * 1000)
    journal = Journal(tmp_path / "journal.sqlite")
    turn = Conversation(journal=journal).ask("x", cached_since=0).result()

    assert ("one", False) == (turn.text, turn.cached)

    journal.close()


def test_the_journal_has_what_is_under_way(
    server: ScriptedServer, journal: Journal
) -> None:
    """The question before it is sent, the answer as it grows, then the whole turn."""
    more = threading.Event()
    server.will(says("one"), Answer((chunk("ha"), chunk("lf"), Wait(more), NEVER)))
    chat = Conversation(journal=journal)
    chat.ask("x").result()
    reply = chat.ask("y")
    while "half" not in [turn.text for turn in journal.read(chat.state.id).turns]:
        assert not reply.done

    turns = journal.read(chat.state.id).turns

    assert [("x", "stop"), ("y", "interrupted")] == [
        (t.prompt, t.finish) for t in turns
    ]

    more.set()
    reply.settle()
    journal.flush(PATIENCE)

    assert chat.state == journal.read(chat.state.id)


def test_going_on_is_under_way_too(server: ScriptedServer, journal: Journal) -> None:
    """The first half is there once, and what came after it."""
    server.will(says("first half, ", finish="length"), Answer((chunk("then"), NEVER)))
    chat = Conversation(journal=journal)
    chat.ask("x").result()
    reply = chat.resume()
    while "first half, then" != journal.read(chat.state.id).turns[0].text:
        assert not reply.done

    reply.settle()
    journal.flush(PATIENCE)

    assert ["first half, then"] == [t.text for t in journal.read(chat.state.id).turns]


def test_what_left_the_conversation_is_a_version(
    server: ScriptedServer, journal: Journal
) -> None:
    """Replaced, failed, undone and asked once: all of it is kept."""
    server.will(says("one"), says("two"), fails(400), says("three"), says("once"))
    chat = Conversation(journal=journal)
    chat.ask("x", placement=cell("c1", 1)).result()
    chat.ask("x2", placement=cell("c1", 2)).result()
    with pytest.raises(errors.BadRequest):
        chat.ask("x3", placement=cell("c1", 3)).result()
    chat.ask("y").result()
    chat.undo()
    chat.ask("alone", once=True).result()
    journal.flush(PATIENCE)
    former = journal.versions(chat.state.id)
    [now] = chat.state.history

    assert ["x", "x3", "y"] == [entry.turn.prompt for entry in former]
    assert [now.slot, now.slot] == [entry.slot for entry in former[:2]]
    assert 4 == journal.size().turns


def test_a_fork_has_the_versions_up_to_here(
    server: ScriptedServer, journal: Journal
) -> None:
    """What is replaced after that is a version in one of them alone."""
    server.will(says("a"))
    chat = Conversation(journal=journal)
    for run in range(3):
        chat.ask(f"{run}", placement=cell("c1", run)).result()
    other = chat.fork("idea")
    other.ask("3", placement=cell("c1", 3)).result()
    journal.flush(PATIENCE)
    versions = [
        [entry.turn.prompt for entry in journal.versions(talk.state.id)]
        for talk in (chat, other)
    ]

    assert [["0", "1"], ["0", "1", "2"]] == versions


@pytest.mark.parametrize("start_over", ["reset", "fresh"])
def test_starting_over_leaves_the_former_in_the_journal(
    server: ScriptedServer, journal: Journal, start_over: str
) -> None:
    """As a conversation of its own, which is over."""
    server.will(says("a"))
    chat = Conversation(journal=journal)
    chat.ask("x").result()
    former = chat.state.id
    if start_over == "reset":
        chat.reset()
    chat.ask("y", placement=Placement(start_over=start_over == "fresh")).result()
    journal.flush(PATIENCE)
    kept = {each.id: each for each in journal.conversations()}

    assert (True, 1) == (kept[former].dropped, kept[former].turns)
    assert ["y"] == [turn.prompt for turn in journal.read(chat.state.id).turns]
    assert not kept[chat.state.id].dropped


def test_a_cell_that_starts_over_keeps_its_versions(
    server: ScriptedServer, journal: Journal
) -> None:
    """Twenty runs of it alone leave one turn and nineteen versions."""
    server.will(says("a"))
    chat = Conversation(journal=journal)
    for run in range(20):
        here = Cell("c1", str(run))
        chat.ask(f"{run}", placement=Placement(cell=here, start_over=True)).result()
        chat.transcript.end_execution(str(run))
    journal.flush(PATIENCE)
    slots = {entry.slot for entry in journal.versions(chat.state.id)}

    assert 1 == len(journal.conversations())
    assert 19 == len(journal.versions(chat.state.id))
    assert {chat.state.history[0].slot} == slots
