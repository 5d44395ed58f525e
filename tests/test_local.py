"""``%chat local`` on the real local model, in a real kernel."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kernel_driver import PATIENCE, Kernel, Outcome, running_kernel
from test_examples import fences, is_run
from turns import said

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
    """Without a key: it answers, says which it is, ignores ``-m``, and stops."""
    kernel.run("import os; os.environ['APERTIS_BASE_URL'] = 'http://127.0.0.1:9'")
    started = kernel.run("%chat local")
    first = kernel.run("%%chat -m gpt-5 --max-tokens 5\nName a colour.")
    second = kernel.run(
        "for model in ('gpt-5', 'gpt-6'):\n"
        "    get_ipython().run_line_magic('chat', f'ask -m {model} --max-tokens 5 Hi')"
    )
    running = kernel.run("%chat local status")
    kernel.run("%chat model gpt-5")
    here = kernel.run("%chat")
    stopped = kernel.run("%chat local stop")
    after = kernel.run("%chat")

    assert "smollm2-135m-instruct answers from now on" in started.printed
    assert "-m gpt-5 is ignored" in first.printed
    assert 1 == second.printed.count("is ignored")
    assert "local · smollm2-135m-instruct" in first.answer["data"]["text/html"]
    assert "smollm2-135m-instruct runs" in running.printed
    assert "smollm2" in here.outputs[0]["data"]["text/plain"]
    assert "stopped" in stopped.printed
    assert "http://127.0.0.1:9" in after.outputs[0]["data"]["text/plain"]
    assert "main, 3 turns" in after.outputs[0]["data"]["text/plain"]


ROOT = Path(__file__).parents[1]


def test_python_asks_it_too(kernel: Kernel) -> None:
    """README's program runs right after %chat local, and so does an awaited one."""
    page = fences(ROOT / "README.md")
    [program] = [source for language, source, _ in page if language == "python"]
    kernel.run("%chat local")
    readme = kernel.run(program)
    awaited = kernel.run(
        "from apertis_magic import AsyncApertis\n"
        "async with AsyncApertis() as client:\n"
        "    answer = await client.chat.completions.create(model='m', max_tokens=5,\n"
        "        messages=[{'role': 'user', 'content': 'Hello!'}])\n"
        "print(answer.model)"
    )
    model = kernel.run("print(turn.asked_model, turn.model)")
    kernel.run("%chat local stop")
    after = kernel.run("Apertis()")

    assert "ok" == readme.reply["status"]
    assert "smollm2-135m-instruct\n" == awaited.printed
    assert "smollm2-135m-instruct smollm2-135m-instruct\n" == model.printed
    assert "There is no API key" in after.reply["traceback"][0]
    assert "%chat local" in after.reply["traceback"][1]


def test_the_readme_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells in a new folder, without a key: each does what the page says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "walk.ipynb"))
    page = fences(ROOT / "README.md")
    cells = [source for language, source, _ in page if is_run(language, source)]
    load, first, second, *others = cells
    with running_kernel() as kernel:
        kernel.run(load)
        kernel.run("%chat local")
        asked = [kernel.run(first, "one"), kernel.run(second, "two")]
        kernel.run(first, "one")
        shown = kernel.run("%chat show").outputs[0]["data"]["text/plain"]
        runs = [kernel.run(each, f"cell {n}") for n, each in enumerate(others)]
        dropped = kernel.run("%chat restore").printed
        kernel.restart()
        kernel.run(load)
        restored = kernel.run("%chat restore").printed
    notices = [run.printed for run in runs if "is ignored" in run.printed]
    answers = [o for run in runs for o in run.outputs if "apertis_magic" in str(o)]

    assert ["ok"] * len(others) == [run.reply["status"] for run in runs]
    assert "local · smollm2-135m-instruct" in asked[0].answer["data"]["text/html"]
    assert len(asked) == shown.count(" tokens ·")
    assert 1 == shown.count("Stale:")
    assert 1 == len(notices)
    assert len(answers) >= 6
    assert (tmp_path / "talk.md").stat().st_size
    assert "restored" in dropped
    assert "from walk.ipynb" in restored


def test_all_that_tell_of_the_key_agree(kernel: Kernel) -> None:
    """Card, config, key status and doctor: with the local model, and after it."""
    where = "https://api.apertis.ai"
    kernel.run("import os; os.environ['APERTIS_MODEL'] = 'gpt-9'")
    kernel.run("%chat local")
    during = _told(kernel)
    kernel.run("%chat local stop")
    without = _told(kernel)
    kernel.run("os.environ['APERTIS_API_KEY'] = 'sk-of-the-environment'")
    kernel.run("%chat local")
    with_both = kernel.run("%chat key status").printed

    for each in ("card", "config", "doctor"):
        assert "the local model's own" in during[each]
    for each in ("card", "config", "doctor"):
        assert "smollm2-135m-instruct" in during[each]
    assert "after its stop gpt-9 (APERTIS_MODEL)" in during["config"]
    assert "!!" not in during["doctor"]
    assert "The local model answers until" in during["key status"]
    assert f"There is no key for {where}." in during["key status"]
    assert f"There is no key for {where}." in without["key status"]
    assert "no key is set" in without["doctor"]
    assert "smollm2" not in str(without)
    assert f"The key for {where} is from APERTIS_API_KEY." in with_both


def _told(kernel: Kernel) -> dict[str, str]:
    lines = {"card": "", "config": "config", "key status": "key status"}
    lines["doctor"] = "doctor"
    runs = {name: kernel.run(f"%chat {line}") for name, line in lines.items()}
    shown = {
        name: "".join(o["data"]["text/plain"] for o in run.outputs if "data" in o)
        for name, run in runs.items()
    }
    return {name: runs[name].printed + shown[name] for name in runs}


def test_it_goes_on_word_for_word(kernel: Kernel) -> None:
    """An answer that was cut off and continued is the one that was not cut off."""
    question = "Tell me the story of a city."
    kernel.run("%chat local")
    kernel.run(f"%chat ask --once -q -o whole --max-tokens 24 {question}")
    kernel.run(f"%chat ask -q --max-tokens 12 {question}")
    done = kernel.run("%chat continue")
    told = kernel.run("print(repr(whole.text))")

    assert repr(said(done.answer["data"])) == told.printed.strip()


def test_an_answer_has_a_greatest_length(kernel: Kernel) -> None:
    """Where the question sets none."""
    kernel.run("%chat local")
    kernel.run("%chat ask -q -o long Count from 1 to 2000: 1, 2, 3, 4, 5, 6, 7, 8, 9,")
    told = kernel.run("print(long.finish, long.usage.completion_tokens)")

    assert f"length {local.ANSWER_LENGTH}" == told.printed.strip()


def test_a_cached_answer_outlives_the_server(kernel: Kernel) -> None:
    """Run All of a lesson is free after a restart, when port and key are new."""
    question = "%%chat --cache --max-tokens 5\nName a colour."
    kernel.run("%chat local")
    first = kernel.run(question, "cell")
    kernel.restart()
    kernel.run("%load_ext apertis_magic")
    kernel.run("%chat local")
    again = kernel.run(question, "cell")
    other = kernel.run(question.replace("--cache", "--no-cache"), "cell")

    assert "local · smollm2" in first.answer["data"]["text/html"]
    assert first.answer["data"] == again.answer["data"]
    assert id_of(first) == id_of(again) != id_of(other)
    assert "local · smollm2" in other.answer["data"]["text/html"]


def id_of(done: Outcome) -> str:
    """Return the id of the turn that a cell shows."""
    return str(done.answer["metadata"]["apertis_magic"]["id"])


def test_more_answers_than_it_gives(kernel: Kernel) -> None:
    """Two are given; of three the error says how many there may be."""
    kernel.run("%chat local")
    two = kernel.run("%%chat -n 2 --max-tokens 4\nName a colour.")
    three = kernel.run("%%chat -n 3 --max-tokens 4\nName a colour.")

    assert "Answer 2 of 2" in two.answer["data"]["text/html"]
    assert f"give -n {local.ANSWERS}." in three.reply["traceback"][1]


def test_the_file_of_a_class(kernel: Kernel, tmp_path: Path) -> None:
    """It is used from a folder that others keep, and never mended there."""
    shared = tmp_path / "shared"
    shared.mkdir()
    file = shared / local.SMOLLM2.file
    shutil.copy(local.path(), file)
    shared.chmod(0o555)
    kernel.run(f"import os; os.environ['APERTIS_LOCAL_FOLDER'] = {str(shared)!r}")
    kernel.run("%chat local")
    status = kernel.run("%chat local status").printed
    answer = kernel.run("%%chat --max-tokens 4\nName a colour.")
    kernel.run("%chat local stop")
    with file.open("r+b") as opened:
        opened.write(b"GGUF no more")
    damaged = kernel.run("%chat local")
    file.write_bytes(b"GGUF")
    short = kernel.run("%chat local status").printed
    file.unlink()
    gone = kernel.run("%chat local status").printed

    assert f"in {shared}, shared by APERTIS_LOCAL_FOLDER" in status
    assert "ok" == answer.reply["status"]
    assert [str(file) in line for line in damaged.reply["traceback"]] == [True, False]
    assert "is damaged" in damaged.reply["traceback"][0]
    assert "Whoever keeps that folder" in damaged.reply["traceback"][1]
    assert short.startswith(f"The local model is damaged, in {shared}, shared by")
    assert f"There is none in {shared} (APERTIS_LOCAL_FOLDER)." in gone


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
