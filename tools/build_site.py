"""Build the site of the documentation into site/, and fail on every warning."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def build(folder: Path = ROOT) -> tuple[int, str]:
    """Build the site of a folder, and return the exit code, which is 1 for a warning, and the output.

    Args:
        folder: Has mkdocs.yml. Default: - the repository
    """
    # The option --strict stops at the first page with a warning, and ignores those of mkdocstrings and Griffe.
    run = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--clean"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        check=False,
    )
    output = _COLOR.sub("", run.stdout)
    warned = re.search("^ *(warning|error)", output, flags=re.IGNORECASE | re.MULTILINE)
    return run.returncode or int(warned is not None), output


def main() -> int:
    """Build the site and return the exit code."""
    if shutil.which("zensical") is None:
        print("Zensical requires Python 3.11 or later: make PYTHON=python3.12 docs")
        return 1
    code, output = build()
    print(output, end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
