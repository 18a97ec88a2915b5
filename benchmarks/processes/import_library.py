"""Import the modules of hand-written code, then optionally ``ssm_roles``, and print the duration and peak memory."""

import json
import sys
import time

import aws_cdk  # noqa: F401
import constructs  # noqa: F401
from aws_cdk import aws_iam  # noqa: F401

from benchmarks.processes.peak_memory import peak_kilobytes

if __name__ == "__main__":
    started = time.perf_counter()
    if sys.argv[1] == "library":
        import ssm_roles  # noqa: F401
    milliseconds = (time.perf_counter() - started) * 1e3
    print(json.dumps({"milliseconds": milliseconds, **peak_kilobytes()}))
