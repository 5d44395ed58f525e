"""Keys in texts: what looks like anybody's is told, and what is one is taken out."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

KEY = "[key]"
"""What stands where a key was."""

# Where a key begins: not in the middle of a word, for "task-classifier" holds none. The
# letter of an escape, as in "\\nsk-" of JSON, is of no word.
_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrtfb])|(?<=%[0-9A-F]{2}))"
# Prefixes that nothing but a key has.
_SHAPES = re.compile(
    _START + r"(?:(?:AKIA|ASIA)[A-Z0-9]{16,}|AIza[\w-]{16,}"
    r"|gh[oprsu]_[A-Za-z0-9]{16,}|xox[abceprs]-[0-9][A-Za-z0-9-]{15,})",
    re.ASCII,
)
# Prefixes that words and identifiers have too: what is behind them tells a key.
_PREFIXED = re.compile(
    _START + r"(?:(?:sk|pplx|xai|xapp|xox[abceprs]|glpat|pypi)-(?:ant-|proj-)?"
    r"|(?:hf|gsk|npm|r8|[rs]k_live|[rs]k_test|github_pat)_)(?P<tail>[\w.-]{16,})",
    re.ASCII,
)
# In a server's words a placeholder is no loss.
_LIKE_OURS = re.compile(_START + r"sk-[\w.-]{6,}", re.ASCII)
_HEAD = r"-{4,5} ?BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)? ?-{4,5}"
_BREAK = r"""(?:\s|\\[nr]|["',])"""  # the end of a line, also as code writes it
_PRIVATE_KEY = re.compile(
    rf"{_HEAD}(?:{_BREAK}{{0,40}}+[A-Za-z0-9+/=]{{16,}}+)++"
    rf"(?:{_BREAK}{{0,40}}+[A-Za-z0-9+/]*+(?:=++|(?={_BREAK}{{0,40}}+-)))?"
    rf"|^[ \t>\"'`#/*]*+{_HEAD}[ \t\r\"'`,]*+$",
    re.MULTILINE | re.ASCII,
)
# Fields whose values are secrets, whatever they look like.
_SECRET = re.compile(
    r"(?:api|access|auth|secret|private)[-_]?(?:key|token)|authorization|password"
    r"|secret|credential",
    re.IGNORECASE,
)
_RUN = re.compile(r"[A-Za-z0-9]+")
_DIGITS_TURN = re.compile(r"(?<=[0-9])[A-Za-z]|(?<=[A-Za-z])[0-9]")
_INSIDE = re.compile(r"[a-z][A-Z]")
_CASES_TURN = re.compile(r"(?<=[a-z])[A-Z]|(?<=[A-Z])[a-z]")
_LONG_RUN = 30
"""Letters and digits without a break that are longer than any word."""
_RUN_OF_KEY = 16
_RUN_OF_NAME = 8
"""Shorter ones, such as ``8x7b`` or ``v2``, are of a name that tells versions."""
_NAME = re.compile(
    r"[a-z]{0,14}+(?:[A-Z]{1,4}+(?=[^\WaeiouA-Z0-9]{0,6}+[aeiou])[a-z]{2,14}+"
    r"|[A-Z]{1,5}+(?![A-Za-z])|[0-9]{1,4}+(?![0-9]))++",
    re.ASCII,
)
"""Words that were joined, such as ``LlamaForCausalLM``: each has a vowel."""
_TURNS = 4
_PLACEHOLDER = re.compile(r"(?i)example|your|fake|dummy|xxxx|abcdef|12345678")
_LONGEST_PLACEHOLDER = 29
_DIFFERENT = 6
"""Characters that differ; fewer are a mask, such as ``sk-xxxxxxxx``."""
_SHORTEST = 8
"""A key in use that is shorter, such as ``EMPTY``, is no secret."""
_WORD = re.compile(r"[A-Za-z_-]{1,15}")


_BEGINNINGS = (
    "sk- pplx- xai- xapp- xox glpat- pypi- hf_ gsk_ npm_ r8_ k_live_ k_test_ "
    "github_pat_ AKIA ASIA AIza gho_ ghp_ ghr_ ghs_ ghu_"
).split()
"""What a text without holds none: to look for these alone takes next to no time."""


def holds_key(text: str, *known: str | None) -> bool:
    """Tell whether *text* holds one of the keys *known*, or surely some other one.

    Prose about keys, short placeholders and words such as ``sk-learn`` are none.
    """
    if any(key in text for key in _secrets(known) if not _is_word(key)):
        return True
    if not any(each in text for each in _BEGINNINGS) and "PRIVATE KEY" not in text:
        return False
    shaped = [found[0] for found in _SHAPES.finditer(text)]
    shaped += [m[0] for m in _PREFIXED.finditer(text) if _is_random(m["tail"])]
    return any(map(_is_key, shaped)) or _PRIVATE_KEY.search(text) is not None


def redact(text: str, *keys: str | None) -> str:
    """Return *text* without anything that looks like, or is, one of *keys*.

    A key of fewer than 8 characters, such as the ``token`` or ``EMPTY`` that people
    give to servers without keys, is no secret and may be a word of the text.
    """
    text = Echo.of(*keys).removed(text)
    for shape in (_PRIVATE_KEY, _LIKE_OURS, _SHAPES):
        text = shape.sub(KEY, text)
    return _PREFIXED.sub(lambda m: KEY if _is_random(m["tail"]) else m[0], text)


def without_keys(value: Any) -> Any:
    """Return JSON, or a text, without the keys that are surely in it.

    A value is a key where its field's name says so, such as ``Authorization`` or
    ``api_key``. Other text is left as it is: it may be about keys.
    """
    if isinstance(value, str):
        return redact(value) if holds_key(value) else value
    if isinstance(value, dict):
        return {
            name: KEY
            if isinstance(inner, str) and _SECRET.search(str(name))
            else without_keys(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [without_keys(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class Echo:
    """The keys of a request, which its server may repeat in what it answers.

    A key that is a word, such as ``lm-studio``, is one only where no word goes on
    before or behind it.
    """

    _pattern: re.Pattern[str] | None = field(default=None, repr=False)
    _keys: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, *keys: str | None) -> "Echo":
        """Return that of keys, those left out that are no secrets."""
        # The longest first: one may be a part of another.
        secrets = tuple(sorted(set(_secrets(keys)), key=len, reverse=True))
        standing = "|".join(map(_standing, secrets))
        return cls(re.compile(standing) if secrets else None, secrets)

    def __bool__(self) -> bool:
        return bool(self._keys)

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the keys in a whole text begin and end, in their order."""
        return [m.span() for m in self._pattern.finditer(text)] if self._pattern else []

    def removed(self, text: str) -> str:
        """Return a whole text without the keys."""
        return self._pattern.sub(KEY, text) if self._pattern else text

    def removed_in(self, value: Any) -> Any:
        """Return JSON without the keys, those in the names of fields too."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.removed(value)
        if isinstance(value, dict):
            return {
                self.removed_in(name): self.removed_in(inner)
                for name, inner in value.items()
            }
        if isinstance(value, list | tuple):
            return [self.removed_in(each) for each in value]
        return value

    def growing(self, text: str) -> str:
        """Return a text that may grow, without the keys and what may become one."""
        return self.removed(text[: len(text) - self.held_back(text)])

    def held_back(self, text: str) -> int:
        """Return how many characters at a text's end may become a key."""
        # A key that is there is one whatever comes, unless it may go on.
        known = [span for span in self.spans(text) if not self._may_go_on(text, span)]
        return max((_begun(key, text, known) for key in self._keys), default=0)

    def _may_go_on(self, text: str, span: tuple[int, int]) -> bool:
        """Tell whether what follows may make another key, or a word, of one."""
        start, end = span
        found = text[start:end]
        return end == len(text) and (
            _is_word(found)
            or any(key != found and key.startswith(found) for key in self._keys)
        )


NO_ECHO = Echo()
"""That of a request without a key."""


def _secrets(keys: Iterable[str | None]) -> list[str]:
    return [key for key in keys if key and len(key) >= _SHORTEST]


def _is_word(key: str) -> bool:
    """Tell whether a key may be a word, such as ``not-needed`` or ``lm-studio``."""
    return _WORD.fullmatch(key) is not None


def _standing(key: str) -> str:
    """Return the pattern of a key where it stands as one."""
    return rf"(?<![\w-]){re.escape(key)}(?![\w-])" if _is_word(key) else re.escape(key)


def _begun(key: str, text: str, known: Sequence[tuple[int, int]]) -> int:
    """Return how many characters at the end of *text* the key may begin with.

    Args:
        key: the key; where it is a word what follows tells whether that goes on.
        text: the text so far.
        known: where keys are for sure, none of which is another's beginning.
    """
    longest = min(len(key) - (not _is_word(key)), len(text))
    for length in range(longest, 0, -1):
        place = len(text) - length
        if text.endswith(key[:length]) and not _is_within(place, known):
            return length
    return 0


def _is_within(place: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < place < end for start, end in spans)


def _is_random(tail: str) -> bool:
    """Tell whether what stands behind a prefix is no word: letters and digits mix."""
    runs = _RUN.findall(tail)
    run = max(runs, key=len, default="")
    if len(_INSIDE.findall(tail)) < _TURNS // 2:  # versions are no key's digits then
        tail = " ".join(each for each in runs if len(each) >= _RUN_OF_NAME)
    digits, cases = len(_DIGITS_TURN.findall(tail)), len(_CASES_TURN.findall(tail))
    if digits >= _TURNS:
        return True
    if _is_name(run):
        return False
    if len(run) >= _LONG_RUN:
        return True
    if digits >= _TURNS // 2:
        return len(run) >= _RUN_OF_KEY or cases >= _TURNS - 1
    return len(run) >= _RUN_OF_KEY and len(_CASES_TURN.findall(run)) >= _TURNS


def _is_name(run: str) -> bool:
    """Tell whether letters and digits are words that were joined."""
    small = sum(map(str.islower, run))
    return 2 * small > len(run) and _NAME.fullmatch(run) is not None


def _is_key(shaped: str) -> bool:
    most = max(map(shaped.count, set(shaped)))
    if len(set(shaped)) < _DIFFERENT or 2 * most > len(shaped):
        return False  # a mask
    is_short = len(shaped) <= _LONGEST_PLACEHOLDER
    return not (is_short and _PLACEHOLDER.search(shaped))
