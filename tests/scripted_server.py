"""A Chat Completions server on loopback that does exactly what a test wrote down.

It is a real server on a real socket: it can wait for the test, cut the connection in
mid-answer, or say nothing at all.
"""

import json
import os
import select
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

PATIENCE = 60.0
"""Seconds after which a test that waits for the server has failed."""


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Wait:
    """A step: wait until the test sets the event, or the client hangs up."""

    until: threading.Event


class Cut:
    """A step: close the connection; what was sent before arrives."""


class Reset(Cut):
    """A step: reset the connection; what was sent before may be lost."""


class Tamper(Cut):
    """A step: send what no TLS connection would, and close."""


@dataclass(frozen=True)
class Answer:
    """What the server does with one request: a status, headers, then step by step.

    Without ``length`` the body is chunked and ends when the steps do.
    """

    steps: Iterable[bytes | Wait | Cut] = ()
    status: int = 200
    headers: Mapping[str, str] = field(
        default_factory=lambda: {"Content-Type": "text/event-stream"}
    )
    before_headers: Wait | Cut | None = None


def event(payload: Any) -> bytes:
    """Return one server-sent event."""
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def chunk(text: str | None = None, **fields: Any) -> bytes:
    """Return the event of one chunk; *fields* go beside its choices."""
    finish = fields.pop("finish", None)
    delta = {"content": text, **fields.pop("delta", {})}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return event({"id": "c1", "model": "served", "choices": [choice], **fields})


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
DONE = b"data: [DONE]\n\n"


def says(*pieces: str, finish: str = "stop", usage: Any = USAGE) -> Answer:
    """Return a well-behaved streamed answer."""
    last = [event({"model": "served", "choices": [], "usage": usage})] if usage else []
    texts = [chunk(piece) for piece in pieces]
    return Answer((*texts, chunk(finish=finish), *last, DONE))


def whole(text: str, **fields: Any) -> Answer:
    """Return an answer in one piece."""
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return json_answer(
        {"id": "c1", "model": "served", "choices": [choice], "usage": USAGE, **fields}
    )


def json_answer(body: Any, status: int = 200, **headers: str) -> Answer:
    """Return any JSON with any status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(
        (json.dumps(body).encode(),),
        status,
        {"Content-Type": "application/json", **named},
    )


def fails(status: int, message: str = "no", **error: Any) -> Answer:
    """Return an error response in the API's form."""
    headers = error.pop("headers", {})
    return json_answer({"error": {"message": message, **error}}, status, **headers)


NEVER = Wait(threading.Event())
# Where an answer can hang, and the text that has come by then.
PHASES: dict[str, tuple[Answer, str]] = {
    "waiting for headers": (Answer(before_headers=NEVER), ""),
    "before the first word": (Answer((NEVER,)), ""),
    "streaming": (Answer((chunk("half"), NEVER)), "half"),
    "waiting to try again": (fails(503, headers={"Retry-After": "50"}), ""),
}


class ScriptedServer:
    """Serves the answers it was given, in order; the last one again and again.

    Attributes:
        requests: what came, in order.
        connections: how many connections were opened.
        hung_up: set when a client left before its answer was complete.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.hung_up = threading.Event()
        self._arrived = threading.Condition()
        self._answers: deque[Answer] = deque()
        self._http = _Server(self)
        self._scheme = "https" if tls else "http"
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(PATIENCE)

    @property
    def url(self) -> str:
        """The base URL of the API."""
        return f"{self._scheme}://127.0.0.1:{self.port}/v1"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._http.server_address[1])

    def will(self, *answers: Answer) -> None:
        """Give these answers to the next requests."""
        self._answers = deque(answers)

    def wait_for(self, count: int) -> None:
        """Wait until *count* requests have come."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.requests) >= count, PATIENCE)

    def take(self, request: Request) -> Answer:
        """Note *request* and return the answer to give."""
        with self._arrived:
            self.requests.append(request)
            answers = self._answers
            answer = answers.popleft() if len(answers) > 1 else answers[0]
            self._arrived.notify_all()
        return answer

    @property
    def messages(self) -> list[list[tuple[str, str]]]:
        """The (role, content) pairs of each request."""
        return [
            [
                (message["role"], message["content"])
                for message in request.body["messages"]
            ]
            for request in self.requests
        ]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: ScriptedServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script

    def process_request(self, request: Any, client_address: Any) -> None:
        self.script.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else a client waits 40 ms for each piece
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        answer = self.server.script.take(request)
        try:
            self._give(answer)
        except (_HungUpError, OSError):
            self.server.script.hung_up.set()
            self.close_connection = True

    def _give(self, answer: Answer) -> None:
        if answer.before_headers is not None:
            self._step(answer.before_headers)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for step in answer.steps:
            self._step(step)
        self.wfile.write(b"0\r\n\r\n")

    def _step(self, step: bytes | Wait | Cut) -> None:
        if isinstance(step, Reset):
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        if isinstance(step, Tamper):
            os.write(self.connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
        if isinstance(step, Cut):
            raise _HungUpError
        if isinstance(step, Wait):
            self._wait(step.until)
        elif step:
            self.wfile.write(f"{len(step):x}\r\n".encode() + step + b"\r\n")
            self.wfile.flush()

    def _wait(self, until: threading.Event) -> None:
        over = False
        while not over:
            over = until.wait(0.01)
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _HungUpError


class _HungUpError(Exception):
    """The client is gone, or was cut off."""
