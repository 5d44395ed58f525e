"""What the tests share: a clean environment, a scripted server, a real shell."""

import atexit
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from kernel_driver import Kernel, running_kernel
from scale import ALL
from scripted_server import ScriptedServer
from traitlets.config import Config
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from apertis_magic.chat import session

# A loaded machine is slow, not wrong.
settings.register_profile("patient", deadline=None, max_examples=200 if ALL else 50)
settings.load_profile("patient")

BROWSER = "tests/browser/"

_FOREIGN = ("APERTIS_", "OPENAI_", "STIMA_")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Gives each file to one worker, and the browser's files to one together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return BROWSER if file.startswith(BROWSER) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """Share the tests out; all that are in one file share its kernel."""
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests in the browser, which take the longest together."""
    items.sort(key=lambda item: not item.nodeid.startswith(BROWSER))


class Failures:
    """Tells of each failure when it comes, since a run may be ended before its summary.

    Args:
        reporter: writes to the terminal.
    """

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write what failed, and how."""
        if report.failed:
            self._reporter.ensure_newline()
            self._reporter.line(f"{report.nodeid}, {report.when}:", red=True)
            self._reporter.line(report.longreprtext)


@pytest.hookimpl(trylast=True)  # the reporter is made by such a hook too
def pytest_configure(config: pytest.Config) -> None:
    """Have failures told where the tests are shown."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.register(Failures(reporter))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep keys, proxies and profiles of whoever runs the tests out of them."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    # An older IPython warns of an environment that is active beside its own.
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture(autouse=True)
def no_session() -> Iterator[None]:
    """Give each test a Session of its own."""
    session.forget()
    yield
    session.forget()


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return an empty folder that stands in for the user's caches.

    Tests that fetch lists of models need it. The local model's do not: its weights are
    in the real one.
    """
    folder = tmp_path / "cache"
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    """Yield a scripted server, to which the environment points."""
    with ScriptedServer() as scripted:
        monkeypatch.setenv("APERTIS_BASE_URL", scripted.url)
        yield scripted


class Shell(InteractiveShell):
    """A real shell whose displays are kept and whose errors are raised."""

    display_pub: CapturingDisplayPublisher

    def showtraceback(self, *_args: object, **_options: object) -> None:
        """Show nothing; ``run`` raises."""

    @property
    def published(self) -> list[Any]:
        """Everything that was displayed, updates included, in order."""
        outputs: list[Any] = self.display_pub.outputs
        return outputs

    def run(self, source: str) -> None:
        """Run a cell, and raise what it raised."""
        result = self.run_cell(source, store_history=False)  # type: ignore[no-untyped-call]  # IPython's
        result.raise_error()


@pytest.fixture
def shell() -> Iterator[Shell]:
    """Yield a real shell with the extension loaded."""
    InteractiveShell.clear_instance()
    config = Config(HistoryManager={"enabled": False})
    made = Shell.instance(config=config, display_pub_class=CapturingDisplayPublisher)
    made.run("%load_ext apertis_magic")
    yield made
    made.run("%unload_ext apertis_magic")
    Shell.clear_instance()
    # It would collect garbage at the end, each of hundreds again.
    atexit.unregister(made.atexit_operations)


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """Yield one kernel for the whole module."""
    with running_kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel, server: ScriptedServer, tmp_path: Path) -> Kernel:
    """Return the kernel with the extension loaded, nothing said and the server set."""
    done = shared.run(
        f"""
import os
for name in list(os.environ):
    if name.startswith("APERTIS_"):
        del os.environ[name]
os.environ["APERTIS_BASE_URL"] = {server.url!r}
os.environ["XDG_CONFIG_HOME"] = {os.environ["XDG_CONFIG_HOME"]!r}
os.environ["XDG_DATA_HOME"] = {os.environ["XDG_DATA_HOME"]!r}
os.environ["XDG_CACHE_HOME"] = {str(tmp_path / "cache")!r}
os.environ["PYTHON_KEYRING_BACKEND"] = {os.environ["PYTHON_KEYRING_BACKEND"]!r}
from apertis_magic.chat import session
session.forget()
%reload_ext apertis_magic
"""
    )

    assert "ok" == done.reply["status"]

    return shared
