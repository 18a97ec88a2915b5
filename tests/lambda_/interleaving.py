"""Concurrent runs of functions, whose AWS calls are interleaved in a given, reproducible order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from .in_process_aws import InProcessAws

_LONGEST_SECONDS = 60.0


class _Runner(threading.Thread):
    def __init__(self, run: Callable[[], object], parked: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self._run = run
        self._parked = parked
        self.goes = threading.Semaphore(0)
        self.has_ended = False
        self.error: BaseException | None = None

    def run(self) -> None:
        self.goes.acquire()
        try:
            self._run()
        except BaseException as error:
            self.error = error
        finally:
            self.has_ended = True
            self._parked.release()

    def park(self) -> None:
        self._parked.release()
        self.goes.acquire()


def interleave(aws: InProcessAws, runs: Sequence[Callable[[], object]], choices: Sequence[int]) -> None:
    """Carry out runs concurrently: before each AWS call and in each pause, another run can continue.

    Args:
        aws: The AWS that the runs call.
        runs: The functions to run.
        choices: The run that continues at each point, by number. After the last choice, the runs take turns.
    """
    parked = threading.Semaphore(0)
    runners = [_Runner(run, parked) for run in runs]

    def park() -> None:
        runner = threading.current_thread()
        if isinstance(runner, _Runner):
            runner.park()

    before, pausing = aws.before_call, aws.clock.in_pauses
    aws.before_call = aws.clock.in_pauses = park
    try:
        for runner in runners:
            runner.start()
        turn = 0
        while alive := [runner for runner in runners if not runner.has_ended]:
            runner = alive[(choices[turn] if turn < len(choices) else turn) % len(alive)]
            turn += 1
            runner.goes.release()
            assert parked.acquire(timeout=_LONGEST_SECONDS), "a run neither calls AWS nor ends"
    finally:
        aws.before_call, aws.clock.in_pauses = before, pausing
    for runner in runners:
        if runner.error is not None:
            raise runner.error
