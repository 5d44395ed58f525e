"""Starts JupyterLab and Chromium once; says loudly where they cannot be had."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from lab_driver import Lab, chromium, running

REQUIRED = "APERTIS_MAGIC_BROWSER"
"""Set to ``required`` where a browser that is missing is a failure, as in CI."""

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Yield the JupyterLab that all tests share."""
    missing = [name for name in ("playwright", "jupyterlab") if not find_spec(name)]
    if chromium() is None:
        missing.append("chromium")
    if missing:
        told = f"NOT TESTED IN A BROWSER: there is no {', no '.join(missing)}"
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(told)
        pytest.skip(told)
    with running(tmp_path_factory.mktemp("lab")) as found:
        yield found


@pytest.fixture
def screenshots() -> Path:
    """Return the folder for pictures that people look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
