"""What the Session does for every face: it tells of changes, and sends no key."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asks import again, ask, rest
from conftest import Shell
from scripted_server import NEVER, Answer, ScriptedServer, chunk, says
from turns import turn_of

from apertis_magic import Conversation, errors
from apertis_magic.chat import session
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Preferences
from apertis_magic.chat.state import State, history_of
from apertis_magic.notebook.config import ApertisMagic
from apertis_magic.notebook.following import session_with

KEY = "hush-0123456789"
OTHER = "sk-proj-" + "a1B2c3D4e5F6g7H8" * 3


@pytest.fixture(params=[True, False], ids=["journal", "no journal"])
def here(request: pytest.FixtureRequest) -> Iterator[Session]:
    """Yield a Session, with a journal of its own and without."""
    made = Session()
    made.preferences = Preferences(journal=request.param)
    yield made

    if made.journal is not None:
        made.journal.close()


def prompts(here: Session) -> list[str]:
    """Return what was asked in the current conversation."""
    return [turn.prompt for turn in here.current.turns]


CHANGES: dict[str, Callable[[Session], Any]] = {
    "use": lambda here: here.use("idea"),
    "new": lambda here: here.new("more"),
    "over again": lambda here: here.new("idea"),
    "fork": lambda here: here.fork("more"),
    "rename": lambda here: here.rename("more"),
    "delete": lambda here: here.delete("idea"),
    "adopt": lambda here: here.adopt(State(name="idea", model="m")),
    "redirect": lambda here: here.redirect(None),
    "of a name that is new": lambda here: here.conversation("more"),
    "in a conversation": lambda here: setattr(here.find("idea"), "model", "m"),
    "in a fork": lambda here: setattr(here.fork("more"), "system", "s"),
    "a turn": lambda here: here.current.undo(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_looks_on_is_told_of_every_change(
    here: Session, change: Callable[[Session], Any]
) -> None:
    """And sees all of it at the last time; no lock is held meanwhile."""
    here.adopt(
        State(
            name="idea", history=history_of([turn_of(question=Question("x"), text="a")])
        )
    )
    here.adopt(
        State(
            name="main", history=history_of([turn_of(question=Question("y"), text="a")])
        )
    )
    seen: list[Any] = []

    def look() -> tuple[Any, ...]:
        talks = tuple(here.conversation(name).view for name in here.names)
        return here.current.name, here.settings, talks

    here.watchers.add(lambda: seen.append(look()))
    change(here)

    assert look() == seen[-1]


def test_who_looks_on_is_told_of_a_restored_conversation(
    server: ScriptedServer,
) -> None:
    """Also where it is here already."""
    server.will(says("a"))
    here, told = Session(), list[int]()
    here.ask(ask("x")).result()
    here.current.reset()
    here.watchers.add(lambda: told.append(len(here.current.turns)))
    here.restore("main")

    assert 1 == told[-1]

    told.clear()
    here.restore("main")

    assert [1] == told
    assert here.journal is not None

    here.journal.close()


def test_who_looks_on_hears_of_answers_in_all_conversations(
    here: Session, server: ScriptedServer
) -> None:
    """Whoever asks, and wherever."""
    server.will(says("a"))
    seen: set[tuple[str, int, int]] = set()

    def look() -> None:
        for name in here.names:
            state, under_way = here.conversation(name).view
            seen.add((name, len(state.turns), len(under_way)))

    here.watchers.add(look)
    here.ask(ask("x"), "idea").result()

    assert {("idea", 0, 1), ("idea", 1, 0)} <= seen


@pytest.mark.parametrize("name", ["main", "idea"])
def test_a_deleted_conversation_comes_back(
    here: Session, server: ScriptedServer, name: str
) -> None:
    """With its turns, its model and its system prompt; twice is as good as once."""
    server.will(says("a"))
    here.ask(ask("of main")).result()
    here.new("idea")
    here.ask(ask("of idea", system="Be brief.")).result()
    here.find(name).model = "gpt-5"
    before = here.find(name).state
    talk = here.delete(name)

    assert name not in here.names or () == here.find(name).turns

    here.adopt(talk.state)
    here.adopt(talk.state)
    after = here.current.state

    assert (before.name, before.model, before.system, before.history) == (
        after.name,
        after.model,
        after.system,
        after.history,
    )
    assert {"main", "idea"} == set(here.names)

    here.ask(ask("next")).result()

    assert [f"of {name}", "next"] == prompts(here)
    assert [] == here.restorable


def test_the_only_conversation_comes_back(
    here: Session, server: ScriptedServer
) -> None:
    """Also after something was asked in the one that took its name."""
    server.will(says("a"))
    here.ask(ask("x")).result()
    talk = here.delete("main")
    here.ask(ask("y")).result()
    here.adopt(talk.state)

    assert ["x", "y"] == prompts(here)
    assert [] == here.restorable


def test_a_fork_from_a_turn(here: Session, server: ScriptedServer) -> None:
    """It is the current one; a turn that is not there costs nothing."""
    server.will(says("a"))
    for prompt in ("x", "y"):
        here.ask(ask(prompt)).result()
    first, second = here.current.turns
    here.fork("idea", through=first.id)

    assert ["x"] == prompts(here)

    here.use("main")
    with pytest.raises(errors.ConfigurationError, match="no such turn"):
        here.fork("idea", through="unknown")
    with pytest.raises(errors.ConfigurationError, match="'main' already"):
        here.fork("main", through=second.id)

    assert [("main", 2), ("idea", 1)] == [
        (name, len(here.find(name).turns)) for name in here.names
    ]


def test_any_turn_is_asked_again_or_goes_on_where_it_is_known(
    here: Session, server: ScriptedServer
) -> None:
    """By the model that was asked if the address is the same, else by the set one."""
    server.will(says("half", finish="length"), says("a"))
    half = here.ask(ask("x", model="first")).result()
    here.ask(ask("y", model="second")).result()
    rest(here, half.id).result()
    again(here, half.id).result()
    here.current.model = "here"
    elsewhere = turn_of(
        question=Question("z"), text="a", base_url="http://127.0.0.1:1/v1"
    )
    here.adopt(State(name="main", history=history_of([elsewhere])))
    rest(here, elsewhere.id).result()
    again(here, elsewhere.id).result()
    asked = [request.body["model"] for request in server.requests]

    assert ["first", "second", "first", "first", "here", "here"] == asked
    assert [("z", "a"), ("x", "a"), ("y", "a")] == [
        (turn.prompt, turn.text) for turn in here.current.turns
    ]
    for way in (again, rest):
        with pytest.raises(errors.ConfigurationError, match="no such turn"):
            way(here, "unknown")


@pytest.mark.parametrize("key", [KEY, OTHER])
@pytest.mark.parametrize(
    "request_of",
    [
        lambda key: {"prompt": f"Why is {key} refused?"},
        lambda key: {"prompt": "Why?", "system": f"Use {key}."},
        lambda key: {"prompt": "Why?", "stop": [key]},
        lambda key: {"prompt": "Why?", "extra_body": {"a": [{"b": key}]}},
        lambda key: {"prompt": "Why?", "once": True, "user": key},
    ],
    ids=["prompt", "system", "stop", "extra_body", "user"],
)
def test_no_key_is_sent(
    here: Session,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    request_of: Callable[[str], dict[str, Any]],
    key: str,
) -> None:
    """Wherever it stands; the key is not repeated, and nothing has changed."""
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    with pytest.raises(errors.ConfigurationError, match=r"^Nothing was sent") as caught:
        here.ask(ask(**request_of(key)))

    assert key not in f"{caught.value} {caught.value.hint}"
    assert "revoke it" in caught.value.hint
    assert ([], None, ()) == (
        server.requests,
        here.current.system,
        here.current.under_way,
    )


def test_no_key_is_sent_again(
    here: Session, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be the key since, stand in the system prompt, or in what is set."""
    server.will(says("a"))
    here.ask(ask(f"Is {KEY} a word?")).result()
    here.ask(ask("y", extra_body={"a": KEY, "b": 1})).result()
    first, second = here.current.turns
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    wrongs: list[Callable[[], Any]] = [
        lambda: again(here, first.id),
        lambda: again(here, second.id),
        lambda: again(here, second.id, stop=[OTHER]),
        lambda: again(here, second.id, extra_body={"b": 2}),
    ]
    for wrong in wrongs:
        with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
            wrong()
    again(here, second.id, extra_body={"a": 1}).result()
    here.current.system = OTHER
    with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
        again(here)
    here.current.system = None
    here.preferences = replace(here.preferences, fields={"stop": OTHER})
    with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
        here.ask(ask("z"))

    assert 3 == len(server.requests)


def test_what_is_no_text_is_no_key(here: Session, server: ScriptedServer) -> None:
    """A header may hold one, and what cannot be shown is told by the client."""
    server.will(says("a"))

    class Odd:
        def __repr__(self) -> str:
            raise ValueError

    here.check_no_key(None, "", "x")
    here.ask(ask("x", extra_headers={"X-Key": OTHER})).result()
    with pytest.raises(errors.ConfigurationError, match="is no JSON"):
        here.ask(ask("x", extra_body={"a": Odd()})).result()

    assert 1 == len(server.requests)


def test_a_key_is_known_where_the_address_is_wrong(here: Session) -> None:
    """By its shape; what else is wrong is told when something is sent."""
    here.preferences = replace(here.preferences, base_url="nowhere")
    here.check_no_key("x")
    with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
        here.check_no_key("x", OTHER)


def test_the_notebook_tells_of_a_key_in_what_is_set(
    shell: Shell, server: ScriptedServer
) -> None:
    """Also of one that a line does not show."""
    shell.run(f"%config ApertisMagic.stop = ['{OTHER}']")
    with pytest.raises(errors.ConfigurationError, match="Nothing was sent"):
        shell.run("%%chat\nx")

    assert [] == server.requests
    assert () == session.current().current.turns


def test_a_session_is_forgotten(server: ScriptedServer) -> None:
    """The next use makes another; the journal has been written and closed."""
    server.will(says("a"))
    session.forget()  # there is none
    before = set(threading.enumerate())
    first = session.current()
    first.ask(ask("x")).result()
    session.forget()
    left = set(threading.enumerate()) - before

    assert [] == [thread for thread in left if thread.name == "apertis-journal"]
    assert first is not session.current()
    assert () == session.current().current.turns
    assert ["main"] == [kept.name for kept in session.current().restorable]


def _held(owner: object) -> dict[str, Any]:
    """Return what an object holds, its mappings as they are now."""
    return {
        name: dict(value) if isinstance(value, dict) else value
        for name, value in vars(owner).items()
    }


def test_reading_installs_nothing(tmp_path: Path) -> None:
    """Neither in a Session, nor in its conversations, nor on the disk."""
    here = Session()
    told = list[int]()
    here.watchers.add(lambda: told.append(1))
    before = _held(here), _held(here.current.transcript)
    for owner in (here, here.current, here.current.transcript):
        for name, member in vars(type(owner)).items():
            if isinstance(member, property):
                getattr(owner, name)

    assert before == (_held(here), _held(here.current.transcript))
    assert [] == told
    assert ("main",) == here.names
    assert [] == list(tmp_path.rglob("*.sqlite"))


def test_conversations_share_what_the_session_prefers(here: Session) -> None:
    """Those that there are and those to come, from the moment that it changes."""
    first = here.current
    journal = here.preferences.journal
    here.preferences = replace(here.preferences, system="Be brief.", journal=False)
    second = here.new("idea")

    assert [("Be brief.", None)] * 2 == [
        (each.transcript.default_system, each.journal) for each in (first, second)
    ]

    here.preferences = replace(here.preferences, system=None, journal=journal)

    assert [(None, here.journal)] * 2 == [
        (each.transcript.default_system, each.journal) for each in (first, second)
    ]


def test_what_a_plain_conversation_leaves_is_not_of_the_session(
    server: ScriptedServer,
) -> None:
    """What the Session left behind comes back before it, though it is older."""
    server.will(says("a"))
    here = Session()
    here.ask(ask("x")).result()
    here.current.reset()
    plain = Conversation(journal=here.journal)
    plain.ask("of nobody").result()
    plain.reset()
    back, _ = here.restore(None)

    assert ["x"] == [turn.prompt for turn in back.turns]
    assert here.journal is not None

    here.journal.close()


@pytest.fixture
def restless() -> Iterator[None]:
    """Have threads take turns so often that one is interrupted anywhere."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(*works: Callable[[], object]) -> list[object]:
    """Do all of them at the same moment, each in a thread; return what they raised."""
    start, raised = threading.Barrier(len(works)), list[object]()

    def run(work: Callable[[], object]) -> None:
        start.wait(60)
        try:
            work()
        except errors.ApertisError:
            pass  # there may be none of that name at that moment
        except Exception as error:  # noqa: BLE001  whatever it is
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def _append_conversation(found: list[Conversation], here: Session, name: str) -> None:
    found.append(here.conversation(name))


@pytest.mark.usefixtures("restless")
def test_a_name_has_one_conversation() -> None:
    """Whoever asks for it first, from however many threads."""
    here = Session()
    for number in range(100):
        found = list[Conversation]()
        look = partial(_append_conversation, found, here, f"x{number}")
        raised = at_once(*[look] * 4)

        assert [] == raised
        assert {here.conversation(f"x{number}")} == set(found)


@pytest.mark.usefixtures("restless")
def test_there_is_always_a_current_conversation() -> None:
    """While cell and panel make, use, rename and delete at the same moment."""
    here = Session()
    for number in range(150):
        here.conversation("x")
        raised = at_once(
            lambda: here.use("x"),
            lambda: here.delete("x"),
            partial(here.rename, f"y{number}"),
            lambda: here.delete(here.current.name),
        )

        assert [] == raised
        assert here.current.name in here.names


class Interrupting(ApertisMagic):
    """Settings whose next observer is interrupted, where they are ``due``."""

    due = False

    def observe(self, *args: Any, **options: Any) -> None:
        """Interrupt if that is due, else do as settings do."""
        if self.due:
            self.due = False
            raise KeyboardInterrupt
        super().observe(*args, **options)


def test_an_interrupt_costs_no_preferences(shell: Shell) -> None:
    """Neither those that are set, nor those that will be."""
    settings = Interrupting(parent=shell, model="mine", journal=False)
    settings.due = True
    with pytest.raises(KeyboardInterrupt):
        session_with(settings)
    here = session_with(settings)

    assert ("mine", None) == (here.preferences.model, here.journal)

    settings.model = "another"

    assert "another" == here.preferences.model


def test_a_notebook_s_path_may_come_later(shell: Shell) -> None:
    """As a notebook is saved for the first time, or under another name."""
    settings = ApertisMagic.of(shell)
    before = session_with(settings).preferences.notebook
    shell.user_ns["__vsc_ipynb_file__"] = "/x/paper.ipynb"

    assert None is before
    assert "/x/paper.ipynb" == session_with(settings).preferences.notebook


def test_forgetting_stops_what_is_under_way(server: ScriptedServer) -> None:
    """What had come is kept, and comes back in the next Session."""
    server.will(Answer((chunk("half"), NEVER)))
    reply = session.current().ask(ask("x"))
    next(text for text in reply.watch(0.01) if text)
    session.forget()

    assert reply.done

    back, _ = session.current().restore("main")

    assert [("half", "interrupted")] == [(t.text, t.finish) for t in back.turns]


ENDS = """
from asks import ask
from apertis_magic.chat import session
reply = session.current().ask(ask("x"))
next(text for text in reply.watch(0.01) if text)
"""


def test_a_process_that_ends_stops_what_is_under_way(
    server: ScriptedServer,
) -> None:
    """As Stop does: the network is not to blame for the answer that was cut."""
    server.will(Answer((chunk("half"), NEVER)))
    paths = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    done = subprocess.run(
        [sys.executable, "-c", ENDS],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    back, _ = session.current().restore("main")

    assert "" == done.stderr
    assert [("half", "interrupted", "")] == [
        (turn.text, turn.finish, turn.error) for turn in back.turns
    ]
