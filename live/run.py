"""A run: its ID, with which everything that it creates begins, and its tag."""

import re
import secrets
from dataclasses import dataclass, field

TAG_KEY = "ssm-roles-live-run"
"""The key of the tag of everything that a run creates. Its value is the ID of the run."""

RUN_ID = re.compile(r"srl-[0-9a-f]{8}")
"""The form of the ID of a run."""


@dataclass(frozen=True)
class Run:
    """One run of the live tests.

    Attributes:
        id: The ID, such as `srl-0123abcd`.
    """

    id: str = field(default_factory=lambda: f"srl-{secrets.token_hex(4)}")

    @property
    def tags(self) -> dict[str, str]:
        """The tags of everything that the run creates."""
        return {TAG_KEY: self.id}

    @property
    def tag_list(self) -> list[dict[str, str]]:
        """The same tags as a list, as most APIs take them."""
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]

    def name(self, suffix: str) -> str:
        """Return a name of this run."""
        return f"{self.id}-{suffix}"

    def stack_name(self, example: str, name: str) -> str:
        """Return the name of a stack of an example: several examples have stacks with the same name."""
        return self.name(f"{example.replace('_', '-')}-{name}")


def run_of(tags: object) -> str | None:
    """Return the ID of the run that created a resource, or None if no run created it.

    Args:
        tags: The tags of the resource, as a mapping or as a list of keys and values.
    """
    if isinstance(tags, dict):
        value = tags.get(TAG_KEY)
    elif isinstance(tags, list):
        # Some APIs return the fields with a lower-case letter.
        found = [each.get("Value", each.get("value")) for each in tags if each.get("Key", each.get("key")) == TAG_KEY]
        value = found[0] if found else None
    else:
        value = None
    return value if isinstance(value, str) and RUN_ID.fullmatch(value) else None
