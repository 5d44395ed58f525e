"""What a panel does for its page: by the real Session, against a real server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripted_server import NEVER, USAGE, Answer, ScriptedServer, fails, says
from turns import turn_of

from apertis_magic import files, local
from apertis_magic.chat import session, trust
from apertis_magic.chat.attachment import Attachment
from apertis_magic.chat.question import Question
from apertis_magic.chat.session import Session
from apertis_magic.chat.settings import Settings
from apertis_magic.chat.state import State, history_of
from apertis_magic.panel.actions import Actions, Outcome
from apertis_magic.panel.requests import Request

KEY = "sk-" + "a1b2c3d4" * 4

Does = Callable[..., Outcome]


@pytest.fixture
def here(server: ScriptedServer) -> Session:  # noqa: ARG001  it asks there
    """Return this test's Session, which asks the server."""
    return session.current()


@pytest.fixture
def does(here: Session) -> Does:
    """Return what does one thing after the other, and waits for answers."""
    actions = Actions(here, lambda _: None)

    def do(kind: str, **fields: Any) -> Outcome:
        outcome = actions.do(Request(kind=kind, **fields))
        for each in here.current.under_way:
            each.reply.wait(60)
        return outcome

    return do


def test_a_question_with_options_and_files(does: Does, server: ScriptedServer) -> None:
    """What is set is sent, 0 as well; what is blank is not."""
    server.will(says("so"), says("so"))
    for name, text in (("temperature", "0"), ("max_tokens", "20"), ("stop", "a\n\nb")):
        assert Outcome() == does("option", name=name, text=text)

    does("system", text="Be brief.")
    does("model", name="gpt-5")
    does("ask", text="\nWhy?\n", files=(("a.txt", b"abc"),))
    does("option", name="temperature", text=" ")
    does("option", name="stop", text="")
    does("model", name="")
    does("ask", text="And?")
    first, second = (request.body for request in server.requests)

    assert (0, 20, ["a", "b"]) == tuple(
        first[name] for name in ("temperature", "max_tokens", "stop")
    )
    assert "gpt-5" == first["model"]
    assert "gpt-4.1-mini" == second["model"]
    assert {"role": "system", "content": "Be brief."} == first["messages"][0]
    assert [
        {"type": "text", "text": "File a.txt:\nabc"},
        {"type": "text", "text": "Why?"},
    ] == first["messages"][1]["content"]
    assert 20 == second["max_tokens"]
    assert not {"temperature", "stop"} & set(second)


@pytest.mark.parametrize("kind", ["retry", "edit"])
def test_a_question_whose_file_is_not_held(
    does: Does, here: Session, server: ScriptedServer, kind: str
) -> None:
    """It is not asked again without it; one line says so."""
    named = Attachment("a.txt", "text/plain", "", missing=3)
    asked = turn_of(question=Question("Why?", (named,)), text="So.")
    here.adopt(State(name="main", history=history_of([asked])))
    outcome = does(kind, turn=asked.id, text="Why not?")

    assert not outcome.ok
    assert outcome.text.startswith("Nothing was sent: a.txt (3 bytes)")
    assert [] == server.requests
    assert (asked,) == here.current.turns


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("temperature", "3", "temperature must be 0 to 2, not 3"),
        ("temperature", "warm", "temperature must be a number, not 'warm'"),
        ("temperature", "NaN", "temperature must be 0 to 2, not nan"),
        ("max_tokens", "1.5", "max_tokens must be a whole number, not 1.5"),
        ("n", "0", "n must be 1 to 128, not 0"),
        ("stop", "a\nb\nc\nd\ne", "stop takes 4 at most"),
        ("tools", "[]", "There is no option tools."),
    ],
)
def test_what_cannot_be_set(does: Does, name: str, text: str, outcome: str) -> None:
    """One line says why, and nothing is set."""
    assert Outcome(outcome, ok=False) == does("option", name=name, text=text)


def test_a_comma_is_a_point(does: Does, server: ScriptedServer) -> None:
    """As it is on many keyboards."""
    server.will(says("so"))
    does("option", name="temperature", text="0,5")
    does("ask", text="Why?")

    assert 0.5 == server.requests[0].body["temperature"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("ask", {"text": f"Is {KEY} good?"}),
        ("ask", {"text": "Look.", "files": (("env", KEY.encode()),)}),
        ("system", {"text": f"Use {KEY}."}),
        ("model", {"name": KEY}),
        ("rename", {"name": KEY}),
        ("edit", {"text": f"Is {KEY} good?"}),
    ],
)
def test_no_key_is_sent_or_kept(
    does: Does, here: Session, server: ScriptedServer, kind: str, fields: Any
) -> None:
    """Wherever somebody puts one by mistake; and it is not repeated."""
    server.will(says("so"), says("no"))
    does("ask", text="Why?")
    turn = here.current.turns[0]
    outcome = does(kind, **{"turn": turn.id, **fields})

    assert not outcome.ok
    assert "key" in outcome.text
    assert KEY not in f"{outcome}{here.current.state}"
    assert 1 == len(server.requests)


@pytest.mark.parametrize("kind", ["ask", "edit", "retry"])
def test_what_is_held_back_is_sent_anyway(
    does: Does, here: Session, server: ScriptedServer, kind: str
) -> None:
    """It is offered, by the page's own button, and then sent as it is."""
    server.will(says("half", finish="length"), says("so"))
    does("ask", text=f"Is {KEY} good?", anyway=True)
    turn = here.current.turns[0]
    fields = {"turn": turn.id, "text": f"Is {KEY} good?"}
    held = does(kind, **fields)

    assert (False, True) == (held.ok, held.anyway)
    assert "holds an API key" in held.text
    assert "anyway" not in held.text + held.hint
    assert 1 == len(server.requests)
    assert Outcome() == does(kind, **fields, anyway=True)
    assert KEY in str(server.requests[1].body)


@pytest.mark.parametrize(
    ("kind", "what"), [("system", "system prompt"), ("model", "model")]
)
def test_a_setting_with_a_key_is_not_changed(does: Does, kind: str, what: str) -> None:
    """It would be sent with every question, so nobody is offered to set it anyway."""
    outcome = does(kind, text=KEY, name=KEY)

    assert f"The {what} was not changed" in outcome.text
    assert (False, False) == (outcome.ok, outcome.anyway)


def test_turns_change(does: Does, here: Session, server: ScriptedServer) -> None:
    """Asked again, edited, taken out and put back, each in its place."""
    server.will(*map(says, ("one", "two", "ONE", "deux", "drei")))
    does("ask", text="1?", files=(("a.txt", b"abc"),))
    does("ask", text="2?")
    does("retry", turn=here.current.turns[0].id)
    does("edit", turn=here.current.turns[1].id, text="zwei?")

    assert ["ONE", "deux"] == [turn.text for turn in here.current.turns]
    assert ["1?", "zwei?"] == [turn.prompt for turn in here.current.turns]

    does("edit", turn=here.current.turns[0].id, text="drei?")
    first = here.current.turns[0]

    assert ("drei", "a.txt") == (first.text, first.attachments[0].name)

    outcome = does("delete", turn=first.id)

    assert Outcome("Deleted: drei?", undo=True) == outcome
    assert ["zwei?"] == [turn.prompt for turn in here.current.turns]

    does("undo")

    assert ["drei?", "zwei?"] == [turn.prompt for turn in here.current.turns]
    assert Outcome("There is nothing to undo.", ok=False) == does("undo")


def test_a_turn_that_is_gone(does: Does) -> None:
    """Another page may have taken it out."""
    for kind in ("edit", "retry", "delete", "continue", "fork"):
        outcome = does(kind, turn="gone", text="x")

        assert not outcome.ok
        assert outcome.text


def test_an_answer_goes_on(does: Does, here: Session, server: ScriptedServer) -> None:
    """One that was cut off, also when it is not the last."""
    server.will(says("half", finish="length"), says("two"), says(" whole"))
    does("ask", text="1?")
    does("ask", text="2?")
    does("continue", turn=here.current.turns[0].id)

    assert ["half whole", "two"] == [turn.text for turn in here.current.turns]


def test_conversations(does: Does, here: Session, server: ScriptedServer) -> None:
    """Made, named, forked, left and deleted; the last can be undone."""
    server.will(says("one"), says("two"))
    does("ask", text="1?")
    does("ask", text="2?")
    does("fork", turn=here.current.turns[0].id)

    assert ["1?"] == [turn.prompt for turn in here.current.turns]

    does("rename", name=" sky ")
    does("new")

    assert ("main", "sky", "main-2") == here.names
    assert not here.current.turns

    does("use", name="sky")
    does("remove", name="sky")

    assert "sky" not in here.names
    assert Outcome("sky is back.") == does("undo")
    assert ["1?"] == [turn.prompt for turn in here.current.turns]
    assert not does("use", name="nowhere").ok
    assert Outcome("A conversation's name cannot be blank.", ok=False) == does(
        "rename", name=" "
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize("ending", ["ipynb", "md", "json"])
def test_a_conversation_is_written(
    does: Does, here: Session, server: ScriptedServer, folder: Path, ending: str
) -> None:
    """What somebody else wrote is never replaced; our own file is."""
    server.will(says("one"))
    here.new("a / b?")

    assert not does("export", name=ending).ok

    does("ask", text="1?")
    (folder / f"a-b.{ending}").write_text("mine")
    outcome = [does("export", name=ending) for _ in range(2)]
    [read] = files.load(folder / f"a-b-2.{ending}")

    assert [Outcome(f"Written to a-b-2.{ending}.")] * 2 == outcome
    assert "mine" == (folder / f"a-b.{ending}").read_text()
    assert ["1?"] == [turn.prompt for turn in read.turns]


def test_an_export_is_not_sent_anyway(
    does: Does, server: ScriptedServer, folder: Path
) -> None:
    """A file is made to be passed on: the line says which command writes it."""
    server.will(says("one"))
    does("ask", text=f"Is {KEY} good?", anyway=True)
    outcome = does("export", name="json")

    assert (False, False) == (outcome.ok, outcome.anyway)
    assert "%chat export … --anyway" in outcome.hint
    assert [] == list(folder.iterdir())


def test_what_a_file_sets_is_not_asked_again(
    does: Does, here: Session, server: ScriptedServer
) -> None:
    """Asking a loaded question again says what is left out."""
    server.will(says("one"))
    question = Question("Why?", fields={"n": 9, "temperature": 1})
    loaded = State(name="main", history=history_of([turn_of(question=question)]))
    here.adopt(trust.marked(loaded, trusted=False))

    assert Outcome("Asked without what its file sets: n.") == does(
        "retry", turn=here.current.turns[0].id
    )


def test_an_open_address_is_told_of(
    does: Does, here: Session, server: ScriptedServer
) -> None:
    """Once, with the question that goes there."""
    server.will(says("one"))
    # This machine by a name that does not say so.
    url = server.url.replace("127.0.0.1", "0.0.0.0")  # noqa: S104  nobody listens there
    here.redirect(Settings(base_url=url, model="m"))

    assert does("ask", text="1?").text.startswith(f"{url} is not encrypted")
    assert Outcome() == does("ask", text="2?")


def test_a_form_of_file_that_there_is_not(does: Does, server: ScriptedServer) -> None:
    """One line says which there are."""
    server.will(says("one"))
    does("ask", text="1?")

    assert "ipynb, md, json" in does("export", name="exe").text


@pytest.mark.parametrize(
    "ending",
    [
        "x/../../package.json",
        "../../x.md",
        "ipynb/../../../y",
        "/md",
        "..\\md",
        "md:json",
        "MD",
        "",
        "json ",
        "\0md",
    ],
)
def test_an_ending_that_names_a_path(
    does: Does, server: ScriptedServer, folder: Path, ending: str
) -> None:
    """Nothing is written, in the folder or beside it."""
    server.will(says("one"))
    (folder / "main.x").mkdir()
    does("ask", text="1?")
    before = set(folder.parent.rglob("*"))
    outcome = does("export", name=ending)

    assert not outcome.ok
    assert before == set(folder.parent.rglob("*"))


def test_files_of_one_name(does: Does, server: ScriptedServer, folder: Path) -> None:
    """They end at a number, however often a page asks for another."""
    server.will(says("one"))
    for number in range(2, 101):
        (folder / f"main-{number}.md").write_text("mine")
    (folder / "main.md").write_text("mine")
    does("ask", text="1?")
    outcome = does("export", name="md")

    assert "There are 100 files of that name already." == outcome.text
    assert 100 == len(list(folder.iterdir()))


@pytest.mark.parametrize("kind", ["new", "fork"])
def test_conversations_end_at_a_number(does: Does, here: Session, kind: str) -> None:
    """Each of them costs every page a little."""
    outcomes = [does(kind) for _ in range(205)]

    assert 200 == len(here.names)
    assert "There are 200 conversations already." == outcomes[-1].text

    does("remove", name="main")
    does(kind)

    assert not does("undo").ok
    assert 200 == len(here.names)

    does("remove", name=here.current.name)
    does("undo")

    assert 200 == len(here.names)


def test_questions_that_wait_end_at_a_number(
    here: Session, server: ScriptedServer
) -> None:
    """In all conversations together, and of every kind."""
    server.will(Answer((NEVER,)))
    actions = Actions(here, lambda _: None)
    kinds = ["ask"] * 10 + ["new"] + ["ask"] * 10
    outcomes = [actions.do(Request(kind=kind, text="1?")) for kind in kinds]
    refused = [
        actions.do(Request(kind=kind, text="1?"))
        for kind in ("ask", "retry", "continue")
    ]
    for name in here.names:
        for each in here.find(name).under_way:
            each.reply.settle()

    assert all(outcome.ok for outcome in outcomes)
    assert {"Nothing was sent: 20 questions wait for their answers."} == {
        outcome.text for outcome in refused
    }


@pytest.mark.parametrize(
    ("kind", "name"), [("system", ""), ("option", "stop"), ("option", "user")]
)
def test_a_setting_that_is_too_long(does: Does, kind: str, name: str) -> None:
    """Every page is told it again with each change."""
    outcome = does(kind, name=name, text="x" * 200_001)

    assert not outcome.ok


def test_what_fails_is_a_turn(
    does: Does, here: Session, server: ScriptedServer
) -> None:
    """With what to do about it; the next try takes its place."""
    server.will(fails(401, "bad key"), says("so", usage={**USAGE, "cost": 0.5}))

    assert Outcome() == does("ask", text="Why?")

    [failed] = here.current.turns

    assert "bad key" in failed.error
    assert "%chat key" in failed.hint

    does("retry", turn=failed.id)

    assert ["so"] == [turn.text for turn in here.current.turns]


def test_a_key_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, here: Session, does: Does
) -> None:
    """It is said, and nothing is asked."""
    monkeypatch.delenv("APERTIS_BASE_URL")
    outcome = does("ask", text="Why?")

    assert not outcome.ok
    assert "%chat key" in outcome.hint
    assert () == here.current.turns


def test_the_local_model(here: Session) -> None:
    """One click, and it answers; where its process ended, it starts again."""
    told: list[str] = []
    actions = Actions(here, told.append)
    outcome = actions.do(Request(kind="local"))
    model = local.current().endpoint
    local.current().stop()
    again = actions.do(Request(kind="ask", text="What is 1 + 1?"))
    for each in here.current.under_way:
        each.reply.wait(120)
    local.current().stop()

    assert model is not None
    assert outcome.text.startswith(model.model)
    assert told
    assert again.ok
    assert [True] == [bool(turn.text) for turn in here.current.turns]


def test_what_is_asked_while_the_local_model_starts(
    here: Session, does: Does, server: ScriptedServer
) -> None:
    """A question goes where it was typed, a retry nowhere but to its own turn."""
    server.will(says("one"))
    does("ask", text="Why?")
    [turn] = here.current.turns
    here.conversation("idea")

    def go_elsewhere(_text: str) -> None:
        here.use("idea")  # as a cell may meanwhile

    actions = Actions(here, go_elsewhere)
    actions.do(Request(kind="local"))
    outcomes = []
    for request in (
        Request(kind="retry", turn=turn.id),
        Request(kind="ask", text="What is 1 + 1?"),
    ):
        here.use("main")
        local.current().stop()
        outcomes.append(actions.do(request))
    for name in here.names:
        for each in here.conversation(name).under_way:
            each.reply.wait(120)
    local.current().stop()

    assert [False, True] == [outcome.ok for outcome in outcomes]
    assert "no such turn" in outcomes[0].text
    assert ["Why?", "What is 1 + 1?"] == [t.prompt for t in here.find("main").turns]
    assert () == here.find("idea").turns
