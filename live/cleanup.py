"""Deletes what runs have created, and nothing else: each resource has the tag or the ID of a run."""

from collections.abc import Callable, Iterable, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from .leftovers import GLOBAL, REGIONAL, Find, LeftError, Leftover, is_gone, service_linked_roles
from .target import Target

_ROUNDS = 3


class Cleaner:
    """Finds and deletes what runs have created.

    Args:
        target: The account.
        regions: The Regions.
        run_id: The ID of the run. Default: - all runs
        tell: Prints a line.
    """

    def __init__(
        self,
        target: Target,
        regions: Iterable[str],
        run_id: str | None = None,
        *,
        tell: Callable[[str], object] = lambda line: None,
    ) -> None:
        self._target = target
        self._regions = list(regions)
        self._run_id = run_id
        self._tell = tell
        self.deleted: list[str] = []
        self.left: dict[str, str] = {}

    def find(self) -> list[Leftover]:
        """Return everything, in the order in which it is deleted."""
        return [each for find in (*REGIONAL, *GLOBAL) for each in self._found(find)]

    def delete(self) -> bool:
        """Delete everything, and return whether nothing is left.

        What depends on something that is deleted later is deleted in a later round.
        """
        for _ in range(_ROUNDS):
            self.left = {}
            for find in (*REGIONAL, *GLOBAL):
                for each in self._found(find):
                    self._delete(each)
            if not self.left:
                break
        return not self.left

    def _found(self, find: Find) -> Sequence[Leftover]:
        # Service-linked roles are found by the stacks of a Region.
        regions = self._regions[:1] if find in GLOBAL and find is not service_linked_roles else self._regions
        found: dict[tuple[str, str, str], Leftover] = {}
        for region in regions:
            try:
                for each in find(self._target, region):
                    place = "" if find in GLOBAL else region
                    if self._run_id in (None, each.run):
                        found.setdefault((each.kind, each.id, place), each)
            except (BotoCoreError, ClientError) as error:
                self.left[f"{find.__name__.replace('_', ' ')} in {region}"] = f"not listed: {error}"
        return list(found.values())

    def _delete(self, leftover: Leftover) -> None:
        self._tell(f"deleting {leftover}")
        try:
            leftover.delete()
        except LeftError as error:
            self.left[str(leftover)] = str(error)
            return
        except (BotoCoreError, ClientError) as error:
            if not isinstance(error, ClientError) or not is_gone(error):
                self.left[str(leftover)] = str(error)
                return
        self.deleted.append(str(leftover))
