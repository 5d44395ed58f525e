"""The local model's server as the kernel sees it: a process to start and stop."""

import atexit
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from apertis_magic.errors import LocalModelError
from apertis_magic.local import children, weights

ENGINE_INSTALL = "Run: pip install 'apertis-magic[local]'"

CONTEXT_LENGTH = 4096
"""Tokens that a request and its answer may have together."""

ANSWER_LENGTH = 512
"""Tokens of an answer whose request sets no limit: a tiny model may never end."""

ANSWERS = 2
"""Answers that it writes at once, to one question or to several."""


@dataclass(frozen=True)
class Endpoint:
    """Where the model is served.

    Attributes:
        url: the base URL of the API.
        key: the key, which is another each time the server starts.
        model: the model's id.
    """

    url: str
    key: str = field(repr=False)
    model: str


def engine_installed() -> bool:
    """Return whether xllamacpp, which runs the model, is there."""
    return importlib.util.find_spec("xllamacpp") is not None


def engine_hint() -> str:
    """Return what to do where the engine is missing."""
    if os.environ.get("JUPYTERHUB_USER"):
        command = ENGINE_INSTALL.removeprefix("Run: ")
        return f"Ask the administrator of this hub to install it: {command}"
    return ENGINE_INSTALL


class LocalServer:
    """The server process, which lives no longer than the process that started it.

    Its stdin is a lifeline: the server leaves when this process stops it or ends,
    however it ends. An interrupt of this process does not reach it. Any thread may
    call these methods. In a forked child the parent's server counts as not alive:
    stop() leaves it alone, and start() starts the child's own.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._endpoint: Endpoint | None = None
        self._starting = threading.Lock()

    def __repr__(self) -> str:
        return f"<LocalServer {self.endpoint or 'not running'}>"

    @property
    def alive(self) -> bool:
        """Whether the process runs, be it ready or still starting."""
        # In a forked child poll() finds that the process is no child of ours.
        return self._process is not None and self._process.poll() is None

    @property
    def endpoint(self) -> Endpoint | None:
        """Where the model is served, or None while it is not."""
        return self._endpoint if self.alive else None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while there is none."""
        return self._process.pid if self._process is not None and self.alive else None

    def start(self, path: Path | None = None, timeout: float = 120.0) -> Endpoint:
        """Start the server unless it runs, and return where it serves.

        An interrupt while it starts ends it.

        Args:
            path: the model file, if it is not where ``install`` puts it.
            timeout: seconds to wait until the model is loaded.

        Returns:
            What to give ``Apertis`` and ``create``: the address, the key, the model.

        Raises:
            LocalModelError: with the reason in one line.
        """
        with self._starting:
            if (running := self.endpoint) is not None:
                return running
            self.stop()
            atexit.register(self.stop)
            try:
                self._process = _spawn(path or weights.path())
                self._endpoint = _hear(self._process, timeout)
            except BaseException:
                self.stop()
                raise
            return self._endpoint

    def stop(self) -> None:
        """End the server, also in mid-answer; do nothing where there is none."""
        process, self._process, self._endpoint = self._process, None, None
        atexit.unregister(self.stop)
        if process is not None and process.stdin is not None:
            with process:
                # Where python is a wrapper script, that alone gets the kill; the
                # server behind it leaves because its stdin ends.
                process.stdin.close()
                process.kill()


_current = LocalServer()


def current() -> LocalServer:
    """Return this process's one server, running or not."""
    return _current


def _spawn(file: Path) -> subprocess.Popen[bytes]:
    module = ["-m", "apertis_magic.local", "serve", "--lifeline", str(file.absolute())]
    try:
        return subprocess.Popen(  # noqa: S603  ourselves
            [*children.PYTHON, *module],
            env=children.environment(Path(__file__).parents[2]),  # this very package
            # llama.cpp looks for libraries in its current folder.
            cwd=Path(__file__).parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    except OSError as error:
        raise LocalModelError(f"Cannot start {sys.executable}: {error}") from error


def _hear(process: subprocess.Popen[bytes], timeout: float) -> Endpoint:
    """Return the endpoint in the process's first line, within *timeout* seconds."""
    lines: list[bytes] = []

    def read() -> None:
        if process.stdout is not None:
            lines.append(process.stdout.readline())

    reader = threading.Thread(target=read, name="apertis-local-start", daemon=True)
    reader.start()
    deadline = time.monotonic() + timeout
    # In small pieces, because on Windows a wait cannot be interrupted.
    while reader.is_alive() and time.monotonic() < deadline:
        reader.join(0.1)
    if reader.is_alive():
        raise LocalModelError(
            f"The local model was not ready within {timeout:.0f} s.",
            hint="The machine may be busy: try again.",
        )
    return _parse(b"".join(lines), process)


def _parse(line: bytes, process: subprocess.Popen[bytes]) -> Endpoint:
    if not line:
        raise LocalModelError(
            f"The local model's server ended at its start (code {process.wait()}).",
            hint="To see why, run: python -m apertis_magic.local serve",
        )
    report = json.loads(line)
    if "error" in report:
        raise LocalModelError(report["error"], hint=report["hint"])
    return Endpoint(report["url"], report["key"], report["model"])
