"""What is typed and what is sent: where each of the two is used."""

from pathlib import Path

import pytest
from asks import ask, rest
from journals import PATIENCE
from scripted_server import ScriptedServer, says
from turns import turn_of

from apertis_magic.chat import fitting
from apertis_magic.chat.ask import Ask
from apertis_magic.chat.journal.journal import Journal
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.state import State, history_of
from apertis_magic.errors import ConfigurationError
from apertis_magic.files import cell_source, ipynb, md, record
from apertis_magic.panel.rows import Row, ended_turn
from apertis_magic.render import bundle

FILLED = Question("How large is {{n}}?", filled="How large is 5?")
KEY = "sk-" + "a1b2c3d4" * 4


def test_what_is_sent_is_filled_in(server: ScriptedServer) -> None:
    """In the request, in those after it, and where its answer is completed."""
    server.will(says("one"), says("two", finish="length"), says("three"))
    session = Session()
    session.ask(Ask(question=FILLED)).result()
    session.ask(ask("And now?")).result()
    rest(session).result()
    sent = [messages[0] for messages in server.messages]

    assert [("user", "How large is 5?")] * 3 == sent


def test_what_is_asked_again_was_typed(server: ScriptedServer) -> None:
    """Values are filled in anew by who asks, or not at all."""
    server.will(says("one"), says("two"))
    session = Session()
    first = session.ask(Ask(question=FILLED)).result()
    again = session.ask(Ask.again(first)).result()

    assert ("user", "How large is {{n}}?") == server.messages[-1][-1]
    assert (FILLED.typed, None) == (again.prompt, again.question.filled)


def test_a_person_sees_what_was_typed() -> None:
    """In turn, panel, transcript and the cell of an export."""
    turn = turn_of(question=FILLED, text="Rather.")
    shown = bundle.transcript([turn], system=None, stale=frozenset())

    assert "How large is {{n}}?" == turn.prompt
    assert "How large is {{n}}?" == ended_turn(Row(turn))["question"]
    assert "is {{n}}?" in shown["text/plain"]
    assert "is 5?" not in shown["text/html"]
    assert "%%chat\nHow large is {{n}}?" == cell_source.cell(
        turn, conversation=None, system=None
    )


def test_both_are_kept(tmp_path: Path) -> None:
    """By the journal, and in each kind of file."""
    journal = Journal(tmp_path / "journal.sqlite")
    state = State(name="x", history=history_of([turn_of(question=FILLED, text="b")]))
    journal.keep(state)
    journal.flush(PATIENCE)
    kept = journal.read(state.id)
    journal.close()
    loaded = [form.read(form.written(state))[0] for form in (ipynb, md, record)]

    assert [FILLED] * 4 == [each.turns[0].question for each in (kept, *loaded)]


def test_a_corrected_page_asks_what_it_says() -> None:
    """Who corrects the question there has its values taken out, and no others."""
    state = State(name="x", history=history_of([turn_of(question=FILLED, text="b")]))
    page = md.written(state)
    [same] = md.read(page)
    [other] = md.read(page.replace("> How large", "> How long"))

    assert FILLED == same.turns[0].question
    assert Question("How long is {{n}}?") == other.turns[0].question


def test_what_is_sent_must_fit() -> None:
    """A short question with a long value needs the room of the value."""
    long = Question("{{x}}", filled="word " * 1_000)
    turn = turn_of(question=long, text="a")

    assert (
        fitting.cost(turn) > 1_000 > fitting.cost(turn_of(question=Question("{{x}}")))
    )


def test_the_journal_answers_what_was_sent(server: ScriptedServer) -> None:
    """The same words with another value are another request."""
    server.will(says("one"), says("two"))
    session = Session()
    for value, expected in (("5", "one"), ("6", "two"), ("5", "one")):
        question = Question("Is {{n}} odd?", filled=f"Is {value} odd?")
        reply = session.ask(Ask(question=question, cache=True, once=True))

        assert expected == reply.result().text

        assert session.journal is not None

        session.journal.flush(PATIENCE)

    assert 2 == len(server.requests)


@pytest.mark.parametrize(
    "question", [Question(f"{KEY}?", filled="x"), Question("{{x}}", filled=f"{KEY}?")]
)
def test_neither_may_hold_a_key(server: ScriptedServer, question: Question) -> None:
    """Nothing is sent, and nothing is under way."""
    session = Session()
    with pytest.raises(ConfigurationError, match="Nothing was sent"):
        session.ask(Ask(question=question))

    assert [] == server.requests
    assert () == session.current.under_way
