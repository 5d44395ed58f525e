"""``%chat local`` on the real local model, in a real kernel."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_driver import PATIENCE, Kernel, running_kernel

from apertis_magic import local

pytestmark = pytest.mark.skipif(
    not local.engine_installed(), reason="needs the extra [local]"
)


@pytest.fixture(scope="module", autouse=True)
def model() -> None:
    """Have the real model, which is downloaded the first time."""
    local.install()


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
    kernel.run("%chat model gpt-5")
    here = kernel.run("%chat")
    stopped = kernel.run("%chat local stop")
    after = kernel.run("%chat")

    assert "smollm2-135m-instruct answers from now on" in started.printed
    assert "-m gpt-5 is ignored" in first.printed
    assert "" == second.printed
    assert "local · smollm2-135m-instruct" in first.answer["data"]["text/html"]
    assert "smollm2-135m-instruct runs" in running.printed
    assert "smollm2" in here.outputs[0]["data"]["text/plain"]
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
