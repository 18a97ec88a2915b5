"""What policies allow, in words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..._facts.managed_policies import MANAGED_POLICIES, managed_policy_page
from ..._facts.service_names import SERVICE_NAMES
from ..intrinsics import has_wildcard, reference, referenced, shown, split_arn
from ..policies import Condition, Statement
from ..template import ManagedPolicy
from .action_words import ActionWords, access, words_of
from .condition_words import condition_words
from .words import Words, listed, services_in_words

_EVERYTHING = ("*", "*:*")
_PASS, _PASSED_TO = "iam:passrole", "iam:passedtoservice"
_AWS_POLICY = re.compile(r"arn:.+:iam::aws:policy/(.+/)?([^/]+)")


@dataclass(frozen=True)
class Permission:
    """Something that a principal may do, or may not do.

    Attributes:
        words: What it is.
        conditions: Under which conditions, one entry for each.
        actions: The actions, as the policy has them.
        is_denied: Whether a statement denies it.
    """

    words: Words
    conditions: tuple[Words, ...] = ()
    actions: tuple[str, ...] = ()
    is_denied: bool = False


@dataclass(frozen=True)
class PolicyWords:
    """A managed policy that is attached.

    Attributes:
        name: The name.
        phrases: What it allows; empty if that isn't known.
        page: The page of AWS about it, or None if it isn't of AWS.
    """

    name: str
    phrases: tuple[str, ...]
    page: str | None


def managed_policy_words(policies: Iterable[ManagedPolicy], known: Collection[str]) -> list[PolicyWords]:
    """Return what managed policies allow.

    Args:
        policies: The policies.
        known: The logical IDs of the template, whose policies are described by their statements.
    """
    found: dict[str, PolicyWords] = {}
    for policy in policies:
        if any(each.split(".")[0] in known for each in referenced(policy.arn)) and policy.arn.startswith("\ue000"):
            continue
        text = shown(policy.arn)
        of_aws = _AWS_POLICY.fullmatch(text)
        # AWS SAM takes names of policies, too.
        name = text if of_aws is None else of_aws.group(2)
        is_known = bool(re.fullmatch(r"[\w-]+", name)) and (of_aws is not None or name in MANAGED_POLICIES)
        page = managed_policy_page(name) if is_known else None
        found.setdefault(text, PolicyWords(name, MANAGED_POLICIES.get(name, ()) if is_known else (), page))
    return [*found.values()]


def permissions(statements: Iterable[Statement], known: Collection[str]) -> list[Permission]:
    """Return what statements allow and deny, in words, broad permissions first.

    Args:
        statements: The statements.
        known: The logical IDs of the template.
    """
    found: dict[tuple[Words, tuple[Words, ...], bool], list[str]] = {}
    for statement in statements:
        for each in _of_statement(statement, known):
            found.setdefault((each.words, each.conditions, each.is_denied), []).extend(each.actions)
    merged = [
        Permission(words, conditions, tuple(dict.fromkeys(actions)), is_denied)
        for (words, conditions, is_denied), actions in found.items()
    ]
    return sorted(merged, key=lambda each: each.is_denied)


def _of_statement(statement: Statement, known: Collection[str]) -> Iterator[Permission]:
    is_denied = not statement.allows
    name = "NotAction" if statement.excludes_actions else "Action"
    actions = [shown(each) for each in dict.fromkeys(statement.values.texts(statement.body.get(name)))]
    resources = _Resources(statement, known)
    if statement.excludes_actions:
        words: Words = ("Do everything but ", *listed(actions), *resources.after())
        yield Permission(words, _conditions(statement, ()), (), is_denied)
        return
    unknown: dict[str, list[str]] = {}
    described: dict[tuple[str, ...], dict[ActionWords, list[str]]] = {}
    for action in actions:
        lower = action.lower()
        service, _, pattern = lower.partition(":")
        if lower in _EVERYTHING:
            yield Permission(
                ("Do everything", *resources.after("in the account")), _conditions(statement, ()), (action,), is_denied
            )
        elif pattern == "*":
            everything = f"Do everything in {SERVICE_NAMES.get(service, service)}"
            yield Permission((everything, *resources.after()), _conditions(statement, ()), (action,), is_denied)
        elif not (found := words_of(lower)):
            unknown.setdefault(service, []).append(action)
        else:
            for each in found:
                described.setdefault(each.noun, {}).setdefault(each, []).append(action)
    for same in described.values():
        passes = any(_PASS in each.actions for each in same)
        words = (*resources.words([*same]), *(_services(statement) if passes else ()))
        of_action = tuple(dict.fromkeys(action for each in same.values() for action in each))
        yield Permission(words, _conditions(statement, (_PASSED_TO,) if passes else ()), of_action, is_denied)
    for service, others in unknown.items():
        kinds = [
            kind
            for kind in ("read", "change", "tag", "change permissions")
            if kind in {access(each.lower()) for each in others}
        ]
        words = (f"{SERVICE_NAMES.get(service, service)}: {', '.join(kinds)}", *resources.after())
        yield Permission(words, _conditions(statement, ()), tuple(others), is_denied)


class _Resources:
    """The resources of a statement, in words."""

    def __init__(self, statement: Statement, known: Collection[str]) -> None:
        self._excludes = statement.excludes_resources
        texts = statement.values.texts(statement.body.get("NotResource")) if self._excludes else statement.resources
        self._texts = [*dict.fromkeys(texts)]
        self._known = known

    def words(self, same: Sequence[ActionWords]) -> Words:
        """Return what actions with the same noun do with the resources."""
        first = same[0]
        verbs = [*dict.fromkeys(each.verb for each in same)]
        verb = _joined(verbs, first.preposition if first.every else "")
        if first.named and not first.every:
            return (f"{first.named}: {verb[0].lower()}{verb[1:]}",)
        if not first.every or not self._texts:
            return (verb,)
        if self._excludes:
            return (f"{verb} every {first.every}, but not ", *listed(self._names()))
        if any(_is_all(text, first.resource) for text in self._texts):
            return (f"{verb} every {first.every}",)
        if first.named.endswith(" on"):
            return (f"{verb} {first.named} ", *listed(self._names()))
        is_one = len(self._texts) == 1 and not has_wildcard(self._texts[0])
        noun = f"the {first.named if is_one else _plural(first.named)} " if first.named else ""
        return (f"{verb} {noun}", *listed(self._names()))

    def after(self, everywhere: str = "") -> Words:
        """Return the resources to put after a verb."""
        if self._excludes:
            return (", on everything but ", *listed(self._names()))
        if "*" in self._texts or not self._texts:
            return (f" {everywhere}",) if everywhere else ()
        return (", on ", *listed(self._names()))

    def _names(self) -> list[str]:
        return [_name(text, self._known) for text in self._texts]


def _joined(verbs: Sequence[str], preposition: str) -> str:
    """Return verbs as one phrase, with their preposition only at the end, as in "Encrypt and decrypt with"."""
    *others, last = [verbs[0], *(each[0].lower() + each[1:] for each in verbs[1:])]
    if not others:
        return last
    return f"{', '.join(each.removesuffix(f' {preposition}') for each in others)} and {last}"


def _plural(noun: str) -> str:
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"


def _is_all(text: str, resource: str) -> bool:
    parts = split_arn(text)
    if text == "*":
        return True
    return (
        len(parts) == 6 and parts[5] in ("*", f"{resource}/*", f"{resource}:*") and (bool(resource) or parts[5] == "*")
    )


def _name(text: str, known: Collection[str]) -> str:
    """Return how people call a resource: without the parts of its ARN that every ARN of the account has."""
    names = referenced(text)
    if len(names) == 1 and text == reference(names[0]):
        logical_id = names[0].split(".")[0]
        return logical_id if logical_id in known else names[0]
    parts = split_arn(text)
    if len(parts) == 6 and parts[0] == "arn" and parts[5] and _is_own(parts[3]) and _is_own(parts[4]):
        return shown(parts[5])
    return shown(text)


def _is_own(part: str) -> bool:
    return part in ("", "*") or part in (reference("AWS::Region"), reference("AWS::AccountId"))


def _services(statement: Statement) -> Words:
    """Return to which services a role may be passed."""
    found = [each for each in statement.conditions if each.key == _PASSED_TO and each.comparison != "null"]
    if not found:
        return (" to any service",)
    if any(each.is_negated for each in found):
        return (" to every service but ", *listed([shown(value) for each in found for value in each.values]))
    return (f" to {services_in_words(value for each in found for value in each.values)}",)


def _conditions(statement: Statement, but: Sequence[str]) -> tuple[Words, ...]:
    sets = [[each for each in one if each.key not in but] for one in statement.condition_sets]
    if len(sets) > 1 and any(not one for one in sets):
        return ()
    first: list[Condition] = sets[0] if sets else []
    return tuple(condition_words(first))
