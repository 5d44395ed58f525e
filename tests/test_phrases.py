# ruff: noqa: E501  bodies are as servers send them
"""What each kind of failure is called by the servers there are, and what is no such."""

import json
import re
from typing import Any

import pytest
from exponents import exponent
from scale import ALL

from apertis_magic import errors
from apertis_magic.api import phrases
from apertis_magic.api.failures import from_response
from apertis_magic.api.response import Response

MOST = 1.3
"""The power of the length with which the time may grow."""

LONG = errors.ContextLengthExceeded
RULES = errors.ContentPolicyViolation
MODEL = errors.ModelNotFound
MONEY = errors.QuotaExceeded
RATE = errors.RateLimited
KEY = errors.AuthenticationError
BAD = errors.BadRequest
OPTION = errors.UnsupportedParameter
PATH = errors.NotFound


def refusal(status: int, body: Any) -> errors.StatusError:
    """Return what becomes of a body; words alone are the error's message."""
    if isinstance(body, str):
        body = {"error": {"message": body}}
    return from_response(Response(status=status), json.dumps(body).encode(), str)


def error(message: str, **fields: Any) -> dict[str, Any]:
    """Return an error as OpenAI writes it."""
    return {"error": {"message": message, **fields}}


# Who says it, the status, the words, and what it is. Those that are marked with a star
# are phrases by which LiteLLM tells the kind.
SAID: list[tuple[str, int, Any, type[errors.StatusError]]] = [
    # The conversation is too long.
    ("LM Studio", 400, {"error": "Trying to keep the first 10247 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough. Try to load the model with a larger context length, or provide a shorter input. Error Data: n/a, Additional Data: n/a"}, LONG),
    ("LM Studio", 400, {"error": "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 10247>= n_ctx: 4096). Try to load the model with a larger context length, or provide a shorter input."}, LONG),
    ("LM Studio", 400, "n_keep: 10247 >= n_ctx: 4096", LONG),
    ("llama.cpp", 400, {"error": {"code": 400, "message": "the request exceeds the available context size, try increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 10247, "n_ctx": 4096}}, LONG),
    ("llama.cpp, formerly", 500, {"error": {"code": 500, "message": "the request exceeds the available context size. try increasing the context size or enable context shift", "type": "server_error"}}, LONG),
    ("llama-cpp-python", 400, "Requested tokens (5000) exceed context window of 4096", LONG),
    ("Ollama", 400, "prompt too long; exceeded max context length by 300 tokens", LONG),
    ("Ollama", 500, "the input length exceeds the context length", LONG),
    ("OpenAI", 400, error("This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce the length of the messages.", code="context_length_exceeded", param="messages"), LONG),
    ("OpenAI *", 400, "This model's maximum context length is 4097 tokens", LONG),
    ("OpenAI *", 400, error("Your input exceeds the context window of this model.", code="context_length_exceeded"), LONG),
    ("OpenAI *", 400, "string too long. Expected a string with maximum length 1048576", LONG),
    ("OpenAI", 400, error("Invalid 'messages[0].content': string too long. Expected a string with maximum length 1048576, but got a string with length 1500000 instead.", code="string_above_max_length", param="messages[0].content"), LONG),
    ("Azure *", 400, "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300000 tokens.", LONG),
    ("Anthropic *", 400, "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000", LONG),
    ("Anthropic *", 400, "prompt is too long: 210000 tokens > 200000 maximum", LONG),
    ("Anthropic *", 400, "prompt: length: 1..102398", LONG),
    ("Gemini *", 400, "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", LONG),
    ("Vertex *", 400, "400 Request payload size exceeds the limit: 20971520 bytes.", LONG),
    ("SGLang *", 400, "The input (10247 tokens) is longer than the model's context length (4096 tokens).", LONG),
    ("SGLang *", 400, "Requested token count exceeds the model's maximum context length of 4096 tokens.", LONG),
    ("Aleph Alpha *", 400, "This is longer than the model's maximum context length", LONG),
    ("HF *", 422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 500 `max_new_tokens`", "error_type": "validation"}, LONG),
    ("TGI", 422, {"error": "Input validation error: `inputs` must have less than 1024 tokens. Given: 1500", "error_type": "validation"}, LONG),
    ("HF *", 400, "length limit exceeded", LONG),
    ("Together *", 400, "`inputs` tokens + `max_new_tokens` must be <= 8193", LONG),
    ("SageMaker *", 400, "Use an instance type with more CPU capacity or memory", LONG),
    ("Bedrock *", 400, {"message": "Input is too long for requested model."}, LONG),
    ("Bedrock *", 400, {"message": "Malformed input request: expected maxLength: 20480, actual: 50000, please reformat your input and try again."}, LONG),
    ("Bedrock *", 400, {"message": "Too many input tokens. Max input tokens: 42000, request input token count: 50000"}, LONG),
    ("Bedrock *", 400, {"message": "too many tokens"}, LONG),
    ("Bedrock *", 400, {"message": "input too long: 50000 input tokens, limit is 42000"}, LONG),
    ("Bedrock", 400, {"message": "The model returned the following errors: prompt is too long"}, LONG),
    ("Cohere *", 400, {"message": "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000. Try using a shorter prompt"}, LONG),
    ("Cerebras *", 400, {"message": "Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192", "code": "context_length_exceeded"}, LONG),
    ("Cerebras *", 400, "Current length is 9000 while limit is 8192", LONG),
    ("Replicate *", 400, "input is too long", LONG),
    ("AI21 *", 422, "Prompt has too many tokens", LONG),
    ("NLP Cloud *", 422, {"detail": "Input text length should not exceed 1024 tokens"}, LONG),
    ("xAI *", 400, {"code": "Client specified an invalid argument", "error": "This model's maximum prompt length is 131072 but the request contains 200000 tokens."}, LONG),
    ("LiteLLM *", 400, "model's maximum context limit is 4096", LONG),
    ("LiteLLM *", 400, "the maximum input length is 4096 tokens", LONG),
    ("LiteLLM", 400, "litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: OpenAIException - too big", LONG),
    ("Mistral", 400, {"object": "error", "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt", "code": "3051"}, LONG),
    ("Groq", 400, error("Please reduce the length of the messages or completion.", code="context_length_exceeded", param="messages"), LONG),
    ("OpenRouter", 400, "This endpoint's maximum context length is 32768 tokens. However, you requested about 50000 tokens", LONG),
    ("DeepSeek", 400, "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens", LONG),
    ("vLLM", 400, {"object": "error", "message": "The decoder prompt (length 5000) is longer than the maximum model length of 4096.", "type": "BadRequestError", "code": 400}, LONG),
    ("vLLM", 400, "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 8192 tokens and your request has 5000 input tokens", LONG),
    ("GitHub", 413, error("Request body too large for gpt-4o model. Max size: 8000 tokens.", code="tokens_limit_reached"), LONG),
    ("Moonshot", 400, "Invalid request: Your request exceeded model token limit: 8192", LONG),
    ("MiniMax", 400, "invalid params, context window exceeds limit (2013)", LONG),
    ("Zhipu", 400, error("Prompt exceeds max length", code="1261"), LONG),
    ("DashScope", 400, "Range of input length should be [1, 30720]", LONG),
    ("watsonx", 400, "the number of input tokens 5000 cannot exceed the total tokens limit 4096 for this model", LONG),
    ("Workers AI", 400, "The estimated number of input and maximum output tokens (5000) exceeded this model context window limit (4096).", LONG),
    ("TabbyAPI", 422, {"detail": "Prompt length 5000 is greater than max_seq_len 4096"}, LONG),
    ("OpenRouter, of another", 400, error("Provider returned error", code=400, metadata={"raw": '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}'}), LONG),
    # The rules.
    ("OpenAI *", 400, error("no", code="content_policy_violation"), RULES),
    ("OpenAI *", 400, error("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", code="invalid_prompt"), RULES),
    ("OpenAI *", 400, "Your request was rejected as a result of the safety system.", RULES),
    ("OpenAI *", 400, "Your request was rejected as a result of our safety system.", RULES),
    ("OpenAI *", 400, error("no", code="cyber_policy"), RULES),
    ("Azure *", 400, error("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}), RULES),
    ("Azure *", 400, error("no", code="invalid_request_error", innererror={"code": "ResponsibleAIPolicyViolation"}), RULES),
    ("Azure *", 400, "Your task failed as a result of our safety system.", RULES),
    ("Azure *", 500, "The model produced invalid content. Consider modifying your prompt", RULES),
    ("Azure *", 400, error("no", code="content_filter_policy"), RULES),
    ("Anthropic *", 400, "Output blocked by content filtering policy", RULES),
    ("Vertex *", 400, "The response was blocked.", RULES),
    ("Gemini", 400, "The prompt was blocked due to safety: PROHIBITED_CONTENT", RULES),
    ("DashScope", 400, error("Input data may contain inappropriate content.", code="data_inspection_failed"), RULES),
    ("DeepSeek", 400, "Content Exists Risk", RULES),
    ("Moonshot", 400, error("The request was rejected because it was considered high risk", type="content_filter"), RULES),
    ("xAI", 403, "Content violates usage guidelines.", RULES),
    ("OpenRouter", 403, 'Your input was flagged for "violence".', RULES),
    # The model.
    ("LiteLLM", 400, error("/chat/completions: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key.", type="invalid_request_error", param="None", code="400"), MODEL),
    ("LiteLLM", 400, error("{'error': '/chat/completions: Invalid model name passed in model=nope. Call `/v1/models` to view available models for your key.'}", type="None", param="None", code="400"), MODEL),
    ("LiteLLM", 400, error("litellm.BadRequestError: You passed in model=nope. There are no healthy deployments for this model. Received Model Group=nope\nAvailable Model Group Fallbacks=None"), MODEL),
    ("a gateway", 404, error("The model 'mock-small' is not for this key.", type="invalid_request_error", param="model", code="404"), MODEL),
    ("LiteLLM", 400, "litellm.BadRequestError: LLM Provider NOT provided. Pass in the LLM provider you are trying to call. You passed model=foo", MODEL),
    ("OpenAI *", 404, error("The model `gpt-9` does not exist or you do not have access to it.", type="invalid_request_error", code="model_not_found"), MODEL),
    ("OpenAI", 403, error("Project `p` does not have access to model `gpt-9`", code="model_not_found"), MODEL),
    ("Azure *", 404, error("The API deployment for this resource does not exist.", code="DeploymentNotFound"), MODEL),
    ("Bedrock *", 400, {"message": "The provided model identifier is invalid."}, MODEL),
    ("Ollama *", 400, "open /root/.ollama/models/manifests/registry.ollama.ai/library/nope/latest: no such file or directory", MODEL),
    ("Ollama", 404, 'model "nope" not found, try pulling it first', MODEL),
    ("LM Studio", 404, error("No models loaded. Please load a model in the developer page or use the `lms load` command.", type="invalid_request_error", param="model", code="model_not_found"), MODEL),
    ("LM Studio", 400, 'Invalid model identifier "nope". Please specify a valid downloaded model', MODEL),
    ("Mistral", 400, {"object": "error", "message": "Invalid model: nope", "type": "invalid_model", "code": "1500"}, MODEL),
    ("Groq", 404, error("The model `nope` does not exist or you do not have access to it.", code="model_not_found"), MODEL),
    ("Groq", 400, error("The model `old` has been decommissioned and is no longer supported.", code="model_decommissioned"), MODEL),
    ("Together", 404, error("Unable to access model nope. Please visit https://api.together.ai/models to view the list of supported models.", code="model_not_available"), MODEL),
    ("Cohere", 404, {"message": "model 'nope' not found, make sure the correct model ID was used and that you have access to the model."}, MODEL),
    ("DeepSeek", 400, "Model Not Exist", MODEL),
    ("xAI", 404, {"code": "Some requested entity was not found", "error": "The model nope does not exist or your team does not have access to it."}, MODEL),
    ("Perplexity", 400, error("Invalid model 'nope'. Permitted models can be found in the documentation.", type="invalid_model", code=400), MODEL),
    ("GitHub", 400, error("Unknown model: nope", code="unknown_model"), MODEL),
    ("HF", 400, error("The requested model 'nope' does not exist", code="model_not_found"), MODEL),
    ("HF", 400, "The requested model 'nope' is not supported by any provider you have enabled.", MODEL),
    ("Vertex", 404, "Publisher Model `projects/p/locations/l/publishers/google/models/nope` was not found", MODEL),
    ("Gemini", 404, "models/nope is not found for API version v1beta", MODEL),
    ("new-api", 503, error("No available channel for model nope under group default (distributor)", type="new_api_error", code="model_not_found"), MODEL),
    ("one-api", 503, "当前分组 default 下对于模型 nope 无可用渠道", MODEL),
    # Money.
    ("LiteLLM", 422, error("Budget has been exceeded! Current cost: 0.0261, Max budget: 0.02", type="budget_exceeded", param=None, code="422"), MONEY),
    ("LiteLLM", 400, error("Budget has been exceeded! Key=19fa5b Current cost: 0.0261, Max budget: 0.02", type="budget_exceeded", param=None, code="400"), MONEY),
    ("LiteLLM", 429, error("Budget has been exceeded! Team=t Current cost: 1, Max budget: 0.02", type="budget_exceeded", code="429"), MONEY),
    ("LiteLLM", 400, "Budget has been exceeded! Current cost: 0.0261, Max budget: 0.02", MONEY),
    ("LiteLLM", 400, "ExceededBudget: User=bob over budget. Spend=2.0, Budget=1.0", MONEY),
    ("a gateway", 402, error("Your budget of $0.0001 is used up.", type="billing_error", param=None, code="402"), MONEY),
    ("a gateway", 400, "Your budget of $0.0001 is used up.", MONEY),
    ("OpenAI", 429, error("You exceeded your current quota, please check your plan and billing details.", type="insufficient_quota", code="insufficient_quota"), MONEY),
    ("OpenRouter", 402, error("Insufficient credits. Add more using https://openrouter.ai/settings/credits", code=402), MONEY),
    ("OpenRouter", 402, "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 1000.", MONEY),
    ("DeepSeek", 402, "Insufficient Balance", MONEY),
    ("Anthropic", 400, "Your credit balance is too low to access the Anthropic API.", MONEY),
    ("Together", 402, "You have exceeded your credit limit", MONEY),
    ("Moonshot", 429, error("Your account is suspended, please check your plan and billing details", type="exceeded_current_quota_error"), MONEY),
    ("xAI", 429, "Your team has used all available credits or reached its monthly spending limit.", MONEY),
    ("HF", 402, "You have exceeded your monthly included credits for Inference Providers.", MONEY),
    ("new-api", 403, error("用户额度不足", code="insufficient_user_quota"), MONEY),
    # Too fast.
    ("OpenAI", 429, error("Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s.", type="tokens", code="rate_limit_exceeded"), RATE),
    ("OpenAI", 429, "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 40000. The input or output tokens must be reduced in order to run successfully.", RATE),
    ("Cerebras *", 429, {"message": "Tokens per minute limit exceeded - too many tokens processed.", "type": "too_many_tokens_error", "param": "quota", "code": "token_quota_exceeded"}, RATE),
    ("Vertex *", 429, "429 Quota exceeded for aiplatform.googleapis.com/generate_content_requests_per_minute_per_project_per_base_model", RATE),
    ("Vertex *", 429, "Resource exhausted. Please try again later.", RATE),
    ("Gemini", 429, {"error": {"code": 429, "message": "Resource has been exhausted (e.g. check quota).", "status": "RESOURCE_EXHAUSTED"}}, RATE),
    ("Mistral *", 429, "Service tier capacity exceeded for this model.", RATE),
    ("a gateway", 429, "You exceeded your quota of 10 requests per minute", RATE),
    ("a gateway", 429, "too many tokens per minute", RATE),
    ("LiteLLM", 429, error("Rate limit exceeded for api_key: 19fa. Limit type: tokens. Current limit: 3, Remaining: 0.", type="throttling_error", code="429"), RATE),
    ("OpenAI, by LiteLLM", 429, error("litellm.RateLimitError: RateLimitError: OpenAIException - You exceeded your current quota, please check your plan and billing details.\n\nLiteLLM: model group 'tutor' failed with the error above. No fallback was attempted.", type="throttling_error", code="429"), MONEY),
    ("OpenAI, by LiteLLM", 429, error("litellm.RateLimitError: RateLimitError: OpenAIException - Rate limit reached. Please try again in 20s.\n\nLiteLLM: model group 'tutor' failed with the error above. No fallback was attempted.", type="throttling_error", code="429"), RATE),
    ("Gemini", 429, [{"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and billing details. Please retry in 20.5s.", "status": "RESOURCE_EXHAUSTED"}}], RATE),
    ("Gemini", 429, [{"error": {"code": 429, "message": "You exceeded your current quota, please check your plan and billing details.", "status": "RESOURCE_EXHAUSTED", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "27s"}]}}], RATE),
    ("Groq", 413, error("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.", type="tokens", code="rate_limit_exceeded"), RATE),
    # An option that the server does not know.
    ("OpenAI, formerly", 400, "Unrecognized request argument supplied: seed", OPTION),
    ("FastAPI", 422, {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, OPTION),
    ("Groq", 400, "property 'seed' is unsupported", OPTION),
    ("OpenAI", 400, error("Unknown parameter: 'seed'.", param="seed", code="unknown_parameter"), OPTION),
    ("Gemini", 400, [{"error": {"code": 400, "message": 'Invalid JSON payload received. Unknown name "seed": Cannot find field.', "status": "INVALID_ARGUMENT"}}], OPTION),
    ("Ollama", 400, 'json: unknown field "seed"', OPTION),
    ("LiteLLM", 400, "litellm.UnsupportedParamsError: openai does not support parameters: ['seed'], for model=m", OPTION),
    # The key.
    ("LiteLLM", 400, error("No connected db.", type="no_db_connection", param=None, code="400"), KEY),
    ("Gemini", 400, "API key expired. Please renew the API key.", KEY),
    ("LiteLLM", 400, error("Authentication Error, Invalid proxy server token passed.", type="token_not_found_in_db"), KEY),
    ("Gemini", 400, "User location is not supported for the API use.", errors.PermissionDenied),
    ("Gemini *", 400, "API key not valid. Please pass a valid API key.", KEY),
    ("AI21 *", 400, "Bad or missing API token.", KEY),
    ("HF *", 400, "A valid user token is required", KEY),
    ("Together *", 400, "invalid private key", KEY),
    ("Cohere *", 400, "invalid api token", KEY),
    ("Cohere *", 400, "No API key provided.", KEY),
    ("Bedrock *", 403, "The security token included in the request is invalid.", KEY),
    ("Bedrock *", 400, "Unable to locate credentials", KEY),
    ("LiteLLM", 401, error("key not allowed to access model. This key can only access models=['a']. Tried to access nope", type="key_model_access_denied", param="model", code="401"), errors.PermissionDenied),
    # The path.
    ("LM Studio", 404, {"error": "Unexpected endpoint or method. (POST /chat/completions)"}, PATH),
    ("Groq", 404, error("Unknown request URL: POST /chat/completions. Please check the URL for typos", code="unknown_url"), PATH),
    ("OpenAI", 404, "Invalid URL (POST /v1/chat/completion)", PATH),
    ("nginx", 400, "400 The plain HTTP request was sent to HTTPS port", PATH),
    ("Go", 400, "Client sent an HTTP request to an HTTPS server.", PATH),
    ("FastAPI", 404, {"detail": "Not Found"}, PATH),
    ("FastAPI", 405, {"detail": "Method Not Allowed"}, PATH),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [pytest.param(*rest, id=f"{nth} {who}") for nth, (who, *rest) in enumerate(SAID)],
)
def test_what_servers_say(
    status: int, body: Any, kind: type[errors.StatusError]
) -> None:
    """Whoever says it, and with whichever status, it is the same thing."""
    found = refusal(status, body)

    assert kind is type(found)
    assert found.hint


# What is said of something else in nearly the same words.
NOT_SAID: list[tuple[int, Any, type[errors.StatusError]]] = [
    (400, "max_tokens must be at most 4096", BAD),
    (400, error("max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.", param="max_tokens"), BAD),
    (400, "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096.", BAD),
    (400, "max_tokens: 100000 > 8192, which is the maximum allowed number of output tokens for m", BAD),
    (400, error("Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.", code="string_above_max_length", param="user"), BAD),
    (400, "Invalid 'user': string too long. Expected a string with maximum length 64", BAD),
    (400, error("Invalid 'tools[0].function.name': string too long. Expected a string with maximum length 64", param="tools[0].function.name"), BAD),
    (400, "num_ctx: the context size must be a number", BAD),
    (400, "The image is too large", BAD),
    (400, "input image is too large: 30 MB", BAD),
    (413, "Request too large", BAD),
    (413, "Request Entity Too Large", BAD),
    (400, "Invalid token id in logit_bias", BAD),
    (400, "Unexpected token < in JSON at position 0", BAD),
    (400, "top_logprobs must be between 0 and 20", BAD),
    (400, "messages: at least one message is required", BAD),
    (400, "model is required", BAD),
    (400, "you must provide a model parameter", BAD),
    (400, error("thinking.budget_tokens must be at least 1024", code="invalid_budget_tokens", param="thinking"), BAD),
    (400, "thinking.budget_tokens is over max_tokens", BAD),
    (400, error("Unknown parameter: 'content_filter'.", param="content_filter", code="unknown_parameter"), OPTION),
    (400, "tool 'model_lookup' not found", BAD),
    (400, "The function get_model does not exist", BAD),
    (400, "Function 'model' not found in tools", BAD),
    (404, "file models/stream.png not found", PATH),
    (400, "'messages[0].name': unexpected input", BAD),
    (400, "Your request was rejected because top_k must be 1", BAD),
    (400, "logprobs with model gpt-9 is not supported", OPTION),
    (400, "Streaming with this model is not supported", OPTION),
    (403, "Your request was blocked.", errors.PermissionDenied),
    (400, "Streaming is not supported for this model", OPTION),
    (400, "Unsupported value: 'temperature' does not support 0.2 with this model.", OPTION),
    (404, error("No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs/provider-routing", code=404), OPTION),
    (404, "No allowed providers are available for the selected model.", MODEL),
    (404, "No endpoints found matching your data policy (Paid model training).", MODEL),
    (404, "No endpoints found that support tool use. This feature is not supported.", OPTION),
    (404, "The file model.png was not found", PATH),
    (404, "File model.png: no such file or directory", PATH),
    (404, "The requested URL /v1/models was not found on this server.", PATH),
    (404, {"error": "Not Found", "path": "/v1/models"}, PATH),
    (429, "too many requests for the model", RATE),
    (429, "The model is overloaded, try again in 5s", RATE),
    (500, "disk quota exceeded", errors.ServerError),
    (500, "context canceled", errors.ServerError),
    (503, error("no", code="insufficient_system_resource"), errors.ServerError),
    (503, "The model is overloaded.", errors.ServerError),
    (503, error("The database is not reachable.", type="no_db_connection"), errors.ServerError),
    (403, error("no", code="insufficient_permissions"), errors.PermissionDenied),
]  # fmt: skip


# The same things in words that any server could use.
IN_OTHER_WORDS: list[tuple[int, Any, type[errors.StatusError]]] = [
    (400, "Context size has been exceeded.", LONG),
    (400, "Reached context length of 4096 tokens with model (arch: llama) that does not currently support mid-generation context overflow.", LONG),
    (400, "The model's context window is full", LONG),
    (400, "Your request exceeded the model's token limit", LONG),
    (400, "Input length 5000 exceeds maximum allowed token size 4096", LONG),
    (400, "prompt token count of 128001 exceeds the limit of 128000", LONG),
    (400, "This request would exceed the model's maximum context", LONG),
    (400, "Message too long", LONG),
    (400, "messages too long", LONG),
    (400, "Input is too large", LONG),
    (400, "token indices sequence length is longer than the specified maximum sequence length for this model (5000 > 4096)", LONG),
    (400, "the prompt size exceeds the context window size and cannot be processed", LONG),
    (400, "Prompt length (5000) exceeds max_model_len", LONG),
    (400, "prompt tokens (5000) exceeds limit", LONG),
    (400, "Total tokens exceed the context length", LONG),
    (400, "context length exceeded", LONG),
    (400, "Context overflow: prompt too large for the model", LONG),
    (400, "The input is too long for this model", LONG),
    (400, "Input exceeds the maximum length", LONG),
    (400, "maximum context length exceeded", LONG),
    (400, "Your messages are too long for this model. Please shorten them.", LONG),
    (400, "Conversation is too long", LONG),
    (413, "Prompt too long", LONG),
    (400, "exceeds maximum input tokens 4096", LONG),
    (400, "The request has 9000 tokens, more than the 8192 tokens this model can take", LONG),
    (400, "number of tokens in request (9000) exceeds the limit", LONG),
    (400, "tokens in prompt exceed maximum", LONG),
    (400, "max input tokens exceeded", LONG),
    (400, {"error": {"message": "x", "code": "model_max_prompt_tokens_exceeded"}}, LONG),
    (400, {"error": {"message": "x", "type": "context_length_exceeded"}}, LONG),
    (400, {"error": {"message": "too big", "code": "request_too_large"}}, BAD),
    (500, "slot unavailable; the context is too small: n_ctx_slot = 512, n_prompt_tokens = 900, context size exceeded", LONG),
    (400, "This model is limited to 4096 tokens; your prompt has 9000 tokens", LONG),
    (404, "Not found the model moonshot-x or Permission denied", MODEL),
    (404, "Model not found, inaccessible, and/or not deployed", MODEL),
    (400, "This model isn't available", MODEL),
    (400, "could not find model nope", MODEL),
    (404, "unable to find model nope", MODEL),
    (400, '"nomic-embed-text" does not support chat', MODEL),
    (404, "The model nope cannot be found", MODEL),
    (400, "nope is not a supported model", MODEL),
    (400, "Model nope is not supported", MODEL),
    (400, "Model nope is currently not available", MODEL),
    (400, "Invalid model specified", MODEL),
    (400, "The model `nope` is not available in your region", MODEL),
    (404, "no such model: nope", MODEL),
    (400, "Unsupported model: nope", MODEL),
    (400, "model nope is not loaded", MODEL),
    (400, "Model 'nope' is unknown", MODEL),
    (400, "You do not have access to the model nope", MODEL),
    (403, "Your key has no access to model nope", MODEL),
    (400, "Model nope not found in the list of models", MODEL),
    (400, "No model found with name nope", MODEL),
    (400, "unknown model nope", MODEL),
    (404, "model nope: not found", MODEL),
    (403, "You have run out of credits", MONEY),
    (400, "Your account has insufficient funds", MONEY),
    (429, "Your prepayment credits are depleted. Please go to AI Studio", MONEY),
    (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, MONEY),
    (400, {"code": "Arrearage", "message": "Access denied, please make sure your account is in good standing."}, MONEY),
    (429, "You have exceeded your monthly usage limit", MONEY),
    (403, "quota has been exhausted", MONEY),
    (403, "No credits left", MONEY),
    (403, "Payment required", MONEY),
    (403, "Your free trial has expired; add a payment method", MONEY),
    (400, "Key budget exceeded", MONEY),
    (429, "Team over budget", MONEY),
    (403, "Budget exhausted for this key", MONEY),
    (429, "You've reached your spending cap", MONEY),
    (403, "account balance is negative", MONEY),
    (403, "Not enough credits", MONEY),
    (400, "Max budget reached", MONEY),
    (400, "Your request was blocked by our moderation system", RULES),
    (400, "This violates our content policy", RULES),
    (400, "flagged by content moderation", RULES),
    (400, "The prompt contains sensitive content", RULES),
    (400, "Request rejected by guardrail", RULES),
    (400, "Blocked by guardrails", RULES),
    (400, "Your prompt violates our terms", RULES),
    (429, "Rate limit exceeded: 20 requests per min", RATE),
    (429, "Too many tokens, please wait before trying again.", RATE),
    (429, "Tokens per day limit reached; quota resets tomorrow", RATE),
    (429, "Quota exceeded for quota metric 'Generate requests' and limit 'per minute'", RATE),
    (429, "You have exceeded the requests quota: 5 RPM", RATE),
    (429, "The model is at capacity", RATE),
    (429, "max_parallel_requests reached", RATE),
    (429, "context window tokens per minute exceeded", RATE),
    (400, "max_tokens exceeds the model's limit of 4096", BAD),
    (400, "max_tokens must be less than 8192", BAD),
    (400, "max_completion_tokens is too large: 99999", BAD),
    (400, "stop: too many sequences, maximum is 4", BAD),
    (400, "temperature must be at most 2", BAD),
    (400, "The name of the tool is too long", BAD),
    (400, "metadata value is too long", BAD),
    (400, "Image exceeds the maximum size of 20 MB", BAD),
    (400, "Too many images in request: limit is 20", BAD),
    (400, "Invalid image: prompt was not read", BAD),
    (400, "messages.0.content: field required", BAD),
    (400, "Too many messages", BAD),
    (400, "top_k must be positive", BAD),
    (400, "n must be 1", BAD),
    (400, "Invalid base64 data, message was not read", BAD),
    (400, "logit_bias: token id 99999 is out of range", BAD),
    (400, "Could not parse the JSON body: maximum recursion depth exceeded", BAD),
    (400, "file not found: model.safetensors", BAD),
    (400, "model_name too long", BAD),
    (400, "reasoning_effort 'max' exceeds what this model can do", BAD),
    (404, "page not found", PATH),
    (404, "Not Found", PATH),
    (404, "Resource not found", PATH),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "kind"), [*NOT_SAID, *IN_OTHER_WORDS])
def test_what_is_nearly_said(
    status: int, body: Any, kind: type[errors.StatusError]
) -> None:
    """A word alone is no kind."""
    assert kind is type(refusal(status, body))


@pytest.mark.skipif(not ALL, reason="it measures time: make test-slow")
def test_words_cost_what_their_length_does() -> None:
    """No word of a phrase that comes again and again costs more."""
    patterns = [p.pattern for p in vars(phrases).values() if isinstance(p, re.Pattern)]
    words = sorted({*re.findall(r"[A-Za-z_`'<>=:]{2,}", " ".join(patterns)), "{", "1"})
    slow = {
        word + gap: power
        for word in words
        for gap in ("", " ", "x", "-", " 1 ")
        if (power := exponent(lambda text: refusal(400, text), word + gap, 4000)) > MOST
    }

    assert {} == slow
