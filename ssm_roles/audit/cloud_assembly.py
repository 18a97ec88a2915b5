"""The folder ``cdk.out`` that the AWS CDK writes: its templates, and what its constructs acknowledge.

The layout: https://github.com/aws/aws-cdk-cli/tree/main/packages/@aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_LOGICAL_ID = "aws:cdk:logicalId"
_TEMPLATE_FILE = "aws:cdk:templateFile"
ACKNOWLEDGED_RULES = "aws:cdk:acknowledged-rules"
"""The type of the metadata that acknowledges rules."""


@dataclass(frozen=True)
class ConstructAcknowledgement:
    """What ``Validations.of(construct).acknowledge(...)`` recorded.

    Attributes:
        construct: The path of the construct, such as ``/Stack/Role``. It applies to the constructs below, too.
        rule: The ID with its namespace, such as ``SsmRoles::TRUST1``.
        reason: The reason, which can have any type in a file that something else wrote.
    """

    construct: str
    rule: str
    reason: object


class CloudAssembly:
    """One folder with a ``manifest.json`` of the AWS CDK."""

    def __init__(self, folder: Path, artifacts: Mapping[str, object]) -> None:
        """Read a cloud assembly. Use :meth:`of` to find out whether a folder is one.

        Args:
            folder: The folder.
            artifacts: The artifacts in its manifest.
        """
        self._folder = folder
        self._artifacts = {name: each for name, each in artifacts.items() if isinstance(each, dict)}
        self.acknowledgements: list[ConstructAcknowledgement] = []
        self._stacks: dict[str, str] = {}
        self._environments: dict[str, str] = {}
        self._logical_ids: dict[str, str] = {}
        for artifact in self._artifacts.values():
            if artifact.get("type") == "aws:cloudformation:stack":
                self._read_stack(artifact)
        self._constructs = {(_closest(self._stacks, path), each): path for path, each in self._logical_ids.items()}

    @staticmethod
    def of(folder: Path) -> CloudAssembly | None:
        """Return the cloud assembly in a folder, or None if the folder isn't one.

        Args:
            folder: The folder.
        """
        manifest = _json_object(folder / "manifest.json")
        artifacts = manifest.get("artifacts")
        # Other tools have files of this name, too, such as browser extensions.
        return CloudAssembly(folder, artifacts) if isinstance(artifacts, dict) and "version" in manifest else None

    def templates(self) -> Iterator[Path]:
        """Find the current templates, those of nested stacks and stack sets included.

        A synthesis leaves the templates of stacks that don't exist anymore. No manifest names these. But a manifest of
        assets names only one of several nested stacks whose templates are the same.
        """
        current = set(self._stacks.values())
        manifests = ["manifest.json", *(f"{name}.json" for name in self._artifacts if name.endswith(".assets"))]
        named = "\n".join(_text(self._folder / each) for each in manifests)
        for path in sorted(self._folder.glob("*.template.json")):
            if path.name in current or f'"{path.name}"' in named:
                yield path

    def nested(self) -> Iterator[Path]:
        """Find the cloud assemblies of stages."""
        for artifact in self._artifacts.values():
            properties = artifact.get("properties")
            name = properties.get("directoryName") if isinstance(properties, dict) else None
            # Otherwise, a manifest could make the run search all folders of the machine.
            is_inside = isinstance(name, str) and name == Path(name).name and name not in ("", "..")
            if artifact.get("type") == "cdk:cloud-assembly" and is_inside:
                yield self._folder / str(name)

    def construct(self, template: str, logical_id: str) -> str | None:
        """Return the path of the construct behind a resource, or of its stack if the resource is unknown.

        Args:
            template: The name of the template's file.
            logical_id: The logical ID of the resource.
        """
        return self._constructs.get((template, logical_id)) or self._stack_of(template)

    def account(self, template: str) -> str:
        """Return the ID of the account of a template's stack, or "" if the stack is for any account.

        Args:
            template: The name of the template's file.
        """
        environment = _closest(self._environments, self._stack_of(template) or "")
        # aws://111122223333/eu-west-1, or aws://unknown-account/unknown-region
        account = (environment or "").removeprefix("aws://").partition("/")[0]
        return account if account.isdigit() else ""

    def _read_stack(self, artifact: Mapping[str, object]) -> None:
        properties = artifact.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        metadata = artifact.get("metadata")
        tree = dict(metadata) if isinstance(metadata, dict) else {}
        # Newer versions of the CDK write the metadata to a file of its own.
        additional = artifact.get("additionalMetadataFile")
        if isinstance(additional, str):
            tree.update(_json_object(self._folder / additional))
        template, name = properties.get("templateFile"), artifact.get("displayName")
        if isinstance(template, str) and isinstance(name, str):
            self._stacks[f"/{name}"] = template
            environment = artifact.get("environment")
            self._environments[f"/{name}"] = environment if isinstance(environment, str) else ""
        for path, entries in tree.items():
            for entry in entries if isinstance(entries, list) else []:
                if isinstance(entry, dict):
                    self._read_entry(path, entry.get("type"), entry.get("data"))
            if nested := _nested_stack(path):
                # Older versions of the CDK don't tell the template of a nested stack, but name it by a hash.
                suffix = f"{_unique_suffix(nested)}.nested.template.json"
                for file in self._folder.glob(f"*{suffix}"):
                    self._stacks.setdefault(nested, file.name)

    def _read_entry(self, path: str, kind: object, data: object) -> None:
        if kind == _LOGICAL_ID and isinstance(data, str):
            self._logical_ids[path] = data
        elif kind == _TEMPLATE_FILE and isinstance(data, str):
            self._stacks[path] = data
        elif kind == ACKNOWLEDGED_RULES and isinstance(data, dict):
            self.acknowledgements += [ConstructAcknowledgement(path, rule, reason) for rule, reason in data.items()]

    def _stack_of(self, template: str) -> str | None:
        return next((path for path, file in self._stacks.items() if file == template), None)


def _closest(values: Mapping[str, str], path: str) -> str | None:
    """Return the value of a construct or of the closest construct above it."""
    while path and path not in values:
        path = path.rpartition("/")[0]
    return values.get(path)


def _nested_stack(path: str) -> str | None:
    """Return the path of the nested stack whose resource in the parent has a path: ``/A/B.NestedStack/B.Nested...``."""
    above, _, last = path.rpartition("/")
    name = last.removesuffix(".NestedStackResource")
    is_resource = name != last and above.endswith(f"/{name}.NestedStack")
    return above.removesuffix(".NestedStack") if is_resource else None


def _unique_suffix(path: str) -> str:
    """Return the last part of ``Names.uniqueId`` of a construct, which the CDK keeps stable."""
    components = [each for each in path.strip("/").split("/") if each != "Default"]
    return hashlib.md5("/".join(components).encode(), usedforsecurity=False).hexdigest()[:8].upper()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _json_object(path: Path) -> dict[str, object]:
    try:
        # Opening a named pipe would wait for a program that writes to it.
        found = json.loads(path.read_bytes()) if path.is_file() else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
