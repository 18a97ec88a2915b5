"""Finds the templates in what the user names: files, folders, and cloud assemblies of the AWS CDK."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..cloud_assembly import CloudAssembly
from ..raw_resources import raw_resources
from .results import UnreadableFile

SUFFIXES = (".json", ".yaml", ".yml", ".template")
"""The ends of the names of files that are looked at in folders."""

# Those of tools and packages begin with a dot, or have these names.
_SKIPPED_FOLDERS = {"node_modules", "__pycache__"}

# Templates have at most 1 MB: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
_BEGINNING = 4 * 1024 * 1024


@dataclass(frozen=True)
class Candidate:
    """A file that can be a template.

    Attributes:
        path: The file.
        named: Whether the user named the file. Then it is an error if it isn't a template.
        assembly: The cloud assembly that it belongs to.
        with_whole_assembly: Whether the other templates of the assembly are checked, too.
        parent: The folder of the template that names this one. Default: - the folder of the file
    """

    path: Path
    named: bool = False
    assembly: CloudAssembly | None = None
    with_whole_assembly: bool = False
    parent: Path | None = None

    @property
    def app(self) -> Path:
        """The folder of the templates that are deployed together, as far as files tell."""
        return self.path.parent if self.parent is None else self.parent

    def nested(self, path: Path) -> Candidate:
        """Return the template of a nested stack of this one.

        Args:
            path: The file.
        """
        return Candidate(path, parent=self.app)


def find(paths: Sequence[Path], *, skip_others: bool) -> Iterator[Candidate | UnreadableFile]:
    """Find the files to look at, and the folders that can't be read.

    Args:
        paths: Files and folders.
        skip_others: Whether files that aren't templates are skipped even if the user named them.
    """
    visited: set[str] = set()
    assemblies: dict[Path, CloudAssembly | None] = {}
    for path in paths:
        if _is(path.is_dir):
            yield from _in_folder(path, visited)
        else:
            if path.parent not in assemblies:
                assemblies[path.parent] = CloudAssembly.of(path.parent)
            yield Candidate(path, named=not skip_others, assembly=assemblies[path.parent])


def looks_like_template(path: Path) -> bool:
    """Whether the text of a file has the marks of a template, so that it is worth parsing, or an error if it can't be.

    Args:
        path: The file.

    Raises:
        OSError: If the file can't be read.
    """
    if path.is_fifo():
        # Opening it would wait for a program that writes to it.
        return False
    with path.open("rb") as file:
        text = file.read(_BEGINNING)
    return b"AWS::" in text and (b"Resources" in text or b"AWSTemplateFormatVersion" in text)


def local_templates(body: object, path: Path) -> Iterator[Path]:
    """Find the templates of nested stacks that are files on this machine, as for ``aws cloudformation package``.

    https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html

    Args:
        body: The template.
        path: The file of the template, whose folder the paths are relative to.
    """
    for _, resource in raw_resources(body):
        kind, properties = resource.get("Type"), resource.get("Properties")
        name = _PROPERTIES.get(kind) if isinstance(kind, str) else None
        value = properties.get(name) if name is not None and isinstance(properties, dict) else None
        if isinstance(value, str) and value and "://" not in value and "\0" not in value:
            target = path.parent / value
            if _is(target.is_file):
                yield target


_PROPERTIES = {"AWS::CloudFormation::Stack": "TemplateURL", "AWS::Serverless::Application": "Location"}


def _is(question: Callable[[], bool]) -> bool:
    """Return the answer of a file system, or False if it has none."""
    try:
        return question()
    except OSError:
        # Such as a name that is too long, or a folder whose files may be listed only.
        return False


def _in_folder(folder: Path, visited: set[str]) -> Iterator[Candidate | UnreadableFile]:
    folders = [folder]
    while folders:
        current = folders.pop()
        # A link to a folder above would never end.
        identity = os.path.realpath(current)
        if identity in visited:
            continue
        visited.add(identity)
        assembly = CloudAssembly.of(current)
        if assembly is not None:
            yield from (Candidate(path, assembly=assembly, with_whole_assembly=True) for path in assembly.templates())
            folders += reversed(list(assembly.nested()))
            continue
        try:
            entries = sorted(current.iterdir())
        except OSError as error:
            yield UnreadableFile(str(current), f"must be a folder that can be read: {error.strerror}")
            continue
        if not os.access(current, os.X_OK):
            yield UnreadableFile(str(current), "must be a folder whose files can be read: Permission denied")
            continue
        yield from (Candidate(each) for each in entries if each.name.endswith(SUFFIXES) and _is(each.is_file))
        folders += [
            each
            for each in reversed(entries)
            if not each.name.startswith(".") and each.name not in _SKIPPED_FOLDERS and _is(each.is_dir)
        ]
