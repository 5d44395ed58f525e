"""Gets a JSON object that is no completion."""

from apertis_magic.api import bounds, error_body, failures
from apertis_magic.api.answer import no_json, parse_json
from apertis_magic.api.bounds import Meter
from apertis_magic.api.transport import Call, Transport
from apertis_magic.api.value import Json


async def fetch(transport: Transport, call: Call, meter: Meter | None = None) -> Json:
    """Return the JSON object that *call* gives.

    Args:
        transport: sends it.
        call: the request.
        meter: counts what comes, where it is one of several pages.

    Raises:
        ApertisError: there was no answer, a refusal, or something else than JSON.
    """
    incoming = await transport.send(call)
    body = await incoming.read(
        meter or Meter(bounds.LIST), lambda body: _parsed(body) is not None
    )
    payload = _parsed(body)
    if payload is None:
        raise no_json(body.decode(errors="replace"), incoming.redact)
    if error := error_body.error_of(payload):
        raise failures.in_success(error, incoming.redact, incoming.response)
    return payload


def _parsed(body: bytearray) -> Json | None:
    """Return the object that a body holds, None where it holds none."""
    text = body.decode(errors="replace")
    if text.lstrip().startswith("["):  # some servers send the list alone
        text = f'{{"data": {text}}}'
    return parse_json(text)
