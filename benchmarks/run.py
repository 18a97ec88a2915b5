"""Compare the library with hand-written aws-cdk-lib code, print the results and write them to README.md.

The benchmarks require Linux, because they read /proc. A missed target is shown in the table, but isn't an error. If the
hand-written code creates a different template, the command fails.
"""

import argparse
import os
import time

from benchmarks import ensured_roles, every_service_role, import_cost, many_hybrid_roles, sample_app
from benchmarks.machine import circumstances
from benchmarks.report import markdown, write_section


def main() -> None:
    """Run all benchmarks, which takes up to 5 minutes on an idle machine."""
    parser = argparse.ArgumentParser(description="Compare the library with hand-written aws-cdk-lib code.")
    parser.add_argument("--quick", action="store_true", help="run fewer rounds, and don't write README.md")
    quick: bool = parser.parse_args().quick
    load_before = os.getloadavg()[0]
    started = time.monotonic()
    findings = [
        sample_app.measure(at_most=3 if quick else 16, seconds=65),
        many_hybrid_roles.measure(
            at_most=1 if quick else 6, seconds=45, memory_pairs=2 if quick else 3, memory_seconds=10
        ),
        every_service_role.measure(at_most=2 if quick else 4, seconds=30),
        import_cost.measure(at_most=3 if quick else 12, seconds=15),
        ensured_roles.measure(at_most=2 if quick else 6, seconds=10),
    ]
    found = markdown(findings, circumstances(load_before, time.monotonic() - started))
    print(found)
    if not quick:
        write_section("run", found)


if __name__ == "__main__":
    main()
