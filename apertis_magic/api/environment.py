"""What the environment says of whom to ask, and the defaults where it says nothing."""

import os

DEFAULT_BASE_URL = "https://api.apertis.ai/v1"
DEFAULT_MODEL = "gpt-4.1-mini"

BASE_URL_VARIABLES = ("APERTIS_BASE_URL", "APERTIS_API_BASE")
"""The variables that name an address, the first one that is set."""

MODEL_VARIABLES = ("APERTIS_MODEL",)

_QUOTES = """ "" '' `` “” „“ ”” «» »« ‘’ ‚‘ ’’ """.split()  # noqa: RUF001  all kinds
"""The pairs that shells, typesetters and word processors put around a text."""


def unquoted(text: str) -> str:
    """Return *text* without white space around it, and without one pair of quotes.

    Docker's ``--env-file`` leaves the quotes there that a shell would take off.
    """
    text = text.strip()
    is_quoted = len(text) > 1 and text[0] + text[-1] in _QUOTES
    return text[1:-1].strip() if is_quoted else text


def variable(name: str) -> str:
    """Return what a variable of the environment says, empty where it says nothing."""
    return unquoted(os.environ.get(name, ""))


def base_url_from_environment() -> str:
    """Return the address that requests go to unless one is given."""
    return next(filter(None, map(variable, BASE_URL_VARIABLES)), DEFAULT_BASE_URL)


def model_from_environment() -> str:
    """Return the model that is asked unless one is given."""
    return next(filter(None, map(variable, MODEL_VARIABLES)), DEFAULT_MODEL)
