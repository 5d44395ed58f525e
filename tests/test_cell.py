"""How an answer gets into a cell, when things go wrong at the worst moment."""

import threading

import pytest
from scripted_server import Answer, Cut, ScriptedServer, Wait, chunk, says

from apertis_magic import Conversation, Turn, errors
from apertis_magic.chat.draft import Progress
from apertis_magic.notebook.views.cell import show


class ImpatientView:
    """A view whose user interrupts the answer, and again while it is shown."""

    def __init__(self) -> None:
        self.finished: list[Turn] = []

    def update(self, progress: Progress) -> None:
        if progress.text:
            raise KeyboardInterrupt

    def finish(self, turn: Turn, conversation: str | None) -> None:
        self.finished.append(turn)
        raise KeyboardInterrupt(conversation)

    def clear(self) -> None:
        raise AssertionError


def test_a_second_interrupt_loses_nothing(server: ScriptedServer) -> None:
    """However impatient the user: one line, and the turn is in the conversation."""
    server.will(Answer((chunk("half"), Wait(threading.Event()))), says("next"))
    chat, view = Conversation(), ImpatientView()
    with pytest.raises(errors.Interrupted, match="4 characters of it are kept"):
        show(chat.ask("x"), view, "main")

    assert ["half"] == [turn.text for turn in view.finished]
    assert ("half", "interrupted") == (chat.turns[0].text, chat.turns[0].finish)
    assert "next" == chat.ask("y").result().text


class LateView(ImpatientView):
    """A view whose user interrupts just when the answer has ended."""

    def update(self, progress: Progress) -> None:
        """Show nothing."""


@pytest.mark.parametrize(
    ("answer", "finish", "words"),
    [
        (says("whole"), "stop", "had ended"),
        (Answer((chunk("half"), Cut())), "error", "had ended"),
    ],
)
def test_an_interrupt_of_the_last_render(
    server: ScriptedServer, answer: Answer, finish: str, words: str
) -> None:
    """It is told in one line as well, and the turn is as it was."""
    server.will(answer)
    chat, view = Conversation(), LateView()
    with pytest.raises(errors.Interrupted, match=words):
        show(chat.ask("x"), view, "main")

    assert [finish] == [turn.finish for turn in chat.turns]
    assert [chat.turns[0]] * 2 == view.finished


class PatientView(ImpatientView):
    """A view whose user lets it finish."""

    def finish(self, turn: Turn, conversation: str | None) -> None:  # noqa: ARG002  see View
        self.finished.append(turn)


def test_an_answer_that_another_face_stops_is_no_failure(
    server: ScriptedServer,
) -> None:
    """The turn ends as interrupted and the cell is fine."""
    server.will(Answer((Wait(threading.Event()),)))
    reply, view = Conversation().ask("x"), PatientView()

    def stop() -> None:
        server.wait_for(1)
        reply.stop()

    threading.Thread(target=stop).start()
    turn = show(reply, view, "main")

    assert "interrupted" == turn.finish
    assert [turn] == view.finished
