"""In which of the two front ends a test in the browser runs.

JupyterLab and Notebook 7 share what shows outputs and widgets; in ``make test`` most
tests run in the first alone, and in ``make test-slow`` all of them in both.
"""

import pytest
from scale import ALL

BOTH = ("lab", "notebook7")
USUAL = BOTH if ALL else BOTH[:1]

in_both = pytest.mark.parametrize("front_end", BOTH, indirect=True)
"""For a test of what may differ between them, or of all that stands on it."""
