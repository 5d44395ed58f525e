"""What is inside a response and most answers lack: probabilities, sound, counts."""

from collections.abc import Sequence

from apertis_magic.api.value import Nested, amount, count, items, string


class TopLogprob(Nested):
    """A token that could have stood in a place (``top_logprobs`` of a token)."""

    __slots__ = ()

    @property
    def token(self) -> str | None:
        """The token."""
        return string(self._raw.get("token"))

    @property
    def bytes(self) -> list[int] | None:
        """The bytes of its UTF-8, which may be a part of a character's alone."""
        found = self._raw.get("bytes")
        return [*filter(_is_byte, found)] if isinstance(found, list) else None

    @property
    def logprob(self) -> float | None:
        """The natural logarithm of its probability; -9999 where that is tiny."""
        return amount(self._raw.get("logprob"))


def _is_byte(value: object) -> bool:
    return type(value) is int


class TokenLogprob(TopLogprob):
    """A token of the answer, and what could have stood there (``logprobs``)."""

    __slots__ = ()

    @property
    def top_logprobs(self) -> Sequence[TopLogprob] | None:
        """The likeliest tokens in its place, as many as were asked for."""
        found = self._raw.get("top_logprobs")
        if not isinstance(found, list):
            return None
        return tuple(map(TopLogprob, items(found)))


class Logprobs(Nested):
    """How probable the tokens of an answer were (``logprobs`` of a choice)."""

    __slots__ = ()

    @property
    def content(self) -> Sequence[TokenLogprob] | None:
        """The tokens of the text."""
        return self._tokens("content")

    @property
    def refusal(self) -> Sequence[TokenLogprob] | None:
        """The tokens of a refusal."""
        return self._tokens("refusal")

    def _tokens(self, name: str) -> Sequence[TokenLogprob] | None:
        found = self._raw.get(name)
        return (
            tuple(map(TokenLogprob, items(found))) if isinstance(found, list) else None
        )


class Audio(Nested):
    """What the model says aloud (``audio`` of a message), or a piece of it."""

    __slots__ = ()

    @property
    def id(self) -> str | None:
        """What a later request names it by."""
        return string(self._raw.get("id"))

    @property
    def data(self) -> str | None:
        """The sound in base64, in the format that was asked for."""
        return string(self._raw.get("data"))

    @property
    def expires_at(self) -> int | None:
        """Until when the server knows it, in seconds since 1970."""
        return count(self._raw.get("expires_at"))

    @property
    def transcript(self) -> str | None:
        """The words."""
        return string(self._raw.get("transcript"))


class _TokensDetails(Nested):
    __slots__ = ()

    @property
    def audio_tokens(self) -> int | None:
        """Tokens of sound."""
        return count(self._raw.get("audio_tokens"))

    @property
    def text_tokens(self) -> int | None:
        """Tokens of text."""
        return count(self._raw.get("text_tokens"))


class PromptTokensDetails(_TokensDetails):
    """What a request's prompt was made of (``prompt_tokens_details`` of the usage)."""

    __slots__ = ()

    @property
    def cached_tokens(self) -> int | None:
        """Tokens that came from a cache."""
        return count(self._raw.get("cached_tokens"))

    @property
    def cache_write_tokens(self) -> int | None:
        """Tokens that were written to a cache."""
        return count(self._raw.get("cache_write_tokens"))

    @property
    def image_tokens(self) -> int | None:
        """Tokens of pictures."""
        return count(self._raw.get("image_tokens"))


class CompletionTokensDetails(_TokensDetails):
    """What an answer was made of (``completion_tokens_details`` of the usage)."""

    __slots__ = ()

    @property
    def reasoning_tokens(self) -> int | None:
        """Tokens of the model's thinking."""
        return count(self._raw.get("reasoning_tokens"))

    @property
    def accepted_prediction_tokens(self) -> int | None:
        """Tokens of a prediction that the answer has (``prediction``)."""
        return count(self._raw.get("accepted_prediction_tokens"))

    @property
    def rejected_prediction_tokens(self) -> int | None:
        """Tokens of a prediction that the answer does not have; they are billed."""
        return count(self._raw.get("rejected_prediction_tokens"))


def nested(value: object) -> Nested | None:
    """Return a view of an object whose fields nobody modelled; None for no object."""
    return Nested(value) if isinstance(value, dict) else None
