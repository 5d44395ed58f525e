"""Certificates and proxies, by the environment's variables, on real sockets."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
import trustme
from scripted_server import Answer, ScriptedServer, Tamper, chunk, says, whole

from apertis_magic import Apertis, errors

HELLO = [{"role": "user", "content": "Hello!"}]
HOST = "models.invalid"  # resolves nowhere, so only a proxy can reach it


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Return a certificate authority that no system knows."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[ScriptedServer]:
    """Yield a server whose certificate that authority has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", HOST).configure_cert(context)
    with ScriptedServer(context) as server:
        server.will(whole("Hi."))
        yield server


@pytest.fixture
def trusted(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let SSL_CERT_FILE name that authority."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


def ask(base_url: str, **options: Any) -> Any:
    """Ask in plain code."""
    client = Apertis(base_url=base_url, max_retries=2)
    return client.chat.completions.create(model="m", messages=HELLO, **options)


@pytest.mark.usefixtures("trusted")
def test_a_private_authority(secure: ScriptedServer) -> None:
    """SSL_CERT_FILE is all that a company's own authority takes, streamed or not."""
    assert "Hi." == ask(secure.url).choices[0].message.content

    secure.will(says("a", "b"))

    assert "ab" == ask(secure.url, stream=True).completion().choices[0].message.content


def test_an_unknown_authority(secure: ScriptedServer) -> None:
    """The error names the variables to look at."""
    with pytest.raises(errors.TLSFailed, match="cannot be verified") as caught:
        ask(secure.url)

    for name in ("SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY"):
        assert name in caught.value.hint
    assert [] == secure.requests


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_host(secure: ScriptedServer) -> None:
    """A known authority is not enough."""
    with pytest.raises(errors.TLSFailed, match="cannot be verified"):
        ask(f"https://localhost:{secure.port}/v1")


@pytest.mark.usefixtures("trusted")
def test_a_connection_that_is_tampered_with(secure: ScriptedServer) -> None:
    """The answer breaks off with what had come, and is not asked again."""
    secure.will(Answer((chunk("half"), Tamper())))
    with pytest.raises(errors.TLSFailed) as caught:
        list(ask(secure.url, stream=True))

    assert "half" == caught.value.partial
    assert 1 == len(secure.requests)


def test_a_server_without_tls(server: ScriptedServer) -> None:
    """The hint asks whether the address should begin with http."""
    with pytest.raises(errors.TLSFailed) as caught:
        ask(server.url.replace("http:", "https:"))

    assert "http:" in caught.value.hint


class ConnectProxy(ThreadingTCPServer):
    """A proxy that tunnels every CONNECT to one port of this machine, or refuses it."""

    daemon_threads = True

    def __init__(self, port: int, *, status: bytes = b"200 OK") -> None:
        super().__init__(("127.0.0.1", 0), _Tunnel)
        self.port = port
        self.status = status
        self.asked: list[bytes] = []


class _Tunnel(StreamRequestHandler):
    server: ConnectProxy

    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline().strip())
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 " + self.server.status + b"\r\n\r\n")
        if not self.server.status.startswith(b"200"):
            return
        with socket.create_connection(("127.0.0.1", self.server.port)) as behind:
            back = threading.Thread(target=_pump, args=(behind, self.connection))
            back.start()
            _pump(self.connection, behind)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # either end is gone, and with it the tunnel


def running(proxy: ConnectProxy) -> str:
    """Start *proxy* and return its address."""
    threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
    return f"http://127.0.0.1:{proxy.server_address[1]}"


@pytest.mark.usefixtures("trusted")
def test_a_proxy_for_https(
    secure: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTPS_PROXY is asked for a tunnel, in which the proxy sees nothing."""
    with ConnectProxy(secure.port) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", running(proxy))
        answer = ask(f"https://{HOST}/v1")
        proxy.shutdown()

    assert "Hi." == answer.choices[0].message.content
    assert [b"CONNECT models.invalid:443 HTTP/1.1"] == proxy.asked


def test_a_proxy_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy's word is told, with the variables to look at."""
    refusal = b"407 Proxy Authentication Required"
    with ConnectProxy(9, status=refusal) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", running(proxy))
        with pytest.raises(errors.ConnectionFailed, match="407") as caught:
            Apertis(base_url=f"https://{HOST}/v1", max_retries=0).models.list()
        proxy.shutdown()

    assert "HTTPS_PROXY" in caught.value.hint
    assert "NO_PROXY" in caught.value.hint


def test_a_host_that_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY sends its hosts the direct way."""
    with ScriptedServer() as proxy:
        proxy.will(whole("from the proxy"))
        for name in ("HTTP_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", HOST)
        with pytest.raises(errors.ConnectionFailed, match="cannot be reached"):
            Apertis(base_url=f"http://{HOST}/v1", max_retries=0).models.list()

        assert [] == proxy.requests


def test_what_stays_on_this_machine_goes_through_no_proxy(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A school's proxy sees neither the question nor the key."""
    with ScriptedServer() as proxy:
        proxy.will(whole("from the proxy"))
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
        server.will(whole("Hi."))

        assert "Hi." == ask(server.url).choices[0].message.content
        assert [] == proxy.requests


def test_a_proxy_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes out goes through the proxy that the environment names."""
    with ScriptedServer() as proxy:
        proxy.will(whole("from the proxy"))
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        answer = ask(f"http://{HOST}/v1")

    assert "from the proxy" == answer.choices[0].message.content


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("ALL_PROXY", "socks://127.0.0.1:9"),
        ("NO_PROXY", "[::1],foo"),
        ("HTTP_PROXY", "http://127.0.0.1:99999"),
    ],
)
def test_an_environment_that_cannot_work_is_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """One line names where to look."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(
        errors.ConfigurationError, match=r"cannot be (set up|made)"
    ) as caught:
        ask(f"http://{HOST}/v1")

    assert "SSL_CERT_FILE" in caught.value.hint
