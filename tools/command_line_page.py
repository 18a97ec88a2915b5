"""Write docs/reference/command-line.md: the commands and their arguments, from the parsers themselves."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from ssm_roles.__main__ import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "command-line.md"

INTRODUCTION = """\
# Command line

<!-- `make pages` writes this page. -->

The package installs the command `ssm-roles`, which is the same as `python -m ssm_roles`. Its commands need neither the
AWS CDK nor Node.js. Tasks: [audit templates and accounts](../tasks/audit.md),
[use plain templates](../tasks/plain-templates.md).

Wrong arguments exit with 1. `ssm-roles --version` prints the version, and `--help` after any command prints what is on
this page.
"""


def page() -> str:
    """Return the text of the page."""
    return "\n".join((INTRODUCTION, *_table(), *(line for name in sorted(COMMANDS) for line in _section(name)))) + "\n"


def _table() -> Iterator[str]:
    yield "| command | purpose |"
    yield "|---|---|"
    for name, (_, purpose) in sorted(COMMANDS.items()):
        yield f"| [`{name}`](#ssm-roles-{name}) | {purpose} |"


def _section(name: str) -> Iterator[str]:
    parser = argparse.ArgumentParser(prog=f"ssm-roles {name}", add_help=False)
    import_module(COMMANDS[name][0], "ssm_roles").add_arguments(parser)
    yield f"\n## ssm-roles {name}\n"
    yield f"{parser.description}\n"
    # argparse has no public list of the arguments.
    actions = parser._actions
    positional = [each for each in actions if not each.option_strings]
    options = [each for each in actions if each.option_strings]
    words = [parser.prog, "[OPTIONS]" if options else "", *(_positional(each) for each in positional)]
    yield f"``` text\n{' '.join(filter(None, words))}\n```\n"
    yield "| argument | meaning |"
    yield "|---|---|"
    for action in [*positional, *options]:
        yield f"| {_written(action)} | {_meaning(action)} |"
    for group in parser._mutually_exclusive_groups:
        names = [f"`{each.option_strings[-1]}`" for each in group._group_actions]
        number = "exactly one" if group.required else "at most one"
        yield f"\nGive {number} of {' and '.join(names)}."
    if parser.epilog:
        title, _, text = parser.epilog.partition(":\n")
        # A table of names and meanings has several blanks between them.
        rows = [re.fullmatch(r"  (\S+) {2,}(.+)", line) for line in text.splitlines()]
        if all(rows):
            yield f"\n{title.capitalize()}:\n"
            yield from (f"* `{row[1]}`: {row[2]}" for row in rows if row)
        else:
            yield f"\n{title.capitalize()}: {_with_options(' '.join(text.split()))}."


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {"+": f"{name} [{name} ...]", "*": f"[{name} ...]", "?": f"[{name}]"}.get(str(action.nargs), name)


def _written(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = "" if action.nargs == 0 or action.choices else f" {action.metavar or action.dest.upper()}"
    several = f" [{value.strip()} ...]" if action.nargs in ("+", "*") else ""
    return ", ".join(f"`{option}{value}{several}`" for option in action.option_strings)


def _meaning(action: argparse.Action) -> str:
    meaning = re.sub("(^|default: )([a-z]+)$", r"\1`\2`", str(action.help or "")) if action.choices else action.help
    choices = "" if action.choices is None else f"One of {', '.join(f'`{each}`' for each in action.choices)}; "
    text = _with_options(f"{choices}{meaning or ''}")
    return f"{text[:1].upper()}{text[1:]}."


def _with_options(text: str) -> str:
    return re.sub(r"(?<![`\w-])(--[a-z-]+)", r"`\1`", text)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
