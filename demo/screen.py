"""What the demo prints: acts of at most one screen, and lines that fit a terminal."""

import re
import textwrap
from collections.abc import Collection, Mapping

WIDTH = 100
ACTS = 6

_EVENT = re.compile(
    r"(?P<stack>\S+) +\| +(?P<done>\d+/\d+) +\| [^|]+\| CREATE_COMPLETE +\| (?P<type>\S+) +\| (?P<name>.+)"
)
_STACK = "AWS::CloudFormation::Stack"


def begin_act(number: int, title: str) -> None:
    """Print the title of an act.

    Args:
        number: The number of the act, 1 to 6.
        title: What the act shows.
    """
    heading = f"Act {number} of {ACTS}: {title} "
    print(f"\n{heading:─<{WIDTH}}", flush=True)


def say(text: str) -> None:
    """Print a sentence.

    Args:
        text: The sentence.
    """
    print("\n" + textwrap.fill(text, WIDTH), flush=True)


def show(text: str) -> None:
    """Print lines, and continue those that are too long on the next line.

    Args:
        text: The lines.
    """
    for line in text.splitlines():
        words = line.lstrip()
        indent = " " * (len(line) - len(words))
        # ARNs stay in one piece, so that they can be copied.
        lines = textwrap.wrap(
            words,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
        )
        print("\n".join(lines))


def show_fields(fields: Mapping[str, object], secret: Collection[str] = ()) -> None:
    """Print names and values in two columns.

    Args:
        fields: The values by name.
        secret: The names of the values of which only the first characters are shown. Default: none
    """
    width = max(map(len, fields))
    for name, value in fields.items():
        text = f"{str(value)[:4]}{'*' * 8}" if name in secret else str(value)
        show(f"    {name:{width}}  {text}")


def show_events(output: str, types: Collection[str] | None = None) -> None:
    """Print what `cdk deploy` reports as created, without the times.

    Args:
        output: The output of `cdk deploy --progress events`.
        types: The types of resources to show. The stacks are always shown. Default: - all types
    """
    events = [event for line in output.splitlines() if (event := _EVENT.match(line))]
    shown = [event for event in events if types is None or event["type"] in {*types, _STACK}]
    stack, kind = (max(len(event[group]) for event in shown) for group in ("stack", "type"))
    for event in shown:
        name = event["name"].split(" (")[0].strip()
        print(f"  {event['stack']:{stack}} {event['done']:>5}  CREATE_COMPLETE  {event['type']:{kind}}  {name}")
    if len(shown) < len(events):
        print(f"  ... and {len(events) - len(shown)} more")
