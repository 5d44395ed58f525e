"""What the request that runs now tells of the front end which sent it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.api.value import mapping, string
from apertis_magic.chat.turn import Cell
from apertis_magic.notebook import cell_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """The front end of one request.

    Attributes:
        cell: the cell that runs, None where the front end tells no id.
        shows_text_alone: whether answers are to be text: it is a terminal, or a console
            such as QtConsole, or the user wants that.
        is_vscode: whether it is VS Code.
    """

    cell: Cell | None
    shows_text_alone: bool
    is_vscode: bool

    @property
    def ids_last(self) -> bool:
        """Whether its cells have the same ids when the notebook is opened again."""
        return self.cell is not None and not self.cell.client


def front_end(shell: InteractiveShell, display: str = "auto") -> FrontEnd:
    """Return the front end of the request that *shell* runs now.

    Args:
        shell: where the cells run.
        display: ``rich`` or ``text`` where the user says so, which a terminal ignores;
            ``auto`` goes by the request.
    """
    request = request_of(shell)
    cell = _cell(request, shell)
    path = mapping(getattr(shell, "user_ns", {})).get("__vsc_ipynb_file__")
    wants_text = display == "text" or (display == "auto" and _is_console(request, cell))
    return FrontEnd(
        cell=cell,
        shows_text_alone=_is_terminal(shell) or wants_text,
        is_vscode=path is not None or (cell is not None and cell.is_numbered),
    )


def in_vscode() -> bool:
    """Tell whether the request that runs now is one of VS Code's."""
    shell = get_ipython()
    return shell is not None and front_end(shell).is_vscode


def request_of(shell: InteractiveShell) -> Mapping[str, Any]:
    """Return the request that *shell* runs now, nothing where it is in no kernel."""
    kernel = getattr(shell, "kernel", None)
    return mapping(kernel.get_parent()) if kernel is not None else {}


def this_notebook(shell: Any) -> str | None:
    """Return the path of the notebook that *shell* runs, where the front end tells."""
    # VS Code says the first, a Jupyter server the second.
    names = getattr(shell, "user_ns", {})
    found = names.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME")
    return found if isinstance(found, str) else None


def _cell(request: Mapping[str, Any], shell: InteractiveShell) -> Cell | None:
    """Return the cell that a request runs, where the front end tells its id."""
    about, header = mapping(request.get("metadata")), mapping(request.get("header"))
    # JupyterLab, Notebook and VS Code say the first; Colab, which keeps its ids in a
    # way of its own, the second.
    of_colab = mapping(about.get("colab")).get("cell_id")
    found = about.get("cellId") or of_colab
    if not isinstance(found, str) or not found:
        return None
    cell = Cell(found, str(header.get("msg_id")), string(header.get("session")) or "")
    if cell.is_numbered:
        return cell
    lasts = found == of_colab or cell_ids.last(this_notebook(shell))
    return replace(cell, client="") if lasts else cell


def _is_terminal(shell: InteractiveShell) -> bool:
    """Tell whether the cells run in a terminal; all else is a kernel."""
    kinds = {kind.__name__ for kind in type(shell).__mro__}
    return "TerminalInteractiveShell" in kinds


def _is_console(request: Mapping[str, Any], cell: Cell | None) -> bool:
    """Tell whether a request is of ``jupyter console``, QtConsole or the like.

    They name no cell and let the kernel ask for a line, which what runs whole notebooks
    (nbclient, papermill, Voila) does not. And Jupyter's Python client sends what they
    ask, whose messages are numbered within its session; a browser's are not.
    """
    header = mapping(request.get("header"))
    asks = mapping(request.get("content")).get("allow_stdin") is True
    client = string(header.get("session"))
    numbered = str(header.get("msg_id")).startswith(f"{client}_")
    is_execution = header.get("msg_type") == "execute_request"
    return is_execution and cell is None and asks and numbered
