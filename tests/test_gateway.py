"""A real LiteLLM gateway, as a class has one, with a scripted server behind it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Shell
from gateway_server import PROGRAM, Gateway
from scale import ALL
from scripted_server import (
    NEVER,
    PATIENCE,
    Answer,
    Cut,
    ScriptedServer,
    chunk,
    event,
    fails,
    json_answer,
    says,
    whole,
)
from turns import said

from apertis_magic import Apertis, AsyncApertis, Conversation, errors
from apertis_magic.chat.attachment import Attachment

if not (ALL and PROGRAM.exists()):
    pytest.skip("it asks LiteLLM, 580 MB: make test-slow", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("cache", "gateway")

MEMBERS: dict[str, dict[str, Any]] = {
    "sk-class-ada": {"name": "ada"},
    "sk-class-saver": {"name": "saver", "budget": 0.002},
    "sk-class-spent": {"name": "spent", "budget": 0},
    "sk-class-hasty": {"name": "hasty", "rpm": 1},
    "sk-class-tutored": {"name": "tutored", "models": ["tutor"]},
}
QUESTION = "What is the capital of Japan?"
HELLO = [{"role": "user", "content": QUESTION}]
USED = {"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500}
COST = 0.0012
"""USD; LiteLLM knows what a million tokens of the tutor's model cost: 0.40 and 1.60."""

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(16)
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {}}}


@pytest.fixture(scope="module")
def behind() -> Iterator[ScriptedServer]:
    """Yield the server that the gateway asks in its turn."""
    with ScriptedServer() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def running(
    behind: ScriptedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """Yield one gateway for the whole module; it takes ten seconds to start."""
    folder = tmp_path_factory.mktemp("gateway")
    with Gateway(folder, MEMBERS, behind.url) as gateway:
        yield gateway


@pytest.fixture
def gateway(
    running: Gateway, behind: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Gateway:
    """Return the gateway, to which the environment points, and a fresh upstream."""
    behind.requests.clear()
    behind.hung_up.clear()
    monkeypatch.setenv("APERTIS_BASE_URL", running.url)
    monkeypatch.setenv("APERTIS_API_KEY", "sk-class-ada")
    return running


def shown(shell: Shell) -> str:
    """Return the last of what is displayed, as text, and forget all of it."""
    text: str = shell.published[-1]["data"]["text/plain"]
    shell.published.clear()
    return text


def complete(client: Apertis, *, stream: bool, **request: Any) -> Any:
    """Ask in plain code, and return the whole answer either way."""
    if not stream:
        return client.chat.completions.create(messages=HELLO, **request)
    options = {"include_usage": True}
    asked = client.chat.completions.create(
        messages=HELLO, stream=True, stream_options=options, **request
    )
    return asked.completion()


@pytest.mark.parametrize("stream", [True, False])
def test_completions(gateway: Gateway, behind: ScriptedServer, *, stream: bool) -> None:
    """An answer has its text, end and usage, and the gateway's name for the model."""
    behind.will(
        says("Tok", "yo.", usage=USED) if stream else whole("Tokyo.", usage=USED)
    )
    answer = complete(Apertis(base_url=gateway.url), model="tutor", stream=stream)

    assert "Tokyo." == answer.choices[0].message.content
    assert ("stop", "tutor") == (answer.choices[0].finish_reason, answer.model)
    assert 1_500 == answer.usage.total_tokens
    assert "Bearer sk-of-the-class" == behind.requests[0].headers["authorization"]


@pytest.mark.parametrize("option", ["", "--no-stream"])
def test_a_cell(
    gateway: Gateway, shell: Shell, behind: ScriptedServer, option: str
) -> None:
    """Streamed or not: the answer, its tokens and what the gateway says it cost."""
    behind.will(
        whole("**To**kyo", usage=USED) if option else says("**To**kyo", usage=USED)
    )
    shell.run(f"%%chat -m tutor {option}\n{QUESTION}")
    output = shell.published[-1]

    assert "<strong>To</strong>kyo" in output["data"]["text/html"]
    assert "**To**kyo" == said(output["data"])

    footer = output["data"]["text/plain"].splitlines()[-1]

    assert "tutor" == footer.partition(" · ")[0]
    assert "1000 in + 500 out = 1500 tokens" in footer
    assert footer.endswith("$0.0012")
    assert gateway.url == output["metadata"]["apertis_magic"]["base_url"]


@pytest.mark.parametrize("stream", [True, False])
def test_a_mock(gateway: Gateway, *, stream: bool) -> None:
    """What LiteLLM answers by itself is an answer like any other, with its cost."""
    turn = Conversation("practice").ask(QUESTION, stream=stream).result()

    assert "Tokyo is the capital of **Japan**." == turn.text
    assert ("stop", gateway.url) == (turn.finish, turn.base_url)
    assert turn.usage
    assert 0 < (turn.cost or 0) < COST


def test_history(shell: Shell, behind: ScriptedServer) -> None:
    """The model behind the gateway reads the turns before, the system prompt first."""
    behind.will(says("one"), whole("two"), says("three"))
    shell.run("%%chat -m tutor -s 'Be brief.'\nfirst")
    shell.run("%%chat -m tutor --no-stream\nsecond")
    shell.run("%%chat -m tutor\nthird")

    assert [
        ("system", "Be brief."),
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
        ("assistant", "two"),
        ("user", "third"),
    ] == behind.messages[2]
    assert {"gpt-4.1-mini"} == {each.body["model"] for each in behind.requests}
    assert [True, False, True] == [
        each.body.get("stream", False) for each in behind.requests
    ]


def test_options_go_through(behind: ScriptedServer) -> None:
    """What is set reaches the model as it was set, and nothing else does."""
    behind.will(says("ok"))
    Conversation("tutor").ask(
        "What is this?",
        attachments=[Attachment.of("cat.png", PICTURE)],
        temperature=0,
        max_tokens=9,
        response_format={"type": "json_object"},
    ).result()
    body = behind.requests[0].body
    [message] = body.pop("messages")

    assert ["image_url", "text"] == [part["type"] for part in message["content"]]
    assert {
        "model": "gpt-4.1-mini",
        "temperature": 0,
        "max_tokens": 9,
        "response_format": {"type": "json_object"},
        "stream": True,
        "stream_options": {"include_usage": True},
    } == body


@pytest.mark.parametrize("stream", [True, False])
def test_several_answers(behind: ScriptedServer, *, stream: bool) -> None:
    """Each comes whole, although LiteLLM drops the end of the second in a stream."""
    pieces = [(0, "a", None), (1, "b", None), (0, "", "stop"), (1, "", "stop")]
    events = [
        event({"choices": [{"index": i, "delta": {"content": t}, "finish_reason": f}]})
        for i, t, f in pieces
    ]
    choices = [
        {"index": i, "message": {"content": text}, "finish_reason": "stop"}
        for i, text in enumerate("ab")
    ]
    behind.will(Answer(events) if stream else json_answer({"choices": choices}))
    turn = Conversation("tutor").ask(QUESTION, n=2, stream=stream).result()

    assert ("a", ("b",), "stop") == (turn.text, turn.alternatives, turn.finish)


@pytest.mark.parametrize("stream", [True, False])
def test_tool_calls(gateway: Gateway, behind: ScriptedServer, *, stream: bool) -> None:
    """A call comes with its name and its arguments, also in pieces."""
    call = {"index": 0, "id": "call_1", "type": "function"}
    first = {**call, "function": {"name": "weather", "arguments": '{"city": '}}
    rest = {"index": 0, "function": {"arguments": '"Kyoto"}'}}
    both = {**call, "function": {"name": "weather", "arguments": '{"city": "Kyoto"}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [both]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    pieces = [chunk(delta={"tool_calls": [each]}) for each in (first, rest)]
    behind.will(
        Answer([*pieces, chunk(finish="tool_calls")])
        if stream
        else json_answer({"choices": [choice]})
    )
    client = Apertis(base_url=gateway.url)
    answer = complete(client, model="tutor", tools=[TOOL], stream=stream)
    [found] = answer.choices[0].message.tool_calls

    assert ("call_1", "weather") == (found.id, found.function.name)
    assert '{"city": "Kyoto"}' == found.function.arguments
    assert [TOOL] == behind.requests[0].body["tools"]


def test_a_model_that_may_not_be_streamed(behind: ScriptedServer) -> None:
    """It is asked once more, for the whole answer, and it is remembered."""
    words = "Your organization must be verified to stream this model."
    refusal = fails(400, words, param="stream", code="unsupported_value")
    behind.will(refusal, whole("first"), whole("second"))
    chat = Conversation("tutor")

    assert "first" == chat.ask(QUESTION).result().text
    assert "second" == chat.ask(QUESTION).result().text
    assert [True, False, False] == [
        each.body.get("stream", False) for each in behind.requests
    ]


def test_an_answer_that_is_whole_ends(behind: ScriptedServer) -> None:
    """Also where the model's server does not, and LiteLLM waits with the usage."""
    usage = event({"choices": [], "usage": USED})
    behind.will(Answer([chunk("all"), chunk(finish="stop"), usage, NEVER]))
    reply = Conversation("tutor").ask(QUESTION)

    assert reply.wait(PATIENCE)
    assert ("all", "stop") == (reply.result().text, reply.result().finish)
    assert behind.hung_up.wait(PATIENCE)


def test_a_stop_reaches_the_model(behind: ScriptedServer) -> None:
    """Who stops an answer pays for no more of it: the gateway hangs up as well."""
    behind.will(Answer([chunk("half"), NEVER]))
    reply = Conversation("tutor").ask(QUESTION)
    behind.wait_for(1)
    reply.stop()

    assert "interrupted" == reply.result().finish
    assert behind.hung_up.wait(PATIENCE)


def test_a_stream_that_breaks(behind: ScriptedServer) -> None:
    """What had come is kept, and the error is what the gateway says of it."""
    behind.will(Answer([chunk("half"), Cut()]))
    chat = Conversation("tutor")
    with pytest.raises(errors.StreamError, match="Connection error") as caught:
        chat.ask(QUESTION).result()

    assert ("half", "error") == (chat.turns[0].text, chat.turns[0].finish)
    assert 1 == len(str(caught.value).splitlines())


def test_costs_are_those_that_are_booked(
    gateway: Gateway, behind: ScriptedServer
) -> None:
    """The sum of what the turns say is what the ledger says, and ends the budget."""
    behind.will(says("one", usage=USED), whole("two", usage=USED))
    client = AsyncApertis(base_url=gateway.url, api_key="sk-class-saver")
    chat = Conversation("tutor", client=client)
    streamed = chat.ask("first").result()
    gateway.spent("saver", answers=1)
    unstreamed = chat.ask("second", stream=False).result()

    assert (COST, COST) == pytest.approx((streamed.cost, unstreamed.cost))
    assert 2 * COST == pytest.approx(gateway.spent("saver", answers=2))

    with pytest.raises(errors.QuotaExceeded, match=r"budget of \$0\.002 is used up"):
        chat.ask("third").result()

    assert 2 == len(behind.requests)


# who asks for which model, the class, words of the message
REFUSALS: dict[str, tuple[str, str, type[errors.ApertisError], str]] = {
    "a key of nobody": (
        "sk-class-nobody",
        "practice",
        errors.AuthenticationError,
        "not one of the class",
    ),
    "too many requests": (
        "sk-class-hasty",
        "practice",
        errors.RateLimited,
        "Rate limit exceeded for api_key",
    ),
    "no budget": (
        "sk-class-spent",
        "practice",
        errors.QuotaExceeded,
        "Your budget of $0 is used up",
    ),
    "a model for others": (
        "sk-class-tutored",
        "practice",
        errors.ModelNotFound,
        "The model 'practice' is not for this key",
    ),
    "no model": (
        "sk-class-ada",
        "practise",
        errors.ModelNotFound,
        "Invalid model name passed in model=practise",
    ),
}


def refused(ask: Callable[[], object]) -> errors.ApertisError:
    """Ask until it is refused: at once, or where a minute has to fill up before."""
    with pytest.raises(errors.ApertisError) as caught:  # noqa: PT012  see above
        for _ in range(3):
            ask()
    return caught.value


@pytest.mark.parametrize("way", ["stream", "whole", "cell"])
@pytest.mark.parametrize("why", REFUSALS)
def test_refusals(
    gateway: Gateway, shell: Shell, monkeypatch: pytest.MonkeyPatch, why: str, way: str
) -> None:
    """Each is the error that it is, in one line that a person can read, and a hint."""
    key, model, kind, words = REFUSALS[why]
    monkeypatch.setenv("APERTIS_API_KEY", key)
    client = Apertis(base_url=gateway.url, max_retries=0)
    cell = f"%%chat -m {model} --retries 0\n{QUESTION}"
    error = refused(
        lambda: (
            shell.run(cell)
            if way == "cell"
            else complete(client, model=model, stream=way == "stream")
        )
    )

    assert kind is type(error)

    message, hint = error._render_traceback_()

    assert words in message
    assert not re.search(r"[0-9a-f]{32}", message)
    assert key not in message + hint
    assert "apertis.ai" not in hint
    assert "\n" not in message + hint


def test_a_rate_limit_says_when(gateway: Gateway) -> None:
    """The end of the window is told, and how long it is waited for."""
    client = Apertis(base_url=gateway.url, api_key="sk-class-hasty", max_retries=0)
    error = refused(lambda: complete(client, model="practice", stream=False))

    assert re.search(r"resets at \d\d:\d\d:\d\d", error.hint)
    assert 60 == error.retry_after


def test_near_models_are_offered(shell: Shell) -> None:
    """A name that is nearly one of the gateway's is likened to it."""
    with pytest.raises(errors.ModelNotFound) as caught:
        shell.run(f"%%chat -m practise\n{QUESTION}")

    assert "practice" in caught.value.hint


CONTEXT = (
    "This model's maximum context length is 8192 tokens. However, your messages "
    "resulted in 9001 tokens. Please reduce the length of the messages."
)
FILTERED = (
    "The response was filtered due to the prompt triggering Azure OpenAI's content "
    "management policy. Please modify your prompt and retry."
)
QUOTA = "You exceeded your current quota, please check your plan and billing details."
# What the model's server refuses with, and the class that it still is behind LiteLLM,
# which keeps the status and the words and drops the code.
PASSED_ON: dict[str, tuple[Answer, type[errors.ApertisError], str]] = {
    "too long": (
        fails(400, CONTEXT, code="context_length_exceeded"),
        errors.ContextLengthExceeded,
        "maximum context length is 8192",
    ),
    "filtered": (
        fails(400, FILTERED, code="content_filter"),
        errors.ContentPolicyViolation,
        "content management policy",
    ),
    "the class has no money left": (
        fails(429, QUOTA, code="insufficient_quota"),
        errors.QuotaExceeded,
        "exceeded your current quota",
    ),
    "the class asks too much": (
        fails(429, "Rate limit reached. Please try again in 20s."),
        errors.RateLimited,
        "try again in 20s",
    ),
    "the model is gone": (
        fails(404, "The model `gpt-4.1-mini` does not exist."),
        errors.ModelNotFound,
        "does not exist",
    ),
    "broken": (fails(500, "boom"), errors.ServerError, "boom"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("why", PASSED_ON)
def test_refusals_of_the_model(
    gateway: Gateway, behind: ScriptedServer, why: str, *, stream: bool
) -> None:
    """The gateway's own lines around the words do not hide what they say."""
    answer, kind, words = PASSED_ON[why]
    behind.will(answer)
    client = Apertis(base_url=gateway.url, max_retries=0)
    error = refused(lambda: complete(client, model="tutor", stream=stream))

    assert kind is type(error)
    assert words in str(error)
    assert 1 == len(str(error).splitlines())


def test_models(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is that of the gateway, for each key its own."""
    shell.run("%chat models")
    everybody = shown(shell)
    monkeypatch.setenv("APERTIS_API_KEY", "sk-class-tutored")
    shell.run("%chat models --refresh")
    one = shown(shell)

    assert {"practice", "tutor"} <= {*everybody.split()}
    assert "tutor" in one
    assert "practice" not in one


def test_doctor(
    gateway: Gateway,
    shell: Shell,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All is well; where the key is nobody's, that is what it says."""
    monkeypatch.setenv("APERTIS_MODEL", "practice")
    shell.run("%chat doctor")
    well = capsys.readouterr().out
    monkeypatch.setenv("APERTIS_API_KEY", "sk-class-nobody")
    shell.run("%chat doctor")
    ill = capsys.readouterr().out

    assert f"ok  address {gateway.url}" in well
    assert "ok  practice is one of the server's 2 models" in well
    assert "ok  practice streams" in well
    assert "ok  usage is told" in well
    assert "!!" not in well
    assert "!!  AuthenticationError: This key is not one of the class." in ill
    assert "apertis.ai" not in ill


def test_doctor_without_the_default(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the default model is not the gateway's, its own are offered."""
    shell.run("%chat doctor")
    lines = capsys.readouterr().out.splitlines()
    [about] = [line for line in lines if "is not in the server's list" in line]

    assert "practice" in about
    assert "tutor" in about
