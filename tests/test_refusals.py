"""Every refusal that servers are known to give, over real sockets, and what follows."""

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import time
from typing import Any

import pytest
from scripted_server import (
    Answer,
    Cut,
    Reset,
    ScriptedServer,
    chunk,
    fails,
    json_answer,
    whole,
)

from apertis_magic import Apertis, errors
from apertis_magic.api import retry

HELLO = [{"role": "user", "content": "Hello!"}]
SOON = {"Retry-After-Ms": "20"}


def ask(server: ScriptedServer, *, retries: int = 0, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis(base_url=server.url, max_retries=retries)
    request = {"model": "m", "messages": HELLO, **options}
    return client.chat.completions.create(**request)


def page(status: int, text: str) -> Answer:
    """Return an error page that is no JSON."""
    return Answer((text.encode(),), status, {"Content-Type": "text/html"})


INVALID = "invalid_request_error"
HASH = "19fa5b" + 58 * "0"
# answer, class, words of the message, words of the hint
ROWS: dict[str, tuple[Answer, type[errors.ApertisError], str, str]] = {
    "a wrong value": (
        fails(400, "bad", type=INVALID, code="invalid_parameter", param="temperature"),
        errors.BadRequest,
        "bad",
        "Check temperature.",
    ),
    "too many answers, as llama.cpp says": (
        fails(400, "Field 'n': Value must be between 1 <= value <= 2, but got 3"),
        errors.BadRequest,
        "but got 3",
        "give -n 2.",
    ),
    "too many answers, as OpenAI says": (
        fails(
            400,
            "Invalid 'n': integer above maximum value. Expected a value <= 128, but "
            "got 200 instead.",
            type=INVALID,
            param="n",
        ),
        errors.BadRequest,
        "<= 128",
        "give -n 128.",
    ),
    "too many answers, as Groq says": (
        fails(400, "'n' : number must be at most 1", type=INVALID),
        errors.BadRequest,
        "at most 1",
        "leave -n out.",
    ),
    "too many answers, as pydantic says": (
        json_answer(
            {
                "detail": [
                    {
                        "loc": ["body", "n"],
                        "msg": "Input should be less than or equal to 4",
                    }
                ]
            },
            422,
        ),
        errors.BadRequest,
        "body.n",
        "give -n 4.",
    ),
    "more than one answer": (
        fails(400, "n > 1 is not supported", type=INVALID, param="n"),
        errors.UnsupportedParameter,
        "n > 1",
        "leave -n out.",
    ),
    "too much of something else": (
        fails(400, "max_tokens must be at most 4096", type=INVALID, param="max_tokens"),
        errors.BadRequest,
        "4096",
        "Check max_tokens",
    ),
    "a missing field": (
        fails(400, "no", type=INVALID, code="missing_parameter", param="messages"),
        errors.BadRequest,
        "no",
        "Check messages.",
    ),
    "too long": (
        fails(400, "long", type=INVALID, code="context_length_exceeded"),
        errors.ContextLengthExceeded,
        "long",
        "Start over",
    ),
    "too long, as llama.cpp says": (
        fails(400, "the request exceeds", type="exceed_context_size_error"),
        errors.ContextLengthExceeded,
        "exceeds",
        "Start over",
    ),
    "too long, as Anthropic says": (
        fails(400, "prompt is too long: 210000 tokens > 200000 maximum"),
        errors.ContextLengthExceeded,
        "210000",
        "Start over",
    ),
    "too long, as LM Studio says": (
        json_answer(
            {
                "error": "Trying to keep the first 10247 tokens when context the "
                "overflows. However, the model is loaded with context length of only "
                "4096 tokens, which is not enough. Try to load the model with a larger "
                "context length, or provide a shorter input. Error Data: n/a, "
                "Additional Data: n/a"
            },
            400,
        ),
        errors.ContextLengthExceeded,
        "4096 tokens",
        "Start over",
    ),
    "too long, as LM Studio says of llama.cpp": (
        json_answer(
            {
                "error": "The number of tokens to keep from the initial prompt is "
                "greater than the context length (n_keep: 10247>= n_ctx: 4096). Try to "
                "load the model with a larger context length, or provide a shorter "
                "input."
            },
            400,
        ),
        errors.ContextLengthExceeded,
        "n_ctx: 4096",
        "Start over",
    ),
    "too long, as SGLang says": (
        fails(
            400,
            "The input (10247 tokens) is longer than the model's context length (4096 "
            "tokens).",
        ),
        errors.ContextLengthExceeded,
        "longer",
        "Start over",
    ),
    "too long, as LiteLLM says": (
        fails(
            400,
            "litellm.ContextWindowExceededError: litellm.BadRequestError: "
            "ContextWindowExceededError: OpenAIException - Input is too long.\n"
            "model=m. context_window_fallbacks=None. fallbacks=None.\n\nSet "
            "'context_window_fallback' - https://docs.litellm.ai. Received Model "
            "Group=m\nAvailable Model Group Fallbacks=None",
            type=None,
            param=None,
            code="400",
        ),
        errors.ContextLengthExceeded,
        "Input is too long (HTTP 400)",
        "Start over",
    ),
    "a picture": (
        fails(400, "no", type=INVALID, code="invalid_image"),
        errors.BadRequest,
        "no",
        "PNG, JPEG, WebP or GIF",
    ),
    "the rules": (
        fails(400, "no", type="content_policy_error", code="content_policy_violation"),
        errors.ContentPolicyViolation,
        "no",
        "other words",
    ),
    "the rules, at new-api": (
        fails(403, "no", type="new_api_error", code="sensitive_words_detected"),
        errors.ContentPolicyViolation,
        "no",
        "other words",
    ),
    "too long an answer": (
        fails(400, "no", code="output_length_exceeded"),
        errors.BadRequest,
        "no",
        "max_tokens",
    ),
    "money, as a bad request": (
        fails(400, "no", type="billing_error", code="insufficient_balance"),
        errors.QuotaExceeded,
        "no",
        "Top up",
    ),
    "money": (
        fails(402, "no", type="billing_error", code="quota_exceeded"),
        errors.QuotaExceeded,
        "no",
        "Top up",
    ),
    "money, by the status alone": (
        page(402, "pay"),
        errors.QuotaExceeded,
        "pay",
        "Top",
    ),
    "money, at one-api": (
        fails(403, "no", type="new_api_error", code="insufficient_user_quota"),
        errors.QuotaExceeded,
        "no",
        "Top up",
    ),
    "a budget, at LiteLLM": (
        fails(
            422,
            f"Budget has been exceeded! Key={HASH} Current cost: 0.0261, Max budget: "
            "0.02",
            type="budget_exceeded",
            param=None,
            code="422",
        ),
        errors.QuotaExceeded,
        "Key=19fa5b00… Current cost",
        "for a larger budget",
    ),
    "a budget, as a bad request": (
        fails(
            400,
            "Budget has been exceeded! Current cost: 0.0261, Max budget: 0.02",
            type="budget_exceeded",
            code="400",
        ),
        errors.QuotaExceeded,
        "Max budget: 0.02",
        "for a larger budget",
    ),
    "a budget, at a gateway of a class": (
        fails(
            402,
            "Your budget of $0.0001 is used up.",
            type="billing_error",
            param=None,
            code="402",
        ),
        errors.QuotaExceeded,
        "used up",
        "Top up",
    ),
    "money, at OpenAI": (
        fails(429, "You exceeded your current quota", code="insufficient_quota"),
        errors.QuotaExceeded,
        "quota",
        "Top up",
    ),
    "a plan that ended": (
        fails(402, "no", code="subscription_expired"),
        errors.QuotaExceeded,
        "no",
        "Renew",
    ),
    "a wrong key": (
        fails(401, "no", type="authentication_error", code="invalid_api_key"),
        errors.AuthenticationError,
        "no",
        "APERTIS_API_KEY",
    ),
    "a wrong key, as the test stub says": (
        fails(401, "no", type=INVALID),
        errors.AuthenticationError,
        "no",
        "APERTIS_API_KEY",
    ),
    "an old key": (
        fails(401, "no", code="expired_api_key"),
        errors.AuthenticationError,
        "no",
        "Make a new key",
    ),
    "a key, where LiteLLM keeps no list of them": (
        fails(400, "No connected db.", type="no_db_connection", param=None, code="400"),
        errors.AuthenticationError,
        "No connected db",
        "ask who runs it for its key",
    ),
    "a model that the key may not ask": (
        fails(403, "no", type="permission_error", code="model_access_denied"),
        errors.PermissionDenied,
        "no",
        "other models",
    ),
    "an address that the key may not use": (
        fails(403, "no", type="permission_error", code="ip_not_allowed"),
        errors.PermissionDenied,
        "no",
        "IP addresses",
    ),
    "a closed account": (
        fails(403, "no", type="permission_error", code="account_suspended"),
        errors.PermissionDenied,
        "no",
        "support",
    ),
    "Cloudflare": (
        page(403, "error code: 1010"),
        errors.Blocked,
        "1010",
        "User-Agent",
    ),
    "no such model": (
        fails(404, "no", type=INVALID, code="model_not_found"),
        errors.ModelNotFound,
        "no",
        "model's id",
    ),
    "no such model, as Ollama says": (
        fails(404, 'model "m" not found, try pulling it first', type="api_error"),
        errors.ModelNotFound,
        "pulling",
        "model's id",
    ),
    "no such model, as LiteLLM says": (
        fails(
            400,
            "/chat/completions: Invalid model name passed in model=nope. Call "
            "`/v1/models` to view available models for your key.",
            type=INVALID,
            param=None,
            code="400",
        ),
        errors.ModelNotFound,
        "model=nope",
        "model's id",
    ),
    "no such path, as LM Studio says": (
        json_answer(
            {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, 404
        ),
        errors.NotFound,
        "Unexpected endpoint",
        "Check the base URL",
    ),
    "no such path": (
        fails(404, "no", type=INVALID, code="endpoint_not_found"),
        errors.NotFound,
        "no",
        "/v1",
    ),
    "a page that is not there": (
        page(404, "404 page not found"),
        errors.NotFound,
        "4",
        "/v1",
    ),
    "the gateway's patience": (
        fails(408, "no", type="timeout", code="request_timeout"),
        errors.RequestTimeout,
        "no",
        "Stream the answer",
    ),
    "the gateway's patience, formerly": (
        fails(504, "no", type="timeout", code="request_timeout"),
        errors.ServerError,
        "no",
        "again",
    ),
    "too fast": (
        fails(429, "15 RPM", code="rate_limit_exceeded", headers={"Retry-After": "7"}),
        errors.RateLimited,
        "15 RPM",
        "Wait 7 s",
    ),
    "a fault of theirs": (
        fails(500, "no", type="server_error", code="internal_error"),
        errors.ServerError,
        "no",
        "again",
    ),
    "a fault upstream": (
        fails(502, "no", type="server_error", code="upstream_error"),
        errors.ServerError,
        "no",
        "another model",
    ),
    "too many for the model": (
        fails(503, "no", type="server_error", code="model_overloaded"),
        errors.ServerError,
        "no",
        "another model",
    ),
    "Cloudflare's page": (
        page(520, "<html><style>p{}</style><h1>520</h1>\n<p>Unknown error</p>"),
        errors.ServerError,
        "520 Unknown error",
        "again",
    ),
    "a proxy's page": (
        page(
            502,
            "<html><head><title>502 Bad Gateway</title></head><body><p>"
            + 5000 * "x"
            + "</p></body></html>",
        ),
        errors.ServerError,
        "502 Bad Gateway (HTTP 502)",
        "again",
    ),
    "streaming, which a model may not": (
        fails(
            400,
            "Your organization must be verified to stream this model.",
            type=INVALID,
            param="stream",
            code="unsupported_value",
        ),
        errors.UnsupportedParameter,
        "verified",
        "in one piece, with stream=False",
    ),
    "Anthropic's overload": (fails(529, "no"), errors.ServerError, "no", "again"),
    "what cannot be processed": (fails(422, "no"), errors.BadRequest, "no", ""),
    "FastAPI's list of faults": (
        json_answer(
            {"detail": [{"loc": ["body", "n"], "msg": "too small"}, {"msg": "odd"}]},
            422,
        ),
        errors.BadRequest,
        "body.n: too small; odd",
        "",
    ),
    "a string": (
        json_answer({"error": "in words"}, 400),
        errors.BadRequest,
        "in words",
        "",
    ),
    "a list": (json_answer({"error": ["odd"]}, 400), errors.BadRequest, "odd", ""),
    "no message": (
        json_answer({"error": {"message": None, "code": 7}}, 400),
        errors.BadRequest,
        "7",
        "",
    ),
    "a message on top": (
        json_answer({"message": "top"}, 400),
        errors.BadRequest,
        "top",
        "",
    ),
    "an empty body": (Answer((), 500), errors.ServerError, "no reason given", ""),
    "a status that nobody knows": (fails(418, "tea"), errors.StatusError, "tea", ""),
    "an old option": (
        fails(
            400,
            "Unsupported parameter: 'logprobs' is not supported with this model.",
            code="unsupported_parameter",
            param="logprobs",
        ),
        errors.UnsupportedParameter,
        "logprobs",
        "Leave logprobs out",
    ),
    "a value of an option": (
        fails(
            400,
            "Unsupported value: 'temperature' does not support 0.2 with this model.",
            code="unsupported_value",
            param="temperature",
        ),
        errors.UnsupportedParameter,
        "temperature",
        "Leave temperature out",
    ),
    "an option, told in words alone": (
        fails(400, "Argument not supported on this model: `presence_penalty`"),
        errors.UnsupportedParameter,
        "presence_penalty",
        "Leave presence_penalty out",
    ),
    "two options of Claude": (
        fails(
            400, "`temperature` and `top_p` cannot both be specified for this model."
        ),
        errors.UnsupportedParameter,
        "both",
        "only one of temperature and top_p",
    ),
}


OLLAMA = "model 'llama3.2' not found"
GEMINI = "You exceeded your current quota, please check. Please retry in 34.07s."
# What providers behind gateways, and other servers, are known to say.
PROVIDERS: dict[str, tuple[Answer, type[errors.ApertisError]]] = {
    "a model with a dot": (fails(404, OLLAMA), errors.ModelNotFound),
    "a model with a slash": (
        fails(404, "The model `Qwen/Qwen2.5-7B` does not exist.", param="model"),
        errors.ModelNotFound,
    ),
    "Anthropic's model": (
        fails(404, "model: claude-3.5-foo", type="not_found_error"),
        errors.ModelNotFound,
    ),
    "OpenRouter's model": (
        fails(404, "No endpoints found for foo/bar."),
        errors.ModelNotFound,
    ),
    "OpenRouter's model id": (
        fails(400, "foo/bar is not a valid model ID"),
        errors.ModelNotFound,
    ),
    "a model for responses": (
        fails(404, "This model is only supported in v1/responses", param="model"),
        errors.ModelNotFound,
    ),
    "a model that is not supported": (
        fails(400, "The requested model is not supported.", param="model"),
        errors.ModelNotFound,
    ),
    "Gemini's list": (
        json_answer(
            [{"error": {"code": 404, "message": "models/x is not found"}}], 404
        ),
        errors.ModelNotFound,
    ),
    "Gemini's key": (
        json_answer(
            [{"error": {"code": 400, "message": "API key not valid.", "status": "X"}}],
            400,
        ),
        errors.AuthenticationError,
    ),
    "Gemini's quota of a minute": (fails(429, GEMINI), errors.RateLimited),
    "Anthropic's credit": (
        fails(400, "Your credit balance is too low to access the API."),
        errors.QuotaExceeded,
    ),
    "xAI's credit": (
        fails(429, "Your team has used all available credits."),
        errors.QuotaExceeded,
    ),
    "a balance in words": (
        fails(400, "Your balance is too low"),
        errors.QuotaExceeded,
    ),
    "a quota in words": (
        fails(400, "quota exceeded for this account"),
        errors.QuotaExceeded,
    ),
    "a user's quota": (
        fails(403, "insufficient_user_quota"),
        errors.QuotaExceeded,
    ),
    "a user's quota, at new-api": (
        fails(403, "user quota is not enough"),
        errors.QuotaExceeded,
    ),
    "money, as something not found": (
        fails(404, "no", code="insufficient_quota"),
        errors.QuotaExceeded,
    ),
    "money, as a fault of theirs": (
        fails(500, "no", code="insufficient_user_quota"),
        errors.QuotaExceeded,
    ),
    "a byte order mark": (
        Answer((b'\xef\xbb\xbf{"error": {"code": "invalid_image"}}',), 400),
        errors.BadRequest,
    ),
    "scopes of a key": (
        fails(403, "no", code="insufficient_permissions"),
        errors.PermissionDenied,
    ),
    "Gemini's context": (
        fails(400, "The input token count (9) exceeds the maximum number of tokens"),
        errors.ContextLengthExceeded,
    ),
    "Anthropic's context": (
        fails(400, "input length and `max_tokens` exceed context limit"),
        errors.ContextLengthExceeded,
    ),
    "xAI's context": (
        fails(400, "This model's maximum prompt length is 131072"),
        errors.ContextLengthExceeded,
    ),
    "vLLM's context": (
        fails(400, "The prompt is longer than the maximum model length of 4096."),
        errors.ContextLengthExceeded,
    ),
    "vLLM's flat error": (
        json_answer({"object": "error", "code": "context_length_exceeded"}, 400),
        errors.ContextLengthExceeded,
    ),
    "Anthropic's filter": (
        fails(400, "Output blocked by content filtering policy"),
        errors.ContentPolicyViolation,
    ),
    "OpenAI's flag": (
        fails(400, "Invalid prompt: it was flagged", code="invalid_prompt"),
        errors.ContentPolicyViolation,
    ),
    "OpenRouter's flag": (
        fails(403, 'Your input was flagged for "violence".'),
        errors.ContentPolicyViolation,
    ),
    "a role": (
        fails(400, "'messages[0].role' does not support 'system'", param="messages[0]"),
        errors.BadRequest,
    ),
    "tools": (fails(400, "gemma does not support tools"), errors.UnsupportedParameter),
    "too large": (fails(413, "Request too large"), errors.BadRequest),
    "a list of errors": (
        json_answer({"errors": [{"message": "odd"}]}, 400),
        errors.BadRequest,
    ),
    "an odd place": (
        json_answer({"detail": [{"loc": 5, "msg": "odd"}]}, 422),
        errors.BadRequest,
    ),
}


@pytest.mark.parametrize(("answer", "kind"), PROVIDERS.values(), ids=PROVIDERS)
def test_what_providers_say(
    server: ScriptedServer, answer: Answer, kind: type[errors.ApertisError]
) -> None:
    """Whoever says it, and in whichever words, it is the same thing."""
    server.will(answer)
    with pytest.raises(errors.StatusError) as caught:
        ask(server)

    assert kind is type(caught.value)
    assert "no reason given" not in str(caught.value)


def test_the_words_of_a_models_own_provider(server: ScriptedServer) -> None:
    """OpenRouter keeps them apart; they are what helps."""
    metadata = {"raw": "max_tokens must be 8192 at most", "provider_name": "X"}
    server.will(fails(400, "Provider returned error", metadata=metadata))
    with pytest.raises(errors.BadRequest, match="max_tokens must be 8192 at most"):
        ask(server)


def test_a_wait_that_is_told_in_words(server: ScriptedServer) -> None:
    """Gemini tells it in a sentence."""
    server.will(fails(429, GEMINI))
    with pytest.raises(errors.RateLimited) as caught:
        ask(server)

    assert 34.07 == caught.value.retry_after


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("answer", "kind", "words", "hint"), ROWS.values(), ids=ROWS)
def test_a_refusal(
    server: ScriptedServer,
    answer: Answer,
    kind: type[errors.ApertisError],
    words: str,
    hint: str,
    *,
    stream: bool,
) -> None:
    """Each is the class that a user handles, in one line, with what to do."""
    server.will(answer)
    with pytest.raises(errors.StatusError) as caught:
        ask(server, stream=stream)
    told = caught.value

    assert kind is type(told)
    assert words in str(told)
    assert "\n" not in str(told)
    assert hint in told.hint
    assert (answer.status, "") == (told.status, told.partial)
    assert vars(told) == vars(pickle.loads(pickle.dumps(told)))


def test_all_that_a_refusal_knows(server: ScriptedServer) -> None:
    """Its code, parameter, wait, request id and headers."""
    headers = {"Retry-After": "7", "X-Request-Id": "r1", "X-Timeout-Attempts": "3"}
    server.will(fails(429, "no", code="c", param="p", headers=headers))
    with pytest.raises(errors.RateLimited) as caught:
        ask(server)

    assert ("c", "p", 7.0, "r1", "3") == (
        caught.value.code,
        caught.value.param,
        caught.value.retry_after,
        caught.value.request_id,
        caught.value.headers["x-timeout-attempts"],
    )


def test_the_gateways_attempts_are_told(server: ScriptedServer) -> None:
    """How often it asked the model before it gave up."""
    headers = {"X-Timeout-Attempts": "3", "X-Timeout-Elapsed-Ms": "60000"}
    server.will(fails(408, "timed out", code="request_timeout", headers=headers))
    with pytest.raises(errors.RequestTimeout, match=r"after 3 attempts \(HTTP 408\)"):
        ask(server)


@pytest.mark.parametrize("status", [200, 404])
@pytest.mark.parametrize("stream", [False, True])
def test_an_endpoint_that_lm_studio_does_not_expect(
    server: ScriptedServer, status: int, *, stream: bool
) -> None:
    """It says so in a success, too."""
    words = "Unexpected endpoint or method. (POST /chat/completions)"
    server.will(json_answer({"error": words}, status))
    base_url = server.url.removesuffix("/v1")

    def read() -> None:
        create: Any = Apertis(base_url=base_url).chat.completions.create
        list(create(model="m", messages=HELLO, stream=stream))

    with pytest.raises(errors.ApertisError, match="Unexpected endpoint") as caught:
        read()

    assert f"Should the base URL be {base_url}/v1?" == caught.value.hint


def test_a_base_url_without_its_path(server: ScriptedServer) -> None:
    """The hint offers the address that it usually is."""
    server.will(fails(404))
    base_url = server.url.removesuffix("/v1")
    with pytest.raises(errors.NotFound) as caught:
        Apertis(base_url=base_url).chat.completions.create(model="m", messages=HELLO)

    assert f"Should the base URL be {base_url}/v1?" == caught.value.hint


@pytest.mark.parametrize("status", sorted(retry.RETRIED))
def test_what_waiting_mends_is_tried_again(server: ScriptedServer, status: int) -> None:
    """The server's own wait is kept between the tries."""
    server.will(fails(status, headers=SOON), fails(status, headers=SOON), whole("Hi."))

    assert "Hi." == ask(server, retries=2).choices[0].message.content
    assert 3 == len(server.requests)


@pytest.mark.parametrize("stream", [False, True])
def test_the_tries_are_counted(server: ScriptedServer, *, stream: bool) -> None:
    """After the last one its refusal is raised."""
    server.will(fails(503, headers=SOON))
    with pytest.raises(errors.ServerError):
        ask(server, retries=2, stream=stream)

    assert 3 == len(server.requests)


@pytest.mark.parametrize(
    "answer",
    [
        fails(400, headers=SOON),
        fails(401, headers={**SOON, "X-Should-Retry": "true"}),
        fails(402, headers=SOON),
        fails(403, headers=SOON),
        fails(404, headers=SOON),
        fails(408, headers=SOON),
        fails(409, headers=SOON),
        fails(422, headers=SOON),
        fails(429, code="insufficient_quota", headers=SOON),
        fails(429, headers={"Retry-After": "900"}),
        fails(501, headers=SOON),
        fails(500, "prompt is too long", headers=SOON),
        fails(503, "No available channel for model m", headers=SOON),
        fails(503, headers={**SOON, "X-Should-Retry": "false"}),
        Answer(before_headers=Reset()),
        Answer(before_headers=Cut()),
        Answer((Cut(),)),
        Answer((chunk("a"), Cut())),
        Answer(status=307, headers={"Location": "http://127.0.0.1:9/"}),
        Answer((b"oops",), headers={"Content-Type": "text/html"}),
        json_answer({"error": {"code": "internal_error"}}),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_may_have_been_paid_for_or_cannot_help_is_sent_once(
    server: ScriptedServer, answer: Answer, *, stream: bool
) -> None:
    """A retry must neither bill twice nor repeat what cannot work."""
    server.will(answer)

    def read() -> None:
        found = ask(server, retries=5, stream=stream)
        if stream:
            list(found)

    with pytest.raises(errors.ApertisError):
        read()

    assert 1 == len(server.requests)


def test_a_server_may_ask_for_another_try(server: ScriptedServer) -> None:
    """``x-should-retry`` goes before the status."""
    server.will(fails(409, headers={**SOON, "X-Should-Retry": "true"}), whole("Hi."))

    assert "Hi." == ask(server, retries=1).choices[0].message.content


def test_a_question_about_models_may_be_repeated(server: ScriptedServer) -> None:
    """A GET costs nothing, so a broken connection is no obstacle."""
    server.will(Answer(before_headers=Cut()), json_answer({"data": [{"id": "m"}]}))
    client = Apertis(base_url=server.url, max_retries=1)

    assert ["m"] == [model.id for model in client.models.list()]


def headers_in(seconds: dict[str, float], words: dict[str, str]) -> dict[str, str]:
    """Return *words*, and the headers that name a time so many seconds from now."""
    times = {
        name: format_datetime(datetime.now(UTC) + timedelta(seconds=left), usegmt=True)
        if name == "Retry-After"
        else str(time() + left)
        for name, left in seconds.items()
    }
    return {**words, **times}


@pytest.mark.parametrize(
    ("seconds", "words", "least", "most"),
    [
        ({}, {"Retry-After": "1.5"}, 1.5, 1.5),
        ({"Retry-After": 3600}, {}, 1, 3600),
        ({}, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}, 0, 0),
        ({}, {"Retry-After-Ms": "250", "Retry-After": "9"}, 0.25, 0.25),
        ({"X-RateLimit-Reset": 100}, {}, 1, 100),
        ({"X-RateLimit-Reset": 3600}, {}, 120, 120),
        ({}, {"X-RateLimit-Reset": "30"}, 30, 30),
        ({"X-RateLimit-Reset": 3600}, {"Retry-After": "2"}, 2, 2),
    ],
)
def test_the_wait_that_a_server_asks_for(
    server: ScriptedServer,
    seconds: dict[str, float],
    words: dict[str, str],
    least: float,
    most: float,
) -> None:
    """In seconds, as a date, in milliseconds, or until its window ends."""
    server.will(fails(429, headers=headers_in(seconds, words)))
    with pytest.raises(errors.RateLimited) as caught:
        ask(server)
    wait = caught.value.retry_after

    assert wait is not None
    assert least <= wait <= most


@pytest.mark.parametrize(
    ("status", "seconds", "words"),
    [
        (429, {}, {"Retry-After": "soon"}),
        (429, {}, {"Retry-After": "nan"}),
        (429, {}, {}),
        (429, {"X-RateLimit-Reset": 3600}, {"X-RateLimit-Remaining": "5"}),
        (503, {"X-RateLimit-Reset": 3600}, {}),
        (429, {"X-RateLimit-Reset": -5}, {}),
        (429, {}, {"X-RateLimit-Reset": "1741305600000"}),
        (429, {}, {"Retry-After": "1 Jan 99999999999999999999 00:00:00"}),
    ],
)
def test_no_wait(
    server: ScriptedServer,
    status: int,
    seconds: dict[str, float],
    words: dict[str, str],
) -> None:
    """Nonsense is none, nor is a window that is not exhausted."""
    server.will(fails(status, headers=headers_in(seconds, words)))
    with pytest.raises(errors.StatusError) as caught:
        ask(server)

    assert caught.value.retry_after is None


USE_THE_OTHER = fails(
    400,
    "Unsupported parameter: 'max_tokens' is not supported with this model. "
    "Use 'max_completion_tokens' instead.",
    code="unsupported_parameter",
    param="max_tokens",
)


@pytest.mark.parametrize("stream", [False, True])
def test_max_tokens_is_renamed_where_the_model_wants_it(
    server: ScriptedServer, *, stream: bool
) -> None:
    """Once; from then on the model is asked right at first."""
    server.will(USE_THE_OTHER, whole("a"), whole("b"))
    client = Apertis(base_url=server.url)
    for _ in range(2):
        client.chat.completions.create(
            model="o3", messages=HELLO, max_tokens=5, stream=stream
        )
    sent = [
        (request.body.get("max_tokens"), request.body.get("max_completion_tokens"))
        for request in server.requests
    ]

    assert [(5, None), (None, 5), (None, 5)] == sent


def test_max_tokens_is_renamed_once(server: ScriptedServer) -> None:
    """A server that refuses both is not asked for ever."""
    server.will(USE_THE_OTHER)
    with pytest.raises(errors.UnsupportedParameter) as caught:
        ask(server, max_tokens=5)

    assert 2 == len(server.requests)
    assert "max_completion_tokens" in caught.value.hint


def test_nothing_is_renamed_that_was_not_sent(server: ScriptedServer) -> None:
    """A refusal that only mentions the name changes nothing."""
    server.will(USE_THE_OTHER)
    with pytest.raises(errors.UnsupportedParameter):
        ask(server, max_completion_tokens=5)

    assert 1 == len(server.requests)
