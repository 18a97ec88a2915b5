"""The peak memory of a process and its descendants.

The values come from /proc, because a child process inherits the maximum of ``getrusage`` from its parent.
"""

from pathlib import Path


def peak_kilobytes() -> dict[str, int]:
    """Return the peak resident set sizes of the Python process and of its descendants, which run Node.js."""
    return {"python": _high_water_mark("self"), "node": sum(map(_high_water_mark, _descendants("self")))}


def peak_kilobytes_of(process: int) -> int:
    """Return the peak resident set sizes of another process and of the other programs that it runs.

    Descendants that run the same program are forks, which share the memory of the process.

    Args:
        process: The ID of the process.

    Raises:
        OSError: A process has ended in the meantime.
    """
    measured = str(process)
    others = [each for each in _descendants(measured) if _program(each) != _program(measured)]
    return sum(map(_high_water_mark, [measured, *others]))


def _descendants(process: str) -> list[str]:
    children = [
        child
        for thread in Path(f"/proc/{process}/task").iterdir()
        for child in (thread / "children").read_text(encoding="ascii").split()
    ]
    return [*children, *(descendant for child in children for descendant in _descendants(child))]


def _program(process: str) -> Path:
    return Path(f"/proc/{process}/exe").readlink()


def _high_water_mark(process: str) -> int:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    # A process that has ended, but whose parent hasn't noticed it yet, has no memory.
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) if lines else 0
