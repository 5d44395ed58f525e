"""Keeps IPython from showing an answer a second time, as the value of its statement."""

import sys
from typing import TYPE_CHECKING, Any

from IPython.core.displayhook import CapturingDisplayHook
from IPython.core.interactiveshell import InteractiveShell

from apertis_magic.notebook.frames import running

if TYPE_CHECKING:
    from types import CodeType


def shown(shell: InteractiveShell, value: Any) -> Any:
    """Return *value*, which is ``Out`` unseen where the asking statement ends with it.

    It is shown wherever else it is a value, such as that of a variable's name.

    Args:
        shell: where the cell runs.
        value: what the cell has shown already.
    """
    # IPython puts its own hook back when the cell ends. While none runs, as in a
    # button's callback, nothing shows values. %%capture puts its own in and out.
    hook = sys.displayhook
    if hook is shell.displayhook or isinstance(hook, CapturingDisplayHook):
        sys.displayhook = _Unseen(shell, hook)
    if isinstance(sys.displayhook, _Unseen):
        sys.displayhook.value = value
        sys.displayhook.asking = {frame.f_code for frame in running()}
    return value


class _Unseen:
    """A display hook that does not show one value again.

    Args:
        shell: where the cell runs.
        hook: IPython's own, or that of ``%%capture``, which keeps no ``Out``.

    Attributes:
        value: what has been shown.
        asking: the code that ran, in all frames, when it was asked for.
    """

    def __init__(self, shell: InteractiveShell, hook: Any) -> None:
        self.value: Any = None
        self.asking: set[CodeType] = set()
        self._hook = hook
        self._keeps = hook is shell.displayhook

    def __call__(self, value: Any = None) -> None:
        _own, statement, *_ = running()
        is_own = value is self.value is not None and statement.f_code in self.asking
        if not is_own:
            self._hook(value)
        elif self._keeps:
            self._hook.update_user_ns(value)
            self._hook.fill_exec_result(value)
