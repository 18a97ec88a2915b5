"""Build the constructs of service_roles.py, and an app with all of them, and print the durations in seconds.

The library and the hand-written code must create the same template. The script compares them before it measures.
"""

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

import jsii
from aws_cdk import App, Stack
from jsii._kernel.providers.process import ProcessProvider

from benchmarks.service_roles import ONCE, WAYS, Surroundings, Way

_COUNT = 20
_IN_TURN = 5
_TOGETHER = "all"
# Building one app takes so little time that its durations vary more than those of twenty constructs.
_REPEATS = 6
_NEIGHBOURS = WAYS["HybridServiceRole"]


@dataclass(frozen=True)
class Case:
    """The constructs to build with both sides, and their number."""

    ways: Sequence[Sequence[Way]]
    count: int
    once: bool = False
    """Whether each construct needs its own stack. The stack then contains another construct, which isn't timed."""


def build(case: Case, turn: int, *, synthesize: bool) -> tuple[list[float], list[float], list[Any]]:
    """Build a stack with each side, a few constructs alternately.

    Args:
        case: The constructs to build.
        turn: The side that starts.
        synthesize: Whether to synthesize the stacks.

    Returns:
        The durations of each side in seconds, without and with synthesis, and the templates.
    """
    with tempfile.TemporaryDirectory() as folder:
        apps = [App(outdir=str(Path(folder) / str(number))) for number in range(len(case.ways))]
        places = [_places(app, case, neighbour) for app, neighbour in zip(apps, _NEIGHBOURS, strict=True)]
        order = [(number + turn) % len(case.ways) for number in range(len(case.ways))]
        built = [0.0] * len(case.ways)
        gc.collect()
        for first in range(0, case.count, _IN_TURN):
            for number in order:
                started = time.perf_counter()
                for index in range(first, min(first + _IN_TURN, case.count)):
                    for kind, make in enumerate(case.ways[number]):
                        make(places[number][index], f"Role{kind}x{index}")
                built[number] += time.perf_counter() - started
        synthesized = [*built]
        templates: list[Any] = [None] * len(case.ways)
        for number in order if synthesize else []:
            gc.collect()
            started = time.perf_counter()
            assembly = apps[number].synth()
            synthesized[number] += time.perf_counter() - started
            templates[number] = [stack.template for stack in assembly.stacks]
        return built, synthesized, templates


def _places(app: App, case: Case, neighbour: Way) -> Sequence[Surroundings]:
    if not case.once:
        return [Surroundings.of(Stack(app, "Stack"))] * case.count
    places = [Surroundings.of(Stack(app, f"Stack{index}")) for index in range(case.count)]
    for place in places:
        neighbour(place, "Neighbour")
    return places


def count_calls(ways: Sequence[Way], *, once: bool) -> list[list[int]]:
    """Count the calls into Node.js of the first and of the second construct of a stack, for each side."""
    found = []
    for make, neighbour in zip(ways, _NEIGHBOURS, strict=True):
        app = App()
        places = [Surroundings.of(Stack(app, "Stack"))] * 2
        if once:
            places[1] = Surroundings.of(Stack(app, "Another"))
            neighbour(places[1], "Neighbour")
        found.append([_calls(make, place, f"Role{index}") for index, place in enumerate(places)])
    return found


def _calls(make: Way, place: Surroundings, id: str) -> int:
    process = cast(ProcessProvider, jsii.kernel.provider)._process
    with patch.object(process, "send", wraps=process.send) as send:
        make(place, id)
    return send.call_count


def cases() -> Mapping[str, Case]:
    """Return the cases by name."""
    found = {
        name: Case([[library], [handwritten]], _COUNT, name in ONCE) for name, (library, handwritten) in WAYS.items()
    }
    return {**found, _TOGETHER: Case([[pair[number] for pair in WAYS.values()] for number in range(2)], 1)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the number of the first round, which sets the order")
    arguments = parser.parse_args()
    for name, case in cases().items():
        _, _, (one, other) = build(replace(case, count=1 if case.once else min(case.count, 2)), 0, synthesize=True)
        if one != other or not all(template["Resources"] for template in one):
            raise SystemExit(f"hand-written code must create the template of {name}, got a different one")
    calls = {name: count_calls(ways, once=name in ONCE) for name, ways in WAYS.items()}
    gc.collect()
    gc.freeze()
    times = []
    for number in range(arguments.first, arguments.first + arguments.rounds):
        for name, case in cases().items():
            for repeat in range(_REPEATS if name == _TOGETHER else 1):
                built, synthesized, _ = build(case, (number + repeat) % 2, synthesize=name == _TOGETHER)
                times.append({"name": name, "built": built, "synthesized": synthesized})
    print(json.dumps({"calls": calls, "times": times}))


if __name__ == "__main__":
    main()
