"""Measure the command ``ssm-roles``, compare it with other tools, print the results and write them to README.md.

Each measurement is a whole process. A missed target is shown in the table, but isn't an error. If another
tool reports something that has no judgment in audit_mistakes.py, the command fails.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import audit_comparison, audit_templates
from benchmarks.alternation import Distribution, rounds
from benchmarks.machine import circumstances
from benchmarks.report import Findings, Row, markdown, milliseconds_row, write_section

_TEMPLATES = 1_000


def main() -> None:
    """Run all measurements, which takes two minutes on an idle machine."""
    parser = argparse.ArgumentParser(description="Measure the command ssm-roles.")
    parser.add_argument("--quick", action="store_true", help="run fewer rounds, and don't write README.md")
    quick: bool = parser.parse_args().quick
    load_before = os.getloadavg()[0]
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        findings = [measure(Path(folder), at_most=3 if quick else 15) for measure in MEASUREMENTS]
    found = markdown(findings, circumstances(load_before, time.monotonic() - started))
    print(found)
    if not quick:
        write_section("audit", found)


def measure_start(folder: Path, *, at_most: int) -> Findings:
    """Measure processes that have next to nothing to do.

    Args:
        folder: An empty folder.
        at_most: The maximum number of processes of each kind.
    """
    audit_templates.write(folder / "one", 1)
    cases = {
        "Listing the checks, `ssm-roles rules`": ["rules"],
        "Checking one template": ["check", str(folder / "one")],
    }
    findings = Findings()
    for what, arguments in cases.items():
        taken = _durations(arguments, at_most=at_most)
        findings.rows.append(milliseconds_row(f"{what} ({len(taken)} processes)", Distribution.of(taken), 150))
    return findings


def measure_many(folder: Path, *, at_most: int) -> Findings:
    """Measure the check of many templates.

    Args:
        folder: A folder to write the templates to.
        at_most: The maximum number of processes.
    """
    size = audit_templates.write(folder / "many", _TEMPLATES)
    taken = _durations(["check", str(folder / "many")], at_most=at_most)
    values = Distribution.of([each / 1000 for each in taken])
    row = Row(
        f"Checking {_TEMPLATES:,} templates with {size / 2**20:.0f} MiB, JSON and YAML ({len(taken)} processes)",
        "at most 5 s",
        f"{values.median:.2f} s",
        f"{values.lower_quartile:.2f} to {values.upper_quartile:.2f}, minimum {values.minimum:.2f}",
        values.median <= 5,
    )
    return Findings([row])


MEASUREMENTS: list[Callable[..., Findings]] = [measure_start, measure_many, audit_comparison.measure]
"""What is measured, in the order of the table."""


def _durations(arguments: Sequence[str], *, at_most: int) -> list[float]:
    """Run the command several times, and return the durations in milliseconds."""
    command = [sys.executable, "-m", "ssm_roles", *arguments]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # This writes the bytecode files.
    taken = []
    for _ in rounds(at_most, seconds=30):
        started = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        taken.append((time.perf_counter() - started) * 1000)
    return taken


if __name__ == "__main__":
    main()
