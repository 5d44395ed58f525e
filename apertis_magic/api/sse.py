"""Server-sent events: bytes in, events out, by the WHATWG rules; no I/O.

Lines end with CR LF, LF or CR and with nothing else. ``str.splitlines`` and httpx's
``iter_lines`` also split on U+2028, U+0085 and more, which may stand inside the JSON.
"""

import re
from dataclasses import dataclass

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its type (``message`` unless the server names it) and its data."""

    type: str
    data: str


class Decoder:
    """Collects bytes, however they were cut, and gives the events they complete."""

    def __init__(self) -> None:
        self._line: list[bytes] = []  # pieces of the line that has not ended yet
        self._after_cr = False
        self._at_start = True
        self._type = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that *chunk* completes."""
        if self._after_cr and chunk:
            # A CR ends its line at once; an LF after it belongs to the same end.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        self._after_cr |= chunk.endswith(b"\r")
        first, *rest = _LINE_END.split(chunk)
        self._line.append(first)
        if not rest:
            return []
        lines = [b"".join(self._line), *rest]
        self._line = [lines.pop()]
        return [event for line in lines if (event := self._take(line))]

    def close(self) -> list[Event]:
        """Return the event that the end of the stream cut off, if any.

        The rules would drop an event without its blank line; a model's last words
        are worth more.
        """
        line, self._line = b"".join(self._line), []
        events = [self._take(line), self._take(b"")]
        return [event for event in events if event]

    def _take(self, line: bytes) -> Event | None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        text = value.removeprefix(b" ").decode(errors="replace")
        if name == b"data":
            self._data.append(text)
        elif name == b"event":
            self._type = text
        return None

    def _dispatch(self) -> Event | None:
        data, kind = self._data, self._type
        self._data, self._type = [], ""
        return Event(kind or "message", "\n".join(data)) if data else None
