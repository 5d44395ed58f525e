"""Conversations against a real server: history, replacement, stopping, failing."""

import os
import threading
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    DONE,
    PATIENCE,
    PHASES,
    Answer,
    Cut,
    ScriptedServer,
    Wait,
    chunk,
    event,
    fails,
    says,
    whole,
)
from turns import turn_of

from apertis_magic import AsyncApertis, Conversation, errors
from apertis_magic.chat import history
from apertis_magic.chat.history import Placement
from apertis_magic.chat.question import Question
from apertis_magic.chat.turn import Cell
from apertis_magic.panel.rows import Row, ended_turn
from apertis_magic.render.footer import footer_line


def cell(name: str, execution: str) -> Cell:
    """Return the cell *name* in one of its executions."""
    return Cell(name, f"{name}-{execution}")


def test_a_conversation_grows_by_whole_turns(server: ScriptedServer) -> None:
    """Each question sees the turns before it, and the system prompt first."""
    server.will(says("one"), says("two"))
    chat = Conversation(system="Be brief.")
    first = chat.ask("first").result()
    chat.ask("second").result()

    assert ("first", "one", "stop") == (first.prompt, first.text, first.finish)
    assert ("one", "gpt-4.1-mini", "served") == (
        str(first),
        first.asked_model,
        first.model,
    )
    assert (7, server.url) == (first.usage and first.usage.total_tokens, first.base_url)
    assert [
        [("system", "Be brief."), ("user", "first")],
        [
            ("system", "Be brief."),
            ("user", "first"),
            ("assistant", "one"),
            ("user", "second"),
        ],
    ] == server.messages


def test_the_environment_names_a_model(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does for cells; a conversation's own model goes before it."""
    server.will(says("a"))
    monkeypatch.setenv("APERTIS_MODEL", "chosen")
    Conversation().ask("a").result()
    Conversation(model="own").ask("a").result()

    assert ["chosen", "own"] == [each.body["model"] for each in server.requests]


def test_what_is_typed_reaches_the_server(server: ScriptedServer) -> None:
    """Byte for byte, whatever is in it."""
    server.will(says("a"))
    odd = "  {x} $HOME \\frac{a}{b}\t\u2028\U0001f600 %s\n\n```\n>>> 1\n"
    Conversation().ask(odd).result()

    assert [[("user", odd)]] == server.messages


def test_usage_is_asked_for_and_nothing_else(server: ScriptedServer) -> None:
    """The one field sent unasked is the one that the footer needs."""
    server.will(says("a"), whole("b"))
    chat = Conversation("m")
    chat.ask("x", temperature=0, top_p=None).result()
    chat.ask("x", stream=False).result()
    first, second = (request.body for request in server.requests)
    del first["messages"], second["messages"]

    assert {
        "model": "m",
        "temperature": 0,
        "stream": True,
        "stream_options": {"include_usage": True},
    } == first
    assert {"model": "m"} == second


def test_a_server_that_refuses_stream_options(server: ScriptedServer) -> None:
    """It is asked once more without them, and from then on without."""
    server.will(fails(400, "unknown field stream_options"), says("a"), says("b"))
    chat = Conversation()

    assert "a" == chat.ask("x").result().text
    assert "b" == chat.ask("y").result().text
    assert [True, False, False] == [
        "stream_options" in request.body for request in server.requests
    ]


@pytest.mark.parametrize("param", ["temperature", None])
def test_a_refusal_for_another_reason_is_told(
    server: ScriptedServer, param: str | None
) -> None:
    """What the server refuses for its own reason is not asked for twice."""
    server.will(fails(400, "too hot", param=param))
    with pytest.raises(errors.BadRequest, match="too hot"):
        Conversation().ask("x", temperature=2).result()

    assert 1 == len(server.requests)


def test_another_server_on_this_machine_is_not_the_local_model(
    server: ScriptedServer,
) -> None:
    """Neither footer nor panel calls a gateway's answer local."""
    server.will(says("a"))
    turn = Conversation("m").ask("x").result()

    assert turn.base_url.startswith("http://127.0.0.1:")
    assert not turn.local
    assert footer_line(turn).startswith("served (asked: m) · ")
    assert ended_turn(Row(turn))["footer"] == footer_line(turn)


def test_nothing_wrong_is_sent(server: ScriptedServer) -> None:
    """An empty message or a value out of range ends before the request."""
    chat = Conversation(system="old")
    wrongs: list[dict[str, Any]] = [
        {"prompt": " \n"},
        {"prompt": "x", "temperature": 3},
    ]
    for wrong in wrongs:
        with pytest.raises(errors.ConfigurationError):
            chat.ask(**wrong, system="new", placement=Placement(start_over=True))

    assert [] == server.requests
    assert "old" == chat.system


def test_half_a_character_is_mended(server: ScriptedServer) -> None:
    """In the question, and where a server cuts an emoji between two pieces."""
    server.will(says("a\ud83d", "\ude00b", "\ud83d"))
    turn = Conversation().ask("x\ud83d").result()

    assert [[("user", "x\ufffd")]] == server.messages
    assert ("x\ufffd", "a\U0001f600b\ufffd") == (turn.prompt, turn.text)


def test_starting_over_costs_nothing_until_something_comes(
    server: ScriptedServer,
) -> None:
    """A key that has expired must not cost the conversation."""
    server.will(says("one"), fails(401), says("two"))
    chat = Conversation()
    chat.ask("first").result()
    with pytest.raises(errors.AuthenticationError):
        chat.ask("second", placement=Placement(start_over=True)).result()

    assert ["first", "second"] == [turn.prompt for turn in chat.turns]
    assert [("user", "second")] == server.messages[1]

    chat.ask("third", placement=Placement(start_over=True)).result()

    assert ["third"] == [turn.prompt for turn in chat.turns]


def test_starting_over_with_a_refusal_is_starting_over(server: ScriptedServer) -> None:
    """What the server answers counts, text or not."""
    refusal = Answer((chunk(delta={"refusal": "no"}, finish="stop"), DONE))
    server.will(says("one"), refusal)
    chat = Conversation()
    chat.ask("first").result()
    chat.ask("second", placement=Placement(start_over=True)).result()

    assert ["second"] == [turn.prompt for turn in chat.turns]


def test_an_answer_is_not_lost_to_a_failure(server: ScriptedServer) -> None:
    """A cell that runs again and fails before the first word keeps its turn."""
    server.will(says("A"), fails(500, headers={"Retry-After": "999"}), says("A2"))
    chat = Conversation()
    chat.ask("a", placement=Placement(cell=cell("1", "x"))).result()
    with pytest.raises(errors.ServerError):
        chat.ask("a", placement=Placement(cell=cell("1", "y"))).result()
    chat.transcript.end_execution("1-y")

    assert ["A"] == [turn.text for turn in chat.turns]

    chat.ask("a", placement=Placement(cell=cell("1", "z"))).result()

    assert ["A2"] == [turn.text for turn in chat.turns]


class Unforeseen(AsyncApertis):
    """A client that fails as no client should, after some text."""

    @property
    def chat(self) -> Any:
        raise ZeroDivisionError("of all things")

    @chat.setter
    def chat(self, _: Any) -> None:
        """Take what the real one sets."""


def test_the_unforeseen_is_a_failed_turn(server: ScriptedServer) -> None:
    """Nobody waits for ever, the cause is told, and the next question works."""
    server.will(says("next"))
    chat = Conversation()
    reply = chat.ask("x", client=Unforeseen(base_url=server.url))
    with pytest.raises(errors.ApertisError, match="of all things") as caught:
        reply.result()

    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "error" == chat.turns[0].finish
    assert "next" == chat.ask("y").result().text


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_does_not_wait_for_its_parents_answer(server: ScriptedServer) -> None:
    """It would wait for ever; it is told so, and asks on its own."""
    server.will(Answer((Wait(threading.Event()),)), says("of its own"))
    reply = Conversation().ask("x")
    server.wait_for(1)
    child = os.fork()
    if not child:
        try:
            reply.wait()
        except errors.ApertisError:
            alone = "of its own" == Conversation().ask("y").result().text
            os._exit(0 if alone else 2)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    reply.stop()

    assert 0 == os.waitstatus_to_exitcode(status)


def test_fields_that_the_client_does_not_know(server: ScriptedServer) -> None:
    """They go along in ``extra_body``; elsewhere they are refused, and that is told."""
    server.will(says("a"))
    turn = Conversation().ask("x", temperature=0, extra_body={"top_k": 5}).result()
    with pytest.raises(errors.ConfigurationError, match="no parameter top_k") as caught:
        Conversation().ask("x", top_k=5)

    assert (5, 0) == (server.requests[0].body["top_k"], turn.options["temperature"])
    assert "extra_body" not in server.requests[0].body
    assert "extra_body" in caught.value.hint
    assert 1 == len(server.requests)


@pytest.mark.parametrize("value", [float("inf"), {1, 2}, b"x"])
def test_a_field_that_is_no_json(server: ScriptedServer, value: Any) -> None:
    """It is told in one line, and nothing is sent."""
    with pytest.raises(errors.ConfigurationError, match="no JSON"):
        Conversation().ask("x", metadata={"a": value}).result()

    assert [] == server.requests


def test_updates_give_snapshots_and_end_with_the_whole(server: ScriptedServer) -> None:
    """Each look shows the text so far, and the last one all of it."""
    go = threading.Event()
    server.will(Answer((chunk("a"), Wait(go), chunk("b"), chunk("c"), DONE)))
    seen = []
    for text in Conversation().ask("x").updates(every=0):
        seen.append(text)
        go.set()

    assert "a" == seen[0]
    assert "abc" == seen[-1]
    assert all(later.startswith(text) for text, later in pairwise(seen))


def test_leaving_the_updates_stops_the_answer(server: ScriptedServer) -> None:
    """The connection closes, and what had come is a turn."""
    server.will(Answer((chunk("half"), Wait(threading.Event()))))
    chat = Conversation()
    reply = chat.ask("x")
    for _ in reply.updates():
        break

    assert server.hung_up.wait(PATIENCE)
    assert ("half", "interrupted") == (reply.result().text, reply.result().finish)
    assert (reply.turn,) == chat.turns


@pytest.mark.parametrize(("answer", "text"), PHASES.values(), ids=PHASES)
def test_stop_ends_an_answer_in_every_phase(
    server: ScriptedServer, answer: Answer, text: str
) -> None:
    """At once, without an exception, and the next question works."""
    server.will(answer, says("next"))
    chat = Conversation()
    reply = chat.ask("x")
    server.wait_for(1)
    if text:
        next(reply.updates())
    reply.stop()
    reply.stop()
    turn = reply.result()

    assert (text, "interrupted", "") == (turn.text, turn.finish, turn.error)
    assert "next" == chat.ask("y").result().text


def test_a_heartbeat_of_0_is_none(server: ScriptedServer) -> None:
    """It does not look again and again while nothing comes."""
    go = threading.Event()
    server.will(Answer((Wait(go), *says("a").steps)))
    reply = Conversation().ask("x")
    server.wait_for(1)
    threading.Timer(0.2, go.set).start()

    assert 20 > len(list(reply.progress(heartbeat=0)))


def test_stop_before_the_beginning(server: ScriptedServer) -> None:
    """A reply that is stopped as soon as it is made ends all the same."""
    server.will(says("a"))
    for _ in range(50):
        reply = Conversation().ask("x")
        reply.stop()

        assert reply.result().finish in ("interrupted", "stop")


@pytest.mark.parametrize(
    ("answer", "text", "kind"),
    [
        (Answer((chunk("half"), Cut())), "half", errors.ConnectionFailed),
        (Answer((chunk("half"),)), "half", errors.IncompleteAnswer),
        (fails(401), "", errors.AuthenticationError),
    ],
)
def test_a_failed_turn_is_kept(
    server: ScriptedServer, answer: Answer, text: str, kind: type[Exception]
) -> None:
    """What came is sent later; a turn without any text is not, so roles alternate."""
    server.will(answer, says("next"))
    chat = Conversation()
    reply = chat.ask("x")
    with pytest.raises(kind):
        reply.result()
    chat.ask("y").result()
    kept = [("user", "x"), ("assistant", "half")] if text else []

    assert reply.turn is not None
    assert (text, "error") == (reply.turn.text, reply.turn.finish)
    assert reply.turn.error
    assert [*kept, ("user", "y")] == server.messages[1]


def test_one_question_at_a_time(server: ScriptedServer) -> None:
    """A second waits for the first and then sees its answer."""
    go = threading.Event()
    server.will(Answer((Wait(go), chunk("one", finish="stop"), DONE)), says("two"))
    chat = Conversation()
    first, second = chat.ask("first"), chat.ask("second")
    server.wait_for(1)

    assert 1 == len(server.requests)
    assert "waiting for the answer before it" in second.status

    go.set()

    assert ("one", "two") == (first.result().text, second.result().text)
    assert [("user", "first"), ("assistant", "one"), ("user", "second")] == (
        server.messages[1]
    )


def test_a_question_can_be_stopped_while_it_waits(server: ScriptedServer) -> None:
    """It is never sent, and the one before it goes on."""
    go = threading.Event()
    server.will(Answer((Wait(go), chunk("one", finish="stop"), DONE)))
    chat = Conversation()
    first, second = chat.ask("first"), chat.ask("second")
    server.wait_for(1)
    second.stop()

    assert "interrupted" == second.result().finish

    go.set()

    assert "one" == first.result().text
    assert 1 == len(server.requests)


def test_reasoning_refusals_and_banners_are_no_text(server: ScriptedServer) -> None:
    """Each is kept apart from the answer."""
    banner = event(
        {"id": "web-search", "choices": [{"delta": {"content": "searching"}}]}
    )
    server.will(
        Answer(
            (
                banner,
                chunk(delta={"reasoning_content": "hm"}),
                chunk(delta={"refusal": "no"}),
                chunk("a", finish="stop"),
                b"data: oops\n\n",
                DONE,
            )
        )
    )
    turn = Conversation().ask("x").result()

    assert ("a", "hm", "no", 1) == (
        turn.text,
        turn.reasoning,
        turn.refusal,
        turn.malformed,
    )


def test_a_cell_that_runs_again_replaces_its_turn(server: ScriptedServer) -> None:
    """The request carries what stood before it; what stands after it is stale."""
    server.will(says("A"), says("B"), says("A2"), says("B2"))
    chat = Conversation()
    chat.ask("a", placement=Placement(cell=cell("1", "x"))).result()
    chat.ask("b", placement=Placement(cell=cell("2", "x"))).result()
    chat.ask("a2", placement=Placement(cell=cell("1", "y"))).result()

    assert ["A2", "B"] == [turn.text for turn in chat.turns]
    assert [("user", "a2")] == server.messages[2]
    assert {chat.turns[1].id} == chat.state.stale

    chat.ask("b", placement=Placement(cell=cell("2", "y"))).result()

    assert ["A2", "B2"] == [turn.text for turn in chat.turns]
    assert frozenset() == chat.state.stale


def test_starting_over_keeps_the_system_prompt(server: ScriptedServer) -> None:
    """``start_over`` and ``reset`` drop the turns and nothing else."""
    server.will(says("a"))
    chat = Conversation("m", "Be brief.")
    chat.ask("x").result()
    chat.ask("y", placement=Placement(start_over=True)).result()

    assert [("system", "Be brief."), ("user", "y")] == server.messages[1]
    assert ["y"] == [turn.prompt for turn in chat.turns]
    assert 1 == chat.reset()
    assert ((), "m", "Be brief.") == (chat.turns, chat.model, chat.system)


def run(*cells: tuple[str, str, int]) -> history.History:
    """Run cells, each with an execution and a number of turns, to their end."""
    turns: history.History = ()
    for name, execution, count in cells:
        here = cell(name, execution)
        for number in range(count):
            turn = turn_of(question=Question(f"{name}{number}{execution}"), cell=name)
            turns, _ = history.put(turns, turn, Placement(cell=here))
        turns = history.end_execution(turns, here.execution)
    return turns


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([("a", "1", 3)], "a01 a11 a21"),
        ([("a", "1", 3), ("b", "1", 1), ("a", "2", 3)], "a02 a12 a22 b01"),
        ([("a", "1", 3), ("b", "1", 1), ("a", "2", 1)], "a02 b01"),
        ([("a", "1", 1), ("b", "1", 1), ("a", "2", 3)], "a02 a12 a22 b01"),
        ([("a", "1", 1), ("b", "1", 1), ("a", "2", 0)], "a01 b01"),
    ],
    ids=["a loop", "again", "shorter", "longer", "asked nothing"],
)
def test_a_cell_owns_the_turns_of_its_loop(
    cells: list[tuple[str, str, int]], expected: str
) -> None:
    """An execution replaces them one by one; what it leaves over goes at its end."""
    prompts = [entry.turn.prompt for entry in run(*cells)]

    assert expected.split() == prompts


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=12
    )
)
def test_cells_in_any_order(runs: list[tuple[str, int]]) -> None:
    """A conversation is the last run of each cell, in the order of the first runs."""
    cells = [(name, f"-{i}", count) for i, (name, count) in enumerate(runs)]
    turns = run(*cells)
    last = {name: (execution, count) for name, execution, count in cells}
    expected = [
        f"{name}{number}{last[name][0]}"
        for name in dict.fromkeys(name for name, _ in runs)
        for number in range(last[name][1])
    ]

    assert expected == [entry.turn.prompt for entry in turns]
    assert not history.stale(turns)[0]


def test_without_a_cell_every_question_is_a_new_turn() -> None:
    """Front ends that tell no cell's id append."""
    turns: history.History = ()
    for number in range(3):
        turns, _ = history.put(
            turns, turn_of(question=Question(str(number))), Placement()
        )

    assert ["0", "1", "2"] == [entry.turn.prompt for entry in turns]


def test_an_answer_that_is_gone_does_not_go_on(server: ScriptedServer) -> None:
    """It waited for another, and was dropped meanwhile; nothing is sent or recorded."""
    go = threading.Event()
    half, end = says("half", finish="length"), chunk("b", finish="stop")
    server.will(half, Answer((Wait(go), end, DONE)))
    chat = Conversation()
    chat.ask("a").result()
    second, rest = chat.ask("b"), chat.resume()
    server.wait_for(2)
    chat.reset()
    go.set()
    second.result()
    with pytest.raises(errors.ConfigurationError, match="is gone"):
        rest.result()

    assert 2 == len(server.requests)
    assert ["b"] == [turn.prompt for turn in chat.turns]
