"""Commands of which the duration and the peak memory are measured from outside."""

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

from benchmarks.processes.peak_memory import peak_kilobytes_of

_SECONDS_BETWEEN_SAMPLES = 0.01


@dataclass(frozen=True)
class Watched:
    """The result of a command.

    Attributes:
        output: Its standard output.
        errors: Its standard error.
        seconds: Its duration in seconds.
        peak_kilobytes: The peak memory of the process and of the other programs that it ran.
    """

    output: str
    errors: str
    seconds: float
    peak_kilobytes: float


def watch(command: Sequence[str], *, folder: Path, environment: Mapping[str, str]) -> Watched:
    """Run a command, whatever its exit code is.

    Args:
        command: The program and its arguments.
        folder: The folder to run it in.
        environment: Its environment variables.
    """
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        with (
            subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=errors) as process,
            _sampling(process.pid) as samples,
        ):
            process.wait()
            seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        return Watched(output.read(), errors.read(), seconds, max(samples))


@contextlib.contextmanager
def _sampling(process: int) -> Iterator[list[int]]:
    """Take samples of the memory of a process in the meantime."""
    samples = [0]
    ended = Event()

    def sample() -> None:
        while not ended.wait(_SECONDS_BETWEEN_SAMPLES):
            with contextlib.suppress(OSError):  # The process or its child has ended.
                samples.append(peak_kilobytes_of(process))

    thread = Thread(target=sample)
    thread.start()
    yield samples
    ended.set()
    thread.join()
