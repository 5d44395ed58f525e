"""The servers of JupyterLab and Notebook 7, in processes and folders of their own."""

import json
import os
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

FrontEnd = Literal["lab", "notebook"]

PATIENCE = 120.0
"""Seconds after which what has not come will not come."""

_FAREWELL = 30.0
"""Seconds that a server has for its end."""

_SETTINGS: dict[str, Any] = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    "docmanager-extension/plugin": {"autosave": False},
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
}
# The page's commands are to be had only where its application is exposed.
_COMMANDS: dict[FrontEnd, tuple[str, ...]] = {
    "lab": (
        "jupyterlab",
        "--expose-app-in-browser",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.news_url=",
    ),
    "notebook": ("notebook", "--JupyterNotebookApp.expose_app_in_browser=True"),
}


class LabServer:
    """A running server of one of the front ends; a context manager.

    Attributes:
        url: its address, without a slash at the end.
        notebooks: the folder that it serves.
    """

    def __init__(self, folder: Path, front_end: FrontEnd) -> None:
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        settings = folder / "settings"
        for name, values in _SETTINGS.items():
            file = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
            "ServerApp.port_retries": 0,
            "ServerApp.root_dir": self.notebooks,
            "ServerApp.disable_check_xsrf": True,
            "ServerApp.password": "",
            "IdentityProvider.token": "",
        }
        command = [sys.executable, "-m", *_COMMANDS[front_end]]
        command += ["--no-browser", "--allow-root"]
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
        # It may wait for ever once a kernel of its was killed, or stopped by its id.
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_FAREWELL)
        self._process.kill()
        self._process.wait()
        self._log.close()


def free_port() -> int:
    """Return a port of this machine at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port
