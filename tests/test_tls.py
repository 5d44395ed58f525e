"""Certificates and proxies, by the environment's variables, on real sockets."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest
import trustme
from scripted_server import (
    PATIENCE,
    Answer,
    ScriptedServer,
    Tamper,
    chunk,
    says,
    whole,
)

from apertis_magic import Apertis, errors
from apertis_magic.api import certificates

HELLO = [{"role": "user", "content": "Hello!"}]
HOST = "models.invalid"  # resolves nowhere, so only a proxy can reach it


@pytest.fixture(autouse=True)
def no_authorities(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep those of whoever runs the tests out of them."""
    for name in certificates.VARIABLES:
        monkeypatch.delenv(name, raising=False)


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


def test_a_proxy_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """It speaks http, and gets the user name and the password that are in its name."""
    with ScriptedServer() as proxy:
        proxy.will(whole("from the proxy"))
        monkeypatch.setenv("ALL_PROXY", f"me:hush%21@127.0.0.1:{proxy.port}")
        answer = ask(f"http://{HOST}/v1")
        request = proxy.requests[0]

    assert "from the proxy" == answer.choices[0].message.content
    assert "Basic bWU6aHVzaCE=" == request.headers["proxy-authorization"]


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the variable that leads to it, and no password."""
    monkeypatch.setenv("https_proxy", "http://me:hush@127.0.0.1:9")
    with pytest.raises(errors.ConnectionFailed, match="cannot be reached") as caught:
        Apertis(base_url=f"https://{HOST}/v1", max_retries=0).models.list()

    assert "https_proxy" in caught.value.hint
    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_a_host_that_no_proxy_excepts_by_its_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What httpx itself fails at is honoured, or passed over."""
    with ScriptedServer() as proxy:
        proxy.will(whole("from the proxy"))
        monkeypatch.setenv("HTTP_PROXY", proxy.url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "[::1],::/0,fe80::/10,10.0.0.0/8, ,:")
        answer = ask(f"http://{HOST}/v1")

    assert "from the proxy" == answer.choices[0].message.content


@pytest.mark.parametrize(
    "value",
    ["socks4://me:hush@127.0.0.1:9", "http://me:hush@127.0.0.1:99999", "http://a b"],
)
def test_a_proxy_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """One line names the variable, and no password; this machine needs no proxy."""
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(errors.ConfigurationError, match="ALL_PROXY") as caught:
        ask(f"http://{HOST}/v1")

    assert "hush" not in f"{caught.value} {caught.value.hint}"


def test_a_proxy_for_which_a_package_is_missing(server: ScriptedServer) -> None:
    """The line says what to install; what is on this machine is asked all the same."""
    server.will(whole("Hi."))
    program = f"""
import sys
sys.modules["socksio"] = None  # as if it were not installed
from apertis_magic import Apertis, ApertisError
for url in ("http://{HOST}/v1", {server.url!r}):
    try:
        print(Apertis(base_url=url).chat.completions.create(
            model="m", messages=[dict(role="user", content="x")]
        ).choices[0].message.content)
    except ApertisError as error:
        print(error, error.hint)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "ALL_PROXY": "socks5://me:hush@127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    told, answered = done.stdout.splitlines()

    assert "ALL_PROXY names a SOCKS proxy" in told
    assert "pip install 'apertis-magic[socks]'" in told
    assert "hush" not in told
    assert "Hi." == answered


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_that_other_tools_are_told(
    authority: trustme.CA,
    secure: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """What requests and curl read is read where SSL_CERT_FILE is not set."""
    other, known = tmp_path / "other.pem", tmp_path / "authority.pem"
    trustme.CA().cert_pem.write_to_path(other)
    authority.cert_pem.write_to_path(known)
    monkeypatch.setenv(variable, f'"{known}"')

    assert "Hi." == ask(secure.url).choices[0].message.content

    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    with pytest.raises(errors.TLSFailed, match="cannot be verified"):
        ask(secure.url)


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")
@pytest.mark.parametrize("variable", ["SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_a_folder_of_authorities(
    authority: trustme.CA,
    secure: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    """Once openssl has given them the names that it looks for."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(errors.ConfigurationError, match="openssl rehash"):
        ask(secure.url)
    rehash = ["openssl", "rehash", str(tmp_path)]
    subprocess.run(rehash, check=True, capture_output=True, timeout=PATIENCE)

    assert "Hi." == ask(secure.url).choices[0].message.content


BROKEN = {
    "missing": ("SSL_CERT_FILE", "nowhere.pem"),
    "a folder": ("SSL_CERT_FILE", "folder"),
    "no PEM": ("SSL_CERT_FILE", "text"),
    "empty": ("SSL_CERT_FILE", "empty"),
    "a key alone": ("SSL_CERT_FILE", "key.pem"),
    "no such folder": ("SSL_CERT_DIR", "nowhere"),
    "a file as a folder": ("SSL_CERT_DIR", "text"),
    "an empty folder": ("SSL_CERT_DIR", "folder"),
    "a bundle that is missing": ("REQUESTS_CA_BUNDLE", "nowhere.pem"),
    "a bundle that is none": ("CURL_CA_BUNDLE", "text"),
}


@pytest.mark.parametrize(("variable", "name"), BROKEN.values(), ids=BROKEN)
def test_certificates_that_are_none(
    authority: trustme.CA,
    secure: ScriptedServer,
    server: ScriptedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    name: str,
) -> None:
    """One line names variable and file; plain http needs none of them."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no certificate")
    signed = authority.issue_cert("a.example")
    signed.private_key_pem.write_to_path(tmp_path / "key.pem")
    monkeypatch.setenv(variable, str(tmp_path / name))
    with pytest.raises(errors.ConfigurationError) as caught:
        ask(secure.url)
    server.will(whole("Hi."))

    assert f"{variable} names no certificates: {tmp_path / name} (" in str(caught.value)
    assert [] == secure.requests
    assert "Hi." == ask(server.url).choices[0].message.content


def test_what_comes_without_tls_trusts_nobody(
    secure: ScriptedServer, server: ScriptedServer
) -> None:
    """A client of a plain address that is led to a secure one checks that one."""
    there = secure.url.removesuffix("/v1") + "/v1/chat/completions"
    server.will(Answer(status=308, headers={"Location": there}))
    with pytest.raises(errors.StatusError, match="redirect"):
        ask(server.url)
    with pytest.raises(ssl.SSLCertVerificationError):
        certificates.none().wrap_socket(
            socket.create_connection(("127.0.0.1", secure.port)),
            server_hostname="127.0.0.1",
        )

    assert [] == secure.requests
