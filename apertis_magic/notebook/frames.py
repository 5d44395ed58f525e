"""The functions that are running, for what IPython tells in no other way."""

import inspect
from collections.abc import Iterator
from types import FrameType


def running() -> Iterator[FrameType]:
    """Give the frames of the functions that are running, the caller's first."""
    generator = inspect.currentframe()
    frame = generator.f_back if generator else None
    while frame is not None:
        yield frame
        frame = frame.f_back


def running_cell() -> str:
    """Return the source of the cell that runs now, empty where none does."""
    # Not every front end tells it, and a file that %run runs is in no history.
    for frame in running():
        if frame.f_code.co_name in ("run_cell", "run_cell_async"):
            return str(frame.f_locals.get("raw_cell", ""))
    return ""
