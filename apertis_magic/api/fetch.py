"""Gets a JSON object that is no completion."""

from apertis_magic.api import bounds, error_body, error_page, failures
from apertis_magic.api.answer import parse_json
from apertis_magic.api.bounds import Meter
from apertis_magic.api.incoming import Incoming
from apertis_magic.api.transport import Call, Transport
from apertis_magic.api.value import Json
from apertis_magic.errors import StatusError

MODELS = "/models"
"""The path of the list of models, which not every server has."""

_NOT_THERE = (404, 405, 501)


async def fetch(transport: Transport, call: Call, meter: Meter | None = None) -> Json:
    """Return the JSON object that *call* gives.

    Args:
        transport: sends it.
        call: the request.
        meter: counts what comes, where it is one of several pages.

    Raises:
        NotFound: nothing is there; a server that has answered lacks a list of models.
        ApertisError: there was no answer, a refusal, or something else than JSON.
    """
    incoming = await _sent(transport, call)
    body = await incoming.read(
        meter or Meter(bounds.LIST), lambda body: _parsed(body) is not None
    )
    payload = _parsed(body)
    if payload is None:
        text = body.decode(errors="replace")
        if _may_lack(transport, call) and error_page.is_page(text):
            status = incoming.response.status
            raise failures.no_list(transport.target.base_url, status)
        raise failures.no_json(text, incoming.redact, incoming.response)
    if error := error_body.error_of(payload):
        raise failures.in_success(error, incoming.redact, incoming.response)
    return payload


def _parsed(body: bytearray) -> Json | None:
    """Return the object that a body holds, None where it holds none."""
    text = body.decode(errors="replace")
    if text.lstrip().startswith("["):  # some servers send the list alone
        text = f'{{"data": {text}}}'
    return parse_json(text)


async def _sent(transport: Transport, call: Call) -> Incoming:
    try:
        return await transport.send(call)
    except StatusError as error:
        if error.status in _NOT_THERE and _may_lack(transport, call):
            base_url = transport.target.base_url
            raise failures.no_list(base_url, error.status) from error
        raise


def _may_lack(transport: Transport, call: Call) -> bool:
    """Tell whether a server that is one may still have nothing there."""
    return call.path == MODELS and transport.capabilities.answers
