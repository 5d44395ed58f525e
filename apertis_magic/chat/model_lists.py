"""Which models a server has: asked for when needed, then kept for a day.

A list is kept in memory and in a file for each address, never with a key. Nothing is
fetched until somebody asks.
"""

import asyncio
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from apertis_magic import paths, regular
from apertis_magic.api import address, loop
from apertis_magic.api.value import Json, amount, count, items, mapping, string
from apertis_magic.clean import printable
from apertis_magic.credentials import redact
from apertis_magic.errors import ApertisError, TimedOut

if TYPE_CHECKING:
    from apertis_magic.api.client import AsyncApertis
    from apertis_magic.chat.settings import Settings

PATIENCE = 30.0
"""Seconds that a list may take."""

_PRICES_PATIENCE = 10.0
"""Seconds of these that the prices may take."""

_LARGEST = 16_000_000
"""Bytes of a list's file, at the most."""

_DAY = 86_400.0
_PAUSE = 300.0
"""Seconds without another try in the background, whatever became of the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedModel:
    """What is known of one model; None where nobody told.

    Attributes:
        id: what to give as ``model``.
        context_length: tokens that it can read and write together.
        input_per_million: USD for a million tokens of prompt.
        output_per_million: USD for a million tokens of completion.
    """

    id: str
    context_length: int | None = None
    input_per_million: float | None = None
    output_per_million: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The models of one address, in the server's order.

    Attributes:
        models: the models.
        fetched: when the server told, in seconds since 1970.
        priced: whether the price catalogue was read too.
    """

    models: Sequence[ListedModel] = ()
    fetched: float = 0.0
    priced: bool = False

    @property
    def ids(self) -> list[str]:
        """The models' ids."""
        return [model.id for model in self.models]

    @property
    def is_fresh(self) -> bool:
        """Whether it is less than a day old; one from the future is not."""
        return 0 <= time.time() - self.fetched < _DAY


class ModelLists:
    """The models of each address: in memory, and in a file for a day.

    Args:
        settings: gives which server is asked, or raises a ``ConfigurationError``.
        client: gives who asks it.
    """

    def __init__(
        self,
        settings: "Callable[[], Settings]",
        client: "Callable[[Settings], AsyncApertis]",
    ) -> None:
        self._settings = settings
        self._client = client
        self._lists: dict[str, Listing] = {}
        self._tried: dict[Settings, float] = {}
        self._lock = threading.Lock()

    def known(self) -> Listing | None:
        """Return the list that is known now, however old, without asking the server.

        Raises:
            ConfigurationError: the environment's address or key cannot be one.
        """
        settings = self._settings()
        if settings.fixed_model:
            return _fixed(settings)
        server = _server(settings)
        if server not in self._lists and (kept := _read(server)) is not None:
            self._lists[server] = kept
        return self._lists.get(server)

    def ids(self) -> list[str]:
        """Return the ids that are known now; a missing or old list is fetched.

        It never waits and never raises: what cannot be fetched stays unknown.
        """
        try:
            known = self.known()
            if known is None or not known.is_fresh:
                self._fetch_meanwhile()
        except ApertisError:
            return []
        return known.ids if known else []

    def refresh(self, *, priced: bool = False, patience: float = PATIENCE) -> Listing:
        """Ask the server for the list, wait for it and keep it.

        Args:
            priced: read Apertis' price catalogue too; no other host is asked for one.
            patience: seconds to wait.

        Raises:
            ApertisError: there was no list in that time, or a refusal.
        """
        settings = self._settings()
        if settings.fixed_model:
            return _fixed(settings)
        return loop.run(self._fetch(settings, priced=priced, patience=patience))

    def _fetch_meanwhile(self) -> None:
        settings, now = self._settings(), time.monotonic()
        with self._lock:
            # A fetch ends long before the pause does, so there is one at a time.
            if now - self._tried.get(settings, -_PAUSE) < _PAUSE:
                return
            self._tried[settings] = now
        # Nobody looks at the future: what cannot be fetched stays unknown.
        loop.submit(self._fetch(settings, priced=False, patience=PATIENCE))

    async def _fetch(
        self, settings: "Settings", *, priced: bool, patience: float
    ) -> Listing:
        try:
            async with asyncio.timeout(patience):
                # A client refuses to be made without the key it needs.
                client = self._client(settings)
                listing = await _listing(client, settings, priced=priced)
        except TimeoutError:
            raise TimedOut(
                f"The server did not tell its models in {patience:g} s."
            ) from None
        server = _server(settings)
        self._lists[server] = listing
        _write(server, listing)
        return listing


def near(model: str, known_ids: Sequence[str], most: int = 3) -> list[str]:
    """Return the ids closest to *model*, the best first.

    A maker's name before a slash may lack, and *model* may be one word of an id.
    """
    model = model.lower()
    names: dict[str, str] = {}
    for each in known_ids:
        names.setdefault(each.lower(), each)
        names.setdefault(each.lower().rpartition("/")[2], each)
    close = get_close_matches(model, names, n=2 * most)
    found = [names[name] for name in close]
    if not found:
        words = {word for name in names for word in re.split(r"[-/:]", name)}
        for word in get_close_matches(model, words, n=1):
            found = [each for each in known_ids if word in each.lower()]
    return list(dict.fromkeys(found))[:most]


def context_length(listing: Listing | None, model: str) -> int | None:
    """Return how many tokens a model can read and write together, None if unknown.

    An id with its maker's name before a slash and one without are the same model,
    unless those listed tell different lengths.

    Args:
        listing: the list that is known; None for none.
        model: the model's id.
    """
    rows = listing.models if listing else ()
    for row in rows:
        if row.id == model and row.context_length:
            return row.context_length
    lengths = {
        row.context_length
        for row in rows
        if row.context_length
        and (row.id.rpartition("/")[2] == model or row.id == model.rpartition("/")[2])
    }
    return lengths.pop() if len(lengths) == 1 else None


def input_price(listing: Listing | None, model: str) -> float | None:
    """Return what a million tokens of prompt cost in USD, None if unknown."""
    rows = listing.models if listing else ()
    prices = (row.input_per_million for row in rows if row.id == model)
    return next(prices, None)


def _fixed(settings: "Settings") -> Listing:
    model = ListedModel(id=settings.model, context_length=settings.context_length)
    return Listing(models=(model,), fetched=time.time())


def _server(settings: "Settings") -> str:
    """Return what a list is kept under: the address without its scheme."""
    parts = urlsplit(address.normalised(settings.base_url))
    query = f"?{parts.query}" if parts.query else ""
    return parts.netloc.lower() + parts.path + query


async def _listing(
    client: "AsyncApertis", settings: "Settings", *, priced: bool
) -> Listing:
    models: dict[str, ListedModel] = {}
    for model in await client.models.list():
        name = _one_line(redact(model.id, settings.api_key))
        if name:
            row = ListedModel(id=name, context_length=model.context_length)
            models.setdefault(name, row)
    found = Listing(models=tuple(models.values()), fetched=time.time())
    if priced and address.is_apertis(settings.base_url):
        # The list is worth having without its prices.
        with suppress(ApertisError, TimeoutError):
            async with asyncio.timeout(_PRICES_PATIENCE):
                return await _with_prices(client, found)
    return found


async def _with_prices(client: "AsyncApertis", listing: Listing) -> Listing:
    catalogue = {model.id: model for model in await client.models.catalogue()}
    models = [
        replace(
            model,
            context_length=model.context_length or priced.context_length,
            input_per_million=priced.input_per_million,
            output_per_million=priced.output_per_million,
        )
        if (priced := catalogue.get(model.id))
        else model
        for model in listing.models
    ]
    return replace(listing, models=tuple(models), priced=True)


def _file(server: str) -> Path:
    name = quote(server, safe="", errors="replace") + ".json"
    return paths.cache_dir() / "model-lists" / name


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())


def _read(server: str) -> Listing | None:
    """Return the list in the file of an address, None unless it is one of ours."""
    try:
        kept = mapping(json.loads(regular.read(_file(server), _LARGEST)))
    except (OSError, ValueError, RecursionError):
        return None
    fetched = amount(kept.get("fetched"))
    if kept.get("address") != server or fetched is None:
        return None
    models = tuple(map(_model, items(kept.get("models"))))
    return Listing(
        models=tuple(model for model in models if model.id),
        fetched=fetched,
        priced=kept.get("priced") is True,
    )


def _model(row: Json) -> ListedModel:
    return ListedModel(
        id=_one_line(string(row.get("id")) or ""),
        context_length=count(row.get("context_length")),
        input_per_million=amount(row.get("input_per_million")),
        output_per_million=amount(row.get("output_per_million")),
    )


def _write(server: str, listing: Listing) -> None:
    """Keep *listing* in its file, whole or not at all; where none can be, in memory."""
    kept = json.dumps({"address": server, **asdict(listing)})
    target = _file(server)
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=target.parent, prefix=".fetched-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(kept)
            Path(scratch).replace(target)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
            raise
