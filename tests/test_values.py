"""Values at the edges: the API's objects, parameters, keys and errors."""

import copy
import json
import pickle
from email.utils import formatdate
from itertools import pairwise
from random import Random
from time import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apertis_magic import errors
from apertis_magic.api import failures, keys, params, retry
from apertis_magic.api.assemble import completion_of
from apertis_magic.api.error_body import error_of
from apertis_magic.api.response import Response
from apertis_magic.api.types import ChatCompletion, ChatCompletionChunk, Usage
from apertis_magic.clean import excerpt
from apertis_magic.credentials import redact
from apertis_magic.errors import ApertisError, ConfigurationError, Interrupted

FIELDS = (
    "id model created choices usage error web_sources message delta index "
    "finish_reason role content text refusal reasoning_content reasoning_details "
    "tool_calls function name arguments annotations url_citation url title snippet "
    "prompt_tokens completion_tokens total_tokens prompt_tokens_details cached_tokens "
    "cost"
).split()

ODD_CHUNKS: dict[str, Any] = {
    "nothing": {},
    "null choices": {"choices": None},
    "choices of the wrong type": {"choices": "x"},
    "an empty choice": {"choices": [{}]},
    "null delta": {"choices": [{"index": 0, "delta": None}]},
    "null content": {"choices": [{"delta": {"content": None}}]},
    "a list of nonsense": {"choices": [None, 1, "x"]},
    "a ping": {"type": "ping"},
    "empty finish": {"choices": [{"delta": {}, "finish_reason": ""}]},
    "huge numbers": {"created": 10**400, "usage": {"total_tokens": 10**400}},
    "no numbers": {"usage": {"cost": float("nan"), "total_tokens": float("inf")}},
    "odd usage": {"usage": {"prompt_tokens": "many", "cost": True}},
}


@pytest.mark.parametrize("raw", ODD_CHUNKS.values(), ids=ODD_CHUNKS)
def test_odd_chunks_are_no_answer_and_no_error(raw: Any) -> None:
    """What servers leave out, null or add never raises and never becomes text."""
    chunk = ChatCompletionChunk(raw)

    assert not any(choice.delta.content for choice in chunk.choices)
    assert not any(choice.finish_reason for choice in chunk.choices)
    assert raw == chunk.raw


def test_content_in_parts_is_joined() -> None:
    """A list of text parts in the place of a string is one text."""
    parts = [{"type": "text", "text": "a"}, {"type": "image"}, {"text": "b"}]
    raw = {"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}

    assert "ab" == ChatCompletion(raw).choices[0].message.content


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_has_many_names(name: str) -> None:
    """The model's thinking is found by whichever name the server gives it."""
    chunk = ChatCompletionChunk({"choices": [{"delta": {name: "hm"}}]})

    assert "hm" == chunk.choices[0].delta.reasoning


COMPLETION = ChatCompletion(
    {
        "id": "c1",
        "model": "m",
        "choices": [{"message": {"role": "assistant", "content": "Hi.", "audio": {}}}],
        "system_fingerprint": "fp",
        "class": "odd",
    },
    Response.of(200, {"X-Request-Id": "r1"}),
)


@pytest.mark.parametrize(
    "twin",
    [
        pickle.loads(pickle.dumps(COMPLETION)),
        copy.copy(COMPLETION),
        copy.deepcopy(COMPLETION),
    ],
)
def test_values_survive_pickling_and_copying(twin: ChatCompletion) -> None:
    """A completion goes to another process with all that is known of it."""
    assert COMPLETION == twin
    assert repr(COMPLETION) == repr(twin)
    assert "r1" == twin.response.request_id


def test_fields_that_nobody_modelled_are_attributes() -> None:
    """They are found as such, also by completion; others are not there."""
    message = COMPLETION.choices[0].message

    assert "fp" == getattr(COMPLETION, "system_fingerprint")  # noqa: B009  for mypy
    assert "system_fingerprint" in dir(COMPLETION)
    assert hasattr(message, "audio")
    assert not hasattr(message, "thinking")
    assert not hasattr(COMPLETION, "_secret")
    with pytest.raises(AttributeError, match="ChatCompletion has no 'nothing'"):
        getattr(COMPLETION, "nothing")  # noqa: B009  same


def test_values_cannot_be_changed() -> None:
    """They say what the server sent."""
    with pytest.raises(AttributeError):
        COMPLETION.model = "other"  # type: ignore[misc]  # that is the point
    with pytest.raises(AttributeError):
        COMPLETION.choices[0].message.note = "x"  # type: ignore[attr-defined]  # same


def test_a_value_is_shown_with_what_it_holds() -> None:
    """Without what is missing, and without the raw object."""
    expected = (
        "ChatCompletion(id='c1', model='m', system_fingerprint='fp', "
        "choices=(Choice(index=0, message=ResponseMessage(role='assistant', "
        "content='Hi.')),))"
    )

    assert expected == repr(COMPLETION)
    assert COMPLETION != ChatCompletion({})
    assert COMPLETION != "x"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=5)
        ),
        max_leaves=40,
    ).filter(lambda value: isinstance(value, dict))
)
def test_any_json_is_a_completion(raw: Any) -> None:
    """Whatever a server sends, every field can be asked for, and none raises."""
    for value in (ChatCompletion(raw), ChatCompletionChunk(raw)):
        assert repr(value)
    assert ChatCompletion(raw).as_chunk().raw is not None
    assert isinstance(completion_of([ChatCompletionChunk(raw)]), ChatCompletion)
    error_of(raw)


def test_usage_adds_up_what_is_missing() -> None:
    """A total of 0 or none is the sum; details and cost are read."""
    usage = Usage.from_dict(
        {
            "prompt_tokens": 3,
            "completion_tokens": 4,
            "total_tokens": 0,
            "prompt_tokens_details": {"cached_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 1},
            "cost": 0.5,
        }
    )

    assert (7, 2, 1, 0.5) == (
        usage.total_tokens,
        usage.cached_tokens,
        usage.reasoning_tokens,
        usage.cost,
    )


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({"error": {}}, None),
        ({"error": {"message": "", "type": "", "param": "", "code": None}}, None),
        ({"error": None}, None),
        ({"error": "  "}, None),
        ({"error": "no"}, "no"),
        ({"error": {"message": "no"}}, "no"),
    ],
)
def test_an_empty_error_is_none(payload: Any, message: str | None) -> None:
    """Gateways send an empty error along with a success."""
    error = error_of(payload)

    assert message == (error["message"] if error else None)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("temperature", 2.1, "temperature must be 0 to 2, not 2.1"),
        ("temperature", -0.1, "0 to 2"),
        ("temperature", float("nan"), "0 to 2"),
        ("temperature", "hot", "a number"),
        ("temperature", True, "a number"),
        ("max_tokens", 0, "at least 1"),
        ("max_tokens", 1.5, "a whole number"),
        ("top_p", 1.01, "0 to 1"),
        ("presence_penalty", -2.5, "-2 to 2"),
        ("stop", ["a"] * 5, "4 at most"),
        ("stop", [1], "text"),
        ("n", 0, "1 to 128"),
        ("n", 129, "1 to 128"),
        ("top_logprobs", 21, "0 to 20"),
        ("top_logprobs", 1, "needs logprobs=True"),
        ("stream_options", {}, "needs stream=True"),
        ("web_results_count", 11, "1 to 10"),
        ("web_content_length", "long", "short, medium or full"),
        ("fallback_timeout", 100, "5000 to 300000"),
        ("fallback_models", ["a"] * 6, "5 at most"),
        ("fallback_models", ["a"], "needs fallback_enabled=True"),
        ("logit_bias", {"1": -101}, "-100 to 100"),
        ("logit_bias", {"1": "x"}, "a number"),
        ("thinking", {"budget_tokens": 1023}, "1024 to 32768"),
        ("metadata", dict.fromkeys("abcdefghijklmnopq", "x"), "16 pairs at most"),
        ("logprobs", 1, "true or false"),
        ("tools", {}, "a list"),
        ("metadata", [], "a mapping"),
        ("temprature", 1, r"no parameter temprature. Did you mean temperature\?"),
        ("quite_new", 1, "no parameter quite_new.$"),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: Any, words: str) -> None:
    """The error names the parameter and its range."""
    with pytest.raises(ConfigurationError, match=words):
        params.check({name: value})


def test_what_does_not_go_together_is_refused() -> None:
    """The two ways to search the web exclude each other."""
    with pytest.raises(ConfigurationError, match="do not go together"):
        params.check({"web_search_options": {}, "web_results_count": 3})


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 0},
        {"temperature": 2.0},
        {"max_tokens": 1},
        {"stop": "x"},
        {"stop": ["a", "b"]},
        {"seed": 0},
        {"temperature": None},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"logprobs": True, "top_logprobs": 0},
        {"tool_choice": "auto"},
        {"tool_choice": {"type": "function"}},
        {"fallback_models": ["a", "b"], "fallback_enabled": True},
        {"logit_bias": {"50256": -100, "1": 100}},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"thinking": {"type": "auto"}},
        {"metadata": dict.fromkeys("abcdefghijklmnop", "x")},
    ],
)
def test_values_in_range_pass(options: Any) -> None:
    """The ends of a range belong to it, and 0 is a value."""
    params.check(options)


def test_a_key_is_found_where_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An argument goes before the environment; pasted white space is taken off."""
    url = "https://api.apertis.ai/v1"

    assert keys.find(base_url=url) is None

    monkeypatch.setenv("APERTIS_API_KEY", " sk-from-environment\n")

    assert (
        keys.Found("sk-from-environment", "APERTIS_API_KEY"),
        keys.Found("sk-given", "api_key"),
    ) == (keys.find(base_url=url), keys.find("sk-given ", base_url=url))


@pytest.mark.parametrize("key", ["", "  ", "sk-“curly”", "sk-a b", "sk-\x00a"])
def test_what_cannot_be_a_key_is_refused_unseen(key: str) -> None:
    """The message never repeats the key."""
    with pytest.raises(ConfigurationError) as caught:
        keys.clean(key)

    assert not key.strip() or key not in str(caught.value) + caught.value.hint


FAILURES = [
    (400, {"message": "bad", "param": "stop"}, errors.BadRequest),
    (422, {"message": "bad"}, errors.BadRequest),
    (400, {"code": "context_length_exceeded"}, errors.ContextLengthExceeded),
    (400, {"type": "exceed_context_size_error"}, errors.ContextLengthExceeded),
    (401, {"code": 401, "message": "no"}, errors.AuthenticationError),
    (402, {"code": "insufficient_balance"}, errors.QuotaExceeded),
    (400, {"code": "quota_exceeded"}, errors.QuotaExceeded),
    (429, {"code": "insufficient_quota"}, errors.QuotaExceeded),
    (403, {"code": "model_access_denied"}, errors.PermissionDenied),
    (404, {"code": "model_not_found"}, errors.ModelNotFound),
    (400, {"message": "The model `x` does not exist"}, errors.ModelNotFound),
    (404, {"code": "endpoint_not_found"}, errors.NotFound),
    (408, {"code": "request_timeout"}, errors.RequestTimeout),
    (400, {"type": "content_policy_error"}, errors.ContentPolicyViolation),
    (403, {"message": "error code: 1010"}, errors.Blocked),
    (400, {"code": "unsupported_parameter"}, errors.UnsupportedParameter),
    (400, {"code": "invalid_image"}, errors.BadRequest),
    (429, {"code": "rate_limit_exceeded"}, errors.RateLimited),
    (418, {"message": "tea"}, errors.StatusError),
    (500, {"message": "no"}, errors.ServerError),
    (503, {"message": "no quota"}, errors.ServerError),
    (400, {"message": "You exceeded your current quota."}, errors.QuotaExceeded),
    (403, {"message": "insufficient permissions"}, errors.PermissionDenied),
    (429, {"message": "busy at the load balancer"}, errors.RateLimited),
    (400, {"message": "Unbalanced braces"}, errors.BadRequest),
]


@pytest.mark.parametrize(("status", "error", "kind"), FAILURES)
def test_a_status_and_its_words_make_the_class(
    status: int, error: Any, kind: type[ApertisError]
) -> None:
    """Each kind of failure that a user handles differently is a class of its own."""
    body = json.dumps({"error": error}).encode()
    response = Response.of(status, {"X-Request-Id": "r1"})
    failure = failures.from_response(response, body, redact)

    assert kind is type(failure)
    assert (status, "r1") == (failure.status, failure.request_id)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "plain words"}', "plain words"),
        (b'{"message": "on top"}', "on top"),
        (b'{"detail": "in detail"}', "in detail"),
        (b'{"error": {"message": null, "type": "t"}}', "HTTP 502"),
        (
            b"<html><style>x{}</style><h1>502</h1> Bad\n gateway</html>",
            "502 Bad gateway",
        ),
        (b"", "no reason given"),
        (b"[1]", "[1]"),
        (b'{"error": {"message": ""}}', "no reason given"),
        (b'{"error": {"code": "odd"}}', "odd (HTTP 502)"),
        (b"\xff", "HTTP 502"),
    ],
)
def test_any_error_body_is_read(body: bytes, words: str) -> None:
    """JSON in many forms, HTML, or nothing at all becomes one line."""
    failure = failures.from_response(Response(status=502), body, redact)

    assert words in str(failure)
    assert "\n" not in str(failure)


def test_an_echoed_key_is_taken_out() -> None:
    """Some servers repeat the key in their error; it goes no further."""
    body = b'{"error": {"message": "bad key my-odd-key or sk-abcdef123456"}}'
    failure = failures.from_response(
        Response(status=401), body, lambda text: redact(text, "my-odd-key")
    )

    assert "bad key [key] or [key] (HTTP 401)" == str(failure)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (errors.RateLimited("x", status=429, retry_after=2.0), 2.0),
        (errors.RateLimited("x", status=429, retry_after=3600.0), None),
        (errors.QuotaExceeded("x", status=429), None),
        (errors.AuthenticationError("x", status=401), None),
        (errors.StatusError("x", status=408), None),
        (errors.ServerError("x", status=501), None),
    ],
)
def test_the_wait_before_another_try(
    error: ApertisError, expected: float | None
) -> None:
    """The server's own wait is kept; what waiting cannot mend is not tried again."""
    assert expected == retry.delay(error, 0, min)


@pytest.mark.parametrize("told", [0.02, 1.0, 30.0, retry.LONGEST_WAIT])
def test_those_who_wait_do_not_come_back_at_once(told: float) -> None:
    """They are spread over a tenth of what they were told, and none is early."""
    between = Random(3).uniform  # noqa: S311  anything
    error = errors.RateLimited("x", status=429, retry_after=told)
    waits = sorted(retry.delay(error, 0, between) or 0 for _ in range(32))
    pairs = pairwise(waits)

    assert told <= waits[0]
    assert waits[-1] <= told + max(told / 10, 0.05)
    assert 0 < min(later - earlier for earlier, later in pairs)
    assert max(told / 20, 0.025) < waits[-1] - waits[0]


def test_the_wait_grows_and_is_capped() -> None:
    """Without the server's word, or by one of 0, it doubles, less a quarter at most."""
    overload = errors.ServerError("x", status=503)
    waits = [retry.delay(overload, tries) for tries in (0, 1, 10)]
    at_once = errors.ServerError("x", status=503, retry_after=0.0)
    waits.append(retry.delay(at_once, 0))

    for wait, most in zip(waits, (0.5, 1.0, 8.0, 0.5), strict=True):
        assert wait is not None
        assert most * 0.75 <= wait <= most


def test_retry_after_is_seconds_or_a_date() -> None:
    """Both forms of the header are read, and nonsense is none."""
    assert 1.5 == retry.parse_retry_after("1.5")
    assert 0.0 == retry.parse_retry_after("-1")
    assert retry.parse_retry_after("soon") is None
    assert retry.parse_retry_after("inf") is None
    assert retry.parse_retry_after(None) is None
    assert 50 < (retry.parse_retry_after(formatdate(time() + 60)) or 0) <= 60


def test_a_short_key_is_a_word() -> None:
    """People give such to servers that need none; nothing would be left of a text."""
    text = "max_tokens: invalid_api_key"

    assert text == redact(text, "token", "k", "EMPTY", "")
    assert "a [key] b" == redact("a long-key-0 b", "long-key", "long-key-0")


def test_a_key_behind_control_characters_is_seen() -> None:
    """They are taken out before the key is looked for."""
    body = json.dumps({"error": {"message": "bad my-odd\x1b-key"}}).encode()
    failure = failures.from_response(
        Response(status=401), body, lambda text: redact(text, "my-odd-key")
    )

    assert "bad [key] (HTTP 401)" == str(failure)


def test_usage_is_told_in_any_form() -> None:
    """Numbers in quotes are numbers, and what nobody modelled is an attribute."""
    usage = Usage.from_dict({"prompt_tokens": "5", "latency_checkpoint": {"x": 1}})

    assert 5 == usage.prompt_tokens
    assert {"x": 1} == getattr(usage, "latency_checkpoint")  # noqa: B009  for mypy
    assert not hasattr(usage, "nothing")
    assert usage == pickle.loads(pickle.dumps(usage))


@pytest.mark.parametrize("number", [2**70, 1e300, "many", True, float("inf")])
def test_a_count_is_a_number_that_can_be(number: object) -> None:
    """Others are none."""
    assert Usage.from_dict({"prompt_tokens": number}).prompt_tokens is None


def test_words_that_look_like_keys_are_words() -> None:
    """Only what begins with ``sk-`` is taken for a key."""
    text = "The model 'task-classifier' is risk-adjusted on disk-intensive work"

    assert text == redact(text)
    assert "a [key], b" == redact("a sk-abcdef-123, b")


def test_an_error_cannot_steer_a_terminal() -> None:
    """Control characters of a server's message go no further, nor does it end."""
    assert "a[2Jb c" == str(ApertisError("a\x1b[2J\x9bb\n\tc"))


def test_errors_survive_pickling_and_copying() -> None:
    """What an error knows goes along to another process."""
    error = errors.RateLimited("slow down", status=429, retry_after=3.0, partial="a")

    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(error) is type(twin)
        assert vars(error) == vars(twin)
        assert "slow down" == str(twin)


def test_an_error_is_shown_in_one_or_two_lines() -> None:
    """A notebook shows what happened and what to do, and no traceback."""
    told = errors.RateLimited("slow down")._render_traceback_()

    assert ["RateLimited: slow down", errors.RateLimited.hint] == told
    assert ["ApertisError: x"] == ApertisError("x")._render_traceback_()
    assert ["Interrupted: x"] == Interrupted("x")._render_traceback_()
    assert issubclass(Interrupted, KeyboardInterrupt)


@given(st.text(st.sampled_from(" \n\tab")), st.integers(2, 12))
def test_an_excerpt_is_the_beginning_in_one_line(text: str, most: int) -> None:
    """All of it where it fits; what is cut off is told by the last character."""
    line, whole = excerpt(text, most), " ".join(text.split())
    is_cut = line.endswith("…")

    assert is_cut == (len(whole) > most)
    assert whole.startswith(line.removesuffix("…"))
    assert most - 1 <= len(line) <= most if is_cut else line == whole
