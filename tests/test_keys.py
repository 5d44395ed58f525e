"""Where a key lives: found and stored in one place, bound to an address, never shown.

Real folders, real keyring backends, real processes and a real kernel.
"""

import json
import os
import random
import stat
import string
import subprocess
import sys
import sysconfig
from pathlib import Path

import IPython
import pytest
from asks import ask
from conftest import Shell
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.error import UsageError
from kernel_driver import PATIENCE, Kernel
from scripted_server import ScriptedServer, says

import apertis_magic
from apertis_magic import Apertis
from apertis_magic.api import key_file, keys
from apertis_magic.chat import session
from apertis_magic.chat.settings import Settings
from apertis_magic.credentials import holds_key, redact
from apertis_magic.errors import ConfigurationError

APERTIS = "https://api.apertis.ai/v1"
KEY = "hush-0123456789"
KEY_TAKEN = "[key]"
STARTS = "> \"',"
_DRAW = random.Random(0)  # noqa: S311  keys for tests


def drawn(prefix: str, length: int, of: str = string.ascii_letters) -> str:
    """Return a key such as services make, which stands nowhere in this file."""
    return prefix + "".join(_DRAW.choices(of + string.digits, k=length))


def child(source: str, backend: str, *words: str) -> subprocess.Popen[str]:
    """Start a Python whose keyring is *backend*, and which may import the tests."""
    places = (str(Path(__file__).parent), *sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", source, *words],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(places),
            "PYTHON_KEYRING_BACKEND": backend,
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def told_by(source: str, backend: str) -> str:
    """Return what a child prints."""
    told, _ = child(source, backend).communicate(timeout=PATIENCE)
    return told


@pytest.mark.parametrize(
    ("base_url", "is_found"),
    [
        (APERTIS, True),
        ("HTTPS://API.apertis.ai:443", True),
        ("https://api.apertis.ai/other/path", True),
        ("http://api.apertis.ai/v1", False),
        ("https://api.apertis.ai:8443/v1", False),
        ("https://apertis.ai/v1", False),
        ("https://api.apertis.ai.example.org/v1", False),
        ("http://localhost:11434/v1", False),
    ],
)
def test_a_stored_key_is_for_its_address_alone(
    base_url: str, *, is_found: bool
) -> None:
    """Neither another host, nor another port, nor the same one in the clear has it."""
    keys.store(KEY, APERTIS)
    found = keys.find(base_url=base_url)

    assert is_found == (found is not None)
    assert found is None or (KEY, f"the file {key_file.path()}") == (
        found.key,
        found.source,
    )
    assert KEY not in repr(found)


def test_the_environment_goes_before_what_is_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And an argument before both; a blank variable is none."""
    keys.store(KEY, APERTIS)
    monkeypatch.setenv("APERTIS_API_KEY", " ")

    assert keys.Found(KEY, f"the file {key_file.path()}") == keys.find(base_url=APERTIS)

    monkeypatch.setenv("APERTIS_API_KEY", "hush-environment")

    assert keys.Found("hush-environment", keys.ENVIRONMENT) == keys.find(
        base_url=APERTIS
    )
    assert keys.Found("hush-given", "api_key") == keys.find(
        "hush-given", base_url=APERTIS
    )


QUOTED = {
    f'"{KEY}"': ", without the quotes around it",
    f" '{KEY}'\n": ", without the quotes around it",
    f"“{KEY}”": ", without the quotes around it",
    f"‘{KEY}’": ", without the quotes around it",  # noqa: RUF001  as a typesetter has it
    f"„{KEY}“": ", without the quotes around it",
    f"«{KEY}»": ", without the quotes around it",
    f'" {KEY} "': ", without the quotes around it",
    f"Bearer {KEY}": ", without the Bearer before it",
    f"bearer\t{KEY}": ", without the Bearer before it",
    f"Authorization: Bearer {KEY}": ", without the Bearer before it",
    f'"Bearer {KEY}"': (", without the quotes around it, without the Bearer before it"),
}


@pytest.mark.parametrize(("value", "taken"), QUOTED.items())
def test_what_an_env_file_leaves_around_a_key_is_taken_off(
    shell: Shell,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str,
    taken: str,
) -> None:
    """With a word about it, wherever the key is from."""
    assert keys.Found(KEY, f"api_key{taken}") == keys.find(value, base_url=APERTIS)

    monkeypatch.setenv(keys.ENVIRONMENT, value)

    assert keys.Found(KEY, f"APERTIS_API_KEY{taken}") == keys.find(base_url=APERTIS)

    shell.run("%chat key status")
    shell.run("%chat")

    assert f"is from APERTIS_API_KEY{taken}.\n" in capsys.readouterr().out
    assert f"(APERTIS_API_KEY{taken})" in shell.published[-1]["data"]["text/plain"]

    monkeypatch.delenv(keys.ENVIRONMENT)

    assert keys.store(value, APERTIS).endswith(taken)
    assert {"https://api.apertis.ai": KEY} == key_file.read()


@pytest.mark.parametrize("value", ['""', "''", ' "" ', '" "', "“”"])
def test_quotes_around_nothing_are_no_key(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """A variable of them is not set."""
    keys.store(KEY, APERTIS)
    monkeypatch.setenv(keys.ENVIRONMENT, value)
    found = keys.find(base_url=APERTIS)

    assert found is not None
    assert (KEY, f"the file {key_file.path()}") == (found.key, found.source)
    with pytest.raises(ConfigurationError, match="empty"):
        keys.clean(value)


@pytest.mark.parametrize(
    "value",
    [f"{KEY}\n{KEY}", f'"{KEY}\n{KEY}"', f"Bearer {KEY} {KEY}", "k”ey", '"“k”"'],
)
def test_what_cannot_be_a_key_stays_none(value: str) -> None:
    """Only what is around one is taken off, once; the line repeats nothing of it."""
    with pytest.raises(ConfigurationError, match="no key has") as caught:
        keys.find(value, base_url=APERTIS)

    assert KEY not in str(caught.value)


def test_quotes_around_an_address_and_a_model(
    shell: Shell, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come from the same file; what is shown has none."""
    server.will(says("a"))
    monkeypatch.setenv("APERTIS_BASE_URL", f' "{server.url}/" ')
    monkeypatch.setenv("APERTIS_MODEL", "'a-model'")
    shell.run("%chat ask x")
    shell.run("%chat config")
    card = shell.published[-1]["data"]["text/plain"]

    assert "a-model" == server.requests[0].body["model"]
    assert f"{server.url}/ (APERTIS_BASE_URL)" in card
    assert "a-model (APERTIS_MODEL)" in card

    monkeypatch.setenv("APERTIS_MODEL", ' "" ')
    shell.run("%chat config")

    assert "gpt-4.1-mini (default)" in shell.published[-1]["data"]["text/plain"]


def test_python_finds_the_key_that_the_magic_stored(server: ScriptedServer) -> None:
    """A client sends it to the address it was stored for."""
    server.will(says("a"))
    keys.store(KEY, server.url)
    with Apertis(base_url=server.url) as client:
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )

    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    """A file that others can read is taken from them when it is found."""

    def modes() -> tuple[int, ...]:
        seen = key_file.path().parent, key_file.path()
        return tuple(stat.S_IMODE(each.stat().st_mode) for each in seen)

    before = os.umask(0)
    try:
        keys.store(KEY, APERTIS)
    finally:
        os.umask(before)

    assert (0o700, 0o600) == modes()
    assert key_file.path().is_relative_to(tmp_path)

    key_file.path().chmod(0o644)
    keys.find(base_url=APERTIS)

    assert (0o700, 0o600) == modes()
    assert ["keys.json"] == [each.name for each in key_file.path().parent.iterdir()]


STORES = """
import sys
from apertis_magic.api import keys
own, key = sys.argv[1:]
print("ready", flush=True)
input()
for number in range(25):
    keys.store(key, f"https://{own}-{number}.example/v1")
    keys.store(key, "https://shared.example/v1")
    assert len(keys.find(base_url="https://shared.example").key) == 1000
"""


def test_two_processes_store_at_once() -> None:
    """No origin is lost, and every key that is read is whole."""
    letters = ("a" * 1000, "b" * 1000)
    backend = "keyring.backends.fail.Keyring"
    running = [child(STORES, backend, key[0], key) for key in letters]
    for each in running:
        assert each.stdout is not None
        assert "ready\n" == each.stdout.readline()
    for each in running:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    told = [each.communicate(timeout=PATIENCE)[0] for each in running]
    held = key_file.read()

    assert ["", ""] == told
    assert held.pop("https://shared.example") in letters
    assert {
        f"https://{key[0]}-{number}.example": key
        for key in letters
        for number in range(25)
    } == held


def test_the_systems_keyring_goes_before_the_file() -> None:
    """The file only says that it is there, and the keyring is found and cleared."""
    told = told_by(
        f"""
import keyrings
from apertis_magic.api import key_file, keys
key_file.path().parent.mkdir(parents=True)
key_file.path().write_text('{{"https://a.example": "hush-in-the-file"}}')
print(keys.store({KEY!r}, "https://a.example/v1"))
print(key_file.read())
found = keys.find(base_url="https://a.example/v2")
print(found.key == {KEY!r}, found)
print(keys.clear("https://a.example"), keys.clear("https://a.example"))
print(keys.find(base_url="https://a.example"), keyrings.KEPT, key_file.read())
""",
        "keyrings.Memory",
    )

    assert (
        "the system's keyring\n"
        "{'https://a.example': None}\n"
        'True Found(source="the system\'s keyring")\n'
        "True False\n"
        "None {} {}\n"
    ) == told


@pytest.mark.parametrize(
    ("backend", "failure"),
    [
        ("keyrings.Locked", "failed: RuntimeError"),
        ("keyring.backends.fail.Keyring", "failed: NoKeyringError"),
        ("keyring.backends.null.Keyring", "did not keep it"),
        ("keyrings.Missing", "failed: AttributeError"),
    ],
)
def test_a_keyring_that_fails_leaves_the_key_to_the_file(
    backend: str, failure: str
) -> None:
    """The sentence says so; what the keyring said is not repeated."""
    told = told_by(
        f"""
from apertis_magic.api import keys
print(keys.store({KEY!r}, {APERTIS!r}))
print(keys.find(base_url={APERTIS!r}))
print(keys.clear({APERTIS!r}), keys.find(base_url={APERTIS!r}))
""",
        backend,
    )

    assert (
        f"the file {key_file.path()}, which only you can read "
        f"(the system's keyring {failure})\n"
        f"Found(source='the file {key_file.path()}')\n"
        "True None\n"
    ) == told


def test_a_keyring_is_asked_once() -> None:
    """Until a key is stored again, here or in another process."""
    told = told_by(
        f"""
import keyrings
from apertis_magic.api import keys
keys.store({KEY!r}, {APERTIS!r})
keyrings.ASKED.clear()
print({{keys.find(base_url={APERTIS!r}).key == {KEY!r} for _ in range(9)}})
print(len(keyrings.ASKED))
keys.store("hush-another-one", {APERTIS!r})
print(keys.find(base_url={APERTIS!r}).key == "hush-another-one")
""",
        "keyrings.Memory",
    )

    assert "{True}\n1\nTrue\n" == told


def test_an_interrupted_store_leaves_no_key() -> None:
    """Neither in the keyring nor in the file."""
    told = told_by(
        f"""
import keyrings
from apertis_magic.api import key_file, keys
try:
    keys.store({KEY!r}, {APERTIS!r})
except KeyboardInterrupt:
    print("stopped", keyrings.KEPT, key_file.read())
""",
        "keyrings.Interrupted",
    )

    assert "stopped {} {}\n" == told


def test_a_keyring_that_fails_later_is_named() -> None:
    """The key cannot be had from there, but one from the environment can be used."""
    told = told_by(
        f"""
import os, keyring, keyrings
from apertis_magic.api import keys
from apertis_magic.errors import ConfigurationError
keys.store({KEY!r}, {APERTIS!r})
keyring.set_keyring(keyrings.Locked())
for attempt in (keys.find, keys.clear, keys.find):
    try:
        print(attempt(base_url={APERTIS!r}))
    except ConfigurationError as error:
        print(error, error.hint, error.__cause__, error.__context__)
keyring.set_keyring(keyrings.Memory())
keys.store({KEY!r}, {APERTIS!r})
keyring.set_keyring(keyrings.Locked())
os.environ["APERTIS_API_KEY"] = "hush-environment"
print(keys.find(base_url={APERTIS!r}))
""",
        "keyrings.Memory",
    )

    assert (
        "The key for https://api.apertis.ai is in the system's keyring, which failed "
        "(RuntimeError). Unlock the keyring, or store the key again with %chat key. "
        "None None\n"
        "The key for https://api.apertis.ai is no longer used, but the system's "
        "keyring did not remove it. Remove the entry apertis_magic there. None None\n"
        "None\n"
        "Found(source='APERTIS_API_KEY')\n"
    ) == told


def test_a_keyring_is_not_even_imported_without_need() -> None:
    """It is slow, and may wait for somebody to unlock it."""
    keys.store(KEY, APERTIS)
    told = told_by(
        f"""
import sys
from apertis_magic.api import keys
print(keys.find(base_url={APERTIS!r}), keys.find(base_url="https://b.example"))
print("keyring" in sys.modules)
""",
        "keyrings.Memory",
    )

    assert f"Found(source='the file {key_file.path()}') None\nFalse\n" == told


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"https://api.apertis.ai": "hush-0123456789"',
        b'["hush-0123456789"]',
        b'{"https://api.apertis.ai": 12345678}',
        b'{"https://api.apertis.ai": "hush-\xff"}',
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_one_line(
    content: bytes, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the path alone, is left as it is, and may be broken for other keys."""
    key_file.path().parent.mkdir(parents=True)
    key_file.path().write_bytes(content)
    said = []
    for attempt in (
        lambda: keys.find(base_url=APERTIS),
        lambda: keys.store(KEY, APERTIS),
        lambda: keys.clear(APERTIS),
    ):
        with pytest.raises(ConfigurationError) as caught:
            attempt()
        said.append(f"{caught.value} {caught.value.hint} {caught.value.__context__}")

    line = (
        f"The file of stored keys, {key_file.path()}, is broken. Delete it, then run "
        "%chat key to store a key again. None"
    )

    assert [line] * 3 == said
    assert content == key_file.path().read_bytes()

    monkeypatch.setenv("APERTIS_API_KEY", "hush-environment")
    server.will(says("a"))
    session.current().ask(ask("x")).result()

    assert "Bearer hush-environment" == server.requests[0].headers["authorization"]


def test_a_home_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is found there, and storing says why it cannot be done."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "file"))

    assert keys.find(base_url=APERTIS) is None

    with pytest.raises(ConfigurationError, match="cannot be written: Not a dir") as no:
        keys.store(KEY, APERTIS)

    assert KEY not in str(no.value) + no.value.hint


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such limits")
def test_a_disk_that_is_full() -> None:
    """The keys before are still there, and no half of a file or of a change."""
    told = told_by(
        f"""
import resource, keyrings
from apertis_magic.api import key_file, keys
from apertis_magic.errors import ConfigurationError
keys.store({KEY!r}, {APERTIS!r})
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
try:
    keys.store({KEY!r}, "https://b.example")
except ConfigurationError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print([each.name for each in key_file.path().parent.iterdir()], key_file.read())
print(list(keyrings.KEPT))
""",
        "keyrings.Memory",
    )

    assert (
        f"{key_file.path()} cannot be written: File too large.\n"
        "['keys.json'] {'https://api.apertis.ai': None}\n"
        "[('apertis_magic', 'https://api.apertis.ai')]\n"
    ) == told


def test_a_file_that_cannot_be_read() -> None:
    """The line says why."""
    key_file.path().mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        keys.find(base_url=APERTIS)


def test_a_key_is_asked_for_unseen(kernel: Kernel, server: ScriptedServer) -> None:
    """From the password box it goes into the file and the next request alone."""
    origin = server.url.removesuffix("/v1")
    request = kernel.start("%chat key", allow_stdin=True)
    question = kernel.question()
    kernel.enter(f" {KEY} ")
    done = kernel.finish(request)
    server.will(says("a"))
    outcomes = [
        kernel.run(source)
        for source in ("%%chat\nx", "%chat key status", "%chat", "%chat config")
    ]

    assert {"prompt": f"Key for {origin}: ", "password": True} == question
    assert done.printed.startswith(f"The key for {origin} is in the file ")
    assert done.printed.endswith("the system's keyring failed: NoKeyringError).\n")
    assert {origin: KEY} == json.loads(key_file.path().read_text())
    assert f"Bearer {KEY}" == server.requests[0].headers["authorization"]
    assert f"The key for {origin} is from the file {key_file.path()}.\n" == (
        outcomes[1].printed
    )
    for card in outcomes[2:]:
        assert (
            f"set (the file {key_file.path()})" in card.outputs[0]["data"]["text/plain"]
        )
    assert KEY not in str([done, *outcomes])


@pytest.mark.parametrize("entry", ["", "  ", None, "two words", "cur”ly"])
def test_what_is_no_key_changes_nothing(
    kernel: Kernel, server: ScriptedServer, entry: str | None
) -> None:
    """Neither an empty entry, nor a stop, nor what cannot be a key."""
    keys.store(KEY, server.url)
    request = kernel.start("%chat key", allow_stdin=True)
    kernel.question()
    if entry is None:
        kernel.interrupt()
    else:
        kernel.enter(entry)
    done = kernel.finish(request)
    said = done.printed + str(done.reply.get("evalue"))

    assert {server.url.removesuffix("/v1"): KEY} == key_file.read()
    assert "nothing has changed" in said or "no key has" in said
    assert not (entry or "").strip() or str(entry) not in str(done)


def test_where_nobody_can_be_asked(kernel: Kernel) -> None:
    """A notebook that runs by itself, and a terminal that is none."""
    done = kernel.run("%chat key")
    bare = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "-c", BARE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        start_new_session=True,
        check=False,
    )

    assert "UsageError" == done.reply["ename"]
    assert done.reply["evalue"].startswith("%chat key: nobody can be asked for a key")
    assert "\n" not in done.reply["evalue"]
    assert done.reply["evalue"] in bare.stdout + bare.stderr


BARE = "%load_ext apertis_magic\n%chat key"


@pytest.mark.parametrize("rest", [KEY, f"status {KEY}", "stauts", f"={KEY}"])
def test_a_key_on_the_line_is_not_repeated(shell: Shell, rest: str) -> None:
    """It is in the history now, which the line says."""
    with pytest.raises(UsageError, match="revoke it: it is in the notebook") as caught:
        shell.run(f"%chat key {rest}")

    assert rest not in str(caught.value)
    assert {} == key_file.read()


def test_status_and_clear(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They tell the source and the address, and which key goes before the stored."""
    shell.run("%chat key status")
    shell.run("%chat key clear")
    keys.store(KEY, APERTIS)
    shell.run("%chat key clear")
    monkeypatch.setenv("APERTIS_API_KEY", "hush-environment")
    shell.run("%chat key status")
    shell.run("%chat key clear")
    shell.run("%chat")
    lines = capsys.readouterr().out.splitlines()
    shadow = "APERTIS_API_KEY is set, and goes before what is stored."

    assert [
        f"There is no key for https://api.apertis.ai. {keys.how_to_give_one()}",
        "No key was stored for https://api.apertis.ai.",
        "The stored key for https://api.apertis.ai is forgotten.",
        "The key for https://api.apertis.ai is from APERTIS_API_KEY.",
        f"No key was stored for https://api.apertis.ai. {shadow}",
    ] == lines
    assert "set (APERTIS_API_KEY)" in shell.published[-1]["data"]["text/plain"]


def test_the_local_model_needs_no_key(
    shell: Shell, capsys: pytest.CaptureFixture[str]
) -> None:
    """While it answers, the commands are about the address that is set."""
    local = Settings(base_url="http://127.0.0.1:9/v1", model="m", api_key="of-local")
    session.current().redirect(local)
    keys.store(KEY, APERTIS)
    shell.run("%chat key clear")

    assert "The stored key for https://api.apertis.ai is forgotten.\n" == (
        capsys.readouterr().out
    )
    assert {} == key_file.read()


def test_the_card_tells_what_is_wrong_with_the_file(shell: Shell) -> None:
    """The commands that show where things stand still do."""
    key_file.path().parent.mkdir(parents=True)
    key_file.path().write_text("{")
    shell.run("%chat")
    shell.run("%chat config")
    cards = [each["data"]["text/plain"] for each in shell.published]

    assert 2 == sum("is broken. Delete it" in card for card in cards)


@pytest.mark.parametrize(
    "cell",
    [
        "%%chat\nWhy is {} refused?",
        "%%chat -s 'Use {}.'\nWhy?",
        "%chat ask What is {}",
        "%%chat --stop {}\nWhy?",
        "%%chat -p user={}\nWhy?",
        "%chat system Use {}.\n%chat ask Why?",
        "%config ApertisMagic.system = 'Use {}.'\n%chat ask Why?",
    ],
)
@pytest.mark.parametrize("key", [KEY, drawn("sk-proj-", 48)])
def test_a_pasted_key_is_not_sent(
    shell: Shell,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    cell: str,
    key: str,
) -> None:
    """Neither the one in use nor what surely is another, wherever it stands."""
    monkeypatch.setenv("APERTIS_API_KEY", KEY)
    with pytest.raises((UsageError, ConfigurationError), match="othing was") as caught:
        shell.run(cell.format(key))
    text = f"{caught.value} {getattr(caught.value, 'hint', '')}"

    assert "revoke it" in text
    assert key not in text
    assert [] == server.requests


KEYS = [
    drawn("sk-", 48),
    drawn("sk-", 32, "abcdef"),
    drawn("sk-proj-", 40) + "-" + drawn("", 40) + "_" + drawn("", 20),
    drawn("sk-ant-api03-", 40) + "-AA",
    drawn("sk-or-v1-", 64, "abcdef"),
    drawn("gsk_", 52),
    drawn("AIza", 35),
    drawn("ghp_", 36),
    drawn("github_pat_", 22) + "_" + drawn("", 59),
    drawn("hf_", 34),
    drawn("glpat-", 20),
    drawn("xai-", 80),
    "sk-3f2a9c1e-7b4d-4e8a-9c2b-5d6e7f8a9b0c",
    drawn("AKIA", 16, string.ascii_uppercase),
    drawn("xoxb-", 12, "") + "-" + drawn("", 12, "") + "-" + drawn("", 24),
    # What passes for a placeholder, but for its length.
    "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH",
    "sk-proj-abcdef1234567890abcdef",
    "ghp_" + "0123456789abcdef" * 2,
    "sk-your-" + drawn("", 40),
    # As long as a key is at the least, and longer than those of today.
    drawn("ghp_", 15) + "0",
    drawn("gho_", 60) + "0",
    drawn("hf_", 16) + "0aB1",
    drawn("AKIA", 24, string.ascii_uppercase),
    drawn("AIza", 16),
    drawn("xapp-1-", 40),
    drawn("sk_live_", 24),
]
KEYS += [
    drawn(prefix, 43)
    for prefix in (
        *("pplx-", "npm_", "r8_", "pypi-", "xapp-", "glpat-", "xai-", "github_pat_"),
        *("gho_", "ghr_", "ghs_", "ghu_", "sk_live_", "sk_test_", "rk_live_"),
        *("rk_test_", "xoxa-2-", "xoxe-1-", "xoxp-", "xoxr-", "xoxs-", "xoxc-", "gsk_"),
    )
]
KEYS.append(drawn("ASIA", 16, string.ascii_uppercase))
PRIVATE = "-----BEGIN {}PRIVATE KEY-----"
PRIVATE_KEYS = [
    *(PRIVATE.format(kind) for kind in ("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ")),
    "-----BEGIN PGP PRIVATE KEY BLOCK-----",
    "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
    "> " + PRIVATE.format("DSA "),
    '"' + PRIVATE.format("") + '",',
]
BODY = drawn("MII", 61)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[:7]}{len(key)}")
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "key={}, why?",
        '"{}"',
        "Bearer {}\n",
        "({}).",
        r'"Keys:\n{}\n"',
        r"\t{}",
        "?a=%0A{}",
    ],
)
def test_a_key_is_known_by_its_shape(key: str, text: str) -> None:
    """Wherever it stands in a text."""
    assert holds_key(text.format(key))


@pytest.mark.parametrize("line", PRIVATE_KEYS)
def test_a_private_key_is_known_by_its_first_line(line: str) -> None:
    """Among others, with what line ends there are, whatever follows."""
    for end in ("\n", "\r\n"):
        assert holds_key(end.join(("Why does", line, "Proc-Type: 4", "fail?")))
        assert KEY_TAKEN == redact(end.join((line.strip(STARTS), BODY, BODY, "abc=")))


@pytest.mark.parametrize(
    "text",
    [
        '{{"private_key": "{}\\n{}\\nabc=\\n-----END PRIVATE KEY-----\\n"}}',
        "cert = '{}' \n    '{}'",
        "{} {}",
    ],
)
def test_a_private_key_is_known_by_what_follows(text: str) -> None:
    """Where its first line is none of its own, as in JSON and in code."""
    assert holds_key(text.format(PRIVATE.format("RSA "), BODY))
    assert BODY not in redact(text.format(PRIVATE.format("RSA "), BODY))


@pytest.mark.parametrize(
    "text",
    [
        "What does -----BEGIN PRIVATE KEY----- mean?",
        'if line.startswith("-----BEGIN RSA PRIVATE KEY-----"):',
        "-----BEGIN CERTIFICATE-----\n" + BODY,
        "-----BEGIN PUBLIC KEY-----\n" + BODY,
        "sk-container-id-1 sk-estimator-doc-link",
        "hf_tokenizer_of_the_second_model2 = hf_model.to(device1)",
        "github_pat_for_this_repository_2",
        "xai-grok-2-1212-vision-latest",
        "sk-" + "x" * 60,
        "sk-learn",
        "sk-foo-bar",
        "sk-learn-contrib-lightning-1-3-2-compatible",
        "task-1a2b3c4d5e6f7a8b9c0d1e2f3a4b",
        "desk-top-publishing-for-everybody",
        "sk-...",
        "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "sk-1x1x1x1x1x1x1x1x1x1x",
        "sk-your-key-here",
        "sk-YourKey1a2b3c4d5e6f7g",
        "sk-proj-abcdef123456789abcdef",
        "sk-internationalisation2024",
        "sk-proj-" + "x" * 34,
        # Names that were joined, or tell versions.
        "hf_LlamaForCausalLM = LlamaForCausalLM.from_pretrained('x')",
        "hf_Qwen2ForCausalLM",
        "sk-RandomForestClassifier and sk-GradientBoostingClassifier",
        "hf_BertForSequenceClassificationWithDropout",
        "hf_mixtral_8x7b_instruct_v0",
        "hf_llama3_8b_instruct_q4_k_m_v2.gguf",
        "sk-learn-1.3.2-cp311-cp311-manylinux2014_x86_64.whl",
        "sk-transformer-l12-h8-d512-v3-b32",
        "https://cdn.example/sk-assets-v2-3f2a1b/app.js",
        "npm_package_dependencies_lodash4_v17_x64_3a",
        "pplx-70b-online-8x7b-q4-k_m",
        "AKIAIOSFODNN7EXAMPLE",
        "hf_hub_download(repo_id='x')",
        "ghp_...",
        "gsk_your_key",
        "os.environ['APERTIS_API_KEY'] = getpass.getpass()",
    ],
)
def test_what_only_looks_like_a_key_may_be_asked(text: str) -> None:
    """People ask about packages, placeholders and identifiers."""
    assert not holds_key(text)


@given(st.lists(st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True), max_size=40))
def test_words_are_no_keys(words: list[str]) -> None:
    """However they are joined, and whatever stands before them."""
    for joint in (" ", "-", "_", "."):
        assert not holds_key("sk-" + joint.join(words) + " sk-" + joint.join(words))


def test_ordinary_code_is_no_key() -> None:
    """Nor is what it says of itself: thousands of pieces, of Python's own and ours."""
    library = Path(sysconfig.get_paths()["stdlib"])
    ours, ipythons = (str(each.__file__) for each in (apertis_magic, IPython))
    places = (library, Path(ours).parent, Path(ipythons).parent)
    files = [file for place in places for file in place.rglob("*.py")]
    # Python's tests have keys to test with.
    pieces = [
        piece
        for file in files
        if not {"test", "tests", "site-packages"} & set(file.parts)
        for piece in file.read_text("utf-8", errors="replace").split("\n\n\n")
    ]

    assert len(pieces) > 2_000
    assert [] == [piece for piece in pieces if holds_key(piece)]


def test_ordinary_prompts_are_no_key() -> None:
    """A thousand of them, about keys and with what looks like some."""
    words = (
        "Why is my key refused?",
        "os.environ['APERTIS_API_KEY']",
        "api_key='sk-...'",
        "sk-your-key-here",
        "What does sk- stand for?",
        "sklearn.svm.SVC(kernel='rbf')",
        "git show 3f2a9c1e7b4d4e8a9c2b5d6e7f8a9b0c1d2e3f40",
        "uuid 3f2a9c1e-7b4d-4e8a-9c2b-5d6e7f8a9b0c",
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA",
        "hf_hub_download(repo_id='x', filename='model-00001-of-00002.safetensors')",
        "https://example.org/xoxo-a-very-long-slug-of-an-article-2024",
        "task-1a2b3c4d5e6f7a8b9c0d1e2f3a4b",
        "AKIA is the prefix, as in AKIAIOSFODNN7EXAMPLE",
        "df.groupby('sk_test_result_of_group_1').mean()",
        "ssh-keygen -t ed25519 -C you@example.org",
    )
    draw = random.Random(7)  # noqa: S311  anything
    prompts = [" ".join(draw.choices(words, k=draw.randint(1, 9))) for _ in range(1000)]

    assert [] == [prompt for prompt in prompts if holds_key(prompt)]


@given(st.text(), st.from_regex(r"[!-~]{16,64}", fullmatch=True), st.text())
def test_the_key_in_use_is_known_whatever_it_looks_like(
    before: str, key: str, after: str
) -> None:
    """Verbatim, between anything."""
    assert holds_key(before + key + after, None, "", key)


@pytest.mark.parametrize("word", ["token", "EMPTY", "lm-studio", "not-needed"])
def test_what_is_given_to_servers_without_keys_is_no_secret(word: str) -> None:
    """A message may hold such words."""
    assert not holds_key(f"What does {word} mean?", word)
