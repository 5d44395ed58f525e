"""Every field of a response: None where it was left out, whole and streamed alike."""

import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from scripted_server import (
    DONE,
    Answer,
    ScriptedServer,
    event,
    json_answer,
    says,
    whole,
)

from apertis_magic import Apertis, Conversation
from apertis_magic.api.assemble import completion_of
from apertis_magic.api.models import Model
from apertis_magic.api.response import Response
from apertis_magic.api.types import (
    Audio,
    ChatCompletion,
    ChatCompletionChunk,
    Choice,
    ChunkChoice,
    CompletionTokensDetails,
    Delta,
    Logprobs,
    PromptTokensDetails,
    ResponseMessage,
    TokenLogprob,
    ToolCall,
    TopLogprob,
    Usage,
)
from apertis_magic.api.usage import costing
from apertis_magic.errors import ConfigurationError

HI = [{"role": "user", "content": "Hi."}]
# An object in which everything is left out, and the API's fields of it.
LEFT_OUT: list[tuple[Any, str]] = [
    (
        ChatCompletion({}),
        (
            "id created model object system_fingerprint service_tier moderation usage "
            "metadata"
        ),
    ),
    (
        ChatCompletionChunk({}),
        (
            "id created model object system_fingerprint service_tier moderation usage "
            "obfuscation"
        ),
    ),
    (Choice({}), "finish_reason logprobs"),
    (ChunkChoice({}), "finish_reason logprobs"),
    (ResponseMessage({}), "role content refusal audio function_call"),
    (Delta({}), "role content refusal audio function_call"),
    (ToolCall({}), "index id custom"),
    (
        Usage(),
        (
            "prompt_tokens completion_tokens total_tokens prompt_tokens_details "
            "completion_tokens_details"
        ),
    ),
    (
        PromptTokensDetails({}),
        "cached_tokens audio_tokens cache_write_tokens text_tokens image_tokens",
    ),
    (
        CompletionTokensDetails({}),
        (
            "reasoning_tokens audio_tokens accepted_prediction_tokens "
            "rejected_prediction_tokens text_tokens"
        ),
    ),
    (Logprobs({}), "content refusal"),
    (TokenLogprob({}), "token bytes logprob top_logprobs"),
    (TopLogprob({}), "token bytes logprob"),
    (Audio({}), "id data expires_at transcript"),
    (Model({}), "object owned_by created"),
]


def tokens(*texts: str) -> list[dict[str, Any]]:
    """Return the probabilities of a text's tokens."""
    return [
        {
            "token": each,
            "logprob": -0.5,
            "bytes": [*each.encode()],
            "top_logprobs": [{"token": each, "logprob": -0.5, "bytes": None}],
        }
        for each in texts
    ]


FULL: dict[str, Any] = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1_790_000_000,
    "model": "served",
    "system_fingerprint": "fp",
    "service_tier": "default",
    "moderation": {"input": {"type": "moderation_results", "results": [{"a": 1}]}},
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Hi!",
                "refusal": None,
                "audio": {"id": "s", "data": "AABB", "transcript": "Hi!"},
                "function_call": {"name": "f", "arguments": '{"a": 1}'},
            },
            "logprobs": {"content": tokens("Hi", "!"), "refusal": None},
            "finish_reason": "stop",
            "stop_reason": 7,
        }
    ],
    "usage": {
        "prompt_tokens": 3,
        "completion_tokens": 2,
        "total_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 0, "new": 9},
        "completion_tokens_details": {"reasoning_tokens": 0},
        "cost": 0.5,
    },
}


def streamed(body: dict[str, Any]) -> Answer:
    """Return a response with one choice as a stream, each token in a chunk."""
    beside = {k: v for k, v in body.items() if k not in ("choices", "usage")}
    [choice] = body["choices"]
    message = choice["message"]
    told = [each["token"] for each in choice["logprobs"]["content"]]
    audio, call = message["audio"], message["function_call"]
    half = len(call["arguments"]) // 2
    deltas: list[dict[str, Any]] = [
        {"delta": {"role": "assistant", "content": "", "refusal": None}},
        *(
            {"delta": {"content": text}, "logprobs": {"content": [each]}}
            for text, each in zip(told, choice["logprobs"]["content"], strict=True)
        ),
        {"delta": {"audio": {"id": audio["id"], "data": "AA", "transcript": "H"}}},
        {"delta": {"audio": {"data": "BB", "transcript": "i!"}}},
        {"delta": {"function_call": {**call, "arguments": call["arguments"][:half]}}},
        {"delta": {"function_call": {"arguments": call["arguments"][half:]}}},
        {"delta": {}, "finish_reason": choice["finish_reason"], "stop_reason": 7},
    ]
    beside = {**beside, "object": "chat.completion.chunk", "obfuscation": "aB3"}
    pieces = [{"index": 0, "logprobs": None, **each} for each in deltas]
    events = [event({**beside, "choices": [piece], "usage": None}) for piece in pieces]
    last = event({**beside, "choices": [], "usage": body["usage"]})
    return Answer((*events, last, DONE))


def asked(server: ScriptedServer, answer: Answer, *, stream: bool) -> ChatCompletion:
    """Return the completion that a client makes of a server's answer."""
    server.will(answer)
    create = Apertis().chat.completions.create
    if not stream:
        return create(model="m", messages=HI)
    with create(model="m", messages=HI, stream=True) as chunks:
        return chunks.completion()


@pytest.mark.parametrize(
    ("value", "names"), LEFT_OUT, ids=[type(value).__name__ for value, _ in LEFT_OUT]
)
def test_what_a_server_leaves_out_is_none(value: Any, names: str) -> None:
    """Each field that the API has; another name is an error."""
    nothing = dict.fromkeys(names.split())

    assert nothing == {name: getattr(value, name) for name in nothing}
    assert nothing.keys() <= value.model_dump().keys()
    assert not hasattr(value, "system_fingerprnt")
    with pytest.raises(AttributeError, match="has no 'content_'"):
        _ = value.content_
    assert value == pickle.loads(pickle.dumps(value)) == copy.deepcopy(value)


def test_what_is_null_is_none() -> None:
    """As what is left out; and so is what is no object."""
    nothing: Any
    for nothing in (None, "x", [], 3):
        choice = Choice({"logprobs": nothing})
        message = ResponseMessage({"audio": nothing, "function_call": nothing})
        usage = Usage.from_dict({"prompt_tokens_details": nothing})

        assert choice.logprobs is message.audio is message.function_call is None
        assert usage.prompt_tokens_details is usage.completion_tokens_details is None


def asked_for_all(server: ScriptedServer, *, stream: bool) -> ChatCompletion:
    """Return the completion in which each field is, as it came in one way."""
    answer = streamed(FULL) if stream else json_answer(FULL)
    return asked(server, answer, stream=stream)


def read(answer: ChatCompletion) -> list[Any]:
    """Return what a program for the SDK reads of an answer."""
    choice, usage = answer.choices[0], answer.usage
    assert usage is not None
    names = LEFT_OUT[0][1].split()
    message = [getattr(choice.message, name) for name in LEFT_OUT[4][1].split()]
    own = [getattr(choice, "stop_reason", None), choice.finish_reason, choice.logprobs]
    return [*(getattr(answer, name) for name in names), *message, *own]


def test_streamed_is_as_whole(server: ScriptedServer) -> None:
    """Probabilities, sound and a function's arguments are joined over the chunks."""
    one = asked_for_all(server, stream=False)
    other = asked_for_all(server, stream=True)

    assert read(one) == read(other)
    assert one.usage == other.usage
    assert one.model_dump() == other.model_dump()
    assert "obfuscation" not in other.raw


class Said(NamedTuple):
    """What a model answers: the tokens of text and refusal, and whether it calls."""

    text: list[str]
    refusal: list[str]
    is_called: bool

    @property
    def begins_with(self) -> str | None:
        """The text as it begins; None where something else stands in its place."""
        return None if not self.text and (self.refusal or self.is_called) else ""


CALL = {"id": "c1", "type": "custom", "custom": {"name": "f"}}
TOKENS = st.lists(st.sampled_from(["a", "é", " ", "\n", "{}"]), max_size=4)
SAID = st.builds(Said, TOKENS, TOKENS, st.booleans())


def whole_choice(said: Said) -> dict[str, Any]:
    """Return the choice of a whole answer."""
    text, refusal = "".join(said.text), "".join(said.refusal)
    calls = [{**CALL, "custom": {"name": "f", "input": text}}]
    logprobs = {
        "content": tokens(*said.text) or None,
        "refusal": tokens(*said.refusal) or None,
    }
    message = {
        "role": "assistant",
        "content": text or said.begins_with,
        "refusal": refusal or None,
        "tool_calls": calls if said.is_called else None,
    }
    return {
        "message": message,
        "finish_reason": "stop",
        "logprobs": logprobs if text or refusal else None,
    }


def choice_pieces(said: Said) -> Iterator[dict[str, Any]]:
    """Give the same choice in pieces, each token in one."""
    begin = {"role": "assistant", "content": said.begins_with}
    yield {"delta": begin, "logprobs": None}
    for kind, texts in (("content", said.text), ("refusal", said.refusal)):
        for each in texts:
            yield {"delta": {kind: each}, "logprobs": {kind: tokens(each)}}
    if said.is_called:
        yield {"delta": {"tool_calls": [{"index": 0, **CALL}]}}
        for each in said.text:
            piece = {"index": 0, "custom": {"input": each}}
            yield {"delta": {"tool_calls": [piece]}}
    yield {"delta": {}, "finish_reason": "stop"}


@given(st.lists(SAID, min_size=1, max_size=3), st.data())
def test_any_answers_streamed_are_as_whole(
    answers: list[Said], data: st.DataObject
) -> None:
    """Texts, refusals, calls and probabilities, the choices' pieces in any order."""
    choices = [{"index": n, **whole_choice(each)} for n, each in enumerate(answers)]
    queues = [
        [{"index": n, **piece} for piece in choice_pieces(each)]
        for n, each in enumerate(answers)
    ]
    chunks = []
    while left := [queue for queue in queues if queue]:
        piece = data.draw(st.sampled_from(left)).pop(0)
        chunks.append(ChatCompletionChunk({"id": "c", "choices": [piece]}))
    whole = {"id": "c", "object": "chat.completion", "choices": choices}

    assert ChatCompletion(whole).model_dump() == completion_of(chunks).model_dump()


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_nested_has_attributes(server: ScriptedServer, *, stream: bool) -> None:
    """And is a mapping, as it was before it had them."""
    answer = asked(
        server, streamed(FULL) if stream else json_answer(FULL), stream=stream
    )
    choice, usage = answer.choices[0], answer.usage
    assert usage is not None
    assert usage.prompt_tokens_details is not None
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    token = choice.logprobs.content[1]
    assert token.top_logprobs is not None

    assert ("!", -0.5, [33]) == (token.token, token.logprob, token.bytes)
    assert ("!", None) == (token.top_logprobs[0].token, token.top_logprobs[0].bytes)
    assert choice.logprobs.refusal is None
    assert 1 == usage.prompt_tokens_details.cached_tokens
    assert 1 == usage.prompt_tokens_details["cached_tokens"]
    assert 1 == usage.prompt_tokens_details.get("cached_tokens")
    assert 9 == usage.prompt_tokens_details.new  # type: ignore[attr-defined]  # unknown
    assert {"reasoning_tokens": 0} == usage.completion_tokens_details
    assert "!" == choice.logprobs["content"][1]["token"]
    assert answer.moderation is not None
    assert 1 == answer.moderation.input.results[0].a  # type: ignore[attr-defined]  # same
    assert choice.message.function_call is not None
    assert (
        "f" == choice.message.function_call.name == choice.message.function_call["name"]
    )


def test_a_sum_of_usages_has_no_details() -> None:
    """They are those of one answer."""
    usage = Usage.from_dict(FULL["usage"])

    assert 10 == (usage + usage).total_tokens
    assert (usage + usage).prompt_tokens_details is None
    assert {} == (usage + usage).to_dict()


@pytest.mark.parametrize("stream", [False, True])
def test_a_dict_of_all(server: ScriptedServer, *, stream: bool) -> None:
    """It is plain JSON, and the caller's to change."""
    answer = asked(
        server, streamed(FULL) if stream else json_answer(FULL), stream=stream
    )
    before = json.dumps(answer.raw)
    assert answer.usage is not None
    values = (answer, answer.as_chunk(), answer.choices[0], answer.usage)
    for value in values:
        found = value.to_dict()
        assert value.raw == found == json.loads(json.dumps(found))
        assert says_all(value.model_dump(), found)
        _emptied(found)
        _emptied(value.model_dump())

    assert before == json.dumps(answer.raw)


def says_all(dump: Any, raw: Any) -> bool:
    """Tell whether a dump is the JSON that came, and nothing large besides."""
    if isinstance(raw, dict):
        added = [dump[name] for name in dump.keys() - raw.keys()]
        return all(says_all(dump[name], value) for name, value in raw.items()) and (
            not any(isinstance(each, dict | list) for each in added)
        )
    if isinstance(raw, list):
        return len(raw) == len(dump) and all(map(says_all, dump, raw))
    return bool(dump == raw)


def _emptied(value: Any) -> None:
    """Empty all that is in JSON."""
    inside = value.values() if isinstance(value, dict) else value
    for each in inside if isinstance(value, dict | list) else ():
        _emptied(each)
    if isinstance(value, dict | list):
        value.clear()


def test_a_dump_with_and_without_what_is_missing() -> None:
    """``None`` stands for each field of the API, at every level, or nothing does."""
    raw = {"id": "c", "choices": [{"message": {"content": "a"}, "logprobs": None}]}
    full, short = (
        ChatCompletion(raw).model_dump(exclude_none=each) for each in (False, True)
    )

    assert {"id": "c", "choices": [{"message": {"content": "a"}}]} == short
    assert full["usage"] is full["service_tier"] is full["created"] is None
    assert full["choices"][0]["logprobs"] is full["choices"][0]["finish_reason"] is None
    assert full["choices"][0]["message"]["audio"] is None
    assert "reasoning" not in full["choices"][0]["message"]
    assert 0 == full["choices"][0]["index"]
    assert "notice" not in ChatCompletionChunk(raw).model_dump()


def test_a_dump_of_what_has_another_name() -> None:
    """It is there as it came, and by our name."""
    model = Model({"id": "m", "max_model_len": 4096}).model_dump()

    assert ("m", 4096, 4096, None) == tuple(
        model[name] for name in ("id", "max_model_len", "context_length", "owned_by")
    )
    assert {"id": "m"} == Model({"id": "m"}).model_dump(exclude_none=True)


MESSAGE: dict[str, Any] = {
    "role": "assistant",
    "content": None,
    "refusal": None,
    "reasoning_content": "Hm.",
    "annotations": [],
    "tool_calls": [
        {
            "index": 0,
            "id": "1",
            "type": "function",
            "function": {"name": "f", "arguments": "{}"},
        }
    ],
}


@pytest.mark.parametrize("exclude_none", [True, False])
def test_a_message_is_sent_back(server: ScriptedServer, *, exclude_none: bool) -> None:
    """As a dump, without what a model refuses of its own."""
    choice = {"message": MESSAGE, "finish_reason": "tool_calls"}
    server.will(json_answer({"choices": [choice]}), whole("Done."))
    client = Apertis()
    first = client.chat.completions.create(model="m", messages=HI)
    message = first.choices[0].message
    result = {"role": "tool", "tool_call_id": "1", "content": "20"}
    back = message.model_dump(exclude_none=exclude_none)
    client.chat.completions.create(model="m", messages=[*HI, back, result])
    sent = server.requests[-1].body["messages"][1]
    [call] = MESSAGE["tool_calls"]

    assert [{k: v for k, v in call.items() if k != "index"}] == sent["tool_calls"]
    assert "reasoning_content" not in sent
    assert exclude_none is not any(value is None for value in sent.values())
    assert {"role", "tool_calls"} <= sent.keys()
    assert "Hm." == first.model_dump()["choices"][0]["message"]["reasoning_content"]


def test_what_was_answered_can_stand_in_a_message(server: ScriptedServer) -> None:
    """The calls as they are, a call's function, a details object: what came is sent."""
    choice = {"message": MESSAGE, "finish_reason": "tool_calls"}
    server.will(json_answer({"choices": [choice]}), whole("Done."))
    client = Apertis()
    message = client.chat.completions.create(model="m", messages=HI).choices[0].message
    [call] = message.tool_calls
    back = {"role": "assistant", "content": None, "tool_calls": message.tool_calls}
    built = {"role": "assistant", "tool_calls": [{"function": call.function}]}
    client.chat.completions.create(model="m", messages=[*HI, back, built])
    _, one, other = server.requests[-1].body["messages"]

    assert MESSAGE["tool_calls"] == one["tool_calls"]
    assert MESSAGE["tool_calls"][0]["function"] == other["tool_calls"][0]["function"]
    with pytest.raises(ConfigurationError, match="Object of type object is not JSON"):
        client.chat.completions.create(model="m", messages=[{"content": object()}])


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    "choices message delta usage logprobs content token bytes "
                    "top_logprobs annotations tool_calls custom function audio "
                    "prompt_tokens_details web_sources raw model_dump".split()
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=40,
    ).filter(lambda value: isinstance(value, dict))
)
def test_any_json_can_be_dumped(raw: Any) -> None:
    """A dump says all that came, and what it adds is None."""
    for value in (ChatCompletion(raw), ChatCompletionChunk(raw)):
        assert raw == value.to_dict()
        assert says_all(value.model_dump(), raw)
        assert None not in value.model_dump(exclude_none=True).values()
        for choice in value.choices:
            assert says_all(choice.model_dump(), choice.raw)
        repr(value)


# What a gateway's header says of the cost, and whether that is one.
COSTS = {
    "3.6e-05": 3.6e-05,
    "0.0": 0.0,
    " 0.25 ": 0.25,
    "0": 0.0,
    "nan": None,
    "inf": None,
    "-0.1": None,
    "None": None,
    "": None,
    "0.1, 0.2": None,
    "$1": None,
}


def billed(cost: str, **fields: Any) -> Answer:
    """Return a whole answer with a gateway's header for its cost."""
    answer = whole("Hi.", **fields)
    named = {"x-litellm-response-cost": cost, "x-litellm-response-cost-original": "9"}
    return Answer(answer.steps, headers={**answer.headers, **named})


@pytest.mark.parametrize(("told", "expected"), COSTS.items())
def test_the_cost_of_a_header(
    server: ScriptedServer, told: str, expected: float | None
) -> None:
    """It is a number that is none below 0; the body's own object stays as it came."""
    answer = asked(server, billed(told), stream=False)
    assert answer.usage is not None

    assert expected == answer.usage.cost
    assert "cost" not in answer.usage.raw
    assert "cost" not in answer.usage.to_dict()
    assert 7 == answer.usage.total_tokens


def test_which_cost_counts(server: ScriptedServer) -> None:
    """The body's own; and without a usage only what is above 0."""
    own = billed("9", usage={"total_tokens": 7, "cost": 0.0})

    assert 0.0 == asked(server, own, stream=False).usage.cost  # type: ignore[union-attr]  # it is there
    assert (
        Usage(cost=0.5) == asked(server, billed("0.5", usage=None), stream=False).usage
    )
    assert asked(server, billed("0", usage=None), stream=False).usage is None
    assert costing(None, None) is None


def test_a_stream_has_no_cost_in_its_headers(server: ScriptedServer) -> None:
    """They are sent before anybody knows it, and say 0."""
    steps = (*says("Hi.").steps,)
    headers = {
        "Content-Type": "text/event-stream; charset=utf-8",
        "x-litellm-response-cost": "0.0",
    }
    answer = asked(server, Answer(steps, headers=headers), stream=True)
    turn = Conversation().ask("Hi.").result()

    assert answer.usage is not None
    assert answer.usage.cost is turn.cost is None


@pytest.mark.parametrize("line", ["--no-stream ", ""])
def test_the_cost_of_a_header_everywhere(
    shell: Shell, server: ScriptedServer, line: str
) -> None:
    """Footer, sum and turn have it, also where a server answers a stream whole."""
    server.will(billed("3.6e-05"))
    shell.run(f"get_ipython().run_cell_magic('chat', '{line}-o answer', 'Hi.')")
    data = shell.published[-1]["data"]
    turn = shell.user_ns["answer"]
    shell.run("%chat usage")

    assert "$0.000036" in data["text/plain"]
    assert "$0.000036" in shell.published[-1]["data"]["text/plain"]
    assert 3.6e-05 == turn.cost == turn.to_dict()["usage"]["cost"]
    assert "cost" not in turn.usage.raw


def test_a_response_tells_what_it_is() -> None:
    """A stream by its content type, in whatever letters."""
    cost = {"X-LiteLLM-Response-Cost": "1"}

    assert 1.0 == Response.of(200, cost).cost
    assert Response.of(200, {**cost, "Content-Type": "Text/Event-Stream"}).cost is None


def test_padding_is_of_its_chunk_alone() -> None:
    """``obfuscation`` hides how long a piece is, and says nothing."""
    body = {"choices": [{"delta": {"content": "a"}}], "obfuscation": "xyz"}
    piece = ChatCompletionChunk(body)

    assert "xyz" == piece.obfuscation
    assert "obfuscation" not in completion_of([piece]).model_dump()
