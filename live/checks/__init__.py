"""The checks, by topic."""

from . import (
    activation_permissions,
    activations,
    functions,
    identities,
    nodes,
    operations,
    organization,
    regions,
    secrets,
    service_linked_roles,
)

TOPICS = {
    "Hybrid activations": activations.CHECKS,
    "Permissions": activation_permissions.CHECKS,
    "Managed nodes": nodes.CHECKS,
    "Service-linked roles": service_linked_roles.CHECKS,
    "IAM": identities.CHECKS,
    "Operations": operations.CHECKS,
    "Secrets": secrets.CHECKS,
    "Functions and CloudFormation": functions.CHECKS,
    "Organizations": organization.CHECKS,
    "Regions": regions.CHECKS,
}
"""The checks of each topic, in the order in which they run."""

CHECKS = tuple(each for checks in TOPICS.values() for each in checks)
"""All checks."""
