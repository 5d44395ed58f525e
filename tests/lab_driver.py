"""A real JupyterLab in a real Chromium, driven through the page's own commands.

One server and one page serve all tests of a session; each test opens a notebook of its
own in that page.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import nbformat
from playwright.sync_api import Error, Locator, Page, sync_playwright
from playwright.sync_api import TimeoutError as PageTimeoutError

PATIENCE = 120.0
"""Seconds after which a test that waits for the page has failed."""

_CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
_SETTINGS: dict[str, Any] = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
}
_READY = """path => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  const context = widget?.context;
  const kernel = context?.sessionContext?.session?.kernel;
  return context?.path === path && context.isReady && kernel?.status === 'idle';
}"""

_STATE = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  const session = widget?.context?.sessionContext?.session;
  return {
    path: widget?.context?.path,
    ready: widget?.context?.isReady,
    kernel: session?.kernel?.status,
    dialogs: [...document.querySelectorAll('.jp-Dialog')].map(e => e.innerText),
  };
}"""


def chromium() -> str | None:
    """Return where a Chromium is, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab and the page that shows it.

    Attributes:
        page: the page.
        folder: where its notebooks are.
        strays: addresses outside this machine that the page asked for.
    """

    page: Page
    folder: Path
    strays: list[str]

    def notebook(self, name: str, *cells: str) -> "Notebook":
        """Open a new notebook with these cells, and wait for its kernel."""
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        file = re.sub(r"\W+", "-", name) + ".ipynb"
        nbformat.write(made, self.folder / file)
        self.command("docmanager:open", path=file)
        try:
            self.page.wait_for_function(_READY, arg=file, polling=50)
        except PageTimeoutError as error:
            raise AssertionError(f"{file} is not ready: {self.state()}") from error
        return Notebook(self, self.folder / file)

    def state(self) -> Any:
        """Return what the page shows now, for whoever looks for a fault."""
        return self.page.evaluate(_STATE)

    def command(self, name: str, **arguments: Any) -> None:
        """Run one of JupyterLab's commands, and wait for its end."""
        self.page.evaluate(
            "async ([name, args]) => { await jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )


@dataclass(frozen=True)
class Notebook:
    """The notebook that the page shows."""

    lab: Lab
    path: Path

    def run(self) -> None:
        """Run every cell, and wait for the last one's end."""
        self.lab.command("notebook:run-all-cells")

    def start(self) -> None:
        """Run every cell without waiting."""
        self.lab.page.evaluate(
            "() => { void jupyterapp.commands.execute('notebook:run-all-cells') }"
        )

    def run_cell(self, number: int) -> None:
        """Run one of the cells, and wait for its end."""
        self.lab.page.evaluate(
            """async (number) => {
              jupyterapp.shell.currentWidget.content.activeCellIndex = number;
              await jupyterapp.commands.execute("notebook:run-cell");
            }""",
            number,
        )

    def edit(self, number: int, source: str) -> None:
        """Write another text into one of the cells."""
        self.lab.page.evaluate(
            """([number, source]) => {
              const cells = jupyterapp.shell.currentWidget.content.model.cells;
              cells.get(number).sharedModel.setSource(source);
            }""",
            [number, source],
        )

    def restart(self) -> None:
        """Restart the kernel."""
        self.lab.page.evaluate(
            """async () => {
              const widget = jupyterapp.shell.currentWidget;
              await widget.context.sessionContext.session.kernel.restart();
            }"""
        )

    def cell(self, number: int) -> Locator:
        """Return one of the cells, counted from 0."""
        shown = self.lab.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        return shown.locator(".jp-Notebook .jp-Cell").nth(number)

    def output(self, number: int) -> Locator:
        """Return what a cell shows."""
        return self.cell(number).locator(".jp-OutputArea-output")

    def saved(self) -> Any:
        """Save the notebook and return what the file holds."""
        self.lab.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    def close(self) -> None:
        """Close it, and its kernel with it."""
        self.lab.page.evaluate(
            """async () => {
              const widget = jupyterapp.shell.currentWidget;
              await widget.context.sessionContext.shutdown();
              widget.dispose();  // close() may ask whether to save
            }"""
        )


class _Server:
    """The JupyterLab server, in a process and folders of its own."""

    def __init__(self, folder: Path) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        settings = folder / "settings"
        for name, values in _SETTINGS.items():
            file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        self.port = _free_port()
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": self.port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.disable_check_xsrf": True,
            "ServerApp.password": "",
            "IdentityProvider.token": "",
            "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "LabApp.news_url": "",
        }
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--expose-app-in-browser"]
        command += [f"--{name}={value}" for name, value in options.items()]
        private = {
            "HOME": folder,
            "XDG_DATA_HOME": folder / "data",
            "IPYTHONDIR": folder / "ipython",
            "JUPYTER_CONFIG_DIR": folder / "config",
            "JUPYTER_RUNTIME_DIR": folder / "runtime",
            "JUPYTERLAB_SETTINGS_DIR": settings,
            "JUPYTERLAB_WORKSPACES_DIR": folder / "workspaces",
        }
        self._log = (folder / "log").open("w")
        self._process = subprocess.Popen(
            command,
            env=os.environ | {name: str(path) for name, path in private.items()},
            stdout=self._log,
            stderr=self._log,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        finally:
            self._process.kill()
            self._log.close()


@contextmanager
def running(folder: Path, *, size: Sequence[int] = (1100, 900)) -> Iterator[Lab]:
    """Run JupyterLab and a browser until the block ends."""
    with _Server(folder) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(_CHROMIUM)
        )
        page = browser.new_page(viewport={"width": size[0], "height": size[1]})
        page.set_default_timeout(PATIENCE * 1000)
        strays: list[str] = []
        page.on("request", lambda request: _note(strays, request.url))
        _open(page, f"http://127.0.0.1:{server.port}/lab?reset")
        page.wait_for_function("() => !!window.jupyterapp?.shell", polling=50)
        page.evaluate("() => jupyterapp.restored")
        yield Lab(page, server.notebooks, strays)
        browser.close()


def _open(page: Page, url: str) -> None:
    """Open *url* as soon as the server is there."""
    for _ in range(int(PATIENCE * 10)):
        try:
            page.goto(url, wait_until="commit")
        except Error as error:
            if "REFUSED" not in str(error):
                raise
            page.wait_for_timeout(100)
        else:
            return
    raise TimeoutError(f"JupyterLab did not start in {PATIENCE:g} s")


def _note(strays: list[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        strays.append(url)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
