"""Call the function that ensures roles with the event on standard input, and print the durations in milliseconds.

As in a new execution environment of AWS Lambda, no module is imported and the function isn't compiled.
"""

import contextlib
import importlib
import json
import sys
import time


class Context:
    """The context object of an invocation."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def main() -> None:
    event = json.load(sys.stdin)
    sys.path.insert(0, sys.argv[1])
    started = time.perf_counter()
    importlib.import_module("boto3")
    boto3_there = time.perf_counter()
    sys.dont_write_bytecode = True
    function = importlib.import_module("functions.ensure_service_linked_role")
    imported = time.perf_counter()
    with contextlib.redirect_stdout(sys.stderr):
        answer = function.handler(event, Context())
    called = time.perf_counter()
    milliseconds = {
        "boto3": (boto3_there - started) * 1e3,
        "module": (imported - boto3_there) * 1e3,
        "call": (called - imported) * 1e3,
    }
    print(json.dumps({"answer": answer, "milliseconds": milliseconds}))


if __name__ == "__main__":
    main()
