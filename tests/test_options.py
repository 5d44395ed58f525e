"""The magic line: every option, and every way to write it wrong."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from apertis_magic.api.params import PARAMS
from apertis_magic.notebook import options
from apertis_magic.notebook.options import ChatOptions, parse


def line(**fields: Any) -> ChatOptions:
    """Return options with some of the request's fields given."""
    return ChatOptions(fields=fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ChatOptions()),
        ("-m gpt-5", ChatOptions(model="gpt-5")),
        ("--model=gpt-5", ChatOptions(model="gpt-5")),
        ("-t 0", line(temperature=0)),
        ("-t 0.0", line(temperature=0.0)),
        ("-t0.5", line(temperature=0.5)),
        ("--temperature 1e-1", line(temperature=0.1)),
        ("--max-tokens 5", line(max_tokens=5)),
        ("--max_tokens 5", line(max_tokens=5)),
        ("--top-p .5", line(top_p=0.5)),
        ("--presence-penalty -1.5", line(presence_penalty=-1.5)),
        ("--frequency_penalty=-2", line(frequency_penalty=-2)),
        ("--stop END --stop 'a b'", line(stop=["END", "a b"])),
        ("--seed -1", line(seed=-1)),
        ("--reasoning-effort low", line(reasoning_effort="low")),
        ("--new", ChatOptions(new=True)),
        ("--no-stream", ChatOptions(stream=False)),
        ("-o answer", ChatOptions(out="answer")),
        ("--no_stream", ChatOptions(stream=False)),
        ("-h", ChatOptions(help=True)),
        ("-s 'Be brief.'", ChatOptions(system="Be brief.")),
        ('-s "Don\'t say \\"no\\""', ChatOptions(system='Don\'t say "no"')),
        ("-s don't", ChatOptions(system="don't")),
        ('--system="a b"', ChatOptions(system="a b")),
        ("-s ''", ChatOptions(system="")),
        ('-s \'{"a": "$5 {x} 100%"}\'', ChatOptions(system='{"a": "$5 {x} 100%"}')),
        ("--stop '---' --stop=-", line(stop=["---", "-"])),
        ("-s '-x'", ChatOptions(system="-x")),
        ('-s="be brief" -m"gpt-4o"', ChatOptions(system="be brief", model="gpt-4o")),
        ("-s '--max_tokens'", ChatOptions(system="--max_tokens")),
        ("-s '--use-key'", ChatOptions(system="--use-key")),
        ("--max_tokens='5'", line(max_tokens=5)),
        ('-s {"a":1}', ChatOptions(system='{"a":1}')),
    ],
)
def test_options(text: str, expected: ChatOptions) -> None:
    """Each is read as a person means it; 0 is a value."""
    assert expected == parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--temprature 1", "unknown option --temprature. Did you mean --temperature?"),
        ("--temp 1", "unknown option --temp"),
        ("-z", "unknown option -z"),
        ("-t", "expected one argument"),
        ("-t hot", "invalid number value: 'hot'"),
        ("-t 3", "temperature must be 0 to 2, not 3"),
        ("-t nan", "temperature must be 0 to 2"),
        ("--max-tokens 1.5", "invalid int value"),
        ("--max-tokens 0", "at least 1"),
        ("--stop a --stop b --stop c --stop d --stop e", "4 at most"),
        ("-o a.b", "-o needs a variable's name, not 'a.b'"),
        ("-o class", "-o needs a variable's name"),
        ("gpt-5", "'gpt-5' stands on the options' line"),
        ("-s Be brief", "'brief' stands on the options' line"),
        ("-m 'sk-abcdefghijklmn'", "a key does not belong in a cell"),
        ("-o get_ipython", "-o needs a variable's name"),
        ("-o __", "-o needs a variable's name"),
        ("-s 'Be brief", "a quote is not closed"),
        ('--system="Be brief', "a quote is not closed"),
        ("--api-key sk-x", "a key does not belong in a cell"),
        ("--openai-api-key=sk-x", "a key does not belong in a cell"),
        ("sk-x-pasted-by-mistake", "stands on the options' line"),
        ("-m --new", "expected one argument"),
        (f"-t {'9' * 400}", "temperature must be 0 to 2"),
        ("--api_key x", "a key does not belong in a cell"),
    ],
)
def test_a_wrong_line_is_told_in_one(text: str, words: str) -> None:
    """It is IPython's own usage error, without a traceback; no key is repeated."""
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert UsageError is type(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "sk-x" not in str(caught.value)


@given(st.text())
def test_any_line_is_options_or_a_usage_error(text: str) -> None:
    """Nothing else is ever raised, ``SystemExit`` least of all."""
    with suppress(UsageError):
        assert isinstance(parse(text), ChatOptions)


@given(st.lists(st.text(st.characters(exclude_characters="\r\n"))))
def test_quoted_words_survive(words: list[str]) -> None:
    """Whatever stands in double quotes comes out as it went in."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)

    assert words == options.split(" ".join(f'"{word}"' for word in escaped))


def test_the_help_names_every_parameter() -> None:
    """The table of parameters feeds the options and their help."""
    text = options.help_text()
    on_line = [name for name, param in PARAMS.items() if param.on_line]

    assert all(f"--{name.replace('_', '-')}" in text for name in on_line)
    assert "0 to 2" in text
    assert text.startswith("usage: %%chat")
