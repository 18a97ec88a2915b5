"""The machine and the versions of a measurement."""

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import version
from pathlib import Path

from benchmarks.children import NODE


def circumstances(load_before: float, seconds: float) -> str:
    """Describe the machine, the versions and the date of a measurement.

    Args:
        load_before: The load average of the machine before the first measurement.
        seconds: The duration of all measurements in seconds.
    """
    node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"Measured on {date.today().isoformat()} in {seconds:.0f} s: {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, Python {platform.python_version()}, "
        f"Node.js {node.removeprefix('v')}, aws-cdk-lib {version('aws-cdk-lib')}, jsii {version('jsii')}. "
        f"Load average before the start: {load_before:.1f}."
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    names = [line.partition(":")[2].strip() for line in information.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()
