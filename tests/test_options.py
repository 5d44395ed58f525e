"""The magic line: every option, and every way to write it wrong."""

from contextlib import suppress
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError

from apertis_magic.api.params import PARAMS
from apertis_magic.notebook import options
from apertis_magic.notebook.option_line import parse, parse_ask
from apertis_magic.notebook.options import BY_NAME, OPTIONS, ChatOptions
from apertis_magic.notebook.words import words as words_of


def line(**fields: Any) -> ChatOptions:
    """Return options with some of the request's fields given."""
    return ChatOptions(fields=fields)


def extra(**fields: Any) -> ChatOptions:
    """Return options with fields of the request that no option is for."""
    return ChatOptions(extra_body=fields)


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
        ("--new", ChatOptions(start_over=True)),
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
        ('-s {"a": 1} --new', ChatOptions(system='{"a": 1}', start_over=True)),
        ("-c notes --once", ChatOptions(conversation="notes", once=True)),
        ("--no-system", ChatOptions(system="")),
        ("-q --no-footer", ChatOptions(quiet=True, footer=False)),
        ("-f text", ChatOptions(format="text")),
        ("--timeout 2.5 --retries 0", ChatOptions(timeout=2.5, max_retries=0)),
        ("-n 2", line(n=2)),
        ("-n2", line(n=2)),
        ("-p top_k=5", extra(top_k=5)),
        ("-p top_k=0 -p x=a=b", extra(top_k=0, x="a=b")),
        ("-p a.b=1 -p a.c=two", extra(a={"b": 1, "c": "two"})),
        ('-p a={"b": [1, 2]}', extra(a={"b": [1, 2]})),
        ("-p 'a=b c'", extra(a="b c")),
        ("-p a=NaN", extra(a="NaN")),
        ('-p user="Jane Doe"', extra(user="Jane Doe")),
        ("-p user='Jane Doe'", extra(user="Jane Doe")),
        ("""-p stop='["\\n", "a b"]'""", extra(stop=["\n", "a b"])),
        ("-p a=don't", extra(a="don't")),
        ("-p on=true -p off=null", extra(on=True, off=None)),
        ("--param=a=1", extra(a=1)),
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
        ("-t", "--temperature needs a value, X."),
        ("-t hot", "--temperature needs a number, not 'hot'"),
        ("-t 3", "temperature must be 0 to 2, not 3"),
        ("-t nan", "temperature must be 0 to 2"),
        ("--max-tokens 1.5", "--max-tokens needs a whole number, not '1.5'"),
        ("--max-tokens 0", "at least 1"),
        ("--stop a --stop b --stop c --stop d --stop e", "4 times at the most"),
        ("-o a.b", "-o needs a variable's name, not 'a.b'"),
        ("-o class", "-o needs a variable's name"),
        ("gpt-5", "'gpt-5' stands on the options' line"),
        ("-s Be brief", "'brief' stands on the options' line"),
        ("-m 'sk-abcdefghijklmn'", "a key does not belong in a cell"),
        ("-o get_ipython", "-o needs a variable's name"),
        ("-o __", "-o needs a variable's name"),
        ("-o __builtins__", "-o needs a variable's name"),
        ("-o ﬁle", "-o needs a variable's name"),
        ("-m ''", "-m needs a name"),
        ("--stop ''", "--stop needs text"),
        ("--reasoning-effort ''", "--reasoning-effort needs text"),
        (f"--timeout {'9' * 400}", "--timeout must be seconds above 0"),
        ("-s 'Be brief", "a quote is not closed"),
        ('--system="Be brief', "a quote is not closed"),
        ("--api-key sk-x", "a key does not belong in a cell"),
        ("--openai-api-key=sk-x", "a key does not belong in a cell"),
        ("sk-x-pasted-by-mistake", "stands on the options' line"),
        ("-m --new", "--model needs a value, ID."),
        (f"-t {'9' * 400}", "temperature must be 0 to 2"),
        ("--api_key x", "a key does not belong in a cell"),
        ("-m a -m b", "one model at a time"),
        ("-t 0 -t 1", "--temperature stands twice"),
        ("-s a --no-system", "one system prompt at a time"),
        ("--once --new", "--once leaves the conversation alone"),
        ("--once --history 2", "drop --history"),
        ("--append --new", "neither --new nor --once"),
        ("--cache --no-cache", "not both"),
        ("--history -1", "0 or more"),
        ("--new=1", "--new takes no value"),
        ("-c ''", "name cannot be blank"),
        ("-f json", "--format is markdown or text, not 'json'"),
        ("--timeout 0", "--timeout must be seconds above 0"),
        ("--timeout nan", "--timeout must be seconds above 0"),
        ("--timeout inf", "--timeout must be seconds above 0"),
        ("--retries -1", "--retries must be 0 or more"),
        ("-n 0", "n must be 1 to 128, not 0"),
        ("-p top_k", "-p needs KEY=VALUE, not 'top_k'"),
        ("-p =1", "-p needs KEY=VALUE"),
        ("-p a..b=1", "-p needs KEY=VALUE"),
        ("-p model=x", "model is set in another way"),
        ("-p messages.x=1", "messages is set in another way"),
        ("-p stream=true", "stream is set in another way"),
        ("-t 0 -p temperature=1", "temperature is set in another way"),
        ("-p a=1 -p a=2", "-p sets 'a' twice"),
        ("-p a=1 -p a.b=2", "-p sets 'a' twice"),
        ("-p a.b=1 -p a=2", "-p sets 'a' twice"),
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
    line = " ".join(f'"{word}"' for word in escaped)

    assert words == [word.text for word in words_of(line)]


def test_the_help_names_every_parameter() -> None:
    """The table of parameters feeds the options and their help."""
    text = options.help_text()
    on_line = [name for name, param in PARAMS.items() if param.on_line]

    assert all(f"--{name.replace('_', '-')}" in text for name in on_line)
    assert "0 to 2" in text
    assert text.startswith("%%chat [options]")


def test_every_option_sets_something() -> None:
    """A field of the request, or of what the line says; no field is left out."""
    own = {each.name for each in fields_of(ChatOptions)} - {"fields"}
    of_request = {name for name, param in PARAMS.items() if param.on_line}

    assert own | of_request == {each.dest for each in OPTIONS}


def test_what_an_option_excludes_is_an_option() -> None:
    """A sentence about one that was renamed would never be said."""
    excluded = {dest for each in OPTIONS for dest in each.excludes}

    assert {"start_over", "once", "last_turns"} == excluded
    assert excluded <= {each.dest for each in OPTIONS}


@pytest.mark.parametrize("name", [name for name in BY_NAME if BY_NAME[name].most == 1])
def test_every_option_stands_once(name: str) -> None:
    """A second one would silently win; what is said of it is the row's sentence."""
    option = BY_NAME[name]
    value = {"NAME": "x", "FORMAT": "text"}.get(option.value, "1")
    once = f"{name} {value}" if option.value else name
    with pytest.raises(UsageError) as caught:
        parse(f"{once} {once}")

    assert f"%%chat: {option.too_often}" == str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m a -m b", "one model at a time; run the cell again with another -m."),
        ("-s a --no-system", "one system prompt at a time."),
        ("--no-cache --cache", "--cache or --no-cache, not both."),
        ("-q -q", "--quiet stands twice on the line."),
    ],
)
def test_what_stands_twice(text: str, expected: str) -> None:
    """It says what to do instead, where that is not to leave one out."""
    with pytest.raises(UsageError) as caught:
        parse(text)

    assert f"%%chat: {expected}" == str(caught.value)


def test_the_readme_has_every_option() -> None:
    """Its table is the one that the parser goes by."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")

    rows = options.table().splitlines()

    assert [] == [row for row in rows if row not in readme]
    assert options.table() in readme


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why?", (ChatOptions(), "Why?")),
        ("  Why  is  it?  ", (ChatOptions(), "Why  is  it?")),
        ("-t 0 Why?", (line(temperature=0), "Why?")),
        ("-t 0 'tis \"odd", (line(temperature=0), "'tis \"odd")),
        ("What's -t 0?", (ChatOptions(), "What's -t 0?")),
        ('"To be" means?', (ChatOptions(), '"To be" means?')),
        ('-s "a b" "Why not?"', (ChatOptions(system="a b"), "Why not?")),
        ("-- -1 is what?", (ChatOptions(), "-1 is what?")),
        ("-5 + 3 = ?", (ChatOptions(), "-5 + 3 = ?")),
        ("-h", (ChatOptions(help=True), "")),
        ("", (ChatOptions(), "")),
        ("--", (ChatOptions(), "")),
    ],
)
def test_asking_in_one_line(text: str, expected: tuple[ChatOptions, str]) -> None:
    """The options come first, and the text is what was typed."""
    assert expected == parse_ask(text)


@given(st.text())
def test_any_line_is_a_question_or_a_usage_error(text: str) -> None:
    """As above."""
    with suppress(UsageError):
        assert isinstance(parse_ask(text)[1], str)
