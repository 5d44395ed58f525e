"""What the environment says of whom to ask, and the defaults where it says nothing."""

import os

DEFAULT_BASE_URL = "https://api.apertis.ai/v1"
DEFAULT_MODEL = "gpt-4.1-mini"

BASE_URL_VARIABLES = ("APERTIS_BASE_URL", "APERTIS_API_BASE")
"""The variables that name an address, the first one that is set."""

MODEL_VARIABLES = ("APERTIS_MODEL",)


def base_url_from_environment() -> str:
    """Return the address that requests go to unless one is given."""
    values = (os.environ.get(name, "").strip() for name in BASE_URL_VARIABLES)
    return next(filter(None, values), DEFAULT_BASE_URL)


def model_from_environment() -> str:
    """Return the model that is asked unless one is given."""
    values = (os.environ.get(name) for name in MODEL_VARIABLES)
    return next(filter(None, values), DEFAULT_MODEL)
