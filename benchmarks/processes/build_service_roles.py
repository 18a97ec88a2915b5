"""Build each service role construct, and one app with all of them, in the ways of service_roles.py; print the seconds.

The ways must give the same template, which is compared before anything is timed.
"""

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack

from benchmarks.service_roles import WAYS, Surroundings, Way

_COUNT = 20
_IN_TURN = 5
_TOGETHER = "all"


def build(ways: Sequence[Sequence[Way]], count: int, turn: int) -> tuple[list[float], list[float], list[Any]]:
    """Build a stack in each way, some constructs in turn.

    Args:
        ways: For each way, what makes one construct, for each construct.
        count: How many there are of each construct.
        turn: Which way begins.

    Returns:
        The seconds of each way without and with synthesis, and the templates.
    """
    with tempfile.TemporaryDirectory() as folder:
        apps = [App(outdir=str(Path(folder) / str(number))) for number in range(len(ways))]
        places = [Surroundings.of(Stack(app, "Stack")) for app in apps]
        order = [(number + turn) % len(ways) for number in range(len(ways))]
        built = [0.0] * len(ways)
        gc.collect()
        for first in range(0, count, _IN_TURN):
            for number in order:
                started = time.perf_counter()
                for index in range(first, min(first + _IN_TURN, count)):
                    for kind, make in enumerate(ways[number]):
                        make(places[number], f"Role{kind}x{index}")
                built[number] += time.perf_counter() - started
        synthesized = [*built]
        templates: list[Any] = [None] * len(ways)
        for number in order:
            gc.collect()
            started = time.perf_counter()
            assembly = apps[number].synth()
            synthesized[number] += time.perf_counter() - started
            templates[number] = assembly.get_stack_by_name("Stack").template
        return built, synthesized, templates


def cases() -> Mapping[str, tuple[list[list[Way]], int]]:
    """Return what is built, by name: the makers of each way, and how many of each."""
    found = {name: ([[library], [handwritten]], _COUNT) for name, (library, handwritten) in WAYS.items()}
    every = [[pair[number] for pair in WAYS.values()] for number in range(2)]
    return {**found, _TOGETHER: (every, 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round, which turns the order")
    arguments = parser.parse_args()
    for name, (ways, _) in cases().items():
        _, _, (one, other) = build(ways, 2, 0)
        if one != other or not one["Resources"]:
            raise SystemExit(f"hand-written code does not give the template of {name}: the times would mean nothing")
    gc.collect()
    gc.freeze()
    times = []
    for number in range(arguments.first, arguments.first + arguments.rounds):
        for name, (ways, count) in cases().items():
            built, synthesized, _ = build(ways, count, number % 2)
            times.append({"name": name, "built": built, "synthesized": synthesized})
    print(json.dumps({"times": times}))


if __name__ == "__main__":
    main()
