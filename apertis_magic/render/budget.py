"""What a text may add to its HTML that does not stand where it is added.

An address that is defined once can be referred to ten thousand times. Without a bound
an answer of 100 KB becomes a page of 400 MB.
"""

_MOST = 100_000  # characters beyond the text's own length
_SHARE = 24  # times its own length, for a short text


class Budget:
    """What is left of it for one text.

    Args:
        length: of the text in characters.
    """

    def __init__(self, length: int) -> None:
        self._left = min(length + _MOST, length * _SHARE)

    def spend(self, cost: int) -> bool:
        """Take *cost* characters out of the budget, if they are still in it.

        Returns:
            Whether they were; what was refused is to be shown as it was written.
        """
        if cost > self._left:
            return False
        self._left -= cost
        return True
