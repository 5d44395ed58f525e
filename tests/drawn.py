"""Pictures as servers send them, drawn without a library."""

import struct
import zlib
from base64 import b64decode, b64encode
from typing import Any

from scripted_server import chunk


def png(
    width: int = 8, height: int = 8, *, blue: int | None = None, noise: bool = False
) -> bytes:
    """Return a picture of colours that run into each other, or of noise."""
    rows = bytearray()
    seed = 1
    for y in range(height):
        rows.append(0)
        for x in range(width):
            if noise:
                seed = seed * 1103515245 + 12345 & 0x7FFFFFFF
                rows += struct.pack(">I", seed)[:3]
            elif blue is None:
                rows += bytes((40 + 180 * x // width, 110, 60 + 180 * y // height))
            else:
                rows += bytes((255 * x // width, 200 * y // height, blue))
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    found = ((b"IHDR", size), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_piece(*each) for each in found)


def _piece(name: bytes, data: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def large(size: int) -> bytes:
    """Return what begins as a picture does and has so many bytes."""
    return png()[:16] + bytes(size - 16)


GIF = b64decode("R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=")
WEBP = b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(64)


def data_url(data: bytes, kind: str = "image/png") -> str:
    """Return an address that holds all of a picture."""
    return f"data:{kind};base64,{b64encode(data).decode()}"


def image(url: str) -> dict[str, Any]:
    """Return what a delta has beside its text where there is a picture."""
    return {"images": [{"type": "image_url", "image_url": {"url": url}}]}


def picture(data: bytes) -> bytes:
    """Return the event of a chunk that holds a picture."""
    return chunk(delta=image(data_url(data)))


def drawn(*pictures: bytes) -> bytes:
    """Return the event of one chunk that holds pictures."""
    return chunk(delta={"images": images_of(*pictures)})


def images_of(*pictures: bytes) -> list[Any]:
    """Return pictures as a message of the API holds them."""
    return [each for data in pictures for each in image(data_url(data))["images"]]
