"""The script that makes a machine a managed node: a file as it is to be read, with four places to fill in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SCRIPTS = Path(__file__).parent / "_scripts"


def registration_script(name: str, values: Mapping[str, str]) -> str:
    """Return a script with its places filled in.

    Args:
        name: The script's file.
        values: What to put in place of each ``@NAME@``, by its name.
    """
    script = (_SCRIPTS / name).read_text(encoding="utf-8")
    for place, value in values.items():
        script = script.replace(f"@{place}@", value)
    return script
