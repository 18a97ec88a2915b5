"""Alternating measurements, A B B A A B, so that other load on the machine affects both sides equally."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_FEWEST_ROUNDS = 2


@dataclass(frozen=True)
class Distribution:
    """The median, the quartiles and the minimum of measured values."""

    median: float
    lower_quartile: float
    upper_quartile: float
    minimum: float

    @staticmethod
    def of(values: Sequence[float]) -> "Distribution":
        """Summarize at least two values."""
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return Distribution(median, lower, upper, min(values))


@dataclass(frozen=True)
class Ratio:
    """The ratio of two sides that were measured alternately.

    Attributes:
        pairs: The ratios of successive measurements.
        of_minimums: The ratio of the minimums of both sides, which other load affects least.
    """

    pairs: Distribution
    of_minimums: float

    @staticmethod
    def of(measured: Sequence[float], reference: Sequence[float]) -> "Ratio":
        """Compare values that were measured alternately."""
        pairs = [one / other for one, other in zip(measured, reference, strict=True)]
        return Ratio(Distribution.of(pairs), min(measured) / min(reference))


def rounds(at_most: int, seconds: float) -> Iterator[int]:
    """Count the rounds of a benchmark until the number of rounds or the time limit is reached.

    Args:
        at_most: The maximum number of rounds.
        seconds: The time in seconds after which no new round starts. The first two rounds always run.
    """
    deadline = time.monotonic() + seconds
    for number in range(at_most):
        if number >= _FEWEST_ROUNDS and time.monotonic() > deadline:
            return
        yield number


def alternate(
    measure: Callable[[], T], reference: Callable[[], T], *, at_most: int, seconds: float
) -> tuple[list[T], list[T]]:
    """Measure two sides alternately. Each side is the first of every second pair."""
    measured, references = take_turns([measure, reference], at_most=at_most, seconds=seconds)
    return measured, references


def take_turns(sides: Sequence[Callable[[], T]], *, at_most: int, seconds: float) -> list[list[T]]:
    """Measure several sides in turns, in the opposite order in every second round. Return the values of each side."""
    values: list[list[T]] = [[] for _ in sides]
    for number in rounds(at_most, seconds):
        turns = list(zip(values, sides, strict=True))
        for taken, take in turns if number % 2 == 0 else reversed(turns):
            taken.append(take())
    return values
