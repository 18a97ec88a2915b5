"""Run a command that ends with the process that started it, even if that is killed.

    python -m live.watched COMMAND...

The process that starts it holds the other end of its standard input.
"""

import os
import signal
import subprocess
import sys
import threading


def _end_with_parent() -> None:
    # Reading through a buffer would hold a lock at the end of this process.
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the command of the arguments in this process group."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(subprocess.run(sys.argv[1:], stdin=subprocess.DEVNULL, check=False).returncode)


if __name__ == "__main__":
    main()
