"""Server-sent events: bytes in, events out, by the WHATWG rules; no I/O.

Lines end with CR LF, LF or CR and with nothing else. ``str.splitlines`` and httpx's
``iter_lines`` also split on U+2028, U+0085 and more, which may stand inside the JSON.
"""

from typing import NamedTuple

from apertis_magic.errors import StreamError

LARGEST = 16_000_000
"""Bytes of a line, or of the lines of an event; a picture is one."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
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
        self._data: list[bytes] = []
        self._size = self._line_size = 0  # bytes of the event, and of its last line

    def feed(self, chunk: bytes) -> list[Event]:
        """Return the events that *chunk* completes.

        Raises:
            StreamError: a line, or an event, is larger than anybody needs.
        """
        if self._after_cr and chunk:
            # A CR ends its line at once; an LF after it belongs to the same end.
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = chunk.split(b"\n")
        if len(lines) == 1:
            self._line.append(chunk)
            self._line_size += len(chunk)
            self._check_size()
            return []
        if self._line:
            lines[0] = b"".join(self._line) + lines[0]
        tail = lines.pop()
        self._line, self._line_size = [tail] if tail else [], len(tail)
        events = self._take(lines)
        self._check_size()
        return events

    def close(self) -> list[Event]:
        """Return the event that the end of the stream cut off, if any.

        The rules would drop an event without its blank line; a model's last words
        are worth more.
        """
        line, self._line = b"".join(self._line), []
        return self._take([line, b""])

    def _check_size(self) -> None:
        if self._size + self._line_size > LARGEST:
            raise StreamError(f"An event of the stream has over {LARGEST // 10**6} MB.")

    def _take(self, lines: list[bytes]) -> list[Event]:
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        events = []
        for line in lines:
            if not line:
                if self._data:
                    data = b"\n".join(self._data).decode(errors="replace")
                    events.append(Event(self._type or "message", data))
                    self._data, self._size = [], 0
                self._type = ""
                continue
            name, _, value = line.partition(b":")
            if name == b"data":
                self._data.append(value.removeprefix(b" "))
                self._size += len(value)
            elif name == b"event":
                self._type = value.removeprefix(b" ").decode(errors="replace")
        return events
