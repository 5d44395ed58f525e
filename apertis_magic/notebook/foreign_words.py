"""What people write who know other tools, and what to say of it here."""

from collections.abc import Iterator, Mapping


def _other_names(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Give each of the words with an offer of what it is called here."""
    for ours, theirs in names.items():
        for word in theirs.split():
            yield word, f"Did you mean {ours}?"


_FILES = "Files are attached in the panel: %chat panel."
_SERVER = "%chat config base_url sets the address."

OPTIONS: Mapping[str, str] = {
    **dict(
        _other_names(
            {
                "--new": "--reset --reset-conversation --clear --restart --fresh "
                "--start-over --forget",
                "-c": "-i --id --session --chat --thread --name",
                "--model": "--engine --deployment --llm",
                "--max-tokens": "--max-length --length --limit --max-new-tokens "
                "--max-completion-tokens --num-predict",
                "--reasoning-effort": "--effort --thinking --reasoning",
                "--system": "--role --persona --instructions --system-prompt",
                "--out": "--output --assign --var --variable --save",
                "--history 0": "--no-history",
                "--history": "--context --last --turns",
                "--quiet": "--silent --no-display",
                "--retries": "--max-retries",
                "--anyway": "--force --yes -y",
                "--temperature": "-T",
                "-p top_k=N": "--top-k -k",
                "-p KEY=VALUE": "--extra --extra-body --set --model-parameters",
                "-f text": "-r --raw --plain",
            }
        )
    ),
    **dict.fromkeys(
        ("--stream", "--streaming"),
        "Answers stream as they come; --no-stream is the other way.",
    ),
    **dict.fromkeys(("--file", "--image", "--attach", "-a"), _FILES),
    **dict.fromkeys(("--base-url", "--api-base", "--url", "--host"), _SERVER),
}
"""Options of other tools, with what to write instead."""

COMMANDS: Mapping[str, str] = dict(
    _other_names(
        {
            "show": "history log messages transcript print view",
            "reset": "clear restart forget drop start-over",
            "%chat alone": "status info",
            "continue": "resume go-on more",
            "retry": "again regenerate redo rerun repeat",
            "undo": "back pop",
            "export": "save write dump download",
            "load": "open import read",
            "key": "login token auth apikey api-key",
            "config": "settings options set",
            "system": "prompt role persona instructions",
            "use": "switch select checkout",
            "fork": "copy branch clone",
            "rename": "mv name",
            "delete": "remove rm del",
            "list": "ls all conversations chats sessions",
            "usage": "cost costs spend bill tokens",
            "doctor": "check test ping debug",
            "panel": "widget ui gui sidebar",
            "version": "versions",
            "last": "error traceback answer",
            "ask": "say send tell question",
        }
    )
)
"""Commands of other tools, with what to write instead."""
