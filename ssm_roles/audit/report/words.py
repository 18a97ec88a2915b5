"""Sentences with names in them, such as those of roles, which the page shows in another font."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..._facts.service_names import service_of_principal
from ..intrinsics import shown


@dataclass(frozen=True)
class Code:
    """A name, an ARN or another text that stands for itself."""

    text: str


Words = tuple[str | Code, ...]
"""A part of a sentence."""

_MOST_NAMES = 8


def listed(names: Sequence[str], conjunction: str = "and") -> Words:
    """Return names as ``a, b and c``, of which some are left out if there are many.

    Args:
        names: The names.
        conjunction: The word before the last name.
    """
    kept = [*dict.fromkeys(names)]
    more = len(kept) - _MOST_NAMES
    if more > 1:
        kept = kept[:_MOST_NAMES]
    words: list[str | Code] = []
    for index, name in enumerate(kept):
        if index:
            is_last = index == len(kept) - 1 and more <= 1
            words.append(f" {conjunction} " if is_last else ", ")
        words.append(Code(name))
    return (*words, f" {conjunction} {more} more") if more > 1 else tuple(words)


def services_in_words(principals: Iterable[str]) -> str:
    """Return the names of services as ``a or b``, or their service principals if the names aren't known.

    Args:
        principals: The service principals.
    """
    texts = [shown(each) for each in principals]
    return " or ".join(dict.fromkeys(service_of_principal(each) or each for each in texts))


def plain(words: Words) -> str:
    """Return a part of a sentence without fonts."""
    return "".join(each.text if isinstance(each, Code) else each for each in words)
