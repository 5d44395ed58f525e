"""Starts Chromium and each front end once; says loudly where they cannot be had."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from front_ends import USUAL
from lab_driver import Lab, browsing, chromium, running
from playwright.sync_api import Browser

REQUIRED = "APERTIS_MAGIC_BROWSER"
"""Set to ``required`` where a browser that is missing is a failure, as in CI."""

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Yield the Chromium that all tests share."""
    missing = [name for name in ("jupyterlab", "notebook") if not find_spec(name)]
    if chromium() is None:
        missing.append("chromium")
    if missing:
        told = f"NOT TESTED IN A BROWSER: there is no {', no '.join(missing)}"
        if os.environ.get(REQUIRED) == "required":
            pytest.fail(told)
        pytest.skip(told)
    with browsing() as found:
        yield found


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Yield the JupyterLab that all tests share."""
    with running(browser, tmp_path_factory.mktemp("lab")) as found:
        yield found


@pytest.fixture(scope="package")
def notebook7(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Lab]:
    """Yield the Notebook 7 that all tests share."""
    with running(browser, tmp_path_factory.mktemp("notebook"), "notebook") as found:
        yield found


@pytest.fixture(params=USUAL)
def front_end(request: pytest.FixtureRequest) -> Lab:
    """Return each of the front ends in turn in which a test runs."""
    found: Lab = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def screenshots() -> Path:
    """Return the folder for pictures that people look at."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS
