"""The command ``python -m apertis_magic.local``: install, serve, status, remove."""

import argparse
import sys
from pathlib import Path

from apertis_magic import local
from apertis_magic.errors import LocalModelError


def main() -> int:
    """Run the command and return its exit code."""
    arguments = _parser().parse_args()
    try:
        return _run(arguments)
    except LocalModelError as error:
        sys.stderr.write("\n".join(filter(None, (str(error), error.hint))) + "\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apertis_magic.local",
        description="A small model that runs on this machine.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("install", help=f"download {local.SMOLLM2}")
    serve = commands.add_parser("serve", help="serve it until Ctrl-C")
    serve.add_argument("file", nargs="?", type=Path, help=argparse.SUPPRESS)
    serve.add_argument("--lifeline", action="store_true", help=argparse.SUPPRESS)
    commands.add_parser("status", help="say what is installed; exit code 1 if not all")
    commands.add_parser("remove", help="delete the model file")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "install":
            _install()
        case "serve":
            _serve(arguments.file or local.path(), lifeline=arguments.lifeline)
        case "status":
            return _status()
        case "remove":
            local.remove()
            _say(f"{local.SMOLLM2.name} is removed.")
    return 0


def _install() -> None:
    if not local.installed(folder=local.shared_folder()):
        _say(str(local.SMOLLM2))
    on_terminal = sys.stderr.isatty()
    try:
        # Whoever shares it has it put there; ``%chat local`` writes nothing there.
        folder = local.shared_folder()
        file = local.install(_draw if on_terminal else None, folder=folder)
    finally:
        if on_terminal:
            sys.stderr.write("\r\x1b[K")
    _say(f"{local.SMOLLM2.name} is installed: {file}")


def _draw(progress: local.Progress) -> None:
    sys.stderr.write(f"\r{progress}\x1b[K")
    sys.stderr.flush()


def _serve(file: Path, *, lifeline: bool) -> None:
    from apertis_magic.local import serve

    if lifeline:
        serve.for_parent(file)
    serve.for_person(file)


def _status() -> int:
    weights, engine = local.installed(), local.engine_installed()
    shared = local.shared_folder()
    if weights:
        size, file = round(local.SMOLLM2.size / 1e6), local.path()
        where = f"{file} ({local.SHARED})" if local.is_shared(file) else str(file)
        _say(f"{local.SMOLLM2.name}: installed, {size} MB, {where}")
    else:
        _say(f"{local.SMOLLM2}: not installed")
    if shared and not local.is_shared(local.path()):
        _say(f"{local.SHARED}: there is no model in {shared}")
    _say("xllamacpp: " + ("installed" if engine else "not installed"))
    if not weights:
        _say("Run: python -m apertis_magic.local install")
    if not engine:
        _say(local.engine_hint())
    return 0 if weights and engine else 1


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
