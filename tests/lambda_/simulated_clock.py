"""A clock for the functions and for the services that they call."""

import time
from collections.abc import Callable


class SimulatedClock:
    """A clock on which pauses end immediately.

    Args:
        pace: The share of a pause that passes in real time. Default: 0

    Attributes:
        in_pauses: What to do in each pause.
    """

    def __init__(self, pace: float = 0.0) -> None:
        self.now = 1000.0
        self._epoch = float(int(time.time())) - self.now
        self.pace = pace
        self.pauses: list[float] = []
        self.in_pauses: Callable[[], None] = lambda: None

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch + self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0, seconds
        self.now += seconds
        self.pauses.append(seconds)
        if self.pace > 0:
            time.sleep(seconds * self.pace)
        self.in_pauses()
