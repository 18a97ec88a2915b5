"""The kinds of page that the browser opens, and the questions that newcomers ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Screen:
    """How a page is opened."""

    width: int
    scheme: str

    def __str__(self) -> str:
        return f"{self.width}-{self.scheme}"


SCREENS = [Screen(width, scheme) for width in (400, 1280) for scheme in ("light", "dark")]

KINDS: Mapping[str, str] = {
    "home": "index.md",
    "task": "tasks/register-servers.md",
    "reference": "reference/activation.md",
    "tables": "reference/checks.md",
    "in depth": "topics/hybrid-activations.md",
}

# The pages that answer each question. One of them must be among the first three results.
QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "stop nodes from reading all parameters": ("tasks/restrict-parameters.md",),
    "has been taken in this account": ("tasks/role-has-been-taken.md",),
    "how much does it cost": ("operations/cost.md",),
    "permissions to deploy": ("operations/deployer-permissions.md",),
    "activation code expires": (
        "reference/activation.md",
        "tasks/rotation-and-alarms.md",
        "topics/hybrid-activations.md",
    ),
    "register a raspberry pi": ("tasks/register-servers.md", "topics/register-machines.md"),
    "confused deputy": ("project/glossary.md", "security/threat-model.md"),
    "GovCloud": ("project/glossary.md",),
    "several accounts": ("tasks/organization.md",),
    "AccessDenied iam:CreateServiceLinkedRole": ("operations/troubleshooting.md", "topics/service-linked-roles.md"),
    "uninstall": ("tasks/uninstall.md",),
    "rotate activation": ("tasks/rotation-and-alarms.md",),
    "session manager logs": ("tasks/session-logs.md",),
    "ecs anywhere": ("tasks/ecs-anywhere.md",),
    "eks hybrid nodes": ("tasks/eks-hybrid-nodes.md",),
    "permissions boundary": ("topics/functions.md", "tasks/regulated-organizations.md"),
    "delete service-linked role": ("tasks/delete-service-linked-roles.md",),
    "migrate existing role": ("tasks/migrate.md", "topics/existing-code.md"),
    "maintenance window role": ("tasks/maintenance-windows.md",),
    "cloudformation without cdk": ("tasks/plain-templates.md", "topics/templates.md"),
}
