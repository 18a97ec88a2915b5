"""Templates for the measurements of the audit: variants of the templates of this repository."""

import json
from pathlib import Path
from typing import Any

import yaml

from benchmarks.children import ROOT

_SOURCES = [
    *sorted((ROOT / "tests" / "snapshots").glob("*.json")),
    *sorted((ROOT / "ssm_roles" / "templates").glob("*.json")),
]


def write(folder: Path, count: int) -> int:
    """Write templates, every third of them in YAML, and return their size in bytes.

    Args:
        folder: The folder to write to, which is created.
        count: The number of templates.
    """
    folder.mkdir(parents=True)
    bodies: list[dict[str, Any]] = [json.loads(each.read_text(encoding="utf-8")) for each in _SOURCES]
    size = 0
    for number in range(count):
        body = _variant(bodies[number % len(bodies)], number)
        is_yaml = number % 3 == 0
        text = yaml.safe_dump(body, sort_keys=False) if is_yaml else json.dumps(body, indent=1)
        path = folder / f"{number:04}.{'yaml' if is_yaml else 'template.json'}"
        size += path.write_text(text, encoding="utf-8")
    return size


def _variant(body: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a template whose resources have other names."""
    text = json.dumps(body)
    for name in body["Resources"]:
        text = text.replace(f'"{name}"', f'"{name}N{number}"')
    varied: dict[str, Any] = json.loads(text)
    return varied
