"""Server-sent events: bytes in, events out, by the WHATWG rules; no I/O.

Lines end with CR LF, LF or CR and with nothing else. ``str.splitlines`` and httpx's
``iter_lines`` also split on U+2028, U+0085 and more, which may stand inside the JSON.
"""

from typing import NamedTuple

from apertis_magic.api import bounds

_MOST = bounds.EVENT.most
_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its type (``message`` unless the server names it) and its data."""

    type: str
    data: str


class Decoder:
    """Collects bytes, however they were cut, and gives the events they complete."""

    def __init__(self) -> None:
        self._line = bytearray()  # of the line that has not ended yet
        self._after_cr = False
        self._at_start = True
        self._type = ""
        self._data: bytes | bytearray | None = None
        self._size = 0  # bytes of the lines since the last event

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
        tail = lines.pop()
        events = []
        if lines:
            if self._line:
                lines[0] = bytes(self._line + lines[0])
                self._line = bytearray()
            events = self._take(lines)
        if tail:
            self._line += tail
        if self._size + len(self._line) > _MOST:
            raise bounds.EVENT.exceeded()
        return events

    @property
    def waiting(self) -> int:
        """Bytes of an event that has begun; a comment or a blank line is none."""
        line, data = self._line, self._data
        if not line and not data:  # nearly always
            return 0
        size = 0 if not data or data.isspace() else len(data)
        is_sign = line.startswith(b":") or line.isspace()
        return size if is_sign else size + len(line)

    def close(self) -> list[Event]:
        """Return the event that the end of the stream cut off, if any.

        The rules would drop an event without its blank line; a model's last words
        are worth more.
        """
        line, self._line = bytes(self._line), bytearray()
        return self._take([line, b""])

    def _take(self, lines: list[bytes]) -> list[Event]:
        if self._at_start:
            self._at_start = False
            lines[0] = lines[0].removeprefix(_BOM)
        events = []
        for line in lines:
            if not line:
                if self._data is not None:
                    data = self._data.decode(errors="replace")
                    events.append(Event(self._type or "message", data))
                self._data, self._size, self._type = None, 0, ""
                continue
            self._size += len(line) + 1
            name, _, value = line.partition(b":")
            if name == b"data":
                value = value.removeprefix(b" ")
                self._data = value if self._data is None else self._and(value)
            elif name == b"event":
                self._type = value.removeprefix(b" ").decode(errors="replace")
        return events

    def _and(self, value: bytes) -> bytearray:
        """Return the data with a further line."""
        # One text, since each of a million short lines would cost its own.
        data = self._data if isinstance(self._data, bytearray) else None
        if data is None:
            data = bytearray(self._data or b"")
        data += b"\n"
        data += value
        return data
