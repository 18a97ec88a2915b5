"""The stack instances of the resource type `AWS::CloudFormation::StackSet`, and how an update changes them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cloudformation-stackset-stackinstances.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Group = Mapping[str, Any]
Request = dict[str, Any]
_Overrides = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Accounts:
    """Some accounts of an organizational unit, or all but some."""

    named: frozenset[str]
    all_but: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.named and not self.all_but

    def without(self, other: "_Accounts") -> "_Accounts":
        return self.shared_with(_Accounts(other.named, not other.all_but))

    def shared_with(self, other: "_Accounts") -> "_Accounts":
        if self.all_but and other.all_but:
            return _Accounts(self.named | other.named, True)
        if self.all_but:
            return _Accounts(other.named - self.named)
        return _Accounts(self.named - other.named if other.all_but else self.named & other.named)

    def joined_with(self, other: "_Accounts") -> "_Accounts":
        neither = _Accounts(self.named, not self.all_but).shared_with(_Accounts(other.named, not other.all_but))
        return _Accounts(neither.named, not neither.all_but)

    def as_filter(self) -> dict[str, Any]:
        if not self.named:
            return {}
        return {"AccountFilterType": "DIFFERENCE" if self.all_but else "INTERSECTION", "Accounts": sorted(self.named)}


_NONE = _Accounts(frozenset())


@dataclass(frozen=True)
class _Part:
    """The stack instances of an organizational unit in a Region with the same parameter overrides."""

    region: str
    unit: str
    accounts: _Accounts
    overrides: _Overrides

    def of(self, accounts: _Accounts) -> "_Part":
        return _Part(self.region, self.unit, accounts, self.overrides)


def created(before: Iterable[Group], after: Iterable[Group]) -> list[Request]:
    """Return the parameters of the calls of `CreateStackInstances`."""
    old = list(_parts(before))
    return _calls((part.of(part.accounts.without(_at(old, part))) for part in _parts(after)), with_overrides=True)


def deleted(before: Iterable[Group], after: Iterable[Group]) -> list[Request]:
    """Return the parameters of the calls of `DeleteStackInstances`."""
    new = list(_parts(after))
    return _calls((part.of(part.accounts.without(_at(new, part))) for part in _parts(before)), with_overrides=False)


def updated(before: Iterable[Group], after: Iterable[Group]) -> list[Request]:
    """Return the parameters of the calls of `UpdateStackInstances`, which change parameter overrides."""
    old = list(_parts(before))
    changes = (
        new.of(new.accounts.shared_with(each.accounts))
        for new in _parts(after)
        for each in old
        if (each.region, each.unit) == (new.region, new.unit) and each.overrides != new.overrides
    )
    return _calls(changes, with_overrides=True)


def _parts(groups: Iterable[Group]) -> Iterable[_Part]:
    for group in groups:
        targets = group["DeploymentTargets"]
        kind = targets.get("AccountFilterType", "NONE")
        accounts = _Accounts(frozenset(map(str, targets.get("Accounts", []))), kind != "INTERSECTION")
        overrides = tuple(
            sorted(
                (str(each["ParameterKey"]), str(each["ParameterValue"])) for each in group.get("ParameterOverrides", [])
            )
        )
        for region in group["Regions"]:
            for unit in targets["OrganizationalUnitIds"]:
                yield _Part(region, unit, accounts, overrides)


def _at(parts: Iterable[_Part], place: _Part) -> _Accounts:
    found = _NONE
    for part in parts:
        if (part.region, part.unit) == (place.region, place.unit):
            found = found.joined_with(part.accounts)
    return found


def _calls(parts: Iterable[_Part], *, with_overrides: bool) -> list[Request]:
    # One call for all organizational units and Regions with the same accounts, as in the template.
    regions: dict[tuple[_Accounts, _Overrides, str], list[str]] = {}
    for part in parts:
        if not part.accounts.is_empty:
            found = regions.setdefault((part.accounts, part.overrides if with_overrides else (), part.unit), [])
            found += [part.region] if part.region not in found else []
    units: dict[tuple[_Accounts, _Overrides, tuple[str, ...]], list[str]] = {}
    for (accounts, overrides, unit), places in regions.items():
        units.setdefault((accounts, overrides, tuple(places)), []).append(unit)
    return [
        {
            "DeploymentTargets": {"OrganizationalUnitIds": found_units, **accounts.as_filter()},
            "Regions": list(places),
            **({"ParameterOverrides": _as_parameters(overrides)} if with_overrides else {}),
        }
        for (accounts, overrides, places), found_units in units.items()
    ]


def _as_parameters(overrides: _Overrides) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in overrides]
