"""An answer's parts -> the messages by which later requests send it."""

from typing import Any

from apertis_magic.api.types import Message
from apertis_magic.chat.parts import (
    KINDS,
    Part,
    Parts,
    Picture,
    Text,
    ToolCall,
    ToolResult,
)
from apertis_magic.marks import SENT, marked

_KINDS = tuple(kind for kind in KINDS.values() if marked(kind, SENT))


def is_sent(parts: Parts) -> bool:
    """Tell whether later requests send an answer: something in it is to be sent."""
    for part in parts:  # noqa: SIM110  a generator is slow, for each turn of a question
        if isinstance(part, _KINDS):
            return True
    return False


def messages_of(parts: Parts) -> tuple[Message, ...]:
    """Return an answer as later requests send it.

    A call is sent as one where its result stands in the answer too; the API takes no
    other. Else it is told in a line of text, and so is a picture.
    """
    if len(parts) == 1 and isinstance(parts[0], Text):  # nearly always
        return (Message("assistant", parts[0].text),)
    results = {part.id: part for part in parts if isinstance(part, ToolResult)}
    called = [
        part for part in parts if isinstance(part, ToolCall) and part.id in results
    ]
    text = _text_of([part for part in parts if part not in called])
    if not called:
        return (Message("assistant", text),)
    asked = Message("assistant", "", tool_calls=[_call(each) for each in called])
    told = (Message("tool", results[c.id].text, tool_call_id=c.id) for c in called)
    last = (Message("assistant", text),) if text else ()
    return (asked, *told, *last)


def _text_of(parts: Parts | list[Part]) -> str:
    """Return the text of a message: the answer's own, and a line for what is none."""
    lines = {
        number: f"\n\n[{'asked for ' if isinstance(part, ToolCall) else ''}{part}]\n\n"
        for number, part in enumerate(parts)
        if isinstance(part, Picture | ToolCall)
    }
    whole = "".join(
        part.text if isinstance(part, Text) else lines.get(number, "")
        for number, part in enumerate(parts)
    )
    return whole.strip("\n") if lines else whole


def _call(part: ToolCall) -> dict[str, Any]:
    function = {"name": part.name, "arguments": part.arguments}
    return {"id": part.id, "type": "function", "function": function}
