"""Graphs for the tests of drawings: made at random, and by hand."""

from __future__ import annotations

import random

from ssm_roles.audit.report.graph import Box, Graph, Line

_NAMES = (
    "HybridNodes",
    "PatchAutomationServiceRole",
    "WindowRole",
    "AWSSystemsManagerDefaultEC2InstanceManagementRole",
    "web-servers-production-eu-central-1-nodes",
    "Rôle-役割-" + "x" * 60,
)


def graph(roles: int, seed: int = 1) -> Graph:
    """Return a graph in which roles have different principals, at random but the same for each seed."""
    chance = random.Random(f"{roles} {seed}")
    boxes = tuple(
        Box(f"r{index}", f"{chance.choice(_NAMES)}{index}", ("hybrid nodes",), link=f"#r{index}")
        if chance.random() < 0.7
        else Box(f"r{index}", f"{chance.choice(_NAMES)}{index}", ("runbooks",), "role", "error", "1 error, 2 warnings")
        for index in range(roles)
    )
    passers = tuple(Box(f"p{index}", f"Deployer{index}", ("role",), "principal") for index in range(7))
    services = (
        Box("s0", "Systems Manager", ("ssm.amazonaws.com",), "service"),
        Box("s1", "Amazon EC2", ("ec2.amazonaws.com",), "service"),
        Box("s2", "Account 111122223333", ("another account",), "open"),
    )
    passes = {
        (principal.id, box.id): chance.random() < 0.8
        for box in boxes
        for principal in chance.sample(passers, k=chance.choice([0, 0, 1, 1, 2, 3]))
    }
    assumes = {
        (principal.id, box.id): chance.random() < 0.7
        for box in boxes
        for principal in chance.sample(services, k=chance.choice([1, 1, 1, 2]))
    }
    return Graph(
        _used(passers, passes),
        boxes,
        _used(services, assumes),
        tuple(Line(*ends, limited) for ends, limited in passes.items()),
        tuple(Line(*ends, limited) for ends, limited in assumes.items()),
    )


def _used(boxes: tuple[Box, ...], lines: dict[tuple[str, str], bool]) -> tuple[Box, ...]:
    used = {principal for principal, _ in lines}
    return tuple(each for each in boxes if each.id in used)
