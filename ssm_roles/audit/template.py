"""A CloudFormation template as the checks see it: its resources, roles, and who has which permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .check import Path
from .intrinsics import Values, function_of, is_known, reference, referenced, shown
from .policies import Statement, statements

if TYPE_CHECKING:
    from .roles import RoleKind

_LOOP = "Fn::ForEach::"
_ASSUMED = "AutomationAssumeRole"
_MOST_IN_LOOP = 50
_DEEPEST_LOOP = 4
# CloudFormation accepts 500 resources and 1 MB after it has replaced the loops.
_MOST_IN_LOOPS = 5_000
_MOST_CHARACTERS_IN_LOOPS = 4 * 1024**2
_MOST_STATEMENTS = 1_000_000

# What has inline policies, by its type, and the properties with them.
_HOLDERS = {
    "AWS::IAM::Role": "role",
    "AWS::IAM::User": "user",
    "AWS::IAM::Group": "group",
    "AWS::SSO::PermissionSet": "permission set",
    "AWS::Serverless::Function": "role",
    "AWS::Serverless::StateMachine": "role",
}
_SERVERLESS_PRINCIPALS = {
    "AWS::Serverless::Function": "lambda.amazonaws.com",
    "AWS::Serverless::StateMachine": "states.amazonaws.com",
}
# Policies that are attached, by their type, with the properties that name what they are attached to.
_ATTACHED = {
    "AWS::IAM::Policy": ("Roles", "Users", "Groups"),
    "AWS::IAM::ManagedPolicy": ("Roles", "Users", "Groups"),
    "AWS::IAM::RolePolicy": ("RoleName",),
    "AWS::IAM::UserPolicy": ("UserName",),
    "AWS::IAM::GroupPolicy": ("GroupName",),
}
_NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}


@dataclass(frozen=True)
class Resource:
    """A resource of a template."""

    logical_id: str
    type: str
    body: Mapping[str, Any]
    path: Path
    """Where the resource is: under ``Resources``, or in a loop of ``Fn::ForEach``."""

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        """The properties."""
        found = self.body.get("Properties")
        return found if isinstance(found, dict) else {}

    @cached_property
    def text(self) -> str:
        """The properties as JSON in lower case, to search for words."""
        return json.dumps(self.properties, default=str).lower()

    def at(self, *keys: str | int) -> Path:
        """Return where a property is, or the resource if it has none of this name."""
        if keys and keys[0] not in self.properties:
            return self.path
        return (*self.path, "Properties", *keys)


@dataclass(frozen=True)
class ManagedPolicy:
    """A managed policy that is attached to a role."""

    arn: str
    path: Path

    @property
    def name(self) -> str:
        """The name of the policy."""
        return self.arn.rsplit("/", 1)[-1]


@dataclass
class Holder:
    """A principal with permissions: a role, a user, a group, or one that the template only names."""

    label: str
    """The logical ID, or the name."""
    kind: str
    resource: Resource | None
    statements: list[tuple[str, Statement]] = field(default_factory=list)
    """The statements, each with the logical ID of the resource that has it."""
    managed: list[ManagedPolicy] = field(default_factory=list)


@dataclass
class Role(Holder):
    """A role that a template creates."""

    trust: list[Statement] = field(default_factory=list)
    names: tuple[str, ...] = ()
    """The texts that the name can have; empty if CloudFormation generates it."""
    paths: tuple[str, ...] = ("/",)
    kinds: frozenset[RoleKind] = frozenset()
    """What the role is for, which ``classify`` tells."""
    is_evident: bool = False
    """Whether more than the name tells what the role is for."""

    @property
    def logical_id(self) -> str:
        """The logical ID."""
        return self.label

    @cached_property
    def services(self) -> frozenset[str]:
        """The service principals that the role trusts."""
        return frozenset(text for each in self.trust if each.allows for text in each.services)

    @property
    def described(self) -> str:
        """The logical ID and the names, to read them."""
        return " ".join((self.label, *self.names))


class Template:
    """A template, with what its policies say. Whatever isn't as CloudFormation wants it is left out."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body = body
        self.values = Values(body)
        self.resources: dict[str, Resource] = {}
        self._loops_left = _MOST_IN_LOOPS
        self._characters_left = _MOST_CHARACTERS_IN_LOOPS
        for resource in self._resources(body.get("Resources"), ("Resources",), {}):
            self.resources.setdefault(resource.logical_id, resource)
        self._by_type: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            self._by_type.setdefault(resource.type, []).append(resource)

    def of(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of some types, in the order of the template."""
        if len(types) == 1:
            yield from self._by_type.get(types[0], ())
        else:
            yield from (each for each in self.resources.values() if each.type in types)

    @cached_property
    def attachments(self) -> Mapping[str, list[str]]:
        """What each attached policy is attached to, as the keys of ``holders``, by the policy's logical ID."""
        names = {
            f"{_HOLDERS[each.type]} {text}": f"{_HOLDERS[each.type]} {each.logical_id}"
            for each in self.of(*_NAMES)
            for text in self.values.texts(each.properties.get(_NAMES[each.type]))
            if is_known(text)
        }
        return {
            resource.logical_id: list(
                dict.fromkeys(
                    key for text, kind in self._attached_to(resource) for key in self._keys(text, kind, names)
                )
            )
            for resource in self.of(*_ATTACHED)
        }

    @cached_property
    def holders(self) -> Mapping[str, Holder]:
        """What has permissions, by ``kind`` and logical ID or name."""
        found = {}
        for resource in self.of(*_HOLDERS):
            holder = self._holder(resource)
            found[f"{holder.kind} {resource.logical_id}"] = holder
        policies = {}
        given = 0
        for resource in self.of(*_ATTACHED):
            document = resource.properties.get("PolicyDocument")
            own = [*statements(document, resource.at("PolicyDocument"), self.values)]
            policies[resource.logical_id] = own
            # A policy that is attached to nothing here gives its permissions to those who get it elsewhere.
            keys = self.attachments[resource.logical_id] or [f"policy {resource.logical_id}"]
            given += len(keys) * len(own)
            if given > _MOST_STATEMENTS:
                raise ValueError(f"attached policies must have at most {_MOST_STATEMENTS:,} statements for all roles")
            for key in keys:
                kind, _, label = key.partition(" ")
                holder = found.setdefault(key, Holder(label, kind, None))
                holder.statements.extend((resource.logical_id, each) for each in own)
        for holder in found.values():
            for policy in holder.managed:
                for name in referenced(policy.arn):
                    attached = policies.get(name, [])
                    holder.statements.extend((name, each) for each in attached)
                    if attached and f"policy {name}" in found:
                        found[f"policy {name}"].statements.clear()
        return {key: holder for key, holder in found.items() if holder.statements or holder.resource is not None}

    @cached_property
    def roles(self) -> Mapping[str, Role]:
        """The roles that the template creates, by logical ID."""
        return {each.label: each for each in self.holders.values() if isinstance(each, Role)}

    def roles_of_arn(self, text: str) -> list[Role]:
        """Return the roles whose ARN a text is, by a reference or by the role's name."""
        ids = [each.removesuffix(".Arn") for each in referenced(text)]
        named = self._roles_by_name.get(text.rpartition("/")[2], []) if "/" in text else []
        return [*(self.roles[each] for each in ids if each in self.roles), *named]

    @cached_property
    def _roles_by_name(self) -> Mapping[str, list[Role]]:
        found: dict[str, list[Role]] = {}
        for role in self.roles.values():
            for name in filter(is_known, role.names):
                found.setdefault(name, []).append(role)
        return found

    @cached_property
    def references(self) -> Mapping[str, list[tuple[Resource, tuple[str, ...]]]]:
        """Where resources refer to roles: by logical ID or name of the role, with the keys of the property."""
        found: dict[str, list[tuple[Resource, tuple[str, ...]]]] = {}
        for resource in self.resources.values():
            if resource.type.startswith("AWS::IAM::") and resource.type != "AWS::IAM::InstanceProfile":
                continue
            for keys, name in _references(resource.properties, (), self._roles_by_name, 0):
                if name in self.roles:
                    found.setdefault(name, []).append((resource, keys))
            for name in self._mentioned(resource):
                if name in self.roles:
                    found.setdefault(name, []).append((resource, (_ASSUMED,)))
        return found

    def _mentioned(self, resource: Resource) -> Iterator[str]:
        """Yield the roles that a text gives to a runbook, such as a command in user data."""
        for value in _joined(resource.properties, 0):
            text = shown("".join(self.values.texts(value)[:1]))
            yield from re.findall(rf"{_ASSUMED}(?:[^${{}}]|\$\{{AWS::\w+\}}){{1,120}}?\$\{{(\w+)(?:\.Arn)?\}}", text)

    def attached_names(self, resource: Resource) -> list[str]:
        """Return the texts of what a policy is attached to: names, or references to resources."""
        return [text for text, _ in self._attached_to(resource)]

    def _attached_to(self, resource: Resource) -> Iterator[tuple[str, str]]:
        for name in _ATTACHED[resource.type]:
            kind = name.removesuffix("s").removesuffix("Name").lower()
            for text, _ in self.values.item_texts(resource.properties.get(name), ()):
                yield text, kind

    def _keys(self, text: str, kind: str, names: Mapping[str, str]) -> Iterator[str]:
        """Yield the keys of the holders that a text names."""
        targets = [each for each in referenced(text) if each in self.resources]
        if targets and text == reference(targets[0]):
            yield f"{kind} {targets[0]}"
        else:
            yield names.get(f"{kind} {text}", f"{kind} {text}")

    def _holder(self, resource: Resource) -> Holder:
        kind = _HOLDERS[resource.type]
        properties = resource.properties
        inline = [*self._inline(resource)]
        if kind != "role":
            holder = Holder(resource.logical_id, kind, resource)
        elif resource.type == "AWS::IAM::Role":
            path = resource.at("AssumeRolePolicyDocument")
            trust = [*statements(properties.get("AssumeRolePolicyDocument"), path, self.values)]
            names = self.values.texts(properties.get("RoleName"))
            paths = self.values.texts(properties.get("Path")) or ("/",)
            holder = Role(resource.logical_id, kind, resource, trust=trust, names=names, paths=paths)
        else:
            holder = Role(resource.logical_id, kind, resource, trust=self._serverless_trust(resource))
        holder.statements = [(resource.logical_id, each) for each in inline]
        holder.managed = [*self._managed(resource)]
        return holder

    def _inline(self, resource: Resource) -> Iterator[Statement]:
        """Yield the statements of inline policies: of IAM, which have a name, or of SAM, which are documents."""
        name = "InlinePolicy" if resource.type == "AWS::SSO::PermissionSet" else "Policies"
        if "Role" in resource.properties and resource.type in _SERVERLESS_PRINCIPALS:
            return
        for policy, at in self.values.items(resource.properties.get(name), resource.at(name)):
            if isinstance(policy, dict) and "PolicyDocument" in policy:
                yield from statements(policy["PolicyDocument"], (*at, "PolicyDocument"), self.values)
            elif isinstance(policy, dict) or name == "InlinePolicy":
                yield from statements(policy, at, self.values)

    def _managed(self, resource: Resource) -> Iterator[ManagedPolicy]:
        for name in ("ManagedPolicyArns", "ManagedPolicies", "Policies"):
            value = resource.properties.get(name)
            if name == "Policies" and resource.type not in _SERVERLESS_PRINCIPALS:
                continue
            for item, at in self.values.items(value, resource.at(name)):
                if isinstance(item, str) or function_of(item) is not None:
                    for text in self.values.texts(item):
                        yield ManagedPolicy(text, at)

    def _serverless_trust(self, resource: Resource) -> list[Statement]:
        """Return the trust policy of the role that SAM creates for a function or a state machine."""
        section = resource.type.rsplit("::", 1)[-1]
        everywhere = _mapping(_mapping(self.body.get("Globals")).get(section))
        name = "AssumeRolePolicyDocument"
        if "Role" in resource.properties or "Role" in everywhere:
            return []
        if name in resource.properties:
            return [*statements(resource.properties[name], resource.at(name), self.values)]
        if name in everywhere:
            return [*statements(everywhere[name], ("Globals", section, name), self.values)]
        body = {"Effect": "Allow", "Principal": {"Service": _SERVERLESS_PRINCIPALS[resource.type]}}
        return [Statement(body, resource.path, self.values, True)]

    def _resources(self, section: object, path: Path, known: Mapping[str, str]) -> Iterator[Resource]:
        for key, body in _mapping(section).items():
            if str(key).startswith(_LOOP):
                yield from self._loop(body, (*path, key), known)
            elif isinstance(body, dict) and isinstance(body.get("Type"), str):
                if known:
                    self._loops_left -= 1
                    self._characters_left -= len(json.dumps(body, default=str))
                    if min(self._loops_left, self._characters_left) < 0:
                        return
                logical_id = _substituted(str(key), known)
                yield Resource(logical_id, body["Type"], _substituted(body, known), (*path, key))

    def _loop(self, loop: object, path: Path, known: Mapping[str, str]) -> Iterator[Resource]:
        """Yield the resources of a loop of the transform ``AWS::LanguageExtensions``."""
        if not isinstance(loop, list) or len(loop) != 3 or not isinstance(loop[0], str):
            return
        if len(path) // 2 > _DEEPEST_LOOP:
            return
        for text in (self.values.list_of(loop[1]) or [reference("?")])[:_MOST_IN_LOOP]:
            self._loops_left -= 1
            if self._loops_left < 0:
                return
            yield from self._resources(loop[2], (*path, 2), {**known, loop[0]: text})


def _references(
    value: object, keys: tuple[str, ...], names: Mapping[str, list[Role]], depth: int
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the roles that a property refers to, with the keys that lead there; functions are no keys."""
    if depth > 60:
        return
    if isinstance(value, str):
        for found in re.findall(r"\$\{([\w.]+)\}", value):
            yield keys, found.split(".")[0]
        yield from ((keys, each.label) for each in names.get(value.rpartition("/")[2], ()))
    elif isinstance(value, list):
        for each in value:
            yield from _references(each, keys, names, depth + 1)
    elif isinstance(value, dict):
        function = function_of(value)
        if function is not None and function[0] == "Ref":
            yield keys, str(function[1])
        elif function is not None and function[0] == "Fn::GetAtt":
            argument = function[1]
            yield keys, str(argument[0] if isinstance(argument, list) and argument else argument).split(".")[0]
        else:
            for key, each in value.items():
                yield from _references(each, keys if function else (*keys, str(key)), names, depth + 1)


def _joined(value: object, depth: int) -> Iterator[object]:
    """Yield the functions that make a text about the role that a runbook assumes."""
    if depth > 60:
        return
    if isinstance(value, dict):
        function = function_of(value)
        if (
            function is not None
            and function[0] in ("Fn::Sub", "Fn::Join")
            and _ASSUMED in json.dumps(value, default=str)
        ):
            yield value
        else:
            for each in value.values():
                yield from _joined(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _joined(each, depth + 1)


def _substituted(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401
    """Return a value of a loop with the identifiers of the loop replaced."""
    if not known:
        return value
    if isinstance(value, str):
        return re.sub(r"[$&]\{(\w+)\}", lambda found: known.get(found.group(1), found.group(0)), value)
    if isinstance(value, list):
        return [_substituted(each, known) for each in value]
    if isinstance(value, dict):
        function = function_of(value)
        if function is not None and function[0] == "Ref" and isinstance(function[1], str) and function[1] in known:
            return known[function[1]]
        return {_substituted(key, known): _substituted(each, known) for key, each in value.items()}
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
