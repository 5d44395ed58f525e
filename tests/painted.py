"""Pictures for tests: real ones of any size, and how a server sends them."""

import struct
import zlib
from base64 import b64encode
from typing import Any

from scripted_server import chunk


def png(width: int = 40, height: int = 30, *, blue: int = 160) -> bytes:
    """Return a picture of soft colours, which a browser can show."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes((255 * x // width, 200 * y // height, blue))
    head = struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(rows))
    pieces = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_piece, *zip(*pieces, strict=True)))


def _piece(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def drawn(*pictures: bytes) -> bytes:
    """Return the event of one chunk that holds pictures."""
    return chunk(delta={"images": images_of(*pictures)})


def images_of(*pictures: bytes) -> list[Any]:
    """Return pictures as a message of the API holds them."""
    urls = [f"data:image/png;base64,{b64encode(each).decode()}" for each in pictures]
    return [{"type": "image_url", "image_url": {"url": url}} for url in urls]
