"""The resources of a template that can have any type anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def raw_resources(body: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield the resources of a template that are mappings, by their logical IDs.

    Args:
        body: The template, or anything else, which has no resources.
    """
    resources = body.get("Resources") if isinstance(body, dict) else None
    for logical_id, resource in resources.items() if isinstance(resources, dict) else ():
        if isinstance(resource, dict):
            yield logical_id, resource
