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
from apertis_magic.chat.picture import as_sent
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

    A call and its result are sent as such where both stand in the answer; the API takes
    neither alone. Else a line of text tells of them, and so it does of a picture. The
    data of a large picture in a text is left out: nobody can read it.
    """
    if len(parts) == 1 and isinstance(parts[0], Text):  # nearly always
        return (Message("assistant", as_sent(parts[0].text)),)
    results = {part.id: part for part in parts if isinstance(part, ToolResult)}
    calls = {part.id: part for part in parts if isinstance(part, ToolCall)}
    pairs = [(calls[n], results[n]) for n in calls if n and n in results]
    text = _text_of([part for part in parts if not any(part in both for both in pairs)])
    if not pairs:
        return (Message("assistant", text),)
    asked = Message("assistant", "", tool_calls=[_call(call) for call, _ in pairs])
    told = (Message("tool", result.text, tool_call_id=c.id) for c, result in pairs)
    last = (Message("assistant", text),) if text else ()
    return (asked, *told, *last)


def _text_of(parts: Parts | list[Part]) -> str:
    """Return the text of a message: the answer's own, and a line for what is none."""
    said = [
        as_sent(part.text) if isinstance(part, Text) else _line(part) for part in parts
    ]
    is_text = all(isinstance(part, Text) or not _line(part) for part in parts)
    return "".join(said) if is_text else "".join(said).strip("\n")


def _line(part: Part) -> str:
    """Return the line that tells of a part; nothing of what is never sent."""
    if isinstance(part, Picture):
        return f"\n\n[{part}]\n\n"
    if isinstance(part, ToolCall):
        return f"\n\n[asked for {part}]\n\n"
    if isinstance(part, ToolResult):
        return f"\n\n[a tool gave: {part.text}]\n\n"
    return ""


def _call(part: ToolCall) -> dict[str, Any]:
    function = {"name": part.name, "arguments": part.arguments}
    return {"id": part.id, "type": "function", "function": function}
