"""The quickstart and ``%chat local`` on the real local model, in a real kernel."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from kernel_driver import PATIENCE, Kernel, running_kernel

from apertis_magic import local
from apertis_magic.render import bundle
from apertis_magic.render.footer import footer

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(
    not local.engine_installed(), reason="needs the extra [local]"
)


@pytest.fixture(scope="module", autouse=True)
def model() -> None:
    """Have the real model, which is downloaded the first time."""
    local.install()


def test_the_demo_runs(tmp_path: Path) -> None:
    """Every question gets a real answer with its footer, in a page and a notebook."""
    done = subprocess.run(
        [sys.executable, "notebooks/run.py", "notebooks/quickstart.ipynb", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr

    notebook = nbformat.read(tmp_path / "quickstart.ipynb", as_version=4)
    turns = [
        turn
        for cell in notebook.cells
        for turn in bundle.turns_of(cell.get("outputs", ()))
    ]
    asked = [cell for cell in notebook.cells if cell.source.startswith("%%chat")]

    assert len(asked) == len(turns) >= 4
    for turn in turns:
        assert turn.text
        assert turn.usage is not None
        assert turn.usage.completion_tokens
        assert turn.finish in ("stop", "length")
        assert footer(turn).startswith("local · smollm2-135m-instruct · ")
        assert turn.prompt in done.stdout
        assert footer(turn) in done.stdout

    page = (tmp_path / "quickstart.html").read_text()

    assert all(
        turn.usage and f"{turn.usage.total_tokens} tokens" in page for turn in turns
    )


def test_the_committed_notebooks_have_no_outputs() -> None:
    """They are made where they are read."""
    for file in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(file, as_version=4).cells:
            assert not cell.get("outputs"), file


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """Yield a kernel with the extension loaded."""
    with running_kernel() as kernel:
        kernel.run("%load_ext apertis_magic")
        yield kernel


def test_the_local_model_takes_over_and_gives_back(kernel: Kernel) -> None:
    """Without a key: it answers, says which it is, ignores ``-m`` once, and stops."""
    kernel.run("import os; os.environ['APERTIS_BASE_URL'] = 'http://127.0.0.1:9'")
    started = kernel.run("%chat local")
    first = kernel.run("%%chat -m gpt-5 --max-tokens 5\nName a colour.")
    second = kernel.run("%%chat -m gpt-5 --max-tokens 5\nAnother one.")
    running = kernel.run("%chat local status")
    stopped = kernel.run("%chat local stop")
    after = kernel.run("%chat")

    assert "smollm2-135m-instruct answers from now on" in started.printed
    assert "-m gpt-5 is ignored" in first.printed
    assert "" == second.printed
    assert "local · smollm2-135m-instruct" in first.answer["data"]["text/html"]
    assert "smollm2-135m-instruct runs" in running.printed
    assert "stopped" in stopped.printed
    assert "http://127.0.0.1:9" in after.outputs[0]["data"]["text/plain"]
    assert "main, 2 turns" in after.outputs[0]["data"]["text/plain"]


def test_a_model_that_ended_is_told(kernel: Kernel) -> None:
    """One line says what to do, and it works."""
    kernel.run("%chat local")
    kernel.run("from apertis_magic import local; local.current().stop()")
    failed = kernel.run("%%chat\nName a colour.")
    kernel.run("%chat local")
    after = kernel.run("%%chat --max-tokens 5\nName a colour.")

    assert [
        "LocalModelError: The local model has ended.",
        "%chat local starts it again.",
    ] == failed.reply["traceback"]
    assert "ok" == after.reply["status"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("end", ["restart", "kill"])
def test_no_server_is_left_behind(kernel: Kernel, end: str) -> None:
    """However the kernel ends, also in mid-answer, its model server ends with it."""
    kernel.run("%chat local")
    told = kernel.run("from apertis_magic import local; print(local.current().pid)")
    pid = int(told.printed)
    kernel.start("%%chat --max-tokens 400\nTell me a long story.")
    if end == "restart":
        kernel.manager.restart_kernel(now=False)
    else:
        kernel.manager.interrupt_kernel()
        kernel.manager.shutdown_kernel(now=True)
    deadline = time.monotonic() + PATIENCE
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)  # another process's end gives no signal to us

    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
