"""Roles of an account that the regional stack of a rollout imports by their names, and what is known about them."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from aws_cdk import aws_iam as iam


def remember_definition(imported: iam.IRole, definition: iam.Role) -> None:
    """Note which role of the app an imported role is."""
    _definitions[imported] = definition


def definition_of(role: iam.IRole) -> iam.IRole:
    """Return the role of the app that a role is: another one if the role is that of a rollout in its Regions."""
    return _definitions.get(role, role)


_definitions: WeakKeyDictionary[iam.IRole, iam.Role] = WeakKeyDictionary()
