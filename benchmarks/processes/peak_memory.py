"""The peak memory of this process and its Node.js process.

The values come from /proc, because a child process inherits the maximum of ``getrusage`` from its parent.
"""

from pathlib import Path


def peak_kilobytes() -> dict[str, int]:
    """Return the peak resident set sizes of the Python process and of its descendants, which run Node.js."""
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
