"""The one place that finds an API key and checks that it can be one."""

import os

from apertis_magic.errors import ConfigurationError

ENVIRONMENT = "APERTIS_API_KEY"


def find(given: str | None = None) -> str | None:
    """Return the key: *given*, or the environment's; None where there is none.

    Raises:
        ConfigurationError: what was found cannot be a key.
    """
    if given is not None:
        return clean(given)
    found = os.environ.get(ENVIRONMENT, "")
    return clean(found) if found.strip() else None


def clean(key: str) -> str:
    """Return *key* without the white space that pasting leaves around it.

    Raises:
        ConfigurationError: it is empty, or has characters that no key has. The
            message never repeats it.
    """
    given: object = key
    if not isinstance(given, str):
        raise ConfigurationError("The API key must be text.")
    key = key.strip()
    if not key:
        raise ConfigurationError("The API key is empty.", hint=how_to_give_one())
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(
            "The API key has characters that no key has, such as spaces or curly "
            "quotes.",
            hint="Copy it again from apertis.ai/setting?tab=keys.",
        )
    return key


def how_to_give_one() -> str:
    """Return, in one line, the ways to give a key or do without."""
    return (
        f"Set {ENVIRONMENT} before the kernel starts (or in Python: "
        f"os.environ['{ENVIRONMENT}'] = getpass.getpass()), or use the local model: "
        "%chat local."
    )
