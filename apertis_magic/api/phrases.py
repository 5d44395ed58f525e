"""The words by which servers tell a kind of failure: one phrase a row."""

import re

# Rows stand for what is said, not for who says it: most come from several servers. The
# bodies that they were made for are in tests/test_refusals.py and test_phrases.py.


def _any(*phrases: str) -> re.Pattern[str]:
    return re.compile("|".join(phrases), re.IGNORECASE)


RATE = _any(
    r"(?<![a-z])per[ _-](?:second|minute|hour|day|month)",
    r"\b(?:rpm|tpm|rpd|tpd)\b",
    r"rate[ _-]?limit(?!Error)",  # LiteLLM's class for each 429
    r"too many requests",
    r"throttl",
)
"""Too fast, whatever else the words are about."""

AT_ONCE = _any(
    r"request too large\b.{0,300}?\b(?:per[ _-]min|tpm\b|rate[ _-]limit)",
    r"input or output tokens must be reduced",
)
"""One request is more than a minute's limit: no wait helps."""

_OVER = (
    r"(?:exceed|over\b|used up|exhausted|reached|spent|depleted|not enough|too low|"
    r"negative)"
)
_MONEY = r"(?:quota|balance|credits?|funds|budget|spend(?:ing)? (?:limit|cap))"

MONEY_NAMES = _any(
    r"quota|balance|billing|payment|credit|subscription_expired|arrearage",
    r"insufficient(?!_permission|_scope|_system|_capacity|_resource)",
    r"budget(?!_?token)",
)
"""In a type or code each of these means money; in a sentence not always."""

SURELY_MONEY_NAMES = _any(
    r"insufficient_|balance|billing|payment|credit|subscription|budget(?!_?token)"
)
"""Those that no limit of a minute has."""

MONEY = _any(
    r"insufficient[ _](?:\w+[ _])?(?:quota|balance|funds|credit)",
    rf"(?:exceeded|reached|used up|used all|out of|no) (?:\w+ )?"
    rf"(?:your|the|available|its) (?:[\w ]{{0,40}} )?{_MONEY}\b",
    r"(?:out of|no|not enough) (?:\w+ )?(?:credits?|funds|balance)\b",
    rf"(?<!disk )\b{_MONEY}(?: of \S+)?(?: (?:is|are|was|has been|have been))? {_OVER}",
    r"requires more credits",
    r"payment (?:is )?required|trial (?:has |is )?(?:expired|ended|over)|overdue",
    r"monthly (?:\w+ )?(?:limit|quota|budget|cap)\b",
    r"余额不足|额度不足|欠费",
    r"ExceededBudget\b",
    r"over budget",
)

CONTEXT_NAMES = _any(
    r"context_?(?:length|window|size|limit)_?(?:exceeded|error)",
    r"exceed_context_size",
    r"tokens_limit_reached|prompt_tokens_exceeded",
    r"(?:prompt|input)_too_long",
)
_CONTEXT = r"context[ -]?(?:length|window|size|limit)s?"
_TOO_MUCH = (
    r"(?:exceed|too (?:long|large|big|many)|(?:longer|larger|greater|more) than|"
    r"overflow|limit (?:is|of|exceeded)|maximum|is full|only \d|(?:<|>)=? ?\d)"
)
_NO_FILE = r"(?!image|picture|photo|file|audio|video|size)"
# What is read by a model, not what it writes.
_READ = r"(?:input|prompt|request(?:ed)?|messages?|conversation|total|number of)"
_NOT_WRITTEN = r"(?:(?!output|completion|max|generated)[\w()`'\",:/-]+ )"

CONTEXT = _any(
    CONTEXT_NAMES.pattern,
    rf"\b{_CONTEXT}\b.{{0,100}}?(?:{_TOO_MUCH}|\d{{3}})",
    rf"{_TOO_MUCH}.{{0,100}}?\b(?:{_CONTEXT}|max_seq_len|max_model_len)\b",
    r"\bn_keep: ?\d+ ?>=? ?n_ctx",
    r"\bn_ctx\b.{0,60}?exceed|exceed.{0,60}?\bn_ctx\b",
    r"maximum (?:model|prompt|input|sequence) length",
    r"maximum context\b|context overflow",
    r"exceed.{0,60}?(?<!output )(?<!completion )(?:token|tokens) limit",
    r"limited to \d+ tokens|\bhas \d+ tokens\b.{0,40}?more than",
    # The prompt is too long.
    r"(?<!image )(?<!file )(?<!audio )"
    r"\b(?:prompt|inputs?|messages?|conversation|query)\b"
    rf"(?: {_NO_FILE}[\w`'\"/-]+){{0,5}}? (?:too (?:long|large)\b|"
    r"exceeds?\b.{0,40}?\b(?:length|tokens|limit|maximum$))",
    r"\bprompt (?:\S+ ){0,4}?exceeds|\bprompt\b.{0,60}?(?:longer|greater) than",
    r"exceed.{0,40}?\b(?:input|prompt) tokens|(?:input|prompt) tokens exceed",
    r"(?:prompt|input|message)s? tokens too (?:long|many)",
    r"\blonger than the model",
    # Too many tokens.
    r"too many (?:input |prompt |total )?tokens(?! (?:to generate|requested))",
    rf"\b{_READ} {_NOT_WRITTEN}{{0,4}}tokens?\b(?: {_NOT_WRITTEN}{{0,4}}|\.? )"
    r"(?:(?:\w+ )?exceeds?|exceeded|should be less)\b",
    r"\binput token count\b.{0,60}exceed",
    r"\b(?:input|prompt|messages?|text) (?:text )?length\b.{0,60}?"
    r"(?:exceed|greater|longer|should be)",
    r"request (?:body )?too large .{0,60}?max size: \d+ tokens",
    # One way of one server.
    r"current length is \d+ while limit is",
    r"expected maxLength",
    r"`inputs`.{0,60}?(?:must be <=|must have less)",
    r"instance type with more CPU capacity or memory",
    r"length limit exceeded",
    r"prompt: length",
    r"reduce the length of (?:the |your )?(?:messages|prompt|input)",
    r"request payload size exceeds",
)
STRING_TOO_LONG = re.compile(
    r"(?:Invalid ['\"`](?P<field>\w+).{0,60}?)?string too long", re.IGNORECASE
)

POLICY = _any(
    r"content[ _-]?policy",
    r"content[ _-]?filter",
    r"content management",
    r"(?:usage|content|safety) (?:polic(?:y|ies)|guidelines)",
    r"cyber_policy",
    r"data_?inspection_?failed",
    r"sensitive_words_detected",
    r"invalid_prompt",
    r"prohibited_content",
    r"responsibleaipolicy",
    r"(?:our|the) safety system",
    r"(?:input|prompt|content|request|message) (?:was|has been|is|were) flagged",
    r"\bguardrail|content moderation|sensitive (?:content|information|words)",
    r"violat\w{1,4} (?:our|usage|content|safety)\b",
    r"(?:prompt|input|content|response) (?:was|has been|is) (?:blocked|filtered)",
    r"blocked (?:due to|for|by) (?:\w+ )?(?:safety|content|polic|moderation|guardrail)",
    r"produced invalid content",
    r"content exists risk|considered high risk|inappropriate content",
)

_ID = r"[`'\"]?(?!param|field|option|output|name|version|type)[\w./:@+-]+[`'\"]?"
# Not what goes with a model: "not supported with this model".
_ITSELF = (
    r"(?<!with )(?<!for )(?<!by )(?<!on )(?<!in )(?<!the )(?<!this )(?<!requested )\b"
    r"(?:(?:the|this|requested) )?"
)
MODEL = _any(
    r"model_not_found|model_not_supported|model_not_available|model_decommissioned",
    r"(?:invalid|unknown|unsupported|unrecogni[sz]ed|nonexistent)[ _]model"
    r"(?![ _]?(?:param|field|option|output|response|config|version))",
    r"llm provider not provided",
    r"no such model|no model (?:named|called|found)",
    r"not a (?:valid|supported|chat) model",
    r"(?:not found|(?:not|n.t|unable to) find|access to)(?: the| any)? model\b",
    r"does not support (?:chat|generate)\b(?! template)",
    r"no endpoints found for\b|deploymentnotfound|deployment for this resource",
    r"not_found_error.{0,200}?\bmodel: ",
    r"no models? (?:are |is )?loaded",
    r"no healthy deployments",
    r"unable to access model",
    r"model (?:id|identifier|name)\b.{0,40}? is (?:invalid|not valid)",
    rf"(?:requested|specified|given|provided) model(?: {_ID})? is not"
    r" (?:supported|available)",
    rf"{_ITSELF}model {_ID} is (?:currently )?"
    r"(?:not (?:supported|available|valid|loaded)|unavailable|unknown)",
    rf"{_ITSELF}model (?:is not|isn.t) (?:currently )?available",
    # The model x was not found; not what belongs to one, nor the list of them.
    r"(?:(?<![\w/.'\"`])models?\b(?![./]\w)|(?<!file )\bmodels/[\w.:@-]+)(?s:.){0,120}?"
    r"(?:not exist|not found|not be found|no such file|only supported in|"
    r"decommissioned|deprecated|"
    r"discontinued|no longer (?:supported|available))",
)
CHANNEL = _any(
    r"no available channels?\b|无可用渠道",
    r"no allowed providers are available|no endpoints found matching",
)
"""A gateway has nobody who answers for a model, or nobody whom its user allows."""

KEY_OF_OTHERS = _any(
    r"model_access_denied",
    r"\b(?:location|country|region|territory) is not (?:supported|allowed)",
)
KEY = _any(
    r"(?:invalid|incorrect|bad|missing|wrong|no|unknown)(?: or missing)?[ _]"
    r"(?:api|user|access|private|authentication|auth)[ _]?(?:key|token)\b",
    r"api[ _]key[ _](?:not valid|invalid|is invalid|is not valid|doesn.t match)",
    r"api[ _]key (?:has |is )?expired|proxy server token|token_not_found_in_db",
    r"valid user token is required|security token .{0,40}is invalid|no token provided",
    r"unable to locate credentials|\bInvalidToken\b|no_db_connection",
)
SYSTEM = _any(
    r"(?:system|developer) (?:role|messages?|prompts?|instructions?)\b.{0,20}?"
    r"(?:not (?:supported|allowed|enabled)|unsupported)",
    r"not support (?:a |the )?(?:system|developer) (?:role|message|prompt|instruction)",
)
"""A model takes no system prompt."""

TOO_LARGE = _any(r"\b(?:payload|entity|body|request|content)[ _](?:is )?too[ _]large")
"""Too many bytes, whatever a model could read of them."""

BLOCKED = _any(r"error (?:code:? )?10\d\d\b", r"cloudflare")
PATH = _any(
    r"unexpected endpoint",
    r"unknown request url|unknown_url",
    r"invalid url \((?:post|get)",
    r"(?:unknown|no such|invalid) (?:endpoint|route|path)\b",
    r"cannot (?:post|get) /",
    r"\bHTTP request (?:was sent )?to (?:an )?HTTPS",
    r"endpoint_not_found",
)
