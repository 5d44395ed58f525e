"""JupyterLab and Notebook 7 in a real Chromium, driven by the page's own commands.

One server and one page serve all tests of a front end; each test opens a notebook of
its own in that page. What a person types and clicks is Playwright's own, by
``lab.page.keyboard`` and the locators of ``notebook.cell`` and ``notebook.output``.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import nbformat
from lab_server import PATIENCE, FrontEnd, LabServer
from playwright.sync_api import (
    Browser,
    Error,
    Locator,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as PageTimeoutError

# Playwright's own patience with what is expected is 5 s, whatever the page's is.
expect.set_options(timeout=1000 * PATIENCE)

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
_WITH_IDS = 5
"""The minor version of format 4 that brought ids of cells."""

_SIZE: ViewportSize = {"width": 1100, "height": 900}

_OPEN = """path => {
  const context = window.jupyterapp?.shell?.currentWidget?.context;
  return context?.path === path && context.isReady;
}"""
_CONNECTED = """path => {
  const context = window.jupyterapp?.shell?.currentWidget?.context;
  const kernel = context?.sessionContext?.session?.kernel;
  return context?.path === path && context.isReady
    && kernel?.connectionStatus === 'connected';
}"""
_IDLE = """path => {
  const context = window.jupyterapp?.shell?.currentWidget?.context;
  const kernel = context?.sessionContext?.session?.kernel;
  return context?.path === path && context.isReady && kernel?.status === 'idle'
    && !window.runs;
}"""
_STATE = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  const kernel = widget?.context?.sessionContext?.session?.kernel;
  return {
    path: widget?.context?.path,
    ready: widget?.context?.isReady,
    kernel: kernel?.status,
    connection: kernel?.connectionStatus,
    runs: window.runs,
    dialogs: [...document.querySelectorAll('.jp-Dialog')].map(e => e.innerText),
  };
}"""
# While the theme changes, a splash screen covers the page.
_THEMED = """name => document.body.dataset.jpThemeName === name
  && !document.querySelector('#jupyterlab-splash')"""
_RUN = """([command, number]) => {
  const {content} = jupyterapp.shell.currentWidget;
  if (number !== null) content.activeCellIndex = number;
  window.runs = (window.runs ?? 0) + 1;
  void jupyterapp.commands.execute(command).finally(() => { window.runs -= 1; });
}"""


def chromium() -> str | None:
    """Return where a Chromium is, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next(filter(None, map(shutil.which, names)), None)


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab or Notebook 7 and the page that shows it.

    Attributes:
        page: the page.
        folder: where its notebooks are.
        url: the server's address.
        front_end: which of the two it is. Notebook 7 shows one notebook in a page.
        strays: addresses outside this machine that the page asked for.
    """

    page: Page
    folder: Path
    url: str
    front_end: FrontEnd
    strays: list[str]

    def notebook(
        self, name: str, *cells: str, kernel: str = "python3", minor: int = 5
    ) -> "Notebook":
        """Open a new notebook with these cells, and wait for its kernel.

        Args:
            name: what it is called.
            *cells: the texts of its cells.
            kernel: the name of its kernel.
            minor: the minor version of format 4 in which it is written.
        """
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": kernel, "display_name": kernel}},
        )
        made.nbformat_minor = minor
        for cell in made.cells if minor < _WITH_IDS else ():
            del cell["id"]
        file = re.sub(r"\W+", "-", name) + ".ipynb"
        nbformat.write(made, self.folder / file)
        self._open(file)
        self.wait(_IDLE, file)
        return Notebook(self, self.folder / file)

    def reopened(self, path: Path, *, trusted: bool) -> "Notebook":
        """Open a copy of a saved notebook, and run nothing in it.

        JupyterLab opens it without a kernel; Notebook 7 starts a new one.

        Args:
            path: the notebook's file.
            trusted: whether it is as who ran its cells sees it, or as who got it from
                someone else does.
        """
        file = f"{path.stem}-{'trusted' if trusted else 'untrusted'}.ipynb"
        copy = nbformat.read(path, as_version=4)
        if not trusted:
            copy.metadata["changed"] = True  # it is known by its content, signed
        nbformat.write(copy, self.folder / file)
        self._open(file, kernelPreference={"shouldStart": False, "canStart": False})
        self.wait(_OPEN, file)
        return Notebook(self, self.folder / file)

    def _open(self, file: str, **how: Any) -> None:
        if self.front_end == "lab":
            self.command("docmanager:open", path=file, **how)
        else:
            self.page.goto(f"{self.url}/notebooks/{quote(file)}", wait_until="commit")

    def wait(self, script: str, argument: Any = None) -> None:
        """Wait until *script* is true in the page; fail with what the page shows."""
        try:
            self.page.wait_for_function(script, arg=argument)
        except PageTimeoutError as error:
            raise AssertionError(f"{argument} is not ready: {self.state()}") from error

    def state(self) -> Any:
        """Return what the page shows now, for whoever looks for a fault."""
        return self.page.evaluate(_STATE)

    def command(self, name: str, **arguments: Any) -> None:
        """Run one of the front end's commands, and wait for its end."""
        self.page.evaluate(
            "async ([name, args]) => { await jupyterapp.commands.execute(name, args) }",
            [name, arguments],
        )

    def theme(self, name: str) -> None:
        """Show the page in this theme, such as ``JupyterLab Dark High Contrast``."""
        self.command("apputils:change-theme", theme=name)
        self.wait(_THEMED, name)

    @contextmanager
    def width(self, pixels: int) -> Iterator[None]:
        """Show the page this wide, without the list of files, until the block ends."""
        self.page.set_viewport_size({"width": pixels, "height": _SIZE["height"]})
        self.page.evaluate("() => jupyterapp.shell.collapseLeft?.()")
        try:
            yield
        finally:
            self.page.set_viewport_size(_SIZE)
            self.page.evaluate("() => jupyterapp.shell.expandLeft?.()")


@dataclass(frozen=True)
class Notebook:
    """The notebook that the page shows."""

    lab: Lab
    path: Path

    def run(self) -> None:
        """Run every cell, and wait for the last one's end."""
        self.start()
        self.finished()

    def start(self) -> None:
        """Run every cell without waiting."""
        self.lab.page.evaluate(_RUN, ["notebook:run-all-cells", None])

    def run_cell(self, number: int) -> None:
        """Run one of the cells, and wait for its end."""
        self.start_cell(number)
        self.finished()

    def start_cell(self, number: int) -> None:
        """Run one of the cells without waiting."""
        self.lab.page.evaluate(_RUN, ["notebook:run-cell", number])

    def finished(self) -> None:
        """Wait until all that was started has ended and the kernel is idle."""
        self.lab.wait(_IDLE, self.path.name)

    def interrupt(self) -> None:
        """Interrupt the kernel, as its button does; what runs may go on for a while."""
        self.lab.command("notebook:interrupt-kernel")

    def reload(self, *, busy: bool = False) -> None:
        """Save the notebook, load the page again and wait for the same kernel.

        Args:
            busy: whether a cell is still running, so that the kernel will not be idle.
        """
        self.lab.command("docmanager:save")
        self.lab.page.reload(wait_until="commit")
        self.lab.wait(_CONNECTED if busy else _IDLE, self.path.name)
        # What the address names is opened once more, behind what the page restores.
        self.lab.page.evaluate("() => jupyterapp.restored")
        self.lab.page.wait_for_load_state("networkidle")

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


@contextmanager
def browsing() -> Iterator[Browser]:
    """Run a Chromium until the block ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(_CHROMIUM)
        )
        yield browser
        browser.close()


@contextmanager
def running(
    browser: Browser, folder: Path, front_end: FrontEnd = "lab", *, scale: float = 1
) -> Iterator[Lab]:
    """Run a front end and show it in a page until the block ends.

    Args:
        browser: where the page is opened.
        folder: an empty folder for all that the server keeps.
        front_end: JupyterLab or Notebook 7.
        scale: pixels of a picture for each pixel of the page.
    """
    with (
        LabServer(folder, front_end) as server,
        browser.new_page(device_scale_factor=scale) as page,
    ):
        page.set_viewport_size(_SIZE)
        page.set_default_timeout(PATIENCE * 1000)
        strays: list[str] = []
        page.on("request", lambda request: _note(strays, request.url))
        _arrive(page, f"{server.url}/{'lab' if front_end == 'lab' else 'tree'}?reset")
        page.wait_for_function("() => !!window.jupyterapp?.shell", polling=50)
        page.evaluate("() => jupyterapp.restored")
        yield Lab(page, server.notebooks, server.url, front_end, strays)


def _arrive(page: Page, url: str) -> None:
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
    raise TimeoutError(f"{url} was not there in {PATIENCE:g} s")


def _note(strays: list[str], url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        strays.append(url)
