"""``client.models``: which models there are, and what they cost at Apertis."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from apertis_magic.api import address, bounds, loop
from apertis_magic.api.bounds import Meter
from apertis_magic.api.fetch import MODELS, fetch
from apertis_magic.api.transport import Call, Transport
from apertis_magic.api.value import Value, amount, count, first, items, mapping, string
from apertis_magic.errors import ConfigurationError

_PAGE = 100  # the most that one page of the catalogue holds
_MOST_PAGES = 100
_PER_MILLION = 1_000  # the catalogue tells USD per 1 000 tokens


class Model(Value):
    """A model that the key can ask (``GET /models``)."""

    __slots__ = ()

    @property
    def id(self) -> str:
        """What to give as ``model``."""
        return string(first(self._raw, "id", "name")) or ""

    @property
    def object(self) -> str | None:
        """``model``, where the server says so."""
        return string(self._raw.get("object"))

    @property
    def owned_by(self) -> str | None:
        """Who makes or serves it."""
        return string(self._raw.get("owned_by"))

    @property
    def created(self) -> int | None:
        """Seconds since 1970; Apertis tells the same for every model."""
        return count(self._raw.get("created"))

    @property
    def context_length(self) -> int | None:
        """Tokens that it can read and write together."""
        return count(first(self._raw, "context_length", "max_model_len"))

    @property
    def multiplier(self) -> float | None:
        """Quota units that a request costs a subscription; 0 is free."""
        return amount(self._raw.get("multiplier"))

    @property
    def tier(self) -> str | None:
        """The smallest subscription plan that has it: free, lite, pro or max."""
        return string(self._raw.get("tier"))


class CatalogueModel(Value):
    """A model in Apertis' public catalogue, with its price.

    The catalogue tells prices in USD per 1 000 tokens; here they are for a million.
    """

    __slots__ = ()

    @property
    def id(self) -> str:
        """What to give as ``model``."""
        return string(first(self._raw, "model_id", "id")) or ""

    @property
    def name(self) -> str:
        """What people call it."""
        return string(self._raw.get("display_name")) or self.id

    @property
    def provider(self) -> str | None:
        """Who makes it."""
        return string(self._raw.get("provider"))

    @property
    def category(self) -> str | None:
        """``chat``, ``image``, ``voice``, ``embedding``, ``video`` or ``free``."""
        return string(self._raw.get("category"))

    @property
    def context_length(self) -> int | None:
        """Tokens that it can read and write together."""
        return count(self._raw.get("context_length"))

    @property
    def is_free(self) -> bool:
        """Whether it costs nothing."""
        kinds = (self._raw.get("category"), self._raw.get("charge_type"))
        return self.id.endswith(":free") or "free" in (str(k).lower() for k in kinds)

    @property
    def input_per_million(self) -> float | None:
        """USD for a million tokens of prompt."""
        return self._price("input_price")

    @property
    def output_per_million(self) -> float | None:
        """USD for a million tokens of completion."""
        return self._price("output_price")

    def _price(self, name: str) -> float | None:
        price = amount(self._raw.get(name))
        if price is None:
            return 0.0 if self.is_free else None
        # Rounded, because 0.0024 * 1000 is not 2.4.
        return round(price * _PER_MILLION, 9)


@dataclass(frozen=True, slots=True)
class ModelList:
    """The models that the key can ask, in the server's order; it can be iterated.

    Attributes:
        data: the models (``data`` of the API).
    """

    data: Sequence[Model] = ()

    def __iter__(self) -> Iterator[Model]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)


class AsyncModels:
    """The ``models`` part of the API, to be awaited."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> ModelList:
        """Return the models that the key can ask (``GET /models``).

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        body = await fetch(self._transport, Call(path=MODELS))
        rows = items(first(body, "data", "models"))
        bounds.MODELS.check(len(rows))
        return ModelList(tuple(map(Model, rows)))

    async def retrieve(self, model: str) -> Model:
        """Return one model (``GET /models/{id}``).

        Args:
            model: its id.

        Raises:
            ConfigurationError: that cannot be an id.
            NotFound: there is none of that id.
            ApertisError: there was no answer, or another refusal.
        """
        value: object = model
        if not isinstance(value, str) or not value.strip(" ."):
            raise ConfigurationError("model must be the id of a model.")
        # An id may hold a slash, as in Qwen/Qwen3-8B.
        path = f"{MODELS}/" + quote(model, safe="", errors="replace")
        body = await fetch(self._transport, Call(path=path))
        return Model(mapping(body.get("data")) or body)

    async def catalogue(self) -> Sequence[CatalogueModel]:
        """Return Apertis' public catalogue (``GET /api/v2/models/``), without the key.

        Models that cannot be asked now are left out. Only Apertis has it.

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        listed: dict[str, CatalogueModel] = {}
        root = address.origin(self._transport.target.base_url)
        offset, meter = 0, Meter(bounds.LIST)
        for _ in range(_MOST_PAGES):
            query = f"limit={_PAGE}&offset={offset}&sort=newest&order=desc"
            call = Call(path=f"{root}/api/v2/models/?{query}", public=True)
            body = await fetch(self._transport, call, meter)
            data = mapping(body.get("data"))
            rows = items(data.get("models"))
            offset += len(rows)  # a server may send fewer than it was asked for
            bounds.MODELS.check(offset)
            hidden = data.get("hidden_model_ids")
            hidden = hidden if isinstance(hidden, list) else []
            for model in map(CatalogueModel, rows):
                if _is_listed(model) and model.id not in hidden:
                    listed[model.id] = model
            if not rows or not mapping(data.get("pagination")).get("has_more"):
                break
        return tuple(listed.values())


def _is_listed(model: CatalogueModel) -> bool:
    raw = model.raw
    is_off = raw.get("is_enabled") is False or raw.get("is_deprecated")
    return not is_off and raw.get("badge") != "unavailable"


class Models:
    """The ``models`` part of the API."""

    def __init__(self, models: AsyncModels) -> None:
        self._models = models

    def list(self) -> ModelList:
        """Return the models that the key can ask (``GET /models``).

        Raises:
            ApertisError: there was no answer, or a refusal.

        Example:
            >>> from apertis_magic import Apertis
            >>> sorted(model.id for model in Apertis().models.list())
            [...'gpt-4.1-mini'...]
        """
        return loop.run(self._models.list())

    def retrieve(self, model: str) -> Model:
        """Return one model (``GET /models/{id}``).

        Args:
            model: its id.

        Raises:
            ConfigurationError: that cannot be an id.
            NotFound: there is none of that id.
            ApertisError: there was no answer, or another refusal.
        """
        return loop.run(self._models.retrieve(model))

    def catalogue(self) -> Sequence[CatalogueModel]:
        """Return Apertis' public catalogue (``GET /api/v2/models/``), without the key.

        Models that cannot be asked now are left out. Only Apertis has it.

        Raises:
            ApertisError: there was no answer, or a refusal.
        """
        return loop.run(self._models.catalogue())
