"""Whose word a server's certificate is trusted by, as the environment says.

``SSL_CERT_FILE`` goes before what other tools read, and that before the authorities
that httpx knows. Nothing switches the check off.
"""

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path

from apertis_magic.api.environment import unquoted
from apertis_magic.errors import ConfigurationError

VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR")
"""The variables that are read, the first one that is set."""

_FILE_ALONE, _FOLDERS_ALONE = VARIABLES[0], VARIABLES[-1]
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""The names by which OpenSSL finds certificates in a folder."""


def context(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Return what checks certificates.

    Args:
        environment: the variables.

    Raises:
        ConfigurationError: what a variable names holds no certificates; the line names
            both.
    """
    for variable in VARIABLES:
        if named := unquoted(environment.get(variable, "")):
            return _of(variable, named)
    import httpx

    return httpx.create_ssl_context(trust_env=False)


def none() -> ssl.SSLContext:
    """Return what trusts nobody, in no time: for connections without TLS."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _of(variable: str, named: str) -> ssl.SSLContext:
    if variable == _FOLDERS_ALONE:
        return _of_folders(variable, named)
    if variable != _FILE_ALONE and Path(named).is_dir():
        return _of_folders(variable, named)
    try:
        made = ssl.create_default_context(cafile=named)
    except ssl.SSLError:
        raise _unusable(variable, named, "it holds none in PEM") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be read"
        raise _unusable(variable, named, reason) from None
    if not made.cert_store_stats()["x509"]:
        raise _unusable(variable, named, "it holds none in PEM")
    return made


def _of_folders(variable: str, named: str) -> ssl.SSLContext:
    """Return what trusts the certificates in folders, which OpenSSL reads later."""
    folders = [Path(each) for each in named.split(os.pathsep) if Path(each).is_dir()]
    if not folders:
        raise _unusable(variable, named, "there is no such folder")
    try:
        names = [each.name for folder in folders for each in folder.iterdir()]
        if any(map(_HASHED.fullmatch, names)):
            return ssl.create_default_context(capath=named)
    except OSError as error:
        raise _unusable(variable, named, error.strerror or "no reason") from None
    raise _unusable(variable, named, "none has the name that openssl rehash gives it")


def _unusable(variable: str, named: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"{variable} names no certificates: {named} ({reason}).",
        hint="Set it to a file of certificates in PEM, or unset it.",
    )
