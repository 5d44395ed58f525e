"""The server process: llama.cpp behind the chat completions API, on loopback.

It always leaves by ``os._exit``: an interpreter that ends while llama.cpp writes an
answer crashes, and freeing the server then blocks for half a minute.
"""

import importlib
import json
import os
import secrets
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn, TextIO

from apertis_magic.errors import LocalModelError
from apertis_magic.local import weights
from apertis_magic.local.server import (
    ANSWER_LENGTH,
    ANSWERS,
    CONTEXT_LENGTH,
    Endpoint,
    engine_hint,
)


def for_parent(file: Path) -> NoReturn:
    """Serve until stdin ends; say where, or what went wrong, in one line of JSON."""
    parent = os.getppid()
    threading.Thread(target=_leave_at_eof, daemon=True).start()
    out = _take_stdout()
    try:
        endpoint, _server = _load(file)
    except LocalModelError as error:
        out.write(json.dumps({"error": str(error), "hint": error.hint}) + "\n")
        os._exit(1)
    out.write(json.dumps({**asdict(endpoint), "pid": os.getpid()}) + "\n")
    # A fork of the parent may hold the other end of stdin open after its death.
    # PR_SET_PDEATHSIG would end us with the thread that started us, and is Linux's.
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def for_person(file: Path) -> NoReturn:
    """Serve until Ctrl-C or SIGTERM, and print how to get there.

    Raises:
        LocalModelError: with the reason in one line.
    """
    signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)
    out = _take_stdout()
    endpoint, _server = _load(file)
    out.write(
        f"{weights.SMOLLM2.name} is served until Ctrl-C:\n"
        f"export APERTIS_BASE_URL={endpoint.url}\n"
        f"export APERTIS_API_KEY={endpoint.key}\n"
        f"export APERTIS_MODEL={endpoint.model}\n"
    )
    while True:
        time.sleep(1)


def _load(file: Path) -> tuple[Endpoint, object]:
    """Return where *file* is served, and the server, which ends when it is freed."""
    weights.verify(file)
    key = f"sk-{secrets.token_urlsafe(24)}"
    try:
        llama = importlib.import_module("xllamacpp")
        server = llama.Server(_params(llama.CommonParams(), file, key))
    except (ImportError, AttributeError) as error:
        raise LocalModelError(
            f"xllamacpp is missing or too old: {error}", hint=engine_hint()
        ) from error
    except (RuntimeError, MemoryError) as error:
        raise LocalModelError(
            f"llama.cpp cannot serve {file}: {error}",
            hint="Free some memory, or remove the model and install it again.",
        ) from error
    return Endpoint(f"{server.listening_address}/v1", key, weights.MODEL), server


def _params(params: Any, file: Path, key: str) -> Any:
    params.model.path = str(file)
    params.model_alias = {weights.MODEL}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.api_keys = [key]
    params.ui = False
    params.verbosity = 0
    params.n_parallel = ANSWERS
    params.n_ctx = CONTEXT_LENGTH * params.n_parallel
    params.n_predict = ANSWER_LENGTH
    params.cache_ram_mib = 0  # it would grow to 8 GB, beside each student's kernel
    # Two threads write 1.6 times as fast, and read a long prompt twice as fast, on an
    # idle machine. On a busy one, such as a class's, they wait for each other: up to 20
    # times slower, a short question 1 to 4 s instead of 0.2 s.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    # A whole class sees the same answers, unless a request says otherwise.
    params.n_gpu_layers = 0
    params.sampling.temp = 0
    params.sampling.seed = 1
    return params


def _take_stdout() -> TextIO:
    """Keep stdout for ourselves; what llama.cpp prints goes to stderr."""
    mine = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    return mine


def _leave_at_eof() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _leave(*_: object) -> None:
    os._exit(0)
