"""Gets a JSON object that is no completion."""

from apertis_magic.api import failures
from apertis_magic.api.answer import no_json, parse_json
from apertis_magic.api.transport import Call, Transport
from apertis_magic.api.value import Json


async def fetch(transport: Transport, call: Call) -> Json:
    """Return the JSON object that *call* gives.

    Raises:
        ApertisError: there was no answer, a refusal, or something else than JSON.
    """
    incoming = await transport.send(call)
    text = (await incoming.read()).decode(errors="replace")
    if text.lstrip().startswith("["):  # some servers send the list alone
        text = f'{{"data": {text}}}'
    payload = parse_json(text)
    if payload is None:
        raise no_json(text, incoming.redact)
    if error := failures.error_of(payload):
        raise failures.in_success(error, incoming.redact, incoming.response)
    return payload
