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
