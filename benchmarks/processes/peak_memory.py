"""The most memory that this process and its Node.js have used so far.

It comes from /proc rather than from ``getrusage``, whose maximum a child inherits from the process that started it.
"""

from pathlib import Path


def peak_kilobytes() -> dict[str, int]:
    """Return the peak resident set of the Python process, and of all that it started: Node.js, which runs another."""
    return {"python": _high_water_mark("self"), "node": sum(map(_high_water_mark, _descendants("self")))}


def _descendants(process: str) -> list[str]:
    children = [
        child
        for thread in Path(f"/proc/{process}/task").iterdir()
        for child in (thread / "children").read_text(encoding="ascii").split()
    ]
    return [*children, *(descendant for child in children for descendant in _descendants(child))]


def _high_water_mark(process: str) -> int:
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1])
