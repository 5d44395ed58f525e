"""Keeps ``%pdb on`` from opening the debugger in a question that has failed.

What went wrong is told in one line, and the frames are none of the user's.
"""

import sys

from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.notebook.frames import running


def stay_out(shell: InteractiveShell, error: BaseException) -> None:
    """Have IPython show *error*, if it ends the cell, without its debugger."""
    if not shell.call_pdb:
        return
    if not isinstance(shell.debugger, _Debugger):
        shell.debugger = _Debugger(shell)  # type: ignore[method-assign]  # a cell long
    shell.debugger.told.append(error)


class _Debugger:
    """IPython's debugger for all errors but some, until the cell has ended.

    Args:
        shell: where the cell runs.

    Attributes:
        told: the errors that do not open it.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.told: list[BaseException] = []
        self._shell, self._former = shell, shell.debugger
        # What %run runs is a cell in a cell, and each of them shows the error.
        self._cells = sum(frame.f_code.co_name == "run_code" for frame in running())
        shell.events.register("post_execute", self._end)

    def __call__(self, force: bool = False) -> None:  # noqa: FBT001, FBT002  IPython's
        if not any(sys.last_value is error for error in self.told):
            self._former(force=force)  # type: ignore[no-untyped-call]  # same

    def _end(self) -> None:
        self._cells -= 1
        if self._cells <= 0:
            self._shell.events.unregister("post_execute", self._end)
            self._shell.debugger = self._former  # type: ignore[method-assign]  # same
