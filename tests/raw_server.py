"""A server on loopback that answers with bytes as a test wrote them, HTTP or not."""

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Self

Make = Callable[[], Iterable[bytes]]
"""Makes an answer anew for each request: all bytes of it, its status line too."""


class RawServer:
    """Gives each request the answer that its path begins with the name of.

    Where there is none, as where a redirect leads, it is not found. An answer ends with
    its connection, which the client may be the first to close.

    Args:
        answers: the answers by their names.
    """

    def __init__(self, answers: Mapping[str, Make]) -> None:
        self._answers = answers
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def url(self, name: str) -> str:
        """Return the base URL of an API that gives the answer of that name."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/{name}/v1"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(
                target=self._answer, args=(connection,), daemon=True
            ).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                name = _request(connection).split(b"/")[1].decode()
                for piece in self._answers.get(name, _nowhere)():
                    connection.sendall(piece)
            except (OSError, IndexError):
                pass  # it hung up


def _nowhere() -> Iterable[bytes]:
    """Give what answers a path that nothing is at."""
    return [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"]


def _request(connection: socket.socket) -> bytes:
    """Read a request to its end, and return its head."""
    read = b""
    while b"\r\n\r\n" not in read:
        if not (piece := connection.recv(65_536)):
            raise ConnectionError
        read += piece
    head, _, body = read.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            left = int(line.partition(b":")[2]) - len(body)
            while left > 0:
                left -= len(connection.recv(65_536)) or left
    return head
