"""Takes off the one encoding that a server may have put on a body; no I/O.

No server is asked for one. A body is inflated in steps, so that it costs no more than
what is read of it, whatever it would be in the end.
"""

import zlib
from collections.abc import Iterator

from apertis_magic.errors import ConnectionFailed, StreamError

_STEP = 65_536
"""Bytes that a body is inflated by at a time."""

_NONE = ("", "identity", "none", "utf-8")
"""What servers call no encoding; one of characters is none of bytes."""

_GZIP = ("gzip", "x-gzip")
_GZIP_BITS = 16 + zlib.MAX_WBITS
_ZLIB_HEAD = 2
"""Bytes that tell zlib's format from deflate alone."""

_ZLIB = 8
"""The method that the first byte of zlib's format names, in its lower half."""


class Inflater:
    """Inflates a body in gzip or deflate, however it was cut.

    Args:
        encoding: ``gzip`` or ``deflate``.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._head = b""  # of deflate, until it is known whether it is in zlib's format
        self._stream = zlib.decompressobj(_GZIP_BITS) if encoding == "gzip" else None
        self._begun = self._ended = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what *data* is inflated to, in steps.

        Raises:
            ConnectionFailed: it is not what the server says it is.
        """
        try:
            yield from self._feed(data)
        except zlib.error as error:
            raise ConnectionFailed(
                f"The server sends what is no {self._encoding}, and says it is."
            ) from error

    def _feed(self, data: bytes) -> Iterator[bytes]:
        is_full = False
        while data or is_full:
            stream, data = self._reader(data)
            if stream is None:
                return
            out = stream.decompress(data, _STEP)
            if out:
                yield out
            is_full = len(out) == _STEP
            data = stream.unconsumed_tail
            if stream.eof:
                self._ended, is_full = True, False
                data = stream.unused_data

    def _reader(self, data: bytes) -> "tuple[zlib._Decompress | None, bytes]":
        """Return what inflates *data*, None where nothing does (yet), and the data."""
        if self._ended:
            data = data.lstrip(b"\0")  # as tapes are filled up
            # A further member of gzip; what else follows the end is nobody's.
            if self._encoding != "gzip" or not data.startswith(b"\x1f"):
                return None, b""
            self._stream, self._ended = zlib.decompressobj(_GZIP_BITS), False
        self._begun = True
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < _ZLIB_HEAD:
                return None, b""
            is_zlib = data[0] % 16 == _ZLIB and (data[0] * 256 + data[1]) % 31 == 0
            bits = zlib.MAX_WBITS if is_zlib else -zlib.MAX_WBITS
            self._stream, self._head = zlib.decompressobj(bits), b""
        return self._stream, data

    def close(self) -> None:
        """See that the body came to its end.

        Raises:
            ConnectionFailed: it did not.
        """
        if self._begun and not self._ended:
            raise ConnectionFailed(
                f"What the server sent broke off: its {self._encoding} has no end."
            )


def inflater(header: str) -> Inflater | None:
    """Return what inflates a body, None where it is as it was written.

    Args:
        header: the ``Content-Encoding``, empty for none.

    Raises:
        StreamError: it is in more than one encoding, or in one that nobody asked for.
    """
    named = (name.strip().lower() for name in header.split(","))
    encodings = [name for name in named if name not in _NONE]
    if not encodings:
        return None
    if encodings[0] in _GZIP and len(encodings) == 1:
        return Inflater("gzip")
    if encodings == ["deflate"]:
        return Inflater("deflate")
    raise StreamError(
        f"The server sends the encoding {', '.join(encodings)[:60]!r}, which was not "
        "asked for and is not read.",
        hint="A proxy on the way may have put it on; ask the server without it.",
    )
