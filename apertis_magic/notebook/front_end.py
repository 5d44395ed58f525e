"""What the request that runs now tells of the front end which sent it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.api.value import mapping, string
from apertis_magic.chat.turn import Cell

VSCODE_CELL = "vscode-notebook-cell:"
"""What VS Code's ids of cells begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """The front end of one request.

    Attributes:
        cell: the cell that runs, None where the front end tells no id.
        shows_text_alone: whether it is a terminal, or a console such as QtConsole.
        is_vscode: whether it is VS Code.
    """

    cell: Cell | None
    shows_text_alone: bool
    is_vscode: bool


def front_end(shell: InteractiveShell) -> FrontEnd:
    """Return the front end of the request that *shell* runs now."""
    request = _request(shell)
    cell = _cell(request)
    path = mapping(getattr(shell, "user_ns", {})).get("__vsc_ipynb_file__")
    return FrontEnd(
        cell=cell,
        shows_text_alone=_is_terminal(shell) or _is_console(request, cell),
        is_vscode=path is not None or (cell is not None and has_running_number(cell)),
    )


def in_vscode() -> bool:
    """Tell whether the request that runs now is one of VS Code's."""
    shell = get_ipython()
    return shell is not None and front_end(shell).is_vscode


def has_running_number(cell: Cell) -> bool:
    """Tell whether a cell's id is a number that counts from each opening of its file.

    VS Code's are: once the file was opened again the same id may be another cell's.
    """
    return cell.id.startswith(VSCODE_CELL)


def _request(shell: InteractiveShell) -> Mapping[str, Any]:
    kernel = getattr(shell, "kernel", None)
    return mapping(kernel.get_parent()) if kernel is not None else {}


def _cell(request: Mapping[str, Any]) -> Cell | None:
    """Return the cell that a request runs, where the front end tells its id."""
    about, header = mapping(request.get("metadata")), mapping(request.get("header"))
    # JupyterLab, Notebook and VS Code say the first, Colab the second.
    found = about.get("cellId") or mapping(about.get("colab")).get("cell_id")
    if not isinstance(found, str) or not found:
        return None
    client = string(header.get("session")) or ""
    return Cell(found, str(header.get("msg_id")), client)


def _is_terminal(shell: InteractiveShell) -> bool:
    """Tell whether the cells run in a terminal; all else is a kernel."""
    kinds = {kind.__name__ for kind in type(shell).__mro__}
    return "TerminalInteractiveShell" in kinds


def _is_console(request: Mapping[str, Any], cell: Cell | None) -> bool:
    """Tell whether a request is of ``jupyter console``, QtConsole or the like.

    They name no cell and let the kernel ask for a line, which what runs whole notebooks
    (nbclient, papermill, Voila) does not.
    """
    is_execution = mapping(request.get("header")).get("msg_type") == "execute_request"
    asks = mapping(request.get("content")).get("allow_stdin") is True
    return is_execution and cell is None and asks
