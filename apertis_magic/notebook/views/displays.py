"""The displays of one execution of a cell: made, updated, emptied, and guarded."""

from collections.abc import Callable, Iterable
from time import monotonic
from typing import Any

from IPython.display import DisplayHandle, display

from apertis_magic.render.bundle import EMPTY, Bundle

_MOST = 45
"""JupyterLab shows the first 50 outputs of a cell; some are the user's own."""

_RESERVED = 12
"""Displays for the later answers of a loop, one for each."""

_LATE = 3.0
"""Seconds by which VS Code may hear late that a cell's outputs are gone."""


class Displays:
    """The displays of one execution of a cell, which may ask several times.

    Attributes:
        metadata_at_end: whether a display may have metadata only once its answer has
            ended.
    """

    metadata_at_end = False

    def __init__(self) -> None:
        self._made = 0

    @property
    def room(self) -> int:
        """How many displays an answer may have: not all, since others may follow.

        Emptied ones are never used again: they stand above what was asked since.
        """
        return max(1, (_MOST - _RESERVED - self._made) * 3 // 4)

    def show(
        self, handle: DisplayHandle | None, data: Bundle, metadata: Any
    ) -> DisplayHandle:
        """Show *data* in a display, a new one where there is none yet."""
        if handle is not None:
            handle.update(data, raw=True, metadata=metadata)
            return handle
        self._made += 1
        new: DisplayHandle = display(data, raw=True, metadata=metadata, display_id=True)
        return new

    def empty(self, handles: Iterable[DisplayHandle]) -> None:
        """Leave displays without content, which take no room."""
        for handle in handles:
            self.show(handle, dict(EMPTY), {})


class GuardedDisplays(Displays):
    """Displays with one more, empty and new to the front end whenever they change.

    When a cell runs again, VS Code clears its former outputs, hears of that late, and
    then forgets the display of the cell that was shown or updated last: no update gets
    there any more. So that is never one of an answer, for as long as it matters.

    Where the metadata of a display changes, VS Code shows all outputs of the cell anew
    that it has heard of. So metadata come with an answer's end.

    Args:
        clock: tells the seconds.
    """

    metadata_at_end = True

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._until = clock() + _LATE
        self._guard: DisplayHandle | None = None
        self._touched = 0

    def show(
        self, handle: DisplayHandle | None, data: Bundle, metadata: Any
    ) -> DisplayHandle:
        """Show *data*, and the guard right behind it."""
        shown = super().show(handle, data, metadata)
        if self._guard is None or self._clock() < self._until:
            # An update that changes nothing would not count.
            self._touched += 1
            html = f"<!-- {self._touched} -->"
            guard = dict.fromkeys(data, "") | {"text/html": html}
            self._guard = super().show(self._guard, guard, {})
        return shown


class PlainDisplays(Displays):
    """Displays that no update would reach, each of them shown once."""

    def show(
        self,
        handle: DisplayHandle | None,  # noqa: ARG002  there is none to update
        data: Bundle,
        metadata: Any,
    ) -> DisplayHandle:
        """Show *data* in a new display."""
        display(data, raw=True, metadata=metadata)
        return DisplayHandle()
