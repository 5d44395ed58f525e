"""The local model's server: a real process that serves the real model."""

import _thread
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from apertis_magic import Apertis, errors, local
from apertis_magic.errors import LocalModelError
from apertis_magic.local import Endpoint, LocalServer

PATIENCE = 120.0
# The real cache, before a fixture gives the tests a home of their own.
MODEL_FILE = local.path()
PROC = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
POSIX = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and forks")

pytestmark = pytest.mark.skipif(
    not local.engine_installed(), reason="needs the extra [local]"
)


@pytest.fixture(scope="session")
def model_file() -> Path:
    """Return the real model, which is downloaded the first time."""
    return local.install(folder=MODEL_FILE.parent)


@pytest.fixture(scope="module")
def shared(model_file: Path) -> Iterator[LocalServer]:
    """Yield a server for the tests that leave it running."""
    server = LocalServer()
    server.start(model_file)
    yield server
    server.stop()


@pytest.fixture
def server() -> Iterator[LocalServer]:
    """Yield a server that is not started yet."""
    server = LocalServer()
    yield server
    server.stop()


def ask(endpoint: Endpoint, **options: Any) -> http.client.HTTPResponse:
    """Return the open response to one chat completion request."""
    message = {"role": "user", "content": "Tell me a long story about a fox."}
    body = {"model": endpoint.model, "messages": [message], "max_tokens": 12}
    request = urllib.request.Request(  # noqa: S310  the server's own http address
        f"{endpoint.url}/chat/completions",
        json.dumps(body | options).encode(),
        {
            "Authorization": f"Bearer {endpoint.key}",
            "Content-Type": "application/json",
        },
    )
    response = urllib.request.urlopen(request, timeout=PATIENCE)  # noqa: S310  same
    assert isinstance(response, http.client.HTTPResponse)
    return response


def answer(endpoint: Endpoint, **options: Any) -> str:
    """Return the text of one answer that is not streamed."""
    with ask(endpoint, **options) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def drain(stream: http.client.HTTPResponse) -> None:
    """Read what still comes, however it ends."""
    with stream, suppress(http.client.HTTPException, OSError):
        stream.read()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what has no signal to wait for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def gone(pid: int) -> bool:
    """Return whether the process has ended; a zombie has."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


class Kernel:
    """Another Python process that has started a server and runs *code* then."""

    def __init__(self, model_file: Path, code: str = "") -> None:
        start = (
            "import json, os, pathlib, signal, sys, time\n"
            "from apertis_magic import local\n"
            "server = local.current()\n"
            "endpoint = server.start(pathlib.Path(sys.argv[1]))\n"
            "say = lambda value: print(json.dumps(value), flush=True)\n"
            "say([server.pid, endpoint.url, endpoint.key, endpoint.model])\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-c", start + code, str(model_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        self.server, *rest = self.hear()
        self.endpoint = Endpoint(*rest)

    def hear(self) -> Any:
        """Return the next value that the process says."""
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End the process as if its machine had lost power."""
        with self.process:
            self.process.kill()


@pytest.fixture
def kernel(model_file: Path) -> Iterator[Callable[[str], Kernel]]:
    """Yield what starts a kernel with a server in it."""
    kernels: list[Kernel] = []

    def start(code: str) -> Kernel:
        kernels.append(Kernel(model_file, code))
        return kernels[-1]

    yield start
    for each in kernels:
        each.close()


def test_stream(shared: LocalServer) -> None:
    """The model answers a streamed request in the API's way."""
    assert shared.endpoint is not None

    with ask(shared.endpoint, stream=True) as response:
        lines = [line.strip() for line in response if line.strip()]

    assert "text/event-stream" == response.headers.get_content_type()
    assert b"data: [DONE]" == lines[-1]
    chunks = [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]
    assert {local.MODEL} == {chunk["model"] for chunk in chunks}
    assert "".join(
        chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks
    )


def test_endpoint(shared: LocalServer) -> None:
    """It is on loopback, and no repr shows the key."""
    endpoint = shared.endpoint

    assert endpoint is not None
    assert endpoint.url.startswith("http://127.0.0.1:")
    assert endpoint.key not in repr(endpoint)
    assert endpoint.key not in repr(shared)


def test_wrong_key(shared: LocalServer) -> None:
    """Nobody else on the machine gets an answer."""
    assert shared.endpoint is not None
    stranger = Endpoint(shared.endpoint.url, "sk-wrong", shared.endpoint.model)

    with pytest.raises(urllib.error.HTTPError) as info:
        ask(stranger)

    with info.value as error:
        assert 401 == error.code


def client(server: LocalServer, **options: Any) -> tuple[Apertis, dict[str, Any]]:
    """Return our client for *server*, and a request to it."""
    endpoint = server.endpoint
    assert endpoint is not None
    message = {"role": "user", "content": "Tell me a long story about a fox."}
    request = {"model": endpoint.model, "messages": [message], "max_tokens": 12}
    return Apertis(endpoint.key, endpoint.url, **options), request


def test_our_client(shared: LocalServer) -> None:
    """Streamed and whole it is the same answer, with its usage and finish reason."""
    ours, request = client(shared)
    whole = ours.chat.completions.create(**request)
    wanted = {"include_usage": True}
    stream = ours.chat.completions.create(**request, stream=True, stream_options=wanted)
    streamed = stream.completion()

    assert whole.choices[0].message.content == streamed.choices[0].message.content
    assert (
        "length" == whole.choices[0].finish_reason == streamed.choices[0].finish_reason
    )
    assert whole.usage is not None
    assert streamed.usage is not None
    assert 12 == whole.usage.completion_tokens == streamed.usage.completion_tokens
    assert 0 == stream.malformed


def test_our_client_leaves_early(shared: LocalServer) -> None:
    """The server stops writing, and answers the next question."""
    ours, request = client(shared)
    for _ in ours.chat.completions.create(
        **{**request, "max_tokens": 400, "stream": True}
    ):
        break

    assert ours.chat.completions.create(**request).choices[0].message.content


def test_our_client_is_refused(shared: LocalServer) -> None:
    """A wrong key and too long a prompt are what they are everywhere."""
    ours, request = client(shared)
    too_long = [{"role": "user", "content": "fox " * 9000}]
    with pytest.raises(errors.ContextLengthExceeded):
        ours.chat.completions.create(**{**request, "messages": too_long})
    stranger = Apertis("sk-wrong-0123456", ours.base_url)
    with pytest.raises(errors.AuthenticationError):
        stranger.chat.completions.create(**request)


def test_our_client_lists_the_model(shared: LocalServer) -> None:
    """The model that is served is in the list."""
    ours, request = client(shared)

    assert [request["model"]] == [model.id for model in ours.models.list()]


def test_same_answer_unless_asked(shared: LocalServer) -> None:
    """Answers repeat by default; a request's temperature and seed still count."""
    endpoint = shared.endpoint
    assert endpoint is not None

    assert answer(endpoint) == answer(endpoint)
    warm = {answer(endpoint, temperature=2, seed=seed) for seed in range(2, 7)}
    assert 1 < len(warm)
    assert answer(endpoint, temperature=2, seed=2) in warm


def test_start_is_once(shared: LocalServer) -> None:
    """A running server is used again."""
    pid = shared.pid

    assert shared.endpoint == shared.start()
    assert pid == shared.pid


def test_current_is_one(server: LocalServer) -> None:
    """A process has one current server; one that nobody started is not alive."""
    assert local.current() is local.current()
    assert (False, None, None) == (server.alive, server.pid, server.endpoint)


def test_stop(server: LocalServer, model_file: Path) -> None:
    """Stopping ends the process; doing so again does nothing; it can start again."""
    first = server.start(model_file)
    pid = server.pid

    server.stop()
    server.stop()

    assert (False, None, None) == (server.alive, server.pid, server.endpoint)
    with pytest.raises(urllib.error.URLError):
        ask(first)
    assert server.start(model_file) != first
    assert pid != server.pid


@POSIX
def test_killed_server_starts_again(server: LocalServer, model_file: Path) -> None:
    """A server that somebody killed is noticed, and replaced by the next start."""
    server.start(model_file)
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive)

    assert server.endpoint is None
    assert answer(server.start(model_file))


def test_stop_during_stream(server: LocalServer, model_file: Path) -> None:
    """Stopping does not wait for an answer's end; the answer breaks off."""
    stream = ask(server.start(model_file), stream=True, max_tokens=3000)
    stream.readline()

    server.stop()

    drain(stream)
    assert not server.alive


@pytest.mark.parametrize("content", [None, b"", b"GGUF no more"])
def test_no_model(server: LocalServer, content: bytes | None, tmp_path: Path) -> None:
    """A missing or damaged model file is one line that says what to do."""
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(LocalModelError) as info:
        server.start(file)

    assert str(file) in str(info.value)
    assert info.value.hint
    assert not server.alive


def test_not_a_model(server: LocalServer, tmp_path: Path) -> None:
    """What llama.cpp cannot load is one line that says what to do."""
    file = tmp_path / "model.gguf"
    with file.open("wb") as sparse:
        sparse.truncate(local.SMOLLM2.size)

    with pytest.raises(LocalModelError) as info:
        server.start(file)

    assert info.value.hint
    assert not server.alive


def test_time_out(server: LocalServer, model_file: Path) -> None:
    """A server that is not ready in time is ended."""
    with pytest.raises(LocalModelError, match="within"):
        server.start(model_file, timeout=0)

    assert not server.alive


@POSIX
def test_interrupted_start(server: LocalServer, model_file: Path) -> None:
    """An interrupt ends a server that is still starting."""
    pids: list[int] = []

    def interrupt() -> None:
        until(lambda: server.pid is not None)
        pids.append(server.pid or 0)
        os.kill(pids[0], signal.SIGSTOP)  # so that it never gets ready
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()

    with pytest.raises(KeyboardInterrupt):
        server.start(model_file)

    thread.join()
    assert not server.alive
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_start_beside_students_files(
    server: LocalServer,
    model_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A json.py in the current folder does not become the server's."""
    (tmp_path / "json.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(tmp_path)

    assert server.start(model_file).url


@PROC
def test_parent_killed(kernel: Callable[[str], Kernel]) -> None:
    """A kernel killed in mid-answer leaves no server behind."""
    parent = kernel("sys.stdin.read()")
    stream = ask(parent.endpoint, stream=True, max_tokens=3000)
    stream.readline()

    parent.close()

    until(lambda: gone(parent.server))
    drain(stream)


@PROC
def test_parent_killed_beside_its_fork(kernel: Callable[[str], Kernel]) -> None:
    """A fork that outlives the kernel does not keep the server alive."""
    parent = kernel("if not os.fork():\n say(os.getpid())\nsignal.pause()")
    fork = parent.hear()

    parent.process.kill()

    try:
        until(lambda: gone(parent.server))
    finally:
        os.kill(fork, signal.SIGKILL)


@POSIX
def test_interrupt_of_parent(kernel: Callable[[str], Kernel]) -> None:
    """Ctrl-C in a terminal, which goes to the whole group, spares the server."""
    parent = kernel(
        "try:\n say('ready')\n signal.pause()\n"
        "except KeyboardInterrupt:\n say(server.alive)\nsys.stdin.read()"
    )
    parent.hear()

    os.killpg(parent.process.pid, signal.SIGINT)

    assert parent.hear() is True
    assert answer(parent.endpoint)


@PROC
def test_exit_of_parent(kernel: Callable[[str], Kernel]) -> None:
    """A kernel that exits by itself stops its server and says nothing."""
    parent = kernel("sys.stdin.read()")

    output, _ = parent.process.communicate(timeout=PATIENCE)

    assert (0, "") == (parent.process.returncode, output)
    until(lambda: gone(parent.server))


@POSIX
def test_exit_of_fork(kernel: Callable[[str], Kernel]) -> None:
    """A forked child has no server, and its exit leaves the parent's alone."""
    parent = kernel(
        "if not (child := os.fork()):\n"
        " say([server.alive, server.endpoint])\n server.stop()\n sys.exit()\n"
        "os.waitpid(child, 0)\nsay(server.alive)\nsys.stdin.read()"
    )

    assert [False, None] == parent.hear()
    assert parent.hear() is True
    assert answer(parent.endpoint)


@POSIX
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_for_a_person(number: signal.Signals, model_file: Path) -> None:
    """``serve`` prints what to export, and leaves quietly in mid-answer."""
    command = [sys.executable, "-m", "apertis_magic.local", "serve", str(model_file)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        words = dict(line.split()[-1].split("=") for line in lines[1:])
        endpoint = Endpoint(
            words["APERTIS_BASE_URL"], words["APERTIS_API_KEY"], words["APERTIS_MODEL"]
        )
        stream = ask(endpoint, stream=True, max_tokens=3000)
        stream.readline()

        process.send_signal(number)

        assert ("", "") == process.communicate(timeout=PATIENCE)
    assert 0 == process.returncode
    drain(stream)
