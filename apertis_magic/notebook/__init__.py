"""The cell face: the ``%%chat`` and ``%chat`` magics and how an answer is shown."""
