"""A real LiteLLM gateway for a class, in a process of its own."""

import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from lab_server import free_port

_ROOT = Path(__file__).parents[1]
PROGRAM = _ROOT / ".venv-gateway/bin/litellm"
"""LiteLLM, where ``make test-slow`` installs it."""

_PATIENCE = 180.0
"""Seconds after which what has not come will not come; its first start compiles it."""

_FAREWELL = 30.0
"""Seconds that it has for its end."""

_CONFIG = _ROOT / "tests/gateway/config.yaml"


class Gateway:
    """A running gateway; a context manager.

    Attributes:
        url: the base URL of its API.
    """

    def __init__(
        self, folder: Path, members: Mapping[str, Mapping[str, Any]], upstream: str
    ) -> None:
        (folder / "members.json").write_text(json.dumps(members))
        self._ledger = folder / "ledger.sqlite"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/v1"
        self._alive = f"http://127.0.0.1:{port}/health/liveliness"
        self._log = folder / "log"
        options = {
            "config": _CONFIG,
            "host": "127.0.0.1",
            "port": port,
            "telemetry": False,
        }
        own = {
            "CLASS_MEMBERS": folder / "members.json",
            "CLASS_LEDGER": self._ledger,
            "HOME": folder,
            "LITELLM_LOCAL_MODEL_COST_MAP": True,
            "LITELLM_MASTER_KEY": "sk-of-nobody-in-the-class-0123456789",
            "LITELLM_TELEMETRY": False,
            "NO_DOCS": True,
            "PATH": os.environ["PATH"],
            "UPSTREAM_API_KEY": "sk-of-the-class",
            "UPSTREAM_BASE_URL": upstream,
        }
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [PROGRAM, *(f"--{name}={value}" for name, value in options.items())],
                env={name: str(value) for name, value in own.items()},
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> Self:
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        try:
            self._process.wait(_FAREWELL)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def spent(self, member: str, answers: int) -> float:
        """Wait until so many answers of a member are booked; return their USD."""
        deadline = time.monotonic() + _PATIENCE
        query = "SELECT count(*), total(usd) FROM answers WHERE member = ?"
        while time.monotonic() < deadline:
            ledger = sqlite3.connect(self._ledger)
            count, usd = ledger.execute(query, (member,)).fetchone()
            ledger.close()
            if count >= answers:
                return float(usd)
            time.sleep(0.05)  # it tells nobody when it writes
        raise AssertionError(self._log.read_text())

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(self._alive, trust_env=False).is_success:
                    return
            except httpx.HTTPError:
                time.sleep(0.1)  # it does not listen yet
        raise AssertionError(self._log.read_text())
