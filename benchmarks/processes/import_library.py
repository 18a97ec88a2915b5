"""Import the modules of hand-written code, then optionally ``ssm_roles`` or every name of it, and print the cost."""

import json
import sys
import time

import aws_cdk  # noqa: F401
import constructs  # noqa: F401
from aws_cdk import aws_iam  # noqa: F401

from benchmarks.processes.peak_memory import peak_kilobytes

if __name__ == "__main__":
    started = time.perf_counter()
    if sys.argv[1] != "nothing":
        import ssm_roles

        if sys.argv[1] == "every name":
            for name in ssm_roles.__all__:
                getattr(ssm_roles, name)
    milliseconds = (time.perf_counter() - started) * 1e3
    print(json.dumps({"milliseconds": milliseconds, **peak_kilobytes()}))
