"""Reads a file whole, and replaces one whole or not at all."""

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from stat import S_IMODE, S_ISDIR, S_ISREG
from uuid import uuid4


def read(file: Path) -> str:
    """Return a file's text, without the mark that some editors put before it.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no file, or holds no text.
    """
    kind = file.stat().st_mode
    if not S_ISREG(kind):  # reading a pipe would wait for ever
        raise ValueError(f"it is {'a folder' if S_ISDIR(kind) else 'no regular file'}")
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is not text in UTF-8") from None
    if not text.strip():
        raise ValueError("it is empty")
    return text


def write(file: Path, text: str) -> None:
    """Put *text* in the place of what *file* holds.

    A link stays one: what it points to is replaced. The file's permissions stay, and a
    new one has those that the process gives.

    Raises:
        OSError: it cannot be written; it is as it was.
        ValueError: there can be no such file.
    """
    # Half a character, which only an option can hold, is left to JSON to escape.
    content = text.encode("utf-8", "backslashreplace")
    target = Path(os.path.realpath(file))
    before = target.stat() if os.path.lexists(target) else None
    if before and not S_ISREG(before.st_mode):
        raise ValueError("it is a folder or no regular file")
    if not target.parent.is_dir():
        raise ValueError(f"there is no folder {file.parent}")
    # What only its owner may read must not be open to others even for a moment.
    mode = S_IMODE(before.st_mode) if before else 0o666
    temporary = target.with_name(f".apertis-{uuid4().hex}")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=mode)) as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        if before:
            temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
