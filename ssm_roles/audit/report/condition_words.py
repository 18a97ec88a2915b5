"""Conditions of policies, in words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Sequence

from ..intrinsics import reference, shown, split_arn
from ..policies import Condition
from .words import Code, Words, listed

_COMPARISONS = {
    "stringequals": "is",
    "stringnotequals": "is not",
    "stringequalsignorecase": "is, in any case,",
    "stringnotequalsignorecase": "is not, in any case,",
    "stringlike": "matches",
    "stringnotlike": "does not match",
    "arnequals": "matches",
    "arnlike": "matches",
    "arnnotequals": "does not match",
    "arnnotlike": "does not match",
    "bool": "is",
    "binaryequals": "is",
    "numericequals": "is",
    "numericnotequals": "is not",
    "numericlessthan": "is less than",
    "numericlessthanequals": "is at most",
    "numericgreaterthan": "is greater than",
    "numericgreaterthanequals": "is at least",
    "dateequals": "is",
    "datenotequals": "is not",
    "datelessthan": "is before",
    "datelessthanequals": "is not after",
    "dategreaterthan": "is after",
    "dategreaterthanequals": "is not before",
    "ipaddress": "is in",
    "notipaddress": "is not in",
}

# What a condition that names values says, if it isn't negated.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_PHRASES = {
    "aws:sourceorgid": "for the organization",
    "aws:principalaccount": "for principals of the account",
    "aws:principalorgid": "for principals of the organization",
    "aws:principalarn": "for the principal",
    "aws:requestedregion": "in the Region",
    "aws:calledvia": "through",
    "iam:passedtoservice": "to",
    "iam:awsservicename": "for",
    "sts:externalid": "with the external ID",
    "ssm:documentcategories": "for documents of the category",
}

# The resources of Systems Manager on whose behalf it assumes roles, by how the sixth part of the ARN begins.
_SOURCES = {
    "*": "everything in Systems Manager",
    "automation-execution/*": "automation executions",
    "managed-instance/*": "managed nodes",
    "cloud-connector/*": "cloud connectors",
    "maintenancewindow/*": "maintenance windows",
}


# What is the same in every deployment of a template. A source may be of any account or Region if there is none.
_OWN = {
    reference("AWS::AccountId"): "this account",
    reference("AWS::Region"): "this Region",
    "*": "every account",
    "": "every Region",
}


def condition_words(conditions: Sequence[Condition]) -> list[Words]:
    """Return what a set of conditions says, one entry for each.

    Args:
        conditions: The conditions, all of which must be met.
    """
    return [_one(each) for each in conditions]


def _one(condition: Condition) -> Words:
    values = [shown(each) for each in condition.values]
    suffix = ", or is missing" if condition.is_if_exists else ""
    if condition.comparison == "null":
        is_missing = "true" in [each.lower() for each in values]
        return ("if ", Code(condition.written_key), " is missing" if is_missing else " is present")
    if condition.key == "aws:multifactorauthpresent" and [each.lower() for each in values] == ["true"]:
        return (f"with multi-factor authentication{suffix}",)
    if not condition.is_negated and not suffix and values:
        if condition.key == "aws:sourcearn":
            return _sources(condition.values)
        if condition.key == "aws:sourceaccount":
            return (f"for {' or '.join(_account(each) for each in condition.values)}",)
        phrase = _PHRASES.get(condition.key)
        if phrase is not None:
            return (f"{phrase} ", *listed(values, "or"))
    comparison = _COMPARISONS.get(condition.comparison, condition.operator)
    return (
        "if ",
        Code(condition.written_key),
        f" {comparison} ",
        *(listed(values, "or") or ("one of no values",)),
        suffix,
    )


def _sources(values: Sequence[str]) -> Words:
    """Return what the ARNs of sources say: as words if all of them are known, or the ARNs."""
    found: dict[str, list[str]] = {}
    for value in values:
        parts = split_arn(value)
        what = _SOURCES.get(parts[5]) if len(parts) == 6 and parts[2] == "ssm" else None
        if what is None:
            return ("for ", *listed([shown(each) for each in values], "or"))
        account = _account(parts[4])
        found.setdefault(f"for {what} of {account} in ", []).append(_region(parts[3]))
    words: list[str | Code] = []
    for phrase, regions in found.items():
        words += [*([" or "] if words else []), phrase, " or ".join(dict.fromkeys(regions))]
    return tuple(words)


def _account(text: str) -> str:
    return _OWN.get(text, f"account {shown(text)}")


def _region(text: str) -> str:
    return _OWN.get(text, shown(text)) if text != "*" else "every Region"
