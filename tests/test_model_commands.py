"""``%chat models`` and ``%chat model`` in a real shell, against a real server."""

from typing import Any

import pytest
from conftest import Shell
from IPython.core.error import UsageError
from scripted_server import Answer, ScriptedServer, fails, json_answer, says

from apertis_magic import errors
from apertis_magic.chat import session
from apertis_magic.chat.model_lists import ListedModel
from apertis_magic.chat.settings import Settings
from apertis_magic.notebook.commands import model_choice

pytestmark = pytest.mark.usefixtures("cache")

ROWS = [
    {"id": "gpt-5.4-mini", "context_length": 400_000},
    {"id": "claude-sonnet-4-6"},
    {"id": "Qwen/Qwen3-8B"},
]
LIST = json_answer({"data": ROWS})
MISSING = fails(404, "no such model", code="model_not_found")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that gives what was printed since it was last called."""
    return lambda: capsys.readouterr().out


def test_models_are_listed(shell: Shell, server: ScriptedServer) -> None:
    """As a table, asked for once; --refresh asks again."""
    server.will(LIST, json_answer({"data": [{"id": "new"}]}))
    shell.run("%chat models")
    shell.run("%chat models")
    shell.run("%chat models --refresh")
    first, second, third = (output["data"] for output in shell.published)

    assert first == second
    assert (
        "model              context\n"
        "gpt-5.4-mini       400,000\n"
        "claude-sonnet-4-6\n"
        "Qwen/Qwen3-8B"
    ) == first["text/plain"]
    assert ">gpt-5.4-mini</td>" in first["text/html"]
    assert ">400,000</td>" in first["text/html"]
    assert "model\nnew" == third["text/plain"]
    assert ["/v1/models"] * 2 == [request.path for request in server.requests]


def test_prices_stand_beside_the_ids() -> None:
    """As dollars, as exact as they are told; what nobody told is left out."""
    known = [
        ListedModel(id="a", input_per_million=2.4, output_per_million=0.625),
        ListedModel(id="b:free", input_per_million=0.0, output_per_million=0.0),
        ListedModel(id="c"),
    ]

    assert (
        "model   $ in  $ out\n"
        "a       2.40  0.625\n"
        "b:free  0.00   0.00\n"
        "c\n"
        "Prices are for a million tokens."
    ) == model_choice._table(known)["text/plain"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("QWEN", ["Qwen/Qwen3-8B"]),
        ("5.4 gpt", ["gpt-5.4-mini"]),
        ("-4 -", ["claude-sonnet-4-6"]),
        ("''", ["gpt-5.4-mini", "claude-sonnet-4-6", "Qwen/Qwen3-8B"]),
    ],
)
def test_a_filter(
    shell: Shell, server: ScriptedServer, line: str, expected: list[str]
) -> None:
    """Every word must stand somewhere in the id, in whatever case."""
    server.will(LIST)
    shell.run(f"%chat models {line}")
    lines = shell.published[0]["data"]["text/plain"].splitlines()[1:]

    assert expected == [line.split()[0] for line in lines]


def test_a_filter_that_matches_nothing(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """Ids that come close are named; a server without models is no error."""
    server.will(LIST, json_answer({"data": []}))
    shell.run("%chat models sonet 4")
    shell.run("%chat models zzz")
    shell.run("%chat models --refresh")

    assert (
        "No model's id holds 'sonet 4'. Close to it: claude-sonnet-4-6.\n"
        "No model's id holds 'zzz'.\n"
        "The server lists no models.\n"
    ) == told()
    assert [] == shell.published


def test_ids_are_shown_as_text(shell: Shell, server: ScriptedServer) -> None:
    """Nothing in an id is markup, or obeyed by a terminal."""
    server.will(json_answer({"data": [{"id": "<img\nsrc=x>\x1b[2J&"}]}))
    shell.run("%chat models")
    data = shell.published[0]["data"]

    assert ">&lt;img src=x&gt;[2J&amp;</td>" in data["text/html"]
    assert "model\n<img src=x>[2J&" == data["text/plain"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fails(401, "no key"), errors.AuthenticationError),
        (fails(404), errors.NotFound),
        (Answer((b"<html>",)), errors.StreamError),
    ],
)
def test_a_list_that_cannot_be_had(
    shell: Shell, server: ScriptedServer, answer: Answer, error: type[Exception]
) -> None:
    """It is told like every other failure."""
    server.will(answer)
    with pytest.raises(error):
        shell.run("%chat models")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("models --new", "takes --refresh, not --new"),
        ("model a b", "takes one id"),
        ("model ''", "needs a model's id"),
        ("model sk-abcdefgh", "no key belongs here"),
    ],
)
def test_a_wrong_line(
    shell: Shell, server: ScriptedServer, line: str, words: str
) -> None:
    """It is told in one line, and nothing is asked or set."""
    with pytest.raises(UsageError, match=words):
        shell.run(f"%chat {line}")

    assert [] == server.requests
    assert session.current().current.model is None


def test_the_conversations_model(
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    told: Any,
) -> None:
    """Where it comes from is told; what is set is asked until it is taken back."""
    server.will(LIST, says("one"))
    session.current().model_lists.refresh()
    shell.run("%chat model")
    monkeypatch.setenv("APERTIS_MODEL", "from-outside")
    shell.run("%chat model")
    shell.run("%chat model Qwen/Qwen3-8B")
    shell.run("%%chat\nx")
    shell.run("%%chat -m other\nx")
    shell.run("%chat model")
    shell.run("%chat model default")
    shell.run("%%chat\nx")

    assert (
        "gpt-4.1-mini, the default.\n"
        "from-outside, from APERTIS_MODEL.\n"
        "Qwen/Qwen3-8B, set for the conversation 'main'.\n"
        "Qwen/Qwen3-8B, set for the conversation 'main'.\n"
        "from-outside, from APERTIS_MODEL.\n"
    ) == told()
    assert ["Qwen/Qwen3-8B", "other", "from-outside"] == [
        request.body["model"] for request in server.requests if request.body
    ]


def test_a_model_that_is_not_listed(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """It is set with a warning, since lists may lack one; web search needs none."""
    server.will(LIST)
    session.current().model_lists.refresh()
    shell.run("%chat model claude-sonnet-4.6")
    shell.run("%chat model gpt-5.4-mini:web")

    assert (
        "claude-sonnet-4.6, set for the conversation 'main'.\n"
        "The server's list has no such model. Close to it: claude-sonnet-4-6. "
        "%chat model default goes back.\n"
        "gpt-5.4-mini:web, set for the conversation 'main'.\n"
    ) == told()


def test_beside_the_local_model(
    shell: Shell, server: ScriptedServer, told: Any
) -> None:
    """What is set holds only after it."""
    here = session.current()
    here.redirect(Settings(base_url=server.url, model="tiny", fixed_model=True))
    shell.run("%chat model")
    shell.run("%chat model gpt-5")
    shell.run("%chat models")

    assert (
        "tiny answers until %chat local stop.\n"
        "tiny answers until %chat local stop; gpt-5 is ignored.\n"
    ) == told()
    assert "model\ntiny" == shell.published[0]["data"]["text/plain"]
    assert "gpt-5" == here.current.model
    assert [] == server.requests


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            LIST,
            " Close to it: claude-sonnet-4-6. %chat models lists them all.",
        ),
        (json_answer({"data": [{"id": "zzz"}]}), " %chat models lists them all."),
        (json_answer({"data": [{"id": "claude-sonnet-4.5"}]}), ""),
        (fails(401), ""),
    ],
)
def test_a_model_that_is_not_there(
    shell: Shell, server: ScriptedServer, answer: Answer, hint: str
) -> None:
    """The error says what comes close, where the server tells its list."""
    server.will(MISSING, answer)
    with pytest.raises(errors.ModelNotFound, match="no such model") as caught:
        shell.run("%%chat -m claude-sonnet-4.5\nx")

    assert f"Check the model's id.{hint}" == caught.value.hint


def test_another_error_asks_for_no_list(shell: Shell, server: ScriptedServer) -> None:
    """Only a missing model is worth a second request."""
    server.will(fails(404, "no such page"))
    with pytest.raises(errors.NotFound):
        shell.run("%%chat\nx")

    assert 1 == len(server.requests)
