"""Two things measured in turn, A B B A A B: what else the machine does meanwhile hits both alike."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_FEWEST_ROUNDS = 2


@dataclass(frozen=True)
class Distribution:
    """The middle of some measured values, and the quarters around it."""

    median: float
    lower_quartile: float
    upper_quartile: float
    minimum: float

    @staticmethod
    def of(values: Sequence[float]) -> "Distribution":
        """Describe the values, at least two."""
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return Distribution(median, lower, upper, min(values))


@dataclass(frozen=True)
class Ratio:
    """How one thing compares to another that was measured right before or after it, many times.

    Attributes:
        pairs: The ratios of the neighbours.
        of_minimums: The ratio of the least values of both: what is left when nothing else runs.
    """

    pairs: Distribution
    of_minimums: float

    @staticmethod
    def of(measured: Sequence[float], reference: Sequence[float]) -> "Ratio":
        """Compare values that were measured in turn."""
        pairs = [one / other for one, other in zip(measured, reference, strict=True)]
        return Ratio(Distribution.of(pairs), min(measured) / min(reference))


def rounds(at_most: int, seconds: float) -> Iterator[int]:
    """Count the rounds of an alternation, until there were enough or the time is up.

    Args:
        at_most: The number of rounds on a machine that has nothing else to do.
        seconds: After which no new round begins, but for the first two.
    """
    deadline = time.monotonic() + seconds
    for number in range(at_most):
        if number >= _FEWEST_ROUNDS and time.monotonic() > deadline:
            return
        yield number


def alternate(
    measure: Callable[[], T], reference: Callable[[], T], *, at_most: int, seconds: float
) -> tuple[list[T], list[T]]:
    """Measure two things in turn, each as often as the other, each as often the first of a pair."""
    measured: list[T] = []
    references: list[T] = []
    for number in rounds(at_most, seconds):
        turns = [(measured, measure), (references, reference)]
        for values, take in turns if number % 2 == 0 else reversed(turns):
            values.append(take())
    return measured, references
